//! Makes the nodes of a plan in the order of what they read, in parallel, and says what became of each.
//!
//! A node is made by steps ([`Step`]). One that fails takes down what reads the node and nothing else. A step happens as a whole
//! or not at all, so a run can stop at any moment; that is the warehouse's promise, see [`crate::warehouse`].

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use jiff::Timestamp;

use crate::warehouse::{ErrorKind, Executed, Warehouse};

pub use self::step::Step;
pub use self::stoppable::stoppable;

pub mod preflight;
pub mod results;
pub mod standing;
pub mod unit;
pub mod values;

mod schedule;
mod step;
mod stoppable;
mod workers;

/// One node of the plan, as a run makes it.
#[derive(Clone, Debug)]
pub struct Job {
    /// The node of the plan that it makes; no two jobs of a run share one.
    pub node: String,
    /// What the node is, in a word: the first part of its unique id in the results.
    pub kind: &'static str,
    /// The nodes that it reads. Those that are not of the run are taken to be there.
    pub depends_on: Vec<String>,
    /// What makes it, one after the other; at least one.
    pub steps: Vec<Step>,
    /// Whether what is there is what it would make, whatever was made of what it reads: then it is not executed.
    pub unchanged: bool,
    /// A hash of the definition, where the caller has one.
    pub spec_hash: Option<String>,
    /// The interval that it computes, where it computes one.
    pub interval: Option<Interval>,
}

impl Job {
    /// Returns the relation that it makes, as SQL text, where it makes one.
    pub fn relation(&self) -> Option<&str> {
        self.steps.iter().find_map(Step::relation)
    }

    /// Returns the SQL of its steps.
    pub fn sql(&self) -> String {
        self.steps.iter().map(|step| step.statement().sql()).collect::<Vec<_>>().join(";\n\n")
    }
}

/// A half-open interval of time.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct Interval {
    /// The first moment.
    pub start: String,
    /// The moment after the last one.
    pub end: String,
}

/// How to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many statements may run at once; at least one does.
    pub threads: usize,
    /// Whether nothing more is begun after the first failure. What runs by then finishes.
    pub fail_fast: bool,
    /// How long one statement may take.
    pub timeout: Option<Duration>,
    /// How often a statement that lost to another transaction or to the network is tried again.
    pub retries: u32,
    /// Set by somebody else to stop: running statements are interrupted, the rest is skipped.
    pub cancelled: Arc<AtomicBool>,
}

impl Default for Options {
    fn default() -> Self {
        Self { threads: 1, fail_fast: false, timeout: None, retries: 5, cancelled: Arc::default() }
    }
}

/// What happens while running, told in order and one at a time.
#[derive(Clone, Copy, Debug)]
pub enum Event<'run> {
    /// A statement begins.
    Started {
        /// The statement.
        job: &'run Job,
        /// Its number among those that begin, from 1.
        number: usize,
        /// All that there are.
        total: usize,
    },
    /// A statement is tried again.
    Retried {
        /// The statement.
        job: &'run Job,
        /// Why it was not the last time.
        message: &'run str,
    },
    /// A statement has ended, or was skipped and never began.
    Finished {
        /// The statement.
        job: &'run Job,
        /// What became of it.
        outcome: &'run Outcome,
        /// Its number among those that end, from 1.
        number: usize,
        /// All that there are.
        total: usize,
    },
}

/// Who watches a run.
pub type Observer<'observer> = &'observer (dyn Fn(Event<'_>) + Sync);

/// What became of a run.
#[derive(Clone, Debug)]
pub struct RunResult {
    /// Names the run, as a UUID.
    pub invocation_id: String,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Whether it was stopped from outside.
    pub cancelled: bool,
    /// What became of each job, in the order in which they were given.
    pub results: Vec<NodeResult>,
}

/// What became of one job.
#[derive(Clone, Debug)]
pub struct NodeResult {
    /// The job.
    pub job: Job,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of one job.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Whether it worked.
    pub status: Status,
    /// The error, or the reason why it was skipped.
    pub message: Option<String>,
    /// The kind of the error.
    pub error: Option<ErrorKind>,
    /// When it began and ended, if it did.
    pub span: Option<Span>,
    /// What the warehouse says of the execution: of all steps together, with the name of the last one's; where it failed, what
    /// is known of it.
    pub executed: Executed,
    /// How often it was tried.
    pub attempts: u32,
}

/// When and where a statement ran.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub completed_at: Timestamp,
    /// How long it took, in seconds, by a clock that does not jump.
    pub seconds: f64,
    /// The thread on which it ran, from 1.
    pub thread: usize,
}

/// Whether a job worked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It did what it should.
    Success,
    /// It failed.
    Error,
    /// It did not run, or was stopped; what was there before is untouched, but for what the steps before did where the message
    /// names one.
    Skipped,
    /// What is there is what it would make.
    #[serde(rename = "no-op")]
    Unchanged,
    /// A test found what it expects.
    Pass,
    /// A test found something else.
    Fail,
}

impl RunResult {
    /// Counts the jobs that ended so.
    pub fn count(&self, status: Status) -> usize {
        self.results.iter().filter(|result| result.outcome.status == status).count()
    }

    /// Tells whether every job did what it should.
    pub fn succeeded(&self) -> bool {
        self.count(Status::Success) + self.count(Status::Unchanged) == self.results.len()
    }
}

/// Runs `jobs` on `warehouse` and on further sessions that it opens.
pub fn run(warehouse: &dyn Warehouse, jobs: Vec<Job>, options: &Options, observer: Observer<'_>) -> RunResult {
    workers::run(warehouse, jobs, options, observer)
}

/// Returns what becomes of `jobs` when none of them can begin, for a reason that is not theirs.
pub fn skip(jobs: Vec<Job>, reason: &str) -> RunResult {
    workers::skip(jobs, reason)
}
