//! What raw rows have of what they need to be counted: queries for a look at the data before a run.

use minijinja::{Value, context};

use crate::plan::node::{Node, Raw as Reads};
use crate::render::access;
use crate::render::relations::raw::{Raw, Time};
use crate::render::relations::{Cx, Result, sql};
use crate::semantic::expr::Type;
use crate::semantic::files::{entity_columns, source_columns};
use crate::semantic::model::{Column, EntityIndex, EventName, Meta, Model, Origin, Source, SourceRows};

/// Two queries.
#[derive(Debug)]
pub(crate) struct Values {
    /// Gives a row for each of the wanted names that there is, and one for all others: the name; the rows; those of them
    /// that have a time in any form, and in one that can be read; the smallest that cannot; the rows that have a key of
    /// whom they belong to, or of an entity its own; those of facts that have their own; those that belong to somebody whom
    /// no table has, and the smallest key of such. Then, for each of `typed`, the rows whose value cannot be read as its type,
    /// and the smallest such value.
    pub(crate) counts: String,
    /// The columns and properties that are declared as another type than text, as people write them.
    pub(crate) typed: Vec<(String, Type)>,
    /// Gives the names of events.
    pub(crate) names: Option<String>,
}

/// What is looked at.
struct Look<'c> {
    meta: &'c Meta,
    origin: &'c Origin,
    columns: Vec<&'c str>,
    timezone: &'c str,
    time: Option<Time<'c>>,
    /// The column with the key of the entity.
    key: Option<&'c str>,
    /// The column with the key of a fact.
    id: Option<&'c str>,
    /// Where the keys of the entity are that rows belong to: its own table, or those of its members.
    known: Vec<(&'c Meta, &'c Origin, &'c str)>,
    source: Option<&'c Source>,
    /// What is declared besides.
    declared: &'c [Column],
}

/// Prints the queries over the raw rows that a relation is made of; none where it is made of none. `is_bounded` leaves out
/// what the statement that makes the relation need not read.
pub(crate) fn values(cx: &Cx<'_>, node: &Node, wanted: &[String], is_bounded: bool) -> Result<Option<Values>> {
    let look = match node.reads {
        None => return Ok(None),
        Some(Reads::Source(index)) => {
            let source = cx.model.source(index);
            let is_log = matches!(source.rows, SourceRows::Events { .. });
            Look {
                meta: &source.meta,
                origin: &source.origin,
                columns: source_columns(source),
                timezone: &source.timezone,
                time: source.time.as_deref().map(|column| Time { column, ty: source.time_type }),
                key: source.entity.as_ref().map(|(_, column)| column.as_str()),
                id: source.key.as_deref().filter(|_| !is_log),
                known: source.entity.as_ref().map(|(index, _)| keys(cx.model, *index)).unwrap_or_default(),
                source: Some(source),
                declared: &source.columns,
            }
        }
        Some(Reads::Entity(index)) => {
            let entity = cx.model.entity(index);
            let Some(origin) = &entity.origin else { return Ok(None) };
            Look {
                meta: &entity.meta,
                origin,
                columns: entity_columns(entity),
                timezone: &entity.timezone,
                time: entity.start.as_deref().map(|column| Time { column, ty: entity.start_type }),
                key: Some(&entity.key),
                id: None,
                known: Vec::new(),
                source: None,
                declared: &entity.attributes,
            }
        }
    };
    let raw = Raw::new(cx, look.meta, look.origin, look.timezone);
    let mut scan: Vec<Value> = Vec::new();
    if let Some(source) = look.source {
        scan.extend(raw.scan(source)?);
        if let Some(time) = look.time.filter(|_| is_bounded) {
            scan.extend(raw.bounds(time, source.retain)?);
        }
    }
    let name = match look.source.map(|source| &source.rows) {
        Some(SourceRows::Events { name: EventName::Column(column), .. }) => Some(raw.stored(column)?),
        Some(SourceRows::Events { name: EventName::Constant(_), .. } | SourceRows::Facts) | None => None,
    };
    let null = || cx.typed_null("string");
    let (written, moment) = match look.time {
        Some(time) => (raw.key(time.column)?, raw.time(time)?),
        None => (null()?, null()?),
    };
    let [entity, id] = [look.key, look.id].map(|column| column.map_or_else(null, |column| raw.key(column)));
    let (entity, id) = (entity?, id?);
    let mut known: Vec<Value> = Vec::new();
    for (meta, origin, column) in look.known {
        // No key depends on a zone.
        let key = Raw::new(cx, meta, origin, "UTC").key(column)?;
        known.push(context! { key, from => sql(cx.raw(meta, origin, &[column])?) });
    }
    let mut from = cx.raw(look.meta, look.origin, &look.columns)?;
    let mut typed: Vec<(String, Type)> = Vec::new();
    let mut values: Vec<Value> = Vec::new();
    if !is_bounded {
        for Column { name, column, ty, .. } in look.declared.iter().filter(|column| column.ty != Type::String) {
            typed.push((name.clone(), *ty));
            values.push(context! { written => raw.key(column)?, read => raw.typed(column, *ty)? });
        }
        if let Some(SourceRows::Events { properties: Some(properties), .. }) = look.source.map(|source| &source.rows) {
            let (document, relation) = raw.documents(properties, from, &look.columns, &mut scan)?;
            from = relation;
            for (path, ty) in properties.types.iter().filter(|(_, ty)| **ty != Type::String) {
                let keys: Vec<&str> = path.parts().iter().map(String::as_str).collect();
                let [written, read] =
                    [Type::String, *ty].map(|ty| access::property_of(cx.dialect(), &document, &keys, ty));
                let (written, empty) = (written?.sql, cx.string("")?);
                typed.push((format!("properties.{path}"), *ty));
                values.push(context! { written => sql(format!("NULLIF({written}, {empty})")), read => sql(read?.sql) });
            }
        }
    }
    let from = sql(from);
    let is_named = name.is_some();
    let wanted = (is_named && !wanted.is_empty()).then(|| wanted.to_vec());
    let columns = context! { name, wanted, written, moment, entity, id, known, values, from, scan };
    let print = |all_names: bool| cx.render("values.sql", context! { all_names, ..columns.clone() });
    Ok(Some(Values { counts: print(false)?, typed, names: is_named.then(|| print(true)).transpose()? }))
}

/// Returns the tables that have the keys of an entity, each with the column: its own, or those of its members.
fn keys(model: &Model, index: EntityIndex) -> Vec<(&Meta, &Origin, &str)> {
    let entity = model.entity(index);
    if let Some(origin) = &entity.origin {
        return vec![(&entity.meta, origin, entity.key.as_str())];
    }
    let members = model.entities.iter().filter_map(|member| {
        let (_, column) = member.parent.as_ref().filter(|(parent, _)| *parent == index)?;
        Some((&member.meta, member.origin.as_ref()?, column.as_str()))
    });
    members.collect()
}
