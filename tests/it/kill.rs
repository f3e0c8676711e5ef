//! Kills the real program at many moments of a run: what is in the database is what was there before, or what was made.
//!
//! The moments are those at which a run says what it does, and the run cannot end by itself: one of the relations that it
//! makes takes minutes. So nothing here depends on how quick the machine is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};

use duckdb::Connection;
use milepost::render::Mark;
use milepost::run::Status;
use milepost::run::results::Document;
use tempfile::TempDir;

use crate::cli::milepost;
use crate::extent;

/// The runs that are killed.
const KILLS: usize = 50;

/// The runs that are interrupted.
const INTERRUPTS: usize = 12;

/// An entity that takes minutes to make, and no time to look at before: its rows are many, and one of their columns is slow,
/// which is text, and so not read before.
/// Nothing else reads it.
const HELD: &str =
    "[entity.held]\ntable = \"raw.held\"\nkey = \"id\"\nstart = \"at\"\nattributes = { slow = \"string\" }\n";

/// Its rows.
const ROWS: &str = "CREATE SCHEMA raw; CREATE VIEW raw.held AS SELECT CAST(range AS VARCHAR) AS id, \
    TIMESTAMP '2026-01-01' AS \"at\", \
    levenshtein(repeat('ab', 100), CAST(range AS VARCHAR) || repeat('ba', 100)) AS slow FROM range(200000)";

/// Two moments as of which every table that depends on one differs.
const MOMENTS: [&str; 2] = ["2026-02-01", "2026-03-01"];

/// What is in each table: a count of its rows, and a digest of them in any order.
type State = BTreeMap<String, (i64, String)>;

/// A project in a folder of its own, and what a run of it makes as of each moment.
struct Project {
    folder: TempDir,
    fresh: [State; 2],
}

impl Project {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        assert!(milepost(&["init", "killed"]).current_dir(folder.path()).output().unwrap().status.success());
        // Who acted is said, for there will be two kinds.
        let sources = folder.path().join("killed/models/sources.toml");
        let text = fs::read_to_string(&sources).unwrap();
        fs::write(&sources, text.replace("[source.events]", "[source.events]\nentity_type = \"user\"")).unwrap();
        let mut project = Self { folder, fresh: [State::new(), State::new()] };
        for (index, moment) in MOMENTS.iter().enumerate() {
            let _ = fs::remove_dir_all(project.root().join("target"));
            project.run(moment);
            project.fresh[index] = project.state();
        }
        let [first, second] = &project.fresh;
        assert!(first.keys().eq(second.keys()));
        assert!(first.iter().any(|(name, state)| second[name] != *state), "the moments make no difference");
        project.open().execute_batch(ROWS).unwrap();
        project
    }

    fn open(&self) -> Connection {
        Connection::open(files_that_end(&self.root().join("target"), "duckdb").into_iter().next().unwrap()).unwrap()
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("killed")
    }

    fn command(&self, moment: &str) -> Command {
        let mut command = milepost(&["run", "--as-of", moment]);
        command.current_dir(self.root()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, moment: &str) {
        let output = self.command(moment).output().unwrap();
        assert!(output.status.success(), "{}", words(&output));
    }

    /// Begins a run that does not end.
    fn start(&self, moment: &str) -> Held {
        self.start_with(moment, HELD)
    }

    /// The same, of a run that a definition holds.
    fn start_with(&self, moment: &str, held: &str) -> Held {
        let definition = self.root().join("models/held.toml");
        fs::write(&definition, held).unwrap();
        let mut child = self.command(moment).args(["--verbose", "--threads", "3"]).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Held { child, stderr, said: String::new(), definition }
    }

    /// How many relations a run that is held makes: all but the one, the views, and the list of milestones, which stay as
    /// they are.
    fn relations(&self) -> usize {
        let made = files_that_end(&self.root().join("target/compiled/duckdb"), "sql").into_iter().filter(|file| {
            let sql = fs::read_to_string(file).unwrap();
            sql.contains("CREATE OR REPLACE TABLE") || sql.contains("CREATE SCHEMA")
        });
        made.count() - 1
    }

    /// Reads every table, and asks every view for its rows.
    fn state(&self) -> State {
        let connection = self.open();
        let of = |kind: &str| {
            format!("SELECT {kind}_name, '{kind}', comment FROM duckdb_{kind}s() WHERE schema_name = 'milepost'")
        };
        let mut relations = connection.prepare(&format!("{} UNION ALL {}", of("table"), of("view"))).unwrap();
        let relations: Vec<(String, String, Option<String>)> = relations
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        let mut state = State::new();
        for (name, kind, comment) in relations {
            // What is made is made with its mark, or not at all.
            let mark = comment.as_deref().and_then(Mark::parse);
            assert!(
                mark.is_some_and(|mark| mark
                    .as_of
                    .is_none_or(|own| MOMENTS.iter().any(|moment| own.starts_with(moment)))),
                "{name}"
            );
            let sql =
                format!("SELECT count(*), CAST(coalesce(sum(hash(t)), 0) AS VARCHAR) FROM milepost.\"{name}\" AS t");
            let read = connection.query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?)));
            let found = read.unwrap_or_else(|error| panic!("{name}: {error}"));
            // A view shows what its tables hold, and they may be of two runs.
            if kind == "table" {
                state.insert(name, found);
            }
        }
        state
    }

    /// Asserts that each table is one of the two that runs make: none is missing, none is half written.
    fn assert_whole(&self, when: &str) {
        let state = self.state();
        assert!(state.keys().eq(self.fresh[0].keys()), "{when}: {:?}", state.keys());
        for (name, found) in state {
            let allowed = [&self.fresh[0][&name], &self.fresh[1][&name]];
            assert!(allowed.contains(&&found), "{when}: `{name}` is {found:?} and neither of {allowed:?}");
        }
    }
}

