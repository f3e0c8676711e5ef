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
    let told = folder.path().join("told");
    let ended = |path: &str| {
        let mut command = milepost(&["test"]);
        command.current_dir(&told).env("MILEPOST_JUNIT", path).output().unwrap().status.code()
    };
    let of_others = [("notes.md", "about <testsuite> elements\n"), ("other.xml", "<testsuites-of-mine/>")];
    for (name, text) in of_others {
        fs::write(told.join(name), text).unwrap();
        assert_eq!(ended(name), Some(2), "{name}");
        assert_eq!(fs::read_to_string(told.join(name)).unwrap(), text);
    }
    let project = fs::read_to_string(told.join("project.toml")).unwrap();
    assert_eq!(ended("project.toml"), Some(2));
    assert_eq!(fs::read_to_string(told.join("project.toml")).unwrap(), project);
    // What milepost itself writes is another file, and a folder is none.
    assert_eq!((ended("target/run_results.json"), ended("models")), (Some(2), Some(2)));
    assert!(told.join("models").is_dir());
}

#[cfg(unix)]
#[test]
fn a_link_leads_to_the_file_and_what_is_no_file_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    assert!(milepost(&["init", "told"]).current_dir(folder.path()).output().unwrap().status.success());
    let told = folder.path().join("told");
    let ended = |path: &str| milepost(&["test", "--junit", path]).current_dir(&told).output().unwrap().status.code();
    fs::write(told.join("real.xml"), "").unwrap();
    std::os::unix::fs::symlink("real.xml", told.join("link.xml")).unwrap();
    assert_eq!(ended("link.xml"), Some(0));
    assert!(told.join("link.xml").is_symlink());
    Document::parse(&fs::read_to_string(told.join("real.xml")).unwrap()).unwrap();
    std::os::unix::fs::symlink("nowhere.xml", told.join("lost.xml")).unwrap();
    assert_eq!(ended("lost.xml"), Some(2));
    // A socket, as nobody would write to it: a pipe would be waited for.
    let _socket = std::os::unix::net::UnixListener::bind(told.join("socket.xml")).unwrap();
    assert_eq!(ended("socket.xml"), Some(2));
}
