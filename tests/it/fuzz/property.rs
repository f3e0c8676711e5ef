//! What must hold of every project, however wrong: the property that the fuzzing checks.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use duckdb::Connection;
use milepost::check::Checked;
use milepost::diagnostic::{Diagnostics, Severity};
use milepost::render::Place;
use milepost::report::diagnostics::{Look, draw, lines};
use milepost::semantic::expr::Type;
use milepost::semantic::model::{Column, EventName, Model, SourceRows, TimeType};
use milepost::source::Sources;
use milepost::{analyze, compile};
use tempfile::TempDir;

use crate::functions::{dialects, executed};

/// Where the compiler stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Mistakes were reported.
    Refused,
    /// There is SQL for every dialect that can say it.
    Compiled,
}

const PLAIN: Look = Look { colors: false, width: 100 };

/// A folder to compile in, and a database to bind in.
pub(super) struct Compiler {
    folder: TempDir,
    connection: Connection,
}

impl Compiler {
    pub(super) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), connection: Connection::open_in_memory().unwrap() }
    }

    /// Compiles a project of one file for every dialect. An error is a mistake of Milepost.
    pub(super) fn compile(&self, text: &str) -> Result<Outcome, String> {
        std::fs::write(self.folder.path().join("project.toml"), text).unwrap();
        let mut diagnostics = Diagnostics::default();
        let analysis = match analyze(self.folder.path(), BTreeMap::new(), &mut diagnostics) {
            Ok(analysis) => analysis,
            Err(sources) => return refused(&diagnostics, &sources),
        };
        for dialect in dialects() {
            let is_executed = dialect.name() == executed().name();
            let place = Place {
                dialect,
                schema: "milepost".to_owned(),
                as_of: "2026-07-01 00:00:00.000000".to_owned(),
                stand_ins: if is_executed { stand_ins(&analysis.model) } else { BTreeMap::new() },
            };
            let mut diagnostics = Diagnostics::default();
            let compiled = compile(&analysis, &place, &mut diagnostics);
            let sources = &analysis.project.sources;
            if diagnostics.sorted().iter().any(|found| matches!(found.code, "template-failed" | "refused-statement")) {
                return Err(format!("{}: {}", dialect.name(), draw(&diagnostics, sources, PLAIN)));
            }
            match compiled {
                // What a dialect cannot say is no mistake of ours.
                None => drop(refused(&diagnostics, sources)?),
                Some(checked) if is_executed => self.bind(&analysis.model, &checked)?,
                Some(_) => {}
            }
        }
        Ok(Outcome::Compiled)
    }

    /// Makes every relation over raw tables without rows, which shows what only a binder sees: names and types.
    fn bind(&self, model: &Model, statements: &[Checked]) -> Result<(), String> {
        let prepare = raw_tables(model);
        self.connection.execute_batch(&prepare).map_err(|error| format!("{error}\n{prepare}"))?;
        let mut result = Ok(());
        for sql in statements.iter().map(Checked::sql) {
            if let Err(error) = self.connection.execute_batch(sql) {
                let words = error.to_string();
                // A constant that overflows is the project's own doing, and is an error there at run time.
                let is_ours = ["Binder Error", "Parser Error", "Catalog Error", "INTERNAL", "Not implemented"]
                    .iter()
                    .any(|kind| words.contains(kind));
                if is_ours {
                    result = Err(format!("the binder: {words}\n{sql}"));
                }
                break;
            }
        }
        self.connection.execute_batch("DROP SCHEMA IF EXISTS milepost CASCADE; DROP SCHEMA raw_rows CASCADE").unwrap();
        result
    }
}

