//! One row an entity with its score.

use minijinja::{Value, context};

use crate::plan::node::Node;
use crate::render::relations::occurrences::reached;
use crate::render::relations::{Cx, Result};

pub(super) fn statement(cx: &Cx<'_>, node: &Node, index: usize) -> Result<String> {
    let score = &cx.model.scores[index];
    // Weights are decimals, so that they add up exactly: 0.1 + 0.2 is in the band that begins at 0.3.
    let mut weights = Vec::new();
    let mut reached_relations: Vec<String> = Vec::new();
    for (milestone, weight) in &score.terms {
        weights.push(Value::from(vec![cx.string(&cx.model.milestone(*milestone).meta.name)?, cx.exact(*weight)?]));
        let name = cx.qualified(&cx.plan.node(reached(cx, *milestone)).name);
        if !reached_relations.contains(&name) {
            reached_relations.push(name);
        }
    }
    reached_relations.sort();
    // From the top: the first lower bound that the score is not below.
    let mut bands = Vec::new();
    for (name, bound) in score.bands.iter().rev() {
        bands.push(context! { name, bound => cx.exact(*bound)? });
    }
    let lines =
        ["The weights of the milestones reached so far, each in its own window; bands are half-open.".to_owned()];
    cx.render(
        "score.sql",
        context! {
            header => cx.definition_header("score", &score.meta, &lines),
            relation => cx.table(node),
            entity => cx.qualified(&cx.plan.node(cx.plan.entity(score.entity)).name),
            key => cx.model.entity(score.entity).key.clone(),
            weights, reached_relations, bands,
            as_of => cx.as_of()?,
        },
    )
}
