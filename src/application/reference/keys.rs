//! The tables and keys of the language, from the JSON Schema that is made of the structs that read them.

use serde_json::Value;
use toml::Table as Toml;

use crate::application::reference::Page;
use crate::application::reference::examples::{self, written};
use crate::application::reference::markdown::{block, code, head, row};
use crate::application::reference::shapes::{Shape, absent};
use crate::application::schema::schema;
use crate::language::Table;
use crate::project::load::LONGEST_NAME;
use crate::render::dialect::Dialect;
use crate::semantic::kinds::KINDS;
use crate::warehouse::Driver;

/// The table of a project's settings, which is no table of definitions.
const PROJECT: &str = "project";

/// Returns a page for each table.
pub(super) fn pages() -> Vec<Page> {
    let schema = schema();
    let named = &schema["definitions"];
    let example = examples::tables();
    let mut pages = vec![project(&schema, named, &example)];
    for table in Table::ALL.iter().copied() {
        let whole = &schema["properties"][table.name()]["additionalProperties"];
        let shape = Shape::new(whole, named);
        let mut body = format!(
            "{} A definition is written as `[{table}.<name>]`; its name has small letters, digits and single `_`, \
             {LONGEST_NAME} characters at most, and begins with a letter.\n\n",
            table.about()
        );
        let own = example.get(table.name()).and_then(toml::Value::as_table);
        let definitions: Vec<&Toml> = own.into_iter().flatten().filter_map(|(_, body)| body.as_table()).collect();
        if table == Table::Target {
            body.push_str("Targets stand in `project.toml`.\n\n");
        } else {
            body.push_str(&format!("## Example\n\n{}\n", block("toml", examples::of_table(table.name()))));
        }
        if table == Table::Kpi {
            body.push_str(&kinds(whole, named, &definitions));
        } else {
            body.push_str("## Keys\n\n");
            body.push_str(&keys(shape, &definitions, ""));
        }
        if table == Table::Target {
            body.push_str(&settings());
        }
        pages.push(Page::new(table.name(), &format!("[{table}]"), &body));
    }
    pages
}

fn project(schema: &Value, named: &Value, example: &Toml) -> Page {
    let shape = Shape::new(&schema["properties"][PROJECT], named);
    let body: Vec<&Toml> = example.get(PROJECT).and_then(toml::Value::as_table).into_iter().collect();
    let text = format!(
        "A folder with a file `project.toml` is a project. That file holds the settings of the project and its \
         [targets](target.md); definitions stand in files that end in `.toml`, anywhere below the folders of `models`.\n\n\
         ## Example\n\n{}\n## Keys\n\n{}",
        block("toml", examples::text("project.toml")),
        keys(shape, &body, ""),
    );
    Page::new(PROJECT, "[project]", &text)
}

/// Describes what all KPIs have, and the keys of each kind.
fn kinds(whole: &Value, named: &Value, definitions: &[&Toml]) -> String {
    let kind_of = |body: &&&Toml| body.get("kind").and_then(toml::Value::as_str).unwrap_or_default().to_owned();
    let branches: Vec<&Value> = whole["allOf"].as_array().into_iter().flatten().map(|each| &each["then"]).collect();
    let of_all = |key: &str| branches.iter().all(|branch| branch["properties"].get(key).is_some()) && key != "where";
    let mut text = String::from("## Kinds\n\n");
    text.push_str(&head(&["`kind`", "what it is", "its own keys"]));
    let own = |branch: &Value| -> Vec<String> {
        let keys = branch["properties"].as_object().into_iter().flatten();
        keys.map(|(key, _)| key.clone()).filter(|key| !of_all(key)).collect()
    };
    for (kind, branch) in KINDS.iter().zip(&branches) {
        let keys: Vec<String> = own(branch).iter().map(|key| code(key)).collect();
        let link = format!("[`\"{0}\"`](#kind-{0})", kind.name);
        text.push_str(&row(&[link, kind.about.to_owned(), keys.join(", ")]));
    }
    text.push_str("\n## Keys of every kind\n\n");
    let first = Shape::new(branches[0], named);
    let common: Vec<_> = first.keys().into_iter().filter(|(key, ..)| of_all(key)).collect();
    let kind = Shape::new(&whole["properties"]["kind"], named);
    text.push_str(&entry("kind", kind, true, definitions, ""));
    for (key, shape, required) in common.into_iter().filter(|(key, ..)| *key != "kind") {
        text.push_str(&entry(key, shape, required, definitions, ""));
    }
    for (kind, branch) in KINDS.iter().zip(&branches) {
        let of_kind: Vec<&Toml> = definitions.iter().filter(|body| kind_of(body) == kind.name).copied().collect();
        text.push_str(&format!("## Kind {}\n\n`kind = \"{}\"`: {}\n\n", kind.name, kind.name, kind.about));
        for (key, shape, required) in Shape::new(branch, named).keys() {
            if !of_all(key) && key != "kind" {
                text.push_str(&entry(key, shape, required, &of_kind, &format!(" of {}", kind.name)));
            }
        }
    }
    text
}

