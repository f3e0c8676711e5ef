//! A run: what is selected is compiled, compared with what is there, and made in the target's warehouse.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::application::artifacts::{self, Others};
use crate::application::dropping::gone;
use crate::application::record::Record;
use crate::application::requirements::requirements;
use crate::application::selection::Selection;
use crate::application::values::{Remark, Seen, inspect};
use crate::application::workspace::{Workspace, place};
use crate::application::{Obstacle, expired, recovery};
use crate::check::Checked;
use crate::language::Id;
use crate::manifest::spec_hash;
use crate::plan::node::{Materialization, Node, NodeId, Plan, Relation};
use crate::plan::{self, naming};
use crate::project::read::list;
use crate::run::preflight::preflight;
use crate::run::standing::{Extended, Standing, State};
use crate::run::{Event, Job, Options, RunResult, Step, stoppable};
use crate::semantic::model::{KpiIndex, Model};
use crate::target::Target;
use crate::warehouse::{self, Found, Warehouse};
use crate::{Analysis, run as runner};

/// How many relations a message names.
const SHOWN: usize = 5;

/// The retries of a statement that lost to another transaction.
const RETRIES: u32 = 5;

/// How a run is made.
#[derive(Clone, Debug, Default)]
pub struct How {
    /// How many statements run at once, 0 is as many as there are processors; where absent, the target's number.
    pub threads: Option<usize>,
    /// Whether nothing more is begun after the first failure.
    pub fail_fast: bool,
    /// Whether raw rows are looked at where that costs money.
    pub check_data: bool,
}

/// Who is told of a run while it goes on.
pub trait Watcher: Sync {
    /// Is told what a run does besides what it was asked for.
    fn note(&self, text: &str);

    /// Is told what whoever reads the results must know.
    fn warning(&self, text: &str);

    /// Is told why nothing is made.
    fn error(&self, text: &str);

    /// Returns what is set to stop the run, at any moment from its beginning on.
    fn cancelled(&self) -> Arc<AtomicBool>;

    /// Is told that so many relations are made from here on.
    fn begins(&self, relations: usize);

