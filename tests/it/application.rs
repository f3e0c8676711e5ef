//! The application without the command line: one process, several projects at a time, and nothing of it is the process's.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use milepost::application::making::{How, Watcher, make};
use milepost::application::record::Record;
use milepost::application::rows::{self, Query};
use milepost::application::selection::Selection;
use milepost::application::workspace::{Request, Workspace};
use milepost::application::{Obstacle, starter};
use milepost::report::table::Cell;
use milepost::run::{Event, RunResult, Status};

/// Keeps what it is told.
#[derive(Default)]
struct Told {
    said: Mutex<Vec<String>>,
    made: Mutex<usize>,
}

impl Watcher for Told {
    fn note(&self, _: &str) {}

    fn warning(&self, text: &str) {
        self.said.lock().unwrap().push(text.to_owned());
    }

    fn error(&self, text: &str) {
        self.said.lock().unwrap().push(text.to_owned());
    }

    fn cancelled(&self) -> Arc<AtomicBool> {
        Arc::default()
    }

    fn begins(&self, _: usize) {}

    fn happens(&self, event: Event<'_>) {
        if let Event::Finished { outcome, .. } = event {
            *self.made.lock().unwrap() += usize::from(outcome.status == Status::Success);
        }
    }

    fn ended(&self, result: &RunResult) {
        assert_eq!(*self.made.lock().unwrap(), result.count(Status::Success));
    }
}

/// Runs a project, and returns how many signed up.
fn signups(root: &Path) -> Result<i64, Obstacle> {
    let now = "2026-03-01T00:00:00Z".parse::<Timestamp>().unwrap();
    let mut workspace = Workspace::open(Request::of(root, now))?;
    let target = workspace.target()?;
    let all = Selection::default();
    let part = workspace.part(&all)?;
    let (record, told) = (Record::new("run"), Told::default());
    let made = make(&mut workspace, &target, &part, &all, &How::default(), &record, &told)?;
    let warehouse = made.unwrap_or_else(|| panic!("{:?}", told.said));
    let id = workspace.analysis.plan.find("kpi_signups").unwrap();
    let node = workspace.analysis.plan.node(id);
    let (found, _) = rows::read(&target, &*warehouse, node, Query::Periods { segments: false }, None)?;
    let n = found.columns.iter().position(|column| column == "n").unwrap();
    let counts = found.rows.iter().map(|row| if let Cell::Int(count) = row[n] { count } else { 0 });
    Ok(counts.sum())
}

#[test]
fn two_projects_are_run_at_a_time_in_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let roots = ["one", "other"].map(|name| folder.path().join(name));
    for root in &roots {
        starter::write(root, "acme").unwrap();
    }
    // The same names of files, and other rows in them.
    let users = roots[1].join("data/users.csv");
    let text = fs::read_to_string(&users).unwrap();
    let fewer: Vec<&str> = text.lines().take(3).collect();
    fs::write(&users, fewer.join("\n") + "\n").unwrap();
    let before = std::env::current_dir().unwrap();
    let counts = std::thread::scope(|scope| {
        let runs = roots.each_ref().map(|root| scope.spawn(|| signups(root)));
        runs.map(|run| run.join().unwrap().unwrap_or_else(|obstacle| panic!("{obstacle:?}")))
    });
    let is_before = |line: &&str| line.split(',').nth(1).is_some_and(|at| at < "2026-03-01");
    let all = text.lines().skip(1).filter(is_before).count();
    assert_eq!(counts, [i64::try_from(all).unwrap(), 2]);
    assert_eq!(std::env::current_dir().unwrap(), before);
    for root in &roots {
        assert!(root.join("target/manifest.json").is_file());
    }
}

#[test]
fn what_is_wrong_is_returned() {
    let folder = tempfile::tempdir().unwrap();
    starter::write(folder.path(), "acme").unwrap();
    let request = Request { target: Some("nowhere".to_owned()), ..Request::of(folder.path(), Timestamp::UNIX_EPOCH) };
    let mut workspace = Workspace::open(request).unwrap();
    let Err(Obstacle::Mistakes { found, .. }) = workspace.target() else { panic!("there is such a target") };
    let codes: Vec<&str> = found.sorted().iter().map(|diagnostic| diagnostic.code).collect();
    assert_eq!(codes, ["unknown-target"]);
}
