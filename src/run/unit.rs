//! Unit tests of definitions: rows that are given, rows that are expected, and what sets the answer apart from them.
//!
//! All of it is plain data; the caller loads what is given, runs the plan on it, and asks for the answer.

use indexmap::{IndexMap, IndexSet};

use crate::warehouse::{Column, Family, Rows, Value};

pub mod csv;

mod agreement;
mod cell;
mod diff;
mod pairing;

pub use self::diff::Comparison;

/// A row as it was written: values by name of column.
pub type Row = IndexMap<String, serde_json::Value>;

/// What is expected of a relation.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// What the expected rows are to the actual ones.
    pub rule: Match,
    /// The rows. A row may leave columns out, which are then free.
    pub rows: Vec<Row>,
}

/// What the expected rows are to the actual ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Match {
    /// Each is among them, as often as it is expected: an actual row answers one expected row.
    Subset,
    /// They are all of them, each as often as it is there.
    Exact,
}

/// Makes of given rows a table to load: first the columns that are read of it, with their types in the warehouse's
/// words, each null in a row that leaves it out, then those that are given besides.
pub fn table(given: &[Row], read: &[(String, String)]) -> Rows {
    let types: IndexMap<&str, &str> = read.iter().map(|(name, ty)| (name.as_str(), ty.as_str())).collect();
    let names: IndexSet<&str> =
        types.keys().copied().chain(given.iter().flat_map(|row| row.keys().map(String::as_str))).collect();
    let columns = names.iter().map(|&name| Column {
        name: name.to_owned(),
        ty: types.get(name).copied().unwrap_or_default().to_owned(),
        family: Family::Other,
    });
    let rows = given.iter().map(|row| names.iter().map(|&name| row.get(name).map_or(Value::Null, value)).collect());
    Rows { columns: columns.collect(), rows: rows.collect(), truncated: false }
}

fn value(written: &serde_json::Value) -> Value {
    match written {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Bool(*value),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(value), _) => Value::Int(value),
            (None, Some(value)) => Value::Float(value),
            (None, None) => Value::Decimal(number.to_string()),
        },
        serde_json::Value::String(text) => Value::Text(text.clone()),
        serde_json::Value::Array(_) | serde_json::Value::Object(_) => Value::Text(written.to_string()),
    }
}

/// Compares the rows of a relation with what is expected of it.
pub fn compare(actual: &Rows, expectation: &Expectation) -> Comparison {
    pairing::compare(actual, expectation)
}

/// Compares the rows that two warehouses made of one relation: the same columns, and the same rows in any order, where
/// numbers, floats to nine digits, and moments are compared by what they are, and not by their types or spellings.
pub fn agree(expected: &Rows, actual: &Rows) -> Comparison {
    agreement::compare(expected, actual)
}
