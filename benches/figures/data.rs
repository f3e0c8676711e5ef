//! The data: plain, as tables or as Parquet, and hard.
//!
//! *Plain*: short ids, a time to the microsecond, no properties, every event once. *Hard*: ids and keys are UUIDs in text, 40 % of
//! the events share user and time with another, each has a document of about 200 bytes in text, one in a hundred is there
//! twice, half of those a second time later; all of it in Parquet.

use std::fs;
use std::path::PathBuf;

use crate::Settings;
use crate::measure::Engine;

/// What is measured on.
pub(crate) struct Data {
    /// What it is called, in names of files.
    pub(crate) name: String,
    /// The database, in which `raw` has tables where it is not Parquet; relations are made there.
    pub(crate) engine: Engine,
    kind: Kind,
    folder: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Tables,
    Parquet,
    Hard,
}

impl Data {
    /// Plain data, in tables of the database.
    pub(crate) fn plain(settings: &Settings) -> Self {
        Self::open(settings, Kind::Tables)
    }

    /// The same data, in Parquet.
    pub(crate) fn parquet(settings: &Settings) -> Self {
        Self::open(settings, Kind::Parquet)
    }

    /// Hard data, in Parquet.
    pub(crate) fn hard(settings: &Settings) -> Self {
        Self::open(settings, Kind::Hard)
    }

    fn open(settings: &Settings, kind: Kind) -> Self {
        let name = format!("{kind:?}").to_lowercase();
        let folder = settings.folder.join(format!("{name}-{}-{}", settings.events, settings.users));
        let is_there = folder.join("whole").exists();
        if !is_there && folder.exists() {
            fs::remove_dir_all(&folder).unwrap();
        }
        fs::create_dir_all(&folder).unwrap();
        let engine = Engine::open(&folder.join("bench.duckdb"));
        let data = Self { name, engine, kind, folder };
        if !is_there {
            data.make(settings.events, settings.users);
            fs::write(data.folder.join("whole"), "").unwrap();
        }
        data
    }

    fn make(&self, events: u64, users: u64) {
        let engine = &self.engine;
        if self.kind != Kind::Hard {
            let (users_table, events_table) = (plain_users(users), plain_events(events, users));
            if self.kind == Kind::Tables {
                engine.run(&format!(
                    "CREATE SCHEMA raw; CREATE TABLE raw.users AS {users_table};
                     CREATE TABLE raw.events AS {events_table}; CHECKPOINT"
                ));
            } else {
                self.copy("users", &users_table);
                self.copy("events", &events_table);
            }
            return;
        }
        self.copy("users", &hard_users(users));
        self.copy("clean", &hard_events(events, users));
        self.copy("events", &self.hard_log());
    }

    fn copy(&self, name: &str, query: &str) {
        let path = self.path(name);
        self.engine.run(&format!("COPY ({query}) TO '{path}' (FORMAT parquet)"));
    }

    fn path(&self, name: &str) -> String {
        self.folder.join(format!("{name}.parquet")).display().to_string()
    }

    fn from(&self, name: &str) -> String {
        match self.kind {
            Kind::Tables => format!("raw.{name}"),
            Kind::Parquet | Kind::Hard => format!("read_parquet('{}')", self.path(name)),
        }
    }

    /// Names the events, in a query: what a project reads.
    pub(crate) fn events(&self) -> String {
        self.from("events")
    }

    /// Names the events each once, with the properties as columns, in a query: what they were made from.
    pub(crate) fn clean(&self) -> String {
        self.from(if self.kind == Kind::Hard { "clean" } else { "events" })
    }

    /// Names the users, in a query.
    pub(crate) fn users(&self) -> String {
        self.from("users")
    }

