//! Google's reference implementation of GoogleSQL, as `tests/stand_ins/googlesql.py` serves it: a line of JSON each way.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;

use milepost::check::Checked;
use milepost::diagnostic::Diagnostics;
use milepost::render::dialect::Dialect;
use milepost::render::{Place, Statement};
use milepost::semantic::moment;
use milepost::warehouse::{Column, Family, Rows, Value};
use serde_json::json;

use crate::conformance::Case;
use crate::conformance::engine::{Engine, MOST_ROWS, Made};

/// The process.
pub(crate) struct GoogleSql {
    pipes: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
    child: Child,
}

/// The schema that relations are made in; the process keeps nothing between requests.
pub(crate) const SCHEMA: &str = "conformance";

impl GoogleSql {
    /// Starts it, by a command of the shell.
    pub(crate) fn start(command: &str) -> Self {
        let mut child = Command::new("sh")
            .args(["-c", &format!("exec {command}")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command}: {error}"));
        let stdin = child.stdin.take().expect("it is piped");
        let mut stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut ready = String::new();
        stdout.read_line(&mut ready).unwrap();
        assert!(ready.contains("\"ready\""), "{command}: {ready}");
        Self { pipes: Mutex::new((stdin, stdout)), child }
    }

    /// Sends a request and returns its answer.
    fn exchange(&self, request: &serde_json::Value) -> Result<serde_json::Value, String> {
        let mut pipes = self.pipes.lock().unwrap();
        let (stdin, stdout) = &mut *pipes;
        writeln!(stdin, "{request}").and_then(|()| stdin.flush()).map_err(|error| error.to_string())?;
        let mut line = String::new();
        stdout.read_line(&mut line).map_err(|error| error.to_string())?;
        let answer: serde_json::Value = serde_json::from_str(&line).map_err(|error| format!("{error}: {line}"))?;
        match answer.get("error") {
            Some(error) => Err(error.to_string()),
            None => Ok(answer),
        }
    }
}

impl Drop for GoogleSql {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Engine for GoogleSql {
    fn dialect(&self) -> &'static Dialect {
        Dialect::named("bigquery").unwrap()
    }

    fn ask(&self, sql: &str) -> Result<Rows, String> {
        let answer = self.exchange(&json!({ "statements": [{ "node": "asked", "sql": sql }] }))?;
        answer["relations"].get("asked").map(read).ok_or_else(|| answer["errors"].to_string())
    }

    fn relations(&self, case: &Case, given: &[(String, Rows)]) -> Result<Made, String> {
        let place = Place {
            dialect: self.dialect(),
            schema: SCHEMA.to_owned(),
            as_of: moment::literal(case.as_of),
            stand_ins: BTreeMap::new(),
            blanks: None,
        };
        let checked = milepost::compile(&case.analysis, &place, &mut Diagnostics::default()).expect("it compiled");
        let statement = |checked: &Checked| Statement {
            node: checked.node().to_owned(),
            sql: checked.sql().to_owned(),
            origin: None,
        };
        self.relations_of(case, given, &checked.values().map(statement).collect::<Vec<_>>())
    }
}

impl GoogleSql {
    /// Makes the relations of a case by statements that were made for [`SCHEMA`].
    pub(crate) fn relations_of(
        &self,
        case: &Case,
        given: &[(String, Rows)],
        statements: &[Statement],
    ) -> Result<Made, String> {
        // Raw rows are where the project says, so that the SQL is what would run: no stand-in changes it.
        let model = &case.analysis.model;
        let sources = model.sources.iter().map(|source| (&source.meta.name, &source.origin));
        let entities = model.entities.iter().filter_map(|entity| Some((&entity.meta.name, entity.origin.as_ref()?)));
        let origins: BTreeMap<_, _> = sources.chain(entities).collect();
        let tables: BTreeMap<_, _> = given
            .iter()
            .map(|(name, rows)| (origins[name].table.as_deref().expect("a table of every case is named"), rows))
            .collect();
        let tables: Vec<_> = tables.into_iter().map(|(name, rows)| written(name, rows)).collect();
        let statements: Vec<_> =
            statements.iter().map(|statement| json!({ "node": statement.node, "sql": statement.sql })).collect();
        let rows: usize = given.iter().map(|(_, rows)| rows.rows.len()).sum();
        let evaluate = rows <= MOST_ROWS;
        let request = json!({ "tables": tables, "statements": statements, "evaluate": evaluate });
        let answer = self.exchange(&request)?;
        if let Some(error) = answer["errors"].as_array().and_then(|errors| errors.first()) {
            return Err(error.to_string());
        }
        let relations = answer["relations"].as_object().ok_or("no relations")?;
        let read = |(name, relation): (&String, _)| (name.clone(), read(relation));
        Ok(if evaluate { Made::Relations(relations.iter().map(read).collect()) } else { Made::Legal })
    }
}

/// Writes a raw table.
fn written(name: &str, rows: &Rows) -> serde_json::Value {
    let columns: Vec<_> = rows.columns.iter().map(|column| json!([column.name, column.ty])).collect();
    let cell = |value: &Value| match value {
        Value::Null => json!(null),
        Value::Bool(value) => json!(value),
        Value::Int(value) => json!(value.to_string()),
        Value::Float(value) if value.is_finite() => json!(value),
        Value::Float(value) => json!(value.to_string()),
        Value::Decimal(text) | Value::Text(text) | Value::Date(text) | Value::Timestamp(text) => json!(text),
    };
    let rows: Vec<Vec<_>> = rows.rows.iter().map(|row| row.iter().map(cell).collect()).collect();
    json!({ "name": name, "columns": columns, "rows": rows })
}

/// Reads a relation.
fn read(relation: &serde_json::Value) -> Rows {
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let columns: Vec<Column> = relation["columns"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|column| Column { name: text(&column[0]), ty: text(&column[1]), family: Family::Other })
        .collect();
    let cell = |(value, column): (&serde_json::Value, &Column)| match (value, column.ty.as_str()) {
        (serde_json::Value::Null, _) => Value::Null,
        (serde_json::Value::Bool(value), _) => Value::Bool(*value),
        (_, "INT64") => Value::Int(text(value).parse().expect("an integer")),
        (serde_json::Value::Number(value), _) => Value::Float(value.as_f64().expect("a float")),
        (_, "FLOAT64") => Value::Float(text(value).parse().expect("a float")),
        (_, "NUMERIC") => Value::Decimal(text(value)),
        (_, "DATE") => Value::Date(text(value)),
        (_, "TIMESTAMP") => Value::Timestamp(text(value)),
        _ => Value::Text(text(value)),
    };
    let rows = relation["rows"].as_array().expect("a list");
    let row = |row: &serde_json::Value| row.as_array().expect("a list").iter().zip(&columns).map(cell).collect();
    Rows { rows: rows.iter().map(row).collect(), columns: columns.clone(), truncated: false }
}
