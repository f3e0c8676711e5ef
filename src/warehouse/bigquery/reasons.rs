//! What BigQuery's reasons mean for the caller.
//!
//! <https://cloud.google.com/bigquery/docs/error-messages>

use google_cloud_bigquery_v2::model::ErrorProto;

use crate::warehouse::ErrorKind;

/// Failures of the service itself: the same request, or a job that ended so, may succeed when it is tried again.
const OF_THE_SERVICE: &[&str] = &[
    "backendError",
    "badGateway",
    "internalError",
    "jobBackendError",
    "jobInternalError",
    "jobRateLimitExceeded",
    "rateLimitExceeded",
    "tableUnavailable",
];

/// What a message tells that its reason does not: words of it, and the kind. The first that is found counts.
const WORDS: &[(&str, ErrorKind)] = &[
    ("is not allowed for this operation because it is currently a", ErrorKind::Occupied),
    // A stand-in's words for the same.
    ("trying to replace with type", ErrorKind::Occupied),
    ("trying to drop type", ErrorKind::Occupied),
    // Of clusters, too.
    ("Cannot replace a table with a different partitioning spec", ErrorKind::Occupied),
    ("Job timed out after", ErrorKind::Timeout),
    ("Operation timed out", ErrorKind::Timeout),
    ("Unrecognized name: ", ErrorKind::Missing),
    ("Not found: ", ErrorKind::Missing),
    (" not found inside ", ErrorKind::Missing),
    ("exceeded limit for bytes billed", ErrorKind::Quota),
    ("Resources exceeded during query execution", ErrorKind::Resources),
    ("could not serialize access to table", ErrorKind::Transient),
];

/// What the reasons mean where no words of the message tell more.
const REASONS: &[(&str, ErrorKind)] = &[
    ("accessDenied", ErrorKind::Permission),
    ("billingNotEnabled", ErrorKind::Permission),
    ("blocked", ErrorKind::Permission),
    ("forbidden", ErrorKind::Permission),
    ("authError", ErrorKind::Credentials),
    ("required", ErrorKind::Credentials),
    ("billingTierLimitExceeded", ErrorKind::Quota),
    ("bytesBilledLimitExceeded", ErrorKind::Quota),
    ("quotaExceeded", ErrorKind::Quota),
    ("duplicate", ErrorKind::Occupied),
    ("resourceInUse", ErrorKind::Transient),
    ("invalid", ErrorKind::UserSql),
    ("invalidQuery", ErrorKind::UserSql),
    ("notFound", ErrorKind::Missing),
    ("notImplemented", ErrorKind::Unsupported),
    ("resourcesExceeded", ErrorKind::Resources),
    ("responseTooLarge", ErrorKind::Resources),
    ("stopped", ErrorKind::Cancelled),
    ("timeout", ErrorKind::Timeout),
];

/// What an answer's status means where it gives no reason, as a proxy's does not.
const STATUSES: &[(u16, ErrorKind)] = &[
    (401, ErrorKind::Credentials),
    (403, ErrorKind::Permission),
    (404, ErrorKind::Missing),
    (408, ErrorKind::Transient),
    (409, ErrorKind::Occupied),
    (429, ErrorKind::Transient),
    (499, ErrorKind::Cancelled),
    (501, ErrorKind::Unsupported),
];

/// Tells whether it is the service that failed, and not what it was asked.
pub(super) fn is_of_the_service(reason: &str) -> bool {
    OF_THE_SERVICE.contains(&reason)
}

