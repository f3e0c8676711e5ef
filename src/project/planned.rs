//! What the language is to have and has not yet: `docs/language.md` shows it as planned.

use crate::language::Table;

/// The tables.
const TABLES: &[&str] = &["feature", "segment", "funnel", "curve", "comparison", "rule", "check"];

/// The keys of tables that there are.
const KEYS: &[(Table, &str)] = &[
    (Table::Milestone, "not_before"),
    (Table::Milestone, "clock"),
    (Table::Milestone, "rolling"),
    (Table::Milestone, "until"),
    (Table::Milestone, "capture"),
    (Table::Kpi, "time"),
    (Table::Kpi, "alive"),
    (Table::Kpi, "trailing"),
    (Table::Kpi, "minimum"),
    (Table::Score, "terms"),
    (Table::Score, "range"),
    (Table::Score, "keep"),
    (Table::Source, "pii"),
    (Table::Source, "refers"),
    (Table::Entity, "pii"),
    (Table::Entity, "refers"),
];

/// The tables whose definitions expressions are to name by paths: `milestone.activated.reached`, `feature.invites`.
const IN_EXPRESSIONS: &[&str] = &["milestone", "feature", "segment", "score"];

/// What is said of all of it.
pub const HELP: &str = "planned, not built yet: see docs/language.md";

/// Tells whether a table is planned.
pub fn is_table(name: &str) -> bool {
    TABLES.contains(&name)
}

/// Tells whether expressions are to name definitions of a table.
pub fn is_in_expressions(table: &str) -> bool {
    IN_EXPRESSIONS.contains(&table)
}

/// Tells whether a key is planned; `what` is what has it in messages: `[milestone.activated]`, or a table in that.
pub fn is_key(what: &str, name: &str) -> bool {
    let table = what.rsplit('[').next().and_then(|header| header.split('.').next()).and_then(Table::named);
    KEYS.iter().any(|(of, key)| *key == name && table == Some(*of))
}
