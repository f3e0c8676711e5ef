//! The contract of a warehouse, and what only an embedded database must prove: files, locks and kills.

#[cfg(feature = "bigquery")]
mod bigquery;
pub(crate) mod contract;

use std::path::{Path, PathBuf};
use std::time::Duration;

use indexmap::IndexMap;
use milepost::check::{Checked, check};
use milepost::render::Statement;
use milepost::warehouse::{ErrorKind, Family, Target, Value, Warehouse, connect};

use crate::warehouse::contract::{DUCKDB, contract};
#[cfg(feature = "snowflake")]
use crate::warehouse::contract::{SNOWFLAKE, column};

pub(crate) fn checked(sql: &str) -> Checked {
    checked_in("duckdb", sql)
}

pub(crate) fn checked_in(dialect: &str, sql: &str) -> Checked {
    let statement = Statement { node: "test".to_owned(), sql: sql.to_owned(), origin: None };
    check(statement, milepost::render::dialect::Dialect::named(dialect).expect("built in")).expect("parses")
}

fn target(root: &Path, settings: &[(&str, &str)]) -> Target {
    let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Target {
        name: "test".to_owned(),
        driver: "duckdb".to_owned(),
        root: root.to_owned(),
        settings,
        statement_timeout: None,
        labels: IndexMap::new(),
    }
}

pub(crate) fn memory() -> Box<dyn Warehouse> {
    connect(&target(Path::new("."), &[])).expect("opens")
}

pub(crate) fn ask(warehouse: &dyn Warehouse, sql: &str) -> Vec<Vec<Value>> {
    warehouse.query(&checked(sql), None).unwrap_or_else(|error| panic!("{sql}: {error}")).rows
}

pub(crate) fn tell(warehouse: &dyn Warehouse, sql: &str) -> Option<u64> {
    warehouse.execute(&checked(sql)).unwrap_or_else(|error| panic!("{sql}: {error}")).rows_affected
}

#[test]
fn memory_keeps_the_contract() {
    let warehouse = memory();
    tell(&*warehouse, "CREATE SCHEMA contract");
    contract(&*warehouse, &DUCKDB);
}

#[test]
fn a_file_keeps_the_contract_and_its_tables() {
    let folder = tempfile::tempdir().unwrap();
    let target = target(folder.path(), &[("database", "made/on/the/way.duckdb")]);
    let warehouse = connect(&target).unwrap();
    tell(&*warehouse, "CREATE SCHEMA contract");
    contract(&*warehouse, &DUCKDB);
    drop(warehouse);
    let warehouse = connect(&target).unwrap();
    assert_eq!(ask(&*warehouse, "SELECT n FROM contract.kept"), [[Value::Int(7)]]);
}

/// A target on the stand-in that the environment names.
#[cfg(feature = "snowflake")]
#[expect(clippy::print_stderr, reason = "a test that does nothing says so")]
pub(crate) fn snowflake_stand_in(database: &str) -> Option<Target> {
    const VARIABLE: &str = "MILEPOST_SNOWFLAKE_ENDPOINT";
    let Ok(endpoint) = std::env::var(VARIABLE) else {
        eprintln!("*** SKIPPED: no stand-in of Snowflake ({VARIABLE} names its address)");
        return None;
    };
    let settings = [
        ("endpoint", endpoint.as_str()),
        ("account", "stand-in"),
        ("user", "tester"),
        ("password", "of-no-account"),
        ("database", database),
        ("schema", "PUBLIC"),
    ];
    Some(Target { driver: "snowflake".to_owned(), ..target(Path::new("."), &settings) })
}

#[cfg(feature = "snowflake")]
#[test]
fn a_stand_in_of_snowflake_keeps_the_contract() {
    let Some(target) = snowflake_stand_in("MILEPOST_CONTRACT") else { return };
    let warehouse = connect(&target).unwrap();
    warehouse.drop_schema("\"contract\"").unwrap();
    warehouse.execute(&checked_in("snowflake", "CREATE SCHEMA \"contract\"")).unwrap();
    contract(&*warehouse, &SNOWFLAKE);
}

