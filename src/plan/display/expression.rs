//! An expression as people write it, for the text of a plan.

use std::fmt::Write as _;

use crate::semantic::duration;
use crate::semantic::expr::{BinaryOperator, Expr, ExprKind, Literal};
use crate::semantic::model::Model;
use crate::semantic::name::{EntityColumn, EventRole, FactRole, Name};

/// Writes an expression. Operands that are operations themselves stand in parentheses.
pub(super) fn text(expr: &Expr, model: &Model) -> String {
    let not = |negated: bool| if negated { "not " } else { "" };
    match &expr.kind {
        ExprKind::Column(name) => column(name, model),
        ExprKind::Literal(literal) => constant(literal),
        ExprKind::Not(inner) => format!("not {}", operand(inner, model)),
        ExprKind::Negate(inner) => format!("-{}", operand(inner, model)),
        ExprKind::Binary(operator, left, right) => {
            let part = |side: &Expr| match &side.kind {
                // Of `a and b and c` nobody asks in which order.
                ExprKind::Binary(inner, ..) if inner == operator && is_chain(*operator) => text(side, model),
                ExprKind::Binary(..)
                | ExprKind::Column(_)
                | ExprKind::Literal(_)
                | ExprKind::Not(_)
                | ExprKind::Negate(_)
                | ExprKind::Call(..)
                | ExprKind::Case(..)
                | ExprKind::In(..)
                | ExprKind::IsNull(..)
                | ExprKind::Like(..) => operand(side, model),
            };
            format!("{} {} {}", part(left), symbol(*operator), part(right))
        }
        ExprKind::Call(name, arguments) => format!("{name}({})", list(arguments, model)),
        ExprKind::Case(branches, otherwise) => {
            let mut written = String::from("case");
            for (condition, result) in branches {
                let _ = write!(written, " when {} then {}", text(condition, model), text(result, model));
            }
            if let Some(otherwise) = otherwise {
                let _ = write!(written, " else {}", text(otherwise, model));
            }
            written + " end"
        }
        ExprKind::In(inner, items, negated) => {
            format!("{} {}in ({})", operand(inner, model), not(*negated), list(items, model))
        }
        ExprKind::IsNull(inner, negated) => format!("{} is {}null", operand(inner, model), not(*negated)),
        ExprKind::Like(inner, pattern, negated) => {
            format!("{} {}like {}", operand(inner, model), not(*negated), quoted(pattern))
        }
    }
}

fn operand(expr: &Expr, model: &Model) -> String {
    match &expr.kind {
        ExprKind::Column(_) | ExprKind::Literal(_) | ExprKind::Call(..) | ExprKind::Case(..) => text(expr, model),
        ExprKind::Not(_)
        | ExprKind::Negate(_)
        | ExprKind::Binary(..)
        | ExprKind::In(..)
        | ExprKind::IsNull(..)
        | ExprKind::Like(..) => format!("({})", text(expr, model)),
    }
}

fn list(items: &[Expr], model: &Model) -> String {
    items.iter().map(|item| text(item, model)).collect::<Vec<_>>().join(", ")
}

/// Writes a column as expressions name it.
fn column(name: &Name, model: &Model) -> String {
    match name {
        Name::AsOf => "as_of".to_owned(),
        Name::Event(EventRole::Id) => "id".to_owned(),
        Name::Event(EventRole::Entity) | Name::Fact(FactRole::Entity) => "entity".to_owned(),
        Name::Event(EventRole::Name) => "name".to_owned(),
        Name::Event(EventRole::Time) | Name::Fact(FactRole::Time) => "time".to_owned(),
        Name::Fact(FactRole::Key) => "key".to_owned(),
        Name::PopulationReachedAt => "reached_at".to_owned(),
        Name::Column(own) | Name::Kpi(own) => own.clone(),
        Name::Reach(column) => column.name().to_owned(),
        Name::Property(path) => format!("properties.{path}"),
        Name::Entity { entity, column } => match column {
            EntityColumn::Key => entity.clone(),
            EntityColumn::Parent => {
                let parent =
                    model.entities.iter().find(|known| known.meta.name == *entity).and_then(|e| e.parent.as_ref());
                let parent = parent.map_or("parent", |(parent, _)| model.entity(*parent).meta.name.as_str());
                format!("{entity}.{parent}")
            }
            EntityColumn::Start => format!("{entity}.start"),
            EntityColumn::Attribute(name) => format!("{entity}.{name}"),
        },
    }
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
        Literal::Duration(microseconds) => format!("duration '{}'", duration::written(*microseconds)),
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
