//! What the Snowflake driver makes of faults: the right error, no statement twice, no hang, no secret in any text.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indexmap::IndexMap;
use milepost::check::Mark;
use milepost::warehouse::{Error, ErrorKind, Rows, Target, Value, Warehouse, connect};
use serde_json::{Value as Json, json};

use crate::faults::ends;
use crate::faults::server::{Answer, Request, Seen, Server};
use crate::warehouse::checked_in;

mod logins;
mod rules;

const LOGIN: &str = "/session/v1/login-request";
pub(super) const QUERY: &str = "/queries/v1/query-request";
const ABORT: &str = "/queries/v1/abort-request";
pub(super) const RESULT: &str = "/queries/01-slow/result";

const PASSWORD: &str = "hunter2-of-the-tests";
const TOKEN: &str = "session-token-of-the-tests";

/// Answers as the service does where nothing is wrong; `script` comes first.
pub(super) fn serve(script: impl Fn(&Request, &Seen) -> Option<Answer> + Send + Sync + 'static) -> Server {
    Server::start(move |request, seen| {
        script(request, seen).unwrap_or_else(|| match request.path.as_str() {
            LOGIN => ok(&json!({ "token": format!("{TOKEN}-{}", seen.count(LOGIN)) })),
            ABORT => ok(&Json::Null),
            QUERY => one_row(),
            _ => Answer::json(404, "{}"),
        })
    })
}

fn ok(data: &Json) -> Answer {
    Answer::json(200, json!({ "success": true, "code": null, "message": null, "data": data }).to_string())
}

pub(super) fn refusal(code: &str, message: &str, query_id: Option<&str>) -> Answer {
    let data = query_id.map_or(Json::Null, |id| json!({ "queryId": id }));
    Answer::json(200, json!({ "success": false, "code": code, "message": message, "data": data }).to_string())
}

fn table(ty: &str, rowset: &Json) -> Json {
    let column = json!({ "name": "n", "type": ty, "nullable": true, "precision": 38, "scale": 0 });
    json!({ "queryId": "01-quick", "queryResultFormat": "json", "rowtype": [column], "rowset": rowset })
}

fn one_row() -> Answer {
    ok(&table("fixed", &json!([["1"]])))
}

pub(super) fn in_progress(code: &str) -> Answer {
    let data = json!({ "queryId": "01-slow", "getResultUrl": RESULT });
    Answer::json(200, json!({ "success": true, "code": code, "message": null, "data": data }).to_string())
}

fn target(server: &Server, settings: &[(&str, &str)]) -> Target {
    let endpoint = server.url();
    let mut all = IndexMap::from([("endpoint", endpoint.as_str()), ("account", "org-account"), ("user", "tester")]);
    all.extend(settings.iter().copied());
    Target {
        name: "prod".to_owned(),
        driver: "snowflake".to_owned(),
        root: env!("CARGO_MANIFEST_DIR").into(),
        settings: all.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        statement_timeout: None,
        labels: IndexMap::from([("project".to_owned(), "tests".to_owned())]),
    }
}

pub(super) fn with_password(server: &Server) -> Target {
    target(server, &[("password", PASSWORD)])
}

fn open(server: &Server) -> Box<dyn Warehouse> {
    connect(&with_password(server)).unwrap()
}

fn ask(warehouse: &dyn Warehouse) -> Result<Rows, Error> {
    warehouse.query(&checked_in("snowflake", "SELECT n FROM t"), None)
}

fn clean(error: &Error) {
    for text in [error.to_string(), format!("{error:?}")] {
        for secret in [PASSWORD, TOKEN, "open-sesame", "of-a-file", "123456"] {
            assert!(!text.contains(secret), "a secret is in: {text}");
        }
    }
}

/// Asks once, and checks the error, that the statement was sent so often, and that no secret is in any text.
fn fails(server: Server, kind: ErrorKind, sent: usize) -> (Server, Error) {
    ends(move || {
        let warehouse = open(&server);
        let error = ask(&*warehouse).unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        assert_eq!(server.seen().count(QUERY), sent, "{error}");
        clean(&error);
        (server, error)
    })
}

/// Asks once, and checks that rows came, after the statement had been sent so often.
fn passes(server: Server, sent: usize) -> Server {
    ends(move || {
        let warehouse = open(&server);
        assert_eq!(ask(&*warehouse).unwrap().rows, [[Value::Int(1)]]);
        assert_eq!(server.seen().count(QUERY), sent);
        server
    })
}

