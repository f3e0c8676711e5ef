//! What is not known any more: rows that a source no longer keeps, and whom they would have been about.
//!
//! A milestone applies to entities whose whole window lies in the time that is kept: who began earlier may have reached
//! it in rows that are gone, and would look as if they never had.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::project::Definition;
use crate::project::tables::milestone::MilestoneTable;
use crate::semantic::expr::{Expr, ExprKind};
use crate::semantic::model::{
    Anchor, EntityIndex, Kpi, Measure, MeasureRelation, MilestoneIndex, Model, Occurrences, SourceIndex,
};
use crate::semantic::name::{EntityColumn, Name, ReachColumn};
use crate::semantic::settled;

/// A limit to the age of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// How old they may be, in microseconds.
    pub length: i64,
    /// The source that keeps them for so long.
    pub source: SourceIndex,
}

impl Kept {
    /// Returns the limit to the age of a source's rows; none: they may be of any age.
    fn by(model: &Model, source: SourceIndex) -> Option<Self> {
        model.source(source).retain.map(|length| Self { length, source })
    }

    /// Returns the stricter of two limits.
    fn stricter(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        one.into_iter().chain(other).min_by_key(|kept| kept.length)
    }
}

/// How old the rows may be that a milestone depends on; none: any age.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// The rows that it counts.
    pub own: Option<Kept>,
    /// The rows that the milestones count which it is made from: the strictest limit of them.
    pub below: Option<Kept>,
    /// Those of them that milestones of its members count, who may have begun before it: the strictest limit of each kind.
    pub members: BTreeMap<EntityIndex, Kept>,
}

impl Retention {
    /// Returns the limit to all rows that it depends on.
    pub fn strictest(&self) -> Option<Kept> {
        Kept::stricter(self.own, self.below)
    }
}

fn own(model: &Model, milestone: MilestoneIndex) -> Option<Kept> {
    match &model.milestone(milestone).occurrences {
        Occurrences::Events { source, .. } => Kept::by(model, *source),
        Occurrences::Reaches(_) | Occurrences::Members(_) | Occurrences::Absence(_) => None,
    }
}

/// Returns the retention of what a milestone depends on.
pub fn of_milestone(model: &Model, milestone: MilestoneIndex) -> Retention {
    if model.sources.iter().all(|source| source.retain.is_none()) {
        return Retention::default();
    }
    let entity = model.milestone(milestone).entity;
    let mut found = Retention { own: own(model, milestone), ..Retention::default() };
    let mut seen = vec![false; model.milestones.len()];
    let mut open = model.milestone(milestone).inputs();
    while let Some(input) = open.pop() {
        if std::mem::replace(&mut seen[input.0], true) {
            continue;
        }
        open.extend(model.milestone(input).inputs());
        let Some(kept) = own(model, input) else { continue };
        found.below = Kept::stricter(found.below, Some(kept));
        let child = model.milestone(input).entity;
        if child != entity
            && !begins_no_later(model, entity, child)
            && let Some(strictest) = Kept::stricter(found.members.get(&child).copied(), Some(kept))
        {
            found.members.insert(child, strictest);
        }
    }
    found
}

/// Tells whether an entity begins with the first of its members of some kind, so that none of them is older.
fn begins_no_later(model: &Model, entity: EntityIndex, member: EntityIndex) -> bool {
    let entity = model.entity(entity);
    entity.start.is_none()
        && entity.members.iter().any(|index| *index == member || begins_no_later(model, *index, member))
}

/// When a period holds all of its members, and not only those whose rows are still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whole {
    /// Whenever it was.
    Always,
    /// While it began less than so many microseconds ago.
    While(i64),
    /// Nobody knows.
    Never,
}

impl Whole {
    /// Returns when both of two are so.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Whole::Never, _) | (_, Whole::Never) => Whole::Never,
            (Whole::Always, known) | (known, Whole::Always) => known,
            (Whole::While(one), Whole::While(two)) => Whole::While(one.min(two)),
        }
    }

    /// While rows are kept that a member was counted by, which is asked of a moment that lies so long before the time by which
    /// it falls into a period; none: any time.
    fn for_members(kept: Kept, lag: Option<i64>) -> Self {
        match lag.map(|lag| kept.length.saturating_sub(lag)) {
            Some(length) if length > 0 => Whole::While(length),
            Some(_) | None => Whole::Never,
        }
    }
}

