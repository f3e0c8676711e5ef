//! Values of a row: the portable expression over what a select reads, aggregates and windows among its leaves.

use crate::semantic::decimal::Decimal;
use crate::semantic::expr::{AggregateFunction, BinaryOperator, Expr, ExprKind, Literal, Type};
use crate::semantic::name::Name;
use crate::source::Span;

/// A value of each row of a select.
pub type Scalar = Expr<Leaf>;

/// A column of an input of the select that an expression stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ColumnRef {
    /// Which input.
    pub input: usize,
    /// Which of its columns.
    pub column: usize,
}

/// What an expression of the plan is made of, besides constants.
#[derive(Clone, Debug)]
pub enum Leaf {
    /// A column of an input.
    Column(ColumnRef),
    /// Null, of a type.
    Null(Type),
    /// A number, digit by digit.
    Exact(Decimal),
    /// The moment as of which everything is computed, or what is so many microseconds before it.
    Moment {
        /// How long before it.
        before: i64,
    },
    /// A value in another type; as text, a date or a time is written out, as no warehouse casts them alike.
    Cast(Box<Scalar>, Type),
    /// A float as the decimal that it is written as; null where it is no number.
    ExactOf(Box<Scalar>),
    /// What a user wrote: bounded by what was written, and so told from what the plan made.
    Written(Box<Scalar>),
    /// One value of a group of rows.
    Aggregate(Box<Aggregate>),
    /// A value of the rows around this one.
    Window(Box<Window>),
    /// A name of the language that the rows do not have: a mistake of ours.
    Unknown(Name),
}

/// An aggregate of a group of rows.
#[derive(Clone, Debug)]
pub struct Aggregate {
    /// The function.
    pub function: AggregateFunction,
    /// What is aggregated; none: rows are counted.
    pub argument: Option<Scalar>,
    /// The rows that count; none: all.
    pub filter: Option<Scalar>,
}

/// A value of the rows around one.
#[derive(Clone, Debug)]
pub struct Window {
    /// The function.
    pub function: WindowFunction,
    /// What is equal in all of the rows.
    pub partition: Vec<Scalar>,
    /// Their order, nulls last: it tells every two rows apart where the value depends on it.
    pub order: Vec<Scalar>,
}

/// What is computed of the rows around one.
#[derive(Clone, Debug)]
pub enum WindowFunction {
    /// The place of the row, from 1.
    RowNumber,
    /// The value of the next row; null after the last.
    Lead(Scalar),
    /// The sum up to the row.
    RunningSum(Scalar),
    /// How many rows there are.
    Count,
    /// The smallest value of all.
    Min(Scalar),
    /// The largest value of all.
    Max(Scalar),
}

impl WindowFunction {
    /// Returns its name.
    pub fn name(&self) -> &'static str {
        match self {
            WindowFunction::RowNumber => "row_number",
            WindowFunction::Lead(_) => "lead",
            WindowFunction::RunningSum(_) => "running_sum",
            WindowFunction::Count => "count",
            WindowFunction::Min(_) => "min",
            WindowFunction::Max(_) => "max",
        }
    }

    /// Returns what it is computed of, where that is not the rows.
    pub fn value(&self) -> Option<&Scalar> {
        match self {
            WindowFunction::RowNumber | WindowFunction::Count => None,
            WindowFunction::Lead(value)
            | WindowFunction::RunningSum(value)
            | WindowFunction::Min(value)
            | WindowFunction::Max(value) => Some(value),
        }
    }

    /// Returns what it is computed of, to be changed.
    fn value_mut(&mut self) -> Option<&mut Scalar> {
        match self {
            WindowFunction::RowNumber | WindowFunction::Count => None,
            WindowFunction::Lead(value)
            | WindowFunction::RunningSum(value)
            | WindowFunction::Min(value)
            | WindowFunction::Max(value) => Some(value),
        }
    }
}

/// A place that nobody wrote: what the plan made itself.
const NOWHERE: Span = Span::NOWHERE;

pub(super) fn expr(kind: ExprKind<Leaf>, ty: Type) -> Scalar {
    Expr { kind, ty, span: NOWHERE }
}

/// Makes a leaf.
pub fn leaf(leaf: Leaf, ty: Type) -> Scalar {
    expr(ExprKind::Column(leaf), ty)
}

