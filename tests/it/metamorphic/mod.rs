//! The law: the rows of a definition are a function of that definition, of what it refers to, of the data and of the
//! moment. So they stay as they are whatever else is defined, in whatever order and files, however the data are divided
//! into files, and on however many threads.
//!
//! Held against every case and the example. A few definitions of each project are run alone; all of them with
//! `MILEPOST_METAMORPHIC=all`, and more projects that are put together from parts. With the name of a case, all of that.

mod moments;
mod project;
mod unrelated;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use milepost::language::Id;
use milepost::plan::part::part;
use tempfile::TempDir;

use crate::cases::{each, projects};
use crate::extent;
use crate::functions::dialects;
use crate::metamorphic::project::{Definition, Ground, Meant, Rows, difference, project};

/// How many definitions of a project are run alone.
const ALONE: usize = 3;

/// How many projects are put together from parts of one.
const PARTS: usize = 1;

/// What is asked for: `all`, or a project by its name.
fn asked() -> Option<String> {
    std::env::var("MILEPOST_METAMORPHIC").ok()
}

fn all() -> bool {
    asked().is_some()
}

fn example() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The cases, and the example.
fn subjects() -> Vec<PathBuf> {
    subjects_among(&["one_meaning"])
}

/// The cases, and the example; those that are `few` where not all is asked for.
fn subjects_among(few: &[&str]) -> Vec<PathBuf> {
    let mut subjects = projects("cases");
    subjects.push(example());
    if let Some(name) = asked().filter(|asked| asked != "all") {
        subjects.retain(|root| root.ends_with(&name));
    }
    if asked().is_none() && !extent::all("the law on every case but one") {
        subjects.retain(|root| few.iter().any(|name| root.ends_with(name)));
    }
    assert!(!subjects.is_empty(), "no project of that name");
    subjects
}

fn meaning(ground: &Ground, definitions: Vec<Definition>) -> Meant {
    let read = ground.meaning(&[definitions]);
    read.unwrap_or_else(|refused| panic!("{}: {refused}", ground.name))
}

fn assert_same(ground: &Ground, what: &str, expected: &Rows, found: &Rows) {
    if let Some(difference) = difference(expected, found) {
        panic!("{}, {what}: {difference}", ground.name);
    }
}

#[test]
fn order_and_files_change_no_statement() {
    each(&subjects(), |root| {
        let (ground, definitions) = project(root);
        let straight = meaning(&ground, definitions.clone());
        let one_file = meaning(&ground, definitions.iter().rev().cloned().collect());
        let files: Vec<Vec<Definition>> = definitions.iter().rev().map(|each| vec![each.clone()]).collect();
        let many_files = ground.meaning(&files).unwrap();
        for dialect in dialects() {
            let expected = straight.sql(dialect);
            for (what, other) in [("in reverse", &one_file), ("in reverse, in a file each", &many_files)] {
                let found = other.sql(dialect);
                assert_eq!(expected.keys().collect::<Vec<_>>(), found.keys().collect::<Vec<_>>(), "{}", ground.name);
                for (name, sql) in &expected {
                    assert!(*sql == found[name], "{}, {what}: {name}\n{sql}\n---- and\n{}", ground.name, found[name]);
                }
            }
        }
    });
}

#[test]
fn threads_and_files_of_data_change_no_row() {
    each(&subjects(), |root| {
        let (mut ground, definitions) = project(root);
        let together = meaning(&ground, definitions.clone());
        let expected = together.read(&*together.run(1));
        assert_same(&ground, "on 8 threads", &expected, &together.read(&*together.run(8)));
        let parts = tempfile::tempdir().unwrap();
        ground.files = divided(root, &definitions, &parts);
        assert_same(&ground, "with data in two files", &expected, &meaning(&ground, definitions).rows());
    });
}

/// Divides each file of rows that is read into two, and says what is read instead.
fn divided(root: &Path, definitions: &[Definition], into: &TempDir) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for keys in definitions.iter().map(|own| &own.keys) {
        // Where records end in a file of another make is not known here.
        if let (Some(path), None) = (keys.get("path").and_then(toml::Value::as_str), keys.get("csv")) {
            divide(root, path, into, &mut files);
        }
    }
    files
}

