//! A project with one example of every key, of which the pages of the reference show parts: a test compiles it.

use include_dir::{Dir, include_dir};
use toml::{Table, Value};

/// The files of the project.
pub static FILES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/src/application/reference/example");

/// Returns the text of a file of the project; empty where there is none.
pub(super) fn text(path: &str) -> &'static str {
    FILES.get_file(path).and_then(include_dir::File::contents_utf8).unwrap_or_default()
}

/// Returns the file with the definitions of a table.
pub(super) fn of_table(table: &str) -> &'static str {
    text(&format!("models/{table}.toml"))
}

/// The definitions of the project, by tables and names.
pub(super) fn tables() -> Table {
    let mut all: Table = parse(text("project.toml"));
    for file in FILES.get_dir("models").into_iter().flat_map(Dir::files) {
        all.extend(parse(file.contents_utf8().unwrap_or_default()));
    }
    all
}

fn parse(text: &str) -> Table {
    toml::from_str(text).expect("a test compiles the example")
}

/// Returns how a value stands behind its key.
pub(super) fn written(key: &str, value: &Value) -> String {
    format!("{key} = {}", inline(value))
}

fn inline(value: &Value) -> String {
    match value {
        Value::Table(table) => {
            let keys: Vec<String> = table.iter().map(|(key, value)| written(&bare(key), value)).collect();
            format!("{{ {} }}", keys.join(", "))
        }
        Value::Array(list) => format!("[{}]", list.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Value::String(_) | Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => {
            value.to_string()
        }
    }
}

fn bare(key: &str) -> String {
    let is_bare = key.chars().all(|each| each.is_ascii_alphanumeric() || each == '_' || each == '-');
    if is_bare && !key.is_empty() { key.to_owned() } else { format!("\"{key}\"") }
}
