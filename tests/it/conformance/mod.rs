//! The same rows on every engine: each case is made on DuckDB, and on every stand-in of another warehouse that the
//! environment names, and all relations are compared, row by row.
//!
//! `tests/stand_ins/stand_ins.sh` starts the stand-ins and prints the variables. Without them this says loudly what it
//! skipped. What a stand-in is known to answer wrongly is in `tests/stand_ins/known_wrong.toml`, one by one, with the
//! evidence; an entry that has come right is a failure as well. The result is the table `tests/conformance.md`, which
//! `MILEPOST_ACCEPT=1` writes anew; `MILEPOST_CASES=scores,dedupe` looks at these cases only.

pub(crate) mod engine;
mod functions;
mod googlesql;
mod mutations;
mod table;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use milepost::Analysis;
use milepost::check::check;
use milepost::diagnostic::Diagnostics;
use milepost::plan::node::{Node, NodeId, Relation};
use milepost::render::{Statement, access};
use milepost::report::diagnostics::draw;
use milepost::run::unit;
use milepost::semantic::files::{Format, entity_columns, source_columns};
use milepost::semantic::model::{Model, Origin};
use milepost::semantic::moment;
use milepost::suite::stage::Stage;
use milepost::suite::{self};
use milepost::warehouse::{self, Column, Family, Rows, Value};

use crate::cases::{LOOK, projects, read};
use crate::conformance::engine::{ENGINES, Engine, Made, ZONED, typed};
use crate::conformance::table::{Answer, KnownWrong, Table};
use crate::functions::executed;

/// What the project at the top of the repository is called here.
const SAMPLE: &str = "sample";

/// A project, its raw rows, and the rows of every relation as DuckDB makes them.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) analysis: Analysis,
    pub(crate) as_of: jiff::Timestamp,
    /// By the name of the source or entity.
    pub(crate) given: Vec<(String, Rows)>,
    /// By the name of the relation.
    pub(crate) expected: BTreeMap<String, Rows>,
}

impl Case {
    pub(crate) fn cx(&self) -> suite::Cx<'_> {
        suite::Cx { project: &self.analysis.project, model: &self.analysis.model, plan: &self.analysis.plan }
    }

    /// Tells whether the rows of a relation are compared: those of every table and view that users read. `kpis` has the
    /// rows of every KPI, and milestones are read off the others.
    pub(crate) fn is_compared(node: &Node) -> bool {
        match node.relation {
            Relation::Entity(_)
            | Relation::Events(_)
            | Relation::Facts(_)
            | Relation::Milestone(_)
            | Relation::Milestones
            | Relation::Kpis
            | Relation::Own(_) => true,
            Relation::Schema
            | Relation::Moment
            | Relation::Occurrences(_)
            | Relation::Reached(_)
            | Relation::Cells(_)
            | Relation::Kpi(_) => false,
        }
    }

    pub(crate) fn all(&self) -> Vec<NodeId> {
        (0..self.analysis.plan.nodes.len()).map(NodeId).collect()
    }
}

/// Makes a case on DuckDB, from its files.
fn case(name: String, project: &Path) -> Case {
    let mut analysis = read(project);
    let origins = origins(&analysis.model).into_iter();
    let given = origins.map(|(name, origin, columns)| (name.clone(), typed_rows(project, origin, &columns)));
    let given: BTreeMap<String, Rows> = given.collect();
    // Tests share one current folder, so that the files are named in full.
    let sources = analysis.model.sources.iter_mut().map(|source| &mut source.origin);
    let entities = analysis.model.entities.iter_mut().filter_map(|entity| entity.origin.as_mut());
    for files in sources.chain(entities).filter_map(|origin| origin.files.as_mut()) {
        files.path = project.join(&files.path).display().to_string();
    }
    let warehouse = warehouse::connect(&warehouse::in_memory(project.to_path_buf())).unwrap();
    let as_of = analysis.project.settings.body.as_of.as_ref().expect("a case says as of when").get();
    let as_of = moment::moment(as_of).expect("a moment");
    let mut case = Case { name, analysis, as_of, given: given.into_iter().collect(), expected: BTreeMap::new() };
    let stage = Stage { warehouse: &*warehouse, dialect: executed(), schema: "milepost".to_owned() };
    let within =
        stage.make(case.cx(), case.as_of, &[], &case.all()).unwrap_or_else(|error| panic!("{}: {error}", case.name));
    for node in &case.analysis.plan.nodes {
        if Case::is_compared(node) {
            case.expected.insert(node.name.clone(), stage.read(node, &within).unwrap());
        }
    }
    case
}

