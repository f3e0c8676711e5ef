//! Runs the real program on the project that `milepost init` writes: what the commands write, print and leave alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// A project, and the program in a folder that is not the project's.
pub(crate) struct Bench {
    pub(crate) folder: TempDir,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let bench = Self { folder: tempfile::tempdir().unwrap() };
        bench.done(&["init", "--name", "acme"]);
        bench
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_milepost"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("MILEPOST_") {
                command.env_remove(name);
            }
        }
        command.current_dir(self.folder.path()).args(["--project-dir", "project"]).args(arguments).output().unwrap()
    }

    /// Runs a command that succeeds, and returns what it printed to standard output.
    pub(crate) fn done(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a command that fails with a code, and returns what it said.
    pub(crate) fn fails(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        said
    }

    pub(crate) fn edit(&self, file: &str, from: &str, to: &str) {
        let path = self.root().join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} has no {from}");
        fs::write(path, text.replace(from, to)).unwrap();
    }

    pub(crate) fn json(&self, file: &str) -> Value {
        serde_json::from_str(&fs::read_to_string(self.root().join(file)).unwrap()).unwrap()
    }

    fn hash(&self, definition: &str) -> String {
        self.done(&["compile", "--as-of", "2026-03-01"]);
        let manifest = self.json("target/manifest.json");
        let definitions = manifest["definitions"].as_array().unwrap();
        let found = definitions.iter().find(|entry| entry["unique_id"] == definition).unwrap();
        found["sha256"].as_str().unwrap().to_owned()
    }
}

/// Returns every file below a folder with its bytes, sorted.
pub(crate) fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.clone(), fs::read(&path).unwrap()));
        }
    }
    found.sort();
    found
}

#[cfg(feature = "duckdb")]
#[test]
fn what_is_built_is_shown() {
    let bench = Bench::new();
    let said = bench.fails(2, &["show", "activation_rate"]);
    assert!(said.contains("run it first"), "{said}");
    let found = bench.done(&["build", "--as-of", "2026-03-01"]);
    assert!(found.contains("activation_rate"), "{found}");
    let csv = bench.done(&["show", "activation_rate", "--limit", "2", "--output", "csv"]);
    assert_eq!(csv.lines().count(), 3, "{csv}");
    let segments = bench.done(&["show", "kpi.activation_rate", "--segments", "--output", "json"]);
    let rows: Vec<Value> = serde_json::from_str(&segments).unwrap();
    assert!(rows.iter().any(|row| row["segment_by"] == "channel") && rows[0]["segment_by"].is_null());
    assert!(bench.done(&["show", "activation_rate", "--chart"]).contains('█'));
    assert_eq!(bench.done(&["show", "milestone.activated", "--limit", "1", "--output", "csv"]).lines().count(), 2);
    assert!(bench.fails(2, &["show", "activatoin_rate"]).contains("`activation_rate`"));
}

#[cfg(not(feature = "duckdb"))]
#[test]
fn without_the_engine_what_needs_it_is_refused_in_one_sentence() {
    let bench = Bench::new();
    for command in
        [&["run"][..], &["build"], &["test"], &["verify"], &["show", "activation_rate"], &["explain", "--estimate"]]
    {
        let said = bench.fails(2, command);
        let expected = "error: this build of milepost cannot connect to `duckdb`: build it with `--features duckdb` \
                        (`compile` needs no connection)";
        let errors: Vec<&str> = said.lines().filter(|line| line.contains("error")).collect();
        assert_eq!(errors, [expected], "{command:?}");
    }
    let debug = bench.run(&["debug"]);
    assert_eq!(debug.status.code(), Some(1));
    let told = String::from_utf8(debug.stdout).unwrap();
    assert!(told.contains("this build is without the driver of `duckdb`"), "{told}");
    assert!(told.contains("build it with `--features duckdb`"), "{told}");
    // All else works without it.
    for command in
        [&["check"][..], &["compile"], &["explain"], &["lineage", "kpi.activation_rate"], &["ls"], &["man", "--schema"]]
    {
        bench.done(command);
    }
}

#[test]
fn compiling_twice_writes_the_same_and_removes_what_is_gone() {
    let bench = Bench::new();
    let compile = ["compile", "--as-of", "2026-03-01"];
    bench.done(&compile);
    let target = bench.root().join("target");
    let first = files(&target);
    let written = |path: &Path| fs::metadata(path).unwrap().modified().unwrap();
    let times: Vec<_> = first.iter().map(|(path, _)| written(path)).collect();
    bench.done(&compile);
    assert_eq!(first, files(&target));
    assert_eq!(times, first.iter().map(|(path, _)| written(path)).collect::<Vec<_>>());
    bench.edit("models/activation.toml", "[kpi.signups]", "[kpi.new_users]");
    bench.done(&compile);
    let stems: Vec<String> =
        files(&target).iter().map(|(path, _)| path.file_stem().unwrap().to_string_lossy().into_owned()).collect();
    assert!(stems.contains(&"kpi_new_users".to_owned()) && !stems.contains(&"kpi_signups".to_owned()), "{stems:?}");
    bench.done(&["clean"]);
    assert!(!target.exists());
}

