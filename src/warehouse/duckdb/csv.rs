//! What is wrong with a file of separated values: DuckDB says that it cannot be read, this says where and why.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use crate::warehouse::files::Csv;

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// The line, from 1; none where it is the file as a whole.
    pub(super) line: Option<u64>,
    /// What is wrong, in a sentence that follows the place.
    pub(super) what: String,
}

/// How a line ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Lf,
    CrLf,
    Cr,
}

impl End {
    fn name(self) -> &'static str {
        match self {
            End::Lf => "LF",
            End::CrLf => "CR LF",
            End::Cr => "CR",
        }
    }
}

/// Where in a row a byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Nothing of the field was read, but blanks perhaps.
    Start,
    Plain,
    Quoted,
    /// After the quote that closes a field.
    Closed,
}

/// Returns the first fault of a local file; none where it has none, or cannot be looked into: it is packed, or is not in
/// UTF-8 and need not be.
pub(super) fn fault(path: &Path, csv: &Csv) -> Option<Fault> {
    let packed = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz"));
    if packed || csv.encoding != "utf-8" {
        return None;
    }
    let bytes = BufReader::with_capacity(1 << 16, File::open(path).ok()?).bytes();
    Scan::new(csv).run(bytes.map_while(Result::ok))
}

struct Scan {
    delimiter: u8,
    quote: Option<u8>,
    escape: Option<u8>,
    comment: Option<u8>,
    skip: u16,
    /// The line that is read, from 1.
    line: u64,
    /// The line on which the row begins.
    row_line: u64,
    row: Vec<u8>,
    place: Place,
    fields: usize,
    /// The fields of the header, and its line.
    header: Option<(usize, u64)>,
    /// How the first line ends.
    end: Option<End>,
}

impl Scan {
    fn new(csv: &Csv) -> Self {
        let byte = |character: char| u8::try_from(character).unwrap_or(0);
        Self {
            delimiter: byte(csv.delimiter),
            quote: csv.quote.map(byte),
            escape: csv.escape.map(byte),
            comment: csv.comment.map(byte),
            skip: csv.skip,
            line: 1,
            row_line: 1,
            row: Vec::new(),
            place: Place::Start,
            fields: 1,
            header: None,
            end: None,
        }
    }

    fn run(mut self, bytes: impl Iterator<Item = u8>) -> Option<Fault> {
        let mut bytes = bytes.peekable();
        let mut first: Vec<u8> = Vec::new();
        while first.len() < 3
            && let Some(byte) = bytes.next()
        {
            first.push(byte);
        }
        if let [0xff, 0xfe, ..] | [0xfe, 0xff, ..] = first.as_slice() {
            let help = if first[0] == 0xff { ": write `csv = { encoding = \"utf-16\" }`" } else { ", big end first" };
            return Some(Fault { line: None, what: format!("it is UTF-16, not UTF-8{help}") });
        }
        if first.is_empty() {
            return Some(Fault { line: None, what: "it is empty: it has no header".to_owned() });
        }
        if first == [0xef, 0xbb, 0xbf] {
            first.clear();
        }
        let mut bytes = first.into_iter().chain(bytes).peekable();
        for _ in 0..self.skip {
            bytes.find(|byte| *byte == b'\n')?;
            self.line += 1;
        }
        self.row_line = self.line;
        while let Some(byte) = bytes.next() {
            let end = match byte {
                b'\r' if bytes.peek() == Some(&b'\n') => Some(End::CrLf),
                b'\r' => Some(End::Cr),
                b'\n' => Some(End::Lf),
                _ => None,
            };
            if end == Some(End::CrLf) {
                bytes.next();
            }
            if let (Some(end), false) = (end, self.place == Place::Quoted) {
                if let Some(fault) = self.end_of_line(end) {
                    return Some(fault);
                }
                continue;
            }
            self.row.push(if end.is_some() { b'\n' } else { byte });
            if end.is_some() {
                self.line += 1;
                continue;
            }
            if Some(byte) == self.comment && self.place != Place::Quoted {
                self.row.pop();
                // A line of nothing but a comment is no row.
                if self.row.iter().all(|byte| *byte == b' ') {
                    self.row.clear();
                }
                while bytes.peek().is_some_and(|byte| !matches!(byte, b'\r' | b'\n')) {
                    bytes.next();
                }
                continue;
            }
            let next = bytes.peek().copied();
            match self.place {
                Place::Quoted if Some(byte) == self.escape && self.escapes(next) => {
                    self.row.extend(bytes.next());
                }
                Place::Quoted if Some(byte) == self.quote => self.place = Place::Closed,
                Place::Quoted => {}
                Place::Start | Place::Plain | Place::Closed if byte == self.delimiter => {
                    self.fields += 1;
                    self.place = Place::Start;
                }
                Place::Start if Some(byte) == self.quote => self.place = Place::Quoted,
                Place::Start | Place::Closed if byte == b' ' => {}
                Place::Start | Place::Plain => self.place = Place::Plain,
                Place::Closed => return Some(self.after_quote()),
            }
        }
        if self.place == Place::Quoted {
            return Some(self.at(self.row_line, "a quote is opened and never closed".to_owned()));
        }
        if self.row.is_empty() { None } else { self.end_of_row() }
    }

    fn escapes(&self, next: Option<u8>) -> bool {
        next.is_some() && (next == self.quote || (next == self.escape && self.escape != self.quote))
    }

