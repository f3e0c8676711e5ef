//! The command line: its flags, its commands, and how each of them ends.
//!
//! To add a command, write `cli/<command>.rs` with its `Args`, whose doc comment is its help and whose `after_help` is
//! its examples, and a `run`; then name it here four times: `mod`, `Command`, `Command::run` and `Command::forms`.

pub mod arguments;
pub mod build;
pub mod check;
pub mod clean;
pub mod compile;
pub mod completions;
pub mod debug;
pub mod drop;
pub mod explain;
pub mod export;
pub mod init;
pub mod lineage;
pub mod ls;
pub mod man;
pub mod outcome;
pub mod reference;
pub mod results;
pub mod run;
pub mod show;
pub mod terminal;
pub mod test;
mod variables;
pub mod verify;

use std::env;
use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::cli::arguments::{Globals, Output};
use crate::cli::outcome::{EXIT_CODES, Exit, Failure};
use crate::cli::terminal::Cx;

/// Compiles product-led-growth measures, written in TOML, to SQL, and runs them.
///
/// A project is a folder with a `project.toml` and definitions under `models/`: sources, entities, milestones, KPIs
/// and scores. `milepost init` writes a small one that works.
#[derive(Debug, Parser)]
#[command(name = "milepost", version, arg_required_else_help = true, disable_help_subcommand = true)]
pub struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

/// What can be done.
#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Args),
    Check(check::Args),
    Compile(compile::Args),
    Run(run::Args),
    Build(build::Args),
    Test(test::Args),
    Verify(verify::Args),
    Debug(debug::Args),
    Ls(ls::Args),
    Show(show::Args),
    Explain(explain::Args),
    Lineage(lineage::Args),
    Export(export::Args),
    Clean(clean::Args),
    Drop(drop::Args),
    Man(man::Args),
    Completions(completions::Args),
}

/// What can be printed besides text for people.
const FOR_PROGRAMS: &[Output] = &[Output::Json];
/// What mistakes can be printed as besides drawings for people.
const MISTAKES: &[Output] = &[Output::Json, Output::Sarif];
/// What rows can be printed as besides a table for people.
const ROWS: &[Output] = &[Output::Json, Output::Csv];

impl Command {
    /// Returns the name, and the forms besides text in which the command prints what was asked for.
    fn forms(&self) -> (&'static str, &'static [Output]) {
        match self {
            Command::Init(_) => ("init", &[]),
            Command::Check(_) => ("check", MISTAKES),
            Command::Compile(_) => ("compile", FOR_PROGRAMS),
            Command::Run(_) => ("run", FOR_PROGRAMS),
            Command::Build(_) => ("build", FOR_PROGRAMS),
            Command::Test(_) => ("test", FOR_PROGRAMS),
            Command::Verify(_) => ("verify", FOR_PROGRAMS),
            Command::Debug(_) => ("debug", ROWS),
            Command::Ls(_) => ("ls", ROWS),
            Command::Show(_) => ("show", ROWS),
            Command::Explain(args) => {
                if args.estimate {
                    ("explain", ROWS)
                } else {
                    ("explain", &[])
                }
            }
            Command::Lineage(_) => ("lineage", FOR_PROGRAMS),
            Command::Export(_) => ("export", &[]),
            Command::Clean(_) => ("clean", &[]),
            Command::Drop(_) => ("drop", ROWS),
            Command::Man(_) => ("man", &[]),
            Command::Completions(_) => ("completions", &[]),
        }
    }

    /// Refuses a form that the command does not print, before anything is done.
    fn refuse_form(&self, cx: &Cx) -> Result<(), Failure> {
        let (name, forms) = self.forms();
        let wanted = cx.globals.output;
        if wanted == Output::Text || forms.contains(&wanted) {
            return Ok(());
        }
        let others: Vec<&str> = forms.iter().map(|form| form.name()).collect();
        let failure = Failure::new(format!("`milepost {name}` prints no {}", wanted.name()));
        Err(match others.as_slice() {
            [] => failure.help("leave `--output` out"),
            others => failure.help(format!("leave `--output` out, or make it {}", others.join(" or "))),
        })
    }

