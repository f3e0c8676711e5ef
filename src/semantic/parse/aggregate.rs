//! Aggregates: `count() filter (where …)` and its kin.

use sqlparser::ast as sql;

use crate::diagnostic::Diagnostic;
use crate::semantic::expr::{Aggregate, AggregateFunction, Expr, ExprKind, Literal, Type};
use crate::semantic::parse::call::Arguments;
use crate::semantic::parse::lower::Lower;
use crate::source::Span;

/// The names of the aggregates.
pub(super) const AGGREGATES: &[&str] =
    &["count", "count_distinct", "sum", "average", "avg", "min", "max", "median", "percentile"];

/// Returns how an aggregate is written.
pub(super) fn form(name: &str) -> String {
    match name {
        "count" => "count()` or `count(x)".to_owned(),
        "percentile" => "percentile(x, 0.9)".to_owned(),
        _ => format!("{name}(x)"),
    }
}

impl Lower<'_> {
    pub(super) fn aggregate(
        &mut self,
        name: &str,
        arguments: &Arguments<'_>,
        filter: Option<&sql::Expr>,
        span: Span,
        name_span: Span,
    ) -> Option<Expr> {
        if !self.scope.aggregates() {
            let message = format!("the aggregate `{name}` is not allowed here");
            let subject = self.scope.subject();
            let help = "keys say what is counted: `at_least`, `distinct` and `sum` of a milestone, `kind` of a KPI";
            self.diagnostics.push(
                Diagnostic::error("aggregate-not-allowed", message)
                    .at(name_span, format!("this is asked of each row of {subject}"))
                    .help(help),
            );
            return None;
        }
        let outside = std::mem::replace(&mut self.inside_aggregate, true);
        let lowered = self.all(arguments.parts.iter().copied());
        let filter = filter.map(|filter| self.expr(filter).and_then(|filter| self.bool(filter, "filter")));
        self.inside_aggregate = outside;
        if outside {
            let message = format!("the aggregate `{name}` stands inside another one");
            self.diagnostics.push(Diagnostic::error("nested-aggregate", message).at(name_span, "inside an aggregate"));
            return None;
        }
        let filter = match filter {
            Some(filter) => Some(filter?),
            None => None,
        };
        let (function, argument, ty) = self.aggregated(name, arguments, lowered?, span)?;
        let aggregate = Aggregate { function, argument, filter };
        Some(Expr { kind: ExprKind::Aggregate(Box::new(aggregate)), ty, span })
    }

    fn aggregated(
        &mut self,
        name: &str,
        arguments: &Arguments<'_>,
        lowered: Vec<Expr>,
        span: Span,
    ) -> Option<(AggregateFunction, Option<Expr>, Type)> {
        let count = lowered.len() + usize::from(arguments.wildcard);
        let wrong = |lower: &mut Self, help: Option<&str>| {
            let message = format!("`{name}` is written `{}`", form(name));
            let mut diagnostic = Diagnostic::error("wrong-argument-types", message).at(span, "");
            if let Some(help) = help {
                diagnostic = diagnostic.help(help);
            }
            lower.diagnostics.push(diagnostic);
            None
        };
        if arguments.distinct && name != "count" {
            let help = "only `count` takes `distinct`; a sum of different values depends on which values are equal";
            return wrong(self, Some(help));
        }
        let mut lowered = lowered.into_iter();
        match (name, count) {
            ("count", 0) if !arguments.distinct => Some((AggregateFunction::Count, None, Type::Int)),
            ("count", 1) if arguments.wildcard && !arguments.distinct => {
                Some((AggregateFunction::Count, None, Type::Int))
            }
            ("count" | "count_distinct", 1) if !arguments.wildcard => {
                let distinct = arguments.distinct || name == "count_distinct";
                let function = if distinct { AggregateFunction::CountDistinct } else { AggregateFunction::Count };
                Some((function, lowered.next(), Type::Int))
            }
            ("count" | "count_distinct", 2..) => {
                wrong(self, Some("one key of several columns: `string(a) || '/' || string(b)`"))
            }
            ("min" | "max", 1) if !arguments.wildcard => {
                let argument = lowered.next()?;
                if argument.ty == Type::Bool {
                    let help = "count instead: `count() filter (where …) > 0`";
                    return self.wrong_value(name, &argument, "values with an order", Some(help));
                }
                let function = if name == "min" { AggregateFunction::Min } else { AggregateFunction::Max };
                let ty = argument.ty;
                Some((function, Some(argument), ty))
            }
            ("min", 2..) => wrong(self, Some("the smallest of several values is `least(a, b)`")),
            ("max", 2..) => wrong(self, Some("the largest of several values is `greatest(a, b)`")),
            ("sum", 1) if !arguments.wildcard => {
                let argument = lowered.next()?;
                match argument.ty {
                    Type::Int | Type::Float | Type::Decimal | Type::Duration | Type::Null => {
                        let ty = argument.ty;
                        Some((AggregateFunction::Sum, Some(argument), ty))
                    }
                    Type::Bool => {
                        let help = "count where it is true: `count() filter (where …)`";
                        self.wrong_value(name, &argument, "numbers", Some(help))
                    }
                    Type::String | Type::Date | Type::Timestamp => self.wrong_value(name, &argument, "numbers", None),
                }
            }
            ("average" | "avg" | "median", 1) if !arguments.wildcard => {
                let function =
                    if name == "median" { AggregateFunction::Percentile(0.5) } else { AggregateFunction::Average };
                let argument = self.number(name, lowered.next()?)?;
                Some((function, Some(argument), Type::Float))
            }
            ("percentile", 2) if !arguments.wildcard => {
                let (argument, share) = (lowered.next()?, lowered.next()?);
                let argument = self.number(name, argument);
                let share = match share.kind {
                    ExprKind::Literal(Literal::Float(share)) if (0.0..=1.0).contains(&share) => share,
                    ExprKind::Literal(Literal::Int(0)) => 0.0,
                    ExprKind::Literal(Literal::Int(1)) => 1.0,
                    _ => {
                        let message = "the share of `percentile` is no number from 0 to 1 that is written out";
                        let diagnostic = Diagnostic::error("wrong-argument-types", message).at(share.span, "");
                        self.diagnostics.push(diagnostic.help("the 90th percentile is `percentile(x, 0.9)`"));
                        return None;
                    }
                };
                Some((AggregateFunction::Percentile(share), Some(argument?), Type::Float))
            }
            _ => wrong(self, None),
        }
    }

    fn number(&mut self, name: &str, argument: Expr) -> Option<Expr> {
        if argument.ty.is_number() || argument.ty == Type::Null {
            return Some(argument);
        }
        let help = (argument.ty == Type::Duration).then_some("take it as a number: `days(x)` or `hours(x)`");
        self.wrong_value(name, &argument, "numbers", help)
    }

    fn wrong_value<T>(&mut self, name: &str, argument: &Expr, wanted: &str, help: Option<&str>) -> Option<T> {
        let message = format!("`{name}` is for {wanted}, and this is {}", argument.ty.with_article());
        let mut diagnostic = Diagnostic::error("wrong-argument-types", message).at(argument.span, argument.ty.name());
        if let Some(help) = help {
            diagnostic = diagnostic.help(help);
        }
        self.diagnostics.push(diagnostic);
        None
    }
}
