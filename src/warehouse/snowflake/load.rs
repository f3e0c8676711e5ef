//! Rows -> the statements that make a table of them.
//!
//! Rows travel as JSON in the text of a statement, which reads them with one literal to parse: neither a stage nor binds
//! are needed, and the service compiles it quickly. Every cell is text in it, so that no digit is lost on the way, and is
//! cast where it arrives; what is null is left out.

use serde_json::{Map, Value as Json};

use crate::warehouse::snowflake::text::{beside, identifier, literal};
use crate::warehouse::{Column, Family, Rows, Value};

/// How long the JSON of one statement may be, in bytes of SQL; the service takes a statement of a million bytes.
/// <https://docs.snowflake.com/en/user-guide/query-size-limits>
const LONGEST: usize = 600_000;

/// How a table is made.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Load {
    /// By one statement.
    Whole(String),
    /// By several: a table beside it is filled, and becomes it in one moment.
    Staged { fill: Vec<String>, publish: String, clear: String },
}

/// Plans how `relation` is made of `rows`.
pub(super) fn plan(relation: &str, rows: &Rows) -> Load {
    let names: Vec<String> = rows.columns.iter().map(|column| identifier(&column.name)).collect();
    let types: Vec<String> = rows.columns.iter().map(type_of).collect();
    if rows.rows.is_empty() {
        return Load::Whole(empty(relation, &names, &types));
    }
    let cells: Vec<String> = types.iter().enumerate().map(|(index, ty)| cell(index, ty)).collect();
    let mut batches = batches(rows);
    if batches.len() == 1 {
        let selected: Vec<String> = cells.iter().zip(&names).map(|(cell, name)| format!("{cell} AS {name}")).collect();
        let source = source(&batches.remove(0));
        return Load::Whole(format!(
            "CREATE OR REPLACE TRANSIENT TABLE {relation} AS SELECT {} FROM {source}",
            selected.join(", ")
        ));
    }
    let staging = beside(relation, "milepost_load");
    let mut fill = vec![empty(&staging, &names, &types)];
    fill.extend(batches.iter().map(|batch| {
        format!("INSERT INTO {staging} ({}) SELECT {} FROM {}", names.join(", "), cells.join(", "), source(batch))
    }));
    Load::Staged {
        fill,
        publish: format!("CREATE OR REPLACE TRANSIENT TABLE {relation} CLONE {staging}"),
        clear: format!("DROP TABLE IF EXISTS {staging}"),
    }
}

fn empty(relation: &str, names: &[String], types: &[String]) -> String {
    let columns: Vec<String> = names.iter().zip(types).map(|(name, ty)| format!("{name} {ty}")).collect();
    format!("CREATE OR REPLACE TRANSIENT TABLE {relation} ({})", columns.join(", "))
}

/// Returns the type of a column; one that has none gets that of its family.
fn type_of(column: &Column) -> String {
    if !column.ty.is_empty() {
        return column.ty.clone();
    }
    let ty = match column.family {
        Family::Bool => "BOOLEAN",
        Family::Int => "NUMBER(38, 0)",
        Family::Float => "FLOAT",
        Family::Decimal => "NUMBER(38, 9)",
        Family::Text | Family::Other => "VARCHAR",
        Family::Date => "DATE",
        Family::Timestamp => "TIMESTAMP_NTZ(6)",
        Family::Json => "VARIANT",
    };
    ty.to_owned()
}

/// Reads a cell out of a row, and casts it.
fn cell(index: usize, ty: &str) -> String {
    let text = format!("CAST(VALUE:c{index} AS VARCHAR)");
    match ty.to_uppercase().as_str() {
        "VARIANT" => format!("PARSE_JSON({text})"),
        "OBJECT" | "ARRAY" => format!("CAST(PARSE_JSON({text}) AS {ty})"),
        "VARCHAR" | "TEXT" | "STRING" => text,
        _ => format!("CAST({text} AS {ty})"),
    }
}

fn source(batch: &str) -> String {
    format!("TABLE(FLATTEN(INPUT => PARSE_JSON({batch})))")
}

