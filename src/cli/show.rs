//! `milepost show`: prints the rows that a definition made.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::cli::arguments::Output;
use crate::cli::outcome::{Exit, Failure};
use crate::cli::rows::{self, Query};
use crate::cli::run::connect_to_read;
use crate::cli::terminal::Cx;
use crate::cli::workspace::Workspace;
use crate::plan::node::{Materialization, Node, NodeId, Plan, Relation};
use crate::project::names::nearest;
use crate::project::read::list;
use crate::run::standing::own_name;
use crate::target::Target;
use crate::warehouse::{Found, Warehouse};

/// Print the rows of a definition, or draw a KPI over its periods
///
/// Reads what the last run made, and writes nothing; with `--as-of`, only rows of that moment. Of a KPI, the latest periods; on a terminal they are drawn too. A period with members
/// whose window is still open is drawn light. With `--output json` or `csv`, all columns.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    milepost show activation_rate\n  \
    milepost show activation_rate --segments --chart\n  \
    milepost show milestone.activated --limit 20 --output csv")]
pub struct Args {
    /// The definition: `activation_rate`, or `kpi.activation_rate` where two kinds share a name
    #[arg(value_name = "NAME")]
    pub name: String,

    /// How many rows at most; 0 is all of them
    #[arg(long, env = "MILEPOST_LIMIT", hide_env_values = true, value_name = "NUMBER", default_value_t = 100)]
    pub limit: usize,

    /// Show the segments of a KPI too, after its total
    #[arg(
        long,
        env = "MILEPOST_SEGMENTS",
        hide_env_values = true,
        value_parser = clap::builder::BoolishValueParser::new(),
        action = clap::ArgAction::SetTrue
    )]
    pub segments: bool,

    /// Draw bars in place of a table: KPIs only
    #[arg(
        long,
        env = "MILEPOST_CHART",
        hide_env_values = true,
        value_parser = clap::builder::BoolishValueParser::new(),
        action = clap::ArgAction::SetTrue
    )]
    pub chart: bool,
}

/// Runs the command.
pub fn run(args: &Args, cx: &Cx) -> Result<Exit, Failure> {
    let mut workspace = Workspace::open(cx)?;
    let id = find(&workspace, &args.name)?;
    let target = workspace.target()?;
    let warehouse = connect_to_read(&mut workspace, &target)?;
    let plan = &workspace.analysis.plan;
    let node = plan.node(id);
    let standing = standing(&target, &*warehouse)?;
    let moments = moments(plan, id, &target, &standing);
    // Where it is not there, the reading says so.
    if let (Some(wanted), Some(found)) = (cx.globals.as_of, find_standing(&target, &standing, node)) {
        is_as_of(wanted, found, node, &moments)?;
    }
    if let Some(mixed) = mixed(plan, id, &moments) {
        // The rows of KPIs say of what moment they are; those of a milestone are wrong.
        if matches!(node.relation, Relation::Kpis) {
            cx.say(&format!("warning: {mixed}"));
        } else {
            return Err(Failure::new(mixed).help("a run ended before it was done: `milepost run`"));
        }
    }
    let is_kpi = matches!(node.relation, Relation::Kpi(_));
    let are_kpis = is_kpi || matches!(node.relation, Relation::Kpis);
    if args.chart && !is_kpi {
        return Err(Failure::new(format!("`{}` has no periods to draw", node.name)).help("leave out `--chart`"));
    }
    let limit = (args.limit > 0).then_some(args.limit);
    let query = if are_kpis { Query::Periods { segments: args.segments } } else { Query::Rows };
    let (found, truncated) = rows::read(&target, &*warehouse, node, query, limit)?;
    if cx.globals.output != Output::Text {
        cx.print_table(&found)?;
        return Ok(workspace.warn());
    }
    if !args.chart {
        cx.print_table(&rows::short(&found, &workspace.analysis.model))?;
    }
    if is_kpi && (args.chart || cx.stdout_is_terminal()) {
        let gap = if args.chart { "" } else { "\n" };
        cx.print(&format!("{gap}{}", rows::chart(&found, &workspace.analysis.model).to_text(cx.width())))?;
    }
    if truncated {
        cx.say(&format!("there are more than {} rows: `--limit 0` prints all", args.limit));
    }
    Ok(workspace.warn())
}

/// Returns what stands in the schema.
fn standing(target: &Target, warehouse: &dyn Warehouse) -> Result<Vec<Found>, Failure> {
    let schema = target.dialect.table(&target.schema).map_err(Failure::new)?;
    warehouse.found(&schema).map_err(|error| Failure::new(error.message))
}

/// Finds what stands there of a node; none where nothing does.
fn find_standing<'f>(target: &Target, standing: &'f [Found], node: &Node) -> Option<&'f Found> {
    let relation = target.relation(node).unwrap_or_default();
    standing.iter().find(|found| found.name == own_name(&relation))
}

/// Returns the tables that hold the rows of a relation, its own or those that a view reads, and the moments of these.
fn moments<'s>(plan: &Plan, id: NodeId, target: &Target, standing: &'s [Found]) -> BTreeMap<NodeId, &'s str> {
    let (mut moments, mut seen, mut open) = (BTreeMap::new(), BTreeSet::new(), vec![id]);
    while let Some(next) = open.pop() {
        if !seen.insert(next) {
            continue;
        }
        // A table holds its rows itself.
        if plan.node(next).materialization == Materialization::View {
            open.extend(&plan.node(next).depends_on);
        } else {
            let mark = find_standing(target, standing, plan.node(next)).and_then(|found| found.mark.as_ref());
            moments.extend(mark.and_then(|mark| Some((next, mark.as_of.as_deref()?))));
        }
    }
    moments
}

/// Says which tables a view reads that are of different moments, which a run that failed or was killed leaves behind.
fn mixed(plan: &Plan, id: NodeId, moments: &BTreeMap<NodeId, &str>) -> Option<String> {
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

/// Refuses rows of another moment than was asked for.
fn is_as_of(wanted: Timestamp, found: &Found, node: &Node, moments: &BTreeMap<NodeId, &str>) -> Result<(), Failure> {
    let failure = match moments.values().find(|moment| **moment != wanted.to_string()) {
        // A table that says the same at any time has no moment.
        None if found.mark.is_some() => return Ok(()),
        None => Failure::new(format!("`{}` has no mark that says as of when its rows are", node.name)),
        Some(moment) => Failure::new(format!("the rows of `{}` are as of {moment}, and not of {wanted}", node.name)),
    };
    Err(failure.help(format!("make those: `milepost run --as-of {wanted}`")))
}

/// Finds the relation that a name means: that of the definition, by its name or its id, or the relation itself.
fn find(workspace: &Workspace<'_>, name: &str) -> Result<NodeId, Failure> {
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
            let failure = Failure::new(format!("nothing that is made is named `{name}`"));
            Err(match nearest(name, names.iter().copied()) {
                Some(near) => failure.help(format!("one with a similar name exists: `{near}`")),
                None => failure.help("`milepost ls` prints what there is"),
            })
        }
        (several, _) => {
            let ids: Vec<&str> = several.iter().map(|(id, _)| id.as_str()).collect();
            Err(Failure::new(format!("`{name}` names {} definitions", ids.len()))
                .help(format!("say which: {}", list(&ids))))
        }
    }
}