    /// Is told what becomes of a relation.
    fn happens(&self, event: Event<'_>);

    /// Is told what came of all of them.
    fn ended(&self, result: &RunResult);
}

/// Makes the relations of `part`, which `selection` selects, in the warehouse of `target`, and returns the connection; none
/// where something failed, which the watcher was told and the record holds.
pub fn make(
    workspace: &mut Workspace,
    target: &Target,
    part: &[NodeId],
    selection: &Selection,
    how: &How,
    record: &Record,
    watcher: &dyn Watcher,
) -> Result<Option<Box<dyn Warehouse>>, Obstacle> {
    let folder = workspace.request.target_folder();
    let now = workspace.request.now;
    let mut statements = compile(workspace, target, &folder)?;
    let cancelled = watcher.cancelled();
    if cancelled.load(Ordering::Relaxed) {
        let jobs = jobs(workspace, target, &statements, &[], part)?;
        stop(jobs, Seen::default(), record, watcher);
        return Ok(None);
    }
    expired::refuse(&workspace.analysis, target, part, workspace.as_of, now)?;
    let warehouse = workspace.connect(target)?;
    let schema = target.dialect.table(&target.schema).map_err(Obstacle::new)?;
    let there = warehouse.found(&schema).map_err(|error| Obstacle::new(error.message))?;
    if !selection.is_everything()
        && !workspace.moment_is_given()
        && let Some(moment) = standing_of(workspace, target, &statements, &there).moment()
    {
        // What is not selected stays as it is: what is made must be of its moment.
        watcher.note(&format!("as of {moment}, as what is there is; `--as-of` names another moment"));
        workspace.as_of = moment;
        record.works_on(workspace, Some(target));
        expired::refuse(&workspace.analysis, target, part, workspace.as_of, now)?;
        statements = compile(workspace, target, &folder)?;
    }
    say_what_stepped_aside(watcher, &there);
    say_what_is_gone(&workspace.analysis.plan, target, &there, watcher);
    let excluded = workspace.excluded(selection)?;
    // What is there of all, before some of it is left out.
    let standing = standing_of(workspace, target, &statements, &there);
    let states: Vec<State> =
        (0..workspace.analysis.plan.nodes.len()).map(|index| standing.state(NodeId(index))).collect();
    drop(standing);
    let kpis = workspace.kpis(&excluded);
    if !kpis.is_empty() {
        workspace.leave_out(kpis, |plan, kpi| is_kept(plan, &states, kpi));
        refuse_what_moved(workspace, &states)?;
        say_what_is_left_out(workspace, &excluded, watcher);
        statements = workspace.compile(target)?;
    }
    let part: Vec<NodeId> = if selection.is_everything() {
        part.to_vec()
    } else {
        let standing = standing_of(workspace, target, &statements, &there);
        let wanted: Vec<NodeId> = part.iter().copied().filter(|id| !workspace.is_left_out(*id)).collect();
        let extended = standing.extend(&wanted, &|id| workspace.is_left_out(id));
        allow(&extended, &standing, &states, workspace, &excluded, watcher)?;
        extended.part
    };
    let standing = standing_of(workspace, target, &statements, &there);
    let plan = &workspace.analysis.plan;
    let mut problems: Vec<String> =
        standing.foreign(&part).into_iter().map(|id| foreign(target, plan.node(id))).collect();
    drop(standing);
    let jobs = jobs(workspace, target, &statements, &there, &part)?;
    watcher.note(&format!(
        "{} relations on `{}` ({}), as of {}",
        jobs.len(),
        target.name,
        target.dialect.name(),
        workspace.as_of
    ));
    let required = requirements(&workspace.analysis, &part, &place(target, workspace.as_of));
    let place = place(target, workspace.as_of);
    let (missing, seen) = stoppable(&*warehouse, &cancelled, || {
        let missing: Vec<String> = preflight(&*warehouse, &required).iter().map(ToString::to_string).collect();
        // A file, or a database that is part of this program, is read for nothing.
        let is_looked_at = how.check_data || target.dialect.name() == warehouse::EMBEDDED;
        let seen = if is_looked_at && missing.is_empty() && problems.is_empty() {
            inspect(&workspace.analysis, &part, &place, &*warehouse, &cancelled)
        } else {
            Ok(Seen::default())
        };
        (missing, seen)
    });
    let seen = seen?;
    if cancelled.load(Ordering::Relaxed) {
        // What is missing may be what was not looked for any more.
        stop(jobs, seen, record, watcher);
        return Ok(None);
    }
    problems.extend(missing);
    for remark in &seen.remarks {
        match remark {
            Remark::Error(error) => watcher.error(error),
            Remark::Warning(warning) => watcher.warning(warning),
        }
    }
    let is_readable = seen.is_well();
    let result = if problems.is_empty() && is_readable {
        watcher.begins(jobs.len());
        let options = options(target, how, cancelled);
        let result = execute(&*warehouse, jobs, &options, watcher);
        let result = recover(workspace, target, &*warehouse, (&there, &states), result, &options, watcher)?;
        watcher.ended(&result);
        result
    } else {
        for problem in &problems {
            watcher.error(problem);
        }
        let reason = if is_readable {
            "what the run reads is not all there, or what it would replace is not its own"
        } else {
            "what the run reads cannot be read"
        };
        runner::skip(jobs, reason)
    };
    let succeeded = result.succeeded();
    record.ran(result, seen.found);
    Ok(succeeded.then_some(warehouse))
}

/// Gives everything up before the first relation is made, because the run is stopped.
fn stop(jobs: Vec<Job>, seen: Seen, record: &Record, watcher: &dyn Watcher) {
    let skipped = runner::skip(jobs, "the run was cancelled before it began");
    let result = RunResult { cancelled: true, ..skipped };
    watcher.ended(&result);
    record.ran(result, seen.found);
}

/// Makes the jobs of a part: each with the mark that its relation gets, and with what is known of what is there.
fn jobs(
    workspace: &mut Workspace,
    target: &Target,
    statements: &BTreeMap<NodeId, Checked>,
    found: &[Found],
    part: &[NodeId],
) -> Result<Vec<Job>, Obstacle> {
    let plan = &workspace.analysis.plan;
    let is_made = |id: &NodeId| plan.node(*id).materialization != Materialization::Ephemeral;
    let part: Vec<NodeId> = part.iter().copied().filter(is_made).collect();
    let standing = standing_of(workspace, target, statements, found);
    let known = |id: NodeId| (id, (standing.marked(id).is_some(), standing.is_unchanged(id)));
    let there: BTreeMap<NodeId, (bool, bool)> = part.iter().copied().map(known).collect();
    let marks = part.iter().filter_map(|id| Some((plan.node(*id).name.clone(), standing.mark(*id)?.clone()))).collect();
    let marked = workspace.compile_marked(target, statements, &part, &marks)?;
    let job = |(id, statement): (NodeId, Checked)| {
        let (is_ours, unchanged) = there.get(&id).copied().unwrap_or_default();
        job(&workspace.analysis, target, id, statement, is_ours, unchanged)
    };
    Ok(marked.into_iter().map(job).collect())
}

/// Where a KPI failed that others lie with, makes those without it, and says which it was.
fn recover(
    workspace: &mut Workspace,
    target: &Target,
    warehouse: &dyn Warehouse,
    (found, states): (&[Found], &[State]),
    result: RunResult,
    options: &Options,
    watcher: &dyn Watcher,
) -> Result<RunResult, Obstacle> {
    if result.cancelled || options.fail_fast {
        return Ok(result);
    }
    let failing = recovery::failing(workspace, target, warehouse, &result, options)?;
    if failing.is_empty() {
        return Ok(result);
    }
    for (kpi, error) in &failing {
        let name = &workspace.analysis.model.kpi(*kpi).meta.name;
        watcher.error(&format!("`kpi.{name}` fails: {}", error.message));
    }
    workspace.leave_out(failing.keys().copied(), |plan, kpi| is_kept(plan, states, kpi));
    let part = recovery::again(workspace, &result, &failing);
    if part.is_empty() {
        return Ok(recovery::merge(workspace, result, None, &failing));
    }
    watcher.note("what lies in one table with it, or waited for that, is made without it");
    let statements = workspace.compile(target)?;
    let jobs = jobs(workspace, target, &statements, found, &part)?;
    let second = execute(warehouse, jobs, options, watcher);
    Ok(recovery::merge(workspace, result, Some(second), &failing))
}

/// Tells whether the rows of a KPI are in the table in which it lies: its view reads them there.
fn is_kept(plan: &Plan, states: &[State], kpi: KpiIndex) -> bool {
    let is_made = matches!(states[plan.cells_of(kpi).0], State::Current | State::OfAnotherMoment | State::Changed);
    is_made && view_of(plan, kpi).is_some_and(|view| states[view.0] == State::Current)
}

/// Returns the view of a KPI.
fn view_of(plan: &Plan, kpi: KpiIndex) -> Option<NodeId> {
    let is = |node: &Node| matches!(node.relation, Relation::Kpi(own) if own == kpi);
    plan.nodes.iter().position(is).map(NodeId)
}

/// Refuses to leave out a KPI whose rows lie elsewhere than it does now: they would be in nothing that is read.
fn refuse_what_moved(workspace: &Workspace, states: &[State]) -> Result<(), Obstacle> {
    let Analysis { plan, model, .. } = &workspace.analysis;
    let has_moved = |kpi: &&KpiIndex| view_of(plan, **kpi).is_some_and(|view| states[view.0] == State::Changed);
    let moved: Vec<String> =
        workspace.left_out.iter().filter(has_moved).map(|kpi| model.id(*kpi).to_string()).collect();
    if moved.is_empty() {
        return Ok(());
    }
    let more = if moved.len() > SHOWN { format!(" and {} more", moved.len() - SHOWN) } else { String::new() };
    let names: Vec<&str> = moved.iter().take(SHOWN).map(String::as_str).collect();
    Err(Obstacle::new(format!(
        "what is excluded lies in another table than its rows, as definitions were changed or added, so that it cannot stay as it is: {}{more}",
        list(&names)
    ))
    .help("run once without excluding it"))
}

/// Names the formulas that are left out because they are made of what is excluded.
fn say_what_is_left_out(workspace: &Workspace, excluded: &BTreeSet<Id>, watcher: &dyn Watcher) {
    let ids = workspace.left_out.iter().map(|kpi| workspace.analysis.model.id(*kpi));
    let others: Vec<String> = ids.filter(|id| !excluded.contains(id)).map(|id| id.to_string()).collect();
    if !others.is_empty() {
        let names: Vec<&str> = others.iter().map(String::as_str).collect();
        watcher.note(&format!("left out too, for they are made of what is excluded: {}", list(&names)));
    }
}

/// Names what an earlier run made of definitions that are gone, or of another project: what it shows is kept up by nobody.
fn say_what_is_gone(plan: &Plan, target: &Target, found: &[Found], watcher: &dyn Watcher) {
    let gone = gone(plan, target, found);
    if !gone.is_empty() {
        let more = if gone.len() > SHOWN { format!(" and {} more", gone.len() - SHOWN) } else { String::new() };
        watcher.note(&format!(
            "made by an earlier run and of no definition now, so that its rows are not kept up: {}{more}; `milepost drop --gone` drops it",
            list(&gone[..gone.len().min(SHOWN)])
        ));
    }
}

/// Names what stepped aside for a relation and did not come back: of a run that was killed, or of one that is at work.
fn say_what_stepped_aside(watcher: &dyn Watcher, found: &[Found]) {
    let aside: Vec<&str> =
        found.iter().map(|found| found.name.as_str()).filter(|name| name.contains(warehouse::ASIDE)).collect();
    if !aside.is_empty() {
        watcher.note(&format!(
            "left by runs that were killed, unless one is at work now: {}; drop what is not wanted",
            list(&aside)
        ));
    }
}

/// Compiles everything, and writes it to the target folder.
fn compile(workspace: &mut Workspace, target: &Target, folder: &Path) -> Result<BTreeMap<NodeId, Checked>, Obstacle> {
    let compiled = [(target.clone(), workspace.compile(target)?)];
    artifacts::write(folder, &workspace.analysis, workspace.as_of, &compiled, Others::Keep)?;
    let [(_, statements)] = compiled;
    Ok(statements)
}

/// Compares what a run would make with what is there.
fn standing_of<'p>(
    workspace: &'p Workspace,
    target: &Target,
    statements: &BTreeMap<NodeId, Checked>,
    found: &[Found],
) -> Standing<'p> {
    let plan = &workspace.analysis.plan;
    let relations: Vec<Option<String>> = plan.nodes.iter().map(|node| target.relation(node)).collect();
    Standing::new(plan, statements, &relations, &workspace.as_of.to_string(), found)
}

