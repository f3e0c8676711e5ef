//! One row an entity.

use minijinja::context;

use crate::plan::columns::{STARTED_AT, rank_of_entity};
use crate::plan::node::Node;
use crate::render::relations::raw::{Raw, Time};
use crate::render::relations::{Aliases, Cx, Result, made, sql};
use crate::semantic::files::entity_columns;
use crate::semantic::model::EntityIndex;

pub(super) fn statement(cx: &Cx<'_>, node: &Node, index: EntityIndex) -> Result<String> {
    let entity = cx.model.entity(index);
    let mut members = Vec::new();
    for member in &entity.members {
        if let Some((_, parent)) = &cx.model.entity(*member).parent {
            let id = cx.plan.entity(*member);
            members.push((&cx.plan.node(id).name, parent, cx.relation(id)?));
        }
    }
    // By name: where they are written changes nothing.
    members.sort();
    let members: Vec<_> =
        members.into_iter().map(|(_, parent, relation)| context! { relation => sql(relation), parent }).collect();
    let from = match &entity.origin {
        Some(origin) => Some(sql(cx.raw(&entity.meta, origin, &entity_columns(entity))?)),
        None => None,
    };
    let mut columns = Vec::new();
    let mut scan = Vec::new();
    if let Some(origin) = &entity.origin {
        let raw = Raw::new(cx, &entity.meta, origin, &entity.timezone);
        columns.push(context! { name => entity.key.clone(), sql => raw.key(&entity.key)? });
        if let Some(start) = &entity.start {
            let start = Time { column: start, ty: entity.start_type };
            columns.push(context! { name => STARTED_AT, sql => raw.time(start)? });
            scan.extend(raw.bounds(start, None)?);
        }
        if let Some((_, parent)) = &entity.parent {
            columns.push(context! { name => parent, sql => raw.key(parent)? });
        }
        for attribute in &entity.attributes {
            columns
                .push(context! { name => attribute.name.clone(), sql => raw.typed(&attribute.column, attribute.ty)? });
        }
    }
    let condition = match &entity.condition {
        Some(condition) => {
            let aliases = Aliases { entities: &[(index, "typed")], ..Aliases::default() };
            Some(sql(parenthesized(&cx.print(condition, aliases)?)))
        }
        None => None,
    };
    let lines = match (&entity.origin, &entity.start) {
        (Some(_), Some(_)) => {
            "One row an entity that has started: of rows with the same key, the one that started first."
        }
        (Some(_), None) => "One row an entity that has members; it starts with the first of them.",
        (None, _) => "One row an entity, derived from its members; it starts with the first of them.",
    };
    cx.render(
        "entity.sql",
        context! {
            header => cx.definition_header("entity", &entity.meta, &[lines.to_owned()]),
            relation => cx.table(node),
            key => entity.key.clone(),
            own_start => entity.start.is_some(),
            from, scan, columns, members, condition,
            made => made(node),
            ranked => rank_of_entity(entity),
            as_of => cx.as_of()?,
        },
    )
}

/// Puts a condition into parentheses, so that it can stand beside others.
pub(super) fn parenthesized(condition: &str) -> String {
    format!("({condition})")
}
