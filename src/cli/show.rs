//! `milepost show`: prints the rows that a definition made.

use jiff::Timestamp;

use crate::application::rows::{self, Query};
use crate::application::shown::{find, is_as_of, mixed, moments, standing};
use crate::cli::arguments::Output;
use crate::cli::outcome::{Exit, Failure};
use crate::cli::terminal::Cx;
use crate::plan::node::Relation;

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
    let mut workspace = cx.open()?;
    let id = find(&workspace, &args.name)?;
    let target = workspace.target()?;
    let warehouse = workspace.connect_to_read(&target)?;
    let plan = &workspace.analysis.plan;
    let node = plan.node(id);
    let standing = standing(&target, &*warehouse)?;
    let moments = moments(plan, id, &target, &standing);
    if let Some(wanted) = cx.globals.as_of {
        is_as_of(wanted, &target, &standing, node, &moments)?;
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
    let table = moments.values().next().and_then(|moment| moment.parse::<Timestamp>().ok());
    if let Some(moment) = cx.globals.as_of.or(table).filter(|_| are_kpis)
        && let Some(other) = rows::of_another_moment(&found, moment)
    {
        let said =
            format!("`{}` has rows as of {other}, which a run left as they were, and not of {moment}", node.name);
        if cx.globals.as_of.is_some() {
            return Err(Failure::new(said).help(format!("make those: `milepost run --as-of {moment}`")));
        }
        cx.say(&format!("warning: {said}"));
    }
    if cx.globals.output != Output::Text {
        cx.print_table(&found)?;
        return Ok(cx.warn(&workspace));
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
    Ok(cx.warn(&workspace))
}
