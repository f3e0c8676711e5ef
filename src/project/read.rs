//! One TOML table -> one struct, with every mistake in it reported.
//!
//! Serde stops at its first error. So a table that fails is read again without the key to blame, until nothing is left
//! to say; the keys that it may have are those of the struct's JSON Schema.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::project::names::nearest;
use crate::source::Span;

/// Reads `table` as a `T`; `what` names it in messages, and `header` is where it is declared.
pub fn read<T: DeserializeOwned + JsonSchema>(
    table: &DeTable<'_>,
    what: &str,
    header: Span,
    diagnostics: &mut Diagnostics,
) -> Option<T> {
    match deserialize(table, header) {
        Ok(value) => Some(value),
        Err(_) => {
            report::<T>(table.clone(), what, header, diagnostics);
            None
        }
    }
}

/// Returns the names of the keys that a `T` may have.
pub fn keys<T: JsonSchema>() -> Vec<String> {
    let schema = schemars::schema_for!(T);
    match schema.get("properties") {
        Some(serde_json::Value::Object(properties)) => properties.keys().cloned().collect(),
        _ => Vec::new(),
    }
}

fn deserialize<T: DeserializeOwned>(table: &DeTable<'_>, header: Span) -> Result<T, toml::de::Error> {
    let value = toml::Spanned::new(header.start..header.end, DeValue::Table(table.clone()));
    T::deserialize(ValueDeserializer::from(value))
}

fn report<T: DeserializeOwned + JsonSchema>(
    mut table: DeTable<'_>,
    what: &str,
    header: Span,
    diagnostics: &mut Diagnostics,
) {
    let known = keys::<T>();
    let mut removed: Vec<String> = Vec::new();
    let place = |range: std::ops::Range<usize>| Span { source: header.source, start: range.start, end: range.end };
    for (key, _) in table.iter().filter(|(key, _)| !known.iter().any(|name| name == key.get_ref())) {
        let name = key.get_ref().to_string();
        let mut diagnostic = Diagnostic::error("unknown-key", format!("{what} has no key `{name}`"))
            .at(place(key.span()), "not a key of this table");
        diagnostic = match nearest(&name, known.iter().map(String::as_str)) {
            Some(near) => diagnostic.help(format!("a key with a similar name exists: `{near}`")),
            None => diagnostic.help(format!("its keys are {}", list(&known))),
        };
        diagnostics.push(diagnostic);
        removed.push(name);
    }
    table = table.into_iter().filter(|(key, _)| known.iter().any(|name| name == key.get_ref())).collect();
    while let Err(error) = deserialize::<T>(&table, header) {
        let message = error.message().to_owned();
        if let Some(field) = message.strip_prefix("missing field `").and_then(|rest| rest.split('`').next())
            && error.span().is_none_or(|span| span.start <= header.start || span == (header.start..header.end))
        {
            if !removed.iter().any(|name| name == field) {
                diagnostics.push(
                    Diagnostic::error("missing-key", format!("{what} needs a key `{field}`"))
                        .at(header, format!("`{field}` is missing")),
                );
            }
            break;
        }
        let span = error.span().unwrap_or(header.start..header.end);
        let guilty = table.iter().find_map(|(key, value)| {
            let whole = key.span().start.min(value.span().start)..key.span().end.max(value.span().end);
            (span.start >= whole.start && span.end <= whole.end).then(|| key.get_ref().to_string())
        });
        let code = if message.starts_with("unknown field") {
            "unknown-key"
        } else if message.starts_with("unknown variant") {
            "unknown-value"
        } else if message.starts_with("missing field") {
            "missing-key"
        } else {
            "wrong-type-of-value"
        };
        diagnostics.push(Diagnostic::error(code, format!("{what}: {message}")).at(place(span), ""));
        let Some(guilty) = guilty else { break };
        table = table.into_iter().filter(|(key, _)| key.get_ref() != guilty.as_str()).collect();
        removed.push(guilty);
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
