//! The portable expression: SQL's syntax, one meaning on every warehouse.
//!
//! A tree of this is made once, by [`crate::semantic::parse`], and printed by `render`. Its meaning:
//! nulls are as in SQL; `/` is a division of floats, and null over zero; a duration is a whole number of
//! microseconds; a timestamp is an instant in UTC with microseconds; strings compare byte by byte.

use std::fmt;

use crate::semantic::name::Name;
use crate::source::Span;

/// The type of an expression, of a column and of a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Type {
    /// True, false or null.
    Bool,
    /// A whole number of 64 bits.
    Int,
    /// A floating-point number of 64 bits.
    Float,
    /// An exact number with nine digits after the point: money.
    Decimal,
    /// Text.
    String,
    /// A day of the calendar.
    Date,
    /// An instant in UTC, to the microsecond.
    Timestamp,
    /// An elapsed time, in microseconds.
    Duration,
    /// The type of the literal `null`, which goes with every other.
    Null,
}

impl Type {
    /// The types that a project can give to a column or a property, by their names in TOML.
    pub const DECLARABLE: &[(&str, Type)] = &[
        ("string", Type::String),
        ("int", Type::Int),
        ("float", Type::Float),
        ("decimal", Type::Decimal),
        ("bool", Type::Bool),
        ("date", Type::Date),
        ("timestamp", Type::Timestamp),
    ];

    /// Returns the name as it is written in TOML and in messages.
    pub fn name(self) -> &'static str {
        match self {
            Type::Bool => "bool",
            Type::Int => "int",
            Type::Float => "float",
            Type::Decimal => "decimal",
            Type::String => "string",
            Type::Date => "date",
            Type::Timestamp => "timestamp",
            Type::Duration => "duration",
            Type::Null => "null",
        }
    }

    /// Tells whether it is a number.
    pub fn is_number(self) -> bool {
        matches!(self, Type::Int | Type::Float | Type::Decimal)
    }

    /// Tells whether a value of this type can stand where `wanted` is wanted: an int is also a float and a decimal.
    pub fn fits(self, wanted: Type) -> bool {
        self.common(wanted) == Some(wanted) && (self != Type::Decimal || wanted != Type::Float)
    }

    /// Returns the type that values of both types have together, if there is one.
    pub fn common(self, other: Type) -> Option<Type> {
        match (self, other) {
            (Type::Null, only) | (only, Type::Null) => Some(only),
            (left, right) if left == right => Some(left),
            (Type::Float, right) if right.is_number() => Some(Type::Float),
            (left, Type::Float) if left.is_number() => Some(Type::Float),
            (left, right) if left.is_number() && right.is_number() => Some(Type::Decimal),
            _ => None,
        }
    }

    /// Returns the name with its article, for messages.
    pub fn with_article(self) -> String {
        let article = if self == Type::Int { "an" } else { "a" };
        format!("{article} {}", self.name())
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An expression whose names are resolved and whose type is known. Its leaves are constants and `L`: the columns that a
/// user's scope has, or what the plan reads.
#[derive(Clone, Debug)]
pub struct Expr<L = Name> {
    /// What it is.
    pub kind: ExprKind<L>,
    /// The type of its value.
    pub ty: Type,
    /// Where it was written.
    pub span: Span,
}

/// What an expression is.
#[derive(Clone, Debug)]
pub enum ExprKind<L = Name> {
    /// A column, by what its scope said that it is.
    Column(L),
    /// A constant.
    Literal(Literal),
    /// `not x`.
    Not(Box<Expr<L>>),
    /// `-x`.
    Negate(Box<Expr<L>>),
    /// Two operands; what differs between warehouses (`/`, `%`, arithmetic on times) is a [`ExprKind::Call`].
    Binary(BinaryOperator, Box<Expr<L>>, Box<Expr<L>>),
    /// A function of `dialects/portable.toml`, by its name, with arguments in the order of its signature.
    Call(String, Vec<Expr<L>>),
    /// `case when … then … else … end`; the form with an operand is written out to this one.
    Case(Vec<(Expr<L>, Expr<L>)>, Option<Box<Expr<L>>>),
    /// `x in (…)`; true as the last field is `not in`. The list has no null in it.
    In(Box<Expr<L>>, Vec<Expr<L>>, bool),
    /// `x is null`; true as the last field is `is not null`.
    IsNull(Box<Expr<L>>, bool),
    /// `x like 'pattern'`; true as the last field is `not like`. Only `%` and `_` are special.
    Like(Box<Expr<L>>, String, bool),
}

/// How many rows become one value; nulls are skipped.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum AggregateFunction {
    /// Rows, or rows where the argument is not null.
    Count,
    /// Different values.
    CountDistinct,
    /// The sum; null over no rows.
    Sum,
    /// The mean, as a float.
    Average,
    /// The smallest.
    Min,
    /// The largest.
    Max,
    /// The value at this share of the ordered values, interpolated: 0.5 is the median.
    Percentile(f64),
}

impl AggregateFunction {
    /// Tells whether what it makes of nothing is zero in a KPI; of others nothing is known then.
    pub fn is_zero_of_nothing(self) -> bool {
        match self {
            AggregateFunction::Count | AggregateFunction::CountDistinct | AggregateFunction::Sum => true,
            AggregateFunction::Average
            | AggregateFunction::Min
            | AggregateFunction::Max
            | AggregateFunction::Percentile(_) => false,
        }
    }
}

