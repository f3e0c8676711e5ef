//! `milepost run`: compiles, and makes the relations in the target's warehouse.

use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use crate::check::Checked;
use crate::cli::arguments::Selection;
use crate::cli::artifacts::{self, Others};
use crate::cli::expired;
use crate::cli::outcome::{Exit, Failure, say_error};
use crate::cli::preflight::requirements;
use crate::cli::results::{Record, recorded};
use crate::cli::terminal::{Cx, say_always};
use crate::cli::values::inspect;
use crate::cli::workspace::{Workspace, is_everything, place};
use crate::manifest::spec_hash;
use crate::plan::node::{Node, NodeId};
use crate::project::read::list;
use crate::report::progress::{Progress, Status as Shown};
use crate::run::preflight::preflight;
use crate::run::standing::{Extended, Standing};
use crate::run::{Event, Job, Options, RunResult, Status};
use crate::target::Target;
use crate::warehouse::{self, Found, Warehouse};
use crate::{Analysis, run as runner};

/// Compile the definitions and make their relations in the warehouse
///
/// First all that they read is looked for: tables, files, columns. A relation is made after all that it reads from; when
/// one fails, those that read from it are skipped and the others are still made. Results are written to
/// `target/run_results.json`, after a failure too.
///
/// Each relation carries a mark in the warehouse: what has none is never replaced. A part that is selected is made as of
/// the moment of what is there, unless `--as-of` names another; and with it what it reads and what reads it, where that is
/// missing or of another definition. Where that is of another moment, nothing is made, and it is said what to do.
/// Milestones share relations, so that a selected milestone is made with what these read. Relations of definitions that
/// are gone stay in the warehouse as they are: drop them yourself.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    milepost run\n  \
    milepost run --select tag:weekly --exclude kind:score\n  \
    milepost run --target prod --as-of 2026-03-01 --threads 8 --fail-fast")]
pub struct Args {
    /// Which definitions.
    #[command(flatten)]
    pub selection: Selection,
}

/// How many relations a message names.
const SHOWN: usize = 5;

/// The retries of a statement that lost to another transaction.
const RETRIES: u32 = 5;

/// Runs the command.
pub fn run(args: &Args, cx: &Cx) -> Result<Exit, Failure> {
    recorded("run", false, cx, |record| {
        let mut workspace = Workspace::open(cx)?;
        let target = workspace.target()?;
        record.works_on(&workspace, Some(&target));
        let part = workspace.part(&args.selection)?;
        let warehouse = make(&mut workspace, &target, &part, &args.selection, record)?;
        drop(warehouse);
        Ok(workspace.warn())
    })
}

