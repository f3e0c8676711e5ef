//! Why a request failed, and whether it may be made again.

use std::error::Error as _;
use std::time::Duration;

use google_cloud_gax::error::CredentialsError;
use google_cloud_gax::error::rpc::StatusDetails;

use crate::warehouse::bigquery::reasons;
use crate::warehouse::{Error, ErrorKind};

/// A longer text of a proxy is a page for people to look at.
const LONGEST_PAGE: usize = 300;

/// A request that failed.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    /// What it means for the caller.
    pub(super) kind: ErrorKind,
    /// What the service said, or what became of the connection.
    pub(super) message: String,
    /// The answer's status, where there was an answer.
    pub(super) status: Option<u16>,
    /// What the service said to wait.
    pub(super) retry_after: Option<Duration>,
    /// Whether it may succeed when it is made again.
    pub(super) is_passing: bool,
    /// Whether there was an answer that is not as it is documented.
    pub(super) is_unreadable: bool,
    /// Whether the service may have done what it was asked, in spite of it.
    pub(super) is_uncertain: bool,
}

impl Failure {
    /// Reads what the client returned.
    pub(super) fn of(error: &google_cloud_gax::error::Error) -> Self {
        let status = error.http_status_code();
        let retry_after = error.http_headers().and_then(|headers| headers.get("retry-after"));
        let text = retry_after.and_then(|value| value.to_str().ok());
        let retry_after = text.and_then(|text| retry_after_of(text, jiff::Timestamp::now()));
        let blank = Self {
            kind: ErrorKind::Transient,
            message: String::new(),
            status,
            retry_after,
            is_passing: false,
            is_unreadable: false,
            is_uncertain: false,
        };
        if let Some(answer) = error.status() {
            let reason = answer.details.iter().find_map(|detail| {
                if let StatusDetails::ErrorInfo(info) = detail { Some(info.reason.clone()) } else { None }
            });
            return blank.answered(&reason.unwrap_or_default(), answer.message.clone());
        }
        if let Some(status) = status {
            let page = error.http_payload().map(|payload| String::from_utf8_lossy(payload).into_owned());
            let page: String = page.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
            let start: String = page.chars().take(LONGEST_PAGE).collect();
            return blank.answered("", format!("the answer has the status {status}: {start}"));
        }
        let cause = innermost(error);
        if error.is_authentication() {
            let is_passing = error.source().and_then(|source| source.downcast_ref::<CredentialsError>());
            let is_passing = is_passing.is_some_and(CredentialsError::is_transient);
            let kind = if is_passing { ErrorKind::Transient } else { ErrorKind::Credentials };
            // The client has asked for a token again and again by itself.
            return Self { kind, message: format!("no token could be had: {error}: {cause}"), ..blank };
        }
        if error.is_deserialization() {
            let message = format!("the answer is not as it is documented: {cause}");
            return Self { is_passing: true, is_unreadable: true, is_uncertain: true, ..blank }.gone(message);
        }
        if error.is_connect() {
            return Self { message: format!("cannot be reached: {cause}"), is_passing: true, ..blank };
        }
        if error.is_binding() || error.is_serialization() {
            let message = format!("cannot be asked for it: {cause}");
            return Self { kind: ErrorKind::UserSql, message, ..blank };
        }
        Self { message: format!("the connection was lost: {cause}"), is_passing: true, is_uncertain: true, ..blank }
    }

    /// A request that got no answer in time.
    pub(super) fn silence(limit: Duration) -> Self {
        Self {
            kind: ErrorKind::Transient,
            message: format!("no answer within {} s", limit.as_secs()),
            status: None,
            retry_after: None,
            is_passing: true,
            is_unreadable: false,
            is_uncertain: true,
        }
    }

    /// An answer that is not as it is documented.
    pub(super) fn unreadable(what: &str) -> Self {
        let message = format!("the answer is not as it is documented: {what}");
        Self { is_unreadable: true, ..Self::silence(Duration::ZERO) }.gone(message)
    }

    fn answered(self, reason: &str, message: String) -> Self {
        let status = self.status.unwrap_or(0);
        Self {
            kind: reasons::kind(reason, &message, self.status),
            message,
            is_passing: matches!(status, 408 | 429 | 500..=599) && status != 501 || reasons::is_of_the_service(reason),
            is_uncertain: matches!(status, 408 | 500..=599),
            ..self
        }
    }

    fn gone(self, message: String) -> Self {
        Self { kind: ErrorKind::Gone, message, ..self }
    }

    /// Returns it as what the caller is told.
    pub(super) fn into_error(self) -> Error {
        Error::new(self.kind, format!("BigQuery: {}", self.message))
    }
}

/// Returns the last of an error's causes, which says most: those before it say that there was one.
fn innermost(error: &google_cloud_gax::error::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// Reads the header `Retry-After`, at the moment `now`: seconds, or a date.
fn retry_after_of(text: &str, now: jiff::Timestamp) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let then = jiff::fmt::rfc2822::parse(text.trim()).ok()?.timestamp();
    Duration::try_from(then.duration_since(now)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_says_how_long_to_stay_away() {
        let now = "2026-01-31T10:00:00Z".parse().unwrap();
        let seconds = |text: &str| retry_after_of(text, now).map(|wait| wait.as_secs());
        assert_eq!(seconds("7"), Some(7));
        assert_eq!(seconds("Sat, 31 Jan 2026 10:01:30 GMT"), Some(90));
        assert_eq!(seconds("Wed, 21 Oct 2015 07:28:00 GMT"), None);
        assert_eq!(seconds("soon"), None);
    }
}