/// Makes a whole number.
pub fn int(number: i64) -> Scalar {
    expr(ExprKind::Literal(Literal::Int(number)), Type::Int)
}

/// Makes a length of time, in microseconds.
pub fn duration(microseconds: i64) -> Scalar {
    expr(ExprKind::Literal(Literal::Duration(microseconds)), Type::Duration)
}

/// Makes a float.
pub fn float(number: f64) -> Scalar {
    expr(ExprKind::Literal(Literal::Float(number)), Type::Float)
}

/// Makes a text.
pub fn text(text: impl Into<String>) -> Scalar {
    expr(ExprKind::Literal(Literal::String(text.into())), Type::String)
}

/// Makes true or false.
pub fn truth(value: bool) -> Scalar {
    expr(ExprKind::Literal(Literal::Bool(value)), Type::Bool)
}

/// Makes a decimal.
pub fn exact(number: Decimal) -> Scalar {
    leaf(Leaf::Exact(number), Type::Decimal)
}

/// Makes a null.
pub fn null(ty: Type) -> Scalar {
    leaf(Leaf::Null(ty), ty)
}

/// Makes the moment as of which everything is computed.
pub fn moment() -> Scalar {
    leaf(Leaf::Moment { before: 0 }, Type::Timestamp)
}

/// Makes the moment that lies so many microseconds before it.
pub fn moment_before(microseconds: i64) -> Scalar {
    leaf(Leaf::Moment { before: microseconds }, Type::Timestamp)
}

/// Converts a value to a type that holds it.
pub fn cast(value: Scalar, ty: Type) -> Scalar {
    if value.ty == ty { value } else { leaf(Leaf::Cast(Box::new(value), ty), ty) }
}

/// Has a value stored in the type that it has here: a warehouse may have added it up in a wider one.
pub fn stored(value: Scalar, ty: Type) -> Scalar {
    leaf(Leaf::Cast(Box::new(value), ty), ty)
}

/// Reads a float as the decimal that it is written as; null where it is no number.
pub fn exact_of(value: Scalar) -> Scalar {
    leaf(Leaf::ExactOf(Box::new(value)), Type::Decimal)
}

/// Converts a value to text that is the same on every warehouse and in every session.
pub fn as_text(value: Scalar) -> Scalar {
    cast(value, Type::String)
}

/// Calls a portable function, whose arguments fit one of its signatures.
pub fn call(function: &str, arguments: Vec<Scalar>, ty: Type) -> Scalar {
    expr(ExprKind::Call(function.to_owned(), arguments), ty)
}

/// Makes the microseconds from one instant to another.
pub fn elapsed(start: Scalar, end: Scalar) -> Scalar {
    call("duration_between", vec![start, end], Type::Duration)
}

/// Makes the instant so many microseconds after another.
pub fn later(start: Scalar, microseconds: Scalar) -> Scalar {
    let microseconds = Expr { ty: Type::Duration, ..microseconds };
    call("add_duration", vec![start, microseconds], Type::Timestamp)
}

fn binary(operator: BinaryOperator, left: Scalar, right: Scalar, ty: Type) -> Scalar {
    expr(ExprKind::Binary(operator, Box::new(left), Box::new(right)), ty)
}

/// `left = right`.
pub fn equal(left: Scalar, right: Scalar) -> Scalar {
    binary(BinaryOperator::Equal, left, right, Type::Bool)
}

/// `left <> right`.
pub fn differ(left: Scalar, right: Scalar) -> Scalar {
    binary(BinaryOperator::NotEqual, left, right, Type::Bool)
}

/// `left < right`.
pub fn less(left: Scalar, right: Scalar) -> Scalar {
    binary(BinaryOperator::Less, left, right, Type::Bool)
}

/// `left <= right`.
pub fn at_most(left: Scalar, right: Scalar) -> Scalar {
    binary(BinaryOperator::LessOrEqual, left, right, Type::Bool)
}

/// `left > right`.
pub fn more(left: Scalar, right: Scalar) -> Scalar {
    binary(BinaryOperator::Greater, left, right, Type::Bool)
}

/// `left >= right`.
pub fn at_least(left: Scalar, right: Scalar) -> Scalar {
    binary(BinaryOperator::GreaterOrEqual, left, right, Type::Bool)
}

