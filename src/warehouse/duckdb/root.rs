//! Where relative paths of files begin: at the project's root, wherever this process is.
//!
//! SQL names files as the project does, so that it is the same on every machine. What the engine is given names them from
//! the root of its file system, and what it says of them is said as the project says it.

use std::borrow::Cow;
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::warehouse::{Error, ErrorKind};

use super::text;

/// What the names of functions begin with that read files, whose first argument is the path.
const READS: &str = "READ_";

/// A project's root.
#[derive(Clone, Debug)]
pub(super) struct Root {
    /// The folder, in full.
    folder: PathBuf,
    /// The same as text, with what follows it.
    prefix: String,
    /// The same as a pattern that matches nothing else.
    pattern: String,
}

impl Root {
    /// Makes it of a folder; refuses one whose name is no text.
    pub(super) fn of(folder: &Path) -> Result<Self, Error> {
        let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let refused = |kind, why: &str| Error::new(kind, format!("the project's folder {}: {why}", here.display()));
        let folder = std::path::absolute(here).map_err(|error| refused(ErrorKind::Missing, &error.to_string()))?;
        let Some(name) = folder.to_str() else {
            return Err(refused(ErrorKind::Unsupported, "DuckDB takes only names that are UTF-8"));
        };
        let prefix = if name.ends_with(['/', '\\']) { name.to_owned() } else { format!("{name}/") };
        let pattern = escaped(&prefix);
        Ok(Self { folder, prefix, pattern })
    }

    /// Returns the folder, in full.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the folder as a place in which the engine looks for what SQL names that is not ours: in a view that somebody made.
    /// None for a name that cannot be said so: it is a list without escapes, of what begins patterns.
    pub(super) fn searched(&self) -> Option<&str> {
        let name = self.folder.to_str()?;
        (!name.contains([',', '*', '?', '['])).then_some(name)
    }

    /// Returns a path of the project's, which may be a pattern, as the engine finds it.
    pub(super) fn path(&self, path: &str) -> String {
        let is_elsewhere = path.contains("://") || Path::new(path).is_absolute();
        if is_elsewhere { path.to_owned() } else { format!("{}{path}", self.pattern) }
    }

    /// Returns a path that the engine found as the project names it.
    pub(super) fn named(&self, found: String) -> String {
        let inside = found.strip_prefix(&self.prefix).map(|path| path.trim_start_matches("./").to_owned());
        inside.unwrap_or(found)
    }

    /// Returns SQL as the engine is given it: each path that a function reads, from the root.
    pub(super) fn sql<'text>(&self, sql: &'text str) -> Cow<'text, str> {
        let paths = paths_in(sql);
        if paths.is_empty() {
            return Cow::Borrowed(sql);
        }
        let (mut whole, mut copied) = (String::new(), 0);
        for Range { start, end } in paths {
            let path = sql[start + 1..end - 1].replace("''", "'");
            whole.push_str(&sql[copied..start]);
            whole.push_str(&text::literal(&self.path(&path)));
            copied = end;
        }
        whole.push_str(&sql[copied..]);
        Cow::Owned(whole)
    }

    /// Says an error as the project names its files.
    pub(super) fn told(&self, error: Error) -> Error {
        if !error.message.contains(&self.prefix) && !error.message.contains(&self.pattern) {
            return error;
        }
        let message = error.message.replace(&self.prefix, "").replace(&self.pattern, "");
        error.saying(message)
    }
}

/// Writes a path so that nothing in it is a pattern.
pub(super) fn escaped(path: &str) -> String {
    let mut text = String::new();
    for character in path.chars() {
        if matches!(character, '*' | '?' | '[') {
            text.extend(['[', character, ']']);
        } else {
            text.push(character);
        }
    }
    text
}

/// What a literal is that comes next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Path,
    /// One of a list.
    Paths,
    Other,
}

