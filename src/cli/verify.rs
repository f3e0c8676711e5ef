//! `milepost verify`: runs the project's unit tests on the target's warehouse as well, and compares.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::application::record::Record;
use crate::cli::arguments::{Selection, Tests};
use crate::cli::outcome::{Exit, Failure};
use crate::cli::results::recorded;
use crate::cli::terminal::Cx;
use crate::cli::test::{cases, test};
use crate::suite::{Against, Other};
use crate::target::Target;
use crate::warehouse::Warehouse;

/// Run the unit tests on the target's warehouse too, and compare the rows
///
/// The rows that each test gives are loaded into a schema of its own on the target, `<schema>_verify_…`, and every
/// relation that the test needs is made there and on the embedded engine. Their columns and rows must be equal: whole
/// numbers exactly, floats to nine digits, times as moments. The schemas are dropped at the end.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    milepost verify --target prod\n  \
    milepost verify --target prod --select activation_counts_within_window --keep")]
pub struct Args {
    /// Which tests, or which definitions to test.
    #[command(flatten)]
    pub selection: Selection,

    /// How unit tests are told of.
    #[command(flatten)]
    pub tests: Tests,

    /// Leave the schemas on the target, to look into them
    #[arg(
        long,
        env = "MILEPOST_KEEP",
        hide_env_values = true,
        value_parser = clap::builder::BoolishValueParser::new(),
        action = clap::ArgAction::SetTrue
    )]
    pub keep: bool,
}

/// What stands in the names of the schemas after that of the target.
const INFIX: &str = "_verify_";

/// Runs the command.
pub fn run(args: &Args, cx: &Cx) -> Result<Exit, Failure> {
    recorded("verify", true, args.tests.junit.as_deref(), cx, |record| verify(args, cx, record))
}

fn verify(args: &Args, cx: &Cx, record: &Record) -> Result<Exit, Failure> {
    let mut workspace = cx.open()?;
    let target = workspace.target()?;
    record.works_on(&workspace, Some(&target));
    let cases = cases(&mut workspace, &args.selection, cx)?;
    if cases.is_empty() {
        return Ok(cx.warn(&workspace));
    }
    let warehouse = workspace.connect(&target)?;
    if let Some(left) = left_behind(&*warehouse, &target) {
        cx.say(&left);
    }
    let schema = format!("{}{INFIX}{:x}", target.schema, Timestamp::now().as_microsecond());
    cx.say(&format!("comparing `{}` ({}) with the embedded engine, in {schema}_…", target.name, target.dialect.name()));
    let other = Other { warehouse, dialect: target.dialect, schema, keep: args.keep };
    let threads = cx.globals.threads.unwrap_or(target.threads);
    test(&workspace, &cases, Against::Warehouse(&other), threads, record, cx)?;
    Ok(cx.warn(&workspace))
}

/// Names the schemas of earlier runs that are still there: of one that was killed, that was to keep them, or that is still
/// at work. Which it was nobody knows, so that they stay.
fn left_behind(warehouse: &dyn Warehouse, target: &Target) -> Option<String> {
    let own = target.schema.rsplit('.').next().unwrap_or(&target.schema);
    let prefix = format!("{own}{INFIX}");
    // Nothing depends on it.
    let relations = warehouse.relations().ok()?;
    let schemas = relations.iter().filter_map(|relation| relation.rsplit_once('.').map(|(schema, _)| schema));
    let left: BTreeSet<String> =
        schemas.filter(|schema| schema.starts_with(&prefix)).map(|schema| format!("`{schema}`")).collect();
    let names = left.iter().cloned().collect::<Vec<_>>().join(", ");
    (!left.is_empty()).then(|| {
        format!("schemas of earlier runs of `verify` are there, killed or told to keep them, or still at work: {names}")
    })
}
