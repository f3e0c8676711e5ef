//! Checks what the compiler does not: which layer may use which, and that nothing was forgotten.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use milepost::semantic::kinds::KINDS;

/// The layers, in the order in which data flows through them, and what each one may use of the others.
///
/// `cli` and `main` may use all of them; nothing may use `cli` but `main`.
const LAYERS: &[(&str, &[&str])] = &[
    ("source", &[]),
    ("diagnostic", &["source"]),
    ("language", &[]),
    ("project", &["source", "diagnostic", "language"]),
    ("semantic", &["source", "diagnostic", "language", "project"]),
    ("plan", &["source", "language", "semantic"]),
    ("render", &["source", "diagnostic", "project", "semantic", "plan"]),
    ("check", &["diagnostic", "render"]),
    ("warehouse", &["check"]),
    ("target", &["source", "diagnostic", "project", "semantic", "plan", "render", "warehouse"]),
    ("run", &["plan", "check", "warehouse"]),
    ("suite", &["diagnostic", "project", "semantic", "plan", "render", "check", "warehouse", "run"]),
    ("manifest", &["source", "language", "project", "semantic", "plan", "check", "target", "run"]),
    ("report", &["source", "diagnostic", "run"]),
];

/// What whoever asks talks to, above all of these: it may use them and the pipeline, and nothing that is above it.
const APPLICATION: &str = "application";

/// Layers at the top, which may use everything below them.
const TOPS: &[&str] = &["cli", "lib", "main"];

/// What stands in `lib.rs` itself, above all layers but the application and `cli`.
const PIPELINE: &[&str] = &["Analysis", "analyze", "compile", "compile_marked", "compile_rows"];

/// What is the command line's alone: its flags, and what belongs to the whole process.
const OF_THE_COMMAND_LINE: &[&str] = &[
    "clap",
    "ctrlc",
    "env::",
    "eprint!",
    "eprintln!",
    "print!",
    "println!",
    "process::exit",
    "set_current_dir",
    "stderr()",
    "stdin()",
    "stdout()",
];

/// A longer file has two subjects.
const LONGEST_FILE: usize = 500;

/// Diagnostics that no project can raise by what is written in it, and why not.
const WITHOUT_EXAMPLE: &[(&str, &str)] = &[
    ("definition-cycle", "no two tables name each other yet; a test of `semantic::tables` draws one"),
    ("no-target", "a command that builds asks for one; a project may be checked without"),
    ("refused-statement", "a mistake of ours: SQL that does not parse"),
    ("template-failed", "a mistake of ours: a template that cannot be filled in"),
    ("unknown-variable", "a flag names the variable; `variables::what_the_project_does_not_read_is_refused` gives one"),
    ("unsupported-function", "every function of the language is on every warehouse; a new dialect may lack one"),
];

#[test]
fn layers_use_only_what_they_may() {
    let mut faults = Vec::new();
    for file in rust_files("src") {
        let layer = layer(&file);
        let allowed: Vec<&str> = match LAYERS.iter().find(|(name, _)| *name == layer) {
            Some((_, allowed)) => allowed.to_vec(),
            None if layer == APPLICATION || layer == "cli" => {
                let below = LAYERS.iter().map(|(name, _)| *name).chain(PIPELINE.iter().copied());
                below.chain((layer == "cli").then_some(APPLICATION)).collect()
            }
            None if TOPS.contains(&layer.as_str()) => continue,
            None => {
                faults.push(format!("{}: `{layer}` is no layer; give it a line in LAYERS", shown(&file)));
                continue;
            }
        };
        // A test may make what its layer is handed.
        for (number, used) in uses(&without_tests(&read(&file))) {
            if used != layer && !allowed.contains(&used.as_str()) {
                let may = if allowed.is_empty() { "nothing".to_owned() } else { allowed.join(", ") };
                faults.push(format!("{}:{number}: `{layer}` uses `{used}`; it may use {may}", shown(&file)));
            }
        }
    }
    assert_none(&faults, "a layer knows only those before it: move what is shared down, or pass it in as plain data");
}

