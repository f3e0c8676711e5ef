//! A part of the plan: the relations that carry out some of the definitions.

use std::collections::BTreeSet;

use crate::plan::node::{Materialization, Node, NodeId, Plan, Relation};

/// Returns the relations of the definitions with these ids (`kpi.activation_rate`), in the order of the plan.
///
/// Milestones share the relations that their occurrences are numbered in; so a milestone comes with these, and with
/// what they read: a shared relation is made of one moment. The list of milestones comes with any of them, the union of
/// KPIs with all of them, and a table that holds several of them with any.
pub fn part(plan: &Plan, ids: &BTreeSet<String>) -> Vec<NodeId> {
    let is_wanted = |node: &Node| {
        let definition = node.definition.as_ref();
        definition.is_some_and(|definition| ids.contains(&format!("{}.{}", definition.kind, definition.name)))
    };
    let mut part: BTreeSet<NodeId> = BTreeSet::new();
    let mut open: Vec<NodeId> = Vec::new();
    for (index, node) in plan.nodes.iter().enumerate() {
        if !is_wanted(node) {
            continue;
        }
        part.insert(NodeId(index));
        if matches!(node.relation, Relation::Milestone(_)) {
            open.extend(node.depends_on.iter().filter(|id| is_shared(plan.node(**id))));
        }
    }
    while let Some(id) = open.pop() {
        if part.insert(id) {
            open.extend(&plan.node(id).depends_on);
        }
    }
    for (index, node) in plan.nodes.iter().enumerate() {
        let has = |found: fn(&Relation) -> bool| part.iter().any(|id| found(&plan.node(*id).relation));
        let comes_with = match node.relation {
            Relation::Schema => !part.is_empty(),
            Relation::Milestones => has(|relation| matches!(relation, Relation::Milestone(_))),
            Relation::Kpis(_) => {
                let mut kpis = node.depends_on.iter().filter(|id| id.0 != 0);
                // A view shows what is there; a table is a copy, and made again with any of what it holds.
                match node.materialization {
                    Materialization::Table => kpis.any(|id| part.contains(id)),
                    Materialization::View | Materialization::Schema => kpis.all(|id| part.contains(id)),
                }
            }
            Relation::Entity(_)
            | Relation::Events(_)
            | Relation::Facts(_)
            | Relation::Occurrences(_)
            | Relation::Reached(_)
            | Relation::Milestone(_)
            | Relation::Kpi(_)
            | Relation::Score(_) => false,
        };
        if comes_with {
            part.insert(NodeId(index));
        }
    }
    part.into_iter().collect()
}

/// Tells whether several definitions share the relation.
fn is_shared(node: &Node) -> bool {
    matches!(node.relation, Relation::Occurrences(_) | Relation::Reached(_))
}
