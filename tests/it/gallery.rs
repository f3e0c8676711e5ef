//! The SQL that people read when it changes: a few statements of the cases, in every dialect.
//!
//! `tests/gallery/statements.txt` names them, a case and a relation a line. They are chosen so that each line that a
//! relation of a kind can begin with, in any case, is in one of them; what the other statements say with other names
//! and numbers is held by their rows. `MILEPOST_GALLERY=choose` chooses anew, and is only needed when the test says that
//! something is missing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use milepost::Analysis;
use milepost::check::{Checked, check};
use milepost::diagnostic::Diagnostics;
use milepost::plan::{Leaving, plan_leaving};
use milepost::render::dialect::Dialect;
use milepost::render::render_part;
use milepost::semantic::model::KpiIndex;

use crate::cases::{self, beside, place};
use crate::functions::{dialects, executed};

/// A relation of a case: the case's name, and the relation's.
type Exhibit = (String, String);

/// What a line is known by: the kind of its relation, and the first words of SQL's structure in it.
type Line = (String, String);

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gallery")
}

/// The words that SQL is put together with; what functions print is held by tests of their own.
const STRUCTURE: &[&str] = &[
    "ALL",
    "AND",
    "CASE",
    "COUNT",
    "CREATE",
    "CROSS",
    "DISTINCT",
    "ELSE",
    "END",
    "FROM",
    "GROUP",
    "IS",
    "JOIN",
    "LEAD",
    "LEFT",
    "MAX",
    "MIN",
    "ON",
    "OR",
    "ORDER",
    "OVER",
    "PARTITION",
    "ROWS",
    "ROW_NUMBER",
    "SELECT",
    "SUM",
    "TABLE",
    "UNION",
    "VALUES",
    "VIEW",
    "WHEN",
    "WHERE",
    "WITH",
];

/// The first two such words of each line of a statement, without names, texts, numbers and comments.
fn lines(kind: &str, sql: &str) -> BTreeSet<Line> {
    let mut lines = BTreeSet::new();
    for line in sql.lines().filter(|line| !line.trim_start().starts_with("--")) {
        let mut bare = String::new();
        let mut quoted = None;
        for character in line.chars() {
            match quoted {
                Some(end) if character == end => quoted = None,
                Some(_) => {}
                None if matches!(character, '\'' | '"' | '`') => quoted = Some(character),
                None => bare.push(character),
            }
        }
        let words = bare
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .filter(|word| word.len() > 1 && word.chars().all(|c| c.is_ascii_uppercase() || c == '_'));
        let first: Vec<&str> = words.filter(|word| STRUCTURE.contains(word)).take(2).collect();
        if !first.is_empty() && (kind != TOGETHER || first[0] == "UNION") {
            lines.insert((kind.to_owned(), first.join(" ")));
        }
    }
    lines
}

/// The statements of every case in a dialect, with the kinds of their relations; those of `wanted` at least.
fn statements(dialect: &'static Dialect, wanted: Option<&[Exhibit]>) -> BTreeMap<Exhibit, (String, Checked)> {
    let mut all = BTreeMap::new();
    for read in cases::all() {
        let (case, analysis) = (read.name(), read.analysis());
        let Ok(made) = read.compiled(dialect) else { continue };
        for (node, statement) in analysis.plan.nodes.iter().zip(made) {
            all.insert((case.clone(), node.name.clone()), (node.relation.kind().to_owned(), statement.clone()));
        }
        for kpi in (0..analysis.model.kpis.len()).map(KpiIndex) {
            let exhibit = (case.clone(), format!("cells:{}", analysis.model.kpi(kpi).meta.name));
            if wanted.is_none_or(|wanted| wanted.contains(&exhibit)) {
                all.insert(exhibit, (ALONE.to_owned(), alone(analysis, dialect, kpi)));
            }
        }
    }
    all
}

/// The kind of a statement that computes the cells of one KPI, and of one that computes those of several, which are the
/// same one after the other.
const ALONE: &str = "cells of one";
const TOGETHER: &str = "cells";

