//! Faults of the network and of services: what a driver makes of them, against a server of ours.
//!
//! What is right is counted there: requests, their order, names. No test depends on how quick the machine is, but for the
//! drivers' own patience, which is half a minute and more.

#[cfg(feature = "bigquery")]
mod bigquery;
#[cfg(feature = "bigquery")]
mod bigquery_answers;
#[cfg(feature = "bigquery")]
mod bigquery_in_place;
#[cfg(feature = "bigquery")]
mod bigquery_rules;
#[cfg(any(feature = "bigquery", feature = "snowflake"))]
mod results;
#[cfg(any(feature = "bigquery", feature = "snowflake"))]
mod rules;
#[cfg(any(feature = "bigquery", feature = "snowflake"))]
pub(crate) mod server;
#[cfg(feature = "snowflake")]
mod snowflake;

/// What hangs fails after this long, and does not keep the tests from ending. Nothing else is decided by it.
#[cfg(any(feature = "bigquery", feature = "snowflake"))]
const HANGS: std::time::Duration = std::time::Duration::from_mins(10);

/// Fails where something hangs.
#[cfg(any(feature = "bigquery", feature = "snowflake"))]
fn ends<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || sender.send(work()));
    receiver.recv_timeout(HANGS).expect("it hangs, or panicked")
}