/// Returns when a period of a KPI is whole: one of a formula is where those of all its inputs are.
pub fn of_kpi(model: &Model, kpi: &Kpi) -> Whole {
    let all = settled::all_of(model, kpi);
    let measures = all.into_iter().flat_map(|kpi| kpi.value.measures());
    measures.map(|measure| of_measure(model, measure)).fold(Whole::Always, Whole::and)
}

/// Returns when a period of a measure is whole. A milestone applies to nobody whose rows are gone, and that is asked of when
/// its window began, and of when the entity began; periods may be by another time.
fn of_measure(model: &Model, measure: &Measure) -> Whole {
    match &measure.relation {
        MeasureRelation::Entity(_) => Whole::Always,
        MeasureRelation::Events(source, _) | MeasureRelation::Facts(source) => {
            Kept::by(model, *source).map_or(Whole::Always, |kept| Whole::While(kept.length))
        }
        MeasureRelation::Milestone { of, population } => {
            let by = By { model, of: *of, population: *population, time: measure.time.as_ref() };
            std::iter::once(*of).chain(*population).fold(Whole::Always, |whole, milestone| {
                let Retention { own, below, members } = of_milestone(model, milestone);
                let own = own.map(|kept| Whole::for_members(kept, by.after_anchor(milestone)));
                let below = below.map(|kept| Whole::for_members(kept, by.after_start()));
                // Members may be older than what they are members of, by any time.
                let members = (!members.is_empty()).then_some(Whole::Never);
                own.into_iter().chain(below).chain(members).fold(whole, Whole::and)
            })
        }
    }
}

/// The time by which the rows of a milestone fall into periods.
struct By<'m> {
    model: &'m Model,
    of: MilestoneIndex,
    population: Option<MilestoneIndex>,
    time: Option<&'m Expr>,
}

impl By<'_> {
    fn name(&self) -> Option<&Name> {
        self.time.and_then(|time| if let ExprKind::Column(name) = &time.kind { Some(name) } else { None })
    }

    /// Returns how long after the start of an entity it may be; none: any time.
    fn after_start(&self) -> Option<i64> {
        match self.name()? {
            Name::Entity { column: EntityColumn::Start, .. } => Some(0),
            Name::Reach(ReachColumn::AnchorAt) => match self.model.milestone(self.of).anchor {
                Anchor::Start => Some(0),
                Anchor::Reach(from) => self.model.milestone(from).from_start,
            },
            Name::Reach(ReachColumn::ReachedAt) => self.model.milestone(self.of).from_start,
            Name::PopulationReachedAt => self.model.milestone(self.population?).from_start,
            Name::AsOf
            | Name::Event(_)
            | Name::Fact(_)
            | Name::Column(_)
            | Name::Property(_)
            | Name::Entity { .. }
            | Name::Reach(_)
            | Name::Kpi(_) => None,
        }
    }

    /// Returns how long after the beginning of a milestone's window it may be; none: any time.
    fn after_anchor(&self, milestone: MilestoneIndex) -> Option<i64> {
        let own = self.model.milestone(milestone);
        let name = self.name()?;
        let is_of = milestone == self.of;
        let known = if is_of && *name == Name::Reach(ReachColumn::AnchorAt) {
            Some(0)
        } else if is_of && *name == Name::Reach(ReachColumn::ReachedAt) {
            own.within
        } else if *name != Name::PopulationReachedAt {
            None
        } else if is_of && Some(own.anchor) == self.population.map(Anchor::Reach) {
            Some(0)
        } else if Some(milestone) == self.population {
            own.within
        } else {
            None
        };
        // No window begins before its entity does.
        known.or_else(|| self.after_start())
    }
}

/// Warns where a window is longer than what it looks at is kept: nobody is ever observed to its end.
pub fn check(
    definition: &Definition<MilestoneTable>,
    model: &Model,
    index: MilestoneIndex,
    diagnostics: &mut Diagnostics,
) {
    let (Some(written), Some(length)) = (&definition.body.within, model.milestone(index).within) else { return };
    if let Some(kept) = of_milestone(model, index).strictest()
        && length > kept.length
    {
        let diagnostic = Diagnostic::warning(
            "window-beyond-retention",
            format!("nobody is observed for as long as `{}` looks", definition.name),
        )
        .at(definition.place(written), "longer than the rows are kept")
        .at(model.source(kept.source).meta.span, "`retain` of this source is shorter")
        .help("shorten the window, or keep the rows for longer");
        diagnostics.push(diagnostic);
    }
}
