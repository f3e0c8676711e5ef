//! Checks every project under `tests/errors`, which has the mistake that its directory is named for, and no other.
//!
//! A directory is the smallest project that raises the diagnostic; `error.snap` beside it is what is drawn. Together they
//! are the manual of errors. Those under `_many` have several mistakes: all are reported together, and each once.

use std::collections::BTreeSet;
use std::path::Path;

use jiff::Timestamp;
use milepost::application::mistakes::find;
use milepost::application::workspace::Request;
use milepost::diagnostic::Diagnostics;
use milepost::report::diagnostics::{draw, lines};
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
    let (found, sources) = find(&Request { as_of, ..Request::of(project, Timestamp::UNIX_EPOCH) });
    let drawn = draw(&found, &sources, LOOK);
    (found, drawn)
}

/// Returns the one-line forms of what is wrong with a project whose definitions are in one file.
fn lines_of(folder: &Path, definitions: &[u8]) -> String {
    std::fs::create_dir_all(folder.join("models")).unwrap();
    std::fs::write(folder.join("project.toml"), "[project]\nname = \"odd\"\n").unwrap();
    std::fs::write(folder.join("models/odd.toml"), definitions).unwrap();
    let as_of = moment::moment("2026-03-01").ok();
    let (found, sources) = find(&Request { as_of, ..Request::of(folder, Timestamp::UNIX_EPOCH) });
    lines(&found, &sources)
}

#[test]
fn marks_of_utf_8_and_windows_line_ends_move_no_place() {
    let folder = tempfile::tempdir().unwrap();
    let definitions = b"\xef\xbb\xbf[entity.user]\r\ntable = \"users\"\r\nkey = \"id\"\r\nstart = \"at\"\r\nwhere = \"\"\"\r\nid = 'a'\r\n  and nmae = 1\"\"\"\r\n";
    assert_eq!(
        lines_of(folder.path(), definitions),
        "models/odd.toml:7:7: error[unknown-column]: no column `nmae` in entity `user`\n"
    );
}

#[test]
fn a_file_of_zeros_is_no_toml_and_no_crash() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(
        lines_of(folder.path(), b"[milestone.a]\0\0"),
        "models/odd.toml:1:14: error[toml-syntax]: unexpected key or value, expected newline, `#`\n"
    );
}

#[cfg(unix)]
#[test]
fn links_in_circles_and_to_nowhere_are_read_once() {
    let folder = tempfile::tempdir().unwrap();
    let models = folder.path().join("models");
    std::fs::create_dir(&models).unwrap();
    std::os::unix::fs::symlink(".", models.join("circle")).unwrap();
    std::os::unix::fs::symlink("odd.toml", models.join("same.toml")).unwrap();
    std::os::unix::fs::symlink("nothing.toml", models.join("nowhere.toml")).unwrap();
    std::fs::create_dir(models.join("folder.toml")).unwrap();
    assert_eq!(
        lines_of(folder.path(), b"[milestone.a]\nevnt = \"x\"\n"),
        "error[unreadable-file]: reading `models/nowhere.toml`: No such file or directory (os error 2)\n\
         models/odd.toml:2:1: error[unknown-key]: [milestone.a] has no key `evnt`\n"
    );
}