fn divide(root: &Path, path: &str, into: &TempDir, files: &mut BTreeMap<String, String>) {
    if path.contains('*') {
        return;
    }
    let (header, ending) = match path.rsplit_once('.') {
        Some((_, "csv")) => (true, "csv"),
        Some((_, ending @ ("ndjson" | "jsonl"))) => (false, ending),
        _ => return,
    };
    let Ok(text) = fs::read_to_string(root.join(path)) else { return };
    let mut records = records(&text).into_iter();
    let first = if header { records.next().unwrap_or_default() } else { String::new() };
    let mut parts = [first.clone(), first];
    for (number, record) in records.enumerate() {
        parts[number % 2].push_str(&record);
    }
    let folder = into.path().join(path.replace('/', "_"));
    fs::create_dir_all(&folder).unwrap();
    for (number, part) in parts.iter().enumerate() {
        fs::write(folder.join(format!("{number}.{ending}")), part).unwrap();
    }
    files.insert(path.to_owned(), folder.join(format!("*.{ending}")).display().to_string());
}

/// The lines of a text; a line does not end inside of quotes.
fn records(text: &str) -> Vec<String> {
    let mut records = Vec::new();
    let mut record = String::new();
    for line in text.split_inclusive('\n') {
        record.push_str(line);
        if record.matches('"').count().is_multiple_of(2) {
            records.push(std::mem::take(&mut record));
        }
    }
    if let Some(last) = records.last_mut().filter(|last| !last.ends_with('\n')) {
        last.push('\n');
    }
    records
}

#[test]
fn each_definition_alone_has_the_rows_that_it_has_among_others() {
    each(&subjects(), |root| {
        let (ground, definitions) = project(root);
        let together = meaning(&ground, definitions.clone());
        let (expected, lineage) = (together.rows(), together.made_of());
        let chosen: Vec<&Definition> = definitions.iter().filter(|each| is_measured(each)).collect();
        // Spread over the project, so that each kind comes up; at least one.
        let every = if all() { 1 } else { chosen.len().div_ceil(ALONE).max(1) };
        for own in chosen.iter().skip(every / 2).step_by(every) {
            let alone = with_what_they_name(&definitions, [own.id()], &lineage);
            let found = meaning(&ground, alone).rows();
            assert_same(&ground, &format!("{} alone", own.id()), &expected, &found);
        }
        let mut dice = Dice(chosen.len() as u64);
        for _ in 0..if all() { 20 * PARTS } else { PARTS } {
            let few: Vec<String> = (0..4).map(|_| chosen[dice.below(chosen.len())].id()).collect();
            let mut part = with_what_they_name(&definitions, few.clone(), &lineage);
            for place in (1..part.len()).rev() {
                part.swap(place, dice.below(place + 1));
            }
            let found = meaning(&ground, part).rows();
            assert_same(&ground, &format!("of {}", few.join(", ")), &expected, &found);
        }
    });
}

/// Numbers that look random, and are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }
}

fn is_measured(definition: &Definition) -> bool {
    matches!(definition.kind.as_str(), "milestone" | "kpi" | "score")
}

/// Returns the ground and the definitions with these ids, with all that those are made of.
fn with_what_they_name(
    definitions: &[Definition],
    ids: impl IntoIterator<Item = String>,
    lineage: &BTreeMap<String, Vec<String>>,
) -> Vec<Definition> {
    let mut open: Vec<String> = ids.into_iter().collect();
    let mut wanted: BTreeSet<String> = BTreeSet::new();
    while let Some(id) = open.pop() {
        if wanted.insert(id.clone()) {
            open.extend(lineage[&id].iter().cloned());
        }
    }
    definitions.iter().filter(|each| !is_measured(each) || wanted.contains(&each.id())).cloned().collect()
}

