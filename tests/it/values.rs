//! What raw rows hold, looked at before a run by the real program: what cannot be read is said, and never just gone.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use duckdb::Connection;
use tempfile::TempDir;

const PROJECT: &str = r#"
[project]
name = "rows"
as_of = "2026-02-01"
default_target = "dev"
[target.dev]
dialect = "duckdb"
database = "rows.duckdb"
"#;

const MODELS: &str = r#"
[entity.user]
path = "users.csv"
key = "user_id"
start = "created_at"
[source.events]
path = "events.csv"
id = "event_id"
entity = "user_id"
name = "event_name"
time = "timestamp"
aliases = { project_created = "new_project" }
[milestone]
created = { event = "project_created" }
invited = { event = "invite_sent" }
[kpi]
invites = { kind = "count", of = "events", event = "invite_sent", grain = "all" }
"#;

const USERS: &str = "user_id,created_at\nu1,2026-01-01\nu2,2026-01-02\n";
const EVENTS: &str =
    "event_id,user_id,event_name,timestamp\n1,u1,new_project,2026-01-03\n2,u2,invite_sent,2026-01-04\n";

/// A project of a few files.
struct Bench(TempDir);

impl Bench {
    fn new(models: &str, files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("models")).unwrap();
        let standard =
            [("project.toml", PROJECT), ("models/m.toml", models), ("users.csv", USERS), ("events.csv", EVENTS)];
        for (name, text) in standard.iter().chain(files) {
            fs::write(folder.path().join(name), text).unwrap();
        }
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_milepost"));
        command.current_dir(self.0.path()).args(arguments).output().unwrap()
    }

    /// Runs the project; returns what was said about it, and the code.
    fn said(&self) -> (String, Option<i32>) {
        let output = self.run(&["run"]);
        let said = String::from_utf8(output.stderr).unwrap();
        let lines = said.lines().filter(|line| line.starts_with("warning") || line.starts_with("error"));
        (lines.collect::<Vec<_>>().join("\n"), output.status.code())
    }

    fn found(&self) -> serde_json::Value {
        let text = fs::read_to_string(self.path("target/run_results.json")).unwrap();
        let results: serde_json::Value = serde_json::from_str(&text).unwrap();
        results["raw_rows"].clone()
    }
}

#[test]
fn rows_that_are_well_are_counted_and_nothing_is_said() {
    let bench = Bench::new(MODELS, &[]);
    assert_eq!(bench.said(), (String::new(), Some(0)));
    let found = bench.found();
    assert_eq!((&found[0]["definition"], &found[0]["rows"]), (&"entity.user".into(), &2.into()), "{found}");
    assert_eq!((&found[1]["definition"], &found[1]["rows"]), (&"source.events".into(), &2.into()), "{found}");
}

