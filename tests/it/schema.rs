//! The JSON Schema of a project's files: every TOML file of the repository is valid by it, and what is not is told.

use std::fs;
use std::path::{Path, PathBuf};

use milepost::application::schema::schema;
use serde_json::Value;

/// Where the repository's projects are. Those of `tests/errors` have mistakes.
const PROJECTS: &[&str] = &[
    "project.toml",
    "models",
    "checks",
    "tests/cases",
    "tests/real",
    "src/application/sample",
    "src/application/reference/example",
];

fn toml_files(path: &Path, files: &mut Vec<PathBuf>) {
    if path.is_dir() {
        fs::read_dir(path).unwrap().for_each(|entry| toml_files(&entry.unwrap().path(), files));
    } else if path.extension().is_some_and(|extension| extension == "toml") {
        files.push(path.to_path_buf());
    }
}

fn parse(text: &str) -> Value {
    serde_json::to_value(toml::from_str::<toml::Table>(text).unwrap()).unwrap()
}

/// Returns what is wrong with `value`: the parts of JSON Schema that ours is made of, and that of SARIF where we write it.
pub(crate) fn faults(root: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    let mut found = Vec::new();
    let Some(schema) = schema.as_object() else { return found };
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let target = root.pointer(reference.trim_start_matches('#')).unwrap_or_else(|| panic!("{reference}"));
        return faults(root, target, value, at);
    }
    for part in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
        found.extend(faults(root, part, value, at));
    }
    for key in ["anyOf", "oneOf"] {
        let Some(parts) = schema.get(key).and_then(Value::as_array) else { continue };
        let each: Vec<Vec<String>> = parts.iter().map(|part| faults(root, part, value, at)).collect();
        if each.iter().all(|faults| !faults.is_empty()) {
            found.extend(each.into_iter().min_by_key(Vec::len).unwrap_or_default());
        }
    }
    if let Some(condition) = schema.get("if") {
        let branch = if faults(root, condition, value, at).is_empty() { "then" } else { "else" };
        found.extend(schema.get(branch).into_iter().flat_map(|part| faults(root, part, value, at)));
    }
    if schema.get("const").is_some_and(|only| only != value)
        || schema.get("enum").and_then(Value::as_array).is_some_and(|values| !values.contains(value))
    {
        found.push(format!("{at}: {value} is not a value"));
    }
    let is = |name: &str| match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "null" => value.is_null(),
        other => panic!("the type {other}"),
    };
    let fits = match schema.get("type") {
        Some(Value::String(name)) => is(name),
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).any(is),
        _ => true,
    };
    if !fits {
        found.push(format!("{at}: {value} is not {}", schema["type"]));
    }
    let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
    let least = schema.get("minItems").and_then(Value::as_u64);
    if let Some(number) = value.as_f64()
        && (bound("minimum").is_some_and(|least| number < least) || bound("maximum").is_some_and(|most| number > most))
    {
        found.push(format!("{at}: {value} is out of bounds"));
    }
    if let Some(items) = value.as_array() {
        if least.is_some_and(|least| (items.len() as u64) < least) {
            found.push(format!("{at}: too few"));
        }
        if schema.get("uniqueItems") == Some(&Value::Bool(true))
            && (1..items.len()).any(|at| items[..at].contains(&items[at]))
        {
            found.push(format!("{at}: one is there twice"));
        }
    }
    assert!(!(value.is_string() && schema.get("pattern").is_some()), "{at}: a pattern, which is not looked at here");
    if let Some(items) = schema.get("items") {
        for item in value.as_array().into_iter().flatten() {
            found.extend(faults(root, items, item, at));
        }
    }
    let Some(object) = value.as_object() else { return found };
    for key in schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        if !object.contains_key(key) {
            found.push(format!("{at}: `{key}` is missing"));
        }
    }
    for (key, value) in object {
        let at = format!("{at}.{key}");
        match (schema.get("properties").and_then(|known| known.get(key)), schema.get("additionalProperties")) {
            (None, Some(Value::Bool(false))) => found.push(format!("{at}: not a key")),
            (Some(part), _) | (None, Some(part)) => found.extend(faults(root, part, value, &at)),
            (None, None) => {}
        }
    }
    found
}

#[test]
fn every_file_of_the_repository_is_valid() {
    let schema = schema();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    PROJECTS.iter().for_each(|path| toml_files(&root.join(path), &mut files));
    assert!(files.len() > 10);
    let all: Vec<String> = files
        .iter()
        .flat_map(|file| {
            let value = parse(&fs::read_to_string(file).unwrap());
            let shown = file.strip_prefix(root).unwrap().display().to_string();
            faults(&schema, &schema, &value, "").into_iter().map(move |fault| format!("{shown}: {fault}"))
        })
        .collect();
    assert!(all.is_empty(), "{}", all.join("\n"));
}

#[test]
fn what_is_not_valid_is_told() {
    let schema = schema();
    for (text, fault) in [
        ("[milestone.a]\nevnt = \"x\"", ".milestone.a.evnt: not a key"),
        ("[kpi.a]\nof = \"x\"", ".kpi.a: `kind` is missing"),
        ("[kpi.a]\nkind = \"conversion\"\nof = \"x\"\nvalue = \"y\"", ".kpi.a.value: not a key"),
        ("[kpi.a]\nkind = \"guess\"", ".kpi.a.kind: \"guess\" is not a value"),
        ("[source.a]\ncolumns = { b = 1 }", ".source.a.columns.b: 1 is not \"string\""),
        ("[kpi.a]\nkind = \"formula\"", ".kpi.a: `value` is missing"),
        ("[model.a]", ".model: not a key"),
        (
            "[kpi.a]\nkind = \"count\"\nof = \"x\"\ncohort = \"fortnight\"",
            ".kpi.a.cohort: \"fortnight\" is not a value",
        ),
        ("[source.a]\ntime = { column = \"t\", type = \"int\" }", ".source.a.time.type: \"int\" is not a value"),
        ("[milestone.a]\nevent = [1]", ".milestone.a.event: 1 is not \"string\""),
        ("[target.a]\ndialect = \"bigqery\"", ".target.a.dialect: \"bigqery\" is not a value"),
        (
            "[source.a]\nproperties = { column = \"p\", types = { plan.tier = 1 } }",
            ".source.a.properties.types.plan.tier: 1 is not \"string\"",
        ),
    ] {
        let found = faults(&schema, &schema, &parse(text), "");
        assert_eq!(found, [fault], "one mistake is one message: {text}");
    }
}
