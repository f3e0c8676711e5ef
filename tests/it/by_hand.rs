//! What `compile` writes stands by itself: run by hand in the manifest's order it gives what `run` gives, it reads the
//! raw events once, and it is the same the second time.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use duckdb::Connection;

fn sample() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn milepost(root: &Path, target_path: &Path, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_milepost"))
        .args(arguments)
        .arg("--project-dir")
        .arg(root)
        .arg("--target-path")
        .arg(target_path)
        .env_remove("MILEPOST_AS_OF")
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Copies the sample, so that its database is its own.
fn copy(folder: &Path) {
    for entry in ["project.toml", "models", "checks", "data"] {
        let status = Command::new("cp").arg("-r").arg(sample().join(entry)).arg(folder).status().unwrap();
        assert!(status.success());
    }
}

fn statements(target_path: &Path) -> Vec<(String, String)> {
    let manifest: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(target_path.join("manifest.json")).unwrap()).unwrap();
    let targets = manifest["targets"].as_array().unwrap();
    let dev = targets.iter().find(|target| target["name"] == "dev").unwrap();
    let nodes = dev["nodes"].as_array().unwrap();
    nodes
        .iter()
        .map(|node| {
            let path = node["sql_path"].as_str().unwrap();
            (node["name"].as_str().unwrap().to_owned(), fs::read_to_string(target_path.join(path)).unwrap())
        })
        .collect()
}

/// Counts and digests the rows of every relation of the schema.
fn contents(connection: &Connection) -> BTreeMap<String, String> {
    let mut names = connection
        .prepare("SELECT table_name FROM information_schema.tables WHERE table_schema = 'milepost' ORDER BY 1")
        .unwrap();
    let names: Vec<String> = names.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    names
        .into_iter()
        .map(|name| {
            let sql = format!("SELECT count(*) || ' ' || coalesce(md5(string_agg(t::VARCHAR, '|' ORDER BY t::VARCHAR)), '') FROM milepost.\"{name}\" t");
            let digest: String = connection.query_row(&sql, [], |row| row.get(0)).unwrap();
            (name, digest)
        })
        .collect()
}

#[test]
fn the_compiled_sql_run_by_hand_gives_the_rows_of_run() {
    let folder = tempfile::tempdir().unwrap();
    copy(folder.path());
    let target_path = folder.path().join("target");
    milepost(folder.path(), &target_path, &["run", "--quiet"]);
    let by_run = contents(&Connection::open(folder.path().join("target/inkwell.duckdb")).unwrap());

    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(&format!("SET file_search_path = '{}'", folder.path().display())).unwrap();
    for (name, sql) in statements(&target_path) {
        connection.execute_batch(&sql).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    let by_hand = contents(&connection);
    assert!(by_run.len() > 80, "{}", by_run.len());
    assert_eq!(by_run, by_hand);
}

#[test]
fn a_second_compile_writes_the_same_bytes() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for folder in [&first, &second] {
        milepost(&sample(), folder.path(), &["compile", "--quiet"]);
    }
    let read = |folder: &Path| {
        let mut files = BTreeMap::new();
        for dialect in ["duckdb", "bigquery", "snowflake"] {
            for entry in fs::read_dir(folder.join("compiled").join(dialect)).unwrap() {
                let path = entry.unwrap().path();
                files.insert(path.strip_prefix(folder).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
        files.insert(PathBuf::from("manifest.json"), fs::read(folder.join("manifest.json")).unwrap());
        files
    };
    let first = read(first.path());
    assert!(first.len() > 240, "{}", first.len());
    assert_eq!(first, read(second.path()));
}

/// The statements that name the raw events, in the SQL itself.
fn readings(target_path: &Path) -> usize {
    statements(target_path).iter().map(|(_, sql)| sql.matches("data/events/").count()).sum()
}

#[test]
fn fifty_more_milestones_read_the_raw_events_no_more_often() {
    let folder = tempfile::tempdir().unwrap();
    copy(folder.path());
    let target_path = folder.path().join("target");
    milepost(folder.path(), &target_path, &["compile", "--quiet", "--target", "dev"]);
    assert_eq!(readings(&target_path), 1);
    assert!(milepost(folder.path(), &target_path, &["explain"]).contains("source.events: read once"));

    let mut more = String::new();
    for number in 0..50 {
        let event = ["document_created", "invite_sent", "task_completed", "session_started"][number % 4];
        more.push_str(&format!(
            "[milestone.more_{number}]\nevent = \"{event}\"\nat_least = {}\nwithin = \"{}d\"\n",
            number % 7 + 1,
            number + 1
        ));
    }
    fs::write(folder.path().join("models/more.toml"), more).unwrap();
    milepost(folder.path(), &target_path, &["compile", "--quiet", "--target", "dev"]);
    assert_eq!(readings(&target_path), 1);
    assert!(milepost(folder.path(), &target_path, &["explain"]).contains("source.events: read once"));
}
