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
}
