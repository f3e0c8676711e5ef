//! What keeps a file from being TOML.

use std::ops::Range;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::{SourceId, Span};

/// Reports the mistakes that the parser of TOML found.
pub(super) fn report(source: SourceId, text: &str, errors: &[toml::de::Error], diagnostics: &mut Diagnostics) {
    // The keys below a header that was there already are not new mistakes.
    let mut repeated: Option<Range<usize>> = None;
    for error in errors {
        let range = error.span().unwrap_or(0..0);
        let range = range.start.min(text.len())..range.end.min(text.len());
        let place = |range: Range<usize>| Span { source, start: range.start, end: range.end };
        if error.message() != "duplicate key" {
            // What else could stand there helps with marks, but not with values.
            let message = match error.message().split_once(", expected ") {
                Some((what, _)) if what == "string values must be quoted" => what,
                _ => error.message(),
            };
            diagnostics.push(Diagnostic::error("toml-syntax", message).at(place(range), ""));
            continue;
        }
        if repeated.as_ref().is_some_and(|body| body.contains(&range.start)) {
            continue;
        }
        if is_header(line(text, range.start)) {
            let after = range.end + text[range.end..].find('\n').unwrap_or(text.len() - range.end);
            repeated = Some(after..next_header(text, after));
        }
        let key = &text[range.clone()];
        let mut diagnostic =
            Diagnostic::error("toml-syntax", format!("`{key}` is written twice")).at(place(range.clone()), "again");
        if let Some(first) = first(text, &range) {
            diagnostic = diagnostic.at(place(first), "first here");
        }
        diagnostics.push(diagnostic);
    }
}

/// Returns the line that a byte lies in, with the place of it.
fn line(text: &str, at: usize) -> (usize, &str) {
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[at..].find('\n').map_or(text.len(), |newline| at + newline);
    (start, &text[start..end])
}

fn is_header((_, line): (usize, &str)) -> bool {
    line.trim_start().starts_with('[')
}

/// Returns where the next header begins.
fn next_header(text: &str, from: usize) -> usize {
    text[from..]
        .match_indices('\n')
        .map(|(at, _)| from + at + 1)
        .find(|at| is_header(line(text, *at)))
        .unwrap_or(text.len())
}

/// Returns where a key that is written again was written first, where it stands there in the same way.
fn first(text: &str, again: &Range<usize>) -> Option<Range<usize>> {
    let (start, written) = line(text, again.start);
    let key = &text[again.clone()];
    let before: Vec<(usize, &str)> = text[..start]
        .split_inclusive('\n')
        .scan(0, |at, line| {
            let start = *at;
            *at += line.len();
            Some((start, line))
        })
        .collect();
    if is_header((start, written)) {
        let same = |line: &str| line.trim() == written.trim();
        let (at, _) = before.into_iter().find(|(_, line)| same(line))?;
        return Some(at + (again.start - start)..at + (again.end - start));
    }
    // A key of the same table: nearer than the header above.
    let same = |line: &str| line.trim_start().strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('='));
    let (at, line) = before.into_iter().rev().take_while(|line| !is_header(*line)).find(|(_, line)| same(line))?;
    let at = at + line.len() - line.trim_start().len();
    Some(at..at + key.len())
}
