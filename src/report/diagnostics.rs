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
/// Nothing to report is an empty string. Of very many the first are drawn: nobody reads more, and one mistake may be
/// told at each place that names it.
pub fn draw(diagnostics: &Diagnostics, sources: &Sources, look: Look) -> String {
    let sorted = diagnostics.sorted();
    let mut text = String::new();
    for diagnostic in sorted.iter().take(DRAWN) {
        text.push_str(&draw_one(diagnostic, sources, look));
        text.push('\n');
    }
    if let Some(more) = sorted.len().checked_sub(DRAWN).filter(|more| *more > 0) {
        text.push_str(&format!("and {more} more: `--output json` has them all\n\n"));
    }
    if let Some(count) = count(diagnostics) {
        text.push_str(&count);
        text.push('\n');
    }
    text
}

/// How many are drawn.
const DRAWN: usize = 100;

/// How many places of one are drawn.
const LABELS: usize = 10;

/// A line is drawn to so many bytes after what is underlined in it.
const BEHIND: usize = 500;

/// Draws one, and ends it with a newline.
pub fn draw_one(diagnostic: &Diagnostic, sources: &Sources, look: Look) -> String {
    let renderer = if look.colors { Renderer::styled() } else { Renderer::plain() }.term_width(look.width);
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut labels: Vec<&Label> = Vec::new();
    for label in &diagnostic.labels {
        if labels.len() < LABELS && !labels.contains(&label) {
            labels.push(label);
        }
    }
    let windows: Vec<Window> = files(&labels).into_iter().map(|source| Window::of(&labels, source, sources)).collect();
    let message = visible(&diagnostic.message);
    let help = diagnostic.help.as_deref().map(visible);
    let mut group = level.primary_title(message).id(diagnostic.code).elements(windows.iter().map(Window::snippet));
    if let Some(help) = help {
        group = group.element(Level::HELP.message(help));
    }
    // No blanks at the end of a line: they would tell how long what is hidden there is.
    renderer.render(&[group]).lines().fold(String::new(), |text, line| text + line.trim_end() + "\n")
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
    // One line, whatever stands in it.
    let message = visible(&diagnostic.message).replace('\n', "\\n").replace('\t', "\\t");
    write!(text, "{severity}[{}]: {message}", diagnostic.code).expect("a string takes all text");
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
    visible(&path.to_string_lossy().replace('\\', "/")).replace('\n', "\\n").replace('\t', "\\t")
}

/// Returns a text as a terminal may be given it: what would move its cursor, color it or turn its direction is escaped.
pub fn visible(text: &str) -> String {
    let is_seen = |c: char| matches!(c, '\n' | '\t') || !(c.is_control() || is_of_direction(c));
    if text.chars().all(is_seen) {
        return text.to_owned();
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_seen(character) {
            shown.push(character);
        } else {
            shown.extend(character.escape_unicode());
        }
    }
    shown
}

/// Tells whether a character turns the direction of what follows, or ends a line for some.
fn is_of_direction(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Says how many there are: `2 errors, 1 warning`; nothing where there are none.
pub fn count(diagnostics: &Diagnostics) -> Option<String> {
    let errors = diagnostics.errors();
    let warnings = diagnostics.len() - errors;
    let parts: Vec<String> = [(errors, "error"), (warnings, "warning")]
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, noun)| format!("{number} {noun}{}", if number == 1 { "" } else { "s" }))
        .collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// Returns the files that labels point into, the one of the primary label first.
fn files(labels: &[&Label]) -> Vec<SourceId> {
    let mut files = Vec::new();
    for label in labels {
        if !files.contains(&label.span.source) {
            files.push(label.span.source);
        }
    }
    files
}

/// What is drawn of one file: the lines from the first to the last that something points at, and no more.
struct Window {
    path: String,
    line: usize,
    text: String,
    /// What is underlined, whether it is the primary place, and what is said of it.
    marks: Vec<(Range<usize>, bool, String)>,
}

impl Window {
    fn of(labels: &[&Label], source: SourceId, sources: &Sources) -> Self {
        let file = sources.file(source);
        let own: Vec<(usize, Range<usize>)> = labels
            .iter()
            .enumerate()
            .filter(|(_, label)| label.span.source == source)
            .map(|(index, label)| (index, file.underlined(underlined(label, &file.text))))
            .collect();
        let whole = own.iter().map(|(_, range)| file.lines_of(range));
        let lines = whole.reduce(|one, other| one.start.min(other.start)..one.end.max(other.end)).unwrap_or(0..0);
        let last = own.iter().map(|(_, range)| range.end).max().unwrap_or_default();
        let end = lines.end.min(file.text.ceil_char_boundary(last.saturating_add(BEHIND)));
        let marks = own.into_iter().map(|(index, range)| {
            (range.start - lines.start..range.end - lines.start, index == 0, visible(&labels[index].text))
        });
        Self {
            path: shown_path(&file.path),
            line: file.line_number(lines.start),
            text: file.shown(lines.start..end),
            marks: marks.collect(),
        }
    }

