//! One statement at a time: submitted once, awaited, interrupted, stopped.
//!
//! What is guaranteed: a statement is sent a second time only where it certainly did not execute, for nothing was reached
//! (no connection, HTTP 429) or the service refused it (a session that is over). Where its outcome is unknown, because
//! the connection was lost after it was sent, the service answered with HTTP 5xx, nothing came in time, or what came
//! cannot be read, it is stopped by its request's id first. Once the service confirms that, it runs no longer, and may
//! have run to its end: that is [`ErrorKind::Transient`] or [`ErrorKind::Timeout`], and the caller's to decide on. Where
//! the service confirms nothing, it may still be running: that is [`ErrorKind::Gone`], which nobody tries again.
//!
//! Two limits of the client crate: it does not hand on `Retry-After`, and it does not renew a session's token, which
//! lasts for an hour: so a statement is begun in a session that is young, and one that outlives its session is picked up
//! from another one by its id (`pickup`), or stopped where that cannot be.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use snowflake_connector_rs as client;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::warehouse::snowflake::errors::{self, Fate};
use crate::warehouse::snowflake::login::ABORT;
use crate::warehouse::snowflake::pickup::{self, Found};
use crate::warehouse::snowflake::service::{RETRIES, Service, Session, cancelled, heard};
use crate::warehouse::snowflake::values;
use crate::warehouse::{Error, ErrorKind, Interrupter, Rows};

/// How long a session is used before the next statement logs in anew; its token lasts for an hour.
const YOUNG: Duration = Duration::from_mins(40);

/// How long after its submission a statement is interrupted at the earliest: an abort that overtook it would be lost.
const HEAD_START: Duration = Duration::from_millis(400);

/// How long an interrupted statement is awaited.
const GRACE: Duration = Duration::from_secs(20);

/// The answer to a statement.
pub(super) struct Answer {
    /// What it returned.
    pub(super) rows: Rows,
    /// The service's name of the execution.
    pub(super) query_id: String,
}

/// A session that logs in again where it is over, and runs one statement at a time.
pub(super) struct Connection {
    service: Arc<Service>,
    session: Mutex<Arc<Session>>,
    turn: Mutex<()>,
    switch: Arc<Switch>,
}

/// What interrupts the operation that is under way, where there is one.
#[derive(Default)]
struct Switch(Mutex<Option<watch::Sender<bool>>>);

/// One call of the caller's, of one statement or several; it has the connection to itself until it is dropped.
pub(super) struct Operation<'c> {
    connection: &'c Connection,
    interrupted: watch::Receiver<bool>,
    _turn: MutexGuard<'c, ()>,
}

/// What is wanted of a statement.
#[derive(Clone, Copy)]
enum Wanted {
    /// That it is done; what it tells besides is told by itself.
    Effect,
    /// Its rows, in their order: all, or as many that it is known whether there are more than these.
    Rows(Option<usize>),
}

/// Why an attempt came to nothing.
enum Failure {
    /// It did not execute; the error is for the caller where no attempt is left.
    Again(Fate, Error),
    /// There is nothing more to try.
    Final(Error),
}

impl Switch {
    fn lock(&self) -> MutexGuard<'_, Option<watch::Sender<bool>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn interrupt(&self) {
        if let Some(sender) = &*self.lock() {
            sender.send_if_modified(|interrupted| !std::mem::replace(interrupted, true));
        }
    }
}

impl Connection {
    /// Logs in.
    pub(super) fn open(service: Arc<Service>) -> Result<Self, Error> {
        let session = service.runtime.block_on(service.log_in(None))?;
        Ok(Self::of(service, Arc::new(session)))
    }

    fn of(service: Arc<Service>, session: Arc<Session>) -> Self {
        Self { service, session: Mutex::new(session), turn: Mutex::new(()), switch: Arc::default() }
    }

