//! Rows as a table for people, as CSV and as JSON.

use std::fmt::Write;

use serde_json::Value;

use crate::report::width::{pad_left, pad_right, visible, width};

/// Rows under named columns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// The names, in order.
    pub columns: Vec<String>,
    /// The rows, each as long as `columns`.
    pub rows: Vec<Vec<Cell>>,
}

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// No value.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A floating-point number.
    Float(f64),
    /// An exact number, in digits: `12.500000000`. It stays exact in CSV and in JSON.
    Decimal(String),
    /// A share that people read as a percentage: 0.43 is `43 %` to them, and 0.43 in CSV and in JSON.
    Share(f64),
    /// Anything else: text, a date, a timestamp.
    Text(String),
}

impl Table {
    /// Makes a table without rows.
    pub fn new(columns: &[&str]) -> Self {
        Self { columns: columns.iter().map(|name| (*name).to_owned()).collect(), rows: Vec::new() }
    }

    /// Draws the rows for people: as [`Table::to_text`], but for values that are not there, which are a dash.
    pub fn to_people(&self) -> String {
        self.drawn(|cell| if *cell == Cell::Null { "–".to_owned() } else { cell.to_text() })
    }

    /// Draws the rows under their names: numbers to the right, everything else to the left.
    pub fn to_text(&self) -> String {
        self.drawn(Cell::to_text)
    }

    fn drawn(&self, text: impl Fn(&Cell) -> String) -> String {
        let shown: Vec<Vec<String>> = self.rows.iter().map(|row| row.iter().map(&text).collect()).collect();
        let names: Vec<String> = self.columns.iter().map(|name| visible(name)).collect();
        let widths: Vec<usize> = (0..names.len())
            .map(|at| shown.iter().map(|row| width(&row[at])).fold(width(&names[at]), usize::max))
            .collect();
        let right: Vec<bool> = (0..names.len()).map(|at| self.is_numeric(at)).collect();
        let line = |cells: &[String]| {
            let padded: Vec<String> = cells
                .iter()
                .enumerate()
                .map(|(at, cell)| if right[at] { pad_left(cell, widths[at]) } else { pad_right(cell, widths[at]) })
                .collect();
            format!("{}\n", padded.join("  ").trim_end())
        };
        let rule: Vec<String> = widths.iter().map(|columns| "─".repeat(*columns)).collect();
        let mut text = line(&names);
        text.push_str(&line(&rule));
        for row in &shown {
            text.push_str(&line(row));
        }
        text
    }

    /// Returns the rows as CSV (RFC 4180): a header, lines ended by CR LF, a null as nothing and an empty text as `""`.
    pub fn to_csv(&self) -> String {
        let mut text = String::new();
        let header: Vec<String> = self.columns.iter().map(|name| csv_field(name)).collect();
        text.push_str(&header.join(","));
        text.push_str("\r\n");
        for row in &self.rows {
            let fields: Vec<String> = row.iter().map(Cell::to_csv).collect();
            text.push_str(&fields.join(","));
            text.push_str("\r\n");
        }
        text
    }

    /// Returns the rows as a JSON array of objects, one row a line, with a final newline.
    ///
    /// It is written here and not by serde, which would take a [`Cell::Decimal`] through a float.
    pub fn to_json(&self) -> String {
        let names: Vec<String> = self.columns.iter().map(|name| Value::from(name.as_str()).to_string()).collect();
        let rows: Vec<String> = self
            .rows
            .iter()
            .map(|row| {
                let fields: Vec<String> =
                    names.iter().zip(row).map(|(name, cell)| format!("{name}:{}", cell.to_json())).collect();
                format!("{{{}}}", fields.join(","))
            })
            .collect();
        if rows.is_empty() { "[]\n".to_owned() } else { format!("[\n{}\n]\n", rows.join(",\n")) }
    }

    /// Tells whether a column holds a number, and nothing but numbers and nulls.
    fn is_numeric(&self, at: usize) -> bool {
        let mut numbers = self.rows.iter().filter_map(|row| row[at].is_number()).peekable();
        numbers.peek().is_some() && numbers.all(|is_number| is_number)
    }
}

impl Cell {
    /// Returns the value as it is shown in a table: floats with six digits after the point at most.
    pub fn to_text(&self) -> String {
        match self {
            Cell::Null => "null".to_owned(),
            Cell::Bool(value) => value.to_string(),
            Cell::Int(value) => value.to_string(),
            Cell::Float(value) => short_number(*value, 6),
            Cell::Share(value) => percentage(*value),
            Cell::Decimal(digits) if digits.contains('.') => {
                digits.trim_end_matches('0').trim_end_matches('.').to_owned()
            }
            Cell::Decimal(text) => text.clone(),
            Cell::Text(text) => visible(text),
        }
    }

    fn to_csv(&self) -> String {
        match self {
            Cell::Null => String::new(),
            Cell::Bool(value) => value.to_string(),
            Cell::Int(value) => value.to_string(),
            Cell::Float(value) | Cell::Share(value) => value.to_string(),
            Cell::Decimal(text) => text.clone(),
            Cell::Text(text) => csv_field(text),
        }
    }

