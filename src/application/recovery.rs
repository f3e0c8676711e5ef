//! After a run: KPIs that lie in one table are computed by one statement, and one of them may fail it. Which one it is, is
//! found by asking for the cells of each alone; the others are then made without it, whose rows stay as they were.

use std::collections::{BTreeMap, BTreeSet};

use crate::Analysis;
use crate::application::Obstacle;
use crate::application::workspace::{Workspace, place};
use crate::plan::node::{NodeId, Relation};
use crate::plan::{self, naming};
use crate::run::{self, Job, NodeResult, Options, Outcome, RunResult, Status, Step};
use crate::semantic::model::{KpiIndex, Model};
use crate::target::Target;
use crate::warehouse::{Error, ErrorKind, Warehouse};

/// Finds the KPIs that made tables of cells fail, and how each fails.
///
/// Of a table with one KPI it is that one; of others the cells of each are asked for alone. Where each works alone, nobody
/// is at fault.
pub fn failing(
    workspace: &mut Workspace,
    target: &Target,
    warehouse: &dyn Warehouse,
    result: &RunResult,
    options: &Options,
) -> Result<BTreeMap<KpiIndex, Error>, Obstacle> {
    let mut failing = BTreeMap::new();
    let mut asked: Vec<KpiIndex> = Vec::new();
    for NodeResult { job, outcome } in &result.results {
        let plan = &workspace.analysis.plan;
        let Some(error) = outcome.error.filter(|error| is_of_the_statement(*error)) else { continue };
        let Some(cells) = plan.find(&job.node).and_then(|id| plan.node(id).relation.cells()) else { continue };
        match cells.kpis.as_slice() {
            [only] => {
                failing.insert(*only, Error::new(error, outcome.message.clone().unwrap_or_default()));
            }
            several => asked.extend(several),
        }
    }
    let names: BTreeMap<String, KpiIndex> =
        asked.iter().map(|kpi| (view(&workspace.analysis.model, *kpi), *kpi)).collect();
    let jobs = asked.iter().map(|kpi| question(workspace, target, *kpi)).collect::<Result<Vec<_>, _>>()?;
    // As any statement: at once, in time, and until somebody stops it.
    let answers = run::run(warehouse, jobs.into_iter().flatten().collect(), options, &|_| {});
    for NodeResult { job, outcome } in answers.results {
        if let Some(error) = outcome.error.filter(|error| is_of_the_statement(*error)) {
            failing.insert(names[&job.node], Error::new(error, outcome.message.unwrap_or_default()));
        }
    }
    Ok(failing)
}

/// Tells whether an error is one of the statement and the rows that it meets, and not of the warehouse or the network.
fn is_of_the_statement(kind: ErrorKind) -> bool {
    match kind {
        ErrorKind::UserSql | ErrorKind::Missing | ErrorKind::Resources => true,
        ErrorKind::Occupied
        | ErrorKind::Permission
        | ErrorKind::Credentials
        | ErrorKind::Quota
        | ErrorKind::Transient
        | ErrorKind::Timeout
        | ErrorKind::Cancelled
        | ErrorKind::Busy
        | ErrorKind::Gone
        | ErrorKind::Unsupported => false,
    }
}

fn view(model: &Model, kpi: KpiIndex) -> String {
    naming::kpi(&model.kpi(kpi).meta.name)
}

/// Makes the statement that asks for the cells of one KPI.
fn question(workspace: &mut Workspace, target: &Target, kpi: KpiIndex) -> Result<Option<Job>, Obstacle> {
    let analysis = &workspace.analysis;
    let node = view(&analysis.model, kpi);
    let query = plan::cells_of(&analysis.model, &analysis.plan, kpi);
    let place = place(target, workspace.as_of);
    let rows = crate::compile_rows(analysis, &node, &query, &place, &mut workspace.diagnostics);
    workspace.stop_on_errors()?;
    Ok(rows.map(|statement| Job {
        node,
        kind: Relation::Kpi(kpi).kind(),
        depends_on: Vec::new(),
        steps: vec![Step::Ask { statement }],
        unchanged: false,
        spec_hash: None,
        interval: None,
    }))
}

