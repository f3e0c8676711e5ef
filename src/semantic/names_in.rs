//! The names of events that a condition lets through, where it says so: what need not be read is not read.

use crate::semantic::expr::{BinaryOperator, Expr, ExprKind, Literal};
use crate::semantic::scopes::canonical;

/// Returns the event names that rows must have for `condition` to hold, if it names them in a term that must hold.
pub fn names_in(condition: &Expr) -> Option<Vec<String>> {
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
                if column.is(canonical::EVENT_NAME) =>
            {
                Some(vec![name.clone()])
            }
            _ => None,
        },
        ExprKind::In(inner, list, false) if matches!(&inner.kind, ExprKind::Column(column) if column.is(canonical::EVENT_NAME)) =>
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
