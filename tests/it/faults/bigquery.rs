//! BigQuery's faults: what its driver makes of them, how many jobs come of it, and what is told.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use milepost::warehouse::{Error, ErrorKind, Executed, Target, Value, connect};
use serde_json::{Value as Json, json};

use crate::faults::ends;
use crate::faults::server::{Answer, Request, Seen, Server};
use crate::warehouse::contract::BIGQUERY;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    Submit,
    Results,
    Job,
    Cancel,
    Other,
}

impl Ask {
    pub(super) fn of(request: &Request) -> Self {
        let path = &request.path;
        match request.method.as_str() {
            "POST" if path.ends_with("/cancel") => Self::Cancel,
            "POST" if path.ends_with("/jobs") => Self::Submit,
            "GET" if path.contains("/queries/") => Self::Results,
            "GET" if path.contains("/jobs/") => Self::Job,
            _ => Self::Other,
        }
    }
}

/// The jobs that the service has taken, in order: each name once.
#[derive(Clone, Default)]
pub(super) struct Jobs(Arc<Mutex<Vec<String>>>);

impl Jobs {
    pub(super) fn names(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    /// Takes a job, as the service does: `409` for a name that it knows.
    pub(super) fn take(&self, request: &Request) -> Answer {
        let id = submitted(request);
        let mut names = self.0.lock().unwrap();
        if names.contains(&id) {
            return refusal(409, "duplicate", &format!("Already Exists: Job test:US.{id}"));
        }
        names.push(id.clone());
        Answer::json(200, job(&id, "RUNNING", None).to_string())
    }
}

/// Returns the name of the job that a request submits.
pub(super) fn submitted(request: &Request) -> String {
    request.json()["jobReference"]["jobId"].as_str().unwrap_or_default().to_owned()
}

pub(super) fn job(id: &str, state: &str, reason: Option<(&str, &str)>) -> Json {
    let error = reason.map(|(reason, message)| json!({"reason": reason, "message": message}));
    json!({
        "jobReference": {"projectId": "test", "jobId": id, "location": "US"},
        "status": {"state": state, "errorResult": error},
        "statistics": {"query": {"statementType": "SELECT"}},
    })
}

pub(super) fn refusal(status: u16, reason: &str, message: &str) -> Answer {
    let error = json!({"code": status, "message": message, "errors": [{"reason": reason, "message": message}]});
    Answer::json(status, json!({"error": error}).to_string())
}

/// One row, `7`, of a job that is complete.
pub(super) fn seven() -> Json {
    json!({
        "jobComplete": true, "totalRows": "1", "totalBytesProcessed": "42",
        "schema": {"fields": [{"name": "n", "type": "INTEGER"}]}, "rows": [{"f": [{"v": "7"}]}],
    })
}

fn running() -> Answer {
    Answer::json(200, json!({"jobComplete": false}).to_string())
}

/// A service that does all that it is asked, but for what `script` answers: it is told what is asked for, how often that
/// was asked for, and the jobs there are.
pub(super) fn service(
    script: impl Fn(Ask, usize, &Request, &Jobs, &Seen) -> Option<Answer> + Send + Sync + 'static,
) -> (Server, Jobs) {
    let jobs = Jobs::default();
    let ours = jobs.clone();
    // Not counted in what was seen: ten thousand requests are not looked through for each of them.
    let counts: [AtomicUsize; 5] = Default::default();
    let server = Server::start(move |request, seen| {
        let ask = Ask::of(request);
        let count = counts[ask as usize].fetch_add(1, Ordering::SeqCst) + 1;
        script(ask, count, request, &ours, seen).unwrap_or_else(|| {
            let id = request.path.trim_end_matches("/cancel").rsplit('/').next().unwrap_or_default().to_owned();
            if matches!(ask, Ask::Results | Ask::Job | Ask::Cancel) && !ours.names().contains(&id) {
                return refusal(404, "notFound", &format!("Not found: Job test:US.{id}"));
            }
            match ask {
                Ask::Submit => ours.take(request),
                Ask::Results => Answer::json(200, seven().to_string()),
                Ask::Job => Answer::json(200, job(&id, "DONE", None).to_string()),
                Ask::Cancel => Answer::json(200, json!({"job": job(&id, "RUNNING", None)}).to_string()),
                Ask::Other => refusal(404, "notFound", "Not found: what is asked for"),
            }
        })
    });
    (server, jobs)
}

pub(super) fn asked(seen: &Seen, ask: Ask) -> usize {
    seen.requests().iter().filter(|request| Ask::of(request) == ask).count()
}

fn asks(seen: &Seen) -> Vec<Ask> {
    seen.requests().iter().map(Ask::of).collect()
}

pub(super) fn target(server: &Server) -> Target {
    target_at(&server.url())
}

fn target_at(url: &str) -> Target {
    // The place is named, so that nothing is asked for it.
    let settings = [
        ("endpoint", url),
        ("project", "test"),
        ("schema", "ds"),
        ("location", "US"),
        ("maximum_bytes_billed", "1000"),
    ];
    Target {
        name: "scripted".to_owned(),
        driver: "bigquery".to_owned(),
        root: PathBuf::from("."),
        settings: settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        statement_timeout: None,
        labels: [("project".to_owned(), "My Project".to_owned())].into(),
    }
}

pub(super) fn execute(target: &Target) -> Result<Executed, Error> {
    connect(target).unwrap().execute(&BIGQUERY.checked("INSERT INTO ds.t VALUES (1)"))
}

pub(super) fn query(target: &Target) -> Result<Vec<Vec<Value>>, Error> {
    connect(target).unwrap().query(&BIGQUERY.checked("SELECT 7 AS n"), None).map(|rows| rows.rows)
}

fn names_submitted(seen: &Seen) -> BTreeSet<String> {
    seen.requests().iter().filter(|request| Ask::of(request) == Ask::Submit).map(submitted).collect()
}

/// Faults of one answer: what the service, or what is between it and us, does once.
fn faults() -> Vec<(&'static str, Answer)> {
    vec![
        ("500", refusal(500, "internalError", "An internal error occurred")),
        ("502, a page", Answer::bytes(502, b"<html><body>Bad Gateway</body></html>".to_vec())),
        ("503", refusal(503, "backendError", "Backend Error")),
        ("503 without a reason", Answer::json(503, "{}")),
        ("429", refusal(429, "rateLimitExceeded", "Exceeded rate limits")),
        ("403, rate", refusal(403, "rateLimitExceeded", "Exceeded rate limits")),
        ("408", Answer::json(408, "{}")),
        ("lost", Answer::hang_up()),
        ("garbage", Answer::garbage()),
        ("no JSON", Answer::json(200, "{\"jobReference\": ")),
        ("wrong types", Answer::json(200, "{\"jobReference\": [1, 2], \"status\": \"x\"}")),
        ("truncated", Answer::json(200, job("x", "RUNNING", None).to_string()).truncated(20)),
    ]
}

#[test]
fn a_submission_that_fails_for_a_moment_is_made_again_under_its_name() {
    for (name, fault) in faults() {
        for is_accepted in [false, true] {
            let fault = fault.clone();
            let (server, jobs) = service(move |ask, count, request, jobs, _| {
                (ask == Ask::Submit && count == 1).then(|| {
                    if is_accepted {
                        jobs.take(request);
                    }
                    fault.clone()
                })
            });
            let executed = execute(&target(&server)).unwrap_or_else(|error| panic!("{name}, {is_accepted}: {error}"));
            assert_eq!(executed.bytes_processed, Some(42));
            assert_eq!(jobs.names(), [executed.query_id.unwrap()], "{name}, {is_accepted}");
            assert_eq!(names_submitted(server.seen()).len(), 1, "{name}, {is_accepted}");
            assert_eq!(asked(server.seen(), Ask::Submit), 2, "{name}, {is_accepted}");
        }
    }
}

#[test]
fn an_answer_about_a_job_that_fails_for_a_moment_is_asked_for_again() {
    for (name, fault) in faults() {
        let (server, jobs) = service(move |ask, count, request, _, _| match ask {
            Ask::Results if count <= 2 => Some(fault.clone()),
            Ask::Job if count <= 2 => {
                let id = request.path.rsplit('/').next().unwrap_or_default();
                Some(Answer::json(200, job(id, "RUNNING", None).to_string()))
            }
            Ask::Submit | Ask::Results | Ask::Job | Ask::Cancel | Ask::Other => None,
        });
        assert_eq!(query(&target(&server)).unwrap_or_else(|error| panic!("{name}: {error}")), [[Value::Int(7)]]);
        assert_eq!((jobs.names().len(), asked(server.seen(), Ask::Submit)), (1, 1), "{name}");
    }
}

#[test]
fn the_service_says_how_long_to_stay_away() {
    let (server, jobs) = service(|ask, count, _, _, _| {
        let busy = refusal(429, "rateLimitExceeded", "Exceeded rate limits").header("Retry-After", "2");
        (ask == Ask::Submit && count == 1).then_some(busy)
    });
    execute(&target(&server)).unwrap();
    let times: Vec<Instant> = server.seen().of("/jobs").iter().map(|request| request.at).collect();
    assert!(times[1] - times[0] >= Duration::from_secs(2), "{:?}", times[1] - times[0]);
    assert_eq!(jobs.names().len(), 1);
    // Longer than anybody waits: it is told at once, and nothing was executed.
    let (server, jobs) = service(|ask, _, _, _, _| {
        let busy = refusal(429, "rateLimitExceeded", "Exceeded rate limits").header("Retry-After", "3600");
        (ask == Ask::Submit).then_some(busy)
    });
    assert_eq!(execute(&target(&server)).unwrap_err().kind, ErrorKind::Transient);
    assert_eq!((jobs.names().len(), asked(server.seen(), Ask::Submit)), (0, 1));
}

#[test]
fn a_connection_that_is_refused_is_made_again() {
    let (server, jobs) = service(|_, _, _, _, _| None);
    server.refuse(2);
    assert_eq!(query(&target(&server)).unwrap(), [[Value::Int(7)]]);
    assert_eq!(jobs.names().len(), 1);
}

#[test]
fn a_service_that_is_not_there_is_given_up() {
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = execute(&target_at(&format!("http://{address}"))).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Transient, "{error}");
    assert!(error.message.starts_with("BigQuery: cannot be reached: "), "{error}");
}

