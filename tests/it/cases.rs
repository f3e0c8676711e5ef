//! Compiles every project under `tests/cases` for every dialect; `cases/made.rs` runs it, and its unit tests.
//!
//! A case is a directory: a project and, beside it, what is expected of it: `plan.snap` and `rows.snap`, and
//! `<dialect>.refused.snap` where a dialect lacks what it needs. To add one, write the project, run
//! `cargo insta test --accept`, then read what it wrote. The SQL that is read is in `tests/gallery`.

#[cfg(feature = "duckdb")]
mod made;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, OnceLock};

use milepost::check::{Checked, check};
use milepost::diagnostic::Diagnostics;
use milepost::plan::display;
use milepost::render::dialect::Dialect;
use milepost::render::{Place, Statement};
use milepost::report::diagnostics::{Look, draw};
use milepost::semantic::kinds::KINDS;
use milepost::semantic::moment;
use milepost::{Analysis, analyze, compile};

use crate::functions::dialects;

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

pub(crate) fn place(analysis: &Analysis, dialect: &'static Dialect) -> Place {
    let as_of = analysis.project.settings.body.as_of.as_ref().expect("a case says as of when");
    Place {
        dialect,
        schema: "milepost".to_owned(),
        as_of: moment::literal(moment::moment(as_of.get()).expect("a moment")),
        stand_ins: BTreeMap::new(),
        blanks: None,
    }
}

/// A project under `tests/cases` that is read once, and compiled once for each dialect, by whichever test comes first: that is
/// most of the time that the tests of the compiler take.
pub(crate) struct Case {
    /// Its directory.
    pub(crate) project: PathBuf,
    analysis: OnceLock<Analysis>,
    compiled: BTreeMap<&'static str, OnceLock<Result<Vec<Checked>, String>>>,
}

impl Case {
    fn new(project: PathBuf) -> Self {
        let compiled = dialects().iter().map(|dialect| (dialect.name(), OnceLock::new())).collect();
        Self { project, analysis: OnceLock::new(), compiled }
    }

    /// Returns the name of its directory.
    pub(crate) fn name(&self) -> String {
        name(&self.project)
    }

    /// Returns what it means.
    pub(crate) fn analysis(&self) -> &Analysis {
        self.analysis.get_or_init(|| read(&self.project))
    }

    /// Returns its statements in a dialect, in the order of its plan; or what the dialect lacks, as it is drawn.
    pub(crate) fn compiled(&self, dialect: &'static Dialect) -> Result<&[Checked], &str> {
        let compiled = self.compiled[dialect.name()].get_or_init(|| {
            let (analysis, mut diagnostics) = (self.analysis(), Diagnostics::default());
            compile(analysis, &place(analysis, dialect), &mut diagnostics)
                .map(|made| made.into_values().collect())
                .ok_or_else(|| draw(&diagnostics, &analysis.project.sources, LOOK))
        });
        compiled.as_deref().map_err(String::as_str)
    }
}

/// Returns the projects under `tests/cases`, by name.
pub(crate) fn all() -> &'static [Case] {
    static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| projects("cases").into_iter().map(Case::new).collect());
    &CASES
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
        let case = all().iter().find(|case| case.project == project).expect("all cases are there");
        let analysis = case.analysis();
        beside(project, || insta::assert_snapshot!("plan", display::plan(&analysis.plan, &analysis.model)));
        for dialect in dialects() {
            if let Err(lacking) = case.compiled(dialect) {
                // What a warehouse lacks is part of what is expected.
                beside(project, || insta::assert_snapshot!(format!("{}.refused", dialect.name()), lacking));
            }
        }
    });
}

#[test]
fn each_statement_parses_by_itself() {
    // Of statements of one shape the compiler parses one.
    for case in all() {
        for dialect in dialects() {
            for statement in case.compiled(dialect).unwrap_or_default() {
                let (node, sql) = (statement.node().to_owned(), statement.sql().to_owned());
                let alone = check(Statement { node, sql, origin: None }, dialect);
                let refusal = alone.err().map(|refusal| refusal.reason);
                assert_eq!(refusal, None, "{}: {} on {}", case.name(), statement.node(), dialect.name());
            }
        }
    }
}
