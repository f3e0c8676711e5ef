//! What the names in an expression may mean, relation by relation.
//!
//! A scope gives each name a canonical one, which says what it is whatever the user's tables call it: `event.time`,
//! `entity.user.attribute.plan_tier`. The canonical names are what `plan` and `render` see.
//!
//! A name has one meaning. What a user declares under a name that means something already is refused where it is declared
//! (`taken`); what nobody can rename, the raw columns of roles, is refused where the name is used, if it means two things.

use indexmap::IndexMap;

use crate::semantic::expr::Type;
use crate::semantic::model::{Column, Entity, EntityIndex, EventName, Model, Properties, Source, SourceRows};
use crate::semantic::name::{Name, Path};
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

/// The columns of a milestone's rows that expressions may use.
const REACH: &[(&str, Type)] = &[
    ("anchor_at", Type::Timestamp),
    ("closes_at", Type::Timestamp),
    ("reached_at", Type::Timestamp),
    ("reached", Type::Bool),
    ("count", Type::Int),
    ("progress", Type::Float),
    ("mature", Type::Bool),
];

/// What a name means.
#[derive(Clone, Debug)]
pub struct Meaning {
    /// What it is.
    pub name: Name,
    /// Its type.
    pub ty: Type,
    /// What else it would be: then nobody may use it.
    others: Vec<Name>,
}

/// The names of one relation.
#[derive(Clone, Debug)]
pub struct Names {
    subject: String,
    declared_at: Option<Span>,
    /// Where the properties of events are declared.
    properties_at: Option<Span>,
    /// What may be written, and what it means.
    meanings: IndexMap<Path, Meaning>,
    /// What may be written, in small letters, and the first that is written so.
    folded: IndexMap<String, Path>,
}

impl Names {
    fn new(subject: String, declared_at: Option<Span>) -> Self {
        let mut names =
            Self { subject, declared_at, properties_at: None, meanings: IndexMap::new(), folded: IndexMap::new() };
        names.role("as_of", canonical::AS_OF, Type::Timestamp);
        names
    }

    /// Adds a name. One that means something else already, capitals or not, means two things from now on.
    fn add(&mut self, written: Path, name: Name, ty: Type) {
        let folded = written.to_string().to_lowercase();
        let mut others = Vec::new();
        if let Some(first) = self.folded.get(&folded) {
            let known = &mut self.meanings[first];
            if !is_one(&known.name, &name) {
                known.others.push(name.clone());
                others = vec![known.name.clone()];
            }
        }
        self.folded.entry(folded).or_insert_with(|| written.clone());
        self.meanings.entry(written).or_insert(Meaning { name, ty, others });
    }

    /// Adds a name that the language gives, or that of a raw column that has a role.
    fn role(&mut self, written: &str, canonical: &str, ty: Type) {
        self.add(Path::new([written]), canonical.into(), ty);
    }

    /// Adds what a user declares, unless the name is taken, which is reported where it is declared.
    fn declared(&mut self, written: Path, name: Name, ty: Type) {
        match self.folded.get(&written.to_string().to_lowercase()) {
            // What was not refused there is the same thing.
            Some(first) => {
                let meaning = self.meanings[first].clone();
                self.meanings.entry(written).or_insert(meaning);
            }
            None => self.add(written, name, ty),
        }
    }

    fn add_columns(&mut self, columns: &[Column]) {
        for column in columns {
            let name = format!("{}{}", canonical::COLUMN, column.name);
            self.declared(Path::new([&column.name]), name.into(), column.ty);
        }
    }

    /// The rows of a source, as its own `where` sees them.
    pub fn rows(source: &Source, entity_name: Option<&str>) -> Self {
        let mut names = Self::roles(source, entity_name);
        if let SourceRows::Events { properties: Some(properties), .. } = &source.rows {
            names.add_properties(properties);
        }
        names.add_columns(&source.columns);
        names
    }

