//! What only a real project and a real account can answer: `tests/on_the_services.sh` asks it through the drivers, where
//! somebody has one; and the page that says what is asked.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use milepost::analyze;
use milepost::diagnostic::Diagnostics;
use milepost::target;
use milepost::warehouse::{Value, Warehouse, connect};
use serde::Deserialize;

use crate::warehouse::checked_in;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    question: Vec<Question>,
    by_hand: Vec<ByHand>,
}

/// What statements can ask.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    warehouse: String,
    name: String,
    asks: String,
    #[serde(default)]
    first: Vec<String>,
    ask: String,
    expected: Vec<String>,
}

/// What somebody must do.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ByHand {
    warehouse: String,
    name: String,
    asks: String,
}

fn page() -> Page {
    toml::from_str(include_str!("../on_the_services.toml")).unwrap_or_else(|error| panic!("{error}"))
}

/// Asks one thing; returns the rows, or the error.
fn ask(warehouse: &dyn Warehouse, question: &Question, schema: &str) -> Result<Vec<String>, String> {
    let checked = |sql: &str| checked_in(&question.warehouse, &sql.replace("{schema}", schema));
    for sql in &question.first {
        warehouse.execute(&checked(sql)).map_err(|error| format!("{:?}: {error}", error.kind))?;
    }
    let rows = warehouse.query(&checked(&question.ask), None).map_err(|error| format!("{:?}: {error}", error.kind))?;
    let cell = |value: &Value| if *value == Value::Null { "NULL".to_owned() } else { value.to_string() };
    Ok(rows.rows.iter().map(|row| row.iter().map(cell).collect::<Vec<_>>().join(" | ")).collect())
}

#[test]
fn on_the_service() {
    let variable = |name: &str| std::env::var(name).ok();
    let named = variable("MILEPOST_SERVICES_PROJECT").zip(variable("MILEPOST_SERVICES_TARGET"));
    let Some((folder, name)) = named else {
        eprintln!("*** SKIPPED: no project on a real service (tests/on_the_services.sh names one)");
        return;
    };
    let (root, mut diagnostics) = (Path::new(&folder), Diagnostics::default());
    let Ok(analysis) = analyze(root, std::env::vars().collect(), &mut diagnostics) else {
        panic!("{name}: the project has mistakes: `milepost check`");
    };
    let target = target::pick(&analysis.project, Some(&name), &mut diagnostics).expect("the target is there");
    let connection = target.connection(&analysis.project, root, &mut diagnostics).expect("its settings are in order");
    let warehouse = connect(&connection).unwrap();
    let schema = target.dialect.table(&target.schema).unwrap();
    for (name, value) in warehouse.describe().unwrap() {
        println!("{name}: {value}");
    }
    for concern in warehouse.concerns().unwrap() {
        println!("concern: {concern}");
    }
    println!();
    let mut different = Vec::new();
    for question in page().question.iter().filter(|question| question.warehouse == target.dialect.name()) {
        let seen = ask(&*warehouse, question, &schema);
        let is_expected = seen.as_ref() == Ok(&question.expected);
        println!("{}: {}", question.name, if is_expected { "as expected" } else { "DIFFERENT" });
        println!("  {}\n  expected {:?}\n  seen     {seen:?}", question.asks, question.expected);
        if !is_expected {
            different.push(question.name.clone());
        }
    }
    for by_hand in page().by_hand.iter().filter(|by_hand| by_hand.warehouse == target.dialect.name()) {
        println!("{}: by hand\n  {}", by_hand.name, by_hand.asks);
    }
    assert!(different.is_empty(), "what is above differs: {}", different.join(", "));
}

#[test]
fn what_is_asked_of_the_services_can_be_asked() {
    for question in page().question {
        let quote = if question.warehouse == "bigquery" { '`' } else { '"' };
        for sql in question.first.iter().chain([&question.ask]) {
            checked_in(&question.warehouse, &sql.replace("{schema}", &format!("{quote}s{quote}")));
        }
    }
}

#[test]
fn the_page_says_what_is_asked() {
    let mut text = String::from(
        "# On the services\n\n\
         Made by `INSTA_UPDATE=always cargo test --test it services` of `on_the_services.toml`; a test holds it true.\n\n\
         No stand-in is the service itself. Who has a project on Google Cloud or an account of Snowflake can ask what only these\n\
         can tell:\n\n\
         ```sh\n\
         tests/on_the_services.sh FOLDER TARGET   # a project, and a target whose schema nobody needs\n\
         ```\n\n\
         It runs `debug`, `explain --estimate`, the questions below through the driver, `verify`, and `run` twice, and writes what it\n\
         saw to `FOLDER/target/on_the_services.txt`. Nothing here has been seen on a service yet: send us that file.\n",
    );
    let Page { question, by_hand } = page();
    for (warehouse, title) in BTreeMap::from([("bigquery", "BigQuery"), ("snowflake", "Snowflake")]) {
        let _ = write!(text, "\n## {title}\n\n| question | | expected |\n| --- | --- | --- |\n");
        for Question { name, asks, expected, .. } in question.iter().filter(|question| question.warehouse == warehouse)
        {
            let expected: Vec<String> = expected.iter().map(|row| format!("`{}`", row.replace('|', "\\|"))).collect();
            let _ = writeln!(text, "| {name} | {asks} | {} |", expected.join(", "));
        }
        let _ = write!(text, "\nBy hand:\n\n");
        for ByHand { name, asks, .. } in by_hand.iter().filter(|by_hand| by_hand.warehouse == warehouse) {
            let _ = writeln!(text, "* **{name}**: {asks}");
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/on_the_services.md");
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        std::fs::write(&path, &text).unwrap();
    }
    assert!(
        std::fs::read_to_string(&path).unwrap_or_default() == text,
        "tests/on_the_services.md is not what is asked"
    );
}
