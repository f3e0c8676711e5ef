//! Runs on an embedded database: order, failures, stops, retries, and what is written about them.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use milepost::check::Checked;
use milepost::run::preflight::{Problem, RequiredColumn, Requirement, preflight};
use milepost::run::results::{Document, Invocation, document, json, write};
use milepost::run::{Event, Job, Options, RunResult, Status, Step, run, unit};
use milepost::warehouse::files::{Files, Format};
use milepost::warehouse::{
    Column, Error, ErrorKind, Estimate, Executed, Found, Interrupter, Reads, Rows, Value, Warehouse,
};

use crate::warehouse::contract::ENDLESS;
use crate::warehouse::{ask, checked, memory, tell};

/// Makes a job that fills the table `node`.
fn job(node: &str, depends_on: &[&str], query: &str) -> Job {
    Job {
        node: node.to_owned(),
        kind: "table",
        depends_on: depends_on.iter().map(|&node| node.to_owned()).collect(),
        steps: vec![Step::Replace {
            statement: checked(&format!("CREATE OR REPLACE TABLE {node} AS {query}")),
            relation: node.to_owned(),
            is_ours: false,
        }],
        unchanged: false,
        spec_hash: None,
        interval: None,
    }
}

fn options(threads: usize) -> Options {
    Options { threads, ..Options::default() }
}