/// What is in a folder of somebody else's, and what a command that would write there says of it.
#[cfg(feature = "duckdb")]
const THEIRS: &str = "holds files, and milepost wrote none of them: nothing was written";

#[cfg(feature = "duckdb")]
#[test]
fn a_target_folder_that_others_fill_is_not_written_to() {
    let bench = Bench::new();
    let theirs = bench.folder.path().join("theirs");
    fs::create_dir_all(theirs.join("empty")).unwrap();
    fs::write(theirs.join("passwd"), "root").unwrap();
    // A manifest or results of another program make it no folder of ours.
    fs::write(theirs.join("manifest.json"), "{\"metadata\": {\"dbt_version\": \"2.0\"}}").unwrap();
    let before = files(&theirs);
    let path = theirs.to_str().unwrap();
    for command in ["compile", "run", "build", "test", "verify"] {
        let said = bench.fails(2, &[command, "--target-path", path]);
        assert_eq!(said.matches(THEIRS).count(), 1, "{command}: {said}");
        assert!(said.contains("name a folder that is new or empty with `--target-path`"), "{command}: {said}");
        assert_eq!(files(&theirs), before, "{command}");
    }
    // One that is empty, one that is not there, and then those of ours, whatever else is in them.
    for folder in [theirs.join("empty"), theirs.join("new/deep")] {
        let path = folder.to_str().unwrap();
        for command in ["compile", "run", "test", "build"] {
            bench.done(&[command, "--target-path", path]);
            fs::write(folder.join("notes.txt"), "mine").unwrap();
        }
    }
    let _ = fs::remove_dir_all(bench.root().join("target"));
    // A database may be there first: somebody loaded raw rows into it.
    bench.tell("CREATE TABLE raw_events AS SELECT 1 AS n");
    bench.done(&["compile"]);
}

#[cfg(feature = "duckdb")]
#[test]
fn an_estimate_is_of_what_is_known_and_says_what_it_is() {
    let bench = Bench::new();
    bench.done(&["run"]);
    let estimate = |bench: &Bench| -> Vec<Value> {
        serde_json::from_str(&bench.done(&["explain", "--estimate", "--output", "json"])).unwrap()
    };
    for row in estimate(&bench) {
        let file = if row["relation"] == "events_events" { "data/events.csv" } else { "data/users.csv" };
        let size = fs::metadata(bench.root().join(file)).unwrap().len();
        assert_eq!(
            (&row["bytes"], &row["rows"], &row["basis"]),
            (&size.into(), &Value::Null, &"the size of 1 file".into())
        );
    }
    let said = bench.done(&["explain", "--estimate"]);
    assert!(said.lines().next().unwrap().contains("basis") && said.contains("the size of 1 file"), "{said}");
    // Of a table, its rows, as many as there are now; of a view, which may read anything, nothing.
    let data = bench.root().join("data").display().to_string();
    bench.tell(&format!(
        "CREATE SCHEMA raw; CREATE VIEW raw.users AS SELECT * FROM '{data}/users.csv'; \
         CREATE TABLE raw.events AS SELECT * FROM '{data}/events.csv'; DELETE FROM raw.events WHERE event_id > 'e012'"
    ));
    bench.edit("models/sources.toml", "path = \"data/users.csv\"", "table = \"raw.users\"");
    bench.edit("models/sources.toml", "path = \"data/events.csv\"", "table = \"raw.events\"");
    let mut found = estimate(&bench);
    found.sort_by_key(|row| row["relation"].as_str().map(str::to_owned));
    let told = found.iter().map(|row| [&row["bytes"], &row["rows"], &row["basis"]]).collect::<Vec<_>>();
    let null = Value::Null;
    assert_eq!(
        told,
        [
            [&null, &null, &"not known: it is no table of this database".into()],
            [&null, &12.into(), &"the rows of the table".into()],
        ]
    );
}

#[test]
fn targets_of_one_dialect_have_folders_of_their_own() {
    let bench = Bench::new();
    bench.edit(
        "project.toml",
        "[target.dev]",
        "[target.staging]\ndialect = \"duckdb\"\nschema = \"staging\"\n\n[target.dev]",
    );
    bench.done(&["compile"]);
    let compiled = bench.root().join("target/compiled/duckdb");
    for name in ["dev", "staging"] {
        assert!(compiled.join(name).join("kpi_signups.sql").exists(), "{name}");
    }
    // One target leaves the files of the others.
    bench.done(&["compile", "--target", "dev"]);
    assert!(compiled.join("staging/kpi_signups.sql").exists());
    assert_eq!(bench.json("target/manifest.json")["targets"].as_array().unwrap().len(), 1);
    assert!(bench.fails(2, &["compile", "--target", "stagign"]).contains("`staging`"));
}

