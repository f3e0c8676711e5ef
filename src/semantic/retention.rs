//! What is not known any more: rows that a source no longer keeps, and whom they would have been about.
//!
//! A milestone applies to entities whose whole window lies in the time that is kept: who began earlier may have reached
//! it in rows that are gone, and would look as if they never had.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::project::Project;
use crate::semantic::duration;
use crate::semantic::model::{Measure, MeasureRelation, MilestoneIndex, Model, Occurrences};

/// How old the rows may be that a milestone depends on, in microseconds; none: any age.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// The rows that it counts.
    pub own: Option<i64>,
    /// The rows that the milestones count which it is made from: the youngest limit of them.
    pub below: Option<i64>,
}

fn own(model: &Model, milestone: MilestoneIndex) -> Option<i64> {
    match &model.milestone(milestone).occurrences {
        Occurrences::Events { source, .. } => model.source(*source).retain,
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
    let mut below: Option<i64> = None;
    while let Some(input) = open.pop() {
        if !std::mem::replace(&mut seen[input.0], true) {
            below = below.into_iter().chain(own(model, input)).min();
            open.extend(model.milestone(input).inputs());
        }
    }
    Retention { own: own(model, milestone), below }
}

/// Returns how old the rows may be that a measure by periods adds up, in microseconds; none: any age. Cohorts of a
/// milestone hold nobody whose rows are gone.
pub fn of_measure(model: &Model, measure: &Measure, by_cohort: bool) -> Option<i64> {
    match &measure.relation {
        MeasureRelation::Entity(_) => None,
        MeasureRelation::Milestone { .. } if by_cohort => None,
        MeasureRelation::Milestone { of, .. } => {
            let Retention { own, below } = of_milestone(model, *of);
            own.into_iter().chain(below).min()
        }
        MeasureRelation::Events(source, _) | MeasureRelation::Facts(source) => model.source(*source).retain,
    }
}

/// Warns where a window is longer than what it looks at is kept: nobody is ever observed to its end.
pub fn check(project: &Project, model: &Model, diagnostics: &mut Diagnostics) {
    if model.sources.iter().all(|source| source.retain.is_none()) {
        return;
    }
    for definition in &project.milestones {
        let Some(within) = &definition.body.within else { continue };
        let Some(index) = model.milestones.iter().position(|milestone| milestone.meta.span == definition.span) else {
            continue;
        };
        let Retention { own, below } = of_milestone(model, MilestoneIndex(index));
        let kept = own.into_iter().chain(below).min();
        let length = duration::duration(within.get());
        if let (Some(length), Some(kept)) = (length, kept)
            && length > kept
        {
            let source = model.sources.iter().find(|source| source.retain == Some(kept));
            let mut diagnostic = Diagnostic::warning(
                "window-beyond-retention",
                format!("nobody is observed for as long as `{}` looks", definition.name),
            )
            .at(definition.place(within), "longer than the rows are kept");
            if let Some(source) = source {
                diagnostic = diagnostic.at(source.meta.span, "`retain` of this source is shorter");
            }
            diagnostics.push(diagnostic.help("shorten the window, or keep the rows for longer"));
        }
    }
}
