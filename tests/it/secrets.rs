//! A secret is in no output of any command and in no file that it writes, however a target is mistyped.

use std::fs;
use std::path::Path;

use crate::cli::milepost;

const SECRET: &str = "s3cr3t-zebra";

/// What precedes each of the variants, up to the table of settings.
const TARGET: &str = "[target.prod]\ndialect = \"snowflake\"\ndatabase = \"ANALYTICS\"\n";

/// What follows.
const SETTINGS: &str = "[target.prod.settings]\naccount = \"acme-main\"\nuser = \"MILEPOST\"\n";

/// Every way in which a secret was seen to come into a project, and whether `check` refuses it.
fn variants() -> Vec<(&'static str, String, bool)> {
    let setting = |line: &str| format!("{TARGET}{SETTINGS}{line}\n");
    let duckdb = |line: &str| format!("[target.prod]\ndialect = \"duckdb\"\n[target.prod.settings]\n{line}\n");
    let key = format!("private_key = \"\"\"\n-----BEGIN PRIVATE KEY-----\n{SECRET}==\n-----END PRIVATE KEY-----\"\"\"");
    vec![
        ("written out", setting("password = \"s3cr3t-zebra\""), true),
        ("the last quote missing", setting("password = \"s3cr3t-zebra"), true),
        ("the first quote missing", setting("password = s3cr3t-zebra\""), true),
        ("no quotes", setting("password = s3cr3t-zebra"), true),
        ("a misspelt key", setting("pasword = \"s3cr3t-zebra\""), true),
        ("a key of another tool", setting("api_key = \"s3cr3t-zebra\""), true),
        ("something behind it", setting("password = \"s3cr3t-zebra\" x"), true),
        ("twice", setting("password = \"s3cr3t-zebra\"\npassword = \"s3cr3t-zebra\""), true),
        ("a number", setting("password = 53219984"), true),
        ("a truth beside it", setting("role = true\npassword = \"s3cr3t-zebra\""), true),
        ("a list", setting("password = [\"s3cr3t-zebra\"]"), true),
        ("a table", setting("password = { value = \"s3cr3t-zebra\" }"), true),
        ("lines", setting(&key), true),
        ("lines that do not end", setting(&key[..key.len() - 3]), true),
        ("a passphrase", setting("private_key_passphrase = \"s3cr3t-zebra\""), true),
        ("a default", setting("password = \"${SNOW_PW:-s3cr3t-zebra}\""), true),
        ("beside a variable", setting("password = \"s3cr3t-zebra${EMPTY:-}\""), true),
        ("before a variable that is not set", setting("password = \"s3cr3t-zebra${UNSET}\""), true),
        ("a variable that is not closed", setting("password = \"${s3cr3t-zebra\""), true),
        ("in the place of a name", setting("password = \"${s3cr3t-zebra}\""), true),
        ("in an address", setting("endpoint = \"https://u:s3cr3t-zebra@host\""), false),
        ("one table too high", format!("{TARGET}password = \"s3cr3t-zebra\"\n{SETTINGS}"), true),
        ("two tables too high", format!("[target]\npassword = \"s3cr3t-zebra\"\n{TARGET}{SETTINGS}"), true),
        ("in the project's table", format!("password = \"s3cr3t-zebra\"\n{TARGET}{SETTINGS}"), true),
        (
            "a table on a line",
            format!("{TARGET}settings = {{ account = \"a-b\", password = \"s3cr3t-zebra\", user = 5 }}\n"),
            true,
        ),
        (
            "a misspelt table",
            setting("password = \"${PW}\"")
                .replace("[target.prod.settings]", "[tagret.prod.settings]\npassword = \"s3cr3t-zebra\""),
            true,
        ),
        ("a secret of the engine", duckdb("s3_secret_access_key = \"s3cr3t-zebra\""), true),
        ("a proxy's", duckdb("http_proxy_password = \"${P:-s3cr3t-zebra}\""), true),
        ("a value that the engine refuses", duckdb("memory_limit = \"s3cr3t-zebra\""), false),
        ("a variable that the engine refuses", duckdb("memory_limit = \"${SECRET}\""), false),
        ("a setting that the engine lacks", duckdb("s3_secret_acess_kee = \"${SECRET}\""), false),
    ]
}

#[test]
fn no_command_shows_a_secret() {
    let commands = [
        &["check"][..],
        &["check", "--short"],
        &["check", "--output", "json"],
        &["compile"],
        &["debug"],
        &["debug", "--output", "json"],
        &["run"],
        &["run", "--verbose", "--output", "json"],
    ];
    for (what, target, refused) in variants() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir(root.join("models")).unwrap();
        fs::write(root.join("models/a.toml"), "[entity.user]\ntable = \"raw.users\"\nkey = \"id\"\nstart = \"at\"\n")
            .unwrap();
        let project = format!("[project]\nname = \"acme\"\nas_of = \"2026-02-01\"\n{target}");
        fs::write(root.join("project.toml"), project).unwrap();
        for command in commands {
            let mut program = milepost(command);
            program.env("SECRET", SECRET).env_remove("UNSET").env_remove("EMPTY").env_remove("SNOW_PW");
            let output = program.current_dir(root).output().unwrap();
            let seen = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
            for secret in [SECRET, "53219984", "zebra"] {
                assert!(!seen.contains(secret), "{what}: {command:?} shows it:\n{seen}");
            }
            if command == ["check"] {
                assert_eq!(output.status.code(), Some(i32::from(refused)), "{what}:\n{seen}");
                assert!(!refused || seen.contains("project.toml:"), "{what}: no place:\n{seen}");
            }
        }
        holds_none(&root.join("target"), what);
    }
}

/// Asserts that no file below a folder has the secret in it.
fn holds_none(folder: &Path, what: &str) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            holds_none(&path, what);
        } else {
            let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
            assert!(!text.contains("zebra") && !text.contains("53219984"), "{what}: {}", path.display());
        }
    }
}

#[test]
fn the_place_and_the_name_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fs::create_dir(root.join("models")).unwrap();
    let project = format!("[project]\nname = \"acme\"\n{TARGET}{SETTINGS}pasword = \"s3cr3t-zebra\"\ntoken = 5\n");
    fs::write(root.join("project.toml"), project).unwrap();
    let output = milepost(&["check", "--short"]).current_dir(root).output().unwrap();
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "project.toml:10:9: error[wrong-type-of-value]: `token` of [target.prod] is an integer where a string is expected\n"
    );
}
