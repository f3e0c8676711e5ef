//! YAML as dbt reads it: the block style, a key a line, every text in quotes, so that none is taken for something else.

use serde_json::Value;

/// Writes a table, with its keys in the order in which they stand.
pub(super) fn write(value: &Value) -> String {
    let mut text = String::new();
    block(value, 0, &mut text);
    text
}

/// Writes the keys of a table, or the items of a list, each on lines of its own behind so many blanks.
fn block(value: &Value, indent: usize, text: &mut String) {
    let pad = " ".repeat(indent);
    match value {
        Value::Object(table) => {
            for (key, value) in table {
                let is_plain = key.chars().all(|each| each.is_ascii_alphanumeric() || matches!(each, '_' | '-'));
                let is_word = is_plain && key.starts_with(|first: char| first.is_ascii_alphabetic()) && key.len() > 3;
                text.push_str(&format!("{pad}{}:", if is_word { key.clone() } else { quoted(key) }));
                rest(value, indent, text);
            }
        }
        Value::Array(items) => {
            for item in items {
                let mut inside = String::new();
                match item {
                    Value::Object(table) if !table.is_empty() => block(item, indent + 2, &mut inside),
                    Value::Null
                    | Value::Bool(_)
                    | Value::Number(_)
                    | Value::String(_)
                    | Value::Array(_)
                    | Value::Object(_) => {
                        inside = format!("{pad}  {}\n", inline(item));
                    }
                }
                text.push_str(&format!("{pad}- {}", inside.get(indent + 2..).unwrap_or_default()));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Writes what follows a key.
fn rest(value: &Value, indent: usize, text: &mut String) {
    let is_table = matches!(value, Value::Object(table) if !table.is_empty());
    let is_list = matches!(value, Value::Array(items) if items.iter().any(Value::is_object));
    if is_table || is_list {
        text.push('\n');
        block(value, indent + 2, text);
    } else if let Some(lines) = lines(value) {
        text.push_str(" |-\n");
        for line in lines {
            let pad = if line.is_empty() { 0 } else { indent + 2 };
            text.push_str(&format!("{}{line}\n", " ".repeat(pad)));
        }
    } else {
        text.push_str(&format!(" {}\n", inline(value)));
    }
}

/// Returns the lines of a text that has several and can be written as they are.
fn lines(value: &Value) -> Option<Vec<&str>> {
    let text = value.as_str()?;
    let lines: Vec<&str> = text.split('\n').collect();
    let is_plain = text.chars().all(|character| character == '\n' || is_printable(character));
    let is_bounded = lines.first().is_some_and(|line| !line.is_empty() && !line.starts_with(' '))
        && lines.last().is_some_and(|line| !line.is_empty());
    let is_whole = lines.iter().all(|line| line.is_empty() || !line.trim().is_empty());
    (lines.len() > 1 && is_plain && is_bounded && is_whole).then_some(lines)
}

fn inline(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(value) => value.to_string(),
        Value::String(text) => quoted(text),
        Value::Array(items) => format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Value::Object(table) => {
            let entries = table.iter().map(|(key, value)| format!("{}: {}", quoted(key), inline(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
    }
}

/// Writes a text in quotes, in which what no reader takes as it is stands as its number.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            character if is_printable(character) => quoted.push(character),
            character => quoted.push_str(&format!("\\U{:08X}", u32::from(character))),
        }
    }
    quoted.push('"');
    quoted
}

/// Tells whether a character stands for itself; those that end a line in some versions of YAML do not.
fn is_printable(character: char) -> bool {
    let is_end_of_line = matches!(character, '\u{2028}' | '\u{2029}');
    let is_mark = matches!(character, '\u{FEFF}' | '\u{FDD0}'..='\u{FDEF}' | '\u{FFFE}' | '\u{FFFF}');
    !character.is_control() && !is_end_of_line && !is_mark
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_table_is_a_key_a_line() {
        let value = json!({
            "version": 2,
            "models": [
                { "name": "kpi_x", "config": { "tags": ["a: b", "no"], "meta": {} }, "columns": [{ "name": "on", "quote": true }] },
                { "name": "odd", "description": "a \"b\"\n\u{7}\u{2028}\\", "columns": [] },
            ],
            "rows": "SELECT 1\n\n  AS a",
        });
        assert_eq!(
            write(&value),
            "version: 2\n\
             models:\n\
             \x20 - name: \"kpi_x\"\n\
             \x20   config:\n\
             \x20     tags: [\"a: b\", \"no\"]\n\
             \x20     meta: {}\n\
             \x20   columns:\n\
             \x20     - name: \"on\"\n\
             \x20       quote: true\n\
             \x20 - name: \"odd\"\n\
             \x20   description: \"a \\\"b\\\"\\n\\U00000007\\U00002028\\\\\"\n\
             \x20   columns: []\n\
             rows: |-\n\
             \x20 SELECT 1\n\
             \n\
             \x20   AS a\n"
        );
    }
}
