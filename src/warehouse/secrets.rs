//! What must never be shown, and texts without it.

/// The secrets of a connection: a driver passes every text through [`Secrets::redact`] that leaves it.
#[derive(Clone, Default)]
pub(super) struct Secrets(Vec<String>);

/// What stands in the place of a secret.
const REDACTED: &str = "[redacted]";

/// What is shorter is no secret, and may be part of any word.
const SHORTEST: usize = 4;

impl Secrets {
    /// Remembers a secret, each of its lines, for a key is printed as a whole or in parts, and each of these as JSON
    /// writes it: a server may quote what it was sent.
    pub(super) fn add(&mut self, secret: &str) {
        let whole = std::iter::once(secret.trim());
        let parts = whole.chain(secret.lines().map(str::trim)).filter(|part| part.len() >= SHORTEST);
        for part in parts.filter(|part| !part.starts_with("-----")) {
            let json = serde_json::Value::from(part).to_string();
            self.0.extend([part.to_owned(), json[1..json.len() - 1].to_owned()]);
        }
        // The longest first, so that no secret survives in part because a shorter one is inside of it.
        self.0.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        self.0.dedup();
    }

    /// Returns `text` with every secret blotted out, and with what stands where the headers of requests have a token:
    /// that of a session is known to the client alone.
    pub(super) fn redact(&self, text: &str) -> String {
        let text = self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), REDACTED));
        BEFORE_TOKENS.iter().fold(text, |text, before| without_tokens(&text, before))
    }
}

/// What is shorter is no token, but a word of a message.
const TOKEN: usize = 12;

/// What stands before a token in the header of a request, as it is and as JSON writes it.
const BEFORE_TOKENS: [&str; 4] = ["Token=\"", "Token=\\\"", "Bearer ", "oken\":\""];

/// Blots out the words that follow `before`.
fn without_tokens(text: &str, before: &str) -> String {
    let mut parts = text.split(before);
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(['"', '\\', '\'', ' ', '\n', ',', ';', '>', '<']).unwrap_or(part.len());
        shown.push_str(before);
        shown.push_str(if end >= TOKEN && &part[..end] != REDACTED { REDACTED } else { &part[..end] });
        shown.push_str(&part[end..]);
    }
    shown
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Secrets")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_blotted_out_whole_and_by_line() {
        let mut secrets = Secrets::default();
        secrets.add("hunter2");
        secrets.add("hunter2-and-more");
        secrets.add("-----BEGIN PRIVATE KEY-----\nMIIEvQ\n-----END PRIVATE KEY-----\n");
        let text = "user a, password hunter2-and-more or hunter2, key MIIEvQ, BEGIN";
        assert_eq!(secrets.redact(text), "user a, password [redacted] or [redacted], key [redacted], BEGIN");
        assert_eq!(format!("{secrets:?}"), "Secrets");
    }

    #[test]
    fn a_secret_is_blotted_out_as_json_writes_it() {
        let mut secrets = Secrets::default();
        secrets.add(r#"pa"ss\word"#);
        assert_eq!(
            secrets.redact(r#"{"PASSWORD":"pa\"ss\\word","b":"pa"ss\word"}"#),
            r#"{"PASSWORD":"[redacted]","b":"[redacted]"}"#
        );
    }

    #[test]
    fn what_a_header_has_as_a_token_is_blotted_out() {
        let redact = |text: &str| Secrets::default().redact(text);
        assert_eq!(
            redact(r#"the header was Snowflake Token="ver:1-hint:9-ETM=", sent"#),
            r#"the header was Snowflake Token="[redacted]", sent"#
        );
        assert_eq!(redact(r#"{"h":"Snowflake Token=\"ver:1-hint:9\""}"#), r#"{"h":"Snowflake Token=\"[redacted]\""}"#);
        assert_eq!(redact("Authorization: Bearer ya29.abc-def\n"), "Authorization: Bearer [redacted]\n");
        assert_eq!(redact(r#"{"masterToken":"ver:1-hint:9"}"#), r#"{"masterToken":"[redacted]"}"#);
        assert_eq!(redact("no Bearer at all, Token=\"\""), "no Bearer at all, Token=\"\"");
    }
}
