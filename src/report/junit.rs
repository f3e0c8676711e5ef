//! Unit tests as JUnit XML, which CI systems read: a suite a file, a case a unit test.
//!
//! There is no standard of these files: what is written is what pytest, nextest and Gradle agree on.

use indexmap::IndexMap;
use jiff::Timestamp;
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use crate::report::diagnostics::visible;
use crate::run::Status;

/// A unit test, and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Tested {
    /// Its name.
    pub name: String,
    /// The file that it is written in, relative to the project, with slashes.
    pub file: String,
    /// The line in it, from 1.
    pub line: usize,
    /// How it ended.
    pub status: Status,
    /// What differs, or why it was not tried.
    pub message: Option<String>,
    /// How long it took.
    pub seconds: f64,
}

/// All that a file tells.
#[derive(Clone, Debug)]
pub struct Report<'r> {
    /// The project's name; empty where it could not be read.
    pub project: &'r str,
    /// When the command began.
    pub started_at: Timestamp,
    /// The folder of the project as readers of the file see it, with a slash at its end; empty where it is the current one.
    pub folder: &'r str,
    /// The unit tests, in their order.
    pub tests: &'r [Tested],
    /// What kept all of them from being tried: told as a case by itself where there are no others, so that nobody takes
    /// such a file for one in which all is well.
    pub errors: &'r [String],
}

/// What is counted of suites and of all.
#[derive(Clone, Copy, Default)]
struct Counts {
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
    seconds: f64,
}

impl Counts {
    fn of(tests: &[&Tested]) -> Self {
        let with = |wanted: Status| tests.iter().filter(|test| test.status == wanted).count();
        Self {
            tests: tests.len(),
            failures: with(Status::Fail),
            errors: with(Status::Error),
            skipped: with(Status::Skipped),
            seconds: tests.iter().map(|test| test.seconds).sum(),
        }
    }

    fn attributes(self) -> [(&'static str, String); 5] {
        [
            ("tests", self.tests.to_string()),
            ("failures", self.failures.to_string()),
            ("errors", self.errors.to_string()),
            ("skipped", self.skipped.to_string()),
            ("time", time(self.seconds)),
        ]
    }
}

/// The suite of what is no unit test.
const UNTRIED: &str = "milepost";

/// Returns the file.
pub fn document(report: &Report<'_>) -> String {
    let untried = Tested {
        name: "unit tests can be run".to_owned(),
        file: UNTRIED.to_owned(),
        line: 0,
        status: Status::Error,
        message: Some(report.errors.join("\n")),
        seconds: 0.0,
    };
    let mut suites: IndexMap<&str, Vec<&Tested>> = IndexMap::new();
    for test in report.tests {
        suites.entry(&test.file).or_default().push(test);
    }
    if report.tests.is_empty() && !report.errors.is_empty() {
        suites.insert(UNTRIED, vec![&untried]);
    }
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    write(&mut writer, report, &suites).expect("a list of bytes takes all text");
    let mut text = String::from_utf8(writer.into_inner()).expect("what is written is text");
    text.push('\n');
    text
}

fn write(
    writer: &mut Writer<Vec<u8>>,
    report: &Report<'_>,
    suites: &IndexMap<&str, Vec<&Tested>>,
) -> std::io::Result<()> {
    let all: Vec<&Tested> = suites.values().flatten().copied().collect();
    let of_all = [
        ("name", if report.project.is_empty() { UNTRIED } else { report.project }.to_owned()),
        ("timestamp", format!("{:.3}", report.started_at)),
    ];
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let root = with(writer, "testsuites", of_all.into_iter().chain(Counts::of(&all).attributes()));
    root.write_inner_content(|writer| {
        for (file, tests) in suites {
            let name = [("name", (*file).to_owned())];
            let suite = with(writer, "testsuite", name.into_iter().chain(Counts::of(tests).attributes()));
            suite.write_inner_content(|writer| tests.iter().try_for_each(|test| case(writer, report.folder, test)))?;
        }
        Ok(())
    })?;
    Ok(())
}

fn case(writer: &mut Writer<Vec<u8>>, folder: &str, test: &Tested) -> std::io::Result<()> {
    let mut attributes = vec![("name", test.name.clone()), ("classname", test.file.clone())];
    if test.line > 0 {
        attributes.extend([("file", format!("{folder}{}", test.file)), ("line", test.line.to_string())]);
    }
    attributes.push(("time", time(test.seconds)));
    let case = with(writer, "testcase", attributes);
    let silent = if test.status == Status::Skipped { "not tried" } else { "" };
    let message = test.message.as_deref().unwrap_or(silent).trim_end();
    let first = [("message", message.lines().next().unwrap_or_default().to_owned())];
    let of_kind = |kind: &str| first.clone().into_iter().chain([("type", kind.to_owned())]);
    let body = BytesText::new(&written(message)).into_owned();
    match test.status {
        Status::Fail => {
            case.write_inner_content(|writer| {
                with(writer, "failure", of_kind("rows")).write_text_content(body).map(drop)
            })?;
        }
        Status::Error => {
            case.write_inner_content(|writer| {
                with(writer, "error", of_kind("error")).write_text_content(body).map(drop)
            })?;
        }
        Status::Skipped => {
            case.write_inner_content(|writer| with(writer, "skipped", first).write_empty().map(drop))?;
        }
        Status::Pass | Status::Success | Status::Unchanged => {
            case.write_empty()?;
        }
    }
    Ok(())
}

/// Begins an element with attributes, each in one line.
fn with<'w>(
    writer: &'w mut Writer<Vec<u8>>,
    name: &'static str,
    attributes: impl IntoIterator<Item = (&'static str, String)>,
) -> quick_xml::writer::ElementWriter<'w, Vec<u8>> {
    attributes.into_iter().fold(writer.create_element(name), |element, (key, value)| {
        let value = written(&value).replace('\n', "\\n").replace('\t', "\\t");
        element.with_attribute((key, value.as_str()))
    })
}