/// A run that does not end.
struct Held {
    child: Child,
    stderr: BufReader<ChildStderr>,
    said: String,
    /// The definition that holds it.
    definition: PathBuf,
}

impl Held {
    /// Waits until it says something.
    fn wait_until_it_says(&mut self, wanted: &str) {
        while !self.said.contains(wanted) {
            assert_ne!(self.stderr.read_line(&mut self.said).unwrap(), 0, "the run has ended: {}", self.said);
        }
    }

    /// Waits until so many relations were made and the one that takes minutes was begun.
    fn wait_for(&mut self, made: usize) {
        let (mut is_held, mut ended) = (false, 0);
        while !is_held || ended < made {
            let mut line = String::new();
            assert_ne!(self.stderr.read_line(&mut line).unwrap(), 0, "the run has ended: {}", self.said);
            self.said.push_str(&line);
            is_held |= line.contains("START  entity_held");
            ended += usize::from(line.contains(" OK "));
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_file(&self.definition);
    }
}

fn words(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn files_that_end(folder: &Path, end: &str) -> BTreeSet<PathBuf> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|file| file.extension().is_some_and(|extension| extension == end)).collect()
}

#[test]
fn a_run_that_is_killed_leaves_whole_tables() {
    if !extent::all("runs that are killed") {
        return;
    }
    let project = Project::new();
    let relations = project.relations();
    for number in 0..KILLS {
        let [this, next] = [number % 2, (number + 1) % 2];
        let made = number % (relations + 1);
        let mut run = project.start(MOMENTS[this]);
        run.wait_for(made);
        run.child.kill().unwrap();
        assert!(!run.child.wait().unwrap().success());
        drop(run);
        project.assert_whole(&format!("killed after {made} of {relations}"));
        // The next run mends everything, and what it makes is what it makes in an empty database.
        if number % 5 == 0 {
            project.run(MOMENTS[next]);
            assert_eq!(project.state(), project.fresh[next]);
        }
    }
}

#[cfg(unix)]
#[test]
fn a_run_that_is_interrupted_says_so_and_leaves_whole_tables() {
    if !extent::all("runs that are interrupted") {
        return;
    }
    let project = Project::new();
    let results = project.root().join("target/run_results.json");
    let relations = project.relations();
    for number in 0..INTERRUPTS {
        let this = number % 2;
        let made = relations * number / INTERRUPTS;
        let mut run = project.start(MOMENTS[this]);
        run.wait_for(made);
        let told = Command::new("kill").args(["-INT", &run.child.id().to_string()]).status().unwrap();
        assert!(told.success());
        let when = format!("interrupted after {made} of {relations}");
        assert_eq!(run.child.wait().unwrap().code(), Some(1), "{when}");
        drop(run);
        project.assert_whole(&when);
        let document: Document = serde_json::from_str(&fs::read_to_string(&results).unwrap()).unwrap();
        let held = document.results.iter().find(|entry| entry.unique_id.ends_with(".entity_held")).unwrap();
        assert_eq!(held.status, Status::Skipped, "{when}");
        assert!(document.results.iter().all(|entry| entry.status != Status::Error), "{when}");
        let succeeded = document.results.iter().filter(|entry| entry.status == Status::Success).count();
        assert!(succeeded >= made, "{when}: {succeeded}");
        if number % 4 == 0 {
            project.run(MOMENTS[this]);
            assert_eq!(project.state(), project.fresh[this], "{when}");
        }
    }
}

/// Before the first relation is made raw rows are looked at, which may take long.
#[cfg(unix)]
#[test]
fn a_run_that_is_stopped_before_the_first_relation_says_what_it_skipped() {
    let project = Project::new();
    let results = project.root().join("target/run_results.json");
    // A column that is no text is looked at.
    let looked_at = HELD.replace("\"string\"", "\"int\"");
    for signal in ["-INT", "-TERM"] {
        let _ = fs::remove_file(&results);
        let mut run = project.start_with(MOMENTS[0], &looked_at);
        run.wait_until_it_says("relations on `dev`");
        assert!(Command::new("kill").args([signal, &run.child.id().to_string()]).status().unwrap().success());
        assert_eq!(run.child.wait().unwrap().code(), Some(1), "{signal}");
        run.stderr.read_to_string(&mut run.said).unwrap();
        assert!(run.said.ends_with("error: the run was stopped\n"), "{signal}: {}", run.said);
        drop(run);
        assert_eq!(project.state(), project.fresh[1], "{signal}");
        let document: Document = serde_json::from_str(&fs::read_to_string(&results).unwrap()).unwrap();
        assert_eq!(document.errors, ["the run was stopped"]);
        assert!(document.results.iter().any(|entry| entry.unique_id.ends_with(".entity_held")), "{signal}");
        for entry in &document.results {
            assert_eq!(entry.status, Status::Skipped, "{signal}");
            assert_eq!(entry.message.as_deref(), Some("the run was cancelled before it began"), "{signal}");
        }
    }
}
