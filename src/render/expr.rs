//! Expr -> SQL: the portable expression, as a dialect writes it.

use crate::render::dialect::{Argument, Dialect, Failure};
use crate::render::holes::{Binding, DEEPEST, Fragment, Place};
use crate::semantic::expr::{AggregateFunction, BinaryOperator, Expr, ExprKind, Literal, Type};
use crate::semantic::library::{Accepts, Library, Parameter};
use crate::semantic::name::Name;
use crate::source::Span;

/// Why an expression is not printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The warehouse cannot say it.
    Unsupported(Unsupported),
    /// Its SQL would be nested too deeply.
    TooDeep(Span),
    /// Its SQL would be too long.
    TooLarge(Span),
    /// A dialect's file, or a name of the project, does not do.
    Failed(Failure),
}

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
pub fn print(expr: &Expr, dialect: &Dialect, column: &dyn Fn(&Name) -> Option<String>) -> Result<String, Refused> {
    fragment(expr, dialect, column).map(|fragment| fragment.sql)
}

/// Prints an expression as a fragment, which stands in other SQL with the parentheses that it needs there.
pub fn fragment(expr: &Expr, dialect: &Dialect, column: &dyn Fn(&Name) -> Option<String>) -> Result<Fragment, Refused> {
    let leaf = |name: &Name, span: Span| {
        let sql = column(name).ok_or_else(|| format!("no column `{name}` here"));
        let parsed = sql.and_then(|sql| Fragment::parse(&sql, &*dialect.grammar()));
        let mistake =
            |reason| Unsupported { function: name.to_string(), reason: Failure::Mistake(reason).to_string(), span };
        parsed.map_err(|reason| Refused::Unsupported(mistake(reason)))
    };
    users(expr, dialect, &leaf)
}

/// Prints an expression that a user wrote, which is bounded by what was written.
pub fn users<L>(expr: &Expr<L>, dialect: &Dialect, leaf: Leaf<'_, L>) -> Result<Fragment, Refused> {
    let longest = LONGEST + PER_BYTE * expr.span.end.saturating_sub(expr.span.start);
    Printer { dialect, leaf, longest, is_written: true, whole: expr.span }.print(expr)
}

/// Prints an expression that the plan made, as long as it is.
pub fn planned<L>(expr: &Expr<L>, dialect: &Dialect, leaf: Leaf<'_, L>) -> Result<Fragment, Refused> {
    Printer { dialect, leaf, longest: usize::MAX, is_written: false, whole: expr.span }.print(expr)
}

/// Prints a leaf of an expression, which is written there.
pub type Leaf<'l, L> = &'l dyn Fn(&L, Span) -> Result<Fragment, Refused>;

/// What the SQL of an expression may be long, and how much more for each byte of what was written: a function may name its
/// arguments several times, and one in the other that is many times as much.
const LONGEST: usize = 20_000;
const PER_BYTE: usize = 16;

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
        i64::MIN => Fragment { sql: "-9223372036854775807 - 1".to_owned(), binding: Binding::Additive, depth: 3 },
        -9_223_372_036_854_775_807..0 => Fragment { sql: number.to_string(), binding: Binding::Sign, depth: 2 },
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
            let depth = 1 + filter.depth.max(then.depth);
            let sql = format!("CASE WHEN {} THEN {} END", filter.sql, then.sql);
            Some((Fragment { depth, ..Fragment::atom(sql) }, ty))
        }
    };
    if let Some((value, ty)) = argument {
        arguments.push(("value", Argument::Sql(value, ty)));
    }
    if let Some(result) = result {
        arguments.push(("result", Argument::Word(result.name().to_owned())));
    }
    let name = aggregate_name(function).ok_or_else(|| {
        Failure::Mistake(
            "a percentile is read off rows in their order: no warehouse's aggregate is asked for it".to_owned(),
        )
    })?;
    dialect.expression("aggregates", name, &arguments)
}

