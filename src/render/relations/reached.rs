//! What the statements of what was counted and reached say about it.

use minijinja::Value;

use crate::plan::node::{Occurrences, Reached, Shape};
use crate::render::relations::Cx;
use crate::semantic::model::MilestoneIndex;

pub(super) fn header(cx: &Cx<'_>, reached: &Reached) -> Value {
    let entity = &cx.model.entity(reached.entity).meta.name;
    cx.header(&format!("The milestones that a {entity} reached, and by which row"), &[])
}

pub(super) fn occurrences_header(cx: &Cx<'_>, occurrences: &Occurrences) -> Value {
    let what = match occurrences.shape {
        Shape::Count => "Occurrences",
        Shape::Distinct => "Occurrences of different values",
        Shape::Sum => "Occurrences that add up",
    };
    let entity = &cx.model.entity(occurrences.entity).meta.name;
    let source = &cx.model.source(occurrences.source).meta.name;
    let title = format!("{what} of events in `{source}`, numbered by {entity} and stream");
    let names = |milestones: &[MilestoneIndex]| {
        let names: Vec<&str> = milestones.iter().map(|index| cx.model.milestone(*index).meta.name.as_str()).collect();
        names.join(", ")
    };
    let line = |stream: &crate::plan::node::Stream| format!("Stream {}: {}", stream.id, names(&stream.milestones));
    cx.header(&title, &occurrences.streams.iter().map(line).collect::<Vec<_>>())
}
