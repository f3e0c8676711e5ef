//! Rows as they come out of a warehouse, the same for every driver.

/// The answer to a query.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// The columns, in order.
    pub columns: Vec<Column>,
    /// The rows; each has a value for each column.
    pub rows: Vec<Vec<Value>>,
    /// Whether there were more than the limit let through.
    pub truncated: bool,
}

/// A column of a relation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name, as the warehouse spells it.
    pub name: String,
    /// Its type, in the warehouse's words.
    pub ty: String,
    /// What its type amounts to.
    pub family: Family,
}

/// What the types of all warehouses amount to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// True or false.
    Bool,
    /// A whole number of any width.
    Int,
    /// A binary fraction.
    Float,
    /// A decimal fraction.
    Decimal,
    /// Text.
    Text,
    /// A day.
    Date,
    /// A point in time, with or without a zone.
    Timestamp,
    /// A JSON document.
    Json,
    /// Anything else.
    Other,
}

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number that fits.
    Int(i64),
    /// A binary fraction.
    Float(f64),
    /// A decimal fraction, or a whole number that does not fit into [`Value::Int`], in digits.
    Decimal(String),
    /// Text, and what no other variant holds, as the warehouse prints it.
    Text(String),
    /// A day: `2026-01-31`.
    Date(String),
    /// A point in time in UTC, with microseconds: `2026-01-31T12:00:00.000000Z`.
    Timestamp(String),
}

impl std::fmt::Display for Value {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Null => formatter.write_str("null"),
            Self::Bool(value) => write!(formatter, "{value}"),
            Self::Int(value) => write!(formatter, "{value}"),
            Self::Float(value) => write!(formatter, "{value}"),
            Self::Decimal(text) | Self::Text(text) | Self::Date(text) | Self::Timestamp(text) => {
                formatter.write_str(text)
            }
        }
    }
}
