//! Looks, before a run, at what raw rows hold: rows that would be lost without a word, and names of events that nothing has.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::check::Checked;
use crate::run::preflight::nearest;
use crate::warehouse::{Error, Rows, Value, Warehouse};

/// The names of events that are looked at for one that is similar.
const MOST_NAMES: usize = 10_000;

/// So many characters of a value are told.
const MOST_CHARACTERS: usize = 100;

/// What is looked at.
#[derive(Clone, Debug)]
pub struct Look {
    /// The definition, as people call it: `source.events`.
    pub definition: String,
    /// The column with the time, and whether it is the start of an entity.
    pub time: Option<(String, bool)>,
    /// The column with the key of whom a row belongs to, or of an entity its own.
    pub key: Option<String>,
    /// What the rows are.
    pub rows: Kind,
    /// The column with the key of a fact.
    pub id: Option<String>,
    /// The column with the name of an event.
    pub name: Option<String>,
    /// The entity that rows belong to, and the column with its key: of an entity, its parent.
    pub owner: Option<(String, String)>,
    /// The columns and properties that have a type, and the type.
    pub typed: Vec<(String, &'static str)>,
    /// The properties that definitions read.
    pub properties: Vec<String>,
    /// Counts rows: by name, the rows, those with a time, those with one that can be read, the smallest that cannot, those
    /// with a key of whom they belong to, those with one of their own, those with a name, those of somebody whom no table has, and the smallest
    /// key of such; then, for each of `typed`, those whose value cannot be read, and the smallest; then, for each of
    /// `properties`, those that have it.
    pub counts: Checked,
    /// Whether rows of other names than the wanted ones are read.
    pub reads_all: bool,
    /// The names of events that definitions count, each with all that the data calls it.
    pub wanted: Vec<(String, Vec<String>)>,
    /// Gives the names of events.
    pub names: Option<Checked>,
}

/// What rows are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Events.
    Log,
    /// Facts.
    Facts,
    /// Entities.
    Entities,
}

/// What was found of the rows of a definition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Found {
    /// The definition.
    pub definition: String,
    /// The rows that definitions count, before duplicates are removed.
    pub rows: u64,
    /// Those that have no time, or no start.
    pub without_time: u64,
    /// Those whose time or start cannot be read.
    pub unreadable_times: u64,
    /// One of these, in part where it is long.
    pub unreadable_time: Option<String>,
    /// Those that belong to nobody; of an entity, those without a key.
    pub without_key: u64,
    /// Of facts, those without a key of their own.
    #[serde(default)]
    pub without_id: u64,
    /// Of a log, those without a name: no definition counts them, and they are not among `rows` where definitions count
    /// certain names alone.
    #[serde(default)]
    pub without_name: u64,
    /// Those that belong to somebody whom no table of entities has.
    #[serde(default)]
    pub unknown_entities: u64,
    /// The key of one of these.
    #[serde(default)]
    pub unknown_entity: Option<String>,
    /// The columns and properties of which values cannot be read as the declared type, and are null.
    #[serde(default)]
    pub unreadable_values: BTreeMap<String, Unreadable>,
    /// The properties that definitions read, and no row has.
    #[serde(default)]
    pub absent_properties: Vec<String>,
    /// The names of events that no row has, each with names that are similar.
    pub unknown_events: BTreeMap<String, Vec<String>>,
}

/// Values that cannot be read as the type that is declared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Unreadable {
    /// The type.
    pub ty: String,
    /// How many rows have one.
    pub rows: u64,
    /// One of them.
    pub example: String,
}

