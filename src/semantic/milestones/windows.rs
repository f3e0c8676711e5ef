//! Sequences, depths and horizons: how milestones hang together in time.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::project::Definition;
use crate::project::tables::milestone::MilestoneTable;
use crate::semantic::model::{Anchor, Milestone, MilestoneIndex, Model, Occurrences};

/// Writes a sequence out: each step is its milestone again, counting only what comes after the step before.
pub(super) fn write_out(
    definition: &Definition<MilestoneTable>,
    model: &mut Model,
    milestone: &mut Milestone,
    diagnostics: &mut Diagnostics,
) -> Option<()> {
    let Occurrences::Reaches(steps) = &milestone.occurrences else { return None };
    let names = definition.body.sequence.as_ref().expect("the form is `sequence`").get();
    let mut whole = true;
    for (step, name) in steps.iter().zip(names).skip(1) {
        let part = model.milestone(*step);
        if !matches!(part.occurrences, Occurrences::Events { .. }) || part.after.is_some() {
            diagnostics.push(
                Diagnostic::error("bad-step", format!("`{}` cannot be a later step of a sequence", part.meta.name))
                    .at(definition.place(name), "must count events alone")
                    .at(part.meta.span, "combines others, or comes after another")
                    .help("name the milestones of events that it is made of, in their order"),
            );
            whole = false;
        }
    }
    if !whole {
        return None;
    }
    let steps = steps.clone();
    let mut chain = vec![steps[0]];
    let mut previous = steps[0];
    for (position, step) in steps.iter().enumerate().skip(1) {
        let mut part = model.milestone(*step).clone();
        // No definition is called so: names of definitions have no `__`.
        part.meta.name = format!("{}__step{}", definition.name, position + 1);
        part.hidden = true;
        part.again = Some(*step);
        part.after = Some(previous);
        part.depth = depth(model, &part);
        part.horizon = horizon(model, &part);
        model.milestones.push(part);
        previous = MilestoneIndex(model.milestones.len() - 1);
        chain.push(previous);
    }
    // All of them are reached when the last one is: each waits for the one before.
    milestone.occurrences = Occurrences::Reaches(chain);
    Some(())
}

pub(super) fn depth(model: &Model, milestone: &Milestone) -> usize {
    milestone.inputs().iter().map(|input| model.milestone(*input).depth + 1).max().unwrap_or(0)
}

/// Works out the time from the anchor after which nothing can change any more. It depends on nothing that happens, so
/// that who has succeeded and who has not are let into a rate at the same age.
pub(super) fn horizon(model: &Model, milestone: &Milestone) -> Option<i64> {
    let parts = match &milestone.occurrences {
        Occurrences::Events { .. } | Occurrences::Members(_) => return milestone.within,
        Occurrences::Reaches(parts) | Occurrences::Absence(parts) => parts,
    };
    let mut longest = Some(0);
    for part in parts {
        longest = match (longest, from_start(model, *part)) {
            (Some(longest), Some(part)) => Some(i64::max(longest, part)),
            (None, _) | (_, None) => None,
        };
    }
    match (milestone.within, longest) {
        // A composite that hangs on another milestone is as late as that one, and its parts are not: they close so long
        // after the start, and so no later than so long after any reach.
        (within, Some(longest)) if matches!(milestone.anchor, Anchor::Reach(_)) => within.or(Some(longest)),
        (Some(within), Some(longest)) => Some(within.min(longest)),
        (within, longest) => within.or(longest),
    }
}

/// Returns the time from the entity's start after which a milestone cannot change any more; none: it always can.
pub fn from_start(model: &Model, index: MilestoneIndex) -> Option<i64> {
    let milestone = model.milestone(index);
    match milestone.anchor {
        Anchor::Start => milestone.horizon,
        Anchor::Reach(anchor) => from_start(model, anchor)?.checked_add(milestone.horizon?),
    }
}

/// Warns of an absence among the parts of a milestone that is known no sooner than when the milestone's own window is over:
/// it would never count.
pub(super) fn late_absences(
    definition: &Definition<MilestoneTable>,
    model: &Model,
    milestone: &Milestone,
    diagnostics: &mut Diagnostics,
) {
    let (Occurrences::Reaches(parts), Anchor::Start, Some(window), Some(written)) =
        (&milestone.occurrences, milestone.anchor, milestone.within, &definition.body.within)
    else {
        return;
    };
    for part in parts.iter().map(|part| model.milestone(*part)) {
        let is_absence = matches!((&part.occurrences, part.anchor), (Occurrences::Absence(_), Anchor::Start));
        if is_absence && part.horizon.is_some_and(|known| known >= window) {
            let name = &part.meta.name;
            diagnostics.push(
                Diagnostic::warning("absence-too-late", format!("`{name}` never counts for `{}`", definition.name))
                    .at(definition.place(written), "this window is over …")
                    .at(part.meta.span, "… when this is known, at the end of its own")
                    .help(format!("make the window longer than that of `{name}`: it takes in what is before its end")),
            );
        }
    }
}
