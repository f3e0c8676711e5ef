//! Names: as people write them, and what a column is.

use std::fmt;

use crate::semantic::scopes::canonical;

/// The parts of a name from the outermost to the innermost. A part may be any text: `properties."utm.source"` has two.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(Vec<String>);

impl Path {
    /// Makes a path of its parts.
    pub fn new<S: Into<String>>(parts: impl IntoIterator<Item = S>) -> Self {
        Self(parts.into_iter().map(Into::into).collect())
    }

    /// Reads a name as it is written in TOML: parts with dots between them; in double quotes a part may have dots too, and
    /// two quotes are one. None where a part is missing, or a quote is not closed.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = Vec::new();
        let mut rest = text;
        loop {
            let after = if let Some(quoted) = rest.strip_prefix('"') {
                let (part, length) = unquoted(quoted)?;
                parts.push(part);
                &quoted[length..]
            } else {
                let end = rest.find('.').unwrap_or(rest.len());
                parts.push(rest[..end].to_owned());
                &rest[end..]
            };
            if after.is_empty() {
                return parts.iter().all(|part| !part.is_empty()).then_some(Self(parts));
            }
            rest = after.strip_prefix('.')?;
        }
    }

    /// Returns its parts.
    pub fn parts(&self) -> &[String] {
        &self.0
    }
}

/// Returns what stands before the closing quote, and how many bytes it takes with that quote.
fn unquoted(text: &str) -> Option<(String, usize)> {
    let mut part = String::new();
    let mut at = 0;
    loop {
        let quote = at + text[at..].find('"')?;
        part.push_str(&text[at..quote]);
        if !text[quote + 1..].starts_with('"') {
            return Some((part, quote + 1));
        }
        part.push('"');
        at = quote + 2;
    }
}

/// Tells whether a part is written without quotes.
fn is_word(part: &str) -> bool {
    part.starts_with(|first: char| first.is_alphabetic() || first == '_')
        && part.chars().all(|each| each.is_alphanumeric() || each == '_')
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, part) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str(".")?;
            }
            if is_word(part) { f.write_str(part)? } else { write!(f, "\"{}\"", part.replace('"', "\"\""))? }
        }
        Ok(())
    }
}

/// What a column is, whatever it is called in the user's tables.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Name {
    /// Something with a name of ours: `event.time`, `entity.user.key`.
    Canonical(String),
    /// A property of an event, by the keys that lead to it.
    Property(Path),
}

impl Name {
    /// Tells whether it is this canonical name.
    pub fn is(&self, canonical: &str) -> bool {
        matches!(self, Name::Canonical(name) if name == canonical)
    }

    /// Tells whether it is a canonical name that begins so.
    pub fn starts_with(&self, prefix: &str) -> bool {
        self.strip_prefix(prefix).is_some()
    }

    /// Returns what follows in a canonical name that begins so.
    pub fn strip_prefix(&self, prefix: &str) -> Option<&str> {
        match self {
            Name::Canonical(name) => name.strip_prefix(prefix),
            Name::Property(_) => None,
        }
    }
}

impl From<&str> for Name {
    fn from(canonical: &str) -> Self {
        Name::Canonical(canonical.to_owned())
    }
}

impl From<String> for Name {
    fn from(canonical: String) -> Self {
        Name::Canonical(canonical)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Name::Canonical(name) => f.write_str(name),
            Name::Property(path) => write!(f, "{}{path}", canonical::PROPERTY),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::semantic::name::Path;

    #[test]
    fn a_path_is_written_as_it_is_read() {
        for (text, parts) in [
            ("plan", vec!["plan"]),
            ("properties.plan.tier", vec!["properties", "plan", "tier"]),
            ("properties.\"utm.source\"", vec!["properties", "utm.source"]),
            ("\"a \"\"b\"\".c\".d", vec!["a \"b\".c", "d"]),
            ("properties.\"$browser\"", vec!["properties", "$browser"]),
        ] {
            let path = Path::parse(text).unwrap();
            assert_eq!(path.parts(), parts);
            assert_eq!(path.to_string(), text);
        }
        // Columns of tables may have blanks, and need no quotes in a list of names.
        assert_eq!(Path::parse("user id").unwrap().to_string(), "\"user id\"");
    }

    #[test]
    fn what_lacks_a_part_is_no_path() {
        for text in ["", ".", "a.", ".a", "a..b", "\"a", "\"\"", "\"a\"b"] {
            assert_eq!(Path::parse(text), None, "{text}");
        }
    }
}
