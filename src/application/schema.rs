//! The JSON Schema of a project's files, made from the structs that read them: editors complete and check by it.

use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

use crate::language::Table;
use crate::project::tables::kpi::KpiTable;
use crate::project::tables::schema_of;
use crate::project::tables::settings::{ProjectTable, TargetTable};
use crate::render::dialect::Dialect;
use crate::semantic::kinds::KINDS;

/// The form of a definition's name.
const NAME: &str = "^[a-z][a-z0-9_]{0,47}$";

/// Returns the schema of `project.toml` and of the files of definitions, which have one form.
pub fn schema() -> Value {
    // The draft that editors know best.
    let mut generator = SchemaSettings::draft07().into_generator();
    let project = generator.subschema_for::<ProjectTable>();
    let mut properties = Map::new();
    properties.insert("project".to_owned(), described(&project, "Settings of the project; in project.toml only."));
    for table in Table::ALL.iter().copied() {
        // The kinds of KPI lie beyond what is written.
        let is_kpi = table == Table::Kpi;
        let definition = if is_kpi { kpi(&mut generator) } else { schema_of(table, &mut generator).into() };
        properties.insert(table.name().to_owned(), named(&definition, table.about()));
    }
    let mut definitions = generator.take_definitions(true);
    name_dialects(&mut definitions);
    let mut schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A file of a Milepost project",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
        "definitions": definitions,
    });
    simplify(&mut schema);
    schema
}

/// Returns the schema as it is printed and written.
pub fn text() -> String {
    format!("{:#}\n", schema())
}

fn described(schema: &Schema, what: &str) -> Value {
    // Beside a reference a description is not read, in this draft.
    json!({ "description": what, "allOf": [schema] })
}

/// Returns the schema of definitions by name.
fn named(definition: &Value, what: &str) -> Value {
    json!({
        "type": "object",
        "description": what,
        "propertyNames": { "pattern": NAME },
        "additionalProperties": definition,
    })
}

/// Returns the schema of a KPI: for each kind what every KPI has, and the fields of the kind. Only the part of the kind that
/// is named is asked, so that one mistake is one message.
fn kpi(generator: &mut SchemaGenerator) -> Value {
    let common = Value::from(KpiTable::json_schema(generator));
    // What editors complete, whatever the kind; what each key holds is said with the kind.
    let mut offered = Map::new();
    let mut kinds: Vec<Value> = Vec::new();
    for kind in KINDS {
        let own = Value::from((kind.schema)(generator));
        let mut properties = object(&common, "properties");
        properties.extend(object(&own, "properties"));
        properties.shift_remove("kind");
        for (key, property) in &properties {
            let what = property.get("description").map_or(json!({}), |what| json!({ "description": what }));
            offered.entry(key.clone()).or_insert(what);
        }
        properties.insert("kind".to_owned(), json!(true));
        // That there is a kind is said once, for all.
        let required = [&common, &own].into_iter().flat_map(|part| list(part, "required"));
        let required: Vec<Value> = required.filter(|key| key != "kind").collect();
        kinds.push(json!({
            "if": { "properties": { "kind": { "const": kind.name } }, "required": ["kind"] },
            "then": {
                "title": format!("kind = \"{}\"", kind.name),
                "properties": properties,
                "required": required,
                "additionalProperties": false,
            },
        }));
    }
    let names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
    let what = &common["properties"]["kind"]["description"];
    offered.insert("kind".to_owned(), json!({ "enum": names, "description": what }));
    json!({ "type": "object", "properties": offered, "required": ["kind"], "allOf": kinds })
}

/// Says which dialects there are: the tables of a project know nothing of them.
fn name_dialects(definitions: &mut Map<String, Value>) {
    let target = TargetTable::schema_name();
    if let Some(Value::Object(dialect)) =
        definitions.get_mut(target.as_ref()).and_then(|target| target.pointer_mut("/properties/dialect"))
    {
        dialect.remove("type");
        dialect.insert("enum".to_owned(), json!(Dialect::names()));
    }
}

/// Rewrites parts of a schema so that one mistake is one message, which says what is wrong: TOML has no null, the words that a
/// key takes are a list, and of two forms, one of which is a table or a list, the one that is written is asked.
fn simplify(schema: &mut Value) {
    if let Value::Array(parts) = schema {
        parts.iter_mut().for_each(simplify);
    }
    let Value::Object(parts) = schema else { return };
    parts.values_mut().for_each(simplify);
    if let Some(Value::Array(kinds)) = parts.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if let [only] = kinds.as_slice() {
            let only = only.clone();
            parts.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(mut forms)) = parts.remove("anyOf") {
        forms.retain(|form| form.get("type").is_none_or(|kind| kind != "null"));
        let is_list = |form: &Value| form.get("type").is_some_and(|kind| kind == "array");
        match forms.as_slice() {
            [only] if only.get("$ref").is_some() => {
                // Beside a reference nothing is read, in this draft.
                parts.insert("allOf".to_owned(), json!([only]));
            }
            [Value::Object(only)] => only.iter().for_each(|(key, part)| _ = parts.insert(key.clone(), part.clone())),
            [plain, other] if is_list(other) || other.get("$ref").is_some() => {
                let kind = if is_list(other) { "array" } else { "object" };
                parts.insert("if".to_owned(), json!({ "type": kind }));
                parts.insert("then".to_owned(), other.clone());
                parts.insert("else".to_owned(), plain.clone());
            }
            _ => _ = parts.insert("anyOf".to_owned(), Value::Array(forms)),
        }
    }
    let words = parts.get("oneOf").and_then(Value::as_array).and_then(|forms| {
        forms.iter().map(|form| Some((form.get("const")?.clone(), form.get("description").cloned()))).collect()
    });
    let words: Option<Vec<(Value, Option<Value>)>> = words;
    if let Some(words) = words {
        let (values, about): (Vec<Value>, Vec<Option<Value>>) = words.into_iter().unzip();
        parts.shift_remove("oneOf");
        parts.insert("enum".to_owned(), values.into());
        // So one of the editors' servers reads what each word means; the others pass it over.
        parts.insert("x-taplo".to_owned(), json!({ "docs": { "enumValues": about } }));
    }
}

fn object(schema: &Value, key: &str) -> Map<String, Value> {
    schema.get(key).and_then(Value::as_object).cloned().unwrap_or_default()
}

fn list(schema: &Value, key: &str) -> Vec<Value> {
    schema.get(key).and_then(Value::as_array).cloned().unwrap_or_default()
}
