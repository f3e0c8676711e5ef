//! What BigQuery's driver makes of answers: many pages, wrong ones, and what must not be told.

use milepost::warehouse::{ErrorKind, Reads, Value, connect};
use serde_json::{Value as Json, json};

use super::bigquery::{Ask, asked, execute, job, query, refusal, service, seven, target};
use crate::faults::server::Answer;
use crate::warehouse::contract::BIGQUERY;

#[test]
fn ten_thousand_pages_are_read_to_the_last() {
    let (server, jobs) = service(|ask, _, request, _, _| {
        (ask == Ask::Results).then(|| {
            let page: usize = request.parameter("pageToken").and_then(|token| token.parse().ok()).unwrap_or(0);
            let mut answer = seven();
            answer["totalRows"] = json!("10000");
            answer["rows"] = json!([{"f": [{"v": page.to_string()}]}]);
            if page < 9_999 {
                answer["pageToken"] = json!((page + 1).to_string());
            }
            Answer::json(200, answer.to_string())
        })
    });
    let rows = query(&target(&server)).unwrap();
    let numbers: Vec<Value> = rows.into_iter().flatten().collect();
    assert_eq!(numbers, (0..10_000).map(Value::Int).collect::<Vec<_>>());
    assert_eq!(jobs.names().len(), 1);
    // A limit ends it: as soon as there is one row more than it lets through.
    let limited = connect(&target(&server)).unwrap().query(&BIGQUERY.checked("SELECT 1 AS n"), Some(3)).unwrap();
    assert_eq!((limited.rows.len(), limited.truncated), (3, true));
    assert_eq!(asked(server.seen(), Ask::Results), 10_000 + 4);
}

#[test]
fn wrong_answers_end_in_an_error_and_never_in_wrong_rows() {
    let with = |change: fn(&mut Json)| {
        let mut answer = seven();
        change(&mut answer);
        answer.to_string()
    };
    let cases = [
        ("no JSON", "{\"jobComplete\": tru".to_owned()),
        ("nothing", String::new()),
        ("an array", "[]".to_owned()),
        ("no word of completion", "{}".to_owned()),
        ("rows that are none", with(|answer| answer["rows"] = json!("x"))),
        ("a row that is none", with(|answer| answer["rows"] = json!([7]))),
        ("a row without cells", with(|answer| answer["rows"] = json!({}))),
        ("too many cells", with(|answer| answer["rows"] = json!([{"f": [{"v": "7"}, {"v": "8"}]}]))),
        ("a cell of another type", with(|answer| answer["rows"] = json!([{"f": [{"v": "seven"}]}]))),
        ("a cell that is no text", with(|answer| answer["rows"] = json!([{"f": [{"v": {"f": []}}]}]))),
        ("fewer rows than there are", with(|answer| answer["totalRows"] = json!("2"))),
        ("a total that is no number", with(|answer| answer["totalRows"] = json!("many"))),
        ("no schema", with(|answer| answer["schema"] = Json::Null)),
        (
            "a page that goes round",
            with(|answer| {
                answer["pageToken"] = json!("again");
                answer["rows"] = json!([]);
            }),
        ),
    ];
    for (name, body) in cases {
        let (server, jobs) = service(move |ask, _, request, _, _| {
            let id = request.path.rsplit('/').next().unwrap_or_default();
            match ask {
                Ask::Results => Some(Answer::json(200, body.clone())),
                Ask::Job => Some(Answer::json(200, job(id, "DONE", None).to_string())),
                Ask::Submit | Ask::Cancel | Ask::Other => None,
            }
        });
        let error = query(&target(&server)).err().unwrap_or_else(|| panic!("{name} was taken"));
        assert_eq!(error.kind, ErrorKind::Gone, "{name}: {error}");
        assert!(error.message.contains("is not as it is documented"), "{name}: {error}");
        assert_eq!(jobs.names().len(), 1, "{name}");
        // What cannot be read is asked for three times, and then given up.
        assert!(asked(server.seen(), Ask::Results) <= 3, "{name}");
    }
}

#[test]
fn a_job_is_submitted_with_all_that_it_is_bound_by() {
    let (server, _) = service(|_, _, _, _, _| None);
    execute(&target(&server)).unwrap();
    let sent = server.seen().requests()[0].json();
    let configuration = &sent["configuration"];
    assert_eq!(configuration["labels"], json!({"node": "test", "project": "my_project"}));
    assert_eq!(configuration["query"]["useLegacySql"], json!(false));
    assert_eq!(configuration["query"]["maximumBytesBilled"], json!("1000"));
    assert_eq!(configuration["query"]["connectionProperties"], json!([{"key": "time_zone", "value": "UTC"}]));
    assert_eq!(configuration["query"]["query"], json!("INSERT INTO `ds`.`t` VALUES (1)"));
    assert!(sent["jobReference"]["jobId"].as_str().unwrap().starts_with("milepost_"));
    let results = server.seen().requests()[1].clone();
    assert_eq!(results.parameter("location"), Some("US"), "where the service said that it runs");
    assert!(results.query.contains("useInt64Timestamp=true"), "{}", results.query);
}

