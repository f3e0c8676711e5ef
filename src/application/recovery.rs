//! After a run: KPIs that lie in one table are computed by one statement, and one of them may fail it. Which one it is, is
//! found by asking for the cells of each alone; the others are then made without it, whose rows stay as they were.

use std::collections::{BTreeMap, BTreeSet};

use crate::Analysis;
use crate::application::Obstacle;
use crate::application::workspace::{Workspace, place};
use crate::plan::node::{NodeId, Relation};
use crate::plan::{self, Leaving, naming};
use crate::run::{NodeResult, Outcome, RunResult, Status};
use crate::semantic::model::{KpiIndex, Model};
use crate::target::Target;
use crate::warehouse::{Error, ErrorKind, Warehouse};

/// What is made once more, and without which KPIs.
pub struct Again {
    /// The KPIs that fail, and how.
    pub failing: BTreeMap<KpiIndex, Error>,
    /// All that are left out: those, and the formulas over them.
    pub without: BTreeSet<KpiIndex>,
    /// The relations that are made once more: tables of cells, and what waited for nothing else.
    pub part: Vec<NodeId>,
}

/// Finds out what is made once more; nothing where no KPI is at fault that others lie with.
pub fn find(
    workspace: &mut Workspace,
    target: &Target,
    warehouse: &dyn Warehouse,
    result: &RunResult,
) -> Result<Option<Again>, Obstacle> {
    let plan = &workspace.analysis.plan;
    let is_at_fault = |kind: Option<ErrorKind>| kind.is_some_and(is_of_the_statement);
    let failed = result.results.iter().filter(|result| is_at_fault(result.outcome.error));
    let failed: Vec<NodeId> = failed.filter_map(|result| plan.find(&result.job.node)).collect();
    let mut failing = BTreeMap::new();
    let mut recovered = BTreeSet::new();
    for id in failed {
        let Relation::Cells(cells) = &workspace.analysis.plan.node(id).relation else { continue };
        let kpis = cells.kpis.clone();
        let mut own = BTreeMap::new();
        if kpis.len() > 1 {
            for kpi in &kpis {
                own.extend(error_of(workspace, target, warehouse, id, *kpi)?.map(|error| (*kpi, error)));
            }
        }
        if !own.is_empty() && own.len() < kpis.len() {
            recovered.insert(id);
            failing.append(&mut own);
        }
    }
    if recovered.is_empty() {
        return Ok(None);
    }
    let without = with_formulas(&workspace.analysis.model, failing.keys().copied());
    let part = waiting(workspace, result, &recovered, &without);
    Ok(Some(Again { failing, without, part }))
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

/// Asks for the cells of one KPI of a table, and returns how that fails.
fn error_of(
    workspace: &mut Workspace,
    target: &Target,
    warehouse: &dyn Warehouse,
    table: NodeId,
    kpi: KpiIndex,
) -> Result<Option<Error>, Obstacle> {
    let analysis = &workspace.analysis;
    let others = analysis.model.kpis.iter().enumerate().map(|(index, _)| KpiIndex(index)).filter(|own| *own != kpi);
    let alone = plan::plan_leaving(&analysis.model, &Leaving { kpis: others.collect(), tables: BTreeSet::new() });
    let place = place(target, workspace.as_of);
    let rows = crate::compile_rows(analysis, &alone, table, &place, &mut workspace.diagnostics);
    workspace.stop_on_errors()?;
    // All rows are asked for: what is not read need not be computed.
    Ok(rows.and_then(|rows| warehouse.query(&rows, None).err()))
}

/// Adds the formulas over some KPIs.
fn with_formulas(model: &Model, failing: impl Iterator<Item = KpiIndex>) -> BTreeSet<KpiIndex> {
    let mut without: BTreeSet<KpiIndex> = failing.collect();
    // Formulas come after what they are made of.
    for (index, kpi) in model.kpis.iter().enumerate() {
        if kpi.value.inputs().iter().any(|input| without.contains(input)) {
            without.insert(KpiIndex(index));
        }
    }
    without
}

/// Returns the tables that are made once more, and what was skipped because of them alone.
fn waiting(
    workspace: &Workspace,
    result: &RunResult,
    recovered: &BTreeSet<NodeId>,
    without: &BTreeSet<KpiIndex>,
) -> Vec<NodeId> {
    let plan = &workspace.analysis.plan;
    let is_left_out = |id: NodeId| match &plan.node(id).relation {
        Relation::Kpi(kpi) => without.contains(kpi),
        Relation::Cells(cells) => cells.all().all(|kpi| without.contains(&kpi)),
        Relation::Schema
        | Relation::Moment
        | Relation::Entity(_)
        | Relation::Events(_)
        | Relation::Facts(_)
        | Relation::Occurrences(_)
        | Relation::Reached(_)
        | Relation::Milestone(_)
        | Relation::Milestones
        | Relation::Kpis
        | Relation::Score(_) => false,
    };
    let jobs = result.results.iter().filter_map(|result| Some((plan.find(&result.job.node)?, result.outcome.status)));
    let mut jobs: Vec<(NodeId, Status)> = jobs.collect();
    jobs.sort_by_key(|(id, _)| *id);
    let mut lost: BTreeSet<NodeId> = BTreeSet::new();
    let mut part = Vec::new();
    for (id, status) in jobs {
        // The view of what is left out shows the rows that were there; the others are made without it.
        let is_lost = |input: &NodeId| lost.contains(input) && !matches!(plan.node(*input).relation, Relation::Kpi(_));
        let waits_for_lost = plan.inputs_beyond_views(id).iter().any(is_lost);
        let is_again = recovered.contains(&id) || (status == Status::Skipped && !waits_for_lost);
        let is_again = is_again && !is_left_out(id);
        if is_again {
            part.push(id);
        } else if matches!(status, Status::Error | Status::Skipped) {
            lost.insert(id);
        }
    }
    part
}

/// Brings the results of both together: of what was made once more the second ones; the views of what was left out say why.
pub fn merge(workspace: &Workspace, first: RunResult, second: RunResult, again: &Again) -> RunResult {
    let Analysis { plan, model, .. } = &workspace.analysis;
    let view = |kpi: KpiIndex| naming::kpi(&model.kpi(kpi).meta.name);
    let left_out: BTreeMap<String, KpiIndex> = again.without.iter().map(|kpi| (view(*kpi), *kpi)).collect();
    let RunResult { seconds, cancelled, results: second, .. } = second;
    let mut second: BTreeMap<String, NodeResult> =
        second.into_iter().map(|result| (result.job.node.clone(), result)).collect();
    let merged = |mut result: NodeResult| {
        if let Some(second) = second.remove(&result.job.node) {
            return second;
        }
        if let Some(kpi) = left_out.get(&result.job.node) {
            let cells = &plan.node(plan.cells_of(*kpi)).name;
            result.outcome = match again.failing.get(kpi) {
                Some(error) => Outcome {
                    status: Status::Error,
                    message: Some(error.message.clone()),
                    error: Some(error.kind),
                    ..result.outcome
                },
                None => Outcome {
                    status: Status::Skipped,
                    message: Some(format!("what it is made of failed; its rows in `{cells}` stay as they were")),
                    ..result.outcome
                },
            };
        }
        result
    };
    let results = first.results.into_iter().map(merged).collect();
    RunResult { seconds: first.seconds + seconds, cancelled: first.cancelled || cancelled, results, ..first }
}
