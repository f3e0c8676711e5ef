//! The contract, and what only BigQuery must prove, on a stand-in that `MILEPOST_BIGQUERY_ENDPOINT` names.
//!
//! Its project is `test`, unless `MILEPOST_BIGQUERY_PROJECT` names another. Where there is none, these tests say so loudly
//! and do nothing.

use std::path::PathBuf;
use std::time::Duration;

use milepost::warehouse::{Column, ErrorKind, Family, Rows, Target, Value, Warehouse, connect};

use crate::warehouse::checked_in;
use crate::warehouse::contract::{BIGQUERY, ENDLESS, contract};

/// Returns a target with the stand-in's address and a dataset.
#[expect(clippy::print_stderr, reason = "a test that does nothing says so")]
fn stand_in(schema: &str) -> Option<Target> {
    let Ok(endpoint) = std::env::var("MILEPOST_BIGQUERY_ENDPOINT") else {
        eprintln!("*** SKIPPED: no stand-in for BigQuery (MILEPOST_BIGQUERY_ENDPOINT is its address)");
        return None;
    };
    let project = std::env::var("MILEPOST_BIGQUERY_PROJECT").unwrap_or_else(|_| "test".to_owned());
    let settings = [("endpoint", endpoint), ("project", project), ("schema", schema.to_owned())];
    Some(Target {
        name: "stand-in".to_owned(),
        driver: "bigquery".to_owned(),
        root: PathBuf::from("."),
        settings: settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        statement_timeout: None,
        labels: [("application".to_owned(), "milepost".to_owned())].into(),
    })
}

/// Connects, and makes the dataset anew.
fn open(target: &Target) -> Box<dyn Warehouse> {
    let warehouse = connect(target).unwrap();
    let schema = &target.settings["schema"];
    warehouse.drop_schema(&BIGQUERY.sql(schema)).unwrap();
    warehouse.execute(&BIGQUERY.checked(&format!("CREATE SCHEMA {schema}"))).unwrap();
    warehouse
}

#[test]
fn the_stand_in_keeps_the_contract() {
    let Some(target) = stand_in("contract") else { return };
    let warehouse = open(&target);
    contract(&*warehouse, &BIGQUERY);
    let facts = warehouse.describe().unwrap();
    let fact = |name: &str| facts.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    assert_eq!(fact("time zone"), Some("UTC"), "{facts:?}");
    assert_eq!(fact("dataset"), Some("contract"), "{facts:?}");
    assert!(fact("account").is_some() && fact("location").is_some(), "{facts:?}");
}

#[test]
fn values_come_out_as_what_they_are() {
    let Some(target) = stand_in("values") else { return };
    let sql = "SELECT NULL, TRUE, 1, CAST(1.5 AS NUMERIC), CAST(0.5 AS FLOAT64), DATE '2026-01-31', \
               TIMESTAMP '2026-01-31 12:00:00+02', DATETIME '2026-01-31 12:00:00', JSON '{\"a\": 1}', 'a'";
    let rows = connect(&target).unwrap().query(&BIGQUERY.checked(sql), None).unwrap();
    let text = |text: &str| Value::Text(text.to_owned());
    assert_eq!(
        rows.rows,
        [[
            Value::Null,
            Value::Bool(true),
            Value::Int(1),
            Value::Decimal("1.5".to_owned()),
            Value::Float(0.5),
            Value::Date("2026-01-31".to_owned()),
            Value::Timestamp("2026-01-31T10:00:00.000000Z".to_owned()),
            Value::Timestamp("2026-01-31T12:00:00.000000Z".to_owned()),
            text("{\"a\":1}"),
            text("a"),
        ]]
    );
}

#[test]
fn many_rows_are_loaded_in_good_time_and_leave_nothing_beside() {
    let Some(target) = stand_in("many") else { return };
    let warehouse = open(&target);
    let column = |name: &str, ty: &str| Column { name: name.to_owned(), ty: ty.to_owned(), family: Family::Other };
    let count = 60_000;
    let row = |n: i64| {
        let at = Value::Timestamp(format!("2026-01-31T12:00:00.{n:06}Z"));
        vec![
            Value::Int(n),
            Value::Text(format!("user {}", n % 997)),
            at,
            Value::Text("{\"plan\": \"team\", \"seats\": 7}".to_owned()),
        ]
    };
    let columns =
        vec![column("id", "INT64"), column("who", "STRING"), column("at", "TIMESTAMP"), column("properties", "JSON")];
    let rows = Rows { columns, rows: (0..count).map(row).collect(), truncated: false };
    warehouse.load(&BIGQUERY.sql("many.events"), &rows).unwrap();
    let sql = "SELECT COUNT(*), COUNT(DISTINCT id), COUNT(DISTINCT who), MAX(at) FROM many.events";
    let answer = warehouse.query(&BIGQUERY.checked(sql), None).unwrap().rows;
    let last = Value::Timestamp("2026-01-31T12:00:00.059999Z".to_owned());
    assert_eq!(answer, [[Value::Int(count), Value::Int(count), Value::Int(997), last]]);
    let beside: Vec<String> =
        warehouse.relations().unwrap().into_iter().filter(|name| name.starts_with("many.")).collect();
    assert_eq!(beside, ["many.events"]);
    let all = warehouse.query(&BIGQUERY.checked("SELECT id FROM many.events ORDER BY id"), None).unwrap();
    assert_eq!((all.rows.len(), all.truncated), (60_000, false));
}

#[test]
fn what_takes_too_long_is_cancelled_there() {
    let Some(target) = stand_in("slow") else { return };
    let warehouse = open(&target);
    let numbers = "CREATE OR REPLACE TABLE slow.big AS SELECT n FROM UNNEST(GENERATE_ARRAY(1, 20000)) AS n";
    warehouse.execute(&checked_in("bigquery", numbers)).unwrap();
    let hurried = connect(&Target { statement_timeout: Some(Duration::from_secs(2)), ..target }).unwrap();
    let endless = BIGQUERY.checked(&format!("CREATE TABLE slow.never AS {}", ENDLESS.replace("{big}", "slow.big")));
    let error = hurried.execute(&endless).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout, "{error}");
    assert!(error.message.ends_with("was cancelled"), "{error}");
}