/// Describes the keys of a table, each under a heading.
fn keys(shape: Shape<'_>, definitions: &[&Toml], suffix: &str) -> String {
    shape.keys().into_iter().map(|(key, shape, required)| entry(key, shape, required, definitions, suffix)).collect()
}

/// Describes a key: what it takes, what holds without it, what it means, an example, and the words and tables that it takes.
fn entry(key: &str, shape: Shape<'_>, required: bool, definitions: &[&Toml], suffix: &str) -> String {
    let examples: Vec<&toml::Value> = definitions.iter().filter_map(|body| body.get(key)).collect();
    let mut text = format!("### {key}{suffix}\n\n{}\n\n", shape.description().replace('\n', " "));
    text.push_str(&format!("* takes {}\n", shape.words()));
    text.push_str(&match absent(shape.description()) {
        _ if required => "* has to be there\n".to_owned(),
        Some(absent) => format!("* if absent: {absent}\n"),
        None => "* may be left out\n".to_owned(),
    });
    if let Some(value) = examples.first() {
        text.push_str(&format!("* example: {}\n", code(&written(key, value))));
    }
    let values = shape.all_values();
    if values.iter().any(|(_, about)| !about.is_empty()) {
        text.push_str(&format!("\n{}", head(&["value", "meaning"])));
        for (value, about) in values {
            text.push_str(&row(&[code(&format!("\"{value}\"")), about.to_owned()]));
        }
    }
    for (_, table) in shape.tables() {
        text.push_str(&format!("\n{}", head(&["key in it", "takes", "meaning", "example"])));
        for (inner, shape, required) in table.keys() {
            let must = if required { ", has to be there" } else { "" };
            let example = examples.iter().find_map(|value| inside(value, inner));
            let example = example.map_or_else(String::new, |value| code(&written(inner, value)));
            let words = format!("{}{must}", shape.words());
            text.push_str(&row(&[code(inner), words, shape.description().to_owned(), example]));
        }
    }
    text.push('\n');
    text
}

/// Finds a key in a value, or in the values of it.
fn inside<'v>(value: &'v toml::Value, key: &str) -> Option<&'v toml::Value> {
    match value {
        toml::Value::Table(table) => {
            table.get(key).or_else(|| table.iter().find_map(|(_, value)| value.as_table()?.get(key)))
        }
        toml::Value::Array(list) => list.iter().find_map(|value| inside(value, key)),
        toml::Value::String(_)
        | toml::Value::Integer(_)
        | toml::Value::Float(_)
        | toml::Value::Boolean(_)
        | toml::Value::Datetime(_) => None,
    }
}

/// Describes the settings that each warehouse's driver takes.
fn settings() -> String {
    let mut text = String::from("## Settings of each warehouse\n\nThey are the keys of `settings`.\n\n");
    for name in Dialect::names() {
        text.push_str(&format!("### Settings of {name}\n\n"));
        let Some(settings) = Driver::named(name).and_then(|driver| driver.settings) else {
            text.push_str("Any setting of the engine: it is handed to it as it is.\n\n");
            continue;
        };
        text.push_str(&head(&["setting", "meaning"]));
        for setting in settings {
            let secret = if setting.secret { "; a secret: `${NAME}` of the environment, and nothing else" } else { "" };
            text.push_str(&row(&[code(setting.name), format!("{}{secret}", setting.about)]));
        }
        text.push('\n');
    }
    text
}