/// Returns where the rows of sources and entities come from, and which columns are read of them.
pub(crate) fn origins(model: &Model) -> Vec<(&String, &Origin, Vec<&str>)> {
    let sources = model.sources.iter().map(|source| (&source.meta.name, &source.origin, source_columns(source)));
    let entities = model.entities.iter().filter_map(|entity| {
        let origin = entity.origin.as_ref()?;
        Some((&entity.meta.name, origin, entity_columns(entity)))
    });
    sources.chain(entities).collect()
}

/// Returns the rows of a source's file with the types that a table of them would have. The relations of a case are made
/// from the file's text; other warehouses have tables, whose columns have types. A column of a CSV has the type that
/// DuckDB guesses where that says what the file says, and is text where the guess loses digits, offsets or spelling.
pub(crate) fn typed_rows(project: &Path, origin: &Origin, columns: &[&str]) -> Rows {
    let mut files = origin.files.clone().expect("every source of a case has a file");
    files.path = project.join(&files.path).display().to_string();
    let warehouse = warehouse::connect(&warehouse::in_memory(project.to_path_buf())).unwrap();
    let select = |relation: &str| {
        let statement = Statement { node: "given".to_owned(), sql: format!("SELECT * FROM {relation}"), origin: None };
        warehouse.query(&check(statement, executed()).unwrap(), None).unwrap()
    };
    let as_it_is = access::file(executed(), &files, columns).unwrap();
    match files.format {
        Format::Csv => {
            let guessed = as_it_is.replace("all_varchar = TRUE", "all_varchar = FALSE");
            faithful(select(&guessed), &select(&as_it_is))
        }
        Format::Parquet | Format::Json => {
            let mut rows = select(&as_it_is);
            // DuckDB reads a document as JSON or as a structure of its own, and returns its text.
            for column in &mut rows.columns {
                if column.family == Family::Other {
                    column.family = Family::Json;
                }
            }
            rows
        }
    }
}

/// Gives those columns back their text whose types do not say the same.
fn faithful(mut guessed: Rows, text: &Rows) -> Rows {
    for place in 0..guessed.columns.len() {
        let column = guessed.columns[place].clone();
        let pairs = || guessed.rows.iter().zip(&text.rows).map(|(guess, text)| (&guess[place], &text[place]));
        if !pairs().all(|(guess, text)| says(guess, text, &column)) {
            for (guess, text) in guessed.rows.iter_mut().zip(&text.rows) {
                guess[place] = text[place].clone();
            }
            guessed.columns[place] = text.columns[place].clone();
        }
    }
    guessed
}

/// Tells whether a value of a column is what a text says.
fn says(guess: &Value, text: &Value, column: &Column) -> bool {
    let Value::Text(text) = text else { return guess == text };
    match guess {
        Value::Timestamp(guess) if column.ty == ZONED => {
            let moment = |text: &str| text.parse::<jiff::Timestamp>().ok();
            moment(text).is_some_and(|moment_of_text| moment(guess) == Some(moment_of_text))
        }
        Value::Timestamp(guess) => text.parse::<jiff::Timestamp>().is_err() && same_clock(guess, text),
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Float(_)
        | Value::Decimal(_)
        | Value::Text(_)
        | Value::Date(_) => guess.to_string() == *text,
    }
}

