//! The files that commands write, from the structs that they are written from, and the numbers that commands end with.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde_json::Value;

use crate::application::artifacts::{COMPILED, LOCK, MANIFEST, RESULTS};
use crate::application::reference::Page;
use crate::application::reference::markdown::{block, code, head, row};
use crate::application::reference::shapes::Shape;
use crate::manifest::Manifest;
use crate::report::json;
use crate::run::results::Document;

/// Returns the page.
pub(super) fn page(exit_codes: &[(u8, &str)]) -> Page {
    let mut body = String::from("## Exit codes\n\n");
    body.push_str(&head(&["code", "meaning"]));
    for (number, meaning) in exit_codes {
        body.push_str(&row(&[number.to_string(), (*meaning).to_owned()]));
    }
    body.push_str(&format!(
        "\n## Files\n\nThey lie in the target folder, which is `target` below the project unless `--target-path` names \
         another. Each is replaced in one step, so that who reads finds a whole one.\n\n{}",
        head(&["file", "what it is"])
    ));
    for (name, what) in [
        (
            format!("{COMPILED}/<dialect>/<relation>.sql"),
            "the SQL of each relation; with several targets of one dialect, \
          a folder of each target below that",
        ),
        (MANIFEST.to_owned(), "what was compiled, for programs; `compile`, `run` and `build` write it"),
        (RESULTS.to_owned(), "what became of a run; `run`, `build`, `test` and `verify` write it at every end"),
        (LOCK.to_owned(), "held by the process that writes; it says nothing"),
    ] {
        body.push_str(&row(&[code(&name), what.to_owned()]));
    }
    body.push('\n');
    body.push_str(&described::<Manifest>(
        MANIFEST,
        "No clock is in it but `as_of`: compiling the same again writes the same bytes. A hash of a definition changes \
         with its meaning, and not with comments, its place or its description.",
    ));
    body.push_str(&described::<Document>(
        RESULTS,
        "Its shape is that of dbt's file of that name, version 6, with keys more, which strict readers refuse ([who reads \
         it](../dbt.md#readers-of-dbts-artifacts)); `raw_rows`, `errors` and the keys of an entry from `error_kind` on are \
         Milepost's own. Every key is always there, null where there is nothing to say.",
    ));
    body.push_str(&described::<json::Entry<'_>>("check --output json", "A list of diagnostics, sorted by place."));
    Page::new("artifacts", "Files, JSON and exit codes", &body)
}

/// Describes a file by the struct that it is written from.
fn described<T: JsonSchema>(name: &str, about: &str) -> String {
    let schema: Schema = SchemaSettings::draft07().into_generator().into_root_schema_for::<T>();
    let schema = Value::from(schema);
    let named = &schema["definitions"];
    let mut text = format!("## {}\n\n{about}\n\n", code(name));
    let mut open = vec![("", Shape::new(&schema, named))];
    let mut seen: Vec<&str> = Vec::new();
    while !open.is_empty() {
        let (title, shape) = open.remove(0);
        if !title.is_empty() {
            text.push_str(&format!("### {title}\n\n{}\n\n", shape.description().replace('\n', " ")));
        }
        text.push_str(&head(&["key", "holds", "meaning"]));
        let mut values = String::new();
        for (key, shape, _) in shape.keys() {
            text.push_str(&row(&[code(key), shape.words(), shape.description().to_owned()]));
            for (value, about) in shape.all_values().into_iter().filter(|(_, about)| !about.is_empty()) {
                values.push_str(&row(&[code(key), code(value), about.to_owned()]));
            }
            for (inner, shape) in shape.tables() {
                if !seen.contains(&inner) {
                    seen.push(inner);
                    open.push((inner, shape));
                }
            }
        }
        text.push('\n');
        if !values.is_empty() {
            text.push_str(&format!("{}{values}\n", head(&["key", "value", "meaning"])));
        }
    }
    if name == MANIFEST {
        text.push_str(&format!("For example, who reads what:\n\n{}\n", block("sh", WHO_READS)));
    }
    text
}

/// A command that reads the manifest.
const WHO_READS: &str = "jq '.targets[0].nodes[] | select(.kind == \"kpi\") | {name, depends_on}' target/manifest.json";