    fn run(self, cx: &Cx) -> Result<Exit, Failure> {
        match self {
            Command::Init(args) => init::run(&args, cx),
            Command::Check(args) => check::run(&args, cx),
            Command::Compile(args) => compile::run(&args, cx),
            Command::Run(args) => run::run(&args, cx),
            Command::Build(args) => build::run(&args, cx),
            Command::Test(args) => test::run(&args, cx),
            Command::Verify(args) => verify::run(&args, cx),
            Command::Debug(args) => debug::run(&args, cx),
            Command::Ls(args) => ls::run(&args, cx),
            Command::Show(args) => show::run(&args, cx),
            Command::Explain(args) => explain::run(&args, cx),
            Command::Lineage(args) => lineage::run(&args, cx),
            Command::Export(args) => export::run(&args, cx),
            Command::Clean(args) => clean::run(&args, cx),
            Command::Drop(args) => drop::run(&args, cx),
            Command::Man(args) => man::run(&args, cx),
            Command::Completions(args) => completions::run(&args, cx),
        }
    }
}

/// Runs the command that `arguments` name, the program's own name first.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let parsed = without_empty_variables(definition(terminal::color_is_refused(&arguments)))
        .try_get_matches_from(&arguments)
        .and_then(|matches| <Cli as clap::FromArgMatches>::from_arg_matches(&matches));
    match parsed {
        Ok(cli) => {
            let mut cx = Cx::new(cli.globals);
            let environment = env::var(variables::ENVIRONMENT).ok();
            let ended =
                variables::read(&cx.globals.variables, &arguments, environment.as_deref()).and_then(|variables| {
                    cx.variables = variables;
                    cli.command.refuse_form(&cx)?;
                    cli.command.run(&cx)
                });
            outcome::end(ended, &cx).into()
        }
        Err(error) => outcome::end_of_usage(&error).into(),
    }
}

/// Takes a variable of the environment that is set to nothing for one that is not set: that is how CI systems unset one.
fn without_empty_variables(command: clap::Command) -> clap::Command {
    let is_empty = |name: &std::ffi::OsStr| std::env::var_os(name).is_some_and(|value| value.is_empty());
    command
        .mut_args(
            |flag| {
                if flag.get_env().is_some_and(is_empty) { flag.env(clap::builder::Resettable::Reset) } else { flag }
            },
        )
        .mut_subcommands(without_empty_variables)
}

/// Returns the whole command line as clap sees it: what the help, the manual and the completions are made of.
pub fn definition(without_color: bool) -> clap::Command {
    let color = if without_color { clap::ColorChoice::Never } else { clap::ColorChoice::Auto };
    let codes: Vec<String> = EXIT_CODES.iter().map(|(code, meaning)| format!("  {code}  {meaning}")).collect();
    let after = format!(
        "Every flag can be set in the environment: `--target prod` is `MILEPOST_TARGET=prod`.\n\nExit codes:\n{}",
        codes.join("\n")
    );
    Cli::command().color(color).after_help(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_has_no_conflicts() {
        definition(true).debug_assert();
    }

    #[test]
    fn every_flag_is_read_from_the_environment_under_one_prefix() {
        for command in definition(true).get_subcommands().chain([&definition(true)]) {
            for flag in command.get_arguments().filter_map(|argument| argument.get_long().map(|long| (long, argument)))
            {
                let (long, argument) = flag;
                if matches!(long, "help" | "version") {
                    continue;
                }
                // Its variable would have the name that everybody gives the schema of a project.
                let expected = ((command.get_name(), long) != ("man", "schema"))
                    .then(|| format!("MILEPOST_{}", long.replace('-', "_").to_uppercase()));
                let found = argument.get_env().map(|name| name.to_string_lossy().into_owned());
                assert_eq!(found, expected, "--{long} of {}", command.get_name());
            }
        }
    }
}
