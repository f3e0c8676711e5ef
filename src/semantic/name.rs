//! Names: as people write them, and what a column is.

use std::fmt;

use crate::semantic::expr::Type;

/// The parts of a name from the outermost to the innermost. A part may be any text: `properties."utm.source"` has two.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(Vec<String>);

impl Path {
    /// Makes a path of its parts.
    pub fn new<S: Into<String>>(parts: impl IntoIterator<Item = S>) -> Self {
        Self(parts.into_iter().map(Into::into).collect())
    }

    /// Reads a name as it is written in TOML: parts with dots between them; in double quotes a part may have dots too, and
    /// two quotes are one. None where a part is missing, or a quote is not closed.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = Vec::new();
        let mut rest = text;
        loop {
            let after = if let Some(quoted) = rest.strip_prefix('"') {
                let (part, length) = unquoted(quoted)?;
                parts.push(part);
                &quoted[length..]
            } else {
                let end = rest.find('.').unwrap_or(rest.len());
                parts.push(rest[..end].to_owned());
                &rest[end..]
            };
            if after.is_empty() {
                return parts.iter().all(|part| !part.is_empty()).then_some(Self(parts));
            }
            rest = after.strip_prefix('.')?;
        }
    }

    /// Returns its parts.
    pub fn parts(&self) -> &[String] {
        &self.0
    }
}

/// Returns what stands before the closing quote, and how many bytes it takes with that quote.
fn unquoted(text: &str) -> Option<(String, usize)> {
    let mut part = String::new();
    let mut at = 0;
    loop {
        let quote = at + text[at..].find('"')?;
        part.push_str(&text[at..quote]);
        if !text[quote + 1..].starts_with('"') {
            return Some((part, quote + 1));
        }
        part.push('"');
        at = quote + 2;
    }
}

/// Tells whether a part is written without quotes.
fn is_word(part: &str) -> bool {
    part.starts_with(|first: char| first.is_alphabetic() || first == '_')
        && part.chars().all(|each| each.is_alphanumeric() || each == '_')
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, part) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str(".")?;
            }
            if is_word(part) { f.write_str(part)? } else { write!(f, "\"{}\"", part.replace('"', "\"\""))? }
        }
        Ok(())
    }
}

/// What a column is, whatever it is called in the user's tables.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Name {
    /// The moment as of which everything is computed.
    AsOf,
    /// What every event has.
    Event(EventRole),
    /// What facts have.
    Fact(FactRole),
    /// A further column of a source, by its declared name.
    Column(String),
    /// A property of an event, by the keys that lead to it.
    Property(Path),
    /// A column of an entity.
    Entity {
        /// The entity's name.
        entity: String,
        /// The column.
        column: EntityColumn,
    },
    /// A column of a milestone's rows, as its view has it.
    Reach(ReachColumn),
    /// When the milestone that makes the population was reached.
    PopulationReachedAt,
    /// A KPI's value, by its name.
    Kpi(String),
}

/// What every event has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventRole {
    /// Its unique id, as text.
    Id,
    /// The key of who acted, as text.
    Entity,
    /// Its name.
    Name,
    /// When it happened.
    Time,
}

/// What facts have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FactRole {
    /// Its unique key, as text.
    Key,
    /// The key of the entity that it belongs to, as text.
    Entity,
    /// When it happened.
    Time,
}

/// A column of an entity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntityColumn {
    /// Its key, as text.
    Key,
    /// When it began.
    Start,
    /// The key of what it is a member of, as text.
    Parent,
    /// An attribute, by its name.
    Attribute(String),
}

/// A column of a milestone's rows that expressions may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "they are columns of the view of a milestone, which docs/language.md describes")]
pub enum ReachColumn {
    AnchorAt,
    ClosesAt,
    ReachedAt,
    Reached,
    Count,
    Progress,
    Mature,
}

impl ReachColumn {
    /// All of them, in the order of the view.
    pub const ALL: [ReachColumn; 7] = [
        ReachColumn::AnchorAt,
        ReachColumn::ClosesAt,
        ReachColumn::ReachedAt,
        ReachColumn::Reached,
        ReachColumn::Count,
        ReachColumn::Progress,
        ReachColumn::Mature,
    ];

