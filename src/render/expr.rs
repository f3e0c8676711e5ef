//! Expr -> SQL: the portable expression, as a dialect writes it.

use crate::render::dialect::{Argument, Dialect, Failure};
use crate::render::holes::{Binding, Fragment, Place};
use crate::semantic::expr::{AggregateFunction, BinaryOperator, Expr, ExprKind, Literal, Type};
use crate::semantic::library::{Accepts, Library, Parameter};
use crate::semantic::name::Name;
use crate::source::Span;

/// Something that a warehouse cannot say, and where it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsupported {
    /// The function, or the kind of literal.
    pub function: String,
    /// Why, in the words of the dialect's file.
    pub reason: String,
    /// Where it was written.
    pub span: Span,
}

/// Prints an expression. `column` gives the SQL of each column.
pub fn print(expr: &Expr, dialect: &Dialect, column: &dyn Fn(&Name) -> Option<String>) -> Result<String, Unsupported> {
    fragment(expr, dialect, column).map(|fragment| fragment.sql)
}

/// Prints an expression as a fragment, which stands in other SQL with the parentheses that it needs there.
pub fn fragment(
    expr: &Expr,
    dialect: &Dialect,
    column: &dyn Fn(&Name) -> Option<String>,
) -> Result<Fragment, Unsupported> {
    Printer { dialect, column }.print(expr)
}

/// Prints a constant.
pub fn literal(literal: &Literal, dialect: &Dialect) -> Result<Fragment, Failure> {
    let word =
        |name: &'static str, text: String| dialect.expression("literals", name, &[("text", Argument::Word(text))]);
    match literal {
        Literal::Null => Ok(Fragment::atom("NULL")),
        Literal::Bool(true) => Ok(Fragment::atom("TRUE")),
        Literal::Bool(false) => Ok(Fragment::atom("FALSE")),
        Literal::Int(number) | Literal::Duration(number) => Ok(integer(*number)),
        // Debug keeps the point or the exponent, so that the text is never that of a whole number.
        Literal::Float(number) => word("float", format!("{number:?}")),
        Literal::String(text) => dialect.string(text).map(Fragment::atom).map_err(Failure::Name),
        Literal::Date(text) => word("date", text.clone()),
        Literal::Timestamp(text) => word("timestamp", text.strip_suffix(".000000").unwrap_or(text).to_owned()),
    }
}

/// Prints a whole number.
pub fn integer(number: i64) -> Fragment {
    match number {
        // Its digits alone are one too many for 64 bits.
        i64::MIN => Fragment { sql: "-9223372036854775807 - 1".to_owned(), binding: Binding::Additive },
        -9_223_372_036_854_775_807..0 => Fragment { sql: number.to_string(), binding: Binding::Sign },
        0.. => Fragment::atom(number.to_string()),
    }
}

/// Prints an aggregate of `argument`, or of rows, where `filter` is true.
///
/// The filter becomes a `CASE`, which every warehouse knows: it is right because every aggregate skips nulls.
pub fn aggregate(
    dialect: &Dialect,
    function: AggregateFunction,
    argument: Option<(Fragment, Option<Type>)>,
    filter: Option<Fragment>,
    result: Option<Type>,
) -> Result<Fragment, Failure> {
    let mut arguments = Vec::new();
    let argument = match (argument, filter) {
        (argument, None) => argument,
        (argument, Some(filter)) => {
            let (then, ty) = argument.unwrap_or((Fragment::atom("1"), Some(Type::Int)));
            Some((Fragment::atom(format!("CASE WHEN {} THEN {} END", filter.sql, then.sql)), ty))
        }
    };
    if let Some((value, ty)) = argument {
        arguments.push(("value", Argument::Sql(value, ty)));
    }
    if let AggregateFunction::Percentile(share) = function {
        arguments.push(("share", Argument::Word(format!("{share:?}"))));
    }
    if let Some(result) = result {
        arguments.push(("result", Argument::Word(result.name().to_owned())));
    }
    dialect.expression("aggregates", aggregate_name(function), &arguments)
}

/// Joins two operands.
pub fn binary(operator: BinaryOperator, left: &Fragment, right: &Fragment) -> Fragment {
    let (symbol, before, after, binding) = match operator {
        BinaryOperator::Or => ("OR", Place::Disjunction, Place::Disjunction, Binding::Disjunction),
        BinaryOperator::And => ("AND", Place::Conjunction, Place::Conjunction, Binding::Conjunction),
        BinaryOperator::Equal => ("=", Place::Predicate, Place::Predicate, Binding::Predicate),
        BinaryOperator::NotEqual => ("<>", Place::Predicate, Place::Predicate, Binding::Predicate),
        BinaryOperator::Less => ("<", Place::Predicate, Place::Predicate, Binding::Predicate),
        BinaryOperator::LessOrEqual => ("<=", Place::Predicate, Place::Predicate, Binding::Predicate),
        BinaryOperator::Greater => (">", Place::Predicate, Place::Predicate, Binding::Predicate),
        BinaryOperator::GreaterOrEqual => (">=", Place::Predicate, Place::Predicate, Binding::Predicate),
        BinaryOperator::Add => ("+", Place::AdditiveLeft, Place::AdditiveRight, Binding::Additive),
        BinaryOperator::Subtract => ("-", Place::AdditiveLeft, Place::AdditiveRight, Binding::Additive),
        BinaryOperator::Multiply => ("*", Place::MultiplicativeLeft, Place::Tight, Binding::Multiplicative),
        BinaryOperator::Concatenate => ("||", Place::ConcatenationLeft, Place::Tight, Binding::Concatenation),
    };
    Fragment { sql: format!("{} {symbol} {}", left.at(before), right.at(after)), binding }
}

