//! Diagnostics as SARIF 2.1.0 (<https://docs.oasis-open.org/sarif/sarif/v2.1.0/>), which code hosts and editors show beside
//! the code.

use std::path::{Component, Path, PathBuf};

use serde::Serialize;

use crate::diagnostic::{Diagnostic, Diagnostics, Label};
use crate::report::diagnostics::{severity_name, visible};
use crate::source::{Sources, Span};

/// Where the standard keeps the schema of these files.
const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// What a path is relative to, by the name that code hosts give it: the root of what was checked out.
const ROOT: &str = "%SRCROOT%";

/// What is said of all diagnostics of one code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What it means, in some sentences.
    pub means: String,
    /// How it is mended, as plain text.
    pub text: String,
    /// The same as Markdown.
    pub markdown: String,
}

#[derive(Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Tool<'a>,
    column_kind: &'static str,
    results: Vec<Found<'a>>,
}

#[derive(Serialize)]
struct Tool<'a> {
    driver: Driver<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver<'a> {
    name: &'static str,
    version: &'static str,
    semantic_version: &'static str,
    rules: Vec<Descriptor<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    full_description: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<Text>,
}

#[derive(Serialize)]
struct Text {
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    markdown: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Found<'a> {
    rule_id: &'a str,
    rule_index: usize,
    level: &'static str,
    message: Text,
    locations: [Place; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_locations: Vec<Place>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Place {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Text>,
    physical_location: Physical,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Physical {
    artifact_location: Artifact,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<Region>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Artifact {
    uri: String,
    uri_base_id: &'static str,
}

/// Lines from 1, columns from 1 in code units of UTF-16; the end is behind the last one.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: usize,
    start_column: usize,
    end_line: usize,
    end_column: usize,
}

/// Returns all diagnostics, sorted by place, as a log of one run, with a final newline.
///
/// `folder` is the project's, relative to the root that paths are told from. What has no place is told of `project`, a
/// file in it, as a whole: a log with a result without a place is refused by code hosts. `about` says what a code means.
pub fn log(
    diagnostics: &Diagnostics,
    sources: &Sources,
    folder: &Path,
    project: &str,
    about: impl Fn(&str) -> Option<Rule>,
) -> String {
    let sorted = diagnostics.sorted();
    let mut codes: Vec<&str> = sorted.iter().map(|diagnostic| diagnostic.code).collect();
    codes.sort_unstable();
    codes.dedup();
    let rules = codes.iter().map(|code| descriptor(code, about(code))).collect();
    let places = Places { sources, folder };
    let results = sorted.into_iter().map(|diagnostic| Found {
        rule_id: diagnostic.code,
        rule_index: codes.binary_search(&diagnostic.code).expect("each code is among them"),
        level: severity_name(diagnostic.severity),
        message: plain(&message(diagnostic)),
        locations: [diagnostic.labels.first().map_or_else(|| places.whole(project), |label| places.at(label.span))],
        related_locations: places.related(diagnostic),
    });
    let version = env!("CARGO_PKG_VERSION");
    let run = Run {
        tool: Tool { driver: Driver { name: "Milepost", version, semantic_version: version, rules } },
        column_kind: "utf16CodeUnits",
        results: results.collect(),
    };
    let log = Log { schema: SCHEMA, version: "2.1.0", runs: [run] };
    let mut text = serde_json::to_string_pretty(&log).expect("a log is strings and numbers");
    text.push('\n');
    text
}

fn descriptor(code: &str, rule: Option<Rule>) -> Descriptor<'_> {
    let Some(Rule { means, text, markdown }) = rule else {
        return Descriptor { id: code, full_description: None, help: None };
    };
    let help = Text { markdown: Some(unmistakable(&markdown)), ..plain(&text) };
    Descriptor { id: code, full_description: Some(plain(&means)), help: Some(help) }
}

/// Returns the phrase, what is said at its place, and what to do.
fn message(diagnostic: &Diagnostic) -> String {
    let at = diagnostic.labels.first().map(|label| label.text.as_str()).filter(|text| !text.is_empty());
    let help = diagnostic.help.as_ref().map(|help| format!("help: {help}"));
    let lines = [Some(diagnostic.message.clone()), at.map(str::to_owned), help];
    lines.into_iter().flatten().collect::<Vec<_>>().join("\n")
}

fn plain(text: &str) -> Text {
    Text { text: unmistakable(&visible(text)), markdown: None }
}

/// Returns a text in which nothing is taken for a place where the format puts an argument: `{0}` is `{{0}}`. Other braces
/// stay, as most readers of the format show them as they are.
fn unmistakable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        let behind = &rest[open + 1..];
        let digits = behind.bytes().take_while(u8::is_ascii_digit).count();
        let is_mistakable = digits > 0 && behind[digits..].starts_with('}');
        shown.push_str(&rest[..open]);
        if is_mistakable {
            shown.push_str(&format!("{{{{{}}}}}", &behind[..digits]));
            rest = &behind[digits + 1..];
        } else {
            shown.push('{');
            rest = behind;
        }
    }
    shown + rest
}

