//! An expression as people write it, for the text of a plan.

use std::fmt::Write as _;

use crate::semantic::expr::{BinaryOperator, Expr, ExprKind, Literal};

/// Writes an expression. Operands that are operations themselves stand in parentheses.
pub(super) fn text(expr: &Expr) -> String {
    let not = |negated: bool| if negated { "not " } else { "" };
    match &expr.kind {
        ExprKind::Column(name) => name.clone(),
        ExprKind::Literal(literal) => constant(literal),
        ExprKind::Not(inner) => format!("not {}", operand(inner)),
        ExprKind::Negate(inner) => format!("-{}", operand(inner)),
        ExprKind::Binary(operator, left, right) => {
            let part = |side: &Expr| match &side.kind {
                // Of `a and b and c` nobody asks in which order.
                ExprKind::Binary(inner, ..) if inner == operator && is_chain(*operator) => text(side),
                ExprKind::Binary(..)
                | ExprKind::Column(_)
                | ExprKind::Literal(_)
                | ExprKind::Not(_)
                | ExprKind::Negate(_)
                | ExprKind::Call(..)
                | ExprKind::Case(..)
                | ExprKind::In(..)
                | ExprKind::IsNull(..)
                | ExprKind::Like(..) => operand(side),
            };
            format!("{} {} {}", part(left), symbol(*operator), part(right))
        }
        ExprKind::Call(name, arguments) => format!("{name}({})", list(arguments)),
        ExprKind::Case(branches, otherwise) => {
            let mut written = String::from("case");
            for (condition, result) in branches {
                let _ = write!(written, " when {} then {}", text(condition), text(result));
            }
            if let Some(otherwise) = otherwise {
                let _ = write!(written, " else {}", text(otherwise));
            }
            written + " end"
        }
        ExprKind::In(inner, items, negated) => format!("{} {}in ({})", operand(inner), not(*negated), list(items)),
        ExprKind::IsNull(inner, negated) => format!("{} is {}null", operand(inner), not(*negated)),
        ExprKind::Like(inner, pattern, negated) => {
            format!("{} {}like {}", operand(inner), not(*negated), quoted(pattern))
        }
    }
}

fn operand(expr: &Expr) -> String {
    match &expr.kind {
        ExprKind::Column(_) | ExprKind::Literal(_) | ExprKind::Call(..) | ExprKind::Case(..) => text(expr),
        ExprKind::Not(_)
        | ExprKind::Negate(_)
        | ExprKind::Binary(..)
        | ExprKind::In(..)
        | ExprKind::IsNull(..)
        | ExprKind::Like(..) => format!("({})", text(expr)),
    }
}

fn list(items: &[Expr]) -> String {
    items.iter().map(text).collect::<Vec<_>>().join(", ")
}

fn is_chain(operator: BinaryOperator) -> bool {
    matches!(operator, BinaryOperator::And | BinaryOperator::Or)
}

fn symbol(operator: BinaryOperator) -> &'static str {
    match operator {
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
    }
}

fn constant(literal: &Literal) -> String {
    match literal {
        Literal::Null => "null".to_owned(),
        Literal::Bool(value) => value.to_string(),
        Literal::Int(value) => value.to_string(),
        Literal::Float(value) => value.to_string(),
        Literal::String(value) => quoted(value),
        Literal::Date(value) => format!("date '{value}'"),
        Literal::Timestamp(value) => format!("timestamp '{value}'"),
        Literal::Duration(microseconds) => format!("duration '{}'", super::length(*microseconds)),
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
