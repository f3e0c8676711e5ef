//! `milepost check`: reads the project and says what is wrong with it.

use crate::application::mistakes::find;
use crate::cli::arguments::Output;
use crate::cli::outcome::{Exit, Failure, exit_of};
use crate::cli::terminal::Cx;
use crate::diagnostic::Diagnostics;
use crate::report::diagnostics::lines;
use crate::source::Sources;

/// Say what is wrong with the project, and write nothing
///
/// Reads all files, resolves all names, types all expressions, and compiles for every target. Nothing is connected to.
/// With `--output json` the
/// diagnostics go to standard output, with lines, columns and bytes, as editors want them; with `--output sarif` as what
/// shows them beside the code wants them, with paths from the current folder.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    milepost check\n  \
    milepost check --short\n  \
    milepost check --output json | jq '.[].code'\n  \
    milepost check --output sarif > check.sarif")]
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
pub fn run(args: &Args, cx: &Cx) -> Result<Exit, Failure> {
    let (found, sources) = find(&cx.request());
    print(&found, &sources, args, cx)
}

fn print(found: &Diagnostics, sources: &Sources, args: &Args, cx: &Cx) -> Result<Exit, Failure> {
    let is_for_people = cx.globals.output == Output::Text;
    if args.short && is_for_people {
        cx.print(&lines(found, sources))?;
        return Ok(exit_of(found));
    }
    let exit = cx.print_diagnostics(found, sources)?;
    if exit == Exit::Done && is_for_people {
        cx.say("nothing is wrong");
    }
    Ok(exit)
}
