//! The portable functions and the dialects' files: each entry parses on each warehouse, and means where it is executed
//! what its examples say.

use std::path::PathBuf;

#[cfg(feature = "duckdb")]
use duckdb::Connection;
use milepost::check::check;
use milepost::diagnostic::Diagnostics;
#[cfg(feature = "duckdb")]
use milepost::render::dialect::Support;
use milepost::render::dialect::{self, Dialect};
use milepost::render::holes::Fragment;
use milepost::render::{Statement, expr};
use milepost::semantic::expr::{AggregateFunction, BinaryOperator, Expr, ExprKind, Literal, Type};
use milepost::semantic::library::{Accepts, Function, Library};
use milepost::semantic::name::Name;
use milepost::semantic::parse::{self, Scope};
use milepost::source::{Sources, Span, Text};
use proptest::prelude::*;
use sqlparser::ast::{FunctionArg, FunctionArgExpr, FunctionArguments};

#[cfg(feature = "duckdb")]
use crate::conformance::engine::StandIn;

/// All types.
pub(crate) const TYPES: &[Type] =
    &[Type::Bool, Type::Int, Type::Float, Type::Decimal, Type::String, Type::Date, Type::Timestamp, Type::Duration];

/// Columns of every type, by its name.
pub(crate) struct Columns;

impl Scope for Columns {
    fn column(&self, path: &[&str]) -> Option<(Name, Type)> {
        let ty = TYPES.iter().find(|ty| path == [format!("a_{}", ty.name()).as_str()])?;
        Some((Name::Column(path[0].to_owned()), *ty))
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
}

/// All dialects.
pub(crate) fn dialects() -> Vec<&'static Dialect> {
    Dialect::names().into_iter().map(|name| Dialect::named(name).unwrap()).collect()
}

/// The dialect whose SQL is executed here.
pub(crate) fn executed() -> &'static Dialect {
    Dialect::named("duckdb").unwrap()
}

/// Returns the name of a column of these tests.
fn named(name: &Name, dialect: &Dialect) -> Option<String> {
    let Name::Column(name) = name else { return None };
    dialect.identifier(name).ok()
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

/// Prints an aggregate of a portable expression, or of rows, where another one holds.
pub(crate) fn aggregated(
    function: AggregateFunction,
    argument: Option<&str>,
    filter: Option<&str>,
    dialect: &Dialect,
) -> String {
    let fragment = |text: &str| {
        let expr = read(text);
        let printed = expr::fragment(&expr, dialect, &|name| named(name, dialect)).unwrap();
        (printed, Some(expr.ty))
    };
    expr::aggregate(dialect, function, argument.map(fragment), filter.map(|text| fragment(text).0), None).unwrap().sql
}

pub(crate) fn print(expr: &Expr, dialect: &Dialect) -> Result<String, expr::Refused> {
    expr::print(expr, dialect, &|name| named(name, dialect))
}

/// Asserts that a query parses in a dialect's grammar.
pub(crate) fn parses(sql: &str, dialect: &Dialect) {
    let statement = Statement { node: "test".to_owned(), sql: sql.to_owned(), origin: None };
    if let Err(refusal) = check(statement, dialect) {
        panic!("{}: {}\n{sql}", dialect.name(), refusal.reason);
    }
}

/// Asserts the first value of the first row of a query, as text: that it parses, in a build that cannot execute it.
pub(crate) fn answers(sql: &str, expected: Option<&str>) {
    parses(sql, executed());
    #[cfg(feature = "duckdb")]
    assert_eq!(value(sql).as_deref(), expected, "{sql}");
    #[cfg(not(feature = "duckdb"))]
    let _ = expected;
}

/// The first value of the first row of a query, as text.
#[cfg(feature = "duckdb")]
pub(crate) fn value(sql: &str) -> Option<String> {
    let connection = Connection::open_in_memory().unwrap();
    // What the session says must not matter.
    connection.execute_batch("SET TimeZone = 'America/New_York'").unwrap();
    let text = format!("SELECT CAST(COLUMNS(*) AS VARCHAR) FROM ({sql})");
    connection.query_row(&text, [], |row| row.get(0)).unwrap_or_else(|error| panic!("{error}\n{sql}"))
}

#[test]
fn the_embedded_dialects_load() {
    let names: Vec<_> = dialect::embedded().unwrap().iter().map(|dialect| dialect.name().to_owned()).collect();
    assert_eq!(names, Dialect::names());
}

#[cfg(feature = "duckdb")]
#[test]
fn what_a_dialect_says_of_its_tests_is_true() {
    for dialect in dialects() {
        let support = match dialect.name() {
            name if name == executed().name() => Support::Executed,
            name if StandIn::ALL.iter().any(|stand_in| stand_in.driver == name) => Support::StoodIn,
            _ => Support::Parsed,
        };
        assert_eq!(dialect.support(), support, "dialects/{}.toml: support", dialect.name());
    }
}

/// Every way to call a function with columns of [`Columns`]: each signature, each word of a unit, each type of a number.
pub(crate) fn calls(function: &Function) -> Vec<Expr> {
    let mut sources = Sources::default();
    let span = Span { source: sources.add(PathBuf::from("test"), String::new()), start: 0, end: 0 };
    let column = |ty: Type| Expr { kind: ExprKind::Column(Name::Column(format!("a_{}", ty.name()))), ty, span };
    let literal = |literal: Literal, ty: Type| Expr { kind: ExprKind::Literal(literal), ty, span };
    let mut all = Vec::new();
    for signature in &function.signatures {
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
            let with = |call: &Vec<Expr>, choice: &Expr| [call.clone(), vec![choice.clone(); times]].concat();
            calls = calls.iter().flat_map(|call| choices.iter().map(move |choice| with(call, choice))).collect();
        }
        for arguments in calls {
            if let Some((_, ty)) = function.resolve(&arguments) {
                all.push(Expr { kind: ExprKind::Call(function.name.clone(), arguments), ty, span });
            }
        }
    }
    all
}

