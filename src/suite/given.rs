//! The tables that stand in for raw ones in a test.
//!
//! Every column is text, which is what files hold, and what compiled SQL reads as the type that the project declares; so
//! a test may give what real data may hold, a number that is none included. Only documents that are stored as JSON are
//! JSON: compiled SQL reads no text there.

use std::collections::{BTreeMap, BTreeSet};

use crate::render::dialect::Dialect;
use crate::run::unit;
use crate::semantic::expr::Type;
use crate::semantic::model::{EventName, Model, SourceRows, Stored};
use crate::suite::case::Case;
use crate::warehouse::Rows;

/// Returns the rows of every table that stands in for another, by the name of the source or entity: none where the case
/// gives none.
pub fn tables(model: &Model, case: &Case, dialect: &Dialect) -> Vec<(String, Rows)> {
    let documents = documents(model);
    raw_columns(model)
        .into_iter()
        .map(|(name, columns)| {
            let rows = case.given.get(&name).map_or(&[][..], Vec::as_slice);
            let is_document = |column: &str| documents.contains(&(name.as_str(), column));
            let ty = |column: &str| {
                if is_document(column) { dialect.document_type() } else { dialect.type_name(Type::String) }
            };
            let read: Vec<(String, String)> =
                columns.into_iter().map(|column| (column.clone(), ty(&column).to_owned())).collect();
            let table = unit::table(rows, &read);
            (name, table)
        })
        .collect()
}

/// Returns the columns of JSON, with the source's name.
fn documents(model: &Model) -> BTreeSet<(&str, &str)> {
    let properties = model.sources.iter().filter_map(|source| match &source.rows {
        SourceRows::Events { properties: Some(properties), .. } => Some((source, properties)),
        SourceRows::Events { properties: None, .. } | SourceRows::Facts => None,
    });
    let json = properties.filter(|(_, properties)| properties.stored == Stored::Json);
    json.map(|(source, properties)| (source.meta.name.as_str(), properties.column.as_str())).collect()
}

/// Returns the raw columns that may be read of each source and entity that has rows of its own. A source and an entity
/// of one name share their rows.
pub fn raw_columns(model: &Model) -> BTreeMap<String, BTreeSet<String>> {
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for source in &model.sources {
        let columns = all.entry(source.meta.name.clone()).or_default();
        columns.extend(source.key.iter().chain(&source.time).cloned());
        columns.extend(source.entity.iter().map(|(_, column)| column.clone()));
        columns.extend(source.columns.iter().map(|column| column.column.clone()));
        match &source.rows {
            SourceRows::Facts => {}
            SourceRows::Events { name, properties, .. } => {
                match name {
                    EventName::Column(column) => columns.extend([column.clone()]),
                    EventName::Constant(_) => {}
                }
                columns.extend(properties.iter().map(|properties| properties.column.clone()));
            }
        }
    }
    for entity in model.entities.iter().filter(|entity| entity.origin.is_some()) {
        let columns = all.entry(entity.meta.name.clone()).or_default();
        columns.insert(entity.key.clone());
        columns.extend(entity.start.iter().cloned());
        columns.extend(entity.parent.iter().map(|(_, column)| column.clone()));
        columns.extend(entity.attributes.iter().map(|attribute| attribute.column.clone()));
    }
    all
}