    #[expect(clippy::unused_self, reason = "stands beside the faults that read it")]
    fn at(&self, line: u64, what: String) -> Fault {
        Fault { line: Some(line), what }
    }

    fn after_quote(&self) -> Fault {
        let escaped = self.row.len() > 2 && self.row[self.row.len() - 3] == b'\\' && self.escape != Some(b'\\');
        let help = if escaped {
            "where the file writes `\\\"` for a quote, write `csv = { escape = \"\\\\\" }`"
        } else {
            "a quote inside of quotes is written twice"
        };
        self.at(self.line, format!("a quote is closed before the field is over; {help}"))
    }

    fn end_of_line(&mut self, end: End) -> Option<Fault> {
        match self.end {
            Some(first) if first != end => {
                let what = format!(
                    "it ends in {}, and the lines before in {}: mixed line ends; write the file with one kind",
                    end.name(),
                    first.name()
                );
                return Some(self.at(self.line, what));
            }
            Some(_) => {}
            None => self.end = Some(end),
        }
        let fault = if self.row.is_empty() { None } else { self.end_of_row() };
        self.line += 1;
        self.row.clear();
        (self.row_line, self.place, self.fields) = (self.line, Place::Start, 1);
        fault
    }

    fn end_of_row(&mut self) -> Option<Fault> {
        if let Err(error) = std::str::from_utf8(&self.row) {
            let before = String::from_utf8_lossy(&self.row[..error.valid_up_to()]).matches('\n').count();
            let line = self.row_line + u64::try_from(before).unwrap_or(0);
            let what = "it is not UTF-8: where the file is Latin-1, write `csv = { encoding = \"latin-1\" }`";
            return Some(self.at(line, what.to_owned()));
        }
        let Some((header, line)) = self.header else {
            self.header = Some((self.fields, self.row_line));
            return None;
        };
        if header == self.fields {
            return None;
        }
        let fields = |count: usize| if count == 1 { "1 field".to_owned() } else { format!("{count} fields") };
        let help = if header == 1 {
            format!("; where the header is below line {line}, say how many lines are above it: `csv = {{ skip = … }}`")
        } else {
            String::new()
        };
        Some(self.at(self.row_line, format!("it has {}, and the header has {}{help}", fields(self.fields), header)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csv() -> Csv {
        let quote = Some('"');
        Csv { delimiter: ',', quote, escape: quote, comment: None, skip: 0, encoding: "utf-8".to_owned() }
    }

    fn told(text: &[u8], csv: &Csv) -> String {
        match Scan::new(csv).run(text.iter().copied()) {
            None => "nothing".to_owned(),
            Some(Fault { line: None, what }) => what,
            Some(Fault { line: Some(line), what }) => format!("{line}: {what}"),
        }
    }

    #[test]
    fn what_is_right_has_no_fault() {
        for text in [
            "a,b\n1,2\n",
            "a,b\r\n1,2\r\n",
            "a,b\r1,2",
            "\u{feff}a,b\n\"1\n\",\"\"\"\"\n\n",
            "a,b\r\n\"1\n\",2\r\n",
            "a\n",
            "a,b\n1, \"2,3\" \n",
            "a,b\n#1,it's\n",
        ] {
            assert_eq!(told(text.as_bytes(), &csv()), "nothing", "{text:?}");
        }
        let other = Csv { delimiter: ';', quote: Some('\''), escape: Some('\\'), comment: Some('#'), skip: 2, ..csv() };
        assert_eq!(told(b"My, title\n\na;b\n #;;;'\n'1\\';';2 #;;\n'\\\\';\"\n", &other), "nothing");
        assert_eq!(told(b"a,b\n\"1,2\n", &Csv { quote: None, escape: None, ..csv() }), "nothing");
    }

    #[test]
    fn each_fault_has_its_line_and_its_words() {
        let long = format!("a,b\n{}\"1\n2\",3,4\n", "1,2\n".repeat(30_000));
        let cases: &[(&[u8], &str)] = &[
            (b"", "it is empty"),
            (b"a,b\n1,2,3\n", "2: it has 3 fields, and the header has 2"),
            (b"a,b\n\n1\n", "3: it has 1 field, and the header has 2"),
            (b"Title\n\na,b\n", "3: it has 2 fields, and the header has 1; where the header is below line 1"),
            (b"a,b\r\n1,2\n", "2: it ends in LF, and the lines before in CR LF: mixed line ends"),
            (b"a,b\n1,2\r\n", "2: it ends in CR LF, and the lines before in LF"),
            (b"a,b\n1,\"2\n3,4\n", "2: a quote is opened and never closed"),
            (b"a,b\n1,\"2\"3\n", "2: a quote is closed before the field is over; a quote inside of quotes is written"),
            (b"a,b\n1,\"2\\\"3\"\n", "2: a quote is closed before the field is over; where the file writes"),
            (b"a,b\n1,2\n1,\xe9\n", "3: it is not UTF-8"),
            (b"a,b\n1,\"\n\xe9\"\n", "3: it is not UTF-8"),
            (b"\xff\xfea\0", "it is UTF-16, not UTF-8: write"),
            (b"\xfe\xff\0a", "it is UTF-16, not UTF-8, big end first"),
            (long.as_bytes(), "30002: it has 3 fields, and the header has 2"),
        ];
        for (text, expected) in cases {
            let told = told(text, &csv());
            assert!(told.starts_with(expected), "{told:?} for {:?}", String::from_utf8_lossy(text));
        }
    }
}
