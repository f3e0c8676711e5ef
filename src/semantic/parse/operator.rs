//! Operators: what they take, and what they are written out to.

use sqlparser::ast as sql;

use crate::diagnostic::Diagnostic;
use crate::semantic::expr::{BinaryOperator, Expr, ExprKind, Literal, Type};
use crate::semantic::parse::literal::midnight;
use crate::semantic::parse::lower::Lower;
use crate::source::Span;

/// An operator with two operands, as it is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Operator {
    /// One that stays an operator.
    Same(BinaryOperator),
    /// `/`
    Divide,
    /// `%`
    Modulo,
}

impl From<BinaryOperator> for Operator {
    fn from(operator: BinaryOperator) -> Self {
        Operator::Same(operator)
    }
}

impl Operator {
    fn sign(self) -> &'static str {
        match self {
            Operator::Divide => "/",
            Operator::Modulo => "%",
            Operator::Same(operator) => match operator {
                BinaryOperator::Or => "or",
                BinaryOperator::And => "and",
                BinaryOperator::Equal => "=",
                BinaryOperator::NotEqual => "<>",
                BinaryOperator::Less => "<",
                BinaryOperator::LessOrEqual => "<=",
                BinaryOperator::Greater => ">",
                BinaryOperator::GreaterOrEqual => ">=",
                BinaryOperator::Add => "+",
                BinaryOperator::Subtract => "-",
                BinaryOperator::Multiply => "*",
                BinaryOperator::Concatenate => "||",
            },
        }
    }
}

