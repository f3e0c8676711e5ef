//! What the results of a run have of a statement that a service failed: what kind of failure, and the service's own name of
//! the execution, by which somebody finds it there.

use milepost::run::results::{self, Invocation};
use milepost::run::{Job, Options, Step, run};
use milepost::warehouse::{Target, connect};
use serde_json::Value as Json;

use crate::warehouse::checked_in;

/// Runs a statement on a target, and returns its entry in `run_results.json`.
fn entry(target: &Target, sql: &str) -> Json {
    let job = Job {
        node: "t".to_owned(),
        kind: "kpi",
        depends_on: Vec::new(),
        steps: vec![Step::Ask { statement: checked_in(&target.driver, sql) }],
        unchanged: false,
        spec_hash: None,
        interval: None,
    };
    let options = Options { retries: 0, ..Options::default() };
    let result = run(&*connect(target).unwrap(), vec![job], &options, &|_| {});
    let text = results::json(&results::document(&result, &Invocation::of("run")));
    serde_json::from_str::<Json>(&text).unwrap()["results"][0].clone()
}

#[cfg(feature = "bigquery")]
mod bigquery {
    use serde_json::json;

    use super::entry;
    use crate::faults::bigquery::{Ask, ending, refusal, service, target};
    use crate::faults::server::Answer;

    const SQL: &str = "CREATE OR REPLACE TABLE `ds`.`t` AS SELECT 1 AS `n`";

    #[test]
    fn a_job_that_failed_is_named_in_the_results() {
        let (server, jobs) = ending("invalidQuery", "Bad int64 value: x", 400);
        let failed = entry(&target(&server), SQL);
        assert_eq!((&failed["status"], &failed["error_kind"]), (&json!("error"), &json!("user_sql")));
        assert_eq!(failed["adapter_response"], json!({"query_id": jobs.names()[0]}));
        // Of several executions, the last.
        let (server, jobs) = ending("backendError", "Error encountered during execution", 503);
        let failed = entry(&target(&server), SQL);
        assert_eq!(failed["error_kind"], "transient");
        assert_eq!((failed["adapter_response"]["query_id"].as_str(), jobs.names().len()), (Some(&*jobs.names()[2]), 3));
    }

    #[test]
    fn a_job_that_is_lost_is_named_in_the_results() {
        let (server, jobs) =
            service(|ask, _, _, _, _| matches!(ask, Ask::Results | Ask::Job | Ask::Cancel).then(Answer::hang_up));
        let failed = entry(&target(&server), SQL);
        assert_eq!(failed["error_kind"], "gone");
        assert_eq!(failed["adapter_response"], json!({"query_id": jobs.names()[0]}));
    }

    #[test]
    fn where_no_job_came_to_be_none_is_named() {
        let (server, _) = service(|ask, _, _, _, _| {
            (ask == Ask::Submit).then(|| refusal(403, "accessDenied", "Access Denied: Project test"))
        });
        let failed = entry(&target(&server), SQL);
        assert_eq!((&failed["error_kind"], &failed["adapter_response"]), (&json!("permission"), &json!({})));
    }
}

#[cfg(feature = "snowflake")]
mod snowflake {
    use serde_json::json;

    use super::entry;
    use crate::faults::server::Answer;
    use crate::faults::snowflake::{QUERY, RESULT, in_progress, refusal, serve, with_password};

    const SQL: &str = "CREATE OR REPLACE TABLE t AS SELECT 1 AS n";

    #[test]
    fn a_query_that_failed_is_named_in_the_results() {
        let cases = [
            ("100038", "Numeric value 'x' is not recognized", "user_sql"),
            ("000630", "Statement reached its statement or warehouse timeout of 1 second(s)", "timeout"),
            ("002003", "SQL compilation error: Object 'T' does not exist or not authorized.", "missing"),
            ("003001", "Insufficient privileges to operate on schema 'S'.", "permission"),
        ];
        for (code, message, kind) in cases {
            let server =
                serve(move |request, _| (request.path == QUERY).then(|| refusal(code, message, Some("01-failed"))));
            let failed = entry(&with_password(&server), SQL);
            assert_eq!((&failed["status"], &failed["error_kind"]), (&json!("error"), &json!(kind)), "{code}");
            assert_eq!(failed["adapter_response"], json!({"query_id": "01-failed"}), "{code}");
        }
    }

    #[test]
    fn a_query_that_is_lost_is_named_in_the_results() {
        let server = serve(|request, _| match request.path.as_str() {
            QUERY => Some(in_progress("333334")),
            RESULT => Some(Answer::json(503, "{}")),
            _ => None,
        });
        let failed = entry(&with_password(&server), SQL);
        assert_eq!(failed["adapter_response"], json!({"query_id": "01-slow"}), "{failed}");
        assert_eq!(failed["error_kind"], "transient");
    }
}
