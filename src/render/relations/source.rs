//! The one reading of each source: events, and facts.

use minijinja::{Value, context};

use crate::plan::columns::{column_name, property_name, rank_of_events, rank_of_facts, role_of_events, role_of_facts};
use crate::plan::layout::layout;
use crate::plan::node::{Events, Materialization, Node};
use crate::render::relations::entity::parenthesized;
use crate::render::relations::raw::{Raw, Time};
use crate::render::relations::{Aliases, Cx, Failure, Result, made, sql};
use crate::semantic::duration;
use crate::semantic::expr::{Literal, Type};
use crate::semantic::files::source_columns;
use crate::semantic::model::{Column, EventName, Source, SourceIndex, SourceRows};
use crate::semantic::name::{EventRole, FactRole, Path};

/// Prints which rows of a source are read: those of the user's condition, and those that its time does not rule out.
fn scanned(raw: &Raw<'_>, source: &Source) -> Result<Vec<Value>> {
    let mut conditions: Vec<Value> = raw.scan(source)?.into_iter().collect();
    if let Some(time) = time(source) {
        conditions.extend(raw.bounds(time, source.retain)?);
    }
    Ok(conditions)
}

fn time(source: &Source) -> Option<Time<'_>> {
    source.time().map(|time| Time { column: &time.column, ty: time.ty })
}

/// Prints the reading of a log. Where it stands within the one statement that reads it, it may have less: by itself its rows are the
/// same whoever reads them.
pub(super) fn events(cx: &Cx<'_>, node: &Node, events: &Events, is_within: bool) -> Result<String> {
    let source = cx.model.source(events.source);
    let SourceRows::Events { id: _, entity: (_, entity_column), time, name, properties, aliases } = &source.rows else {
        return Err(Failure::Template(format!("`{}` holds no events", source.meta.name)));
    };
    let raw = Raw::new(cx, &source.meta, &source.origin, &source.timezone);
    // Of several rows of one event that of nobody comes last, which an empty key would not.
    let is_met = is_within && events.of_entities && !source.deduplicate;
    let entity = if is_met { raw.typed(entity_column, Type::String)? } else { raw.key(entity_column)? };
    let mut columns = vec![context! { name => role_of_events(EventRole::Entity), sql => entity }];
    if let EventName::Column(column) = name {
        columns.push(context! { name => role_of_events(EventRole::Name), sql => raw.typed(column, Type::String)? });
    }
    columns.push(context! {
        name => role_of_events(EventRole::Time), sql => raw.time(Time { column: &time.column, ty: time.ty })?,
    });
    if let Some(id) = source.key() {
        columns.push(context! { name => role_of_events(EventRole::Id), sql => raw.typed(id, Type::String)? });
    }
    // What is read of the rows besides.
    let mut read = Vec::new();
    // Where a row lies says nothing about it.
    let mut untold = Vec::new();
    let mut declared: Vec<&Column> = source.columns.iter().collect();
    declared.sort_by(|left, right| left.name.cmp(&right.name));
    for Column { name, column, ty, .. } in declared {
        let is_unlisted = cx.dialect().stored("unlisted").contains(column);
        untold.extend(is_unlisted.then(|| column_name(name)));
        let is_needed = events.columns.iter().any(|(needed, _)| needed == name);
        if is_needed || (events.reads_column(source, name) && !is_unlisted) {
            columns.push(context! { name => column_name(name), sql => raw.typed(column, *ty)? });
            read.push(column_name(name));
        }
    }
    let read_raw = source_columns(source);
    let mut from = cx.raw(&source.meta, &source.origin, &read_raw)?;
    let mut scan = scanned(&raw, source)?;
    if let Some(properties) = properties {
        let mut declared: Vec<(&Path, &Type)> =
            properties.types.iter().filter(|(path, _)| events.reads_property(source, path)).collect();
        declared.sort();
        if !declared.is_empty() {
            let (document, relation) = raw.documents(properties, from, &read_raw, &mut scan)?;
            from = relation;
            for (path, ty) in declared {
                columns.push(context! { name => property_name(path), sql => raw.property(&document, path, *ty)? });
                read.push(property_name(path));
            }
        }
    }
    let mut ranked = rank_of_events(source, events);
    ranked.retain(|name| !untold.contains(name));
    let (raw_names, raw_name, event_name) = names(cx, events, name, aliases)?;
    let may_be_empty = raw_names.as_ref().is_none_or(|names| names.iter().any(String::is_empty));
    let named = matches!(name, EventName::Column(_)) && may_be_empty;
    let named = if named { Some(sql(cx.is_given(&cx.typed(EventRole::Name)?)?)) } else { None };
    let condition = match &source.condition {
        Some(condition) => {
            Some(sql(parenthesized(&cx.print(condition, Aliases { events: Some("kept"), ..Aliases::default() })?)))
        }
        None => None,
    };
    let mut lines = vec!["The only reading of the raw rows, however many definitions count them.".to_owned()];
    lines.extend(old_rows(source));
    lines.push(match (source.deduplicate, source.key()) {
        (false, _) => "The source promises unique rows; duplicates would count.".to_owned(),
        (true, Some(_)) => {
            "Of rows with the same name and id the first counts; a row without one is known by entity, name and time."
                .to_owned()
        }
        (true, None) => "Of rows with the same entity, name and time one counts.".to_owned(),
    });
    let is_kept = node.materialization != Materialization::Ephemeral;
    cx.render(
        "events.sql",
        context! {
            // What is part of another statement is kept nowhere.
            header => is_kept.then(|| cx.definition_header("source", &source.meta, &lines)),
            relation => is_kept.then(|| cx.table(node)).flatten(),
            from => sql(from),
            scan,
            columns, read, ranked, raw_names, raw_name,
            made => made(node),
            sorted => layout(cx.model, node).sorted(),
            event_id => sql(event_id(cx, source, &event_name)?),
            event_name,
            named,
            deduplicate => source.deduplicate,
            condition,
            since => cx.since(source.retain)?,
            as_of => cx.as_of()?,
        },
    )
}