#[test]
fn a_job_of_which_nothing_is_heard_any_more_is_not_executed_again() {
    let (server, jobs) =
        service(|ask, _, _, _, _| matches!(ask, Ask::Results | Ask::Job | Ask::Cancel).then(Answer::hang_up));
    let error = execute(&target(&server)).unwrap_err();
    // Whoever got `Transient` would execute it again.
    assert_eq!(error.kind, ErrorKind::Gone, "{error}");
    assert!(error.message.contains(&jobs.names()[0]), "{error}");
    assert_eq!((jobs.names().len(), asked(server.seen(), Ask::Submit)), (1, 1));
    assert!(asked(server.seen(), Ask::Cancel) >= 1);
}

#[test]
fn a_slow_job_is_waited_for() {
    let (server, jobs) = service(|ask, count, _, _, _| (ask == Ask::Results && count <= 40).then(running));
    assert_eq!(query(&target(&server)).unwrap(), [[Value::Int(7)]]);
    assert_eq!((jobs.names().len(), asked(server.seen(), Ask::Results)), (1, 41));
    assert_eq!(server.seen().requests()[1].parameter("timeoutMs"), Some("10000"));
}

/// Answers as if every job ended by `reason`.
pub(super) fn ending(reason: &'static str, message: &'static str, status: u16) -> (Server, Jobs) {
    service(move |ask, _, request, _, _| {
        let id = request.path.rsplit('/').next().unwrap_or_default();
        match ask {
            Ask::Results => Some(refusal(status, reason, message)),
            Ask::Job => Some(Answer::json(200, job(id, "DONE", Some((reason, message))).to_string())),
            Ask::Submit | Ask::Cancel | Ask::Other => None,
        }
    })
}