/// Writes a line for each job: its name, what became of it, and why.
fn summary(result: &RunResult) -> String {
    let lines = result.results.iter().map(|result| {
        let message = result.outcome.message.as_deref().unwrap_or_default();
        let line =
            format!("{} {:?} {}", result.job.node, result.outcome.status, message.lines().next().unwrap_or_default());
        line.trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn silent(_: Event<'_>) {}

#[test]
fn jobs_run_after_what_they_read_on_any_number_of_threads() {
    for threads in [1, 2, 8] {
        let warehouse = memory();
        let mut jobs = vec![job("base", &[], "SELECT range AS n FROM range(1000)")];
        for index in 0..40 {
            jobs.push(job(&format!("leaf_{index}"), &["base"], &format!("SELECT n + {index} AS n FROM base")));
        }
        let leaves: Vec<_> = jobs[1..].iter().map(|job| job.node.clone()).collect();
        let union = leaves.iter().map(|leaf| format!("SELECT n FROM {leaf}")).collect::<Vec<_>>().join(" UNION ALL ");
        jobs.push(job("total", &leaves.iter().map(String::as_str).collect::<Vec<_>>(), &union));
        let result = run(&*warehouse, jobs, &options(threads), &silent);
        assert!(result.succeeded(), "{}", summary(&result));
        assert_eq!(result.results.last().unwrap().outcome.executed.rows_affected, Some(40_000));
        assert_eq!(ask(&*warehouse, "SELECT COUNT(*) FROM total"), [[Value::Int(40_000)]]);
        let used = result.results.iter().map(|result| result.outcome.span.unwrap().thread).max();
        assert!(used.unwrap() <= threads);
    }
}

#[test]
fn a_failure_takes_down_what_reads_it_and_nothing_else() {
    let jobs = vec![
        job("a", &[], "SELECT 1 AS n"),
        job("b", &["a"], "SELECT nothing FROM a"),
        job("c", &["b"], "SELECT * FROM b"),
        job("d", &["c", "a"], "SELECT * FROM c"),
        job("e", &["a"], "SELECT * FROM a"),
    ];
    for threads in [1, 4] {
        let events = Mutex::new(Vec::new());
        let observer = |event: Event<'_>| {
            let line = match event {
                Event::Started { job, number, total } => format!("{number} of {total} start {}", job.node),
                Event::Retried { job, .. } => format!("again {}", job.node),
                Event::Finished { job, outcome, number, total } => {
                    format!("{number} of {total} {:?} {}", outcome.status, job.node)
                }
            };
            events.lock().unwrap().push(line);
        };
        let result = run(&*memory(), jobs.clone(), &options(threads), &observer);
        insta::allow_duplicates! {
            insta::assert_snapshot!(summary(&result), @r#"
            a Success
            b Error Binder Error: Referenced column "nothing" not found in FROM clause!
            c Skipped `b` failed
            d Skipped `b` failed
            e Success
            "#);
        }
        assert_eq!(result.results[1].outcome.error, Some(ErrorKind::Missing));
        if threads == 1 {
            insta::assert_snapshot!(events.into_inner().unwrap().join("\n"), @r"
            1 of 5 start a
            1 of 5 Success a
            2 of 5 start b
            2 of 5 Error b
            3 of 5 Skipped c
            4 of 5 Skipped d
            3 of 5 start e
            5 of 5 Success e
            ");
        }
    }
}

#[test]
fn the_first_failure_may_end_the_run() {
    let jobs =
        vec![job("a", &[], "SELECT nothing"), job("b", &[], "SELECT 1 AS n"), job("c", &["b"], "SELECT * FROM b")];
    let result = run(&*memory(), jobs, &Options { fail_fast: true, ..options(1) }, &silent);
    insta::assert_snapshot!(summary(&result), @r#"
    a Error Binder Error: Referenced column "nothing" was not found because the FROM clause is missing
    b Skipped the run stops at the first failure: `a`
    c Skipped the run stops at the first failure: `a`
    "#);
}

#[test]
fn jobs_that_read_each_other_are_skipped() {
    let jobs = vec![
        job("a", &["b"], "SELECT * FROM b"),
        job("b", &["a"], "SELECT * FROM a"),
        job("c", &["elsewhere"], "SELECT 1 AS n"),
    ];
    let result = run(&*memory(), jobs, &options(2), &silent);
    insta::assert_snapshot!(summary(&result), @r"
    a Skipped it reads itself, by way of others
    b Skipped it reads itself, by way of others
    c Success
    ");
    assert!(run(&*memory(), Vec::new(), &options(4), &silent).results.is_empty());
}

/// A database with a table `kept`, and jobs that would replace it after hours.
fn endless() -> (Box<dyn Warehouse>, Vec<Job>) {
    let warehouse = memory();
    tell(&*warehouse, "CREATE TABLE big AS SELECT range AS n FROM range(20000)");
    tell(&*warehouse, "CREATE TABLE kept AS SELECT 7 AS n");
    let endless = ENDLESS.replace("{big}", "big");
    let jobs = vec![
        job("quick", &[], "SELECT 1 AS n"),
        job("kept", &[], &endless),
        job("other", &[], &endless),
        job("after", &["kept"], "SELECT * FROM kept"),
    ];
    (warehouse, jobs)
}

#[test]
fn a_cancelled_run_stops_at_once_and_leaves_what_was_there() {
    let (warehouse, jobs) = endless();
    let options = options(3);
    let (started, ended) = (AtomicU32::new(0), AtomicU32::new(0));
    let observer = |event: Event<'_>| {
        let count = match event {
            Event::Started { .. } => &started,
            Event::Finished { .. } => &ended,
            Event::Retried { .. } => return,
        };
        count.fetch_add(1, Ordering::Relaxed);
    };
    let result = std::thread::scope(|scope| {
        let cancelled = Arc::clone(&options.cancelled);
        scope.spawn(|| {
            let cancelled = cancelled;
            // The quick one is over, and the two that have no end have begun.
            while (started.load(Ordering::Relaxed), ended.load(Ordering::Relaxed)) != (3, 1) {
                std::thread::sleep(Duration::from_millis(5));
            }
            cancelled.store(true, Ordering::Relaxed);
        });
        run(&*warehouse, jobs, &options, &observer)
    });
    assert!(result.cancelled);
    insta::assert_snapshot!(summary(&result), @r"
    quick Success
    kept Skipped the run was cancelled while it ran; what was there before is untouched
    other Skipped the run was cancelled while it ran; what was there before is untouched
    after Skipped the run was cancelled before it began
    ");
    assert_eq!(ask(&*warehouse, "SELECT n FROM kept"), [[Value::Int(7)]]);
}

#[test]
fn a_run_that_was_cancelled_before_it_began_does_nothing() {
    let (warehouse, jobs) = endless();
    let options = Options { cancelled: Arc::new(AtomicBool::new(true)), ..options(2) };
    let result = run(&*warehouse, jobs, &options, &silent);
    assert_eq!(result.count(Status::Skipped), 4);
    assert_eq!(result.results[0].outcome.message.as_deref(), Some("the run was cancelled before it began"));
}

#[test]
fn a_statement_that_takes_too_long_fails() {
    let (warehouse, mut jobs) = endless();
    // One that has an end may take as long as that needs.
    let quick = Options { timeout: Some(Duration::from_hours(1)), ..options(2) };
    assert!(run(&*warehouse, vec![jobs.remove(0)], &quick, &silent).succeeded());
    let hurried = Options { timeout: Some(Duration::from_millis(300)), ..options(2) };
    let result = run(&*warehouse, jobs, &hurried, &silent);
    let statuses: Vec<_> = result.results.iter().map(|result| result.outcome.status).collect();
    assert_eq!(statuses, [Status::Error, Status::Error, Status::Skipped]);
    assert_eq!(result.results[0].outcome.error, Some(ErrorKind::Timeout));
    assert!(!result.cancelled);
    assert_eq!(ask(&*warehouse, "SELECT n FROM kept"), [[Value::Int(7)]]);
}

#[test]
fn only_what_an_earlier_run_made_is_replaced_by_another_kind() {
    let warehouse = memory();
    tell(&*warehouse, "CREATE VIEW ours AS SELECT 1 AS n");
    tell(&*warehouse, "CREATE VIEW theirs AS SELECT 1 AS n");
    let mut ours = job("ours", &[], "SELECT 2 AS n");
    if let [Step::Replace { is_ours, .. }] = ours.steps.as_mut_slice() {
        *is_ours = true;
    }
    let result = run(&*warehouse, vec![ours, job("theirs", &[], "SELECT 2 AS n")], &options(1), &silent);
    insta::assert_snapshot!(summary(&result), @r"
    ours Success
    theirs Error theirs is there, is of another kind, and was not made by an earlier run; drop it, rename it, or choose another schema (Catalog Error: Existing object theirs is of type View, trying to replace with type Table)
    ");
    assert_eq!(ask(&*warehouse, "SELECT n FROM ours"), [[Value::Int(2)]]);
    assert_eq!(ask(&*warehouse, "SELECT n FROM theirs"), [[Value::Int(1)]]);
}

/// A warehouse whose first `failures` statements lose to another transaction.
struct Unlucky {
    inner: Box<dyn Warehouse>,
    failures: AtomicU32,
    /// Set once a statement was executed.
    cancels: Arc<AtomicBool>,
}

impl Warehouse for Unlucky {
    fn columns(&self, relation: &str) -> Result<Vec<Column>, Error> {
        self.inner.columns(relation)
    }
    fn relations(&self) -> Result<Vec<String>, Error> {
        self.inner.relations()
    }
    fn found(&self, schema: &str) -> Result<Vec<Found>, Error> {
        self.inner.found(schema)
    }
    fn execute(&self, statement: &Checked) -> Result<Executed, Error> {
        let lose = |left: u32| left.checked_sub(1);
        if self.failures.fetch_update(Ordering::Relaxed, Ordering::Relaxed, lose).is_ok() {
            return Err(Error::new(ErrorKind::Transient, "write-write conflict"));
        }
        let executed = self.inner.execute(statement);
        self.cancels.store(true, Ordering::Relaxed);
        executed
    }
    fn execute_in_place(&self, statement: &Checked, relation: &str) -> Result<Executed, Error> {
        self.inner.execute_in_place(statement, relation)
    }
    fn query(&self, statement: &Checked, limit: Option<usize>) -> Result<Rows, Error> {
        self.inner.query(statement, limit)
    }
    fn load(&self, relation: &str, rows: &Rows) -> Result<(), Error> {
        self.inner.load(relation, rows)
    }
    fn drop_table(&self, relation: &str) -> Result<(), Error> {
        self.inner.drop_table(relation)
    }
    fn drop_schema(&self, schema: &str) -> Result<(), Error> {
        self.inner.drop_schema(schema)
    }
    fn estimate(&self, statement: &Checked, reads: &Reads<'_>) -> Result<Estimate, Error> {
        self.inner.estimate(statement, reads)
    }
    fn describe(&self) -> Result<Vec<(String, String)>, Error> {
        self.inner.describe()
    }
    fn session(&self) -> Result<Box<dyn Warehouse>, Error> {
        Err(Error::new(ErrorKind::Resources, "no more sessions"))
    }
    fn interrupter(&self) -> Interrupter {
        self.inner.interrupter()
    }
}

#[test]
fn what_lost_to_another_transaction_is_tried_again() {
    let unlucky = |failures| Unlucky { inner: memory(), failures: AtomicU32::new(failures), cancels: Arc::default() };
    let jobs = || vec![job("a", &[], "SELECT 1 AS n")];
    let result = run(&unlucky(3), jobs(), &options(4), &silent);
    assert!(result.succeeded());
    assert_eq!(result.results[0].outcome.attempts, 4);
    let result = run(&unlucky(3), jobs(), &Options { retries: 2, ..options(1) }, &silent);
    assert_eq!(result.results[0].outcome.error, Some(ErrorKind::Transient));
    assert_eq!(result.results[0].outcome.attempts, 3);
}

#[test]
fn what_came_of_several_steps_is_said_of_all_of_them() {
    let steps = |query: &str| {
        let mut both = job("first", &[], "SELECT range AS n FROM range(3)");
        both.steps.extend(job("second", &[], query).steps);
        vec![both]
    };
    let warehouse = memory();
    let result = run(&*warehouse, steps("SELECT range AS n FROM range(4)"), &options(1), &silent);
    assert_eq!(result.results[0].outcome.executed.rows_affected, Some(7));
    let failed = run(&*warehouse, steps("SELECT nothing FROM first"), &options(1), &silent);
    let message = failed.results[0].outcome.message.as_deref().unwrap();
    assert!(message.ends_with("; it failed in step 2 of 2; what step 1 did stays"), "{message}");
    assert_eq!(failed.results[0].outcome.executed.rows_affected, Some(3));

    let options = options(1);
    let cancels = Arc::clone(&options.cancelled);
    let cancelling = Unlucky { inner: memory(), failures: AtomicU32::new(0), cancels };
    let result = run(&cancelling, steps("SELECT 1 AS n"), &options, &silent);
    insta::assert_snapshot!(
        summary(&result),
        @"first Skipped the run was cancelled before step 2 of 2; what step 1 did stays"
    );
    assert_eq!(ask(&*cancelling.inner, "SELECT COUNT(*) FROM first"), [[Value::Int(3)]]);
}

#[test]
fn runs_beside_each_other_on_the_same_tables_both_end_well() {
    let warehouse = memory();
    let other = warehouse.session().unwrap();
    let jobs = || (0..30).map(|index| job(&format!("t{index}"), &[], "SELECT range AS n FROM range(50000)")).collect();
    let options = Options { retries: 20, ..options(2) };
    std::thread::scope(|scope| {
        let beside = scope.spawn(|| run(&*other, jobs(), &options, &silent));
        let here = run(&*warehouse, jobs(), &options, &silent);
        let beside = beside.join().unwrap();
        assert!(here.succeeded(), "{}", summary(&here));
        assert!(beside.succeeded(), "{}", summary(&beside));
    });
}

#[test]
fn results_have_every_key_and_are_written_whole() {
    let jobs = vec![
        job("a", &[], "SELECT 1 AS n"),
        job("b", &["a"], "SELECT nothing FROM a"),
        job("c", &["b"], "SELECT * FROM b"),
    ];
    let result = run(&*memory(), jobs, &options(1), &silent);
    let mut args = serde_json::Map::new();
    args.insert("command".to_owned(), "run".into());
    let invocation = Invocation { project: "acme".to_owned(), version: "1.2.3".to_owned(), args };
    let document = document(&result, &invocation);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("target/run_results.json");
    write(&path, "an older file").unwrap();
    write(&path, &json(&document)).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(serde_json::from_str::<Document>(&text).unwrap(), document);
    assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    let id = &document.metadata.invocation_id;
    let shape: String =
        id.chars().map(|character| if character.is_ascii_hexdigit() { 'x' } else { character }).collect();
    assert_eq!((shape.as_str(), &id[14..15]), ("xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", "4"));
    let mut value: serde_json::Value = serde_json::from_str(&text).unwrap();
    for pointer in
        ["/metadata/generated_at", "/metadata/invocation_id", "/metadata/invocation_started_at", "/elapsed_time"]
    {
        *value.pointer_mut(pointer).unwrap() = "…".into();
    }
    for entry in value["results"].as_array_mut().unwrap() {
        entry["execution_time"] = "…".into();
        for timing in entry["timing"].as_array_mut().unwrap() {
            timing["started_at"] = "…".into();
            timing["completed_at"] = "…".into();
        }
    }
    value["results"].as_array_mut().unwrap().remove(1);
    insta::assert_snapshot!(serde_json::to_string_pretty(&value).unwrap());
}

fn requirement(definition: &str, relation: &str, columns: &[(&str, &str)]) -> Requirement {
    let column = |&(name, ty): &(&str, &str)| RequiredColumn {
        name: name.to_owned(),
        ty: Some(ty.to_owned()),
        instead: Vec::new(),
        stored: None,
    };
    Requirement {
        definition: definition.to_owned(),
        relation: relation.to_owned(),
        files: None,
        columns: columns.iter().map(column).collect(),
    }
}

#[test]
fn everything_that_is_missing_is_told_at_once_and_nothing_is_written() {
    let warehouse = memory();
    tell(&*warehouse, "CREATE SCHEMA raw");
    tell(
        &*warehouse,
        "CREATE TABLE raw.events (event_id INTEGER, \"Timestamp\" TIMESTAMP, user_id VARCHAR, ok BOOLEAN)",
    );
    let mut requirements = [
        requirement("source.events", "raw.events", &[("user_id", "string"), ("timestamp", "timestamp")]),
        requirement("source.typed", "raw.events", &[("ok", "timestamp"), ("event_id", "date"), ("user_id", "float")]),
        requirement("source.columns", "raw.events", &[("eventid", "int"), ("plan", "string")]),
        requirement("entity.user", "raw.event", &[("id", "string")]),
        requirement("source.files", "read_csv('data/none/*.csv')", &[("id", "string")]),
    ];
    let path = "data/none/*.csv".to_owned();
    requirements[4].files = Some(Files { path, format: Format::Json, columns: Vec::new(), folders: Vec::new() });
    let problems = preflight(&*warehouse, &requirements);
    let lines: Vec<_> = problems.iter().map(Problem::to_string).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    `source.events` reads the column `timestamp` of raw.events, which has `Timestamp`: names are exact in case
    `source.typed` takes the column `ok` of raw.events for timestamp; it is BOOLEAN
    `source.typed` takes the column `event_id` of raw.events for date; it is INTEGER
    `source.columns` reads the column `eventid` of raw.events, which has none of that name; similar names: `event_id`
    `source.columns` reads the column `plan` of raw.events, which has none of that name
    `entity.user` reads raw.event, which is not there; similar names: `raw.events`
    `source.files` reads `data/none/*.csv`, which is not there
    ");
    assert_eq!(warehouse.relations().unwrap(), ["raw.events"]);
}

#[test]
fn given_rows_are_loaded_and_expected_rows_found() {
    let warehouse = memory();
    let given =
        unit::csv::rows("user_id,created_at,plan\nu1,2026-01-01T00:00:00+02:00,free\nu2,2026-01-02,\n").unwrap();
    let ty = |name: &str, ty: &str| (name.to_owned(), ty.to_owned());
    let read = [ty("user_id", "VARCHAR"), ty("created_at", "TIMESTAMPTZ"), ty("seats", "INTEGER")];
    warehouse.load("raw.users", &unit::table(&given, &read)).unwrap();
    let rows = warehouse.query(&checked("SELECT * FROM raw.users"), None).unwrap();
    let expected =
        unit::csv::rows("user_id,created_at,seats\nu2,2026-01-02 00:00:00,\nu1,2025-12-31T22:00:00Z,\n").unwrap();
    let comparison = unit::compare(&rows, &unit::Expectation { rule: unit::Match::Exact, rows: expected });
    assert!(comparison.passed(), "{}", comparison.text("raw.users"));
    assert!(!Path::new("raw.users").exists());
}
