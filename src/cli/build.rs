//! `milepost build`: tests first, then a run.

use crate::Analysis;
use crate::application::rows;
use crate::application::workspace::Workspace;
use crate::cli::arguments::{Output, Selection, Tests};
use crate::cli::outcome::{Exit, Failure};
use crate::cli::results::recorded;
use crate::cli::run::make;
use crate::cli::terminal::Cx;
use crate::cli::test;
use crate::plan::node::NodeId;
use crate::report::table::{Cell, Table};
use crate::semantic::model::DefinitionId;
use crate::suite::Against;
use crate::target::Target;
use crate::warehouse::Warehouse;

/// Test the definitions, then run them: what a schedule calls
///
/// The unit tests of the selected definitions run first, on rows of their own; where one fails, nothing is made. In the
/// end the latest value of each KPI is printed, of the periods that are over.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    milepost build\n  \
    milepost build --select +kpi.activation_rate --as-of 2026-03-01")]
pub struct Args {
    /// Which definitions.
    #[command(flatten)]
    pub selection: Selection,

    /// How unit tests are told of.
    #[command(flatten)]
    pub tests: Tests,
}

/// Runs the command.
pub fn run(args: &Args, cx: &Cx) -> Result<Exit, Failure> {
    recorded("build", false, args.tests.junit.as_deref(), cx, |record| {
        let mut workspace = cx.open()?;
        let target = workspace.target()?;
        record.works_on(&workspace, Some(&target));
        let part = workspace.part(&args.selection.plain())?;
        let cases = test::cases(&mut workspace, &args.selection, cx)?;
        test::test(&workspace, &cases, Against::Expected, cx.globals.threads.unwrap_or(0), record, cx)?;
        let warehouse = make(&mut workspace, &target, &part, &args.selection, record, cx)?;
        if cx.globals.output != Output::Json && !cx.globals.quiet {
            let found = found(&workspace, &target, &*warehouse, &part)?;
            if !found.rows.is_empty() {
                cx.print(&found.to_people())?;
            }
        }
        Ok(cx.warn(&workspace))
    })
}

/// Returns the latest value of each KPI whose period is over.
fn found(workspace: &Workspace, target: &Target, warehouse: &dyn Warehouse, part: &[NodeId]) -> Result<Table, Failure> {
    let Analysis { model, plan, .. } = &workspace.analysis;
    let mut table = Table::new(&["kpi", "period", "value", "unit", "n", "target"]);
    for node in part.iter().map(|id| plan.node(*id)) {
        let Some(DefinitionId::Kpi(kpi)) = node.definition.as_ref().map(|own| own.definition) else { continue };
        let kpi = model.kpi(kpi);
        let latest = rows::latest(target, warehouse, node)?;
        let mut row = vec![Cell::Text(kpi.meta.name.clone())];
        let unit = kpi.unit.as_deref();
        let [period, value, n] = latest;
        let (value, shown_unit) = rows::with_unit(value, unit);
        let (aim, _) = rows::with_unit(kpi.target.map_or(Cell::Null, Cell::Float), unit);
        row.extend([period, value, shown_unit, n, aim]);
        table.rows.push(row);
    }
    Ok(table)
}
