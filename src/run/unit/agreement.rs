//! The rows of one relation on two warehouses.

use std::collections::BTreeMap;

use indexmap::IndexMap;

use crate::run::unit::diff::{Comparison, UnknownColumn};
use crate::run::unit::{Expectation, Match, Row, pairing};
use crate::warehouse::{Column, Rows, Value};

/// Compares rows with those of another warehouse: what is spelled alike is put aside first, which is nearly everything
/// where both agree; the rest is compared value by value.
pub(super) fn compare(expected: &Rows, actual: &Rows) -> Comparison {
    let known = names(&actual.columns);
    let unknown = |name: &String| UnknownColumn { name: name.clone(), known: known.clone() };
    let wanted = names(&expected.columns);
    let unknown_columns: Vec<_> = wanted.iter().filter(|name| !known.contains(name)).map(unknown).collect();
    let extra_columns: Vec<_> = known.iter().filter(|name| !wanted.contains(name)).cloned().collect();
    if !unknown_columns.is_empty() || !extra_columns.is_empty() {
        return Comparison { unknown_columns, extra_columns, ..Comparison::default() };
    }
    let places: Vec<usize> = wanted
        .iter()
        .map(|name| known.iter().position(|known| known == name).expect("both have the same columns"))
        .collect();
    let in_order = |row: &Vec<Value>| places.iter().map(|&place| row[place].clone()).collect::<Vec<Value>>();
    let actual: Vec<Vec<Value>> = actual.rows.iter().map(in_order).collect();
    let mut spelled: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (place, row) in actual.iter().enumerate().rev() {
        spelled.entry(spelling(row)).or_default().push(place);
    }
    let mut is_left = vec![true; actual.len()];
    let mut left = Vec::new();
    for row in &expected.rows {
        match spelled.get_mut(&spelling(row)).and_then(Vec::pop) {
            Some(place) => is_left[place] = false,
            None => left.push(written(&expected.columns, row)),
        }
    }
    if left.is_empty() && !is_left.contains(&true) {
        return Comparison { columns: wanted, expected: expected.rows.len(), ..Comparison::default() };
    }
    let rest = actual.into_iter().zip(is_left).filter(|(_, is_left)| *is_left).map(|(row, _)| row).collect();
    let rest = Rows { columns: expected.columns.clone(), rows: rest, truncated: false };
    let comparison = pairing::compare(&rest, &Expectation { rule: Match::Exact, rows: left });
    Comparison { expected: expected.rows.len(), ..comparison }
}

fn names(columns: &[Column]) -> Vec<String> {
    columns.iter().map(|column| column.name.clone()).collect()
}

/// Spells a row so that no two different rows read alike.
fn spelling(row: &[Value]) -> String {
    format!("{row:?}")
}

/// Returns a row as it would be written as an expectation.
fn written(columns: &[Column], row: &[Value]) -> Row {
    let value = |value: &Value| match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(value) => (*value).into(),
        Value::Int(value) => (*value).into(),
        Value::Float(value) => {
            serde_json::Number::from_f64(*value).map_or_else(|| value.to_string().into(), Into::into)
        }
        Value::Decimal(text) | Value::Text(text) | Value::Date(text) | Value::Timestamp(text) => text.clone().into(),
    };
    columns.iter().zip(row).map(|(column, cell)| (column.name.clone(), value(cell))).collect::<IndexMap<_, _>>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::warehouse::Family;

    fn rows(names: &[&str], rows: Vec<Vec<Value>>) -> Rows {
        let column = |name: &&str| Column { name: (*name).to_owned(), ty: String::new(), family: Family::Other };
        Rows { columns: names.iter().map(column).collect(), rows, truncated: false }
    }

    #[test]
    fn order_and_types_of_numbers_set_nothing_apart() {
        let there = vec![
            vec![Value::Text("b".to_owned()), Value::Decimal("2.50".to_owned())],
            vec![Value::Text("a".to_owned()), Value::Float(1.0)],
        ];
        let here = vec![
            vec![Value::Text("a".to_owned()), Value::Int(1)],
            vec![Value::Text("b".to_owned()), Value::Float(2.5)],
        ];
        assert!(compare(&rows(&["k", "n"], here), &rows(&["k", "n"], there)).passed());
    }

    #[test]
    fn a_row_that_is_there_once_more_is_told() {
        let once = || vec![Value::Int(1)];
        let text = compare(&rows(&["n"], vec![once()]), &rows(&["n"], vec![once(), once()])).text("t");
        assert!(text.contains("1 unexpected"), "{text}");
        let text = compare(&rows(&["n"], vec![once(), once()]), &rows(&["n"], vec![once()])).text("t");
        assert!(text.contains("1 missing"), "{text}");
        let text = compare(&rows(&["n"], vec![once()]), &rows(&["n"], vec![vec![Value::Int(2)]])).text("t");
        assert!(!text.is_empty());
    }

    #[test]
    fn columns_are_the_same_in_any_order() {
        let row = || vec![Value::Int(1), Value::Int(2)];
        let turned = vec![vec![Value::Int(2), Value::Int(1)]];
        assert!(compare(&rows(&["a", "b"], vec![row()]), &rows(&["b", "a"], turned)).passed());
        let text = compare(&rows(&["a", "b"], vec![row()]), &rows(&["a", "c"], vec![row()])).text("t");
        assert_eq!(text, "`t` has no column `b`; it has a, c\n`t` has a column `c` that was not expected\n");
    }
}
