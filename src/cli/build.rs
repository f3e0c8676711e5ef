//! `milepost build`: tests first, then a run.

use crate::cli::arguments::Selection;
use crate::cli::outcome::{Exit, Failure};
use crate::cli::terminal::Cx;

/// Test the definitions, then run them: what a schedule calls
///
/// The unit tests of the selected definitions run first, on rows of their own; where one fails, nothing is made.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    milepost build\n  \
    milepost build --select +kpi.activation_rate --as-of 2026-03-01")]
pub struct Args {
    /// Which definitions.
    #[command(flatten)]
    pub selection: Selection,
}

/// Runs the command.
pub fn run(_args: &Args, _cx: &Cx) -> Result<Exit, Failure> {
    Err(Failure::new("build"))
}
