//! What the statement of a score says about it.

use minijinja::Value;

use crate::render::relations::Cx;
use crate::semantic::model::ScoreIndex;

pub(super) fn header(cx: &Cx<'_>, index: ScoreIndex) -> Value {
    let lines =
        ["The weights of the milestones reached so far, each in its own window; bands are half-open.".to_owned()];
    cx.definition_header("score", &cx.model.score(index).meta, &lines)
}
