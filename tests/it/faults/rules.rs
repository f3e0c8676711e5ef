//! What a service refuses or does by a rule of its own that no parser knows and no stand-in has: for a server of ours, and
//! for all that is compiled.

use milepost::check::Checked;
use milepost::compile;
use milepost::diagnostic::Diagnostics;
use milepost::render::dialect::Dialect;

use crate::cases::{place, projects, read};

/// The characters that no column of BigQuery has in its name.
/// <https://docs.cloud.google.com/bigquery/docs/schemas#flexible-column-names>
const REFUSED: &str = "!\"$()*,./;?@[\\]^`{}~";

/// What no column's name begins with there, in whatever case.
/// <https://docs.cloud.google.com/bigquery/docs/schemas#column_names>
const RESERVED: &[&str] = &[
    "_table_",
    "_file_",
    "_partition",
    "_row_timestamp",
    "__root__",
    "_colidentifier",
    "_change_sequence_number",
    "_change_type",
];

/// Returns the quoted names of a statement.
fn quoted(sql: &str) -> Vec<&str> {
    let mut names = Vec::new();
    // A comment is a line of its own.
    let mut rest = if sql.starts_with("--") { sql.split_once('\n').map_or("", |(_, rest)| rest) } else { sql };
    // Strings come first: they may have a backtick in them. A name has none.
    while let Some(at) = rest.find(['`', '\'', '\n']) {
        let after = &rest[at + 1..];
        let end = match rest.as_bytes()[at] {
            b'`' => {
                let end = after.find('`').unwrap_or(after.len());
                names.push(&after[..end]);
                end + 1
            }
            b'\'' => end_of_string(after),
            _ if after.starts_with("--") => after.find('\n').unwrap_or(after.len()),
            _ => 0,
        };
        rest = after.get(end..).unwrap_or_default();
    }
    names
}

/// Returns where a string ends, behind its last quote.
fn end_of_string(text: &str) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\'' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Returns why BigQuery refuses to store a statement's columns, where it does.
pub(super) fn illegal_column(sql: &str) -> Option<String> {
    let is_illegal = |name: &&str| {
        let lower = name.to_lowercase();
        name.contains(|character: char| REFUSED.contains(character) || character.is_control())
            || name.chars().count() > 300
            || RESERVED.iter().any(|reserved| lower.starts_with(reserved))
    };
    let name = quoted(sql).into_iter().find(is_illegal)?;
    Some(format!("Invalid field name \"{name}\". Fields must contain only allowed characters"))
}

/// Tells whether a dataset's default of a partition's age holds for a table that a statement makes.
pub(super) fn takes_default_expiration(sql: &str) -> bool {
    sql.contains("\nPARTITION BY ") && !sql.contains("partition_expiration_days = ")
}

/// Returns why BigQuery refuses to read a table that is divided by `column` and wants a condition on it, where it does.
/// <https://docs.cloud.google.com/bigquery/docs/querying-partitioned-tables#isolate_the_partitioning_column_or_use_supported_functions>
#[cfg(feature = "bigquery")]
pub(super) fn unfiltered(sql: &str, table: &str, column: &str) -> Option<String> {
    let reads = sql.contains(&format!("`{}`", table.replace('.', "`.`")));
    // The bare column, and a constant after it.
    let compared = ["<", ">", "<=", ">=", "="].iter().any(|operator| {
        ["TIMESTAMP '", "DATETIME '", "DATE '"]
            .iter()
            .any(|constant| sql.contains(&format!("`{column}` {operator} {constant}")))
    });
    (reads && !compared).then(|| {
        format!(
            "Cannot query over table '{table}' without a filter over column(s) '{column}' that can be used for partition \
             elimination"
        )
    })
}

/// Compiles every case for a warehouse, and hands each statement on with the name of its case.
fn each_statement(dialect: &str, look: impl Fn(&str, &Checked)) {
    for project in projects("cases") {
        let analysis = read(&project);
        let place = place(&analysis, Dialect::named(dialect).unwrap());
        let statements = compile(&analysis, &place, &mut Diagnostics::default()).unwrap();
        let name = project.file_name().unwrap().to_string_lossy();
        statements.values().for_each(|statement| look(&name, statement));
    }
}

#[test]
fn what_is_compiled_keeps_the_rules_of_bigquery() {
    let divided = std::cell::Cell::new(0);
    each_statement("bigquery", |case, statement| {
        let sql = statement.sql();
        assert_eq!(illegal_column(sql), None, "{case}: {}", statement.node());
        assert!(!takes_default_expiration(sql), "{case}: {}", statement.node());
        divided.set(divided.get() + usize::from(sql.contains("\nPARTITION BY ")));
    });
    assert!(divided.get() > 1, "no case divides a table");
}

#[test]
fn what_is_compiled_lies_in_snowflake_as_it_is_read() {
    each_statement("snowflake", |case, statement| {
        // What is part of another statement lies nowhere.
        if !statement.sql().contains("CREATE OR REPLACE") {
            return;
        }
        let order = match statement.node().split('_').next() {
            Some("events") => "\nORDER BY \"event_name\", \"entity\"",
            Some("occurrences") => "\nORDER BY \"stream\", \"entity\"",
            Some("reached") => "\nORDER BY \"milestone\", \"entity\"",
            _ => return,
        };
        assert!(statement.sql().ends_with(order), "{case}: {}", statement.node());
    });
}

#[test]
fn the_rules_are_those_of_the_service() {
    assert_eq!(illegal_column("SELECT `a b's` AS `ü-1` FROM `p`.`d`.`t`\n-- `$`\nWHERE x = 'it\\'s `$`'"), None);
    for name in ["$set", "price($)", "utm/source", "tags[]", "e@work", "_PARTITIONTIME", "a.b"] {
        let sql = format!("SELECT '`' AS `{name}`");
        assert!(illegal_column(&sql).is_some(), "{name}");
    }
    assert!(takes_default_expiration("CREATE TABLE t\nPARTITION BY TIMESTAMP_TRUNC(a, DAY)\nAS"));
}

#[test]
fn a_run_as_of_a_moment_whose_rows_the_warehouse_has_deleted_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let targets = "[target.bq]\ndialect = \"bigquery\"\nproject = \"p\"\n[target.sf]\ndialect = \"snowflake\"\n";
    let project = format!("[project]\nname = \"p\"\nas_of = \"2020-01-01\"\n{targets}");
    std::fs::write(folder.path().join("project.toml"), project).unwrap();
    std::fs::create_dir(folder.path().join("models")).unwrap();
    let definitions = "[entity.user]\ntable = \"raw.users\"\nkey = \"id\"\nstart = \"at\"\n\
                       [source.events]\ntable = \"raw.events\"\nentity = \"id\"\nname = \"name\"\ntime = \"at\"\nretain = \"60d\"\n\
                       expire = true\n[milestone.opened]\nevent = \"opened\"\n";
    std::fs::write(folder.path().join("models/all.toml"), definitions).unwrap();
    let run = |target: &str| {
        let output = crate::cli::milepost(&["run", "--target", target]).current_dir(folder.path()).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let refused =
        "rows of `source.events` count that bigquery deletes: it has `expire = true`, which goes by the clock there";
    let (code, said) = run("bq");
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains(refused) && said.contains("take `expire` out of the source"), "{said}");
    // Elsewhere nothing is deleted, and what stops it is that there are no credentials.
    let (_, said) = run("sf");
    assert!(!said.contains("expire"), "{said}");
}