#[test]
fn every_function_parses_in_every_dialect() {
    for call in Library::builtin().functions().flat_map(calls) {
        for dialect in dialects() {
            let sql = print(&call, dialect).unwrap_or_else(|error| panic!("{}: {error:?}", dialect.name()));
            parses(&format!("SELECT {sql} FROM t WHERE NOT {sql} IS NULL"), dialect);
        }
    }
}

#[cfg(feature = "duckdb")]
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

/// An expression of the tree alone, whatever its types: only its shape matters here.
fn shapes() -> impl Strategy<Value = Expr> {
    let mut sources = Sources::default();
    let span = Span { source: sources.add(PathBuf::from("test"), String::new()), start: 0, end: 0 };
    // Arithmetic of floats is an operator everywhere; that of whole numbers is more on some.
    let make = move |kind: ExprKind| Expr { kind, ty: Type::Float, span };
    let of = move |ty: Type, inner: &Expr| {
        let kind = ExprKind::Call("abs".to_owned(), vec![inner.clone()]);
        Expr { kind, ty, span }
    };
    let leaf = prop_oneof![
        Just(make(ExprKind::Column(Name::Column("a".to_owned())))),
        Just(make(ExprKind::Column(Name::Column("b".to_owned())))),
        (-3..3i64).prop_map(move |number| make(ExprKind::Literal(Literal::Int(number)))),
    ];
    leaf.prop_recursive(5, 40, 3, move |inner| {
        let operators = prop::sample::select(vec![
            BinaryOperator::Or,
            BinaryOperator::And,
            BinaryOperator::Equal,
            BinaryOperator::Less,
            BinaryOperator::Add,
            BinaryOperator::Subtract,
            BinaryOperator::Multiply,
            BinaryOperator::Concatenate,
        ]);
        let boxed = inner.clone().prop_map(Box::new);
        prop_oneof![
            (operators, boxed.clone(), boxed.clone()).prop_map(move |(o, l, r)| make(ExprKind::Binary(o, l, r))),
            boxed.clone().prop_map(move |inner| make(ExprKind::Not(inner))),
            boxed.clone().prop_map(move |inner| make(ExprKind::Negate(inner))),
            (boxed.clone(), any::<bool>()).prop_map(move |(inner, not)| make(ExprKind::IsNull(inner, not))),
            boxed.clone().prop_map(move |inner| make(ExprKind::Like(inner, "x%".to_owned(), false))),
            (boxed, inner.clone()).prop_map(move |(value, item)| make(ExprKind::In(value, vec![item], true))),
            prop::collection::vec(inner.clone(), 2).prop_map(move |two| make(ExprKind::Call("divide".to_owned(), two))),
            prop::collection::vec(inner.clone(), 2).prop_map(move |two| make(ExprKind::Call(
                "integer_divide".to_owned(),
                two.iter().map(|one| of(Type::Int, one)).collect()
            ))),
            prop::collection::vec(inner, 1)
                .prop_map(move |one| make(ExprKind::Call("hours".to_owned(), vec![of(Type::Duration, &one[0])]))),
        ]
    })
}

