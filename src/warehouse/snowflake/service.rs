//! The service, as all sessions of a connection see it: how to log in, and what may never be shown.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use snowflake_connector_rs as client;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::warehouse::backoff::Backoff;
use crate::warehouse::secrets::Secrets;
use crate::warehouse::snowflake::errors;
use crate::warehouse::snowflake::login::Login;
use crate::warehouse::{Error, ErrorKind, Target};

/// How long a login may take, with all its attempts.
const LOGIN: Duration = Duration::from_mins(1);

/// How often a login, or a statement that did not execute, is tried again.
pub(super) const RETRIES: u32 = 4;

/// The longest wait between two attempts.
const LONGEST_WAIT: Duration = Duration::from_secs(8);

/// What all sessions of a connection share.
pub(super) struct Service {
    pub(super) login: Login,
    pub(super) runtime: Runtime,
    secrets: Mutex<Secrets>,
    backoff: Backoff,
}

/// A session of the service, and when it began.
pub(super) struct Session {
    pub(super) session: client::Session,
    pub(super) since: Instant,
}

impl Service {
    /// Reads the target's settings; nothing is sent.
    pub(super) fn of(target: &Target) -> Result<Arc<Self>, Error> {
        let mut secrets = Secrets::default();
        let login =
            Login::of(target, &mut secrets).map_err(|error| error.clone().saying(secrets.redact(&error.message)))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("snowflake")
            .enable_all()
            .build()
            .map_err(|error| Error::new(ErrorKind::Resources, format!("no threads to connect with: {error}")))?;
        let secrets = Mutex::new(secrets);
        Ok(Arc::new(Self { login, runtime, secrets, backoff: Backoff::new(LONGEST_WAIT) }))
    }

    fn secrets(&self) -> MutexGuard<'_, Secrets> {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns an error without the secrets that its text may hold.
    pub(super) fn redacted(&self, error: &Error) -> Error {
        error.clone().saying(self.secrets().redact(&error.message))
    }

    /// Returns the error for the caller.
    pub(super) fn error(&self, error: &client::Error) -> Error {
        self.redacted(&errors::error(error, &self.login.place()))
    }

    /// Logs in; what may pass is tried again, for a login executes nothing.
    pub(super) async fn log_in(&self, interrupted: Option<watch::Receiver<bool>>) -> Result<Session, Error> {
        timeout(LOGIN, self.log_in_at_last(interrupted)).await.unwrap_or_else(|_| {
            let (target, place) = (self.login.target(), self.login.place());
            let message = format!("target `{target}`: {place} answered no login in {} s", LOGIN.as_secs());
            Err(Error::new(ErrorKind::Transient, message))
        })
    }

    async fn log_in_at_last(&self, mut interrupted: Option<watch::Receiver<bool>>) -> Result<Session, Error> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let client = {
                let mut secrets = self.secrets();
                self.login.client(&mut secrets)
            };
            let client = client.map_err(|error| self.redacted(&error))?;
            let error = match client.create_session().await {
                Ok(session) => return Ok(Session { session, since: Instant::now() }),
                Err(error) => error,
            };
            if attempt > RETRIES || !errors::may_pass(&error) {
                let found = self.error(&error);
                let kind = if found.kind == ErrorKind::Timeout { ErrorKind::Transient } else { found.kind };
                let message = format!("target `{}`: {}", self.login.target(), found.message);
                return Err(Error { kind, ..found.saying(message) });
            }
            self.wait(attempt, interrupted.as_mut()).await?;
        }
    }

    /// Waits before the next attempt, or until it is interrupted.
    pub(super) async fn wait(
        &self,
        attempt: u32,
        interrupted: Option<&mut watch::Receiver<bool>>,
    ) -> Result<(), Error> {
        let pause = sleep(self.backoff.wait(attempt, None));
        match interrupted {
            None => pause.await,
            Some(interrupted) => tokio::select! {
                () = pause => {}
                () = heard(interrupted) => return Err(cancelled("it did not execute")),
            },
        }
        Ok(())
    }
}

/// Ends when the operation is interrupted, and else never.
pub(super) async fn heard(interrupted: &mut watch::Receiver<bool>) {
    if interrupted.wait_for(|interrupted| *interrupted).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Returns the error of what was interrupted.
pub(super) fn cancelled(what: &str) -> Error {
    Error::new(ErrorKind::Cancelled, format!("interrupted: {what}"))
}
