//! What is known of columns that hold constants: which ones, and which rows a condition on them leaves.

use std::collections::{BTreeMap, BTreeSet};

use crate::plan::relational::scalar::{ColumnRef, Leaf, Scalar};
use crate::semantic::expr::{BinaryOperator, ExprKind, Literal};

/// A constant that a column is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Constant<'p> {
    /// A whole number.
    Int(i64),
    /// A text.
    Text(&'p str),
}

/// Columns by their places, and the constants that they have one of; null is none.
pub type Only<'p> = BTreeMap<usize, BTreeSet<Constant<'p>>>;

/// What a column may hold.
#[derive(Clone, Debug, Default)]
pub(in crate::plan) struct Domain<'p> {
    /// Its values.
    pub(in crate::plan) values: BTreeSet<Constant<'p>>,
    /// Whether it may be null.
    pub(in crate::plan) nullable: bool,
}

/// Returns what a value holds that is a constant; none where it is none, or of another type.
pub(in crate::plan) fn domain(value: &Scalar) -> Option<Domain<'_>> {
    let only = |constant| Domain { values: BTreeSet::from([constant]), nullable: false };
    match &value.kind {
        ExprKind::Literal(Literal::Int(number)) => Some(only(Constant::Int(*number))),
        ExprKind::Literal(Literal::String(text)) => Some(only(Constant::Text(text))),
        ExprKind::Column(Leaf::Null(_)) => Some(Domain { values: BTreeSet::new(), nullable: true }),
        ExprKind::Column(_)
        | ExprKind::Literal(_)
        | ExprKind::Not(_)
        | ExprKind::Negate(_)
        | ExprKind::Binary(..)
        | ExprKind::Call(..)
        | ExprKind::Case(..)
        | ExprKind::In(..)
        | ExprKind::IsNull(..)
        | ExprKind::Like(..) => None,
    }
}

/// Returns the column that a value is, as it is.
pub(in crate::plan) fn column(value: &Scalar) -> Option<ColumnRef> {
    if let ExprKind::Column(Leaf::Column(column)) = value.kind { Some(column) } else { None }
}

/// Returns the conditions that all have to hold for one to hold.
pub(in crate::plan) fn conjuncts(condition: &Scalar) -> Vec<&Scalar> {
    let ExprKind::Binary(BinaryOperator::And, left, right) = &condition.kind else { return vec![condition] };
    let mut both = conjuncts(left);
    both.extend(conjuncts(right));
    both
}

/// Returns the two sides of an equality.
pub(in crate::plan) fn equality(condition: &Scalar) -> Option<(&Scalar, &Scalar)> {
    if let ExprKind::Binary(BinaryOperator::Equal, left, right) = &condition.kind { Some((left, right)) } else { None }
}

/// Returns the column that has to have one of some constants for a condition to hold, if it says no more than that.
pub(in crate::plan) fn restriction(condition: &Scalar) -> Option<(ColumnRef, BTreeSet<Constant<'_>>)> {
    if let Some((left, right)) = equality(condition) {
        let of = |one: &_, other| Some((column(one)?, domain(other)?.values));
        return of(left, right).or_else(|| of(right, left));
    }
    let ExprKind::In(value, list, false) = &condition.kind else { return None };
    let mut constants = BTreeSet::new();
    for item in list {
        constants.extend(domain(item)?.values);
    }
    Some((column(value)?, constants))
}
