//! Definitions that nobody refers to, made so that they get in the way of those that are there if they can: they count
//! the same rows in other windows, read other columns of them, and are called what something else might be called.

use milepost::semantic::model::{EventName, Model, Occurrences, Source, SourceRows};
use toml::{Table, Value};

use crate::metamorphic::project::Definition;

/// Writes out which source and which entity is meant, where that was left to there being one.
pub(super) fn explicit(definitions: &[Definition], model: &Model) -> Vec<Definition> {
    let named = |name: &str| {
        let milestone = model.milestones.iter().find(|milestone| milestone.meta.name == name);
        milestone.expect("it is of this model")
    };
    let write = |mut own: Definition| {
        let entity = match own.kind.as_str() {
            "source" => {
                let source = model.sources.iter().find(|source| source.meta.name == own.name).unwrap();
                source.entity().map(|(entity, _)| ("entity_type", *entity))
            }
            "milestone" => Some(("entity", named(&own.name).entity)),
            "score" => {
                let score = model.scores.iter().find(|score| score.meta.name == own.name).unwrap();
                Some(("entity", score.entity))
            }
            _ => None,
        };
        if let Some((key, entity)) = entity {
            own.keys.insert(key.to_owned(), Value::String(model.entity(entity).meta.name.clone()));
        }
        if own.kind == "milestone"
            && let Occurrences::Events { source, .. } = &named(&own.name).occurrences
        {
            own.keys.insert("source".to_owned(), Value::String(model.source(*source).meta.name.clone()));
        }
        own
    };
    definitions.iter().cloned().map(write).collect()
}

/// How many milestones of a project get others beside them.
const TWINS: usize = 8;

/// Makes the definitions.
pub(super) fn definitions(explicit: &[Definition], model: &Model) -> Vec<Definition> {
    let mut added = Vec::new();
    let counting = explicit.iter().filter(|own| own.kind == "milestone" && own.keys.contains_key("event"));
    for own in counting.take(TWINS) {
        // The same rows, in another window.
        let mut keys = own.keys.clone();
        for key in ["title", "description", "owner", "tags", "weight", "tier", "gating", "from", "after", "for"] {
            keys.remove(key);
        }
        keys.insert("within".to_owned(), Value::String("3h".to_owned()));
        added.push(Definition::new("milestone", &short("aaa", &own.name, "in_3h"), keys.clone()));
        keys.insert("within".to_owned(), Value::String("77d".to_owned()));
        if !keys.contains_key("sum") {
            keys.insert("at_least".to_owned(), Value::Integer(9));
        }
        added.push(Definition::new("milestone", &short("zzz", &own.name, "again"), keys.clone()));
        // Those rows as a stream of their own, beside that one.
        let narrow = "time >= timestamp '2000-01-01'";
        let condition = match own.keys.get("where").and_then(Value::as_str) {
            Some(condition) => format!("{narrow} and ({condition})"),
            None => narrow.to_owned(),
        };
        keys.insert("where".to_owned(), Value::String(condition));
        added.push(Definition::new("milestone", &short("aaa", &own.name, "narrow"), keys));
    }
    for source in &model.sources {
        let SourceRows::Events { aliases, properties, .. } = &source.rows else { continue };
        let name = &source.meta.name;
        let counts = |event: &str, condition: Option<String>| {
            let mut keys = Table::new();
            keys.insert("source".to_owned(), Value::String(name.clone()));
            keys.insert("event".to_owned(), Value::String(event.to_owned()));
            keys.extend(condition.map(|condition| ("where".to_owned(), Value::String(condition))));
            keys
        };
        added.push(Definition::new("milestone", &short("aaa", name, "any"), counts("*", None)));
        for (number, canonical) in aliases.keys().enumerate() {
            let keys = counts(canonical, None);
            added.push(Definition::new("milestone", &short("aaa", name, &format!("alias_{number}")), keys));
        }
        let columns = source.columns.iter().map(|column| column.name.clone());
        let paths = properties.iter().flat_map(|own| own.types.keys()).map(|path| format!("properties.{path}"));
        let is_plain = |path: &String| path.chars().all(|each| each.is_alphanumeric() || matches!(each, '_' | '.'));
        for (number, column) in columns.chain(paths).filter(is_plain).enumerate() {
            let keys = counts("*", Some(format!("{column} is null")));
            added.push(Definition::new("milestone", &short("zzz", name, &format!("reads_{number}")), keys));
        }
        let mut keys = Table::new();
        keys.insert("kind".to_owned(), Value::String("count".to_owned()));
        keys.insert("of".to_owned(), Value::String(name.clone()));
        keys.insert("grain".to_owned(), Value::String("day".to_owned()));
        added.push(Definition::new("kpi", &short("aaa", name, "events"), keys));
        let more = others(&[explicit, &added].concat(), model, source);
        added.extend(more.into_iter().flatten());
    }
    added
}

