//! sqlparser's tree -> [`Expr`]: a whitelist, one arm for each form of the language.

use std::ops::Range;

use sqlparser::ast as sql;
use sqlparser::keywords::Keyword;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::semantic::expr::{BinaryOperator, Expr, ExprKind, Literal, Type};
use crate::semantic::library::Library;
use crate::semantic::name::Path;
use crate::semantic::parse::tokens::{Tokens, shorten, too_many_levels};
use crate::semantic::parse::{LEVELS, Scope, ambiguous, foreign, suggestion};
use crate::source::{Span, Text};

/// The lowering of one expression.
pub(super) struct Lower<'l> {
    pub(super) text: &'l Text,
    pub(super) tokens: &'l Tokens,
    pub(super) scope: &'l dyn Scope,
    pub(super) library: &'static Library,
    pub(super) diagnostics: &'l mut Diagnostics,
    /// How deep in the tree what is lowered lies.
    pub(super) depth: usize,
    /// How many parts were repeated, each as often as it was.
    copied: usize,
}

/// How many parts of an expression may be repeated: `case x when … when …` asks about `x` in each branch, and one in the
/// other multiplies that.
const COPIES: usize = 10_000;

impl<'l> Lower<'l> {
    pub(super) fn new(
        text: &'l Text,
        tokens: &'l Tokens,
        scope: &'l dyn Scope,
        diagnostics: &'l mut Diagnostics,
    ) -> Self {
        Self { text, tokens, scope, library: Library::builtin(), diagnostics, depth: 0, copied: 0 }
    }

    /// Lowers a part; none when something in it was reported.
    pub(super) fn expr(&mut self, syntax: &sql::Expr) -> Option<Expr> {
        if self.depth >= LEVELS {
            self.diagnostics.push(too_many_levels(self.text));
            return None;
        }
        self.depth += 1;
        let lowered = self.form(syntax);
        self.depth -= 1;
        lowered
    }

    /// Repeats a part, where that does not become too much.
    pub(super) fn copy(&mut self, part: &Expr, span: Span) -> Option<Expr> {
        part.walk(&mut |_| self.copied += 1);
        if self.copied <= COPIES {
            return Some(part.clone());
        }
        let message = format!("an expression is too large: its parts are repeated more than {COPIES} times");
        self.diagnostics.push(
            Diagnostic::error("expression-too-large", message).at(span, "").help(
                "`case x when …` and `x between …` repeat `x`: write `case when …`, or one in the other less often",
            ),
        );
        None
    }

