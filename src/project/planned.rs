//! What the language is to have and has not yet: `docs/language.md` shows it as planned.

/// The tables.
const TABLES: &[&str] = &["feature", "segment", "funnel", "curve", "comparison", "rule", "check"];

/// The keys of tables that there are.
const KEYS: &[(&str, &str)] = &[
    ("milestone", "not_before"),
    ("milestone", "clock"),
    ("milestone", "rolling"),
    ("milestone", "until"),
    ("milestone", "capture"),
    ("kpi", "time"),
    ("kpi", "alive"),
    ("kpi", "trailing"),
    ("kpi", "minimum"),
    ("score", "terms"),
    ("score", "range"),
    ("score", "keep"),
    ("source", "pii"),
    ("source", "refers"),
    ("entity", "pii"),
    ("entity", "refers"),
];

/// What is said of all of it.
pub const HELP: &str = "planned, not built yet: see docs/language.md";

/// Tells whether a table is planned.
pub fn is_table(name: &str) -> bool {
    TABLES.contains(&name)
}

/// Tells whether a key is planned; `what` is what has it in messages: `[milestone.activated]`, or a table in that.
pub fn is_key(what: &str, name: &str) -> bool {
    let table = what.rsplit('[').next().and_then(|header| header.split('.').next());
    KEYS.iter().any(|(of, key)| *key == name && table == Some(*of))
}
