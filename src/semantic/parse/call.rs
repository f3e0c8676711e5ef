//! Calls of functions: those of the library, and what looks like one.

use std::ops::Range;

use sqlparser::ast as sql;
use sqlparser::keywords::Keyword;

use crate::diagnostic::Diagnostic;
use crate::project::names::nearest;
use crate::semantic::expr::{Expr, ExprKind, Literal, Type};
use crate::semantic::library::{Accepts, Function, Signature};
use crate::semantic::parse::lower::Lower;
use crate::semantic::parse::{aggregate, foreign, pattern};
use crate::source::Span;

/// The arguments of a call, once they are known to be plain expressions.
pub(super) struct Arguments<'s> {
    pub(super) distinct: bool,
    /// `count(*)`.
    pub(super) wildcard: bool,
    pub(super) parts: Vec<&'s sql::Expr>,
}

impl Lower<'_> {
    pub(super) fn call(&mut self, function: &sql::Function, span: Span) -> Option<Expr> {
        let written = function.name.to_string();
        let name = match function.name.0.as_slice() {
            [sql::ObjectNamePart::Identifier(name)] if name.quote_style.is_none() => name.value.to_lowercase(),
            _ => written.clone(),
        };
        let name_range = self.tokens.bytes(sqlparser::ast::Spanned::span(&function.name)).unwrap_or(0..0);
        let name_span = self.text.place(name_range.clone());
        let range = self.tokens.call(name_range);

        if function.over.is_none()
            && let Some(keys) = aggregate::keys(&name)
        {
            return self.aggregate(&name, keys, name_span);
        }
        let arguments = self.arguments(function, &name, &range, span)?;
        if name == "duration" {
            return match arguments.parts.as_slice() {
                [sql::Expr::Value(sql::ValueWithSpan { value: sql::Value::SingleQuotedString(written), .. })] => {
                    self.duration(written, span)
                }
                _ => {
                    self.refuse("a duration that is computed", span, Some("write `duration '14d'`, or subtract times"))
                }
            };
        }
        let filter = function.filter.as_deref().map(|filter| {
            self.expr(filter);
            self.clause(&range, Keyword::FILTER)
        });
        let Some(known) = self.library.function(&name) else {
            // A single word may be a unit that the function of another language takes.
            let is_unit = |part: &sql::Expr| matches!(part, sql::Expr::Identifier(_));
            let is_foreign = foreign::function(&name).is_some();
            let parts = arguments.parts.iter().filter(|part| !is_foreign || !is_unit(part));
            self.all(parts.copied());
            return self.unknown_function(&written, &name, name_span);
        };
        let lowered = self.library_arguments(known, &arguments.parts);
        if let Some(filter) = filter {
            return self.refuse("`filter`", filter, Some("write `case when … then … end`"));
        }
        if arguments.distinct || arguments.wildcard {
            let what = if arguments.distinct { "distinct" } else { "*" };
            return self.refuse(&format!("`{what}` in a call"), span, None);
        }
        let lowered = lowered?;
        match known.resolve(&lowered) {
            Some((signature, ty)) => {
                self.patterns(signature, &lowered)?;
                Some(Expr { kind: ExprKind::Call(name.clone(), flat(&name, lowered)), ty, span })
            }
            None => self.wrong_arguments(known, &lowered, span),
        }
    }

    /// Refuses all that a call can have beside plain arguments and a filter.
    fn arguments<'s>(
        &mut self,
        function: &'s sql::Function,
        name: &str,
        range: &Range<usize>,
        span: Span,
    ) -> Option<Arguments<'s>> {
        if function.over.is_some() {
            let over = self.clause(range, Keyword::OVER);
            let help = "a KPI or a milestone says over which rows: `at_least`, `after`, `cohort`";
            return self.refuse("a window function", over, Some(help)).and(None);
        }
        if !function.within_group.is_empty() {
            return self.refuse("`within group`", span, None).and(None);
        }
        let list = match &function.args {
            sql::FunctionArguments::List(list) => list,
            sql::FunctionArguments::None => return self.refuse("a call without parentheses", span, None).and(None),
            sql::FunctionArguments::Subquery(_) => return self.refuse("a subquery", span, None).and(None),
        };
        if !list.clauses.is_empty()
            || function.null_treatment.is_some()
            || function.uses_odbc_syntax
            || !matches!(function.parameters, sql::FunctionArguments::None)
        {
            let help = format!("`{name}` takes its arguments and nothing else");
            return self.refuse("this form of a call", span, Some(&help)).and(None);
        }
        let mut arguments = Arguments {
            distinct: list.duplicate_treatment == Some(sql::DuplicateTreatment::Distinct),
            wildcard: false,
            parts: Vec::new(),
        };
        for argument in &list.args {
            match argument {
                sql::FunctionArg::Unnamed(sql::FunctionArgExpr::Expr(part)) => arguments.parts.push(part),
                sql::FunctionArg::Unnamed(sql::FunctionArgExpr::Wildcard) => arguments.wildcard = true,
                _ => return self.refuse("this form of an argument", span, None).and(None),
            }
        }
        Some(arguments)
    }

    /// Lowers the arguments of a function of the library, some of which may be words and no expressions.
    fn library_arguments(&mut self, function: &Function, parts: &[&sql::Expr]) -> Option<Vec<Expr>> {
        let mut lowered = Vec::with_capacity(parts.len());
        let mut sound = true;
        for (position, part) in parts.iter().enumerate() {
            let argument = match function.words(position) {
                Some(words) => self.word(function, &words, part),
                None => self.expr(part),
            };
            match argument {
                Some(argument) => lowered.push(argument),
                None => sound = false,
            }
        }
        sound.then_some(lowered)
    }

    /// Reports regular expressions that not every warehouse would take.
    fn patterns(&mut self, signature: &Signature, arguments: &[Expr]) -> Option<()> {
        let mut sound = Some(());
        for (parameter, argument) in signature.parameters.iter().zip(arguments) {
            let (Accepts::Pattern, ExprKind::Literal(Literal::String(pattern))) = (&parameter.accepts, &argument.kind)
            else {
                continue;
            };
            let Some((reason, help)) = pattern::fault(pattern) else { continue };
            let message = format!("this is no regular expression for every warehouse: {reason}");
            let diagnostic = Diagnostic::error("bad-pattern", message).at(argument.span, "");
            self.diagnostics.push(match help {
                Some(help) => diagnostic.help(help),
                None => diagnostic,
            });
            sound = None;
        }
        sound
    }

    fn word(&mut self, function: &Function, words: &[&str], part: &sql::Expr) -> Option<Expr> {
        let span = self.span(part);
        let written = match part {
            sql::Expr::Identifier(name) => Some(&name.value),
            sql::Expr::Value(sql::ValueWithSpan { value: sql::Value::SingleQuotedString(string), .. }) => Some(string),
            _ => None,
        };
        let word = written.map(|written| written.to_lowercase());
        if let Some(word) = &word
            && words.contains(&word.as_str())
        {
            return Some(Expr { kind: ExprKind::Literal(Literal::String(word.clone())), ty: Type::String, span });
        }
        let message = format!("`{}` needs one of the words {} here", function.name, listed(words));
        let mut diagnostic = Diagnostic::error("wrong-argument-types", message).at(span, "");
        if let Some(near) = word.as_deref().and_then(|word| nearest(word, words.iter().copied())) {
            diagnostic = diagnostic.help(format!("write `{near}`"));
        }
        self.diagnostics.push(diagnostic);
        None
    }

    fn wrong_arguments(&mut self, function: &Function, arguments: &[Expr], span: Span) -> Option<Expr> {
        let types: Vec<String> = arguments
            .iter()
            .enumerate()
            .map(|(position, argument)| match (&argument.kind, function.words(position)) {
                (ExprKind::Literal(Literal::String(word)), Some(_)) => word.clone(),
                _ => argument.ty.name().to_owned(),
            })
            .collect();
        let signatures: Vec<String> =
            function.signatures.iter().map(|signature| format!("`{}{signature}`", function.name)).collect();
        let message =
            format!("`{}` does not take ({}); it is {}", function.name, types.join(", "), signatures.join(" or "));
        let mut diagnostic = Diagnostic::error("wrong-argument-types", message).at(span, "");
        for (position, argument) in arguments.iter().enumerate() {
            if function.words(position).is_none() {
                diagnostic = diagnostic.at(argument.span, argument.ty.name());
            }
        }
        if let Some(help) = &function.help {
            diagnostic = diagnostic.help(help);
        }
        self.diagnostics.push(diagnostic);
        None
    }

    fn unknown_function(&mut self, written: &str, name: &str, span: Span) -> Option<Expr> {
        let mut diagnostic = Diagnostic::error("unknown-function", format!("no function `{written}` in the language"))
            .at(span, "not a function");
        let names = self.library.functions().map(|function| function.name.as_str());
        if let Some(help) = foreign::function(name) {
            diagnostic = diagnostic.help(help);
        } else if let Some(near) = nearest(name, names).and_then(|near| self.library.function(near)) {
            diagnostic = diagnostic
                .help(format!("a function with a similar name exists: `{}{}`", near.name, near.signatures[0]));
        }
        self.diagnostics.push(diagnostic);
        None
    }
}

/// Returns the arguments of a choice among values with those of the same choice inside of it: `least(least(a, b), c)` is
/// `least(a, b, c)`.
fn flat(name: &str, arguments: Vec<Expr>) -> Vec<Expr> {
    if !matches!(name, "greatest" | "least" | "coalesce") {
        return arguments;
    }
    let mut flat = Vec::with_capacity(arguments.len());
    for argument in arguments {
        match argument.kind {
            ExprKind::Call(inner, mut parts) if inner == name => flat.append(&mut parts),
            kind => flat.push(Expr { kind, ..argument }),
        }
    }
    flat
}

/// Lists words as prose: `a`, `b` and `c`.
fn listed(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => quoted.join(""),
    }
}