#[test]
fn a_statement_that_was_not_taken_is_sent_again() {
    for busy in [Answer::json(429, "{}"), Answer::json(429, "{}").header("Retry-After", "1")] {
        passes(serve(move |request, seen| (request.path == QUERY && seen.count(QUERY) < 3).then(|| busy.clone())), 3);
    }
    let (server, _) =
        fails(serve(|request, _| (request.path == QUERY).then(|| Answer::json(429, "{}"))), ErrorKind::Transient, 5);
    assert_eq!(server.seen().count(ABORT), 0);
    // Nobody is there any more.
    ends(|| {
        let server = serve(|_, _| None);
        let warehouse = open(&server);
        drop(server);
        let error = ask(&*warehouse).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Transient, "{error}");
        clean(&error);
    });
}

#[test]
fn a_statement_of_unknown_outcome_is_stopped_and_not_sent_again() {
    for lost in [
        Answer::hang_up(),
        Answer::json(500, PASSWORD),
        Answer::json(503, "{}"),
        Answer::garbage(),
        Answer::json(200, format!(r#"{{"data": {{"queryId": "{TOKEN}""#)),
        Answer::json(200, "<html>A proxy says no</html>"),
        one_row().truncated(20),
    ] {
        let server = serve(move |request, _| (request.path == QUERY).then(|| lost.clone()));
        let (server, error) = fails(server, ErrorKind::Transient, 1);
        let (sent, aborted) = (server.seen().of(QUERY), server.seen().of(ABORT));
        assert_eq!(aborted.len(), 1, "{error}");
        assert_eq!(aborted[0].json()["requestId"].as_str(), sent[0].parameter("requestId"));
        assert!(error.message.ends_with("it was stopped where it ran, unless it had ended before"), "{error}");
    }
}

#[test]
fn a_connection_that_closes_before_the_statement_is_read_is_one_of_unknown_outcome() {
    ends(|| {
        let server = serve(|_, _| None);
        let warehouse = open(&server);
        server.refuse(1);
        let error = ask(&*warehouse).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Transient, "{error}");
        assert_eq!((server.seen().count(QUERY), server.seen().count(ABORT)), (0, 1));
        // The next one finds the service as it was.
        ask(&*warehouse).unwrap();
    });
}

#[test]
fn a_statement_that_cannot_be_stopped_is_said_to_run_perhaps() {
    let server = serve(|request, _| (request.path == QUERY || request.path == ABORT).then(Answer::hang_up));
    let (server, error) = fails(server, ErrorKind::Gone, 1);
    let request = server.seen().of(QUERY).pop().unwrap();
    let said = format!("request {} may still be running there", request.parameter("requestId").unwrap());
    assert!(error.message.ends_with(&said), "{error}");
}

#[test]
fn a_slow_statement_is_awaited() {
    let server = serve(|request, seen| match request.path.as_str() {
        QUERY => Some(in_progress("333334")),
        RESULT if seen.count(RESULT) < 3 => Some(in_progress("333333")),
        RESULT => Some(one_row()),
        _ => None,
    });
    assert_eq!(passes(server, 1).seen().count(RESULT), 3);
    let late = || one_row().delayed(Duration::from_millis(700));
    passes(serve(move |request, _| (request.path == QUERY).then(late)), 1);
    let server = serve(|request, _| match request.path.as_str() {
        QUERY => Some(in_progress("333334")),
        RESULT => Some(Answer::json(503, "{}")),
        _ => None,
    });
    let (server, error) = fails(server, ErrorKind::Transient, 1);
    assert_eq!(server.seen().count(ABORT), 1);
    assert!(error.message.contains("(query 01-slow)"), "{error}");
}

#[test]
fn a_session_that_is_over_is_followed_by_another() {
    for code in ["390112", "390114", "390111", "390104"] {
        let server = serve(move |request, seen| {
            let over = request.path == QUERY && seen.count(QUERY) == 1;
            over.then(|| refusal(code, "Your session has expired. Please login again.", None))
        });
        let server = passes(server, 2);
        assert_eq!(server.seen().count(LOGIN), 2);
        let sessions: Vec<_> =
            server.seen().of(QUERY).iter().map(|request| request.header("authorization").unwrap().to_owned()).collect();
        assert_ne!(sessions[0], sessions[1]);
    }
    // Not for ever.
    let over = |request: &Request, _: &Seen| {
        (request.path == QUERY).then(|| refusal("390112", "Your session has expired.", None))
    };
    let (server, _) = fails(serve(over), ErrorKind::Credentials, 2);
    assert_eq!(server.seen().count(LOGIN), 2);
}

#[test]
fn a_session_that_ends_while_a_statement_runs_leaves_no_orphan() {
    for code in ["390112", "390114"] {
        let server = serve(move |request, _| match request.path.as_str() {
            QUERY if request.text().contains("CANCEL_QUERY('01-slow')") => Some(one_row()),
            QUERY => Some(in_progress("333334")),
            RESULT | ABORT => Some(refusal(code, "Your session has expired.", None)),
            _ => None,
        });
        // The second is the one that stops the first, in a session of its own.
        let (server, error) = fails(server, ErrorKind::Transient, 2);
        assert_eq!(server.seen().count(LOGIN), 2);
        assert!(error.message.contains("it was stopped where it ran"), "{error}");
    }
}

/// Answers a statement as cancelled once it is aborted for the `needed`th time.
fn cancellable(needed: usize) -> Server {
    serve(move |request, seen| match request.path.as_str() {
        QUERY => {
            let cancelled = seen.wait_until(|seen| seen.count(ABORT) >= needed);
            Some(if cancelled { refusal("000604", "SQL execution canceled", Some("01-cut")) } else { one_row() })
        }
        ABORT if seen.count(ABORT) < needed => {
            Some(refusal("000605", "Identified SQL statement is not currently executing.", None))
        }
        _ => None,
    })
}

#[test]
fn an_interrupted_statement_is_cancelled_where_it_runs() {
    for needed in [1, 3] {
        ends(move || {
            let server = cancellable(needed);
            let warehouse = open(&server);
            let (interrupt, over) = (warehouse.interrupter(), AtomicBool::new(false));
            // Nothing is under way: nothing happens.
            interrupt();
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    assert!(server.seen().wait_until(|seen| seen.count(QUERY) == 1));
                    while !over.load(Ordering::Relaxed) {
                        interrupt();
                        std::thread::sleep(Duration::from_millis(10));
                    }
                });
                let error = ask(&*warehouse).unwrap_err();
                over.store(true, Ordering::Relaxed);
                assert_eq!(error.kind, ErrorKind::Cancelled, "{error}");
                assert!(error.message.contains("(query 01-cut)"), "{error}");
            });
            assert_eq!((server.seen().count(QUERY), server.seen().count(ABORT)), (1, needed));
        });
    }
}

