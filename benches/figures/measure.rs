//! CPU seconds, memory and bytes: of this process, of programs that it starts, and of a database.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use duckdb::Connection;
use serde_json::Value;

use crate::Settings;

/// How often the memory of a program is looked at. What it needs in its last moment before it ends is not seen.
const LOOK: Duration = Duration::from_millis(2);

/// The CPU seconds of this process, and of the programs that it has waited for.
fn cpu() -> (f64, f64) {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<f64> =
        stat.rsplit(')').next().unwrap().split_whitespace().skip(1).map(|field| field.parse().unwrap_or(0.0)).collect();
    // Fields 14 to 17 of proc(5), in hundredths of a second.
    ((fields[10] + fields[11]) / 100.0, (fields[12] + fields[13]) / 100.0)
}

/// The middle one of some numbers.
pub(crate) fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

/// What a program took.
pub(crate) struct Taken {
    /// CPU seconds, in hundredths.
    pub(crate) seconds: f64,
    /// The most bytes of memory that it held at one time.
    pub(crate) memory: f64,
}

/// Runs a program, which has to succeed.
pub(crate) fn program(command: &mut Command) -> Taken {
    let before = cpu().1;
    let mut child = command.stdout(Stdio::null()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut memory = 0.0_f64;
    let ended = loop {
        // The line is gone as soon as the process has ended, though it was not waited for.
        let peak = fs::read_to_string(&status).ok().and_then(|text| {
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
            line.trim().strip_suffix(" kB")?.parse::<f64>().ok()
        });
        memory = memory.max(peak.unwrap_or(0.0) * 1024.0);
        if let Some(ended) = child.try_wait().unwrap() {
            break ended;
        }
        sleep(LOOK);
    };
    assert!(ended.success(), "{command:?} failed");
    Taken { seconds: cpu().1 - before, memory }
}

/// What a project was compiled to, in the order in which it runs.
pub(crate) struct Compiled {
    /// The statements: how each makes its relation (`table`, `view`, …), and its SQL.
    pub(crate) statements: Vec<(String, String)>,
    /// How many statements read the events.
    pub(crate) reads: u64,
}

impl Compiled {
    /// Counts the statements that compute rows and store them.
    pub(crate) fn that_work(&self) -> usize {
        self.statements.iter().filter(|(kind, _)| kind == "table").count()
    }
}

/// Compiles the project in a folder by a program, for one target.
pub(crate) fn compile(program: &Path, folder: &Path, target: &str) -> Compiled {
    let mut command = Command::new(program);
    command.args(["compile", "--quiet", "--target", target, "--project-dir"]).arg(folder);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    let text = |path: &Path| fs::read_to_string(path).unwrap();
    let manifest: Value = serde_json::from_str(&text(&folder.join("target/manifest.json"))).unwrap();
    let find = |list: &str, key: &str, value: &str| {
        let list = manifest[list].as_array().unwrap();
        list.iter().find(|entry| entry[key] == value).unwrap_or_else(|| panic!("no {value} in {list:?}"))
    };
    let statement = |node: &Value| {
        let path = node["sql_path"].as_str()?;
        let kind = node["materialization"].as_str().unwrap().to_owned();
        Some((kind, text(&folder.join("target").join(path))))
    };
    let nodes = find("targets", "name", target)["nodes"].as_array().unwrap();
    Compiled {
        // What is part of another's statement is made by nobody.
        statements: nodes.iter().filter_map(statement).filter(|(kind, _)| kind != "ephemeral").collect(),
        reads: find("sources", "unique_id", "source.bench.events")["reads"].as_u64().unwrap(),
    }
}

/// What a refresh took.
pub(crate) struct Refreshed {
    /// CPU seconds.
    pub(crate) seconds: f64,
    /// The bytes of the blocks of the database that the relations lie in.
    pub(crate) bytes: f64,
}

/// A database, with two threads.
pub(crate) struct Engine {
    connection: Connection,
}

impl Engine {
    /// Opens a database, or makes it.
    pub(crate) fn open(path: &Path) -> Self {
        let connection = Connection::open(path).unwrap();
        connection.execute_batch("SET threads = 2; SET TimeZone = 'UTC'").unwrap();
        Self { connection }
    }

    /// Executes statements.
    pub(crate) fn run(&self, sql: &str) {
        self.connection.execute_batch(sql).unwrap_or_else(|error| panic!("{error}\n{sql}"));
    }

    /// Executes a statement, and all that it leaves to be written; returns the CPU seconds of both.
    pub(crate) fn timed(&self, sql: &str) -> f64 {
        let before = cpu().0;
        self.run(sql);
        self.run("CHECKPOINT");
        cpu().0 - before
    }

    /// Returns the first row of a query, as texts with blanks between.
    pub(crate) fn row(&self, sql: &str) -> String {
        let mut statement = self.connection.prepare(sql).unwrap_or_else(|error| panic!("{error}\n{sql}"));
        let mut rows = statement.query([]).unwrap_or_else(|error| panic!("{error}\n{sql}"));
        let row = rows.next().unwrap().unwrap();
        let columns = row.as_ref().column_count();
        let cell = |place| row.get::<_, Option<String>>(place).unwrap().unwrap_or_default();
        (0..columns).map(cell).collect::<Vec<_>>().join(" ")
    }

    /// Returns all that the plan of a query says, in the engine's own words.
    pub(crate) fn plan(&self, sql: &str) -> String {
        let sql = format!("EXPLAIN (FORMAT json) {sql}");
        let mut statement = self.connection.prepare(&sql).unwrap_or_else(|error| panic!("{error}\n{sql}"));
        let plans = statement.query_map([], |row| row.get::<_, String>(1)).unwrap();
        plans.map(Result::unwrap).collect()
    }

    /// Executes what a project was compiled to, from nothing, as often as the settings say.
    pub(crate) fn refresh(&self, compiled: &Compiled, settings: &Settings) -> Refreshed {
        let mut seconds = Vec::new();
        let mut bytes = 0.0;
        for _ in 0..settings.repeats {
            self.run("DROP SCHEMA IF EXISTS milepost CASCADE; CHECKPOINT");
            let before = self.bytes();
            let began = cpu().0;
            compiled.statements.iter().for_each(|(_, sql)| self.run(sql));
            self.run("CHECKPOINT");
            seconds.push(cpu().0 - began);
            bytes = self.bytes() - before;
        }
        Refreshed { seconds: median(seconds), bytes }
    }

    /// Returns the bytes of the blocks of the database that something lies in.
    fn bytes(&self) -> f64 {
        self.row("SELECT (block_size * used_blocks)::VARCHAR FROM pragma_database_size()").parse().unwrap()
    }
}
