//! What BigQuery's driver does about a table that cannot be replaced, because it lies otherwise than the new one.

use std::collections::BTreeMap;
use std::sync::Mutex;

use milepost::check::Mark;
use milepost::warehouse::{ErrorKind, Found, connect};
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

/// Returns the name that a table was given that stepped aside, and the statements that move and drop it.
fn aside(told: &[String]) -> (String, [String; 2]) {
    let away = told.iter().find(|sql| sql.starts_with("ALTER TABLE `ds`.`t` RENAME TO ")).unwrap();
    let name = away.rsplit('`').nth(1).unwrap().to_owned();
    assert!(name.starts_with("milepost_aside_") && name.ends_with("__t"), "{name}");
    let drop = format!("DROP TABLE IF EXISTS `test`.`ds`.`{name}`");
    (name, [away.clone(), drop])
}

#[test]
fn a_table_that_lies_otherwise_steps_aside_and_comes_back_where_nothing_takes_its_place() {
    let statement = BIGQUERY.checked("CREATE OR REPLACE TABLE ds.t CLUSTER BY n AS SELECT 1 AS n");
    let make = statement.sql();
    let run = |server: &Server| connect(&target(server)).unwrap().execute_in_place(&statement, "`ds`.`t`");

    let (server, _) = lying_otherwise(None);
    run(&server).unwrap();
    let (first, [away, drop]) = aside(&told(server.seen()));
    assert_eq!(told(server.seen()), [make, &away, make, &drop]);

    let (server, _) = lying_otherwise(Some(("invalidQuery", "Division by zero: 1 / 0")));
    let error = run(&server).unwrap_err();
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::UserSql, "Division by zero: 1 / 0"));
    let (second, [away, _]) = aside(&told(server.seen()));
    let back = format!("ALTER TABLE `test`.`ds`.`{second}` RENAME TO `t`");
    assert_eq!(told(server.seen()), [make, &away, make, &back]);
    // Two runs at once do not take each other's.
    assert_ne!(first, second);
}

#[test]
fn marks_are_read_from_the_labels_of_a_dataset() {
    let listed = |name: &str, labels: serde_json::Value| {
        let reference = json!({"projectId": "test", "datasetId": "ds", "tableId": name});
        json!({"tableReference": reference, "type": "TABLE", "labels": labels})
    };
    let ours = json!({"milepost_as_of": "2026-03-01t09-30-00_5z", "milepost_spec": "0a1b"});
    let tables = json!([listed("ours", ours), listed("theirs", json!({"team": "growth"}))]);
    let (server, _) = service(move |ask, _, request, _, _| {
        let is_list = ask == Ask::Other && request.path.split('?').next().unwrap().ends_with("/datasets/ds/tables");
        is_list.then(|| Answer::json(200, json!({"tables": tables, "totalItems": 2}).to_string()))
    });
    let warehouse = connect(&target(&server)).unwrap();
    let mark = Mark { spec: "0a1b".to_owned(), as_of: Some("2026-03-01T09:30:00.5Z".to_owned()) };
    let found = [Found { name: "ours".to_owned(), mark: Some(mark) }, Found { name: "theirs".to_owned(), mark: None }];
    assert_eq!(warehouse.found("`ds`").unwrap(), found);
    // A dataset that is not there holds nothing.
    assert!(warehouse.found("`other`").unwrap().is_empty());

    // What is executed writes the mark, where what is compiled has none.
    let statement = BIGQUERY.checked("CREATE OR REPLACE TABLE ds.t AS SELECT 1 AS n");
    let marked = BIGQUERY
        .checked("CREATE OR REPLACE TABLE ds.t OPTIONS (labels = [('milepost_spec', '0a1b')]) AS SELECT 1 AS n");
    let executed = statement.clone().marked_as(&marked);
    warehouse.execute(&executed).unwrap();
    assert_eq!(told(server.seen()), [marked.sql()]);
    assert_eq!(executed.sql(), statement.sql());
}
