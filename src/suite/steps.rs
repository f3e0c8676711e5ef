//! What each relation holds in a test: its rows, between the given ones and the expected.

use std::collections::BTreeMap;

use crate::plan::naming::SCHEMA;
use crate::plan::node::NodeId;
use crate::render::dialect::Dialect;
use crate::run::unit;
use crate::suite::case::Case;
use crate::suite::stage::{Stage, needed};
use crate::suite::{Cx, given};
use crate::warehouse::{self, EMBEDDED, Rows};

/// Makes on the embedded engine what a test expects rows of, and returns the rows of every relation on the way there, in the
/// plan's order; an error where the test does not pass.
pub fn steps(cx: Cx<'_>, case: &Case) -> Result<BTreeMap<NodeId, Rows>, String> {
    let target = warehouse::in_memory(cx.project.root.clone());
    let warehouse = warehouse::connect(&target).map_err(|error| error.message)?;
    let dialect = Dialect::named(EMBEDDED).ok_or("the engine that is built in has no dialect")?;
    let stage = Stage { warehouse: &*warehouse, dialect, schema: SCHEMA.to_owned() };
    let part = needed(cx.plan, case.expected.iter().map(|(id, _)| *id));
    let within = stage.make(cx, case.as_of, &given::tables(cx.model, case, dialect), &part)?;
    for (id, expectation) in &case.expected {
        if !unit::compare(&stage.read(cx.plan.node(*id), &within)?, expectation).passed() {
            return Err("it does not pass".to_owned());
        }
    }
    let kept = part.into_iter().filter(|id| cx.plan.node(*id).materialization.is_relation());
    kept.map(|id| Ok((id, stage.read(cx.plan.node(id), &within)?))).collect()
}
