//! What the columns of relations are called that hold what users named, and which one a name means.

use sha2::{Digest, Sha256};

use crate::plan::node::Events;
use crate::semantic::expr::Type;
use crate::semantic::model::{Entity, Source, SourceRows};
use crate::semantic::name::{EntityColumn, EventRole, FactRole, Name, Path};

/// The longest name of a property's column: warehouses take 255 characters and more.
const LONGEST: usize = 128;

/// The name of a property's column among the events that were read.
///
/// It is legal on every warehouse, follows from the keys alone, and no other property has it, whatever becomes of capitals:
/// keys of small letters, digits and single underscores stand as they are; any other path ends with a part of its hash, behind
/// the three underscores that no such path has in it.
pub fn property_name(path: &Path) -> String {
    let name = format!("property_{}", path.parts().join("__"));
    if path.parts().iter().all(|key| is_plain(key)) && name.len() <= LONGEST {
        return name;
    }
    // Lengths first, so that no two paths are hashed as one text.
    let mut whole = String::new();
    for key in path.parts() {
        whole.push_str(&format!("{}:{key}", key.len()));
    }
    let mut hash = String::new();
    for byte in Sha256::digest(whole).iter().take(6) {
        hash.push_str(&format!("{byte:02x}"));
    }
    let legal = |each: char| if each.is_ascii_alphanumeric() { each } else { '_' };
    let words: String = name.chars().map(legal).take(LONGEST - "___".len() - hash.len()).collect();
    format!("{}___{hash}", words.trim_end_matches('_'))
}

/// Tells whether a key can be a part of a column's name as it is.
fn is_plain(key: &str) -> bool {
    key.starts_with(|first: char| first.is_ascii_lowercase())
        && key.chars().all(|each| each.is_ascii_lowercase() || each.is_ascii_digit() || each == '_')
        && !key.contains("__")
        && !key.ends_with('_')
}

/// The name of a further column among the rows that were read.
pub fn column_name(name: &str) -> String {
    format!("column_{name}")
}

/// The columns of the events of a source, in their order: their roles, then what definitions need besides.
pub fn of_events(events: &Events) -> Vec<(String, Type)> {
    let roles = [
        (EventRole::Entity, Type::String),
        (EventRole::Name, Type::String),
        (EventRole::Time, Type::Timestamp),
        (EventRole::Id, Type::String),
    ];
    let mut columns: Vec<(String, Type)> =
        roles.into_iter().map(|(role, ty)| (role_of_events(role).to_owned(), ty)).collect();
    columns.extend(events.columns.iter().map(|(name, ty)| (column_name(name), *ty)));
    columns.extend(events.properties.iter().map(|(path, ty)| (property_name(path), *ty)));
    columns
}

/// The columns of the facts of a source, in their order: those of its roles that it has, then all that it declares.
pub fn of_facts(source: &Source) -> Vec<(String, Type)> {
    let mut columns = Vec::new();
    let roles = [
        (FactRole::Key, Type::String, source.key().is_some()),
        (FactRole::Entity, Type::String, source.entity().is_some()),
        (FactRole::Time, Type::Timestamp, source.time().is_some()),
    ];
    for (role, ty, _) in roles.into_iter().filter(|(_, _, is_there)| *is_there) {
        columns.push((role_of_facts(role).to_owned(), ty));
    }
    columns.extend(source.columns.iter().map(|column| (column_name(&column.name), column.ty)));
    columns
}

/// The columns of an entity, in their order: its key, when it started, its parent, its attributes.
pub fn of_entity(entity: &Entity) -> Vec<(String, Type)> {
    let mut columns = vec![(entity.key.clone(), Type::String), (STARTED_AT.to_owned(), Type::Timestamp)];
    columns.extend(entity.parent.as_ref().map(|(_, column)| (column.clone(), Type::String)));
    columns.extend(entity.attributes.iter().map(|attribute| (attribute.name.clone(), attribute.ty)));
    columns
}

/// Returns the column that a name means among the events that were read; none where it means nothing of them.
pub fn column_of_events(name: &Name) -> Option<String> {
    match name {
        Name::Event(role) => Some(role_of_events(*role).to_owned()),
        Name::Column(name) => Some(column_name(name)),
        Name::Property(path) => Some(property_name(path)),
        Name::AsOf
        | Name::Fact(_)
        | Name::Entity { .. }
        | Name::Reach(_)
        | Name::PopulationReachedAt
        | Name::Kpi(_) => None,
    }
}

/// What the column of a role is called among the events that were read.
pub fn role_of_events(role: EventRole) -> &'static str {
    match role {
        EventRole::Id => "event_id",
        EventRole::Entity => "entity",
        EventRole::Name => "event_name",
        EventRole::Time => "event_time",
    }
}

