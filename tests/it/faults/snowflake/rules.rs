//! Snowflake as a locked-down account has it: what must not be needed there, how names are spelled, what somebody else has
//! set, and statements that last longer than a session.

use milepost::run::preflight::{RequiredColumn, Requirement, preflight};
use milepost::run::{Job, Options, Status, Step, run};
use milepost::warehouse::{ErrorKind, Value, Warehouse};
use serde_json::{Value as Json, json};

use super::{ABORT, LOGIN, QUERY, RESULT, ask, in_progress, ok, one_row, open, refusal, serve, table, with_password};
use crate::faults::ends;
use crate::faults::server::{Answer, Request, Seen, Server};
use crate::warehouse::checked_in;

/// The text of a statement that a request holds.
fn sql(request: &Request) -> String {
    request.json()["sqlText"].as_str().unwrap_or_default().to_owned()
}

/// An answer of rows whose columns are text.
fn texts(columns: &[&str], rows: &[&[&str]]) -> Answer {
    let column = |name: &&str| json!({ "name": name, "type": "text", "nullable": true, "length": 100 });
    let columns: Vec<Json> = columns.iter().map(column).collect();
    ok(&json!({ "queryId": "01-texts", "queryResultFormat": "json", "rowtype": columns, "rowset": rows }))
}

/// An account in which the role may make tables in `MILEPOST` and no schemas.
fn locked_down() -> Server {
    serve(|request, _| {
        let sql = sql(request);
        if sql.contains("SCHEMA IF NOT EXISTS") {
            let message = "SQL access control error: Insufficient privileges to operate on database 'ANALYTICS'";
            return Some(refusal("003001", message, Some("01-refused")));
        }
        sql.contains("INFORMATION_SCHEMA.SCHEMATA").then(|| {
            let is_there =
                sql.contains("\"ANALYTICS\".INFORMATION_SCHEMA") && sql.ends_with("SCHEMA_NAME = 'MILEPOST'");
            texts(&["SCHEMA_NAME"], if is_there { &[&["MILEPOST"]] } else { &[] })
        })
    })
}

fn job(node: &str, sql: &str, schema: Option<&str>) -> Job {
    let statement = checked_in("snowflake", sql);
    let step = match schema {
        Some(schema) => Step::Ensure { statement, schema: schema.to_owned() },
        None => Step::Replace { statement, relation: node.to_owned(), is_ours: false },
    };
    Job {
        node: node.to_owned(),
        kind: "table",
        depends_on: if schema.is_some() { Vec::new() } else { vec!["schema".to_owned()] },
        steps: vec![step],
        unchanged: false,
        spec_hash: None,
        interval: None,
    }
}

#[test]
fn a_run_needs_no_right_to_make_a_schema_that_is_there() {
    let server = locked_down();
    let warehouse = open(&server);
    let made = "CREATE SCHEMA IF NOT EXISTS \"ANALYTICS\".\"MILEPOST\"";
    let jobs = vec![
        job("schema", made, Some("\"ANALYTICS\".\"MILEPOST\"")),
        job("t", "CREATE OR REPLACE TABLE \"ANALYTICS\".\"MILEPOST\".\"t\" AS SELECT 1 AS n", None),
    ];
    let result = run(&*warehouse, jobs, &Options::default(), &|_| {});
    assert!(result.succeeded(), "{:?}", result.results);

    let elsewhere = vec![job("schema", "CREATE SCHEMA IF NOT EXISTS \"OTHER\"", Some("\"OTHER\""))];
    let result = run(&*warehouse, elsewhere, &Options::default(), &|_| {});
    let outcome = &result.results[0].outcome;
    assert_eq!((outcome.status, outcome.error), (Status::Error, Some(ErrorKind::Permission)));
    assert!(outcome.message.as_deref().unwrap().contains("Insufficient privileges"), "{:?}", outcome.message);
}