    /// Returns what the engine's plan calls the events, wherever it reads them.
    pub(crate) fn scanned(&self) -> &'static str {
        match self.kind {
            Kind::Tables => "raw.events",
            Kind::Parquet | Kind::Hard => "events.parquet",
        }
    }

    /// Returns the folder of a project over it.
    pub(crate) fn project(&self, name: &str) -> PathBuf {
        self.folder.join("projects").join(name)
    }

    /// Writes the source and the entity of a project that reads it.
    pub(crate) fn toml(&self) -> String {
        // Only files that are there can be read; the tables of other warehouses are called the same.
        let origin = |name: &str| match self.kind {
            Kind::Tables => format!("table = \"raw.{name}\""),
            Kind::Parquet | Kind::Hard => format!("path = \"{}\"\ntable = \"raw.{name}\"", self.path(name)),
        };
        let (duplicates, properties) = if self.kind == Kind::Hard {
            let types = "{ plan = \"string\", feature = \"string\", amount = \"int\" }";
            ("", format!("\n[source.events.properties]\ncolumn = \"properties\"\ntypes = {types}\n"))
        } else {
            ("duplicates = \"keep\"\n", String::new())
        };
        format!(
            "[source.events]\n{}\nid = \"event_id\"\nentity = \"user_id\"\nname = \"event_name\"\ntime = \"timestamp\"\n{duplicates}\
             {properties}\n[entity.user]\n{}\nkey = \"user_id\"\nstart = \"created_at\"\n\
             attributes = {{ install_source = \"string\" }}\n",
            origin("events"),
            origin("users"),
        )
    }

    /// A hundredth of the events twice, each with its properties in a document.
    fn hard_log(&self) -> String {
        let clean = self.from("clean");
        format!(
            "SELECT event_id, user_id, event_name, timestamp + to_hours(later::BIGINT) AS timestamp,
               '{{\"plan\":\"' || plan || '\",\"feature\":\"' || feature || '\",\"amount\":' || amount
               || ',\"session\":\"' || md5(event_id) || '\",\"page\":\"/projects/' || hash(event_id) % 1000000
               || '/settings\",\"agent\":\"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36\"}}' AS properties
             FROM (SELECT *, 0 AS later FROM {clean}
               UNION ALL SELECT *, hash(event_id) // 100 % 2 AS later FROM {clean} WHERE hash(event_id) % 100 = 0)"
        )
    }
}

/// A time in the first 90 days of the year, by a number.
fn start(number: &str) -> String {
    format!("TIMESTAMP '2026-01-01' + to_seconds((hash({number}) % 7776000)::BIGINT)")
}

/// A time up to 90 days later, most of them soon.
fn later(number: &str) -> String {
    format!("to_microseconds((pow((hash({number} * 13) % 1000000) / 1e6, 3) * 7776000000000)::BIGINT)")
}

const INSTALL_SOURCE: &str = "['a', 'b', 'c', 'd'][(hash(i * 7) % 4)::INT + 1] AS install_source";

fn plain_users(users: u64) -> String {
    format!("SELECT 'u' || i AS user_id, {} AS created_at, {INSTALL_SOURCE} FROM range({users}) t(i)", start("i"))
}

fn plain_events(events: u64, users: u64) -> String {
    format!(
        "SELECT 'e' || lpad(i::VARCHAR, 9, '0') AS event_id, 'u' || u AS user_id,
           'event_' || (hash(i * 31) % 20) AS event_name, {} + {} AS timestamp
         FROM (SELECT i, (hash(i * 3) % {users})::BIGINT AS u FROM range({events}) t(i))",
        start("u"),
        later("i"),
    )
}

/// A UUID in text, by a kind of thing and a number.
fn uuid(kind: &str, number: &str) -> String {
    format!("md5('{kind}' || {number})::UUID::VARCHAR")
}

fn hard_users(users: u64) -> String {
    let key = uuid("u", "i");
    format!("SELECT {key} AS user_id, {} AS created_at, {INSTALL_SOURCE} FROM range({users}) t(i)", start("i"))
}

/// Of ten pairs of neighbours four share user and time.
fn hard_events(events: u64, users: u64) -> String {
    format!(
        "SELECT {} AS event_id, {} AS user_id, 'event_' || (hash(i * 31) % 20) AS event_name, {} + {} AS timestamp,
           ['a', 'b', 'c', 'd'][(hash(i * 17) % 4)::INT + 1] AS plan, 'feature_' || (hash(i * 19) % 12) AS feature,
           (1 + hash(i * 23) % 100)::INT AS amount
         FROM (SELECT i, j, (hash(j * 3) % {users})::BIGINT AS u
           FROM (SELECT i, CASE WHEN hash(i // 2) % 10 < 4 THEN i // 2 * 2 ELSE i END AS j FROM range({events}) t(i)))",
        uuid("e", "i"),
        uuid("u", "u"),
        start("u"),
        later("j"),
    )
}