    /// What the rows of a source have without being declared: roles, and the raw columns that have one.
    pub fn roles(source: &Source, entity_name: Option<&str>) -> Self {
        let mut names = Self::new(format!("source `{}`", source.meta.name), Some(source.meta.span));
        let (key, entity, time) = match &source.rows {
            SourceRows::Events { name, .. } => {
                names.role("id", canonical::EVENT_ID, Type::String);
                names.role("entity", canonical::EVENT_ENTITY, Type::String);
                names.role("name", canonical::EVENT_NAME, Type::String);
                names.role("time", canonical::EVENT_TIME, Type::Timestamp);
                if let EventName::Column(column) = name {
                    names.role(column, canonical::EVENT_NAME, Type::String);
                }
                (canonical::EVENT_ID, canonical::EVENT_ENTITY, canonical::EVENT_TIME)
            }
            SourceRows::Facts => {
                if source.time.is_some() {
                    names.role("time", canonical::FACT_TIME, Type::Timestamp);
                }
                (canonical::FACT_KEY, canonical::FACT_ENTITY, canonical::FACT_TIME)
            }
        };
        for (column, canonical, ty) in [
            (entity_name, entity, Type::String),
            (source.key.as_deref(), key, Type::String),
            (source.entity.as_ref().map(|(_, column)| column.as_str()), entity, Type::String),
            (source.time.as_deref(), time, Type::Timestamp),
        ] {
            if let Some(column) = column {
                names.role(column, canonical, ty);
            }
        }
        names
    }

    fn add_properties(&mut self, properties: &Properties) {
        self.properties_at = Some(properties.span);
        for (path, ty) in &properties.types {
            let written = Path::new(std::iter::once("properties").chain(path.parts().iter().map(String::as_str)));
            // Keys that differ in capitals only are two properties.
            let meaning = Meaning { name: Name::Property(path.clone()), ty: *ty, others: Vec::new() };
            self.meanings.entry(written).or_insert(meaning);
        }
    }

    /// The declared columns of a source, before anything is made of its rows.
    pub fn columns(source: &Source) -> Self {
        let mut names = Self::new(format!("the columns of source `{}`", source.meta.name), Some(source.meta.span));
        names.add_columns(&source.columns);
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
        for (column, ty) in REACH {
            names.role(column, &format!("{}{column}", canonical::REACH), *ty);
        }
        names.add_entity(model, model.entity(entity), true);
        names
    }

    /// Adds an entity's columns under its name: `user.plan`.
    #[must_use]
    pub fn with_entity(mut self, model: &Model, index: EntityIndex) -> Self {
        self.add_entity(model, model.entity(index), false);
        self
    }

    /// Adds an entity's columns by themselves too, behind those of the row: a declared column hides an attribute, as
    /// documented, while what the language or a table names must not mean two things.
    #[must_use]
    pub fn or_entity(mut self, model: &Model, index: EntityIndex) -> Self {
        let mut entity = Self::new(String::new(), None);
        entity.add_entity(model, model.entity(index), true);
        for (written, meaning) in entity.meanings {
            let first = self.folded.get(&written.to_string().to_lowercase()).map(|first| &self.meanings[first].name);
            if !first.is_some_and(|first| first.starts_with(canonical::COLUMN)) {
                self.add(written, meaning.name, meaning.ty);
            }
        }
        self
    }

    fn add_entity(&mut self, model: &Model, entity: &Entity, bare: bool) {
        let name = entity.meta.name.as_str();
        let canonical = |column: &str| Name::from(format!("{}{name}.{column}", canonical::ENTITY));
        let mut columns: Vec<(&str, Name, Type)> = Vec::new();
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
        self.add(Path::new([name]), canonical("key"), Type::String);
        let mut add = |written: &str, meaning: Name, ty: Type, is_declared: bool| {
            let paths = [Some(Path::new([name, written])), bare.then(|| Path::new([written]))];
            for path in paths.into_iter().flatten() {
                if is_declared {
                    self.declared(path, meaning.clone(), ty);
                } else {
                    self.add(path, meaning.clone(), ty);
                }
            }
        };
        for (written, meaning, ty) in columns {
            add(written, meaning, ty, false);
        }
        for attribute in &entity.attributes {
            add(&attribute.name, canonical(&format!("attribute.{}", attribute.name)), attribute.ty, true);
        }
    }

    /// Returns the names of its columns, each once, by the name that the tables or the project give it.
    pub fn own(&self) -> Vec<String> {
        let mut own: IndexMap<&Name, &Path> = IndexMap::new();
        for (written, meaning) in &self.meanings {
            if !meaning.name.is(canonical::AS_OF) && meaning.others.is_empty() {
                own.insert(&meaning.name, written);
            }
        }
        own.into_values().map(Path::to_string).collect()
    }