impl Lower<'_> {
    pub(super) fn binary(&mut self, operator: Operator, left: Expr, right: Expr, span: Span) -> Option<Expr> {
        match operator {
            Operator::Divide | Operator::Modulo => self.arithmetic(operator, left, right, span),
            Operator::Same(same) => match same {
                BinaryOperator::Or | BinaryOperator::And => {
                    let both = (self.bool(left, operator.sign()), self.bool(right, operator.sign()));
                    Some(made(same, both.0?, both.1?, Type::Bool, span))
                }
                BinaryOperator::Equal
                | BinaryOperator::NotEqual
                | BinaryOperator::Less
                | BinaryOperator::LessOrEqual
                | BinaryOperator::Greater
                | BinaryOperator::GreaterOrEqual => {
                    self.comparable(same, &left, &right, span)?;
                    let (of_left, of_right) = (left.ty, right.ty);
                    let (left, right) = (beside(left, of_right), beside(right, of_left));
                    Some(made(same, left, right, Type::Bool, span))
                }
                BinaryOperator::Concatenate => {
                    if left.ty.fits(Type::String) && right.ty.fits(Type::String) {
                        return Some(made(same, left, right, Type::String, span));
                    }
                    let other = if left.ty.fits(Type::String) { &right } else { &left };
                    let help = conversion(other, Type::String);
                    self.wrong_operands(operator, &left, &right, span, help)
                }
                BinaryOperator::Add | BinaryOperator::Subtract | BinaryOperator::Multiply => {
                    self.arithmetic(operator, left, right, span)
                }
            },
        }
    }

    pub(super) fn unary(&mut self, op: sql::UnaryOperator, inner: &sql::Expr, span: Span) -> Option<Expr> {
        // The sign belongs to the number: the smallest int has no positive counterpart.
        if op == sql::UnaryOperator::Minus
            && let sql::Expr::Value(value) = inner
            && matches!(value.value, sql::Value::Number(..))
        {
            return self.value(&value.value, true, span);
        }
        let lowered = self.expr(inner);
        match op {
            sql::UnaryOperator::Not => {
                let inner = self.bool(lowered?, "not")?;
                Some(Expr { kind: ExprKind::Not(Box::new(inner)), ty: Type::Bool, span })
            }
            sql::UnaryOperator::Minus | sql::UnaryOperator::Plus => {
                let inner = lowered?;
                if !(inner.ty.is_number() || matches!(inner.ty, Type::Duration | Type::Null)) {
                    let sign = if op == sql::UnaryOperator::Plus { "+" } else { "-" };
                    let message = format!("`{sign}` needs a number, and this is {}", inner.ty.with_article());
                    let mut diagnostic =
                        Diagnostic::error("wrong-operand-types", message).at(inner.span, inner.ty.name());
                    if let Some(help) = conversion(&inner, Type::Float) {
                        diagnostic = diagnostic.help(help);
                    }
                    self.diagnostics.push(diagnostic);
                    return None;
                }
                Some(if op == sql::UnaryOperator::Plus { inner } else { negated(inner, span) })
            }
            other => self.refuse(&format!("the operator `{other}`"), span, None),
        }
    }

    pub(super) fn between(&mut self, value: &Expr, low: Expr, high: Expr, not: bool, span: Span) -> Option<Expr> {
        let (for_low, for_high) = (self.copy(value, span)?, self.copy(value, span)?);
        let from = self.binary(BinaryOperator::GreaterOrEqual.into(), for_low, low, span);
        let to = self.binary(BinaryOperator::LessOrEqual.into(), for_high, high, span);
        let both = made(BinaryOperator::And, from?, to?, Type::Bool, span);
        Some(if not { Expr { kind: ExprKind::Not(Box::new(both)), ty: Type::Bool, span } } else { both })
    }

    pub(super) fn is_in(&mut self, value: Expr, list: Vec<Expr>, not: bool, span: Span) -> Option<Expr> {
        let mut sound = true;
        let mut value = value;
        if list.iter().any(|item| item.ty == Type::Timestamp) && value.ty == Type::Date {
            value = midnight(value);
        }
        let mut items = Vec::with_capacity(list.len());
        for item in list {
            if matches!(item.kind, ExprKind::Literal(Literal::Null)) {
                self.diagnostics.push(
                    Diagnostic::error("null-in-list", "a null in the list of `in` leaves the answer open")
                        .at(item.span, "equal to nothing")
                        .help("leave it out, and ask `x is null` beside it"),
                );
                sound = false;
                continue;
            }
            match self.comparable(BinaryOperator::Equal, &value, &item, span) {
                Some(()) => items.push(beside(item, value.ty)),
                None => sound = false,
            }
        }
        let kind = ExprKind::In(Box::new(value), items, not);
        sound.then_some(Expr { kind, ty: Type::Bool, span })
    }

    /// Reports two operands that cannot be compared.
    fn comparable(&mut self, operator: BinaryOperator, left: &Expr, right: &Expr, span: Span) -> Option<()> {
        let is_null = |expr: &Expr| matches!(expr.kind, ExprKind::Literal(Literal::Null));
        if is_null(left) || is_null(right) {
            let null = if is_null(right) { right } else { left };
            let form = if operator == BinaryOperator::NotEqual { "is not null" } else { "is null" };
            self.diagnostics.push(
                Diagnostic::error("null-comparison", "a comparison with null is never true")
                    .at(null.span, "equal to nothing")
                    .help(format!("write `x {form}`")),
            );
            return None;
        }
        let ordered = !matches!(operator, BinaryOperator::Equal | BinaryOperator::NotEqual);
        let common = match (left.ty, right.ty) {
            (Type::Date, Type::Timestamp) | (Type::Timestamp, Type::Date) => Some(Type::Timestamp),
            (left, right) => left.common(right),
        };
        match common {
            Some(Type::Bool) if ordered => {
                let help = Some("compare truths by `=`, or write them as conditions: `a and not b`".to_owned());
                self.wrong_operands(operator.into(), left, right, span, help)?;
                None
            }
            Some(_) => Some(()),
            None => {
                let help = comparison_help(left, right);
                self.wrong_operands(operator.into(), left, right, span, help)?;
                None
            }
        }
    }

    fn arithmetic(&mut self, operator: Operator, left: Expr, right: Expr, span: Span) -> Option<Expr> {
        use BinaryOperator::{Add, Multiply, Subtract};
        // A null takes the type that makes the other operand work.
        let number = |ty: Type| ty.is_number() || ty == Type::Null;
        let common = left.ty.common(right.ty);
        match (operator, left.ty, right.ty) {
            (Operator::Divide, l, r) if number(l) && number(r) => {
                Some(call("divide", [left, right], Type::Float, span))
            }
            (Operator::Divide, Type::Duration, Type::Duration) => {
                Some(call("divide", [left, right], Type::Float, span))
            }
            (Operator::Modulo, l, r) if l.fits(Type::Int) && r.fits(Type::Int) => {
                Some(call("modulo", [left, right], Type::Int, span))
            }
            (Operator::Same(same @ (Add | Subtract | Multiply)), l, r) if number(l) && number(r) => {
                Some(made(same, left, right, common?, span))
            }
            (Operator::Same(same @ (Add | Subtract)), Type::Duration, Type::Duration) => {
                Some(made(same, left, right, Type::Duration, span))
            }
            (Operator::Same(Multiply), Type::Duration, Type::Int)
            | (Operator::Same(Multiply), Type::Int, Type::Duration) => {
                Some(made(Multiply, left, right, Type::Duration, span))
            }
            (Operator::Same(Subtract), Type::Timestamp, Type::Timestamp) => {
                Some(call("duration_between", [right, left], Type::Duration, span))
            }
            (Operator::Same(Add), Type::Timestamp, Type::Duration) => {
                Some(call("add_duration", [left, right], Type::Timestamp, span))
            }
            (Operator::Same(Add), Type::Duration, Type::Timestamp) => {
                Some(call("add_duration", [right, left], Type::Timestamp, span))
            }
            (Operator::Same(Subtract), Type::Timestamp, Type::Duration) => {
                let place = right.span;
                Some(call("add_duration", [left, negated(right, place)], Type::Timestamp, span))
            }
            _ => {
                let help = arithmetic_help(operator, &left, &right);
                self.wrong_operands(operator, &left, &right, span, help)
            }
        }
    }

    fn wrong_operands(
        &mut self,
        operator: Operator,
        left: &Expr,
        right: &Expr,
        span: Span,
        help: Option<String>,
    ) -> Option<Expr> {
        let message = format!(
            "`{}` does not go with {} and {}",
            operator.sign(),
            left.ty.with_article(),
            right.ty.with_article()
        );
        let mut diagnostic = Diagnostic::error("wrong-operand-types", message)
            .at(span, "")
            .at(left.span, left.ty.name())
            .at(right.span, right.ty.name());
        if let Some(help) = help {
            diagnostic = diagnostic.help(help);
        }
        self.diagnostics.push(diagnostic);
        None
    }
}