    /// Opens another session; where a passcode was good for one login only, it shares this one's, which keeps no state.
    pub(super) fn another(&self) -> Result<Self, Error> {
        if self.service.login.repeats() {
            Self::open(Arc::clone(&self.service))
        } else {
            Ok(Self::of(Arc::clone(&self.service), self.current()))
        }
    }

    /// Tells whether the names of what the target makes are in capitals.
    pub(super) fn has_names_in_capitals(&self) -> bool {
        self.service.login.has_names_in_capitals()
    }

    /// Returns what interrupts the operation that is under way.
    pub(super) fn interrupter(&self) -> Interrupter {
        let switch = Arc::clone(&self.switch);
        Box::new(move || switch.interrupt())
    }

    /// Begins an operation, after the one that is under way.
    pub(super) fn begin(&self) -> Operation<'_> {
        let turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let (sender, interrupted) = watch::channel(false);
        *self.switch.lock() = Some(sender);
        Operation { connection: self, interrupted, _turn: turn }
    }

    fn current(&self) -> Arc<Session> {
        Arc::clone(&self.session.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Logs in, and uses that session from now on.
    async fn renew(&self, interrupted: Option<watch::Receiver<bool>>) -> Result<Arc<Session>, Error> {
        let session = Arc::new(self.service.log_in(interrupted).await?);
        *self.session.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&session);
        Ok(session)
    }
}

impl Drop for Operation<'_> {
    fn drop(&mut self) {
        *self.connection.switch.lock() = None;
    }
}

