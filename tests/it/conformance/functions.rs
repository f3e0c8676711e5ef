//! The portable functions on every engine: their examples, and every way to call them.

use std::collections::BTreeMap;

use milepost::check::check;
use milepost::render::Statement;
use milepost::render::dialect::Dialect;
use milepost::run::unit;
use milepost::semantic::expr::Type;
use milepost::semantic::library::Library;
use milepost::warehouse::{self, Rows, Value};

use crate::conformance::engine::ENGINES;
use crate::conformance::table::{KnownWrong, Table};
use crate::functions::{TYPES, calls, executed, print, printed};

#[test]
fn every_example_of_a_function_is_true_on_every_engine() {
    let table = Table::new(KnownWrong::read());
    let mut wrong = Vec::new();
    for (name, engine) in ENGINES.iter().filter_map(|entry| Some((entry.name, (entry.open)()?))) {
        for (statement, value) in table.known_of_functions(name) {
            let answer =
                engine.ask(statement).map(|rows| rows.rows.iter().flatten().map(ToString::to_string).collect());
            if answer != Ok(vec![value.to_owned()]) {
                wrong.push(format!("{name}: {statement}: {answer:?}, and known_wrong.toml says {value}"));
            }
        }
        for function in Library::builtin().functions() {
            let query = |examples: &[String]| {
                let examples = examples.iter().enumerate();
                let columns =
                    examples.map(|(place, example)| format!("{} AS e{place}", printed(example, engine.dialect())));
                format!("SELECT {}", columns.collect::<Vec<_>>().join(", "))
            };
            let is_true = |answer: &Result<Rows, String>| {
                answer.as_ref().is_ok_and(|rows| rows.rows.iter().flatten().all(|value| *value == Value::Bool(true)))
            };
            // Together, and one by one where something is wrong.
            let is_any_known = function.examples.iter().any(|example| table.is_known_example(name, example));
            if !is_any_known && is_true(&engine.ask(&query(&function.examples))) {
                continue;
            }
            for example in &function.examples {
                let sql = query(std::slice::from_ref(example));
                let answer = engine.ask(&sql);
                let is_known = table.is_known_example(name, example);
                if is_known && is_true(&answer) {
                    wrong.push(format!("{name}: {example}: true, and known_wrong.toml says it is not"));
                }
                if !is_known && !is_true(&answer) {
                    let answer = answer.map(|rows| rows.rows);
                    wrong.push(format!("{name}, {}: {example}: {answer:?}\n  {sql}", function.name));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A value of a type, written as a portable expression; none: null.
fn sample(ty: Type, row: usize) -> Option<&'static str> {
    let values: [&str; 3] = match ty {
        Type::Bool => ["true", "false", "true"],
        Type::Int => ["7", "-3", "0"],
        Type::Float => ["2.5", "-0.75", "0.0"],
        Type::Decimal => ["decimal('3.25')", "decimal('-12.5')", "decimal('0')"],
        Type::String => ["'abc'", "'7'", "'2026-01-31 10:00:00'"],
        Type::Date => ["date '2026-01-31'", "date '2024-02-29'", "date '2025-12-29'"],
        Type::Timestamp => [
            "timestamp '2026-01-31 23:59:59.999999'",
            "timestamp '2024-02-29 00:00:00'",
            "timestamp '2025-12-29 12:30:00.5'",
        ],
        Type::Null => return None,
        Type::Duration => ["duration '36h'", "-duration '1d'", "duration '0s'"],
    };
    values.get(row).copied()
}

/// Returns rows with a column of each type, and a last one of nulls.
fn columns(dialect: &Dialect) -> String {
    let row = |row: usize| {
        let cells = TYPES.iter().map(|ty| {
            let cell = sample(*ty, row).map_or("NULL".to_owned(), |text| printed(text, dialect));
            let name = dialect.identifier(&format!("a_{}", ty.name())).unwrap();
            format!("CAST({cell} AS {}) AS {name}", dialect.type_name(*ty))
        });
        format!("SELECT {row} AS {}, {}", dialect.identifier("number").unwrap(), cells.collect::<Vec<_>>().join(", "))
    };
    (0..4).map(row).collect::<Vec<_>>().join(" UNION ALL ")
}

#[test]
fn every_way_to_call_a_function_gives_the_same_values_on_every_engine() {
    let table = Table::new(KnownWrong::read());
    let engines: Vec<_> = ENGINES.iter().filter_map(|entry| Some((entry.name, (entry.open)()?))).collect();
    let here = warehouse::connect(&warehouse::in_memory(std::env::temp_dir())).unwrap();
    let mut wrong = Vec::new();
    let mut ways: BTreeMap<&str, usize> = BTreeMap::new();
    for function in Library::builtin().functions() {
        let all = calls(function);
        ways.insert(&function.name, all.len());
        let query = |dialect: &Dialect| {
            let name = |name: &str| dialect.identifier(name).unwrap();
            let mut columns_asked = name("number");
            for (place, call) in all.iter().enumerate() {
                columns_asked += &format!(", {} AS {}", print(call, dialect).unwrap(), name(&format!("c{place}")));
            }
            format!("SELECT {columns_asked} FROM ({}) AS t", columns(dialect))
        };
        let statement = Statement { node: "asked".to_owned(), sql: query(executed()), origin: None };
        let expected: Rows = here.query(&check(statement, executed()).unwrap(), None).unwrap();
        for (name, engine) in engines.iter().filter(|(name, _)| !table.is_known_of(name, &function.name)) {
            let differences = match engine.ask(&query(engine.dialect())) {
                Ok(found) => unit::agree(&expected, &found).text(&function.name),
                Err(error) => error,
            };
            if !differences.is_empty() {
                wrong.push(format!("{name}, {}: {differences}", function.name));
            }
        }
    }
    assert!(ways.values().all(|ways| *ways > 0), "{ways:?}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
