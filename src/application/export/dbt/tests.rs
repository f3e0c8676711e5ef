//! Unit tests of a project as unit tests of dbt.
//!
//! A test of ours gives raw rows and expects rows of a relation that is several models away; one of dbt gives the rows that a
//! single model reads. So each becomes a chain: every relation on the way has a test of its own, whose given rows are those that
//! the tests before it expect. The rows between are those that the embedded engine makes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::jinja;
use crate::Analysis;
use crate::application::workspace::Workspace;
use crate::plan::node::{NodeId, Raw};
use crate::render::blanks::Blank;
use crate::render::dialect::Dialect;
use crate::render::expr;
use crate::semantic::expr::{Literal, Type};
use crate::suite::case::Case;
use crate::suite::{self, given};
use crate::warehouse::{EMBEDDED, Rows, Value as Cell};

/// How many relations a model may read in a test, and how many rows each of them may have.
const MOST: (usize, usize) = (8, 200);

/// The tests of a package.
#[derive(Debug, Default)]
pub(super) struct Tests {
    /// The entries of dbt's unit tests, by the tests that they come from.
    pub(super) entries: BTreeMap<String, Vec<Value>>,
    /// What is left out, and why.
    pub(super) left_out: Vec<String>,
}

/// What a model reads, each thing once.
pub(super) type Inputs = BTreeMap<NodeId, Vec<Blank>>;

/// Returns the chains of all tests. `inputs` says what each model reads, and `named` how dbt calls that.
pub(super) fn tests(
    workspace: &Workspace,
    cases: &[Case],
    dialect: &'static Dialect,
    inputs: &Inputs,
    named: &dyn Fn(&Blank) -> String,
) -> Tests {
    let Analysis { project, model, plan } = &workspace.analysis;
    let mut tests = Tests::default();
    let mut told = BTreeSet::new();
    for case in cases {
        let steps = match suite::steps::steps(suite::Cx { project, model, plan }, case) {
            Ok(steps) => steps,
            Err(reason) => {
                tests.left_out.push(format!("{}: {reason}", case.name));
                continue;
            }
        };
        let step = Step { workspace, case, dialect, rows: &steps, named };
        for id in steps.keys() {
            let read = inputs.get(id).map_or(&[][..], Vec::as_slice);
            // What reads nothing is constants.
            if read.is_empty() {
                continue;
            }
            match step.entry(*id, read) {
                // Another test has the same rows on its way.
                Ok((_, body)) if !told.insert(body.to_string()) => {}
                Ok((entry, _)) => tests.entries.entry(case.name.clone()).or_default().push(entry),
                Err(reason) => tests.left_out.push(format!("{}, {}: {reason}", case.name, plan.node(*id).name)),
            }
        }
    }
    tests
}

/// A relation on the way of a test.
struct Step<'s> {
    workspace: &'s Workspace,
    case: &'s Case,
    dialect: &'static Dialect,
    rows: &'s BTreeMap<NodeId, Rows>,
    named: &'s dyn Fn(&Blank) -> String,
}

