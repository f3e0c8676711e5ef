//! Expressions and what becomes of them: a tree, or messages drawn under what was written.

#![expect(clippy::too_many_lines, reason = "a test is a table")]

use std::fmt::Write;
use std::path::PathBuf;

use proptest::prelude::{ProptestConfig, Strategy, prop, proptest};

use crate::diagnostic::Diagnostics;
use crate::semantic::expr::{Expr, ExprKind, Literal, Type};
use crate::semantic::library::Library;
use crate::semantic::name::Name;
use crate::semantic::parse::{Scope, expression};
use crate::source::{Sources, Span, Text};

mod accepted;
mod arguments;
mod operands;
mod refused;
mod syntax;

struct Events;

const COLUMNS: &[(&str, Type)] = &[
    ("name", Type::String),
    ("time", Type::Timestamp),
    ("day", Type::Date),
    ("count_seen", Type::Int),
    ("value", Type::Float),
    ("mrr", Type::Decimal),
    ("paid", Type::Bool),
    ("My Column", Type::String),
    ("user.plan", Type::String),
    ("properties.größe", Type::Int),
    ("as_of", Type::Timestamp),
];

impl Scope for Events {
    fn column(&self, path: &[&str]) -> Option<(Name, Type)> {
        let path = path.join(".");
        COLUMNS.iter().find(|(name, _)| *name == path).map(|&(name, ty)| (Name::Column(name.to_owned()), ty))
    }

    fn names(&self) -> Vec<String> {
        COLUMNS.iter().map(|(name, _)| (*name).to_owned()).collect()
    }

    fn subject(&self) -> String {
        "source `events`".to_owned()
    }

    fn declared_at(&self, _: &str) -> Option<Span> {
        None
    }
}

/// Reads `input` as it would stand in a file.
fn read(input: &str, expected: Option<Type>) -> (Sources, Option<Expr>, Diagnostics) {
    let mut sources = Sources::default();
    let file = format!("where = '''{input}'''");
    let end = file.len();
    let source = sources.add(PathBuf::from("models/events.toml"), file);
    let span = Span { source, start: 8, end };
    let text = Text::new(input.to_owned(), span, sources.slice(span));
    let mut diagnostics = Diagnostics::default();
    let expr = expression(&text, &Events, expected, &mut diagnostics);
    assert_eq!(expr.is_none(), diagnostics.has_errors(), "a tree or errors: {input}\n{diagnostics:?}");
    (sources, expr, diagnostics)
}

fn outcome(input: &str, expected: Option<Type>) -> String {
    let (sources, expr, diagnostics) = read(input, expected);
    if let Some(expr) = expr {
        return format!("{} : {}", tree(&expr), expr.ty);
    }
    let mut drawn = String::new();
    for diagnostic in diagnostics.sorted() {
        writeln!(drawn, "{}: {}", diagnostic.code, diagnostic.message).expect("a string takes all");
        for label in &diagnostic.labels {
            let part = sources.slice(label.span);
            writeln!(drawn, "  {} {}", if part.is_empty() { "(end)" } else { part }, label.text.as_str().trim())
                .expect("a string takes all");
        }
        if let Some(help) = &diagnostic.help {
            writeln!(drawn, "  = {help}").expect("a string takes all");
        }
    }
    drawn
}

/// Prints a tree with all its parentheses.
fn tree(expr: &Expr) -> String {
    let list = |items: &[Expr]| items.iter().map(tree).collect::<Vec<_>>().join(" ");
    match &expr.kind {
        ExprKind::Column(name) => name.to_string().trim_start_matches("column.").to_owned(),
        ExprKind::Literal(literal) => match literal {
            Literal::Null => "null".to_owned(),
            Literal::Bool(value) => value.to_string(),
            Literal::Int(value) => value.to_string(),
            Literal::Float(value) => format!("{value:?}"),
            Literal::String(value) => format!("{value:?}"),
            Literal::Date(value) | Literal::Timestamp(value) => format!("<{value}>"),
            Literal::Duration(value) => format!("{value}us"),
        },
        ExprKind::Not(inner) => format!("(not {})", tree(inner)),
        ExprKind::Negate(inner) => format!("(negate {})", tree(inner)),
        ExprKind::Binary(operator, left, right) => format!("({operator:?} {} {})", tree(left), tree(right)),
        ExprKind::Call(name, arguments) => format!("({name} {})", list(arguments)),
        ExprKind::Case(branches, otherwise) => {
            let branches: Vec<_> =
                branches.iter().map(|(when, then)| format!("{} {}", tree(when), tree(then))).collect();
            let otherwise = otherwise.as_ref().map_or(String::new(), |otherwise| format!(" else {}", tree(otherwise)));
            format!("(case {}{otherwise})", branches.join(" | "))
        }
        ExprKind::In(inner, items, not) => {
            format!("({} {} [{}])", if *not { "not-in" } else { "in" }, tree(inner), list(items))
        }
        ExprKind::IsNull(inner, not) => format!("({} {})", if *not { "not-null" } else { "null?" }, tree(inner)),
        ExprKind::Like(inner, pattern, not) => {
            format!("({} {} {pattern:?})", if *not { "not-like" } else { "like" }, tree(inner))
        }
    }
}

/// Checks what becomes of an expression about rows.
#[track_caller]
fn check(input: &str, expect: &str) {
    compare(&outcome(input, None), expect);
}

#[track_caller]
fn compare(found: &str, expect: &str) {
    let trim = |text: &str| text.trim().lines().map(str::trim).collect::<Vec<_>>().join("\n");
    assert_eq!(trim(found), trim(expect), "\n\nfound:\n{found}");
}

#[test]
fn the_examples_of_all_functions_are_conditions() {
    for function in Library::builtin().functions() {
        for example in &function.examples {
            let found = outcome(example, Some(Type::Bool));
            assert!(found.ends_with(" : bool"), "{example}: {found}");
        }
    }
}

/// Words that are likely to meet in odd orders.
fn soup() -> impl Strategy<Value = String> {
    let words = "\
        name time day value mrr paid ( ) ( ) , . 'x' '14d' 1 2.5 - + * / % || = <> < and or not in is \
        null true like between case when then else end filter (where count( sum( date timestamp duration \
        interval month :: int cast( as select from over extract( exists at time zone ilike within group \
        order by [ ] { } ~ -> : ; ` é -- /* date_trunc( week coalesce( if( distinct escape $1 _x'y' \
        9223372036854775808 1e999 x:y '";
    let odd = ["\"", "\n", "\u{0}", "\\"];
    let words: Vec<&str> = words.split(' ').chain(odd).collect();
    prop::collection::vec(prop::sample::select(words), 0..30).prop_map(|words| words.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_a_tree_or_errors(input in "\\PC*") {
        read(&input, None);
    }

    #[test]
    fn any_words_are_a_tree_or_errors(input in soup()) {
        let (sources, _, diagnostics) = read(&input, None);
        for diagnostic in diagnostics.sorted() {
            for label in &diagnostic.labels {
                sources.slice(label.span);
            }
        }
    }
}
