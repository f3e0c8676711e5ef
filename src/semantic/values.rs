//! Small values that several tables share: types, durations, zones, and names of other definitions.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use jiff::tz::TimeZoneDatabase;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::project::document::{Number, Short, Spanned};
use crate::project::load::is_name;
use crate::project::names::nearest;
use crate::project::read::list;
use crate::project::tables::source::{ColumnTable, TimeTable, TimeType};
use crate::project::{Definition, Project};
use crate::semantic::decimal::Decimal;
use crate::semantic::duration;
use crate::semantic::expr::{Expr, Type};
use crate::semantic::model::{Column, Meta};
use crate::source::Span;

/// The longest length of time, in microseconds: 100 years, with their leap days.
const LONGEST: i64 = 36_525 * duration::DAY;

/// Checks the name of the project, which becomes part of ids.
pub fn project_name(project: &Project, diagnostics: &mut Diagnostics) {
    let name = &project.settings.body.name;
    if !is_name(name.get()) {
        diagnostics.push(
            Diagnostic::error("bad-name", format!("`{}` is not a name", name.get()))
                .at(project.settings.place(name), "")
                .help("names are snake_case: a lower-case letter, then lower-case letters, digits and `_`; 48 at most"),
        );
    }
}

/// Reads a number that warehouses compare or add up exactly, digit by digit as it is written.
pub fn exact<T>(
    project: &Project,
    definition: &Definition<T>,
    number: &Spanned<Number>,
    diagnostics: &mut Diagnostics,
) -> Option<Decimal> {
    let span = definition.place(number);
    let written = project.sources.slice(span);
    let (exact, value) = match *number.get() {
        Number::Whole(whole) => (Decimal::whole(whole), number.get().value()),
        Number::Float(float) => (Decimal::parse(written), float),
    };
    if exact.is_none() {
        let what = if value.abs() > Decimal::MAX.to_float() {
            format!("`{written}` is too large")
        } else {
            format!("`{written}` has more than nine digits after the point")
        };
        diagnostics.push(
            Diagnostic::error("inexact-number", what)
                .at(span, "would not be compared exactly")
                .help("a number has at most nine digits after the point here, and is at most 1e18"),
        );
    }
    exact
}

/// Reads the name of a type.
pub fn declared_type(name: &str, span: Span, diagnostics: &mut Diagnostics) -> Option<Type> {
    if let Some((_, ty)) = Type::DECLARABLE.iter().find(|(known, _)| *known == name) {
        return Some(*ty);
    }
    let names: Vec<&str> = Type::DECLARABLE.iter().map(|(name, _)| *name).collect();
    // What people write out of habit.
    let habit = match name.to_ascii_lowercase().as_str() {
        "str" | "text" | "varchar" | "uuid" => Some("string"),
        "integer" | "bigint" | "int64" | "long" => Some("int"),
        "double" | "float64" | "number" | "real" => Some("float"),
        "numeric" | "money" => Some("decimal"),
        "boolean" => Some("bool"),
        "datetime" | "timestamptz" | "timestamp_ntz" | "time" => Some("timestamp"),
        _ => None,
    };
    let mut diagnostic = Diagnostic::error("unknown-type", format!("no type `{name}`")).at(span, "not a type");
    diagnostic = match habit.or_else(|| nearest(name, names.iter().copied())) {
        Some(near) => diagnostic.help(format!("write `{near}`")),
        None => diagnostic.help(format!("the types are {}", list(&names))),
    };
    diagnostics.push(diagnostic);
    None
}

/// Reads the columns of a source or the attributes of an entity.
///
/// One whose type is unknown is there as a null, so that what uses it is no mistake of its own.
pub fn columns<'t, T>(
    definition: &Definition<T>,
    declared: impl Iterator<Item = (&'t Spanned<String>, &'t Spanned<Short<ColumnTable>>)>,
    diagnostics: &mut Diagnostics,
) -> Vec<Column> {
    let mut columns = Vec::new();
    for (name, value) in declared {
        let span = definition.place(name);
        if !is_name(name.get()) {
            diagnostics.push(
                Diagnostic::error("bad-name", format!("`{}` is not a name", name.get())).at(span, "").help(format!(
                    "name it in snake_case, and say what the table calls it: \
                         `some_name = {{ column = \"{}\", type = \"…\" }}`",
                    name.get()
                )),
            );
            continue;
        }
        let (column, ty) = match value.get() {
            Short::Name(ty) => (name.get().clone(), declared_type(ty, definition.place(value), diagnostics)),
            Short::Full(full) => {
                column_names(definition, [full.column.as_ref()], diagnostics);
                (
                    full.column.as_ref().unwrap_or(name).get().clone(),
                    declared_type(full.ty.get(), definition.place(&full.ty), diagnostics),
                )
            }
        };
        columns.push(Column { name: name.get().clone(), column, ty: ty.unwrap_or(Type::Null), span });
    }
    columns
}

