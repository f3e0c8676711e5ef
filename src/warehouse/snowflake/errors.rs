//! Snowflake's errors and ours.
//!
//! The client hands on a code and a text where Snowflake answered, and says in its own words what went wrong before that.
//! Those words may hold what was sent or received, a token for example: only what is known to be harmless is repeated.
#![expect(clippy::wildcard_enum_match_arm, reason = "the client's kinds of errors may grow")]

use std::error::Error as _;

use snowflake_connector_rs as client;

use crate::warehouse::{Error, ErrorKind};

/// What the codes mean, by their beginnings; the first that fits is meant. What is not here is the statement's fault.
const KINDS: &[(&str, ErrorKind)] = &[
    // SQL execution canceled.
    ("000604", ErrorKind::Cancelled),
    // The statement reached its timeout, or the warehouse's.
    ("000630", ErrorKind::Timeout),
    // Too many wait for a lock on a table.
    ("000625", ErrorKind::Transient),
    // No warehouse is selected; there is no such warehouse.
    ("000606", ErrorKind::Missing),
    // The warehouse cannot be resumed.
    ("000608", ErrorKind::Resources),
    // Invalid identifier: a column.
    ("000904", ErrorKind::Missing),
    // The name is taken, by a table or by a view.
    ("001998", ErrorKind::Occupied),
    ("002002", ErrorKind::Occupied),
    // Object found is of another type than the statement says.
    ("002203", ErrorKind::Occupied),
    // Does not exist, or not for this role: the service does not tell which.
    ("002003", ErrorKind::Missing),
    ("002043", ErrorKind::Missing),
    // Insufficient privileges, for each kind of object.
    ("0030", ErrorKind::Permission),
    // A resource monitor's quota is used up.
    ("090073", ErrorKind::Quota),
    // The session has no database, or no schema.
    ("090105", ErrorKind::Missing),
    ("090106", ErrorKind::Missing),
    // The service failed by itself.
    ("300", ErrorKind::Transient),
    ("370001", ErrorKind::Transient),
    // The role of the login is not granted; the network policy lets nobody in from here.
    ("390189", ErrorKind::Permission),
    ("390422", ErrorKind::Permission),
    // Passwords, keys and tokens.
    ("390", ErrorKind::Credentials),
];

/// The codes of a session that is over: the statement was refused, and may be sent again after another login.
const EXPIRED: &[&str] = &["390104", "390111", "390112", "390114"];

/// How the client begins to say that a part of the rows could not be fetched.
const CHUNK: &str = "chunk download failed with HTTP ";

/// What became of a statement whose answer is an error.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// The service answered: it did not execute, or failed as a whole.
    Failed,
    /// The session is over; the statement was refused.
    Expired,
    /// It was never read: the service was busy, or not reached.
    NotSent,
    /// The session is over, and the statement, which it had accepted, may run on.
    Orphaned,
    /// Nobody knows: it must be stopped before anything else is done.
    Unknown,
}

/// Returns what became of the statement.
pub(super) fn fate(error: &client::Error) -> Fate {
    let code = error.snowflake_code().unwrap_or_default();
    match error.kind() {
        // It was accepted: a session that ends while the answer is awaited leaves it running.
        client::ErrorKind::SessionExpired | client::ErrorKind::Server if EXPIRED.contains(&code) => {
            if error.query_id().is_some() { Fate::Orphaned } else { Fate::Expired }
        }
        client::ErrorKind::Network if error.query_id().is_some() => Fate::Unknown,
        client::ErrorKind::Network => match status(error) {
            Some(408 | 500..) => Fate::Unknown,
            Some(429) => Fate::NotSent,
            Some(_) => Fate::Failed,
            None if was_not_reached(error) => Fate::NotSent,
            None => Fate::Unknown,
        },
        client::ErrorKind::Timeout | client::ErrorKind::Protocol | client::ErrorKind::Internal => Fate::Unknown,
        _ => Fate::Failed,
    }
}

