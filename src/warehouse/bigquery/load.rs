//! Rows -> a table: as JSON in a parameter, unpacked by the statement that makes the table.
//!
//! What fits into one statement is one. More goes into a table beside the one that is meant, which expires by itself
//! after a day, and from there by one statement into its place; so there is the old table or the whole new one.

use google_cloud_bigquery_v2::model::{QueryParameter, QueryParameterType, QueryParameterValue};

use crate::warehouse::bigquery::names::{self, TableName};
use crate::warehouse::{Family, Rows, Value};

/// The bytes of JSON that a statement is given: a request may have 10 MB.
const LONGEST_CHUNK: usize = 4_000_000;

/// Returns the rows as JSON arrays of texts and nulls, each short enough for a statement; one, empty, for no rows.
pub(super) fn chunks(rows: &Rows) -> Vec<String> {
    let mut chunks = Vec::new();
    let mut chunk = String::from("[");
    for row in &rows.rows {
        let cells: Vec<Option<String>> = row.iter().map(text).collect();
        let row = serde_json::to_string(&cells).expect("texts are JSON");
        if chunk.len() > 1 && chunk.len() + row.len() + 2 > LONGEST_CHUNK {
            chunks.push(std::mem::replace(&mut chunk, String::from("[")) + "]");
        }
        if chunk.len() > 1 {
            chunk.push(',');
        }
        chunk.push_str(&row);
    }
    chunks.push(chunk + "]");
    chunks
}

/// Returns a value as the text that its column's type is cast from.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Float(value) if value.is_infinite() => Some(if *value > 0.0 { "+inf" } else { "-inf" }.to_owned()),
        Value::Bool(_)
        | Value::Int(_)
        | Value::Float(_)
        | Value::Decimal(_)
        | Value::Text(_)
        | Value::Date(_)
        | Value::Timestamp(_) => Some(value.to_string()),
    }
}

/// Returns the type of each column: what it says, or what its values are of.
fn types(rows: &Rows) -> Vec<String> {
    let of = |(index, column): (usize, &crate::warehouse::Column)| {
        if !column.ty.is_empty() {
            return column.ty.clone();
        }
        // What it holds is text, whatever it says.
        if column.family == Family::Json {
            return "JSON".to_owned();
        }
        let mut families = rows.rows.iter().filter_map(|row| row.get(index).and_then(family));
        let first = families.next();
        let family = first.map_or(column.family, |first| families.fold(first, common));
        match family {
            Family::Bool => "BOOL",
            Family::Int => "INT64",
            Family::Float => "FLOAT64",
            Family::Decimal => "BIGNUMERIC",
            Family::Date => "DATE",
            Family::Timestamp => "TIMESTAMP",
            Family::Text | Family::Json | Family::Other => "STRING",
        }
        .to_owned()
    };
    rows.columns.iter().enumerate().map(of).collect()
}

fn family(value: &Value) -> Option<Family> {
    match value {
        Value::Null => None,
        Value::Bool(_) => Some(Family::Bool),
        Value::Int(_) => Some(Family::Int),
        Value::Float(_) => Some(Family::Float),
        Value::Decimal(_) => Some(Family::Decimal),
        Value::Text(_) => Some(Family::Text),
        Value::Date(_) => Some(Family::Date),
        Value::Timestamp(_) => Some(Family::Timestamp),
    }
}

/// Returns what holds the values of two families.
fn common(left: Family, right: Family) -> Family {
    match (left, right) {
        _ if left == right => left,
        (Family::Int, Family::Decimal) | (Family::Decimal, Family::Int) => Family::Decimal,
        (Family::Int | Family::Decimal, Family::Float) | (Family::Float, Family::Int | Family::Decimal) => {
            Family::Float
        }
        (Family::Date, Family::Timestamp) | (Family::Timestamp, Family::Date) => Family::Timestamp,
        _ => Family::Text,
    }
}

/// Returns the query that unpacks the parameter `rows`.
pub(super) fn unpacked(rows: &Rows) -> String {
    let cells: Vec<String> = rows
        .columns
        .iter()
        .zip(types(rows))
        .enumerate()
        .map(|(index, (column, ty))| {
            let text = format!("JSON_VALUE(cells, '$[{index}]')");
            let cell = match ty.to_uppercase().as_str() {
                "STRING" => text,
                "JSON" => format!("PARSE_JSON({text}, wide_number_mode => 'round')"),
                _ => format!("CAST({text} AS {ty})"),
            };
            format!("{cell} AS {}", names::quoted(&column.name))
        })
        .collect();
    format!("SELECT {} FROM UNNEST(JSON_QUERY_ARRAY(@given)) AS cells", cells.join(", "))
}