/// Looks at the rows of one definition.
pub fn look(warehouse: &dyn Warehouse, look: &Look) -> Result<Found, Error> {
    let rows = warehouse.query(&look.counts, None)?;
    let mut found = Found { definition: look.definition.clone(), ..Found::default() };
    let mut known: Vec<String> = Vec::new();
    let mut all = 0;
    let mut present = vec![0; look.properties.len()];
    for row in &rows.rows {
        let [name, count, given, read, example, keys, ids, names, strangers, stranger, values @ ..] = row.as_slice()
        else {
            continue;
        };
        let count = number(count);
        all += count;
        if look.name.is_some() {
            found.without_name += count - number(names);
        }
        if *name != Value::Null {
            known.push(name.to_string());
        } else if !look.reads_all {
            continue;
        }
        found.rows += count;
        if look.time.is_some() {
            found.without_time += count - number(given);
            found.unreadable_times += number(given) - number(read);
            keep_smallest(&mut found.unreadable_time, example);
        }
        if look.key.is_some() {
            found.without_key += count - number(keys);
        }
        if look.id.is_some() {
            found.without_id += count - number(ids);
        }
        found.unknown_entities += number(strangers);
        keep_smallest(&mut found.unknown_entity, stranger);
        let (values, properties) = values.split_at_checked(2 * look.typed.len()).unwrap_or_default();
        for (present, rows) in present.iter_mut().zip(properties) {
            *present += number(rows);
        }
        for ((column, ty), value) in look.typed.iter().zip(values.chunks_exact(2)) {
            let [rows, example] = value else { continue };
            if number(rows) > 0 {
                let found = found.unreadable_values.entry(column.clone()).or_default();
                found.rows += number(rows);
                (*ty).clone_into(&mut found.ty);
                let mut smallest = Some(std::mem::take(&mut found.example)).filter(|example| !example.is_empty());
                keep_smallest(&mut smallest, example);
                found.example = smallest.unwrap_or_default();
            }
        }
    }
    for example in found.unreadable_time.iter_mut().chain(&mut found.unknown_entity) {
        *example = bounded(example);
    }
    for unreadable in found.unreadable_values.values_mut() {
        unreadable.example = bounded(&unreadable.example);
    }
    let is_absent = |(_, present): &(&String, u64)| *present == 0 && found.rows > 0;
    let absent = look.properties.iter().zip(present).filter(is_absent).map(|(property, _)| property.clone());
    found.absent_properties = absent.collect();
    // Where there are no rows at all, no name is to blame.
    let unknown = |raw: &[String]| all > 0 && !raw.iter().any(|name| known.contains(name));
    let unknown: Vec<&String> = look.wanted.iter().filter(|(_, raw)| unknown(raw)).map(|(name, _)| name).collect();
    if let (false, Some(names)) = (unknown.is_empty(), &look.names) {
        let names = texts(&warehouse.query(names, Some(MOST_NAMES))?);
        found.unknown_events = unknown.into_iter().map(|name| (name.clone(), nearest(name, names.iter()))).collect();
    }
    Ok(found)
}

/// Keeps the smaller of two examples, so that which one is told does not depend on the order of rows.
fn keep_smallest(kept: &mut Option<String>, value: &Value) {
    let text = value.to_string();
    if *value != Value::Null && kept.as_ref().is_none_or(|kept| text < *kept) {
        *kept = Some(text);
    }
}

/// Returns a value as it is told: what is long is cut, and says so.
fn bounded(text: &str) -> String {
    match text.char_indices().nth(MOST_CHARACTERS) {
        None => text.to_owned(),
        Some((end, _)) => format!("{} […] (cut, of {} characters)", &text[..end], text.chars().count()),
    }
}

fn number(value: &Value) -> u64 {
    match value {
        Value::Int(number) => u64::try_from(*number).unwrap_or_default(),
        Value::Null
        | Value::Bool(_)
        | Value::Float(_)
        | Value::Decimal(_)
        | Value::Text(_)
        | Value::Date(_)
        | Value::Timestamp(_) => value.to_string().parse().unwrap_or_default(),
    }
}

fn texts(rows: &Rows) -> Vec<String> {
    let names = rows.rows.iter().filter_map(|row| row.first());
    names.filter(|name| **name != Value::Null).map(Value::to_string).collect()
}

impl Found {
    /// Returns why a run would be pointless: no row would be left.
    pub fn error(&self, look: &Look) -> Option<String> {
        let (column, is_start) = look.time.as_ref()?;
        if self.rows == 0 || self.without_time + self.unreadable_times < self.rows {
            return None;
        }
        let (definition, rows) = (&self.definition, rows(self.rows));
        let what = if *is_start { "start" } else { "time" };
        Some(match &self.unreadable_time {
            Some(example) => {
                let advice = advice(column, *is_start, example);
                format!(
                    "`{definition}`: of {rows} none has a {what} that can be read: `{column}` holds `{example}`{advice}"
                )
            }
            None => format!("`{definition}`: of {rows} none has a {what}: `{column}` is empty"),
        })
    }

