//! The hashes of definitions: what is done to any key of any table changes the hash that it is to change, and no other.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use milepost::application::schema::schema;
use milepost::diagnostic::Diagnostics;
use milepost::language::{Id, Table};
use milepost::manifest::{definition_hash, spec_hash};
use milepost::{Analysis, analyze};
use serde_json::Value;

use crate::meaning::Change::{Meaning, Nothing, Spec};

/// Definitions with every key that there is.
const PROJECT: &str = include_str!("meaning.toml");

/// What a change of a key changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    /// The hash of the meaning, and so that of the whole.
    Meaning,
    /// The hash of the whole only: how rows are kept.
    Spec,
    /// Neither.
    Nothing,
}

/// By definition and key: what stands in the project, and what stands there instead.
const CHANGES: &[(&str, &str, &str, &str, Change)] = &[
    ("entity.user", "description", "\"Users\"", "\"People\"", Nothing),
    (
        "entity.user",
        "owner",
        "owner = \"growth\"\ntags = [\"people\"]",
        "owner = \"data\"\ntags = [\"people\"]",
        Nothing,
    ),
    ("entity.user", "tags", "[\"people\"]", "[\"humans\"]", Nothing),
    ("entity.user", "table", "raw.users", "raw.people", Meaning),
    ("entity.user", "path", "users.csv", "people.csv", Meaning),
    ("entity.user", "key", "key = \"user_id\"", "key = \"person_id\"", Meaning),
    ("entity.user", "start", "start = \"created_at\"\ntimezone", "start = \"began_at\"\ntimezone", Meaning),
    ("entity.user", "timezone", "Europe/Berlin\"\nattributes", "Asia/Tokyo\"\nattributes", Meaning),
    (
        "entity.user",
        "attributes",
        "{ plan = \"string\" }",
        "{ plan = { column = \"tier\", type = \"string\" } }",
        Meaning,
    ),
    ("entity.user", "parent", "account = \"account_id\" }", "account = \"company_id\" }", Meaning),
    (
        "entity.user",
        "where",
        "where = \"plan = 'pro'\"\n\n[source.events]",
        "where = \"plan = 'x'\"\n\n[source.events]",
        Meaning,
    ),
    ("entity.group", "members", "[\"visitor\", \"guest\"]", "[\"visitor\"]", Meaning),
    ("source.events", "description", "\"Events\"", "\"The log\"", Nothing),
    ("source.events", "owner", "owner = \"growth\"\ntags = [\"log\"]", "owner = \"data\"\ntags = [\"log\"]", Nothing),
    ("source.events", "tags", "[\"log\"]", "[\"raw\"]", Nothing),
    ("source.events", "table", "raw.events", "raw.log", Meaning),
    ("source.events", "path", "events.csv", "log.csv", Meaning),
    ("source.events", "id", "id = \"event_id\"", "id = \"uuid\"", Meaning),
    (
        "source.events",
        "entity",
        "entity = \"actor\"\nentity_type = \"user\"\nname",
        "entity = \"who\"\nentity_type = \"user\"\nname",
        Meaning,
    ),
    ("source.clicks", "entity_type", "entity_type = \"user\"\nevent", "entity_type = \"team\"\nevent", Meaning),
    ("source.events", "name", "event_name\"", "kind\"", Meaning),
    ("source.clicks", "event", "event = \"clicked\"\ntime", "event = \"click\"\ntime", Meaning),
    ("source.events", "time", "time = \"occurred_at\"\ntimezone", "time = \"at\"\ntimezone", Meaning),
    ("source.events", "timezone", "Europe/Berlin\"\nproperties", "Asia/Tokyo\"\nproperties", Meaning),
    ("source.events", "properties", "plan.tier = \"string\"", "\"plan.tier\" = \"string\"", Meaning),
    ("source.events", "columns", "{ amount = \"int\" }\naliases", "{ amount = \"float\" }\naliases", Meaning),
    ("source.events", "aliases", "[\"invite\"]", "[\"invite_sent\"]", Meaning),
    ("source.events", "event_name_style", "\"any\"", "\"snake_case\"", Nothing),
    ("source.events", "duplicates", "\"keep\"", "\"remove\"", Meaning),
    ("source.events", "retain", "400d", "300d", Meaning),
    ("source.events", "expire", "expire = true", "expire = false", Spec),
    ("source.events", "partition", "partition = \"day\"", "partition = \"month\"", Spec),
    ("source.events", "where", "amount > 1\"\n\n[source.clicks]", "amount > 0\"\n\n[source.clicks]", Meaning),
    (
        "source.orders",
        "kind",
        "kind = \"facts\"\ntable = \"raw.orders\"\nkey = \"order_id\"",
        "kind = \"events\"\nevent = \"ordered\"\ntable = \"raw.orders\"\nid = \"order_id\"",
        Meaning,
    ),
    ("source.events", "scan", "scan = \"amount > 0\"", "scan = \"amount > 1\"", Meaning),
    ("source.orders", "time", "time = \"ordered_at\"", "time = { column = \"ordered_at\", type = \"date\" }", Meaning),
    (
        "entity.team",
        "start",
        "start = \"created_at\"\n\n[entity.user]",
        "start = { column = \"created_at\", type = \"date\" }\n\n[entity.user]",
        Meaning,
    ),
    ("source.events", "csv", "\";\"", "\"|\"", Meaning),
    ("source.events", "folders", "[\"day\"]", "[\"month\"]", Meaning),
    ("entity.user", "csv", "\"%\"", "\"#\"", Meaning),
    ("entity.user", "folders", "[\"region\"]", "[\"country\"]", Meaning),
    ("source.orders", "key", "key = \"order_id\"", "key = \"id_of_order\"", Meaning),
    ("milestone.made", "title", "\"Made\"", "\"Created\"", Nothing),
    ("milestone.made", "description", "\"Made something\"", "\"Created something\"", Nothing),
    (
        "milestone.made",
        "owner",
        "owner = \"growth\"\ntags = [\"first\"]",
        "owner = \"data\"\ntags = [\"first\"]",
        Nothing,
    ),
    ("milestone.made", "tags", "[\"first\"]", "[\"second\"]", Nothing),
    ("milestone.theirs", "entity", "entity = \"user\"\nsource", "entity = \"account\"\nsource", Meaning),
    (
        "milestone.theirs",
        "source",
        "source = \"events\"\nevent = \"clicked\"\nsubject = \"properties.method\"",
        "source = \"clicks\"\nevent = \"clicked\"\nsubject = \"user\"",
        Meaning,
    ),
    ("milestone.made", "event", "event = \"made\"\nwhere", "event = \"created\"\nwhere", Meaning),
    ("milestone.made", "where", "amount > 2", "amount > 5", Meaning),
    ("milestone.theirs", "subject", "subject = \"properties.method\"", "subject = \"properties.plan.tier\"", Meaning),
    ("milestone.made", "at_least", "at_least = 2\nwithin", "at_least = 3\nwithin", Meaning),
    ("milestone.different", "distinct", "distinct = \"properties.method\"", "distinct = \"amount\"", Meaning),
    ("milestone.spent", "sum", "sum = \"amount\"", "sum = \"amount + 1\"", Meaning),
    ("milestone.made", "within", "\"7d\"", "\"8d\"", Meaning),
    ("milestone.made", "from", "from = \"signed\"\nafter", "from = \"opened\"\nafter", Meaning),
    ("milestone.made", "after", "after = \"opened\"", "after = \"signed\"", Meaning),
    ("milestone.made", "for", "plan = 'x'", "plan = 'y'", Meaning),
    ("milestone.made", "weight", "weight = 0.25", "weight = 0.5", Meaning),
    ("milestone.made", "tier", "\"primary\"", "\"secondary\"", Meaning),
    ("milestone.made", "gating", "gating = true", "gating = false", Meaning),
    ("milestone.all", "all_of", "all_of = [\"signed\", \"opened\"]", "all_of = [\"signed\", \"made\"]", Meaning),
    ("milestone.any", "any_of", "any_of = [\"signed\", \"opened\"]", "any_of = [\"signed\", \"made\"]", Meaning),
    ("milestone.some", "at_least_of", "count = 1", "count = 2", Meaning),
    (
        "milestone.then",
        "sequence",
        "sequence = [\"signed\", \"opened\"]",
        "sequence = [\"opened\", \"signed\"]",
        Meaning,
    ),
    ("milestone.none", "none_of", "none_of = [\"signed\", \"opened\"]", "none_of = [\"signed\"]", Meaning),
    ("milestone.together", "members", "members = \"signed\"", "members = \"opened\"", Meaning),
    ("kpi.orders", "title", "\"Orders\"", "\"All\"", Nothing),
    ("kpi.orders", "description", "\"All orders\"", "\"Every order\"", Nothing),
    ("kpi.orders", "owner", "owner = \"growth\"\ntags = [\"money\"]", "owner = \"data\"\ntags = [\"money\"]", Nothing),
    ("kpi.orders", "tags", "[\"money\"]", "[\"sales\"]", Nothing),
    ("kpi.orders", "unit", "unit = \"orders\"", "unit = \"pieces\"", Nothing),
    ("kpi.orders", "direction", "\"higher\"", "\"lower\"", Nothing),
    ("kpi.orders", "target", "target = 10", "target = 11", Nothing),
    ("kpi.orders", "grain", "grain = \"week\"\nby", "grain = \"day\"\nby", Meaning),
    ("kpi.orders", "by", "[\"plan\"]", "[\"user\"]", Meaning),
    ("kpi.cohorts", "cohort", "cohort = \"week\"\ninclude", "cohort = \"day\"\ninclude", Meaning),
    ("kpi.cohorts", "include_immature", "include_immature = true", "include_immature = false", Meaning),
    (
        "kpi.total",
        "kind",
        "kind = \"sum\"\nof = \"events\"\nvalue = \"amount\"",
        "kind = \"count\"\nof = \"events\"",
        Meaning,
    ),
    (
        "kpi.orders",
        "count.of",
        "of = \"events\"\nunit = \"orders\"\ndirection = \"higher\"\ntarget = 10\ngrain = \"week\"\nby = [\"plan\"]\nwhere = \"amount > 3\"\nevent = \"made\"",
        "of = \"orders_of_users\"\nunit = \"orders\"\ndirection = \"higher\"\ntarget = 10\ngrain = \"week\"\nby = [\"plan\"]\nwhere = \"amount > 3\"",
        Meaning,
    ),
    (
        "kpi.orders",
        "count.where",
        "where = \"amount > 3\"\nevent = \"made\"\ndistinct",
        "where = \"amount > 4\"\nevent = \"made\"\ndistinct",
        Meaning,
    ),
    (
        "kpi.orders",
        "count.event",
        "event = \"made\"\ndistinct = \"user\"",
        "event = \"other\"\ndistinct = \"user\"",
        Meaning,
    ),
    ("kpi.orders", "count.distinct", "distinct = \"user\"", "distinct = \"amount\"", Meaning),
    (
        "kpi.total",
        "sum.of",
        "of = \"events\"\nvalue = \"amount\"\nwhere = \"amount > 3\"\nevent = \"made\"",
        "of = \"orders_of_users\"\nvalue = \"amount\"\nwhere = \"amount > 3\"",
        Meaning,
    ),
    ("kpi.total", "sum.value", "value = \"amount\"\nwhere", "value = \"2 * amount\"\nwhere", Meaning),
    (
        "kpi.total",
        "sum.where",
        "where = \"amount > 3\"\nevent = \"made\"\ngrain",
        "where = \"amount > 4\"\nevent = \"made\"\ngrain",
        Meaning,
    ),
    ("kpi.total", "sum.event", "event = \"made\"\ngrain", "event = \"other\"\ngrain", Meaning),
    ("kpi.share", "ratio.numerator", "aggregate = \"sum\"", "aggregate = \"average\"", Meaning),
    (
        "kpi.share",
        "ratio.denominator",
        "denominator = { of = \"user\" }",
        "denominator = { of = \"account\" }",
        Meaning,
    ),
    (
        "kpi.cohorts",
        "conversion.of",
        "of = \"made\"\nfrom = \"signed\"\nwhere = \"plan = 'pro'\"\ncohort = \"week\"\ninclude",
        "of = \"opened\"\nfrom = \"signed\"\nwhere = \"plan = 'pro'\"\ncohort = \"week\"\ninclude",
        Meaning,
    ),
    (
        "kpi.cohorts",
        "conversion.from",
        "from = \"signed\"\nwhere = \"plan = 'pro'\"\ncohort = \"week\"\ninclude",
        "from = \"opened\"\nwhere = \"plan = 'pro'\"\ncohort = \"week\"\ninclude",
        Meaning,
    ),
    (
        "kpi.cohorts",
        "conversion.where",
        "where = \"plan = 'pro'\"\ncohort = \"week\"\ninclude",
        "where = \"plan = 'team'\"\ncohort = \"week\"\ninclude",
        Meaning,
    ),
    (
        "kpi.hours",
        "time_to.of",
        "of = \"made\"\nfrom = \"signed\"\nstatistic",
        "of = \"opened\"\nfrom = \"signed\"\nstatistic",
        Meaning,
    ),
    ("kpi.hours", "time_to.from", "from = \"signed\"\nstatistic", "from = \"opened\"\nstatistic", Meaning),
    ("kpi.hours", "time_to.statistic", "\"median\"", "\"mean\"", Meaning),
    ("kpi.hours", "unit", "unit = \"hour\"", "unit = \"day\"", Meaning),
    (
        "kpi.hours",
        "time_to.where",
        "where = \"plan = 'pro'\"\ncohort = \"week\"\n\n[kpi.twice]",
        "where = \"plan = 'x'\"\ncohort = \"week\"\n\n[kpi.twice]",
        Meaning,
    ),
    ("kpi.twice", "formula.value", "2 * total", "3 * total", Meaning),
    ("score.engagement", "title", "\"Engagement\"", "\"Use\"", Nothing),
    ("score.engagement", "description", "\"How engaged\"", "\"How much\"", Nothing),
    (
        "score.engagement",
        "owner",
        "owner = \"growth\"\ntags = [\"score\"]",
        "owner = \"data\"\ntags = [\"score\"]",
        Nothing,
    ),
    ("score.engagement", "tags", "[\"score\"]", "[\"points\"]", Nothing),
    // It can only say what the milestones say.
    ("score.engagement", "entity", "entity = \"user\"\nfrom", "from", Nothing),
    (
        "score.engagement",
        "from",
        "from = [\"signed\", \"opened\"]\nbands",
        "from = [\"made\", \"signed\"]\nbands",
        Meaning,
    ),
    ("score.engagement", "bands", "high = 0.5", "high = 0.6", Meaning),
    // Only what is checked.
    ("score.engagement", "scale", "scale = \"share\"", "scale = \"points\"", Nothing),
];