/// Returns the columns as a table's definition.
pub(super) fn definition(rows: &Rows) -> String {
    let columns =
        rows.columns.iter().zip(types(rows)).map(|(column, ty)| format!("{} {ty}", names::quoted(&column.name)));
    columns.collect::<Vec<_>>().join(", ")
}

/// Returns the parameter of [`unpacked`].
pub(super) fn parameter(chunk: String) -> QueryParameter {
    QueryParameter::new()
        .set_name("given")
        .set_parameter_type(QueryParameterType::new().set_type("STRING"))
        .set_parameter_value(QueryParameterValue::new().set_value(chunk))
}

/// Returns the name of a table beside another, which nobody else uses.
pub(super) fn beside(name: &TableName, random: &str) -> TableName {
    // A name may have 1,024 bytes.
    let stem: String = name.table.chars().take(200).collect();
    TableName { table: format!("{stem}__milepost_{random}"), ..name.clone() }
}

/// Writes the name of a table.
pub(super) fn written(name: &TableName) -> String {
    let parts = name.project.iter().chain([&name.dataset, &name.table]);
    parts.map(|part| names::quoted(part)).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::warehouse::Column;

    fn rows(types: &[&str], values: Vec<Vec<Value>>) -> Rows {
        let column = |(index, ty): (usize, &&str)| Column {
            name: format!("c{index}"),
            ty: (*ty).to_owned(),
            family: Family::Other,
        };
        Rows { columns: types.iter().enumerate().map(column).collect(), rows: values, truncated: false }
    }

    #[test]
    fn rows_are_cast_from_json() {
        let given = rows(
            &["INT64", "", "JSON", ""],
            vec![
                vec![Value::Int(1), Value::Text("it's \"odd\"\n".to_owned()), Value::Null, Value::Int(1)],
                vec![Value::Null, Value::Null, Value::Text("{}".to_owned()), Value::Decimal("0.5".to_owned())],
            ],
        );
        assert_eq!(
            unpacked(&given),
            "SELECT CAST(JSON_VALUE(cells, '$[0]') AS INT64) AS `c0`, JSON_VALUE(cells, '$[1]') AS `c1`, \
             PARSE_JSON(JSON_VALUE(cells, '$[2]'), wide_number_mode => 'round') AS `c2`, \
             CAST(JSON_VALUE(cells, '$[3]') AS BIGNUMERIC) AS `c3` FROM UNNEST(JSON_QUERY_ARRAY(@given)) AS cells"
        );
        assert_eq!(chunks(&given), ["[[\"1\",\"it's \\\"odd\\\"\\n\",null,\"1\"],[null,null,\"{}\",\"0.5\"]]"]);
        assert_eq!(definition(&given), "`c0` INT64, `c1` STRING, `c2` JSON, `c3` BIGNUMERIC");
    }

    #[test]
    fn documents_are_json_though_their_values_are_texts() {
        let mut given = rows(&[""], vec![vec![Value::Text("{}".to_owned())]]);
        given.columns[0].family = Family::Json;
        assert_eq!(definition(&given), "`c0` JSON");
    }

    #[test]
    fn many_rows_are_cut_into_chunks_and_none_is_lost() {
        let count = 60_000;
        let long = Value::Text("x".repeat(150));
        let given = rows(&["INT64", "STRING"], (0..count).map(|n| vec![Value::Int(n), long.clone()]).collect());
        let chunks = chunks(&given);
        assert!(chunks.len() > 1 && chunks.iter().all(|chunk| chunk.len() <= LONGEST_CHUNK), "{}", chunks.len());
        let read = |chunk: &String| serde_json::from_str::<Vec<Vec<Option<String>>>>(chunk).unwrap();
        let ids: Vec<i64> = chunks.iter().flat_map(read).map(|row| row[0].as_ref().unwrap().parse().unwrap()).collect();
        assert_eq!(ids, (0..count).collect::<Vec<_>>());
        assert_eq!(super::chunks(&rows(&["INT64"], Vec::new())), ["[]"]);
    }

    #[test]
    fn a_row_that_is_longer_than_a_chunk_stands_alone() {
        let long = Value::Text("x".repeat(LONGEST_CHUNK + 1));
        let given = rows(&["STRING"], vec![vec![Value::Null], vec![long], vec![Value::Null]]);
        assert_eq!(chunks(&given).len(), 3);
    }
}
