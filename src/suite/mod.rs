//! The project's unit tests: what was written -> cases that can be run, and their running on a database in memory.

pub mod case;
pub mod given;

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::check::{Checked, check};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::plan::node::{NodeId, Plan};
use crate::project::Project;
use crate::render::dialect::Dialect;
use crate::render::{self, Place, Statement};
use crate::run::unit;
use crate::semantic::model::Model;
use crate::semantic::moment;
use crate::suite::case::Case;
use crate::warehouse::{self, EMBEDDED, Warehouse};

/// The schema of the relations that a test makes.
const SCHEMA: &str = "milepost";

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

/// Runs `cases` side by side, each thread on a database of its own, and returns their outcomes in their order.
pub fn run(cx: Cx<'_>, cases: &[&Case], options: Options<'_>, observer: Observer<'_>) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let stopped = AtomicBool::new(false);
    let outcomes = Mutex::new(vec![Outcome::Skipped; cases.len()]);
    let work = || {
        let mut database = None;
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let is_over = options.cancelled.load(Ordering::Relaxed) || stopped.load(Ordering::Relaxed);
            let Some(case) = cases.get(index).filter(|_| !is_over) else { break };
            observer(case, None);
            let clock = Instant::now();
            let outcome = run_on(&mut database, cx, case);
            if options.fail_fast && outcome != Outcome::Passed {
                stopped.store(true, Ordering::Relaxed);
            }
            observer(case, Some((&outcome, clock.elapsed())));
            outcomes.lock().expect("no thread panics with the lock")[index] = outcome;
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..options.threads.clamp(1, cases.len().max(1)) {
            scope.spawn(work);
        }
    });
    outcomes.into_inner().expect("no thread panics with the lock")
}

fn run_on(database: &mut Option<Box<dyn Warehouse>>, cx: Cx<'_>, case: &Case) -> Outcome {
    let result = (|| {
        if database.is_none() {
            let target = warehouse::in_memory(Path::new(&cx.project.root).to_path_buf());
            *database = Some(warehouse::connect(&target).map_err(|error| error.message)?);
        }
        let warehouse = database.as_deref().expect("it was just opened");
        differences(warehouse, cx, case)
    })();
    match result {
        Ok(text) if text.is_empty() => Outcome::Passed,
        Ok(text) => Outcome::Failed(text),
        Err(message) => {
            // What a failure leaves behind is nobody's.
            *database = None;
            Outcome::Error(message)
        }
    }
}

/// Makes what the expected relations need from the given rows, and returns what differs; nothing where nothing does.
fn differences(warehouse: &dyn Warehouse, cx: Cx<'_>, case: &Case) -> Result<String, String> {
    let dialect = Dialect::named(EMBEDDED).expect("the driver that is built in has a dialect");
    let place = Place {
        dialect,
        schema: SCHEMA.to_owned(),
        as_of: moment::literal(case.as_of),
        stand_ins: given::stand_ins(cx.model),
    };
    for (relation, rows) in given::tables(cx.model, case, dialect) {
        let relation = dialect.table(&relation)?;
        warehouse.load(&relation, &rows).map_err(|error| format!("loading the given rows of {relation}: {error}"))?;
    }
    for statement in statements(cx, case, &place)? {
        let making = |error: warehouse::Error| format!("making `{}`: {error}", statement.node());
        warehouse.execute(&statement).map_err(making)?;
    }
    let mut text = String::new();
    for (id, expectation) in &case.expected {
        let node = cx.plan.node(*id);
        let relation = dialect.table(&format!("{SCHEMA}.{}", node.name))?;
        let query = Statement { node: node.name.clone(), sql: format!("SELECT * FROM {relation}"), origin: None };
        let query = check(query, dialect).map_err(|refusal| refusal.reason)?;
        let rows = warehouse.query(&query, None).map_err(|error| format!("reading `{}`: {error}", node.name))?;
        text.push_str(&unit::compare(&rows, expectation).text(&node.name));
    }
    Ok(text)
}

/// Returns the statements of the relations that are expected, and of all that these read.
fn statements(cx: Cx<'_>, case: &Case, place: &Place) -> Result<Vec<Checked>, String> {
    let mut needed = vec![false; cx.plan.nodes.len()];
    let mut open: Vec<NodeId> = case.expected.iter().map(|(id, _)| *id).collect();
    while let Some(id) = open.pop() {
        if !std::mem::replace(&mut needed[id.0], true) {
            open.extend(&cx.plan.node(id).depends_on);
        }
    }
    let part: Vec<NodeId> = (0..needed.len()).filter(|index| needed[*index]).map(NodeId).collect();
    let mut diagnostics = Diagnostics::default();
    let sources = &cx.project.sources;
    let statements = render::render_part(&part, cx.plan, cx.model, sources, place, &mut diagnostics);
    if let Some(Diagnostic { message, .. }) = diagnostics.sorted().first() {
        return Err(message.clone());
    }
    let parse = |statement| check(statement, place.dialect).map_err(|refusal| refusal.reason);
    statements.into_iter().map(parse).collect()
}
