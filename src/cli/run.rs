//! `milepost run`: compiles, and makes the relations in the target's warehouse.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use crate::cli::arguments::{Output, Selection};
use crate::cli::artifacts::{self, Others};
use crate::cli::outcome::{Exit, Failure, say_error};
use crate::cli::preflight::requirements;
use crate::cli::terminal::{Cx, say_always};
use crate::cli::values::inspect;
use crate::cli::workspace::{Workspace, place};
use crate::manifest::spec_hash;
use crate::plan::node::NodeId;
use crate::report::progress::{Progress, Status as Shown};
use crate::run::preflight::preflight;
use crate::run::results::{self, Document, Invocation};
use crate::run::{Event, Job, Options, RunResult, Status};
use crate::target::Target;
use crate::warehouse::{self, Warehouse};
use crate::{Analysis, run as runner};

/// Compile the definitions and make their relations in the warehouse
///
/// First all that they read is looked for: tables, files, columns. A relation is made after all that it reads from; when
/// one fails, those that read from it are skipped and the others are still made. Results are written to
/// `target/run_results.json`, after a failure too.
///
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

/// The file of results.
const RESULTS: &str = "run_results.json";

/// The retries of a statement that lost to another transaction.
const RETRIES: u32 = 5;

/// Runs the command.
pub fn run(args: &Args, cx: &Cx) -> Result<Exit, Failure> {
    let mut workspace = Workspace::open(cx)?;
    let target = workspace.target()?;
    let part = workspace.part(&args.selection)?;
    let warehouse = make("run", &mut workspace, &target, &part)?;
    drop(warehouse);
    Ok(workspace.warn())
}

/// Makes the relations of `part` in the warehouse of `target`, and returns the connection.
pub fn make(
    command: &str,
    workspace: &mut Workspace<'_>,
    target: &Target,
    part: &[NodeId],
) -> Result<Box<dyn Warehouse>, Failure> {
    let cx = workspace.cx;
    let folder = workspace.target_folder()?;
    let statements = workspace.compile(target)?;
    let compiled = [(target.clone(), statements)];
    artifacts::write(&folder, &workspace.analysis, workspace.as_of, &compiled, Others::Keep)?;
    let [(_, statements)] = compiled;
    let made = made_before(&folder, target);
    let jobs: Vec<Job> = part
        .iter()
        .map(|id| {
            let mut job = job(&workspace.analysis, target, *id, statements[id.0].clone());
            job.replaces = job.relation.as_ref().is_some_and(|relation| made.contains(relation));
            job
        })
        .collect();
    cx.say(&format!(
        "{} relations on `{}` ({}), as of {}",
        jobs.len(),
        target.name,
        target.dialect.name(),
        workspace.as_of
    ));
    let warehouse = connect(workspace, target)?;
    let required = requirements(&workspace.analysis, part, &place(target, workspace.as_of));
    let problems = preflight(&*warehouse, &required);
    let mut looked_at = (Vec::new(), true);
    // A file, or a database that is part of this program, is read for nothing.
    if problems.is_empty() && (cx.globals.check_data || target.dialect.name() == warehouse::EMBEDDED) {
        let place = place(target, workspace.as_of);
        looked_at = inspect(&workspace.analysis, part, &place, &*warehouse, cx)?;
    }
    let (found, is_readable) = looked_at;
    let result = if problems.is_empty() && is_readable {
        execute(workspace, target, &*warehouse, jobs)
    } else {
        for problem in &problems {
            say_error(&problem.to_string(), None, cx);
        }
        let reason =
            if is_readable { "what the run reads is not all there" } else { "what the run reads cannot be read" };
        runner::skip(jobs, reason)
    };
    let path = folder.join(RESULTS);
    let mut document = results::document(&result, &invocation(command, workspace, target));
    document.raw_rows = found;
    let text = results::json(&document);
    results::write(&path, &text).map_err(|error| Failure::io(format!("writing `{}`", path.display()), &error))?;
    if cx.globals.output == Output::Json {
        cx.print(&text)?;
    }
    if result.succeeded() { Ok(warehouse) } else { Err(Failure::Reported) }
}

/// Connects to a target, from the project's folder: that is where relative paths begin.
pub fn connect(workspace: &mut Workspace<'_>, target: &Target) -> Result<Box<dyn Warehouse>, Failure> {
    let root = workspace.root()?;
    let connection = target.connection(&workspace.analysis.project, &root, &mut workspace.diagnostics);
    workspace.stop_on_errors()?;
    let connection = connection.ok_or(Failure::Reported)?;
    connect_to(&connection, &root)?.map_err(|error| Failure::new(error.message))
}

/// Connects from the project's folder, which becomes the current one.
pub fn connect_to(
    connection: &warehouse::Target,
    root: &Path,
) -> Result<Result<Box<dyn Warehouse>, warehouse::Error>, Failure> {
    std::env::set_current_dir(root)
        .map_err(|error| Failure::io(format!("entering the project's folder `{}`", root.display()), &error))?;
    Ok(warehouse::connect(connection))
}

fn job(analysis: &Analysis, target: &Target, id: NodeId, statement: crate::check::Checked) -> Job {
    let Analysis { model, plan, .. } = analysis;
    let node = plan.node(id);
    Job {
        node: node.name.clone(),
        kind: node.relation.kind().to_owned(),
        depends_on: node.depends_on.iter().map(|input| plan.node(*input).name.clone()).collect(),
        statement,
        relation: target.relation(node),
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
        Event::Retried { .. } => None,
        Event::Finished { job, outcome, .. } => {
            let message = outcome.message.clone().unwrap_or_default();
            let status = match outcome.status {
                Status::Success => Shown::Ok { rows: outcome.executed.rows_affected },
                Status::Error => Shown::Error(message),
                Status::Skipped => Shown::Skip(message),
            };
            let seconds = outcome.span.map_or(0.0, |span| span.seconds);
            progress.finished(&job.node, &status, Duration::from_secs_f64(seconds))
        }
    }
}

/// Returns the relations that the last run made on this target: only these may be dropped where a table became a view.
fn made_before(folder: &Path, target: &Target) -> BTreeSet<String> {
    let text = fs::read_to_string(folder.join(RESULTS)).unwrap_or_default();
    let Ok(document) = serde_json::from_str::<Document>(&text) else { return BTreeSet::new() };
    if document.args.get("target").and_then(serde_json::Value::as_str) != Some(target.name.as_str()) {
        return BTreeSet::new();
    }
    let made = document.results.into_iter().filter(|entry| entry.status == Status::Success);
    made.filter_map(|entry| entry.relation_name).collect()
}

fn invocation(command: &str, workspace: &Workspace<'_>, target: &Target) -> Invocation {
    let args = [
        ("which", command.to_owned()),
        ("target", target.name.clone()),
        ("dialect", target.dialect.name().to_owned()),
        ("as_of", workspace.as_of.to_string()),
    ];
    Invocation {
        project: workspace.analysis.model.name.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        args: args.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect(),
    }
}
