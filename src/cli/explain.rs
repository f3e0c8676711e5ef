//! `milepost explain`: prints the plan, before it is SQL.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::Analysis;
use crate::application::requirements::requirements;
use crate::application::workspace::{Workspace, place};
use crate::application::{artifacts, selection, sizes};
use crate::cli::arguments::Selection;
use crate::cli::outcome::{Exit, Failure};
use crate::cli::terminal::Cx;
use crate::plan::display;
use crate::plan::node::Materialization;
use crate::report::table::{Cell, Table};
use crate::run::preflight::preflight;
use crate::warehouse::Reads;

/// Print what will be computed, in what order and from what
///
/// The plan is the same for every dialect: how often each source is read, which milestones share a stream of
/// occurrences, and which relations are made. With a selection, the columns of each relation, what it reads and what
/// reads it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    milepost explain\n  \
    milepost explain --estimate --target prod\n  \
    milepost explain --estimate --target prod --sizes sizes.toml\n  \
    milepost explain --select kpi.activation_rate")]
pub struct Args {
    /// Which definitions.
    #[command(flatten)]
    pub selection: Selection,

    /// Connect to the target, and say how much each reading of raw rows would read, and how that is known; nothing is
    /// made
    #[arg(
        long,
        env = "MILEPOST_ESTIMATE",
        hide_env_values = true,
        value_parser = clap::builder::BoolishValueParser::new(),
        action = clap::ArgAction::SetTrue
    )]
    pub estimate: bool,

    /// With `--estimate`: connect to nothing, and work out what each statement of a run would be billed by what this file
    /// says of the sizes of raw tables
    #[arg(long, value_name = "FILE", requires = "estimate", env = "MILEPOST_SIZES", hide_env_values = true)]
    pub sizes: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: &Args, cx: &Cx) -> Result<Exit, Failure> {
    let mut workspace = cx.open()?;
    if let Some(sizes) = &args.sizes {
        return billed(&mut workspace, &args.selection.plain(), sizes, cx);
    }
    if args.estimate {
        return estimate(&mut workspace, &args.selection.plain(), cx);
    }
    if args.selection.plain().is_everything() {
        cx.print(&display::plan(&workspace.analysis.plan, &workspace.analysis.model))?;
        return Ok(cx.warn(&workspace));
    }
    let part = workspace.part(&args.selection.plain())?;
    let targets = workspace.targets()?;
    let Analysis { model, plan, .. } = &workspace.analysis;
    let mut texts = Vec::new();
    // The schema holds the others, and is made of nothing.
    for id in part.into_iter().filter(|id| plan.node(*id).materialization != Materialization::Schema) {
        let mut text = display::node(plan, model, id);
        for target in &targets {
            let path = artifacts::path(&workspace.request.target_folder(), target, &plan.node(id).name);
            let _ = writeln!(text, "  compiled to {}", path.display());
        }
        texts.push(text);
    }
    cx.print(&texts.join("\n"))?;
    Ok(cx.warn(&workspace))
}

/// Prints what each statement of a run would be billed for each table that it reads, the largest first, and in all.
fn billed(workspace: &mut Workspace, selection: &selection::Selection, sizes: &Path, cx: &Cx) -> Result<Exit, Failure> {
    let target = workspace.target()?;
    let part = workspace.part(selection)?;
    let mut found = sizes::billed_by(&workspace.analysis, &part, target.dialect, sizes)?;
    found.sort_by_key(|(node, reads, billed)| (std::cmp::Reverse(billed.bytes), node.clone(), reads.clone()));
    let count = |count: u64| i64::try_from(count).map_or(Cell::Null, Cell::Int);
    let mut table = Table::new(&["relation", "reads", "rows", "bytes"]);
    let all: u64 = found.iter().fold(0, |all, (_, _, billed)| all.saturating_add(billed.bytes));
    for (node, reads, billed) in found {
        table.rows.push(vec![Cell::Text(node), Cell::Text(reads), count(billed.rows), count(billed.bytes)]);
    }
    table.rows.push(vec![Cell::Text("all".to_owned()), Cell::Null, Cell::Null, count(all)]);
    cx.print_table(&table)?;
    Ok(cx.warn(workspace))
}

/// Prints what each reading of raw rows would read: those are what a run pays for, and what there is before it. Beside
/// the numbers stands what they are, and where nothing is known, none.
fn estimate(workspace: &mut Workspace, selection: &selection::Selection, cx: &Cx) -> Result<Exit, Failure> {
    let target = workspace.target()?;
    let part = workspace.part(selection)?;
    let statements = workspace.compile(&target)?;
    let warehouse = workspace.connect(&target)?;
    let mut table = Table::new(&["relation", "reads", "bytes", "rows", "basis"]);
    let (plan, place) = (&workspace.analysis.plan, place(&target, workspace.as_of));
    let problems = preflight(&*warehouse, &requirements(&workspace.analysis, &part, &place));
    if !problems.is_empty() {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        return Err(Failure::new(lines.join("\n")));
    }
    for id in &part {
        let required = requirements(&workspace.analysis, &[*id], &place);
        let Some(requirement) = required.first() else { continue };
        let reads = Reads { relation: &requirement.relation, files: requirement.files.as_ref() };
        let estimate = warehouse
            .estimate(&statements[id], &reads)
            .map_err(|error| Failure::new(format!("estimating `{}`: {}", plan.node(*id).name, error.message)))?;
        let count =
            |count: Option<u64>| count.map_or(Cell::Null, |count| i64::try_from(count).map_or(Cell::Null, Cell::Int));
        let read = requirement.files.as_ref().map_or(&requirement.relation, |files| &files.path);
        let names = [&plan.node(*id).name, read].map(|text| Cell::Text(text.clone()));
        let counts = [count(estimate.bytes), count(estimate.rows), Cell::Text(estimate.basis)];
        table.rows.push(names.into_iter().chain(counts).collect());
    }
    cx.print_table(&table)?;
    Ok(cx.warn(workspace))
}
