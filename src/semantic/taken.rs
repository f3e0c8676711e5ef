//! Names that are taken: a column, an attribute or an entity must not be called what means something else already.
//!
//! What can be declared under another name is refused whatever reads it; so is a raw column that Milepost's own relations
//! hold beside columns of that name. Capitals make no difference: to some warehouses `USER_ID` and `user_id` are one column.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::project::tables::entity::EntityTable;
use crate::project::{Definition, Project};
use crate::semantic::expr::Type;
use crate::semantic::model::{Column, Entity, EntityIndex, EventName, Model, Source, SourceRows};
use crate::semantic::name::{EventRole, FactRole, Name};
use crate::semantic::scopes::{Names, describe};
use crate::source::Span;

/// The columns of a milestone's view, beside the key.
const MILESTONE: &[&str] =
    &["anchor_at", "closes_at", "reached_at", "reached_id", "reached", "count", "progress", "mature"];

/// The columns of a score, beside the key.
const SCORE: &[&str] = &["score", "band", "milestones_reached", "as_of"];

/// The columns of an entity, beside those that a project names.
const ENTITY: &[&str] = &["started_at", "row_of_key"];

/// What a word means in expressions over some rows or other.
fn word(name: &str) -> Option<&'static str> {
    Some(match name {
        "as_of" => "the moment as of which everything is computed",
        "key" => "the key of an entity",
        "start" => "the start of an entity",
        "id" => "the id of an event",
        "name" => "the name of an event",
        "time" => "the time of a row",
        "entity" => "the key of who acted",
        "properties" => "the document of an event",
        _ if MILESTONE.contains(&name) => "a column of a milestone's rows",
        _ => return None,
    })
}

fn reserved(message: String, place: Span) -> Diagnostic {
    Diagnostic::error("reserved-name", message).at(place, "taken")
}

fn rename(column: &str, ty: Type) -> String {
    format!("declare it under another name: `some_name = {{ column = \"{column}\", type = \"{ty}\" }}`")
}

/// Reports the declared columns of a source whose names are taken.
pub fn source(model: &Model, source: &Source, diagnostics: &mut Diagnostics) {
    let linked = source.entity().map(|(entity, _)| model.entity(*entity).meta.name.as_str());
    let roles = Names::roles(source, linked);
    for column in &source.columns {
        let Some(meaning) = roles.taken(&column.name).filter(|meaning| !is_same(source, column, &meaning.name)) else {
            continue;
        };
        let (name, what) = (&column.name, describe(&meaning.name));
        let message = format!("a column of source `{}` cannot be called `{name}`: that is {what}", source.meta.name);
        diagnostics.push(reserved(message, column.span).help(rename(&column.column, column.ty)));
    }
}

/// Tells whether a declared column holds what the role holds.
fn is_same(source: &Source, column: &Column, role: &Name) -> bool {
    let is = |raw: Option<&String>, ty: Type| raw == Some(&column.column) && column.ty == ty;
    if role.is_link() {
        return is(source.entity().map(|(_, raw)| raw), Type::String);
    }
    if role.is_time() {
        return is(source.time().map(|time| &time.column), Type::Timestamp);
    }
    match &source.rows {
        // An event without an id is given one, which the column has not.
        SourceRows::Events { name: EventName::Column(raw), aliases, .. } if *role == Name::Event(EventRole::Name) => {
            is(Some(raw), Type::String) && aliases.is_empty()
        }
        SourceRows::Facts { .. } if *role == Name::Fact(FactRole::Key) => is(source.key(), Type::String),
        SourceRows::Events { .. } | SourceRows::Facts { .. } => false,
    }
}

/// Something of an entity that has a name which it cannot have besides.
struct Role {
    /// What it is called: a raw column, or the name of an entity.
    written: String,
    /// What that names.
    what: What,
    place: Span,
}

/// What of an entity has a name of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Itself,
    Key,
    Start,
    Parent,
    KeyOfParent,
}

