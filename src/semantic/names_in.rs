//! The names of events in an expression: which a condition lets through, so that what need not be read is not read, and
//! which no row has.

use std::collections::BTreeSet;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::semantic::expr::{BinaryOperator, Expr, ExprKind, Literal};
use crate::semantic::model::{EventNames, Source, SourceRows};
use crate::semantic::name::{EventRole, Name};
use crate::source::Span;

/// Reports what stands at `span` if it is another name of an event, and tells whether it is: rows have the canonical one.
pub fn check_alias(source: &Source, name: &str, span: Span, diagnostics: &mut Diagnostics) -> bool {
    let SourceRows::Events { aliases, .. } = &source.rows else { return false };
    let found = aliases.iter().find(|(_, others)| others.iter().any(|other| other == name));
    if let Some((canonical, _)) = found {
        diagnostics.push(
            Diagnostic::error("aliased-event", format!("`{name}` is another name of the event `{canonical}`"))
                .at(span, "")
                .at(source.meta.span, "its aliases say so")
                .help(format!("write `{canonical}`: it counts both")),
        );
    }
    found.is_some()
}

/// Reports the other names of events that `expr` compares the names of events with: no row has them.
pub fn check_aliases(source: &Source, expr: &Expr, diagnostics: &mut Diagnostics) {
    let is_name =
        |expr: &Expr| matches!(&expr.kind, ExprKind::Column(column) if *column == Name::Event(EventRole::Name));
    // What is written once may stand in several places.
    let mut seen: BTreeSet<(usize, usize)> = BTreeSet::new();
    let mut check = |value: &Expr| {
        if let ExprKind::Literal(Literal::String(name)) = &value.kind
            && seen.insert((value.span.start, value.span.end))
        {
            check_alias(source, name, value.span, diagnostics);
        }
    };
    expr.walk(&mut |part| match &part.kind {
        ExprKind::Binary(BinaryOperator::Equal | BinaryOperator::NotEqual, left, right) => {
            if is_name(left) {
                check(right);
            } else if is_name(right) {
                check(left);
            }
        }
        ExprKind::In(inner, items, _) if is_name(inner) => items.iter().for_each(&mut check),
        ExprKind::Column(_)
        | ExprKind::Literal(_)
        | ExprKind::Not(_)
        | ExprKind::Negate(_)
        | ExprKind::Binary(..)
        | ExprKind::Call(..)
        | ExprKind::Case(..)
        | ExprKind::In(..)
        | ExprKind::IsNull(..)
        | ExprKind::Like(..) => {}
    });
}

/// Returns the names of the events that are read: those that are listed, or else those that the condition lets through.
///
/// A condition that no event of these names can meet is reported: what it counts would be nothing, without a word.
pub fn narrowed(listed: EventNames, condition: Option<&Expr>, diagnostics: &mut Diagnostics) -> EventNames {
    let Some((condition, names)) = condition.and_then(|condition| Some((condition, names_in(condition)?))) else {
        return listed;
    };
    if names.is_empty() || listed.only().is_some_and(|listed| !listed.iter().any(|name| names.contains(name))) {
        let why = if names.is_empty() {
            "an event has one name, and this asks for two at once"
        } else {
            "it asks for another name than `event` lists"
        };
        diagnostics.push(
            Diagnostic::error("impossible-condition", "no event can meet the condition")
                .at(condition.span, why)
                .help("join two names by `or`, or list them by `event`"),
        );
    }
    match listed {
        EventNames::All => EventNames::of(names).unwrap_or(EventNames::All),
        EventNames::Only(_) => listed,
    }
}

/// Returns the event names that rows must have for `condition` to hold, if it names them in a term that must hold.
fn names_in(condition: &Expr) -> Option<Vec<String>> {
    match &condition.kind {
        ExprKind::Binary(BinaryOperator::And, left, right) => match (names_in(left), names_in(right)) {
            (Some(left), Some(right)) => Some(left.into_iter().filter(|name| right.contains(name)).collect()),
            (one, other) => one.or(other),
        },
        ExprKind::Binary(BinaryOperator::Or, left, right) => {
            let mut names = names_in(left)?;
            for name in names_in(right)? {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            Some(names)
        }
        ExprKind::Binary(BinaryOperator::Equal, left, right) => match (&left.kind, &right.kind) {
            (ExprKind::Column(column), ExprKind::Literal(Literal::String(name)))
            | (ExprKind::Literal(Literal::String(name)), ExprKind::Column(column))
                if *column == Name::Event(EventRole::Name) =>
            {
                Some(vec![name.clone()])
            }
            _ => None,
        },
        ExprKind::In(inner, list, false) if matches!(&inner.kind, ExprKind::Column(column) if *column == Name::Event(EventRole::Name)) =>
        {
            let mut names: Vec<String> = Vec::new();
            for item in list {
                let ExprKind::Literal(Literal::String(name)) = &item.kind else { return None };
                if !names.contains(name) {
                    names.push(name.clone());
                }
            }
            Some(names)
        }
        ExprKind::Column(_)
        | ExprKind::Literal(_)
        | ExprKind::Not(_)
        | ExprKind::Negate(_)
        | ExprKind::Binary(..)
        | ExprKind::Call(..)
        | ExprKind::Case(..)
        | ExprKind::In(..)
        | ExprKind::IsNull(..)
        | ExprKind::Like(..) => None,
    }
}
