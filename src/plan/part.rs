//! A part of the plan: the relations that carry out some of the definitions.

use std::collections::BTreeSet;

use crate::language::Id;
use crate::plan::node::{Materialization, Node, NodeId, Plan, Relation};

/// Returns the relations of the definitions with these ids, in the order of the plan.
///
/// Milestones share the relations that their occurrences are numbered in; so a milestone comes with these, and with
/// what they read: a shared relation is made of one moment. A KPI comes with the table that holds its cells and those of
/// others; what lists definitions comes as [`comes_with`] says.
pub fn part(plan: &Plan, ids: &BTreeSet<Id>) -> Vec<NodeId> {
    let is_wanted = |node: &Node| {
        let definition = node.definition.as_ref();
        definition.is_some_and(|definition| ids.contains(&definition.id))
    };
    let mut part: BTreeSet<NodeId> = BTreeSet::new();
    let mut open: Vec<NodeId> = Vec::new();
    for (index, node) in plan.nodes.iter().enumerate() {
        if !is_wanted(node) {
            continue;
        }
        part.insert(NodeId(index));
        match node.relation {
            Relation::Milestone(_) => open.extend(node.depends_on.iter().filter(|id| is_shared(plan.node(**id)))),
            Relation::Kpi(kpi) => {
                part.insert(plan.cells_of(kpi));
            }
            Relation::Schema
            | Relation::Moment
            | Relation::Entity(_)
            | Relation::Events(_)
            | Relation::Facts(_)
            | Relation::Occurrences(_)
            | Relation::Reached(_)
            | Relation::Milestones
            | Relation::Cells(_)
            | Relation::Kpis
            | Relation::Own(_) => {}
        }
    }
    while let Some(id) = open.pop() {
        if part.insert(id) {
            open.extend(&plan.node(id).depends_on);
        }
    }
    for index in (0..plan.nodes.len()).map(NodeId) {
        if comes_with(plan, index, &part, |_| false) {
            part.insert(index);
        }
    }
    add_read_within(plan, &mut part);
    part.into_iter().collect()
}

/// Adds to a part what is part of its statements: they read the raw rows that it reads.
pub fn add_read_within(plan: &Plan, part: &mut BTreeSet<NodeId>) {
    let is_within = |id: &NodeId| plan.node(*id).materialization == Materialization::Ephemeral;
    let read = part.iter().flat_map(|id| plan.node(*id).depends_on.iter().copied().filter(is_within));
    let read: Vec<NodeId> = read.collect();
    part.extend(read);
}

/// Tells whether a relation comes with a part because it says something of what is in it: the schema with anything, the
/// moment with any view that reads it, the list of milestones with any milestone, the union of KPIs with any of them once all
/// of them are there.
pub fn comes_with(plan: &Plan, id: NodeId, part: &BTreeSet<NodeId>, is_there: impl Fn(NodeId) -> bool) -> bool {
    let has = |found: fn(&Relation) -> bool| part.iter().any(|id| found(&plan.node(*id).relation));
    let node = plan.node(id);
    match node.relation {
        Relation::Schema => !part.is_empty(),
        Relation::Moment => part.iter().any(|id| plan.takes_moment(*id)),
        Relation::Milestones => has(|relation| matches!(relation, Relation::Milestone(_))),
        Relation::Kpis => {
            let is_whole = || node.depends_on.iter().all(|id| part.contains(id) || is_there(*id));
            has(|relation| matches!(relation, Relation::Cells(_))) && is_whole()
        }
        Relation::Entity(_)
        | Relation::Events(_)
        | Relation::Facts(_)
        | Relation::Occurrences(_)
        | Relation::Reached(_)
        | Relation::Milestone(_)
        | Relation::Cells(_)
        | Relation::Kpi(_)
        | Relation::Own(_) => false,
    }
}

/// Tells whether several milestones share the relation.
fn is_shared(node: &Node) -> bool {
    matches!(node.relation, Relation::Occurrences(_) | Relation::Reached(_))
}