#[cfg(feature = "snowflake")]
#[test]
fn a_stand_in_of_snowflake_takes_and_gives_many_rows() {
    let Some(target) = snowflake_stand_in("MILEPOST_LOADED") else { return };
    let warehouse = connect(&target).unwrap();
    let text = |text: &str| Value::Text(text.to_owned());
    let row = |number: i64| {
        vec![
            Value::Int(number),
            text(&format!("user {number}: it's \"quoted\", C:\\new, é 😀\n\tnext line")),
            Value::Timestamp(format!("2026-01-31T12:00:00.{number:06}Z")),
            Value::Bool(number % 2 == 0),
            Value::Date("2026-01-31".to_owned()),
            Value::Float(0.5),
            if number % 3 == 0 { Value::Null } else { Value::Decimal("12345678901234567890.123456789".to_owned()) },
            text("{\"plan\":\"pro\",\"seats\":[1,2]}"),
        ]
    };
    let columns = vec![
        column("n", "", Family::Int),
        column("name", "VARCHAR", Family::Text),
        column("at", "", Family::Timestamp),
        column("even", "", Family::Bool),
        column("on", "", Family::Date),
        column("share", "", Family::Float),
        column("amount", "", Family::Decimal),
        column("document", "", Family::Text),
    ];
    let rows = milepost::warehouse::Rows { columns, rows: (0..15_000).map(row).collect(), truncated: false };
    warehouse.load("\"loaded\".\"many\"", &rows).unwrap();
    let read = warehouse.query(&SNOWFLAKE.checked("SELECT * FROM loaded.many ORDER BY n"), None).unwrap();
    let families: Vec<Family> = read.columns.iter().map(|column| column.family).collect();
    assert_eq!(families, rows.columns.iter().map(|column| column.family).collect::<Vec<_>>());
    for (read, loaded) in read.rows.iter().zip(&rows.rows) {
        assert_eq!(read, loaded);
    }
    assert_eq!(read.rows.len(), rows.rows.len());
    let left = warehouse.relations().unwrap();
    assert!(left.contains(&"loaded.many".to_owned()) && !left.iter().any(|name| name.contains("milepost_load")));
    warehouse.drop_schema("\"loaded\"").unwrap();
}

#[test]
fn values_come_out_as_what_they_are() {
    let row = ask(
        &*memory(),
        "SELECT NULL, TRUE, CAST(1 AS TINYINT), SUM(1), 1.50, CAST(0.5 AS DOUBLE), DATE '2026-01-31', \
         TIMESTAMP '2026-01-31 12:00:00', TIMESTAMPTZ '2026-01-31 12:00:00+02', [1, NULL], {'a': 1}, \
         CAST('{\"a\": 1}' AS JSON), INTERVAL 1 DAY, TIME '12:00:00', CAST('a' AS ENUM('a', 'b')), 1 AS n, 2 AS n",
    );
    let text = |text: &str| Value::Text(text.to_owned());
    assert_eq!(
        row,
        [[
            Value::Null,
            Value::Bool(true),
            Value::Int(1),
            Value::Int(1),
            Value::Decimal("1.50".to_owned()),
            Value::Float(0.5),
            Value::Date("2026-01-31".to_owned()),
            Value::Timestamp("2026-01-31T12:00:00.000000Z".to_owned()),
            Value::Timestamp("2026-01-31T10:00:00.000000Z".to_owned()),
            text("[1, NULL]"),
            text("{'a': 1}"),
            text("{\"a\": 1}"),
            text("1 day"),
            text("12:00:00"),
            text("a"),
            Value::Int(1),
            Value::Int(2),
        ]]
    );
}

#[test]
fn results_do_not_depend_on_the_machine() {
    let warehouse = memory();
    for session in [&*warehouse, &*warehouse.session().unwrap()] {
        assert_eq!(ask(session, "SELECT current_setting('TimeZone')"), [[Value::Text("UTC".to_owned())]]);
        let nulls = ask(session, "SELECT n FROM (VALUES (NULL), (1)) AS v(n) ORDER BY n DESC");
        assert_eq!(nulls, [[Value::Int(1)], [Value::Null]]);
    }
}

