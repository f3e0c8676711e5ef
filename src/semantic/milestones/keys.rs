//! Whose key is meant: what meets by a key is of one entity.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::project::Definition;
use crate::project::tables::milestone::MilestoneTable;
use crate::semantic::expr::{BinaryOperator, Expr, ExprKind};
use crate::semantic::model::{
    EntityIndex, Measure, MeasureRelation, Milestone, MilestoneIndex, Model, Occurrences, Progress,
};
use crate::semantic::name::{EntityColumn, Name};
use crate::semantic::scopes::describe;
use crate::source::Span;

/// Reports a milestone that meets the rows of `ours`, which are of an entity, and is of another one.
pub fn same_entity(
    model: &Model,
    ours: &str,
    entity: EntityIndex,
    other: MilestoneIndex,
    span: Span,
    diagnostics: &mut Diagnostics,
) {
    let milestone = model.milestone(other);
    if milestone.entity == entity {
        return;
    }
    let (our_entity, their_entity) = (&model.entity(entity).meta.name, &model.entity(milestone.entity).meta.name);
    let mut diagnostic = Diagnostic::error(
        "mixed-entities",
        format!("`{}` belongs to entity `{their_entity}`, and `{ours}` to entity `{our_entity}`", milestone.meta.name),
    )
    .at(span, format!("not of `{our_entity}`"))
    .at(milestone.meta.span, format!("of `{their_entity}`"));
    if model.entity(milestone.entity).parent.as_ref().is_some_and(|(parent, _)| *parent == entity) {
        diagnostic = diagnostic.help("count members by `members` in a milestone of its own, and name that");
    }
    diagnostics.push(diagnostic);
}

/// Reports keys of another entity among the values that a `subject` may have. `actor` is the entity of the events.
pub(super) fn one_entity(
    model: &Model,
    definition: &Definition<MilestoneTable>,
    entity: EntityIndex,
    actor: Option<EntityIndex>,
    subject: &Expr,
    diagnostics: &mut Diagnostics,
) {
    if actor != Some(entity) {
        circles(model, entity, subject, diagnostics);
    }
    let mut values = Vec::new();
    outcomes(subject, &mut values);
    for (name, span) in values {
        let Some(named) = key_of(model, actor, name).filter(|named| *named != entity) else { continue };
        let (theirs, ours) = (&model.entity(named).meta.name, &model.entity(entity).meta.name);
        let message =
            format!("the subject is a key of entity `{theirs}`, and `{}` belongs to `{ours}`", definition.name);
        let diagnostic = Diagnostic::error("mixed-entities", message).at(span, describe(name)).at(
            definition.body.entity.as_ref().map_or(definition.span, |name| definition.place(name)),
            format!("of `{ours}`"),
        );
        let parent = model.entity(named).parent.as_ref().is_some_and(|(parent, _)| *parent == entity);
        diagnostics.push(if parent && actor == Some(named) {
            diagnostic.help(format!(
                "write `{theirs}.{ours}`, or leave `subject` out: it is what a `{theirs}` is a member of"
            ))
        } else {
            diagnostic.help(format!("name the property or the column that holds the key of a `{ours}`"))
        });
    }
}

/// Reports columns of the entity that the subject is to name: which of its rows is meant is known by the subject only.
fn circles(model: &Model, entity: EntityIndex, subject: &Expr, diagnostics: &mut Diagnostics) {
    let name = &model.entity(entity).meta.name;
    subject.walk(&mut |expr| {
        let ExprKind::Column(column) = &expr.kind else { return };
        if column.entity() == Some(name) {
            let message = format!("an event does not say which `{name}` it belongs to");
            diagnostics.push(
                Diagnostic::error("no-way-to-entity", message)
                    .at(expr.span, format!("{}: it is known once the subject is", describe(column)))
                    .help(format!("name the property or the column that holds the key of a `{name}`")),
            );
        }
    });
}

/// Reports what a milestone compares that are keys of different entities: equal texts would be two things.
pub(super) fn compared(model: &Model, milestone: &Milestone, diagnostics: &mut Diagnostics) {
    let value = match &milestone.progress {
        Progress::Count => None,
        Progress::Distinct(value) | Progress::Sum(value) => Some(value),
    };
    not_mixed(model, None, &milestone.applies_to, diagnostics);
    let mut of_rows: Vec<&Expr> = value.into_iter().collect();
    let mut who = None;
    if let Occurrences::Events { source, condition, subject, .. } = &milestone.occurrences {
        who = model.source(*source).entity().map(|(entity, _)| *entity);
        of_rows.extend(condition.iter().chain(subject));
    }
    not_mixed(model, who, of_rows, diagnostics);
}

