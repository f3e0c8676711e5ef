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

/// Counts the ways from the result of a query to a node: a warehouse may compute what is read in several places as often.
fn times_read(query: &Query, node: NodeId) -> usize {
    let relations: Vec<_> = query.relations().collect();
    let mut ways = vec![0_usize; relations.len()];
    if let Some(last) = ways.last_mut() {
        *last = 1;
    }
    let mut read = 0;
    // Readers come after what they read.
    for (place, (_, relation)) in relations.iter().enumerate().rev() {
        match &relation.body {
            Body::Node(id) if *id == node => read += ways[place],
            Body::Node(_) | Body::Constants(_) => {}
            Body::Select(select) => {
                select.inputs.iter().for_each(|input| ways[input.relation.place()] += ways[place]);
            }
            Body::Union(parts) => parts.iter().for_each(|part| ways[part.place()] += ways[place]),
        }
    }
    read
}
