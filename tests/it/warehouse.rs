//! The contract of a warehouse, and what only an embedded database must prove: files, locks and kills.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indexmap::IndexMap;
use milepost::check::{Checked, check};
use milepost::render::Statement;
use milepost::warehouse::{Column, ErrorKind, Family, Rows, Target, Value, Warehouse, connect};

use self::words::{DUCKDB, Party, Words};

#[cfg(feature = "snowflake")]
mod snowflake;
mod words;

/// Keeps a session busy for hours, in any dialect that has cross joins; `{big}` is a table of numbers.
pub(crate) const ENDLESS: &str =
    "SELECT COUNT(*) AS n FROM {big} AS a CROSS JOIN {big} AS b CROSS JOIN {big} AS c WHERE a.n + b.n > c.n";

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

fn column(name: &str, ty: &str, family: Family) -> Column {
    Column { name: name.to_owned(), ty: ty.to_owned(), family }
}

pub(crate) fn ask(warehouse: &dyn Warehouse, sql: &str) -> Vec<Vec<Value>> {
    warehouse.query(&checked(sql), None).unwrap_or_else(|error| panic!("{sql}: {error}")).rows
}

pub(crate) fn tell(warehouse: &dyn Warehouse, sql: &str) -> Option<u64> {
    warehouse.execute(&checked(sql)).unwrap_or_else(|error| panic!("{sql}: {error}")).rows_affected
}

/// What every driver must do; `warehouse` has an empty schema `contract` that may be written to.
pub(crate) fn contract(warehouse: &dyn Warehouse, words: &Words) {
    let party = &Party { warehouse, words };
    creates_inserts_and_queries(party);
    loads_rows(party);
    tells_errors_apart(party);
    replaces_whole_tables_only(party);
    replaces_across_kinds_when_asked(party);
    is_interrupted(party);
    drops_what_it_is_told_to(party);
    estimates_without_executing(party);
    assert!(!party.warehouse.describe().unwrap().is_empty());
}

fn creates_inserts_and_queries(party: &Party<'_>) {
    party.tell("CREATE OR REPLACE TABLE contract.t AS SELECT 1 AS n, 'a' AS s");
    assert_eq!(party.tell("INSERT INTO contract.t VALUES (2, 'b'), (3, NULL)"), Some(2));
    let rows = party.warehouse.query(&party.checked("SELECT n, s FROM contract.t ORDER BY n"), None).unwrap();
    assert_eq!(rows.columns.iter().map(|column| column.family).collect::<Vec<_>>(), [Family::Int, Family::Text]);
    assert_eq!(rows.rows[1], [Value::Int(2), Value::Text("b".to_owned())]);
    assert_eq!(rows.rows[2], [Value::Int(3), Value::Null]);
    assert!(!rows.truncated);
    let rows =
        party.warehouse.query(&party.checked("SELECT n FROM contract.t ORDER BY n DESC -- last\n"), Some(2)).unwrap();
    assert_eq!(rows.rows, [[Value::Int(3)], [Value::Int(2)]]);
    assert!(rows.truncated);
    let names: Vec<_> = party.columns("contract.t").unwrap().into_iter().map(|column| column.name).collect();
    assert_eq!(names, ["n", "s"]);
    assert!(party.warehouse.relations().unwrap().contains(&"contract.t".to_owned()));
    let other = party.warehouse.session().unwrap();
    let other = Party { warehouse: &*other, words: party.words };
    assert_eq!(other.ask("SELECT COUNT(*) FROM contract.t"), [[Value::Int(3)]]);
}

