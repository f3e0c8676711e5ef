//! Sequences, depths and horizons: how milestones hang together in time.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::project::Definition;
use crate::project::tables::milestone::MilestoneTable;
use crate::semantic::horizon::Horizon;
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
        part.from_start = from_start(model, &part);
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

/// Works out the moment after which nothing can change any more. It depends on nothing that happens after the anchor, so
/// that who has succeeded and who has not are let into a rate at the same age.
pub(super) fn horizon(model: &Model, milestone: &Milestone) -> Horizon {
    let (anchor, begins) = match milestone.anchor {
        Anchor::Start => (None, Horizon::after_start(Some(0))),
        Anchor::Reach(from) => (Some(from), Horizon::after_anchor(Some(0))),
    };
    let mut ends = Ends { model, anchor, known: BTreeMap::new() };
    let last = ends.from(milestone, begins.clone());
    // Where its parts are over before, it is as soon as it begins.
    Horizon::latest([begins, last])
}

/// Works out the time from the entity's start after which a milestone is not reached any more; none: it may be at any time.
pub(super) fn from_start(model: &Model, milestone: &Milestone) -> Option<i64> {
    let mut ends = Ends { model, anchor: None, known: BTreeMap::new() };
    let begins = match milestone.anchor {
        Anchor::Start => Horizon::after_start(Some(0)),
        Anchor::Reach(from) => ends.of(from),
    };
    ends.from(milestone, begins).from_start()
}

/// Until when milestones may be reached, by the start of an entity and by when it reached the anchor.
struct Ends<'m> {
    model: &'m Model,
    anchor: Option<MilestoneIndex>,
    known: BTreeMap<MilestoneIndex, Horizon>,
}

impl Ends<'_> {
    fn of(&mut self, index: MilestoneIndex) -> Horizon {
        if self.anchor == Some(index) {
            return Horizon::after_anchor(Some(0));
        }
        let milestone = self.model.milestone(index);
        // What hangs on the anchor stands behind it.
        if self.anchor.is_none_or(|anchor| index < anchor) {
            return Horizon::after_start(milestone.from_start);
        }
        if let Some(known) = self.known.get(&index) {
            return known.clone();
        }
        let begins = match milestone.anchor {
            Anchor::Start => Horizon::after_start(Some(0)),
            Anchor::Reach(from) => self.of(from),
        };
        let end = self.from(milestone, begins);
        self.known.insert(index, end.clone());
        end
    }

    /// Until when a milestone may be reached whose window begins no later than `begins`.
    fn from(&mut self, milestone: &Milestone, begins: Horizon) -> Horizon {
        let window = begins.later(milestone.within);
        match &milestone.occurrences {
            Occurrences::Events { .. } | Occurrences::Members(_) => window,
            Occurrences::Reaches(parts) => {
                let parts: Vec<Horizon> = parts.iter().map(|part| self.of(*part)).collect();
                window.earlier(&Horizon::latest(parts))
            }
            // It is reached when it is closed, which is no sooner than when it begins.
            Occurrences::Absence(parts) => {
                let parts: Vec<Horizon> = parts.iter().map(|part| self.of(*part)).collect();
                Horizon::latest([begins, window.earlier(&Horizon::latest(parts))])
            }
        }
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
        if is_absence && part.from_start.is_some_and(|known| known >= window) {
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
