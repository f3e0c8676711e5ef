//! Draws diagnostics for people, in the manner of rustc.

use std::fmt::Write;
use std::ops::Range;
use std::path::Path;

use annotate_snippets::{Annotation, AnnotationKind, Level, Renderer, Snippet};

use crate::diagnostic::{Diagnostic, Diagnostics, Label, Severity};
use crate::source::{SourceId, Sources};

/// How diagnostics are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// With ANSI colors.
    pub colors: bool,
    /// How many columns a line may take.
    pub width: usize,
}

/// Draws all of them, sorted by place, with an empty line between each two, and ends with a count.
///
/// Nothing to report is an empty string.
pub fn draw(diagnostics: &Diagnostics, sources: &Sources, look: Look) -> String {
    let sorted = diagnostics.sorted();
    let mut text = String::new();
    for diagnostic in &sorted {
        text.push_str(&draw_one(diagnostic, sources, look));
        text.push('\n');
    }
    if let Some(count) = count(diagnostics) {
        text.push_str(&count);
        text.push('\n');
    }
    text
}

/// Draws one, and ends it with a newline.
pub fn draw_one(diagnostic: &Diagnostic, sources: &Sources, look: Look) -> String {
    let renderer = if look.colors { Renderer::styled() } else { Renderer::plain() }.term_width(look.width);
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let paths: Vec<(SourceId, String)> =
        files(diagnostic).into_iter().map(|source| (source, shown_path(sources.path(source)))).collect();
    let mut group = level
        .primary_title(&diagnostic.message)
        .id(diagnostic.code)
        .elements(paths.iter().map(|(source, path)| snippet(diagnostic, *source, path, &sources.file(*source).text)));
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(help));
    }
    let mut text = renderer.render(&[group]);
    text.push('\n');
    text
}

/// Returns the form of one line: `models/kpi.toml:5:52: error[unknown-column]: no column …`.
pub fn line(diagnostic: &Diagnostic, sources: &Sources) -> String {
    let mut text = String::new();
    if let Some(label) = diagnostic.labels.first() {
        let (line, column) = sources.line_column(label.span);
        let path = shown_path(sources.path(label.span.source));
        write!(text, "{path}:{line}:{column}: ").expect("a string takes all text");
    }
    let severity = severity_name(diagnostic.severity);
    write!(text, "{severity}[{}]: {}", diagnostic.code, diagnostic.message).expect("a string takes all text");
    text
}

/// Returns the form of one line of each, sorted by place, each ended with a newline.
pub fn lines(diagnostics: &Diagnostics, sources: &Sources) -> String {
    diagnostics.sorted().into_iter().map(|diagnostic| line(diagnostic, sources) + "\n").collect()
}

/// Returns the name of a severity as messages and JSON spell it.
pub fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// Returns a path as it is shown everywhere: with slashes, so that a message is the same on every system.
pub fn shown_path(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/")
}

/// Says how many there are: `2 errors, 1 warning`; nothing where there are none.
pub fn count(diagnostics: &Diagnostics) -> Option<String> {
    let errors = diagnostics.errors();
    let warnings = diagnostics.sorted().len() - errors;
    let parts: Vec<String> = [(errors, "error"), (warnings, "warning")]
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, noun)| format!("{number} {noun}{}", if number == 1 { "" } else { "s" }))
        .collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// Returns the files that a diagnostic points into, the one of its primary label first.
fn files(diagnostic: &Diagnostic) -> Vec<SourceId> {
    let mut files = Vec::new();
    for label in &diagnostic.labels {
        if !files.contains(&label.span.source) {
            files.push(label.span.source);
        }
    }
    files
}

fn snippet<'a>(
    diagnostic: &'a Diagnostic,
    source: SourceId,
    path: &'a str,
    text: &'a str,
) -> Snippet<'a, Annotation<'a>> {
    let labels = diagnostic.labels.iter().enumerate().filter(|(_, label)| label.span.source == source);
    Snippet::source(text).path(path).annotations(labels.map(|(index, label)| {
        let kind = if index == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
        let annotation = kind.span(visible(label, text));
        if label.text.is_empty() { annotation } else { annotation.label(&label.text) }
    }))
}