#[test]
fn unrelated_definitions_change_no_row() {
    each(&subjects(), |root| {
        let (ground, definitions) = project(root);
        let together = meaning(&ground, definitions.clone());
        let expected = together.rows();
        // What is implied where there is one of it is written out, before there are two.
        let explicit = unrelated::explicit(&definitions, together.model());
        let added = unrelated::definitions(&explicit, together.model());
        let all = [added, explicit.clone()].concat();
        assert_same(&ground, "with others above it", &expected, &meaning(&ground, all).rows());
        for own in unrelated::refused(&explicit, together.model()) {
            match ground.meaning(&[[&explicit[..], std::slice::from_ref(&own)].concat()]) {
                Err(why) => assert!(why.contains("[bad-name]") || why.contains("[aliased-event]"), "{why}"),
                // Were it let through, the law would hold for it, too.
                Ok(meant) => {
                    let among = meant.rows();
                    assert_same(&ground, &format!("with {}", own.id()), &expected, &among);
                    let mut alone: Vec<Definition> =
                        explicit.iter().filter(|each| !is_measured(each)).cloned().collect();
                    alone.push(own.clone());
                    assert_same(&ground, &format!("{} alone", own.id()), &among, &meaning(&ground, alone).rows());
                }
            }
        }
    });
}

// Nothing is written out here: what is implied is implied where there is one candidate, and refused where there are two.
#[test]
fn another_entity_or_source_changes_no_row_or_is_refused() {
    // `one_meaning` has an entity that is made of its members, `milestone_structures` a parent, and `dedupe` many logs.
    each(&subjects_among(&["one_meaning", "milestone_structures", "dedupe"]), |root| {
        let (ground, definitions) = project(root);
        let together = meaning(&ground, definitions.clone());
        let expected = together.rows();
        for own in unrelated::candidates(&definitions, together.model()) {
            let what = format!("with {}", own.id());
            match ground.meaning(&[[&definitions[..], &[own]].concat()]) {
                Ok(meant) => assert_same(&ground, &what, &expected, &meant.rows()),
                Err(why) => {
                    let codes = ["[ambiguous-entity]", "[ambiguous-source]", "[ambiguous-members]"];
                    assert!(codes.iter().any(|code| why.contains(code)), "{}, {what}: {why}", ground.name);
                }
            }
        }
    });
}

// What `--select` takes is `part`; what the program does besides belongs here too.
#[test]
fn a_part_that_is_run_after_the_whole_changes_no_other_row() {
    each(&subjects(), |root| {
        let (ground, definitions) = project(root);
        let together = meaning(&ground, definitions.clone());
        let database = together.run(2);
        let expected = together.read(&*database);
        let explicit = unrelated::explicit(&definitions, together.model());
        let added = unrelated::definitions(&explicit, together.model());
        let one_more = meaning(&ground, [added.clone(), explicit].concat());
        let milestones = added.iter().filter(|own| own.kind == "milestone");
        let selected: BTreeSet<Id> = milestones.filter_map(|own| Id::parse(&own.id())).collect();
        one_more.run_in(&*database, &part(&one_more.analysis.plan, &selected), 2);
        assert_same(&ground, "after a run of what was added", &expected, &together.read(&*database));
    });
}

#[test]
fn a_milestone_that_is_added_changes_only_what_holds_it() {
    let (ground, definitions) = project(&example());
    let before = meaning(&ground, definitions.clone());
    let keys = "event = \"document_shared\"\nwithin = \"1d\"\nwhere = \"time < timestamp '2026-03-01'\"\n";
    let keys = keys.parse().unwrap();
    let added = Definition::new("milestone", "aaa_shared_by_link", keys);
    let after = meaning(&ground, [&[added], &definitions[..]].concat());
    for dialect in dialects() {
        let (before, after) = (before.sql(dialect), after.sql(dialect));
        let changed: Vec<&str> =
            after.iter().filter(|(name, sql)| before.get(*name) != Some(*sql)).map(|(name, _)| name.as_str()).collect();
        let holders = ["milestone_aaa_shared_by_link", "milestones", "occurrences__user__events__count__0"];
        assert_eq!(changed, holders, "{}", dialect.name());
        assert!(before.keys().all(|name| after.contains_key(name)));
    }
}
