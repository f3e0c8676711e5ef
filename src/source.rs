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

impl Span {
    /// The place of what nobody wrote: nothing, at the beginning of the first file.
    pub const NOWHERE: Span = Span { source: SourceId(0), start: 0, end: 0 };
}

/// The files that were read, in the order in which they were read.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<SourceFile>,
}

/// One file: where it is, relative to the project, and what it holds.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// The path as it is shown, relative to the project's root where possible.
    pub path: PathBuf,
    /// The whole text.
    pub text: String,
    /// Where each line begins.
    lines: Vec<usize>,
    /// What is never drawn: the values of settings, any of which may be a secret.
    hidden: Vec<Range<usize>>,
}

impl Sources {
    /// Adds a file and names it.
    pub fn add(&mut self, path: PathBuf, text: String) -> SourceId {
        let id = SourceId(u32::try_from(self.files.len()).expect("fewer than four billion files"));
        let lines = [0].into_iter().chain(text.match_indices('\n').map(|(newline, _)| newline + 1)).collect();
        self.files.push(SourceFile { path, text, lines, hidden: Vec::new() });
        id
    }

    /// Hides parts of a file's text from everything that is drawn.
    pub fn hide(&mut self, id: SourceId, parts: impl IntoIterator<Item = Range<usize>>) {
        self.files[id.0 as usize].hidden.extend(parts);
    }

    /// Returns the names of all files, in the order in which they were read.
    pub fn all(&self) -> impl Iterator<Item = SourceId> {
        (0..self.files.len()).map(|index| SourceId(u32::try_from(index).expect("fewer than four billion files")))
    }

    /// Returns the file that `id` names.
    pub fn file(&self, id: SourceId) -> &SourceFile {
        &self.files[id.0 as usize]
    }

    /// Returns the path of the file that `id` names.
    pub fn path(&self, id: SourceId) -> &Path {
        &self.file(id).path
    }

    /// Returns that path with slashes, wherever the program runs.
    pub fn shown_path(&self, id: SourceId) -> String {
        self.path(id).display().to_string().replace('\\', "/")
    }

    /// Returns the text at `span`.
    pub fn slice(&self, span: Span) -> &str {
        &self.file(span.source).text[span.start..span.end]
    }

    /// Returns the line and column, both from 1 and the column in characters, at which `span` starts.
    pub fn line_column(&self, span: Span) -> (usize, usize) {
        let file = self.file(span.source);
        let line = file.lines.partition_point(|start| *start <= span.start);
        (line, file.text[file.lines[line - 1]..span.start].chars().count() + 1)
    }
}

impl SourceFile {
    /// Returns the line and column, both from 1 and the column in code units of UTF-16, in which a byte lies.
    pub fn line_column_in_utf16(&self, byte: usize) -> (usize, usize) {
        let line = self.line_number(byte);
        (line, self.text[self.lines[line - 1]..byte].encode_utf16().count() + 1)
    }

    /// Returns the bytes of the whole lines that a range lies in.
    pub fn lines_of(&self, range: &Range<usize>) -> Range<usize> {
        // The end of a file is the end of its last line, and no line of its own.
        if range.start == self.text.len() && self.text.ends_with('\n') {
            return self.lines[self.lines.len() - 2]..self.text.len();
        }
        let start = self.lines[self.lines.partition_point(|start| *start <= range.start) - 1];
        let end = self.lines.get(self.lines.partition_point(|start| *start < range.end.max(range.start + 1)));
        start..end.map_or(self.text.len(), |next| next - 1)
    }

    /// Returns the number, from 1, of the line that a byte lies in.
    pub fn line_number(&self, byte: usize) -> usize {
        self.lines.partition_point(|start| *start <= byte)
    }

    /// Returns what may be drawn of a range: as many bytes, with stars and blanks for what is hidden, so that nothing
    /// tells how long that is, and with a dot for each character that would move a terminal's cursor.
    pub fn shown(&self, range: Range<usize>) -> String {
        let mut shown = String::with_capacity(range.len());
        let text = &self.text[range.clone()];
        for (at, character) in text.char_indices() {
            let byte = range.start + at;
            let hidden = self.hidden.iter().find(|hidden| hidden.contains(&byte));
            match hidden {
                Some(hidden) if character != '\n' => {
                    let mark = if byte < hidden.start + STARS { "*" } else { " " };
                    shown.push_str(&mark.repeat(character.len_utf8()));
                }
                // A control of two bytes, and a dot of two.
                None if ('\u{80}'..'\u{a0}').contains(&character) => shown.push('·'),
                Some(_) | None => shown.push(character),
            }
        }
        shown
    }