/// Returns where raw columns are written: those of roles, and those that are declared.
pub fn places<'t, T>(
    definition: &Definition<T>,
    roles: impl IntoIterator<Item = Option<&'t Spanned<String>>>,
    declared: &'t IndexMap<Spanned<String>, Spanned<Short<ColumnTable>>>,
) -> BTreeMap<String, Span> {
    let declared = declared.iter().map(|(name, value)| match value.get() {
        Short::Full(full) => full.column.as_ref().unwrap_or(name),
        Short::Name(_) => name,
    });
    let written = declared.chain(roles.into_iter().flatten());
    written.map(|column| (column.get().clone(), definition.place(column))).collect()
}

/// Reports names of columns that are empty: the warehouse cannot have them.
pub fn column_names<'t, T>(
    definition: &Definition<T>,
    names: impl IntoIterator<Item = Option<&'t Spanned<String>>>,
    diagnostics: &mut Diagnostics,
) {
    for name in names.into_iter().flatten().filter(|name| name.get().is_empty()) {
        diagnostics
            .push(Diagnostic::error("empty-name", "the name of a column is empty").at(definition.place(name), ""));
    }
}

/// Reads the column with a time, and what is stored in it where that is said.
pub fn time(written: &Spanned<Short<TimeTable>>) -> (Spanned<String>, Option<TimeType>) {
    match written.get() {
        Short::Name(column) => (written.with(column.clone()), None),
        Short::Full(full) => (full.column.clone(), Some(full.ty)),
    }
}

/// Reads a zone's name; `UTC` if there is none.
pub fn timezone<T>(
    definition: &Definition<T>,
    zone: Option<&Spanned<String>>,
    diagnostics: &mut Diagnostics,
) -> String {
    let Some(zone) = zone else { return "UTC".to_owned() };
    let name = zone.get();
    // Short names such as `EST` are in the list too, and mean another thing to each warehouse.
    let is_whole = |known: &str| known == "UTC" || known.contains('/');
    let known: Vec<String> = TimeZoneDatabase::bundled().available().map(|known| known.to_string()).collect();
    let mut known = known.iter().map(String::as_str).filter(|known| is_whole(known));
    if !known.clone().any(|known| known == name) {
        let diagnostic = Diagnostic::error("bad-timezone", format!("`{name}` is not the name of a time zone"))
            .at(definition.place(zone), "");
        diagnostics.push(match nearest(name, &mut known) {
            Some(near) => diagnostic.help(format!("one with a similar name exists: `{near}`")),
            None => diagnostic.help("write `UTC`, or an IANA name such as `Europe/Berlin`"),
        });
    }
    name.clone()
}

/// Tells whether rows are told apart alike on every warehouse by a value; reports a float, whose text is not the same on all.
pub fn tells_apart(value: &Expr, help: &str, diagnostics: &mut Diagnostics) -> bool {
    let is_exact = value.ty != Type::Float;
    if !is_exact {
        diagnostics.push(
            Diagnostic::error("inexact-group", "rows cannot be told apart by a float")
                .at(value.span, "a float, which warehouses write in different ways")
                .help(help),
        );
    }
    is_exact
}

/// Reads a length of time, in microseconds; it is above zero.
pub fn window<T>(definition: &Definition<T>, value: &Spanned<String>, diagnostics: &mut Diagnostics) -> Option<i64> {
    let length = duration::duration(value.get()).filter(|length| *length > 0);
    if length.is_none() {
        diagnostics.push(
            Diagnostic::error("bad-duration", format!("`{}` is not a length of time", value.get()))
                .at(definition.place(value), "")
                .help("write a whole number and a unit: `14d`, `36h`, `30m`, `45s`, `2w`; months differ in length"),
        );
    }
    if length.is_some_and(|length| length > LONGEST) {
        diagnostics.push(
            Diagnostic::error("bad-duration", format!("`{}` is longer than 100 years", value.get()))
                .at(definition.place(value), "added to a time, it leaves the calendar of a warehouse")
                .help("for what has no end leave the key out"),
        );
        return None;
    }
    length
}

/// Returns the path of a circle of definitions, which ends where it begins; of a long one how it begins and ends.
pub fn circle(names: &[&str]) -> String {
    let mut shown: Vec<String> = names.iter().chain(names.first()).map(|name| format!("`{name}`")).collect();
    if shown.len() > CIRCLE {
        let left_out = format!("… ({} more) …", shown.len() - CIRCLE);
        shown.splice(CIRCLE - 2..shown.len() - 2, [left_out]);
    }
    shown.join(" -> ")
}

/// A circle of more definitions is not shown whole.
const CIRCLE: usize = 12;

/// Gathers what every definition has.
pub fn meta<T>(
    definition: &Definition<T>,
    title: Option<&String>,
    description: Option<&String>,
    owner: Option<&String>,
    tags: &[String],
) -> Meta {
    Meta {
        name: definition.name.clone(),
        title: title.cloned(),
        description: description.cloned(),
        owner: owner.cloned(),
        tags: tags.to_vec(),
        span: definition.span,
    }
}
