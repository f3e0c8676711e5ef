//! What is not known any more: rows that a source no longer keeps, and whom they would have been about.
//!
//! A milestone applies to entities whose whole window lies in the time that is kept: who began earlier may have reached
//! it in rows that are gone, and would look as if they never had.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::project::Definition;
use crate::project::tables::milestone::MilestoneTable;
use crate::semantic::model::{Measure, MeasureRelation, MilestoneIndex, Model, Occurrences, SourceIndex};

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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// The rows that it counts.
    pub own: Option<Kept>,
    /// The rows that the milestones count which it is made from: the strictest limit of them.
    pub below: Option<Kept>,
}

impl Retention {
    /// Returns the limit to all rows that it depends on.
    pub fn strictest(self) -> Option<Kept> {
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
    let mut seen = vec![false; model.milestones.len()];
    let mut open = model.milestone(milestone).inputs();
    let mut below = None;
    while let Some(input) = open.pop() {
        if !std::mem::replace(&mut seen[input.0], true) {
            below = Kept::stricter(below, own(model, input));
            open.extend(model.milestone(input).inputs());
        }
    }
    Retention { own: own(model, milestone), below }
}

/// Returns how old the rows may be that a measure by periods adds up; none: any age. A cohort of a milestone holds nobody
/// whose rows are gone, and so is whole only where all of it began later.
pub fn of_measure(model: &Model, measure: &Measure) -> Option<Kept> {
    match &measure.relation {
        MeasureRelation::Entity(_) => None,
        MeasureRelation::Milestone { of, population } => {
            let population = population.and_then(|population| of_milestone(model, population).strictest());
            Kept::stricter(of_milestone(model, *of).strictest(), population)
        }
        MeasureRelation::Events(source, _) | MeasureRelation::Facts(source) => Kept::by(model, *source),
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
