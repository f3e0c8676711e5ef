//! What BigQuery's driver does about a table that cannot be replaced, because it lies otherwise than the new one.

use std::collections::BTreeMap;
use std::sync::Mutex;

use milepost::warehouse::{ErrorKind, connect};
use serde_json::json;

use super::bigquery::{Ask, Jobs, job, refusal, service, submitted, target};
use crate::faults::server::{Answer, Seen, Server};
use crate::warehouse::contract::BIGQUERY;

/// A service on which `ds.t` is a table that lies otherwise, until it is renamed; `made` is what becomes of the statement
/// afterwards.
fn lying_otherwise(made: Option<(&'static str, &'static str)>) -> (Server, Jobs) {
    let statements: Mutex<BTreeMap<String, String>> = Mutex::default();
    service(move |ask, _, request, _, _| {
        let id = request.path.rsplit('/').next().unwrap_or_default().to_owned();
        if ask == Ask::Submit {
            let sql = request.json()["configuration"]["query"]["query"].as_str().unwrap_or_default().to_owned();
            statements.lock().unwrap().insert(submitted(request), sql);
            return None;
        }
        if ask == Ask::Other && request.path.contains("/tables/t") {
            let reference = json!({"projectId": "test", "datasetId": "ds", "tableId": "t"});
            return Some(Answer::json(200, json!({"tableReference": reference, "type": "TABLE"}).to_string()));
        }
        let statements = statements.lock().unwrap();
        let is_making = statements.get(&id).is_some_and(|sql| sql.starts_with("CREATE"));
        let is_set_aside = statements.values().any(|sql| sql.starts_with("ALTER"));
        let (reason, message) = match (is_making, is_set_aside) {
            (true, false) => {
                ("invalid", "Cannot replace a table with a different partitioning spec. Instead, DROP the table")
            }
            (true, true) => made?,
            (false, _) => return None,
        };
        match ask {
            Ask::Results => Some(refusal(400, reason, message)),
            Ask::Job => Some(Answer::json(200, job(&id, "DONE", Some((reason, message))).to_string())),
            Ask::Submit | Ask::Cancel | Ask::Other => None,
        }
    })
}

/// Returns what was submitted, in order.
fn told(seen: &Seen) -> Vec<String> {
    let submitted = seen.requests().into_iter().filter(|request| Ask::of(request) == Ask::Submit);
    submitted
        .map(|request| request.json()["configuration"]["query"]["query"].as_str().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn a_table_that_lies_otherwise_steps_aside_and_comes_back_where_nothing_takes_its_place() {
    let statement = BIGQUERY.checked("CREATE OR REPLACE TABLE ds.t CLUSTER BY n AS SELECT 1 AS n");
    let make = statement.sql();
    let aside = "`test`.`ds`.`milepost_aside__t`";
    let drop = format!("DROP TABLE IF EXISTS {aside}");
    let run = |server: &Server| connect(&target(server)).unwrap().execute_in_place(&statement, "`ds`.`t`");

    let (server, _) = lying_otherwise(None);
    run(&server).unwrap();
    let away = "ALTER TABLE `ds`.`t` RENAME TO `milepost_aside__t`";
    assert_eq!(told(server.seen()), [make, &drop, away, make, &drop]);

    let (server, _) = lying_otherwise(Some(("invalidQuery", "Division by zero: 1 / 0")));
    let error = run(&server).unwrap_err();
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::UserSql, "Division by zero: 1 / 0"));
    let back = format!("ALTER TABLE {aside} RENAME TO `t`");
    assert_eq!(told(server.seen()), [make, &drop, away, make, &back]);
}
