//! What the view of a milestone says about it.

use minijinja::Value;

use crate::render::relations::Cx;
use crate::semantic::duration;
use crate::semantic::model::{Anchor, Milestone, MilestoneIndex, Occurrences, Progress};
use crate::semantic::retention;

pub(super) fn header(cx: &Cx<'_>, index: MilestoneIndex) -> Value {
    let milestone = cx.model.milestone(index);
    let mut lines = vec![meaning(cx, milestone)];
    if retention::of_milestone(cx.model, index).strictest().is_some() {
        lines.push("Who began before the rows that are kept is not in it: what they did is not known.".to_owned());
    }
    cx.definition_header("milestone", &milestone.meta, &lines)
}

/// Says in a sentence what the milestone counts, and in which window.
fn meaning(cx: &Cx<'_>, milestone: &Milestone) -> String {
    let names = |parts: &[MilestoneIndex]| {
        let names: Vec<&str> = parts.iter().map(|index| cx.model.milestone(*index).meta.name.as_str()).collect();
        names.join(", ")
    };
    let what = match (&milestone.occurrences, &milestone.progress) {
        (Occurrences::Events { names, .. }, progress) => {
            let names = names.only().map_or("any event".to_owned(), |names| names.join(" or "));
            match progress {
                Progress::Count => format!("{names}, {} of them", milestone.at_least),
                Progress::Distinct(_) => format!("{names}, {} different", milestone.at_least),
                Progress::Sum(_) => format!("{names}, adding up to {}", milestone.at_least),
            }
        }
        (Occurrences::Reaches(parts), _) => format!("{} of: {}", milestone.at_least, names(parts)),
        (Occurrences::Members(member), _) => {
            format!("{} members that reached {}", milestone.at_least, names(&[*member]))
        }
        (Occurrences::Absence(parts), _) => format!("none of: {}", names(parts)),
    };
    let anchor = match milestone.anchor {
        Anchor::Start => "the start".to_owned(),
        Anchor::Reach(from) => cx.model.milestone(from).meta.name.clone(),
    };
    match milestone.within {
        Some(within) => format!("Reached by {what}, within {} from {anchor}.", duration::written(within)),
        None => format!("Reached by {what}, from {anchor} on."),
    }
}