#[test]
fn times_of_which_none_can_be_read_are_an_error() {
    let numbers = "{\"event_id\":1,\"user_id\":\"u1\",\"event_name\":\"invite_sent\",\"timestamp\":1767261600000}\n";
    let bench = Bench::new(&MODELS.replace("events.csv", "events.ndjson"), &[("events.ndjson", numbers)]);
    let (said, code) = bench.said();
    insta::assert_snapshot!(said, @r#"error: `source.events`: of 1 row none has a time that can be read: `timestamp` holds `1767261600000`: write `time = { column = "timestamp", type = "unix_milliseconds" }`"#);
    assert_eq!(code, Some(1));
    // What it says to write is right.
    let models = MODELS.replace("events.csv", "events.ndjson");
    let models =
        models.replace("time = \"timestamp\"", "time = { column = \"timestamp\", type = \"unix_milliseconds\" }");
    fs::write(bench.path("models/m.toml"), models).unwrap();
    assert_eq!(bench.said().1, Some(0));

    let bench = Bench::new(MODELS, &[("users.csv", "user_id,created_at\nu1,01/02/2026\nu2,\n")]);
    let (said, code) = bench.said();
    insta::assert_snapshot!(said, @r#"
    error: `entity.user`: of 2 rows none has a start that can be read: `created_at` holds `01/02/2026`
    warning: `source.events`: 2 of 2 rows (100 %) have a `user_id` that no `user` has, such as `u1`: counted for no milestone without a `subject`
    "#);
    assert_eq!(code, Some(1));
    // A blank behind each comma is part of the value.
    let blanks = "event_id, user_id, event_name, timestamp\n1, u1, invite_sent, 2026-01-03\n";
    let bench = Bench::new(MODELS, &[("events.csv", blanks)]);
    let (said, _) = bench.said();
    assert!(said.contains("event"), "{said}");
}

#[test]
fn rows_of_which_some_are_lost_are_counted() {
    let events = "event_id,user_id,event_name,timestamp\n1,u1,new_project,2026-01-03\n2,u2,invite_sent,01/04/2026\n\
                  3,,invite_sent,2026-01-05\n4,u2,invite_sent,\n5,u2,other,nothing that is read\n";
    let users = "user_id,created_at\nu1,2026-01-01\nu2,soon\n,2026-01-01\nu4,\n";
    let bench = Bench::new(MODELS, &[("events.csv", events), ("users.csv", users)]);
    let (said, code) = bench.said();
    insta::assert_snapshot!(said, @r#"
    warning: `entity.user`: 1 of 4 rows has a start that cannot be read, such as `soon` in `created_at`: not there
    warning: `entity.user`: 1 of 4 rows has no `created_at`: not there
    warning: `entity.user`: 1 of 4 rows has no `user_id`: not counted
    warning: `source.events`: 1 of 4 rows has a time that cannot be read, such as `01/04/2026` in `timestamp`: not counted
    warning: `source.events`: 1 of 4 rows has no `timestamp`: not counted
    warning: `source.events`: 1 of 4 rows has no `user_id`: counted for no milestone without a `subject`
    warning: `source.events`: 2 of 4 rows (50 %) have a `user_id` that no `user` has, such as `u2`: counted for no milestone without a `subject`
    "#);
    assert_eq!(code, Some(0));
    insta::assert_snapshot!(serde_json::to_string_pretty(&bench.found()).unwrap(), @r#"
    [
      {
        "definition": "entity.user",
        "rows": 4,
        "without_time": 1,
        "unreadable_times": 1,
        "unreadable_time": "soon",
        "without_key": 1,
        "without_id": 0,
        "without_name": 0,
        "unknown_entities": 0,
        "unknown_entity": null,
        "unreadable_values": {},
        "absent_properties": [],
        "unknown_events": {}
      },
      {
        "definition": "source.events",
        "rows": 4,
        "without_time": 1,
        "unreadable_times": 1,
        "unreadable_time": "01/04/2026",
        "without_key": 1,
        "without_id": 0,
        "without_name": 0,
        "unknown_entities": 2,
        "unknown_entity": "u2",
        "unreadable_values": {},
        "absent_properties": [],
        "unknown_events": {}
      }
    ]
    "#);
}

#[test]
fn values_that_are_very_long_are_told_in_part() {
    // Each of these characters is two bytes.
    let long = "ü".repeat(300_000);
    let events = format!(
        "event_id,user_id,event_name,timestamp\n1,u1,new_project,2026-01-03\n2,{long},invite_sent,{long}\n3,u1,{long},2026-01-03\n"
    );
    let models = MODELS.replace("invite_sent\", grain", "invite_snt\", grain");
    let bench = Bench::new(&models, &[("events.csv", &events)]);
    let said = bench.said().0;
    insta::assert_snapshot!(said.replace(&"ü".repeat(100), "ü100"), @r#"
    warning: `source.events`: 1 of 2 rows has a time that cannot be read, such as `ü100 […] (cut, of 300000 characters)` in `timestamp`: not counted
    warning: `source.events`: 1 of 2 rows (50 %) has a `user_id` that no `user` has, such as `ü100 […] (cut, of 300000 characters)`: counted for no milestone without a `subject`
    warning: `source.events`: no row is an event `invite_snt`; similar names: `invite_sent`
    "#);
    let found = bench.found().to_string();
    assert!(found.len() < 2_000, "{}", found.len());
}

#[test]
fn rows_of_a_log_without_a_name_are_counted() {
    let events = "event_id,user_id,event_name,timestamp\n1,u1,new_project,2026-01-03\n2,u2,,2026-01-04\n\
                  3,u2,\"\",2026-01-05\n4,u2,invite_sent,2026-01-04\n5,u2,other,2026-01-04\n";
    // Whether definitions count certain names or any event, they count none of them.
    let bench = Bench::new(MODELS, &[("events.csv", events)]);
    insta::assert_snapshot!(bench.said().0, @"warning: `source.events`: 2 rows have no `event_name`: no event, and not counted");
    let models = MODELS.replace("[milestone]\n", "[milestone]\nanything = { event = \"*\" }\n");
    let all = Bench::new(&models, &[("events.csv", events)]);
    insta::assert_snapshot!(all.said().0, @"warning: `source.events`: 2 rows have no `event_name`: no event, and not counted");
    let counted = |bench: &Bench| (bench.found()[1]["rows"].clone(), bench.found()[1]["without_name"].clone());
    assert_eq!([counted(&bench), counted(&all)], [(2.into(), 2.into()), (5.into(), 2.into())]);
}

#[test]
fn events_that_no_row_has_are_told_with_similar_names() {
    let bench = Bench::new(
        &MODELS.replace("created = { event = \"project_created\"", "created = { event = \"new_projct\""),
        &[],
    );
    let (said, code) = bench.said();
    insta::assert_snapshot!(said, @"warning: `source.events`: no row is an event `new_projct`; similar names: `new_project`");
    assert_eq!(code, Some(0));
    // Nobody is to blame for a log that is empty.
    let bench = Bench::new(MODELS, &[("events.csv", "event_id,user_id,event_name,timestamp\n")]);
    assert_eq!(bench.said(), (String::new(), Some(0)));
}

#[test]
fn columns_of_types_that_name_nothing_or_are_another_time_are_refused() {
    let models = r#"
[entity.user]
table = "raw.users"
key = "user_id"
start = { column = "created_at", type = "timestamp" }
[source.events]
table = "raw.events"
id = "event_id"
entity = "user_id"
name = "event_name"
time = { column = "happened_at", type = "unix_seconds" }
columns = { day = "date", plan = "string", extra = "string" }
scan = "day >= date '2026-01-01'"
properties = { column = "properties", stored = "text", types = { seats = "int" } }
[milestone]
sent = { event = "invite_sent", where = "properties.seats > 1 and plan = 'pro'" }
"#;
    let bench = Bench::new(models, &[]);
    let connection = Connection::open(bench.path("rows.duckdb")).unwrap();
    connection
        .execute_batch(
            "CREATE SCHEMA raw;
            CREATE TABLE raw.users (user_id DOUBLE, created_at TIMESTAMP);
            CREATE TABLE raw.events (event_id DECIMAL(18, 3), user_id TIMESTAMP, event_name BIGINT, happened_at TIMESTAMPTZ,
                day VARCHAR, plan DOUBLE, properties JSON);",
        )
        .unwrap();
    drop(connection);
    let (said, code) = bench.said();
    insta::assert_snapshot!(said, @r#"
    error: `entity.user` takes the column `user_id` of "raw"."users" for a key; it is DOUBLE: keys and ids are text or whole numbers; cast it in a view
    error: `entity.user` takes the column `created_at` of "raw"."users" for a time of type `timestamp`; it is TIMESTAMP: its `type` is `datetime`
    error: `source.events` takes the column `event_id` of "raw"."events" for a key; it is DECIMAL(18,3): keys and ids are text or whole numbers; cast it in a view
    error: `source.events` takes the column `user_id` of "raw"."events" for a key; it is TIMESTAMP: keys and ids are text or whole numbers; cast it in a view
    error: `source.events` takes the column `happened_at` of "raw"."events" for a time of type `unix_seconds`; it is TIMESTAMP WITH TIME ZONE: its `type` is `timestamp`
    error: `source.events` takes the column `day` of "raw"."events" for a date that `scan` compares as it is stored; it is VARCHAR: its type is `string`
    error: `source.events` takes the column `plan` of "raw"."events" for string; it is DOUBLE: a float has no text of its own
    error: `source.events` reads the column `extra` of "raw"."events", which has none of that name
    error: `source.events` takes the column `event_name` of "raw"."events" for the name of an event; it is BIGINT: names are text; cast it in a view
    error: `source.events` takes the column `properties` of "raw"."events" for JSON in text; it is JSON: its `stored` is `"json"`
    "#);
    assert_eq!(code, Some(1));

    let connection = Connection::open(bench.path("rows.duckdb")).unwrap();
    connection
        .execute_batch(
            "CREATE OR REPLACE TABLE raw.users (user_id DECIMAL(18, 0), created_at TIMESTAMPTZ);
            INSERT INTO raw.users VALUES (1, TIMESTAMPTZ '2026-01-01 00:00:00+00'), (2, TIMESTAMPTZ '-infinity');
            CREATE OR REPLACE TABLE raw.events (event_id UUID, user_id HUGEINT, event_name VARCHAR, happened_at INTEGER,
                day DATE, plan VARCHAR, extra VARCHAR, properties VARCHAR);
            INSERT INTO raw.events VALUES ('0B0E8F7E-5E9C-4A7A-9B43-0A3B1F7B0001', 1, 'invite_sent', 1768003200, DATE '2026-01-10', 'pro', NULL, '{\"seats\":2}');",
        )
        .unwrap();
    drop(connection);
    let (said, code) = bench.said();
    insta::assert_snapshot!(said, @"warning: `entity.user`: 1 of 2 rows has a start that cannot be read, such as `-infinity` in `created_at`: not there");
    assert_eq!(code, Some(0));
    let shown = bench.run(&["show", "milestone.sent", "--output", "csv"]);
    insta::assert_snapshot!(String::from_utf8(shown.stdout).unwrap(), @r#"
    user_id,anchor_at,closes_at,reached_at,reached_id,reached,count,progress,mature
    1,2026-01-01T00:00:00Z,,2026-01-10T00:00:00Z,0b0e8f7e-5e9c-4a7a-9b43-0a3b1f7b0001,true,1,1,true
    "#);
}

#[test]
fn a_number_for_a_time_is_refused_with_what_to_write() {
    let models =
        MODELS.replace("path = \"events.csv\"", "table = \"raw.events\"").replace("\"timestamp\"", "\"at_ms\"");
    let bench = Bench::new(&models, &[]);
    let connection = Connection::open(bench.path("rows.duckdb")).unwrap();
    connection
        .execute_batch(
            "CREATE SCHEMA raw;
            CREATE TABLE raw.events (event_id VARCHAR, user_id VARCHAR, event_name VARCHAR, at_ms BIGINT);
            INSERT INTO raw.events VALUES ('1', 'u1', 'invite_sent', 1767404800000);",
        )
        .unwrap();
    drop(connection);
    let (said, code) = bench.said();
    insta::assert_snapshot!(said, @r#"error: `source.events` takes the column `at_ms` of "raw"."events" for timestamp; it is BIGINT: a number is a time where its unit is said: write `{ column = "at_ms", type = "unix_seconds" or "unix_milliseconds" or "unix_microseconds" }`"#);
    assert_eq!(code, Some(1));
    // What it says to write is right.
    let models = models.replace("time = \"at_ms\"", "time = { column = \"at_ms\", type = \"unix_milliseconds\" }");
    fs::write(bench.path("models/m.toml"), models).unwrap();
    let (said, code) = bench.said();
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn values_that_cannot_be_read_as_their_type_are_counted() {
    let models = format!(
        "{MODELS}\n[source.orders]\nkind = \"facts\"\npath = \"orders.csv\"\ncsv = {{ delimiter = \";\" }}\nkey = \"id\"\n\
         entity = \"user_id\"\nentity_type = \"user\"\ntime = \"at\"\ncolumns = {{ amount = \"decimal\" }}\n\
         [kpi.revenue]\nkind = \"sum\"\nof = \"orders\"\nvalue = \"amount\"\ngrain = \"month\"\n"
    );
    let orders =
        "id;user_id;at;amount\n1;u1;2026-01-03;10,50\n2;u2;2026-01-04;$5\n3;u2;2026-01-05;\n4;u2;2026-01-05;7.5\n";
    let (said, code) = Bench::new(&models, &[("orders.csv", orders)]).said();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("`source.orders`: in 2 of 4 rows `amount` is no decimal, and null: `$5`"), "{said}");
}

#[test]
fn rows_of_somebody_whom_no_table_has_are_counted() {
    // Of one event no definition counts the name, and nobody is no stranger.
    let events = "event_id,user_id,event_name,timestamp\n1,u1,new_project,2026-01-03\n2,2,invite_sent,2026-01-04\n\
                  3,1,invite_sent,2026-01-05\n4,,invite_sent,2026-01-06\n5,3,other,2026-01-06\n";
    let bench = Bench::new(MODELS, &[("events.csv", events)]);
    let (said, code) = bench.said();
    insta::assert_snapshot!(said, @r#"
    warning: `source.events`: 1 of 4 rows has no `user_id`: counted for no milestone without a `subject`
    warning: `source.events`: 2 of 4 rows (50 %) have a `user_id` that no `user` has, such as `1`: counted for no milestone without a `subject`
    "#);
    assert_eq!(code, Some(0));
    let found = bench.found();
    assert_eq!((&found[1]["unknown_entities"], &found[1]["unknown_entity"]), (&2.into(), &"1".into()), "{found}");

    // A whole log of strangers, and one person of many.
    let bench = Bench::new(MODELS, &[("users.csv", "user_id,created_at\n1,2026-01-01\n2,2026-01-02\n")]);
    let all = bench.said().0;
    let many: String =
        (0..200).fold(EVENTS.to_owned(), |text, row| text + &format!("x{row},u1,invite_sent,2026-01-04\n"));
    let few = Bench::new(MODELS, &[("events.csv", &format!("{many}last,u9,invite_sent,2026-01-05\n"))]).said().0;
    insta::assert_snapshot!(format!("{all}\n{few}"), @r#"
    warning: `source.events`: 2 of 2 rows (100 %) have a `user_id` that no `user` has, such as `u1`: counted for no milestone without a `subject`
    warning: `source.events`: 1 of 203 rows (less than 1 %) has a `user_id` that no `user` has, such as `u9`: counted for no milestone without a `subject`
    "#);

    // An entity without a table has the keys that its members name.
    let models = format!(
        "{MODELS}\n[entity.account]\nkey = \"account_id\"\n\
         [source.bills]\nkind = \"facts\"\npath = \"bills.csv\"\nkey = \"id\"\nentity = \"account_id\"\n\
         entity_type = \"account\"\ntime = \"at\"\n[kpi.bills]\nkind = \"count\"\nof = \"bills\"\ngrain = \"month\"\n"
    );
    let models = models.replace("key = \"user_id\"", "key = \"user_id\"\nparent = { account = \"account\" }");
    let models = models.replace("[source.events]\n", "[source.events]\nentity_type = \"user\"\n");
    let users = "user_id,created_at,account\nu1,2026-01-01,a\nu2,2026-01-02,\n";
    let bills = "id,account_id,at\n1,a,2026-01-03\n2,b,2026-01-03\n3,,2026-01-03\n,a,2026-01-03\n";
    let (said, code) = Bench::new(&models, &[("users.csv", users), ("bills.csv", bills)]).said();
    insta::assert_snapshot!(said, @r#"
    warning: `source.bills`: 1 of 4 rows has no `id`: counted, each by itself
    warning: `source.bills`: 1 of 4 rows has no `account_id`: counted for nobody
    warning: `source.bills`: 1 of 4 rows (25 %) has a `account_id` that no `account` has, such as `b`: counted for nobody
    "#);
    assert_eq!(code, Some(0));
}

/// Members that do not tell which entities there are name none, nor do those that are not there themselves.
#[test]
fn rows_of_an_entity_that_its_members_do_not_make_are_counted() {
    let invoices = |entity: &str| {
        format!(
            "[source.invoices]\nkind = \"facts\"\npath = \"invoices.csv\"\nkey = \"id\"\nentity = \"whose\"\n\
             entity_type = \"{entity}\"\ntime = \"at\"\n\
             [kpi]\npaid = {{ kind = \"count\", of = \"invoices\", cohort = \"month\" }}\n"
        )
    };
    let user = "[entity.user]\npath = \"users.csv\"\nkey = \"user_id\"\nstart = \"created_at\"\n\
                parent = { account = \"account\" }\n";
    // `b` is named by a device alone, and `c` by a user who is not there; `d` by nobody.
    let models = format!(
        "[entity.account]\nkey = \"account_id\"\nmembers = [\"user\"]\n{user}[entity.device]\npath = \"devices.csv\"\n\
         key = \"device_id\"\nstart = \"at\"\nparent = {{ account = \"account\" }}\n{}\
         clicks = {{ kind = \"count\", of = \"device\", grain = \"month\" }}\n",
        invoices("account")
    );
    let users = "user_id,created_at,account\nu1,2026-01-01,a\nu2,soon,c\n";
    let devices = "device_id,account,at\nd1,b,2026-01-01\nd2,a,2026-01-01\n";
    let bills = "id,whose,at\n1,a,2026-01-03\n2,b,2026-01-03\n3,c,2026-01-03\n4,d,2026-01-03\n";
    let files = [("users.csv", users), ("devices.csv", devices), ("invoices.csv", bills)];
    let (said, code) = Bench::new(&models, &files).said();
    insta::assert_snapshot!(said, @r#"
    warning: `entity.user`: 1 of 2 rows has a start that cannot be read, such as `soon` in `created_at`: not there
    warning: `entity.device`: 1 of 2 rows (50 %) has a `account` that no `account` has, such as `b`: members of no `account`
    warning: `source.invoices`: 3 of 4 rows (75 %) have a `whose` that no `account` has, such as `b`: counted for nobody
    "#);
    assert_eq!(code, Some(0));
    // Of accounts with a table those are there that have a member; an organization is made of these.
    let models = format!(
        "[entity.org]\nkey = \"org_id\"\n[entity.account]\npath = \"accounts.csv\"\nkey = \"account_id\"\n\
         parent = {{ org = \"org\" }}\n{user}{}",
        invoices("org")
    );
    let accounts = "account_id,org\na,o1\nb,o2\nc,o3\n,o4\n";
    let bills = "id,whose,at\n1,o1,2026-01-03\n2,o2,2026-01-03\n3,o3,2026-01-03\n4,o4,2026-01-03\n";
    let files = [("users.csv", users), ("accounts.csv", accounts), ("invoices.csv", bills)];
    let (said, code) = Bench::new(&models, &files).said();
    insta::assert_snapshot!(said, @r#"
    warning: `entity.user`: 1 of 2 rows has a start that cannot be read, such as `soon` in `created_at`: not there
    warning: `entity.user`: 1 of 2 rows (50 %) has a `account` that no `account` has, such as `c`: members of no `account`
    warning: `entity.account`: 1 of 4 rows has no `account_id`: not counted
    warning: `source.invoices`: 3 of 4 rows (75 %) have a `whose` that no `org` has, such as `o2`: counted for nobody
    "#);
    assert_eq!(code, Some(0));
}

#[test]
fn members_of_somebody_whom_no_table_has_are_counted() {
    let account = "[entity.account]\npath = \"accounts.csv\"\nkey = \"id\"\nstart = \"at\"\n";
    let models = MODELS.replace("key = \"user_id\"", "key = \"user_id\"\nparent = { account = \"account\" }");
    let models = models.replace("[source.events]\n", "[source.events]\nentity_type = \"user\"\n");
    let models = models.replace("[milestone]\n", "[milestone]\nteams = { members = \"created\" }\n") + account;
    let users =
        "user_id,created_at,account\nu1,2026-01-01,acc-1\nu2,2026-01-02,\nu3,2026-01-02,2\nu4,2026-01-02,acc-4\n";
    let accounts = "id,at\n1,2026-01-01\n2,2026-01-01\n";
    let bench = Bench::new(&models, &[("users.csv", users), ("accounts.csv", accounts)]);
    let (said, code) = bench.said();
    insta::assert_snapshot!(said, @"warning: `entity.user`: 2 of 4 rows (50 %) have a `account` that no `account` has, such as `acc-1`: members of no `account`");
    assert_eq!(code, Some(0));
    // What is not read is not looked at: no table of accounts need be there.
    fs::remove_file(bench.path("accounts.csv")).unwrap();
    let alone = bench.run(&["run", "--select", "milestone.created"]);
    assert_eq!(alone.status.code(), Some(0), "{}", String::from_utf8_lossy(&alone.stderr));
}

#[test]
fn properties_that_no_row_has_are_told() {
    let properties = "properties = { column = \"properties\", types = { hour = \"int\", hours = \"int\", plan = \"string\", unread = \"string\" } }";
    let models = MODELS.replace("name = \"event_name\"", &format!("name = \"event_name\"\n{properties}"));
    let models = models.replace("[kpi]", "late = { event = \"project_created\", where = \"properties.hour > 2 and properties.hours > 2 and properties.plan = 'a'\" }\n[kpi]");
    let events = "event_id,user_id,event_name,timestamp,properties\n1,u1,new_project,2026-01-03,\"{\"\"hours\"\":3}\"\n\
                  2,u2,invite_sent,2026-01-04,\"{\"\"hours\"\":4,\"\"plan\"\":null}\"\n";
    let bench = Bench::new(&models, &[("events.csv", events)]);
    let (said, code) = bench.said();
    insta::assert_snapshot!(said, @r"
    warning: `source.events`: in none of 2 rows `properties.hour` has a value
    warning: `source.events`: in none of 2 rows `properties.plan` has a value
    ");
    assert_eq!(code, Some(0));
    // Nobody is to blame for a log that is empty.
    fs::write(bench.path("events.csv"), "event_id,user_id,event_name,timestamp,properties\n").unwrap();
    assert_eq!(bench.said(), (String::new(), Some(0)));
}