#[test]
fn a_job_that_fails_is_told_as_what_it_is_and_not_executed_again() {
    let cases = [
        (
            "bytesBilledLimitExceeded",
            "Query exceeded limit for bytes billed: 1000. 20 or higher.",
            400,
            ErrorKind::Quota,
        ),
        ("quotaExceeded", "Quota exceeded: Your project exceeded quota", 403, ErrorKind::Quota),
        ("accessDenied", "Access Denied: Table test:ds.t", 403, ErrorKind::Permission),
        ("notFound", "Not found: Table test:ds.t was not found in location US", 404, ErrorKind::Missing),
        ("invalidQuery", "Unrecognized name: nothing at [1:8]", 400, ErrorKind::Missing),
        ("invalidQuery", "Syntax error: Unexpected end of statement", 400, ErrorKind::UserSql),
        ("resourcesExceeded", "Resources exceeded during query execution", 400, ErrorKind::Resources),
        ("stopped", "Job execution was cancelled: User requested cancellation", 499, ErrorKind::Cancelled),
        ("stopped", "Job execution was cancelled: Job timed out after 1s", 499, ErrorKind::Timeout),
        ("timeout", "The job timed out", 500, ErrorKind::Timeout),
        (
            "invalid",
            "test:ds.t is not allowed for this operation because it is currently a VIEW.",
            400,
            ErrorKind::Occupied,
        ),
    ];
    for (reason, message, status, kind) in cases {
        let (server, jobs) = ending(reason, message, status);
        let error = execute(&target(&server)).unwrap_err();
        assert_eq!((error.kind, error.message.as_str()), (kind, message));
        assert_eq!(error.query_id.map(|id| vec![id]), Some(jobs.names()), "{reason}");
        // Nothing is asked twice.
        assert_eq!(asks(server.seen()), [Ask::Submit, Ask::Results, Ask::Job], "{reason}");
    }
}