/// Reports what a measure compares in this way.
pub fn compared_by(model: &Model, measure: &Measure, diagnostics: &mut Diagnostics) {
    let actor = match &measure.relation {
        MeasureRelation::Entity(_) | MeasureRelation::Milestone { .. } => None,
        MeasureRelation::Events(source, _) | MeasureRelation::Facts(source) => {
            model.source(*source).entity().map(|(entity, _)| *entity)
        }
    };
    not_mixed(model, actor, measure.exprs(), diagnostics);
}

/// Reports keys of different entities that are compared. `actor` is the entity of the rows.
pub fn not_mixed<'e>(
    model: &Model,
    actor: Option<EntityIndex>,
    exprs: impl IntoIterator<Item = &'e Expr>,
    diagnostics: &mut Diagnostics,
) {
    let keys = |expr: &'e Expr| {
        let mut values = Vec::new();
        outcomes(expr, &mut values);
        values.into_iter().filter_map(|(name, span)| Some((key_of(model, actor, name)?, name, span)))
    };
    let mut check = |left: &'e Expr, right: &'e Expr| {
        for (one, one_name, one_span) in keys(left) {
            for (other, other_name, other_span) in keys(right).filter(|(other, ..)| *other != one) {
                let (ours, theirs) = (&model.entity(one).meta.name, &model.entity(other).meta.name);
                let message = format!("a key of entity `{ours}` is compared with one of entity `{theirs}`");
                diagnostics.push(
                    Diagnostic::error("mixed-entities", message)
                        .at(one_span, describe(one_name))
                        .at(other_span, describe(other_name))
                        .help("keys of two entities say nothing of each other; where one column holds both, declare it once more, under another name"),
                );
            }
        }
    };
    for expr in exprs {
        expr.walk(&mut |part| match &part.kind {
            ExprKind::Binary(
                BinaryOperator::Equal
                | BinaryOperator::NotEqual
                | BinaryOperator::Less
                | BinaryOperator::LessOrEqual
                | BinaryOperator::Greater
                | BinaryOperator::GreaterOrEqual,
                left,
                right,
            ) => check(left, right),
            ExprKind::In(value, list, _) => list.iter().for_each(|item| check(value, item)),
            ExprKind::Call(function, arguments) if function == "nullif" => {
                if let [left, right] = arguments.as_slice() {
                    check(left, right);
                }
            }
            ExprKind::Column(_)
            | ExprKind::Literal(_)
            | ExprKind::Not(_)
            | ExprKind::Negate(_)
            | ExprKind::Binary(..)
            | ExprKind::Call(..)
            | ExprKind::Case(..)
            | ExprKind::IsNull(..)
            | ExprKind::Like(..) => {}
        });
    }
}

/// Gathers the columns whose values an expression may have as they are.
fn outcomes<'e>(expr: &'e Expr, found: &mut Vec<(&'e Name, Span)>) {
    match &expr.kind {
        ExprKind::Column(name) => found.push((name, expr.span)),
        ExprKind::Call(function, arguments) => match function.as_str() {
            "coalesce" | "greatest" | "least" => arguments.iter().for_each(|argument| outcomes(argument, found)),
            "if" => arguments.iter().skip(1).for_each(|argument| outcomes(argument, found)),
            "nullif" => arguments.iter().take(1).for_each(|argument| outcomes(argument, found)),
            _ => {}
        },
        ExprKind::Case(branches, otherwise) => {
            let branches = branches.iter().map(|(_, then)| then);
            branches.chain(otherwise.as_deref()).for_each(|branch| outcomes(branch, found));
        }
        ExprKind::Literal(_)
        | ExprKind::Not(_)
        | ExprKind::Negate(_)
        | ExprKind::Binary(..)
        | ExprKind::In(..)
        | ExprKind::IsNull(..)
        | ExprKind::Like(..) => {}
    }
}

/// Returns the entity whose key a column holds; none where nothing says so.
fn key_of(model: &Model, actor: Option<EntityIndex>, name: &Name) -> Option<EntityIndex> {
    if name.is_link() {
        return actor;
    }
    let Name::Entity { entity, column } = name else { return None };
    let index = model.entities.iter().position(|known| known.meta.name == *entity).map(EntityIndex)?;
    match column {
        EntityColumn::Key => Some(index),
        EntityColumn::Parent => model.entity(index).parent.as_ref().map(|(parent, _)| *parent),
        EntityColumn::Start | EntityColumn::Attribute(_) => None,
    }
}
