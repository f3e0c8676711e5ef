//! A project as a list of definitions, which may be chosen from, added to, put in another order, and run.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use milepost::check::Checked;
use milepost::diagnostic::Diagnostics;
use milepost::language::Id;
use milepost::plan::node::{NodeId, Relation};
use milepost::render::Place;
use milepost::report::diagnostics::draw;
use milepost::run::{Job, Options, Step, run};
use milepost::semantic::definitions;
use milepost::semantic::model::Model;
use milepost::semantic::moment;
use milepost::warehouse::{self, Value, Warehouse};
use milepost::{Analysis, analyze, compile};
use tempfile::TempDir;
use toml::Table;

use crate::cases::LOOK;
use crate::functions::executed;
use crate::fuzz::projects::folder;
use crate::warehouse::ask;

/// One definition: its kind, its name, its keys.
#[derive(Clone)]
pub(super) struct Definition {
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) keys: Table,
}

impl Definition {
    pub(super) fn new(kind: &str, name: &str, keys: Table) -> Self {
        Self { kind: kind.to_owned(), name: name.to_owned(), keys }
    }

    pub(super) fn id(&self) -> String {
        format!("{}.{}", self.kind, self.name)
    }

    fn text(&self) -> String {
        let named = Table::from_iter([(self.name.clone(), toml::Value::Table(self.keys.clone()))]);
        toml::to_string(&Table::from_iter([(self.kind.clone(), toml::Value::Table(named))])).unwrap()
    }
}

/// What a project has besides definitions, and where its data are.
pub(super) struct Ground {
    /// The name of the project, for messages.
    pub(super) name: String,
    root: PathBuf,
    settings: Table,
    /// For a file, what is read in its place.
    pub(super) files: BTreeMap<String, String>,
}

/// The rows of each milestone, KPI and score, by the name of its relation.
pub(super) type Rows = BTreeMap<String, Vec<String>>;

/// Reads the project at `root`.
pub(super) fn project(root: &Path) -> (Ground, Vec<Definition>) {
    let (mut settings, mut definitions) = (Table::new(), Vec::new());
    for (kind, value) in folder(root) {
        let toml::Value::Table(table) = value else { continue };
        if matches!(kind.as_str(), "project" | "target") {
            settings.insert(kind, toml::Value::Table(table));
            continue;
        }
        for (name, value) in table {
            let toml::Value::Table(keys) = value else { continue };
            definitions.push(Definition { kind: kind.clone(), name, keys });
        }
    }
    let own = settings.get_mut("project").and_then(toml::Value::as_table_mut).unwrap();
    own.remove("models");
    let name = if root == Path::new(env!("CARGO_MANIFEST_DIR")) {
        "the example".to_owned()
    } else {
        root.file_name().unwrap().to_string_lossy().into_owned()
    };
    (Ground { name, root: root.to_owned(), settings, files: BTreeMap::new() }, definitions)
}

/// What the files of a project mean.
pub(super) struct Meant {
    pub(super) analysis: Analysis,
    place: Place,
    _folder: TempDir,
}

impl Ground {
    /// Writes `files`, each of them definitions in their order, and works out what they mean; or says what is refused.
    pub(super) fn meaning(&self, files: &[Vec<Definition>]) -> Result<Meant, String> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("project.toml"), toml::to_string(&self.settings).unwrap()).unwrap();
        fs::create_dir(folder.path().join("models")).unwrap();
        for (number, definitions) in files.iter().enumerate() {
            let text: Vec<String> = definitions.iter().map(Definition::text).collect();
            fs::write(folder.path().join(format!("models/{number:05}.toml")), text.join("\n")).unwrap();
        }
        let mut diagnostics = Diagnostics::default();
        let mut analysis = match analyze(folder.path(), BTreeMap::new(), &mut diagnostics) {
            Ok(analysis) => analysis,
            Err(sources) => return Err(draw(&diagnostics, &sources, LOOK)),
        };
        let model = &mut analysis.model;
        let sources = model.sources.iter_mut().map(|source| &mut source.origin);
        let entities = model.entities.iter_mut().filter_map(|entity| entity.origin.as_mut());
        for files in sources.chain(entities).filter_map(|origin| origin.files.as_mut()) {
            files.path = match self.files.get(&files.path) {
                Some(instead) => instead.clone(),
                None => self.root.join(&files.path).display().to_string(),
            };
        }
        let as_of = analysis.project.settings.body.as_of.as_ref().expect("it says as of when").get();
        let as_of = moment::literal(moment::moment(as_of).expect("a moment"));
        let place = Place {
            dialect: executed(),
            schema: "milepost".to_owned(),
            as_of,
            stand_ins: BTreeMap::new(),
            blanks: None,
        };
        Ok(Meant { analysis, place, _folder: folder })
    }
}