/// Returns an operand as it is compared with one of another type: a date beside a timestamp is its midnight.
fn beside(operand: Expr, other: Type) -> Expr {
    if operand.ty == Type::Date && other == Type::Timestamp { midnight(operand) } else { operand }
}

/// Says how a value of another type is had from `expr`.
pub(super) fn conversion(expr: &Expr, wanted: Type) -> Option<String> {
    let literal = match &expr.kind {
        ExprKind::Literal(Literal::String(string)) => Some(string.as_str()),
        _ => None,
    };
    let help = match (expr.ty, wanted, literal) {
        (Type::String, Type::Date | Type::Timestamp, Some(string)) => format!("write `{wanted} '{string}'`"),
        (Type::String, Type::Bool, Some(string @ ("true" | "false"))) => format!("a bool has no quotes: `{string}`"),
        (Type::String, Type::Duration, _) => "a duration is written `duration '14d'`".to_owned(),
        (Type::String, Type::Int | Type::Float | Type::Decimal, Some(string)) if string.parse::<f64>().is_ok() => {
            format!("a number has no quotes: `{string}`")
        }
        (Type::String, Type::Bool, None) => "compare it, as in `x = 'pro'`".to_owned(),
        (Type::String, Type::Int | Type::Float | Type::Decimal | Type::Bool | Type::Date | Type::Timestamp, _)
        | (Type::Int | Type::Bool | Type::Date, Type::String, _)
        | (Type::Bool, Type::Int, _)
        | (Type::Date, Type::Timestamp, _)
        | (Type::Timestamp, Type::Date, _) => format!("`{wanted}(x)` makes {} of it", wanted.with_article()),
        (Type::Int | Type::Float | Type::Decimal, Type::Bool, _) => "compare it, as in `x > 0`".to_owned(),
        (Type::Float | Type::Decimal, Type::Int, _) => "`floor(x)`, `round(x)` and `ceil(x)` are whole".to_owned(),
        (Type::Duration, Type::Int | Type::Float | Type::Decimal, _) => {
            "`days(x)`, `hours(x)` and `seconds(x)` are numbers".to_owned()
        }
        (Type::Int | Type::Float | Type::Decimal, Type::Duration, _) => {
            "a duration is written `duration '14d'`".to_owned()
        }
        _ => return None,
    };
    Some(help)
}

