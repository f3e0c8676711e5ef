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
    let constant = constant(value)?;
    Some(Domain { values: constant.into_iter().collect(), nullable: constant.is_none() })
}

/// Returns the constant that a value is, or null; none where it is neither, or of another type.
fn constant(value: &Scalar) -> Option<Option<Constant<'_>>> {
    match &value.kind {
        ExprKind::Literal(Literal::Int(number)) => Some(Some(Constant::Int(*number))),
        ExprKind::Literal(Literal::String(text)) => Some(Some(Constant::Text(text))),
        ExprKind::Column(Leaf::Null(_)) => Some(None),
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

/// The rows of a relation of constants, found by what is in them: who asks for some takes no longer for how many there are.
#[derive(Debug)]
pub(in crate::plan) struct Table<'p> {
    rows: &'p [Vec<Scalar>],
    /// By a column that was asked for, the rows that have a constant there; null is in none of them.
    found: BTreeMap<usize, Held<'p>>,
}

/// Where in a table a column has what.
#[derive(Debug, Default)]
struct Held<'p> {
    rows: BTreeMap<Constant<'p>, Vec<usize>>,
    /// The rows in which it may have any.
    unknown: Vec<usize>,
}

impl<'p> Table<'p> {
    /// Makes the table of some rows.
    pub(in crate::plan) fn new(rows: &'p [Vec<Scalar>]) -> Self {
        Self { rows, found: BTreeMap::new() }
    }

    /// Returns the rows that may be among those in which columns have one of some constants, in no order of theirs.
    pub(in crate::plan) fn rows(&mut self, only: &Only<'p>) -> Vec<&'p Vec<Scalar>> {
        let rows = self.rows;
        let Some((place, constants)) = only.iter().min_by_key(|(_, constants)| constants.len()) else {
            return rows.iter().collect();
        };
        let held = self.found.entry(*place).or_insert_with(|| Held::new(rows, *place));
        let known = constants.iter().filter_map(|constant| held.rows.get(constant)).flatten();
        let is_asked = |row: &&'p Vec<Scalar>| {
            only.iter().all(|(place, constants)| match constant(&row[*place]) {
                Some(own) => own.is_some_and(|own| constants.contains(&own)),
                None => true,
            })
        };
        known.chain(&held.unknown).map(|row| &rows[*row]).filter(is_asked).collect()
    }
}

impl<'p> Held<'p> {
    fn new(rows: &'p [Vec<Scalar>], place: usize) -> Self {
        let mut held = Self::default();
        for (number, row) in rows.iter().enumerate() {
            match constant(&row[place]) {
                Some(Some(own)) => held.rows.entry(own).or_default().push(number),
                Some(None) => {}
                None => held.unknown.push(number),
            }
        }
        held
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::relational::scalar::{int, moment, null, text};
    use crate::semantic::expr::Type;

    #[test]
    fn rows_are_found_by_what_is_in_them() {
        let rows = vec![
            vec![text("a"), int(1)],
            vec![text("b"), int(1)],
            vec![null(Type::String), int(1)],
            vec![moment(), int(2)],
            vec![text("a"), null(Type::Int)],
        ];
        let mut table = Table::new(&rows);
        let mut found = |only: &[(usize, &[Constant<'static>])]| -> Vec<usize> {
            let only: Only<'_> = only.iter().map(|(place, own)| (*place, own.iter().copied().collect())).collect();
            let is_it = |row: &&Vec<Scalar>| rows.iter().position(|own| std::ptr::eq(own, *row));
            let mut found: Vec<usize> = table.rows(&only).iter().filter_map(is_it).collect();
            found.sort_unstable();
            found
        };
        let (a, b) = (Constant::Text("a"), Constant::Text("b"));
        assert_eq!(found(&[]), [0, 1, 2, 3, 4]);
        assert_eq!(found(&[(0, &[a])]), [0, 3, 4], "what is no constant may be any, and null is none");
        assert_eq!(found(&[(0, &[a, b])]), [0, 1, 3, 4]);
        assert_eq!(found(&[(0, &[a, b]), (1, &[Constant::Int(1)])]), [0, 1]);
        assert_eq!(found(&[(0, &[])]), [3]);
    }
}
