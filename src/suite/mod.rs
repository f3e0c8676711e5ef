//! The project's unit tests: what was written -> cases that can be run, and their running: on a database in memory
//! against what is expected, or there and on another warehouse, one against the other.

pub mod case;
pub mod given;
pub mod stage;
pub mod steps;

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::plan::node::Plan;
use crate::project::Project;
use crate::render::dialect::Dialect;
use crate::run::unit;
use crate::semantic::model::Model;
use crate::suite::case::Case;
use crate::suite::stage::{Stage, Within, needed};
use crate::warehouse::{self, EMBEDDED, Interrupter, Warehouse};

/// The schema of the relations that a test makes in memory.
const SCHEMA: &str = "milepost";

/// How often it is looked whether the run was stopped.
const TICK: Duration = Duration::from_millis(20);

/// What became of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All is as expected.
    Passed,
    /// Something differs: the differences, as text.
    Failed(String),
    /// It could not be run, and why.
    Error(String),
    /// It was not tried: the run was stopped before.
    Skipped,
}

/// Watches a run of cases: told of each as it begins (without an outcome) and as it ends.
pub type Observer<'observer> = &'observer (dyn Fn(&Case, Option<(&Outcome, Duration)>) + Sync);

/// How to run.
#[derive(Clone, Copy, Debug)]
pub struct Options<'run> {
    /// How many cases run side by side.
    pub threads: usize,
    /// Whether nothing more is begun after the first that does not pass.
    pub fail_fast: bool,
    /// Set by somebody else to stop.
    pub cancelled: &'run AtomicBool,
}

/// What a case's relations are held against.
#[derive(Clone, Copy)]
pub enum Against<'t> {
    /// The rows that it expects.
    Expected,
    /// The rows of the same relations on another warehouse.
    Warehouse(&'t Other),
}

/// Another warehouse, on which cases are run besides.
pub struct Other {
    /// A connection: each thread takes a session of its own.
    pub warehouse: Box<dyn Warehouse>,
    /// The warehouse's SQL.
    pub dialect: &'static Dialect,
    /// What the names of the schemas begin with that are made there, with dots between the parts: one for each thread.
    pub schema: String,
    /// Whether these schemas stay.
    pub keep: bool,
}

/// What cases are run with.
#[derive(Clone, Copy)]
pub struct Cx<'c> {
    /// What was written.
    pub project: &'c Project,
    /// What it means.
    pub model: &'c Model,
    /// What must be computed.
    pub plan: &'c Plan,
}

/// Runs `cases` side by side, each thread on databases and schemas of its own, and returns their outcomes in their order,
/// and what went wrong afterwards: schemas that could not be dropped.
pub fn run(
    cx: Cx<'_>,
    cases: &[&Case],
    against: Against<'_>,
    options: Options<'_>,
    observer: Observer<'_>,
) -> (Vec<Outcome>, Vec<String>) {
    let next = AtomicUsize::new(0);
    let stopped = AtomicBool::new(false);
    let outcomes = Mutex::new(vec![Outcome::Skipped; cases.len()]);
    let left_behind = Mutex::new(Vec::new());
    let interrupters: Mutex<Vec<Interrupter>> = Mutex::new(Vec::new());
    let is_over = || options.cancelled.load(Ordering::Relaxed) || stopped.load(Ordering::Relaxed);
    let work = |thread: usize| {
        let mut bench = Bench { cx, against, thread, embedded: None, other: None, interrupters: &interrupters };
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(case) = cases.get(index).filter(|_| !is_over()) else { break };
            observer(case, None);
            let clock = Instant::now();
            let outcome = bench.run(case);
            if options.fail_fast && outcome != Outcome::Passed {
                stopped.store(true, Ordering::Relaxed);
            }
            // What was interrupted has failed at nothing.
            let was_stopped = matches!(outcome, Outcome::Error(_)) && options.cancelled.load(Ordering::Relaxed);
            let outcome = if was_stopped { Outcome::Skipped } else { outcome };
            observer(case, Some((&outcome, clock.elapsed())));
            outcomes.lock().expect("no thread panics with the lock")[index] = outcome;
        }
        left_behind.lock().expect("no thread panics with the lock").extend(bench.clear());
    };
    let threads = options.threads.clamp(1, cases.len().max(1));
    std::thread::scope(|scope| {
        let workers: Vec<_> = (1..=threads).map(|thread| scope.spawn(move || work(thread))).collect();
        let mut is_told = false;
        while workers.iter().any(|worker| !worker.is_finished()) {
            if options.cancelled.load(Ordering::Relaxed) && !is_told {
                is_told = true;
                let interrupters = interrupters.lock().unwrap_or_else(PoisonError::into_inner);
                interrupters.iter().for_each(|interrupt| interrupt());
            }
            std::thread::sleep(TICK);
        }
    });
    let outcomes = outcomes.into_inner().expect("no thread panics with the lock");
    (outcomes, left_behind.into_inner().expect("no thread panics with the lock"))
}

