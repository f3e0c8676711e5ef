//! What raw tables hold, in the language's types: properties of documents, columns of unknown type, files.
//!
//! The types of raw columns are not known when SQL is compiled, so that what is printed here works for all of them;
//! what cannot be converted is null.

use std::collections::BTreeMap;

use minijinja::Value;

use crate::render::dialect::{Argument, Dialect, Failure};
use crate::render::holes::Fragment;
use crate::semantic::expr::Type;
use crate::semantic::files::Files;
use crate::semantic::model::TimeType;

/// How a document of properties is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// In the warehouse's type for documents (`JSON`, `VARIANT`).
    Json,
    /// As text, which may be malformed: then nothing is in it.
    Text,
    /// As a structure with named fields.
    Struct,
}

impl Stored {
    /// The ways, by their names in TOML.
    pub const NAMED: &[(&str, Stored)] = &[("json", Stored::Json), ("text", Stored::Text), ("struct", Stored::Struct)];

    fn name(self) -> &'static str {
        match self {
            Stored::Json => "json",
            Stored::Text => "text",
            Stored::Struct => "struct",
        }
    }
}

/// Prints a document in the form that [`property_of`] reads: null where it is malformed. Where every document that can be
/// stored is in that form, it is the column itself.
pub fn document(dialect: &Dialect, column: &Fragment, stored: Stored) -> Result<Fragment, Failure> {
    let stored = Argument::Word(stored.name().to_owned());
    dialect.expression("source", "document", &[("document", Argument::Sql(column.clone(), None)), ("stored", stored)])
}

/// Prints the property at `path` (keys from the outermost to the innermost) of what [`document`] gave, as `ty`;
/// `timezone` is that of times that say none.
///
/// Null where there is none, where it is the document's own null, where it is an object or an array, and where it cannot
/// be read as `ty`.
pub fn property_of(
    dialect: &Dialect,
    document: &Fragment,
    path: &[&str],
    ty: Type,
    timezone: &str,
) -> Result<Fragment, Failure> {
    if path.is_empty() || path.iter().any(|key| key.is_empty()) {
        return Err(Failure::Mistake("a property's path has an empty part".to_owned()));
    }
    let keys = path.iter().map(|key| Argument::Word((*key).to_owned()));
    let path = dialect.expression("source", "path", &[("keys", Argument::List(keys.collect()))])?;
    let text = dialect.expression(
        "source",
        "text",
        &[("document", Argument::Sql(document.clone(), None)), ("path", Argument::Sql(path, None))],
    )?;
    from_text(dialect, text, ty, zone_of(ty, timezone))
}

/// Returns the zone in which a value is read: a date is a day of the calendar wherever it was written, and no zone moves it.
fn zone_of(ty: Type, timezone: &str) -> &str {
    if ty == Type::Date { "UTC" } else { timezone }
}

/// Prints a column of unknown type as `ty`; `timezone` is that of times and texts that say none.
pub fn normalize(dialect: &Dialect, value: &Fragment, ty: Type, timezone: &str) -> Result<Fragment, Failure> {
    let timezone = zone_of(ty, timezone);
    let value = Argument::Sql(value.clone(), None);
    let text = dialect.expression("source", "string", &[("value", value.clone())])?;
    let converted = from_text(dialect, text, ty, timezone)?;
    dialect.expression(
        "source",
        "normalize",
        &[
            ("value", value),
            ("converted", Argument::Sql(converted, None)),
            ("wanted", Argument::Word(ty.name().to_owned())),
            ("zone", Argument::Word(timezone.to_owned())),
        ],
    )
}

/// Prints a column with a time of a type that is known as an instant; null where the instant is not of the calendar.
/// `timezone` is that of clocks and days.
pub fn instant(dialect: &Dialect, value: &Fragment, ty: TimeType, timezone: &str) -> Result<Fragment, Failure> {
    let mut arguments = vec![
        ("value", Argument::Sql(value.clone(), None)),
        ("stored", Argument::Word(ty.name().to_owned())),
        ("zone", Argument::Word(timezone.to_owned())),
    ];
    if let Some(unit) = ty.unit() {
        let seconds = |count: i64| Argument::Number(count * (1_000_000 / unit));
        arguments.push(("unit", Argument::Number(unit)));
        // From the beginning of the year 1 to the end of the year 9999.
        arguments.extend([("first", seconds(-62_135_596_800)), ("end", seconds(253_402_300_800))]);
    }
    dialect.expression("source", "instant", &arguments)
}

/// Returns what a dialect's `[stored]` calls the types of a column with such a time.
pub fn stored_as(ty: TimeType) -> &'static str {
    match ty {
        TimeType::Timestamp => "instant",
        TimeType::Datetime => "clock",
        TimeType::Date => Type::Date.name(),
        TimeType::Text => Type::String.name(),
        TimeType::UnixSeconds | TimeType::UnixMilliseconds | TimeType::UnixMicroseconds => Type::Int.name(),
    }
}

/// Prints a constant of the type that a column with a time stores: an instant in UTC, what a clock shows, or a day.
pub fn moment(dialect: &Dialect, text: &str, ty: TimeType) -> Result<Fragment, Failure> {
    let arguments = [("text", Argument::Word(text.to_owned())), ("stored", Argument::Word(ty.name().to_owned()))];
    dialect.expression("source", "moment", &arguments)
}

/// Prints a relation that reads `columns` of files, or more.
pub fn file(dialect: &Dialect, files: &Files, columns: &[&str]) -> Result<String, Failure> {
    let Files { path, format, csv, folders } = files;
    let character = |character: Option<char>| character.map(String::from).unwrap_or_default();
    let csv = minijinja::context! {
        delimiter => csv.delimiter.to_string(),
        quote => character(csv.quote),
        escape => character(csv.escape),
        comment => character(csv.comment),
        skip => csv.skip,
        null => csv.null.clone(),
        encoding => csv.encoding.name(),
    };
    let names: Vec<String> =
        folders.iter().map(|name| dialect.identifier(name)).collect::<Result<_, _>>().map_err(Failure::Name)?;
    let inside = columns.iter().filter(|column| !folders.iter().any(|folder| folder == *column));
    let inside: Vec<String> = inside.map(|&column| column.to_owned()).collect();
    dialect.shape(
        "source",
        "file",
        &BTreeMap::from([
            ("path", Value::from(path.as_str())),
            ("format", Value::from(format.name())),
            ("csv", csv),
            ("columns", Value::from(inside)),
            ("folders", Value::from(folders.clone())),
            ("folder_names", Value::from(names)),
        ]),
    )
}

/// Prints a float as a decimal: by way of its text, so that 0.1 is the 0.1 that was written and not what is nearest to it
/// in binary. Null where it is no number.
pub fn exact(dialect: &Dialect, value: &Fragment) -> Result<Fragment, Failure> {
    let text = Fragment::atom(format!("CAST({} AS {})", value.sql, dialect.type_name(Type::String)));
    from_text(dialect, text, Type::Decimal, "UTC")
}

fn from_text(dialect: &Dialect, text: Fragment, ty: Type, timezone: &str) -> Result<Fragment, Failure> {
    if ty == Type::String {
        return Ok(text);
    }
    dialect.expression(
        "source",
        "from_text",
        &[
            ("text", Argument::Sql(text, Some(Type::String))),
            ("wanted", Argument::Word(ty.name().to_owned())),
            ("zone", Argument::Word(timezone.to_owned())),
        ],
    )
}
