//! `milepost check`: reads the project and says what is wrong with it.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;

use crate::cli::arguments::Output;
use crate::cli::outcome::{Exit, Failure, exit_of};
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
    let question = Question {
        root: &cx.globals.project_dir,
        environment: workspace::environment(),
        as_of: cx.globals.as_of,
        target: cx.globals.target.as_deref(),
    };
    let (found, sources) = find(&question);
    print(&found, &sources, args, cx)
}

/// What is checked, and in which circumstances.
#[derive(Clone, Debug)]
pub struct Question<'q> {
    /// The project's folder.
    pub root: &'q Path,
    /// The environment's variables.
    pub environment: BTreeMap<String, String>,
    /// The moment to compile for.
    pub as_of: Option<Timestamp>,
    /// The target to compile for; all, where none is named.
    pub target: Option<&'q str>,
}

/// Finds what is wrong with a project, and returns it with the files that were read.
pub fn find(question: &Question<'_>) -> (Diagnostics, Sources) {
    let mut diagnostics = Diagnostics::default();
    match analyze(question.root, question.environment.clone(), &mut diagnostics) {
        Err(sources) => (diagnostics, sources),
        Ok(analysis) => {
            beyond(&analysis, question, &mut diagnostics);
            (diagnostics, analysis.project.sources)
        }
    }
}

/// Finds what is wrong beyond the definitions themselves: moments, targets, unit tests, and what a target's warehouse
/// cannot say.
fn beyond(analysis: &Analysis, question: &Question<'_>, diagnostics: &mut Diagnostics) {
    let Analysis { project, model, plan } = analysis;
    let as_of = workspace::as_of(question.as_of, project, diagnostics);
    let targets = match question.target {
        Some(wanted) => target::pick(project, Some(wanted), diagnostics).into_iter().collect(),
        // A project may be checked before it has a place to be built in.
        None if project.targets.is_empty() => Vec::new(),
        None => {
            if project.settings.body.default_target.is_some() {
                target::pick(project, None, diagnostics);
            }
            target::all(project, diagnostics)
        }
    };
    case::resolve(project, model, plan, diagnostics);
    let Some(as_of) = as_of else { return };
    for target in &targets {
        // What is wrong for one is told; whether another has more of it is told too.
        let mut found = Diagnostics::default();
        compile(analysis, &workspace::place(target, as_of), &mut found);
        found.sorted().into_iter().cloned().for_each(|diagnostic| diagnostics.push(diagnostic));
    }
}

fn print(found: &Diagnostics, sources: &Sources, args: &Args, cx: &Cx) -> Result<Exit, Failure> {
    if args.short && cx.globals.output != Output::Json {
        cx.print(&lines(found, sources))?;
        return Ok(exit_of(found));
    }
    let exit = cx.print_diagnostics(found, sources)?;
    if exit == Exit::Done && cx.globals.output != Output::Json {
        cx.say("nothing is wrong");
    }
    Ok(exit)
}
