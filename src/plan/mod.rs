//! Model -> plan: what must be computed, once each, in what order; no text.
//!
//! The plan collects what every definition needs of the raw events, and reads them once. What definitions count is
//! gathered into streams: a stream is a set of rows of one source for one entity, and equal streams are one, however
//! many milestones count them.

pub mod billed;
pub mod build;
pub mod cells;
pub mod columns;
pub mod display;
pub mod layout;
pub mod lineage;
pub mod naming;
pub mod needs;
pub mod node;
pub mod own;
pub mod part;
pub mod relational;
mod relations;
pub mod signature;
pub mod stored;
pub mod streams;

use std::collections::BTreeSet;

pub use crate::plan::build::Leaving;
use crate::plan::node::{NodeId, Plan};
use crate::plan::relational::{Query, passes};
use crate::semantic::model::{KpiIndex, Model};

/// Plans everything that `model` defines.
pub fn plan(model: &Model) -> Plan {
    build::build(model, &[], &Leaving::default())
}

/// Plans everything that `model` defines without some of the passes ([`relational::passes::PASSES`]): each changes no row.
pub fn plan_without(model: &Model, passes: &[&str]) -> Plan {
    build::build(model, passes, &Leaving::default())
}

/// Plans everything that `model` defines but for some KPIs: where they lie in one table with others, the table is made
/// without them. The relations are the same, and stand in the same places.
pub fn plan_leaving(model: &Model, leaving: &Leaving) -> Plan {
    let mut plan = build::build(model, &[], leaving);
    // What is stored is not decided by what is left out.
    for (node, whole) in plan.nodes.iter_mut().zip(self::plan(model).nodes) {
        node.materialization = whole.materialization;
    }
    plan
}

/// Returns what computes the cells of one KPI, among the relations of a plan.
pub fn cells_of(model: &Model, plan: &Plan, kpi: KpiIndex) -> Query {
    let mut query = relations::cells_alone(relations::Cx { model, plan, without: &[] }, kpi);
    passes::run(&mut query, plan, &[]);
    query
}

/// Returns the relations that the cells of a KPI are computed of, those behind views among them.
pub fn read_by(model: &Model, plan: &Plan, kpi: KpiIndex) -> BTreeSet<NodeId> {
    relations::read_by(relations::Cx { model, plan, without: &[] }, kpi)
}