/// Where one thread runs its cases.
struct Bench<'run> {
    cx: Cx<'run>,
    against: Against<'run>,
    thread: usize,
    embedded: Option<Box<dyn Warehouse>>,
    other: Option<Box<dyn Warehouse>>,
    interrupters: &'run Mutex<Vec<Interrupter>>,
}

impl Bench<'_> {
    fn run(&mut self, case: &Case) -> Outcome {
        match self.differences(case) {
            Ok(text) if text.is_empty() => Outcome::Passed,
            Ok(text) => Outcome::Failed(text),
            Err(message) => {
                // What a failure leaves behind in memory is nobody's.
                self.embedded = None;
                Outcome::Error(message)
            }
        }
    }

    /// Makes what the expected relations need from the given rows, and returns what differs; nothing where nothing does.
    fn differences(&mut self, case: &Case) -> Result<String, String> {
        let cx = self.cx;
        if self.embedded.is_none() {
            let target = warehouse::in_memory(Path::new(&cx.project.root).to_path_buf());
            self.embedded = Some(warehouse::connect(&target).map_err(|error| error.message)?);
        }
        let warehouse = self.embedded.as_deref().expect("it was just opened");
        let dialect = Dialect::named(EMBEDDED).expect("the driver that is built in has a dialect");
        let stage = Stage { warehouse, dialect, schema: SCHEMA.to_owned() };
        let part = needed(cx.plan, case.expected.iter().map(|(id, _)| *id));
        let within = stage.make(cx, case.as_of, &given::tables(cx.model, case, dialect), &part)?;
        let mut text = String::new();
        match self.against {
            Against::Expected => {
                for (id, expectation) in &case.expected {
                    let node = cx.plan.node(*id);
                    text.push_str(&unit::compare(&stage.read(node, &within)?, expectation).text(&node.name));
                }
            }
            Against::Warehouse(other) => {
                if self.other.is_none() {
                    let session = other.warehouse.session().map_err(|error| error.message)?;
                    let mut interrupters = self.interrupters.lock().unwrap_or_else(PoisonError::into_inner);
                    interrupters.push(session.interrupter());
                    drop(interrupters);
                    self.other = Some(session);
                }
                let there = self.stage(other).expect("it was just opened");
                there.make(cx, case.as_of, &given::tables(cx.model, case, other.dialect), &part)?;
                for node in part.iter().map(|id| cx.plan.node(*id)) {
                    if node.materialization.is_relation() {
                        text.push_str(
                            &unit::agree(&stage.read(node, &within)?, &there.read(node, &Within::new())?)
                                .text(&node.name),
                        );
                    }
                }
            }
        }
        Ok(text)
    }

    /// Returns the schema on the other warehouse.
    fn stage(&self, other: &Other) -> Option<Stage<'_>> {
        let schema = format!("{}_{}", other.schema, self.thread);
        Some(Stage { warehouse: self.other.as_deref()?, dialect: other.dialect, schema })
    }

    /// Drops the schema on the other warehouse; returns why it stays, where it should not.
    fn clear(&self) -> Option<String> {
        match self.against {
            Against::Warehouse(other) if !other.keep => self.stage(other)?.clear().err(),
            Against::Warehouse(_) | Against::Expected => None,
        }
    }
}
