//! `milepost compile`: writes the SQL of every definition.

use crate::cli::arguments::Selection;
use crate::cli::outcome::{Exit, Failure};
use crate::cli::terminal::Cx;

/// Write the SQL of the definitions under `target/compiled/`
///
/// One file for each relation, each one statement, in the dialect of the target, and a manifest that lists them in
/// the order in which they run. Nothing is connected to: the SQL can be run by whatever runs yours.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    milepost compile\n  \
    milepost compile --target prod --as-of 2026-03-01\n  \
    milepost compile --select +kpi.activation_rate")]
pub struct Args {
    /// Which definitions.
    #[command(flatten)]
    pub selection: Selection,
}

/// Runs the command.
pub fn run(_args: &Args, _cx: &Cx) -> Result<Exit, Failure> {
    Err(Failure::not_built_in("compile"))
}
