//! What the names in an expression may mean, relation by relation.
//!
//! A scope gives each name a canonical one, which says what it is whatever the user's tables call it: `event.time`,
//! `property.method`, `entity.user.plan_tier`. The canonical names are what `plan` and `render` see.

use indexmap::IndexMap;

use crate::semantic::expr::Type;
use crate::semantic::model::{Column, Entity, EntityIndex, EventName, Model, Properties, Source, SourceRows};
use crate::semantic::parse::Scope;
use crate::source::Span;

/// The canonical names that do not depend on the project.
pub mod canonical {
    /// The event's unique id, as text.
    pub const EVENT_ID: &str = "event.id";
    /// The key of who acted, as text.
    pub const EVENT_ENTITY: &str = "event.entity";
    /// The event's name.
    pub const EVENT_NAME: &str = "event.name";
    /// When the event happened.
    pub const EVENT_TIME: &str = "event.time";
    /// The fact's unique key, as text.
    pub const FACT_KEY: &str = "fact.key";
    /// The key of the entity that the fact belongs to, as text.
    pub const FACT_ENTITY: &str = "fact.entity";
    /// When the fact happened.
    pub const FACT_TIME: &str = "fact.time";
    /// The moment as of which everything is computed.
    pub const AS_OF: &str = "as_of";
    /// A milestone's columns, as its view has them.
    pub const REACH: &str = "reach.";
    /// When the milestone that makes the population was reached.
    pub const POPULATION_REACHED_AT: &str = "population.reached_at";
    /// A property of an event: the path follows.
    pub const PROPERTY: &str = "property.";
    /// A further column of a source: its name follows.
    pub const COLUMN: &str = "column.";
    /// A column of an entity: the entity's name, a dot, and the column's name follow.
    pub const ENTITY: &str = "entity.";
    /// A KPI's value: its name follows.
    pub const KPI: &str = "kpi.";
}

/// The names of one relation.
#[derive(Clone, Debug)]
pub struct Names {
    subject: String,
    declared_at: Option<Span>,
    /// Where the properties of events are declared.
    properties_at: Option<Span>,
    /// What may be written, its canonical name, and its type.
    meanings: Vec<(String, String, Type)>,
}

impl Names {
    fn new(subject: String, declared_at: Option<Span>) -> Self {
        let mut names = Self { subject, declared_at, properties_at: None, meanings: Vec::new() };
        names.add("as_of", canonical::AS_OF, Type::Timestamp);
        names
    }

    /// Adds a name, unless it means something already: roles come before the user's columns.
    fn add(&mut self, written: &str, canonical: &str, ty: Type) {
        if !self.meanings.iter().any(|(name, _, _)| name == written) {
            self.meanings.push((written.to_owned(), canonical.to_owned(), ty));
        }
    }

    fn add_columns(&mut self, columns: &[Column]) {
        for column in columns {
            self.add(&column.name, &format!("{}{}", canonical::COLUMN, column.name), column.ty);
        }
    }

    /// The rows of an event source, as its own `where` sees them.
    pub fn events(source: &Source, entity_name: Option<&str>) -> Self {
        let mut names = Self::new(format!("source `{}`", source.meta.name), Some(source.meta.span));
        names.add("id", canonical::EVENT_ID, Type::String);
        names.add("entity", canonical::EVENT_ENTITY, Type::String);
        names.add("name", canonical::EVENT_NAME, Type::String);
        names.add("time", canonical::EVENT_TIME, Type::Timestamp);
        if let SourceRows::Events { name, properties, .. } = &source.rows {
            if let Some(properties) = properties {
                names.add_properties(properties);
            }
            names.add_columns(&source.columns);
            if let EventName::Column(column) = name {
                names.add(column, canonical::EVENT_NAME, Type::String);
            }
        }
        for (column, canonical, ty) in [
            (source.key.as_deref(), canonical::EVENT_ID, Type::String),
            (source.entity.as_ref().map(|(_, column)| column.as_str()), canonical::EVENT_ENTITY, Type::String),
            (source.time.as_deref(), canonical::EVENT_TIME, Type::Timestamp),
            (entity_name, canonical::EVENT_ENTITY, Type::String),
        ] {
            if let Some(column) = column {
                names.add(column, canonical, ty);
            }
        }
        names
    }

    fn add_properties(&mut self, properties: &Properties) {
        self.properties_at = Some(properties.span);
        for (path, ty) in &properties.types {
            self.add(&format!("properties.{path}"), &format!("{}{path}", canonical::PROPERTY), *ty);
        }
    }

