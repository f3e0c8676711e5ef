//! What is wrong with a file of separated values: DuckDB says that it cannot be read, this says where and why.

use std::io::{self, BufRead, Read as _};

use crate::warehouse::files::Csv;

use super::packed::{Fault, Text};

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
    /// Nothing of the field was read.
    Start,
    /// Nothing but blanks.
    Blank,
    Plain,
    Quoted,
    /// After the quote that closes a field.
    Closed,
}

/// Returns the first fault of a text; none where it has none.
pub(super) fn fault(text: Text, csv: &Csv) -> io::Result<Option<Fault>> {
    let mut broken = None;
    let bytes = text.bytes().map_while(|byte| byte.map_err(|error| broken = Some(error)).ok());
    let fault = match csv.encoding.as_str() {
        "utf-16" => Scan::new(csv).run(utf_8_of_16(bytes)),
        // What separates fields is in ASCII, which is alike in both.
        "latin-1" => Scan::new(csv).run(bytes.map(|byte| if byte.is_ascii() { byte } else { b'?' })),
        _ => Scan::new(csv).run(bytes),
    };
    broken.map_or(Ok(fault), Err)
}

/// Returns UTF-16, the little end first, as UTF-8.
fn utf_8_of_16(mut bytes: impl Iterator<Item = u8>) -> impl Iterator<Item = u8> {
    let units = std::iter::from_fn(move || Some(u16::from_le_bytes([bytes.next()?, bytes.next()?])));
    let characters = char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER));
    characters.flat_map(|character| character.to_string().into_bytes())
}

/// Tells whether a blank may stand between a delimiter and a quote in a text, which is read to its end where none does.
/// It is quick, and takes some for such that are inside of quotes.
///
/// DuckDB drops one such blank, so that ` "u1"` is `u1`, and takes the quotes for text where there are more. None of its
/// options refuses them.
pub(super) fn may_have_blanks_beside_quotes(mut text: Text, csv: &Csv) -> io::Result<bool> {
    #[derive(Clone, Copy, PartialEq)]
    enum Seen {
        Other,
        Edge,
        BlankAfterEdge,
        Quote,
        BlankAfterQuote,
    }
    let byte = |character: Option<char>| character.and_then(|character| u8::try_from(character).ok());
    let (delimiter, quote, comment) = (byte(Some(csv.delimiter)), byte(csv.quote), byte(csv.comment));
    let mut seen = Seen::Edge;
    loop {
        let bytes = text.fill_buf()?;
        if bytes.is_empty() {
            return Ok(seen == Seen::BlankAfterQuote);
        }
        for byte in bytes {
            let is_edge = matches!(byte, b'\n' | b'\r') || Some(*byte) == delimiter || Some(*byte) == comment;
            seen = match (*byte, seen) {
                // Marks of UTF-8 and UTF-16, and the other half of a character in UTF-16.
                (0 | 0xef | 0xbb | 0xbf | 0xfe | 0xff, _) => continue,
                (_, Seen::BlankAfterQuote) if is_edge => return Ok(true),
                (_, Seen::BlankAfterEdge) if Some(*byte) == quote => return Ok(true),
                _ if is_edge => Seen::Edge,
                _ if Some(*byte) == quote => Seen::Quote,
                (b' ', Seen::Edge | Seen::BlankAfterEdge) => Seen::BlankAfterEdge,
                (b' ', Seen::Quote | Seen::BlankAfterQuote) => Seen::BlankAfterQuote,
                _ => Seen::Other,
            };
        }
        let length = bytes.len();
        text.consume(length);
    }
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
                Place::Start | Place::Blank | Place::Plain | Place::Closed if byte == self.delimiter => {
                    self.fields += 1;
                    self.place = Place::Start;
                }
                Place::Start if Some(byte) == self.quote => self.place = Place::Quoted,
                Place::Blank if Some(byte) == self.quote => return Some(self.beside_quote("before")),
                Place::Closed if byte == b' ' => return Some(self.beside_quote("behind")),
                Place::Start | Place::Blank if byte == b' ' => self.place = Place::Blank,
                Place::Start | Place::Blank | Place::Plain => self.place = Place::Plain,
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

    fn beside_quote(&self, side: &str) -> Fault {
        self.at(
            self.line,
            format!(
                "a blank stands {side} a quote: it belongs to the field, and would be lost; write the file without it"
            ),
        )
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
    use std::io::Cursor;

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
            "a,b\n1, it's \"2\" \n",
            "a,b\n1,\"2, \"\"3\"\" , \"\n",
            "a,b\n#1,it's\n",
        ] {
            assert_eq!(told(text.as_bytes(), &csv()), "nothing", "{text:?}");
        }
        let other = Csv { delimiter: ';', quote: Some('\''), escape: Some('\\'), comment: Some('#'), skip: 2, ..csv() };
        assert_eq!(told(b"My, title\n\na;b\n #;;;'\n'1\\';';2 #;;\n'\\\\';\"\n", &other), "nothing");
        assert_eq!(told(b"a,b\n\"1,2\n", &Csv { quote: None, escape: None, ..csv() }), "nothing");
    }

    #[test]
    fn a_blank_beside_a_quote_is_never_overlooked() {
        let may =
            |text: &[u8], csv: &Csv| may_have_blanks_beside_quotes(Box::new(Cursor::new(text.to_vec())), csv).unwrap();
        let sixteen = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        for text in ["a,b\n1, \"2\"\n", "\u{feff} \"a\"\n", "a,b\n\"1\" \r\n", "a\n\"1\" ", "a,b\n1,\"2\"  ,\n"] {
            assert!(may(text.as_bytes(), &csv()), "{text:?}");
            let utf_16 = Csv { encoding: "utf-16".to_owned(), ..csv() };
            assert!(may(&sixteen(text), &utf_16), "{text:?}");
            let told = fault(Box::new(Cursor::new(sixteen(text))), &utf_16).unwrap();
            assert!(told.is_some_and(|fault| fault.what.starts_with("a blank stands")), "{text:?}");
        }
        for text in ["a,b\n1, 2\n", "a,b\n1 ,\"2 3\"\n", "a,b\n\"1: \"\"2\"\"\",x y\n", "a b\n"] {
            assert!(!may(text.as_bytes(), &csv()), "{text:?}");
        }
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
            (b"a,b\n1, \"2\"\n", "2: a blank stands before a quote"),
            (b"a, \"b\"\n1,2\n", "1: a blank stands before a quote"),
            (b" \"a\",b\n1,2\n", "1: a blank stands before a quote"),
            (b"a,b\n1,2\n\"1\n\" ,2\n", "4: a blank stands behind a quote"),
            (b"a,b\n1,\"2\"  ", "2: a blank stands behind a quote"),
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
