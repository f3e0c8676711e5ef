//! Qualified names that are quoted by `"`.

/// Returns what stands before the last dot of a qualified name that is outside quotes.
pub(super) fn schema_of(relation: &str) -> Option<&str> {
    let mut quoted = false;
    let mut last = None;
    for (index, character) in relation.char_indices() {
        match character {
            '"' => quoted = !quoted,
            '.' if !quoted => last = Some(index),
            _ => {}
        }
    }
    last.map(|index| &relation[..index])
}

/// Returns the name of something that nobody else has: twelve random hexadecimal digits.
#[cfg(feature = "snowflake")]
pub(super) fn token() -> String {
    use std::hash::{BuildHasher as _, Hasher as _, RandomState};
    format!("{:016x}", RandomState::new().build_hasher().finish()).split_off(4)
}

/// Returns the parts of a qualified name, without their quotes.
pub(super) fn parts_of(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    let mut characters = name.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.next_if_eq(&'"').is_some() => parts.last_mut().expect("never empty").push('"'),
            '"' => quoted = !quoted,
            '.' if !quoted => parts.push(String::new()),
            _ => parts.last_mut().expect("never empty").push(character),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_of_a_name_is_what_stands_before_its_last_dot() {
        assert_eq!(schema_of("raw.events"), Some("raw"));
        assert_eq!(schema_of(r#""a.b"."c.d""#), Some(r#""a.b""#));
        assert_eq!(schema_of(r#"base."s""."."t""#), Some(r#"base."s"".""#));
        assert_eq!(schema_of(r#""a.b""#), None);
        assert_eq!(schema_of(r#""a.b"."c"."d""#), Some(r#""a.b"."c""#));
        assert_eq!(schema_of("t"), None);
    }

    #[test]
    fn a_name_has_parts_between_dots_outside_quotes() {
        assert_eq!(parts_of(r#""a.b"."c""d".e"#), ["a.b", "c\"d", "e"]);
        assert_eq!(parts_of("t"), ["t"]);
    }
}
