//! Projects made from real ones: a few of their definitions, with some of what stands in them changed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use milepost::language;
use toml::{Table, Value};

use crate::fuzz::choices::Choices;
use crate::fuzz::expressions;

/// What is read as it is, whatever else is left out: the rest refers to it.
const GROUND: &[&str] = &["project", "target", "source", "entity"];

/// Returns what is chosen from: the other tables whose definitions have a meaning.
fn chosen() -> impl Iterator<Item = &'static str> {
    language::Table::DEFINITIONS.iter().map(|table| table.name()).filter(|name| !GROUND.contains(name))
}

/// Text that goes where text went.
const STRANGE_TEXT: &[&str] = &[
    "",
    "*",
    "a",
    "it's",
    "\"",
    "`",
    "\\",
    "--",
    "/*",
    "{{ x }}",
    "{% x %}",
    "__value",
    "ünï",
    "🙂",
    "a\nb",
    "a\u{0}b",
    ";",
    "a.b",
    "a.b.c.d",
    "raw.\"x\"",
    "select",
    "user",
    "7d",
    "0d",
    "-1d",
    "1.5d",
    "99999999999999999999d",
    "106751991d",
    "2026-13-45",
    "as_of",
    "events",
    "count()",
    "1 = 1",
    "null",
    "sum(1)",
    "day",
    "all",
    "../x",
    "/dev/null",
    "${HOME}",
    "${",
    "Europe/Berlin",
    "UTC+25",
];

/// The projects that others are made from.
pub(super) struct Seeds {
    projects: Vec<(String, Table)>,
    /// Every value that stands under a key, of all projects.
    values: BTreeMap<String, Vec<Value>>,
    keys: Vec<String>,
}

impl Seeds {
    /// Reads the example, what `milepost init` writes, the cases, and the language's page, whose blocks are one project.
    pub(super) fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut projects = vec![
            ("docs/language.md".to_owned(), language(&root.join("docs/language.md"))),
            ("the example".to_owned(), folder(root)),
            ("what init writes".to_owned(), folder(&root.join("src/application/sample"))),
        ];
        for entry in std::fs::read_dir(root.join("tests/cases")).into_iter().flatten() {
            let case = entry.unwrap().path();
            if case.join("project.toml").exists() {
                projects.push((case.display().to_string(), folder(&case)));
            }
        }
        projects[3..].sort_by(|left, right| left.0.cmp(&right.0));
        let mut values: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for (_, project) in &projects {
            gather(project, &mut values);
        }
        let keys = values.keys().cloned().collect();
        Self { projects, values, keys }
    }

    /// Returns the projects as they are.
    pub(super) fn whole(&self) -> Vec<(String, String)> {
        self.projects.iter().map(|(name, project)| (name.clone(), toml::to_string(project).unwrap())).collect()
    }

    /// Makes a project of a few definitions, with a few changes.
    pub(super) fn project(&self, choices: &mut Choices<'_>) -> String {
        toml::to_string(&self.changed(choices)).unwrap()
    }

    /// Makes a project, and damages its text.
    pub(super) fn garbled(&self, choices: &mut Choices<'_>) -> String {
        let mut text: Vec<char> = toml::to_string(&self.changed(choices)).unwrap().chars().collect();
        for _ in 0..=choices.below(3) {
            // Two choices, for a text is longer than one of them can say.
            let place = (choices.below(1 << 16) * 7 + choices.below(7)) % text.len().max(1);
            let end = (place + 1 + choices.below(12)).min(text.len());
            let insert: &[&str] = &[
                "\"", "'", "[", "]", "{", "}", "=", ".", "\n", "#", "\\", "\"\"\"", "\u{feff}", "🙂", "(", ")", ",",
                "1", "-",
            ];
            let new: Vec<char> = choices.pick(insert).chars().collect();
            match choices.below(3) {
                0 => drop(text.drain(place..end)),
                1 => drop(text.splice(place..place, new)),
                _ => drop(text.splice(place..end, new)),
            }
        }
        text.into_iter().collect()
    }

    fn changed(&self, choices: &mut Choices<'_>) -> Table {
        let (_, seed) = choices.pick(&self.projects);
        let mut project = few(seed, choices);
        for _ in 0..choices.below(4) {
            self.change(&mut project, choices);
        }
        project
    }

    fn change(&self, project: &mut Table, choices: &mut Choices<'_>) {
        // Down to a table, more often a definition than what lies in it.
        let mut table = project;
        for depth in 0..4 {
            let names: Vec<String> =
                table.iter().filter(|(_, value)| value.is_table()).map(|(name, _)| name.clone()).collect();
            if names.is_empty() || (depth >= 2 && choices.chance(70)) {
                break;
            }
            let name = choices.pick(&names);
            table = table.get_mut(name).and_then(Value::as_table_mut).expect("a table");
        }
        let names: Vec<String> = table.keys().cloned().collect();
        if names.is_empty() {
            return;
        }
        let name = choices.pick(&names).clone();
        match choices.below(9) {
            0 => drop(table.remove(&name)),
            1 => {
                let other = choices.pick(&self.keys).clone();
                let value = choices.pick(&self.values[&other]).clone();
                table.insert(other, value);
            }
            2 => {
                let value = self.values.get(&name).map_or(Value::Boolean(true), |values| choices.pick(values).clone());
                table.insert(name, value);
            }
            3 => {
                let value = table.remove(&name).expect("it was there");
                table.insert(choices.pick(&self.keys).clone(), value);
            }
            4 => {
                let value = table[&name].clone();
                table.insert(
                    (*choices.pick(&["twin", "_", "UPPER", "user", "select", "a b", "ü", ""])).to_owned(),
                    value,
                );
            }
            5 => {
                let value = table[&name].clone();
                table.insert(name, Value::Array(vec![value.clone(), value]));
            }
            6 => drop(table.insert(name, number(choices))),
            7 => drop(table.insert(name, Value::String((*choices.pick(STRANGE_TEXT)).to_owned()))),
            _ => drop(table.insert(name, Value::String(expressions::anywhere(choices)))),
        }
    }
}