fn comparison_help(left: &Expr, right: &Expr) -> Option<String> {
    // What is written out is easier to change than a column.
    let is_literal = |expr: &Expr| matches!(expr.kind, ExprKind::Literal(_));
    let (changed, kept) = if is_literal(right) || left.ty != Type::String { (right, left) } else { (left, right) };
    match (changed.ty, kept.ty) {
        (Type::Int | Type::Float | Type::Decimal, Type::String) if is_literal(changed) => {
            Some(format!("quote the number, or convert the string: `{}(x)`", changed.ty))
        }
        _ => conversion(changed, kept.ty).or_else(|| conversion(kept, changed.ty)),
    }
}

fn arithmetic_help(operator: Operator, left: &Expr, right: &Expr) -> Option<String> {
    let sign = operator.sign();
    let help = match (operator, left.ty, right.ty) {
        (Operator::Same(BinaryOperator::Subtract), Type::Date, Type::Date) => {
            "count the days: `days_between(start, end)`".to_owned()
        }
        (Operator::Same(BinaryOperator::Subtract), Type::Date, Type::Timestamp)
        | (Operator::Same(BinaryOperator::Subtract), Type::Timestamp, Type::Date) => {
            "make both of one type: `timestamp(day)` is the midnight that begins a day".to_owned()
        }
        (_, Type::Date, Type::Duration) | (_, Type::Duration, Type::Date) => {
            format!("write `add_days(day, 14)`, or `timestamp(day) {sign} duration '14d'`")
        }
        (_, Type::Date, Type::Int) | (_, Type::Int, Type::Date) => "write `add_days(day, 14)`".to_owned(),
        (_, Type::Timestamp, Type::Int) | (_, Type::Int, Type::Timestamp) => {
            format!("write `time {sign} duration '14d'`")
        }
        (Operator::Same(BinaryOperator::Add), Type::String, Type::String) => "strings are joined by `||`".to_owned(),
        (Operator::Modulo, left, right) if left.is_number() && right.is_number() => {
            "`%` is for ints: `floor(x)` and `round(x)` are whole".to_owned()
        }
        (_, Type::Duration, _) | (_, _, Type::Duration) => {
            "`days(x)`, `hours(x)` and `seconds(x)` make a number of a duration".to_owned()
        }
        (_, Type::String, _) => return conversion(left, Type::Float),
        (_, _, Type::String) => return conversion(right, Type::Float),
        (_, Type::Bool, _) | (_, _, Type::Bool) => "`int(x)` is 1 for true and 0 for false".to_owned(),
        _ => return None,
    };
    Some(help)
}

fn negated(inner: Expr, span: Span) -> Expr {
    let ty = inner.ty;
    let kind = match inner.kind {
        ExprKind::Literal(Literal::Int(value)) if value != i64::MIN => ExprKind::Literal(Literal::Int(-value)),
        ExprKind::Literal(Literal::Float(value)) => ExprKind::Literal(Literal::Float(-value)),
        // A duration that is written is never the smallest of 64 bits: it has no sign.
        ExprKind::Literal(Literal::Duration(value)) if value != i64::MIN => {
            ExprKind::Literal(Literal::Duration(-value))
        }
        _ => ExprKind::Negate(Box::new(inner)),
    };
    Expr { kind, ty, span }
}

fn made(operator: BinaryOperator, left: Expr, right: Expr, ty: Type, span: Span) -> Expr {
    Expr { kind: ExprKind::Binary(operator, Box::new(left), Box::new(right)), ty, span }
}

fn call(name: &str, arguments: [Expr; 2], ty: Type, span: Span) -> Expr {
    Expr { kind: ExprKind::Call(name.to_owned(), arguments.into()), ty, span }
}
