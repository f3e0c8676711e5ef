//! Checks every project under `tests/errors`, which has the mistake that its directory is named for, and no other.
//!
//! A directory is the smallest project that raises the diagnostic; `error.snap` beside it is what is drawn. Together they
//! are the manual of errors. Those under `_many` have several mistakes: all are reported together, and each once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use milepost::cli::check::{Question, find};
use milepost::diagnostic::Diagnostics;
use milepost::report::diagnostics::draw;
use milepost::semantic::moment;

use crate::cases::{LOOK, beside, each, projects};

#[test]
fn every_project_raises_the_diagnostic_that_it_is_named_for() {
    let projects = projects("errors").into_iter().filter(|project| !project.ends_with("_many")).collect::<Vec<_>>();
    each(&projects, |project| {
        let code = project.file_name().expect("a directory has a name").to_string_lossy().into_owned();
        let (found, drawn) = check(project);
        let codes: BTreeSet<&str> = found.sorted().iter().map(|diagnostic| diagnostic.code).collect();
        assert_eq!(codes, BTreeSet::from([code.as_str()]), "it is to raise `{code}` alone:\n{drawn}");
        beside(project, || insta::assert_snapshot!("error", drawn));
    });
}

#[test]
fn several_mistakes_are_reported_together() {
    each(&projects("errors/_many"), |project| {
        let (found, drawn) = check(project);
        assert!(found.errors() > 1, "it is to have several mistakes:\n{drawn}");
        beside(project, || insta::assert_snapshot!("error", drawn));
    });
}

/// Returns what is wrong with a project, and how that is drawn.
fn check(project: &Path) -> (Diagnostics, String) {
    // A project without a moment of its own has one that never changes.
    let has_moment = std::fs::read_to_string(project.join("project.toml")).is_ok_and(|text| text.contains("as_of"));
    let as_of = (!has_moment).then(|| moment::moment("2026-03-01").unwrap());
    let (found, sources) = find(&Question { root: project, environment: BTreeMap::new(), as_of, target: None });
    let drawn = draw(&found, &sources, LOOK);
    (found, drawn)
}
