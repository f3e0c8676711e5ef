//! The raw tables that models read, as dbt's sources: one for each schema, for that is what dbt says once a source.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::jinja;
use crate::Analysis;
use crate::application::Obstacle;
use crate::plan::node::Raw;
use crate::render::access;
use crate::render::blanks::{Blank, Blanks};
use crate::render::dialect::{Dialect, Failure};
use crate::semantic::files::{Files, entity_columns, source_columns};
use crate::semantic::model::{EntityIndex, Meta, Origin, SourceIndex};

/// The sources of a package.
pub(super) struct Sources {
    /// In the order in which they are written.
    tables: Vec<Table>,
}

/// One raw table.
struct Table {
    raw: Raw,
    /// What it is called: the definition's name.
    name: String,
    /// The source that it is of: the schema's name.
    source: String,
    read: Read,
    description: Option<String>,
    owner: Option<String>,
    columns: Vec<String>,
}

/// Where its rows are.
enum Read {
    /// In a table: its database, schema and name, as far as they are said.
    Table(Option<String>, Option<String>, String),
    /// In files, which SQL of these words reads.
    Files(Box<Files>, String),
}

/// What the source is called whose tables are files, or lie where dbt's profile says.
const WITHOUT_SCHEMA: &str = "raw_rows";

impl Sources {
    /// Finds the tables and files of all that is read.
    pub(super) fn of(analysis: &Analysis, dialect: &'static Dialect) -> Result<Self, Obstacle> {
        let Analysis { model, plan, .. } = analysis;
        let mut tables: Vec<Table> = Vec::new();
        let sources = model.sources.iter().enumerate().map(|(index, source)| {
            (Raw::Source(SourceIndex(index)), &source.meta, &source.origin, source_columns(source))
        });
        let entities = model.entities.iter().enumerate().filter_map(|(index, entity)| {
            Some((Raw::Entity(EntityIndex(index)), &entity.meta, entity.origin.as_ref()?, entity_columns(entity)))
        });
        for (raw, meta, origin, columns) in sources.chain(entities) {
            // What no relation reads has no reader either.
            if !plan.readers(raw).is_empty() {
                tables.push(table(raw, meta, origin, &columns, dialect)?);
            }
        }
        name_apart(&mut tables);
        tables.sort_by(|left, right| (&left.source, &left.name).cmp(&(&right.source, &right.name)));
        Ok(Self { tables })
    }

    /// Tells whether some are read from files of the project.
    pub(super) fn has_files(&self) -> bool {
        self.tables.iter().any(|table| matches!(&table.read, Read::Files(files, _) if files.is_of_project()))
    }

    /// Returns the SQL in which blanks come.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.tables.iter().filter_map(|table| match &table.read {
            Read::Files(_, sql) => Some(sql.as_str()),
            Read::Table(..) => None,
        })
    }

    /// Returns the call that names one.
    pub(super) fn call(&self, raw: Raw) -> String {
        let found = self.tables.iter().find(|table| table.raw == raw);
        found.map(|table| format!("source('{}', '{}')", table.source, table.name)).unwrap_or_default()
    }

    /// Describes all of them.
    pub(super) fn entries(&self, dialect: &'static Dialect, blanks: &Blanks) -> Result<Vec<Value>, Obstacle> {
        let mut groups: BTreeMap<&str, Vec<&Table>> = BTreeMap::new();
        for table in &self.tables {
            groups.entry(&table.source).or_default().push(table);
        }
        groups.into_iter().map(|(name, tables)| entry(name, &tables, dialect, blanks)).collect()
    }
}

/// A database and a schema, as far as they are said; none of files.
type Schema = Option<(Option<String>, Option<String>)>;

/// Gives schemas names of their own, and what is read in each: a source and an entity may be called alike, and so may two
/// schemas in letters and digits.
fn name_apart(tables: &mut [Table]) {
    let mut schemas: BTreeMap<Schema, String> = BTreeMap::new();
    let mut taken = BTreeSet::new();
    for table in tables {
        let place = match &table.read {
            Read::Table(database, schema, _) => Some((database.clone(), schema.clone())),
            Read::Files(..) => None,
        };
        if !schemas.contains_key(&place) {
            while schemas.values().any(|name| *name == table.source) {
                table.source.push('_');
            }
            schemas.insert(place.clone(), table.source.clone());
        }
        table.source.clone_from(&schemas[&place]);
        while !taken.insert((table.source.clone(), table.name.clone())) {
            table.name.push('_');
        }
    }
}

fn table(
    raw: Raw,
    meta: &Meta,
    origin: &Origin,
    columns: &[&str],
    dialect: &'static Dialect,
) -> Result<Table, Obstacle> {
    let read = read(meta, origin, columns, dialect)?;
    let source = match &read {
        Read::Table(database, schema, _) => {
            let parts: Vec<&str> = [database, schema].into_iter().flatten().map(String::as_str).collect();
            legal(&parts.join("__"))
        }
        Read::Files(..) => WITHOUT_SCHEMA.to_owned(),
    };
    Ok(Table {
        raw,
        name: meta.name.clone(),
        source: if source.is_empty() { WITHOUT_SCHEMA.to_owned() } else { source },
        read,
        description: meta.description.clone().or_else(|| meta.title.clone()),
        owner: meta.owner.clone(),
        columns: columns.iter().map(|&column| column.to_owned()).collect(),
    })
}