struct Printer<'p> {
    dialect: &'p Dialect,
    column: &'p dyn Fn(&Name) -> Option<String>,
}

impl Printer<'_> {
    fn print(&self, expr: &Expr) -> Result<Fragment, Unsupported> {
        let unsupported = |what: &str, failure: &Failure| Unsupported {
            function: what.to_owned(),
            reason: failure.to_string(),
            span: expr.span,
        };
        match &expr.kind {
            ExprKind::Column(name) => {
                let sql = (self.column)(name).ok_or_else(|| Failure::Mistake(format!("no column `{name}` here")));
                let parsed =
                    sql.and_then(|sql| Fragment::parse(&sql, &*self.dialect.grammar()).map_err(Failure::Mistake));
                parsed.map_err(|failure| unsupported(&name.to_string(), &failure))
            }
            ExprKind::Literal(value) => {
                literal(value, self.dialect).map_err(|failure| unsupported("literal", &failure))
            }
            ExprKind::Not(inner) => {
                let inner = self.print(inner)?;
                Ok(Fragment { sql: format!("NOT {}", inner.at(Place::Negation)), binding: Binding::Negation })
            }
            ExprKind::Negate(inner) => {
                let inner = self.print(inner)?;
                Ok(Fragment { sql: format!("-{}", inner.at(Place::Tight)), binding: Binding::Sign })
            }
            ExprKind::Binary(operator, left, right) => Ok(binary(*operator, &self.print(left)?, &self.print(right)?)),
            ExprKind::Call(name, arguments) => self.call(name, arguments, expr),
            ExprKind::Case(branches, otherwise) => {
                let mut parts = vec!["CASE".to_owned()];
                for (condition, result) in branches {
                    parts.push(format!("WHEN {} THEN {}", self.print(condition)?.sql, self.print(result)?.sql));
                }
                if let Some(otherwise) = otherwise {
                    parts.push(format!("ELSE {}", self.print(otherwise)?.sql));
                }
                parts.push("END".to_owned());
                Ok(Fragment::atom(parts.join(" ")))
            }
            ExprKind::In(inner, list, negated) => {
                let list: Vec<_> = list.iter().map(|item| Ok(self.print(item)?.sql)).collect::<Result<_, _>>()?;
                let operator = if *negated { "NOT IN" } else { "IN" };
                self.predicate(inner, &format!("{operator} ({})", list.join(", ")))
            }
            ExprKind::IsNull(inner, negated) => self.predicate(inner, if *negated { "IS NOT NULL" } else { "IS NULL" }),
            ExprKind::Like(inner, pattern, negated) => {
                let pattern = [("text", Argument::Word(pattern.clone()))];
                let pattern = self.dialect.expression("literals", "pattern", &pattern);
                let pattern = pattern.map_err(|failure| unsupported("like", &failure))?;
                let operator = if *negated { "NOT LIKE" } else { "LIKE" };
                self.predicate(inner, &format!("{operator} {}", pattern.sql))
            }
        }
    }

    fn predicate(&self, inner: &Expr, rest: &str) -> Result<Fragment, Unsupported> {
        let inner = self.print(inner)?.at(Place::Predicate);
        Ok(Fragment { sql: format!("{inner} {rest}"), binding: Binding::Predicate })
    }

    fn call(&self, name: &str, arguments: &[Expr], expr: &Expr) -> Result<Fragment, Unsupported> {
        let unsupported = |reason: String| Unsupported { function: name.to_owned(), reason, span: expr.span };
        let function =
            Library::builtin().function(name).ok_or_else(|| unsupported("there is no such function".to_owned()))?;
        let (signature, _) =
            function.resolve(arguments).ok_or_else(|| unsupported("no signature takes these arguments".to_owned()))?;
        let mut named: Vec<(&str, Argument)> = Vec::new();
        for (position, parameter) in signature.parameters.iter().enumerate() {
            if parameter.variadic {
                let rest = arguments[position..].iter().map(|argument| self.argument(parameter, argument));
                named.push((&parameter.name, Argument::List(rest.collect::<Result<_, _>>()?)));
            } else {
                named.push((&parameter.name, self.argument(parameter, &arguments[position])?));
            }
        }
        self.dialect.expression("functions", name, &named).map_err(|failure| unsupported(failure.to_string()))
    }

    fn argument(&self, parameter: &Parameter, argument: &Expr) -> Result<Argument, Unsupported> {
        match (&parameter.accepts, &argument.kind) {
            (Accepts::Words(_), ExprKind::Literal(Literal::String(word))) => Ok(Argument::Word(word.clone())),
            (Accepts::Positive, ExprKind::Literal(Literal::Int(number))) => Ok(Argument::Number(*number)),
            (accepts, _) => {
                let ty = match accepts {
                    // A literal null takes the type that the parameter has.
                    Accepts::Type(wanted) if argument.ty == Type::Null => *wanted,
                    Accepts::Type(_)
                    | Accepts::Number
                    | Accepts::Any
                    | Accepts::Words(_)
                    | Accepts::Positive
                    | Accepts::Pattern => argument.ty,
                };
                Ok(Argument::Sql(self.print(argument)?, Some(ty)))
            }
        }
    }
}

/// The names of the aggregates, as the dialects' files and the templates call them.
pub fn aggregate_name(function: AggregateFunction) -> &'static str {
    match function {
        AggregateFunction::Count => "count",
        AggregateFunction::CountDistinct => "count_distinct",
        AggregateFunction::Sum => "sum",
        AggregateFunction::Average => "average",
        AggregateFunction::Min => "min",
        AggregateFunction::Max => "max",
        AggregateFunction::Percentile(_) => "percentile",
    }
}