/// Tells whether a time without a zone reads as the clock of a text that has none.
fn same_clock(guess: &str, text: &str) -> bool {
    let clock = |text: &str| text.parse::<jiff::civil::DateTime>().ok();
    clock(text).is_some_and(|clock_of_text| clock(guess.trim_end_matches('Z')) == Some(clock_of_text))
}

/// Makes a case on an engine, and holds its relations against DuckDB's.
fn answer(engine: &dyn Engine, case: &Case) -> Answer {
    let mut diagnostics = Diagnostics::default();
    let place = milepost::render::Place {
        dialect: engine.dialect(),
        schema: "milepost".to_owned(),
        as_of: moment::literal(case.as_of),
        stand_ins: BTreeMap::new(),
        blanks: None,
    };
    if milepost::compile(&case.analysis, &place, &mut diagnostics).is_none() {
        return Answer::Refused(draw(&diagnostics, &case.analysis.project.sources, LOOK));
    }
    let given: Vec<(String, Rows)> =
        case.given.iter().map(|(name, rows)| (name.clone(), typed(engine.dialect(), rows))).collect();
    match engine.relations(case, &given) {
        Err(error) => Answer::Failed(error),
        Ok(Made::Legal) => Answer::Legal { statements: case.analysis.plan.nodes.len() },
        Ok(Made::Nothing) => Answer::TooLarge,
        Ok(Made::ByTheProgram) => Answer::Built,
        Ok(Made::Relations(found)) => {
            let mut wrong = BTreeMap::new();
            for (name, expected) in &case.expected {
                let text = match found.get(name) {
                    Some(rows) => unit::agree(expected, rows).text(name),
                    None => format!("`{name}` was not made\n"),
                };
                if !text.is_empty() {
                    wrong.insert(name.clone(), text);
                }
            }
            Answer::Compared { relations: case.expected.len(), wrong }
        }
    }
}

#[test]
fn every_case_gives_the_same_rows_on_every_engine() {
    let open: Vec<(&str, Option<Box<dyn Engine>>)> = ENGINES.iter().map(|entry| (entry.name, (entry.open)())).collect();
    if open.iter().all(|(_, engine)| engine.is_none()) {
        return;
    }
    let wanted = std::env::var("MILEPOST_CASES").ok();
    let is_wanted = |case: &str| wanted.as_deref().is_none_or(|wanted| wanted.split(',').any(|name| name == case));
    let named = |folder: PathBuf| (folder.file_name().expect("it has a name").to_string_lossy().into_owned(), folder);
    let sample = (SAMPLE.to_owned(), PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    let all = projects("cases").into_iter().map(named).chain([sample]);
    let cases: Vec<Case> = all.filter(|(name, _)| is_wanted(name)).map(|(name, folder)| case(name, &folder)).collect();
    let mut table = Table::new(KnownWrong::read());
    std::thread::scope(|scope| {
        let threads: Vec<_> = open
            .iter()
            .filter_map(|(name, engine)| Some((name, engine.as_deref()?)))
            .map(|(name, engine)| {
                let cases = &cases;
                let timed = move |case: &Case| {
                    let clock = Instant::now();
                    let answer = answer(engine, case);
                    eprintln!("{name}: {} in {:.1} s", case.name, clock.elapsed().as_secs_f64());
                    (case.name.clone(), answer)
                };
                (*name, scope.spawn(move || cases.iter().map(timed).collect::<Vec<_>>()))
            })
            .collect();
        for (name, thread) in threads {
            for (case, answer) in thread.join().expect("a case that fails says so") {
                table.put(name, case, answer);
            }
        }
    });
    let unexplained = table.unexplained();
    assert!(unexplained.is_empty(), "{unexplained}");
    if wanted.is_none() && open.iter().all(|(_, engine)| engine.is_some()) {
        table.hold();
    }
}