/// Returns a text as XML may hold it: its characters but controls and two that are none are allowed there.
fn written(text: &str) -> String {
    visible(text).replace('\u{fffe}', "\\u{fffe}").replace('\u{ffff}', "\\u{ffff}")
}

fn time(seconds: f64) -> String {
    format!("{seconds:.3}")
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    fn tested(name: &str, file: &str, status: Status, message: Option<&str>) -> Tested {
        let message = message.map(str::to_owned);
        Tested { name: name.to_owned(), file: file.to_owned(), line: 3, status, message, seconds: 0.25 }
    }

    fn written_of(tests: &[Tested], errors: &[String]) -> String {
        let started_at = "2026-03-01T00:00:00Z".parse().unwrap();
        document(&Report { project: "growth", started_at, folder: "analytics/", tests, errors })
    }

    #[test]
    fn each_end_of_a_test_has_its_form() {
        let tests = [
            tested("ties", "tests/a.toml", Status::Pass, None),
            tested("windows", "tests/b & c.toml", Status::Error, Some("Binder Error: \u{1b}[1m\"x\"\nLINE 3: <x>\n")),
            tested("later", "tests/a.toml", Status::Skipped, None),
        ];
        assert_snapshot!(written_of(&tests, &["not told, for tests were".to_owned()]), @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="growth" timestamp="2026-03-01T00:00:00.000Z" tests="3" failures="0" errors="1" skipped="1" time="0.750">
          <testsuite name="tests/a.toml" tests="2" failures="0" errors="0" skipped="1" time="0.500">
            <testcase name="ties" classname="tests/a.toml" file="analytics/tests/a.toml" line="3" time="0.250"/>
            <testcase name="later" classname="tests/a.toml" file="analytics/tests/a.toml" line="3" time="0.250">
              <skipped message="not tried"/>
            </testcase>
          </testsuite>
          <testsuite name="tests/b &amp; c.toml" tests="1" failures="0" errors="1" skipped="0" time="0.250">
            <testcase name="windows" classname="tests/b &amp; c.toml" file="analytics/tests/b &amp; c.toml" line="3" time="0.250">
              <error message="Binder Error: \u{1b}[1m&quot;x&quot;" type="error">Binder Error: \u{1b}[1m&quot;x&quot;
        LINE 3: &lt;x&gt;</error>
            </testcase>
          </testsuite>
        </testsuites>
        "#);
    }

    #[test]
    fn what_could_not_be_tried_is_no_file_without_errors() {
        assert_snapshot!(written_of(&[], &["project.toml:1:1: error[toml-syntax]: …".to_owned(), "b".to_owned()]), @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="growth" timestamp="2026-03-01T00:00:00.000Z" tests="1" failures="0" errors="1" skipped="0" time="0.000">
          <testsuite name="milepost" tests="1" failures="0" errors="1" skipped="0" time="0.000">
            <testcase name="unit tests can be run" classname="milepost" time="0.000">
              <error message="project.toml:1:1: error[toml-syntax]: …" type="error">project.toml:1:1: error[toml-syntax]: …
        b</error>
            </testcase>
          </testsuite>
        </testsuites>
        "#);
        assert!(written_of(&[], &[]).contains("tests=\"0\""));
    }
}
