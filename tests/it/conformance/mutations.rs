//! That the cases would notice: for each trap between warehouses what says the portable form says the obvious one, and the
//! rows of a case have to change.
//!
//! `tests/mutations.toml` has them: an entry of a dialect, a template or a relation of the plan says something else, and the
//! case is compiled again. Most are executed on DuckDB; where the obvious form is right there, on Google's reference
//! implementation, and without it this says what it skipped.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use milepost::check::check;
use milepost::diagnostic::Diagnostics;
use milepost::plan::node::{Materialization, Plan};
use milepost::plan::relational::scalar::Scalar;
use milepost::plan::relational::{Body, Relation};
use milepost::render::dialect::Dialect;
use milepost::render::{Place, Statement, render};
use milepost::run::unit;
use milepost::semantic::expr::{BinaryOperator, ExprKind};
use milepost::semantic::moment;
use milepost::suite::stage::{Stage, Within};
use milepost::warehouse::{self, Rows};
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
    /// What says the obvious form.
    instead: Vec<Instead>,
    /// The relations that change, all of them that are compared.
    #[serde(default)]
    changes: BTreeSet<String>,
    /// A part of what the engine says where it refuses the obvious form.
    fails: Option<String>,
}

/// One place that says how something is computed, and what it says instead.
#[derive(Debug, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Instead {
    /// A whole entry of the dialect, by `section.name`.
    Entry { entry: String, sql: String },
    /// What stands in such an entry once.
    OfEntry { entry: String, of: String, by: String },
    /// What stands in a template once.
    OfTemplate { template: String, of: String, by: String },
    /// Relations of the plan, by a name of [`OF_THE_PLAN`].
    Plan { plan: String },
}

/// What changes a plan.
type Change = fn(&mut Plan);

/// The changes of a plan, by their names.
const OF_THE_PLAN: &[(&str, Change)] = &[
    ("a percentile is the lower of two values", lower_of_two),
    ("how many are open is what was counted", open_as_counted),
];

impl Mutation {
    /// Tells whether that is what was said to change: something.
    fn is_caught(&self, found: &Result<BTreeSet<String>, String>) -> bool {
        match (found, &self.fails) {
            (Ok(changes), None) => !changes.is_empty() && *changes == self.changes,
            (Err(error), Some(part)) => error.contains(part) && self.changes.is_empty(),
            (Ok(_), Some(_)) | (Err(_), None) => false,
        }
    }

    /// Returns the dialect that says it, which the program keeps.
    fn dialect(&self) -> &'static Dialect {
        let mut dialect = DialectText::read(self.engine.dialect().name());
        let mut templates = BTreeMap::new();
        for instead in &self.instead {
            match instead {
                Instead::Entry { entry, sql } => {
                    assert_ne!(dialect.get(entry), *sql, "`{entry}` says that already");
                    dialect.set(entry, sql);
                }
                Instead::OfEntry { entry, of, by } => {
                    let text = dialect.get(entry);
                    dialect.set(entry, &once(&text, of, by));
                }
                Instead::OfTemplate { template, of, by } => {
                    let text = templates.remove(template).unwrap_or_else(|| file(&format!("templates/{template}")));
                    templates.insert(template, once(&text, of, by));
                }
                Instead::Plan { .. } => {}
            }
        }
        let dialect =
            templates.iter().fold(dialect.dialect(), |dialect, (name, text)| dialect.with_template(name, text));
        Box::leak(Box::new(dialect))
    }

    /// Returns the plan of a case, as it is changed.
    fn plan(&self, case: &Case) -> Plan {
        let mut plan = milepost::plan::plan(&case.analysis.model);
        for instead in &self.instead {
            if let Instead::Plan { plan: name } = instead {
                let change = OF_THE_PLAN.iter().find(|(known, _)| known == name);
                change.unwrap_or_else(|| panic!("nothing changes a plan so that {name}")).1(&mut plan);
            }
        }
        plan
    }
}