#[test]
fn the_scan_sees_every_way_to_write_a_use() {
    let text = "\
        use crate::plan::Node;\n\
        use crate::{check, run::{run, Outcome}};\n\
        use crate::{\n    semantic::Model,\n    source,\n};\n\
        fn f() { crate::render::render(); }\n\
        // crate::comment is not code\n\
        /// See [`crate::doc`].\n\
        pub(crate) fn g() {}\n\
        #[cfg(test)]\nmod tests { use crate::cli; }\n";
    let found: Vec<String> =
        uses(&without_tests(text)).into_iter().map(|(number, name)| format!("{number} {name}")).collect();
    assert_eq!(found, ["1 plan", "2 check", "2 run", "3 semantic", "3 source", "7 render"]);
}

#[test]
fn every_file_says_what_it_is() {
    let faults: Vec<String> = ["src", "tests/it"]
        .iter()
        .flat_map(|folder| rust_files(folder))
        .filter(|file| !read(file).starts_with("//! ") && !read(file).starts_with("#![doc = include_str!("))
        .map(|file| shown(&file))
        .collect();
    assert_none(&faults, "a file opens with `//!` and a sentence: what it is for");
}

#[test]
fn no_file_has_two_subjects() {
    let faults: Vec<String> = ["src", "tests/it"]
        .iter()
        .flat_map(|folder| rust_files(folder))
        .map(|file| (shown(&file), read(&file).lines().count()))
        .filter(|(_, lines)| *lines > LONGEST_FILE)
        .map(|(file, lines)| format!("{file}: {lines} lines"))
        .collect();
    assert_none(&faults, &format!("more than {LONGEST_FILE} lines: split the file by subject"));
}

#[test]
fn no_dialect_is_named_outside_the_warehouse_drivers() {
    let dialects: Vec<String> = entries("dialects")
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .map(|path| stem(&path))
        .filter(|name| name != "portable")
        .collect();
    let mut faults = Vec::new();
    for file in rust_files("src").into_iter().filter(|file| layer(file) != "warehouse") {
        for (number, line) in read(&file).lines().enumerate() {
            for dialect in dialects.iter().filter(|dialect| line.to_lowercase().contains(dialect.as_str())) {
                faults.push(format!("{}:{}: `{dialect}` in: {}", shown(&file), number + 1, line.trim()));
            }
        }
    }
    assert_none(&faults, "a difference between warehouses is data under `dialects/`, or a capability named there");
}

/// `.ci/run` tests the build with these features by what is named here, and all else without them.
#[test]
fn what_the_features_of_the_cloud_change_is_with_the_drivers() {
    let names = ["cloud", "bigquery", "snowflake"].map(|name| format!("feature = \"{name}\""));
    let places =
        ["src/warehouse", "src/README.md", "tests/it/warehouse", "tests/it/faults", "tests/it/architecture.rs"];
    let is_elsewhere = |file: &Path| !places.iter().any(|place| shown(file).starts_with(place));
    let others: Vec<String> = ["src", "tests/it"]
        .into_iter()
        .flat_map(rust_files)
        .filter(|file| is_elsewhere(file) && names.iter().any(|name| read(file).contains(name)))
        .map(|file| shown(&file))
        .collect();
    assert!(others.is_empty(), "a feature of the cloud changes {others:?}");
}

#[test]
fn what_is_asynchronous_stays_in_the_drivers() {
    let mut faults = Vec::new();
    for file in rust_files("src").into_iter().filter(|file| layer(file) != "warehouse") {
        for (number, line) in read(&file).lines().enumerate() {
            if ["tokio", "async ", ".await"].iter().any(|word| line.contains(word)) {
                faults.push(format!("{}:{}: {}", shown(&file), number + 1, line.trim()));
            }
        }
    }
    assert_none(&faults, "the compiler and its runner are threads and channels: a driver waits for what it asked");
}

