//! `milepost drop`: drops what runs made in the target's schema.

use crate::application::dropping::{Dropping, Fate, Which, look};
use crate::cli::arguments::Output;
use crate::cli::outcome::{Exit, Failure};
use crate::cli::terminal::Cx;
use crate::report::table::{Cell, Table};

/// Drop what runs made in the target's schema, and nothing else
///
/// Then the schema, if nothing else is in it. What a run makes carries its mark in the warehouse, and only that is
/// dropped: never a raw table, nor anything that
/// somebody else put there, which is named and stays, and the schema with it. A schema is for one project: what another
/// project made there carries a mark too. The warehouse itself refuses to drop a schema that holds something else, such as
/// a function; where it would drop that too, the empty schema is left to you, and that is said.
///
/// The target is named, by `--target` or its variable, and never the default. With `--gone`, which works on the default
/// target too, only what no definition makes now is dropped, and the schema stays. Nothing prompts: without `--yes` it is
/// printed what would be dropped, and nothing is.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    milepost drop --target ci --dry-run\n  \
    milepost drop --target ci --yes\n  \
    milepost drop --gone --yes")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct Args {
    /// Drop only what no definition makes now: what an earlier run made of definitions that are gone
    #[arg(
        long,
        env = "MILEPOST_GONE",
        hide_env_values = true,
        value_parser = clap::builder::BoolishValueParser::new(),
        action = clap::ArgAction::SetTrue
    )]
    pub gone: bool,

    /// Print what would be dropped, and drop nothing, whatever else is said
    #[arg(
        long,
        env = "MILEPOST_DRY_RUN",
        hide_env_values = true,
        value_parser = clap::builder::BoolishValueParser::new(),
        action = clap::ArgAction::SetTrue
    )]
    pub dry_run: bool,

    /// Drop it
    #[arg(
        long,
        env = "MILEPOST_YES",
        hide_env_values = true,
        value_parser = clap::builder::BoolishValueParser::new(),
        action = clap::ArgAction::SetTrue
    )]
    pub yes: bool,

    /// Leave the schema, also where nothing is in it then
    #[arg(
        long,
        env = "MILEPOST_KEEP_SCHEMA",
        hide_env_values = true,
        value_parser = clap::builder::BoolishValueParser::new(),
        action = clap::ArgAction::SetTrue
    )]
    pub keep_schema: bool,
}

/// Runs the command.
pub fn run(args: &Args, cx: &Cx) -> Result<Exit, Failure> {
    let which = if args.gone { Which::Gone } else { Which::All { keep_schema: args.keep_schema } };
    let request = cx.request();
    if !args.gone && request.target.is_none() {
        return Err(Failure::new("the target is not named whose schema is to be dropped")
            .help("name it by `--target`: the default is not taken for that"));
    }
    let plans = look(request, which)?;
    if plans.planned.fates.is_empty() {
        if cx.globals.output != Output::Text {
            cx.print_table(&table(&plans.planned, ""))?;
        }
        let nothing = if args.gone { "there is nothing that no definition makes" } else { "there is nothing to drop" };
        cx.say(&plans.missing.map_or(nothing.to_owned(), |reason| format!("{nothing}: {reason}")));
        return Ok(Exit::Done);
    }
    if args.dry_run || !args.yes {
        cx.print_table(&table(&plans.planned, "would be dropped"))?;
        if args.dry_run {
            return Ok(Exit::Done);
        }
        return Err(Failure::new("nothing was dropped").help("with `--yes` it is"));
    }
    let dropped = plans.drop()?;
    cx.print_table(&table(&dropped, "dropped"))?;
    Ok(if dropped.failed() { Exit::Failed } else { Exit::Done })
}

/// Returns what becomes of everything; `drops` says it of what is dropped.
fn table(dropping: &Dropping, drops: &str) -> Table {
    let mut table = Table::new(&["relation", "outcome", "reason"]);
    for (name, fate) in &dropping.fates {
        let (outcome, reason) = match fate {
            Fate::Dropped => (drops, None),
            Fate::Stays(reason) => ("stays", Some(reason)),
            Fate::Failed(reason) => ("failed", Some(reason)),
        };
        let reason = reason.map_or(Cell::Null, |reason| Cell::Text(reason.clone()));
        table.rows.push(vec![Cell::Text(name.clone()), Cell::Text(outcome.to_owned()), reason]);
    }
    table
}
