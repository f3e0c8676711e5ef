//! What `check --output sarif` prints: valid by the standard's own schema, with places as the standard counts them.

use std::fs;
use std::path::Path;

use jiff::Timestamp;
use milepost::application::mistakes::find;
use milepost::application::reference::diagnostics::rule;
use milepost::application::workspace::Request;
use milepost::report::sarif::log;
use milepost::semantic::moment;
use serde_json::{Value, json};

use crate::cases::{each, projects};
use crate::cli::milepost;
use crate::schema::faults;

/// Returns what of a log is not as the standard wants it.
fn not_valid(log: &Value) -> Vec<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sarif/sarif-schema-2.1.0.json");
    let schema: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    faults(&schema, &schema, log, "")
}

/// Returns the log of a project, and the exit code.
fn check(folder: &Path, arguments: &[&str]) -> (Value, Option<i32>) {
    let arguments: Vec<&str> = ["check", "--output", "sarif"].iter().chain(arguments).copied().collect();
    let output = milepost(&arguments).current_dir(folder).output().unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    (serde_json::from_slice(&output.stdout).unwrap(), output.status.code())
}

#[test]
fn every_diagnostic_is_valid_and_explained() {
    each(&projects("errors"), |project| {
        let as_of = moment::moment("2026-03-01").ok();
        let (found, sources) = find(&Request { as_of, ..Request::of(project, Timestamp::UNIX_EPOCH) });
        let text = log(&found, &sources, Path::new("analytics"), "project.toml", rule);
        let log: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(not_valid(&log), Vec::<String>::new());
        let run = &log["runs"][0];
        let (rules, results) = (&run["tool"]["driver"]["rules"], run["results"].as_array().unwrap());
        assert_eq!(results.len(), found.len());
        for result in results {
            let described = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
            assert_eq!(described["id"], result["ruleId"]);
            assert!(described["help"]["markdown"].is_string(), "{described}");
            let place = &result["locations"][0]["physicalLocation"]["artifactLocation"];
            assert!(place["uri"].as_str().unwrap().starts_with("analytics/"), "{place}");
        }
    });
}

#[test]
fn places_are_counted_in_code_units_and_told_from_the_current_folder() {
    let folder = tempfile::tempdir().unwrap();
    let models = folder.path().join("my analytics/models");
    fs::create_dir_all(&models).unwrap();
    fs::write(models.join("../project.toml"), "[project]\nname = \"odd\"\n").unwrap();
    let text = "[source.events]\ntable = \"raw.events\"\nentity = \"user_id\"\nname = \"name\"\ntime = \"at\"\n\
        columns = { plan = \"string\" }\n\n\
        [entity.user]\ntable = \"raw.users\"\nkey = \"user_id\"\nstart = \"at\"\n\n\
        [milestone.shared]\nevent = \"share\"\nwhere = \"plan = '😀é' and plam = 'x'\"\n";
    fs::write(models.join("a.toml"), text).unwrap();
    let (log, code) = check(folder.path(), &["--project-dir", "my analytics"]);
    assert_eq!(code, Some(1));
    assert_eq!(not_valid(&log), Vec::<String>::new());
    let run = &log["runs"][0];
    assert_eq!(run["columnKind"], "utf16CodeUnits");
    let file = json!({ "uri": "my%20analytics/models/a.toml", "uriBaseId": "%SRCROOT%" });
    assert_eq!(
        run["results"],
        json!([{
            "ruleId": "unknown-column",
            "ruleIndex": 0,
            "level": "error",
            "message": { "text": "no column `plam` in source `events`\nnot a column of source `events`\n\
                help: a column with a similar name exists: `plan`" },
            "locations": [{ "physicalLocation": {
                "artifactLocation": file,
                "region": { "startLine": 15, "startColumn": 27, "endLine": 15, "endColumn": 31 },
            } }],
            "relatedLocations": [{
                "id": 1,
                "message": { "text": "its columns are declared here" },
                "physicalLocation": {
                    "artifactLocation": file,
                    "region": { "startLine": 1, "startColumn": 9, "endLine": 1, "endColumn": 15 },
                },
            }],
        }])
    );
}

#[test]
fn what_has_no_place_is_told_of_the_project() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("models")).unwrap();
    fs::write(folder.path().join("project.toml"), "[project]\nname = \"odd\"\n").unwrap();
    let (log, code) = check(folder.path(), &["--target", "prod"]);
    assert_eq!(code, Some(2));
    assert_eq!(not_valid(&log), Vec::<String>::new());
    let place = json!([{ "physicalLocation": {
        "artifactLocation": { "uri": "project.toml", "uriBaseId": "%SRCROOT%" }
    } }]);
    assert_eq!(log["runs"][0]["results"][0]["locations"], place);
}

#[test]
fn a_command_that_looks_for_no_mistakes_refuses_the_form() {
    let folder = tempfile::tempdir().unwrap();
    let output = milepost(&["run", "--output", "sarif"]).current_dir(folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("`milepost run` prints no sarif"));
}
