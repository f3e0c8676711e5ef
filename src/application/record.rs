//! What a command did, for `run_results.json`: written at every end of one that runs something, and never that of another
//! invocation.

use std::cell::RefCell;
use std::fs;
use std::path::Path;
use std::time::Instant;

use jiff::Timestamp;

use crate::application::Obstacle;
use crate::application::artifacts;
use crate::application::workspace::Workspace;
use crate::report::junit::{self, Report, Tested};
use crate::run::results::{self, Document, Invocation};
use crate::run::values::Found;
use crate::run::{RunResult, skip};
use crate::target::Target;

/// What a command did, as far as it came.
#[derive(Debug)]
pub struct Record {
    command: &'static str,
    began: Instant,
    invocation: RefCell<Invocation>,
    run: RefCell<Option<RunResult>>,
    tests: RefCell<Vec<Tested>>,
    raw_rows: RefCell<Vec<Found>>,
}

impl Record {
    /// Begins one.
    pub fn new(command: &'static str) -> Self {
        Self {
            command,
            began: Instant::now(),
            invocation: RefCell::new(Invocation::of(command)),
            run: RefCell::default(),
            tests: RefCell::default(),
            raw_rows: RefCell::default(),
        }
    }

    /// Says what the command works on, as soon as that is known.
    pub fn works_on(&self, workspace: &Workspace, target: Option<&Target>) {
        let mut invocation = Invocation::of(self.command);
        invocation.project.clone_from(&workspace.analysis.model.name);
        if let Some(target) = target {
            let args = [
                ("target", target.name.clone()),
                ("dialect", target.dialect.name().to_owned()),
                ("as_of", workspace.as_of.to_string()),
            ];
            invocation.args.extend(args.into_iter().map(|(name, value)| (name.to_owned(), value.into())));
        }
        self.invocation.replace(invocation);
    }

    /// Adds what became of unit tests.
    pub fn tested(&self, tests: impl IntoIterator<Item = Tested>) {
        self.tests.borrow_mut().extend(tests);
    }

    /// Says what became of the relations.
    pub fn ran(&self, run: RunResult, raw_rows: Vec<Found>) {
        self.run.replace(Some(run));
        self.raw_rows.replace(raw_rows);
    }

    /// Returns what became of unit tests, as JUnit XML; `errors` are what was said to be wrong, `folder` is where readers of
    /// it see the project.
    pub fn junit(&self, started_at: Timestamp, errors: &[String], folder: &str) -> String {
        let (project, tests) = (self.invocation.borrow().project.clone(), self.tests.borrow());
        junit::document(&Report { project: &project, started_at, folder, tests: &tests, errors })
    }

    /// Returns the document of results; `errors` are what was said to be wrong.
    pub fn document(self, started_at: Timestamp, errors: Vec<String>) -> Document {
        let nothing = || RunResult { started_at, ..skip(Vec::new(), "") };
        let run = self.run.into_inner().unwrap_or_else(nothing);
        let invocation = self.invocation.into_inner();
        let mut document = results::document(&run, &invocation);
        let entry = |test: Tested| {
            results::test_entry(&invocation.project, &test.name, test.status, test.message, test.seconds)
        };
        document.results.splice(0..0, self.tests.into_inner().into_iter().map(entry));
        document.raw_rows = self.raw_rows.into_inner();
        document.errors = errors;
        // Of all that the command did: tests, looks at the data, and the run.
        document.elapsed_time = self.began.elapsed().as_secs_f64();
        document
    }
}

/// Refuses to write results where somebody else has a folder, or a file of that name.
pub fn refuse_others(folder: &Path, path: &Path) -> Result<(), Obstacle> {
    artifacts::refuse_foreign(folder)?;
    if fs::symlink_metadata(path).is_ok() && artifacts::ours(path).is_none() {
        let message = format!("`{}` is there, and milepost did not write it: it stays as it is", path.display());
        return Err(
            Obstacle::new(message).help("name another folder with `--target-path`, or remove the file yourself")
        );
    }
    Ok(())
}
