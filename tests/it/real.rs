//! Real logs: what Milepost makes of them equals values that were worked out without SQL.
//!
//! `tests/real/README.md` says what the projects are and where the values come from. The logs are not in the repository:
//! where they are missing, these tests say so loudly and do nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use duckdb::Connection;
use milepost::diagnostic::Diagnostics;
use milepost::render::Place;
use milepost::render::dialect::Dialect;

use crate::extent;

const JULY: &str = "2026-07-01 00:00:00.000000";
/// A commit happens exactly then, and a window of 30 days ends exactly then.
const EDGE: &str = "2023-01-09 18:09:12.000000";

#[expect(clippy::print_stderr, reason = "a test that does nothing says so")]
fn real_data() -> Option<PathBuf> {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let folder = std::env::var_os("MILEPOST_REAL_DATA").map_or_else(default, PathBuf::from);
    if folder.join("contributors/events.parquet").exists() {
        return Some(folder.canonicalize().unwrap());
    }
    eprintln!("*** SKIPPED: no real data in {} (MILEPOST_REAL_DATA names the folder)", folder.display());
    None
}

/// Builds a project of `tests/real` in a database in memory.
fn build(project: &str, data: &Path, as_of: &str) -> Connection {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real").join(project);
    let environment = BTreeMap::from([("MILEPOST_REAL_DATA".to_owned(), data.display().to_string())]);
    let mut diagnostics = Diagnostics::default();
    let loaded = milepost::project::load::load(&root, environment, &mut diagnostics).unwrap();
    let model = milepost::semantic::resolve(&loaded, &mut diagnostics).unwrap();
    let plan = milepost::plan::plan(&model);
    let place = Place {
        dialect: Dialect::named("duckdb").unwrap(),
        schema: "milepost".to_owned(),
        as_of: as_of.to_owned(),
        stand_ins: BTreeMap::new(),
        blanks: None,
    };
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(&format!("SET file_search_path = '{}'", root.display())).unwrap();
    for (_, statement) in milepost::render::render(&plan, &model, &loaded.sources, &place, &mut diagnostics) {
        connection.execute_batch(&statement.sql).unwrap_or_else(|error| panic!("{}: {error}", statement.node));
    }
    assert!(!diagnostics.has_errors());
    connection
}

fn texts(connection: &Connection, sql: &str) -> Vec<Vec<Option<String>>> {
    let mut statement = connection.prepare(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    let mut rows = statement.query([]).unwrap();
    let mut all = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        let columns = row.as_ref().column_count();
        all.push((0..columns).map(|column| row.get::<_, Option<String>>(column).unwrap()).collect());
    }
    all
}

/// Compares every milestone's figures, in the columns that `milestones.csv` gives for it.
fn milestones(connection: &Connection, expected: &Path, as_of: &str) -> Vec<String> {
    let file = expected.join("milestones.csv").display().to_string();
    let read = format!("read_csv('{file}', all_varchar = true)");
    let columns: Vec<String> = texts(connection, &format!("SELECT column_name FROM (DESCRIBE FROM {read})"))
        .into_iter()
        .map(|row| row[0].clone().unwrap())
        .collect();
    let mut wrong = Vec::new();
    for row in texts(connection, &format!("FROM {read}")) {
        let name = row[0].clone().unwrap();
        let view = format!("milepost.milestone_{name}");
        let key =
            texts(connection, &format!("SELECT column_name FROM (DESCRIBE {view}) LIMIT 1"))[0][0].clone().unwrap();
        let digest = |value: &str| {
            format!("md5(string_agg({key} || '=' || coalesce({value}::VARCHAR, ''), chr(10) ORDER BY {key}))")
        };
        let sum = |column: &str| format!("(coalesce(sum(epoch_us({column})), 0) % 1000000000000000)::VARCHAR");
        let figures: BTreeMap<&str, String> = BTreeMap::from([
            ("rows", "count(*)::VARCHAR".to_owned()),
            ("reached", "count(reached_at)::VARCHAR".to_owned()),
            (
                "mature",
                format!("(count(*) FILTER (WHERE closes_at IS NULL OR closes_at <= TIMESTAMP '{as_of}'))::VARCHAR"),
            ),
            ("anchor_sum", sum("anchor_at")),
            ("closes_sum", sum("closes_at")),
            ("reached_sum", sum("reached_at")),
            ("count_sum", "coalesce(sum(count), 0)::BIGINT::VARCHAR".to_owned()),
            ("total_sum", "coalesce(sum(progress), 0)::BIGINT::VARCHAR".to_owned()),
            ("reached_md5", digest("epoch_us(reached_at)")),
            ("reached_id_md5", digest("reached_id")),
            ("count_md5", digest("count")),
        ]);
        for (column, value) in columns.iter().zip(&row).filter(|(_, value)| value.is_some()) {
            let Some(figure) = figures.get(column.as_str()) else { continue };
            let got = &texts(connection, &format!("SELECT {figure} FROM {view} WHERE anchor_at IS NOT NULL"))[0][0];
            if got != value {
                wrong.push(format!("{name}.{column}: {got:?} instead of {value:?}"));
            }
        }
    }
    wrong
}

