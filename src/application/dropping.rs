//! What runs made in a target's schema, and how it is dropped: what carries a mark of ours, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::Value;

use crate::application::Obstacle;
use crate::application::workspace::{Request, Workspace};
use crate::check::{Checked, check};
use crate::plan::node::{Materialization, Plan};
use crate::project::Project;
use crate::project::load::load;
use crate::render::Statement;
use crate::run::standing::own_name;
use crate::target::{self, Target};
use crate::warehouse::{self, Error, ErrorKind, Found, Warehouse};
use crate::{Analysis, diagnostic::Diagnostics};

/// Which of what runs made is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// All of it, and the schema where nothing else is in it.
    All {
        /// Whether the schema stays.
        keep_schema: bool,
    },
    /// What no definition makes now.
    Gone,
}

/// What becomes, or would become, of a relation or of the schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is dropped.
    Dropped,
    /// It stays, for this reason.
    Stays(String),
    /// It could not be dropped, for this reason.
    Failed(String),
}

/// What is in a schema, and what becomes of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dropping {
    /// By its name as SQL text, in the order in which it is dropped; the schema last, where it is spoken of.
    pub fates: Vec<(String, Fate)>,
}

impl Dropping {
    /// Tells whether something could not be dropped.
    pub fn failed(&self) -> bool {
        self.fates.iter().any(|(_, fate)| matches!(fate, Fate::Failed(_)))
    }

    fn drops(&self) -> bool {
        self.fates.iter().any(|(_, fate)| *fate == Fate::Dropped)
    }
}

/// A target, what is in its schema, and which of that is to be dropped.
pub struct Plans {
    target: Target,
    connection: warehouse::Target,
    /// The schema's name as SQL text.
    schema: String,
    which: Which,
    /// For names of relations that the project makes now, whether it is a view.
    views: BTreeMap<String, bool>,
    /// Why nothing is there, where the warehouse says that a database or the like is missing.
    pub missing: Option<String>,
    /// What would become of all.
    pub planned: Dropping,
}

/// Looks at what is in the schema of the target that `request` names, and says what would become of it. Only what is to be
/// compared with definitions needs these to be without mistakes.
pub fn look(request: Request, which: Which) -> Result<Plans, Obstacle> {
    let (target, connection, plan) = if which == Which::Gone {
        let mut workspace = Workspace::open(request)?;
        let target = workspace.target()?;
        let connection = workspace.connection(&target)?;
        (target, connection, Some(workspace.analysis.plan))
    } else {
        let (target, connection) = placed(&request)?;
        // With mistakes in it nothing tells what is a view; it is found out.
        let plan = request.analyze(&mut Diagnostics::default()).ok().map(|Analysis { plan, .. }| plan);
        (target, connection, plan)
    };
    let schema = target.dialect.table(&target.schema).map_err(Obstacle::new)?;
    let mut missing = None;
    let there = match warehouse::connect_to_read(&connection).and_then(|warehouse| warehouse.found(&schema)) {
        Ok(there) => there,
        // No database, and so nothing in it.
        Err(Error { kind: ErrorKind::Missing, message, .. }) => {
            missing = Some(message);
            Vec::new()
        }
        Err(error) => return Err(Obstacle::new(error.message)),
    };
    let views = plan.as_ref().map(|plan| views(plan, &target)).unwrap_or_default();
    let mut plans = Plans { target, connection, schema, which, views, missing, planned: Dropping::default() };
    plans.planned = plans.plan(&there)?;
    Ok(plans)
}

/// Finds the target and what connects to it, whatever is wrong with definitions.
fn placed(request: &Request) -> Result<(Target, warehouse::Target), Obstacle> {
    let mut found = Diagnostics::default();
    let mut environment = request.environment.clone();
    environment.extend(request.variables.clone());
    let project = match load(&request.root, environment, &mut found) {
        Ok(project) => project,
        Err(sources) => return Err(Obstacle::Mistakes { found, sources }),
    };
    let mut mistakes = Diagnostics::default();
    crate::project::variables::report_unread(&project, request.variables.keys(), &mut mistakes);
    let refused = |found, project: &Project| Obstacle::Mistakes { found, sources: project.sources.clone() };
    let target = target::pick(&project, request.target.as_deref(), &mut mistakes);
    let Some(target) = target.filter(|_| !mistakes.has_errors()) else { return Err(refused(mistakes, &project)) };
    let root = std::path::absolute(&request.root)
        .map_err(|error| Obstacle::io(format!("resolving `{}`", request.root.display()), &error))?;
    let connection = target.connection(&project, &root, &mut mistakes);
    connection.map(|connection| (target, connection)).ok_or_else(|| refused(mistakes, &project))
}

/// Returns the names of what a plan makes in the schema of a target, and whether each is a view.
fn views(plan: &Plan, target: &Target) -> BTreeMap<String, bool> {
    let made = plan
        .nodes
        .iter()
        .filter_map(|node| Some((own_name(&target.relation(node)?), node.materialization == Materialization::View)));
    made.collect()
}

/// Returns what of `found` an earlier run made of definitions that are gone, or of another project; but not what stepped
/// aside, which a run at work may bring back.
pub(super) fn gone<'f>(plan: &Plan, target: &Target, found: &'f [Found]) -> Vec<&'f str> {
    let made: BTreeSet<String> = views(plan, target).into_keys().collect();
    let is_gone =
        |found: &&Found| found.mark.is_some() && !made.contains(&found.name) && !found.name.contains(warehouse::ASIDE);
    found.iter().filter(is_gone).map(|found| found.name.as_str()).collect()
}