/// Returns the rows as literals of JSON, as few as their length allows.
fn batches(rows: &Rows) -> Vec<String> {
    let moments: Vec<bool> = rows.columns.iter().map(is_moment).collect();
    let (mut batches, mut batch) = (Vec::new(), String::new());
    for row in &rows.rows {
        let mut object = Map::new();
        for (index, (value, is_moment)) in row.iter().zip(&moments).enumerate() {
            if let Some(text) = text_of(value, *is_moment) {
                object.insert(format!("c{index}"), Json::String(text));
            }
        }
        let row = literal(&Json::Object(object).to_string());
        // Without its quotes: it becomes part of a longer literal.
        let row = &row[1..row.len() - 1];
        if !batch.is_empty() && batch.len() + row.len() > LONGEST {
            batches.push(format!("'[{}]'", std::mem::take(&mut batch)));
        }
        if !batch.is_empty() {
            batch.push(',');
        }
        batch.push_str(row);
    }
    batches.push(format!("'[{batch}]'"));
    batches
}

fn is_moment(column: &Column) -> bool {
    let ty = column.ty.to_uppercase();
    matches!(column.family, Family::Timestamp) || ty.starts_with("TIMESTAMP") || ty.starts_with("DATETIME")
}

/// Returns a value as the text that its type is cast from; a moment is in UTC, and without a zone.
fn text_of(value: &Value, is_moment: bool) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Bool(value) => Some(value.to_string()),
        Value::Int(value) => Some(value.to_string()),
        Value::Float(value) => Some(value.to_string()),
        Value::Text(text) | Value::Timestamp(text) if is_moment => Some(match text.parse::<jiff::Timestamp>() {
            Ok(moment) => format!("{moment:.6}").trim_end_matches('Z').to_owned(),
            Err(_) => text.clone(),
        }),
        Value::Decimal(text) | Value::Text(text) | Value::Date(text) | Value::Timestamp(text) => Some(text.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(count: usize) -> Rows {
        let column = |name: &str, ty: &str, family| Column { name: name.to_owned(), ty: ty.to_owned(), family };
        Rows {
            columns: vec![column("n", "", Family::Int), column("at", "TIMESTAMP", Family::Timestamp)],
            rows: vec![vec![Value::Int(1), Value::Text("2026-01-31T14:00:00+02:00".to_owned())]; count],
            truncated: false,
        }
    }

    #[test]
    fn few_rows_are_one_statement() {
        let made = plan("\"s\".\"t\"", &rows(1));
        assert_eq!(
            made,
            Load::Whole(
                "CREATE OR REPLACE TRANSIENT TABLE \"s\".\"t\" AS SELECT \
                 CAST(CAST(VALUE:c0 AS VARCHAR) AS NUMBER(38, 0)) AS \"n\", \
                 CAST(CAST(VALUE:c1 AS VARCHAR) AS TIMESTAMP) AS \"at\" FROM TABLE(FLATTEN(INPUT => \
                 PARSE_JSON('[{\"c0\":\"1\",\"c1\":\"2026-01-31T12:00:00.000000\"}]')))"
                    .to_owned()
            )
        );
    }

    #[test]
    fn many_rows_are_several_statements_of_bounded_length() {
        let Load::Staged { fill, publish, clear } = plan("\"s\".\"t\"", &rows(60_000)) else { panic!("one statement") };
        assert!(fill.iter().all(|statement| statement.len() < 1_000_000));
        assert_eq!(
            fill[0],
            "CREATE OR REPLACE TRANSIENT TABLE \"s\".\"t__milepost_load\" (\"n\" NUMBER(38, 0), \"at\" TIMESTAMP)"
        );
        let cells: usize = fill.iter().map(|statement| statement.matches("\"c0\":").count()).sum();
        assert_eq!(cells, 60_000);
        assert_eq!(publish, "CREATE OR REPLACE TRANSIENT TABLE \"s\".\"t\" CLONE \"s\".\"t__milepost_load\"");
        assert_eq!(clear, "DROP TABLE IF EXISTS \"s\".\"t__milepost_load\"");
    }
}
