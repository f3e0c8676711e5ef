//! DuckDB's words and ours: errors, types, values and literals.

use duckdb::types::{TimeUnit, ValueRef};

use crate::warehouse::{Error, ErrorKind, Family, Target, Value};

impl From<duckdb::Error> for Error {
    fn from(error: duckdb::Error) -> Self {
        let message = error.to_string();
        Self::new(kind_of(&message), message)
    }
}

/// Reads an error's kind off its words: the crate passes on nothing else.
fn kind_of(message: &str) -> ErrorKind {
    let (opening, rest) = message.split_once(" Error: ").unwrap_or(("", message));
    let contains = |words: &[&str]| words.iter().any(|word| message.contains(word));
    match opening {
        "INTERRUPT" => ErrorKind::Cancelled,
        "FATAL" | "INTERNAL" | "Connection" => ErrorKind::Gone,
        "Permission" => ErrorKind::Permission,
        "Out of Memory" => ErrorKind::Resources,
        "TransactionContext" | "HTTP" => ErrorKind::Transient,
        "Catalog" if rest.contains("trying to replace with type") => ErrorKind::Occupied,
        "Catalog" if rest.contains("does not exist") => ErrorKind::Missing,
        "Binder" if contains(&["not found in FROM clause", "does not have a column", "does not exist"]) => {
            ErrorKind::Missing
        }
        "IO" if contains(&["Could not set lock", "being used by another process"]) => ErrorKind::Busy,
        "IO" if contains(&["No files found", "No such file", "does not exist"]) => ErrorKind::Missing,
        "IO" if contains(&["Permission denied", "read-only mode", "Read-only file system"]) => ErrorKind::Permission,
        "IO" if contains(&["No space left", "failed to offload"]) => ErrorKind::Resources,
        "Invalid Input" if contains(&["database has been invalidated", "Connection was never established"]) => {
            ErrorKind::Gone
        }
        "Invalid Input" if rest.contains("read-only mode") => ErrorKind::Permission,
        _ => ErrorKind::UserSql,
    }
}

/// Says what a failure to open the file means.
pub(super) fn refine_open(error: &Error, target: &Target, database: &str) -> Error {
    let target = &target.name;
    let message = match error.kind {
        ErrorKind::UserSql if error.message.contains("not recognized: ") => {
            let names = error.message.rsplit("not recognized: ").next().unwrap_or_default();
            format!("target `{target}`: neither Milepost nor DuckDB has a setting `{names}`")
        }
        ErrorKind::Busy => {
            let holder =
                error.message.split_once("held in ").map(|(_, rest)| rest.split(". See").next().unwrap_or(rest));
            match holder {
                Some(holder) => format!("another process has the database `{database}` open: {holder}"),
                None => format!("another process has the database `{database}` open"),
            }
        }
        ErrorKind::UserSql
        | ErrorKind::Missing
        | ErrorKind::Occupied
        | ErrorKind::Permission
        | ErrorKind::Credentials
        | ErrorKind::Quota
        | ErrorKind::Transient
        | ErrorKind::Resources
        | ErrorKind::Timeout
        | ErrorKind::Cancelled
        | ErrorKind::Gone
        | ErrorKind::Unsupported => {
            format!("target `{target}`: cannot open the database `{database}`: {}", error.message)
        }
    };
    error.clone().saying(message)
}

/// Returns what a type amounts to.
pub(super) fn family(ty: &str) -> Family {
    let name = ty.split('(').next().unwrap_or(ty);
    if ty.ends_with(']') {
        return Family::Other;
    }
    match name {
        "BOOLEAN" => Family::Bool,
        "TINYINT" | "SMALLINT" | "INTEGER" | "BIGINT" | "HUGEINT" | "UTINYINT" | "USMALLINT" | "UINTEGER"
        | "UBIGINT" | "UHUGEINT" => Family::Int,
        "FLOAT" | "DOUBLE" => Family::Float,
        "DECIMAL" => Family::Decimal,
        "VARCHAR" | "UUID" | "ENUM" => Family::Text,
        "DATE" => Family::Date,
        "TIMESTAMP" | "TIMESTAMP_S" | "TIMESTAMP_MS" | "TIMESTAMP_NS" | "TIMESTAMP WITH TIME ZONE" => Family::Timestamp,
        "JSON" => Family::Json,
        _ => Family::Other,
    }
}

