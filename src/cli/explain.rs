//! `milepost explain`: prints the plan, before it is SQL.

use crate::cli::arguments::Selection;
use crate::cli::outcome::{Exit, Failure};
use crate::cli::terminal::Cx;

/// Print what will be computed, in what order and from what
///
/// The plan is the same for every dialect: which relations are made, which of them share a scan of the events, and
/// which columns each one reads.
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
pub fn run(_args: &Args, _cx: &Cx) -> Result<Exit, Failure> {
    Err(Failure::not_built_in("explain"))
}