/// `left - right`, of numbers whose difference has a place in their type.
pub fn minus(left: Scalar, right: Scalar) -> Scalar {
    let ty = left.ty.common(right.ty).unwrap_or(left.ty);
    binary(BinaryOperator::Subtract, left, right, ty)
}

/// `left + right`, of numbers whose sum has a place in their type.
pub fn plus(left: Scalar, right: Scalar) -> Scalar {
    let ty = left.ty.common(right.ty).unwrap_or(left.ty);
    binary(BinaryOperator::Add, left, right, ty)
}

/// `left * right`, of numbers whose product has a place in their type.
pub fn times(left: Scalar, right: Scalar) -> Scalar {
    let ty = left.ty.common(right.ty).unwrap_or(left.ty);
    binary(BinaryOperator::Multiply, left, right, ty)
}

/// `left || right`.
pub fn concatenated(left: Scalar, right: Scalar) -> Scalar {
    binary(BinaryOperator::Concatenate, left, right, Type::String)
}

/// Makes what holds where all of several conditions do; none: true.
pub fn all(conditions: impl IntoIterator<Item = Scalar>) -> Scalar {
    let joined = conditions.into_iter().reduce(|left, right| binary(BinaryOperator::And, left, right, Type::Bool));
    joined.unwrap_or_else(|| truth(true))
}

/// Makes what holds where one of several conditions does; none: false.
pub fn any(conditions: impl IntoIterator<Item = Scalar>) -> Scalar {
    let joined = conditions.into_iter().reduce(|left, right| binary(BinaryOperator::Or, left, right, Type::Bool));
    joined.unwrap_or_else(|| truth(false))
}

/// `not value`.
pub fn not(value: Scalar) -> Scalar {
    expr(ExprKind::Not(Box::new(value)), Type::Bool)
}

/// `value is null`.
pub fn is_null(value: Scalar) -> Scalar {
    expr(ExprKind::IsNull(Box::new(value), false), Type::Bool)
}

/// `value is not null`.
pub fn is_known(value: Scalar) -> Scalar {
    expr(ExprKind::IsNull(Box::new(value), true), Type::Bool)
}

/// `value in (list)`.
pub fn is_in(value: Scalar, list: Vec<Scalar>) -> Scalar {
    expr(ExprKind::In(Box::new(value), list, false), Type::Bool)
}

/// The first value that is not null.
pub fn coalesce(value: Scalar, otherwise: Scalar) -> Scalar {
    let ty = value.ty;
    call("coalesce", vec![value, otherwise], ty)
}

/// The result of the first condition that holds, or the last one's.
pub fn case(branches: Vec<(Scalar, Scalar)>, otherwise: Option<Scalar>) -> Scalar {
    let ty = branches.first().map_or(Type::Null, |(_, result)| result.ty);
    expr(ExprKind::Case(branches, otherwise.map(Box::new)), ty)
}

/// Returns the type of an aggregate's value.
pub fn aggregate_type(function: AggregateFunction, argument: Option<&Scalar>) -> Type {
    match function {
        AggregateFunction::Count | AggregateFunction::CountDistinct => Type::Int,
        AggregateFunction::Average | AggregateFunction::Percentile(_) => Type::Float,
        AggregateFunction::Sum | AggregateFunction::Min | AggregateFunction::Max => {
            argument.map_or(Type::Int, |argument| argument.ty)
        }
    }
}

/// Aggregates the rows of a group.
pub fn aggregate(function: AggregateFunction, argument: Option<Scalar>, filter: Option<Scalar>) -> Scalar {
    let ty = aggregate_type(function, argument.as_ref());
    leaf(Leaf::Aggregate(Box::new(Aggregate { function, argument, filter })), ty)
}

/// Counts the rows of a group.
pub fn count() -> Scalar {
    aggregate(AggregateFunction::Count, None, None)
}

/// Computes something of the rows around one.
pub fn window(function: WindowFunction, partition: Vec<Scalar>, order: Vec<Scalar>) -> Scalar {
    let ty = function.value().map_or(Type::Int, |value| value.ty);
    leaf(Leaf::Window(Box::new(Window { function, partition, order })), ty)
}