impl What {
    /// Says it.
    fn text(self) -> &'static str {
        match self {
            What::Itself => "the entity itself",
            What::Key => "its key",
            What::Start => "its start",
            What::Parent => "what it is a member of",
            What::KeyOfParent => "the key of its parent",
        }
    }

    /// Tells whether it is a column of the entity's relation.
    fn is_held(self) -> bool {
        match self {
            What::Key | What::KeyOfParent => true,
            What::Itself | What::Start | What::Parent => false,
        }
    }

    /// Returns what it is one thing with: an entity and its key are.
    fn thing(self) -> What {
        match self {
            What::Itself | What::Key => What::Key,
            What::Start => What::Start,
            What::Parent | What::KeyOfParent => What::KeyOfParent,
        }
    }
}

/// Reports what is called in an entity what means something else already.
pub fn entity(project: &Project, model: &Model, index: EntityIndex, diagnostics: &mut Diagnostics) {
    let (definition, entity) = (&project.tables.entities[index.0], model.entity(index));
    if let Some(what) = word(&entity.meta.name) {
        let message = format!("an entity cannot be called `{}`: that is {what}", entity.meta.name);
        diagnostics.push(reserved(message, definition.span).help("give it another name"));
    }
    let roles = roles(project, model, definition, entity);
    for role in &roles {
        beside_ours(entity, role, diagnostics);
    }
    for (position, role) in roles.iter().enumerate() {
        let is_other = |other: &&Role| {
            other.what.thing() != role.what.thing() && other.written.eq_ignore_ascii_case(&role.written)
        };
        let Some(other) = roles[..position].iter().find(is_other) else { continue };
        let diagnostic = if other.what.is_held() && role.what.is_held() {
            let message = format!("entity `{}` would have two columns `{}`", entity.meta.name, other.written);
            Diagnostic::error("duplicate-column", message)
        } else {
            let message = format!("`{}` would mean two things in entity `{}`", role.written, entity.meta.name);
            Diagnostic::error("reserved-name", message)
        };
        diagnostics.push(
            diagnostic
                .at(role.place, format!("{} …", role.what.text()))
                .at(other.place, format!("… and {}", other.what.text()))
                .help("let them be two columns: read the table through a view that names them"),
        );
    }
    for attribute in &entity.attributes {
        if let Some(diagnostic) = taken_attribute(entity, attribute, &roles) {
            diagnostics.push(diagnostic.help(rename(&attribute.column, attribute.ty)));
        }
    }
}

/// Returns what an entity has without being declared as an attribute.
fn roles(project: &Project, model: &Model, definition: &Definition<EntityTable>, entity: &Entity) -> Vec<Role> {
    let table = &definition.body;
    let own =
        |written: &str, what, place| (!written.is_empty()).then(|| Role { written: written.to_owned(), what, place });
    // Without a key of its own it is called what its members call it.
    let by_member = || {
        let member = &project.tables.entities[entity.members.first()?.0];
        member.body.parent.first().map(|(_, column)| member.place(column))
    };
    let key = table.key.as_ref().map(|key| definition.place(key)).or_else(by_member).unwrap_or(definition.span);
    let mut roles = vec![own(&entity.meta.name, What::Itself, definition.span), own(&entity.key, What::Key, key)];
    if let (Some(start), Some(written)) = (&entity.start, &table.start) {
        roles.push(own(start, What::Start, definition.place(written)));
    }
    if let (Some((parent, column)), Some((name, written))) = (&entity.parent, table.parent.first()) {
        roles.push(own(&model.entity(*parent).meta.name, What::Parent, definition.place(name)));
        roles.push(own(column, What::KeyOfParent, definition.place(written)));
    }
    roles.into_iter().flatten().collect()
}

