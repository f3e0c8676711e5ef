//! Raw tables in the language's types: properties of documents, columns of any type, files.

use std::fs;

use duckdb::Connection;
use milepost::render::access::{self, Stored};
use milepost::render::dialect::{Dialect, Failure};
use milepost::render::holes::Fragment;
use milepost::semantic::expr::Type;
use milepost::semantic::files::{Csv, Files, Format};

use crate::functions::{dialects, executed, parses};

/// A document, a path in it, a type, and the value as text.
pub(crate) const PROPERTIES: &[(&str, &[&str], Type, Option<&str>)] = &[
    (r#"{"a": "x"}"#, &["a"], Type::String, Some("x")),
    (r#"{"a": "it's é 😀\n\"q\" \\"}"#, &["a"], Type::String, Some("it's é 😀\n\"q\" \\")),
    (r#"{"plan": {"tier": "team"}}"#, &["plan", "tier"], Type::String, Some("team")),
    (r#"{"plan.tier": "team"}"#, &["plan.tier"], Type::String, Some("team")),
    (r#"{"a b": {"it's \"q\"": 1}}"#, &["a b", "it's \"q\""], Type::Int, Some("1")),
    (r#"{"A": 1}"#, &["a"], Type::String, None),
    (r#"{"a": 1}"#, &["a"], Type::String, Some("1")),
    (r#"{"a": true}"#, &["a"], Type::String, Some("true")),
    // Neither a missing property, nor null, nor a container, nor anything of a malformed document has a value.
    (r"{}", &["a"], Type::String, None),
    (r#"{"a": null}"#, &["a"], Type::String, None),
    (r#"{"a": "null"}"#, &["a"], Type::String, Some("null")),
    (r#"{"a": [1, 2]}"#, &["a"], Type::String, None),
    (r#"{"a": {"b": 1}}"#, &["a"], Type::String, None),
    (r#"{"a": "[1, 2]"}"#, &["a"], Type::String, Some("[1, 2]")),
    (r#"{"a": 1"#, &["a"], Type::String, None),
    // What some readers take is no JSON either: then nothing is in the document.
    (r#"{"a": "x", "b": NaN}"#, &["a"], Type::String, None),
    (r#"{"a": "x", "b": -Infinity}"#, &["a"], Type::String, None),
    (r#"{"a": "x",}"#, &["a"], Type::String, None),
    (r#"{"a": "x", "b": [1, ]}"#, &["a"], Type::String, None),
    (r#"{"a": "x"} {"a": "y"}"#, &["a"], Type::String, None),
    (r#""{\"a\": \"x\"}""#, &["a"], Type::String, None),
    (r#"{"a": "NaN, or Infinity", "b": "a \" , ] \\"}"#, &["a"], Type::String, Some("NaN, or Infinity")),
    (r#"{"a": 110248495921238986420}"#, &["a"], Type::String, Some("110248495921238986420")),
    (r#"{"a": 110248495921238986420}"#, &["a"], Type::Int, None),
    ("", &["a"], Type::String, None),
    ("[1]", &["a"], Type::Int, None),
    ("null", &["a"], Type::Int, None),
    (r#"{"a": {"b": 1}}"#, &["a", "b", "c"], Type::Int, None),
    // Whole numbers only, exactly.
    (r#"{"a": 3}"#, &["a"], Type::Int, Some("3")),
    (r#"{"a": -3.0}"#, &["a"], Type::Int, Some("-3")),
    (r#"{"a": "3"}"#, &["a"], Type::Int, Some("3")),
    (r#"{"a": 3.7}"#, &["a"], Type::Int, None),
    (r#"{"a": "3.7"}"#, &["a"], Type::Int, None),
    (r#"{"a": true}"#, &["a"], Type::Int, None),
    (r#"{"a": "1_000"}"#, &["a"], Type::Int, None),
    (r#"{"a": 900719925474099301}"#, &["a"], Type::Int, Some("900719925474099301")),
    (r#"{"a": 2.5}"#, &["a"], Type::Float, Some("2.5")),
    (r#"{"a": 1e2}"#, &["a"], Type::Float, Some("100.0")),
    (r#"{"a": "-1.5e3"}"#, &["a"], Type::Float, Some("-1500.0")),
    (r#"{"a": "nan"}"#, &["a"], Type::Float, None),
    (r#"{"a": "Infinity"}"#, &["a"], Type::Float, None),
    (r#"{"a": "1_000"}"#, &["a"], Type::Float, None),
    (r#"{"a": "0x1F"}"#, &["a"], Type::Float, None),
    (r#"{"a": "1e400"}"#, &["a"], Type::Float, None),
    (r#"{"a": 1e100}"#, &["a"], Type::Float, Some("1e+100")),
    (r#"{"a": "-1.5E-300"}"#, &["a"], Type::Float, Some("-1.5e-300")),
    (r#"{"a": "9.99e307"}"#, &["a"], Type::Float, Some("9.99e+307")),
    (r#"{"a": "1e308"}"#, &["a"], Type::Float, None),
    (r#"{"a": 1e999}"#, &["a"], Type::Float, None),
    (r#"{"a": "1e-308"}"#, &["a"], Type::Float, None),
    (r#"{"a": "2.500000e+001"}"#, &["a"], Type::Float, Some("25.0")),
    (r#"{"a": "0.000000e+000"}"#, &["a"], Type::Float, Some("0.0")),
    (r#"{"a": "1e100"}"#, &["a"], Type::Decimal, None),
    (r#"{"a": ""}"#, &["a"], Type::Float, None),
    (r#"{"a": "19.90"}"#, &["a"], Type::Decimal, Some("19.900000000")),
    (r#"{"a": 0.1}"#, &["a"], Type::Decimal, Some("0.100000000")),
    (r#"{"a": true}"#, &["a"], Type::Bool, Some("true")),
    (r#"{"a": "FALSE"}"#, &["a"], Type::Bool, Some("false")),
    (r#"{"a": 1}"#, &["a"], Type::Bool, None),
    (r#"{"a": "yes"}"#, &["a"], Type::Bool, None),
    (r#"{"a": "2026-01-31T10:00:00Z"}"#, &["a"], Type::Timestamp, Some("2026-01-31 10:00:00")),
    (r#"{"a": "2026-01-31T10:00:00.25+02:00"}"#, &["a"], Type::Timestamp, Some("2026-01-31 08:00:00.25")),
    (r#"{"a": "2026-01-31 10:00:00-0530"}"#, &["a"], Type::Timestamp, Some("2026-01-31 15:30:00")),
    (r#"{"a": "2026-01-31 10:00:00"}"#, &["a"], Type::Timestamp, Some("2026-01-31 10:00:00")),
    (r#"{"a": "2026-01-31"}"#, &["a"], Type::Timestamp, Some("2026-01-31 00:00:00")),
    (r#"{"a": "1769853600"}"#, &["a"], Type::Timestamp, None),
    (r#"{"a": 1769853600000}"#, &["a"], Type::Timestamp, None),
    (r#"{"a": "20260131"}"#, &["a"], Type::Timestamp, None),
    (r#"{"a": "soon"}"#, &["a"], Type::Timestamp, None),
    (r#"{"a": "2026-01-31"}"#, &["a"], Type::Date, Some("2026-01-31")),
    (r#"{"a": "2026-01-31T23:00:00-02:00"}"#, &["a"], Type::Date, Some("2026-02-01")),
    (r#"{"a": "2026-02-30"}"#, &["a"], Type::Date, None),
    // No clock is further than 14 hours from UTC, and no year is before the first.
    (r#"{"a": "2026-01-31T10:00:00+99:00"}"#, &["a"], Type::Timestamp, None),
    (r#"{"a": "2026-01-31T10:00:00+14:30"}"#, &["a"], Type::Timestamp, None),
    (r#"{"a": "2026-01-31T10:00:00+14:00"}"#, &["a"], Type::Timestamp, Some("2026-01-30 20:00:00")),
    (r#"{"a": "0000-01-31"}"#, &["a"], Type::Date, None),
    (r#"{"a": "2026-01-31T10:00:00.1234569999Z"}"#, &["a"], Type::Timestamp, Some("2026-01-31 10:00:00.123456")),
];

/// A value as the warehouse whose SQL is executed here stores it, a type, a zone, and the value as text.
pub(crate) const COLUMNS: &[(&str, Type, &str, Option<&str>)] = &[
    ("TIMESTAMP '2026-01-31 10:00:00.123456'", Type::Timestamp, "UTC", Some("2026-01-31 10:00:00.123456")),
    ("TIMESTAMP_NS '2026-01-31 10:00:00.123456'", Type::Timestamp, "UTC", Some("2026-01-31 10:00:00.123456")),
    ("TIMESTAMP_S '2026-01-31 10:00:00'", Type::Timestamp, "UTC", Some("2026-01-31 10:00:00")),
    ("TIMESTAMP '2026-01-31 10:00:00'", Type::Timestamp, "America/New_York", Some("2026-01-31 15:00:00")),
    ("TIMESTAMPTZ '2026-01-31 10:00:00+02'", Type::Timestamp, "UTC", Some("2026-01-31 08:00:00")),
    ("TIMESTAMP '-infinity'", Type::Timestamp, "UTC", None),
    ("TIMESTAMPTZ 'infinity'", Type::Timestamp, "UTC", None),
    ("DATE '-infinity'", Type::Date, "UTC", None),
    ("TIMESTAMPTZ '2026-01-31 10:00:00+02'", Type::Timestamp, "America/New_York", Some("2026-01-31 08:00:00")),
    ("DATE '2026-01-31'", Type::Timestamp, "UTC", Some("2026-01-31 00:00:00")),
    ("'2026-01-31T10:00:00Z'", Type::Timestamp, "UTC", Some("2026-01-31 10:00:00")),
    ("'2026-01-31 10:00:00.5+02'", Type::Timestamp, "UTC", Some("2026-01-31 08:00:00.5")),
    ("'2026-01-31T10:00:00Z'", Type::Timestamp, "America/New_York", Some("2026-01-31 10:00:00")),
    ("'2026-01-31 10:00:00'", Type::Timestamp, "America/New_York", Some("2026-01-31 15:00:00")),
    ("'2026-07-31'", Type::Timestamp, "America/New_York", Some("2026-07-31 04:00:00")),
    ("'1769853600'", Type::Timestamp, "UTC", None),
    ("1769853600", Type::Timestamp, "UTC", None),
    ("'infinity'", Type::Timestamp, "UTC", None),
    ("NULL", Type::Timestamp, "UTC", None),
    ("DATE '2026-01-31'", Type::Date, "America/New_York", Some("2026-01-31")),
    ("'2026-01-31'", Type::Date, "America/New_York", Some("2026-01-31")),
    ("TIMESTAMP '2026-01-31 23:00:00'", Type::Date, "UTC", Some("2026-01-31")),
    ("TIMESTAMPTZ '2026-01-31 23:00:00-02'", Type::Date, "UTC", Some("2026-02-01")),
    ("42", Type::Int, "UTC", Some("42")),
    ("CAST(42 AS UTINYINT)", Type::Int, "UTC", Some("42")),
    ("9007199254740993", Type::Int, "UTC", Some("9007199254740993")),
    ("CAST(3 AS DOUBLE)", Type::Int, "UTC", Some("3")),
    ("CAST(3.7 AS DOUBLE)", Type::Int, "UTC", None),
    ("3.00", Type::Int, "UTC", Some("3")),
    ("'42'", Type::Int, "UTC", Some("42")),
    ("'x'", Type::Int, "UTC", None),
    ("CAST(2.5 AS DOUBLE)", Type::Float, "UTC", Some("2.5")),
    ("CAST('nan' AS DOUBLE)", Type::Float, "UTC", None),
    ("CAST('-inf' AS DOUBLE)", Type::Float, "UTC", None),
    ("2", Type::Float, "UTC", Some("2.0")),
    ("'2.5'", Type::Float, "UTC", Some("2.5")),
    ("'nan'", Type::Float, "UTC", None),
    ("'1_000'", Type::Float, "UTC", None),
    ("CAST(1e100 AS DOUBLE)", Type::Float, "UTC", Some("1e+100")),
    ("'1e100'", Type::Float, "UTC", Some("1e+100")),
    ("'1e-300'", Type::Float, "UTC", Some("1e-300")),
    ("'1e999'", Type::Float, "UTC", None),
    ("'-12e100'", Type::Float, "UTC", None),
    ("19.9", Type::Decimal, "UTC", Some("19.900000000")),
    ("'19.90'", Type::Decimal, "UTC", Some("19.900000000")),
    ("20", Type::Decimal, "UTC", Some("20.000000000")),
    ("TRUE", Type::Bool, "UTC", Some("true")),
    ("'False'", Type::Bool, "UTC", Some("false")),
    ("1", Type::Bool, "UTC", None),
    ("'1'", Type::Bool, "UTC", None),
    ("7", Type::String, "UTC", Some("7")),
    ("'x'", Type::String, "UTC", Some("x")),
    ("UUID '0b0e8f7e-5e9c-4a7a-9b43-0a3b1f7b0001'", Type::String, "UTC", Some("0b0e8f7e-5e9c-4a7a-9b43-0a3b1f7b0001")),
];

/// A connection whose zone is not UTC: it must not matter.
fn connection() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch("SET TimeZone = 'America/New_York'").unwrap();
    connection
}

fn text(connection: &Connection, expression: &str, from: &str) -> Result<Option<String>, duckdb::Error> {
    connection.query_row(&format!("SELECT CAST({expression} AS VARCHAR) FROM {from}"), [], |row| row.get(0))
}

pub(crate) fn property(dialect: &Dialect, stored: Stored, path: &[&str], ty: Type) -> String {
    let column = Fragment::atom(dialect.identifier("d").unwrap());
    let document = access::document(dialect, &column, stored).unwrap();
    access::property_of(dialect, &document, path, ty, "UTC").unwrap().sql
}

#[test]
fn properties_are_read_in_their_types() {
    let connection = connection();
    let mut wrong = Vec::new();
    for (document, path, ty, expected) in PROPERTIES {
        for (name, stored) in Stored::NAMED {
            for dialect in dialects() {
                parses(&format!("SELECT {} FROM t", property(dialect, *stored, path, *ty)), dialect);
            }
            let stored_as = match stored {
                Stored::Text => "VARCHAR",
                Stored::Json if connection.query_row("SELECT JSON_VALID(?)", [document], |row| row.get(0)).unwrap() => {
                    "JSON"
                }
                // Only text can be malformed, and a structure has its fields.
                Stored::Json | Stored::Struct => continue,
            };
            let from = format!("(SELECT CAST({} AS {stored_as}) AS d)", executed().string(document).unwrap());
            let sql = property(executed(), *stored, path, *ty);
            match text(&connection, &sql, &from) {
                Ok(answer) if answer.as_deref() == *expected => {}
                answer => wrong.push(format!("{document} {path:?} as {ty} stored as {name}: {answer:?}\n  {sql}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn structures_are_documents_too() {
    let connection = connection();
    let from = "(SELECT {'plan': {'tier': 'team', 'seats': 3}} AS d)";
    let tier = property(executed(), Stored::Struct, &["plan", "tier"], Type::String);
    assert_eq!(text(&connection, &tier, from).unwrap().as_deref(), Some("team"));
    let container = property(executed(), Stored::Struct, &["plan"], Type::String);
    assert_eq!(text(&connection, &container, from).unwrap(), None);
}

#[test]
fn columns_of_any_type_are_read_in_their_types() {
    let connection = connection();
    let mut wrong = Vec::new();
    for (value, ty, zone, expected) in COLUMNS {
        for dialect in dialects() {
            let column = Fragment::atom(dialect.identifier("v").unwrap());
            let sql = access::normalize(dialect, &column, *ty, zone).unwrap().sql;
            parses(&format!("SELECT {sql} FROM t"), dialect);
            if dialect.name() == executed().name() {
                match text(&connection, &sql, &format!("(SELECT {value} AS v)")) {
                    Ok(answer) if answer.as_deref() == *expected => {}
                    answer => wrong.push(format!("{value} as {ty} in {zone}: {answer:?}\n  {sql}")),
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn files(path: &str, format: Format) -> Files {
    Files { path: path.to_owned(), format, csv: Csv::default(), folders: Vec::new() }
}

#[test]
fn files_are_relations_where_the_warehouse_reads_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("it's.csv"), "id,at\n007,2026-01-31T10:00:00Z\n").unwrap();
    fs::write(path("a.json"), "{\"id\": \"007\", \"at\": \"2026-01-31\", \"p\": {\"a\": [1]}, \"n\": null}\n").unwrap();
    let connection = connection();
    connection
        .execute_batch(&format!(
            "COPY (SELECT '007' AS id) TO {} (FORMAT parquet)",
            executed().string(&path("a.parquet")).unwrap()
        ))
        .unwrap();
    for (file, format) in [("it's.csv", Format::Csv), ("a.json", Format::Json), ("a.parquet", Format::Parquet)] {
        let relation = access::file(executed(), &files(&path(file), format), &["id"]).unwrap();
        parses(&format!("SELECT id FROM {relation} AS f"), executed());
        let id = text(&connection, "f.id", &format!("{relation} AS f")).unwrap();
        assert_eq!(id.as_deref(), Some("007"), "{file}");
    }
    let relation = access::file(executed(), &files(&path("a.json"), Format::Json), &["p"]).unwrap();
    let sql = property(executed(), Stored::Text, &["a"], Type::String).replace("\"d\"", "p");
    assert_eq!(text(&connection, "p", &relation).unwrap().as_deref(), Some("{\"a\":[1]}"));
    assert_eq!(text(&connection, &sql, &relation).unwrap(), None);
    for dialect in dialects() {
        if dialect.unsupported("source", "file").is_some() {
            let told = access::file(dialect, &files("a.csv", Format::Csv), &["id"]);
            assert!(matches!(told, Err(Failure::Unsupported(_))), "{}: {told:?}", dialect.name());
        }
    }
}

#[test]
fn a_path_has_no_empty_part() {
    for dialect in dialects() {
        let document = Fragment::atom("d");
        assert!(access::property_of(dialect, &document, &["a", ""], Type::String, "UTC").is_err());
        assert!(access::property_of(dialect, &document, &[], Type::String, "UTC").is_err());
    }
}
