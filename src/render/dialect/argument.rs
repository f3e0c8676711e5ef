//! What an entry of a dialect is given, and how its shape sees it.

use std::fmt;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::Object;

use crate::render::holes::{self, Fragment};
use crate::semantic::expr::Type;

/// What an entry is given under a name.
#[derive(Clone, Debug)]
pub enum Argument {
    /// An expression, with its type where it is known.
    Sql(Fragment, Option<Type>),
    /// A word that decides the shape: a unit, the name of a type.
    Word(String),
    /// A number that is written out.
    Number(i64),
    /// Several.
    List(Vec<Argument>),
}

impl Argument {
    /// Returns what the shape sees of it, and adds what fills its holes to `fragments`.
    pub(super) fn open(&self, fragments: &mut Vec<Fragment>) -> Value {
        match self {
            Argument::Sql(fragment, ty) => {
                fragments.push(fragment.clone());
                let constant = fragment.sql.len() < 7 && fragment.sql.parse::<i32>().is_ok();
                Value::from_object(Hole { number: fragments.len() - 1, ty: *ty, constant })
            }
            Argument::Word(word) => Value::from(word.as_str()),
            Argument::Number(number) => Value::from(*number),
            Argument::List(list) => list.iter().map(|item| item.open(fragments)).collect(),
        }
    }
}

/// An argument as a shape sees it, `constant` where it is a whole number of few digits: it prints as its hole.
#[derive(Debug)]
struct Hole {
    number: usize,
    ty: Option<Type>,
    constant: bool,
}

impl Object for Hole {
    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        match key {
            // An unknown type is undefined, and a shape that asks for it fails.
            "type" => self.ty.map(|ty| Value::from(ty.name())),
            "constant" => Some(Value::from(self.constant)),
            _ => None,
        }
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&holes::hole(self.number))
    }
}