/// The tree that a grammar reads, without its parentheses.
fn structure(sql: &str, dialect: &Dialect) -> sqlparser::ast::Expr {
    let grammar = dialect.grammar();
    let mut parser = sqlparser::parser::Parser::new(&*grammar).try_with_sql(sql).unwrap();
    let mut tree = parser.parse_expr().unwrap_or_else(|error| panic!("{error}: {sql}"));
    assert_eq!(parser.peek_token().token, sqlparser::tokenizer::Token::EOF, "{sql}");
    let _ = sqlparser::ast::visit_expressions_mut(&mut tree, |expr| {
        while let sqlparser::ast::Expr::Nested(inner) = expr {
            *expr = (**inner).clone();
        }
        regroup(expr);
        // The parser takes a comparison for a named argument, which only functions that are tables have.
        if let sqlparser::ast::Expr::Function(function) = expr
            && let FunctionArguments::List(list) = &mut function.args
        {
            for argument in &mut list.args {
                if let FunctionArg::Named { name, arg: FunctionArgExpr::Expr(value), .. } = argument {
                    let (left, right) = (sqlparser::ast::Expr::Identifier(name.clone()), value.clone());
                    let op = sqlparser::ast::BinaryOperator::Eq;
                    let comparison = sqlparser::ast::Expr::BinaryOp { left: left.into(), op, right: right.into() };
                    *argument = FunctionArg::Unnamed(FunctionArgExpr::Expr(comparison));
                }
            }
        }
        std::ops::ControlFlow::<()>::Continue(())
    });
    tree
}

/// Groups a chain of `AND`, or of `OR`, from the left: the grouping does not matter.
fn regroup(expr: &mut sqlparser::ast::Expr) {
    use sqlparser::ast::{BinaryOperator, Expr};
    while let Expr::BinaryOp { left, op: op @ (BinaryOperator::And | BinaryOperator::Or), right } = expr
        && let Expr::BinaryOp { left: middle, op: inner, right: last } = &**right
        && inner == op
    {
        let mut first = Expr::BinaryOp { left: left.clone(), op: op.clone(), right: middle.clone() };
        regroup(&mut first);
        *expr = Expr::BinaryOp { left: first.into(), op: inner.clone(), right: last.clone() };
    }
}