#[test]
fn a_job_that_the_service_failed_is_executed_again_under_a_new_name() {
    for (reason, status) in [("backendError", 503), ("jobInternalError", 500), ("jobRateLimitExceeded", 400)] {
        let (server, jobs) = service(move |ask, _, request, jobs, _| {
            let id = request.path.rsplit('/').next().unwrap_or_default();
            let is_first = jobs.names().first().is_some_and(|first| first == id);
            match ask {
                Ask::Results if is_first => Some(refusal(status, reason, "Error encountered during execution")),
                Ask::Job if is_first => {
                    Some(Answer::json(200, job(id, "DONE", Some((reason, "Error encountered"))).to_string()))
                }
                Ask::Submit | Ask::Results | Ask::Job | Ask::Cancel | Ask::Other => None,
            }
        });
        assert_eq!(query(&target(&server)).unwrap(), [[Value::Int(7)]], "{reason}");
        let names: BTreeSet<String> = jobs.names().into_iter().collect();
        assert_eq!(names.len(), 2, "{reason}");
        // The first is known to be over before the second begins.
        assert_eq!(asks(server.seen())[..4], [Ask::Submit, Ask::Results, Ask::Job, Ask::Submit], "{reason}");
    }
    let (server, jobs) = ending("backendError", "Error encountered during execution", 503);
    assert_eq!(execute(&target(&server)).unwrap_err().kind, ErrorKind::Transient);
    assert_eq!((jobs.names().len(), names_submitted(server.seen()).len()), (3, 3));
}

#[test]
fn what_is_refused_is_not_asked_for_again() {
    let cases = [
        (401, "authError", "Request had invalid authentication credentials.", ErrorKind::Credentials),
        (403, "accessDenied", "Access Denied: Project test", ErrorKind::Permission),
        (403, "quotaExceeded", "Quota exceeded", ErrorKind::Quota),
        (404, "notFound", "Not found: Project test", ErrorKind::Missing),
        (400, "invalid", "Invalid value at 'job'", ErrorKind::UserSql),
    ];
    for (status, reason, message, kind) in cases {
        let (server, jobs) =
            service(move |ask, _, _, _, _| (ask == Ask::Submit).then(|| refusal(status, reason, message)));
        let error = execute(&target(&server)).unwrap_err();
        assert_eq!((error.kind, error.message), (kind, format!("BigQuery: {message}")));
        assert_eq!((jobs.names().len(), server.seen().requests().len()), (0, 1), "{reason}");
    }
}

/// Executes a statement, and interrupts it again and again, as a run does, from when `begun` holds.
fn interrupted(server: &Server, begun: impl Fn(&Seen) -> bool + Sync) -> Result<Executed, Error> {
    let warehouse = connect(&target(server)).unwrap();
    let (interrupt, done) = (warehouse.interrupter(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            server.seen().wait_until(|seen| begun(seen) || done.load(Ordering::Relaxed));
            while !done.load(Ordering::Relaxed) {
                interrupt();
                std::thread::sleep(Duration::from_millis(10));
            }
        });
        let ended = warehouse.execute(&BIGQUERY.checked("INSERT INTO ds.t VALUES (1)"));
        done.store(true, Ordering::Relaxed);
        ended
    })
}

