//! Names and literals in Snowflake's SQL.

/// Quotes a text: a backslash escapes.
pub(super) fn literal(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('\'');
    for character in text.chars() {
        match character {
            '\\' => quoted.push_str("\\\\"),
            '\'' => quoted.push_str("''"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            other => quoted.push(other),
        }
    }
    quoted.push('\'');
    quoted
}

/// Quotes a name, which is then as it is written.
pub(super) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Returns the name of something that belongs to a relation for a while: beside it, and named after it.
pub(super) fn beside(relation: &str, what: &str) -> String {
    match relation.strip_suffix('"') {
        Some(open) => format!("{open}__{what}\""),
        None => format!("{relation}__{what}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_texts_are_quoted() {
        assert_eq!(literal("it's \"C:\\new\"\n"), r#"'it''s "C:\\new"\n'"#);
        assert_eq!(identifier("a \"b\""), r#""a ""b""""#);
        assert_eq!(beside(r#""s"."t""#, "load"), r#""s"."t__load""#);
        assert_eq!(beside("s.t", "load"), "s.t__load");
    }
}