/// The same expression with every operand in parentheses, whether it needs them or not.
fn parenthesized(expr: &Expr, dialect: &Dialect) -> String {
    let inner = |expr: &Expr| format!("({})", parenthesized(expr, dialect));
    match &expr.kind {
        ExprKind::Column(name) => named(name, dialect).unwrap(),
        ExprKind::Literal(_) => print(expr, dialect).unwrap(),
        ExprKind::Not(operand) => format!("NOT {}", inner(operand)),
        ExprKind::Negate(operand) => format!("-{}", inner(operand)),
        ExprKind::IsNull(operand, not) => format!("{} IS {}NULL", inner(operand), if *not { "NOT " } else { "" }),
        ExprKind::Like(operand, _, _) => format!("{} LIKE 'x%'", inner(operand)),
        ExprKind::In(operand, list, _) => format!("{} NOT IN ({})", inner(operand), inner(&list[0])),
        ExprKind::Binary(operator, left, right) => {
            let whole = expr::binary(*operator, &Fragment::atom(inner(left)), &Fragment::atom(inner(right)));
            whole.sql
        }
        ExprKind::Call(name, arguments) => {
            let function = Library::builtin().function(name).unwrap();
            let (signature, _) = function.resolve(arguments).unwrap();
            let named: Vec<_> = signature
                .parameters
                .iter()
                .zip(arguments)
                .map(|(parameter, argument)| {
                    let sql = Fragment::atom(inner(argument));
                    (parameter.name.as_str(), dialect::Argument::Sql(sql, Some(argument.ty)))
                })
                .collect();
            dialect.expression("functions", name, &named).unwrap().sql
        }
        ExprKind::Case(..) => unreachable!("not among the shapes"),
    }
}

proptest! {
    /// Parentheses are left out only where the grammar reads the same without them.
    #[test]
    fn parentheses_are_where_they_are_needed(expr in shapes()) {
        for dialect in dialects() {
            let sql = match print(&expr, dialect) {
                // What names its arguments several times, in itself several times.
                Err(expr::Refused::TooLarge(_)) => continue,
                sql => sql.unwrap(),
            };
            prop_assert_eq!(structure(&sql, dialect), structure(&parenthesized(&expr, dialect), dialect), "{}", sql);
        }
    }
}

#[test]
fn parentheses_are_nowhere_else() {
    for (text, sql) in [
        ("a_float + 1 - a_float", "\"a_float\" + 1 - \"a_float\""),
        ("a_float - (1 - a_float)", "\"a_float\" - (1 - \"a_float\")"),
        (
            "(a_float + 1) * 2 > 3 and not (a_bool or a_string = 'x')",
            "(\"a_float\" + 1) * 2 > 3 AND NOT (\"a_bool\" OR \"a_string\" = 'x')",
        ),
        ("a_bool or a_bool and a_bool", "\"a_bool\" OR \"a_bool\" AND \"a_bool\""),
        (
            "(a_float + 1) / (length(a_string) - 1)",
            "CAST(\"a_float\" + 1 AS DOUBLE) / NULLIF(CAST(LENGTH(\"a_string\") - 1 AS DOUBLE), 0)",
        ),
        (
            "hours(a_timestamp - a_timestamp) > 0.5",
            "CAST(EPOCH_US(\"a_timestamp\") - EPOCH_US(\"a_timestamp\") AS DOUBLE) / 3600000000 > 0.5e0",
        ),
    ] {
        assert_eq!(printed(text, executed()), sql);
    }
}

#[test]
fn every_aggregate_parses_and_skips_what_is_filtered() {
    let functions = [
        AggregateFunction::Count,
        AggregateFunction::CountDistinct,
        AggregateFunction::Sum,
        AggregateFunction::Average,
        AggregateFunction::Min,
        AggregateFunction::Max,
    ];
    let expected = ["2", "2", "5", "2.5", "1", "4"];
    for (function, expected) in functions.into_iter().zip(expected) {
        for dialect in dialects() {
            let x = Fragment::atom(dialect.identifier("x").unwrap());
            let filter = Fragment::parse(&format!("{} < 10", x.sql), &*dialect.grammar()).unwrap();
            let sql = expr::aggregate(dialect, function, Some((x, Some(Type::Int))), Some(filter), Some(Type::Int))
                .unwrap()
                .sql;
            parses(&format!("SELECT {sql} FROM t"), dialect);
            assert!(!sql.contains("FILTER"), "{sql}");
            if dialect.name() == executed().name() {
                let rows = format!("SELECT {sql} AS x FROM (VALUES (1), (4), (NULL), (99)) AS t (x)");
                answers(&rows, Some(expected));
            }
        }
    }
}
