//! `milepost check`: reads the project and says what is wrong with it.

use crate::cli::arguments::Output;
use crate::cli::outcome::{Exit, Failure};
use crate::cli::terminal::Cx;
use crate::cli::workspace;
use crate::diagnostic::Diagnostics;
use crate::report::diagnostics::lines;
use crate::source::Sources;
use crate::suite::case;
use crate::{Analysis, analyze, compile, target};

/// Say what is wrong with the project, and write nothing
///
/// Reads all files, resolves all names, types all expressions, and compiles for every target. Nothing is connected to.
/// With `--output json` the
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
pub fn run(args: &Args, cx: &Cx) -> Result<Exit, Failure> {
    let mut diagnostics = Diagnostics::default();
    match analyze(&cx.globals.project_dir, workspace::environment(), &mut diagnostics) {
        Err(sources) => print(&diagnostics, &sources, args, cx),
        Ok(analysis) => {
            beyond(&analysis, cx, &mut diagnostics);
            print(&diagnostics, &analysis.project.sources, args, cx)
        }
    }
}

/// Finds what is wrong beyond the definitions themselves: moments, targets, unit tests, and what a target's warehouse
/// cannot say.
fn beyond(analysis: &Analysis, cx: &Cx, diagnostics: &mut Diagnostics) {
    let project = &analysis.project;
    let as_of = workspace::as_of(cx.globals.as_of, project, diagnostics);
    let targets = match cx.globals.target.as_deref() {
        Some(wanted) => target::pick(project, Some(wanted), diagnostics).into_iter().collect(),
        // A project may be checked before it has a place to be built in.
        None if project.targets.is_empty() => Vec::new(),
        None => target::all(project, diagnostics),
    };
    case::resolve(project, &analysis.model, &analysis.plan, diagnostics);
    let Some(as_of) = as_of else { return };
    for target in &targets {
        compile(analysis, &workspace::place(target, as_of), diagnostics);
    }
}

fn print(found: &Diagnostics, sources: &Sources, args: &Args, cx: &Cx) -> Result<Exit, Failure> {
    if args.short && cx.globals.output != Output::Json {
        cx.print(&lines(found, sources))?;
        return Ok(if found.has_errors() { Exit::Failed } else { Exit::Done });
    }
    let exit = cx.print_diagnostics(found, sources)?;
    if exit == Exit::Done && cx.globals.output != Output::Json {
        cx.say("nothing is wrong");
    }
    Ok(exit)
}