    fn to_json(&self) -> String {
        match self {
            Cell::Null => Value::Null.to_string(),
            Cell::Bool(value) => Value::from(*value).to_string(),
            Cell::Int(value) => Value::from(*value).to_string(),
            // JSON has no word for what is not a number: it becomes null.
            Cell::Float(value) | Cell::Share(value) => Value::from(*value).to_string(),
            Cell::Decimal(digits) => digits.clone(),
            Cell::Text(text) => Value::from(text.as_str()).to_string(),
        }
    }

    /// Tells whether the value is a number; a null says neither.
    fn is_number(&self) -> Option<bool> {
        match self {
            Cell::Null => None,
            Cell::Int(_) | Cell::Float(_) | Cell::Share(_) | Cell::Decimal(_) => Some(true),
            Cell::Bool(_) | Cell::Text(_) => Some(false),
        }
    }
}

/// Returns a share as a percentage, with two digits after the point at most.
pub fn percentage(share: f64) -> String {
    format!("{} %", short_number(share * 100.0, 2))
}

/// Returns a number with at most `digits` digits after the point, without zeros at its end; a number too small to
/// show in so many is written with an exponent rather than as zero.
pub fn short_number(value: f64, digits: usize) -> String {
    let mut text = format!("{value:.digits$}");
    if !value.is_finite() {
        return text;
    }
    if text.contains('.') {
        text.truncate(text.trim_end_matches('0').trim_end_matches('.').len());
    }
    if matches!(text.as_str(), "0" | "-0") && value != 0.0 {
        return format!("{value:.1e}");
    }
    if text == "-0" { "0".to_owned() } else { text }
}

/// Returns a whole number with a comma between its thousands.
pub fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn csv_field(text: &str) -> String {
    if text.is_empty() || text.contains([',', '"', '\r', '\n']) {
        let mut field = String::with_capacity(text.len() + 2);
        write!(field, "\"{}\"", text.replace('"', "\"\"")).expect("a string takes all text");
        field
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    fn sample() -> Table {
        let text = |value: &str| Cell::Text(value.to_owned());
        Table {
            columns: ["period", "segment", "n", "value", "mrr", "mature"].map(str::to_owned).to_vec(),
            rows: vec![
                vec![
                    text("2026-01-05"),
                    text("日本"),
                    Cell::Int(120),
                    Cell::Float(1.0 / 3.0),
                    Cell::Null,
                    Cell::Bool(true),
                ],
                vec![
                    text("2026-01-12"),
                    text("a, \"b\"\nc"),
                    Cell::Int(7),
                    Cell::Null,
                    Cell::Decimal("1234567890123456.120000000".to_owned()),
                    Cell::Bool(false),
                ],
                vec![text("2026-01-19"), text(""), Cell::Int(0), Cell::Float(f64::NAN), Cell::Null, Cell::Null],
            ],
        }
    }

    #[test]
    fn a_table_aligns_numbers_to_the_right_and_text_to_the_left() {
        assert_snapshot!(sample().to_text(), @r#"
        period      segment      n     value                  mrr  mature
        ──────────  ─────────  ───  ────────  ───────────────────  ──────
        2026-01-05  日本       120  0.333333                 null  true
        2026-01-12  a, "b"\nc    7      null  1234567890123456.12  false
        2026-01-19               0       NaN                 null  null
        "#);
    }

    #[test]
    fn csv_quotes_only_where_it_must_and_tells_null_from_empty() {
        assert_snapshot!(sample().to_csv().replace("\r\n", "⏎\n"), @r#"
        period,segment,n,value,mrr,mature⏎
        2026-01-05,日本,120,0.3333333333333333,,true⏎
        2026-01-12,"a, ""b""
        c",7,,1234567890123456.120000000,false⏎
        2026-01-19,"",0,NaN,,⏎
        "#);
    }

    #[test]
    fn json_keeps_types_and_all_digits() {
        let json = sample().to_json();
        assert_snapshot!(json, @r#"
        [
        {"period":"2026-01-05","segment":"日本","n":120,"value":0.3333333333333333,"mrr":null,"mature":true},
        {"period":"2026-01-12","segment":"a, \"b\"\nc","n":7,"value":null,"mrr":1234567890123456.120000000,"mature":false},
        {"period":"2026-01-19","segment":"","n":0,"value":null,"mrr":null,"mature":null}
        ]
        "#);
        serde_json::from_str::<Value>(&json).unwrap();
    }

    #[test]
    fn no_rows_are_still_a_table() {
        let empty = Table::new(&["name", "kind"]);
        assert_eq!(empty.to_text(), "name  kind\n────  ────\n");
        assert_eq!(empty.to_csv(), "name,kind\r\n");
        assert_eq!(empty.to_json(), "[]\n");
    }

    #[test]
    fn numbers_are_short_but_never_a_false_zero() {
        for (value, text) in
            [(0.5, "0.5"), (3.0, "3"), (0.0, "0"), (-0.0, "0"), (2.0 / 3.0, "0.6667"), (0.000_012, "1.2e-5")]
        {
            assert_eq!(short_number(value, 4), text);
        }
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
