//! `[entity.<name>]` -> [`Entity`].

use std::collections::BTreeSet;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::project::document::{OneOrMany, Spanned};
use crate::project::read::list;
use crate::project::tables::entity::EntityTable;
use crate::project::{Definition, Project};
use crate::semantic::definitions::Defined;
use crate::semantic::expr::Type;
use crate::semantic::known::Named;
use crate::semantic::meaning::Lines;
use crate::semantic::milestones::not_mixed;
pub use crate::semantic::model::Entity;
use crate::semantic::model::{DefinitionId, Meta};
use crate::semantic::model::{EntityIndex, Model};
use crate::semantic::references::Reference;
use crate::semantic::scopes::Names;
use crate::semantic::tables::{Cx, Resolver};
use crate::semantic::{dbt, origin, parse, taken, values};
use crate::source::Span;

/// The project's entities. Which they are is said before anything has a meaning, for they name each other both ways; what that
/// is in the order of all definitions is who counts.
struct Entities<'p>(&'p Project);

/// Adds the project's entities to the model.
pub(super) fn resolver<'p>(project: &'p Project, cx: &mut Cx<'_>) -> Box<dyn Resolver + 'p> {
    for (position, definition) in project.tables.entities.iter().enumerate() {
        cx.known.entities.set(&definition.name, EntityIndex(position));
    }
    declare(project, cx.model, &cx.known.entities, cx.diagnostics);
    Box::new(Entities(project))
}

impl Resolver for Entities<'_> {
    /// To be a member of another is to depend on nothing of it; that nobody is a member of itself [`cycles`] sees to.
    fn references(&self, _: usize) -> Vec<Reference> {
        Vec::new()
    }

    fn resolve(&mut self, position: usize, cx: &mut Cx<'_>) {
        let definition = &self.0.tables.entities[position];
        let Some(condition) = &definition.body.condition else { return };
        let scope = Names::entity(cx.model, EntityIndex(position));
        let text = self.0.text(definition, condition);
        let condition = parse::expression(&text, &scope, Some(Type::Bool), cx.diagnostics);
        not_mixed(cx.model, None, &condition, cx.diagnostics);
        cx.model.entities[position].condition = condition;
    }
}

