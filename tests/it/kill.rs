//! Kills the real program at many moments of a run: what is in the database is what was there before, or what was made.
//!
//! The moments are spread evenly over the time that a run takes here, so that each part of it is hit on any machine.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use duckdb::Connection;
use milepost::run::Status;
use milepost::run::results::Document;
use tempfile::TempDir;

use crate::cli::milepost;
use crate::extent;

/// The runs that are killed.
const KILLS: u32 = 50;

/// The runs that are interrupted.
const INTERRUPTS: u32 = 12;

/// Two moments as of which every table that depends on one differs.
const MOMENTS: [&str; 2] = ["2026-02-01", "2026-03-01"];

/// What is in each table: a count of its rows, and a digest of them in any order.
type State = BTreeMap<String, (i64, String)>;

/// A project in a folder of its own, and what a run of it makes as of each moment.
struct Project {
    folder: TempDir,
    fresh: [State; 2],
    /// How long a run takes.
    time: Duration,
}

impl Project {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        assert!(milepost(&["init", "killed"]).current_dir(folder.path()).output().unwrap().status.success());
        let mut project = Self { folder, fresh: [State::new(), State::new()], time: Duration::ZERO };
        for (index, moment) in MOMENTS.iter().enumerate() {
            let _ = fs::remove_dir_all(project.root().join("target"));
            let began = Instant::now();
            project.run(moment);
            project.time = began.elapsed();
            project.fresh[index] = project.state();
        }
        let [first, second] = &project.fresh;
        assert!(first.keys().eq(second.keys()));
        assert!(first.iter().any(|(name, state)| second[name] != *state), "the moments make no difference");
        project
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

    fn start(&self, moment: &str) -> Child {
        self.command(moment).spawn().unwrap()
    }

    /// Reads every table, and asks every view for its rows.
    fn state(&self) -> State {
        let file = files_that_end(&self.root().join("target"), "duckdb").into_iter().next().unwrap();
        let connection = Connection::open(&file).unwrap();
        let mut relations = connection
            .prepare("SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = 'milepost'")
            .unwrap();
        let relations: Vec<(String, String)> =
            relations.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().collect::<Result<_, _>>().unwrap();
        let mut state = State::new();
        for (name, kind) in relations {
            let sql =
                format!("SELECT count(*), CAST(coalesce(sum(hash(t)), 0) AS VARCHAR) FROM milepost.\"{name}\" AS t");
            let read = connection.query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?)));
            let found = read.unwrap_or_else(|error| panic!("{name}: {error}"));
            // A view shows what its tables hold, and they may be of two runs.
            if kind == "BASE TABLE" {
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

    fn moment(&self, number: u32, of: u32) -> Duration {
        self.time * (2 * number + 1) / (2 * of)
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
    let mut early = 0;
    for number in 0..KILLS {
        let [this, next] = [number as usize % 2, (number as usize + 1) % 2];
        let mut run = project.start(MOMENTS[this]);
        std::thread::sleep(project.moment(number, KILLS));
        run.kill().unwrap();
        early += u32::from(!run.wait().unwrap().success());
        project.assert_whole(&format!("killed after {:?}", project.moment(number, KILLS)));
        // The next run mends everything, and what it makes is what it makes in an empty database.
        project.run(MOMENTS[next]);
        assert_eq!(project.state(), project.fresh[next]);
    }
    assert!(early * 2 > KILLS, "only {early} of {KILLS} runs were killed before they ended");
}

#[cfg(unix)]
#[test]
fn a_run_that_is_interrupted_says_so_and_leaves_whole_tables() {
    use std::os::unix::process::ExitStatusExt;

    if !extent::all("runs that are interrupted") {
        return;
    }
    let project = Project::new();
    let results = project.root().join("target/run_results.json");
    let mut stopped = 0;
    for number in 0..INTERRUPTS {
        let this = number as usize % 2;
        let before = fs::read_to_string(&results).unwrap();
        let run = project.start(MOMENTS[this]);
        std::thread::sleep(project.moment(number, INTERRUPTS));
        let sent = Command::new("kill").args(["-INT", &run.id().to_string()]).stderr(Stdio::null()).status().unwrap();
        let output = run.wait_with_output().unwrap();
        let when = format!("interrupted after {:?}: {}", project.moment(number, INTERRUPTS), words(&output));
        project.assert_whole(&when);
        let after = fs::read_to_string(&results).unwrap();
        let document: Document = serde_json::from_str(&after).unwrap();
        let all_made = document.results.iter().all(|entry| entry.status == Status::Success);
        if output.status.success() {
            assert!(all_made, "{when}");
        } else if after == before {
            // It had not come so far as to make anything: the signal ended it, or it said that it stopped.
            assert!(output.status.signal().is_some() || output.status.code() != Some(0), "{when}");
        } else {
            assert!(sent.success() && output.status.code().is_some_and(|code| code != 0), "{when}");
            assert!(document.results.iter().any(|entry| entry.status == Status::Skipped), "{when}");
            assert!(document.results.iter().all(|entry| entry.status != Status::Error), "{when}");
            stopped += 1;
        }
        project.run(MOMENTS[this]);
        assert_eq!(project.state(), project.fresh[this], "{when}");
    }
    assert!(stopped > 0, "no run of {INTERRUPTS} was stopped while it made something");
}
