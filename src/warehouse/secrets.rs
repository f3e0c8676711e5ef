//! What must never be shown, and texts without it.

/// The secrets of a connection: a driver passes every text through [`Secrets::redact`] that leaves it.
#[derive(Clone, Default)]
pub(super) struct Secrets(Vec<String>);

/// What stands in the place of a secret.
const REDACTED: &str = "[redacted]";

/// What is shorter is no secret, and may be part of any word.
const SHORTEST: usize = 4;

impl Secrets {
    /// Remembers a secret, and each of its lines: a key is printed as a whole or in parts.
    pub(super) fn add(&mut self, secret: &str) {
        let whole = std::iter::once(secret.trim());
        let parts = whole.chain(secret.lines().map(str::trim)).filter(|part| part.len() >= SHORTEST);
        self.0.extend(parts.filter(|part| !part.starts_with("-----")).map(str::to_owned));
        // The longest first, so that no secret survives in part because a shorter one is inside of it.
        self.0.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        self.0.dedup();
    }

    /// Returns `text` with every secret blotted out.
    pub(super) fn redact(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), REDACTED))
    }
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
}
