//! Which actual row answers which expected row, and which come nearest where none does.

use indexmap::IndexSet;

use crate::run::unit::cell::equal;
use crate::run::unit::diff::{Cell, Comparison, Difference, UnknownColumn};
use crate::run::unit::{Expectation, Match, Row};
use crate::warehouse::{Rows, Value};

pub(super) fn compare(actual: &Rows, expectation: &Expectation) -> Comparison {
    let named: IndexSet<&str> = expectation.rows.iter().flat_map(|row| row.keys().map(String::as_str)).collect();
    let place = |name: &str| {
        let exact = actual.columns.iter().position(|column| column.name == name);
        exact.or_else(|| actual.columns.iter().position(|column| column.name.eq_ignore_ascii_case(name)))
    };
    let unknown: Vec<_> = named.iter().filter(|name| place(name).is_none()).map(|&name| name.to_owned()).collect();
    if !unknown.is_empty() {
        let known: Vec<_> = actual.columns.iter().map(|column| column.name.clone()).collect();
        let unknown_columns = unknown.into_iter().map(|name| UnknownColumn { name, known: known.clone() }).collect();
        return Comparison { unknown_columns, ..Comparison::default() };
    }
    // Where nothing is expected, whatever there is is shown whole.
    let columns: Vec<(&str, usize)> = if named.is_empty() {
        actual.columns.iter().enumerate().map(|(place, column)| (column.name.as_str(), place)).collect()
    } else {
        named.iter().filter_map(|&name| Some((name, place(name)?))).collect()
    };
    let sides = Sides { expected: &expectation.rows, actual: &actual.rows, columns };
    let partners = sides.one_to_one();
    Comparison {
        columns: sides.columns.iter().map(|(name, _)| (*name).to_owned()).collect(),
        expected: expectation.rows.len(),
        differences: sides.differences(&partners, expectation.rule),
        ..Comparison::default()
    }
}

struct Sides<'rows> {
    expected: &'rows [Row],
    actual: &'rows [Vec<Value>],
    /// The columns that are looked at: their names, and their places in an actual row.
    columns: Vec<(&'rows str, usize)>,
}

/// For each expected row, the actual row that answers it.
type Partners = Vec<Option<usize>>;