impl Meant {
    pub(super) fn model(&self) -> &Model {
        &self.analysis.model
    }

    /// Returns the ids of the definitions that each is made of.
    pub(super) fn made_of(&self) -> BTreeMap<String, Vec<String>> {
        let ids = |own: &[Id]| own.iter().map(ToString::to_string).collect();
        let all = definitions::all(self.model());
        all.into_iter().map(|own| (own.id().to_string(), ids(&own.depends_on))).collect()
    }

    /// Returns the statements in the order of the plan.
    pub(super) fn statements(&self, place: &Place) -> BTreeMap<NodeId, Checked> {
        let mut diagnostics = Diagnostics::default();
        compile(&self.analysis, place, &mut diagnostics)
            .unwrap_or_else(|| panic!("{}", draw(&diagnostics, &self.analysis.project.sources, LOOK)))
    }

    /// Returns the statement of each relation, for a dialect, without the file that its comment names.
    pub(super) fn sql(&self, dialect: &'static milepost::render::dialect::Dialect) -> BTreeMap<String, String> {
        let place = Place { dialect, ..self.place.clone() };
        let plain = |sql: &str| {
            let (header, rest) = sql.split_once('\n').unwrap_or((sql, ""));
            let header = header.split_once(" (models/").map_or(header, |(header, _)| header);
            format!("{header}\n{rest}")
        };
        self.statements(&place).values().map(|each| (each.node().to_owned(), plain(each.sql()))).collect()
    }

    /// Makes all relations in a new database, and returns it.
    pub(super) fn run(&self, threads: usize) -> Box<dyn Warehouse> {
        let database = warehouse::connect(&warehouse::in_memory(PathBuf::from("."))).unwrap();
        let plan = &self.analysis.plan;
        self.run_in(&*database, &(0..plan.nodes.len()).map(NodeId).collect::<Vec<_>>(), threads);
        database
    }

    /// Makes some relations in a database.
    pub(super) fn run_in(&self, database: &dyn Warehouse, part: &[NodeId], threads: usize) {
        let plan = &self.analysis.plan;
        let statements = self.statements(&self.place);
        let job = |id: &NodeId| {
            let node = plan.node(*id);
            Job {
                node: node.name.clone(),
                kind: node.relation.kind(),
                depends_on: node.depends_on.iter().map(|id| plan.node(*id).name.clone()).collect(),
                steps: vec![Step::of(node, statements[id].clone(), format!("milepost.{}", node.name), true)],
                unchanged: false,
                spec_hash: None,
                interval: None,
            }
        };
        let jobs = part.iter().map(job).collect();
        let result = run(database, jobs, &Options { threads, ..Options::default() }, &|_| {});
        if let Some(failed) = result.results.iter().find(|result| result.outcome.error.is_some()) {
            panic!("{}: {:?}\n{}", failed.job.node, failed.outcome.message, failed.job.sql());
        }
        assert!(result.succeeded());
    }

    /// Reads the rows of the milestones, KPIs and scores.
    pub(super) fn read(&self, database: &dyn Warehouse) -> Rows {
        let is_read =
            |relation: &Relation| matches!(relation, Relation::Milestone(_) | Relation::Kpi(_) | Relation::Own(_));
        let nodes = self.analysis.plan.nodes.iter().filter(|node| is_read(&node.relation));
        nodes
            .map(|node| {
                let rows = ask(database, &format!("SELECT * FROM milepost.{}", node.name));
                let mut rows: Vec<String> = rows.iter().map(|row| row.iter().map(cell).collect::<String>()).collect();
                rows.sort();
                (node.name.clone(), rows)
            })
            .collect()
    }

    pub(super) fn rows(&self) -> Rows {
        self.read(&*self.run(2))
    }
}

/// Floats that are added up in another order differ in their last digits.
fn cell(value: &Value) -> String {
    if let Value::Float(value) = value { format!("{value:.10e} | ") } else { format!("{value:?} | ") }
}

/// Says how the rows differ of what both have; nothing where they do not.
pub(super) fn difference(expected: &Rows, found: &Rows) -> Option<String> {
    for (name, found) in found {
        let Some(expected) = expected.get(name) else { continue };
        if expected != found {
            let lines = |these: &[String], others: &[String]| {
                let only: Vec<&str> = these.iter().filter(|row| !others.contains(row)).map(String::as_str).collect();
                format!(
                    "{} rows, {} of their own:\n    {}",
                    these.len(),
                    only.len(),
                    only[..only.len().min(5)].join("\n    ")
                )
            };
            return Some(format!(
                "the rows of {name} are not the same\n  expected {}\n  found {}",
                lines(expected, found),
                lines(found, expected)
            ));
        }
    }
    None
}
