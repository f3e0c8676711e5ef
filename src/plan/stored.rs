//! What is stored: events that one statement reads are read in it, and are not written and read once more.

use crate::plan::node::{Materialization, NodeId, Plan, Relation};
use crate::plan::relational::constants::{self, conjuncts, equality};
use crate::plan::relational::scalar::Scalar;
use crate::plan::relational::{Body, Join, Query, Select};
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
            let of_entities =
                plan.nodes.iter().flat_map(|node| &node.query).any(|query| meets_entities(plan, query, id));
            let node = &mut plan.nodes[id.0];
            node.materialization = Materialization::Ephemeral;
            if let Relation::Events(events) = &mut node.relation {
                events.of_entities = of_entities;
            }
        }
    }
}

/// Tells whether the events of a node are joined, where a query reads them, with the keys of entities.
fn meets_entities(plan: &Plan, query: &Query, events: NodeId) -> bool {
    let holds = |select: &Select, value: &Scalar, wanted: &dyn Fn(NodeId, &str) -> bool| {
        constants::column(value).is_some_and(|column| {
            let relation = query.relation(select.inputs[column.input].relation);
            matches!(relation.body, Body::Node(id) if wanted(id, &relation.columns[column.column].name))
        })
    };
    let is_own = |id: NodeId, name: &str| id == events && name == "entity";
    let is_key = |id: NodeId, name: &str| {
        let node = plan.node(id);
        matches!(node.relation, Relation::Entity(_)) && node.columns.first().is_some_and(|(key, _)| key == name)
    };
    query.relations().any(|(_, relation)| {
        let Body::Select(select) = &relation.body else { return false };
        let inner = select.inputs.iter().filter_map(|input| match &input.join {
            Join::Inner(on) => Some(on),
            Join::Cross | Join::Left(_) => None,
        });
        let equal = inner.flatten().flat_map(conjuncts).filter_map(equality);
        equal.into_iter().any(|(left, right)| {
            (holds(select, left, &is_own) && holds(select, right, &is_key))
                || (holds(select, right, &is_own) && holds(select, left, &is_key))
        })
    })
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