impl Sides<'_> {
    /// Returns for each column whether the rows agree there; a column that the expected row leaves out is free.
    fn agreement(&self, expected: usize, actual: usize) -> impl Iterator<Item = bool> {
        let (expected, actual) = (&self.expected[expected], &self.actual[actual]);
        self.columns.iter().map(|&(name, place)| expected.get(name).is_none_or(|value| equal(value, &actual[place])))
    }

    fn matches(&self, expected: usize, actual: usize) -> bool {
        self.agreement(expected, actual).all(|agrees| agrees)
    }

    /// Finds for as many expected rows as possible an actual row of their own.
    ///
    /// A row that leaves columns out may be answered by several, so the first that fits may be the only one for another
    /// row: that one is then moved on (a maximum matching, by augmenting paths).
    fn one_to_one(&self) -> Partners {
        let candidates: Vec<Vec<usize>> = (0..self.expected.len())
            .map(|expected| (0..self.actual.len()).filter(|&actual| self.matches(expected, actual)).collect())
            .collect();
        let mut owner: Vec<Option<usize>> = vec![None; self.actual.len()];
        for expected in 0..self.expected.len() {
            let mut seen = vec![false; self.actual.len()];
            claim(expected, &candidates, &mut owner, &mut seen);
        }
        let mut partners = vec![None; self.expected.len()];
        for (actual, expected) in owner.into_iter().enumerate() {
            if let Some(expected) = expected {
                partners[expected] = Some(actual);
            }
        }
        partners
    }

    fn differences(&self, partners: &Partners, rule: Match) -> Vec<Difference> {
        let mut taken = vec![false; self.actual.len()];
        for &actual in partners.iter().flatten() {
            taken[actual] = true;
        }
        let mut differences = Vec::new();
        for expected in (0..self.expected.len()).filter(|&expected| partners[expected].is_none()) {
            match self.nearest(expected, &taken) {
                Some(actual) => {
                    taken[actual] = true;
                    differences.push(self.changed(expected, actual));
                }
                None => differences.push(Difference::Missing(self.expected_cells(expected))),
            }
        }
        if rule == Match::Exact {
            let left = (0..self.actual.len()).filter(|&actual| !taken[actual]);
            differences.extend(left.map(|actual| Difference::Unexpected(self.actual_cells(actual))));
        }
        differences
    }

    /// Returns the row that was probably meant: of those that answer no other, the one that agrees in the first column
    /// that is named, as a key does, or else in more than half of them.
    fn nearest(&self, expected: usize, taken: &[bool]) -> Option<usize> {
        let row = &self.expected[expected];
        let named: Vec<bool> = self.columns.iter().map(|(name, _)| row.contains_key(*name)).collect();
        let total = named.iter().filter(|named| **named).count();
        (0..self.actual.len())
            .filter(|&actual| !taken[actual])
            .filter_map(|actual| {
                let agreement: Vec<bool> = self
                    .agreement(expected, actual)
                    .zip(&named)
                    .filter(|(_, named)| **named)
                    .map(|(agrees, _)| agrees)
                    .collect();
                let (key, count) =
                    (agreement.first() == Some(&true), agreement.iter().filter(|agrees| **agrees).count());
                (key || count * 2 > total).then_some((key, count, actual))
            })
            .max_by_key(|&(key, count, actual)| (key, count, std::cmp::Reverse(actual)))
            .map(|(_, _, actual)| actual)
    }

    fn changed(&self, expected: usize, actual: usize) -> Difference {
        let agreement: Vec<bool> = self.agreement(expected, actual).collect();
        let mark = |cells: Vec<Cell>| {
            cells.into_iter().zip(&agreement).map(|(cell, agrees)| Cell { differs: !agrees, ..cell })
        };
        let found: Vec<Cell> = mark(self.actual_cells(actual)).collect();
        // What agrees is shown as it is there, for one moment has many spellings; what is left out stays so.
        let wanted = mark(self.expected_cells(expected)).zip(&found);
        let is_own = |cell: &Cell| cell.differs || cell.text.is_empty();
        let wanted = wanted.map(|(cell, found)| if is_own(&cell) { cell } else { found.clone() }).collect();
        Difference::Changed { expected: wanted, actual: found }
    }

    fn expected_cells(&self, expected: usize) -> Vec<Cell> {
        let row = &self.expected[expected];
        let text = |value: &serde_json::Value| match value {
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Null
            | serde_json::Value::Bool(_)
            | serde_json::Value::Number(_)
            | serde_json::Value::Array(_)
            | serde_json::Value::Object(_) => value.to_string(),
        };
        self.columns
            .iter()
            .map(|(name, _)| Cell { text: row.get(*name).map(text).unwrap_or_default(), differs: false })
            .collect()
    }

    fn actual_cells(&self, actual: usize) -> Vec<Cell> {
        let row = &self.actual[actual];
        self.columns.iter().map(|&(_, place)| Cell { text: row[place].to_string(), differs: false }).collect()
    }
}

/// Gives `expected` one of its candidates, moving others on where that helps.
fn claim(expected: usize, candidates: &[Vec<usize>], owner: &mut [Option<usize>], seen: &mut [bool]) -> bool {
    // A free one first: of many equal rows, none need be moved.
    if let Some(&free) = candidates[expected].iter().find(|&&actual| owner[actual].is_none()) {
        owner[free] = Some(expected);
        return true;
    }
    for &actual in &candidates[expected] {
        if !seen[actual] {
            seen[actual] = true;
            let holder = owner[actual].expect("none is free");
            if claim(holder, candidates, owner, seen) {
                owner[actual] = Some(expected);
                return true;
            }
        }
    }
    false
}
