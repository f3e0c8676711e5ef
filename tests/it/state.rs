//! What runs leave in the warehouse and on the disk: what is ours is known by its mark, and what is not stays as it is.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use duckdb::Connection;
use milepost::render::Mark;

use crate::commands::{Bench, files};

/// Where the database of a bench lies.
pub(crate) const DATABASE: &str = "target/acme.duckdb";

impl Bench {
    pub(crate) fn open(&self) -> Connection {
        Connection::open(self.root().join(DATABASE)).unwrap()
    }

    /// Does something to the database.
    pub(crate) fn tell(&self, sql: &str) {
        fs::create_dir_all(self.root().join("target")).unwrap();
        self.open().execute_batch(sql).unwrap();
    }

    /// Asks for one text.
    pub(crate) fn ask(&self, sql: &str) -> String {
        self.open().query_row(&format!("SELECT CAST(({sql}) AS VARCHAR)"), [], |row| row.get(0)).unwrap()
    }

    /// Returns the marks of what is in the schema, by relation.
    pub(crate) fn marks(&self) -> BTreeMap<String, Option<Mark>> {
        let of =
            |kind: &str| format!("SELECT {kind}_name, comment FROM duckdb_{kind}s() WHERE schema_name = 'milepost'");
        let connection = self.open();
        let mut query = connection.prepare(&format!("{} UNION ALL {}", of("table"), of("view"))).unwrap();
        let rows = query.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Option<String>>(1)?))).unwrap();
        let mark = |(name, comment): (String, Option<String>)| (name, comment.as_deref().and_then(Mark::parse));
        rows.map(|row| mark(row.unwrap())).collect()
    }

    /// Returns the rows of what is in the schema, by relation, each in one order.
    pub(crate) fn rows(&self) -> BTreeMap<String, String> {
        let connection = self.open();
        let rows = |name: &String| {
            let sql = format!(
                "SELECT coalesce(string_agg(t::VARCHAR, '\n' ORDER BY t::VARCHAR), '') FROM milepost.\"{name}\" AS t"
            );
            connection
                .query_row(&sql, [], |row| row.get::<_, String>(0))
                .unwrap_or_else(|error| panic!("{name}: {error}"))
        };
        self.marks().keys().map(|name| (name.clone(), rows(name))).collect()
    }

    /// Returns the same of a full run of the same files in an empty database.
    pub(crate) fn fresh(&self, as_of: &str) -> (BTreeMap<String, Option<Mark>>, BTreeMap<String, String>) {
        let fresh = Bench::new();
        for folder in ["models", "data"] {
            for (path, bytes) in files(&self.root().join(folder)) {
                fs::write(fresh.root().join(path.strip_prefix(self.root()).unwrap()), bytes).unwrap();
            }
        }
        fresh.done(&["run", "--as-of", as_of]);
        (fresh.marks(), fresh.rows())
    }

    pub(crate) fn as_of(&self, relation: &str) -> String {
        self.marks()[relation].as_ref().unwrap().as_of.clone().unwrap()
    }
}

#[test]
fn what_has_no_mark_of_ours_is_never_replaced() {
    let bench = Bench::new();
    bench.tell(
        "CREATE SCHEMA milepost; CREATE TABLE milepost.milestones AS SELECT 'mine' AS name; \
         CREATE VIEW milepost.score_engagement AS SELECT 'mine' AS name; \
         CREATE VIEW milepost.Milestone_Activated AS SELECT 'mine' AS name; \
         COMMENT ON VIEW milepost.score_engagement IS 'made by hand';",
    );
    let said = bench.fails(1, &["run"]);
    // All are told, of either kind, and nothing is made.
    for name in ["milestones", "score_engagement", "milestone_activated"] {
        assert!(said.contains(&format!("\"milepost\".\"{name}\" is there")), "{said}");
    }
    assert_eq!(bench.marks().len(), 3);
    assert_eq!(bench.ask("SELECT name FROM milepost.milestones"), "mine");
    // Once they are gone, the run makes its own.
    bench.tell(
        "DROP TABLE milepost.milestones; DROP VIEW milepost.score_engagement; DROP VIEW milepost.Milestone_Activated",
    );
    bench.done(&["run"]);
    assert!(bench.marks().values().all(Option::is_some));
}

