//! Expressions as text that tells whether two are the same by construction, wherever they were written.

use std::fmt::{self, Write};

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

/// Writes a text or a name between quotes, so that nothing in it is taken for what stands around it.
pub(crate) fn quoted(name: &str, text: &mut String) {
    // Most need no more than the quotes, which is what `Debug` makes of them too.
    if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b' ' | b'-' | b'.')) {
        text.extend(["\"", name, "\""]);
    } else {
        let _ = write!(text, "{name:?}");
    }
}

/// Writes an expression; its leaves are written by `leaf`.
pub fn expression<L>(expr: &Expr<L>, text: &mut String, leaf: &mut dyn FnMut(&L, &mut String)) {
    let mut list = |text: &mut String, head: fmt::Arguments<'_>, parts: &mut dyn Iterator<Item = &Expr<L>>| {
        let _ = write!(text, "({head}");
        for part in parts {
            text.push(' ');
            expression(part, text, leaf);
        }
        text.push(')');
    };
    let one = std::iter::once::<&Expr<L>>;
    match &expr.kind {
        ExprKind::Column(own) => leaf(own, text),
        ExprKind::Literal(Literal::String(value)) => quoted(value, text),
        ExprKind::Literal(literal) => {
            let _ = write!(text, "{literal:?}");
        }
        ExprKind::Not(inner) => list(text, format_args!("not"), &mut one(inner)),
        ExprKind::Negate(inner) => list(text, format_args!("negate"), &mut one(inner)),
        ExprKind::Binary(operator, left, right) => {
            list(text, format_args!("{operator:?}"), &mut one(left).chain(one(right)));
        }
        ExprKind::Call(name, arguments) => list(text, format_args!("{name}"), &mut arguments.iter()),
        ExprKind::Case(branches, otherwise) => {
            let parts = branches.iter().flat_map(|(condition, result)| [condition, result]);
            let head = if otherwise.is_some() { "case-else" } else { "case" };
            list(text, format_args!("{head}"), &mut parts.chain(otherwise.as_deref()));
        }
        ExprKind::In(inner, items, negated) => {
            let head = if *negated { "not-in" } else { "in" };
            list(text, format_args!("{head}"), &mut one(inner).chain(items));
        }
        ExprKind::IsNull(inner, negated) => {
            let head = if *negated { "is-not-null" } else { "is-null" };
            list(text, format_args!("{head}"), &mut one(inner));
        }
        ExprKind::Like(inner, pattern, negated) => {
            let head = if *negated { "not-like" } else { "like" };
            list(text, format_args!("{head} {pattern:?}"), &mut one(inner));
        }
    }
}
