//! What the statement of a score says about it.

use minijinja::Value;

use crate::render::relations::Cx;

pub(super) fn header(cx: &Cx<'_>, index: usize) -> Value {
    let lines =
        ["The weights of the milestones reached so far, each in its own window; bands are half-open.".to_owned()];
    cx.definition_header("score", &cx.model.scores[index].meta, &lines)
}