/// Reports a raw column that would stand beside a column of ours of the same name, or mean what that means.
fn beside_ours(entity: &Entity, role: &Role, diagnostics: &mut Diagnostics) {
    let name = role.written.to_ascii_lowercase();
    let is = |names: &[&str]| names.contains(&name.as_str());
    let what = match role.what {
        What::Key if is(MILESTONE) => "milestones have a column of that name beside the key",
        What::Key if is(SCORE) => "scores have a column of that name beside the key",
        What::Key | What::KeyOfParent if is(ENTITY) => "entities have a column of that name besides",
        What::Start | What::KeyOfParent if is(MILESTONE) => "it is a column of a milestone's rows",
        What::Key | What::KeyOfParent if name == "start" => "it is the start of an entity",
        What::Start | What::KeyOfParent if name == "key" => "it is the key of an entity",
        What::Start | What::KeyOfParent if name == "as_of" => "it is the moment of everything",
        What::Itself | What::Key | What::Start | What::Parent | What::KeyOfParent => return,
    };
    let message = format!("the column `{}` cannot be used in entity `{}`: {what}", role.written, entity.meta.name);
    diagnostics.push(
        reserved(message, role.place)
            .help("read the table through a view in which the column has another name, such as `user_id`"),
    );
}

fn taken_attribute(entity: &Entity, attribute: &Column, roles: &[Role]) -> Option<Diagnostic> {
    let name = &attribute.name;
    let two = |what: &str, place: Option<Span>| {
        let diagnostic = Diagnostic::error(
            "duplicate-column",
            format!("entity `{}` would have two columns `{name}`", entity.meta.name),
        )
        .at(attribute.span, "an attribute");
        match place {
            Some(place) => diagnostic.at(place, format!("{what} is a column `{name}` already")),
            None => diagnostic,
        }
    };
    let refused = |what: &str| {
        let message =
            format!("an attribute of entity `{}` cannot be called `{name}`: that is {what}", entity.meta.name);
        Some(reserved(message, attribute.span))
    };
    let is = |raw: Option<&String>, ty: Type| raw == Some(&attribute.column) && attribute.ty == ty;
    let is_start = is(entity.start.as_ref(), Type::Timestamp);
    let of_name = |role: &&Role| role.written.eq_ignore_ascii_case(name);
    if let Some(role) = roles.iter().filter(|role| role.what.is_held()).find(of_name) {
        return Some(two(role.what.text(), Some(role.place)));
    }
    if name == "started_at" {
        return Some(two("the start", roles.iter().find(|role| role.what == What::Start).map(|role| role.place)));
    }
    if ENTITY.contains(&name.as_str()) {
        return refused("a column that Milepost makes");
    }
    let is_same = |what: What| match what.thing() {
        What::Itself | What::Key => is(Some(&entity.key), Type::String),
        What::Start => is_start,
        What::Parent | What::KeyOfParent => is(entity.parent.as_ref().map(|(_, column)| column), Type::String),
    };
    if let Some(role) = roles.iter().find(of_name) {
        return if is_same(role.what) { None } else { refused(role.what.text()) };
    }
    match (name.as_str(), word(name)) {
        ("key", _) if is_same(What::Key) => None,
        ("start", _) if is_same(What::Start) => None,
        ("properties", _) | (_, None) => None,
        (_, Some(what)) => refused(what),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use crate::diagnostic::Diagnostics;
    use crate::plan::build::MILESTONE_COLUMNS;
    use crate::plan::columns::STARTED_AT;
    use crate::plan::own::Planned as _;
    use crate::semantic::name::ReachColumn;
    use crate::semantic::taken::{ENTITY, MILESTONE, SCORE};

    #[test]
    fn all_columns_of_milestones_are_taken() {
        let columns: Vec<&str> = MILESTONE_COLUMNS.iter().map(|(name, _)| *name).collect();
        assert_eq!(columns, MILESTONE);
        // What expressions take them for is what they are.
        assert!(ReachColumn::ALL.iter().all(|column| MILESTONE_COLUMNS.contains(&(column.name(), column.ty()))));
    }

    #[test]
    fn all_columns_of_scores_are_taken() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let model =
            crate::analyze(root, BTreeMap::new(), &mut Diagnostics::default()).expect("the sample project").model;
        let [_, rest] = model.scores[0].own(&model).expect("a score has a relation").columns;
        assert_eq!(rest.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), SCORE);
    }

    #[test]
    fn all_columns_of_entities_are_taken() {
        let [started_at, of_template] = ENTITY else { panic!("there are two") };
        assert_eq!(*started_at, STARTED_AT);
        assert!(
            include_str!("../../templates/entity.sql").contains(&format!("AS {{{{ \"{of_template}\" | ident }}}}"))
        );
    }
}
