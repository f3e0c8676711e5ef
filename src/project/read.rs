//! One TOML table -> one struct, with every mistake in it reported.
//!
//! Serde stops at its first error. So a table that fails is read again without the key to blame, until nothing is left
//! to say; the keys that it may have are those of the struct's JSON Schema.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use toml::de::{DeArray, DeTable, DeValue, ValueDeserializer};

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::project::names::nearest;
use crate::project::planned;
use crate::source::Span;

/// Reads `table` as a `T`; `what` names it in messages, and `header` is where it is declared.
pub fn read<T: DeserializeOwned + JsonSchema>(
    table: &DeTable<'_>,
    what: &str,
    header: Span,
    diagnostics: &mut Diagnostics,
) -> Option<T> {
    read_beside(table, &[], what, header, diagnostics)
}

/// Reads `table` as a `T`, where the keys `others` are read elsewhere, and are no part of `table`.
pub fn read_beside<T: DeserializeOwned + JsonSchema>(
    table: &DeTable<'_>,
    others: &[String],
    what: &str,
    header: Span,
    diagnostics: &mut Diagnostics,
) -> Option<T> {
    match deserialize(table, header) {
        Ok(value) if lists_for_tables::<T>(table).is_empty() => Some(value),
        Ok(_) | Err(_) => {
            let known = [keys::<T>(), others].concat();
            Reading { what, header, known, removed: Vec::new(), diagnostics }.report::<T>(table.clone());
            None
        }
    }
}

/// What a struct's JSON Schema says of its keys.
struct Shape {
    /// Those that it may have.
    keys: Vec<String>,
    /// Those that it must have.
    required: Vec<String>,
    /// Those with a table of their own.
    tables: Vec<String>,
}

/// Returns the shape of a `T`, which is found out once.
fn shape<T: JsonSchema>() -> &'static Shape {
    static SHAPES: Mutex<BTreeMap<String, &'static Shape>> = Mutex::new(BTreeMap::new());
    let mut shapes = SHAPES.lock().unwrap_or_else(PoisonError::into_inner);
    shapes.entry(T::schema_id().into_owned()).or_insert_with(|| Box::leak(Box::new(Shape::of::<T>())))
}

impl Shape {
    fn of<T: JsonSchema>() -> Self {
        let root = schemars::schema_for!(T);
        let properties = root.get("properties").and_then(serde_json::Value::as_object);
        let defined = |schema: &serde_json::Value| -> Option<serde_json::Value> {
            let name = schema.get("$ref")?.as_str()?.strip_prefix("#/$defs/")?;
            Some(root.get("$defs")?.get(name)?.clone())
        };
        let is_table = |schema: &serde_json::Value| {
            let forms = schema.get("anyOf").and_then(|forms| forms.as_array()).cloned();
            let forms = forms.unwrap_or_else(|| vec![schema.clone()]);
            forms.iter().filter_map(defined).any(|form| form.get("type").is_some_and(|name| name == "object"))
        };
        let required = root.get("required").and_then(serde_json::Value::as_array);
        Self {
            keys: properties.into_iter().flat_map(|all| all.keys().cloned()).collect(),
            required: required.into_iter().flatten().filter_map(|name| name.as_str()).map(str::to_owned).collect(),
            tables: properties
                .into_iter()
                .flatten()
                .filter(|(_, schema)| is_table(schema))
                .map(|(key, _)| key.clone())
                .collect(),
        }
    }
}

/// Returns the names of the keys that a `T` may have.
pub fn keys<T: JsonSchema>() -> &'static [String] {
    &shape::<T>().keys
}

/// Returns the keys with a list where a `T` has a table of its own: serde would take one for the other.
fn lists_for_tables<T: JsonSchema>(table: &DeTable<'_>) -> Vec<(String, Range<usize>)> {
    let is_list = |value: &toml::Spanned<DeValue<'_>>| matches!(value.get_ref(), DeValue::Array(_));
    let is_table = |key: &str| shape::<T>().tables.iter().any(|name| name == key);
    let lists = table.iter().filter(|(key, value)| is_list(value) && is_table(key.get_ref()));
    lists.map(|(key, value)| (key.get_ref().to_string(), value.span())).collect()
}