#[test]
fn the_spelling_that_snowflake_has_is_told_before_anything_is_written() {
    let server = serve(|request, _| {
        let sql = sql(request);
        match sql.as_str() {
            "SELECT * FROM \"RAW\".\"EVENTS\" LIMIT 0" => Some(texts(&["USER_ID", "plan", "PLAN", "at"], &[])),
            _ if sql.contains("INFORMATION_SCHEMA.TABLES") => Some(texts(&["NAME"], &[&["RAW.EVENTS"]])),
            _ if sql.contains("LIMIT 0") => {
                Some(refusal("002003", "SQL compilation error: Object does not exist or not authorized.", None))
            }
            _ => None,
        }
    });
    let column = |name: &&str| RequiredColumn { name: (*name).to_owned(), ty: None, instead: Vec::new(), stored: None };
    let requirement = |relation: &str, columns: &[&str]| Requirement {
        definition: "source.events".to_owned(),
        relation: relation.to_owned(),
        files: None,
        columns: columns.iter().map(column).collect(),
    };
    let requirements = [
        requirement("\"RAW\".\"EVENTS\"", &["user_id", "USER_ID", "plan", "PLAN", "Plan"]),
        requirement("\"raw\".\"events\"", &[]),
    ];
    let problems = preflight(&*open(&server), &requirements);
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "`source.events` reads the column `user_id` of \"RAW\".\"EVENTS\", which has `USER_ID`: names are exact in case",
            "`source.events` reads the column `Plan` of \"RAW\".\"EVENTS\", which has `plan`: names are exact in case",
            "`source.events` reads \"raw\".\"events\", which is called `RAW.EVENTS` there; write it so",
        ]
    );
}

#[test]
fn the_text_of_a_time_does_not_depend_on_the_account() {
    // The account's own format leaves the time of day out; a session that says nothing has it.
    let server = serve(|request, seen| {
        sql(request).contains("AS VARCHAR").then(|| {
            let pinned = seen.of(LOGIN)[0].json()["data"]["SESSION_PARAMETERS"].clone();
            let is_whole = pinned["TIMESTAMP_NTZ_OUTPUT_FORMAT"] == "YYYY-MM-DD HH24:MI:SS.FF6";
            texts(&["T"], &[&[if is_whole { "2026-01-31 10:00:00.000400" } else { "2026-01-31" }]])
        })
    });
    let cast = checked_in("snowflake", "SELECT CAST(at AS VARCHAR) AS t FROM raw");
    let rows = open(&server).query(&cast, None).unwrap().rows;
    assert_eq!(rows, [[Value::Text("2026-01-31 10:00:00.000400".to_owned())]]);
    let pinned = &server.seen().of(LOGIN)[0].json()["data"]["SESSION_PARAMETERS"];
    for zoned in ["TIMESTAMP_LTZ_OUTPUT_FORMAT", "TIMESTAMP_TZ_OUTPUT_FORMAT", "TIMESTAMP_OUTPUT_FORMAT"] {
        assert_eq!(pinned[zoned], "YYYY-MM-DD HH24:MI:SS.FF6 TZHTZM");
    }
    // What nobody waits for ends by itself, and not with its session.
    assert_eq!(pinned["ABORT_DETACHED_QUERY"], false);
}

#[test]
fn what_the_account_sets_for_others_is_a_concern() {
    let concerns = |collation: &'static str, ignored: &'static str, names: Option<&str>| {
        let server = serve(move |request, _| {
            let value = match sql(request) {
                sql if sql.contains("'DEFAULT_DDL_COLLATION'") => collation,
                sql if sql.contains("'QUOTED_IDENTIFIERS_IGNORE_CASE'") => ignored,
                _ => return None,
            };
            Some(texts(&["key", "value", "default"], &[&["PARAMETER", value, ""]]))
        });
        let mut target = with_password(&server);
        target.settings.extend(names.map(|names| ("names".to_owned(), names.to_owned())));
        milepost::warehouse::connect(&target).unwrap().concerns().unwrap()
    };
    assert!(concerns("", "false", None).is_empty());
    assert_eq!(
        concerns("en-ci", "true", None),
        [
            "the schema has the collation `en-ci` (DEFAULT_DDL_COLLATION): texts that differ are equal in what is made there",
            "the account reads quoted names as capitals (QUOTED_IDENTIFIERS_IGNORE_CASE): others cannot read names in small \
             letters; `names = \"upper\"` in the target makes them capitals",
        ]
    );
    assert!(concerns("", "true", Some("upper")).is_empty());
}

#[test]
fn what_ran_is_found_by_its_node() {
    let server = serve(|_, _| None);
    let text = "-- kpi.activation: who got there\n-- and when\nCREATE OR REPLACE TABLE t AS SELECT 1 AS n";
    open(&server).execute(&checked_in("snowflake", text)).unwrap();
    let sent = sql(&server.seen().of(QUERY)[0]);
    let expected =
        "-- kpi.activation: who got there\n-- and when\nCREATE /* milepost test */ OR REPLACE TABLE t AS SELECT 1 AS n";
    assert_eq!(sent, expected);
}