/// Makes what a user wrote, over the columns that its names are here.
pub fn written(expr: &Expr, column: &dyn Fn(&Name) -> Option<Scalar>) -> Scalar {
    let bound = expr.map(&mut |name: &Name, _| match column(name) {
        Some(scalar) => scalar.kind,
        None => ExprKind::Column(Leaf::Unknown(name.clone())),
    });
    let ty = bound.ty;
    Expr { kind: ExprKind::Column(Leaf::Written(Box::new(bound))), ty, span: expr.span }
}

/// Calls `visit` on each column that a value reads.
pub fn reads(value: &Scalar, visit: &mut impl FnMut(ColumnRef)) {
    leaves(value, &mut |leaf| {
        if let Leaf::Column(column) = leaf {
            visit(*column);
        }
    });
}

/// Calls `visit` on each window in a value.
pub fn windows(value: &Scalar, visit: &mut impl FnMut(&Window)) {
    leaves(value, &mut |leaf| {
        if let Leaf::Window(window) = leaf {
            visit(window);
        }
    });
}

// Not generic in the closure's own type: a leaf holds expressions whose leaves do.
fn leaves(value: &Scalar, visit: &mut dyn FnMut(&Leaf)) {
    value.walk(&mut |part| {
        let ExprKind::Column(leaf) = &part.kind else { return };
        visit(leaf);
        let mut inside: Vec<&Scalar> = Vec::new();
        match leaf {
            Leaf::Column(_) | Leaf::Null(_) | Leaf::Exact(_) | Leaf::Moment { .. } | Leaf::Unknown(_) => {}
            Leaf::Cast(value, _) | Leaf::ExactOf(value) | Leaf::Written(value) => inside.push(value),
            Leaf::Aggregate(aggregate) => inside.extend(aggregate.argument.iter().chain(&aggregate.filter)),
            Leaf::Window(window) => {
                inside.extend(window.function.value().into_iter().chain(&window.partition).chain(&window.order));
            }
        }
        inside.into_iter().for_each(|value| leaves(value, visit));
    });
}

/// Changes each leaf of a value, those inside of others first.
pub fn rewrite(value: &mut Scalar, change: &mut dyn FnMut(Leaf) -> ExprKind<Leaf>) {
    *value = value.map(&mut |leaf: &Leaf, _| {
        let mut leaf = leaf.clone();
        let mut inside: Vec<&mut Scalar> = Vec::new();
        match &mut leaf {
            Leaf::Column(_) | Leaf::Null(_) | Leaf::Exact(_) | Leaf::Moment { .. } | Leaf::Unknown(_) => {}
            Leaf::Cast(value, _) | Leaf::ExactOf(value) | Leaf::Written(value) => inside.push(value),
            Leaf::Aggregate(aggregate) => inside.extend(aggregate.argument.iter_mut().chain(&mut aggregate.filter)),
            Leaf::Window(window) => {
                let own = window.function.value_mut();
                inside.extend(own.into_iter().chain(&mut window.partition).chain(&mut window.order));
            }
        }
        inside.into_iter().for_each(|value| rewrite(value, change));
        change(leaf)
    });
}

/// Tells whether a value reads the moment as of which everything is computed.
pub fn reads_moment(value: &Scalar) -> bool {
    let mut found = false;
    leaves(value, &mut |leaf| found |= matches!(leaf, Leaf::Moment { .. }));
    found
}

/// Tells whether a value is made of whole groups of rows.
pub fn is_aggregate(value: &Scalar) -> bool {
    let mut found = false;
    value.walk(&mut |part| {
        found |= match &part.kind {
            ExprKind::Column(Leaf::Aggregate(_)) => true,
            ExprKind::Column(Leaf::Cast(inner, _) | Leaf::ExactOf(inner)) => is_aggregate(inner),
            ExprKind::Column(_)
            | ExprKind::Literal(_)
            | ExprKind::Not(_)
            | ExprKind::Negate(_)
            | ExprKind::Binary(..)
            | ExprKind::Call(..)
            | ExprKind::Case(..)
            | ExprKind::In(..)
            | ExprKind::IsNull(..)
            | ExprKind::Like(..) => false,
        };
    });
    found
}

/// Tells whether a value says what is grouped, where others are made of whole groups: it reads columns, and is none itself.
pub fn is_key(value: &Scalar) -> bool {
    let mut found = false;
    reads(value, &mut |_| found = true);
    found && !is_aggregate(value)
}
