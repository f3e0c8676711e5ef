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
use crate::semantic::expr::{Expr, Type};
use crate::semantic::parse::lower::Lower;
use crate::source::{Span, Text};

/// How deep an expression may be nested: everything after this walks it by recursion.
pub(crate) const DEPTH: usize = 100;

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

#[cfg(test)]
mod tests;