/// Says what is wrong with making a relation where something else is.
fn foreign(target: &Target, node: &Node) -> String {
    let relation = target.relation(node).unwrap_or_default();
    format!(
        "{relation} is there and has no mark of Milepost's, which replaces only what it made: drop or rename it yourself, or \
         give the target another schema"
    )
}

/// Tells what is made besides what is selected; refuses where that is because of the moment alone, or was excluded.
fn allow(
    extended: &Extended,
    standing: &Standing<'_>,
    states: &[State],
    workspace: &Workspace,
    excluded: &BTreeSet<Id>,
    watcher: &dyn Watcher,
) -> Result<(), Obstacle> {
    let Analysis { plan, model, .. } = &workspace.analysis;
    let names = |ids: &[NodeId]| {
        let names: Vec<&str> = ids.iter().take(SHOWN).map(|id| plan.node(*id).name.as_str()).collect();
        let more = if ids.len() > SHOWN { format!(" and {} more", ids.len() - SHOWN) } else { String::new() };
        format!("{}{more}", list(&names))
    };
    if let Some(first) = extended.of_another_moment.first() {
        let theirs = standing.marked(*first).and_then(|mark| mark.as_of.as_deref()).unwrap_or_default();
        return Err(Obstacle::new(format!(
            "what is selected is to be as of {}, and what reads it, or is read by it, is as of {theirs}: {}",
            workspace.as_of,
            names(&extended.of_another_moment)
        ))
        .help(format!(
            "make all of it anew: `milepost run --as-of {}`; or stay at that moment: `--as-of {theirs}`",
            workspace.as_of
        )));
    }
    let is_excluded = |id: &NodeId| {
        let definition = plan.node(*id).definition.as_ref();
        definition.is_some_and(|own| excluded.contains(&own.id))
    };
    let mut against: Vec<NodeId> = extended.added.iter().copied().filter(is_excluded).collect();
    for id in &extended.part {
        let Relation::Cells(cells) = &plan.node(*id).relation else { continue };
        // What keeps its rows must still be what would be computed of what it reads; of an earlier moment they may be.
        let is_stale = |kpi: &KpiIndex| {
            let is_another = |id: &NodeId| matches!(states[id.0], State::Absent | State::Foreign | State::Changed);
            let is_made_anew = |id: &NodeId| extended.part.contains(id) && is_another(id);
            read_by_all(model, plan, *kpi).iter().any(is_made_anew)
        };
        // Where all of a table is left out it is not made, but for what it reads being another.
        let all: &[KpiIndex] = if workspace.is_left_out(*id) { &cells.kpis } else { &[] };
        let stale = cells.kept.iter().chain(all).copied().filter(is_stale);
        against.extend(stale.filter_map(|kpi| plan.find(&naming::kpi(&model.kpi(kpi).meta.name))));
    }
    against.sort_unstable();
    against.dedup();
    if !against.is_empty() {
        return Err(Obstacle::new(format!(
            "what is selected has changed, and what reads it, or is read by it, is excluded: {}",
            names(&against)
        ))
        .help("do not exclude it; or drop it, where it is not wanted any longer"));
    }
    if !extended.added.is_empty() {
        watcher.note(&format!(
            "also made, for they read what is selected or are read by it, and are missing or of another definition: {}",
            names(&extended.added)
        ));
    }
    Ok(())
}