/// Joins two operands.
pub fn binary(operator: BinaryOperator, left: &Fragment, right: &Fragment) -> Fragment {
    let (symbol, before, after, binding) = match operator {
        // To the right parentheses stay: the halves of a long chain are not one chain again, which is as deep as it is long.
        BinaryOperator::Or => ("OR", Place::Disjunction, Place::Conjunction, Binding::Disjunction),
        BinaryOperator::And => ("AND", Place::Conjunction, Place::Negation, Binding::Conjunction),
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
    let depth = 1 + left.depth_at(before).max(right.depth_at(after));
    Fragment { sql: format!("{} {symbol} {}", left.at(before), right.at(after)), binding, depth }
}

/// An operator of a chain.
struct Link<'e, L> {
    whole: &'e Expr<L>,
    operator: BinaryOperator,
    left: &'e Expr<L>,
    right: &'e Expr<L>,
}

/// Takes operators apart that stand to the left of each other, as long as those to the left are `alike`: a chain is as deep as it
/// is long, so that it is not gone down by recursion. Returns the leftmost operand, and the operators from left to right.
fn chain<L>(expr: &Expr<L>, alike: impl Fn(&Expr<L>) -> bool) -> (&Expr<L>, Vec<Link<'_, L>>) {
    let mut links = Vec::new();
    let mut first = expr;
    while let ExprKind::Binary(operator, left, right) = &first.kind
        && alike(first)
    {
        links.push(Link { whole: first, operator: *operator, left, right });
        first = left;
    }
    links.reverse();
    (first, links)
}

struct Printer<'p, L> {
    dialect: &'p Dialect,
    leaf: Leaf<'p, L>,
    /// What the SQL may be long.
    longest: usize,
    /// Whether a user wrote it: then arithmetic is null where its result has no place in its type. The plan's has one.
    is_written: bool,
    /// The place of the whole expression.
    whole: Span,
}

