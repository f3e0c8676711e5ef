//! `milepost run`: compiles, and makes the relations in the target's warehouse.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use crate::application::making::{self, How, Watcher};
use crate::application::record::Record;
use crate::application::workspace::Workspace;
use crate::cli::arguments::Selection;
use crate::cli::outcome::{Exit, Failure, say_error, say_warning};
use crate::cli::results::recorded;
use crate::cli::terminal::{Cx, say_always};
use crate::plan::node::NodeId;
use crate::report::progress::{Progress, Status as Shown};
use crate::run::{Event, RunResult, Status};
use crate::target::Target;
use crate::warehouse::Warehouse;

/// Compile the definitions and make their relations in the warehouse
///
/// First all that they read is looked for: tables, files, columns. A relation is made after all that it reads from; when
/// one fails, those that read from it are skipped and the others are still made. Results are written to
/// `target/run_results.json`, after a failure too.
///
/// Each relation carries a mark in the warehouse: what has none is never replaced. A part that is selected is made as of
/// the moment of what is there, unless `--as-of` names another; and with it what it reads and what reads it, where that is
/// missing or of another definition. Where that is of another moment, nothing is made, and it is said what to do.
/// Milestones share relations, so that a selected milestone is made with what these read; KPIs share tables, so that a
/// selected one is made with those that lie in one table with it. Relations of definitions that are gone stay in the
/// warehouse as they are: `milepost drop --gone` drops them.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    milepost run\n  \
    milepost run --select tag:weekly --exclude kind:score\n  \
    milepost run --target prod --as-of 2026-03-01 --threads 8 --fail-fast")]
pub struct Args {
    /// Which definitions.
    #[command(flatten)]
    pub selection: Selection,
}

/// Runs the command.
pub fn run(args: &Args, cx: &Cx) -> Result<Exit, Failure> {
    recorded("run", false, None, cx, |record| {
        let mut workspace = cx.open()?;
        let target = workspace.target()?;
        record.works_on(&workspace, Some(&target));
        let part = workspace.part(&args.selection.plain())?;
        let warehouse = make(&mut workspace, &target, &part, &args.selection, record, cx)?;
        drop(warehouse);
        Ok(cx.warn(&workspace))
    })
}

/// Makes the relations of `part`, which `selection` selects, in the warehouse of `target`, and returns the connection.
pub fn make(
    workspace: &mut Workspace,
    target: &Target,
    part: &[NodeId],
    selection: &Selection,
    record: &Record,
    cx: &Cx,
) -> Result<Box<dyn Warehouse>, Failure> {
    let globals = &cx.globals;
    let how = How { threads: globals.threads, fail_fast: globals.fail_fast, check_data: globals.check_data };
    let shown = ShownRun { cx, progress: OnceLock::new() };
    let made = making::make(workspace, target, part, &selection.plain(), &how, record, &shown)?;
    made.ok_or(Failure::Reported)
}

/// Shows a run to who watches.
struct ShownRun<'cx> {
    cx: &'cx Cx,
    /// Once it has begun.
    progress: OnceLock<Mutex<Progress>>,
}

impl Watcher for ShownRun<'_> {
    fn note(&self, text: &str) {
        self.cx.say(text);
    }

    fn warning(&self, text: &str) {
        say_warning(text, self.cx);
    }

    fn error(&self, text: &str) {
        say_error(text, None, self.cx);
    }

    fn cancelled(&self) -> Arc<AtomicBool> {
        self.cx.cancelled()
    }

    fn begins(&self, relations: usize) {
        self.progress.get_or_init(|| Mutex::new(self.cx.progress(relations)));
    }

    fn happens(&self, event: Event<'_>) {
        let Some(progress) = self.progress.get() else { return };
        // Said while nobody else has the lines.
        let mut progress = progress.lock().expect("no line panics");
        if let Some(line) = line(&mut progress, event) {
            say_always(&line);
        }
    }

    fn ended(&self, result: &RunResult) {
        if result.cancelled {
            say_error("the run was stopped", None, self.cx);
            if self.progress.get().is_none() {
                return;
            }
        }
        let progress = self.progress.get().map(|progress| progress.lock().expect("no line panics"));
        let summary = progress.and_then(|progress| progress.summary(Duration::from_secs_f64(result.seconds)));
        if let Some(summary) = summary {
            say_always(&summary);
            return;
        }
        let unchanged = match result.count(Status::Unchanged) {
            0 => String::new(),
            count => format!(", {count} stand as they are"),
        };
        let made = result.count(Status::Success);
        self.cx.say(&format!("made {made} relations in {:.2}s{unchanged}", result.seconds));
    }
}

fn line(progress: &mut Progress, event: Event<'_>) -> Option<String> {
    match event {
        Event::Started { job, .. } => progress.started(&job.node),
        Event::Retried { job, message } => progress.retried(&job.node, message),
        Event::Finished { job, outcome, .. } => {
            let message = outcome.message.clone().unwrap_or_default();
            let status = match outcome.status {
                Status::Success | Status::Pass => Shown::Ok { rows: outcome.executed.rows_affected },
                Status::Error | Status::Fail => Shown::Error(message),
                Status::Skipped => Shown::Skip(message),
                Status::Unchanged => Shown::Unchanged,
            };
            let seconds = outcome.span.map_or(0.0, |span| span.seconds);
            progress.finished(&job.node, &status, Duration::from_secs_f64(seconds))
        }
    }
}
