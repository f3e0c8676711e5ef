//! SQL text -> [`Expr`]: the only place where what a user wrote in SQL is text.
//!
//! sqlparser reads the syntax; what comes of it is a whitelist. All that is left out is refused where it stands, with
//! what to write instead: one meaning on every warehouse is worth more than one more operator.

#![expect(clippy::wildcard_enum_match_arm, reason = "the language is a whitelist of the forms that sqlparser knows")]

mod aggregate;
mod call;
mod chain;
mod foreign;
mod keywords;
mod literal;
mod lower;
mod operator;
mod pattern;
mod tokens;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::project::names::nearest;
use crate::project::planned;
use crate::semantic::expr::{Expr, Type};
use crate::semantic::name::{Name, Path};
use crate::semantic::parse::lower::Lower;
use crate::source::{Span, Text};

/// How deep an expression may be nested as it is written: the parser and this module go down by recursion.
pub(crate) const DEPTH: usize = 100;

/// How deep the tree of an expression may be, in which each arithmetic operator of a chain is a level: everything after this
/// walks it by recursion.
pub(crate) const LEVELS: usize = 400;

/// What an expression may refer to.
pub trait Scope {
    /// Returns what the column of that name is, whose parts were separated by points, and its type.
    fn column(&self, path: &[&str]) -> Option<(Name, Type)>;
    /// Returns what a name means that means several things; none where it has one meaning.
    fn meanings(&self, _path: &[&str]) -> Vec<String> {
        Vec::new()
    }
    /// Returns a name that [`Scope::column`] knows and that has the same letters, in other parts.
    fn respelled(&self, _path: &[&str]) -> Option<String> {
        None
    }
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
    let expr = Lower::new(text, &tokens, scope, diagnostics).expr(&syntax);
    chain::take_apart(syntax);
    let expr = expr?;
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

/// Reports a name that means several things, where it does.
pub fn ambiguous(scope: &dyn Scope, path: &[&str], span: Span) -> Option<Diagnostic> {
    let meanings = scope.meanings(path);
    let written = Path::new(path.iter().copied());
    (!meanings.is_empty()).then(|| {
        Diagnostic::error("ambiguous-name", format!("`{written}` means several things in {}", scope.subject()))
            .at(span, "")
            .help(format!("it is {}: write what is meant", meanings.join(", and ")))
    })
}

/// Says which of the names of a scope was probably meant.
pub fn suggestion(scope: &dyn Scope, path: &[&str]) -> Option<String> {
    let last = path.last()?;
    if let [table, _, ..] = path
        && planned::is_in_expressions(table)
    {
        return Some(planned::HELP.to_owned());
    }
    if let Some(respelled) = scope.respelled(path) {
        return Some(match path {
            ["properties", ..] => {
                format!("it is declared as `{respelled}`: a key with dots in it stands in quotes, and is no path")
            }
            _ => format!("write `{respelled}`"),
        });
    }
    let names = scope.names();
    // The same word behind another: `plan`, where `user.plan` is known.
    let is_qualified = |name: &&String| {
        Path::parse(name).is_some_and(|path| {
            path.parts().len() > 1 && path.parts().last().is_some_and(|part| part.eq_ignore_ascii_case(last))
        })
    };
    if let Some(known) = names.iter().find(is_qualified) {
        return Some(format!("write `{known}`"));
    }
    let what = if scope.is_of_kpis() { "KPI" } else { "column" };
    let written = Path::new(path.iter().copied()).to_string();
    let near = nearest(&written, names.iter().map(String::as_str))?;
    Some(format!("a {what} with a similar name exists: `{near}`"))
}

#[cfg(test)]
mod tests;