impl<L> Printer<'_, L> {
    fn print(&self, expr: &Expr<L>) -> Result<Fragment, Refused> {
        let fragment = if self.guards(expr) { self.exact(expr)? } else { self.form(expr)? };
        self.bounded(fragment)
    }

    /// Tells whether an expression is arithmetic of a user, whose result may have no place in its type.
    fn guards(&self, expr: &Expr<L>) -> bool {
        self.is_written && is_exact(expr)
    }

    /// Refuses what is too long or too deep, at each step, so that nothing much longer is ever made.
    fn bounded(&self, fragment: Fragment) -> Result<Fragment, Refused> {
        if fragment.depth > DEEPEST {
            return Err(Refused::TooDeep(self.whole));
        }
        if fragment.sql.len() > self.longest {
            return Err(Refused::TooLarge(self.whole));
        }
        Ok(fragment)
    }

    fn form(&self, expr: &Expr<L>) -> Result<Fragment, Refused> {
        let unsupported = |what: &str, failure: &Failure| {
            let (function, reason) = (what.to_owned(), failure.to_string());
            Refused::Unsupported(Unsupported { function, reason, span: expr.span })
        };
        match &expr.kind {
            ExprKind::Column(leaf) => (self.leaf)(leaf, expr.span),
            ExprKind::Literal(value) => {
                literal(value, self.dialect).map_err(|failure| unsupported("literal", &failure))
            }
            ExprKind::Not(inner) => {
                let inner = self.print(inner)?;
                let depth = 1 + inner.depth_at(Place::Negation);
                Ok(Fragment { sql: format!("NOT {}", inner.at(Place::Negation)), binding: Binding::Negation, depth })
            }
            ExprKind::Negate(inner) => {
                let inner = self.print(inner)?;
                let depth = 1 + inner.depth_at(Place::Tight);
                Ok(Fragment { sql: format!("-{}", inner.at(Place::Tight)), binding: Binding::Sign, depth })
            }
            ExprKind::Binary(..) => {
                let (first, links) = chain(expr, |left| !self.guards(left));
                let mut made = self.print(first)?;
                for Link { operator, right, .. } in links {
                    made = self.bounded(binary(operator, &made, &self.print(right)?))?;
                }
                Ok(made)
            }
            ExprKind::Call(name, arguments) => self.call(name, arguments, expr),
            ExprKind::Case(branches, otherwise) => {
                let (mut sql, mut depth) = ("CASE".to_owned(), 1);
                let mut add = |before: &str, part: &Fragment| {
                    sql.push_str(before);
                    sql.push_str(&part.sql);
                    depth = depth.max(1 + part.depth);
                    if sql.len() > self.longest { Err(Refused::TooLarge(self.whole)) } else { Ok(()) }
                };
                for (condition, result) in branches {
                    add(" WHEN ", &self.print(condition)?)?;
                    add(" THEN ", &self.print(result)?)?;
                }
                if let Some(otherwise) = otherwise {
                    add(" ELSE ", &self.print(otherwise)?)?;
                }
                Ok(Fragment { depth, ..Fragment::atom(sql + " END") })
            }
            ExprKind::In(inner, list, negated) => {
                let list: Vec<_> = list.iter().map(|item| self.print(item)).collect::<Result<_, _>>()?;
                let depth = list.iter().map(|item| item.depth).max().unwrap_or_default();
                let list: Vec<&str> = list.iter().map(|item| item.sql.as_str()).collect();
                let operator = if *negated { "NOT IN" } else { "IN" };
                let predicate = self.predicate(inner, &format!("{operator} ({})", list.join(", ")))?;
                Ok(Fragment { depth: predicate.depth.max(1 + depth), ..predicate })
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

    fn predicate(&self, inner: &Expr<L>, rest: &str) -> Result<Fragment, Refused> {
        let inner = self.print(inner)?;
        let (sql, depth) = (inner.at(Place::Predicate), 1 + inner.depth_at(Place::Predicate));
        Ok(Fragment { sql: format!("{sql} {rest}"), binding: Binding::Predicate, depth })
    }

    /// Prints arithmetic that is exact: null where the result has no place in its type. What the warehouse has for that
    /// stands around the whole of it, or is in each operator.
    fn exact(&self, expr: &Expr<L>) -> Result<Fragment, Refused> {
        let inside = self.arithmetic(expr)?;
        if most(expr).is_some() { Ok(inside) } else { self.operator("whole", expr, &[("value", expr.ty, inside)]) }
    }

    fn arithmetic(&self, expr: &Expr<L>) -> Result<Fragment, Refused> {
        let (first, links) = chain(expr, is_exact);
        let mut made = if !is_exact(first) {
            self.print(first)?
        } else if let (ExprKind::Negate(inner), None) = (&first.kind, most(first)) {
            let inside = self.operand(inner)?;
            self.bounded(self.operator("negate", first, &[("value", inner.ty, inside)])?)?
        } else {
            self.bounded(self.form(first)?)?
        };
        for Link { whole, operator, left, right } in links {
            let after = self.operand(right)?;
            if !is_wide(left) && !is_wide(right) && most(whole).is_none_or(|most| most > SMALL) {
                made = self.operator("wide", left, &[("value", left.ty, made)])?;
            }
            made = match operator_name(operator) {
                Some(name) if most(whole).is_none() => {
                    self.operator(name, whole, &[("left", left.ty, made), ("right", right.ty, after)])?
                }
                Some(_) | None => binary(operator, &made, &after),
            };
            made = self.bounded(made)?;
        }
        Ok(made)
    }

    /// Prints an operand of exact arithmetic: what is around the whole of it is around what is exact in it too.
    fn operand(&self, side: &Expr<L>) -> Result<Fragment, Refused> {
        if is_exact(side) { self.arithmetic(side) } else { self.print(side) }
    }

    /// Prints an entry of the dialect's arithmetic.
    fn operator(&self, name: &str, expr: &Expr<L>, operands: &[(&str, Type, Fragment)]) -> Result<Fragment, Refused> {
        let operands: Vec<_> =
            operands.iter().map(|(name, ty, sql)| (*name, Argument::Sql(sql.clone(), Some(*ty)))).collect();
        self.dialect.expression("arithmetic", name, &operands).map_err(|failure| {
            let (function, reason) = (name.to_owned(), failure.to_string());
            Refused::Unsupported(Unsupported { function, reason, span: expr.span })
        })
    }

    fn call(&self, name: &str, arguments: &[Expr<L>], expr: &Expr<L>) -> Result<Fragment, Refused> {
        let unsupported =
            |reason: String| Refused::Unsupported(Unsupported { function: name.to_owned(), reason, span: expr.span });
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

    fn argument(&self, parameter: &Parameter, argument: &Expr<L>) -> Result<Argument, Refused> {
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

/// The largest number of 32 bits, which is what a warehouse may count with where it is given nothing larger.
const SMALL: i128 = i32::MAX as i128;

/// Tells whether it is arithmetic whose result is exact or null: of whole numbers, durations and decimals.
fn is_exact<L>(expr: &Expr<L>) -> bool {
    use BinaryOperator::{Add, Multiply, Subtract};
    matches!(expr.kind, ExprKind::Negate(_) | ExprKind::Binary(Add | Subtract | Multiply, ..))
        && matches!(expr.ty, Type::Int | Type::Duration | Type::Decimal)
}

/// Returns how large a whole number can be at most, where that is known and has a place in 64 bits.
fn most<L>(expr: &Expr<L>) -> Option<i128> {
    use BinaryOperator::{Add, Multiply, Subtract};
    let most = match &expr.kind {
        ExprKind::Literal(Literal::Int(number) | Literal::Duration(number)) => i128::from(*number).abs(),
        ExprKind::Negate(inner) => most(inner)?,
        ExprKind::Binary(Add | Subtract, left, right) => most(left)? + most(right)?,
        ExprKind::Binary(Multiply, left, right) => most(left)? * most(right)?,
        ExprKind::Call(name, _) => i128::from(Library::builtin().function(name)?.largest?),
        ExprKind::Column(_)
        | ExprKind::Literal(_)
        | ExprKind::Not(_)
        | ExprKind::Binary(..)
        | ExprKind::Case(..)
        | ExprKind::In(..)
        | ExprKind::IsNull(..)
        | ExprKind::Like(..) => return None,
    };
    (matches!(expr.ty, Type::Int | Type::Duration) && most <= i128::from(i64::MAX)).then_some(most)
}

/// Tells whether a warehouse holds it in 64 bits for certain: a choice among small constants it may hold in less.
fn is_wide<L>(expr: &Expr<L>) -> bool {
    match &expr.kind {
        ExprKind::Literal(_) => most(expr).is_none_or(|most| most > SMALL),
        ExprKind::Negate(inner) => is_wide(inner),
        ExprKind::Binary(_, left, right) => is_wide(left) || is_wide(right),
        ExprKind::Case(branches, otherwise) => {
            branches.iter().map(|(_, result)| result).chain(otherwise.as_deref()).any(is_wide)
        }
        ExprKind::Call(name, arguments) => match name.as_str() {
            "int" => arguments.iter().all(|argument| argument.ty != Type::Bool),
            "coalesce" | "nullif" | "if" | "greatest" | "least" | "abs" | "modulo" | "integer_divide" => {
                arguments.iter().any(|argument| argument.ty != Type::Bool && is_wide(argument))
            }
            _ => true,
        },
        ExprKind::Column(_) | ExprKind::Not(_) | ExprKind::In(..) | ExprKind::IsNull(..) | ExprKind::Like(..) => true,
    }
}

/// Returns what the dialects' files call an operator of arithmetic.
fn operator_name(operator: BinaryOperator) -> Option<&'static str> {
    match operator {
        BinaryOperator::Add => Some("add"),
        BinaryOperator::Subtract => Some("subtract"),
        BinaryOperator::Multiply => Some("multiply"),
        BinaryOperator::Or
        | BinaryOperator::And
        | BinaryOperator::Equal
        | BinaryOperator::NotEqual
        | BinaryOperator::Less
        | BinaryOperator::LessOrEqual
        | BinaryOperator::Greater
        | BinaryOperator::GreaterOrEqual
        | BinaryOperator::Concatenate => None,
    }
}

/// The names of the aggregates, as the dialects' files call them; none of what is none of a warehouse's.
fn aggregate_name(function: AggregateFunction) -> Option<&'static str> {
    Some(match function {
        AggregateFunction::Count => "count",
        AggregateFunction::CountDistinct => "count_distinct",
        AggregateFunction::Sum => "sum",
        AggregateFunction::Average => "average",
        AggregateFunction::Min => "min",
        AggregateFunction::Max => "max",
        AggregateFunction::Percentile(_) => return None,
    })
}
