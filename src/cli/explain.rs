//! `milepost explain`: prints the plan, before it is SQL.

use std::fmt::Write as _;

use crate::Analysis;
use crate::cli::arguments::Selection;
use crate::cli::artifacts;
use crate::cli::outcome::{Exit, Failure};
use crate::cli::terminal::Cx;
use crate::cli::workspace::{Workspace, is_everything};
use crate::plan::display;
use crate::plan::node::Materialization;

/// Print what will be computed, in what order and from what
///
/// The plan is the same for every dialect: how often each source is read, which milestones share a stream of
/// occurrences, and which relations are made. With a selection, the columns of each relation, what it reads and what
/// reads it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    milepost explain\n  \
    milepost explain --select kpi.activation_rate")]
pub struct Args {
    /// Which definitions.
    #[command(flatten)]
    pub selection: Selection,
}

/// Runs the command.
pub fn run(args: &Args, cx: &Cx) -> Result<Exit, Failure> {
    let mut workspace = Workspace::open(cx)?;
    if is_everything(&args.selection) {
        cx.print(&display::plan(&workspace.analysis.plan, &workspace.analysis.model))?;
        return Ok(workspace.warn());
    }
    let part = workspace.part(&args.selection)?;
    let targets = workspace.targets()?;
    let Analysis { model, plan, .. } = &workspace.analysis;
    let mut texts = Vec::new();
    // The schema holds the others, and is made of nothing.
    for id in part.into_iter().filter(|id| plan.node(*id).materialization != Materialization::Schema) {
        let mut text = display::node(plan, model, id);
        for target in &targets {
            let path = artifacts::path(&cx.target_path(), target, &plan.node(id).name);
            let _ = writeln!(text, "  compiled to {}", path.display());
        }
        texts.push(text);
    }
    cx.print(&texts.join("\n"))?;
    Ok(workspace.warn())
}
