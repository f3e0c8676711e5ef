//! `milepost test`: runs the unit tests of the project.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::application::making::threads;
use crate::application::record::Record;
use crate::application::workspace::Workspace;
use crate::cli::arguments::{Selection, Tests};
use crate::cli::outcome::{Exit, Failure, say_error};
use crate::cli::results::recorded;
use crate::cli::terminal::{Cx, say_always};
use crate::project::Project;
use crate::report::diagnostics::shown_path;
use crate::report::junit::Tested;
use crate::report::progress::Status;
use crate::run::Status as RunStatus;
use crate::suite::case::Case;
use crate::suite::{self, Against, Options, Outcome};
use crate::warehouse::{self, EMBEDDED};
use crate::{Analysis, application};

/// Run the project's unit tests: given rows, expected rows
///
/// A test is a table `[test.<name>]` of any file of the project. It runs on the embedded engine, on the rows that it
/// gives and at the instant that it names; no warehouse is connected to.
///
/// It is selected, and excluded, by its own name, tags and file, and with each definition whose rows it expects.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    milepost test\n  \
    milepost test --select activation_counts_within_window\n  \
    milepost test --junit tests.xml\n  \
    milepost test --select +kpi.activation_rate")]
pub struct Args {
    /// Which tests, or which definitions to test.
    #[command(flatten)]
    pub selection: Selection,

    /// How unit tests are told of.
    #[command(flatten)]
    pub tests: Tests,
}

/// Runs the command.
pub fn run(args: &Args, cx: &Cx) -> Result<Exit, Failure> {
    recorded("test", true, args.tests.junit.as_deref(), cx, |record| {
        let mut workspace = cx.open()?;
        record.works_on(&workspace, None);
        let cases = cases(&mut workspace, &args.selection, cx)?;
        test(&workspace, &cases, Against::Expected, cx.globals.threads.unwrap_or(0), record, cx)?;
        Ok(cx.warn(&workspace))
    })
}

/// Returns the cases that the flags select, and says where there are none.
pub fn cases(workspace: &mut Workspace, selection: &Selection, cx: &Cx) -> Result<Vec<Case>, Failure> {
    let cases = application::cases::cases(workspace, &selection.plain())?;
    if cases.is_empty() {
        cx.say(if workspace.analysis.project.tables.tests.is_empty() {
            "the project has no unit tests"
        } else {
            "no unit test is selected: none expects rows of what is selected"
        });
    }
    Ok(cases)
}

/// Runs cases, and says and records what became of each; fails where one of them did not pass. `wanted` threads
/// run side by side; 0 is as many as there are processors.
pub fn test(
    workspace: &Workspace,
    cases: &[Case],
    against: Against<'_>,
    wanted: usize,
    record: &Record,
    cx: &Cx,
) -> Result<(), Failure> {
    if cases.is_empty() {
        return Ok(());
    }
    // Each of them would fail for it.
    warehouse::is_connectable(EMBEDDED).map_err(|error| Failure::new(error.message))?;
    let Analysis { project, model, plan } = &workspace.analysis;
    let cancelled = cx.cancelled();
    let options = Options { threads: threads(wanted), fail_fast: cx.globals.fail_fast, cancelled: &cancelled };
    let progress = Mutex::new(cx.progress(cases.len()));
    let times: Mutex<BTreeMap<String, f64>> = Mutex::default();
    let clock = Instant::now();
    let all: Vec<&Case> = cases.iter().collect();
    let cases_cx = suite::Cx { project, model, plan };
    let (outcomes, left_behind) = suite::run(cases_cx, &all, against, options, &|case, ended| {
        let mut progress = progress.lock().expect("no line panics");
        let line = match ended {
            None => progress.started(&case.name),
            Some((outcome, elapsed)) => {
                times.lock().expect("no time panics").insert(case.name.clone(), elapsed.as_secs_f64());
                progress.finished(&case.name, &shown(outcome), elapsed)
            }
        };
        if let Some(line) = line {
            say_always(&line);
        }
    });
    let mut progress = progress.into_inner().expect("no line panics");
    for (case, _) in cases.iter().zip(&outcomes).filter(|(_, outcome)| **outcome == Outcome::Skipped) {
        progress.finished(&case.name, &shown(&Outcome::Skipped), Duration::ZERO);
    }
    let times = times.into_inner().expect("no time panics");
    let is_stopped = cancelled.load(Ordering::Relaxed);
    record.tested(cases.iter().zip(&outcomes).map(|(case, outcome)| {
        let (status, message) = match outcome {
            Outcome::Passed => (RunStatus::Pass, None),
            Outcome::Failed(differences) => (RunStatus::Fail, Some(differences.clone())),
            Outcome::Error(message) => (RunStatus::Error, Some(message.clone())),
            Outcome::Skipped => (RunStatus::Skipped, is_stopped.then(|| "the tests were stopped".to_owned())),
        };
        let seconds = times.get(&case.name).copied().unwrap_or_default();
        let (file, line) = place(project, &case.name);
        Tested { name: case.name.clone(), file, line, status, message, seconds }
    }));
    let passed = outcomes.iter().filter(|outcome| **outcome == Outcome::Passed).count();
    match progress.summary(clock.elapsed()) {
        Some(summary) => say_always(&summary),
        None => cx.say(&format!("{passed} of {} unit tests passed", cases.len())),
    }
    if is_stopped {
        say_error("the tests were stopped", None, cx);
    }
    for reason in &left_behind {
        say_error(reason, None, cx);
    }
    if passed == cases.len() && left_behind.is_empty() { Ok(()) } else { Err(Failure::Reported) }
}

/// Returns the file and the line that a test stands in.
fn place(project: &Project, name: &str) -> (String, usize) {
    let test = project.tables.tests.iter().find(|test| test.name == name).expect("a case is made of a test");
    (shown_path(project.sources.path(test.span.source)), project.sources.line_column(test.span).0)
}

fn shown(outcome: &Outcome) -> Status {
    match outcome {
        Outcome::Passed => Status::Pass,
        Outcome::Failed(differences) => Status::Fail(differences.clone()),
        Outcome::Error(message) => Status::Error(message.clone()),
        Outcome::Skipped => Status::Skip("not tried".to_owned()),
    }
}