fn loads_rows(party: &Party<'_>) {
    let text = |text: &str| Value::Text(text.to_owned());
    let rows = Rows {
        columns: vec![
            column("id", "INTEGER", Family::Int),
            column(party.words.odd, "", Family::Text),
            column("at", "TIMESTAMP", Family::Timestamp),
        ],
        rows: vec![
            vec![Value::Int(1), text("it's"), text("2026-01-31T12:00:00Z")],
            vec![Value::Null, Value::Null, Value::Timestamp("2026-01-31T12:00:00.000001Z".to_owned())],
        ],
        truncated: false,
    };
    party.warehouse.load(&party.sql("contract.given"), &rows).unwrap();
    let answer = party.ask("SELECT * FROM contract.given ORDER BY id");
    assert_eq!(answer[0], [Value::Int(1), text("it's"), Value::Timestamp("2026-01-31T12:00:00.000000Z".to_owned())]);
    assert_eq!(answer[1][2], Value::Timestamp("2026-01-31T12:00:00.000001Z".to_owned()));
    party.warehouse.load(&party.sql("contract.given"), &Rows { rows: Vec::new(), ..rows }).unwrap();
    assert_eq!(party.ask("SELECT COUNT(*) FROM contract.given"), [[Value::Int(0)]]);
}

fn tells_errors_apart(party: &Party<'_>) {
    let kind = |sql: &str| party.warehouse.query(&party.checked(sql), None).unwrap_err().kind;
    assert_eq!(kind("SELECT 1 FROM contract.nowhere"), ErrorKind::Missing);
    assert_eq!(kind("SELECT nothing FROM contract.t"), ErrorKind::Missing);
    assert_eq!(kind("SELECT n + DATE '2026-01-01' + s FROM contract.t"), ErrorKind::UserSql);
    assert_eq!(kind("SELECT CAST(s AS INTEGER) FROM contract.t"), ErrorKind::UserSql);
    assert_eq!(party.columns("contract.nowhere").unwrap_err().kind, ErrorKind::Missing);
}

fn replaces_whole_tables_only(party: &Party<'_>) {
    party.tell("CREATE OR REPLACE TABLE contract.whole AS SELECT 1 AS n");
    let broken = "CREATE OR REPLACE TABLE contract.whole AS SELECT CAST(s AS INTEGER) AS n FROM contract.t";
    assert_eq!(party.warehouse.execute(&party.checked(broken)).unwrap_err().kind, ErrorKind::UserSql);
    assert_eq!(party.ask("SELECT n FROM contract.whole"), [[Value::Int(1)]]);
    assert_eq!(party.tell("CREATE OR REPLACE TABLE contract.whole AS SELECT n FROM contract.t"), party.made(3));
    assert_eq!(party.ask("SELECT COUNT(*) FROM contract.whole"), [[Value::Int(3)]]);
}

fn replaces_across_kinds_when_asked(party: &Party<'_>) {
    party.tell("CREATE OR REPLACE VIEW contract.shape AS SELECT 1 AS n");
    let table = party.checked("CREATE OR REPLACE TABLE contract.shape AS SELECT 2 AS n");
    let view = party.checked("CREATE OR REPLACE VIEW contract.shape AS SELECT 3 AS n");
    assert_eq!(party.warehouse.execute(&table).unwrap_err().kind, ErrorKind::Occupied);
    assert_eq!(
        party.warehouse.execute_in_place(&table, &party.sql("contract.shape")).unwrap().rows_affected,
        party.made(1)
    );
    assert_eq!(party.ask("SELECT n FROM contract.shape"), [[Value::Int(2)]]);
    assert_eq!(party.warehouse.execute(&view).unwrap_err().kind, ErrorKind::Occupied);
    party.warehouse.execute_in_place(&view, &party.sql("contract.shape")).unwrap();
    assert_eq!(party.ask("SELECT n FROM contract.shape"), [[Value::Int(3)]]);
    let broken =
        party.checked("CREATE OR REPLACE TABLE contract.shape AS SELECT CAST(s AS INTEGER) AS n FROM contract.t");
    assert_eq!(
        party.warehouse.execute_in_place(&broken, &party.sql("contract.shape")).unwrap_err().kind,
        ErrorKind::UserSql
    );
    assert_eq!(party.ask("SELECT n FROM contract.shape"), [[Value::Int(3)]]);
}