    /// Finds what a name means.
    pub fn find(&self, parts: &[&str]) -> Option<&Meaning> {
        self.meanings.get(&Path::new(parts.iter().copied()))
    }

    /// Finds what a name means, whatever its capitals.
    pub fn taken(&self, name: &str) -> Option<&Meaning> {
        self.folded.get(&Path::new([name]).to_string().to_lowercase()).map(|first| &self.meanings[first])
    }
}

/// Tells whether two columns hold the same by definition: the row's own key of its entity, and the entity's key.
fn is_one(left: &Name, right: &Name) -> bool {
    let is_link = |name: &Name| name.is(canonical::EVENT_ENTITY) || name.is(canonical::FACT_ENTITY);
    let is_key = |name: &Name| {
        let own = name.strip_prefix(canonical::ENTITY).and_then(|rest| rest.split_once('.'));
        own.is_some_and(|(_, own)| own == "key")
    };
    left == right || (is_link(left) && is_key(right))
}

/// Says what a column is, for messages.
pub fn describe(name: &Name) -> String {
    let name = match name {
        Name::Property(path) => return format!("the property `{path}`"),
        Name::Canonical(name) => name.as_str(),
    };
    match name {
        canonical::AS_OF => return "the moment as of which everything is computed".to_owned(),
        canonical::EVENT_ID => return "the event's id".to_owned(),
        canonical::EVENT_ENTITY => return "the key of who acted".to_owned(),
        canonical::EVENT_NAME => return "the event's name".to_owned(),
        canonical::EVENT_TIME => return "the event's time".to_owned(),
        canonical::FACT_KEY => return "the fact's key".to_owned(),
        canonical::FACT_ENTITY => return "the key of who the fact belongs to".to_owned(),
        canonical::FACT_TIME => return "the fact's time".to_owned(),
        _ => {}
    }
    if let Some(column) = name.strip_prefix(canonical::REACH) {
        return format!("the column `{column}` of a milestone's rows");
    }
    if let Some(column) = name.strip_prefix(canonical::COLUMN) {
        return format!("the column `{column}`");
    }
    match name.strip_prefix(canonical::ENTITY).and_then(|rest| rest.split_once('.')) {
        Some((entity, "key")) => format!("the key of `{entity}`"),
        Some((entity, "start")) => format!("the start of `{entity}`"),
        Some((entity, "parent")) => format!("the key of what a `{entity}` is a member of"),
        Some((entity, attribute)) => {
            format!("the attribute `{}` of `{entity}`", attribute.strip_prefix("attribute.").unwrap_or(attribute))
        }
        None => format!("`{name}`"),
    }
}

impl Scope for Names {
    fn column(&self, path: &[&str]) -> Option<(Name, Type)> {
        self.find(path).map(|meaning| (meaning.name.clone(), meaning.ty))
    }

    fn meanings(&self, path: &[&str]) -> Vec<String> {
        let Some(meaning) = self.find(path).filter(|meaning| !meaning.others.is_empty()) else { return Vec::new() };
        // How each is written otherwise, where it can be.
        let other_name = |name: &Name| {
            let is_other = |(_, other): &(&Path, &Meaning)| other.others.is_empty() && is_one(&other.name, name);
            self.meanings.iter().rfind(is_other).map(|(written, _)| written)
        };
        let mut different: Vec<&Name> = vec![&meaning.name];
        for other in &meaning.others {
            if !different.iter().any(|known| is_one(known, other)) {
                different.push(other);
            }
        }
        different
            .into_iter()
            .map(|name| match other_name(name) {
                Some(written) => format!("{} (`{written}`)", describe(name)),
                None => describe(name),
            })
            .collect()
    }

    fn respelled(&self, path: &[&str]) -> Option<String> {
        let joined = path.join(".");
        self.meanings.keys().find(|written| written.parts().join(".") == joined).map(Path::to_string)
    }

    fn names(&self) -> Vec<String> {
        self.meanings.keys().map(Path::to_string).collect()
    }

    fn subject(&self) -> String {
        self.subject.clone()
    }

    fn declared_at(&self, name: &str) -> Option<Span> {
        if name.starts_with("properties.") { self.properties_at.or(self.declared_at) } else { self.declared_at }
    }
}
