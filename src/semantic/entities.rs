//! `[entity.<name>]` -> [`Entity`].

use std::collections::BTreeSet;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::project::Project;
use crate::project::tables::entity::EntityTable;
use crate::semantic::expr::Type;
use crate::semantic::model::{Entity, EntityIndex, Model};
use crate::semantic::scopes::Names;
use crate::semantic::values::{self, Named};
use crate::semantic::{origin, parse, taken};

/// Adds the project's entities to `model`.
pub fn resolve(project: &Project, model: &mut Model, diagnostics: &mut Diagnostics) -> Named<EntityIndex> {
    let mut names = Named::new("entity");
    for (position, definition) in project.entities.iter().enumerate() {
        names.found.insert(definition.name.clone(), (Some(EntityIndex(position)), definition.span));
    }
    for definition in &project.entities {
        let table = &definition.body;
        let meta = values::meta(definition, None, table.description.as_ref(), table.owner.as_ref(), &table.tags);
        let origin = origin::origin(project, definition, keys(table), diagnostics);
        let parent = parent(definition, &names, diagnostics);
        let start = table.start.as_ref().map(values::time);
        let roles = [table.key.as_ref(), start.as_ref().map(|(column, _)| column)];
        values::column_names(definition, roles.into_iter().chain(table.parent.values().map(Some)), diagnostics);
        let attributes = values::columns(definition, table.attributes.iter(), diagnostics);
        // A derived entity is called what its members call it, where they agree.
        let members: BTreeSet<&String> = project
            .entities
            .iter()
            .filter_map(|child| child.body.parent.iter().find(|(name, _)| *name.get() == definition.name))
            .map(|(_, column)| column.get())
            .collect();
        let agreed = members.first().copied().filter(|_| members.len() == 1);
        let key = table.key.as_ref().map(crate::project::document::Spanned::get).or(agreed).cloned();
        let disagree = members.len() > 1;
        let members = members.first();
        if key.is_none() || (origin.is_some() && table.key.is_none()) {
            diagnostics.push(
                Diagnostic::error("missing-key", format!("[entity.{}] needs a key `key`", definition.name))
                    .at(definition.span, "`key` is missing")
                    .help(if disagree && origin.is_none() {
                        "its members call it by different names: `key` names the column here"
                    } else {
                        "`key` names the column that is unique"
                    }),
            );
        }
        let derived = origin.is_none() && table.table.is_none() && table.path.is_none();
        if derived && (members.is_none() || !attributes.is_empty() || table.start.is_some()) {
            diagnostics.push(
                Diagnostic::error("entity-without-table", format!("entity `{}` has no table", definition.name))
                    .at(definition.span, "neither `table` nor `path`")
                    .help(
                        "only an entity that others name as their parent can do without, and then it has nothing but \
                         its key and the start of its first member",
                    ),
            );
        }
        if !derived && table.start.is_none() && members.is_none() {
            diagnostics.push(
                Diagnostic::error("missing-key", format!("[entity.{}] needs a key `start`", definition.name))
                    .at(definition.span, "`start` is missing")
                    .help("`start` names the column with the time at which windows begin, such as sign-up"),
            );
        }
        model.entities.push(Entity {
            meta,
            origin,
            key: key.unwrap_or_default(),
            start_type: start.as_ref().and_then(|(_, ty)| *ty),
            start: start.as_ref().map(|(column, _)| column.get().clone()),
            timezone: values::timezone(definition, table.timezone.as_ref(), diagnostics),
            attributes,
            parent,
            condition: None,
            places: values::places(
                definition,
                roles.into_iter().chain(table.parent.values().map(Some)),
                &table.attributes,
            ),
        });
    }
    for position in 0..model.entities.len() {
        taken::entity(project, model, EntityIndex(position), diagnostics);
    }
    cycles(project, model, diagnostics);
    for (position, definition) in project.entities.iter().enumerate() {
        let Some(condition) = &definition.body.condition else { continue };
        let scope = Names::entity(model, EntityIndex(position));
        let text = project.text(definition, condition);
        model.entities[position].condition = parse::expression(&text, &scope, Some(Type::Bool), diagnostics);
    }
    names
}

/// Returns the keys that say where rows come from.
fn keys(table: &EntityTable) -> origin::Keys<'_> {
    origin::Keys {
        table: table.table.as_ref(),
        path: table.path.as_ref(),
        csv: table.csv.as_ref(),
        folders: table.folders.as_ref(),
    }
}

fn parent(
    definition: &crate::project::Definition<EntityTable>,
    names: &Named<EntityIndex>,
    diagnostics: &mut Diagnostics,
) -> Option<(EntityIndex, String)> {
    let mut parents = definition.body.parent.iter();
    let (name, column) = parents.next()?;
    if let Some((second, _)) = parents.next() {
        diagnostics.push(
            Diagnostic::error("two-parents", format!("entity `{}` has two parents", definition.name))
                .at(definition.place(second), "the second")
                .at(definition.place(name), "the first")
                .help("an entity is a member of one other; give the parent a parent of its own"),
        );
    }
    let index = names.find(name.get(), definition.place(name), diagnostics)?;
    Some((index, column.get().clone()))
}

/// Reports entities that are members of themselves.
fn cycles(project: &Project, model: &Model, diagnostics: &mut Diagnostics) {
    // From which start an entity was come by, so that each is gone through once.
    let mut seen: Vec<Option<usize>> = vec![None; model.entities.len()];
    for start in 0..model.entities.len() {
        let mut path = Vec::new();
        let mut next = Some(start);
        while let Some(entity) = next {
            if let Some(before) = seen[entity] {
                if before == start {
                    let from = path.iter().position(|each| *each == entity).unwrap_or_default();
                    cycle(project, model, &path[from..], diagnostics);
                }
                break;
            }
            seen[entity] = Some(start);
            path.push(entity);
            next = model.entities[entity].parent.as_ref().map(|(parent, _)| parent.0);
        }
    }
}

/// Reports a circle, from that of its entities which was defined first.
fn cycle(project: &Project, model: &Model, circle: &[usize], diagnostics: &mut Diagnostics) {
    let first = circle.iter().enumerate().min_by_key(|(_, entity)| **entity).map_or(0, |(position, _)| position);
    let path = [&circle[first..], &circle[..first]].concat();
    let shown: Vec<&str> = path.iter().map(|entity| model.entities[*entity].meta.name.as_str()).collect();
    let message = match shown.as_slice() {
        [own] => format!("entity `{own}` is a member of itself"),
        path => format!("entities are members of each other: {}", values::circle(path)),
    };
    let last = &project.entities[*path.last().expect("a circle has a member")];
    let (closing, _) = last.body.parent.first().expect("its parent is the first one");
    diagnostics.push(
        Diagnostic::error("entity-cycle", message)
            .at(last.place(closing), "closes the circle")
            .at(model.entities[path[0]].meta.span, "which begins here"),
    );
}
