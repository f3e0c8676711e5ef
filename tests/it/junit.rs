//! What `--junit` writes: XML that a strict parser reads, whatever the rows hold, at every end.

use std::fs;

use roxmltree::{Document, Node};

use crate::cli::milepost;

/// Returns the first element of that name below a node.
fn first<'d>(node: Node<'d, 'd>, name: &str) -> Node<'d, 'd> {
    node.descendants().find(|inner| inner.has_tag_name(name)).unwrap_or_else(|| panic!("no `{name}`"))
}

const ODD: &str = r#"
[test.odd]
as_of = "2026-03-01"
given.user = [{ user_id = "a\u0001\u001b[31m<&>\"']]>\uFFFE\uFFFF😀\n2", created_at = "2026-01-01" }]

[test.odd.expect.milestone_shared]
match = "exact"
rows = [{ user = "b\u0000", reached = true }]
"#;

#[test]
fn a_test_is_a_case_of_its_file_and_odd_characters_are_readable() {
    let folder = tempfile::tempdir().unwrap();
    let call = |arguments: &[&str]| milepost(arguments).current_dir(folder.path()).output().unwrap();
    let read = || fs::read_to_string(folder.path().join("out/tests.xml")).unwrap();
    assert!(call(&["init", "told"]).status.success());
    let tests = folder.path().join("told/tests/activation.toml");
    fs::write(&tests, fs::read_to_string(&tests).unwrap() + ODD).unwrap();

    let ended = call(&["test", "--project-dir", "told", "--junit", "out/tests.xml"]);
    assert_eq!(ended.status.code(), Some(1));
    assert!(!String::from_utf8(ended.stderr).unwrap().contains('\u{1b}'), "nothing moves the cursor");
    let text = read();
    let document = Document::parse(&text).unwrap();
    let all = document.root_element();
    let counts = |node: Node<'_, '_>| {
        ["tests", "failures", "errors", "skipped"].map(|name| node.attribute(name).unwrap().to_owned())
    };
    assert_eq!((all.attribute("name"), counts(all)), (Some("told"), ["2", "1", "0", "0"].map(str::to_owned)));
    let suite = first(all, "testsuite");
    assert_eq!((suite.attribute("name"), counts(suite)), (Some("tests/activation.toml"), counts(all)));
    let odd = suite.children().find(|case| case.attribute("name") == Some("odd")).unwrap();
    assert_eq!(odd.attribute("classname"), Some("tests/activation.toml"));
    assert_eq!(odd.attribute("file"), Some("told/tests/activation.toml"));
    assert!(odd.attribute("time").unwrap().parse::<f64>().unwrap() >= 0.0);
    let failure = first(odd, "failure");
    assert_eq!(failure.attribute("message"), Some("`milestone_shared`: 1 missing, 1 unexpected (1 row expected)"));
    let told = failure.text().unwrap();
    assert!(told.contains(r#"a\u{1}\u{1b}[31m<&>"']]>\u{fffe}\u{ffff}😀"#) && told.contains(r"b\u{0}"), "{told}");

    // It is replaced, and tells of what kept all from being tried.
    fs::write(folder.path().join("told/models/broken.toml"), "x=").unwrap();
    assert_eq!(call(&["build", "--project-dir", "told", "--junit", "out/tests.xml"]).status.code(), Some(1));
    let text = read();
    let document = Document::parse(&text).unwrap();
    let error = first(document.root_element(), "error");
    assert!(error.text().unwrap().starts_with("models/broken.toml:1:3: error[toml-syntax]"), "{:?}", error.text());
}

#[test]
fn another_file_is_not_written_over() {
    let folder = tempfile::tempdir().unwrap();
    assert!(milepost(&["init", "told"]).current_dir(folder.path()).output().unwrap().status.success());
    let project = folder.path().join("told/project.toml");
    let before = fs::read_to_string(&project).unwrap();
    let ended =
        milepost(&["test"]).current_dir(folder.path().join("told")).env("MILEPOST_JUNIT", "project.toml").output();
    assert_eq!(ended.unwrap().status.code(), Some(2));
    assert_eq!(fs::read_to_string(&project).unwrap(), before);
}
