//! `milepost debug`: can this target be used, and if not, why not.

use crate::application::examination::examination;
use crate::cli::outcome::{Exit, Failure};
use crate::cli::terminal::Cx;

/// Check a target: settings, connection, session, rights and latency
///
/// Each check is one line, with what to do about it where it fails; those that need it are then not tried. What a run needs
/// is done: a table and a view with names that nothing else has are made in the target's schema, which is made where there
/// is none, and dropped again.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    milepost debug --target prod\n  \
    milepost debug --target prod --output json")]
pub struct Args {}

/// Runs the command.
pub fn run(_: &Args, cx: &Cx) -> Result<Exit, Failure> {
    let mut workspace = cx.open()?;
    let target = workspace.target()?;
    let findings = examination(&mut workspace, &target)?;
    let exit = cx.warn(&workspace);
    cx.print_table(&findings.table)?;
    if findings.has_failed { Err(Failure::Reported) } else { Ok(exit) }
}