fn read(meta: &Meta, origin: &Origin, columns: &[&str], dialect: &'static Dialect) -> Result<Read, Obstacle> {
    if let Some(files) = &origin.files {
        match access::file(dialect, files, columns) {
            Ok(sql) => return Ok(Read::Files(Box::new(files.clone()), sql)),
            Err(Failure::Unsupported(_)) => {}
            Err(Failure::Name(reason) | Failure::Mistake(reason)) => return Err(Obstacle::new(reason)),
        }
    }
    let table = origin.table.clone().unwrap_or_default();
    let mut parts: Vec<String> = table.split('.').map(str::to_owned).collect();
    let name = parts.pop().unwrap_or_default();
    let schema = parts.pop().or_else(|| dialect.dbt().schema.clone());
    let database = parts.pop();
    if !parts.is_empty() {
        let message = format!("`{}` reads `{table}`, whose name has more parts than a source of dbt", meta.name);
        return Err(Obstacle::new(message).help("name it by a database, a schema and a table"));
    }
    Ok(Read::Table(database, schema, name))
}

/// Describes a source.
fn entry(name: &str, tables: &[&Table], dialect: &'static Dialect, blanks: &Blanks) -> Result<Value, Obstacle> {
    let mut entry = Map::new();
    entry.insert("name".to_owned(), json!(name));
    let place = tables.iter().find_map(|table| match &table.read {
        Read::Table(database, schema, _) => Some((database, schema)),
        Read::Files(..) => None,
    });
    let (database, schema) = place.unwrap_or((&None, &None));
    entry.extend(database.as_ref().map(|database| ("database".to_owned(), json!(jinja::text(database)))));
    let schema = schema.as_ref().map_or_else(|| "{{ target.schema }}".to_owned(), |schema| jinja::text(schema));
    entry.insert("schema".to_owned(), json!(schema));
    entry.insert("quoting".to_owned(), json!({ "database": true, "schema": true, "identifier": true }));
    let tables = tables.iter().map(|table| entry_of_table(table, dialect, blanks)).collect::<Result<Vec<_>, _>>()?;
    entry.insert("tables".to_owned(), Value::Array(tables));
    Ok(Value::Object(entry))
}

fn entry_of_table(table: &Table, dialect: &'static Dialect, blanks: &Blanks) -> Result<Value, Obstacle> {
    let mut entry = Map::new();
    entry.insert("name".to_owned(), json!(table.name));
    if let Read::Table(_, _, name) = &table.read {
        entry.insert("identifier".to_owned(), json!(jinja::text(name)));
    }
    entry.extend(table.description.as_ref().map(|text| ("description".to_owned(), json!(jinja::text(text)))));
    let mut meta = Map::new();
    meta.extend(table.owner.as_ref().map(|owner| ("owner".to_owned(), json!(jinja::text(owner)))));
    if let Read::Files(files, _) = &table.read {
        let key = dialect.dbt().reader.clone().ok_or_else(|| {
            Obstacle::new(format!("dbt reads no files on {}, and `{}` is read from some", dialect.name(), table.name))
                .help("name its table in the warehouse by `table`")
        })?;
        meta.insert(key, json!(reader(files, &table.columns, dialect, blanks)?));
    }
    if !meta.is_empty() {
        entry.insert("config".to_owned(), json!({ "meta": meta }));
    }
    let columns = table.columns.iter().map(|column| json!({ "name": jinja::text(column), "quote": true }));
    entry.insert("columns".to_owned(), Value::Array(columns.collect()));
    Ok(Value::Object(entry))
}

/// Returns what reads files, in which the adapter looks for names in braces, after dbt did.
fn reader(files: &Files, columns: &[String], dialect: &'static Dialect, blanks: &Blanks) -> Result<String, Obstacle> {
    let mut files = files.clone();
    if files.is_of_project() {
        files.path = format!("{}/{}", blanks.leave(&Blank::Folder), files.path);
    }
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let sql = access::file(dialect, &files, &columns).map_err(|failure| Obstacle::new(failure.to_string()))?;
    let text = |text: &str| jinja::text(&text.replace('{', "{{").replace('}', "}}"));
    blanks.fill(&sql, dialect, &text, &|blank| jinja::call(blank).unwrap_or_default()).map_err(Obstacle::new)
}

/// Returns a name of letters, digits and underscores.
fn legal(name: &str) -> String {
    name.chars().map(|each| if each.is_ascii_alphanumeric() { each.to_ascii_lowercase() } else { '_' }).collect()
}
