//! Expressions as text that tells whether two are the same by construction, wherever they were written.

use std::fmt::Write;

use crate::semantic::expr::{Expr, ExprKind, Literal};

/// Writes what a user wrote so that two that mean the same by construction are the same text.
pub fn signature(expr: &Expr) -> String {
    let mut text = String::new();
    // A property may be called anything: what could be taken for a part of the text around it is quoted.
    expression(expr, &mut text, &mut |name, text| {
        let name = name.to_string();
        if name.chars().all(|each| each.is_alphanumeric() || matches!(each, '.' | '_')) {
            text.push_str(&name);
        } else {
            let _ = write!(text, "{name:?}");
        }
    });
    text
}

/// Writes an expression; its leaves are written by `leaf`.
pub fn expression<L>(expr: &Expr<L>, text: &mut String, leaf: &mut dyn FnMut(&L, &mut String)) {
    let mut list = |text: &mut String, head: &str, parts: &[&Expr<L>]| {
        text.push('(');
        text.push_str(head);
        for part in parts {
            text.push(' ');
            expression(part, text, leaf);
        }
        text.push(')');
    };
    match &expr.kind {
        ExprKind::Column(own) => leaf(own, text),
        ExprKind::Literal(Literal::String(value)) => {
            let _ = write!(text, "{value:?}");
        }
        ExprKind::Literal(literal) => {
            let _ = write!(text, "{literal:?}");
        }
        ExprKind::Not(inner) => list(text, "not", &[inner]),
        ExprKind::Negate(inner) => list(text, "negate", &[inner]),
        ExprKind::Binary(operator, left, right) => list(text, &format!("{operator:?}"), &[left, right]),
        ExprKind::Call(name, arguments) => list(text, name, &arguments.iter().collect::<Vec<_>>()),
        ExprKind::Case(branches, otherwise) => {
            let mut parts: Vec<&Expr<L>> =
                branches.iter().flat_map(|(condition, result)| [condition, result]).collect();
            parts.extend(otherwise.as_deref());
            list(text, if otherwise.is_some() { "case-else" } else { "case" }, &parts);
        }
        ExprKind::In(inner, items, negated) => {
            let mut parts = vec![&**inner];
            parts.extend(items);
            list(text, if *negated { "not-in" } else { "in" }, &parts);
        }
        ExprKind::IsNull(inner, negated) => list(text, if *negated { "is-not-null" } else { "is-null" }, &[inner]),
        ExprKind::Like(inner, pattern, negated) => {
            list(text, &format!("{} {pattern:?}", if *negated { "not-like" } else { "like" }), &[inner]);
        }
    }
}