/// Returns the range to underline: a range that runs on over line ends (a whole table of a TOML file) would be drawn
/// as a bracket down the margin, so it is cut at the end of its first line.
fn visible(label: &Label, text: &str) -> Range<usize> {
    let (start, end) = (label.span.start.min(text.len()), label.span.end.min(text.len()));
    match text[start..end].trim_end().find('\n') {
        Some(newline) => start..start + text[start..start + newline].trim_end().len(),
        None => start..start + text[start..end].trim_end().len().max(usize::from(start < end)),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use insta::assert_snapshot;

    use super::*;
    use crate::source::Span;

    const PLAIN: Look = Look { colors: false, width: 100 };

    /// Points at the first `part` in the file.
    fn span(sources: &Sources, source: SourceId, part: &str) -> Span {
        let start = sources.file(source).text.find(part).unwrap();
        Span { source, start, end: start + part.len() }
    }

    fn project() -> (Sources, SourceId, SourceId) {
        let mut sources = Sources::default();
        let milestones = sources.add(
            PathBuf::from("models/activation.toml"),
            "[milestone.shared]\nevent = \"share\"\nwhere = \"nmae = 'report'\"\nwithin = \"14 fortnights\"\n".into(),
        );
        let events = sources.add(
            PathBuf::from("models/sources.toml"),
            "# Where the data is.\n[source.events]\ntable = \"raw.events\"\ncolumns = { name = \"string\" }\n".into(),
        );
        (sources, milestones, events)
    }

    #[test]
    fn a_mistake_is_drawn_with_both_its_places() {
        let (sources, milestones, events) = project();
        let diagnostic = Diagnostic::error("unknown-column", "no column `nmae` in source `events`")
            .at(span(&sources, milestones, "nmae"), "not a column of `events`")
            .at(span(&sources, events, "columns"), "its columns are declared here")
            .help("a column with a similar name exists: `name`");
        assert_snapshot!(draw_one(&diagnostic, &sources, PLAIN));
    }

    #[test]
    fn a_mistake_without_a_place_is_its_message_and_its_help() {
        let diagnostic = Diagnostic::error("no-project", "no `project.toml` in `.`").help("run `milepost init`");
        assert_snapshot!(draw_one(&diagnostic, &Sources::default(), PLAIN));
    }

    #[test]
    fn a_whole_definition_is_underlined_at_its_header() {
        let (sources, milestones, _) = project();
        let whole = Span { source: milestones, start: 0, end: sources.file(milestones).text.len() };
        let diagnostic = Diagnostic::warning("unused-milestone", "milestone `shared` is used by nothing").at(whole, "");
        assert_snapshot!(draw_one(&diagnostic, &sources, PLAIN));
    }

    #[test]
    fn the_end_of_a_file_and_wide_characters_are_places_too() {
        let mut sources = Sources::default();
        let source = sources.add(PathBuf::from("models/a.toml"), "title = \"日本\" + x\n".into());
        let end = sources.file(source).text.len();
        let wide = Diagnostic::error("syntax", "a string ends a value").at(span(&sources, source, "x"), "here");
        let last = Diagnostic::error("syntax", "the file ends").at(Span { source, start: end, end }, "here");
        assert_snapshot!(draw_one(&wide, &sources, PLAIN) + &draw_one(&last, &sources, PLAIN));
    }

    #[test]
    fn all_are_drawn_in_the_order_of_their_places_and_counted() {
        let (sources, milestones, events) = project();
        let mut diagnostics = Diagnostics::default();
        let place = |source, part| span(&sources, source, part);
        diagnostics.push(Diagnostic::error("unknown-table", "third").at(place(events, "raw.events"), ""));
        diagnostics.push(Diagnostic::error("bad-duration", "second").at(place(milestones, "14 fortnights"), ""));
        diagnostics.push(Diagnostic::warning("unknown-event", "first").at(place(milestones, "share"), ""));
        assert_snapshot!(draw(&diagnostics, &sources, PLAIN));
        assert_snapshot!(lines(&diagnostics, &sources), @r"
        models/activation.toml:1:12: warning[unknown-event]: first
        models/activation.toml:4:11: error[bad-duration]: second
        models/sources.toml:3:10: error[unknown-table]: third
        ");
    }

    #[test]
    fn nothing_wrong_draws_nothing() {
        assert_eq!(draw(&Diagnostics::default(), &Sources::default(), PLAIN), "");
    }

    #[test]
    fn colors_are_drawn_only_when_they_are_asked_for() {
        let diagnostic = Diagnostic::error("no-project", "no project");
        let drawn = |colors| draw_one(&diagnostic, &Sources::default(), Look { colors, width: 80 });
        assert!(drawn(true).contains("\u{1b}["));
        assert!(!drawn(false).contains('\u{1b}'));
    }
}
