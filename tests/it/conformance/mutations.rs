//! That the cases would notice: for each trap between warehouses the SQL of a case is replaced by the obvious form, and
//! the rows have to change.
//!
//! `tests/mutations.toml` has them. Most are executed on DuckDB; where the obvious form is right there, on Google's
//! reference implementation, and without it this says what it skipped.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use milepost::check::check;
use milepost::diagnostic::Diagnostics;
use milepost::plan::node::Materialization;
use milepost::render::{Place, Statement};
use milepost::run::unit;
use milepost::semantic::moment;
use milepost::suite::stage::{Stage, Within};
use milepost::warehouse::{self, Rows};
use regex::Regex;
use serde::Deserialize;

use crate::conformance::engine::{Engine, Made, googlesql, typed};
use crate::conformance::googlesql::GoogleSql;
use crate::conformance::{Case, case};
use crate::functions::executed;

/// How many traps there are.
const TRAPS: u8 = 25;

/// A portable form, and the obvious one that it is there instead of.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mutation {
    /// The number of the trap, as in `tests/it/traps.rs`.
    trap: u8,
    /// What is changed, for people.
    naive: String,
    /// The folder of the case in `tests/cases`.
    case: String,
    /// Where the obvious form gives other rows.
    engine: Where,
    /// Regular expressions and what replaces what they match; each matches somewhere in the SQL of the case.
    edits: Vec<(String, String)>,
    /// The relations that change, all of them that are compared.
    #[serde(default)]
    changes: BTreeSet<String>,
    /// A part of what the engine says where it refuses the obvious form.
    fails: Option<String>,
}

impl Mutation {
    /// Tells whether that is what was said to change: something.
    fn is_caught(&self, found: &Result<BTreeSet<String>, String>) -> bool {
        match (found, &self.fails) {
            (Ok(changes), None) => !changes.is_empty() && *changes == self.changes,
            (Err(error), Some(part)) => error.contains(part) && self.changes.is_empty(),
            (Ok(_), Some(_)) | (Err(_), None) => false,
        }
    }
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "lowercase")]
enum Where {
    Duckdb,
    Googlesql,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    mutation: Vec<Mutation>,
}

/// Makes a case by SQL that was edited, and returns which of its relations are not as expected.
fn changed(
    case: &Case,
    place: Where,
    googlesql: Option<&GoogleSql>,
    edit: &dyn Fn(&str) -> String,
) -> Result<BTreeSet<String>, String> {
    let found = match place {
        Where::Duckdb => on_duckdb(case, edit),
        Where::Googlesql => {
            let engine = googlesql.expect("it was started");
            let given = case.given.iter().map(|(name, rows)| (name.clone(), typed(engine.dialect(), rows)));
            engine.relations_of(case, &given.collect::<Vec<_>>(), edit).map(|made| match made {
                Made::Relations(relations) => relations,
                Made::Legal | Made::Nothing | Made::ByTheProgram => panic!("{}: too many rows", case.name),
            })
        }
    };
    let differs = |found: BTreeMap<String, Rows>| {
        let expected = case.expected.iter();
        let wrong = expected.filter(|(name, rows)| !unit::agree(rows, &found[*name]).text(name).is_empty());
        wrong.map(|(name, _)| name.clone()).collect()
    };
    found.map(differs)
}

fn on_duckdb(case: &Case, edit: &dyn Fn(&str) -> String) -> Result<BTreeMap<String, Rows>, String> {
    let warehouse = warehouse::connect(&warehouse::in_memory(Path::new("").to_path_buf())).unwrap();
    let stage = Stage { warehouse: &*warehouse, dialect: executed(), schema: "milepost".to_owned() };
    let place = Place {
        dialect: executed(),
        schema: stage.schema.clone(),
        as_of: moment::literal(case.as_of),
        stand_ins: BTreeMap::new(),
    };
    let mut within = Within::new();
    for statement in milepost::compile(&case.analysis, &place, &mut Diagnostics::default()).expect("it compiles") {
        let edited = Statement { node: statement.node().to_owned(), sql: edit(statement.sql()), origin: None };
        let edited = check(edited, executed()).map_err(|refusal| refusal.reason)?;
        let node = case.analysis.plan.find(statement.node()).map(|id| case.analysis.plan.node(id));
        if node.is_some_and(|node| node.materialization == Materialization::Ephemeral) {
            within.insert(edited.node().to_owned(), edited.sql().to_owned());
            continue;
        }
        warehouse.execute(&edited).map_err(|error| format!("{}: {error}", statement.node()))?;
    }
    let compared = case.analysis.plan.nodes.iter().filter(|node| Case::is_compared(node));
    compared.map(|node| Ok((node.name.clone(), stage.read(node, &within)?))).collect()
}

#[test]
fn the_obvious_form_of_each_trap_changes_the_rows_of_a_case() {
    if !crate::extent::all("the obvious form of each trap") {
        return;
    }
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let text = std::fs::read_to_string(tests.join("mutations.toml")).unwrap();
    let File { mutation: mutations } = toml::from_str(&text).unwrap_or_else(|error| panic!("mutations.toml: {error}"));
    let traps: BTreeSet<u8> = mutations.iter().map(|mutation| mutation.trap).collect();
    assert_eq!(traps, (1..=TRAPS).collect(), "each trap has a mutation");
    let googlesql = googlesql();
    let mut cases = BTreeMap::new();
    let mut right = BTreeSet::new();
    let mut wrong = Vec::new();
    for mutation in &mutations {
        let made = || case(mutation.case.clone(), &tests.join("cases").join(&mutation.case));
        let case = cases.entry(&mutation.case).or_insert_with(made);
        let changed = |edit: &dyn Fn(&str) -> String| changed(case, mutation.engine, googlesql.as_ref(), edit);
        if mutation.engine == Where::Googlesql && googlesql.is_none() {
            continue;
        }
        if right.insert((&mutation.case, mutation.engine)) {
            assert_eq!(changed(&str::to_owned), Ok(BTreeSet::new()), "{}: without a mutation", mutation.case);
        }
        let edits: Vec<(Regex, &String)> =
            mutation.edits.iter().map(|(portable, naive)| (Regex::new(portable).unwrap(), naive)).collect();
        let unused = RefCell::new((0..edits.len()).collect::<BTreeSet<_>>());
        let edit = |sql: &str| {
            edits.iter().enumerate().fold(sql.to_owned(), |sql, (place, (portable, naive))| {
                if portable.is_match(&sql) {
                    unused.borrow_mut().remove(&place);
                }
                portable.replace_all(&sql, naive.as_str()).into_owned()
            })
        };
        let found = changed(&edit);
        let unused = unused.take();
        if !unused.is_empty() {
            wrong.push(format!("trap {}, {}: edits {unused:?} match nothing", mutation.trap, mutation.naive));
        } else if !mutation.is_caught(&found) {
            wrong.push(format!(
                "trap {}, {}: {found:?} change, and not {:?}",
                mutation.trap, mutation.naive, mutation.changes
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