/// An account whose sessions end while a statement runs; `history` says what became of it, each time it is asked.
fn with_short_sessions(history: impl Fn(usize) -> Answer + Send + Sync + 'static) -> Server {
    let asked = std::sync::atomic::AtomicUsize::new(0);
    serve(move |request, seen| {
        let over = || refusal("390112", "Your session has expired. Please login again.", None);
        let is_old = request.header("authorization").is_some_and(|token| token.contains("-1\""));
        match request.path.as_str() {
            QUERY if sql(request).contains("QUERY_HISTORY_BY_USER") => {
                assert!(sql(request).contains("QUERY_ID = '01-slow'"));
                Some(history(asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1))
            }
            QUERY if sql(request).contains("RESULT_SCAN('01-slow')") => {
                let column = json!({ "name": "number of rows inserted", "type": "fixed", "nullable": true, "precision": 38, "scale": 0 });
                let mut told = table("fixed", &json!([["7"]]));
                told["rowtype"] = json!([column]);
                Some(ok(&told))
            }
            QUERY if sql(request).contains("CANCEL_QUERY('01-slow')") => Some(one_row()),
            QUERY if seen.count(LOGIN) == 1 => Some(in_progress("333334")),
            RESULT | ABORT if is_old => Some(over()),
            _ => None,
        }
    })
}

fn status(status: &str, code: &str, message: &str) -> Answer {
    texts(&["EXECUTION_STATUS", "ERROR_CODE", "ERROR_MESSAGE"], &[&[status, code, message]])
}

fn sent(seen: &Seen, text: &str) -> usize {
    seen.of(QUERY).iter().filter(|request| sql(request).contains(text)).count()
}

fn insert(warehouse: &dyn Warehouse) -> Result<milepost::warehouse::Executed, milepost::warehouse::Error> {
    warehouse.execute(&checked_in("snowflake", "INSERT INTO t SELECT n FROM u"))
}

#[test]
fn a_statement_that_outlives_its_session_is_awaited_from_another() {
    ends(|| {
        let server = with_short_sessions(|time| match time {
            1 => texts(&["EXECUTION_STATUS", "ERROR_CODE", "ERROR_MESSAGE"], &[]),
            2 => Answer::json(503, "{}"),
            3 => status("RUNNING", "", ""),
            _ => status("SUCCESS", "", ""),
        });
        let executed = insert(&*open(&server)).unwrap();
        assert_eq!((executed.rows_affected, executed.query_id.as_deref()), (Some(7), Some("01-slow")));
        assert_eq!((sent(server.seen(), "INSERT"), sent(server.seen(), "CANCEL")), (1, 0));
        assert_eq!(server.seen().count(LOGIN), 2);

        let server = with_short_sessions(|_| status("FAILED_WITH_ERROR", "904", "invalid identifier 'N'"));
        let error = insert(&*open(&server)).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Missing, "{error}");
        assert_eq!(error.message, "000904: invalid identifier 'N' (query 01-slow)");
    });
}

#[test]
fn a_statement_that_cannot_be_seen_from_another_session_is_stopped() {
    ends(|| {
        let denied = || refusal("003001", "Insufficient privileges to operate on function", None);
        let server = with_short_sessions(move |_| denied());
        let error = insert(&*open(&server)).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Transient, "{error}");
        assert!(error.message.contains("it was stopped where it ran"), "{error}");
        assert_eq!((sent(server.seen(), "INSERT"), sent(server.seen(), "CANCEL")), (1, 1));
        // The order of rows is not certain from elsewhere: a query is not picked up.
        let server = with_short_sessions(|_| status("SUCCESS", "", ""));
        assert_eq!(ask(&*open(&server)).unwrap_err().kind, ErrorKind::Transient);
        assert_eq!(sent(server.seen(), "QUERY_HISTORY"), 0);
    });
}

#[test]
fn a_statement_that_is_awaited_from_another_session_can_be_interrupted() {
    ends(|| {
        let server = with_short_sessions(|_| status("RUNNING", "", ""));
        let warehouse = open(&server);
        let interrupt = warehouse.interrupter();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                assert!(server.seen().wait_until(|seen| sent(seen, "QUERY_HISTORY") > 1));
                interrupt();
            });
            let error = insert(&*warehouse).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Cancelled, "{error}");
            assert!(error.message.ends_with("it was cancelled where it ran (query 01-slow)"), "{error}");
        });
        assert_eq!(sent(server.seen(), "CANCEL_QUERY('01-slow')"), 1);
        // Nothing is asked about it any more.
        assert!(sql(server.seen().of(QUERY).last().unwrap()).contains("CANCEL_QUERY('01-slow')"));
    });
}