#[test]
fn what_is_ours_is_replaced_by_another_kind_on_a_fresh_machine_too() {
    let bench = Bench::new();
    bench.done(&["run", "--as-of", "2026-03-01"]);
    let comment = bench.ask("SELECT comment FROM duckdb_tables() WHERE table_name = 'score_engagement'");
    bench.tell(&format!(
        "DROP TABLE milepost.score_engagement; CREATE VIEW milepost.score_engagement AS SELECT 1 AS n; \
         COMMENT ON VIEW milepost.score_engagement IS '{comment}'"
    ));
    // Nothing on the disk says what was made.
    fs::remove_file(bench.root().join("target/run_results.json")).unwrap();
    bench.done(&["run", "--as-of", "2026-03-01"]);
    assert_eq!(bench.ask("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'score_engagement'"), "1");
}

#[test]
fn show_reads_beside_others_and_writes_nothing() {
    let bench = Bench::new();
    assert!(bench.fails(2, &["show", "signups"]).contains("run it first"));
    assert!(!bench.root().join(DATABASE).exists());
    bench.done(&["run", "--as-of", "2026-03-01"]);
    let before = files(&bench.root().join("target"));
    // Another process that reads; a writer would be shut out, and shut others out.
    let config = duckdb::Config::default().access_mode(duckdb::AccessMode::ReadOnly).unwrap();
    let reader = Connection::open_with_flags(bench.root().join(DATABASE), config).unwrap();
    bench.done(&["show", "signups"]);
    drop(reader);
    assert_eq!(files(&bench.root().join("target")), before);
}

#[test]
fn show_makes_no_sql_of_what_it_does_not_show() {
    let bench = Bench::new();
    bench.done(&["run", "--as-of", "2026-03-01"]);
    let shown = bench.done(&["show", "signups", "--output", "csv"]);
    // A definition that means something, and whose SQL would be too long.
    let text = (0..10).fold("length(plan)".to_owned(), |text, _| format!("power({text}, 2)"));
    let large = format!("\n[kpi.large]\nkind = \"count\"\nof = \"user\"\nwhere = \"{text} > 1\"\n");
    let file = bench.root().join("models/activation.toml");
    fs::write(&file, fs::read_to_string(&file).unwrap() + &large).unwrap();
    assert!(bench.fails(1, &["check"]).contains("error[expression-too-large]"));
    assert_eq!(bench.done(&["show", "signups", "--output", "csv"]), shown);
}

#[cfg(unix)]
#[test]
fn show_needs_no_right_to_write() {
    use std::os::unix::fs::PermissionsExt as _;

    let bench = Bench::new();
    bench.done(&["run", "--as-of", "2026-03-01"]);
    let set = |mode: u32, file: u32| {
        fs::set_permissions(bench.root().join(DATABASE), fs::Permissions::from_mode(file)).unwrap();
        fs::set_permissions(bench.root().join("target"), fs::Permissions::from_mode(mode)).unwrap();
    };
    set(0o555, 0o444);
    let shown = bench.run(&["show", "signups"]);
    set(0o755, 0o644);
    assert!(shown.status.success(), "{}", String::from_utf8_lossy(&shown.stderr));
}

#[test]
fn show_shows_rows_of_the_moment_that_is_asked_for() {
    let bench = Bench::new();
    bench.done(&["run", "--as-of", "2026-02-01"]);
    bench.done(&["show", "signups", "--as-of", "2026-02-01"]);
    let said = bench.fails(2, &["show", "signups", "--as-of", "2026-03-01"]);
    assert!(said.contains("are as of 2026-02-01T00:00:00Z, and not of 2026-03-01T00:00:00Z"), "{said}");
}

