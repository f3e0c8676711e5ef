//! Text, and places in it: every message of the compiler points at one of these.

use std::ops::Range;
use std::path::{Path, PathBuf};

/// Names one file of a [`Sources`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(u32);

/// A range of bytes in one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The file.
    pub source: SourceId,
    /// The first byte.
    pub start: usize,
    /// The byte after the last one.
    pub end: usize,
}

/// The files that were read, in the order in which they were read.
#[derive(Debug, Default)]
pub struct Sources {
    files: Vec<SourceFile>,
}

/// One file: where it is, relative to the project, and what it holds.
#[derive(Debug)]
pub struct SourceFile {
    /// The path as it is shown, relative to the project's root where possible.
    pub path: PathBuf,
    /// The whole text.
    pub text: String,
}

impl Sources {
    /// Adds a file and names it.
    pub fn add(&mut self, path: PathBuf, text: String) -> SourceId {
        let id = SourceId(u32::try_from(self.files.len()).expect("fewer than four billion files"));
        self.files.push(SourceFile { path, text });
        id
    }

    /// Returns the file that `id` names.
    pub fn file(&self, id: SourceId) -> &SourceFile {
        &self.files[id.0 as usize]
    }

    /// Returns the path of the file that `id` names.
    pub fn path(&self, id: SourceId) -> &Path {
        &self.file(id).path
    }

    /// Returns the text at `span`.
    pub fn slice(&self, span: Span) -> &str {
        &self.file(span.source).text[span.start..span.end]
    }

    /// Returns the line and column, both from 1 and the column in characters, at which `span` starts.
    pub fn line_column(&self, span: Span) -> (usize, usize) {
        let before = &self.file(span.source).text[..span.start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}

impl Span {
    /// Returns the smallest span that covers both, which lie in one file.
    #[must_use]
    pub fn to(self, other: Span) -> Span {
        Span { source: self.source, start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// A string that was written in a file, whose parts can still be pointed at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// The string, unescaped.
    pub value: String,
    /// The whole of it in the file, quotes included.
    pub span: Span,
    /// Where the value starts in the file, when it stands there verbatim; escapes make that impossible.
    offset: Option<usize>,
}

impl Text {
    /// Makes a text of its value, its place, and the raw slice at that place.
    pub fn new(value: String, span: Span, raw: &str) -> Self {
        let offset = if value.is_empty() { None } else { raw.find(&value).map(|at| span.start + at) };
        Self { value, span, offset }
    }

    /// Returns the place of a range of bytes of the value: exact where the value stands verbatim in the file, the
    /// whole string otherwise.
    pub fn place(&self, range: Range<usize>) -> Span {
        match self.offset {
            Some(offset) => Span { source: self.span.source, start: offset + range.start, end: offset + range.end },
            None => self.span,
        }
    }
}
