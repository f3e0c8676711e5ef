//! The one reading of a log: what it is does not depend on who else reads it.

use std::collections::BTreeMap;

use milepost::diagnostic::Diagnostics;
use milepost::plan::node::Relation;
use milepost::render::Place;
use milepost::render::dialect::Dialect;
use milepost::{Analysis, analyze, compile};

const LOG: &str = r#"
[project]
name = "log"
[entity.user]
table = "raw.users"
key = "user_id"
start = "started_at"
[source.events]
table = "raw.events"
id = "event_id"
entity = "user_id"
name = "event_name"
time = "occurred_at"
"#;

fn analyzed(project: &str) -> Analysis {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("models")).unwrap();
    std::fs::write(folder.path().join("project.toml"), project).unwrap();
    analyze(folder.path(), BTreeMap::new(), &mut Diagnostics::default()).unwrap()
}

/// Returns the statement of the relation of events, and that of the occurrences.
fn statements(project: &str, dialect: &'static Dialect) -> [String; 2] {
    let analysis = analyzed(project);
    let as_of = "2026-03-01 00:00:00.000000".to_owned();
    let place = Place { dialect, schema: "milepost".to_owned(), as_of, stand_ins: BTreeMap::new(), blanks: None };
    let statements = compile(&analysis, &place, &mut Diagnostics::default()).unwrap();
    let of = |wanted: fn(&Relation) -> bool| {
        let is_it = |(id, _): &(&milepost::plan::node::NodeId, &_)| wanted(&analysis.plan.node(**id).relation);
        statements.iter().find(is_it).map(|(_, statement)| statement.sql().to_owned()).unwrap()
    };
    [
        of(|relation| matches!(relation, Relation::Events(_))),
        of(|relation| matches!(relation, Relation::Occurrences(_))),
    ]
}

fn dialect(name: &str) -> &'static Dialect {
    Dialect::named(name).unwrap()
}

/// What an empty name is called as by an alias is no event, whether all names are read or the listed ones.
#[test]
fn a_row_without_a_name_is_no_event_by_an_alias_either() {
    let aliases = "aliases = { signup = [\"sign_up\", \"\"] }\n[milestone.signup]\nevent = \"signup\"\n";
    let [alone, _] = statements(&format!("{LOG}{aliases}"), dialect("duckdb"));
    assert!(alone.contains("AND typed.\"event_name\" <> ''"), "{alone}");
    let [plain, _] = statements(&format!("{LOG}[milestone.signup]\nevent = \"signup\"\n"), dialect("duckdb"));
    assert!(!plain.contains("<> ''\n"), "{plain}");
}

/// A row of nobody is of nobody where the relation of events is read by itself, as unit tests do, whoever else reads it.
#[test]
fn events_by_themselves_have_no_empty_key() {
    let own = "duplicates = \"keep\"\n[milestone.signup]\nevent = \"signup\"\n";
    let [alone, within] = statements(&format!("{LOG}{own}"), dialect("duckdb"));
    let empty = "NULLIF(CAST(source_rows.\"user_id\" AS VARCHAR), '')";
    assert!(alone.contains(empty), "{alone}");
    assert!(within.contains("CAST(source_rows.\"user_id\" AS VARCHAR)") && !within.contains(empty), "{within}");
}

/// A column that says where a row lies does not decide which of two rows of one event counts because a definition reads it.
#[test]
fn where_a_row_lies_does_not_decide_between_duplicates() {
    let columns = "columns = { z = \"int\", part = { column = \"_PARTITIONTIME\", type = \"timestamp\" } }\n";
    let one = "[milestone.one]\nevent = \"signup\"\nwhere = \"z > 0\"\n";
    let two = "[milestone.two]\nevent = \"signup\"\nwhere = \"part is not null\"\n";
    let order = |project: &str| {
        let [events, _] = statements(project, dialect("bigquery"));
        let (_, order) = events.split_once("ORDER BY").unwrap();
        order.split_once(") AS").unwrap().0.to_owned()
    };
    let alone = order(&format!("{LOG}{columns}{one}"));
    assert!(alone.contains("column_z"), "{alone}");
    assert_eq!(alone, order(&format!("{LOG}{columns}{one}{two}")));
}
