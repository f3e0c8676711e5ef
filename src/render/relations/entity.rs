//! One row an entity.

use minijinja::context;

use crate::plan::node::Node;
use crate::render::access;
use crate::render::holes::Fragment;
use crate::render::relations::{Aliases, Cx, Result, sql};
use crate::semantic::expr::Type;
use crate::semantic::model::EntityIndex;

pub(super) fn statement(cx: &Cx<'_>, node: &Node, index: EntityIndex) -> Result<String> {
    let entity = cx.model.entity(index);
    let member = cx.model.entities.iter().enumerate().find_map(|(child, e)| {
        e.parent.as_ref().filter(|(parent, _)| *parent == index).map(|(_, column)| (EntityIndex(child), column))
    });
    let derived = entity.origin.is_none() || entity.start.is_none();
    let members = member.filter(|_| derived).map(|(child, parent)| {
        context! { relation => cx.qualified(&cx.plan.node(cx.plan.entity(child)).name), parent }
    });
    let from = match &entity.origin {
        Some(origin) => Some(sql(cx.raw(&entity.meta, origin)?)),
        None => None,
    };
    let mut columns = Vec::new();
    if entity.origin.is_some() {
        let typed = |column: &str, ty: Type| -> Result<minijinja::Value> {
            let raw = Fragment::atom(format!("source_rows.{}", cx.ident(column)?));
            let fragment = access::normalize(cx.dialect(), &raw, ty, &entity.timezone)?;
            Ok(sql(fragment.sql))
        };
        columns.push(context! { name => entity.key.clone(), sql => typed(&entity.key, Type::String)? });
        if let Some(start) = &entity.start {
            columns.push(context! { name => "started_at", sql => typed(start, Type::Timestamp)? });
        }
        if let Some((_, parent)) = &entity.parent {
            columns.push(context! { name => parent, sql => typed(parent, Type::String)? });
        }
        for attribute in &entity.attributes {
            columns.push(context! { name => attribute.name.clone(), sql => typed(&attribute.column, attribute.ty)? });
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
        (Some(_), Some(_)) => "One row an entity: of rows with the same key, the one that started first.",
        (Some(_), None) => "One row an entity, which starts with the first of its members.",
        (None, _) => "One row an entity, derived from its members; it starts with the first of them.",
    };
    cx.render(
        "entity.sql",
        context! {
            header => cx.definition_header("entity", &entity.meta, &[lines.to_owned()]),
            relation => cx.table(node),
            key => entity.key.clone(),
            own_start => entity.start.is_some(),
            from, columns, members, condition,
            as_of => cx.as_of()?,
        },
    )
}

/// Puts a condition into parentheses, so that it can stand beside others.
pub(super) fn parenthesized(condition: &str) -> String {
    format!("({condition})")
}