impl Step<'_> {
    /// Returns the entry, and the same without its name.
    fn entry(&self, id: NodeId, read: &[Blank]) -> Result<(Value, Value), String> {
        let plan = &self.workspace.analysis.plan;
        let (inputs, rows) = MOST;
        if read.len() > inputs {
            return Err(format!("the model reads {} relations, more than {inputs}", read.len()));
        }
        let own = &self.rows[&id];
        let mut given = Vec::new();
        for input in read {
            let read = match input {
                Blank::Relation(id) => self.made(*id)?,
                Blank::Raw(raw) => self.given(*raw)?,
                Blank::Moment { .. } | Blank::Clock { .. } | Blank::Count { .. } | Blank::Folder => continue,
            };
            // dbt reads the file as a template, and what it makes of these rows once more.
            let rows = jinja::text(&jinja::text(&read));
            given.push(json!({ "input": (self.named)(input), "format": "sql", "rows": rows }));
        }
        if own.rows.len() > rows {
            return Err(format!("the relation has {} rows, more than {rows}", own.rows.len()));
        }
        let expected = self.expected(id, own)?;
        let name = &plan.node(id).name;
        let body = json!({
            "model": name,
            "overrides": { "vars": { "as_of": self.case.as_of.to_string() } },
            "given": given,
            "expect": expected,
        });
        let mut entry = json!({ "name": format!("{}__{name}", self.case.name) });
        if let (Value::Object(entry), Value::Object(body)) = (&mut entry, &body) {
            entry.extend(body.clone());
        }
        Ok((entry, body))
    }

    /// Returns what is expected of a relation: a query, which has to have all of its columns, or rows of some of them, of which
    /// dbt makes one.
    fn expected(&self, id: NodeId, rows: &Rows) -> Result<Value, String> {
        let compared = self.compared(id, rows);
        if compared.len() == rows.columns.len() {
            let query = self.select(rows, &compared, |place| self.typed(id, rows, place))?;
            return Ok(json!({ "format": "sql", "rows": jinja::text(&query) }));
        }
        let mut written = Vec::new();
        for row in &rows.rows {
            let mut cells = Map::new();
            for place in &compared {
                let cell = match &row[*place] {
                    Cell::Null => Value::Null,
                    Cell::Bool(value) => json!(value),
                    Cell::Int(value) => json!(value),
                    Cell::Text(text) if text.contains(['\'', '\\']) => {
                        return Err("it has floats, and texts with quotes or backslashes".to_owned());
                    }
                    Cell::Timestamp(text) => json!(plain(text)),
                    other @ (Cell::Float(_) | Cell::Decimal(_) | Cell::Text(_) | Cell::Date(_)) => {
                        json!(jinja::text(&other.to_string()))
                    }
                };
                cells.insert(self.dialect.made_name(&rows.columns[*place].name), cell);
            }
            written.push(Value::Object(cells));
        }
        written.sort_by_key(Value::to_string);
        Ok(json!({ "format": "dict", "rows": written }))
    }

    /// Prints the rows of a relation on the way.
    fn made(&self, id: NodeId) -> Result<String, String> {
        let name = &self.workspace.analysis.plan.node(id).name;
        let rows = self.rows.get(&id).ok_or_else(|| format!("`{name}` is not made in the test"))?;
        if rows.rows.len() > MOST.1 {
            return Err(format!("`{name}` has {} rows, more than {}", rows.rows.len(), MOST.1));
        }
        let all: Vec<usize> = (0..rows.columns.len()).collect();
        self.select(rows, &all, |place| self.typed(id, rows, place))
    }

    /// Prints the rows that are given of a source or an entity.
    fn given(&self, raw: Raw) -> Result<String, String> {
        let model = &self.workspace.analysis.model;
        let name = &model.id(raw).name;
        let tables = given::tables(model, self.case, self.dialect);
        let (_, rows) = tables.into_iter().find(|(given, _)| given == name).ok_or("no rows are given")?;
        if rows.rows.len() > MOST.1 {
            return Err(format!("`{name}` has {} rows, more than {}", rows.rows.len(), MOST.1));
        }
        let document = self.dialect.document_type();
        if self.dialect.name() != EMBEDDED && rows.columns.iter().any(|column| column.ty == document) {
            return Err(format!("`{name}` has documents of the type {document}, which no text is cast to"));
        }
        let all: Vec<usize> = (0..rows.columns.len()).collect();
        self.select(&rows, &all, |place| {
            let column = &rows.columns[place];
            let text = self.dialect.type_name(Type::String).to_owned();
            let ty = if column.ty.is_empty() { text } else { column.ty.clone() };
            Ok((self.dialect.raw_identifier(&column.name)?, ty, None))
        })
    }

    /// Returns the columns by which a relation is compared: all but those with floats that another order of adding up may
    /// change in their last digits.
    fn compared(&self, id: NodeId, rows: &Rows) -> Vec<usize> {
        let node = self.workspace.analysis.plan.node(id);
        let is_exact = |place: &usize| {
            let cells = rows.rows.iter().map(|row| &row[*place]);
            let is_float = node.columns.get(*place).is_some_and(|(_, ty)| *ty == Type::Float);
            !is_float || cells.into_iter().all(is_short)
        };
        (0..rows.columns.len()).filter(is_exact).collect()
    }

    /// Returns the name and the type of a column of a relation.
    fn typed(&self, id: NodeId, rows: &Rows, place: usize) -> Result<(String, String, Option<Type>), String> {
        let node = self.workspace.analysis.plan.node(id);
        let name = &rows.columns[place].name;
        let found = node.columns.iter().find(|(column, _)| column == name);
        let (_, ty) = found.ok_or_else(|| format!("`{}` has no column `{name}`", node.name))?;
        Ok((self.dialect.identifier(name)?, self.dialect.type_name(*ty).to_owned(), Some(*ty)))
    }

    /// Prints rows as a query.
    fn select(
        &self,
        rows: &Rows,
        places: &[usize],
        column: impl Fn(usize) -> Result<(String, String, Option<Type>), String>,
    ) -> Result<String, String> {
        let columns = places.iter().map(|place| column(*place)).collect::<Result<Vec<_>, _>>()?;
        let mut lines = Vec::new();
        for row in &rows.rows {
            let cells = places.iter().zip(&columns).map(|(place, (name, ty, meant))| {
                Ok(format!("{} AS {name}", cell(&row[*place], ty, *meant, self.dialect)?))
            });
            lines.push(format!("SELECT {}", cells.collect::<Result<Vec<_>, String>>()?.join(", ")));
        }
        // Rows have no order, and a file has one.
        lines.sort();
        if lines.is_empty() {
            let nulls = columns.iter().map(|(name, ty, _)| format!("CAST(NULL AS {ty}) AS {name}"));
            return Ok(format!("SELECT {} LIMIT 0", nulls.collect::<Vec<_>>().join(", ")));
        }
        Ok(lines.join("\nUNION ALL\n"))
    }
}

