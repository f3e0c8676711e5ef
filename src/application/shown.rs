//! Which relation's rows are meant by a name, and of which moment they are.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::application::Obstacle;
use crate::application::workspace::Workspace;
use crate::plan::node::{Node, NodeId, Plan};
use crate::project::names::nearest;
use crate::project::read::list;
use crate::run::standing::own_name;
use crate::target::Target;
use crate::warehouse::{Found, Warehouse};

/// Returns what stands in the schema.
pub fn standing(target: &Target, warehouse: &dyn Warehouse) -> Result<Vec<Found>, Obstacle> {
    let schema = target.dialect.table(&target.schema).map_err(Obstacle::new)?;
    warehouse.found(&schema).map_err(|error| Obstacle::new(error.message))
}

/// Finds what stands there of a node; none where nothing does.
fn find_standing<'f>(target: &Target, standing: &'f [Found], node: &Node) -> Option<&'f Found> {
    let relation = target.relation(node).unwrap_or_default();
    standing.iter().find(|found| found.name == own_name(&relation))
}

/// Returns the tables that hold the rows of a relation, its own or those that a view reads, and the moments of these.
pub fn moments<'s>(plan: &Plan, id: NodeId, target: &Target, standing: &'s [Found]) -> BTreeMap<NodeId, &'s str> {
    let (mut moments, mut seen, mut open) = (BTreeMap::new(), BTreeSet::new(), vec![id]);
    while let Some(next) = open.pop() {
        if !seen.insert(next) {
            continue;
        }
        // A table holds its rows itself.
        if plan.node(next).materialization.is_read_through() {
            open.extend(&plan.node(next).depends_on);
        } else {
            let mark = find_standing(target, standing, plan.node(next)).and_then(|found| found.mark.as_ref());
            moments.extend(mark.and_then(|mark| Some((next, mark.as_of.as_deref()?))));
        }
    }
    moments
}

/// Says which tables a view reads that are of different moments, which a run that failed or was killed leaves behind.
pub fn mixed(plan: &Plan, id: NodeId, moments: &BTreeMap<NodeId, &str>) -> Option<String> {
    let (first, moment) = moments.first_key_value()?;
    let (second, other) = moments.iter().find(|(_, other)| *other != moment)?;
    let name = |id: &NodeId| &plan.node(*id).name;
    Some(format!(
        "`{}` reads `{}`, which is as of {moment}, and `{}`, which is as of {other}: its rows are of no moment",
        name(&id),
        name(first),
        name(second)
    ))
}

/// Refuses rows of another moment than was asked for; `moments` are those of the tables that hold them.
pub fn is_as_of(
    wanted: Timestamp,
    target: &Target,
    standing: &[Found],
    node: &Node,
    moments: &BTreeMap<NodeId, &str>,
) -> Result<(), Obstacle> {
    // Where it is not there, the reading says so.
    let Some(found) = find_standing(target, standing, node) else { return Ok(()) };
    let failure = match moments.values().find(|moment| **moment != wanted.to_string()) {
        // A table that says the same at any time has no moment.
        None if found.mark.is_some() => return Ok(()),
        None => Obstacle::new(format!("`{}` has no mark that says as of when its rows are", node.name)),
        Some(moment) => Obstacle::new(format!("the rows of `{}` are as of {moment}, and not of {wanted}", node.name)),
    };
    Err(failure.help(format!("make those: `milepost run --as-of {wanted}`")))
}

/// Finds the relation that a name means: that of the definition, by its name or its id, or the relation itself.
pub fn find(workspace: &Workspace, name: &str) -> Result<NodeId, Obstacle> {
    let plan = &workspace.analysis.plan;
    let mut found: Vec<(String, NodeId)> = Vec::new();
    for (index, node) in plan.nodes.iter().enumerate() {
        let Some(definition) = &node.definition else { continue };
        let id = &definition.id;
        if id.name == name || id.to_string() == name {
            found.push((id.to_string(), NodeId(index)));
        }
    }
    let is_relation = |id: &NodeId| plan.node(*id).materialization.is_relation();
    match (found.as_slice(), plan.find(name).filter(is_relation)) {
        ([(_, only)], _) if is_relation(only) => Ok(*only),
        ([(id, only)], _) => Err(Obstacle::new(format!(
            "the rows of `{id}` are not stored: they are read in the one statement that needs them"
        ))
        .help(format!(
            "`milepost explain --select {id}+` prints which that is; its SQL has `{}`",
            plan.node(*only).name
        ))),
        ([], Some(relation)) => Ok(relation),
        ([], None) => {
            let names: Vec<&str> = plan
                .nodes
                .iter()
                .flat_map(|node| node.definition.iter().map(|own| own.id.name.as_str()).chain([node.name.as_str()]))
                .collect();
            let failure = Obstacle::new(format!("nothing that is made is named `{name}`"));
            Err(match nearest(name, names.iter().copied()) {
                Some(near) => failure.help(format!("one with a similar name exists: `{near}`")),
                None => failure.help("`milepost ls` prints what there is"),
            })
        }
        (several, _) => {
            let ids: Vec<&str> = several.iter().map(|(id, _)| id.as_str()).collect();
            Err(Obstacle::new(format!("`{name}` names {} definitions", ids.len()))
                .help(format!("say which: {}", list(&ids))))
        }
    }
}
