//! Relations in capitals, for who writes names without quotes: by a target's choice, where the warehouse reads such names so.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use milepost::check::Checked;
use milepost::compile;
use milepost::diagnostic::Diagnostics;
use milepost::render::dialect::{Dialect, Options};

use crate::cases::{self, place};
use crate::cli::milepost;

/// Returns the SQL of relations, by name.
fn by_name(statements: &[Checked]) -> BTreeMap<&str, &str> {
    statements.iter().map(|made| (made.node(), made.sql())).collect()
}

/// Returns the quoted names in a statement, but for raw columns, and the statement without them.
fn names(sql: &str) -> (Vec<String>, String) {
    let (mut names, mut rest, mut left) = (Vec::new(), String::new(), sql);
    while let Some(at) = left.find(['"', '\'', '\n']) {
        let (before, after) = left.split_at(at);
        rest.push_str(before);
        let end = match after.as_bytes()[0] {
            b'"' => {
                let end = 1 + after[1..].find('"').unwrap() + 1;
                if rest.ends_with("source_rows.") {
                    rest.push_str(&after[..end]);
                } else {
                    names.push(after[..end].to_owned());
                }
                end
            }
            // A string, whose quotes are doubled; or a comment.
            b'\'' => {
                let end = 1 + after[1..].find('\'').unwrap() + 1;
                rest.push_str(&after[..end]);
                end
            }
            _ => {
                let end = if after.starts_with("\n--") { 1 + after[1..].find('\n').unwrap() } else { 1 };
                rest.push_str(&after[..end]);
                end
            }
        };
        left = &after[end..];
    }
    rest.push_str(left);
    (names, rest)
}

#[test]
fn all_that_is_made_is_in_capitals_and_all_that_is_read_as_it_was() {
    let plain = Dialect::named("snowflake").unwrap();
    let upper = plain.with(Options { in_capitals: true, ..Options::default() }).unwrap();
    for case in cases::all() {
        let (project, analysis) = (&case.project, case.analysis());
        let model = &analysis.model;
        let origins = model
            .sources
            .iter()
            .map(|source| &source.origin)
            .chain(model.entities.iter().filter_map(|e| e.origin.as_ref()));
        // And what a raw row is given besides, before anything is made of it.
        let mut raw: BTreeSet<String> = origins
            .filter_map(|origin| origin.table.as_deref())
            .flat_map(|table| table.split('.'))
            .map(|part| format!("\"{part}\""))
            .collect();
        raw.insert("\"milepost_document\"".to_owned());
        let made = compile(analysis, &place(analysis, upper), &mut Diagnostics::default()).unwrap();
        let made: Vec<Checked> = made.into_values().collect();
        let (was, is) = (by_name(case.compiled(plain).unwrap()), by_name(&made));
        assert!(was.keys().eq(is.keys()));
        for (node, sql) in &is {
            // A comment may have a quote in it.
            let code = |sql: &str| sql.lines().filter(|line| !line.starts_with("--")).collect::<Vec<_>>().join("\n");
            let ((before, rest_before), (after, rest_after)) = (names(&code(was[node])), names(&code(sql)));
            assert_eq!(rest_before, rest_after, "{}: {node}", project.display());
            let raw_columns_or_made = |(before, after): (&String, &String)| {
                *after == before.to_ascii_uppercase() || (raw.contains(before) && before == after)
            };
            assert_eq!(before.len(), after.len());
            for pair in before.iter().zip(&after) {
                assert!(raw_columns_or_made(pair), "{}: {node}: {pair:?}", project.display());
            }
        }
    }
}

/// A project with a target whose keys are `target`.
fn project(folder: &Path, target: &str) {
    fs::create_dir(folder.join("models")).unwrap();
    fs::write(
        folder.join("project.toml"),
        format!("[project]\nname = \"p\"\nas_of = \"2026-03-01\"\n\n[target.prod]\n{target}\n"),
    )
    .unwrap();
    let definitions = "[entity.user]\ntable = \"RAW.Users\"\nkey = \"USER_ID\"\nstart = \"Created_At\"\n\n\
                       [source.events]\ntable = \"RAW.EVENTS\"\nentity = \"USER_ID\"\nname = \"NAME\"\ntime = \"AT\"\n\n\
                       [milestone.opened]\nevent = \"opened\"\n";
    fs::write(folder.join("models/all.toml"), definitions).unwrap();
}

#[test]
fn a_target_chooses_capitals_and_time_travel() {
    let folder = tempfile::tempdir().unwrap();
    let keys = "dialect = \"snowflake\"\ndatabase = \"analytics\"\nschema = \"milepost\"\nnames = \"upper\"\ntime_travel = true";
    project(folder.path(), keys);
    let output = milepost(&["compile"]).current_dir(folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let compiled = folder.path().join("target/compiled/snowflake/p/entity_user.sql");
    let compiled =
        if compiled.exists() { compiled } else { folder.path().join("target/compiled/snowflake/entity_user.sql") };
    let sql = fs::read_to_string(compiled).unwrap();
    let head = "CREATE OR REPLACE TRANSIENT TABLE \"ANALYTICS\".\"MILEPOST\".\"ENTITY_USER\" \
                DATA_RETENTION_TIME_IN_DAYS = 1 COPY GRANTS COPY TAGS AS";
    assert!(sql.contains(head), "{sql}");
    assert!(
        sql.contains("source_rows.\"Created_At\"") && sql.contains("FROM \"RAW\".\"Users\" AS source_rows"),
        "{sql}"
    );
}

#[test]
fn a_warehouse_without_the_choice_says_so() {
    let folder = tempfile::tempdir().unwrap();
    project(folder.path(), "dialect = \"bigquery\"\nproject = \"p\"\nnames = \"upper\"\ntime_travel = false");
    let output = milepost(&["check"]).current_dir(folder.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("bigquery has no choice of `names`") && !said.contains("time_travel` "), "{said}");
}