fn number(choices: &mut Choices<'_>) -> Value {
    let whole = [0, 1, 2, -1, i64::MAX, i64::MIN, 1000];
    let broken = [0.5, -0.0, 1e308, f64::NAN, f64::INFINITY, 1e-300];
    if choices.chance(50) { Value::Float(*choices.pick(&broken)) } else { Value::Integer(*choices.pick(&whole)) }
}

/// Takes the ground, and one to three definitions with all that they name.
fn few(seed: &Table, choices: &mut Choices<'_>) -> Table {
    let all: Vec<(&str, &String, &Value)> = chosen()
        .filter_map(|kind| Some((kind, seed.get(kind)?.as_table()?)))
        .flat_map(|(kind, table)| table.iter().map(move |(name, value)| (kind, name, value)))
        .collect();
    let mut wanted: Vec<usize> = (0..=choices.below(3)).map(|_| choices.below(all.len())).collect();
    let mut taken: BTreeSet<usize> = BTreeSet::new();
    while let Some(index) = wanted.pop() {
        if taken.insert(index) {
            let words = words(all[index].2);
            wanted.extend((0..all.len()).filter(|other| words.contains(all[*other].1)));
        }
    }
    let mut project: Table =
        seed.iter().filter(|(kind, _)| GROUND.contains(&kind.as_str())).map(|(k, v)| (k.clone(), v.clone())).collect();
    for index in taken {
        let (kind, name, value) = all[index];
        let table = project.entry(kind).or_insert_with(|| Value::Table(Table::new()));
        table.as_table_mut().expect("made here").insert(name.clone(), value.clone());
    }
    project
}

/// All words in all strings of a value.
fn words(value: &Value) -> BTreeSet<String> {
    match value {
        Value::String(text) => {
            text.split(|each: char| !each.is_alphanumeric() && each != '_').map(str::to_owned).collect()
        }
        Value::Array(items) => items.iter().flat_map(words).collect(),
        Value::Table(table) => table.iter().flat_map(|(_, value)| words(value)).collect(),
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => BTreeSet::new(),
    }
}

fn gather(table: &Table, values: &mut BTreeMap<String, Vec<Value>>) {
    for (key, value) in table {
        values.entry(key.clone()).or_default().push(value.clone());
        if let Some(table) = value.as_table() {
            gather(table, values);
        }
    }
}

/// The blocks of the page that are built, as one project.
fn language(page: &Path) -> Table {
    let page = std::fs::read_to_string(page).unwrap();
    let mut project = Table::new();
    for block in page.split("\n```toml title=\"built\"\n").skip(1) {
        let block = block.split("\n```").next().expect("a split has a first part");
        let parsed = block.parse().unwrap_or_else(|error| panic!("{error}\n{block}"));
        merge(&mut project, parsed);
    }
    with_settings(project)
}

/// The files of a project, as one.
pub(crate) fn folder(root: &Path) -> Table {
    let mut project = read(&root.join("project.toml"));
    let folders: Vec<PathBuf> = match project["project"].get("models").and_then(Value::as_array) {
        Some(folders) => folders.iter().map(|folder| root.join(folder.as_str().unwrap())).collect(),
        None => vec![root.join("models")],
    };
    for folder in folders {
        for entry in std::fs::read_dir(folder).unwrap() {
            let file = entry.unwrap().path();
            if file.extension().is_some_and(|extension| extension == "toml") {
                merge(&mut project, read(&file));
            }
        }
    }
    with_settings(project)
}

fn read(file: &Path) -> Table {
    let text = std::fs::read_to_string(file).unwrap().replace("{{name}}", "sample");
    text.parse().unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// Everything is in one file: no folder is read besides.
fn with_settings(mut project: Table) -> Table {
    // Unit tests are for the runner.
    project.remove("test");
    let settings = project.entry("project").or_insert_with(|| Value::Table(Table::new()));
    let settings = settings.as_table_mut().expect("`project` is a table");
    settings.entry("name").or_insert_with(|| Value::String("thrown".to_owned()));
    settings.insert("models".to_owned(), Value::Array(Vec::new()));
    project
}

fn merge(into: &mut Table, from: Table) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Value::Table(old)), Value::Table(new)) => merge(old, new),
            (_, value) => drop(into.insert(key, value)),
        }
    }
}
