//! Rows written as CSV: RFC 4180, a header first.

use crate::run::unit::Row;

/// Reads rows. A field that is empty and not quoted is null; every other one is text.
pub fn rows(text: &str) -> Result<Vec<Row>, String> {
    let mut records = records(text.strip_prefix('\u{feff}').unwrap_or(text))?.into_iter();
    let Some((_, header)) = records.next() else { return Ok(Vec::new()) };
    let names: Vec<String> = header.into_iter().map(|field| field.unwrap_or_default().trim().to_owned()).collect();
    for (index, name) in names.iter().enumerate() {
        if name.is_empty() {
            return Err(format!("column {} has no name", index + 1));
        }
        if names[..index].contains(name) {
            return Err(format!("two columns are named `{name}`"));
        }
    }
    records
        .map(|(line, record)| {
            if record.len() != names.len() {
                return Err(format!("line {line} has {} fields, and the header {}", record.len(), names.len()));
            }
            let values =
                record.into_iter().map(|field| field.map_or(serde_json::Value::Null, serde_json::Value::String));
            Ok(names.iter().cloned().zip(values).collect())
        })
        .collect()
}

/// A line's number, and its fields: nothing for one that is empty and not quoted.
type Record = (usize, Vec<Option<String>>);

fn records(text: &str) -> Result<Vec<Record>, String> {
    let mut records = Vec::new();
    let mut characters = text.chars().peekable();
    let mut line = 1;
    while characters.peek().is_some() {
        let (first, mut fields) = (line, Vec::new());
        loop {
            let mut field = String::new();
            let quoted = characters.next_if_eq(&'"').is_some();
            if quoted {
                loop {
                    match characters.next() {
                        Some('"') if characters.next_if_eq(&'"').is_some() => field.push('"'),
                        Some('"') => break,
                        Some(character) => {
                            line += usize::from(character == '\n');
                            field.push(character);
                        }
                        None => return Err(format!("the quote of line {first} is never closed")),
                    }
                }
            }
            while let Some(character) = characters.next_if(|character| !matches!(character, ',' | '\n')) {
                field.push(character);
            }
            if field.ends_with('\r') && characters.peek() != Some(&',') {
                field.pop();
            }
            fields.push((quoted || !field.is_empty()).then_some(field));
            if characters.next_if_eq(&',').is_none() {
                break;
            }
        }
        // The end of the line, or of the text.
        characters.next();
        line += 1;
        // An empty line is no record.
        if fields != [None] {
            records.push((first, fields));
        }
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &serde_json::Value) {
        assert_eq!(serde_json::to_value(rows(text).expect("reads")).expect("is JSON"), *expected);
    }

    #[test]
    fn fields_are_text_and_empty_ones_null() {
        check("a,b\n1,\n\"\",x y\n", &serde_json::json!([{"a": "1", "b": null}, {"a": "", "b": "x y"}]));
        check("a,b\r\n1,2\r\n\r\n", &serde_json::json!([{"a": "1", "b": "2"}]));
        check("", &serde_json::json!([]));
        check("a\n", &serde_json::json!([]));
    }

    #[test]
    fn quotes_hold_commas_lines_and_quotes() {
        check("a,b\n\"1,2\n3\",\"{\"\"k\"\": 1}\"", &serde_json::json!([{"a": "1,2\n3", "b": "{\"k\": 1}"}]));
    }

    #[test]
    fn what_is_not_a_table_is_refused() {
        assert_eq!(rows("a,b\n\"x\ny\",1\n1\n"), Err("line 4 has 1 fields, and the header 2".to_owned()));
        assert_eq!(rows("a\n\"x"), Err("the quote of line 2 is never closed".to_owned()));
        assert_eq!(rows("a,a\n"), Err("two columns are named `a`".to_owned()));
        assert_eq!(rows("a,,b\n"), Err("column 2 has no name".to_owned()));
    }
}
