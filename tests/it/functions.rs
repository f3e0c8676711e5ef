//! The portable functions and the dialects' files: each entry parses on each warehouse, and means on DuckDB what its
//! examples say.

use std::path::PathBuf;

use duckdb::Connection;
use milepost::check::check;
use milepost::diagnostic::Diagnostics;
use milepost::render::access::{self, Stored};
use milepost::render::dialect::{self, Argument, Dialect, Failure};
use milepost::render::engine::{self, Sql};
use milepost::render::holes::{self, Fragment};
use milepost::render::{Statement, expr};
use milepost::semantic::expr::{AggregateFunction, BinaryOperator, Expr, ExprKind, Literal, Type};
use milepost::semantic::library::{Accepts, Library};
use milepost::semantic::parse::{self, Scope};
use milepost::source::{Sources, Span, Text};
use proptest::prelude::*;

const TYPES: &[Type] =
    &[Type::Bool, Type::Int, Type::Float, Type::Decimal, Type::String, Type::Date, Type::Timestamp, Type::Duration];

/// Columns of every type, by its name.
pub(crate) struct Columns;

impl Scope for Columns {
    fn column(&self, path: &[&str]) -> Option<(String, Type)> {
        let ty = TYPES.iter().find(|ty| path == [format!("a_{}", ty.name()).as_str()])?;
        Some((path[0].to_owned(), *ty))
    }

    fn names(&self) -> Vec<String> {
        TYPES.iter().map(|ty| format!("a_{}", ty.name())).collect()
    }

    fn subject(&self) -> String {
        "the test".to_owned()
    }

    fn declared_at(&self, _: &str) -> Option<Span> {
        None
    }

    fn aggregates(&self) -> bool {
        true
    }
}

/// All dialects.
pub(crate) fn dialects() -> Vec<&'static Dialect> {
    Dialect::names().into_iter().map(|name| Dialect::named(name).unwrap()).collect()
}

/// The dialect whose SQL is executed here.
pub(crate) fn executed() -> &'static Dialect {
    Dialect::named("duckdb").unwrap()
}

/// Reads a portable expression.
pub(crate) fn read(text: &str) -> Expr {
    let mut sources = Sources::default();
    let source = sources.add(PathBuf::from("test"), text.to_owned());
    let span = Span { source, start: 0, end: text.len() };
    let mut diagnostics = Diagnostics::default();
    let expr = parse::expression(&Text::new(text.to_owned(), span, text), &Columns, None, &mut diagnostics);
    expr.unwrap_or_else(|| panic!("{text}: {:?}", diagnostics.sorted()))
}

/// Prints a portable expression for a dialect.
pub(crate) fn printed(text: &str, dialect: &Dialect) -> String {
    print(&read(text), dialect).unwrap_or_else(|failure| panic!("{text}: {failure:?}"))
}

fn print(expr: &Expr, dialect: &Dialect) -> Result<String, expr::Unsupported> {
    expr::print(expr, dialect, &|name| dialect.identifier(name).ok())
}

/// Asserts that a query parses in a dialect's grammar.
pub(crate) fn parses(sql: &str, dialect: &Dialect) {
    let statement = Statement { node: "test".to_owned(), sql: sql.to_owned(), origin: None };
    if let Err(refusal) = check(statement, dialect) {
        panic!("{}: {}\n{sql}", dialect.name(), refusal.reason);
    }
}

/// The first value of the first row of a query, as text.
pub(crate) fn value(sql: &str) -> Option<String> {
    let connection = Connection::open_in_memory().unwrap();
    one(&connection, sql)
}

fn one(connection: &Connection, sql: &str) -> Option<String> {
    let text = format!("SELECT CAST(COLUMNS(*) AS VARCHAR) FROM ({sql})");
    connection.query_row(&text, [], |row| row.get(0)).unwrap_or_else(|error| panic!("{error}\n{sql}"))
}

#[test]
fn the_embedded_dialects_load() {
    let names: Vec<_> = dialect::embedded().unwrap().iter().map(|dialect| dialect.name().to_owned()).collect();
    assert_eq!(names, Dialect::names());
}

#[test]
fn every_function_parses_in_every_dialect() {
    let mut sources = Sources::default();
    let span = Span { source: sources.add(PathBuf::from("test"), String::new()), start: 0, end: 0 };
    let column = |ty: Type| Expr { kind: ExprKind::Column(format!("a_{}", ty.name())), ty, span };
    let literal = |literal: Literal, ty: Type| Expr { kind: ExprKind::Literal(literal), ty, span };
    for function in Library::builtin().functions() {
        for signature in &function.signatures {
            // Each word of a unit once, and each type of a number.
            let mut calls: Vec<Vec<Expr>> = vec![Vec::new()];
            for parameter in &signature.parameters {
                let choices: Vec<Expr> = match &parameter.accepts {
                    Accepts::Type(ty) => vec![column(*ty)],
                    Accepts::Number => vec![column(Type::Int), column(Type::Float), column(Type::Decimal)],
                    Accepts::Any => TYPES.iter().map(|ty| column(*ty)).collect(),
                    Accepts::Words(words) => {
                        words.iter().map(|word| literal(Literal::String(word.clone()), Type::String)).collect()
                    }
                    Accepts::Positive => vec![literal(Literal::Int(3), Type::Int)],
                    Accepts::Pattern => vec![literal(Literal::String("^[a-z]+$".to_owned()), Type::String)],
                };
                let times = if parameter.variadic { 3 } else { 1 };
                calls = calls
                    .iter()
                    .flat_map(|call| {
                        choices
                            .iter()
                            .map(|choice| [call.clone(), vec![choice.clone(); times]].concat())
                            .collect::<Vec<_>>()
                    })
                    .collect();
            }
            for arguments in calls {
                let Some((_, ty)) = function.resolve(&arguments) else { continue };
                let call = Expr { kind: ExprKind::Call(function.name.clone(), arguments), ty, span };
                for dialect in dialects() {
                    let sql = print(&call, dialect).unwrap_or_else(|error| panic!("{}: {error:?}", dialect.name()));
                    parses(&format!("SELECT {sql} FROM t WHERE NOT {sql} IS NULL"), dialect);
                }
            }
        }
    }
}

#[test]
fn every_example_is_true() {
    let connection = Connection::open_in_memory().unwrap();
    // What the session says must not matter.
    connection.execute_batch("SET TimeZone = 'America/New_York'").unwrap();
    let mut wrong = Vec::new();
    for function in Library::builtin().functions() {
        for example in &function.examples {
            for dialect in dialects() {
                parses(&format!("SELECT {}", printed(example, dialect)), dialect);
            }
            let sql = format!("SELECT {}", printed(example, executed()));
            let text = format!("SELECT CAST(COLUMNS(*) AS VARCHAR) FROM ({sql})");
            match connection.query_row(&text, [], |row| row.get::<_, Option<String>>(0)) {
                Ok(Some(answer)) if answer == "true" => {}
                answer => wrong.push(format!("{example}: {answer:?}\n  {sql}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
