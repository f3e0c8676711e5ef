//! Logins: settings that are wrong, credentials that are refused, a service that is busy.

use milepost::warehouse::{Error, ErrorKind, connect};
use serde_json::json;

use super::{LOGIN, PASSWORD, TOKEN, ask, clean, passes, refusal, serve, target, with_password};
use crate::faults::ends;
use crate::faults::server::Answer;

fn refuses_login(settings: &[(&str, &str)]) -> Error {
    let server = serve(|_, _| None);
    let mut target = target(&server, settings);
    target.settings.retain(|_, value| value != "-");
    let error = connect(&target).err().unwrap();
    assert_eq!(server.seen().connections(), 0, "something was sent before the settings were found wrong");
    assert_eq!(error.kind, ErrorKind::Credentials, "{error}");
    clean(&error);
    error
}

#[test]
fn settings_that_are_missing_or_contradict_are_named_before_anything_is_sent() {
    let key = std::fs::read_to_string("tests/it/faults/keys/encrypted.pem").unwrap();
    let cases: &[(&[(&str, &str)], &str)] = &[
        (&[], "no credentials: one of the settings `password`, `private_key`"),
        (&[("password", "")], "no credentials"),
        (&[("password", PASSWORD), ("token", "of-a-file")], "`password` and `token` contradict each other"),
        (&[("private_key", "a"), ("private_key_path", "b")], "`private_key` and `private_key_path` contradict"),
        (&[("password", PASSWORD), ("account", "-")], "the setting `account` is missing"),
        (&[("password", PASSWORD), ("user", "-")], "the setting `user` is missing"),
        (&[("token", "of-a-file"), ("passcode", "123456")], "`passcode` stands beside no `password`"),
        (&[("password", PASSWORD), ("private_key_passphrase", "open-sesame")], "beside no `private_key` or"),
        (&[("password", PASSWORD), ("endpoint", "host:443/path")], "the setting `endpoint` is"),
        (&[("password", PASSWORD), ("endpoint", "-"), ("account", "evil.example/x")], "the setting `account` is"),
        (&[("private_key_path", "no/such/file")], "`private_key_path`: cannot read "),
        (&[("token_path", "no/such/file")], "`token_path`: cannot read "),
        (&[("private_key", "open-sesame")], "the private key is no PEM file"),
        (&[("private_key", &key)], "the setting `private_key_passphrase` is missing"),
        (&[("private_key", &key), ("private_key_passphrase", "wrong")], "the private key cannot be read"),
    ];
    for (settings, text) in cases {
        let error = refuses_login(settings);
        assert!(error.message.contains(text) && error.message.starts_with("target `prod`: "), "{error}");
    }
}

#[test]
fn each_way_to_log_in_sends_what_it_should() {
    let server = serve(|_, _| None);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let path = file.to_str().unwrap().to_owned();
    std::fs::write(&file, "first-of-a-file\n").unwrap();
    let login = |settings: &[(&str, &str)]| {
        let target = target(&server, settings);
        assert!(!format!("{target:?}").contains("open-sesame") && !format!("{target:?}").contains(PASSWORD));
        let warehouse = connect(&target).unwrap();
        (warehouse, server.seen().of(LOGIN).pop().unwrap().json()["data"].take())
    };
    let (_, data) = login(&[("password", PASSWORD), ("role", "R"), ("database", "DB"), ("schema", "DB.mile")]);
    assert_eq!((&data["PASSWORD"], &data["LOGIN_NAME"]), (&json!(PASSWORD), &json!("tester")));
    assert_eq!(data["ACCOUNT_NAME"], "org-account");
    let request = server.seen().of(LOGIN).pop().unwrap();
    assert_eq!(request.parameter("schemaName"), Some("%22mile%22"));
    assert_eq!((request.parameter("databaseName"), request.parameter("roleName")), (Some("DB"), Some("R")));
    let pinned = &data["SESSION_PARAMETERS"];
    assert_eq!((&pinned["TIMEZONE"], &pinned["WEEK_START"]), (&json!("UTC"), &json!(1)));
    assert_eq!(pinned["QUERY_TAG"], r#"{"project":"tests"}"#);
    for settings in [
        &[("private_key_path", "tests/it/faults/keys/plain.pem")][..],
        &[("private_key_path", "tests/it/faults/keys/encrypted.pem"), ("private_key_passphrase", "open-sesame")],
    ] {
        let (_, data) = login(settings);
        assert_eq!(data["AUTHENTICATOR"], "SNOWFLAKE_JWT");
        assert_eq!(data["TOKEN"].as_str().unwrap().split('.').count(), 3);
    }
    let (warehouse, data) = login(&[("token_path", path.as_str())]);
    assert_eq!((&data["AUTHENTICATOR"], &data["TOKEN"]), (&json!("OAUTH"), &json!("first-of-a-file")));
    std::fs::write(&file, "second-of-a-file\n").unwrap();
    warehouse.session().unwrap();
    assert_eq!(server.seen().of(LOGIN).pop().unwrap().json()["data"]["TOKEN"], "second-of-a-file");
    // A passcode is good for one login, which sessions then share.
    let (warehouse, data) = login(&[("password", PASSWORD), ("passcode", "123456")]);
    assert_eq!(data["PASSCODE"], "123456");
    let logins = server.seen().count(LOGIN);
    ask(&*warehouse.session().unwrap()).unwrap();
    assert_eq!(server.seen().count(LOGIN), logins);
}

#[test]
fn a_wrong_password_is_tried_once() {
    let server = serve(|request, _| {
        let message = format!("Incorrect username or password was specified: {PASSWORD}");
        (request.path == LOGIN).then(|| refusal("390100", &message, None))
    });
    let error = connect(&with_password(&server)).err().unwrap();
    assert_eq!(error.kind, ErrorKind::Credentials);
    let text = "target `prod`: Incorrect username or password was specified: [redacted]";
    assert_eq!(error.message, text);
    assert_eq!(server.seen().count(LOGIN), 1);
}

#[test]
fn a_login_that_meets_a_busy_service_is_tried_again() {
    for busy in [
        Answer::json(503, "{}"),
        Answer::json(429, "{}"),
        Answer::json(429, "{}").header("Retry-After", "1"),
        Answer::hang_up(),
    ] {
        let server = serve(move |request, seen| (request.path == LOGIN && seen.count(LOGIN) < 3).then(|| busy.clone()));
        assert_eq!(passes(server, 1).seen().count(LOGIN), 3);
    }
}

#[test]
fn a_login_is_given_up_at_last() {
    let server = serve(|request, _| (request.path == LOGIN).then(|| Answer::json(503, PASSWORD)));
    let target = with_password(&server);
    let error = ends(move || connect(&target).err().unwrap());
    assert_eq!((error.kind, server.seen().count(LOGIN)), (ErrorKind::Transient, 5));
    assert_eq!(error.message, "target `prod`: 127.0.0.1 answered with HTTP status 503");
    let server = serve(|request, _| {
        let cut = format!(r#"{{"success": true, "data": {{"token": "{TOKEN}"#);
        (request.path == LOGIN).then(|| Answer::json(200, cut))
    });
    let error = connect(&with_password(&server)).err().unwrap();
    assert_eq!(error.kind, ErrorKind::Transient);
    clean(&error);
}