/// Makes the relations of `part`, which `selection` selects, in the warehouse of `target`, and returns the connection.
pub fn make(
    workspace: &mut Workspace<'_>,
    target: &Target,
    part: &[NodeId],
    selection: &Selection,
    record: &Record,
) -> Result<Box<dyn Warehouse>, Failure> {
    let cx = workspace.cx;
    let folder = workspace.target_folder()?;
    let mut statements = compile(workspace, target, &folder)?;
    expired::refuse(&workspace.analysis, target, part, workspace.as_of)?;
    let warehouse = connect(workspace, target)?;
    let schema = target.dialect.table(&target.schema).map_err(Failure::new)?;
    let found = warehouse.found(&schema).map_err(|error| Failure::new(error.message))?;
    if !is_everything(selection)
        && !workspace.moment_is_given()
        && let Some(moment) = standing_of(workspace, target, &statements, &found).moment()
    {
        // What is not selected stays as it is: what is made must be of its moment.
        cx.say(&format!("as of {moment}, as what is there is; `--as-of` names another moment"));
        workspace.as_of = moment;
        record.works_on(workspace, Some(target));
        expired::refuse(&workspace.analysis, target, part, workspace.as_of)?;
        statements = compile(workspace, target, &folder)?;
    }
    say_what_stepped_aside(cx, &found);
    let plan = &workspace.analysis.plan;
    let standing = standing_of(workspace, target, &statements, &found);
    let part = if is_everything(selection) {
        part.to_vec()
    } else {
        let extended = standing.extend(part);
        allow(&extended, &standing, workspace, selection)?;
        extended.part
    };
    let mut problems: Vec<String> =
        standing.foreign(&part).into_iter().map(|id| foreign(target, plan.node(id))).collect();
    let replaces: Vec<bool> = part.iter().map(|id| standing.marked(*id).is_some()).collect();
    let marks = part.iter().filter_map(|id| Some((plan.node(*id).name.clone(), standing.mark(*id)?.clone()))).collect();
    drop(standing);
    let marked = workspace.compile_marked(target, &statements, &part, &marks)?;
    let jobs: Vec<Job> = part
        .iter()
        .zip(marked)
        .zip(replaces)
        .map(|((id, statement), replaces)| Job { replaces, ..job(&workspace.analysis, target, *id, statement) })
        .collect();
    cx.say(&format!(
        "{} relations on `{}` ({}), as of {}",
        jobs.len(),
        target.name,
        target.dialect.name(),
        workspace.as_of
    ));
    let required = requirements(&workspace.analysis, &part, &place(target, workspace.as_of));
    problems.extend(preflight(&*warehouse, &required).iter().map(ToString::to_string));
    let mut looked_at = (Vec::new(), true);
    // A file, or a database that is part of this program, is read for nothing.
    if problems.is_empty() && (cx.globals.check_data || target.dialect.name() == warehouse::EMBEDDED) {
        let place = place(target, workspace.as_of);
        looked_at = inspect(&workspace.analysis, &part, &place, &*warehouse, cx)?;
    }
    let (found, is_readable) = looked_at;
    let result = if problems.is_empty() && is_readable {
        execute(workspace, target, &*warehouse, jobs)
    } else {
        for problem in &problems {
            say_error(problem, None, cx);
        }
        let reason = if is_readable {
            "what the run reads is not all there, or what it would replace is not its own"
        } else {
            "what the run reads cannot be read"
        };
        runner::skip(jobs, reason)
    };
    let succeeded = result.succeeded();
    record.ran(result, found);
    if succeeded { Ok(warehouse) } else { Err(Failure::Reported) }
}

/// Names what stepped aside for a relation and did not come back: of a run that was killed, or of one that is at work.
fn say_what_stepped_aside(cx: &Cx, found: &[Found]) {
    let aside: Vec<&str> =
        found.iter().map(|found| found.name.as_str()).filter(|name| name.contains(warehouse::ASIDE)).collect();
    if !aside.is_empty() {
        cx.say(&format!(
            "left by runs that were killed, unless one is at work now: {}; drop what is not wanted",
            list(&aside)
        ));
    }
}

/// Compiles everything, and writes it to the target folder.
fn compile(workspace: &mut Workspace<'_>, target: &Target, folder: &Path) -> Result<Vec<Checked>, Failure> {
    let compiled = [(target.clone(), workspace.compile(target)?)];
    artifacts::write(folder, &workspace.analysis, workspace.as_of, &compiled, Others::Keep)?;
    let [(_, statements)] = compiled;
    Ok(statements)
}

/// Compares what a run would make with what is there.
fn standing_of<'p>(
    workspace: &'p Workspace<'_>,
    target: &Target,
    statements: &[Checked],
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
    workspace: &Workspace<'_>,
    selection: &Selection,
) -> Result<(), Failure> {
    let Analysis { plan, .. } = &workspace.analysis;
    let names = |ids: &[NodeId]| {
        let names: Vec<&str> = ids.iter().take(SHOWN).map(|id| plan.node(*id).name.as_str()).collect();
        let more = if ids.len() > SHOWN { format!(" and {} more", ids.len() - SHOWN) } else { String::new() };
        format!("{}{more}", list(&names))
    };
    if let Some(first) = extended.of_another_moment.first() {
        let theirs = standing.marked(*first).map_or("", |mark| mark.as_of.as_str());
        return Err(Failure::new(format!(
            "what is selected is to be as of {}, and what reads it, or is read by it, is as of {theirs}: {}",
            workspace.as_of,
            names(&extended.of_another_moment)
        ))
        .help(format!(
            "make all of it anew: `milepost run --as-of {}`; or stay at that moment: `--as-of {theirs}`",
            workspace.as_of
        )));
    }
    let excluded = workspace.excluded(selection)?;
    let is_excluded = |id: &NodeId| {
        let definition = plan.node(*id).definition.as_ref();
        definition.is_some_and(|own| excluded.contains(&format!("{}.{}", own.kind, own.name)))
    };
    let against: Vec<NodeId> = extended.added.iter().copied().filter(is_excluded).collect();
    if !against.is_empty() {
        return Err(Failure::new(format!(
            "what is selected has changed, and what reads it, or is read by it, is excluded: {}",
            names(&against)
        ))
        .help("do not exclude it; or drop it, where it is not wanted any longer"));
    }
    if !extended.added.is_empty() {
        workspace.cx.say(&format!(
            "also made, for they read what is selected or are read by it, and are missing or of another definition: {}",
            names(&extended.added)
        ));
    }
    Ok(())
}

