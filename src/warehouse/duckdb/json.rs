//! What is wrong with a file of JSON that DuckDB would read: it takes `NaN` and `Infinity` for numbers, a comma at the end of a
//! list, null for a row in which all is null, an array for a value where objects are lines, and of a key that no definition
//! reads any number.

use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, BufRead as _};

use serde::de::{Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::error::Category;

use super::packed::{Fault, Text};

/// The mark of UTF-8 at the start of a file, which is no JSON and does no harm.
const MARK: &[u8] = "\u{feff}".as_bytes();

/// Returns the first fault of a text, which is read to its end where it has none.
pub(super) fn fault(mut text: Text) -> io::Result<Option<Fault>> {
    if text.fill_buf()?.starts_with(MARK) {
        text.consume(MARK.len());
    }
    let mut text = serde_json::Deserializer::from_reader(text);
    match rows(&mut text) {
        Ok(()) => Ok(None),
        Err(error) if error.classify() == Category::Io => Err(error.into()),
        Err(error) => {
            let told = error.to_string();
            let told = told.rsplit_once(" at line ").map_or(told.as_str(), |(told, _)| told);
            let what = match error.classify() {
                Category::Data if told.starts_with("invalid type") => "a row is not an object".to_owned(),
                Category::Data => told.to_owned(),
                Category::Syntax | Category::Eof | Category::Io => format!("it is not JSON: {told}"),
            };
            // A number is over once what follows it was read: then the place is before the first column of the next line.
            let line = if error.column() == 0 { error.line().saturating_sub(1).max(1) } else { error.line() };
            Ok(Some(Fault { line: u64::try_from(line).ok(), what }))
        }
    }
}

/// Reads the one array of a text, or the objects that stand beside each other in it.
fn rows<R: io::Read>(text: &mut serde_json::Deserializer<serde_json::de::IoRead<R>>) -> serde_json::Result<()> {
    if text.end().is_ok() {
        return Ok(());
    }
    match Rows::deserialize(&mut *text)? {
        Rows::Many => text.end(),
        Rows::One => {
            while text.end().is_err() {
                Row::deserialize(&mut *text)?;
            }
            Ok(())
        }
    }
}

/// What a file begins with: an object, or an array of all of them.
enum Rows {
    One,
    Many,
}

impl<'de> Deserialize<'de> for Rows {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RowsVisitor;
        impl<'de> Visitor<'de> for RowsVisitor {
            type Value = Rows;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object, or an array of objects")
            }
            fn visit_map<A: MapAccess<'de>>(self, row: A) -> Result<Rows, A::Error> {
                RowVisitor.visit_map(row).map(|Row| Rows::One)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<Rows, A::Error> {
                while rows.next_element::<Row>()?.is_some() {}
                Ok(Rows::Many)
            }
        }
        deserializer.deserialize_any(RowsVisitor)
    }
}

/// An object whose keys are all different.
struct Row;

struct RowVisitor;

impl<'de> Visitor<'de> for RowVisitor {
    type Value = Row;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut row: A) -> Result<Row, A::Error> {
        let mut keys: BTreeSet<String> = BTreeSet::new();
        while let Some(key) = row.next_key::<String>()? {
            if keys.contains(&key) {
                return Err(A::Error::custom(format!("an object has the key `{key}` twice")));
            }
            keys.insert(key);
            row.next_value::<IgnoredAny>()?;
        }
        Ok(Row)
    }
}

impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RowVisitor)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn told(text: &str) -> String {
        match fault(Box::new(Cursor::new(text.as_bytes().to_vec()))).unwrap() {
            None => "nothing".to_owned(),
            Some(Fault { line: None, what }) => what,
            Some(Fault { line: Some(line), what }) => format!("{line}: {what}"),
        }
    }

    #[test]
    fn what_is_right_has_no_fault() {
        for text in [
            "",
            "[]",
            "\n\n",
            "\u{feff}{\"a\": 1}\n",
            "{\"a\": 1}\r\n\r\n{\"a\": \"NaN\", \"A\": [1, {\"a\": 1, \"a\": 2}]}",
            "{\"a\": 1e999}{\"a\": 123456789012345678901234567890}",
            "[\n  {\"a\": null},\n  {}\n]\n",
        ] {
            assert_eq!(told(text), "nothing", "{text:?}");
        }
        let deep = format!("{{\"a\": {}1{}}}", "[".repeat(10_000), "]".repeat(10_000));
        assert_eq!(told(&deep), "nothing");
    }

    #[test]
    fn each_fault_has_its_line_and_its_words() {
        for (text, expected) in [
            ("{\"a\": 1}\n{\"a\": NaN}\n", "2: it is not JSON: expected value"),
            ("{\"a\": 1, \"b\": Infinity}\n", "1: it is not JSON: expected value"),
            ("{\"a\": -Infinity}\n", "1: it is not JSON: invalid number"),
            ("{\"a\": [1, ]}\n", "1: it is not JSON: expected value"),
            ("{\"a\": 1", "1: it is not JSON: EOF while parsing an object"),
            ("{\"a\": 1}\n\nnull\n{\"a\": 2}\n", "3: a row is not an object"),
            ("[{\"a\": 1},\n null]", "2: a row is not an object"),
            ("[{\"a\": 1},\n [{\"a\": 2}]]", "2: a row is not an object"),
            ("{\"a\": 1}\n5\n", "2: a row is not an object"),
            ("{\"a\": 1}\n{\"a\": 1,\n\"b\": 2, \"b\": 3}\n", "3: an object has the key `b` twice"),
            ("{\"a\": 1}\n[{\"a\": 2}]\n", "2: a row is not an object"),
            ("[{\"a\": 1}]\n[{\"a\": 2}]\n", "2: it is not JSON: trailing characters"),
        ] {
            assert_eq!(told(text), expected, "{text:?}");
        }
    }
}