/// Returns steps that ask for what others make.
fn asked(steps: Vec<Step>) -> Vec<Step> {
    steps.into_iter().map(|step| Step::Ask { statement: step.statement().clone() }).collect()
}

/// Returns what is made once more, now that the plan is without those that fail: the tables that they made fail, and what
/// was skipped and does not wait for anything else that was not made.
pub fn again(workspace: &Workspace, result: &RunResult, failing: &BTreeMap<KpiIndex, Error>) -> Vec<NodeId> {
    let plan = &workspace.analysis.plan;
    let jobs = result.results.iter().filter_map(|result| Some((plan.find(&result.job.node)?, result.outcome.status)));
    let mut jobs: Vec<(NodeId, Status)> = jobs.collect();
    jobs.sort_by_key(|(id, _)| *id);
    let mut lost: BTreeSet<NodeId> = BTreeSet::new();
    let mut part = Vec::new();
    for (id, status) in jobs {
        let kpis = plan.node(id).relation.cells();
        let is_recovered = kpis.is_some_and(|cells| cells.all().any(|kpi| failing.contains_key(&kpi)));
        let inputs = plan.inputs_beyond_views(id);
        let waits_for_lost = inputs.iter().any(|input| lost.contains(input));
        let is_open = (status == Status::Error && is_recovered) || status == Status::Skipped;
        if is_open && !waits_for_lost && !workspace.is_left_out(id) {
            part.push(id);
        } else if matches!(status, Status::Error | Status::Skipped) {
            lost.insert(id);
        }
    }
    part
}

/// Brings the results of both together: of what was made once more the second ones; the views of what was left out say why.
pub fn merge(
    workspace: &Workspace,
    first: RunResult,
    second: Option<RunResult>,
    failing: &BTreeMap<KpiIndex, Error>,
) -> RunResult {
    let Analysis { plan, model, .. } = &workspace.analysis;
    let left_out: BTreeMap<String, KpiIndex> = workspace.left_out.iter().map(|kpi| (view(model, *kpi), *kpi)).collect();
    let (seconds, cancelled) = second.as_ref().map_or((0.0, false), |second| (second.seconds, second.cancelled));
    let mut second: BTreeMap<String, NodeResult> =
        second.into_iter().flat_map(|second| second.results).map(|result| (result.job.node.clone(), result)).collect();
    let merged = |mut result: NodeResult| {
        if let Some(second) = second.remove(&result.job.node) {
            return second;
        }
        if let Some(kpi) = left_out.get(&result.job.node) {
            let cells = &plan.node(plan.cells_of(*kpi)).name;
            result.outcome = match failing.get(kpi) {
                Some(error) => Outcome {
                    status: Status::Error,
                    message: Some(error.message.clone()),
                    error: Some(error.kind),
                    ..result.outcome
                },
                None => Outcome {
                    status: Status::Skipped,
                    message: Some(format!("what it is made of is left out; its rows in `{cells}` stay as they were")),
                    ..result.outcome
                },
            };
        }
        result
    };
    let mut results: Vec<NodeResult> = first.results.into_iter().map(merged).collect();
    // One that was not asked for fails all the same: who reads the results must know.
    for (kpi, error) in failing {
        let name = view(model, *kpi);
        if results.iter().any(|result| result.job.node == name) {
            continue;
        }
        let cells = &plan.node(plan.cells_of(*kpi)).name;
        if let Some(table) = results.iter().find(|result| result.job.node == *cells).cloned() {
            let job = Job {
                node: name,
                kind: Relation::Kpi(*kpi).kind(),
                steps: asked(table.job.steps),
                spec_hash: None,
                ..table.job
            };
            let (status, message) = (Status::Error, Some(error.message.clone()));
            let outcome = Outcome { status, message, error: Some(error.kind), ..table.outcome };
            results.push(NodeResult { job, outcome });
        }
    }
    RunResult { seconds: first.seconds + seconds, cancelled: first.cancelled || cancelled, results, ..first }
}
