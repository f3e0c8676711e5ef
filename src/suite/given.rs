//! The tables that stand in for raw ones in a test.
//!
//! Every column is text, which is what files hold, and what compiled SQL reads as the type that the project declares; so
//! a test may give what real data may hold, a number that is none included. Only what compiled SQL takes as it is stored
//! is stored so: documents of JSON, times of a type that is declared, and what `scan` compares.

use std::collections::{BTreeMap, BTreeSet};

use crate::render::access::stored_as;
use crate::render::dialect::Dialect;
use crate::run::unit;
use crate::semantic::expr::Type;
use crate::semantic::files;
use crate::semantic::model::{Model, SourceRows, Stored, TimeColumn};
use crate::semantic::name::Name;
use crate::suite::case::Case;
use crate::warehouse::Rows;

/// What holds documents of JSON.
const DOCUMENT: &str = "document";

/// Returns the rows of every table that stands in for another, by the name of the source or entity: none where the case
/// gives none.
pub fn tables(model: &Model, case: &Case, dialect: &Dialect) -> Vec<(String, Rows)> {
    let stored = stored(model);
    raw_columns(model)
        .into_iter()
        .map(|(name, columns)| {
            let rows = case.given.get(&name).map_or(&[][..], Vec::as_slice);
            let ty = |column: &str| stored.get(&(name.as_str(), column)).copied().unwrap_or(Type::String.name());
            let read: Vec<(String, String)> =
                columns.into_iter().map(|column| (column.clone(), spelled(ty(&column), dialect))).collect();
            let table = unit::table(rows, &read);
            (name, table)
        })
        .collect()
}

/// Returns what the columns hold that are not text, with the name of the source or entity, as `[stored]` of a dialect has
/// it.
fn stored(model: &Model) -> BTreeMap<(&str, &str), &'static str> {
    let mut stored = BTreeMap::new();
    for source in &model.sources {
        let name = source.meta.name.as_str();
        let scanned: Vec<&Name> = source.scan.iter().flat_map(|scan| scan.columns()).collect();
        for column in &source.columns {
            if scanned.iter().any(|scanned| matches!(scanned, Name::Column(name) if *name == column.name)) {
                stored.insert((name, column.column.as_str()), column.ty.name());
            }
        }
        if let Some(TimeColumn { column, ty: Some(ty) }) = source.time() {
            stored.insert((name, column.as_str()), stored_as(*ty));
        }
        match &source.rows {
            SourceRows::Events { properties: Some(properties), .. } if properties.stored == Stored::Json => {
                stored.insert((name, properties.column.as_str()), DOCUMENT);
            }
            SourceRows::Events { .. } | SourceRows::Facts { .. } => {}
        }
    }
    for entity in &model.entities {
        if let (Some(column), Some(ty)) = (&entity.start, entity.start_type) {
            stored.insert((entity.meta.name.as_str(), column.as_str()), stored_as(ty));
        }
    }
    stored
}

/// Returns the type of a column in the warehouse's words.
fn spelled(what: &str, dialect: &Dialect) -> String {
    let ty = Type::DECLARABLE.iter().find(|(name, _)| *name == what).map(|(_, ty)| *ty);
    match ty {
        Some(ty) => dialect.type_name(ty).to_owned(),
        None if what == DOCUMENT => dialect.document_type().to_owned(),
        None => dialect.stored(what).first().cloned().unwrap_or_default(),
    }
}

/// Returns the raw columns that may be read of each source and entity that has rows of its own. A source and an entity
/// of one name share their rows.
pub fn raw_columns(model: &Model) -> BTreeMap<String, BTreeSet<String>> {
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for source in &model.sources {
        let columns = all.entry(source.meta.name.clone()).or_default();
        columns.extend(files::source_columns(source).into_iter().map(str::to_owned));
    }
    for entity in model.entities.iter().filter(|entity| entity.origin.is_some()) {
        let columns = all.entry(entity.meta.name.clone()).or_default();
        columns.extend(files::entity_columns(entity).into_iter().map(str::to_owned));
    }
    all
}