    /// Returns what gets lost, in sentences, and what is not there.
    pub fn warnings(&self, look: &Look) -> Vec<String> {
        let definition = &self.definition;
        let of = |count: u64| {
            let has = if count == 1 { "has" } else { "have" };
            format!("`{definition}`: {count} of {} {has}", rows(self.rows))
        };
        let mut warnings = Vec::new();
        if let Some((column, is_start)) = &look.time {
            let (what, lost) = if *is_start { ("start", "not there") } else { ("time", "not counted") };
            if self.unreadable_times > 0 {
                let example = self.unreadable_time.as_deref().unwrap_or_default();
                let has = of(self.unreadable_times);
                warnings.push(format!("{has} a {what} that cannot be read, such as `{example}` in `{column}`: {lost}"));
            }
            if self.without_time > 0 {
                warnings.push(format!("{} no `{column}`: {lost}", of(self.without_time)));
            }
        }
        let lost = match look.rows {
            Kind::Log => "counted for no milestone without a `subject`",
            Kind::Facts => "counted for nobody",
            Kind::Entities => "not counted",
        };
        if let Some(id) = look.id.as_ref().filter(|_| self.without_id > 0) {
            warnings.push(format!("{} no `{id}`: counted, each by itself", of(self.without_id)));
        }
        if let Some(name) = look.name.as_ref().filter(|_| self.without_name > 0) {
            let has = if self.without_name == 1 { "has" } else { "have" };
            warnings.push(format!(
                "`{definition}`: {} {has} no `{name}`: no event, and not counted",
                rows(self.without_name)
            ));
        }
        if let Some(key) = look.key.as_ref().filter(|_| self.without_key > 0) {
            warnings.push(format!("{} no `{key}`: {lost}", of(self.without_key)));
        }
        if let (Some((entity, key)), Some(example)) = (&look.owner, &self.unknown_entity) {
            let (count, all) = (self.unknown_entities, rows(self.rows));
            let (has, share) = (if count == 1 { "has" } else { "have" }, share(count, self.rows));
            let lost = if look.rows == Kind::Entities { format!("members of no `{entity}`") } else { lost.to_owned() };
            warnings.push(format!(
                "`{definition}`: {count} of {all} ({share}) {has} a `{key}` that no `{entity}` has, such as `{example}`: {lost}"
            ));
        }
        for (column, Unreadable { ty, rows: unread, example }) in &self.unreadable_values {
            let of = rows(self.rows);
            warnings.push(format!("`{definition}`: in {unread} of {of} `{column}` is no {ty}, and null: `{example}`"));
        }
        for property in &self.absent_properties {
            warnings.push(format!("`{definition}`: in none of {} `{property}` has a value", rows(self.rows)));
        }
        for (name, similar) in &self.unknown_events {
            let mut text = format!("`{definition}`: no row is an event `{name}`");
            if !similar.is_empty() {
                let names: Vec<String> = similar.iter().map(|name| format!("`{name}`")).collect();
                text.push_str(&format!("; similar names: {}", names.join(", ")));
            }
            warnings.push(text);
        }
        warnings
    }
}

fn rows(count: u64) -> String {
    if count == 1 { "1 row".to_owned() } else { format!("{count} rows") }
}

/// Returns a share in percent: all and nothing are said of all and nothing only.
fn share(count: u64, all: u64) -> String {
    let percent = u128::from(count) * 100 / u128::from(all.max(1));
    if percent == 0 && count > 0 { "less than 1 %".to_owned() } else { format!("{percent} %") }
}

/// Returns what to write where a time is a number, which has as many digits as one of these days.
fn advice(column: &str, is_start: bool, example: &str) -> String {
    if !example.bytes().all(|byte| byte.is_ascii_digit()) {
        return String::new();
    }
    let ty = match example.len() {
        9 | 10 => "unix_seconds",
        12 | 13 => "unix_milliseconds",
        15 | 16 => "unix_microseconds",
        _ => return String::new(),
    };
    let key = if is_start { "start" } else { "time" };
    format!(": write `{key} = {{ column = \"{column}\", type = \"{ty}\" }}`")
}