impl Operation<'_> {
    /// Executes a statement for its effect, or for few rows whose order does not matter.
    pub(super) fn run(&self, sql: &str) -> Result<Answer, Error> {
        let service = &self.connection.service;
        service.runtime.block_on(self.attempts(sql, Wanted::Effect, self.interrupted.clone()))
    }

    /// Executes a query; `limit` is the number of rows beyond which none are read.
    pub(super) fn query(&self, sql: &str, limit: Option<usize>) -> Result<Answer, Error> {
        let service = &self.connection.service;
        service.runtime.block_on(self.attempts(sql, Wanted::Rows(limit), self.interrupted.clone()))
    }

    /// Executes a statement that puts back what was there before: an interruption does not reach it.
    pub(super) fn run_to_the_end(&self, sql: &str) -> Result<Answer, Error> {
        let (_sender, never) = watch::channel(false);
        self.connection.service.runtime.block_on(self.attempts(sql, Wanted::Effect, never))
    }

    async fn attempts(
        &self,
        sql: &str,
        wanted: Wanted,
        mut interrupted: watch::Receiver<bool>,
    ) -> Result<Answer, Error> {
        let service = &self.connection.service;
        let mut session = self.connection.current();
        if session.since.elapsed() > YOUNG && service.login.repeats() {
            session = self.connection.renew(Some(interrupted.clone())).await?;
        }
        let (mut attempt, mut logged_in) = (0, false);
        loop {
            if *interrupted.borrow() {
                return Err(cancelled("it did not execute"));
            }
            match self.attempt(&session.session, sql, wanted, &mut interrupted).await {
                Ok(answer) => return Ok(answer),
                Err(Failure::Again(Fate::Expired, _)) if !logged_in && service.login.repeats() => {
                    session = self.connection.renew(Some(interrupted.clone())).await?;
                    logged_in = true;
                }
                Err(Failure::Again(Fate::NotSent, _)) if attempt < RETRIES => {
                    attempt += 1;
                    service.wait(attempt, Some(&mut interrupted)).await?;
                }
                Err(Failure::Again(_, error) | Failure::Final(error)) => return Err(error),
            }
        }
    }

    /// Submits a statement, once, and reads its answer.
    async fn attempt(
        &self,
        session: &client::Session,
        sql: &str,
        wanted: Wanted,
        interrupted: &mut watch::Receiver<bool>,
    ) -> Result<Answer, Failure> {
        let service = &self.connection.service;
        let handle = session.query_handle(sql.to_owned()).map_err(|error| Failure::Final(service.error(&error)))?;
        let (canceller, submitted) = (handle.canceller(), Instant::now());
        let mut execution = pin!(handle.execute());
        let result = tokio::select! {
            biased;
            result = &mut execution => result,
            () = heard(interrupted) => {
                match self.interrupt(&canceller, submitted, execution).await {
                    // It had ended before it was met.
                    Ok(Ok(cursor)) => Ok(cursor),
                    Ok(Err(error)) => {
                        let told = "it was cancelled where it ran";
                        return Err(Failure::Final(match error.query_id() {
                            Some(id) => cancelled_query(told, id),
                            None => cancelled(told),
                        }));
                    }
                    Err(told) => return Err(Failure::Final(cancelled(&told))),
                }
            }
        };
        let cursor = match result {
            Ok(cursor) => cursor,
            Err(error) => {
                // The order of its rows is not certain when they are asked for from elsewhere.
                if let (Fate::Orphaned, Wanted::Effect, Some(id)) = (errors::fate(&error), wanted, error.query_id())
                    && let Some(outcome) = self.pick_up(id, submitted, interrupted).await
                {
                    return outcome;
                }
                return Err(self.failure(&error, &canceller).await);
            }
        };
        let limit = match wanted {
            Wanted::Effect => None,
            Wanted::Rows(limit) => limit,
        };
        let query_id = cursor.query_id().to_owned();
        // The statement is at its end; what is left is to fetch rows, which executes nothing.
        let reading = timeout(service.login.patience(), values::read(cursor, limit));
        let rows = tokio::select! {
            biased;
            rows = reading => rows,
            () = heard(interrupted) => {
                return Err(Failure::Final(cancelled("while its rows were read").of_query(query_id)));
            }
        };
        let unread = match rows {
            Ok(Ok(rows)) => return Ok(Answer { rows, query_id }),
            Ok(Err(values::Unread::Client(error))) => {
                let found = service.error(&error);
                let message = format!("the rows of query {query_id} were lost on the way: {}", found.message);
                found.saying(message)
            }
            Ok(Err(values::Unread::Value(reason))) => {
                let message = format!("the rows of query {query_id} cannot be read: {reason}");
                service.redacted(&Error::new(ErrorKind::Unsupported, message))
            }
            Err(_) => Error::new(ErrorKind::Timeout, format!("the rows of query {query_id} did not come in time")),
        };
        Err(Failure::Final(unread.of_query(query_id)))
    }

    /// Interrupts a statement and waits for its end; the text tells what is known where it does not end.
    async fn interrupt(
        &self,
        canceller: &client::QueryCanceller,
        submitted: Instant,
        mut execution: std::pin::Pin<&mut impl Future<Output = client::Result<client::ResultCursor>>>,
    ) -> Result<client::Result<client::ResultCursor>, String> {
        let early = HEAD_START.saturating_sub(submitted.elapsed());
        if let Ok(result) = timeout(early, &mut execution).await {
            return Ok(result);
        }
        let asked = Instant::now();
        while asked.elapsed() < GRACE {
            // An abort that found nothing to stop is not remembered: the next one is sent again.
            let is_accepted = tokio::select! {
                biased;
                result = &mut execution => return Ok(result),
                stopped = canceller.cancel() => stopped.is_ok(),
            };
            let pause = if is_accepted { GRACE.saturating_sub(asked.elapsed()) } else { HEAD_START };
            if let Ok(result) = timeout(pause, &mut execution).await {
                return Ok(result);
            }
        }
        Err(format!(
            "{} was asked to stop it, and did not say that it has: request {} may still be running",
            self.connection.service.login.place(),
            canceller.request_id()
        ))
    }

    /// Awaits a statement that outlived its session, from sessions that are young; nothing where that cannot be done.
    async fn pick_up(
        &self,
        id: &str,
        submitted: Instant,
        interrupted: &mut watch::Receiver<bool>,
    ) -> Option<Result<Answer, Failure>> {
        let service = &self.connection.service;
        let id = name_of_a_query(id).filter(|_| service.login.repeats())?;
        let mut session = self.connection.renew(Some(interrupted.clone())).await.ok()?;
        let (mut attempt, mut blind) = (0, 0);
        loop {
            if session.since.elapsed() > YOUNG {
                session = self.connection.renew(Some(interrupted.clone())).await.ok()?;
            }
            match pickup::look(&session.session, id).await {
                Found::Ended => {
                    let rows = pickup::told(&session.session, id).await.unwrap_or_default();
                    return Some(Ok(Answer { rows, query_id: id.to_owned() }));
                }
                Found::Failed(error) => return Some(Err(Failure::Final(service.redacted(&error)))),
                Found::Running => blind = 0,
                // It is listed a moment late, or this was not answered.
                Found::Nothing => blind += 1,
            }
            if blind > RETRIES || submitted.elapsed() > service.login.patience() {
                return None;
            }
            attempt += 1;
            if service.wait(attempt, Some(&mut *interrupted)).await.is_err() {
                let stopped = pickup::stop(&session.session, id).await;
                let told = if stopped { "it was cancelled where it ran" } else { "it may still be running there" };
                return Some(Err(Failure::Final(cancelled_query(told, id))));
            }
        }
    }

    /// Returns what is to be done about a statement that failed; where nobody knows what became of it, it is stopped.
    async fn failure(&self, error: &client::Error, canceller: &client::QueryCanceller) -> Failure {
        let service = &self.connection.service;
        let found = service.error(error);
        match errors::fate(error) {
            Fate::Failed => Failure::Final(found),
            fate @ (Fate::Expired | Fate::NotSent) => Failure::Again(fate, found),
            fate @ (Fate::Orphaned | Fate::Unknown) => {
                // The session that is over can stop nothing.
                let canceller_of_use = (fate == Fate::Unknown).then_some(canceller);
                let known = match self.stop(canceller_of_use, error.query_id()).await {
                    Some(client::QueryCancelStatus::AlreadyFinished) => {
                        // It ended, and what it returned cannot be read: so it would be the next time.
                        let message = format!("it was executed; {}", found.message);
                        return Failure::Final(Error { kind: ErrorKind::Unsupported, ..found.saying(message) });
                    }
                    Some(_) => "it was stopped where it ran, unless it had ended before",
                    None => {
                        let request = canceller.request_id();
                        let message = format!("{}; request {request} may still be running there", found.message);
                        return Failure::Final(Error { kind: ErrorKind::Gone, ..found.saying(message) });
                    }
                };
                let kind = if found.kind == ErrorKind::Timeout { found.kind } else { ErrorKind::Transient };
                let message = format!("{}; {known}", found.message);
                Failure::Final(Error { kind, ..found.saying(message) })
            }
        }
    }

    /// Stops a statement by its request's id; where its session is over, by its own id from another session. Returns
    /// nothing where the service did not confirm it.
    async fn stop(
        &self,
        canceller: Option<&client::QueryCanceller>,
        query_id: Option<&str>,
    ) -> Option<client::QueryCancelStatus> {
        /// There is nothing to stop: it is not running.
        const NOT_RUNNING: &str = "000605";
        if let Some(canceller) = canceller {
            match canceller.cancel().await {
                Ok(status) => return Some(status),
                Err(error) if error.snowflake_code() == Some(NOT_RUNNING) => {
                    return Some(client::QueryCancelStatus::Accepted);
                }
                Err(_) => {}
            }
        }
        let id = query_id.and_then(name_of_a_query).filter(|_| self.connection.service.login.repeats())?;
        let session = timeout(ABORT, self.connection.renew(None)).await.ok()?.ok()?;
        pickup::stop(&session.session, id).await.then_some(client::QueryCancelStatus::Accepted)
    }
}

/// Returns the error of a query that was interrupted.
fn cancelled_query(told: &str, id: &str) -> Error {
    cancelled(&format!("{told} (query {id})")).of_query(id)
}

/// Returns an id that may stand in a statement.
fn name_of_a_query(id: &str) -> Option<&str> {
    id.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-').then_some(id)
}
