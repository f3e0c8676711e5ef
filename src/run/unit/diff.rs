//! What sets actual rows apart from expected ones, and how it reads.

use std::fmt::Write as _;

/// As many differences are written out; the rest are counted.
const SHOWN: usize = 20;

/// What sets a relation apart from what is expected of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// The columns that were looked at.
    pub columns: Vec<String>,
    /// How many rows were expected.
    pub expected: usize,
    /// The rows that differ: of the expected ones in their order, then the unexpected ones.
    pub differences: Vec<Difference>,
    /// Columns that are expected and that the relation has not; nothing is compared then.
    pub unknown_columns: Vec<UnknownColumn>,
    /// Columns that are there and should not be, where all of them are compared; nothing else is compared then.
    pub extra_columns: Vec<String>,
}

/// A column that is expected and not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownColumn {
    /// Its name.
    pub name: String,
    /// The columns that are there.
    pub known: Vec<String>,
}

/// One difference; its cells are those of the columns that were looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// An expected row is there, and differs in some cells.
    Changed {
        /// As it was expected.
        expected: Vec<Cell>,
        /// As it is.
        actual: Vec<Cell>,
    },
    /// An expected row is not there.
    Missing(Vec<Cell>),
    /// A row is there that nobody expected.
    Unexpected(Vec<Cell>),
}

/// One value, written out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The value; empty where the expected row leaves it out.
    pub text: String,
    /// Whether it is not what the other side has.
    pub differs: bool,
}

impl Comparison {
    /// Tells whether everything is as expected.
    pub fn passed(&self) -> bool {
        self.differences.is_empty() && self.unknown_columns.is_empty() && self.extra_columns.is_empty()
    }

