//! The threads of a run: workers that execute statements, each on its own session, and one that interrupts them.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::run::schedule::Schedule;
use crate::run::{Event, Job, NodeResult, Observer, Options, Outcome, RunResult, Span, Status, Step};
use crate::warehouse::{Error, ErrorKind, Executed, Interrupter, Warehouse};

/// How often the flag and the clock are looked at.
pub(super) const TICK: Duration = Duration::from_millis(10);

/// What a statement waits before it is tried again; twice as long each time.
const BACKOFF: Duration = Duration::from_millis(25);

pub(super) fn run(warehouse: &dyn Warehouse, jobs: Vec<Job>, options: &Options, observer: Observer<'_>) -> RunResult {
    let (started_at, clock) = (Timestamp::now(), Instant::now());
    let mut sessions = Vec::new();
    for _ in 1..options.threads.min(jobs.len()) {
        // A database that hands out fewer sessions is used with fewer.
        let Ok(session) = warehouse.session() else { break };
        sessions.push(session);
    }
    let sessions: Vec<&dyn Warehouse> =
        std::iter::once(warehouse).chain(sessions.iter().map(|session| &**session)).collect();
    let outcomes = vec![None; jobs.len()];
    let schedule = Schedule::new(jobs.iter().map(|job| (job.node.as_str(), job.depends_on.as_slice())));
    let progress = Progress { schedule, outcomes, running: 0, begun: 0, ended: 0 };
    let floor = Floor { jobs: &jobs, options, observer, progress: Mutex::new(progress), changed: Condvar::new() };
    let posts: Vec<_> = sessions.iter().map(|session| Post::new(session.interrupter())).collect();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watch = scope.spawn(|| watch(&posts, options, &over));
        let workers: Vec<_> = sessions
            .iter()
            .zip(&posts)
            .enumerate()
            .map(|(index, (session, post))| {
                let floor = &floor;
                scope.spawn(move || floor.work(*session, post, index + 1))
            })
            .collect();
        let ended: Vec<_> = workers.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        over.store(true, Ordering::Release);
        watch.thread().unpark();
        for worker in ended {
            if let Err(panic) = worker {
                std::panic::resume_unwind(panic);
            }
        }
    });
    let outcomes = floor.progress.into_inner().unwrap_or_else(PoisonError::into_inner).outcomes;
    let results = jobs
        .into_iter()
        .zip(outcomes)
        .map(|(job, outcome)| NodeResult { job, outcome: outcome.expect("every job ends, or is given up") })
        .collect();
    RunResult {
        invocation_id: invocation_id(started_at),
        started_at,
        seconds: clock.elapsed().as_secs_f64(),
        cancelled: options.cancelled.load(Ordering::Relaxed),
        results,
    }
}

/// Gives every job up before it begins.
pub(super) fn skip(jobs: Vec<Job>, reason: &str) -> RunResult {
    let started_at = Timestamp::now();
    let outcome = not_run(Status::Skipped, Some(reason.to_owned()));
    let results = jobs.into_iter().map(|job| NodeResult { job, outcome: outcome.clone() }).collect();
    RunResult { invocation_id: invocation_id(started_at), started_at, seconds: 0.0, cancelled: false, results }
}

/// What became of a job that was not executed.
fn not_run(status: Status, message: Option<String>) -> Outcome {
    Outcome { status, message, error: None, span: None, executed: Executed::default(), attempts: 0 }
}

/// Names the step that comes after so many others, one at least, and says what is there of those.
fn step_of(job: &Job, done: usize) -> String {
    let before = if done == 1 { "step 1".to_owned() } else { format!("steps 1 to {done}") };
    format!("step {} of {}; what {before} did stays", done + 1, job.steps.len())
}

/// What the workers share.
struct Floor<'run> {
    jobs: &'run [Job],
    options: &'run Options,
    observer: Observer<'run>,
    progress: Mutex<Progress>,
    /// Something ended, so that something else may begin.
    changed: Condvar,
}

struct Progress {
    schedule: Schedule,
    outcomes: Vec<Option<Outcome>>,
    running: usize,
    begun: usize,
    ended: usize,
}