impl Cx<'_> {
    /// Prints the column of a role among the rows whose types are read.
    fn typed(&self, role: EventRole) -> Result<String> {
        Ok(format!("typed.{}", self.ident(role_of_events(role))?))
    }
}

/// Returns the raw names that are read, the raw column that they stand in, and the SQL of the name that definitions use.
fn names(
    cx: &Cx<'_>,
    events: &Events,
    name: &EventName,
    aliases: &indexmap::IndexMap<String, Vec<String>>,
) -> Result<(Option<Vec<String>>, Option<Value>, Value)> {
    let column = match name {
        EventName::Constant(constant) => return Ok((None, None, cx.string(constant)?)),
        EventName::Column(column) => column,
    };
    let needed = |canonical: &str| events.names.only().is_none_or(|names| names.iter().any(|name| name == canonical));
    let raw_names = events.names.only().map(|names| {
        let mut raw: Vec<String> = names.to_vec();
        for (canonical, others) in aliases {
            if needed(canonical) {
                raw.extend(others.iter().cloned());
            }
        }
        raw
    });
    let own = cx.typed(EventRole::Name)?;
    let mut branches = String::new();
    // All of them, whoever reads: what a row is called does not depend on that.
    for (canonical, others) in aliases.iter().filter(|(_, others)| !others.is_empty()) {
        let list: Vec<String> =
            others.iter().map(|other| cx.string(other).map(|value| value.to_string())).collect::<Result<_>>()?;
        branches.push_str(&format!(" WHEN {own} IN ({}) THEN {}", list.join(", "), cx.string(canonical)?));
    }
    let event_name = if branches.is_empty() { own } else { format!("CASE{branches} ELSE {own} END") };
    let raw = format!("source_rows.{}", cx.raw_ident(column)?);
    Ok((raw_names, Some(sql(raw)), sql(event_name)))
}

/// Prints an event's id: its own, or the entity, name and time by which it is known. The name is the canonical one.
fn event_id(cx: &Cx<'_>, source: &Source, name: &Value) -> Result<String> {
    let template = "concatenate(entity, separator, name, separator, micros)";
    let text = cx.dialect().type_name(Type::String);
    // Microseconds since a fixed moment: the same text on every warehouse.
    let micros = crate::render::engine::render_text(
        "CAST({{ duration_between(epoch, time) }} AS {{ text }})",
        context! {
            epoch => cx.literal(&Literal::Timestamp("1970-01-01 00:00:00.000000".to_owned()))?,
            time => sql(cx.typed(EventRole::Time)?),
            text => sql(text),
        },
        cx.dialect(),
    )
    .map_err(Failure::from)?;
    let composed = crate::render::engine::render_text(
        &format!("{{{{ {template} }}}}"),
        context! {
            entity => sql(format!("COALESCE({}, {})", cx.typed(EventRole::Entity)?, cx.string("")?)),
            separator => cx.string("|")?,
            name,
            micros => sql(micros),
        },
        cx.dialect(),
    )
    .map_err(Failure::from)?;
    Ok(match source.key() {
        Some(_) => {
            let own = cx.typed(EventRole::Id)?;
            format!("CASE WHEN {} THEN {own} ELSE {composed} END", cx.is_given(&own)?)
        }
        None => composed,
    })
}

fn old_rows(source: &Source) -> Option<String> {
    source
        .retain
        .map(|age| format!("A row that is older than {} at the moment does not count.", duration::written(age)))
}

pub(super) fn facts(cx: &Cx<'_>, node: &Node, index: SourceIndex) -> Result<String> {
    let source = cx.model.source(index);
    let raw = Raw::new(cx, &source.meta, &source.origin, &source.timezone);
    let mut columns = Vec::new();
    if let Some(key) = source.key() {
        columns.push(context! { name => role_of_facts(FactRole::Key), sql => raw.key(key)? });
    }
    if let Some((_, entity)) = source.entity() {
        columns.push(context! { name => role_of_facts(FactRole::Entity), sql => raw.key(entity)? });
    }
    if let Some(time) = time(source) {
        columns.push(context! { name => role_of_facts(FactRole::Time), sql => raw.time(time)? });
    }
    for column in &source.columns {
        columns.push(context! { name => column_name(&column.name), sql => raw.typed(&column.column, column.ty)? });
    }
    let condition = match &source.condition {
        Some(condition) => {
            Some(sql(parenthesized(&cx.print(condition, Aliases { facts: Some("kept"), ..Aliases::default() })?)))
        }
        None => None,
    };
    let mut lines = Vec::new();
    if source.deduplicate && source.key().is_some() {
        lines.push("Of rows with the same key one counts; a row without one always does.".to_owned());
    }
    if source.time().is_some() {
        lines.push("A row without a time does not count, nor does one from after the moment.".to_owned());
    }
    lines.extend(old_rows(source));
    cx.render(
        "facts.sql",
        context! {
            header => cx.definition_header("source", &source.meta, &lines),
            relation => cx.table(node),
            from => sql(cx.raw(&source.meta, &source.origin, &source_columns(source))?),
            scan => scanned(&raw, source)?,
            columns,
            made => made(node),
            ranked => rank_of_facts(source),
            numbered => source.deduplicate && source.key().is_some(),
            has_time => source.time().is_some(),
            condition,
            since => cx.since(source.retain)?,
            as_of => cx.as_of()?,
        },
    )
}