/// Connects to a target.
pub fn connect(workspace: &mut Workspace<'_>, target: &Target) -> Result<Box<dyn Warehouse>, Failure> {
    let connection = workspace.connection(target)?;
    warehouse::connect(&connection).map_err(|error| Failure::new(error.message))
}

/// The same, to read: beside others that read, and without a right to write.
pub fn connect_to_read(workspace: &mut Workspace<'_>, target: &Target) -> Result<Box<dyn Warehouse>, Failure> {
    let connection = workspace.connection(target)?;
    warehouse::connect_to_read(&connection).map_err(|error| Failure::new(error.message))
}

fn job(analysis: &Analysis, target: &Target, id: NodeId, statement: Checked) -> Job {
    let Analysis { model, plan, .. } = analysis;
    let node = plan.node(id);
    Job {
        node: node.name.clone(),
        kind: node.relation.kind().to_owned(),
        depends_on: node.depends_on.iter().map(|input| plan.node(*input).name.clone()).collect(),
        statement,
        relation: target.relation(node),
        schema: target.schema_of(node),
        replaces: false,
        spec_hash: node.definition.as_ref().and_then(|own| spec_hash(model, own.kind, &own.name)),
        interval: None,
    }
}

fn execute(workspace: &Workspace<'_>, target: &Target, warehouse: &dyn Warehouse, jobs: Vec<Job>) -> RunResult {
    let cx = workspace.cx;
    let options = Options {
        threads: threads(cx.globals.threads.unwrap_or(target.threads)),
        fail_fast: cx.globals.fail_fast,
        timeout: target.statement_timeout,
        retries: RETRIES,
        cancelled: cx.cancelled(),
    };
    let progress = Mutex::new(cx.progress(jobs.len()));
    let result = runner::run(warehouse, jobs, &options, &|event| {
        let mut progress = progress.lock().expect("no line panics");
        if let Some(line) = line(&mut progress, event) {
            say_always(&line);
        }
    });
    let progress = progress.into_inner().expect("no line panics");
    if result.cancelled {
        say_error("the run was stopped", None, cx);
    }
    match progress.summary(Duration::from_secs_f64(result.seconds)) {
        Some(summary) => say_always(&summary),
        None => cx.say(&format!("made {} relations in {:.2}s", result.count(Status::Success), result.seconds)),
    }
    result
}

/// Returns how many threads are meant: 0 is as many as there are processors.
pub fn threads(wanted: usize) -> usize {
    if wanted > 0 { wanted } else { std::thread::available_parallelism().map_or(1, std::num::NonZero::get) }
}

fn line(progress: &mut Progress, event: Event<'_>) -> Option<String> {
    match event {
        Event::Started { job, .. } => progress.started(&job.node),
        Event::Retried { job, message } => progress.retried(&job.node, message),
        Event::Finished { job, outcome, .. } => {
            let message = outcome.message.clone().unwrap_or_default();
            let status = match outcome.status {
                Status::Success | Status::Pass => Shown::Ok { rows: outcome.executed.rows_affected },
                Status::Error | Status::Fail => Shown::Error(message),
                Status::Skipped => Shown::Skip(message),
            };
            let seconds = outcome.span.map_or(0.0, |span| span.seconds);
            progress.finished(&job.node, &status, Duration::from_secs_f64(seconds))
        }
    }
}
