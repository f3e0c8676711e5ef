//! `milepost export`: writes the project in the form of another program.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::application::export::dbt;
use crate::cli::outcome::{Exit, Failure};
use crate::cli::terminal::Cx;

/// Write the project in the form of another program
///
/// `dbt` is a package for the target's adapter: a model for each relation, `as_of` as a variable, what is said about
/// definitions, and the sources that are read. It is written beside what others keep in the folder: only files that an
/// earlier export wrote are replaced or removed, and `milepost_export.json` lists them. Nothing is connected to.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    milepost export dbt ../analytics/packages/inkwell\n  \
    milepost export dbt build/dbt --target prod --as-of 2026-03-01")]
pub struct Args {
    /// Which program
    #[arg(value_enum, value_name = "FORM")]
    pub form: Form,

    /// The folder that is written to; it is made where it is not there
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
}

/// A program whose form a project can be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// A dbt package
    Dbt,
}

/// Runs the command.
pub fn run(args: &Args, cx: &Cx) -> Result<Exit, Failure> {
    let mut workspace = cx.open()?;
    let target = workspace.target()?;
    match args.form {
        Form::Dbt => {
            let exported = dbt::export(&mut workspace, &target, &args.folder)?;
            let dbt::Exported { package, adapter, models, tests, left_out, changes } = exported;
            cx.say(&format!(
                "exported {models} models and {tests} unit tests for {adapter} to the package `{package}` in `{}`: {} files, {} \
                 written, {} removed",
                args.folder.display(),
                changes.files,
                changes.written,
                changes.removed
            ));
            for reason in left_out {
                cx.say(&format!("left out of the unit tests: {reason}"));
            }
        }
    }
    Ok(cx.warn(&workspace))
}