#[test]
fn files_are_found_from_the_root_of_the_project() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::write(data.join("a.csv"), "id,at\n1,2026-01-01T00:00:00Z\n").unwrap();
    std::fs::write(data.join("b.csv"), "id,at\n2,2026-01-02T00:00:00Z\n").unwrap();
    let warehouse = connect(&target(folder.path(), &[])).unwrap();
    for session in [&*warehouse, &*warehouse.session().unwrap()] {
        assert_eq!(ask(session, "SELECT COUNT(*) FROM read_csv('data/a.csv')"), [[Value::Int(1)]]);
        assert_eq!(ask(session, "SELECT COUNT(*) FROM read_csv('data/*.csv')"), [[Value::Int(2)]]);
        assert_eq!(ask(session, "SELECT COUNT(*) FROM read_csv(['data/a.csv', 'data/b.csv'])"), [[Value::Int(2)]]);
        assert_eq!(ask(session, "SELECT COUNT(*) FROM 'data/*.csv'"), [[Value::Int(2)]]);
    }
    let columns = warehouse.columns("read_csv('data/*.csv')").unwrap();
    assert_eq!(columns.iter().map(|column| column.family).collect::<Vec<_>>(), [Family::Int, Family::Timestamp]);
    let error = warehouse.columns("read_csv('data/none*.csv')").unwrap_err();
    assert_eq!(error.kind, ErrorKind::Missing, "{error}");
    let error = warehouse.columns("read_csv('data/none.csv')").unwrap_err();
    assert_eq!(error.kind, ErrorKind::Missing, "{error}");
}

#[test]
fn paths_are_those_of_the_project_and_not_of_the_current_folder() {
    // The tests run in the root of the repository, which has files of these names.
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("Cargo.toml"), "id\n1\n").unwrap();
    std::fs::create_dir(folder.path().join("src")).unwrap();
    std::fs::write(folder.path().join("src/lib.rs"), "id\n1\n").unwrap();
    let warehouse = connect(&target(folder.path(), &[])).unwrap();
    assert_eq!(ask(&*warehouse, "SELECT id FROM read_csv('src/*.rs')"), [[Value::Int(1)]]);
    assert_eq!(ask(&*warehouse, "SELECT id FROM read_csv('Cargo.toml')"), [[Value::Int(1)]]);
    assert_eq!(
        ask(&*warehouse, "SELECT id FROM read_csv(['Cargo.toml', 'src/lib.rs'])"),
        [[Value::Int(1)], [Value::Int(1)]]
    );
}

#[test]
fn what_the_target_sets_is_what_the_engine_does() {
    let settings = [("memory_limit", "123MB"), ("worker_threads", "1"), ("threads", "4"), ("schema", "s")];
    let warehouse = connect(&target(Path::new("."), &settings)).unwrap();
    assert_eq!(ask(&*warehouse, "SELECT current_setting('threads')"), [[Value::Int(1)]]);
    assert_eq!(ask(&*warehouse, "SELECT current_setting('memory_limit')"), [[Value::Text("117.3 MiB".to_owned())]]);
    let error = connect(&target(Path::new("."), &[("memory_limits", "1GB")])).err().unwrap();
    assert_eq!(error.message, "target `test`: neither Milepost nor DuckDB has a setting `memory_limits`");
    let error = connect(&target(Path::new("."), &[("memory_limit", "much")])).err().unwrap();
    assert_eq!(error.message, "target `test`: DuckDB does not take the value of the setting `memory_limit`");
}

#[test]
fn what_does_not_fit_into_memory_is_told_as_such() {
    let warehouse = connect(&target(Path::new("."), &[("memory_limit", "20MB"), ("temp_directory", "")])).unwrap();
    let error = warehouse.query(&checked("SELECT LIST(range) FROM range(20000000)"), None).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Resources, "{error}");
}

#[test]
fn a_file_that_is_no_database_is_told_as_such() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("no.duckdb"), "id\n1\n".repeat(10_000)).unwrap();
    let error = connect(&target(folder.path(), &[("database", "no.duckdb")])).err().unwrap();
    assert_eq!(error.message, "target `test`: `no.duckdb` is a file, and no database of DuckDB's");
    // What begins as a database does, and is none.
    std::fs::write(folder.path().join("no.duckdb"), format!("12345678DUCK{}", "x".repeat(20_000))).unwrap();
    let error = connect(&target(folder.path(), &[("database", "no.duckdb")])).err().unwrap();
    assert!(error.message.starts_with("target `test`: cannot open the database `no.duckdb`: "), "{error}");
}