fn deserialize<T: DeserializeOwned>(table: &DeTable<'_>, header: Span) -> Result<T, toml::de::Error> {
    let value = toml::Spanned::new(header.start..header.end, DeValue::Table(table.clone()));
    T::deserialize(ValueDeserializer::from(value))
}

/// One step from a table to a value inside it.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    Key(String),
    Index(usize),
}

/// A table that cannot be read, and what was said of it so far.
struct Reading<'r> {
    what: &'r str,
    header: Span,
    known: Vec<String>,
    removed: Vec<Vec<Step>>,
    diagnostics: &'r mut Diagnostics,
}

impl Reading<'_> {
    fn report<T: DeserializeOwned + JsonSchema>(&mut self, mut table: DeTable<'_>) {
        let own = keys::<T>();
        for (key, _) in table.iter().filter(|(key, _)| !own.iter().any(|name| name == key.get_ref())) {
            let diagnostic = unknown_key(self.what, key.get_ref(), &self.known).at(self.place(key.span()), "");
            self.diagnostics.push(diagnostic);
        }
        table = table.into_iter().filter(|(key, _)| own.iter().any(|name| name == key.get_ref())).collect();
        for (name, span) in lists_for_tables::<T>(&table) {
            let message = format!("`{name}` of {} is a list where a table is expected", self.what);
            self.diagnostics.push(Diagnostic::error("wrong-type-of-value", message).at(self.place(span), ""));
            let path = vec![Step::Key(name)];
            remove(&mut table, &path);
            self.removed.push(path);
        }
        while let Err(error) = deserialize::<T>(&table, self.header) {
            let mut span = error.span().unwrap_or(self.header.start..self.header.end);
            let mut path = Vec::new();
            find(&table, &span, &mut path);
            // A table that is made by dotted keys has no place of its own.
            if let (true, Some(field)) = (path.is_empty(), error.message().strip_prefix("unknown field `"))
                && let Some(key) = find_key(&table, field.split('`').next().unwrap_or(field), &mut path)
            {
                span = key;
            }
            // Nor has a value in a table whose keys are anybody's; what it is tells which it is.
            if path.is_empty()
                && let Some(written) = error.message().strip_prefix("invalid type: ").and_then(|m| m.split('`').nth(1))
                && let Some(value) = find_scalar(&table, written, &mut path)
            {
                span = value;
            }
            if path.is_empty() {
                self.missing::<T>(&table, error.message());
                return;
            }
            self.mistake(error.message(), span, &path, &table);
            remove(&mut table, &path);
            self.removed.push(path);
        }
    }

    /// Reports the keys that are not there.
    fn missing<T: JsonSchema>(&mut self, table: &DeTable<'_>, message: &str) {
        let absent: Vec<String> = shape::<T>()
            .required
            .iter()
            .filter(|name| !table.keys().any(|key| key.get_ref() == *name))
            .cloned()
            .collect();
        for name in &absent {
            // What was wrong was reported as that.
            if self.removed.iter().any(|path| path[0] == Step::Key(name.clone())) {
                continue;
            }
            self.diagnostics.push(
                Diagnostic::error("missing-key", format!("{} needs a key `{name}`", self.what))
                    .at(self.header, format!("`{name}` is missing")),
            );
        }
        if !absent.is_empty() {
            return;
        }
        let diagnostic = if let Some(field) = message.strip_prefix("missing field ") {
            Diagnostic::error("missing-key", format!("a table in {} needs a key {field}", self.what))
        } else {
            // Without the value, which may be a secret.
            let message: String = message.split('`').step_by(2).collect::<Vec<_>>().join("…");
            Diagnostic::error("wrong-type-of-value", format!("{} cannot be read: {message}", self.what))
        };
        self.diagnostics.push(diagnostic.at(self.header, ""));
    }

    /// Reports a mistake inside the value of a key.
    fn mistake(&mut self, message: &str, span: Range<usize>, path: &[Step], table: &DeTable<'_>) {
        let name = path.iter().rev().find_map(|step| match step {
            Step::Key(name) => Some(name.as_str()),
            Step::Index(_) => None,
        });
        let name = name.expect("a path from a table begins with a key");
        let quoted: Vec<String> = message.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        let place = self.place(span);
        let diagnostic = if message.starts_with("missing field") {
            let field = &quoted[0];
            let inside: Vec<Step> = path.iter().cloned().chain([Step::Key(field.clone())]).collect();
            if self.removed.contains(&inside) {
                return;
            }
            Diagnostic::error("missing-key", format!("`{name}` of {} needs a key `{field}`", self.what))
                .at(place, format!("`{field}` is missing"))
        } else if message.starts_with("unknown field") {
            let holder = path.iter().rev().skip(1).find_map(|step| match step {
                Step::Key(name) => Some(name.as_str()),
                Step::Index(_) => None,
            });
            let holder = holder.map_or_else(|| self.what.to_owned(), |holder| format!("`{holder}` of {}", self.what));
            unknown_key(&holder, &quoted[0], &quoted[1..]).at(place, "")
        } else if message.starts_with("unknown variant") {
            let (written, values) = (&quoted[0], &quoted[1..]);
            let diagnostic =
                Diagnostic::error("unknown-value", format!("`{written}` is not a value of `{name}`")).at(place, "");
            match nearest(written, values.iter().map(String::as_str)) {
                Some(near) => diagnostic.help(format!("a similar value exists: `{near}`")),
                None => diagnostic.help(format!("its values are {}", list(values))),
            }
        } else {
            let item = if matches!(path.last(), Some(Step::Index(_))) { "an item of " } else { "" };
            let subject = format!("{item}`{name}` of {}", self.what);
            let found = value_at(table, path).map_or("something else", kind_of);
            Diagnostic::error("wrong-type-of-value", rephrase(&subject, found, message)).at(place, "")
        };
        self.diagnostics.push(diagnostic);
    }

    fn place(&self, range: Range<usize>) -> Span {
        Span { source: self.header.source, start: range.start, end: range.end }
    }
}

