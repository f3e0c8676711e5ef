//! What only a binder sees of compiled SQL: names and types.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use duckdb::Connection;
use milepost::check::Checked;
use milepost::semantic::expr::Type;
use milepost::semantic::model::{Column, EventName, Model, SourceRows, TimeType};

use crate::functions::executed;

/// A database to bind in.
pub(super) struct Binder(Connection);

impl Binder {
    pub(super) fn new() -> Self {
        Self(Connection::open_in_memory().unwrap())
    }

    /// Makes every relation over raw tables without rows, which shows what only a binder sees: names and types.
    pub(super) fn bind<'s>(
        &self,
        model: &Model,
        statements: impl IntoIterator<Item = &'s Checked>,
    ) -> Result<(), String> {
        let prepare = raw_tables(model);
        self.0.execute_batch(&prepare).map_err(|error| format!("{error}\n{prepare}"))?;
        let mut result = Ok(());
        for sql in statements.into_iter().map(Checked::sql) {
            if let Err(error) = self.0.execute_batch(sql) {
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
        self.0.execute_batch("DROP SCHEMA IF EXISTS milepost CASCADE; DROP SCHEMA raw_rows CASCADE").unwrap();
        result
    }
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
        table.add(source.key(), "VARCHAR");
        table.add(source.entity().map(|(_, column)| column), "VARCHAR");
        let time = source.time();
        table.add(time.map(|time| &time.column), stored(time.and_then(|time| time.ty)));
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