#[test]
fn show_shows_no_view_over_tables_of_another_moment() {
    let bench = Bench::new();
    bench.done(&["run", "--as-of", "2026-02-01"]);
    let view = bench.marks().into_keys().find(|name| name.starts_with("milestone_")).unwrap();
    let name = view.strip_prefix("milestone_").unwrap();
    bench.done(&["show", &format!("milestone.{name}")]);
    // A run as of another moment that was killed behind its first table.
    let mark = Mark { as_of: Some("2026-03-01T00:00:00Z".to_owned()), ..bench.marks()["entity_user"].clone().unwrap() };
    bench.tell(&format!("COMMENT ON TABLE milepost.entity_user IS '{}'", mark.text()));
    let said = bench.fails(2, &["show", &format!("milestone.{name}")]);
    assert!(
        said.contains("and `entity_user`, which is as of 2026-03-01T00:00:00Z: its rows are of no moment"),
        "{said}"
    );
    bench.done(&["run", "--as-of", "2026-03-01"]);
    bench.done(&["show", &format!("milestone.{name}")]);
}

#[test]
fn a_database_is_a_database() {
    let bench = Bench::new();
    bench.edit("project.toml", "target/acme.duckdb", "data/users.csv");
    for command in [&["run"][..], &["show", "signups"]] {
        assert!(bench.fails(2, command).contains("no database of DuckDB's"));
    }
}

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn clean_removes_what_is_ours_and_leaves_the_rest() {
    let bench = Bench::new();
    let root = bench.root();
    bench.done(&["run", "--target-path", "out", "--as-of", "2026-03-01"]);
    for file in ["compiled/duckdb/by_hand.sql", "compiled/notes.sql", "events.csv", "users.csv"] {
        write(&root, &format!("out/{file}"), "SELECT 1");
    }
    bench.done(&["compile", "--target-path", "out"]);
    let said = String::from_utf8(bench.run(&["clean", "--target-path", "out"]).stderr).unwrap();
    assert!(said.contains("`events.csv`, `users.csv`"), "{said}");
    let left: Vec<String> = files(&root.join("out"))
        .iter()
        .map(|(path, _)| path.strip_prefix(&root).unwrap().display().to_string())
        .collect();
    assert_eq!(left, ["out/compiled/duckdb/by_hand.sql", "out/compiled/notes.sql", "out/events.csv", "out/users.csv"]);
    // A folder that holds nothing of ours is not touched, whatever it is called.
    fs::remove_dir_all(root.join("target")).unwrap();
    write(&root, "target/compiled/model.sql", "SELECT 1");
    bench.fails(2, &["clean"]);
    assert!(root.join("target/compiled/model.sql").exists());
}

#[test]
fn clean_removes_a_database_where_all_of_it_is_ours() {
    let bench = Bench::new();
    bench.done(&["run"]);
    bench.tell("CREATE SCHEMA raw; CREATE TABLE raw.mine AS SELECT 1 AS n");
    bench.done(&["clean"]);
    assert_eq!(files(&bench.root().join("target")).len(), 1);
    bench.tell("DROP TABLE raw.mine");
    bench.done(&["clean"]);
    assert!(!bench.root().join("target").exists());
}

#[test]
fn compile_removes_and_overwrites_what_it_wrote_and_nothing_else() {
    let bench = Bench::new();
    let root = bench.root();
    bench.done(&["compile"]);
    write(&root, "target/compiled/duckdb/by_hand.sql", "SELECT 1");
    write(&root, "target/compiled/dbt/model.sql", "SELECT 1");
    bench.edit("models/activation.toml", "[kpi.signups]", "[kpi.new_users]");
    bench.done(&["compile"]);
    assert!(
        root.join("target/compiled/duckdb/by_hand.sql").exists() && root.join("target/compiled/dbt/model.sql").exists()
    );
    assert!(!root.join("target/compiled/duckdb/kpi_signups.sql").exists());
    // A manifest of another tool stays, and so does what is beside it, also in a folder where something is ours.
    bench.done(&["test", "--target-path", "web"]);
    write(&root, "web/manifest.json", "{\"name\": \"an app\"}");
    let said = bench.fails(2, &["compile", "--target-path", "web"]);
    assert!(said.contains("milepost did not write it"), "{said}");
    assert_eq!(fs::read_to_string(root.join("web/manifest.json")).unwrap(), "{\"name\": \"an app\"}");
    assert!(!root.join("web/compiled").exists());
}