fn unknown_key(what: &str, name: &str, known: &[String]) -> Diagnostic {
    let diagnostic = Diagnostic::error("unknown-key", format!("{what} has no key `{name}`"));
    if planned::is_key(what, name) {
        return diagnostic.help(planned::HELP);
    }
    match nearest(name, known.iter().map(String::as_str)) {
        Some(near) => diagnostic.help(format!("a key with a similar name exists: `{near}`")),
        None => diagnostic.help(format!("its keys are {}", list(known))),
    }
}

/// Finds the innermost value that a place lies in, or whose key it is. A table of dotted keys, or with a header of its own,
/// has a place that its values do not lie in.
fn find(table: &DeTable<'_>, span: &Range<usize>, path: &mut Vec<Step>) {
    let within = |whole: &Range<usize>| span.start >= whole.start && span.end <= whole.end;
    for (key, value) in table {
        if within(&key.span()) || within(&value.span()) {
            path.push(Step::Key(key.get_ref().to_string()));
            find_in(value.get_ref(), span, path);
            return;
        }
    }
    for (key, value) in table {
        let DeValue::Table(inner) = value.get_ref() else { continue };
        path.push(Step::Key(key.get_ref().to_string()));
        let depth = path.len();
        find(inner, span, path);
        if path.len() > depth {
            return;
        }
        path.pop();
    }
}

fn find_in(value: &DeValue<'_>, span: &Range<usize>, path: &mut Vec<Step>) {
    match value {
        DeValue::Table(table) => find(table, span, path),
        DeValue::Array(items) => {
            let inside =
                |item: &toml::Spanned<DeValue<'_>>| span.start >= item.span().start && span.end <= item.span().end;
            if let Some(position) = items.iter().position(inside) {
                path.push(Step::Index(position));
                find_in(items[position].get_ref(), span, path);
            }
        }
        DeValue::String(_) | DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => {}
    }
}

/// Finds a key by its name, in a table inside `table`.
fn find_key(table: &DeTable<'_>, name: &str, path: &mut Vec<Step>) -> Option<Range<usize>> {
    for (key, value) in table {
        let DeValue::Table(inner) = value.get_ref() else { continue };
        path.push(Step::Key(key.get_ref().to_string()));
        if let Some((key, _)) = inner.get_key_value(name) {
            path.push(Step::Key(name.to_owned()));
            return Some(key.span());
        }
        if let Some(span) = find_key(inner, name, path) {
            return Some(span);
        }
        path.pop();
    }
    None
}