#[test]
fn the_hash_of_a_definition_is_that_of_its_meaning() {
    let bench = Bench::new();
    let activated = || bench.hash("milestone.acme.first_document");
    let first = activated();
    bench.edit("models/activation.toml", "title = \"First document\"", "title = \"A document\" # a comment");
    bench.edit("models/activation.toml", "# What a user can reach.", "\n\n# What can be reached.\n");
    assert_eq!(activated(), first);
    bench.edit("models/activation.toml", "within = \"7d\"", "within = \"168h\"");
    assert_eq!(activated(), first);
    bench.edit("models/activation.toml", "within = \"168h\"", "within = \"8d\"");
    assert_ne!(activated(), first);
}

#[cfg(feature = "duckdb")]
#[test]
fn only_what_is_selected_is_run() {
    let bench = Bench::new();
    bench.done(&["run"]);
    bench.done(&["run", "--select", "kpi.signups"]);
    let results = bench.json("target/run_results.json");
    let made = |results: &Value| -> Vec<String> {
        let entries = results["results"].as_array().unwrap();
        entries.iter().map(|entry| entry["unique_id"].as_str().unwrap().to_owned()).collect()
    };
    // A KPI is a view of the table that its cells lie in.
    let expected = ["schema.acme.schema", "cells.acme.cells__0__user", "kpi.acme.kpi_signups", "kpis.acme.kpis"];
    assert_eq!(made(&results), expected);
    // A milestone comes with the relations that it shares, and with what these read.
    bench.done(&["clean"]);
    bench.done(&["run", "--select", "milestone.shared"]);
    assert!(made(&bench.json("target/run_results.json")).contains(&"events.acme.events_events".to_owned()));
    assert!(bench.fails(2, &["run", "--select", "kpi.singups"]).contains("`kpi.signups`"));
}

#[cfg(feature = "duckdb")]
#[test]
fn what_a_run_reads_is_looked_for_before_anything_is_written() {
    let bench = Bench::new();
    bench.edit("models/sources.toml", "\"occurred_at\"", "\"ocurred_at\"");
    let said = bench.fails(1, &["run"]);
    assert!(said.contains("`ocurred_at`") && said.contains("`occurred_at`"), "{said}");
    let results = bench.json("target/run_results.json");
    assert!(results["results"].as_array().unwrap().iter().all(|entry| entry["status"] == "skipped"));
    // An editor is told of what is wrong as data.
    bench.edit("models/activation.toml", "shared_with", "shared_wiht");
    let output = bench.run(&["check", "--output", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found[0]["code"], "unknown-column");
}

#[cfg(feature = "duckdb")]
#[test]
fn a_test_that_fails_shows_what_differs_and_stops_a_build() {
    let bench = Bench::new();
    bench.edit("tests/activation.toml", "{ user = \"ann\", reached = false }", "{ user = \"ann\", reached = true }");
    let said = bench.fails(1, &["build"]);
    assert!(said.contains("1 changed (2 rows expected)") && said.contains("ann"), "{said}");
    let results = bench.json("target/run_results.json");
    assert!(results["results"].as_array().unwrap().iter().any(|entry| entry["status"] == "fail"));
    bench.done(&["test", "--select", "kpi.signups"]);
    bench.fails(1, &["test", "--select", "milestone.shared"]);
}

#[cfg(feature = "duckdb")]
#[test]
fn unit_tests_are_selected_with_the_definitions_whose_rows_they_expect() {
    let bench = Bench::new();
    let said = |arguments: &[&str]| String::from_utf8(bench.run(arguments).stderr).unwrap();
    let (passed, none) = ("1 of 1 unit tests passed", "no unit test is selected");
    for named in
        ["milestone.shared", "+kpi.activation_rate", "sharing_twice_with_one_person_is_one_person", "kind:test"]
    {
        assert!(said(&["test", "--select", named]).contains(passed), "{named}");
        let left = said(&["test", "--exclude", named]);
        assert!(left.contains(none), "{named}: {left}");
    }
    for named in ["kpi.activation_rate", "kpi.signups"] {
        assert!(said(&["test", "--select", named]).contains(none), "{named}");
        assert!(said(&["test", "--exclude", named]).contains(passed), "{named}");
    }
    // Nor is it silent that a build proves nothing.
    assert!(said(&["build", "--select", "kpi.signups"]).contains(none));
    assert!(said(&["build"]).contains(passed));
    // One that is excluded takes out a test that is named, too.
    assert!(said(&["test", "--select", "kind:test", "--exclude", "shared"]).contains(none));
}

#[test]
fn the_moment_is_that_of_the_flag_then_of_the_project() {
    let bench = Bench::new();
    let as_of = |arguments: &[&str]| {
        bench.done(arguments);
        bench.json("target/manifest.json")["metadata"]["as_of"].as_str().unwrap().to_owned()
    };
    bench.edit("project.toml", "default_target", "as_of = \"2026-02-01\"\ndefault_target");
    assert_eq!(as_of(&["compile"]), "2026-02-01T00:00:00Z");
    assert_eq!(as_of(&["compile", "--as-of", "2026-03-01T12:00:00+02:00"]), "2026-03-01T10:00:00Z");
    bench.edit("project.toml", "2026-02-01", "yesterday");
    assert!(bench.fails(1, &["compile"]).contains("bad-time"));
}