/// Replaces a part of a text, which stands there once.
fn once(text: &str, of: &str, by: &str) -> String {
    assert_eq!(text.matches(of).count(), 1, "it stands there once: {of}\n\n{text}");
    text.replacen(of, by, 1)
}

/// Reads a file of the repository.
fn file(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path))
        .unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The file of a dialect, and the one that it is read over.
struct DialectText {
    name: String,
    own: toml::Table,
    portable: toml::Table,
}

impl DialectText {
    fn read(name: &str) -> Self {
        let table = |name: &str| file(&format!("dialects/{name}.toml")).parse().unwrap();
        Self { name: name.to_owned(), own: table(name), portable: table("portable") }
    }

    /// Returns what an entry says: the dialect's own, else the portable one.
    fn get(&self, entry: &str) -> String {
        let text = |table: &toml::Table| {
            let mut keys = entry.split('.');
            let first = table.get(keys.next()?)?;
            let found = keys.try_fold(first, |value, key| value.get(key))?;
            Some(found.get("sql").unwrap_or(found).as_str()?.to_owned())
        };
        text(&self.own).or_else(|| text(&self.portable)).unwrap_or_else(|| panic!("there is no entry `{entry}`"))
    }

    /// Has the dialect say something else: with an entry of its own where it had none.
    fn set(&mut self, entry: &str, text: &str) {
        let (section, name) = entry.rsplit_once('.').expect("an entry is in a section");
        let own = &mut self.own;
        let section = section.split('.').fold(own, |table, key| {
            let inner = table.entry(key).or_insert_with(|| toml::Table::new().into());
            inner.as_table_mut().expect("a section is a table")
        });
        if let Some(toml::Value::String(said)) = section.get_mut(name) {
            text.clone_into(said);
        } else {
            let said = toml::Table::from_iter([("sql".to_owned(), text.into())]);
            section.insert(name.to_owned(), said.into());
        }
    }

    fn dialect(&self) -> Dialect {
        Dialect::read(&self.name, &self.own.to_string(), &self.portable.to_string()).unwrap()
    }
}

/// Changes the value of a column of relations, by their name behind what they are made for.
fn change(plan: &mut Plan, relation: &str, column: &str, change: fn(&Scalar) -> Option<Scalar>) {
    let mut changed = 0;
    for query in plan.nodes.iter_mut().filter_map(|node| node.query.as_mut()) {
        let is_it = |found: &&mut Relation| found.name.as_ref().is_some_and(|name| name.ends_with(relation));
        for found in query.relations_mut().filter(is_it) {
            let place = found.columns.iter().position(|found| *found.name == *column);
            let (Body::Select(select), Some(place)) = (&mut found.body, place) else { continue };
            if let Some(value) = change(&select.values[place]) {
                select.values[place] = value;
                changed += 1;
            }
        }
    }
    assert!(changed > 0, "no `{column}` of a `{relation}` was computed as it is to be changed");
}

/// Takes what is below the place of a percentile, and nothing of what is above.
fn lower_of_two(plan: &mut Plan) {
    change(plan, "member_values", "numerator", |value| {
        let ExprKind::Binary(BinaryOperator::Add, low, _) = &value.kind else { return None };
        Some((**low).clone())
    });
}

/// Takes what was counted of those who are open, and no zero where nothing was.
fn open_as_counted(plan: &mut Plan) {
    change(plan, "combined", "immature", |value| {
        let ExprKind::Call(function, values) = &value.kind else { return None };
        values.first().filter(|_| function == "coalesce").cloned()
    });
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "lowercase")]
enum Where {
    Duckdb,
    Googlesql,
}