impl Floor<'_> {
    /// Runs one job after the other until none is left.
    fn work(&self, session: &dyn Warehouse, post: &Post, thread: usize) {
        // A worker that panics gives its job up, so that the others do not wait for it forever.
        while let Some(place) = self.take() {
            let held = GivesUp { floor: self, place };
            let outcome = self.execute(session, post, thread, place);
            std::mem::forget(held);
            self.end(place, outcome);
        }
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_cancelled(&self) -> bool {
        self.options.cancelled.load(Ordering::Relaxed)
    }

    /// Waits for a job that may begin; none when none ever will.
    fn take(&self) -> Option<usize> {
        let mut progress = self.progress();
        loop {
            self.heed_cancellation(&mut progress);
            if let Some(place) = progress.schedule.next() {
                if self.jobs[place].unchanged {
                    self.record(&mut progress, place, not_run(Status::Unchanged, None));
                    progress.schedule.succeeded(place);
                    self.changed.notify_all();
                    continue;
                }
                progress.running += 1;
                progress.begun += 1;
                let (number, total) = (progress.begun, self.jobs.len());
                (self.observer)(Event::Started { job: &self.jobs[place], number, total });
                return Some(place);
            }
            if progress.running == 0 && !progress.schedule.is_over() {
                let places = progress.schedule.stop();
                self.skip(&mut progress, &places, "it reads itself, by way of others");
            }
            if progress.schedule.is_over() {
                return None;
            }
            progress = self.changed.wait_timeout(progress, TICK).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn heed_cancellation(&self, progress: &mut Progress) {
        if self.is_cancelled() {
            let places = progress.schedule.stop();
            self.skip(progress, &places, "the run was cancelled before it began");
        }
    }

    fn execute(&self, session: &dyn Warehouse, post: &Post, thread: usize, place: usize) -> Outcome {
        let job = &self.jobs[place];
        let (started_at, clock) = (Timestamp::now(), Instant::now());
        let (mut attempts, mut executed) = (0, Executed::default());
        let mut stopped = None;
        for (done, step) in job.steps.iter().enumerate() {
            // What interrupts statements meets none between two steps.
            if done > 0 && self.is_cancelled() {
                let message = format!("the run was cancelled before {}", step_of(job, done));
                stopped = Some((Status::Skipped, ErrorKind::Cancelled, message));
                break;
            }
            let (tried, result) = self.carry_out(session, post, thread, job, step);
            attempts += tried;
            match result {
                Ok(own) => executed = executed.then(own),
                Err(error) => {
                    executed.query_id.clone_from(&error.query_id);
                    stopped = Some(self.stopped(job, done, error));
                    break;
                }
            }
        }
        let span = Span { started_at, completed_at: Timestamp::now(), seconds: clock.elapsed().as_secs_f64(), thread };
        let (status, error, message) = match stopped {
            None => (Status::Success, None, None),
            Some((status, error, message)) => (status, Some(error), Some(message)),
        };
        Outcome { status, message, error, span: Some(span), executed, attempts }
    }

    /// Says what became of a job whose step failed after so many others.
    fn stopped(&self, job: &Job, done: usize, error: Error) -> (Status, ErrorKind, String) {
        let (status, message) = match (error.kind == ErrorKind::Cancelled && self.is_cancelled(), done) {
            (true, 0) => {
                let message = "the run was cancelled while it ran; what was there before is untouched".to_owned();
                (Status::Skipped, message)
            }
            (true, _) => {
                let message =
                    format!("the run was cancelled in {}, and what this one would do is not done", step_of(job, done));
                (Status::Skipped, message)
            }
            (false, 0) => (Status::Error, error.message),
            (false, _) => (Status::Error, format!("{}; it failed in {}", error.message, step_of(job, done))),
        };
        (status, error.kind, message)
    }

    /// Carries a step out, again where it failed for a moment only, and returns how often.
    fn carry_out(
        &self,
        session: &dyn Warehouse,
        post: &Post,
        thread: usize,
        job: &Job,
        step: &Step,
    ) -> (u32, Result<Executed, Error>) {
        let mut attempts = 0;
        loop {
            attempts += 1;
            let result = post.execute(session, step);
            match &result {
                Err(error) if error.kind == ErrorKind::Transient && attempts <= self.options.retries => {
                    let progress = self.progress();
                    (self.observer)(Event::Retried { job, message: &error.message });
                    drop(progress);
                    // Two that collided wait for different times.
                    let wait = BACKOFF * 2_u32.saturating_pow(attempts - 1) + TICK * u32::try_from(thread).unwrap_or(1);
                    std::thread::sleep(wait);
                    if self.is_cancelled() {
                        return (attempts, result);
                    }
                }
                Ok(_) | Err(_) => return (attempts, result),
            }
        }
    }

    /// Writes down what became of a job, and of those that waited for it.
    fn end(&self, place: usize, outcome: Outcome) {
        let mut progress = self.progress();
        progress.running -= 1;
        let (status, gone) = (outcome.status, outcome.error == Some(ErrorKind::Gone));
        self.record(&mut progress, place, outcome);
        let node = &self.jobs[place].node;
        self.heed_cancellation(&mut progress);
        match status {
            Status::Success | Status::Unchanged => progress.schedule.succeeded(place),
            Status::Error | Status::Skipped | Status::Pass | Status::Fail => {
                let verb = if status == Status::Error { "failed" } else { "was skipped" };
                let places = progress.schedule.failed(place);
                self.skip(&mut progress, &places, &format!("`{node}` {verb}"));
            }
        }
        if status == Status::Error && (self.options.fail_fast || gone) {
            let places = progress.schedule.stop();
            let reason = if gone { "the database went away at" } else { "the run stops at the first failure:" };
            self.skip(&mut progress, &places, &format!("{reason} `{node}`"));
        }
        drop(progress);
        self.changed.notify_all();
    }

    fn skip(&self, progress: &mut Progress, places: &[usize], reason: &str) {
        for &place in places {
            self.record(progress, place, not_run(Status::Skipped, Some(reason.to_owned())));
        }
    }

    fn record(&self, progress: &mut Progress, place: usize, outcome: Outcome) {
        progress.ended += 1;
        let (job, number, total) = (&self.jobs[place], progress.ended, self.jobs.len());
        let outcome = progress.outcomes[place].insert(outcome);
        (self.observer)(Event::Finished { job, outcome, number, total });
    }
}

/// Gives a job up when it is dropped, which happens to a worker that panics.
struct GivesUp<'floor, 'run> {
    floor: &'floor Floor<'run>,
    place: usize,
}

impl Drop for GivesUp<'_, '_> {
    fn drop(&mut self) {
        let mut progress = self.floor.progress();
        progress.running -= 1;
        progress.schedule.failed(self.place);
    }
}

/// Where one worker stands: what its statement is, and how it is interrupted.
struct Post {
    interrupt: Interrupter,
    statement: Mutex<Option<Running>>,
}

struct Running {
    since: Instant,
    timed_out: bool,
}

impl Post {
    fn new(interrupt: Interrupter) -> Self {
        Self { interrupt, statement: Mutex::new(None) }
    }

    fn statement(&self) -> MutexGuard<'_, Option<Running>> {
        self.statement.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries a step out where it can be seen and interrupted.
    fn execute(&self, session: &dyn Warehouse, step: &Step) -> Result<Executed, Error> {
        *self.statement() = Some(Running { since: Instant::now(), timed_out: false });
        let result = step.execute(session);
        let running = self.statement().take().expect("only this worker clears it");
        match result {
            Err(error) if error.kind == ErrorKind::Cancelled && running.timed_out => {
                let seconds = running.since.elapsed().as_secs_f64();
                let message = format!("stopped after {seconds:.1} s, the time that a statement may take");
                Err(Error { kind: ErrorKind::Timeout, ..error.saying(message) })
            }
            result => result,
        }
    }
}

/// Interrupts statements that take too long, and all of them once the run is cancelled, until it is over.
///
/// Again and again: a statement that begins after the flag was set must be met as well.
fn watch(posts: &[Post], options: &Options, over: &AtomicBool) {
    while !over.load(Ordering::Acquire) {
        let cancelled = options.cancelled.load(Ordering::Relaxed);
        for post in posts {
            // Held while interrupting, so that the next statement is not met in the place of this one.
            let mut statement = post.statement();
            if let Some(running) = &mut *statement {
                let late = options.timeout.is_some_and(|timeout| running.since.elapsed() > timeout);
                running.timed_out |= late;
                if late || cancelled {
                    (post.interrupt)();
                }
            }
        }
        std::thread::park_timeout(TICK);
    }
}

/// Names a run: a random UUID, of the randomness that seeds the standard library's hash tables.
fn invocation_id(started_at: Timestamp) -> String {
    let random = || {
        let mut hasher = RandomState::new().build_hasher();
        hasher.write_i128(started_at.as_nanosecond());
        hasher.finish()
    };
    // The bits of version 4, variant 1.
    let high = random() & !0xF000 | 0x4000;
    let low = random() & !(0b11 << 62) | 0b10 << 62;
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xFFFF,
        high & 0xFFFF,
        low >> 48,
        low & 0xFFFF_FFFF_FFFF
    )
}
