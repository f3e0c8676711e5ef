//! SQL text -> [`Expr`]: the only place where what a user wrote in SQL is text.
//!
//! sqlparser reads the syntax; what comes of it is a whitelist. All that is left out is refused where it stands, with
//! what to write instead: one meaning on every warehouse is worth more than one more operator.

#![expect(clippy::wildcard_enum_match_arm, reason = "the language is a whitelist of the forms that sqlparser knows")]

mod aggregate;
mod call;
mod foreign;
mod keywords;
mod literal;
mod lower;
mod operator;
mod tokens;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::semantic::expr::{Expr, ExprKind, Type};
use crate::semantic::parse::lower::Lower;
use crate::source::{Span, Text};

/// How deep an expression may be nested: everything after this walks it by recursion.
pub(crate) const DEPTH: usize = 100;

/// The name of the instant that a run looks from, where a scope offers it: a constant, though it looks like a column.
pub const AS_OF: &str = "as_of";

/// What an expression may refer to.
pub trait Scope {
    /// Returns the canonical name and the type of the column of that name, whose parts were separated by points.
    fn column(&self, path: &[&str]) -> Option<(String, Type)>;
    /// Returns the names that [`Scope::column`] knows, for suggestions.
    fn names(&self) -> Vec<String>;
    /// Returns what the columns belong to, for messages: ``source `events` ``.
    fn subject(&self) -> String;
    /// Returns where a column of that name would be declared.
    fn declared_at(&self, name: &str) -> Option<Span>;
    /// Tells whether the columns are the values of KPIs, for messages.
    fn is_of_kpis(&self) -> bool {
        false
    }
    /// Tells whether aggregates may be used.
    fn aggregates(&self) -> bool;
}

/// Reads an expression: its names resolved in `scope`, and of type `expected` where that is given.
///
/// All independent mistakes of it are reported; there is no result then.
pub fn expression(
    text: &Text,
    scope: &dyn Scope,
    expected: Option<Type>,
    diagnostics: &mut Diagnostics,
) -> Option<Expr> {
    let (tokens, syntax) = tokens::parse(text, diagnostics)?;
    let expr = Lower::new(text, &tokens, scope, diagnostics).expr(&syntax)?;
    if !rows_and_groups_are_apart(&expr, diagnostics) {
        return None;
    }
    match expected {
        Some(expected) if !expr.ty.fits(expected) => {
            let message =
                format!("the expression is {} where {} is expected", expr.ty.with_article(), expected.with_article());
            let mut diagnostic = Diagnostic::error("wrong-type", message).at(expr.span, format!("{}", expr.ty));
            if let Some(help) = operator::conversion(&expr, expected) {
                diagnostic = diagnostic.help(help);
            }
            diagnostics.push(diagnostic);
            None
        }
        _ => Some(expr),
    }
}

/// Reports columns beside aggregates: a column has a value per row, an aggregate one for many rows.
fn rows_and_groups_are_apart(expr: &Expr, diagnostics: &mut Diagnostics) -> bool {
    let mut aggregate = None;
    expr.walk(&mut |part| {
        if matches!(part.kind, ExprKind::Aggregate(_)) {
            aggregate.get_or_insert(part.span);
        }
    });
    let Some(aggregate) = aggregate else { return true };
    let mut outside = Vec::new();
    columns_outside(expr, &mut outside);
    for (name, span) in &outside {
        diagnostics.push(
            Diagnostic::error("column-outside-aggregate", format!("`{name}` is used beside an aggregate"))
                .at(*span, "has a value for each row")
                .at(aggregate, "has one value for many rows")
                .help(format!("aggregate it as well, as in `max({name})`")),
        );
    }
    outside.is_empty()
}

fn columns_outside(expr: &Expr, found: &mut Vec<(String, Span)>) {
    match &expr.kind {
        ExprKind::Column(name) if name == AS_OF => {}
        ExprKind::Column(name) => found.push((name.clone(), expr.span)),
        ExprKind::Literal(_) | ExprKind::Aggregate(_) => {}
        ExprKind::Not(inner) | ExprKind::Negate(inner) | ExprKind::IsNull(inner, _) | ExprKind::Like(inner, _, _) => {
            columns_outside(inner, found);
        }
        ExprKind::Binary(_, left, right) => {
            columns_outside(left, found);
            columns_outside(right, found);
        }
        ExprKind::Call(_, arguments) => arguments.iter().for_each(|argument| columns_outside(argument, found)),
        ExprKind::Case(branches, otherwise) => {
            for (condition, result) in branches {
                columns_outside(condition, found);
                columns_outside(result, found);
            }
            if let Some(otherwise) = otherwise {
                columns_outside(otherwise, found);
            }
        }
        ExprKind::In(inner, list, _) => {
            columns_outside(inner, found);
            for item in list {
                columns_outside(item, found);
            }
        }
    }
}

#[cfg(test)]
mod tests;