/// A refusal names a mistake, and can be drawn in every form.
fn refused(diagnostics: &Diagnostics, sources: &Sources) -> Result<Outcome, String> {
    if !diagnostics.has_errors() {
        return Err("nothing came of it, and no error was reported".to_owned());
    }
    for look in [PLAIN, Look { colors: true, width: 30 }] {
        draw(diagnostics, sources, look);
    }
    for diagnostic in diagnostics.sorted() {
        if diagnostic.severity == Severity::Error && diagnostic.message.trim().is_empty() {
            return Err(format!("an error without words: {diagnostic:?}"));
        }
        for label in &diagnostic.labels {
            let text = &sources.file(label.span.source).text;
            if text.get(label.span.start..label.span.end).is_none() {
                return Err(format!("a place that is none: {diagnostic:?}"));
            }
        }
    }
    lines(diagnostics, sources);
    Ok(Outcome::Refused)
}

/// For each source and entity, the table of [`raw_tables`] that stands in for its own.
fn stand_ins(model: &Model) -> BTreeMap<String, String> {
    let sources = model.sources.iter().map(|source| &source.meta.name);
    let entities = model.entities.iter().filter(|entity| entity.origin.is_some()).map(|entity| &entity.meta.name);
    sources.chain(entities).map(|name| (name.clone(), format!("raw_rows.{name}"))).collect()
}

/// The type of a column with a time, by what the project says of it.
fn stored(ty: Option<TimeType>) -> &'static str {
    match ty {
        Some(TimeType::Timestamp) => "TIMESTAMP WITH TIME ZONE",
        Some(TimeType::Date) => "DATE",
        Some(TimeType::Text) => "VARCHAR",
        Some(TimeType::UnixSeconds | TimeType::UnixMilliseconds | TimeType::UnixMicroseconds) => "BIGINT",
        Some(TimeType::Datetime) | None => "TIMESTAMP",
    }
}

fn raw_tables(model: &Model) -> String {
    // A source and an entity of the same name have one table.
    let mut tables: BTreeMap<&str, Table> = BTreeMap::new();
    for source in &model.sources {
        let table = tables.entry(&source.meta.name).or_default();
        table.add(source.key.as_ref(), "VARCHAR");
        table.add(source.entity.as_ref().map(|(_, column)| column), "VARCHAR");
        table.add(source.time.as_ref(), stored(source.time_type));
        if let SourceRows::Events { name, properties, .. } = &source.rows {
            if let EventName::Column(column) = name {
                table.add(Some(column), "VARCHAR");
            }
            table.add(properties.as_ref().map(|properties| &properties.column), "VARCHAR");
        }
        table.add_all(&source.columns);
    }
    for entity in model.entities.iter().filter(|entity| entity.origin.is_some()) {
        let table = tables.entry(&entity.meta.name).or_default();
        table.add(Some(&entity.key), "VARCHAR");
        table.add(entity.start.as_ref(), stored(entity.start_type));
        table.add(entity.parent.as_ref().map(|(_, column)| column), "VARCHAR");
        table.add_all(&entity.attributes);
    }
    let mut sql = "CREATE SCHEMA raw_rows;\n".to_owned();
    for (name, table) in tables {
        let columns = if table.columns.is_empty() { "nothing INT".to_owned() } else { table.columns.join(", ") };
        writeln!(sql, "CREATE TABLE raw_rows.\"{name}\" ({columns});").unwrap();
    }
    sql
}

/// A table to be made, whose columns may be named several times, in whatever case.
#[derive(Default)]
struct Table {
    names: BTreeSet<String>,
    columns: Vec<String>,
}

impl Table {
    fn add(&mut self, column: Option<&String>, ty: &str) {
        // A name that cannot be written is of a column that nothing reads: it would have been refused.
        if let Some(column) = column
            && let Ok(name) = executed().identifier(column)
            && self.names.insert(column.to_lowercase())
        {
            self.columns.push(format!("{name} {ty}"));
        }
    }

    fn add_all(&mut self, columns: &[Column]) {
        for column in columns {
            let ty = match column.ty {
                Type::Bool => "BOOLEAN",
                Type::Int | Type::Duration => "BIGINT",
                Type::Float => "DOUBLE",
                Type::Decimal => "DECIMAL(38, 9)",
                Type::String | Type::Null => "VARCHAR",
                Type::Date => "DATE",
                Type::Timestamp => "TIMESTAMP",
            };
            self.add(Some(&column.column), ty);
        }
    }
}
