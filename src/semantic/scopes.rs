//! What the names in an expression may mean, relation by relation.
//!
//! A scope gives each name a [`Name`], which says what it is whatever the user's tables call it: that is what `plan` and
//! `render` see.
//!
//! A name has one meaning. What a user declares under a name that means something already is refused where it is declared
//! (`taken`); what nobody can rename, the raw columns of roles, is refused where the name is used, if it means two things.

use indexmap::IndexMap;

use crate::semantic::expr::Type;
use crate::semantic::model::{Column, Entity, EntityIndex, EventName, Model, Properties, Source, SourceRows};
use crate::semantic::name::{EntityColumn, EventRole, FactRole, Name, Path, ReachColumn};
use crate::semantic::parse::Scope;
use crate::source::Span;

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
        names.role("as_of", Name::AsOf, Type::Timestamp);
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
    fn role(&mut self, written: &str, role: Name, ty: Type) {
        self.add(Path::new([written]), role, ty);
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
            self.declared(Path::new([&column.name]), Name::Column(column.name.clone()), column.ty);
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
                names.role("id", Name::Event(EventRole::Id), Type::String);
                names.role("entity", Name::Event(EventRole::Entity), Type::String);
                names.role("name", Name::Event(EventRole::Name), Type::String);
                names.role("time", Name::Event(EventRole::Time), Type::Timestamp);
                if let EventName::Column(column) = name {
                    names.role(column, Name::Event(EventRole::Name), Type::String);
                }
                (Name::Event(EventRole::Id), Name::Event(EventRole::Entity), Name::Event(EventRole::Time))
            }
            SourceRows::Facts { .. } => {
                if source.time().is_some() {
                    names.role("time", Name::Fact(FactRole::Time), Type::Timestamp);
                }
                (Name::Fact(FactRole::Key), Name::Fact(FactRole::Entity), Name::Fact(FactRole::Time))
            }
        };
        for (column, role, ty) in [
            (entity_name, entity.clone(), Type::String),
            (source.key().map(String::as_str), key, Type::String),
            (source.entity().map(|(_, column)| column.as_str()), entity, Type::String),
            (source.time().map(|time| time.column.as_str()), time, Type::Timestamp),
        ] {
            if let Some(column) = column {
                names.role(column, role, ty);
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
        for column in ReachColumn::ALL {
            names.role(column.name(), Name::Reach(column), column.ty());
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
            if !first.is_some_and(|first| matches!(first, Name::Column(_))) {
                self.add(written, meaning.name, meaning.ty);
            }
        }
        self
    }

    fn add_entity(&mut self, model: &Model, entity: &Entity, bare: bool) {
        let name = entity.meta.name.as_str();
        let own = |column: EntityColumn| Name::Entity { entity: name.to_owned(), column };
        let mut columns: Vec<(&str, Name, Type)> = Vec::new();
        columns.push(("key", own(EntityColumn::Key), Type::String));
        columns.push(("start", own(EntityColumn::Start), Type::Timestamp));
        columns.push((&entity.key, own(EntityColumn::Key), Type::String));
        if let Some(start) = &entity.start {
            columns.push((start, own(EntityColumn::Start), Type::Timestamp));
        }
        if let Some((parent, column)) = &entity.parent {
            columns.push((&model.entity(*parent).meta.name, own(EntityColumn::Parent), Type::String));
            columns.push((column, own(EntityColumn::Parent), Type::String));
        }
        self.add(Path::new([name]), own(EntityColumn::Key), Type::String);
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
            let meaning = own(EntityColumn::Attribute(attribute.name.clone()));
            add(&attribute.name, meaning, attribute.ty, true);
        }
    }

    /// Returns the names of its columns, each once, by the name that the tables or the project give it.
    pub fn own(&self) -> Vec<String> {
        let mut own: IndexMap<&Name, &Path> = IndexMap::new();
        for (written, meaning) in &self.meanings {
            if meaning.name != Name::AsOf && meaning.others.is_empty() {
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
    left == right || (left.is_link() && matches!(right, Name::Entity { column: EntityColumn::Key, .. }))
}

/// Says what a column is, for messages.
pub fn describe(name: &Name) -> String {
    match name {
        Name::AsOf => "the moment as of which everything is computed".to_owned(),
        Name::Event(EventRole::Id) => "the event's id".to_owned(),
        Name::Event(EventRole::Entity) => "the key of who acted".to_owned(),
        Name::Event(EventRole::Name) => "the event's name".to_owned(),
        Name::Event(EventRole::Time) => "the event's time".to_owned(),
        Name::Fact(FactRole::Key) => "the fact's key".to_owned(),
        Name::Fact(FactRole::Entity) => "the key of who the fact belongs to".to_owned(),
        Name::Fact(FactRole::Time) => "the fact's time".to_owned(),
        Name::Column(column) => format!("the column `{column}`"),
        Name::Property(path) => format!("the property `{path}`"),
        Name::Entity { entity, column } => match column {
            EntityColumn::Key => format!("the key of `{entity}`"),
            EntityColumn::Start => format!("the start of `{entity}`"),
            EntityColumn::Parent => format!("the key of what a `{entity}` is a member of"),
            EntityColumn::Attribute(attribute) => format!("the attribute `{attribute}` of `{entity}`"),
        },
        Name::Reach(column) => format!("the column `{}` of a milestone's rows", column.name()),
        Name::PopulationReachedAt => "when the population was reached".to_owned(),
        Name::Kpi(name) => format!("the value of `kpi.{name}`"),
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
