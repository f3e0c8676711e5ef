//! What raw rows have of what they need to be counted: queries for a look at the data before a run.

use minijinja::{Value, context};

use crate::plan::node::{Node, Raw as Reads, Relation};
use crate::render::relations::raw::{Raw, Time};
use crate::render::relations::{Cx, Result, sql};
use crate::semantic::expr::Type;
use crate::semantic::files::{entity_columns, source_columns};
use crate::semantic::model::{Column, EntityIndex, EventName, Meta, Origin, Source, SourceRows};
use crate::semantic::name::Path;

/// Two queries.
#[derive(Debug)]
pub(crate) struct Values {
    /// Gives a row for each of the wanted names that there is, and one for all others: the name; the rows; those of them
    /// that have a time in any form, and in one that can be read; the smallest that cannot; the rows that have a key of
    /// whom they belong to, or of an entity its own; those of facts that have their own; those of logs that have a name; those that belong to somebody whom
    /// no table has, and the smallest key of such. Then, for each of `typed`, the rows whose value cannot be read as its type,
    /// and the smallest such value; and, for each of `properties`, the rows that have it.
    pub(crate) counts: String,
    /// The columns and properties that are declared as another type than text, as people write them.
    pub(crate) typed: Vec<(String, Type)>,
    /// The properties that definitions read, as people write them.
    pub(crate) properties: Vec<String>,
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
    /// The column with the key of whom a row belongs to: of an entity, its parent.
    owner: Option<&'c str>,
    /// The column with the key of a fact.
    id: Option<&'c str>,
    /// The keys of those that there are; none where nobody is asked.
    known: Vec<Known>,
    source: Option<&'c Source>,
    /// What is declared besides.
    declared: &'c [Column],
}

/// Prints the queries over the raw rows that a relation is made of; none where it is made of none. `is_bounded` leaves out
/// what the statement that makes the relation need not read. Of entities no table is read but those that `is_read` names.
pub(crate) fn values(
    cx: &Cx<'_>,
    node: &Node,
    wanted: &[String],
    is_read: &dyn Fn(EntityIndex) -> bool,
    is_bounded: bool,
) -> Result<Option<Values>> {
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
                time: source.time().map(|time| Time { column: &time.column, ty: time.ty }),
                key: source.entity().map(|(_, column)| column.as_str()),
                owner: source.entity().map(|(_, column)| column.as_str()),
                id: source.key().map(String::as_str).filter(|_| !is_log),
                known: match source.entity() {
                    Some((index, _)) => keys(cx, *index, is_read)?,
                    None => Vec::new(),
                },
                source: Some(source),
                declared: &source.columns,
            }
        }
        Some(Reads::Entity(index)) => {
            let entity = cx.model.entity(index);
            let Some(origin) = &entity.origin else { return Ok(None) };
            // One without a table has just the keys that the members name which it is made of.
            let parent = entity.parent.as_ref().filter(|(parent, _)| {
                let parent = cx.model.entity(*parent);
                parent.origin.is_some() || !parent.members.contains(&index)
            });
            Look {
                meta: &entity.meta,
                origin,
                columns: entity_columns(entity),
                timezone: &entity.timezone,
                time: entity.start.as_deref().map(|column| Time { column, ty: entity.start_type }),
                key: Some(&entity.key),
                owner: parent.map(|(_, column)| column.as_str()),
                id: None,
                known: match parent {
                    Some((index, _)) => keys(cx, *index, is_read)?,
                    None => Vec::new(),
                },
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
        Some(SourceRows::Events { name: EventName::Constant(_), .. } | SourceRows::Facts { .. }) | None => None,
    };
    let null = || cx.typed_null("string");
    let event_name = match look.source.map(|source| &source.rows) {
        Some(SourceRows::Events { name: EventName::Column(column), .. }) => raw.key(column)?,
        Some(SourceRows::Events { name: EventName::Constant(_), .. } | SourceRows::Facts { .. }) | None => null()?,
    };
    let (written, moment) = match look.time {
        Some(time) => (raw.key(time.column)?, raw.time(time)?),
        None => (null()?, null()?),
    };
    let [entity, owner, id] =
        [look.key, look.owner, look.id].map(|column| column.map_or_else(null, |column| raw.key(column)));
    let (entity, owner, id) = (entity?, owner?, id?);
    let known: Vec<Value> = look.known.iter().map(Known::context).collect();
    let mut from = cx.raw(look.meta, look.origin, &look.columns)?;
    let mut typed: Vec<(String, Type)> = Vec::new();
    let mut values: Vec<Value> = Vec::new();
    let (mut properties, mut present): (Vec<String>, Vec<Value>) = Default::default();
    if !is_bounded {
        for Column { name, column, ty, .. } in look.declared.iter().filter(|column| column.ty != Type::String) {
            typed.push((name.clone(), *ty));
            values.push(context! { written => raw.key(column)?, read => raw.typed(column, *ty)? });
        }
        if let Some(SourceRows::Events { properties: Some(declared), .. }) = look.source.map(|source| &source.rows) {
            let (document, relation) = raw.documents(declared, from, &look.columns, &mut scan)?;
            from = relation;
            let property = |path: &Path, ty: Type| raw.property(&document, path, ty);
            for (path, ty) in declared.types.iter().filter(|(_, ty)| **ty != Type::String) {
                let (written, read) = (property(path, Type::String)?, property(path, *ty)?);
                typed.push((format!("properties.{path}"), *ty));
                values.push(context! { written => sql(cx.given(&written.to_string())?), read });
            }
            for (path, _) in read_properties(node) {
                properties.push(format!("properties.{path}"));
                present.push(property(path, Type::String)?);
            }
        }
    }
    let from = sql(from);
    let is_named = name.is_some();
    let wanted = (is_named && !wanted.is_empty()).then(|| wanted.to_vec());
    let columns =
        context! { name, wanted, written, moment, entity, owner, id, event_name, known, values, present, from, scan };
    let print = |all_names: bool| cx.render("values.sql", context! { all_names, ..columns.clone() });
    Ok(Some(Values { counts: print(false)?, typed, properties, names: is_named.then(|| print(true)).transpose()? }))
}