    /// The declared columns of a source, before anything is made of its rows.
    pub fn columns(source: &Source) -> Self {
        let mut names = Self::new(format!("the columns of source `{}`", source.meta.name), Some(source.meta.span));
        names.add_columns(&source.columns);
        names
    }

    /// The rows of a source of facts.
    pub fn facts(source: &Source, entity_name: Option<&str>) -> Self {
        let mut names = Self::new(format!("source `{}`", source.meta.name), Some(source.meta.span));
        names.add_columns(&source.columns);
        for (column, canonical, ty) in [
            (source.key.as_deref(), canonical::FACT_KEY, Type::String),
            (source.entity.as_ref().map(|(_, column)| column.as_str()), canonical::FACT_ENTITY, Type::String),
            (source.time.as_deref(), canonical::FACT_TIME, Type::Timestamp),
            (entity_name, canonical::FACT_ENTITY, Type::String),
            (source.time.as_ref().map(|_| "time"), canonical::FACT_TIME, Type::Timestamp),
        ] {
            if let Some(column) = column {
                names.add(column, canonical, ty);
            }
        }
        names
    }

    /// The rows of an entity.
    pub fn entity(model: &Model, index: EntityIndex) -> Self {
        let entity = model.entity(index);
        let mut names = Self::new(format!("entity `{}`", entity.meta.name), Some(entity.meta.span));
        names.add_entity(model, entity, true);
        names
    }

    /// The rows of a milestone: the population, with what became of it.
    pub fn milestone(model: &Model, name: &str, span: Span, entity: EntityIndex) -> Self {
        let mut names = Self::new(format!("milestone `{name}`"), Some(span));
        for (column, ty) in [
            ("anchor_at", Type::Timestamp),
            ("closes_at", Type::Timestamp),
            ("reached_at", Type::Timestamp),
            ("reached", Type::Bool),
            ("count", Type::Int),
            ("progress", Type::Float),
            ("mature", Type::Bool),
        ] {
            names.add(column, &format!("{}{column}", canonical::REACH), ty);
        }
        names.add_entity(model, model.entity(entity), true);
        names
    }

    /// Adds an entity's columns, under its name and, where `bare`, by themselves.
    #[must_use]
    pub fn with_entity(mut self, model: &Model, index: EntityIndex, bare: bool) -> Self {
        self.add_entity(model, model.entity(index), bare);
        self
    }

    fn add_entity(&mut self, model: &Model, entity: &Entity, bare: bool) {
        let name = &entity.meta.name;
        let canonical = |column: &str| format!("{}{name}.{column}", canonical::ENTITY);
        let mut columns: Vec<(&str, String, Type)> = Vec::new();
        columns.push(("key", canonical("key"), Type::String));
        columns.push(("start", canonical("start"), Type::Timestamp));
        columns.push((&entity.key, canonical("key"), Type::String));
        if let Some(start) = &entity.start {
            columns.push((start, canonical("start"), Type::Timestamp));
        }
        if let Some((parent, column)) = &entity.parent {
            columns.push((&model.entity(*parent).meta.name, canonical("parent"), Type::String));
            columns.push((column, canonical("parent"), Type::String));
        }
        for attribute in &entity.attributes {
            columns.push((&attribute.name, canonical(&format!("attribute.{}", attribute.name)), attribute.ty));
        }
        self.add(name, &canonical("key"), Type::String);
        for (written, canonical, ty) in columns {
            self.add(&format!("{name}.{written}"), &canonical, ty);
            if bare {
                self.add(written, &canonical, ty);
            }
        }
    }

    /// Returns the names of its columns, each once, by the name that the tables or the project give it.
    pub fn own(&self) -> Vec<&str> {
        let mut own: IndexMap<&str, &str> = IndexMap::new();
        for (written, canonical, _) in &self.meanings {
            if canonical != canonical::AS_OF {
                own.insert(canonical, written);
            }
        }
        own.into_values().collect()
    }

    /// Finds what a name means.
    pub fn find(&self, written: &str) -> Option<(&str, Type)> {
        self.meanings.iter().find(|(name, _, _)| name == written).map(|(_, canonical, ty)| (canonical.as_str(), *ty))
    }
}

impl Scope for Names {
    fn column(&self, path: &[&str]) -> Option<(String, Type)> {
        self.find(&path.join(".")).map(|(canonical, ty)| (canonical.to_owned(), ty))
    }

    fn names(&self) -> Vec<String> {
        self.meanings.iter().map(|(name, _, _)| name.clone()).collect()
    }

    fn subject(&self) -> String {
        self.subject.clone()
    }

    fn declared_at(&self, name: &str) -> Option<Span> {
        if name.starts_with("properties.") { self.properties_at.or(self.declared_at) } else { self.declared_at }
    }
}