/// Tells whether a float is one of few binary digits, or none.
fn is_short(cell: &Cell) -> bool {
    const PARTS: f64 = 4096.0;
    match cell {
        Cell::Float(value) => (value * PARTS).fract() == 0.0 && value.abs() < 1e12,
        Cell::Null
        | Cell::Bool(_)
        | Cell::Int(_)
        | Cell::Decimal(_)
        | Cell::Text(_)
        | Cell::Date(_)
        | Cell::Timestamp(_) => true,
    }
}

/// Returns a moment as literals have it.
fn plain(moment: &str) -> String {
    moment.replace('T', " ").trim_end_matches('Z').to_owned()
}

/// Prints a value in a type of the warehouse; `meant` is the language's, where it is known.
fn cell(cell: &Cell, ty: &str, meant: Option<Type>, dialect: &'static Dialect) -> Result<String, String> {
    let literal = match (cell, meant) {
        (Cell::Null, _) => return Ok(format!("CAST(NULL AS {ty})")),
        (Cell::Bool(value), _) => return Ok(if *value { "TRUE" } else { "FALSE" }.to_owned()),
        (Cell::Timestamp(text), Some(Type::Timestamp)) => Literal::Timestamp(plain(text)),
        (Cell::Date(text), Some(Type::Date)) => Literal::Date(text.clone()),
        (Cell::Int(_) | Cell::Float(_) | Cell::Decimal(_) | Cell::Text(_) | Cell::Date(_) | Cell::Timestamp(_), _) => {
            return Ok(format!("CAST({} AS {ty})", dialect.string(&cell.to_string())?));
        }
    };
    expr::literal(&literal, dialect).map(|printed| printed.sql).map_err(|failure| failure.to_string())
}