fn analysis(folder: &Path, project: &str) -> Analysis {
    fs::create_dir_all(folder.join("models")).unwrap();
    fs::write(folder.join("project.toml"), "[project]\nname = \"keys\"\n").unwrap();
    fs::write(folder.join("models/all.toml"), project.replace("orders_of_users", "orders")).unwrap();
    let mut diagnostics = Diagnostics::default();
    let analysis = analyze(folder, BTreeMap::new(), &mut diagnostics);
    analysis.unwrap_or_else(|_| panic!("{:?}", diagnostics.sorted()))
}

fn hashes(analysis: &Analysis, id: &str) -> (String, String) {
    let found = Id::parse(id).and_then(|id| analysis.model.find(&id));
    let definition = found.unwrap_or_else(|| panic!("no definition `{id}`"));
    (definition_hash(&analysis.model, definition), spec_hash(&analysis.model, definition))
}

#[test]
fn a_change_of_any_key_changes_the_right_hash() {
    let folder = tempfile::tempdir().unwrap();
    let before = analysis(folder.path(), PROJECT);
    for (id, key, old, new, change) in CHANGES {
        assert_eq!(PROJECT.matches(old).count(), 1, "{id}.{key}: `{old}` is to stand there once");
        let project = PROJECT.replacen(old, new, 1);
        // What weighs otherwise does not add up to 1, which is not asked of points.
        let after = analysis(folder.path(), &project.replace("scale = \"share\"", "scale = \"points\""));
        let ((meaning, spec), (new_meaning, new_spec)) = (hashes(&before, id), hashes(&after, id));
        let changed = match (meaning != new_meaning, spec != new_spec) {
            (true, true) => Meaning,
            (false, true) => Spec,
            (false, false) => Nothing,
            (true, false) => panic!("{id}.{key}: the hash of the whole misses the meaning"),
        };
        assert_eq!(changed, *change, "{id}.{key}");
    }
}

