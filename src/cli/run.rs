//! `milepost run`: compiles, and makes the relations in the target's warehouse.

use crate::cli::arguments::Selection;
use crate::cli::outcome::{Exit, Failure};
use crate::cli::terminal::Cx;

/// Compile the definitions and make their relations in the warehouse
///
/// A relation is made after all that it reads from; when one fails, those that read from it are skipped and the
/// others are still made. Results are written to `target/run_results.json`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    milepost run\n  \
    milepost run --select tag:weekly --exclude kind:score\n  \
    milepost run --target prod --as-of 2026-03-01 --threads 8 --fail-fast")]
pub struct Args {
    /// Which definitions.
    #[command(flatten)]
    pub selection: Selection,
}

/// Runs the command.
pub fn run(_args: &Args, _cx: &Cx) -> Result<Exit, Failure> {
    Err(Failure::new("run"))
}