/// Returns what a failure means: a reason and a message, empty where there is none, and the answer's status.
pub(super) fn kind(reason: &str, message: &str, status: Option<u16>) -> ErrorKind {
    // Who asks is told first: a service that does not know us says all kinds of things about what we asked for.
    if status == Some(401) {
        return ErrorKind::Credentials;
    }
    if is_of_the_service(reason) {
        return ErrorKind::Transient;
    }
    // Who may not see something is told that it may not be there; that is a matter of rights.
    if reason != "accessDenied"
        && let Some((_, kind)) = WORDS.iter().find(|(words, _)| message.contains(words))
    {
        return *kind;
    }
    if let Some((_, kind)) = REASONS.iter().find(|(known, _)| *known == reason) {
        return *kind;
    }
    match status {
        Some(status) => match STATUSES.iter().find(|(known, _)| *known == status) {
            Some((_, kind)) => *kind,
            None if status >= 500 => ErrorKind::Transient,
            None => ErrorKind::UserSql,
        },
        None => ErrorKind::UserSql,
    }
}

/// Returns what a job's own failure means.
pub(super) fn kind_of(error: &ErrorProto) -> ErrorKind {
    kind(&error.reason, &error.message, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_its_meaning() {
        let cases = [
            ("invalidQuery", "Syntax error: Expected end of input but got keyword FROM at [1:9]", ErrorKind::UserSql),
            ("invalidQuery", "Bad int64 value: a", ErrorKind::UserSql),
            ("invalidQuery", "Unrecognized name: nothing at [1:8]", ErrorKind::Missing),
            ("invalidQuery", "Name nothing not found inside t at [1:10]", ErrorKind::Missing),
            ("notFound", "Not found: Table p:d.t was not found in location EU", ErrorKind::Missing),
            ("notFound", "Not found: Dataset p:d was not found in location EU", ErrorKind::Missing),
            ("accessDenied", "Access Denied: Table p:d.t: User does not have permission", ErrorKind::Permission),
            (
                "accessDenied",
                "Access Denied: Table p:d.t: … or perhaps it does not exist. Not found: Table p:d.t",
                ErrorKind::Permission,
            ),
            ("quotaExceeded", "Quota exceeded: Your project exceeded quota for …", ErrorKind::Quota),
            ("bytesBilledLimitExceeded", "Query exceeded limit for bytes billed: 10. 20 or higher.", ErrorKind::Quota),
            ("billingTierLimitExceeded", "…", ErrorKind::Quota),
            ("resourcesExceeded", "Resources exceeded during query execution: …", ErrorKind::Resources),
            ("responseTooLarge", "Response too large to return.", ErrorKind::Resources),
            ("stopped", "Job execution was cancelled: User requested cancellation", ErrorKind::Cancelled),
            ("stopped", "Job execution was cancelled: Job timed out after 1s", ErrorKind::Timeout),
            ("timeout", "The job timed out", ErrorKind::Timeout),
            ("duplicate", "Already Exists: Table p:d.t", ErrorKind::Occupied),
            ("invalid", "p:d.t is not allowed for this operation because it is currently a VIEW.", ErrorKind::Occupied),
            (
                "invalidQuery",
                "Transaction is aborted due to concurrent update against table p.d.t: could not serialize access to table p.d.t due to concurrent update",
                ErrorKind::Transient,
            ),
            ("notImplemented", "…", ErrorKind::Unsupported),
            ("a reason of next year", "…", ErrorKind::UserSql),
        ];
        for (reason, message, expected) in cases {
            assert_eq!(kind(reason, message, None), expected, "{reason}: {message}");
        }
        for reason in OF_THE_SERVICE {
            assert_eq!(kind(reason, "Not found: a machine", Some(400)), ErrorKind::Transient, "{reason}");
        }
    }

    #[test]
    fn a_status_counts_where_there_is_no_reason() {
        let cases = [
            (400, ErrorKind::UserSql),
            (401, ErrorKind::Credentials),
            (403, ErrorKind::Permission),
            (404, ErrorKind::Missing),
            (429, ErrorKind::Transient),
            (500, ErrorKind::Transient),
            (502, ErrorKind::Transient),
            (503, ErrorKind::Transient),
            (501, ErrorKind::Unsupported),
        ];
        for (status, expected) in cases {
            assert_eq!(kind("", "", Some(status)), expected, "{status}");
        }
        assert_eq!(kind("notFound", "", Some(401)), ErrorKind::Credentials);
    }
}
