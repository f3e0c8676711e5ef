//! What stays as it is: whether the cells of a KPI are ever final, and what of a row can still change.

use crate::semantic::conditions;
use crate::semantic::expr::Expr;
use crate::semantic::model::{
    Anchor, Kpi, KpiValue, Measure, MeasureRelation, MilestoneIndex, Model, Occurrences, Progress,
};
use crate::semantic::name::{Name, ReachColumn};
use crate::semantic::retention::{self, Whole};

/// Why no cell of a KPI is ever final.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Never {
    /// All time is one period, and never over.
    AllTime,
    /// A milestone of it has no window: whoever has not reached it may still do so.
    NoWindow,
    /// The window of one side of a ratio may begin at any time, and with it what the other side is over.
    NoBeginning,
    /// Rows are counted by cohort, and a member may have more of them at any time.
    OpenRows,
    /// An expression reads `as_of`.
    AsOf,
    /// Rows are not kept for ever, and nothing says by when a member's are gone.
    NotKept,
}

impl Never {
    /// Says it in a sentence.
    pub fn sentence(self) -> &'static str {
        match self {
            Never::AllTime => "All time is never over, so that its cell is never mature.",
            Never::NoWindow => "Without a window nobody is ever too late, so that no cell is mature.",
            Never::NoBeginning => "A window may begin at any time, so that no cell is mature.",
            Never::OpenRows => "A member may have more rows at any time, so that no cell is mature.",
            Never::AsOf => "What counts depends on `as_of`, so that no cell is mature.",
            Never::NotKept => "Rows that members were counted by may not be kept any more, so that no cell is mature.",
        }
    }
}

/// Returns a KPI and all that its formula is made of, each once: many may be made of one.
pub(super) fn all_of<'m>(model: &'m Model, kpi: &'m Kpi) -> Vec<&'m Kpi> {
    let mut all = vec![kpi];
    let mut seen = vec![false; model.kpis.len()];
    let mut next = 0;
    while let Some(kpi) = all.get(next).copied() {
        for input in kpi.value.inputs() {
            if !std::mem::replace(&mut seen[input.0], true) {
                all.push(model.kpi(*input));
            }
        }
        next += 1;
    }
    all
}

/// Returns why no cell of a KPI is ever final, if none is.
pub fn never(model: &Model, kpi: &Kpi) -> Option<Never> {
    all_of(model, kpi).into_iter().find_map(|kpi| never_by_itself(model, kpi))
}

fn never_by_itself(model: &Model, kpi: &Kpi) -> Option<Never> {
    if kpi.buckets.period().is_none() {
        return Some(Never::AllTime);
    }
    let of_both = || match &kpi.value {
        KpiValue::Measures { numerator, denominator: Some(denominator) } => of_sides(model, [numerator, denominator]),
        KpiValue::Measures { denominator: None, .. } | KpiValue::Statistic(_) | KpiValue::Formula { .. } => None,
    };
    let of_measures = kpi.value.measures().find_map(|measure| of_measure(model, measure, kpi.buckets.are_cohorts()));
    let is_kept = retention::of_kpi(model, kpi) != Whole::Never;
    of_measures.or_else(of_both).or_else(|| (!is_kept).then_some(Never::NotKept))
}

/// Returns the milestone of the other side for whose windows the rows of one side of a ratio wait besides their own, so that
/// both sides are over the same members; none where they are of other entities, or of the same windows.
pub fn waits_for(model: &Model, side: &Measure, other: &Measure) -> Option<MilestoneIndex> {
    let are_of_one = side.relation.entity(model) == other.relation.entity(model);
    other.matures_with().filter(|of| are_of_one && side.matures_with() != Some(*of))
}

/// Looks at what the sides of a ratio are over, where they wait for each other's windows.
fn of_sides(model: &Model, sides: [&Measure; 2]) -> Option<Never> {
    let begins_any_time = |of: MilestoneIndex| match model.milestone(of).anchor {
        Anchor::Start => false,
        Anchor::Reach(anchor) => model.milestone(anchor).from_start.is_none(),
    };
    let [one, other] = sides;
    let mut waited_for = waits_for(model, one, other).into_iter().chain(waits_for(model, other, one));
    waited_for.any(begins_any_time).then_some(Never::NoBeginning)
}

fn of_measure(model: &Model, measure: &Measure, by_cohort: bool) -> Option<Never> {
    if measure.exprs().any(reads_as_of) {
        return Some(Never::AsOf);
    }
    match &measure.relation {
        MeasureRelation::Entity(entity) => depends(conditions::of_entity(model, *entity)),
        MeasureRelation::Events(..) | MeasureRelation::Facts(_) if by_cohort => Some(Never::OpenRows),
        MeasureRelation::Events(source, _) | MeasureRelation::Facts(source) => {
            depends(conditions::of_source(model, *source))
        }
        MeasureRelation::Milestone { of, population } => {
            let waits = measure.waits && model.milestone(*of).horizon.is_never();
            let all = std::iter::once(*of).chain(*population);
            waits.then_some(Never::NoWindow).or_else(|| of_milestones(model, all.collect()))
        }
    }
}

/// Tells whether what milestones are made of reads `as_of`.
fn of_milestones(model: &Model, mut open: Vec<MilestoneIndex>) -> Option<Never> {
    let mut seen = vec![false; model.milestones.len()];
    while let Some(index) = open.pop() {
        if std::mem::replace(&mut seen[index.0], true) {
            continue;
        }
        let milestone = model.milestone(index);
        let value = match &milestone.progress {
            Progress::Count => None,
            Progress::Distinct(value) | Progress::Sum(value) => Some(value),
        };
        let mut found = depends(value.into_iter().chain(&milestone.applies_to))
            .or_else(|| depends(conditions::of_entity(model, milestone.entity)));
        if let Occurrences::Events { source, condition, subject, .. } = &milestone.occurrences {
            found = found
                .or_else(|| depends(condition.iter().chain(subject)))
                .or_else(|| depends(conditions::of_source(model, *source)));
        }
        if found.is_some() {
            return found;
        }
        open.extend(milestone.inputs());
    }
    None
}

fn depends<'e>(exprs: impl IntoIterator<Item = &'e Expr>) -> Option<Never> {
    exprs.into_iter().any(reads_as_of).then_some(Never::AsOf)
}

fn reads_as_of(expr: &Expr) -> bool {
    expr.columns().iter().any(|name| **name == Name::AsOf)
}

/// Tells whether an expression over a milestone's rows may change while the window of a row is open. Where rows fall into
/// periods `by_reach`, each is there because it was reached, and that stays so.
pub fn moves(expr: &Expr, by_reach: bool) -> bool {
    let is_settled = |column: ReachColumn| match column {
        ReachColumn::AnchorAt | ReachColumn::ClosesAt => true,
        ReachColumn::Reached | ReachColumn::ReachedAt => by_reach,
        ReachColumn::Count | ReachColumn::Progress | ReachColumn::Mature => false,
    };
    expr.columns().iter().any(|name| matches!(name, Name::Reach(column) if !is_settled(*column)))
}

/// Tells whether a row may still move from one segment of the KPI to another.
pub fn segments_move(model: &Model, kpi: &Kpi) -> bool {
    let of_measure = |kpi: &Kpi, measure: &Measure| {
        measure.dimensions.iter().any(|dimension| moves(dimension, !kpi.buckets.are_cohorts()))
    };
    all_of(model, kpi).into_iter().any(|kpi| kpi.value.measures().any(|measure| of_measure(kpi, measure)))
}