/// A name that a definition may have.
fn short(before: &str, name: &str, after: &str) -> String {
    let room = 48 - before.len() - after.len() - 2;
    format!("{before}_{}_{after}", name[..name.len().min(room)].trim_end_matches('_'))
}

/// An entity and a source of it that are called, one after the other, what the entity of `source` and `source` are; and
/// a milestone of theirs for each that counts events of `source`.
fn others(explicit: &[Definition], model: &Model, source: &Source) -> Option<Vec<Definition>> {
    let (index, _) = source.entity()?;
    let entity = model.entity(*index);
    let (entity_name, source_name) = match (source.meta.name.split_once('_'), entity.meta.name.rsplit_once('_')) {
        (Some((first, rest)), _) => (format!("{}_{first}", entity.meta.name), rest.to_owned()),
        (None, Some((first, last))) => (first.to_owned(), format!("{last}_{}", source.meta.name)),
        (None, None) => return None,
    };
    let is_free = |name: &str| explicit.iter().all(|own| own.name != name);
    let is_letter = |name: &str| name.starts_with(|first: char| first.is_ascii_lowercase());
    let names = [&entity_name, &source_name];
    if names.iter().any(|name| !is_free(name) || !is_letter(name)) || entity.origin.is_none() || entity.start.is_none()
    {
        return None;
    }
    let own = |kind: &str, name: &str| explicit.iter().find(|own| own.kind == kind && own.name == name);
    let mut new_entity = own("entity", &entity.meta.name)?.keys.clone();
    for key in ["parent", "attributes", "where"] {
        new_entity.remove(key);
    }
    let mut new_source = own("source", &source.meta.name)?.keys.clone();
    new_source.remove("where");
    new_source.insert("entity_type".to_owned(), Value::String(entity_name.clone()));
    let mut others =
        vec![Definition::new("entity", &entity_name, new_entity), Definition::new("source", &source_name, new_source)];
    let event = match &source.rows {
        SourceRows::Events { name: EventName::Constant(name), .. } => name.clone(),
        SourceRows::Events { .. } | SourceRows::Facts { .. } => "nothing_is_called_so".to_owned(),
    };
    for (number, key) in ["count", "distinct", "sum"].into_iter().enumerate() {
        let mut keys = Table::new();
        keys.insert("source".to_owned(), Value::String(source_name.clone()));
        keys.insert("entity".to_owned(), Value::String(entity_name.clone()));
        keys.insert("event".to_owned(), Value::String(event.clone()));
        match key {
            "distinct" => drop(keys.insert("distinct".to_owned(), Value::String("id".to_owned()))),
            "sum" => drop(keys.insert("sum".to_owned(), Value::String("1.5".to_owned()))),
            _ => {}
        }
        others.push(Definition::new("milestone", &short("aaa", &source.meta.name, &format!("other_{number}")), keys));
    }
    Some(others)
}