fn declare(project: &Project, model: &mut Model, names: &Named<EntityIndex>, diagnostics: &mut Diagnostics) {
    for definition in &project.tables.entities {
        let table = &definition.body;
        let owner = dbt::owner(project, table.owner.as_ref(), table.table.as_ref());
        let meta = values::meta(definition, None, table.description.as_ref(), owner, &table.tags);
        let origin = origin::origin(project, definition, keys(table), diagnostics);
        let parent = parent(definition, names, diagnostics);
        let start = table.start.as_ref().map(values::time);
        let roles = [table.key.as_ref(), start.as_ref().map(|(column, _)| column)];
        values::column_names(definition, roles.into_iter().chain(table.parent.values().map(Some)), diagnostics);
        let attributes = values::columns(definition, table.attributes.iter(), diagnostics);
        let members = members(project, definition, names, diagnostics);
        // A derived entity is called what its members call it, where they agree.
        let called: BTreeSet<&String> =
            members.iter().filter_map(|member| link(project, *member, &definition.name)).map(Spanned::get).collect();
        let agreed = called.first().copied().filter(|_| called.len() == 1);
        let key = table.key.as_ref().map(Spanned::get).or(agreed).cloned();
        let disagree = called.len() > 1;
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
        if derived && (members.is_empty() || !attributes.is_empty() || table.start.is_some()) {
            diagnostics.push(
                Diagnostic::error("entity-without-table", format!("entity `{}` has no table", definition.name))
                    .at(definition.span, "neither `table` nor `path`")
                    .help(
                        "only an entity that others name as their parent can do without, and then it has nothing but \
                         its key and the start of its first member",
                    ),
            );
        }
        if !derived && table.start.is_none() && members.is_empty() {
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
            members,
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

/// Returns the column by which an entity names another one as its parent; none where it does not.
fn link<'p>(project: &'p Project, member: EntityIndex, parent: &str) -> Option<&'p Spanned<String>> {
    let mut parents = project.tables.entities[member.0].body.parent.iter();
    parents.find(|(name, _)| name.get() == parent).map(|(_, column)| column)
}

/// Returns the entities that tell an entity what it lacks: those that it names, or the only one whose parent it is.
fn members(
    project: &Project,
    definition: &Definition<EntityTable>,
    names: &Named<EntityIndex>,
    diagnostics: &mut Diagnostics,
) -> Vec<EntityIndex> {
    let table = &definition.body;
    let lacks_nothing = (table.table.is_some() || table.path.is_some()) && table.start.is_some();
    let is_member = |index: EntityIndex| link(project, index, &definition.name).is_some();
    let Some(written) = &table.members else {
        if lacks_nothing {
            return Vec::new();
        }
        let found: Vec<EntityIndex> =
            (0..project.tables.entities.len()).map(EntityIndex).filter(|index| is_member(*index)).collect();
        if found.len() > 1 {
            ambiguous_members(project, definition, &found, diagnostics);
        }
        return found;
    };
    if lacks_nothing {
        diagnostics.push(
            Diagnostic::error("misplaced-key", "`members` means nothing beside a table and a `start`")
                .at(definition.place(written), "")
                .help("leave it out: who is a member of whom is said by `parent` of the members"),
        );
        return Vec::new();
    }
    let listed: Vec<(&String, Span)> = match written.get() {
        OneOrMany::One(one) => vec![(one, definition.place(written))],
        OneOrMany::Many(many) => many.iter().map(|each| (each.get(), definition.place(each))).collect(),
    };
    let mut found: Vec<EntityIndex> = Vec::new();
    for (name, span) in listed {
        let Some(index) = names.find(name, span, diagnostics) else { continue };
        if is_member(index) {
            // What stands twice is a member once.
            if !found.contains(&index) {
                found.push(index);
            }
            continue;
        }
        let message = format!("entity `{name}` is not a member of entity `{}`", definition.name);
        diagnostics.push(
            Diagnostic::error("not-a-member", message)
                .at(span, "not a member")
                .at(project.tables.entities[index.0].span, format!("`parent` does not name `{}`", definition.name)),
        );
    }
    found
}

/// Reports an entity that is made of its members, of which there are several kinds.
fn ambiguous_members(
    project: &Project,
    definition: &Definition<EntityTable>,
    found: &[EntityIndex],
    diagnostics: &mut Diagnostics,
) {
    let names: Vec<&str> = found.iter().map(|index| project.tables.entities[index.0].name.as_str()).collect();
    let message = format!("entity `{}` does not say which of {} it is made of", definition.name, list(&names));
    let mut diagnostic = Diagnostic::error("ambiguous-members", message).at(definition.span, "has no `members`");
    for index in found {
        diagnostic = diagnostic.at(project.tables.entities[index.0].span, "this one, or …");
    }
    let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    diagnostics.push(diagnostic.help(format!("name one or several: `members = [{}]`", quoted.join(", "))));
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
    let last = &project.tables.entities[*path.last().expect("a circle has a member")];
    let (closing, _) = last.body.parent.first().expect("its parent is the first one");
    diagnostics.push(
        Diagnostic::error("entity-cycle", message)
            .at(last.place(closing), "closes the circle")
            .at(model.entities[path[0]].meta.span, "which begins here"),
    );
}

impl Defined for Entity {
    fn meta(&self) -> &Meta {
        &self.meta
    }

    fn made_of(&self, _: &Model) -> Vec<DefinitionId> {
        // One that lacks something of its own has it from its members.
        self.members.iter().map(|member| (*member).into()).collect()
    }

    fn meaning(&self, model: &Model) -> String {
        let Entity {
            meta: _,
            origin,
            key,
            start,
            start_type,
            timezone,
            attributes,
            parent,
            members,
            condition,
            places: _,
        } = self;
        let mut lines = Lines::default();
        if let Some(origin) = origin {
            lines.origin(origin);
        }
        lines.add("key", key.clone()).add("start", start.clone()).add("timezone", timezone.clone());
        lines.add("start_type", start_type.map(|ty| ty.name().to_owned()));
        let parent = parent.as_ref().map(|(parent, column)| format!("{} {column:?}", model.entity(*parent).meta.name));
        let members: BTreeSet<&str> = members.iter().map(|member| model.entity(*member).meta.name.as_str()).collect();
        lines.add("members", (!members.is_empty()).then(|| format!("{members:?}")));
        lines.add("parent", parent).columns(attributes).expr("where", condition.as_ref());
        lines.end()
    }
}