#[test]
fn what_is_the_command_lines_stays_there() {
    let mut faults = Vec::new();
    for file in rust_files("src").into_iter().filter(|file| !["cli", "main"].contains(&layer(file).as_str())) {
        let text = without_tests(&read(&file));
        for (number, line) in text.lines().enumerate() {
            if let Some(word) = OF_THE_COMMAND_LINE.iter().find(|word| has(line, word)) {
                faults.push(format!("{}:{}: `{word}` in: {}", shown(&file), number + 1, line.trim()));
            }
        }
    }
    assert_none(&faults, "an editor's server and a report use this too: hand it in, or return it");
}

/// Tells whether a line has a word that does not begin within another one.
fn has(line: &str, word: &str) -> bool {
    line.match_indices(word)
        .any(|(at, _)| !line[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_'))
}

#[test]
fn every_kind_is_in_the_table_and_in_a_case() {
    let known: BTreeSet<&str> = KINDS.iter().map(|kind| kind.name).collect();
    let projects: Vec<String> = files("tests/cases", "toml").iter().map(|file| read(file)).collect();
    let marker = "const NAME: &'static str = \"";
    let mut faults = Vec::new();
    for file in rust_files("src/semantic/kinds") {
        let text = read(&file);
        let Some(name) = text.split(marker).nth(1).and_then(|rest| rest.split('"').next()) else { continue };
        if !known.contains(name) {
            faults.push(format!("{}: `KINDS` has no line for `{name}`", shown(&file)));
        }
        if !projects.iter().any(|text| text.contains(&format!("kind = \"{name}\""))) {
            faults.push(format!("{}: no case under `tests/cases` has `kind = \"{name}\"`", shown(&file)));
        }
    }
    assert_none(&faults, "a kind that nobody can write, or that nothing shows, is not there");
}

#[test]
fn every_diagnostic_has_an_example() {
    let codes = raised();
    let examples: BTreeSet<String> =
        entries("tests/errors").into_iter().filter(|path| path.is_dir()).map(|path| stem(&path)).collect();
    let examples: BTreeSet<String> = examples.into_iter().filter(|example| example != "_many").collect();
    let is_excused = |code: &str| WITHOUT_EXAMPLE.iter().any(|(excused, _)| *excused == code);
    let mut faults: Vec<String> = codes
        .iter()
        .filter(|(code, _)| !examples.contains(*code) && !is_excused(code))
        .map(|(code, file)| format!("{file} raises `{code}`, and `tests/errors/{code}` is missing"))
        .collect();
    faults.extend(
        examples
            .iter()
            .filter(|example| !codes.contains_key(*example))
            .map(|example| format!("`tests/errors/{example}` is there, and nothing in `src` raises `{example}`")),
    );
    faults.extend(
        WITHOUT_EXAMPLE
            .iter()
            .filter(|(code, _)| examples.contains(*code) || !codes.contains_key(*code))
            .map(|(code, _)| format!("`{code}` needs no excuse: it has an example, or nothing raises it")),
    );
    assert_none(&faults, "the folders of `tests/errors` are the manual of errors: one for each code, none besides");
}

#[test]
fn the_scan_sees_every_way_to_raise_a_diagnostic() {
    let text = "Diagnostic::error(\"unknown-column\", x); Diagnostic::warning(\n    \"unused\",\n    y); \
                Diagnostic::error(code, z); error(\"not-one\")";
    assert_eq!(codes_in(text), ["unknown-column", "unused"]);
}

#[test]
fn no_module_is_forgotten() {
    let mut faults = Vec::new();
    for file in rust_files("src").into_iter().chain(rust_files("tests/it")) {
        let name = stem(&file);
        if matches!(name.as_str(), "lib" | "main") {
            continue;
        }
        let (name, folder) = match file.parent() {
            Some(parent) if name == "mod" => (stem(parent), parent.parent().expect("a module lies in a folder")),
            Some(parent) => (name, parent),
            None => continue,
        };
        let parents = ["lib.rs", "main.rs", "mod.rs"].map(|root| folder.join(root)).into_iter();
        let declared = parents
            .chain([folder.with_extension("rs")])
            .filter(|parent| parent.is_file() && *parent != file)
            .any(|parent| declares(&read(&parent), &name));
        if !declared {
            faults.push(shown(&file));
        }
    }
    assert_none(&faults, "no `mod` names this file, so it is not compiled");
}

/// Tells whether a line of `text` is `mod name;`, with whatever visibility.
fn declares(text: &str, name: &str) -> bool {
    let declaration = format!("mod {name};");
    text.lines().any(|line| {
        line.trim().strip_suffix(&declaration).is_some_and(|before| before.is_empty() || before.starts_with("pub"))
    })
}

/// Returns the layers that `text` uses, by `crate::…`, each with the number of its line.
fn uses(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, marker) in text.match_indices("crate::") {
        let number = text[..at].matches('\n').count() + 1;
        let rest = &text[at + marker.len()..];
        match rest.strip_prefix('{') {
            None => found.push((number, identifier(rest))),
            Some(list) => found.extend(first_names(list).into_iter().map(|name| (number, name))),
        }
    }
    found
}

/// Returns the names at the start of the items of a list in braces, whose opening one was taken away.
fn first_names(list: &str) -> Vec<String> {
    let mut names = Vec::new();
    let (mut depth, mut is_start) = (0_usize, true);
    for (at, character) in list.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => is_start = true,
            _ if is_start && character.is_alphabetic() => {
                names.push(identifier(&list[at..]));
                is_start = false;
            }
            _ => {}
        }
    }
    names
}

