//! The reference is whole and up to date: every key, function, command, diagnostic and relation has its entry, and what it
//! shows as right is right.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use milepost::application::mistakes::find;
use milepost::application::reference::{Page, diagnostics, examples, functions, relations};
use milepost::application::schema::schema;
use milepost::application::workspace::Request;
use milepost::cli;
use milepost::diagnostic::Diagnostics;
use milepost::semantic::library::Library;
use milepost::semantic::moment;
use milepost::{Analysis, analyze};
use serde_json::Value;
use tempfile::TempDir;

use crate::architecture::codes;
use crate::cases::{projects, read};
use crate::cli::{milepost, shown};

const FOLDER: &str = "docs/reference";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn pages() -> Vec<Page> {
    cli::man::reference_pages()
}

fn page(file: &str) -> String {
    pages().into_iter().find(|page| page.file == file).unwrap_or_else(|| panic!("no page {file}")).text
}

#[test]
fn the_pages_of_the_repository_are_those_that_the_compiler_makes() {
    let made: BTreeMap<String, String> = pages().into_iter().map(|page| (page.file, page.text)).collect();
    let names = fs::read_dir(root().join(FOLDER)).unwrap().map(|entry| entry.unwrap().file_name());
    let names: BTreeSet<String> = names.map(|name| name.to_string_lossy().into_owned()).collect();
    let other = names.iter().filter(|name| !made.contains_key(*name));
    let stale = made
        .iter()
        .filter(|(name, text)| !fs::read_to_string(root().join(FOLDER).join(name)).is_ok_and(|found| found == **text));
    let faults: Vec<&String> = other.chain(stale.map(|(name, _)| name)).collect();
    assert!(faults.is_empty(), "stale: {faults:?}; `cargo run -- man --reference {FOLDER}` writes them");
}

/// Returns the part of a page under a heading, up to the next one.
fn section<'t>(text: &'t str, heading: &str) -> Option<&'t str> {
    let start = text.find(&format!("\n{heading}\n"))? + heading.len() + 2;
    Some(text[start..].split("\n#").next().unwrap())
}

