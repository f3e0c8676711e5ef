//! What a function takes and gives: `(unit: day|week, value: date) -> date`.

use std::fmt;
use std::str::FromStr;

use crate::semantic::expr::{Expr, ExprKind, Literal, Type};

/// One way to call a function.
#[derive(Clone, Debug)]
pub struct Signature {
    /// The parameters, in order.
    pub parameters: Vec<Parameter>,
    /// The type of the result.
    pub gives: Gives,
    text: String,
}

/// A parameter: its name in the template, and what it takes.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// The name.
    pub name: String,
    /// What it takes.
    pub accepts: Accepts,
    /// Whether it takes two arguments or more: a list in the template. Only the last parameter does.
    pub variadic: bool,
}

/// What a parameter takes.
#[derive(Clone, Debug, PartialEq)]
pub enum Accepts {
    /// Values of this type, and whatever fits it.
    Type(Type),
    /// Numbers, which have one common type.
    Number,
    /// Anything, of one common type.
    Any,
    /// One of these words: in the tree a literal string, in the template the plain word.
    Words(Vec<String>),
    /// A literal whole number from 1; in the template a plain number.
    Positive,
    /// A literal string.
    Pattern,
}

/// The type of a result.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Gives {
    /// Always this one.
    Type(Type),
    /// The common type of the arguments that are `number` or `any`.
    Common,
}

impl Signature {
    /// Returns the type of the result for these arguments, when they fit.
    pub fn result<L>(&self, arguments: &[Expr<L>]) -> Option<Type> {
        let mut common = Type::Null;
        for (position, argument) in arguments.iter().enumerate() {
            let parameter = self.parameters.get(position).or(self.parameters.last().filter(|last| last.variadic))?;
            match &parameter.accepts {
                Accepts::Type(wanted) => argument.ty.fits(*wanted).then_some(())?,
                Accepts::Number => {
                    (argument.ty.is_number() || argument.ty == Type::Null).then_some(())?;
                    common = common.common(argument.ty)?;
                }
                Accepts::Any => common = common.common(argument.ty)?,
                Accepts::Words(words) => {
                    let is_one =
                        matches!(&argument.kind, ExprKind::Literal(Literal::String(word)) if words.contains(word));
                    is_one.then_some(())?;
                }
                Accepts::Positive => {
                    matches!(argument.kind, ExprKind::Literal(Literal::Int(1..))).then_some(())?;
                }
                Accepts::Pattern => {
                    matches!(argument.kind, ExprKind::Literal(Literal::String(_))).then_some(())?;
                }
            }
            // A `values: number...` whose type is fixed, as in `(values: date...) -> date`, has one type as well.
            if parameter.variadic && matches!(parameter.accepts, Accepts::Type(_)) {
                common = common.common(argument.ty)?;
            }
        }
        let variadic = self.parameters.last().is_some_and(|last| last.variadic);
        let least = self.parameters.len() + usize::from(variadic);
        (arguments.len() >= least).then_some(())?;
        Some(match self.gives {
            Gives::Type(ty) => ty,
            Gives::Common => common,
        })
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Signature {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |what: &str| format!("{what} in signature `{text}`");
        let (parameters, result) = text.split_once(" -> ").ok_or_else(|| wrong("no ` -> `"))?;
        let parameters = parameters.strip_prefix('(').and_then(|inside| inside.strip_suffix(')'));
        let parameters = parameters.ok_or_else(|| wrong("no parentheses"))?;
        let parameters: Vec<Parameter> = parameters
            .split(", ")
            .map(|parameter| {
                let (name, accepts) = parameter.split_once(": ").ok_or_else(|| wrong("no `: `"))?;
                let (accepts, variadic) = match accepts.strip_suffix("...") {
                    Some(accepts) => (accepts, true),
                    None => (accepts, false),
                };
                let accepts = match accepts {
                    "number" => Accepts::Number,
                    "any" => Accepts::Any,
                    "positive" => Accepts::Positive,
                    "pattern" => Accepts::Pattern,
                    words if words.contains('|') => Accepts::Words(words.split('|').map(str::to_owned).collect()),
                    name => Accepts::Type(named(name).ok_or_else(|| wrong(&format!("no type `{name}`")))?),
                };
                Ok(Parameter { name: name.to_owned(), accepts, variadic })
            })
            .collect::<Result<_, String>>()?;
        if parameters.iter().rev().skip(1).any(|parameter| parameter.variadic) {
            return Err(wrong("`...` before the last parameter"));
        }
        let gives = match result {
            "number" | "any" => Gives::Common,
            name => Gives::Type(named(name).ok_or_else(|| wrong(&format!("no type `{name}`")))?),
        };
        Ok(Self { parameters, gives, text: text.to_owned() })
    }
}

fn named(name: &str) -> Option<Type> {
    if name == Type::Duration.name() {
        return Some(Type::Duration);
    }
    Type::DECLARABLE.iter().find(|(declared, _)| *declared == name).map(|&(_, ty)| ty)
}
