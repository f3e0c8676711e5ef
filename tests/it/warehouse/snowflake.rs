//! The contract, and many rows, on a stand-in of Snowflake; where there is none, these tests say so loudly and do nothing.

use std::path::Path;
use std::time::{Duration, Instant};

use milepost::warehouse::{Family, Rows, Target, Value, connect};

use super::{Party, Words, checked_in, column, contract, target};

/// A stand-in counts nothing that it makes, and explains nothing; an apostrophe in a name breaks fakesnow's catalog.
const SNOWFLAKE: Words =
    Words { dialect: "snowflake", quote: '"', counts_what_it_makes: false, estimates: false, odd: "so \"odd\"" };

/// A target on the stand-in that the environment names.
#[expect(clippy::print_stderr, reason = "a test that does nothing says so")]
pub(crate) fn snowflake_stand_in(database: &str) -> Option<Target> {
    const VARIABLE: &str = "MILEPOST_SNOWFLAKE_ENDPOINT";
    let Ok(endpoint) = std::env::var(VARIABLE) else {
        eprintln!("*** SKIPPED: no stand-in of Snowflake ({VARIABLE} names its address)");
        return None;
    };
    let settings = [
        ("endpoint", endpoint.as_str()),
        ("account", "stand-in"),
        ("user", "tester"),
        ("password", "of-no-account"),
        ("database", database),
        ("schema", "PUBLIC"),
    ];
    Some(Target { driver: "snowflake".to_owned(), ..target(Path::new("."), &settings) })
}

#[test]
fn a_stand_in_of_snowflake_keeps_the_contract() {
    let Some(target) = snowflake_stand_in("MILEPOST_CONTRACT") else { return };
    let warehouse = connect(&target).unwrap();
    warehouse.drop_schema("\"contract\"").unwrap();
    warehouse.execute(&checked_in("snowflake", "CREATE SCHEMA \"contract\"")).unwrap();
    contract(&*warehouse, &SNOWFLAKE);
}

#[test]
fn a_stand_in_of_snowflake_takes_and_gives_many_rows() {
    let Some(target) = snowflake_stand_in("MILEPOST_LOADED") else { return };
    let warehouse = connect(&target).unwrap();
    let text = |text: &str| Value::Text(text.to_owned());
    let row = |number: i64| {
        vec![
            Value::Int(number),
            text(&format!("user {number}: it's \"quoted\", C:\\new, é 😀\n\tnext line")),
            Value::Timestamp(format!("2026-01-31T12:00:00.{number:06}Z")),
            Value::Bool(number % 2 == 0),
            Value::Date("2026-01-31".to_owned()),
            Value::Float(0.5),
            if number % 3 == 0 { Value::Null } else { Value::Decimal("12345678901234567890.123456789".to_owned()) },
            text("{\"plan\":\"pro\",\"seats\":[1,2]}"),
        ]
    };
    let columns = vec![
        column("n", "", Family::Int),
        column("name", "VARCHAR", Family::Text),
        column("at", "", Family::Timestamp),
        column("even", "", Family::Bool),
        column("on", "", Family::Date),
        column("share", "", Family::Float),
        column("amount", "", Family::Decimal),
        column("document", "", Family::Text),
    ];
    let rows = Rows { columns, rows: (0..15_000).map(row).collect(), truncated: false };
    let clock = Instant::now();
    warehouse.load("\"loaded\".\"many\"", &rows).unwrap();
    assert!(clock.elapsed() < Duration::from_secs(60), "{:?}", clock.elapsed());
    let party = Party { warehouse: &*warehouse, words: &SNOWFLAKE };
    let read = warehouse.query(&party.checked("SELECT * FROM loaded.many ORDER BY n"), None).unwrap();
    let families: Vec<Family> = read.columns.iter().map(|column| column.family).collect();
    assert_eq!(families, rows.columns.iter().map(|column| column.family).collect::<Vec<_>>());
    for (read, loaded) in read.rows.iter().zip(&rows.rows) {
        assert_eq!(read, loaded);
    }
    assert_eq!(read.rows.len(), rows.rows.len());
    let left = warehouse.relations().unwrap();
    assert!(left.contains(&"loaded.many".to_owned()) && !left.iter().any(|name| name.contains("milepost_load")));
    warehouse.drop_schema("\"loaded\"").unwrap();
}
