//! Which relation's rows are meant by a name, and of which moment they are.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::application::Obstacle;
use crate::application::workspace::Workspace;
use crate::plan::node::{Materialization, Node, NodeId, Plan};
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

/// Says what a view reads that is of another moment than the view, which a run that failed or was killed leaves behind.
pub fn mixed(plan: &Plan, id: NodeId, target: &Target, standing: &[Found]) -> Option<String> {
    let moment = |id: NodeId| {
        let mark = find_standing(target, standing, plan.node(id))?.mark.as_ref()?;
        Some(mark.as_of.as_str())
    };
    let own = moment(id)?;
    let (mut seen, mut open) = (BTreeSet::new(), vec![id]);
    while let Some(next) = open.pop() {
        // A table holds its rows itself.
        if plan.node(next).materialization != Materialization::View {
            continue;
        }
        for read in plan.node(next).depends_on.iter().copied().filter(|read| seen.insert(*read)) {
            if let Some(other) = moment(read).filter(|other| *other != own) {
                let (view, table) = (&plan.node(id).name, &plan.node(read).name);
                return Some(format!(
                    "`{view}` is as of {own}, and reads `{table}`, which is as of {other}: its rows are of no moment"
                ));
            }
            open.push(read);
        }
    }
    None
}

/// Refuses rows of another moment than was asked for.
pub fn is_as_of(wanted: Timestamp, target: &Target, standing: &[Found], node: &Node) -> Result<(), Obstacle> {
    // Where it is not there, the reading says so.
    let Some(found) = find_standing(target, standing, node) else { return Ok(()) };
    let failure = match &found.mark {
        Some(mark) if mark.as_of == wanted.to_string() => return Ok(()),
        Some(mark) => {
            Obstacle::new(format!("the rows of `{}` are as of {}, and not of {wanted}", node.name, mark.as_of))
        }
        None => Obstacle::new(format!("`{}` has no mark that says as of when its rows are", node.name)),
    };
    Err(failure.help(format!("make those: `milepost run --as-of {wanted}`")))
}

/// Finds the relation that a name means: that of the definition, by its name or its id, or the relation itself.
pub fn find(workspace: &Workspace, name: &str) -> Result<NodeId, Obstacle> {
    let plan = &workspace.analysis.plan;
    let mut found: Vec<(String, NodeId)> = Vec::new();
    for (index, node) in plan.nodes.iter().enumerate() {
        let Some(definition) = &node.definition else { continue };
        let id = format!("{}.{}", definition.kind, definition.name);
        if definition.name == name || id == name {
            found.push((id, NodeId(index)));
        }
    }
    let is_relation = |id: &NodeId| plan.node(*id).materialization != Materialization::Schema;
    match (found.as_slice(), plan.find(name).filter(is_relation)) {
        ([(_, only)], _) => Ok(*only),
        ([], Some(relation)) => Ok(relation),
        ([], None) => {
            let names: Vec<&str> = plan
                .nodes
                .iter()
                .flat_map(|node| node.definition.iter().map(|own| own.name.as_str()).chain([node.name.as_str()]))
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
