//! Columns and rows, as Snowflake sends them and as everybody else knows them.

use snowflake_connector_rs as client;
use snowflake_connector_rs::decode::{PlanBuildResult, RowDecodeResult};
use snowflake_connector_rs::{ColumnType, FromRow, ResultCursor, RowPlanContext, RowRef};

use crate::warehouse::{Column, Family, Rows, Value};

/// Why rows could not be read.
pub(super) enum Unread {
    /// They did not arrive.
    Client(client::Error),
    /// They are not of the types that were announced.
    Value(String),
}

/// A row, as it was sent.
struct Raw(Vec<Option<String>>);

impl FromRow for Raw {
    type Plan = usize;

    fn build_plan(context: RowPlanContext<'_>) -> PlanBuildResult<Self::Plan> {
        Ok(context.schema().len())
    }

    fn from_row_with_plan(row: RowRef<'_>, columns: &Self::Plan) -> RowDecodeResult<Self> {
        let cells = (0..*columns).map(|index| Ok(row.cell_at(index)?.raw().map(str::to_owned)));
        cells.collect::<RowDecodeResult<_>>().map(Self)
    }
}

/// Reads all rows of an answer, or the first `limit`; the parts that hold only later ones are not fetched.
pub(super) async fn read(mut cursor: ResultCursor, limit: Option<usize>) -> Result<Rows, Unread> {
    let types: Vec<ColumnType> = cursor.schema().columns().iter().map(|column| column.ty().clone()).collect();
    let columns: Vec<Column> = cursor.schema().columns().iter().map(column).collect();
    let mut rows = Vec::new();
    let mut add = |table: &client::ResultTable| {
        for row in table.rows::<Raw>().map_err(Unread::Client)? {
            let row = row.map_err(Unread::Client)?;
            let cells = row.0.into_iter().zip(&types).zip(&columns);
            let values = cells.map(|((cell, ty), column)| match cell {
                None => Ok(Value::Null),
                Some(text) => value(&text, ty)
                    .ok_or_else(|| Unread::Value(format!("`{text}` in column `{}` is no {}", column.name, column.ty))),
            });
            rows.push(values.collect::<Result<Vec<Value>, Unread>>()?);
        }
        Ok::<usize, Unread>(rows.len())
    };
    match limit {
        // All parts at once, several at a time.
        None => {
            add(&cursor.collect_table().await.map_err(Unread::Client)?)?;
        }
        Some(limit) => {
            while let Some(table) = cursor.next_table().await.map_err(Unread::Client)? {
                if add(&table)? > limit {
                    break;
                }
            }
        }
    }
    let truncated = limit.is_some_and(|limit| rows.len() > limit);
    rows.truncate(limit.unwrap_or(usize::MAX));
    Ok(Rows { columns, rows, truncated })
}

fn column(column: &client::Column) -> Column {
    Column { name: column.name().to_owned(), ty: spelled(column.ty()), family: family(column.ty()) }
}

/// Returns a type in the words of SQL.
#[expect(clippy::wildcard_enum_match_arm, reason = "a foreign enum that may grow")]
fn spelled(ty: &ColumnType) -> String {
    let word = match ty {
        ColumnType::Fixed { .. } => {
            return format!("NUMBER({},{})", ty.precision().unwrap_or(38), ty.scale().unwrap_or(0));
        }
        ColumnType::Real => "FLOAT".to_owned(),
        ColumnType::Text { .. } => "VARCHAR".to_owned(),
        other => other.as_str().to_uppercase(),
    };
    match (ty, ty.scale(), ty.length()) {
        (_, Some(scale), _) => format!("{word}({scale})"),
        (_, None, Some(length)) => format!("{word}({length})"),
        (_, None, None) => word,
    }
}

/// Returns what a type amounts to.
#[expect(clippy::wildcard_enum_match_arm, reason = "a foreign enum that may grow")]
fn family(ty: &ColumnType) -> Family {
    match ty {
        ColumnType::Boolean => Family::Bool,
        ColumnType::Fixed { .. } if ty.scale().unwrap_or(0) == 0 => Family::Int,
        ColumnType::Fixed { .. } => Family::Decimal,
        ColumnType::Real => Family::Float,
        ColumnType::Text { .. } => Family::Text,
        ColumnType::Date => Family::Date,
        ColumnType::TimestampNtz { .. } | ColumnType::TimestampLtz { .. } | ColumnType::TimestampTz { .. } => {
            Family::Timestamp
        }
        ColumnType::Variant | ColumnType::Object | ColumnType::Array => Family::Json,
        _ => Family::Other,
    }
}