/// What an estimate is of.
const READS: Reads<'_> = Reads { relation: "`ds`.`t`", files: None };

#[test]
fn an_estimate_executes_nothing() {
    let (server, jobs) = service(|ask, _, request, _, _| {
        let is_dry = request.json()["configuration"]["dryRun"] == json!(true);
        (ask == Ask::Submit && is_dry).then(|| {
            let mut answer = job("", "DONE", None);
            answer["statistics"] = json!({"totalBytesProcessed": "123456789", "query": {"statementType": "SELECT"}});
            Answer::json(200, answer.to_string())
        })
    });
    let statement = BIGQUERY.checked("SELECT 7 AS n");
    let estimate = connect(&target(&server)).unwrap().estimate(&statement, &READS).unwrap();
    assert_eq!((estimate.bytes, estimate.rows), (Some(123_456_789), None));
    assert!(jobs.names().is_empty());
}

/// What must not be told: the secrets of a file, and the token that they are exchanged for.
const SECRETS: &[&str] = &["client-hunter2", "refresh-hunter3", "token-hunter4"];

#[test]
fn no_secret_leaves_in_what_is_told() {
    let told = "the client is client-hunter2, refresh-hunter3 gave token-hunter4";
    let (server, _) = service(move |ask, _, request, _, _| match ask {
        Ask::Other if request.path.ends_with("/token") => Some(Answer::json(
            200,
            json!({"access_token": "token-hunter4", "token_type": "Bearer", "expires_in": 3600}).to_string(),
        )),
        Ask::Submit => {
            assert_eq!(request.header("authorization"), Some("Bearer token-hunter4"));
            Some(refusal(403, "accessDenied", told))
        }
        Ask::Results | Ask::Job | Ask::Cancel | Ask::Other => Some(Answer::bytes(500, told.as_bytes().to_vec())),
    });
    let folder = tempfile::tempdir().unwrap();
    let file = json!({
        "type": "authorized_user", "client_id": "me", "client_secret": SECRETS[0], "refresh_token": SECRETS[1],
        "token_uri": format!("{}/token", server.url()),
    });
    std::fs::write(folder.path().join("me.json"), file.to_string()).unwrap();
    let mut target = target(&server);
    target.root = folder.path().to_owned();
    target.settings.insert("credentials_path".to_owned(), "me.json".to_owned());
    let warehouse = connect(&target).unwrap();
    let statement = BIGQUERY.checked("SELECT 7 AS n");
    let errors = [
        warehouse.query(&statement, None).unwrap_err(),
        warehouse.execute(&statement).unwrap_err(),
        warehouse.estimate(&statement, &READS).unwrap_err(),
        warehouse.describe().unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind, ErrorKind::Permission);
        assert_eq!(error.message, "BigQuery: the client is [redacted], [redacted] gave [redacted]");
    }
    let printed = format!("{target:?}");
    assert!(SECRETS.iter().all(|secret| !printed.contains(secret)), "{printed}");
}

#[test]
fn a_token_that_is_refused_is_a_matter_of_credentials() {
    let (server, jobs) = service(|ask, _, request, _, _| {
        (ask == Ask::Other && request.path.ends_with("/token"))
            .then(|| Answer::json(400, json!({"error": "invalid_grant", "error_description": SECRETS[1]}).to_string()))
    });
    let folder = tempfile::tempdir().unwrap();
    let file = json!({
        "type": "authorized_user", "client_id": "me", "client_secret": SECRETS[0], "refresh_token": SECRETS[1],
        "token_uri": format!("{}/token", server.url()),
    });
    std::fs::write(folder.path().join("me.json"), file.to_string()).unwrap();
    let mut target = target(&server);
    target.root = folder.path().to_owned();
    target.settings.insert("credentials_path".to_owned(), "me.json".to_owned());
    let error = execute(&target).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Credentials, "{error}");
    assert!(SECRETS.iter().all(|secret| !error.message.contains(secret)), "{error}");
    assert_eq!(server.seen().count("/token"), 1);
    assert!(jobs.names().is_empty());
}