/// Makes entities and sources that might be taken for what a definition leaves out: members of each entity that acts, a
/// further one of each entity, another log beside each, and a table of one kind of event beside it. Each is added alone.
pub(super) fn candidates(definitions: &[Definition], model: &Model) -> Vec<Definition> {
    const ORIGIN: [&str; 5] = ["table", "path", "csv", "folders", "timezone"];
    let text = |text: &str| Value::String(text.to_owned());
    let own = |kind: &str, name: &str| definitions.iter().find(|own| own.kind == kind && own.name == name).unwrap();
    let mut candidates = Vec::new();
    for entity in model.entities.iter().filter(|entity| entity.origin.is_some() && entity.start.is_some()) {
        let keys = own("entity", &entity.meta.name).keys.clone();
        candidates.push(Definition::new("entity", &short("zzz", &entity.meta.name, "again"), keys));
    }
    for source in &model.sources {
        let name = &source.meta.name;
        let written = &own("source", name).keys;
        if let (Some((actor, column)), Some(key), Some(time)) = (source.entity(), source.key(), written.get("time"))
            && column != key
        {
            let mut keys: Table =
                ORIGIN.iter().filter_map(|key| Some(((*key).to_owned(), written.get(*key)?.clone()))).collect();
            keys.insert("key".to_owned(), text(key));
            keys.insert("start".to_owned(), time.clone());
            let parent = Table::from_iter([(model.entity(*actor).meta.name.clone(), text(column))]);
            keys.insert("parent".to_owned(), Value::Table(parent));
            candidates.push(Definition::new("entity", &short("zzz", name, "parts"), keys));
        }
        if !matches!(source.rows, SourceRows::Events { .. }) {
            continue;
        }
        // It has other rows, so that it would be seen if it were read in place of that one.
        let mut keys = written.clone();
        keys.insert("where".to_owned(), text("time < timestamp '1990-01-01'"));
        keys.insert("entity_type".to_owned(), text(&model.entity(source.entity().unwrap().0).meta.name));
        candidates.push(Definition::new("source", &short("zzz", name, "again"), keys.clone()));
        keys.remove("name");
        keys.remove("aliases");
        let counted = definitions.iter().filter(|own| own.kind == "milestone").filter_map(|own| own.keys.get("event"));
        let counted = counted.filter(|event| event.as_str().is_some_and(|event| event != "*"));
        for (number, event) in counted.take(3).enumerate() {
            keys.insert("event".to_owned(), event.clone());
            candidates.push(Definition::new("source", &short("zzz", name, &format!("only_{number}")), keys.clone()));
        }
    }
    candidates
}

/// Makes definitions that are refused, for they would get in the way: of the name that a compiler might make up for a step
/// of a sequence; with another name of an event, which rows have or have not by who else reads them.
pub(super) fn refused(explicit: &[Definition], model: &Model) -> Vec<Definition> {
    let mut refused = Vec::new();
    for own in explicit.iter().filter(|own| own.kind == "milestone") {
        let Some(parts) = own.keys.get("sequence").and_then(Value::as_array) else { continue };
        let first = parts[0].as_str().unwrap();
        let first = explicit.iter().find(|own| own.kind == "milestone" && own.name == first).unwrap();
        let name = format!("{}__step{}", own.name, parts.len());
        refused.push(Definition::new("milestone", &name, first.keys.clone()));
    }
    for source in &model.sources {
        let SourceRows::Events { aliases, .. } = &source.rows else { continue };
        let Some(other) = aliases.values().flatten().next() else { continue };
        let mut keys = Table::new();
        keys.insert("source".to_owned(), Value::String(source.meta.name.clone()));
        keys.insert("event".to_owned(), Value::String("*".to_owned()));
        keys.insert("where".to_owned(), Value::String(format!("name = '{other}'")));
        refused.push(Definition::new("milestone", &short("aaa", &source.meta.name, "called_so"), keys));
    }
    refused
}