    fn snippet(&self) -> Snippet<'_, Annotation<'_>> {
        let marks = self.marks.iter().map(|(range, is_primary, text)| {
            let kind = if *is_primary { AnnotationKind::Primary } else { AnnotationKind::Context };
            let annotation = kind.span(range.clone());
            if text.is_empty() { annotation } else { annotation.label(text) }
        });
        Snippet::source(&self.text).path(&self.path).line_start(self.line).annotations(marks)
    }
}

/// Returns the range to underline: a range that runs on over line ends (a whole table of a TOML file) would be drawn
/// as a bracket down the margin, so it is cut at the end of its first line; and what is very long is cut too.
fn underlined(label: &Label, text: &str) -> Range<usize> {
    let (start, end) = (label.span.start.min(text.len()), label.span.end.min(text.len()));
    let end = end.min(text.ceil_char_boundary(start.saturating_add(BEHIND)));
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
    fn of_very_many_the_first_are_drawn() {
        let mut sources = Sources::default();
        let text = (0..5000).map(|number| format!("of = \"a{number}\"")).collect::<Vec<_>>().join("\n");
        let source = sources.add(PathBuf::from("models/a.toml"), text);
        let mut diagnostics = Diagnostics::default();
        for number in 0..5000 {
            let place = span(&sources, source, &format!("a{number}\""));
            diagnostics.push(Diagnostic::error("unknown-name", format!("no `a{number}`")).at(place, ""));
        }
        let drawn = draw(&diagnostics, &sources, PLAIN);
        assert!(drawn.contains(" --> models/a.toml:100:7\n") && !drawn.contains("a.toml:101"), "{drawn}");
        assert!(drawn.ends_with("and 4900 more: `--output json` has them all\n\n5000 errors\n"), "{drawn}");
    }

    #[test]
    fn what_is_very_long_is_drawn_in_part() {
        let mut sources = Sources::default();
        let long = "x".repeat(5_000_000);
        let source = sources.add(PathBuf::from("models/a.toml"), format!("a = 1\nwithin = \"{long}\"\n"));
        let place = Span { source, start: 15, end: 15 + 2 + long.len() };
        let message = format!("`{long}` is not a duration");
        let diagnostic = Diagnostic::error("bad-duration", message).at(place, format!("`{long}`")).at(place, "");
        let drawn = draw_one(&diagnostic, &sources, PLAIN);
        assert!(drawn.len() < 5_000, "{}", drawn.len());
        assert!(drawn.contains(" […] ") && drawn.contains("` is not a duration\n"), "{drawn}");
        assert!(drawn.contains(" --> models/a.toml:2:10\n"), "{drawn}");
        assert!(line(&diagnostic, &sources).len() < 1_000);
    }

    #[test]
    fn what_is_hidden_is_drawn_as_stars() {
        let mut sources = Sources::default();
        let text = "# ü\npassword = \"hunter2-and-more\"\nkey = \"\"\"\nMII\nEvQ\"\"\" # b\n";
        let source = sources.add(PathBuf::from("project.toml"), text.to_owned());
        let (secret, key) =
            (span(&sources, source, "\"hunter2-and-more\""), span(&sources, source, "\"\"\"\nMII\nEvQ\"\"\""));
        sources.hide(source, [secret.start..secret.end, key.start..key.end]);
        let diagnostic = Diagnostic::error("secret-in-project", "it is written out")
            .at(secret, "here")
            .at(Span { start: secret.start + 8, ..secret }, "and here")
            .at(key, "and this");
        let drawn = draw_one(&diagnostic, &sources, PLAIN);
        assert!(drawn.contains("\n2 | password = ***\n") && drawn.contains(" --> project.toml:2:12\n"), "{drawn}");
        assert!(!["hunter", "more", "MII", "EvQ"].iter().any(|part| drawn.contains(part)), "{drawn}");
        assert!(drawn.lines().all(|line| line.trim_end() == line), "{drawn}");
    }

    #[test]
    fn what_moves_a_cursor_is_escaped() {
        let mut sources = Sources::default();
        let source = sources.add(PathBuf::from("models/a\u{9b}.toml"), "a = \"\u{9b}31m\u{202e}\"\n".into());
        let place = Span { source, start: 4, end: 13 };
        let message = "no \u{1b}[31m, \u{9b}31m or \u{202e}";
        let diagnostic = Diagnostic::error("unknown-kind", message).at(place, "\u{9b}").help("\u{85}");
        let drawn = draw_one(&diagnostic, &sources, PLAIN) + &line(&diagnostic, &sources);
        assert!(drawn.contains("no \\u{1b}[31m, \\u{9b}31m or \\u{202e}"), "{drawn}");
        assert!(!drawn.contains(|c: char| c.is_control() && c != '\n'), "{drawn}");
        assert!(!drawn.contains('\u{202e}'), "{drawn}");
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