#[cfg(unix)]
#[test]
fn compile_writes_through_no_link() {
    let bench = Bench::new();
    let root = bench.root();
    fs::create_dir_all(root.join("elsewhere")).unwrap();
    write(&root, "elsewhere/kpi_signups.sql", "mine");
    bench.done(&["test"]);
    fs::create_dir_all(root.join("target/compiled")).unwrap();
    std::os::unix::fs::symlink(root.join("elsewhere"), root.join("target/compiled/duckdb")).unwrap();
    assert!(bench.fails(2, &["compile"]).contains("is a link to another place"));
    assert_eq!(files(&root.join("elsewhere")).len(), 1);
    // A file that is a link is replaced, and what it leads to stays.
    fs::remove_file(root.join("target/compiled/duckdb")).unwrap();
    fs::create_dir_all(root.join("target/compiled/duckdb")).unwrap();
    let link = root.join("target/compiled/duckdb/kpi_signups.sql");
    std::os::unix::fs::symlink(root.join("elsewhere/kpi_signups.sql"), &link).unwrap();
    bench.done(&["compile"]);
    assert_eq!(fs::read_to_string(root.join("elsewhere/kpi_signups.sql")).unwrap(), "mine");
    assert!(!fs::symlink_metadata(link).unwrap().is_symlink());
}

#[test]
fn two_compilations_at_once_leave_files_of_one_moment() {
    let bench = Bench::new();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            for as_of in ["2026-02-01", "2026-03-01"] {
                let bench = &bench;
                scope.spawn(move || bench.done(&["compile", "--as-of", as_of]));
            }
        }
    });
    let manifest = bench.json("target/manifest.json");
    let as_of = manifest["metadata"]["as_of"].as_str().unwrap()[..10].to_owned();
    let other = if as_of == "2026-02-01" { "2026-03-01" } else { "2026-02-01" };
    for (path, bytes) in files(&bench.root().join("target/compiled")) {
        assert!(!String::from_utf8(bytes).unwrap().contains(other), "{}", path.display());
    }
}

#[cfg(unix)]
#[test]
fn a_compiled_file_is_renamed_into_place() {
    let bench = Bench::new();
    bench.done(&["compile", "--as-of", "2026-02-01"]);
    let file = bench.root().join("target/compiled/duckdb/cells__0__user.sql");
    let before = fs::read_to_string(&file).unwrap();
    // Another name of the same file: it keeps what it held, for nothing is written into it.
    fs::hard_link(&file, bench.root().join("held.sql")).unwrap();
    // What a process left that was killed before it came to the renaming.
    write(&bench.root(), "target/compiled/duckdb/.milepost-1a2b3c.tmp", "SEL");
    bench.done(&["compile", "--as-of", "2026-03-01"]);
    assert_ne!(fs::read_to_string(&file).unwrap(), before);
    assert_eq!(fs::read_to_string(bench.root().join("held.sql")).unwrap(), before);
    assert!(!bench.root().join("target/compiled/duckdb/.milepost-1a2b3c.tmp").exists());
}

#[test]
fn one_process_writes_to_a_target_folder_at_a_time() {
    let bench = Bench::new();
    fs::create_dir_all(bench.root().join("target")).unwrap();
    let held = fs::File::create(bench.root().join("target/.milepost.lock")).unwrap();
    held.lock().unwrap();
    std::thread::scope(|scope| {
        let compiled = scope.spawn(|| bench.done(&["compile"]));
        // However long this is: nothing is written before the other has ended.
        std::thread::sleep(Duration::from_secs(1));
        assert!(!bench.root().join("target/compiled").exists());
        held.unlock().unwrap();
        compiled.join().unwrap();
    });
    assert!(bench.root().join("target/manifest.json").exists());
}

#[test]
fn verify_names_what_earlier_runs_of_it_left() {
    let bench = Bench::new();
    bench.tell("CREATE SCHEMA milepost_verify_1f_1; CREATE TABLE milepost_verify_1f_1.given_user AS SELECT 1 AS n");
    let output = bench.run(&["verify"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && said.contains("`milepost_verify_1f_1`"), "{said}");
}
