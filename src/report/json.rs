//! Diagnostics as JSON, for editors and scripts.
//!
//! The structs here are twins of those of [`crate::diagnostic`]: what programs read keeps its shape when the
//! compiler's own types move.

use schemars::JsonSchema;
use serde::Serialize;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::report::diagnostics::{severity_name, shown_path};
use crate::source::{Sources, Span};

/// One diagnostic. A key without a value is there, as null.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Entry<'a> {
    /// The kebab-case code.
    pub code: &'a str,
    /// `error` or `warning`.
    pub severity: &'static str,
    /// The phrase.
    pub message: &'a str,
    /// The path of the primary place, relative to the project, with slashes.
    pub file: Option<String>,
    /// The first character of the primary place.
    pub start: Option<Position>,
    /// The character after the last one of the primary place.
    pub end: Option<Position>,
    /// All places, the primary one first.
    pub labels: Vec<LabelEntry<'a>>,
    /// What to do.
    pub help: Option<&'a str>,
}

/// A place, and what to see there.
#[derive(Debug, Serialize, JsonSchema)]
pub struct LabelEntry<'a> {
    /// The place.
    #[serde(flatten)]
    pub place: Place,
    /// A few words; may be empty.
    pub text: &'a str,
}

/// A range of a file.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Place {
    /// The path, relative to the project, with slashes.
    pub file: String,
    /// The first character.
    pub start: Position,
    /// The character after the last one.
    pub end: Position,
}

/// A position in a file.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Position {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// From 0, in bytes of the file.
    pub byte: usize,
}

/// Returns an array of all diagnostics, sorted by place, with a final newline.
pub fn diagnostics(diagnostics: &Diagnostics, sources: &Sources) -> String {
    let entries: Vec<Entry<'_>> = diagnostics.sorted().into_iter().map(|one| entry(one, sources)).collect();
    let mut text = serde_json::to_string_pretty(&entries).expect("entries are strings and numbers");
    text.push('\n');
    text
}

/// Returns the twin of one diagnostic.
pub fn entry<'a>(diagnostic: &'a Diagnostic, sources: &Sources) -> Entry<'a> {
    let (file, start, end) = match diagnostic.labels.first().map(|label| place(label.span, sources)) {
        Some(Place { file, start, end }) => (Some(file), Some(start), Some(end)),
        None => (None, None, None),
    };
    Entry {
        code: diagnostic.code,
        severity: severity_name(diagnostic.severity),
        message: &diagnostic.message,
        file,
        start,
        end,
        labels: diagnostic
            .labels
            .iter()
            .map(|label| LabelEntry { place: place(label.span, sources), text: &label.text })
            .collect(),
        help: diagnostic.help.as_deref(),
    }
}

fn place(span: Span, sources: &Sources) -> Place {
    let position = |byte| {
        let (line, column) = sources.line_column(Span { start: byte, ..span });
        Position { line, column, byte }
    };
    Place { file: shown_path(sources.path(span.source)), start: position(span.start), end: position(span.end) }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use insta::assert_snapshot;

    use super::*;

    #[test]
    fn a_diagnostic_keeps_its_places_in_lines_columns_and_bytes() {
        let mut sources = Sources::default();
        let source = sources.add(PathBuf::from("models/a.toml"), "title = \"é\"\nevnt = \"share\"\n".into());
        let mut all = Diagnostics::default();
        let span = Span { source, start: 13, end: 17 };
        all.push(Diagnostic::error("unknown-key", "no key `evnt`").at(span, "unknown").help("`event` exists"));
        all.push(Diagnostic::warning("no-kpi", "nothing is measured"));
        assert_snapshot!(diagnostics(&all, &sources));
    }
}
