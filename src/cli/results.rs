//! `run_results.json`: written at every end of a command that runs something, and never that of another invocation.

use std::cell::RefCell;
use std::fs;
use std::path::Path;

use jiff::Timestamp;

use crate::cli::arguments::Output;
use crate::cli::artifacts::{self, RESULTS};
use crate::cli::outcome::{Exit, Failure, say_error, say_warning};
use crate::cli::terminal::Cx;
use crate::cli::workspace::Workspace;
use crate::project::load::PROJECT_FILE;
use crate::run::results::{self, Document, Entry, Invocation};
use crate::run::values::Found;
use crate::run::{RunResult, skip};
use crate::target::Target;

/// What a command did, as far as it came.
#[derive(Debug)]
pub struct Record {
    command: &'static str,
    invocation: RefCell<Invocation>,
    run: RefCell<Option<RunResult>>,
    tests: RefCell<Vec<Entry>>,
    raw_rows: RefCell<Vec<Found>>,
}

impl Record {
    fn new(command: &'static str) -> Self {
        Self {
            command,
            invocation: RefCell::new(Invocation::of(command)),
            run: RefCell::default(),
            tests: RefCell::default(),
            raw_rows: RefCell::default(),
        }
    }

    /// Says what the command works on, as soon as that is known.
    pub fn works_on(&self, workspace: &Workspace<'_>, target: Option<&Target>) {
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
    pub fn tested(&self, tests: impl IntoIterator<Item = Entry>) {
        self.tests.borrow_mut().extend(tests);
    }

    /// Says what became of the relations.
    pub fn ran(&self, run: RunResult, raw_rows: Vec<Found>) {
        self.run.replace(Some(run));
        self.raw_rows.replace(raw_rows);
    }

    fn document(self, started_at: Timestamp, errors: Vec<String>) -> Document {
        let nothing = || RunResult { started_at, ..skip(Vec::new(), "") };
        let run = self.run.into_inner().unwrap_or_else(nothing);
        let mut document = results::document(&run, &self.invocation.into_inner());
        document.results.splice(0..0, self.tests.into_inner());
        document.raw_rows = self.raw_rows.into_inner();
        document.errors = errors;
        document
    }
}

/// Does what a command does, and writes its results, whatever its end: what was tried, or why nothing was. Where they
/// cannot be written that is an error; with `is_optional` it is said, and no more: tests need no place to write to.
pub fn recorded(
    command: &'static str,
    is_optional: bool,
    cx: &Cx,
    work: impl FnOnce(&Record) -> Result<Exit, Failure>,
) -> Result<Exit, Failure> {
    let started_at = Timestamp::now();
    // It can be resolved only here: who connects leaves the folder that the program was called in.
    let folder = std::path::absolute(cx.target_path());
    let is_project = cx.globals.project_dir.join(PROJECT_FILE).is_file();
    let record = Record::new(command);
    let mut ended = work(&record);
    // What is in the way is told here, so that the results have it too.
    if let Err(Failure::Refused { message, help }) = &ended {
        say_error(message, help.as_deref(), cx);
        ended = Err(Failure::Untried);
    }
    let text = results::json(&record.document(started_at, cx.errors()));
    if let (true, Ok(folder)) = (is_project, folder) {
        let path = folder.join(RESULTS);
        if let Err(Failure::Refused { message, help }) = refuse_others(&folder, &path) {
            // It may be what stopped the command, and was said then.
            if !cx.errors().contains(&message) {
                say_error(&message, help.as_deref(), cx);
            }
            return ended.and(Err(Failure::Untried));
        }
        match results::write(&path, &text) {
            Err(error) if is_optional => say_warning(&format!("writing `{}`: {error}", path.display()), cx),
            written => written.map_err(|error| Failure::io(format!("writing `{}`", path.display()), &error))?,
        }
    }
    if cx.globals.output == Output::Json {
        cx.print(&text)?;
    }
    ended
}

/// Refuses to write results where somebody else has a folder, or a file of that name.
fn refuse_others(folder: &Path, path: &Path) -> Result<(), Failure> {
    artifacts::refuse_foreign(folder)?;
    if fs::symlink_metadata(path).is_ok() && artifacts::ours(path).is_none() {
        let message = format!("`{}` is there, and milepost did not write it: it stays as it is", path.display());
        return Err(Failure::new(message).help("name another folder with `--target-path`, or remove the file yourself"));
    }
    Ok(())
}