impl Plans {
    /// Says what would become of what is there.
    fn plan(&self, there: &[Found]) -> Result<Dropping, Obstacle> {
        let mut dropping = Dropping::default();
        // Who reads a view meanwhile finds what it reads, or no view: views first.
        let mut ordered: Vec<&Found> = there.iter().collect();
        ordered.sort_by_key(|found| (self.views.get(&found.name) == Some(&false), &found.name));
        let mut others = 0;
        for found in ordered {
            let is_aside = found.name.contains(warehouse::ASIDE);
            let fate = match self.which {
                _ if found.mark.is_none() => {
                    others += 1;
                    Fate::Stays("milepost did not make it".to_owned())
                }
                Which::Gone if is_aside => Fate::Stays("a run was killed there, or is at work now".to_owned()),
                Which::Gone if self.views.contains_key(&found.name) => continue,
                Which::All { .. } | Which::Gone => Fate::Dropped,
            };
            // What is others' is no matter of definitions.
            if self.which != Which::Gone || found.mark.is_some() {
                dropping.fates.push((self.relation(&found.name)?, fate));
            }
        }
        if let Which::All { keep_schema } = self.which
            && !dropping.fates.is_empty()
        {
            let fate = match (others, self.statement_of_schema()) {
                _ if keep_schema => Fate::Stays("it is to be kept".to_owned()),
                (0, Ok(_)) if dropping.drops() => Fate::Dropped,
                (0, Err(reason)) => Fate::Stays(reason),
                (_, _) => Fate::Stays("there is something in it that milepost did not make".to_owned()),
            };
            dropping.fates.push((self.schema.clone(), fate));
        }
        Ok(dropping)
    }

    /// Drops what is to be dropped, and returns what became of all.
    pub fn drop(self) -> Result<Dropping, Obstacle> {
        if !self.planned.drops() {
            return Ok(self.planned);
        }
        let failed = |error: Error| Obstacle::new(error.message);
        let warehouse = warehouse::connect(&self.connection).map_err(failed)?;
        let mut fates = Vec::new();
        for (name, fate) in &self.planned.fates {
            let fate = match fate {
                Fate::Dropped if *name == self.schema => continue,
                Fate::Dropped => outcome(self.drop_relation(&*warehouse, name)),
                Fate::Stays(_) | Fate::Failed(_) => fate.clone(),
            };
            fates.push((name.clone(), fate));
        }
        let mut dropped = Dropping { fates };
        if let Some((name, Fate::Dropped)) = self.planned.fates.last().filter(|(name, _)| *name == self.schema) {
            let fate = if dropped.failed() {
                Fate::Stays("not all in it could be dropped".to_owned())
            } else {
                // It refuses what came into it meanwhile, and what is no table or view.
                let dropping = self.statement_of_schema().and_then(|sql| self.execute(&*warehouse, sql));
                outcome(dropping)
            };
            dropped.fates.push((name.clone(), fate));
        }
        Ok(dropped)
    }

    /// Drops a relation, as what it is: to name that wrongly is an error in every warehouse, and drops nothing.
    fn drop_relation(&self, warehouse: &dyn Warehouse, name: &str) -> Result<(), String> {
        let first_is_view = self.views.get(&own_name(name)) != Some(&false);
        let kinds = if first_is_view { ["VIEW", "TABLE"] } else { ["TABLE", "VIEW"] };
        let dropped = |kind: &str| {
            let words = [("kind", kind), ("name", name)].map(|(key, text)| (key, Value::from(text)));
            let sql = self.target.dialect.shape("statements", "drop_relation", &BTreeMap::from(words));
            self.execute(warehouse, sql.map_err(|failure| failure.to_string())?)
        };
        let [first, second] = kinds;
        dropped(first).or_else(|as_first| {
            dropped(second)
                .map_err(|as_second| format!("as a {}: {as_first}; as a {}: {as_second}", lower(first), lower(second)))
        })
    }

    /// Returns the statement that drops the schema where nothing is in it; why there is none, where the warehouse has none.
    fn statement_of_schema(&self) -> Result<String, String> {
        let words = BTreeMap::from([("name", Value::from(self.schema.as_str()))]);
        self.target.dialect.shape("statements", "drop_schema", &words).map_err(|failure| failure.to_string())
    }

    fn execute(&self, warehouse: &dyn Warehouse, sql: String) -> Result<(), String> {
        let checked = checked(&self.target, sql)?;
        warehouse.execute(&checked).map(drop).map_err(|error| error.message)
    }

    /// Returns the full name of a relation as SQL text.
    fn relation(&self, name: &str) -> Result<String, Obstacle> {
        let quoted = self.target.dialect.identifier(name).map_err(Obstacle::new)?;
        Ok(format!("{}.{quoted}", self.schema))
    }
}

fn outcome(dropped: Result<(), String>) -> Fate {
    dropped.map_or_else(Fate::Failed, |()| Fate::Dropped)
}

fn lower(word: &str) -> String {
    word.to_lowercase()
}

fn checked(target: &Target, sql: String) -> Result<Checked, String> {
    let statement = Statement { node: "drop".to_owned(), sql, origin: None };
    check(statement, target.dialect).map_err(|refusal| refusal.reason)
}