/// Returns a value that is no null; nothing where the text is not of the type.
#[expect(clippy::wildcard_enum_match_arm, reason = "a foreign enum that may grow")]
fn value(text: &str, ty: &ColumnType) -> Option<Value> {
    match ty {
        ColumnType::Boolean => match text {
            "1" | "true" | "TRUE" => Some(Value::Bool(true)),
            "0" | "false" | "FALSE" => Some(Value::Bool(false)),
            _ => None,
        },
        ColumnType::Fixed { .. } if ty.scale().unwrap_or(0) == 0 => match text.parse() {
            Ok(value) => Some(Value::Int(value)),
            Err(_) => is_number(text).then(|| Value::Decimal(text.to_owned())),
        },
        ColumnType::Fixed { .. } => is_number(text).then(|| Value::Decimal(text.to_owned())),
        ColumnType::Real => text.parse().ok().map(Value::Float),
        ColumnType::Date => date(text).map(Value::Date),
        ColumnType::TimestampNtz { .. } | ColumnType::TimestampLtz { .. } => timestamp(text).map(Value::Timestamp),
        // The offset, which says how it was written, stands behind.
        ColumnType::TimestampTz { .. } => timestamp(text.split_once(' ')?.0).map(Value::Timestamp),
        ColumnType::Time { .. } => time(text).map(Value::Text),
        _ => Some(Value::Text(text.to_owned())),
    }
}

/// Tells whether a text is a decimal number, of any length.
fn is_number(text: &str) -> bool {
    text.parse::<f64>().is_ok_and(f64::is_finite) && text.starts_with(|first: char| "+-.0123456789".contains(first))
}

/// Days since 1970.
fn date(text: &str) -> Option<String> {
    let days: i32 = text.parse().ok()?;
    let span = jiff::Span::new().try_days(days).ok()?;
    Some(jiff::civil::date(1970, 1, 1).checked_add(span).ok()?.to_string())
}

/// Returns seconds with a fraction as microseconds; what is finer is cut off, towards the past.
fn microseconds(text: &str) -> Option<i64> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (seconds, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if fraction.len() > 9 || !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let nanoseconds: i128 = format!("{fraction:0<9}").parse().ok()?;
    let seconds: u64 = seconds.parse().ok()?;
    let whole = sign * (i128::from(seconds) * 1_000_000_000 + nanoseconds);
    i64::try_from(whole.div_euclid(1000)).ok()
}

/// Seconds since 1970, with a fraction.
fn timestamp(text: &str) -> Option<String> {
    Some(format!("{:.6}", jiff::Timestamp::from_microsecond(microseconds(text)?).ok()?))
}

/// Seconds since midnight, with a fraction, which is shown where there is one.
fn time(text: &str) -> Option<String> {
    let midnight = jiff::civil::Time::midnight();
    let span = jiff::Span::new().try_microseconds(microseconds(text)?).ok()?;
    Some(midnight.checked_add(span).ok()?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_seconds_with_a_fraction() {
        assert_eq!(timestamp("1769860800.000001000").as_deref(), Some("2026-01-31T12:00:00.000001Z"));
        assert_eq!(timestamp("1769860800").as_deref(), Some("2026-01-31T12:00:00.000000Z"));
        assert_eq!(timestamp("-0.500000000").as_deref(), Some("1969-12-31T23:59:59.500000Z"));
        assert_eq!(timestamp("-1").as_deref(), Some("1969-12-31T23:59:59.000000Z"));
        assert_eq!(timestamp("0.000000001").as_deref(), Some("1970-01-01T00:00:00.000000Z"));
        for wrong in ["", "a", "1.a", "1.0000000000", "--1", "1e3", "99999999999999999999"] {
            assert_eq!(timestamp(wrong), None, "{wrong}");
        }
        assert_eq!(date("-1").as_deref(), Some("1969-12-31"));
        assert_eq!(date("20484").as_deref(), Some("2026-01-31"));
        assert_eq!(date("99999999999"), None);
        assert_eq!(time("43200.500000000").as_deref(), Some("12:00:00.5"));
        assert_eq!(time("0").as_deref(), Some("00:00:00"));
    }

    #[test]
    fn numbers_keep_their_digits() {
        for right in ["1", "-1.50", "0.000000001", "99999999999999999999999999999999999999"] {
            assert!(is_number(right), "{right}");
        }
        for wrong in ["", "a", "inf", "NaN", "1,5"] {
            assert!(!is_number(wrong), "{wrong}");
        }
    }
}