fn drops_what_it_is_told_to(party: &Party<'_>) {
    let rows = Rows { columns: vec![column("n", "", Family::Int)], rows: vec![vec![Value::Int(1)]], truncated: false };
    party.warehouse.load(&party.sql("contract.short_lived"), &rows).unwrap();
    party.warehouse.drop_table(&party.sql("contract.short_lived")).unwrap();
    party.warehouse.drop_table(&party.sql("contract.short_lived")).unwrap();
    assert_eq!(party.columns("contract.short_lived").unwrap_err().kind, ErrorKind::Missing);
    party.warehouse.load(&party.sql("contract_scratch.given"), &rows).unwrap();
    party.warehouse.drop_schema(&party.sql("contract_scratch")).unwrap();
    party.warehouse.drop_schema(&party.sql("contract_scratch")).unwrap();
    assert_eq!(party.columns("contract_scratch.given").unwrap_err().kind, ErrorKind::Missing);
}

fn estimates_without_executing(party: &Party<'_>) {
    let made = party.checked("CREATE OR REPLACE TABLE contract.estimated AS SELECT n FROM contract.t");
    if !party.words.estimates {
        assert_eq!(party.warehouse.estimate(&made).unwrap_err().kind, ErrorKind::Unsupported);
        return;
    }
    party.warehouse.estimate(&made).unwrap();
    assert_eq!(party.columns("contract.estimated").unwrap_err().kind, ErrorKind::Missing);
    let broken = party.checked("CREATE OR REPLACE TABLE contract.estimated AS SELECT nothing FROM contract.t");
    assert_eq!(party.warehouse.estimate(&broken).unwrap_err().kind, ErrorKind::Missing);
}

fn is_interrupted(party: &Party<'_>) {
    let five = "(SELECT 0 AS n UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4)";
    let base = format!("(SELECT a.n + 5 * b.n AS n FROM {five} AS a CROSS JOIN {five} AS b)");
    let many = format!(
        "SELECT a.n + 25 * b.n + 625 * c.n AS n FROM {base} AS a CROSS JOIN {base} AS b CROSS JOIN {base} AS c"
    );
    party.tell(&format!("CREATE OR REPLACE TABLE contract.big AS {many}"));
    party.tell("CREATE OR REPLACE TABLE contract.kept AS SELECT 7 AS n");
    let endless = format!("CREATE OR REPLACE TABLE contract.kept AS {}", ENDLESS.replace("{big}", "contract.big"));
    let (interrupt, done) = (party.warehouse.interrupter(), AtomicBool::new(false));
    let started = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // Again and again: nothing tells when the statement has begun.
            while !done.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(20));
                interrupt();
            }
        });
        let error = party.warehouse.execute(&party.checked(&endless)).unwrap_err();
        done.store(true, Ordering::Relaxed);
        assert_eq!(error.kind, ErrorKind::Cancelled);
    });
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    assert_eq!(party.ask("SELECT n FROM contract.kept"), [[Value::Int(7)]]);
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
fn patterns_look_in_the_project_first_and_plain_paths_in_the_current_folder() {
    // The tests run in the root of the repository, which has files of these names.
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("Cargo.toml"), "id\n1\n").unwrap();
    std::fs::create_dir(folder.path().join("src")).unwrap();
    std::fs::write(folder.path().join("src/lib.rs"), "id\n1\n").unwrap();
    let warehouse = connect(&target(folder.path(), &[])).unwrap();
    assert_eq!(ask(&*warehouse, "SELECT id FROM read_csv('src/*.rs')"), [[Value::Int(1)]]);
    // Not what one wants, but what DuckDB does: so the command makes the project's root its current folder.
    let error = warehouse.query(&checked("SELECT id FROM read_csv('Cargo.toml')"), None).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Missing);
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
    assert_eq!(error.message, "target `test`: the setting `memory_limit` cannot be `much`");
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
    assert!(error.message.starts_with("target `test`: cannot open the database `no.duckdb`: IO Error: "), "{error}");
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

fn wait_for(path: &Path) {
    let started = Instant::now();
    while !path.exists() {
        assert!(started.elapsed() < Duration::from_secs(60), "{} never came", path.display());
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
    wait_for(&database.with_extension("ready"));
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
        wait_for(&ready);
        std::thread::sleep(Duration::from_millis(13 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        let warehouse = open_file(&database).unwrap();
        let answer = ask(&*warehouse, "SELECT COUNT(*), COUNT(DISTINCT g), MAX(n) FROM s.t");
        assert_eq!(answer, [[Value::Int(300_000), Value::Int(1), Value::Int(299_999)]], "after kill {round}");
    }
}
