//! BigQuery as a locked-down project in Frankfurt has it: what must not be needed there, what is refused, what is told.

use std::collections::BTreeMap;
use std::sync::Mutex;

use milepost::run::{Job, Options, Status, Step, run};
use milepost::warehouse::{ErrorKind, Target, connect};
use serde_json::{Value as Json, json};

use super::bigquery::{Ask, Jobs, asked, job, refusal, service, seven, submitted, target};
use super::rules::{illegal_column, unfiltered};
use crate::faults::server::{Answer, Request, Seen, Server};
use crate::warehouse::contract::BIGQUERY;

const FRANKFURT: &str = "europe-west3";

/// The dataset, as the service describes it.
fn dataset(more: &Json) -> Json {
    let mut dataset = json!({"datasetReference": {"projectId": "test", "datasetId": "ds"}, "location": FRANKFURT});
    dataset.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    dataset
}

/// A service in which `ds` lies in Frankfurt, where it is there at all, and in which nobody may make datasets. A job runs
/// where its dataset lies, and is found there only; `first` is asked before.
fn frankfurt(
    there: Option<Json>,
    first: impl Fn(Ask, usize, &Request, &Jobs, &Seen) -> Option<Answer> + Send + Sync + 'static,
) -> (Server, Jobs) {
    let statements: Mutex<BTreeMap<String, String>> = Mutex::default();
    service(move |ask, count, request, jobs, seen| {
        if let Some(answer) = first(ask, count, request, jobs, seen) {
            return Some(answer);
        }
        let id = request.path.trim_end_matches("/cancel").rsplit('/').next().unwrap_or_default().to_owned();
        if ask == Ask::Submit {
            let sql = request.json()["configuration"]["query"]["query"].as_str().unwrap_or_default().to_owned();
            statements.lock().unwrap().insert(submitted(request), sql);
            let is_known = jobs.names().contains(&submitted(request));
            let answer = jobs.take(request);
            if is_known {
                return Some(answer);
            }
            let mut taken = job(&submitted(request), "RUNNING", None);
            taken["jobReference"]["location"] = json!(FRANKFURT);
            return Some(Answer::json(200, taken.to_string()));
        }
        if ask == Ask::Other {
            let denied = "Access Denied: Project test: User does not have bigquery.datasets.create permission";
            return match request.method.as_str() {
                "GET" if request.path.ends_with("/datasets/ds") => {
                    there.as_ref().map(|dataset| Answer::json(200, dataset.to_string()))
                }
                "POST" if request.path.ends_with("/datasets") => Some(refusal(403, "accessDenied", denied)),
                _ => None,
            };
        }
        if request.parameter("location") != Some(FRANKFURT) {
            return Some(refusal(404, "notFound", &format!("Not found: Job test:{id}")));
        }
        let sql = statements.lock().unwrap().get(&id).cloned().unwrap_or_default();
        let refused = if sql.starts_with("CREATE SCHEMA") {
            Some(("accessDenied", "Access Denied: Project test: bigquery.datasets.create".to_owned()))
        } else {
            let wrong = illegal_column(&sql).or_else(|| unfiltered(&sql, "raw.events", "ts"));
            wrong.map(|message| ("invalidQuery", message))
        };
        match (ask, refused) {
            (Ask::Results, Some((reason, message))) => Some(refusal(400, reason, &message)),
            (Ask::Job, Some((reason, message))) => {
                Some(Answer::json(200, job(&id, "DONE", Some((reason, &message))).to_string()))
            }
            (Ask::Results, None) => Some(Answer::json(200, seven().to_string())),
            (Ask::Job, None) => {
                let mut done = job(&id, "DONE", None);
                done["statistics"]["query"]["totalBytesBilled"] = json!("10485760");
                Some(Answer::json(200, done.to_string()))
            }
            (Ask::Submit | Ask::Cancel | Ask::Other, _) => None,
        }
    })
}

/// A target that does not say where its dataset lies.
fn anywhere(server: &Server) -> Target {
    let mut target = target(server);
    target.settings.shift_remove("location");
    target
}

fn schema_job() -> Job {
    Job {
        node: "schema".to_owned(),
        kind: "schema",
        depends_on: Vec::new(),
        steps: vec![Step::Ensure {
            statement: BIGQUERY.checked("CREATE SCHEMA IF NOT EXISTS ds"),
            schema: "`ds`".to_owned(),
        }],
        unchanged: false,
        spec_hash: None,
        interval: None,
    }
}

