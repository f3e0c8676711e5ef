//! BigQuery's types and cells, and ours.

use google_cloud_bigquery_v2::model::{TableFieldSchema, TableSchema};
use serde_json::{Map, Value as Json};

use crate::warehouse::{Column, Family, Value};

/// Returns the columns of a schema.
pub(super) fn columns(schema: &TableSchema) -> Vec<Column> {
    schema
        .fields
        .iter()
        .map(|field| Column { name: field.name.clone(), ty: type_of(field), family: family(field) })
        .collect()
}

/// Returns a field's type as SQL spells it: the service has older names for some.
fn type_of(field: &TableFieldSchema) -> String {
    let plain = match field.r#type.to_uppercase().as_str() {
        "INTEGER" => "INT64".to_owned(),
        "FLOAT" => "FLOAT64".to_owned(),
        "BOOLEAN" => "BOOL".to_owned(),
        "RECORD" | "STRUCT" => {
            let fields: Vec<String> =
                field.fields.iter().map(|field| format!("{} {}", field.name, type_of(field))).collect();
            format!("STRUCT<{}>", fields.join(", "))
        }
        name @ ("NUMERIC" | "BIGNUMERIC") if field.precision > 0 && field.scale > 0 => {
            format!("{name}({}, {})", field.precision, field.scale)
        }
        name @ ("NUMERIC" | "BIGNUMERIC") if field.precision > 0 => format!("{name}({})", field.precision),
        name => name.to_owned(),
    };
    if is_repeated(field) { format!("ARRAY<{plain}>") } else { plain }
}

fn is_repeated(field: &TableFieldSchema) -> bool {
    field.mode.eq_ignore_ascii_case("REPEATED")
}

/// Returns what a field's type amounts to.
fn family(field: &TableFieldSchema) -> Family {
    if is_repeated(field) {
        return Family::Other;
    }
    match field.r#type.to_uppercase().as_str() {
        "BOOL" | "BOOLEAN" => Family::Bool,
        "INT64" | "INTEGER" => Family::Int,
        "FLOAT64" | "FLOAT" => Family::Float,
        "NUMERIC" | "BIGNUMERIC" => Family::Decimal,
        "STRING" => Family::Text,
        "DATE" => Family::Date,
        "TIMESTAMP" | "DATETIME" => Family::Timestamp,
        "JSON" => Family::Json,
        _ => Family::Other,
    }
}

/// Reads a row of an answer, `{"f": [{"v": …}, …]}`; an error says what of it is not as it is documented.
pub(super) fn row(row: &Map<String, Json>, schema: &TableSchema) -> Result<Vec<Value>, String> {
    let cells = row.get("f").and_then(Json::as_array).ok_or("a row without cells")?;
    if cells.len() != schema.fields.len() {
        return Err(format!("a row of {} cells for {} columns", cells.len(), schema.fields.len()));
    }
    let cell = |(cell, field): (&Json, &TableFieldSchema)| {
        value(cell.get("v").unwrap_or(&Json::Null), field)
            .ok_or_else(|| format!("a cell of column `{}` that is no {}", field.name, type_of(field)))
    };
    cells.iter().zip(&schema.fields).map(cell).collect()
}

/// Reads a cell; none where it is not of its type.
fn value(cell: &Json, field: &TableFieldSchema) -> Option<Value> {
    if cell.is_null() && !is_repeated(field) {
        return Some(Value::Null);
    }
    let family = family(field);
    if family == Family::Other && (is_repeated(field) || !field.fields.is_empty()) {
        return Some(Value::Text(nested(cell, field).to_string()));
    }
    let text = cell.as_str()?;
    Some(match family {
        Family::Bool => Value::Bool(text.to_lowercase().parse().ok()?),
        Family::Int => Value::Int(text.parse().ok()?),
        Family::Float => Value::Float(text.parse().ok()?),
        Family::Decimal => Value::Decimal(decimal(text)?),
        Family::Date => Value::Date(text.parse::<jiff::civil::Date>().ok()?.to_string()),
        Family::Timestamp if field.r#type.eq_ignore_ascii_case("DATETIME") => {
            let datetime: jiff::civil::DateTime = text.parse().ok()?;
            Value::Timestamp(format!("{datetime:.6}Z"))
        }
        // Asked for as a whole number of microseconds.
        Family::Timestamp => {
            let since = jiff::Span::new().try_microseconds(text.parse::<i64>().ok()?).ok()?;
            // As a day and a time: the last instants that BigQuery knows are beyond those that have a zone.
            let instant = jiff::civil::date(1970, 1, 1).at(0, 0, 0, 0).checked_add(since).ok()?;
            Value::Timestamp(format!("{instant:.6}Z"))
        }
        Family::Text | Family::Json | Family::Other => Value::Text(text.to_owned()),
    })
}

/// Returns a decimal fraction without the zeros that say nothing; none where it is no number.
fn decimal(text: &str) -> Option<String> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_number = digits.chars().any(|character| character.is_ascii_digit())
        && digits.chars().all(|character| character.is_ascii_digit() || character == '.')
        && digits.matches('.').count() <= 1;
    if !is_number {
        return None;
    }
    let short = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text };
    Some(if matches!(short, "-0" | "" | "-") { "0".to_owned() } else { short.to_owned() })
}

