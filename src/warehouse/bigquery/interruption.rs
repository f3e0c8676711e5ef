//! What interrupts the statement of a session: cheap to call, any number of times, from any thread.

use tokio::sync::watch;

/// What a session is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Idle,
    Running,
    Interrupted,
}

/// Tells a session's statement that it is to end.
#[derive(Clone, Debug)]
pub(super) struct Interruption(watch::Sender<State>);

impl Interruption {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(State::Idle))
    }

    /// Begins a statement, which ends when what is returned is dropped.
    pub(super) fn begin(&self) -> Running<'_> {
        self.0.send_replace(State::Running);
        Running(self)
    }

    /// Interrupts the statement, where there is one that was not interrupted yet.
    pub(super) fn interrupt(&self) {
        self.0.send_if_modified(|state| {
            let is_running = *state == State::Running;
            if is_running {
                *state = State::Interrupted;
            }
            is_running
        });
    }
}

/// A statement that may be interrupted.
pub(super) struct Running<'session>(&'session Interruption);

impl Running<'_> {
    /// Ends when the statement is interrupted, at once where it was before.
    pub(super) async fn interrupted(&self) {
        let mut state = self.0.0.subscribe();
        // The sender is ours, so that it is there for as long as this waits.
        let _ = state.wait_for(|state| *state == State::Interrupted).await;
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.0.send_replace(State::Idle);
    }
}
