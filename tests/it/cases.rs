//! Compiles every project under `tests/cases` for every dialect, runs it on `DuckDB`, and runs its unit tests.
//!
//! A case is a directory: a project and, beside it, what is expected of it: `plan.snap` and `rows.snap`, and
//! `<dialect>.refused.snap` where a dialect lacks what it needs. To add one, write the project, run
//! `cargo insta test --accept`, then read what it wrote. The SQL that is read is in `tests/gallery`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use milepost::check::check;
use milepost::diagnostic::Diagnostics;
use milepost::plan::node::{Plan, Relation};
use milepost::plan::relational::passes::PASSES;
use milepost::plan::{display, plan_without};
use milepost::render::{Place, Statement};
use milepost::report::diagnostics::{Look, draw};
use milepost::report::table::{Cell, Table};
use milepost::semantic::kinds::KINDS;
use milepost::semantic::moment;
use milepost::suite::{self, Against, Outcome, case};
use milepost::warehouse::{self, Value, Warehouse};
use milepost::{Analysis, analyze, compile};

use crate::extent;
use crate::functions::{dialects, executed};

pub(crate) const LOOK: Look = Look { colors: false, width: 120 };

/// Returns the directories of `tests/<folder>` with a project in them, by name.
pub(crate) fn projects(folder: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let Ok(entries) = fs::read_dir(root) else { return Vec::new() };
    let mut projects: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    projects.sort();
    projects
}

/// Has snapshots of `assert` lie in a directory, under their bare names.
pub(crate) fn beside(directory: &Path, assert: impl FnOnce()) {
    insta::with_settings!({
        snapshot_path => directory, prepend_module_to_snapshot => false, snapshot_suffix => "", omit_expression => true,
    }, { assert() });
}

/// Runs `check` on every project, and reports all that fail, each by its name.
pub(crate) fn each(projects: &[PathBuf], check: impl Fn(&Path) + std::panic::RefUnwindSafe) {
    let failed: Vec<String> = projects
        .iter()
        .filter(|project| std::panic::catch_unwind(|| check(project)).is_err())
        .map(|project| name(project))
        .collect();
    assert!(failed.is_empty(), "what failed is above: {}", failed.join(", "));
}

fn name(project: &Path) -> String {
    project.file_name().expect("a directory has a name").to_string_lossy().into_owned()
}

pub(crate) fn read(project: &Path) -> Analysis {
    let mut diagnostics = Diagnostics::default();
    let read = analyze(project, BTreeMap::new(), &mut diagnostics);
    read.unwrap_or_else(|sources| panic!("{}:\n{}", name(project), draw(&diagnostics, &sources, LOOK)))
}

pub(crate) fn place(analysis: &Analysis, dialect: &'static milepost::render::dialect::Dialect) -> Place {
    let as_of = analysis.project.settings.body.as_of.as_ref().expect("a case says as of when");
    Place {
        dialect,
        schema: "milepost".to_owned(),
        as_of: moment::literal(moment::moment(as_of.get()).expect("a moment")),
        stand_ins: BTreeMap::new(),
    }
}

#[test]
fn every_kind_of_kpi_has_a_case_of_its_name() {
    let cases: Vec<String> = projects("cases").iter().map(|project| name(project)).collect();
    let lacking = |kind: &&str| !cases.contains(&format!("kind_{kind}"));
    let without: Vec<&str> = KINDS.iter().map(|kind| kind.name).filter(lacking).collect();
    assert!(without.is_empty(), "no directory tests/cases/kind_{{{}}}", without.join(","));
}

#[test]
fn cases_are_planned_and_compiled_for_every_dialect() {
    each(&projects("cases"), |project| {
        let analysis = read(project);
        beside(project, || insta::assert_snapshot!("plan", display::plan(&analysis.plan, &analysis.model)));
        for dialect in dialects() {
            let mut diagnostics = Diagnostics::default();
            if compile(&analysis, &place(&analysis, dialect), &mut diagnostics).is_none() {
                // What a warehouse lacks is part of what is expected.
                let text = draw(&diagnostics, &analysis.project.sources, LOOK);
                beside(project, || insta::assert_snapshot!(format!("{}.refused", dialect.name()), text));
            }
        }
    });
}

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
    // Tests share one current folder, so that the files are named in full.
    let sources = analysis.model.sources.iter_mut().map(|source| &mut source.origin);
    let entities = analysis.model.entities.iter_mut().filter_map(|entity| entity.origin.as_mut());
    for files in sources.chain(entities).filter_map(|origin| origin.files.as_mut()) {
        files.path = project.join(&files.path).display().to_string();
    }
    analysis.plan = plan_without(&analysis.model, without);
    let place = place(&analysis, executed());
    let mut diagnostics = Diagnostics::default();
    let statements = compile(&analysis, &place, &mut diagnostics)
        .unwrap_or_else(|| panic!("{}", draw(&diagnostics, &analysis.project.sources, LOOK)));
    let warehouse = warehouse::connect(&warehouse::in_memory(project.to_path_buf())).unwrap();
    for statement in &statements {
        let made = warehouse.execute(statement);
        made.unwrap_or_else(|error| panic!("{}: {error}\n{}", statement.node(), statement.sql()));
    }
    let mut text = String::new();
    // In the order of the definitions of a kind, whichever relations hold their rows.
    let definitions = analysis.plan.nodes.iter().filter_map(|node| {
        let place = match node.relation {
            Relation::Milestone(ref view) => (0, view.milestone.0),
            Relation::Kpi(kpi) => (1, kpi.0),
            Relation::Score(score) => (2, score),
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
        let _ = writeln!(text, "{}\n{}", node.name, table(&*warehouse, &node.name).to_text());
    }
    text
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