/// Returns arrays and structs as JSON: in an answer each value is wrapped as a cell.
fn nested(cell: &Json, field: &TableFieldSchema) -> Json {
    if is_repeated(field) {
        let element = field.clone().set_mode("NULLABLE");
        let cells = cell.as_array().map_or(&[][..], Vec::as_slice);
        return cells.iter().map(|cell| nested(cell.get("v").unwrap_or(&Json::Null), &element)).collect();
    }
    match cell.get("f").and_then(Json::as_array) {
        Some(cells) => {
            let pairs = cells
                .iter()
                .zip(&field.fields)
                .map(|(cell, field)| (field.name.clone(), nested(cell.get("v").unwrap_or(&Json::Null), field)));
            Json::Object(pairs.collect())
        }
        None => match value(cell, field) {
            None | Some(Value::Null) => Json::Null,
            Some(Value::Bool(value)) => value.into(),
            Some(Value::Int(value)) => value.into(),
            Some(Value::Float(value)) => value.into(),
            Some(Value::Decimal(text) | Value::Text(text) | Value::Date(text) | Value::Timestamp(text)) => text.into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn field(name: &str, ty: &str) -> TableFieldSchema {
        TableFieldSchema::new().set_name(name).set_type(ty).set_mode("NULLABLE")
    }

    fn read(ty: &str, cell: &Json) -> Option<Value> {
        value(cell, &field("c", ty))
    }

    #[test]
    fn cells_become_values() {
        let text = |text: &str| text.to_owned();
        let cases = [
            ("INTEGER", json!("-7"), Value::Int(-7)),
            ("INT64", json!("9223372036854775807"), Value::Int(i64::MAX)),
            ("FLOAT", json!("0.1"), Value::Float(0.1)),
            ("FLOAT64", json!("-Infinity"), Value::Float(f64::NEG_INFINITY)),
            ("FLOAT64", json!("1.0E-7"), Value::Float(1e-7)),
            ("BOOLEAN", json!("true"), Value::Bool(true)),
            ("NUMERIC", json!("1.500000000"), Value::Decimal(text("1.5"))),
            ("NUMERIC", json!("100"), Value::Decimal(text("100"))),
            ("BIGNUMERIC", json!("-0.00"), Value::Decimal(text("0"))),
            ("STRING", json!(""), Value::Text(text(""))),
            ("DATE", json!("2026-01-31"), Value::Date(text("2026-01-31"))),
            ("TIMESTAMP", json!("1769860800000001"), Value::Timestamp(text("2026-01-31T12:00:00.000001Z"))),
            ("TIMESTAMP", json!("-1"), Value::Timestamp(text("1969-12-31T23:59:59.999999Z"))),
            ("TIMESTAMP", json!("253402300799999999"), Value::Timestamp(text("9999-12-31T23:59:59.999999Z"))),
            ("TIMESTAMP", json!("-62135596800000000"), Value::Timestamp(text("0001-01-01T00:00:00.000000Z"))),
            ("DATETIME", json!("2026-01-31T12:00:00.5"), Value::Timestamp(text("2026-01-31T12:00:00.500000Z"))),
            ("JSON", json!("{\"a\":1}"), Value::Text(text("{\"a\":1}"))),
            ("BYTES", json!("AAE="), Value::Text(text("AAE="))),
            ("TIME", json!("12:00:00"), Value::Text(text("12:00:00"))),
            ("INTEGER", Json::Null, Value::Null),
        ];
        for (ty, cell, expected) in cases {
            assert_eq!(read(ty, &cell), Some(expected), "{ty} {cell}");
        }
        assert!(matches!(read("FLOAT", &json!("NaN")), Some(Value::Float(value)) if value.is_nan()));
    }

    #[test]
    fn cells_of_another_type_are_refused() {
        let cases = [
            ("INTEGER", json!("a")),
            ("INTEGER", json!(7)),
            ("BOOLEAN", json!("1")),
            ("NUMERIC", json!("1.2.3")),
            ("NUMERIC", json!("")),
            ("DATE", json!("yesterday")),
            ("TIMESTAMP", json!("1.7E9")),
            ("STRING", json!({"v": "x"})),
        ];
        for (ty, cell) in cases {
            assert_eq!(read(ty, &cell), None, "{ty} {cell}");
        }
        let schema = TableSchema::new().set_fields([field("a", "STRING"), field("b", "STRING")]);
        let of = |row: Json| super::row(row.as_object().unwrap(), &schema);
        assert!(of(json!({"f": [{"v": "x"}]})).is_err());
        assert!(of(json!({"g": []})).is_err());
        assert!(of(json!({"f": "x"})).is_err());
        assert!(of(json!({"f": [{"v": "x"}, {}]})).is_ok());
    }

    #[test]
    fn what_is_nested_is_text() {
        let numbers = field("n", "INTEGER").set_mode("REPEATED");
        let list = json!([{"v": "1"}, {"v": null}]);
        assert_eq!(value(&list, &numbers), Some(Value::Text("[1,null]".to_owned())));
        let record = field("r", "RECORD").set_fields([numbers, field("s", "STRING")]);
        let cell = json!({"f": [{"v": list}, {"v": "x"}]});
        assert_eq!(value(&cell, &record), Some(Value::Text("{\"n\":[1,null],\"s\":\"x\"}".to_owned())));
        assert_eq!(type_of(&record), "STRUCT<n ARRAY<INT64>, s STRING>");
        assert_eq!(family(&record), Family::Other);
    }

    #[test]
    fn types_are_spelled_as_in_sql() {
        assert_eq!(type_of(&field("c", "FLOAT")), "FLOAT64");
        assert_eq!(type_of(&field("c", "NUMERIC").set_precision(10).set_scale(2)), "NUMERIC(10, 2)");
        assert_eq!(family(&field("c", "DATETIME")), Family::Timestamp);
    }
}