#[test]
fn every_key_of_every_table_is_changed() {
    let changed: BTreeSet<(&str, &str)> =
        CHANGES.iter().map(|(id, key, ..)| (id.split('.').next().unwrap(), *key)).collect();
    let schema = schema();
    let keys = |part: &Value| -> Vec<String> {
        let part = match part.get("$ref").and_then(Value::as_str) {
            Some(reference) => schema.pointer(reference.trim_start_matches('#')).unwrap(),
            None => part,
        };
        part["properties"].as_object().unwrap().keys().cloned().collect()
    };
    let mut missing = Vec::new();
    // The keys of a KPI are those of its kinds.
    for table in Table::DEFINITIONS.iter().filter(|table| **table != Table::Kpi).map(|table| table.name()) {
        for key in keys(&schema["properties"][table]["additionalProperties"]) {
            if !changed.contains(&(table, key.as_str())) {
                missing.push(format!("{table}.{key}"));
            }
        }
    }
    let kinds = schema.pointer("/properties/kpi/additionalProperties/allOf").unwrap().as_array().unwrap();
    for kind in kinds {
        let name = kind.pointer("/if/properties/kind/const").unwrap().as_str().unwrap();
        for key in keys(&kind["then"]) {
            let of_kind = format!("{name}.{key}");
            if !changed.contains(&("kpi", key.as_str())) && !changed.contains(&("kpi", of_kind.as_str())) {
                missing.push(format!("kpi {of_kind}"));
            }
        }
    }
    assert!(missing.is_empty(), "no change of {missing:?}");
}