struct Places<'a> {
    sources: &'a Sources,
    folder: &'a Path,
}

impl Places<'_> {
    fn at(&self, span: Span) -> Place {
        let file = self.sources.file(span.source);
        // Not even how long it is is told of what may be a secret.
        let range = file.underlined(span.start..span.end);
        let ((start_line, start_column), (end_line, end_column)) =
            (file.line_column_in_utf16(range.start), file.line_column_in_utf16(range.end));
        let region = Region { start_line, start_column, end_line, end_column };
        self.place(&file.path, Some(region))
    }

    fn whole(&self, file: &str) -> Place {
        self.place(Path::new(file), None)
    }

    fn place(&self, file: &Path, region: Option<Region>) -> Place {
        let artifact_location = Artifact { uri: uri(&self.folder.join(file)), uri_base_id: ROOT };
        Place { id: None, message: None, physical_location: Physical { artifact_location, region } }
    }

    /// Returns the places besides the primary one, each with what is said of it.
    fn related(&self, diagnostic: &Diagnostic) -> Vec<Place> {
        let mut labels: Vec<&Label> = Vec::new();
        for label in diagnostic.labels.iter().skip(1) {
            if !labels.contains(&label) {
                labels.push(label);
            }
        }
        let placed = labels.iter().enumerate().map(|(index, label)| {
            let message = (!label.text.is_empty()).then(|| plain(&label.text));
            Place { id: Some(index + 1), message, ..self.at(label.span) }
        });
        placed.collect()
    }
}

/// Returns a path as a relative reference of RFC 3986: without `.`, with `..` only where it leads out of the root.
fn uri(path: &Path) -> String {
    let mut parts = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if parts.file_name().is_some() => {
                parts.pop();
            }
            Component::ParentDir | Component::Normal(_) | Component::RootDir | Component::Prefix(_) => {
                parts.push(component);
            }
        }
    }
    let mut uri = String::new();
    for byte in parts.to_string_lossy().replace('\\', "/").bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/!$&'()*+,;=@".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_relative_reference_whatever_is_in_it() {
        for (path, expected) in [
            ("./models/a b.toml", "models/a%20b.toml"),
            ("analytics/../shared/größe.toml", "shared/gr%C3%B6%C3%9Fe.toml"),
            ("../shared/100%.toml", "../shared/100%25.toml"),
            ("a/b/../../../c#d?.toml", "../c%23d%3F.toml"),
            ("a:b.toml", "a%3Ab.toml"),
        ] {
            assert_eq!(uri(Path::new(path)), expected);
        }
    }

    #[test]
    fn nothing_in_a_text_is_taken_for_an_argument() {
        for (text, expected) in [
            ("write `${NAME}`", "write `${NAME}`"),
            ("a{2} of {0}", "a{{2}} of {{0}}"),
            ("{ {1 } {{3}", "{ {1 } {{{3}}"),
            ("{", "{"),
        ] {
            assert_eq!(unmistakable(text), expected);
        }
    }
}