    /// Returns its name, in the view and in expressions.
    pub fn name(self) -> &'static str {
        match self {
            ReachColumn::AnchorAt => "anchor_at",
            ReachColumn::ClosesAt => "closes_at",
            ReachColumn::ReachedAt => "reached_at",
            ReachColumn::Reached => "reached",
            ReachColumn::Count => "count",
            ReachColumn::Progress => "progress",
            ReachColumn::Mature => "mature",
        }
    }

    /// Returns its type.
    pub fn ty(self) -> Type {
        match self {
            ReachColumn::AnchorAt | ReachColumn::ClosesAt | ReachColumn::ReachedAt => Type::Timestamp,
            ReachColumn::Reached | ReachColumn::Mature => Type::Bool,
            ReachColumn::Count => Type::Int,
            ReachColumn::Progress => Type::Float,
        }
    }
}

impl Name {
    /// Makes the key of an entity.
    pub fn key_of(entity: &str) -> Self {
        Name::Entity { entity: entity.to_owned(), column: EntityColumn::Key }
    }

    /// Makes the start of an entity.
    pub fn start_of(entity: &str) -> Self {
        Name::Entity { entity: entity.to_owned(), column: EntityColumn::Start }
    }

    /// Tells whether it is the key of whom a row belongs to, as the row has it.
    pub fn is_link(&self) -> bool {
        matches!(self, Name::Event(EventRole::Entity) | Name::Fact(FactRole::Entity))
    }

    /// Tells whether it is when a row happened.
    pub fn is_time(&self) -> bool {
        matches!(self, Name::Event(EventRole::Time) | Name::Fact(FactRole::Time))
    }

    /// Returns the entity whose column it is.
    pub fn entity(&self) -> Option<&str> {
        if let Name::Entity { entity, .. } = self { Some(entity) } else { None }
    }
}

/// What it is known by: streams are numbered by it, so that it stays as it is.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Name::AsOf => f.write_str("as_of"),
            Name::Event(EventRole::Id) => f.write_str("event.id"),
            Name::Event(EventRole::Entity) => f.write_str("event.entity"),
            Name::Event(EventRole::Name) => f.write_str("event.name"),
            Name::Event(EventRole::Time) => f.write_str("event.time"),
            Name::Fact(FactRole::Key) => f.write_str("fact.key"),
            Name::Fact(FactRole::Entity) => f.write_str("fact.entity"),
            Name::Fact(FactRole::Time) => f.write_str("fact.time"),
            Name::Column(name) => write!(f, "column.{name}"),
            Name::Property(path) => write!(f, "property.{path}"),
            Name::Entity { entity, column } => match column {
                EntityColumn::Key => write!(f, "entity.{entity}.key"),
                EntityColumn::Start => write!(f, "entity.{entity}.start"),
                EntityColumn::Parent => write!(f, "entity.{entity}.parent"),
                EntityColumn::Attribute(name) => write!(f, "entity.{entity}.attribute.{name}"),
            },
            Name::Reach(column) => write!(f, "reach.{}", column.name()),
            Name::PopulationReachedAt => f.write_str("population.reached_at"),
            Name::Kpi(name) => write!(f, "kpi.{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::semantic::name::Path;

    #[test]
    fn a_path_is_written_as_it_is_read() {
        for (text, parts) in [
            ("plan", vec!["plan"]),
            ("properties.plan.tier", vec!["properties", "plan", "tier"]),
            ("properties.\"utm.source\"", vec!["properties", "utm.source"]),
            ("\"a \"\"b\"\".c\".d", vec!["a \"b\".c", "d"]),
            ("properties.\"$browser\"", vec!["properties", "$browser"]),
        ] {
            let path = Path::parse(text).unwrap();
            assert_eq!(path.parts(), parts);
            assert_eq!(path.to_string(), text);
        }
        // Columns of tables may have blanks, and need no quotes in a list of names.
        assert_eq!(Path::parse("user id").unwrap().to_string(), "\"user id\"");
    }

    #[test]
    fn what_lacks_a_part_is_no_path() {
        for text in ["", ".", "a.", ".a", "a..b", "\"a", "\"\"", "\"a\"b"] {
            assert_eq!(Path::parse(text), None, "{text}");
        }
    }
}