/// Returns the value at the end of a path.
fn value_at<'v, 't>(table: &'v DeTable<'t>, path: &[Step]) -> Option<&'v DeValue<'t>> {
    let (Step::Key(first), rest) = path.split_first()? else { return None };
    let mut value = table.get(first.as_str())?.get_ref();
    for step in rest {
        value = match (value, step) {
            (DeValue::Table(table), Step::Key(name)) => table.get(name.as_str())?.get_ref(),
            (DeValue::Array(items), Step::Index(position)) => items.get(*position)?.get_ref(),
            _ => return None,
        };
    }
    Some(value)
}

/// Finds a value that is no string, table or list by how serde writes it, and returns its place.
fn find_scalar(table: &DeTable<'_>, written: &str, path: &mut Vec<Step>) -> Option<Range<usize>> {
    for (key, value) in table {
        path.push(Step::Key(key.get_ref().to_string()));
        let found = match value.get_ref() {
            DeValue::Table(inner) => find_scalar(inner, written, path),
            DeValue::Integer(number) => (number.to_string() == written).then(|| value.span()),
            DeValue::Float(number) => {
                let same = number.to_string().parse::<f64>().is_ok_and(|own| Ok(own) == written.parse());
                same.then(|| value.span())
            }
            DeValue::Boolean(truth) => (truth.to_string() == written).then(|| value.span()),
            DeValue::String(_) | DeValue::Datetime(_) | DeValue::Array(_) => None,
        };
        if found.is_some() {
            return found;
        }
        path.pop();
    }
    None
}

/// Takes out the value at the end of a path.
fn remove(table: &mut DeTable<'_>, path: &[Step]) {
    let [Step::Key(name), rest @ ..] = path else { return };
    if rest.is_empty() {
        let kept = std::mem::replace(table, DeTable::new())
            .into_iter()
            .filter(|(key, _)| key.get_ref() != name.as_str())
            .collect();
        *table = kept;
    } else if let Some((_, value)) = table.iter_mut().find(|(key, _)| key.get_ref() == name.as_str()) {
        remove_in(value.get_mut(), rest);
    }
}

fn remove_in(value: &mut DeValue<'_>, path: &[Step]) {
    match (value, path) {
        (DeValue::Table(table), _) => remove(table, path),
        (DeValue::Array(items), [Step::Index(position)]) => {
            let kept =
                std::mem::replace(items, DeArray::new()).into_iter().enumerate().filter(|(index, _)| index != position);
            *items = kept.map(|(_, item)| item).collect();
        }
        (DeValue::Array(items), [Step::Index(position), rest @ ..]) => {
            remove_in(items.as_mut()[*position].get_mut(), rest);
        }
        _ => {}
    }
}

/// Says in the words of TOML what serde says in its own.
fn rephrase(subject: &str, found: &str, message: &str) -> String {
    if let Some((_, expected)) = message.strip_prefix("invalid type: ").and_then(|rest| rest.split_once(", expected "))
    {
        return format!("{subject} is {found} where {} is expected", expectation(expected));
    }
    if let Some((value, expected)) =
        message.strip_prefix("invalid value: ").and_then(|rest| rest.split_once(", expected "))
    {
        let value = value.split('`').nth(1).unwrap_or(value);
        return format!("{subject} is {value} where {} is expected", expectation(expected));
    }
    match message {
        // One of several words.
        "wanted string or table" => format!("{subject} is {found} where a string is expected"),
        _ => match message.strip_prefix("expected ") {
            Some(expected) => format!("{subject} is not {expected}"),
            None => format!("{subject} cannot be read: {message}"),
        },
    }
}

fn expectation(expected: &str) -> &str {
    match expected {
        "a sequence" => "a list",
        "a map" => "a table",
        "a boolean" => "`true` or `false`",
        "u16" => "an integer from 0 to 65535",
        "i64" => "an integer",
        _ if expected.starts_with("struct ") => "a table",
        _ => expected,
    }
}

/// Says what a value is.
pub fn kind_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a bool",
        DeValue::Datetime(_) => "a date or a time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// Returns names as they are listed in a sentence.
pub fn list<S: AsRef<str>>(names: &[S]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{}`", name.as_ref())).collect();
    match quoted.split_last() {
        None => "none".to_owned(),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}