/// A service of which a job runs until it is cancelled, and a question about it is held for as long, as the service does.
fn endless() -> (Server, Jobs) {
    service(|ask, _, request, _, seen| {
        let id = request.path.rsplit('/').next().unwrap_or_default();
        let is_cancelled = asked(seen, Ask::Cancel) > 0;
        let stopped = ("stopped", "Job execution was cancelled: User requested cancellation");
        match ask {
            Ask::Results if is_cancelled => Some(refusal(499, stopped.0, stopped.1)),
            Ask::Results => {
                seen.wait_until(|seen| asked(seen, Ask::Cancel) > 0);
                Some(running())
            }
            Ask::Job if is_cancelled => Some(Answer::json(200, job(id, "DONE", Some(stopped)).to_string())),
            Ask::Submit | Ask::Job | Ask::Cancel | Ask::Other => None,
        }
    })
}

/// What is asked of a service about a job that is cancelled: nothing before that but its results, once. Whoever waited for
/// the answer would have asked about the job, or again.
const CANCELLED: [Ask; 5] = [Ask::Submit, Ask::Results, Ask::Cancel, Ask::Results, Ask::Job];

#[test]
fn an_interruption_cancels_the_job() {
    ends(|| {
        let (server, jobs) = endless();
        let error = interrupted(&server, |seen| asked(seen, Ask::Results) == 1).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Cancelled);
        assert_eq!(error.message, format!("interrupted; job {} was cancelled", jobs.names()[0]));
        assert_eq!(error.query_id.as_ref(), jobs.names().first());
        assert_eq!((asks(server.seen()), jobs.names().len()), (CANCELLED.to_vec(), 1));
    });
}

#[test]
fn an_interruption_while_a_job_is_submitted_leaves_none_behind() {
    ends(|| {
        // Accepted, but not answered before it is cancelled.
        let (server, jobs) = service(|ask, _, request, jobs, seen| {
            (ask == Ask::Submit).then(|| {
                let answer = jobs.take(request);
                seen.wait_until(|seen| asked(seen, Ask::Cancel) > 0);
                answer
            })
        });
        let outcome = interrupted(&server, |_| !jobs.names().is_empty());
        assert!(server.seen().of("/cancel").iter().any(|request| request.path.contains(&jobs.names()[0])));
        assert_eq!(asks(server.seen())[..2], [Ask::Submit, Ask::Cancel]);
        // The stand-in's job ended before it was cancelled: what it did is done.
        assert!(outcome.is_ok());
        // Never answered at all: it is not submitted again, and the first thing that is asked for is its end.
        let (server, jobs) = service(|ask, _, _, _, _| (ask == Ask::Submit).then(Answer::silence));
        let error = interrupted(&server, |seen| asked(seen, Ask::Submit) == 1).unwrap_err();
        assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Cancelled, "interrupted"));
        assert_eq!((asks(server.seen())[1], asked(server.seen(), Ask::Submit)), (Ask::Cancel, 1));
        assert!(jobs.names().is_empty());
        assert_eq!(error.query_id, None);
    });
}

#[test]
fn a_statement_that_takes_too_long_is_cancelled() {
    ends(|| {
        // Again with more time where it was over before the job was followed: the machine is that slow.
        for seconds in (0..).map(|attempt| 1 << attempt) {
            let (server, jobs) = endless();
            let hurried = Target { statement_timeout: Some(Duration::from_secs(seconds)), ..target(&server) };
            let error = execute(&hurried).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Timeout, "{error}");
            if asks(server.seen()).get(1) != Some(&Ask::Results) && seconds < 60 {
                continue;
            }
            assert_eq!((asks(server.seen()), jobs.names().len()), (CANCELLED.to_vec(), 1));
            let sent = server.seen().requests()[0].json();
            let told: u64 = sent["configuration"]["jobTimeoutMs"].as_str().unwrap().parse().unwrap();
            assert!((1..=1000 * seconds).contains(&told), "{told}");
            break;
        }
    });
}