/// Returns the properties that definitions read of the rows of a relation.
fn read_properties(node: &Node) -> &[(Path, Type)] {
    match &node.relation {
        Relation::Events(events) => &events.properties,
        Relation::Schema
        | Relation::Entity(_)
        | Relation::Facts(_)
        | Relation::Occurrences(_)
        | Relation::Reached(_)
        | Relation::Milestone(_)
        | Relation::Milestones
        | Relation::Kpi(_)
        | Relation::Kpis
        | Relation::Cells(_)
        | Relation::Moment
        | Relation::Own(_) => &[],
    }
}

/// Keys that rows may have: those of rows of a table.
struct Known {
    key: Value,
    from: Value,
    conditions: Vec<Value>,
}

impl Known {
    fn context(&self) -> Value {
        let Self { key, from, conditions } = self;
        context! { key, from, conditions }
    }
}

/// Returns the keys of the entities that there are, as `templates/entity.sql` makes them, whatever their `where` says: of a
/// table of their own, or those that their members name. None where a table is not read that would have to be asked.
fn keys(cx: &Cx<'_>, index: EntityIndex, is_read: &dyn Fn(EntityIndex) -> bool) -> Result<Vec<Known>> {
    let entity = cx.model.entity(index);
    if entity.origin.is_some() {
        return Ok(named(cx, index, &entity.key, is_read)?.into_iter().collect());
    }
    keys_of_members(cx, index, is_read)
}

/// Returns the keys of an entity that those of its members name that tell which there are.
fn keys_of_members(cx: &Cx<'_>, index: EntityIndex, is_read: &dyn Fn(EntityIndex) -> bool) -> Result<Vec<Known>> {
    let mut known = Vec::new();
    for member in &cx.model.entity(index).members {
        let Some((_, column)) = &cx.model.entity(*member).parent else { continue };
        let Some(of_member) = named(cx, *member, column, is_read)? else { return Ok(Vec::new()) };
        known.push(of_member);
    }
    Ok(known)
}

/// Returns what stands in a column of an entity's table, of the rows that are an entity: they have a key, and a start of their
/// own that can be read or one that members give them.
fn named(
    cx: &Cx<'_>,
    index: EntityIndex,
    column: &str,
    is_read: &dyn Fn(EntityIndex) -> bool,
) -> Result<Option<Known>> {
    let entity = cx.model.entity(index);
    let Some(origin) = entity.origin.as_ref().filter(|_| is_read(index)) else { return Ok(None) };
    let raw = Raw::new(cx, &entity.meta, origin, &entity.timezone);
    let key = raw.key(&entity.key)?;
    let mut columns = vec![entity.key.as_str()];
    let mut conditions = Vec::new();
    if column != entity.key {
        columns.push(column);
        conditions.push(sql(format!("{key} IS NOT NULL")));
    }
    if let Some(start) = &entity.start {
        if !columns.contains(&start.as_str()) {
            columns.push(start);
        }
        let moment = raw.time(Time { column: start, ty: entity.start_type })?;
        conditions.push(sql(format!("({moment}) IS NOT NULL")));
    } else {
        let known = keys_of_members(cx, index, is_read)?;
        if known.is_empty() {
            return Ok(None);
        }
        let known: Vec<Value> = known.iter().map(Known::context).collect();
        let keys = cx.render("known.sql", context! { known })?;
        conditions.push(sql(format!("{key} IN ({keys})")));
    }
    let from = sql(cx.raw(&entity.meta, origin, &columns)?);
    Ok(Some(Known { key: raw.key(column)?, from, conditions }))
}
