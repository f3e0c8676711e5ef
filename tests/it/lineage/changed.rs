//! Raw rows with other values in one column, of the types that were there.

use serde_json::Value;

/// How the values of a column change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Each row gets the value of the row before it.
    Moved,
    /// Each value becomes another one.
    Other,
    /// Every second value becomes another one.
    OtherInSome,
}

/// All of them.
pub(super) const CHANGES: &[Change] = &[Change::Moved, Change::Other, Change::OtherInSome];

/// Raw rows as their file has them.
pub(super) enum Table {
    /// A header, and rows of as many fields.
    Csv(Vec<String>, Vec<Vec<String>>),
    /// Objects.
    Lines(Vec<Value>),
}

impl Table {
    pub(super) fn of_csv(text: &str) -> Option<Self> {
        let mut records = records(text).into_iter();
        let header = records.next()?;
        let rows: Vec<Vec<String>> = records.collect();
        rows.iter().all(|row| row.len() == header.len()).then_some(Table::Csv(header, rows))
    }

    pub(super) fn of_lines(text: &str) -> Option<Self> {
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        lines.map(|line| serde_json::from_str(line).ok()).collect::<Option<Vec<Value>>>().map(Table::Lines)
    }

    /// Tells whether there is no row.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Table::Csv(_, rows) => rows.is_empty(),
            Table::Lines(lines) => lines.is_empty(),
        }
    }

    /// Returns the file with a column changed, or a property: the column and the keys; none where it has no such column.
    pub(super) fn changed(&self, path: &[String], change: Change) -> Option<String> {
        let (column, keys) = path.split_first()?;
        match self {
            Table::Csv(header, rows) => {
                let place = header.iter().position(|name| name == column)?;
                let mut rows = rows.clone();
                if keys.is_empty() {
                    let values = rows.iter().map(|row| Value::String(row[place].clone())).collect();
                    for (row, value) in rows.iter_mut().zip(changed(values, change)) {
                        value.as_str().unwrap_or_default().clone_into(&mut row[place]);
                    }
                } else {
                    let mut documents: Vec<Value> =
                        rows.iter().map(|row| document(&row[place]).unwrap_or(Value::Null)).collect();
                    change_property(&mut documents, keys, change);
                    for (row, document) in rows.iter_mut().zip(documents) {
                        // What is no document stays what it is.
                        if document.is_object() {
                            row[place] = document.to_string();
                        }
                    }
                }
                let lines = std::iter::once(header).chain(&rows).map(|row| line(row));
                Some(lines.collect())
            }
            Table::Lines(lines) => {
                let mut lines = lines.clone();
                change_property(&mut lines, path, change);
                Some(lines.iter().map(Value::to_string).collect::<Vec<_>>().join("\n") + "\n")
            }
        }
    }
}

/// Reads a document that can be written again as it is: a number of many digits cannot, nor a key that is there twice.
fn document(text: &str) -> Option<Value> {
    let read: Value = serde_json::from_str(text).ok()?;
    let bare = |text: &str| {
        let mut characters: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
        characters.sort_unstable();
        characters
    };
    (bare(&read.to_string()) == bare(text)).then_some(read)
}

/// Changes what objects have under keys; where one of them is text with an object in it, inside of that.
fn change_property(documents: &mut [Value], keys: &[String], change: Change) {
    fn found<'d>(document: &'d mut Value, keys: &[String]) -> Option<&'d mut Value> {
        let (key, rest) = keys.split_first()?;
        let inner = document.as_object_mut()?.get_mut(key)?;
        if rest.is_empty() { Some(inner) } else { found(inner, rest) }
    }
    let values: Vec<Value> =
        documents.iter_mut().map(|document| found(document, keys).cloned().unwrap_or(Value::Null)).collect();
    for (document, value) in documents.iter_mut().zip(changed(values, change)) {
        if let Some(place) = found(document, keys) {
            *place = value;
        }
    }
}

fn changed(mut values: Vec<Value>, change: Change) -> Vec<Value> {
    match change {
        Change::Moved => {
            let step = usize::from(!values.is_empty());
            values.rotate_right(step);
            values
        }
        Change::Other => values.iter().map(other).collect(),
        Change::OtherInSome => values
            .iter()
            .enumerate()
            .map(|(row, value)| if row % 2 == 0 { other(value) } else { value.clone() })
            .collect(),
    }
}

/// Returns another value of the same type; nothing stays nothing.
fn other(value: &Value) -> Value {
    match value {
        Value::Null | Value::Array(_) | Value::Object(_) => value.clone(),
        Value::Bool(value) => Value::Bool(!value),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) if whole < i64::MAX => Value::from(whole + 1),
            (_, Some(float)) => Value::from(float + 1.5),
            (_, None) => value.clone(),
        },
        Value::String(text) => Value::String(other_text(text)),
    }
}

fn other_text(text: &str) -> String {
    let digits = |from: usize, to: usize| text.get(from..to)?.parse::<u32>().ok();
    if text.is_empty() {
        return String::new();
    }
    // A time: another day of the month.
    if let (Some(_), Some("-"), Some(_), Some("-"), Some(day)) =
        (digits(0, 4), text.get(4..5), digits(5, 7), text.get(7..8), digits(8, 10))
    {
        return format!("{}{:02}{}", &text[..8], day % 27 + 1, &text[10..]);
    }
    if let Ok(whole) = text.parse::<i32>() {
        return (whole + 1).to_string();
    }
    if let Ok(float) = text.parse::<f64>().map(|float| float + 1.5)
        && float.is_finite()
    {
        return float.to_string();
    }
    match text {
        "true" => "false".to_owned(),
        "false" => "true".to_owned(),
        _ => format!("{text}x"),
    }
}

fn line(fields: &[String]) -> String {
    let field = |field: &String| {
        if field.contains([',', '"', '\n', '\r']) {
            format!("\"{}\"", field.replace('"', "\"\""))
        } else {
            field.clone()
        }
    };
    fields.iter().map(field).collect::<Vec<_>>().join(",") + "\n"
}

/// Returns the records of a file as RFC 4180 has it.
fn records(text: &str) -> Vec<Vec<String>> {
    let (mut records, mut record, mut field) = (Vec::new(), Vec::new(), String::new());
    let mut quoted = false;
    let mut characters = text.strip_prefix('\u{feff}').unwrap_or(text).chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => field.extend(characters.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => record.push(std::mem::take(&mut field)),
            '\r' if !quoted => {}
            '\n' if !quoted => {
                record.push(std::mem::take(&mut field));
                records.push(std::mem::take(&mut record));
            }
            other => field.push(other),
        }
    }
    if !record.is_empty() || !field.is_empty() {
        record.push(field);
        records.push(record);
    }
    records
}