fn identifier(text: &str) -> String {
    text.chars().take_while(|character| character.is_alphanumeric() || *character == '_').collect()
}

/// Returns `text` with its comments blank, and all lines where they were.
fn without_comments(text: &str) -> String {
    let blank = |line: &str| if line.trim_start().starts_with("//") { String::new() } else { line.to_owned() };
    text.lines().map(|line| blank(line) + "\n").collect()
}

/// Returns `text` up to its tests, and without comments.
fn without_tests(text: &str) -> String {
    without_comments(text.split("#[cfg(test)]").next().expect("a split has a first part"))
}

/// Returns the codes of the diagnostics that the program makes, and a file that makes each.
fn raised() -> BTreeMap<String, String> {
    let mut codes: BTreeMap<String, String> = BTreeMap::new();
    for file in rust_files("src") {
        for code in codes_in(&without_tests(&read(&file))) {
            codes.entry(code).or_insert_with(|| shown(&file));
        }
    }
    codes
}

/// Returns these codes.
pub(crate) fn codes() -> BTreeSet<String> {
    raised().into_keys().collect()
}

/// Returns the codes of the diagnostics that `text` makes: `Diagnostic::error("code"`, whatever the line breaks.
fn codes_in(text: &str) -> Vec<String> {
    let mut codes = Vec::new();
    for (at, marker) in text.match_indices("Diagnostic::") {
        let rest = &text[at + marker.len()..];
        let Some(rest) = ["error(", "warning("].iter().find_map(|name| rest.strip_prefix(name)) else { continue };
        let Some(rest) = rest.trim_start().strip_prefix('"') else { continue };
        codes.push(rest.split('"').next().expect("a split has a first part").to_owned());
    }
    codes
}

/// Returns the layer of a file of `src`: its folder there, or its own name.
fn layer(file: &Path) -> String {
    let inside = file.strip_prefix(root().join("src")).expect("a file of src");
    stem(Path::new(inside.components().next().expect("a path has a part").as_os_str()))
}

/// Returns all Rust files below a folder of the repository, sorted.
fn rust_files(folder: &str) -> Vec<PathBuf> {
    files(folder, "rs")
}

/// Returns all files of an extension below a folder of the repository, sorted.
fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for path in entries_of(&folder) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|own| own == extension) {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

fn entries(folder: &str) -> Vec<PathBuf> {
    entries_of(&root().join(folder))
}

/// Returns what lies in a folder, sorted; nothing where there is no such folder.
fn entries_of(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn shown(file: &Path) -> String {
    file.strip_prefix(root()).expect("a file of the repository").to_string_lossy().replace('\\', "/")
}

fn stem(path: &Path) -> String {
    path.file_stem().expect("a path with a name").to_string_lossy().into_owned()
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap()
}

fn assert_none(faults: &[String], rule: &str) {
    assert!(faults.is_empty(), "{rule}:\n  {}", faults.join("\n  "));
}