/// Compares every KPI row by row, floats to a relative 1e-12: the values are rounded once, interpolation may round twice.
fn kpis(connection: &Connection, expected: &Path) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut files: Vec<PathBuf> = std::fs::read_dir(expected).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files {
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        if !name.starts_with("kpi_") {
            continue;
        }
        let near = |column: &str| {
            format!(
                "(e.{column} IS NULL OR abs(g.{column} - e.{column}::DOUBLE) <= 1e-12 * greatest(1, abs(e.{column}::DOUBLE)))"
            )
        };
        let differences = texts(
            connection,
            &format!(
                "SELECT coalesce(e.period, g.period::VARCHAR, ''), coalesce(e.segment, g.segment, ''), coalesce(g.value::VARCHAR, 'absent'), coalesce(e.value, 'absent')
                 FROM milepost.{name} g FULL JOIN read_csv('{}', all_varchar = true) e
                   ON coalesce(e.period, '') = coalesce(g.period::VARCHAR, '') AND coalesce(e.segment_by, '') = coalesce(g.segment_by, '')
                   AND coalesce(e.segment, '') = coalesce(g.segment, '')
                 -- The time of nobody has no row there.
                 WHERE (e.kpi IS NULL AND NOT (g.n = 0 AND g.value IS NULL AND g.numerator IS NULL)) OR g.kpi IS NULL OR NOT coalesce({} AND {} AND {} AND {} AND {}, FALSE)
                 ORDER BY ALL LIMIT 5",
                file.display(),
                near("numerator"),
                near("denominator"),
                near("value"),
                near("n"),
                near("immature"),
            ),
        );
        wrong.extend(differences.into_iter().map(|row| format!("{name}: {row:?}")));
    }
    wrong
}

/// Compares the milestones whose rows are all given.
fn rows(connection: &Connection, expected: &Path) -> Vec<String> {
    let mut wrong = Vec::new();
    for entry in std::fs::read_dir(expected).unwrap() {
        let file = entry.unwrap().path();
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        if !name.starts_with("milestone_") {
            continue;
        }
        let instant = |column: &str| format!("strftime({column}, '%Y-%m-%dT%H:%M:%S.%fZ')");
        let key = texts(connection, &format!("SELECT column_name FROM (DESCRIBE milepost.{name}) LIMIT 1"))[0][0]
            .clone()
            .unwrap();
        // The first column is the entity's key, whatever the file calls it.
        let given = format!("(SELECT #1 AS key, * FROM read_csv('{}', all_varchar = true))", file.display());
        let made = format!(
            "(SELECT {key} AS key, {} AS anchor_at, {} AS reached_at, {} AS closes_at, count::VARCHAR AS count, progress::BIGINT::VARCHAR AS total,
               (closes_at IS NULL OR closes_at <= TIMESTAMP '{JULY}')::VARCHAR AS mature FROM milepost.{name} WHERE anchor_at IS NOT NULL)",
            instant("anchor_at"),
            instant("reached_at"),
            instant("closes_at"),
        );
        // A column that is blank throughout is not asserted: README.md says why.
        let asserted: Vec<&str> = ["anchor_at", "reached_at", "closes_at", "count", "total", "mature"]
            .into_iter()
            .filter(|column| {
                texts(connection, &format!("SELECT count({column})::VARCHAR FROM {given}"))[0][0].as_deref()
                    != Some("0")
            })
            .collect();
        let columns = format!("key, {}", asserted.join(", "));
        let differences = texts(
            connection,
            &format!(
                "(SELECT {columns} FROM {made} EXCEPT SELECT {columns} FROM {given}) UNION ALL (SELECT {columns} FROM {given} EXCEPT SELECT {columns} FROM {made}) LIMIT 5"
            ),
        );
        wrong.extend(differences.into_iter().map(|row| format!("{name}: {row:?}")));
    }
    wrong
}

fn check(project: &str, folder: &str, as_of: &str) {
    if project.contains("_xl") && !extent::all("the log of sixteen repositories") {
        return;
    }
    let Some(data) = real_data() else { return };
    let connection = build(project, &data, as_of);
    let expected = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real").join(project).join(folder);
    let mut wrong = milestones(&connection, &expected, as_of);
    wrong.extend(kpis(&connection, &expected));
    if as_of == JULY {
        wrong.extend(rows(&connection, &expected));
    }
    assert!(wrong.is_empty(), "{project}/{folder}:\n{}", wrong.join("\n"));
}

#[test]
fn contributors_equal_the_independent_values() {
    check("contributors", "expected", JULY);
}

#[test]
fn contributors_equal_them_at_a_moment_on_a_boundary() {
    check("contributors", "expected_edge", EDGE);
}

#[test]
fn contributors_xl_equal_the_independent_values() {
    check("contributors_xl", "expected", JULY);
}

#[test]
fn contributors_xl_equal_them_at_a_moment_on_a_boundary() {
    check("contributors_xl", "expected_edge", EDGE);
}

#[test]
fn rows_without_ids_are_told_apart_by_entity_name_and_time() {
    check("contributors_xl_keyless", "expected", JULY);
}

/// Each row twice, the second time an hour later under the same id: nothing may change.
#[test]
fn duplicates_by_id_change_nothing() {
    let Some(data) = real_data() else { return };
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("contributors")).unwrap();
    let connection = Connection::open_in_memory().unwrap();
    let (from, to) = (data.join("contributors"), folder.path().join("contributors"));
    connection
        .execute_batch(&format!(
            "COPY (FROM read_parquet('{0}/events.parquet') UNION ALL BY NAME
               SELECT * REPLACE (timestamp + INTERVAL 1 HOUR AS timestamp) FROM read_parquet('{0}/events.parquet')
             ) TO '{1}/events.parquet';
             COPY (FROM read_parquet('{0}/users.parquet')) TO '{1}/users.parquet'",
            from.display(),
            to.display()
        ))
        .unwrap();
    drop(connection);
    let connection = build("contributors", folder.path(), JULY);
    let expected = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real/contributors/expected");
    let wrong = milestones(&connection, &expected, JULY);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