/// Returns what a KPI is computed of, and those that it is made of: not the tables of their cells, which hold others too.
fn read_by_all(model: &Model, plan: &Plan, kpi: KpiIndex) -> BTreeSet<NodeId> {
    let mut read = plan::read_by(model, plan, kpi);
    for input in model.kpi(kpi).value.inputs() {
        read.extend(read_by_all(model, plan, *input));
    }
    read.retain(|id| !matches!(plan.node(*id).relation, Relation::Cells(_) | Relation::Kpi(_)));
    read
}

/// Returns what has to be there before a relation is made: what it reads, and what stands behind a view that stays as it is;
/// before the moment, all that the views read which read it, so that they turn as a whole.
fn waits_for(plan: &Plan, id: NodeId) -> BTreeSet<NodeId> {
    let mut inputs = plan.inputs_beyond_views(id);
    if matches!(plan.node(id).relation, Relation::Moment) {
        let views = (0..plan.nodes.len()).map(NodeId).filter(|view| plan.takes_moment(*view));
        inputs.extend(views.flat_map(|view| plan.node(view).depends_on.iter().copied()));
        inputs.retain(|input| *input != id);
    }
    inputs
}

fn job(analysis: &Analysis, target: &Target, id: NodeId, statement: Checked, is_ours: bool, unchanged: bool) -> Job {
    let Analysis { model, plan, .. } = analysis;
    let node = plan.node(id);
    let made = target.relation(node).or_else(|| target.schema_of(node)).unwrap_or_default();
    Job {
        node: node.name.clone(),
        kind: node.relation.kind(),
        depends_on: waits_for(plan, id).into_iter().map(|input| plan.node(input).name.clone()).collect(),
        steps: vec![Step::of(node, statement, made, is_ours)],
        unchanged,
        spec_hash: node.definition.as_ref().map(|own| spec_hash(model, own.definition)),
        interval: None,
    }
}

fn options(target: &Target, how: &How, cancelled: Arc<AtomicBool>) -> Options {
    Options {
        threads: threads(how.threads.unwrap_or(target.threads)),
        fail_fast: how.fail_fast,
        timeout: target.statement_timeout,
        retries: RETRIES,
        cancelled,
    }
}

fn execute(warehouse: &dyn Warehouse, jobs: Vec<Job>, options: &Options, watcher: &dyn Watcher) -> RunResult {
    runner::run(warehouse, jobs, options, &|event| watcher.happens(event))
}

/// Returns how many threads are meant: 0 is as many as there are processors.
pub fn threads(wanted: usize) -> usize {
    if wanted > 0 { wanted } else { std::thread::available_parallelism().map_or(1, std::num::NonZero::get) }
}
