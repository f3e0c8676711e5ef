//! `milepost check`: reads the project and says what is wrong with it.

use crate::cli::outcome::{Exit, Failure};
use crate::cli::terminal::Cx;

/// Say what is wrong with the project, and write nothing
///
/// Reads all files, resolves all names and types all expressions. Nothing is connected to. With `--output json` the
/// diagnostics go to standard output, with lines, columns and bytes, as editors want them.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    milepost check\n  \
    milepost check --short\n  \
    milepost check --output json | jq '.[].code'")]
pub struct Args {
    /// One line for each, as compilers print them: `file:line:column: error[code]: message`
    #[arg(
        long,
        env = "MILEPOST_SHORT",
        hide_env_values = true,
        value_parser = clap::builder::BoolishValueParser::new(),
        action = clap::ArgAction::SetTrue
    )]
    pub short: bool,
}

/// Runs the command.
pub fn run(_args: &Args, _cx: &Cx) -> Result<Exit, Failure> {
    Err(Failure::not_built_in("check"))
}