#[test]
fn an_interrupt_at_any_moment_leaves_whole_tables() {
    let folder = tempfile::tempdir().unwrap();
    let warehouse = open_file(&folder.path().join("interrupted.duckdb")).unwrap();
    let interrupt = warehouse.interrupter();
    for round in 0..40 {
        let generation = Value::Int(round);
        let sql = format!("CREATE OR REPLACE TABLE t AS SELECT {round} AS g, range AS n FROM range(300000)");
        let result = std::thread::scope(|scope| {
            scope.spawn(|| {
                // Later and later, from before the statement has begun to after it has ended; never in the first round.
                if round > 0 {
                    std::thread::sleep(Duration::from_millis(u64::try_from(round).unwrap()));
                    interrupt();
                }
            });
            warehouse.execute(&checked(&sql))
        });
        let rows = ask(&*warehouse, "SELECT COUNT(*), COUNT(DISTINCT g), MAX(g) FROM t");
        assert_eq!(rows[0][..2], [Value::Int(300_000), Value::Int(1)], "after interrupt {round}");
        match result {
            Ok(_) => assert_eq!(rows[0][2], generation),
            Err(error) => assert_eq!((error.kind, rows[0][2] == generation), (ErrorKind::Cancelled, false)),
        }
    }
}

#[test]
fn a_dialect_without_a_driver_can_be_compiled_and_no_more() {
    let target = Target { driver: "abacus".to_owned(), ..target(Path::new("."), &[]) };
    let error = connect(&target).err().unwrap();
    assert_eq!(error.kind, ErrorKind::Unsupported);
    assert_eq!(error.message, "no driver for `abacus`: `compile` writes its SQL");
}

/// The variable that makes a test of this binary play another process: its value is the database.
const HELPER: &str = "MILEPOST_TEST_DATABASE";

/// Starts this binary again, to run only `test`, on `database`.
fn helper(test: &str, database: &Path) -> std::process::Child {
    std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("warehouse::{test}"), "--nocapture"])
        .env(HELPER, database)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap()
}

fn helped() -> Option<PathBuf> {
    std::env::var_os(HELPER).map(PathBuf::from)
}

fn open_file(database: &Path) -> Result<Box<dyn Warehouse>, milepost::warehouse::Error> {
    connect(&target(Path::new("."), &[("database", database.to_str().unwrap())]))
}

/// Waits until another process has made a file; fails where that process is over.
fn wait_for(path: &Path, child: &mut std::process::Child) {
    while !path.exists() {
        assert!(child.try_wait().unwrap().is_none(), "{} never came", path.display());
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_database_that_another_process_holds_is_busy() {
    if let Some(database) = helped() {
        let _held = open_file(&database).unwrap();
        std::fs::write(database.with_extension("ready"), "").unwrap();
        loop {
            std::thread::sleep(Duration::from_secs(1));
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("held.duckdb");
    let mut child = helper("a_database_that_another_process_holds_is_busy", &database);
    wait_for(&database.with_extension("ready"), &mut child);
    let error = open_file(&database).err().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(error.kind, ErrorKind::Busy, "{error}");
    assert!(error.message.starts_with("another process has the database"), "{error}");
    assert!(error.message.contains(&format!("PID {}", child.id())), "{error}");
    open_file(&database).expect("free again");
}

#[test]
fn a_killed_process_leaves_whole_tables() {
    if let Some(database) = helped() {
        let warehouse = open_file(&database).unwrap();
        tell(&*warehouse, "CREATE SCHEMA IF NOT EXISTS s");
        for generation in 1.. {
            let sql = format!("CREATE OR REPLACE TABLE s.t AS SELECT {generation} AS g, range AS n FROM range(300000)");
            tell(&*warehouse, &sql);
            std::fs::write(database.with_extension("ready"), "").unwrap();
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("killed.duckdb");
    for round in 0..10 {
        let ready = database.with_extension("ready");
        let _ = std::fs::remove_file(&ready);
        let mut child = helper("a_killed_process_leaves_whole_tables", &database);
        wait_for(&ready, &mut child);
        std::thread::sleep(Duration::from_millis(13 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        let warehouse = open_file(&database).unwrap();
        let answer = ask(&*warehouse, "SELECT COUNT(*), COUNT(DISTINCT g), MAX(n) FROM s.t");
        assert_eq!(answer, [[Value::Int(300_000), Value::Int(1), Value::Int(299_999)]], "after kill {round}");
    }
}
