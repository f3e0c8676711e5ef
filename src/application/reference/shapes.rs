//! What a JSON Schema says of a value, in words: `text, or a list of texts`.

use serde_json::Value;

use crate::application::reference::markdown::{cell, code};

/// A schema, and those that it refers to.
#[derive(Clone, Copy)]
pub(super) struct Shape<'s> {
    /// The schema of the value.
    schema: &'s Value,
    /// All schemas, by name.
    named: &'s Value,
}

impl<'s> Shape<'s> {
    pub(super) fn new(schema: &'s Value, named: &'s Value) -> Self {
        Self { schema, named }.followed()
    }

    /// Follows a reference.
    fn followed(self) -> Self {
        let Some(name) = self.name() else { return self };
        self.named.get(name).map_or(self, |schema| Self { schema, ..self })
    }

    /// Returns the name that the schema refers to, where it does.
    fn name(self) -> Option<&'s str> {
        let only = self.schema.get("allOf").and_then(Value::as_array).filter(|all| all.len() == 1);
        let reference = self.schema.get("$ref").or_else(|| only?.first()?.get("$ref"))?;
        reference.as_str()?.rsplit('/').next()
    }

    fn of(self, schema: &'s Value) -> Self {
        Self { schema, ..self }
    }

    /// Returns the forms that a value may have, without those that it refers to, and without null.
    fn forms(self) -> Vec<Self> {
        if let (Some(other), Some(plain)) = (self.schema.get("then"), self.schema.get("else")) {
            return [plain, other].into_iter().flat_map(|form| self.of(form).forms()).collect();
        }
        let all = self.schema.get("anyOf").and_then(Value::as_array);
        let Some(all) = all else { return vec![self] };
        let is_null = |form: &&Value| form.get("type").is_some_and(|name| name == "null");
        all.iter().filter(|form| !is_null(form)).flat_map(|form| self.of(form).forms()).collect()
    }

    /// Returns the sentences that describe it.
    pub(super) fn description(self) -> &'s str {
        self.schema.get("description").and_then(Value::as_str).unwrap_or_default()
    }

    /// Returns the keys of a table, each with the schema of its value, and whether it has to be there.
    pub(super) fn keys(self) -> Vec<(&'s str, Shape<'s>, bool)> {
        let required = self.schema.get("required").and_then(Value::as_array);
        let is_required = |key: &str| required.is_some_and(|all| all.iter().any(|name| name == key));
        let keys = self.schema.get("properties").and_then(Value::as_object).into_iter().flatten();
        keys.map(|(key, schema)| (key.as_str(), self.of(schema), is_required(key))).collect()
    }

    /// Says what it takes, in words.
    pub(super) fn words(self) -> String {
        let forms: Vec<String> = self.forms().into_iter().map(Self::form).collect();
        forms.join(", or ")
    }

    fn form(self) -> String {
        if let Some(name) = self.name() {
            let target = self.followed();
            let values = target.values();
            if !values.is_empty() {
                return values.iter().map(|(value, _)| code(&format!("\"{value}\""))).collect::<Vec<_>>().join(", ");
            }
            if name != "Tree" {
                return "a table".to_owned();
            }
            return "text, or a table of such".to_owned();
        }
        let values = self.values();
        if !values.is_empty() {
            return values.iter().map(|(value, _)| code(&format!("\"{value}\""))).collect::<Vec<_>>().join(", ");
        }
        let kinds = match self.schema.get("type") {
            Some(Value::String(kind)) => vec![kind.as_str()],
            Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
            _ => return "any value".to_owned(),
        };
        let kinds: Vec<&str> = kinds.into_iter().filter(|kind| *kind != "null").collect();
        let words = kinds.into_iter().map(|kind| match kind {
            "string" => "text".to_owned(),
            "integer" => "a whole number".to_owned(),
            "number" => "a number".to_owned(),
            "boolean" => "`true` or `false`".to_owned(),
            "array" => match self.schema.get("items") {
                Some(items) => format!("a list of: {}", self.of(items).words()),
                None => "a list".to_owned(),
            },
            "object" => match self.schema.get("additionalProperties") {
                Some(Value::Object(_)) => {
                    format!("a table of names, each with: {}", self.of(&self.schema["additionalProperties"]).words())
                }
                _ => "a table".to_owned(),
            },
            other => other.to_owned(),
        });
        words.collect::<Vec<_>>().join(", or ")
    }

    /// Returns the words that it takes, each with its meaning.
    pub(super) fn values(self) -> Vec<(&'s str, &'s str)> {
        let followed = self.followed();
        let about = |at: usize| followed.schema.pointer(&format!("/x-taplo/docs/enumValues/{at}"));
        let listed = followed.schema.get("enum").and_then(Value::as_array).into_iter().flatten().enumerate();
        let words = listed.filter_map(|(at, value)| Some((value.as_str()?, about(at).and_then(Value::as_str))));
        let mut values: Vec<(&str, &str)> = words.map(|(value, about)| (value, about.unwrap_or_default())).collect();
        for form in followed.schema.get("oneOf").and_then(Value::as_array).into_iter().flatten() {
            let Some(value) = form.get("const").and_then(Value::as_str) else { continue };
            values.push((value, form.get("description").and_then(Value::as_str).unwrap_or_default()));
        }
        values
    }

    /// Returns the words of the forms that it may have, each with its meaning.
    pub(super) fn all_values(self) -> Vec<(&'s str, &'s str)> {
        self.forms().into_iter().flat_map(Self::values).collect()
    }

    /// Returns the tables of a fixed set of keys that a value may be, or hold, by their names in the schema.
    pub(super) fn tables(self) -> Vec<(&'s str, Shape<'s>)> {
        let mut found = Vec::new();
        for form in self.forms() {
            for inside in ["items", "additionalProperties"] {
                if let Some(schema) = form.schema.get(inside).filter(|schema| schema.is_object()) {
                    found.extend(form.of(schema).tables());
                }
            }
            let target = form.followed();
            if let Some(name) = form.name().filter(|_| !target.keys().is_empty()) {
                found.push((name, target));
            }
        }
        found
    }
}

/// Returns what holds where a key is left out, of a description that says so: `all if absent`, `if absent, all` or
/// `all (the default)`.
pub(super) fn absent(description: &str) -> Option<String> {
    let description = cell(description);
    if let Some((before, _)) = description.split_once(" (the default") {
        return before.rsplit([' ', '(']).next().map(str::to_owned);
    }
    if let Some((_, rest)) = description.split_once("if absent, ") {
        return rest.split(". ").next().map(|rest| rest.trim_end_matches('.').to_owned());
    }
    let before = description.split(" if absent").next().filter(|before| before.len() < description.len())?;
    let from = before.rfind(['.', ';', ':']).map_or(0, |at| at + 1);
    let words = before[from..].trim().trim_end_matches(',');
    let (first, rest) = words.split_at_checked(1)?;
    Some(first.to_lowercase() + rest)
}