    /// Returns the range of bytes to underline: of what is hidden, only the stars.
    pub fn underlined(&self, range: Range<usize>) -> Range<usize> {
        match self.hidden.iter().find(|hidden| hidden.contains(&range.start)) {
            Some(hidden) if range.start >= hidden.start + STARS => range.start..range.start + 1,
            Some(hidden) => range.start..range.end.min(hidden.start + STARS).min(hidden.end),
            None => range,
        }
    }
}

/// How many stars stand for what is hidden.
const STARS: usize = 3;

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
    /// For each byte of the value, and for its end, the byte of the file that it is written at; none where that cannot
    /// be told.
    bytes: Option<Vec<usize>>,
}

impl Text {
    /// Makes a text of its value, its place, and the raw slice at that place: a string of TOML.
    pub fn new(value: String, span: Span, raw: &str) -> Self {
        let bytes = written_at(&value, raw).map(|bytes| bytes.into_iter().map(|byte| span.start + byte).collect());
        Self { value, span, bytes }
    }

    /// Returns the place of a range of bytes of the value; the whole string where it is not known.
    pub fn place(&self, range: Range<usize>) -> Span {
        match &self.bytes {
            Some(bytes) => Span { source: self.span.source, start: bytes[range.start], end: bytes[range.end] },
            None => self.span,
        }
    }
}

/// Returns, for each byte of the value of a TOML string and for its end, the byte of `raw` that it is written at.
fn written_at(value: &str, raw: &str) -> Option<Vec<usize>> {
    let mark = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|mark| raw.starts_with(mark))?;
    let inside = raw.get(mark.len()..raw.len().checked_sub(mark.len())?)?;
    let has_escapes = mark.starts_with('"');
    // The newline after an opening mark of three is not part of the value.
    let mut at = mark.len();
    if mark.len() == 3 {
        at += ["\r\n", "\n"].iter().find(|newline| inside.starts_with(**newline)).map_or(0, |newline| newline.len());
    }
    let end = raw.len() - mark.len();
    let mut bytes = Vec::with_capacity(value.len() + 1);
    let mut rest = value.chars().peekable();
    while at < end {
        let written = raw[at..end].chars().next()?;
        let length = match raw[at + written.len_utf8()..end].chars().next() {
            _ if written != '\\' || !has_escapes => written.len_utf8(),
            Some('x') => 4,
            Some('u') => 6,
            Some('U') => 10,
            // The end of a line is left out, and blanks up to the next character.
            Some(' ' | '\t' | '\r' | '\n') => {
                at += 1 + raw[at + 1..end].len() - raw[at + 1..end].trim_start_matches([' ', '\t', '\r', '\n']).len();
                continue;
            }
            Some(_) => 2,
            None => return None,
        };
        // A line end may have lost its carriage return.
        if written == '\r' && rest.peek() == Some(&'\n') {
            at += 1;
            continue;
        }
        let character = rest.next()?;
        if length == written.len_utf8() && character != written {
            return None;
        }
        bytes.extend(std::iter::repeat_n(at, character.len_utf8()));
        at += length;
    }
    bytes.push(end);
    (rest.next().is_none()).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns what stands in the file at the place of `part` of the value of a string.
    fn at(raw: &str, part: &str) -> String {
        let mut sources = Sources::default();
        let text = format!("key = {raw} # comment");
        let source = sources.add(PathBuf::from("a.toml"), text);
        let span = Span { source, start: 6, end: 6 + raw.len() };
        let value: toml::Table = format!("key = {raw}").parse().unwrap();
        let text = Text::new(value["key"].as_str().unwrap().to_owned(), span, raw);
        let start = text.value.find(part).unwrap();
        sources.slice(text.place(start..start + part.len())).to_owned()
    }

    #[test]
    fn a_part_is_found_behind_escapes() {
        assert_eq!(at(r#""plan = 'pro'""#, "'pro'"), "'pro'");
        assert_eq!(at(r#"'plan = "pro"'"#, "\"pro\""), "\"pro\"");
        assert_eq!(at(r#""\"plan\" = '\u00e9' or x""#, "x"), "x");
        assert_eq!(at(r#""\"plan\" = '\u00e9' or x""#, "\"plan\""), r#"\"plan\""#);
        assert_eq!(at(r#""\u00e9x""#, "é"), r"\u00e9");
        assert_eq!(at(r#""ü = 'é'""#, "'é'"), "'é'");
        assert_eq!(at(r#""\"""#, "\""), r#"\""#);
    }

    #[test]
    fn a_part_is_found_on_its_line() {
        assert_eq!(at("\"\"\"\na\nand b\n\"\"\"", "and b"), "and b");
        assert_eq!(at("\"\"\"\r\na\r\nand b\"\"\"", "and b"), "and b");
        assert_eq!(at("\"\"\"a \\\n  and b\"\"\"", "and b"), "and b");
        assert_eq!(at("'''like 'a\\%''''", "'a\\%'"), "'a\\%'");
    }
}