#[test]
fn a_run_needs_no_right_to_make_a_dataset_that_is_there() {
    let (server, jobs) = frankfurt(Some(dataset(&json!({}))), |_, _, _, _, _| None);
    let table = Job {
        node: "t".to_owned(),
        depends_on: vec!["schema".to_owned()],
        steps: vec![Step::Replace {
            statement: BIGQUERY.checked("CREATE OR REPLACE TABLE ds.t AS SELECT 1 AS n"),
            relation: "`ds`.`t`".to_owned(),
            is_ours: false,
        }],
        ..schema_job()
    };
    let result = run(&*connect(&anywhere(&server)).unwrap(), vec![schema_job(), table], &Options::default(), &|_| {});
    assert!(result.succeeded(), "{:?}", result.results);
    assert_eq!(jobs.names().len(), 1);

    // Where it is not there, the right is what is missing, and the service says so.
    let (server, jobs) = frankfurt(None, |_, _, _, _, _| None);
    let result = run(&*connect(&anywhere(&server)).unwrap(), vec![schema_job()], &Options::default(), &|_| {});
    let outcome = &result.results[0].outcome;
    assert_eq!((outcome.status, outcome.error), (Status::Error, Some(ErrorKind::Permission)));
    assert!(outcome.message.as_deref().unwrap().contains("bigquery.datasets.create"), "{:?}", outcome.message);
    assert!(jobs.names().is_empty());
}

#[test]
fn a_job_outside_the_us_whose_answer_is_lost_is_found() {
    let (server, jobs) = frankfurt(Some(dataset(&json!({}))), |ask, count, request, jobs, _| {
        (ask == Ask::Submit && count == 1).then(|| {
            jobs.take(request);
            Answer::hang_up()
        })
    });
    let warehouse = connect(&anywhere(&server)).unwrap();
    let insert = BIGQUERY.checked("INSERT INTO ds.t VALUES (1)");
    // The second submission is answered by `409`: the job is there.
    let executed = warehouse.execute(&insert).unwrap();
    assert_eq!(jobs.names(), [executed.query_id.unwrap()]);
    assert_eq!(asked(server.seen(), Ask::Cancel), 0);
    let first = &server.seen().of("/jobs")[0];
    assert_eq!(first.json()["jobReference"]["location"], FRANKFURT);
    // It was asked for once, for all sessions.
    warehouse.session().unwrap().execute(&insert).unwrap();
    assert_eq!(server.seen().count("/datasets/ds"), 1);
}

#[test]
fn what_is_billed_is_told() {
    let (server, _) = frankfurt(Some(dataset(&json!({}))), |_, _, _, _, _| None);
    let executed =
        connect(&anywhere(&server)).unwrap().execute(&BIGQUERY.checked("INSERT INTO ds.t VALUES (1)")).unwrap();
    assert_eq!((executed.bytes_processed, executed.bytes_billed), (Some(42), Some(10_485_760)));
}

#[test]
fn what_the_service_does_not_store_or_read_is_told_in_its_words() {
    let (server, _) = frankfurt(Some(dataset(&json!({}))), |_, _, _, _, _| None);
    let warehouse = connect(&anywhere(&server)).unwrap();
    let fails = |sql: &str| {
        let error = warehouse.execute(&crate::warehouse::checked_in("bigquery", sql)).unwrap_err();
        assert_eq!(error.kind, ErrorKind::UserSql, "{error}");
        error.message
    };
    assert!(fails("CREATE OR REPLACE TABLE `ds`.`t` AS SELECT 1 AS `$browser`").starts_with("Invalid field name"));
    assert!(fails("SELECT `ts` FROM `raw`.`events` WHERE CAST(`ts` AS STRING) < '2026'").contains("without a filter"));
    let pruned = "SELECT `ts` FROM `raw`.`events` WHERE `ts` < TIMESTAMP '2026-01-01 00:00:00+00'";
    warehouse.execute(&crate::warehouse::checked_in("bigquery", pruned)).unwrap();
}

#[test]
fn a_default_expiration_of_tables_is_a_concern() {
    let concerns = |more: Json| {
        let (server, _) = frankfurt(Some(dataset(&more)), |_, _, _, _, _| None);
        connect(&anywhere(&server)).unwrap().concerns().unwrap()
    };
    assert_eq!(
        concerns(json!({"defaultTableExpirationMs": "5184000000"})),
        ["the dataset `ds` has a default table expiration: a table is deleted 60 days after it was made"]
    );
    assert!(concerns(json!({"defaultPartitionExpirationMs": "5184000000"})).is_empty());
    let (server, _) = frankfurt(None, |_, _, _, _, _| None);
    assert!(connect(&anywhere(&server)).unwrap().concerns().unwrap().is_empty());
}
