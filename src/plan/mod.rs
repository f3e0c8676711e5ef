//! Model -> plan: what must be computed, once each, in what order; no text.
//!
//! The plan collects what every definition needs of the raw events, and reads them once. What definitions count is
//! gathered into streams: a stream is a set of rows of one source for one entity, and equal streams are one, however
//! many milestones count them.

pub mod build;
pub mod columns;
pub mod definitions;
pub mod display;
pub mod layout;
pub mod lineage;
pub mod naming;
pub mod needs;
pub mod node;
pub mod part;
pub mod relational;
mod relations;
pub mod streams;

use crate::plan::node::Plan;
use crate::semantic::model::Model;

/// Plans everything that `model` defines.
pub fn plan(model: &Model) -> Plan {
    build::build(model, &[])
}

/// Plans everything that `model` defines without some of the passes ([`relational::passes::PASSES`]): each changes no row.
pub fn plan_without(model: &Model, passes: &[&str]) -> Plan {
    build::build(model, passes)
}