/// Returns a value that DuckDB returned.
#[expect(clippy::wildcard_enum_match_arm, reason = "a foreign enum, of which the rest never arrives")]
pub(super) fn value(value: ValueRef<'_>) -> Value {
    let whole = |value: i128| match i64::try_from(value) {
        Ok(value) => Value::Int(value),
        Err(_) => Value::Decimal(value.to_string()),
    };
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Boolean(value) => Value::Bool(value),
        ValueRef::TinyInt(value) => Value::Int(value.into()),
        ValueRef::SmallInt(value) => Value::Int(value.into()),
        ValueRef::Int(value) => Value::Int(value.into()),
        ValueRef::BigInt(value) => Value::Int(value),
        ValueRef::UTinyInt(value) => Value::Int(value.into()),
        ValueRef::USmallInt(value) => Value::Int(value.into()),
        ValueRef::UInt(value) => Value::Int(value.into()),
        ValueRef::UBigInt(value) => whole(value.into()),
        ValueRef::HugeInt(value) => whole(value),
        ValueRef::UHugeInt(value) => {
            i64::try_from(value).map_or_else(|_| Value::Decimal(value.to_string()), Value::Int)
        }
        ValueRef::Float(value) => Value::Float(value.into()),
        ValueRef::Double(value) => Value::Float(value),
        ValueRef::Decimal(value) => Value::Decimal(value.to_string()),
        ValueRef::Text(bytes) => Value::Text(String::from_utf8_lossy(bytes).into_owned()),
        ValueRef::Date32(days) => Value::Date(date(days)),
        ValueRef::Timestamp(unit, count) => Value::Timestamp(timestamp(unit, count)),
        // `query` has the types of the others cast to text; an enumeration is its text.
        other => match other.as_str() {
            Ok(text) => Value::Text(text.to_owned()),
            Err(_) => Value::Text(format!("{other:?}")),
        },
    }
}

fn date(days: i32) -> String {
    match days {
        i32::MAX => "infinity".to_owned(),
        days if days == -i32::MAX => "-infinity".to_owned(),
        days => jiff::civil::date(1970, 1, 1)
            .checked_add(jiff::Span::new().days(days))
            .map_or_else(|_| format!("day {days}"), |date| date.to_string()),
    }
}

fn timestamp(unit: TimeUnit, count: i64) -> String {
    if count == i64::MAX {
        return "infinity".to_owned();
    }
    if count == -i64::MAX {
        return "-infinity".to_owned();
    }
    let microseconds = unit.to_micros(count);
    jiff::Timestamp::from_microsecond(microseconds)
        .map_or_else(|_| format!("microsecond {microseconds}"), |timestamp| format!("{timestamp:.6}"))
}

/// Quotes a text.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Quotes a name.
pub(super) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Writes a value.
pub(super) fn literal_of(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Float(value) => format!("CAST('{value}' AS DOUBLE)"),
        Value::Decimal(digits) => digits.clone(),
        Value::Text(text) => literal(text),
        Value::Date(text) => format!("CAST({} AS DATE)", literal(text)),
        Value::Timestamp(text) => format!("CAST({} AS TIMESTAMP)", literal(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_microseconds_are_spelled_in_utc() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(-1), "1969-12-31");
        assert_eq!(timestamp(TimeUnit::Microsecond, 1), "1970-01-01T00:00:00.000001Z");
        assert_eq!(timestamp(TimeUnit::Second, 86_400), "1970-01-02T00:00:00.000000Z");
        assert_eq!(timestamp(TimeUnit::Microsecond, i64::MAX), "infinity");
    }

    #[test]
    fn types_have_families() {
        assert_eq!(family("DECIMAL(18,3)"), Family::Decimal);
        assert_eq!(family("TIMESTAMP WITH TIME ZONE"), Family::Timestamp);
        assert_eq!(family("ENUM('a', 'b')"), Family::Text);
        assert_eq!(family("INTEGER[]"), Family::Other);
        assert_eq!(family("STRUCT(a INTEGER)"), Family::Other);
    }
}