/// A constant.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number, as it was written; its type is [`Type::Float`].
    Float(f64),
    /// Text.
    String(String),
    /// `date '2026-01-31'`, in that form.
    Date(String),
    /// `timestamp '2026-01-31 10:00:00'` in UTC, as `YYYY-MM-DD HH:MM:SS.ffffff`.
    Timestamp(String),
    /// `duration '14d'`, in microseconds.
    Duration(i64),
}

/// Operators that mean the same on every warehouse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the operator that it is named for")]
pub enum BinaryOperator {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Add,
    Subtract,
    Multiply,
    Concatenate,
}

impl<L> Expr<L> {
    /// Tells whether it is a number, or a column whose type is not known.
    pub fn is_number(&self) -> bool {
        self.ty.is_number() || (self.ty == Type::Null && matches!(self.kind, ExprKind::Column(_)))
    }

    /// Calls `visit` on this expression and on each below it, parents first.
    pub fn walk<'e>(&'e self, visit: &mut impl FnMut(&'e Expr<L>)) {
        visit(self);
        self.each_part(&mut |part| part.walk(visit));
    }

    /// Calls `visit` on each of the expressions that it is made of, in their order, and not on those below them.
    fn each_part<'e>(&'e self, visit: &mut dyn FnMut(&'e Expr<L>)) {
        match &self.kind {
            ExprKind::Column(_) | ExprKind::Literal(_) => {}
            ExprKind::Not(inner)
            | ExprKind::Negate(inner)
            | ExprKind::IsNull(inner, _)
            | ExprKind::Like(inner, _, _) => visit(inner),
            ExprKind::Binary(_, left, right) => [left, right].into_iter().for_each(|side| visit(side)),
            ExprKind::Call(_, arguments) => arguments.iter().for_each(visit),
            ExprKind::Case(branches, otherwise) => {
                let branches = branches.iter().flat_map(|(condition, result)| [condition, result]);
                branches.chain(otherwise.as_deref()).for_each(visit);
            }
            ExprKind::In(inner, list, _) => std::iter::once(&**inner).chain(list).for_each(visit),
        }
    }

    /// Returns the expressions that it is made of, in their order, without those below them.
    pub fn parts(&self) -> Vec<&Expr<L>> {
        let mut parts = Vec::new();
        self.each_part(&mut |part| parts.push(part));
        parts
    }

    /// Returns the same expression over other leaves.
    pub fn map<M>(&self, leaf: &mut impl FnMut(&L, Type) -> ExprKind<M>) -> Expr<M> {
        // A chain of operators is as deep to the left as it is long.
        let (mut first, mut links) = (self, Vec::new());
        while let ExprKind::Binary(operator, left, right) = &first.kind {
            links.push((first, *operator, right));
            first = left;
        }
        let mapped = first.operand(leaf);
        links.into_iter().rev().fold(mapped, |left, (whole, operator, right)| {
            let kind = ExprKind::Binary(operator, Box::new(left), Box::new(right.map(leaf)));
            Expr { kind, ty: whole.ty, span: whole.span }
        })
    }

    /// Returns what is no operator with two operands over other leaves.
    fn operand<M>(&self, leaf: &mut impl FnMut(&L, Type) -> ExprKind<M>) -> Expr<M> {
        let mut inner = |expr: &Expr<L>| Box::new(expr.map(leaf));
        let kind = match &self.kind {
            ExprKind::Column(own) => leaf(own, self.ty),
            ExprKind::Literal(literal) => ExprKind::Literal(literal.clone()),
            ExprKind::Not(operand) => ExprKind::Not(inner(operand)),
            ExprKind::Negate(operand) => ExprKind::Negate(inner(operand)),
            ExprKind::Binary(operator, left, right) => ExprKind::Binary(*operator, inner(left), inner(right)),
            ExprKind::Call(name, arguments) => {
                ExprKind::Call(name.clone(), arguments.iter().map(|argument| argument.map(leaf)).collect())
            }
            ExprKind::Case(branches, otherwise) => ExprKind::Case(
                branches.iter().map(|(condition, result)| (condition.map(leaf), result.map(leaf))).collect(),
                otherwise.as_ref().map(|otherwise| Box::new(otherwise.map(leaf))),
            ),
            ExprKind::In(operand, list, negated) => {
                ExprKind::In(inner(operand), list.iter().map(|item| item.map(leaf)).collect(), *negated)
            }
            ExprKind::IsNull(operand, negated) => ExprKind::IsNull(inner(operand), *negated),
            ExprKind::Like(operand, pattern, negated) => ExprKind::Like(inner(operand), pattern.clone(), *negated),
        };
        Expr { kind, ty: self.ty, span: self.span }
    }
}

impl<L: PartialEq> Expr<L> {
    /// Returns the columns in it, each once, in order of appearance.
    pub fn columns(&self) -> Vec<&L> {
        let mut columns: Vec<&L> = Vec::new();
        self.walk(&mut |expr| {
            if let ExprKind::Column(name) = &expr.kind
                && !columns.contains(&name)
            {
                columns.push(name);
            }
        });
        columns
    }
}