/// Tells whether a login that failed so may be tried again.
pub(super) fn may_pass(error: &client::Error) -> bool {
    match error.kind() {
        client::ErrorKind::Network => status(error).is_none_or(|status| matches!(status, 408 | 429 | 500..)),
        client::ErrorKind::Timeout => true,
        _ => false,
    }
}

/// Returns the error for the caller, whose text has the execution's name where it is known.
pub(super) fn error(error: &client::Error, place: &str) -> Error {
    let (kind, text) = (kind(error), text(error, place));
    match error.query_id() {
        Some(id) => Error::new(kind, format!("{text} (query {id})")).of_query(id),
        None => Error::new(kind, text),
    }
}

fn kind(error: &client::Error) -> ErrorKind {
    let message = error.snowflake_message().unwrap_or_default();
    match error.kind() {
        client::ErrorKind::Server => kind_of(error.snowflake_code().unwrap_or_default(), message),
        // A login is rejected without a code.
        client::ErrorKind::Auth if message.contains("is not granted to this user") => ErrorKind::Permission,
        client::ErrorKind::Auth if message.contains("is not allowed to access") => ErrorKind::Permission,
        client::ErrorKind::Auth | client::ErrorKind::Config | client::ErrorKind::SessionExpired => {
            ErrorKind::Credentials
        }
        // The address of a part of the rows is good for some hours.
        client::ErrorKind::Network if error.to_string().starts_with(CHUNK) => ErrorKind::Transient,
        client::ErrorKind::Network => match status(error) {
            // An account that is not there is answered like this.
            Some(401 | 403 | 404) => ErrorKind::Credentials,
            Some(408 | 429 | 500..) | None => ErrorKind::Transient,
            Some(_) => ErrorKind::Gone,
        },
        client::ErrorKind::Cancelled => ErrorKind::Cancelled,
        client::ErrorKind::Timeout => ErrorKind::Timeout,
        client::ErrorKind::Protocol => ErrorKind::Transient,
        client::ErrorKind::BindEncode | client::ErrorKind::Decode => ErrorKind::Unsupported,
        _ => ErrorKind::Gone,
    }
}

/// Returns what a code means, and where it is used for several things, its text.
pub(super) fn kind_of(code: &str, message: &str) -> ErrorKind {
    let known = KINDS.iter().find(|(beginning, _)| code.starts_with(beginning)).map(|(_, kind)| *kind);
    match known {
        // Used too for an object of another type, and for a function that takes no such arguments.
        Some(ErrorKind::Missing) if message.contains("is of type") => ErrorKind::Occupied,
        Some(ErrorKind::Missing) if message.contains("No function matches") => ErrorKind::UserSql,
        Some(kind) => kind,
        None if message.contains("resource monitor") => ErrorKind::Quota,
        None => ErrorKind::UserSql,
    }
}

fn text(error: &client::Error, place: &str) -> String {
    if let Some(message) = error.snowflake_message() {
        return match error.snowflake_code() {
            Some(code) if !message.starts_with(code) => format!("{code}: {message}"),
            Some(_) | None => message.to_owned(),
        };
    }
    let said = error.to_string();
    match error.kind() {
        client::ErrorKind::Network => match status(error) {
            Some(status) => format!("{place} answered with HTTP status {status}"),
            None => format!("the connection to {place} failed: {}", causes(error)),
        },
        client::ErrorKind::Timeout => format!("{place} did not answer in time"),
        client::ErrorKind::SessionExpired => format!("the session with {place} is over"),
        // The words may quote the answer, in which a login has a token.
        client::ErrorKind::Protocol if said.starts_with("missing required field") => format!("{place}: {said}"),
        client::ErrorKind::Protocol if said.starts_with("unsupported result format") => format!("{place}: {said}"),
        client::ErrorKind::Protocol => format!("{place} answered with what is not in the service's protocol"),
        client::ErrorKind::Auth if said.starts_with("authentication") => format!("{place} refuses the login"),
        client::ErrorKind::Auth => {
            "the private key cannot be read: is it RSA, and is `private_key_passphrase` its passphrase?".to_owned()
        }
        client::ErrorKind::Cancelled => "cancelled".to_owned(),
        _ => said,
    }
}

