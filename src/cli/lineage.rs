//! `milepost lineage`: prints which columns a number comes from, or what comes of a column.

use crate::application::lineage::found::Found;
use crate::application::lineage::printed::Report;
use crate::cli::arguments::Output;
use crate::cli::outcome::{Exit, Failure};
use crate::cli::terminal::Cx;
use crate::plan::lineage::Lineage;

/// Print which columns a number comes from, or what comes of a column
///
/// Up, from a definition or one of its columns: the columns of raw rows that it comes from, what each is for, and by way of
/// which relations. Down, from a definition, one of its columns or a column of a table or file: the definitions that it
/// comes to, and their columns. A value is made of some columns; others decide which rows there are. Works without a
/// connection.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    milepost lineage kpi.activation_rate\n  \
    milepost lineage kpi.activation_rate.value --output json\n  \
    milepost lineage source.events.properties.plan --down")]
pub struct Args {
    /// A definition, `kpi.activation_rate`, or one column of it, `kpi.activation_rate.value`; with `--down` also a column
    /// of a source or an entity as its table or file has it
    #[arg(value_name = "NAME")]
    pub name: String,

    /// Print what it comes from; so it is without a flag
    #[arg(
        long,
        env = "MILEPOST_UP",
        hide_env_values = true,
        value_parser = clap::builder::BoolishValueParser::new(),
        action = clap::ArgAction::SetTrue,
        conflicts_with = "down"
    )]
    pub up: bool,

    /// Print what comes of it
    #[arg(
        long,
        env = "MILEPOST_DOWN",
        hide_env_values = true,
        value_parser = clap::builder::BoolishValueParser::new(),
        action = clap::ArgAction::SetTrue
    )]
    pub down: bool,
}

/// Runs the command.
pub fn run(args: &Args, cx: &Cx) -> Result<Exit, Failure> {
    let workspace = cx.open()?;
    let (model, plan) = (&workspace.analysis.model, &workspace.analysis.plan);
    let found = Found::named(&args.name, model, plan)?;
    let lineage = Lineage::new(model, plan);
    let report =
        if args.down { Report::down(&found, &lineage, plan) } else { Report::up(&found, &lineage, model, plan)? };
    match cx.globals.output {
        Output::Json => cx.print(&report.to_json())?,
        Output::Text | Output::Csv | Output::Sarif => cx.print(&report.to_text())?,
    }
    Ok(cx.warn(&workspace))
}