#[test]
fn a_statement_that_takes_too_long_is_stopped() {
    ends(|| {
        // Again with more time where it was over before the statement was sent: the machine is that slow.
        for attempt in 0.. {
            let server = serve(|request, _| (request.path == QUERY).then(Answer::silence));
            let milliseconds = 200 * 4_u64.pow(attempt);
            let timeout = Duration::from_millis(milliseconds);
            let target = Target { statement_timeout: Some(timeout), ..with_password(&server) };
            let warehouse = connect(&target).unwrap();
            let parameters = &server.seen().of(LOGIN)[0].json()["data"]["SESSION_PARAMETERS"];
            assert_eq!(parameters["STATEMENT_TIMEOUT_IN_SECONDS"], milliseconds.div_ceil(1000));
            let error = ask(&*warehouse).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Timeout, "{error}");
            clean(&error);
            if server.seen().count(QUERY) > 0 {
                assert_eq!((server.seen().count(QUERY), server.seen().count(ABORT)), (1, 1));
                break;
            }
        }
    });
    // The server's own answer comes first, where it answers.
    let timed_out = "Statement reached its statement or warehouse timeout of 1 second(s) and was canceled.";
    let server =
        serve(move |request, _| (request.path == QUERY).then(|| refusal("000630", timed_out, Some("01-late"))));
    let (server, _) = fails(server, ErrorKind::Timeout, 1);
    assert_eq!(server.seen().count(ABORT), 0);
}

#[test]
fn values_of_other_types_than_announced_are_not_guessed() {
    for (data, text) in [
        (table("fixed", &json!([["abc"]])), "`abc` in column `n` is no NUMBER(38,0)"),
        (table("boolean", &json!([["maybe"]])), "`maybe` in column `n` is no BOOLEAN"),
        (table("date", &json!([["2026-01-31"]])), "is no DATE"),
        (table("timestamp_ntz", &json!([["yesterday"]])), "is no TIMESTAMP_NTZ(0)"),
        (
            json!({ "queryId": "01-odd", "rowset": [["1"]] }),
            "missing required field in Snowflake response: data.rowtype",
        ),
        (
            json!({ "queryId": "01-odd", "queryResultFormat": "arrow", "rowtype": [] }),
            "unsupported result format: arrow",
        ),
        (table("fixed", &json!({ "n": 1 })), "not in the service's protocol"),
        (table("fixed", &json!([["1", "2"]])), "not in the service's protocol"),
    ] {
        let server = serve(move |request, _| (request.path == QUERY).then(|| ok(&data)));
        let within = |error: &Error| error.message.contains(text);
        let warehouse = open(&server);
        let error = ask(&*warehouse).unwrap_err();
        assert!(within(&error), "{error} is not about {text}");
        assert_eq!(server.seen().count(QUERY), 1);
        assert!(matches!(error.kind, ErrorKind::Unsupported | ErrorKind::Transient), "{error:?}");
        clean(&error);
    }
}

