//! `milepost test`: runs the unit tests of the project.

use crate::cli::arguments::Selection;
use crate::cli::outcome::{Exit, Failure};
use crate::cli::terminal::Cx;

/// Run the project's unit tests: given rows, expected rows
///
/// A test is a table `[test.<name>]` of any file of the project. It runs on the embedded engine, on the rows that it
/// gives and at the instant that it names; no warehouse is connected to.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    milepost test\n  \
    milepost test --select activation_counts_within_window")]
pub struct Args {
    /// Which tests, or which definitions to test.
    #[command(flatten)]
    pub selection: Selection,
}

/// Runs the command.
pub fn run(_args: &Args, _cx: &Cx) -> Result<Exit, Failure> {
    Err(Failure::new("test"))
}