/// Returns the column that a name means among the facts that were read; none where it means nothing of them.
pub fn column_of_facts(name: &Name) -> Option<String> {
    match name {
        Name::Fact(role) => Some(role_of_facts(*role).to_owned()),
        Name::Column(name) => Some(column_name(name)),
        Name::AsOf
        | Name::Event(_)
        | Name::Property(_)
        | Name::Entity { .. }
        | Name::Reach(_)
        | Name::PopulationReachedAt
        | Name::Kpi(_) => None,
    }
}

/// What the column of a role is called among the facts that were read.
pub fn role_of_facts(role: FactRole) -> &'static str {
    match role {
        FactRole::Key => "fact_key",
        FactRole::Entity => "entity",
        FactRole::Time => "fact_time",
    }
}

/// What the column with the start of an entity is called, whatever the raw one is.
pub const STARTED_AT: &str = "started_at";

/// Returns the column that a name means among the rows of an entity; none where it means nothing of them.
pub fn column_of_entity(entity: &Entity, name: &Name) -> Option<String> {
    let Name::Entity { entity: of, column } = name else { return None };
    if *of != entity.meta.name {
        return None;
    }
    match column {
        EntityColumn::Key => Some(entity.key.clone()),
        EntityColumn::Start => Some(STARTED_AT.to_owned()),
        EntityColumn::Parent => entity.parent.as_ref().map(|(_, column)| column.clone()),
        EntityColumn::Attribute(name) => Some(name.clone()),
    }
}

/// The columns by which the first of several rows of one event counts, in this order; nulls come last. Behind its time and its
/// entity all that is declared, whatever of it somebody needs, but where nothing is read but what comes before.
pub fn rank_of_events(source: &Source, events: &Events) -> Vec<String> {
    let mut order: Vec<String> =
        [EventRole::Time, EventRole::Entity].into_iter().map(|role| role_of_events(role).to_owned()).collect();
    let SourceRows::Events { properties, .. } = &source.rows else { return order };
    if events.reads_all(source) {
        let mut columns: Vec<&String> = source.columns.iter().map(|column| &column.name).collect();
        columns.sort_unstable();
        let mut paths: Vec<&Path> = properties.iter().flat_map(|properties| properties.types.keys()).collect();
        paths.sort_unstable();
        order.extend(columns.into_iter().map(|name| column_name(name)));
        order.extend(paths.into_iter().map(property_name));
    }
    order
}

/// The columns by which the first of several facts of one key counts, in this order; nulls come last. The order in which
/// columns are declared is none of it.
pub fn rank_of_facts(source: &Source) -> Vec<String> {
    let time = source.time().into_iter().map(|_| role_of_facts(FactRole::Time).to_owned());
    let entity = source.entity().into_iter().map(|_| role_of_facts(FactRole::Entity).to_owned());
    let mut declared: Vec<String> = source.columns.iter().map(|column| column_name(&column.name)).collect();
    declared.sort_unstable();
    time.chain(entity).chain(declared).collect()
}

/// The columns by which the first of several rows of one key of an entity counts, in this order; nulls come last.
pub fn rank_of_entity(entity: &Entity) -> Vec<String> {
    let start = entity.start.iter().map(|_| STARTED_AT.to_owned());
    let parent = entity.parent.iter().map(|(_, parent)| parent.clone());
    let mut declared: Vec<String> = entity.attributes.iter().map(|attribute| attribute.name.clone()).collect();
    declared.sort_unstable();
    start.chain(parent).chain(declared).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::plan::columns::{LONGEST, property_name};
    use crate::semantic::name::Path;

    #[test]
    fn every_path_has_a_legal_name_of_its_own() {
        let paths: &[&[&str]] = &[
            &["method"],
            &["plan", "tier"],
            &["plan.tier"],
            &["plan__tier"],
            &["plan_tier"],
            &["Plan", "tier"],
            &["planTier"],
            &["plantier"],
            &["PlanTier"],
            &["$browser"],
            &["browser"],
            &["_browser"],
            &["browser_"],
            &["utm/source"],
            &["utm source"],
            &["tags[]"],
            &["a\"b"],
            &["a\\b"],
            &["*"],
            &["é"],
            &["_TABLE_x"],
        ];
        let long = "x".repeat(400);
        let names: Vec<String> = paths
            .iter()
            .map(|keys| property_name(&Path::new(keys.iter().copied())))
            .chain([property_name(&Path::new([&long])), property_name(&Path::new([&long, &long]))])
            .collect();
        assert_eq!(names[..2], ["property_method", "property_plan__tier"]);
        assert_eq!(names[9], "property__browser___c45c52d91294");
        let folded: BTreeSet<String> = names.iter().map(|name| name.to_lowercase()).collect();
        assert_eq!(folded.len(), names.len(), "{names:#?}");
        for name in names {
            assert!(name.len() <= LONGEST, "{name}");
            assert!(name.chars().all(|each| each.is_ascii_alphanumeric() || each == '_'), "{name}");
        }
    }
}