/// How many parts a large answer has besides what comes at once, and how many rows each.
const PARTS: usize = 100;
const ROWS: usize = 100;

fn in_parts(part: impl Fn(usize, usize, String) -> Answer + Send + Sync + 'static) -> Server {
    serve(move |request, seen| match request.path.as_str() {
        QUERY => {
            let address = request.header("host").unwrap();
            let chunks: Vec<_> = (1..=PARTS)
                .map(|part| {
                    let url = format!("http://{address}/parts/{part}/");
                    json!({ "url": url, "rowCount": ROWS, "uncompressedSize": 1000, "compressedSize": 1000 })
                })
                .collect();
            let mut data = table("fixed", &json!([["0"]]));
            data["chunks"] = json!(chunks);
            data["chunkHeaders"] = json!({ "x-amz-server-side-encryption-customer-key": "key-of-the-parts" });
            Some(ok(&data))
        }
        path if path.starts_with("/parts/") => {
            assert_eq!(request.header("x-amz-server-side-encryption-customer-key"), Some("key-of-the-parts"));
            assert_eq!(request.header("authorization"), None, "the token is for the service only");
            let number: usize = path.split('/').nth(2).unwrap().parse().unwrap();
            let rows: Vec<_> = (0..ROWS).map(|row| format!("[\"{}\"]", (number - 1) * ROWS + row + 1)).collect();
            Some(part(number, seen.count(path), rows.join(",")))
        }
        _ => None,
    })
}

#[test]
fn a_large_answer_is_read_in_parts_and_in_order() {
    // One part arrives cut off, another not at all, both at their first time only.
    let server = in_parts(|part, time, rows| match (part, time) {
        (7, 1) => Answer::bytes(200, rows.into_bytes()).truncated(500),
        (8, 1) => Answer::json(503, "{}"),
        _ => Answer::bytes(200, rows.into_bytes()),
    });
    ends(move || {
        let warehouse = open(&server);
        let rows = ask(&*warehouse).unwrap().rows;
        assert_eq!(rows.len(), PARTS * ROWS + 1);
        assert!(rows.iter().enumerate().all(|(place, row)| *row == [Value::Int(i64::try_from(place).unwrap())]));
        assert_eq!(server.seen().count(QUERY), 1);
        assert_eq!(
            server.seen().requests().iter().filter(|request| request.path.starts_with("/parts/")).count(),
            PARTS + 2
        );
        // Whoever wants few rows fetches few parts.
        let before = server.seen().requests().len();
        let few = warehouse.query(&checked_in("snowflake", "SELECT n FROM t"), Some(150)).unwrap();
        assert_eq!((few.rows.len(), few.truncated), (150, true));
        assert_eq!(server.seen().requests().len() - before, 3);
    });
}

#[test]
fn a_part_that_is_lost_loses_the_answer_and_repeats_nothing() {
    for (lost, kind) in [
        (Answer::json(403, PASSWORD), ErrorKind::Transient),
        (Answer::json(200, "[\"1\"],[\"2"), ErrorKind::Transient),
        (Answer::json(200, "[\"1\"],[\"wrong\"]"), ErrorKind::Unsupported),
    ] {
        let server =
            in_parts(move |part, _, rows| if part == 2 { lost.clone() } else { Answer::bytes(200, rows.into_bytes()) });
        let (_, error) = fails(server, kind, 1);
        assert!(error.message.starts_with("the rows of query 01-quick "), "{error}");
    }
}

#[test]
fn marks_are_read_from_comments() {
    let text = |name: &str| json!({ "name": name, "type": "text", "nullable": true, "length": 16_777_216 });
    let mark = Mark { spec: "0a1b".to_owned(), as_of: Some("2026-03-01T00:00:00Z".to_owned()) };
    let rowset = json!([["ours", mark.text()], ["theirs", "made by hand"], ["plain", null]]);
    let server = serve(move |request, _| {
        let rowtype = [text("TABLE_NAME"), text("COMMENT")];
        let data = json!({ "queryId": "01", "queryResultFormat": "json", "rowtype": rowtype, "rowset": rowset });
        (request.path == QUERY).then(|| ok(&data))
    });
    ends(move || {
        let found = open(&server).found("\"DB\".\"growth\"").unwrap();
        let found: Vec<_> = found.into_iter().map(|found| (found.name, found.mark)).collect();
        let expected = [("ours", Some(mark)), ("theirs", None), ("plain", None)];
        assert_eq!(found, expected.map(|(name, mark)| (name.to_owned(), mark)));
        let asked = server.seen().requests().into_iter().find(|request| request.path == QUERY).unwrap().json();
        let sql = "SELECT TABLE_NAME, COMMENT FROM \"DB\".INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA = 'growth'";
        assert_eq!(asked["sqlText"], sql);
    });
}
