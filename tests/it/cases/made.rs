//! What the cases make when they run, and their unit tests.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use milepost::check::check;
use milepost::diagnostic::Diagnostics;
use milepost::plan::node::{Plan, Relation};
use milepost::plan::plan_without;
use milepost::plan::relational::passes::PASSES;
use milepost::render::Statement;
use milepost::report::diagnostics::draw;
use milepost::report::table::{Cell, Table};
use milepost::semantic::model::{Milestone, Occurrences};
use milepost::suite::{self, Against, Outcome, case};
use milepost::warehouse::{self, Value, Warehouse};
use milepost::{Analysis, compile};

use super::{LOOK, beside, each, name, place, projects, read};
use crate::extent;
use crate::functions::executed;

#[test]
fn cases_run_and_make_the_rows_that_they_should() {
    each(&projects("cases"), |project| {
        let text = rows(project, &[]);
        beside(project, || insta::assert_snapshot!("rows", text));
    });
}

#[test]
fn each_pass_of_the_plan_keeps_columns_and_rows() {
    let mut cases = projects("cases");
    if !extent::all("passes of the plan: only some cases are looked at") {
        cases.retain(|case| ["kind_ratio", "kind_time_to", "milestone_structures"].contains(&name(case).as_str()));
    }
    each(&cases, |project| {
        let with = rows(project, &[]);
        for pass in PASSES {
            assert_eq!(rows(project, &[pass.name]), with, "without the pass `{}`", pass.name);
        }
        let all: Vec<&str> = PASSES.iter().map(|pass| pass.name).collect();
        let model = read(project).model;
        let columns = |plan: &Plan| -> Vec<_> {
            plan.nodes.iter().map(|node| (node.name.clone(), node.columns.clone())).collect()
        };
        assert_eq!(columns(&plan_without(&model, &all)), columns(&plan_without(&model, &[])));
    });
}

/// Runs a case in a database in memory, planned without some passes, and returns the rows of its milestones, KPIs and
/// scores.
fn rows(project: &Path, without: &[&str]) -> String {
    let mut analysis = read(project);
    analysis.plan = plan_without(&analysis.model, without);
    let place = place(&analysis, executed());
    let mut diagnostics = Diagnostics::default();
    let statements = compile(&analysis, &place, &mut diagnostics)
        .unwrap_or_else(|| panic!("{}", draw(&diagnostics, &analysis.project.sources, LOOK)));
    let warehouse = warehouse::connect(&warehouse::in_memory(project.to_path_buf())).unwrap();
    for statement in statements.values() {
        let made = warehouse.execute(statement);
        made.unwrap_or_else(|error| panic!("{}: {error}\n{}", statement.node(), statement.sql()));
    }
    let mut text = String::new();
    // In the order of the definitions of a kind, whichever relations hold their rows.
    let definitions = analysis.plan.nodes.iter().enumerate().filter_map(|(position, node)| {
        let place = match node.relation {
            Relation::Milestone(milestone) => (0, milestone.0),
            Relation::Kpi(kpi) => (1, kpi.0),
            Relation::Own(_) => (2, position),
            Relation::Schema
            | Relation::Moment
            | Relation::Entity(_)
            | Relation::Events(_)
            | Relation::Facts(_)
            | Relation::Occurrences(_)
            | Relation::Reached(_)
            | Relation::Milestones
            | Relation::Cells(_)
            | Relation::Kpis => return None,
        };
        Some((place, node))
    });
    for node in definitions.collect::<BTreeMap<_, _>>().into_values() {
        let rows = table(&*warehouse, &node.name);
        if let Relation::Milestone(index) = node.relation {
            reached_is_far_enough(analysis.model.milestone(index), &rows);
        }
        let _ = writeln!(text, "{}\n{}", node.name, rows.to_text());
    }
    text
}

/// Who reached a milestone got as far as it asks for, and nobody else did: the row that reaches it and how far somebody got are
/// worked out by different queries.
fn reached_is_far_enough(milestone: &Milestone, rows: &Table) {
    // What was not done is counted the other way round.
    if matches!(milestone.occurrences, Occurrences::Absence(_)) {
        return;
    }
    let place = |name: &str| rows.columns.iter().position(|column| column == name).unwrap();
    let (reached, progress) = (place("reached"), place("progress"));
    for row in &rows.rows {
        let Cell::Float(progress) = row[progress] else { panic!("progress is {:?}", row[progress]) };
        let is_far_enough = progress >= milestone.at_least.to_float();
        // A float tells whole numbers beyond these apart no more.
        if progress > 2_f64.powi(52) {
            continue;
        }
        assert_eq!(row[reached], Cell::Bool(is_far_enough), "{}: {row:?}", milestone.meta.name);
    }
}

/// Reads a relation, sorted by all its columns.
fn table(warehouse: &dyn Warehouse, node: &str) -> Table {
    let sql = format!("SELECT * FROM milepost.{node} ORDER BY ALL");
    let query = check(Statement { node: node.to_owned(), sql, origin: None }, executed()).unwrap();
    let rows = warehouse.query(&query, None).unwrap();
    let cell = |value| match value {
        Value::Null => Cell::Null,
        Value::Bool(value) => Cell::Bool(value),
        Value::Int(value) => Cell::Int(value),
        Value::Float(value) => Cell::Float(value),
        Value::Decimal(digits) => Cell::Decimal(digits),
        Value::Text(text) | Value::Date(text) => Cell::Text(text),
        Value::Timestamp(text) => Cell::Text(text.replace(".000000Z", "Z")),
    };
    Table {
        columns: rows.columns.into_iter().map(|column| column.name).collect(),
        rows: rows.rows.into_iter().map(|row| row.into_iter().map(cell).collect()).collect(),
    }
}

#[test]
fn the_unit_tests_of_cases_pass() {
    each(&projects("cases"), pass);
}

#[test]
fn the_unit_tests_of_the_example_project_pass() {
    pass(Path::new(env!("CARGO_MANIFEST_DIR")));
}

fn pass(project: &Path) {
    let Analysis { project, model, plan } = &read(project);
    let mut diagnostics = Diagnostics::default();
    let cases = case::resolve(project, model, plan, &mut diagnostics);
    assert!(!diagnostics.has_errors(), "{}", draw(&diagnostics, &project.sources, LOOK));
    let all: Vec<&case::Case> = cases.iter().collect();
    let cancelled = AtomicBool::new(false);
    let options = suite::Options { threads: 2, fail_fast: false, cancelled: &cancelled };
    let (outcomes, _) = suite::run(suite::Cx { project, model, plan }, &all, Against::Expected, options, &|_, _| {});
    let failed: Vec<String> = cases
        .iter()
        .zip(outcomes)
        .filter(|(_, outcome)| *outcome != Outcome::Passed)
        .map(|(case, outcome)| match outcome {
            Outcome::Failed(text) | Outcome::Error(text) => format!("{}\n{text}", case.name),
            Outcome::Passed | Outcome::Skipped => case.name.clone(),
        })
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