/// The statement of a table of cells as it is where a KPI lies in one alone.
fn alone(analysis: &Analysis, dialect: &'static Dialect, kpi: KpiIndex) -> Checked {
    let Analysis { project, model, .. } = analysis;
    let kpis = (0..model.kpis.len()).map(KpiIndex).filter(|other| *other != kpi).collect();
    let plan = plan_leaving(model, &Leaving { kpis, kept: BTreeSet::new() });
    let (part, mut diagnostics) = ([plan.cells_of(kpi)], Diagnostics::default());
    let made = render_part(&part, &plan, model, &project.sources, &place(analysis, dialect), &mut diagnostics);
    let (_, statement) = made.into_iter().next().expect("what compiles with others compiles alone");
    check(statement, dialect).expect("it parses")
}

/// Chooses the fewest and shortest statements that have each line, greedily.
fn choose(all: &BTreeMap<Exhibit, (String, Checked)>) -> Vec<Exhibit> {
    let of: BTreeMap<&Exhibit, (BTreeSet<Line>, usize)> = all
        .iter()
        .map(|(exhibit, (kind, statement))| (exhibit, (lines(kind, statement.sql()), statement.sql().lines().count())))
        .collect();
    let mut left: BTreeSet<&Line> = of.values().flat_map(|(lines, _)| lines).collect();
    let mut chosen = Vec::new();
    while !left.is_empty() {
        // New lines by length of the statement, compared without fractions.
        let gain = |(lines, length): &(BTreeSet<Line>, usize)| {
            1_000_000 * lines.iter().filter(|line| left.contains(line)).count() / length
        };
        let (best, (found, _)) = of.iter().max_by_key(|(_, entry)| gain(entry)).expect("something is left to find");
        chosen.push((*best).clone());
        left.retain(|line| !found.contains(*line));
    }
    chosen.sort();
    chosen
}

#[test]
fn each_line_of_sql_is_read_once_in_each_dialect() {
    let path = folder().join("statements.txt");
    let all = statements(executed(), None);
    if std::env::var("MILEPOST_GALLERY").is_ok_and(|wanted| wanted == "choose") {
        let text = choose(&all).iter().fold(String::new(), |mut text, (case, relation)| {
            let _ = writeln!(text, "{case} {relation}");
            text
        });
        fs::create_dir_all(folder()).unwrap();
        fs::write(&path, text).unwrap();
    }
    let listed = fs::read_to_string(&path).unwrap();
    let exhibits: Vec<Exhibit> = listed
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(case, relation)| (case.to_owned(), relation.to_owned()))
        .collect();
    let gone: Vec<&Exhibit> = exhibits.iter().filter(|exhibit| !all.contains_key(*exhibit)).collect();
    assert!(gone.is_empty(), "these are in tests/gallery/statements.txt and in no case: {gone:?}");
    let seen: BTreeSet<Line> =
        exhibits.iter().flat_map(|exhibit| lines(&all[exhibit].0, all[exhibit].1.sql())).collect();
    let unseen: BTreeMap<Line, &Exhibit> = all
        .iter()
        .flat_map(|(exhibit, (kind, statement))| {
            lines(kind, statement.sql()).into_iter().map(move |line| (line, exhibit))
        })
        .filter(|(line, _)| !seen.contains(line))
        .collect();
    assert!(
        unseen.is_empty(),
        "no statement of the gallery has these lines; add one that has, or choose anew: {unseen:#?}"
    );
    for dialect in dialects() {
        let all = statements(dialect, Some(&exhibits));
        let mut text = String::new();
        for exhibit in &exhibits {
            // What a dialect lacks is told by a test of its own.
            let Some((_, statement)) = all.get(exhibit) else { continue };
            let _ = writeln!(text, "-- case {}\n{};\n", exhibit.0, statement.sql());
        }
        beside(&folder(), || insta::assert_snapshot!(format!("{}.sql", dialect.name()), text));
    }
}