/// Returns the status of an answer that is no success; the client tells it in words only.
fn status(error: &client::Error) -> Option<u16> {
    let said = error.to_string();
    let rest = said.strip_prefix("HTTP ").or_else(|| said.strip_prefix(CHUNK))?;
    rest.split(':').next()?.trim().parse().ok()
}

/// Returns the causes below an error of the network, from the outermost: they name addresses, and no contents.
fn causes(error: &client::Error) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut cause = error.source();
    while let Some(source) = cause {
        // An address may hold the request's id and the names of the login.
        let said = source.to_string();
        let said = said.split(" for url (").next().unwrap_or_default().to_owned();
        if !texts.contains(&said) {
            texts.push(said);
        }
        cause = source.source();
    }
    if texts.is_empty() { error.to_string() } else { texts.join(": ") }
}

/// Tells whether no connection came about at all, so that nothing was sent.
fn was_not_reached(error: &client::Error) -> bool {
    let mut cause = error.source();
    while let Some(source) = cause {
        if source.to_string() == "client error (Connect)" {
            return true;
        }
        cause = source.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_mean_what_the_service_means() {
        let cases = [
            (
                "001003",
                "SQL compilation error: syntax error line 1 at position 7 unexpected 'FORM'.",
                ErrorKind::UserSql,
            ),
            ("000904", "SQL compilation error: invalid identifier 'NOTHING'", ErrorKind::Missing),
            ("002003", "SQL compilation error: Object 'T' does not exist or not authorized.", ErrorKind::Missing),
            (
                "002043",
                "SQL compilation error: Object does not exist, or operation cannot be performed.",
                ErrorKind::Missing,
            ),
            ("002043", "No function matches the given name and argument types", ErrorKind::UserSql),
            ("002003", "Existing object t is of type View, trying to replace with type Table", ErrorKind::Occupied),
            ("001998", "SQL compilation error: Object 'T' already exists as VIEW", ErrorKind::Occupied),
            ("002203", "Object found is of type 'VIEW', not specified type 'TABLE'.", ErrorKind::Occupied),
            ("003001", "Insufficient privileges to operate on schema 'S'.", ErrorKind::Permission),
            ("003041", "Insufficient privileges", ErrorKind::Permission),
            ("100038", "Numeric value 'a' is not recognized", ErrorKind::UserSql),
            ("100051", "Division by zero", ErrorKind::UserSql),
            ("000604", "SQL execution canceled", ErrorKind::Cancelled),
            (
                "000630",
                "Statement reached its statement or warehouse timeout of 10 second(s) and was canceled.",
                ErrorKind::Timeout,
            ),
            ("000625", "the number of waiters for this lock exceeds the limit", ErrorKind::Transient),
            ("000606", "No active warehouse selected in the current session.", ErrorKind::Missing),
            (
                "090073",
                "Warehouse 'W' cannot be resumed because resource monitor 'M' has exceeded its quota.",
                ErrorKind::Quota,
            ),
            ("090105", "This session does not have a current database.", ErrorKind::Missing),
            ("300002", "Processing aborted by error 300002", ErrorKind::Transient),
            ("370001", "Internal error", ErrorKind::Transient),
            ("390100", "Incorrect username or password was specified.", ErrorKind::Credentials),
            ("390144", "JWT token is invalid.", ErrorKind::Credentials),
            ("390318", "OAuth access token expired.", ErrorKind::Credentials),
            ("390189", "Role 'R' specified in the connect string is not granted to this user.", ErrorKind::Permission),
            ("", "", ErrorKind::UserSql),
        ];
        for (code, message, kind) in cases {
            assert_eq!(kind_of(code, message), kind, "{code}: {message}");
        }
    }
}
