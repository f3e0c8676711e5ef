//! What a program is told of a run: `run_results.json` at every end, JSON on standard output, exit codes.

use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::Value;
use tempfile::TempDir;

use crate::cli::milepost;

fn project() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    assert!(milepost(&["init", "told"]).current_dir(folder.path()).output().unwrap().status.success());
    folder
}

fn call(folder: &TempDir, arguments: &[&str]) -> Output {
    milepost(arguments).current_dir(folder.path().join("told")).output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

/// The file of results, which standard output repeats where it was asked for.
fn results(folder: &TempDir) -> Value {
    let text = fs::read_to_string(folder.path().join("told/target/run_results.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn write(folder: &TempDir, path: &str, change: impl Fn(&str) -> String) {
    let path = folder.path().join("told").join(path);
    let text = fs::read_to_string(&path).unwrap_or_default();
    fs::write(path, change(&text)).unwrap();
}

fn statuses(results: &Value, kind: &str) -> Vec<String> {
    let of_kind = |entry: &&Value| entry["unique_id"].as_str().unwrap().starts_with(kind);
    let entries = results["results"].as_array().unwrap().iter().filter(of_kind);
    entries.map(|entry| entry["status"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn results_are_written_at_every_end_and_are_never_those_of_another_run() {
    let folder = project();
    let done = call(&folder, &["build", "--output", "json"]);
    assert_eq!(code(&done), 0, "{}", String::from_utf8_lossy(&done.stderr));
    let first = results(&folder);
    assert_eq!(serde_json::from_slice::<Value>(&done.stdout).unwrap(), first);
    assert!(statuses(&first, "unit_test.").iter().all(|status| status == "pass"));
    assert!(statuses(&first, "kpi.").iter().all(|status| status == "success"));
    assert!(first["results"].as_array().unwrap().iter().all(|entry| entry["attempts"] == 1));

    let ids = std::cell::RefCell::new(vec![first["metadata"]["invocation_id"].clone()]);
    let ends = |arguments: &[&str], expected: i32, why: &str| {
        let ended = call(&folder, arguments);
        assert_eq!(code(&ended), expected, "{arguments:?}: {}", String::from_utf8_lossy(&ended.stderr));
        let results = results(&folder);
        let id = results["metadata"]["invocation_id"].clone();
        assert!(!ids.borrow().contains(&id), "{arguments:?} left the results of another invocation");
        ids.borrow_mut().push(id);
        let errors = results["errors"].to_string();
        assert!(errors.contains(why), "{arguments:?}: {errors}");
        results
    };
    // The command itself.
    let untried = ends(&["run", "--target", "nowhere"], 2, "unknown-target");
    assert_eq!(untried["results"], Value::Array(Vec::new()));
    ends(&["run", "--select", "nobody"], 2, "nobody");
    // What it reads.
    fs::rename(folder.path().join("told/data/events.csv"), folder.path().join("told/data/elsewhere.csv")).unwrap();
    let skipped = ends(&["run"], 1, "events.csv");
    assert!(statuses(&skipped, "kpi.").iter().all(|status| status == "skipped"));
    fs::rename(folder.path().join("told/data/elsewhere.csv"), folder.path().join("told/data/events.csv")).unwrap();
    // A unit test.
    write(&folder, "models/wrong.toml", |_| "[test.wrong]\ndefinition = \"x\"\n".to_owned());
    ends(&["build"], 1, "error[");
    fs::remove_file(folder.path().join("told/models/wrong.toml")).unwrap();
    // The connection.
    write(&folder, "project.toml", |text| text.replace("database = \"", "database = \"/dev/null/"));
    ends(&["run"], 2, "/dev/null");
}

#[test]
fn what_failed_is_in_the_results_with_its_kind() {
    let folder = project();
    // The column is text, of which no value is looked at before a run.
    let broken = "[entity.broken]\ntable = \"raw.broken\"\nkey = \"id\"\nstart = \"at\"\n\
        attributes = { number = \"string\" }\n\n\
        [kpi.broken_ones]\nkind = \"count\"\nof = \"broken\"\nwhere = \"number = '7'\"\n";
    write(&folder, "models/broken.toml", |_| broken.to_owned());
    write(&folder, "models/sources.toml", |text| {
        text.replace("[source.events]", "[source.events]\nentity_type = \"user\"")
    });
    fs::create_dir_all(folder.path().join("told/target")).unwrap();
    let database = duckdb::Connection::open(folder.path().join("told/target/told.duckdb")).unwrap();
    let view = "CREATE SCHEMA raw; CREATE VIEW raw.broken AS SELECT id, TIMESTAMP '2026-01-01' AS at, \
        CAST(CAST(id AS INTEGER) AS VARCHAR) AS number FROM (VALUES ('1'), ('x')) AS t(id)";
    database.execute_batch(view).unwrap();
    drop(database);
    let failed = call(&folder, &["run", "--as-of", "2026-03-01"]);
    assert_eq!(code(&failed), 1, "{}", String::from_utf8_lossy(&failed.stderr));
    let results = results(&folder);
    let entries = results["results"].as_array().unwrap();
    let of = |id: &str| entries.iter().find(|entry| entry["unique_id"] == id).unwrap();
    let broken = of("entity.told.entity_broken");
    assert_eq!((&broken["status"], &broken["error_kind"]), (&"error".into(), &"user_sql".into()), "{broken}");
    assert!(broken["message"].as_str().unwrap().starts_with("Conversion Error: "), "{broken}");
    assert_eq!((&broken["attempts"], &broken["adapter_response"]), (&1.into(), &serde_json::json!({})));
    // What read of it did not fail, and was not tried; and the rest was made.
    let skipped = of("kpi.told.kpi_broken_ones");
    let told = (&skipped["status"], &skipped["error_kind"], &skipped["attempts"]);
    assert_eq!(told, (&"skipped".into(), &Value::Null, &0.into()));
    let made = of("kpi.told.kpi_signups");
    assert_eq!((&made["status"], &made["error_kind"]), (&"success".into(), &Value::Null));
}

#[test]
fn a_test_that_fails_is_in_the_results_with_what_differs() {
    let folder = project();
    write(&folder, "tests/activation.toml", |text| {
        text.replace("{ user = \"ann\", reached = false }", "{ user = \"ann\", reached = true }")
    });
    let failed = call(&folder, &["test", "--output", "json"]);
    assert_eq!(code(&failed), 1);
    let results: Value = serde_json::from_slice(&failed.stdout).unwrap();
    let entry = results["results"].as_array().unwrap().iter().find(|entry| entry["status"] == "fail").unwrap();
    assert_eq!(entry["failures"], 1);
    assert!(entry["message"].as_str().unwrap().contains("reached"), "{entry}");
}

#[test]
fn a_form_that_a_command_does_not_print_is_refused_before_anything_is_done() {
    let folder = project();
    for arguments in [&["explain", "--output", "json"][..], &["clean", "--output", "csv"], &["run", "--output", "csv"]]
    {
        let refused = call(&folder, arguments);
        assert_eq!(code(&refused), 2, "{arguments:?}");
        assert!(refused.stdout.is_empty() && !refused.stderr.is_empty(), "{arguments:?}");
    }
    assert!(!folder.path().join("told/target").exists());
    let manifest = call(&folder, &["compile", "--output", "json"]);
    assert!(serde_json::from_slice::<Value>(&manifest.stdout).unwrap()["definitions"].is_array());
}

#[test]
fn nothing_is_written_where_there_is_no_project() {
    let folder = tempfile::tempdir().unwrap();
    let ended = milepost(&["run"]).current_dir(folder.path()).output().unwrap();
    assert_eq!(code(&ended), 2);
    assert!(fs::read_dir(folder.path()).unwrap().next().is_none());
}

#[test]
fn results_of_another_program_stay_as_they_are() {
    let folder = project();
    let path = folder.path().join("told/target/run_results.json");
    let theirs = "{\"metadata\": {\"dbt_version\": \"1.11.0\"}}";
    fs::create_dir(folder.path().join("told/target")).unwrap();
    fs::write(&path, theirs).unwrap();
    let stays = || {
        for arguments in [&["test"][..], &["run", "--target", "nowhere"], &["run"]] {
            let refused = call(&folder, arguments);
            assert_eq!(code(&refused), 2, "{arguments:?}");
            assert_eq!(fs::read_to_string(&path).unwrap(), theirs, "{arguments:?}");
        }
    };
    stays();
    // Also in a folder in which something is ours.
    fs::write(folder.path().join("told/target/.milepost.lock"), "").unwrap();
    stays();
}

#[test]
fn people_read_percentages_and_programs_shares() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = tempfile::tempdir().unwrap();
    let path = target.path().join("target").display().to_string();
    let copy = tempfile::tempdir().unwrap();
    for folder in ["data", "models", "checks"] {
        let made = std::process::Command::new("cp").arg("-r").arg(sample.join(folder)).arg(copy.path()).status();
        assert!(made.unwrap().success());
    }
    fs::copy(sample.join("project.toml"), copy.path().join("project.toml")).unwrap();
    let call = |arguments: &[&str]| {
        let all = [arguments, &["--target-path", &path]].concat();
        let ended = milepost(&all).current_dir(copy.path()).output().unwrap();
        assert!(ended.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ended.stderr));
        String::from_utf8(ended.stdout).unwrap()
    };
    let built = call(&["build", "--target", "dev"]);
    let line = built.lines().find(|line| line.starts_with("activation_rate")).unwrap();
    assert!(line.contains("43 %") && line.contains("40 %"), "{line}");
    assert!(!built.contains("null"), "{built}");
    let shown = call(&["show", "activation_rate", "--target", "dev"]);
    assert!(shown.contains(" %") && !shown.contains("null"), "{shown}");
    let rows: Value =
        serde_json::from_str(&call(&["show", "activation_rate", "--target", "dev", "--output", "json"])).unwrap();
    let values: Vec<f64> = rows.as_array().unwrap().iter().filter_map(|row| row["value"].as_f64()).collect();
    assert!(!values.is_empty() && values.iter().all(|value| *value <= 1.0));
    // All KPIs together: each row says which it is of, and they are in order.
    let all = call(&["show", "kpis", "--target", "dev", "--limit", "0"]);
    let names: Vec<&str> = all.lines().skip(2).filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.is_sorted() && names.contains(&"activation_rate"), "{names:?}");
}
