//! What is stored: events that one statement reads are read in it, and are not written and read once more.

use crate::plan::node::{Materialization, NodeId, Plan, Relation};
use crate::plan::relational::{Body, Query};
use crate::semantic::model::Model;

/// Has the events that one statement reads be part of it. Those whose parts somebody wants kept by time are stored.
pub fn read_within(plan: &mut Plan, model: &Model) {
    for id in (0..plan.nodes.len()).map(NodeId) {
        let Relation::Events(events) = &plan.node(id).relation else { continue };
        if model.source(events.source).partition.is_some() {
            continue;
        }
        let readers = plan.nodes.iter().filter(|node| node.depends_on.contains(&id));
        let times: usize = readers.map(|node| node.query.as_ref().map_or(2, |query| times_read(query, id))).sum();
        if times == 1 {
            plan.nodes[id.0].materialization = Materialization::Ephemeral;
        }
    }
}

/// Counts the places of a query that read a node.
fn times_read(query: &Query, node: NodeId) -> usize {
    let is_it = |id| matches!(query.relation(id).body, Body::Node(read) if read == node);
    let of = |body: &Body| match body {
        Body::Node(_) | Body::Constants(_) => 0,
        Body::Select(select) => select.inputs.iter().filter(|input| is_it(input.relation)).count(),
        Body::Union(parts) => parts.iter().filter(|part| is_it(**part)).count(),
    };
    query.relations().map(|(_, relation)| of(&relation.body)).sum()
}
