//! Checks every project under `tests/errors`, which has the mistake that its directory is named for.
//!
//! A directory is the smallest project that raises the diagnostic; `error.snap` beside it is what is drawn. Together they
//! are the manual of errors.

use std::collections::BTreeMap;

use milepost::cli::check::{Question, find};
use milepost::report::diagnostics::draw;
use milepost::semantic::moment;

use crate::cases::{LOOK, beside, each, projects};

#[test]
fn every_project_raises_the_diagnostic_that_it_is_named_for() {
    each(&projects("errors"), |project| {
        let code = project.file_name().expect("a directory has a name").to_string_lossy().into_owned();
        let question = Question { root: project, environment: BTreeMap::new(), as_of: None, target: None };
        // A project without a moment of its own has one that never changes.
        let has_moment = std::fs::read_to_string(project.join("project.toml")).is_ok_and(|text| text.contains("as_of"));
        let (found, sources) =
            find(Question { as_of: (!has_moment).then(|| moment::moment("2026-03-01").unwrap()), ..question });
        let drawn = draw(&found, &sources, LOOK);
        assert!(found.sorted().iter().any(|diagnostic| diagnostic.code == code), "`{code}` is not raised:\n{drawn}");
        beside(project, || insta::assert_snapshot!("error", drawn));
    });
}