    /// Lowers several parts, all of them, so that each reports its own mistakes.
    pub(super) fn all<'s>(&mut self, parts: impl IntoIterator<Item = &'s sql::Expr>) -> Option<Vec<Expr>> {
        let lowered: Vec<Option<Expr>> = parts.into_iter().map(|part| self.expr(part)).collect();
        lowered.into_iter().collect()
    }

    fn form(&mut self, syntax: &sql::Expr) -> Option<Expr> {
        let span = self.span(syntax);
        match syntax {
            sql::Expr::Nested(inner) => self.expr(inner),
            sql::Expr::Identifier(name) => self.column(std::slice::from_ref(name), span),
            sql::Expr::CompoundIdentifier(names) => self.column(names, span),
            sql::Expr::Value(value) => self.value(&value.value, false, span),
            sql::Expr::TypedString(typed) => self.typed_string(typed, span),
            sql::Expr::Interval(interval) => self.interval(interval, span),
            sql::Expr::Function(function) => self.call(function, span),
            sql::Expr::UnaryOp { op, expr } => self.unary(*op, expr, span),
            sql::Expr::BinaryOp { .. } => self.chain(syntax),
            sql::Expr::IsNull(inner) => self.is_null(inner, false, span),
            sql::Expr::IsNotNull(inner) => self.is_null(inner, true, span),
            sql::Expr::IsTrue(inner) => self.is_bool(inner, true, false, span),
            sql::Expr::IsNotTrue(inner) => self.is_bool(inner, true, true, span),
            sql::Expr::IsFalse(inner) => self.is_bool(inner, false, false, span),
            sql::Expr::IsNotFalse(inner) => self.is_bool(inner, false, true, span),
            sql::Expr::Between { expr, negated, low, high } => {
                let parts = (self.expr(expr), self.expr(low), self.expr(high));
                let (Some(value), Some(low), Some(high)) = parts else { return None };
                self.between(&value, low, high, *negated, span)
            }
            sql::Expr::InList { expr, list, negated } => {
                let parts = (self.expr(expr), self.all(list));
                let (Some(value), Some(list)) = parts else { return None };
                self.is_in(value, list, *negated, span)
            }
            sql::Expr::Like { negated, any, expr, pattern, escape_char } => {
                let value = self.expr(expr);
                if *any || escape_char.is_some() {
                    let what = if *any { "`like any`" } else { "`escape`" };
                    return self.refuse(what, span, Some("write `contains`, `starts_with` or `ends_with`"));
                }
                self.like(value?, pattern, *negated, span)
            }
            sql::Expr::Case { operand, conditions, else_result, .. } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref(), span)
            }
            other => {
                // What is inside may have mistakes of its own.
                if let Some(operand) = foreign::operand(other) {
                    self.expr(operand);
                }
                let (what, help) = foreign::form(other, &shorten(self.slice(other)));
                self.refuse(&what, span, help.as_deref())
            }
        }
    }

    /// Reports that something is not in the language.
    pub(super) fn refuse(&mut self, what: &str, span: Span, help: Option<&str>) -> Option<Expr> {
        let mut diagnostic = Diagnostic::error("not-portable", format!("{what} is not in the language"))
            .at(span, "has no meaning that all warehouses share");
        if let Some(help) = help {
            diagnostic = diagnostic.help(help);
        }
        self.diagnostics.push(diagnostic);
        None
    }

    fn column(&mut self, names: &[sql::Ident], span: Span) -> Option<Expr> {
        let path: Vec<&str> = names.iter().map(|name| name.value.as_str()).collect();
        if let Some((name, ty)) = self.scope.column(&path) {
            if let Some(diagnostic) = ambiguous(self.scope, &path, span) {
                self.diagnostics.push(diagnostic);
                return None;
            }
            return Some(Expr { kind: ExprKind::Column(name), ty, span });
        }
        let written = Path::new(path.iter().copied()).to_string();
        if let [name] = names
            && name.quote_style.is_none()
            && let Some(help) = foreign::function(&written)
        {
            let message = format!("`{written}` is not in the language");
            self.diagnostics.push(Diagnostic::error("not-portable", message).at(span, "").help(help));
            return None;
        }
        let subject = self.scope.subject();
        let property = written.strip_prefix("properties.");
        let mut diagnostic = if self.scope.is_of_kpis() {
            Diagnostic::error("unknown-kpi", format!("no KPI `{written}`")).at(span, "not a KPI")
        } else {
            Diagnostic::error("unknown-column", format!("no column `{written}` in {subject}"))
                .at(span, format!("not a column of {subject}"))
        };
        if let Some(declared) = self.scope.declared_at(&written) {
            let what = if property.is_some() { "properties" } else { "columns" };
            diagnostic = diagnostic.at(declared, format!("its {what} are declared here"));
        }
        if let Some(help) = suggestion(self.scope, &path) {
            diagnostic = diagnostic.help(help);
        } else if names.len() == 1 && names[0].quote_style == Some('"') {
            diagnostic = diagnostic.help(format!("double quotes are for names; a string is `'{written}'`"));
        } else if self.library.function(&written.to_lowercase()).is_some() {
            diagnostic = diagnostic.help(format!("a function of that name exists: `{written}(…)`"));
        } else if let Some(property) = property {
            diagnostic = diagnostic.help(format!("declare its type: `types = {{ {property} = \"string\" }}`"));
        }
        self.diagnostics.push(diagnostic);
        None
    }

    fn is_null(&mut self, inner: &sql::Expr, negated: bool, span: Span) -> Option<Expr> {
        let inner = self.expr(inner)?;
        Some(Expr { kind: ExprKind::IsNull(Box::new(inner), negated), ty: Type::Bool, span })
    }

    /// `x is [not] true`: written out with the value that stands in for null, so that every warehouse has it.
    fn is_bool(&mut self, inner: &sql::Expr, wanted: bool, negated: bool, span: Span) -> Option<Expr> {
        let inner = self.expr(inner)?;
        let inner = self.bool(inner, if wanted { "is true" } else { "is false" })?;
        let stand_in = Expr { kind: ExprKind::Literal(Literal::Bool(!wanted)), ty: Type::Bool, span };
        let known = Expr { kind: ExprKind::Call("coalesce".to_owned(), vec![inner, stand_in]), ty: Type::Bool, span };
        Some(if wanted == negated {
            Expr { kind: ExprKind::Not(Box::new(known)), ty: Type::Bool, span }
        } else {
            known
        })
    }

    fn like(&mut self, value: Expr, pattern: &sql::Expr, negated: bool, span: Span) -> Option<Expr> {
        let place = self.span(pattern);
        let sql::Expr::Value(sql::ValueWithSpan { value: sql::Value::SingleQuotedString(pattern), .. }) = pattern
        else {
            self.diagnostics.push(
                Diagnostic::error("non-literal-pattern", "the pattern of `like` is not a literal string")
                    .at(place, "only a literal is a pattern")
                    .help("write `contains`, `starts_with` or `ends_with`: they take any string"),
            );
            return None;
        };
        if pattern.contains('\\') {
            self.diagnostics.push(
                Diagnostic::error(
                    "bad-pattern",
                    "a backslash in the pattern of `like` means something else on each warehouse",
                )
                .at(place, "")
                .help("write `contains`, `starts_with` or `ends_with`: nothing is special in their strings"),
            );
            return None;
        }
        if !value.ty.fits(Type::String) {
            let message = format!("`like` is for strings, and this is {}", value.ty.with_article());
            let diagnostic = Diagnostic::error("wrong-operand-types", message).at(value.span, value.ty.name());
            self.diagnostics.push(diagnostic);
            return None;
        }
        Some(Expr { kind: ExprKind::Like(Box::new(value), pattern.clone(), negated), ty: Type::Bool, span })
    }

    fn case(
        &mut self,
        operand: Option<&sql::Expr>,
        conditions: &[sql::CaseWhen],
        otherwise: Option<&sql::Expr>,
        span: Span,
    ) -> Option<Expr> {
        let operand = operand.map(|operand| self.expr(operand));
        let branches: Vec<(Option<Expr>, Option<Expr>)> =
            conditions.iter().map(|when| (self.expr(&when.condition), self.expr(&when.result))).collect();
        let otherwise = otherwise.map(|otherwise| self.expr(otherwise));
        let mut sound = true;
        let mut lowered = Vec::new();
        for (condition, result) in branches {
            let condition = condition.and_then(|condition| match &operand {
                Some(operand) => {
                    let place = condition.span;
                    let operand = self.copy(operand.as_ref()?, span)?;
                    self.binary(BinaryOperator::Equal.into(), operand, condition, place)
                }
                None => self.bool(condition, "when"),
            });
            match (condition, result) {
                (Some(condition), Some(result)) => lowered.push((condition, result)),
                _ => sound = false,
            }
        }
        let otherwise = match otherwise {
            Some(otherwise) => Some(Box::new(otherwise?)),
            None => None,
        };
        if !sound {
            return None;
        }
        let results = lowered.iter().map(|(_, result)| result).chain(otherwise.as_deref());
        let mut ty = Type::Null;
        let mut first: Option<&Expr> = None;
        for result in results {
            let Some(common) = ty.common(result.ty) else {
                let before = first.expect("the type before is that of a result");
                self.diagnostics.push(
                    Diagnostic::error(
                        "wrong-operand-types",
                        format!("`case` gives {} here and {} there", result.ty.with_article(), ty.with_article()),
                    )
                    .at(result.span, result.ty.name())
                    .at(before.span, before.ty.name()),
                );
                return None;
            };
            if result.ty != Type::Null {
                first.get_or_insert(result);
            }
            ty = common;
        }
        Some(Expr { kind: ExprKind::Case(lowered, otherwise), ty, span })
    }

    /// Checks that a condition is one.
    pub(super) fn bool(&mut self, condition: Expr, of: &str) -> Option<Expr> {
        if condition.ty.fits(Type::Bool) {
            return Some(condition);
        }
        let message = format!("`{of}` needs a condition, and this is {}", condition.ty.with_article());
        let mut diagnostic = Diagnostic::error("wrong-operand-types", message).at(condition.span, condition.ty.name());
        if let Some(help) = crate::semantic::parse::operator::conversion(&condition, Type::Bool) {
            diagnostic = diagnostic.help(help);
        }
        self.diagnostics.push(diagnostic);
        None
    }

    pub(super) fn range(&self, syntax: &sql::Expr) -> Range<usize> {
        self.tokens.range(syntax).unwrap_or(0..self.text.value.len())
    }

    /// Returns the place of a part.
    pub(super) fn span(&self, syntax: &sql::Expr) -> Span {
        self.text.place(self.range(syntax))
    }

    /// Returns the place of a clause `word (…)` of a part.
    pub(super) fn clause(&self, range: &Range<usize>, keyword: Keyword) -> Span {
        self.text.place(self.tokens.clause(range, keyword).unwrap_or(range.clone()))
    }

    fn slice(&self, syntax: &sql::Expr) -> &'l str {
        &self.text.value[self.range(syntax)]
    }
}