impl Where {
    fn dialect(self) -> &'static Dialect {
        match self {
            Where::Duckdb => executed(),
            Where::Googlesql => Dialect::named("bigquery").expect("it is built in"),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    mutation: Vec<Mutation>,
}

/// Makes a case by a dialect and a plan, and returns which of its relations are not as expected.
fn changed(
    case: &Case,
    place: Where,
    googlesql: Option<&GoogleSql>,
    dialect: &'static Dialect,
    plan: &Plan,
) -> Result<BTreeSet<String>, String> {
    let found = match place {
        Where::Duckdb => on_duckdb(case, dialect, plan),
        Where::Googlesql => {
            let engine = googlesql.expect("it was started");
            let given = case.given.iter().map(|(name, rows)| (name.clone(), typed(engine.dialect(), rows)));
            engine.relations_of(case, &given.collect::<Vec<_>>(), &compiled(case, dialect, plan)).map(|made| match made
            {
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

/// Compiles a plan of a case. What does not parse is for the engine to refuse.
fn compiled(case: &Case, dialect: &'static Dialect, plan: &Plan) -> Vec<Statement> {
    let schema = match dialect.name() {
        "bigquery" => crate::conformance::googlesql::SCHEMA,
        _ => "milepost",
    };
    let place = Place {
        dialect,
        schema: schema.to_owned(),
        as_of: moment::literal(case.as_of),
        stand_ins: BTreeMap::new(),
        blanks: None,
    };
    let mut diagnostics = Diagnostics::default();
    let statements = render(plan, &case.analysis.model, &case.analysis.project.sources, &place, &mut diagnostics);
    assert!(!diagnostics.has_errors(), "{}: {diagnostics:?}", case.name);
    statements.into_iter().map(|(_, statement)| statement).collect()
}

fn on_duckdb(case: &Case, dialect: &'static Dialect, plan: &Plan) -> Result<BTreeMap<String, Rows>, String> {
    let warehouse = warehouse::connect(&warehouse::in_memory(Path::new("").to_path_buf())).unwrap();
    let stage = Stage { warehouse: &*warehouse, dialect: executed(), schema: "milepost".to_owned() };
    let mut within = Within::new();
    for statement in compiled(case, dialect, plan) {
        let statement = check(statement, dialect).map_err(|refusal| refusal.reason)?;
        let node = plan.find(statement.node()).map(|id| plan.node(id));
        if node.is_some_and(|node| node.materialization == Materialization::Ephemeral) {
            within.insert(statement.node().to_owned(), statement.sql().to_owned());
            continue;
        }
        warehouse.execute(&statement).map_err(|error| format!("{}: {error}", statement.node()))?;
    }
    let compared = plan.nodes.iter().filter(|node| Case::is_compared(node));
    compared.map(|node| Ok((node.name.clone(), stage.read(node, &within)?))).collect()
}

#[test]
fn the_obvious_form_of_each_trap_changes_the_rows_of_a_case() {
    if !crate::extent::all("the obvious form of each trap") {
        return;
    }
    let File { mutation: mutations } =
        toml::from_str(&file("tests/mutations.toml")).unwrap_or_else(|error| panic!("mutations.toml: {error}"));
    let traps: BTreeSet<u8> = mutations.iter().map(|mutation| mutation.trap).collect();
    assert_eq!(traps, (1..=TRAPS).collect(), "each trap has a mutation");
    let googlesql = googlesql();
    let mut cases = BTreeMap::new();
    let mut right = BTreeSet::new();
    let mut wrong = Vec::new();
    for mutation in &mutations {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(&mutation.case);
        let case = cases.entry(&mutation.case).or_insert_with(|| case(mutation.case.clone(), &folder));
        let changed = |dialect, plan: &Plan| changed(case, mutation.engine, googlesql.as_ref(), dialect, plan);
        let (dialect, plan) = (mutation.dialect(), mutation.plan(case));
        if mutation.engine == Where::Googlesql && googlesql.is_none() {
            continue;
        }
        if right.insert((&mutation.case, mutation.engine)) {
            let found = changed(mutation.engine.dialect(), &case.analysis.plan);
            assert_eq!(found, Ok(BTreeSet::new()), "{}: without a mutation", mutation.case);
        }
        let found = changed(dialect, &plan);
        if !mutation.is_caught(&found) {
            wrong.push(format!(
                "trap {}, {}: {found:?} change, and not {:?}",
                mutation.trap, mutation.naive, mutation.changes
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