#[test]
fn every_key_has_an_entry_with_an_example_that_is_compiled() {
    let schema = schema();
    let definitions = &schema["definitions"];
    let mut faults = Vec::new();
    let mut keys = 0;
    for (table, body) in schema["properties"].as_object().unwrap() {
        let text = page(&format!("{table}.md"));
        let mut check = |heading: String| {
            keys += 1;
            match section(&text, &heading) {
                None => faults.push(format!("{table}.md has no `{heading}`")),
                Some(entry) if !entry.contains("* example: `") => {
                    faults.push(format!("{table}.md: `{heading}` has no example: give it one in `reference/example`"));
                }
                Some(entry) => faults.extend(
                    entry
                        .lines()
                        .filter(|line| line.ends_with("|  |") && line.starts_with("| `"))
                        .map(|line| format!("{table}.md: `{heading}` has no example of: {line}")),
                ),
            }
        };
        let definition = body["additionalProperties"].as_object().or(body["allOf"][0].as_object()).unwrap();
        let named = |reference: &str| definitions[reference.rsplit('/').next().unwrap()]["properties"].clone();
        if let Some(kinds) = definition.get("allOf").and_then(Value::as_array) {
            for kind in kinds {
                let name = kind["if"]["properties"]["kind"]["const"].as_str().unwrap();
                for key in kind["then"]["properties"].as_object().unwrap().keys() {
                    let own = format!("### {key} of {name}");
                    check(if text.contains(&format!("\n{own}\n")) { own } else { format!("### {key}") });
                }
            }
        } else {
            for key in named(definition["$ref"].as_str().unwrap()).as_object().unwrap().keys() {
                check(format!("### {key}"));
            }
        }
    }
    assert!(keys > 100, "{keys}");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_function_has_an_entry() {
    let text = page("functions.md");
    let portable: toml::Table =
        toml::from_str(&fs::read_to_string(root().join("dialects/portable.toml")).unwrap()).unwrap();
    for (name, function) in portable["functions"].as_table().unwrap() {
        let entry = section(&text, &format!("## {name}")).unwrap_or_else(|| panic!("functions.md has no `{name}`"));
        assert!(entry.contains(function["doc"].as_str().unwrap()), "{name}");
        for example in function["examples"].as_array().unwrap() {
            assert!(entry.contains(example.as_str().unwrap()), "{name}: {example}");
        }
        let told =
            entry.matches("bigquery").count() + entry.matches("snowflake").count() + entry.matches("duckdb").count();
        assert!(told >= 3, "functions.md does not say how each warehouse says `{name}`");
    }
    // What is written as an operator is shown so: nobody can call it by its name.
    for function in Library::builtin().functions() {
        let called = format!("{}(", function.name);
        let by_name = function.examples.iter().any(|example| example.contains(&called));
        assert_eq!(functions::operator(&function.name).is_none(), by_name, "{}", function.name);
    }
}

#[test]
fn every_command_and_flag_has_an_entry() {
    let text = page("commands.md");
    let mut whole = cli::definition(true);
    whole.build();
    for command in whole.get_subcommands() {
        let heading = format!("## milepost {}", command.get_name());
        let entry = section(&text, &heading).unwrap_or_else(|| panic!("commands.md has no `{heading}`"));
        for argument in command.get_arguments().filter(|argument| !argument.is_global_set()) {
            let Some(long) = argument.get_long().filter(|long| *long != "help") else { continue };
            assert!(entry.contains(&format!("--{long}")), "`{heading}` has no --{long}");
        }
    }
    let shared = section(&text, "## Flags of every command").unwrap();
    for argument in whole.get_arguments().filter(|argument| argument.is_global_set()) {
        let long = argument.get_long().unwrap();
        assert!(shared.contains(&format!("--{long}")), "no --{long}");
    }
}

#[test]
fn every_diagnostic_is_explained() {
    let codes = codes();
    let explained: BTreeSet<String> = diagnostics::all().keys().cloned().collect();
    let text = page("errors.md");
    for code in &explained {
        assert!(section(&text, &format!("## {code}")).is_some(), "errors.md has no `{code}`");
    }
    let missing: Vec<&String> = codes.difference(&explained).collect();
    assert!(missing.is_empty(), "`tests/errors/<code>/about.toml` is missing of {missing:?}");
    let odd: Vec<&String> = explained.difference(&codes).collect();
    assert!(odd.is_empty(), "nothing raises {odd:?}");
}

/// Those whose mistake is no text that could stand otherwise, and why.
const NOT_MENDED: &[(&str, &str)] = &[
    ("bad-step", "the milestone that is named has to be another one"),
    ("expression-too-deep", "an expression of a hundred levels says nothing"),
    ("no-parent", "two definitions change"),
    ("not-events", "a source is added"),
    ("secret-in-project", "its value is drawn as stars"),
    ("unreadable-dbt-project", "a dbt project is added"),
    ("unreadable-file", "the file is not text"),
];

#[test]
fn what_is_shown_as_right_is_right() {
    let mut faults = Vec::new();
    for project in projects("errors").into_iter().filter(|project| !project.ends_with("_many")) {
        let code = project.file_name().unwrap().to_string_lossy().into_owned();
        let is_excused = NOT_MENDED.iter().any(|(excused, _)| *excused == code);
        let Some(mend) = &diagnostics::all()[&code].mend else {
            if !is_excused {
                faults.push(format!("{code}: about.toml shows nothing that is right"));
            }
            continue;
        };
        if is_excused {
            faults.push(format!("{code} needs no excuse"));
        }
        let (folder, places) = mended(&project, &mend.wrong, &mend.right);
        let (before, after) = (messages(&project), messages(folder.path()));
        let new: Vec<&String> = after.iter().filter(|message| !before.contains(message)).collect();
        if places != 1 || after.len() >= before.len() || !new.is_empty() {
            let counts = format!("{} mistakes before, {} after", before.len(), after.len());
            faults.push(format!("{code}: `wrong` stands in {places} files; {counts}, of which new {new:?}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Copies a project with one text in the place of another, and returns how often that stood there.
fn mended(project: &Path, wrong: &str, right: &str) -> (TempDir, usize) {
    fn copy(from: &Path, to: &Path, change: &mut impl FnMut(&[u8]) -> Vec<u8>) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap().path();
            let name = entry.file_name().unwrap();
            if entry.is_dir() {
                copy(&entry, &to.join(name), change);
            } else if !matches!(name.to_str(), Some("about.toml" | "error.snap")) {
                fs::write(to.join(name), change(&fs::read(&entry).unwrap())).unwrap();
            }
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let mut places = 0;
    copy(project, folder.path(), &mut |bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return bytes.to_vec() };
        let found = text.matches(wrong).count();
        // The first of several that are alike.
        places += found.min(1);
        text.replacen(wrong, right, 1).into_bytes()
    });
    (folder, places)
}

/// Returns what is said of a project, a sentence a mistake.
fn messages(project: &Path) -> Vec<String> {
    let has_moment = fs::read_to_string(project.join("project.toml")).is_ok_and(|text| text.contains("as_of"));
    let as_of = (!has_moment).then(|| moment::moment("2026-03-01").unwrap());
    let (found, _) = find(&Request { as_of, ..Request::of(project, jiff::Timestamp::UNIX_EPOCH) });
    found.sorted().iter().map(|one| one.message.clone()).collect()
}

#[test]
fn a_code_is_explained_on_the_terminal_and_near_ones_are_named() {
    let shown = |arguments: &[&str]| shown(&milepost(arguments).output().unwrap());
    insta::assert_snapshot!(shown(&["man", "--error", "null-comparison"]));
    insta::assert_snapshot!(shown(&["man", "--error", "unknown-colum"]));
}

#[test]
fn every_column_of_every_relation_is_told_with_its_type() {
    let mut told = Told::default();
    projects("cases").iter().for_each(|project| told.look(&read(project)));
    let (_folder, analysis) = example();
    told.look(&analysis);
    assert!(told.faults.is_empty(), "src/application/reference/relations.toml: {:#?}", told.faults);
    let all: BTreeSet<(String, String)> = relations::all()
        .iter()
        .flat_map(|(kind, told)| told.columns().keys().map(move |column| (kind.clone(), column.clone())))
        .collect();
    let odd: Vec<_> = all.difference(&told.columns).collect();
    assert!(odd.is_empty(), "told, and in no relation of any case: {odd:?}");
}

/// What was found of the relations of projects.
#[derive(Default)]
struct Told {
    faults: BTreeSet<String>,
    columns: BTreeSet<(String, String)>,
}

impl Told {
    fn look(&mut self, analysis: &Analysis) {
        for node in &analysis.plan.nodes {
            let kind = node.relation.kind();
            if kind != "schema" && !relations::all().contains_key(kind) {
                self.faults.insert(format!("no `[{kind}]`"));
            }
            for (name, ty) in &node.columns {
                let Some((told, column)) = relations::column(&analysis.model, node, name) else {
                    self.faults.insert(format!("[{kind}] has no `{name}`"));
                    continue;
                };
                if column.ty != "as declared" && !column.ty.split(" or ").any(|told| told == ty.name()) {
                    self.faults.insert(format!("[{kind}] `{told}` is {}, and not {}", ty.name(), column.ty));
                }
                self.columns.insert((kind.to_owned(), told.to_owned()));
            }
        }
    }
}

/// Writes the project with an example of every key, and reads it.
fn example() -> (TempDir, Analysis) {
    let folder = tempfile::tempdir().unwrap();
    examples::FILES.extract(folder.path()).unwrap();
    let mut diagnostics = Diagnostics::default();
    let analysis = analyze(folder.path(), BTreeMap::new(), &mut diagnostics).unwrap();
    (folder, analysis)
}

#[test]
fn the_example_compiles_for_every_target() {
    let (folder, _) = example();
    let output = milepost(&["compile"]).current_dir(folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", shown(&output));
    assert!(!shown(&output).contains("warning"), "{}", shown(&output));
}

#[cfg(feature = "duckdb")]
#[test]
fn the_unit_test_of_the_example_passes() {
    let (folder, _) = example();
    let output = milepost(&["test"]).current_dir(folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", shown(&output));
}