/// Returns where in SQL the literals lie that are the first argument of a function that reads files, or in a list that is.
fn paths_in(sql: &str) -> Vec<Range<usize>> {
    let bytes = sql.as_bytes();
    let mut found = Vec::new();
    // The word that was read last, and whether what follows is a path.
    let (mut word, mut next) = (0..0, Next::Other);
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let rest = &bytes[at..];
        let end = match byte {
            b'\'' | b'"' => at + quoted(rest, *byte),
            b'-' if rest.starts_with(b"--") => at + rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len()),
            b'/' if rest.starts_with(b"/*") => {
                at + rest.windows(2).position(|two| two == b"*/").map_or(rest.len(), |at| at + 2)
            }
            byte if is_of_word(*byte) => at + rest.iter().position(|byte| !is_of_word(*byte)).unwrap_or(rest.len()),
            _ => at + 1,
        };
        match byte {
            byte if byte.is_ascii_whitespace() => {}
            // Comments.
            b'-' | b'/' if end > at + 1 => {}
            byte if is_of_word(*byte) => (word, next) = (at..end, Next::Other),
            b'(' => {
                let reads = bytes[word.clone()].to_ascii_uppercase().starts_with(READS.as_bytes());
                (word, next) = (0..0, if reads { Next::Path } else { Next::Other });
            }
            b'[' if next == Next::Path => next = Next::Paths,
            b',' if next == Next::Paths => {}
            b'\'' if next != Next::Other => {
                found.push(at..end);
                next = if next == Next::Paths { Next::Paths } else { Next::Other };
            }
            _ => (word, next) = (0..0, Next::Other),
        }
        at = end;
    }
    found
}

fn is_of_word(byte: u8) -> bool {
    byte == b'_' || byte.is_ascii_alphanumeric() || !byte.is_ascii()
}

/// Returns the length of what begins with a quote, in which two of them are one; all of it, where it does not end.
fn quoted(bytes: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while let Some(byte) = bytes.get(at) {
        at += 1;
        if *byte == quote {
            if bytes.get(at) != Some(&quote) {
                return at;
            }
            at += 1;
        }
    }
    bytes.len()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn each_path_that_is_read_begins_at_the_root() {
        let root = Root::of(Path::new("/a/it's [x]")).unwrap();
        for (sql, expected) in [
            ("SELECT 'READ_CSV(''x'')' FROM t", "SELECT 'READ_CSV(''x'')' FROM t"),
            ("FROM READ_CSV('x.csv', delim = 'y')", "FROM READ_CSV('/a/it''s [[]x]/x.csv', delim = 'y')"),
            (
                "FROM read_csv (\n  -- it's\n  './d''e/*.csv'\n)",
                "FROM read_csv (\n  -- it's\n  '/a/it''s [[]x]/./d''e/*.csv'\n)",
            ),
            (
                "FROM READ_JSON('/b.json'), READ_PARQUET('s3://b/c')",
                "FROM READ_JSON('/b.json'), READ_PARQUET('s3://b/c')",
            ),
            (
                "/* READ_CSV( */ SELECT ('x'), \"READ_CSV\"('y'), 'é'",
                "/* READ_CSV( */ SELECT ('x'), \"READ_CSV\"('y'), 'é'",
            ),
            ("-- READ_CSV('x')\nSELECT READ_CSV, ('x'), 'open", "-- READ_CSV('x')\nSELECT READ_CSV, ('x'), 'open"),
        ] {
            assert_eq!(root.sql(sql), expected);
        }
    }

    #[test]
    fn what_the_engine_says_is_said_as_the_project_says_it() {
        let root = Root::of(Path::new("/a/[x]")).unwrap();
        assert_eq!(root.named("/a/[x]/d/e.csv".to_owned()), "d/e.csv");
        assert_eq!(root.named("/a/[x]/./e.csv".to_owned()), "e.csv");
        assert_eq!(root.named("/b/e.csv".to_owned()), "/b/e.csv");
        let error = Error::new(ErrorKind::Missing, "no \"/a/[[]x]/*.csv\", nor \"/a/[x]/e.csv\"");
        assert_eq!(root.told(error).message, "no \"*.csv\", nor \"e.csv\"");
    }
}
