//! The values of a template: SQL with what is known of it, and what is no SQL and does not print.

use std::fmt;
use std::sync::Arc;

use minijinja::value::Object;
use minijinja::{Error, ErrorKind, Output, State, Value};

use crate::render::dialect::{Dialect, Failure};
use crate::render::engine::{Fault, INLINE};
use crate::render::expr;
use crate::render::holes::Fragment;
use crate::semantic::expr::{Literal, Type};

/// SQL with what is known of it.
#[derive(Debug)]
pub(super) struct Expression {
    pub(super) fragment: Fragment,
    pub(super) ty: Option<Type>,
}

impl Object for Expression {
    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.fragment.sql)
    }
}

#[expect(clippy::unnecessary_wraps, reason = "every function of a template ends in it")]
pub(super) fn expression(fragment: Fragment, ty: Option<Type>) -> Result<Value, Error> {
    Ok(Value::from_object(Expression { fragment, ty }))
}

/// Returns the SQL that a value is, ready to stand in other SQL.
pub(super) fn fragment(value: &Value, dialect: &Dialect) -> Result<Fragment, Error> {
    if let Some(expression) = value.downcast_object_ref::<Expression>() {
        return Ok(expression.fragment.clone());
    }
    match (value.as_str(), value.as_i64()) {
        (Some(sql), _) if value.is_safe() => Fragment::parse(sql, &*dialect.grammar()).map_err(mistake),
        (None, Some(number)) if value.is_integer() => Ok(expr::integer(number)),
        _ => Err(not_sql(value)),
    }
}

pub(super) fn ty(value: &Value) -> Option<Type> {
    match value.downcast_object_ref::<Expression>() {
        Some(expression) => expression.ty,
        None => value.is_integer().then_some(Type::Int),
    }
}

pub(super) fn constant(value: &Value, dialect: &Dialect) -> Result<Value, Error> {
    let (literal, ty) = if let Some(text) = value.as_str() {
        (Literal::String(text.to_owned()), Type::String)
    } else if value.is_integer() {
        (Literal::Int(value.as_i64().ok_or_else(|| mistake(format!("{value} has more than 64 bits")))?), Type::Int)
    } else if value.is_number() {
        (Literal::Float(f64::try_from(value.clone())?), Type::Float)
    } else if value.is_none() {
        (Literal::Null, Type::Null)
    } else if let Ok(flag) = bool::try_from(value.clone()) {
        (Literal::Bool(flag), Type::Bool)
    } else {
        return Err(mistake(format!("{value} is no constant")));
    };
    expression(expr::literal(&literal, dialect).map_err(failure)?, Some(ty))
}

pub(super) fn print(out: &mut Output<'_>, _: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    if let Some(expression) = value.downcast_object_ref::<Expression>() {
        return out.write_str(&expression.fragment.sql).map_err(Error::from);
    }
    match value.as_str() {
        Some(sql) if value.is_safe() => out.write_str(sql).map_err(Error::from),
        None if value.is_integer() => out.write_str(&value.to_string()).map_err(Error::from),
        // The missing `else` of `{{ "," if more }}`; an undefined name never comes as far as here.
        None if value.is_undefined() => Ok(()),
        _ => Err(not_sql(value)),
    }
}

fn not_sql(value: &Value) -> Error {
    mistake(match value.as_str() {
        Some(text) => format!("{text:?} is a string, not SQL; write `| ident`, `| table`, `| literal` or `| comment`"),
        None if value.is_undefined() => "it is undefined".to_owned(),
        None => format!("{value} is no SQL; a constant is written by `| literal`"),
    })
}

pub(super) fn named(name: &str) -> Result<Type, Error> {
    let all = Type::DECLARABLE.iter().copied().chain([(Type::Duration.name(), Type::Duration)]);
    all.into_iter()
        .find(|(known, _)| *known == name)
        .map(|(_, ty)| ty)
        .ok_or_else(|| mistake(format!("`{name}` is no type")))
}

/// Takes what is written between names: nothing that could end a string, a name or a comment.
pub(super) fn words(text: &str) -> Result<Value, Error> {
    if text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ' ' | ',' | '\n')) {
        Ok(Value::from_safe_string(text.to_owned()))
    } else {
        Err(mistake(format!("{text:?} is more than words and commas; write it outside of the braces")))
    }
}

pub(super) fn safe(sql: Result<String, Error>) -> Result<Value, Error> {
    sql.map(Value::from_safe_string)
}

pub(super) fn failure(failure: Failure) -> Error {
    match failure {
        Failure::Unsupported(reason) => mistake(format!("not supported: {reason}")),
        Failure::Name(reason) => refusal(reason),
        Failure::Mistake(reason) => mistake(reason),
    }
}

pub(super) fn mistake(reason: String) -> Error {
    Error::new(ErrorKind::InvalidOperation, reason)
}

/// What lies at the bottom of an error that the project's names or strings caused.
#[derive(Debug)]
struct Refused(String);

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

pub(super) fn refusal(reason: String) -> Error {
    mistake(reason.clone()).with_source(Refused(reason))
}

/// Says what is wrong, and of a template where, without the kind of the error that the engine puts before it.
pub(super) fn explain(error: &Error) -> Fault {
    let mut causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    if let Some(Refused(reason)) = causes.find_map(|cause| cause.downcast_ref()) {
        return Fault::Name(reason.clone());
    }
    let what = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    Fault::Template(match (error.name(), error.line()) {
        (Some(name), Some(line)) => {
            format!("{what} (in {}:{line})", if name.starts_with(INLINE) { "text" } else { name })
        }
        _ => what,
    })
}