    /// Writes the differences as a table: `-` opens what was expected, `+` what is there, and brackets hold what differs.
    /// Empty where there are none.
    pub fn text(&self, relation: &str) -> String {
        let mut text = String::new();
        for column in &self.unknown_columns {
            let _ = writeln!(text, "`{relation}` has no column `{}`; it has {}", column.name, column.known.join(", "));
        }
        for column in &self.extra_columns {
            let _ = writeln!(text, "`{relation}` has a column `{column}` that was not expected");
        }
        if self.differences.is_empty() {
            return text;
        }
        let _ = writeln!(text, "`{relation}`: {}", self.summary());
        let lines = self.lines();
        let mut widths: Vec<usize> = self.columns.iter().map(|name| name.chars().count() + 1).collect();
        for line in &lines {
            for (width, cell) in widths.iter_mut().zip(&line.cells) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let header =
            Line { sign: ' ', cells: self.columns.iter().map(|name| format!(" {name}")).collect(), remark: "" };
        for line in std::iter::once(&header).chain(&lines) {
            let mut written = format!("  {}", line.sign);
            for (width, cell) in widths.iter().zip(&line.cells) {
                let _ = write!(written, " {cell}{}", " ".repeat(width - cell.chars().count()));
            }
            let _ = write!(written, "  {}", line.remark);
            let _ = writeln!(text, "{}", written.trim_end());
        }
        if self.differences.len() > SHOWN {
            let _ = writeln!(text, "    … and {} more", self.differences.len() - SHOWN);
        }
        text
    }

    fn summary(&self) -> String {
        let count = |wanted: fn(&Difference) -> bool| self.differences.iter().filter(|item| wanted(item)).count();
        let parts = [
            (count(|item| matches!(item, Difference::Changed { .. })), "changed"),
            (count(|item| matches!(item, Difference::Missing(_))), "missing"),
            (count(|item| matches!(item, Difference::Unexpected(_))), "unexpected"),
        ];
        let parts: Vec<_> =
            parts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
        let rows = if self.expected == 1 { "row" } else { "rows" };
        format!("{} ({} {rows} expected)", parts.join(", "), self.expected)
    }

    fn lines(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        for difference in self.differences.iter().take(SHOWN) {
            match difference {
                Difference::Changed { expected, actual } => {
                    lines.push(Line::new('-', expected, "expected"));
                    lines.push(Line::new('+', actual, "actual"));
                }
                Difference::Missing(cells) => lines.push(Line::new('-', cells, "missing")),
                Difference::Unexpected(cells) => lines.push(Line::new('+', cells, "unexpected")),
            }
        }
        lines
    }
}

struct Line {
    sign: char,
    cells: Vec<String>,
    remark: &'static str,
}

impl Line {
    fn new(sign: char, cells: &[Cell], remark: &'static str) -> Self {
        let mark = |cell: &Cell| {
            // One line a row, whatever the value.
            let text = cell.text.replace('\n', "⏎");
            if cell.differs { format!("[{text}]") } else { format!(" {text}") }
        };
        Self { sign, cells: cells.iter().map(mark).collect(), remark }
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use serde_json::json;

    use crate::run::unit::{Expectation, Match, Row, compare, table};
    use crate::warehouse::Rows;

    fn rows(rows: serde_json::Value) -> Vec<Row> {
        serde_json::from_value(rows).expect("an array of objects")
    }

    fn actual() -> Rows {
        table(
            &rows(json!([
                {"user": "u1", "reached": true, "count": 2},
                {"user": "u2", "reached": false, "count": 0},
                {"user": "u3", "reached": false, "count": 0},
            ])),
            &[],
        )
    }

    fn diff(rule: Match, expected: serde_json::Value) -> String {
        compare(&actual(), &Expectation { rule, rows: rows(expected) }).text("milestone_a")
    }

    #[test]
    fn a_subset_is_content_with_rows_that_are_there() {
        assert_eq!(diff(Match::Subset, json!([{"user": "u2", "count": 0}, {"reached": false}])), "");
        assert_eq!(diff(Match::Subset, json!([])), "");
    }

    #[test]
    fn a_row_that_is_there_answers_one_that_is_expected() {
        assert_eq!(diff(Match::Subset, json!([{"reached": false}, {"user": "u2"}])), "");
        assert_snapshot!(diff(Match::Subset, json!([{"user": "u1"}, {"reached": true}])), @r"
        `milestone_a`: 1 missing (2 rows expected)
             user  reached
          -        true     missing
        ");
        assert_eq!(diff(Match::Subset, json!([{"count": 0}, {"count": 0}])), "");
        assert_snapshot!(diff(Match::Subset, json!([{"count": 0}, {"count": 0}, {"count": 0}])), @r"
        `milestone_a`: 1 missing (3 rows expected)
             count
          -  0      missing
        ");
    }

    #[test]
    fn an_exact_match_wants_each_row_once() {
        assert_eq!(diff(Match::Exact, json!([{"count": 0}, {"count": 2}, {"count": 0}])), "");
        assert_snapshot!(diff(Match::Exact, json!([{"count": 0}, {"count": 2}])), @r"
        `milestone_a`: 1 unexpected (2 rows expected)
             count
          +  0      unexpected
        ");
    }

    #[test]
    fn an_exact_match_finds_partners_whatever_the_order() {
        // The first row would fit the second as well, and must leave it to the row that fits nothing else.
        let expected = json!([{"reached": false}, {"user": "u2"}, {"user": "u1"}]);
        assert_eq!(diff(Match::Exact, expected), "");
    }

    #[test]
    fn differing_cells_are_marked() {
        let expected = json!([
            {"user": "u1", "reached": true, "count": 1},
            {"user": "u9", "reached": null, "count": 7},
            {"user": "u3", "reached": false, "count": 0},
        ]);
        assert_snapshot!(diff(Match::Exact, expected), @r"
        `milestone_a`: 1 changed, 1 missing, 1 unexpected (3 rows expected)
             user  reached  count
          -  u1    true    [1]     expected
          +  u1    true    [2]     actual
          -  u9    null     7      missing
          +  u2    false    0      unexpected
        ");
    }

    #[test]
    fn a_column_that_is_not_there_is_named() {
        assert_snapshot!(
            diff(Match::Subset, json!([{"usr": "u1"}])),
            @"`milestone_a` has no column `usr`; it has user, reached, count"
        );
    }

    #[test]
    fn nothing_expected_shows_whole_rows() {
        assert_snapshot!(diff(Match::Exact, json!([])), @r"
        `milestone_a`: 3 unexpected (0 rows expected)
             user  reached  count
          +  u1    true     2      unexpected
          +  u2    false    0      unexpected
          +  u3    false    0      unexpected
        ");
    }
}
