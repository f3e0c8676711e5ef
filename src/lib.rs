//! Compiles product-led-growth measures, written in TOML, to SQL for several warehouses.

pub mod application;
pub mod check;
pub mod cli;
pub mod diagnostic;
pub mod language;
pub mod manifest;
pub mod plan;
pub mod project;
pub mod render;
pub mod report;
pub mod run;
pub mod semantic;
pub mod source;
pub mod suite;
pub mod target;
pub mod warehouse;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::check::{Checked, Checker};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::plan::node::{NodeId, Plan};
use crate::plan::relational::Query;
use crate::project::Project;
use crate::render::{Mark, Place};
use crate::semantic::model::Model;
use crate::source::Sources;

/// A project without mistakes: what was written, what it means, and what must be computed.
#[derive(Debug)]
pub struct Analysis {
    /// What was written.
    pub project: Project,
    /// What it means.
    pub model: Model,
    /// What must be computed.
    pub plan: Plan,
}

/// Reads the project at `root`: files in, a plan out.
///
/// Stops after the first stage that reported an error, so that a mistake is reported once, where it was made; then the
/// files are returned, for drawing.
pub fn analyze(
    root: &Path,
    environment: BTreeMap<String, String>,
    diagnostics: &mut Diagnostics,
) -> Result<Analysis, Sources> {
    let project = project::load::load(root, environment, diagnostics)?;
    project::variables::report(&project, diagnostics);
    let Some(model) = semantic::resolve(&project, diagnostics) else { return Err(project.sources) };
    let plan = plan::plan(&model);
    Ok(Analysis { project, model, plan })
}

/// Compiles what was read for `place`: a statement for each relation of the plan, each parsed in the grammar of the dialect.
///
/// Returns nothing where an error was reported. That a statement does not parse is a mistake of ours, and says so.
pub fn compile(analysis: &Analysis, place: &Place, diagnostics: &mut Diagnostics) -> Option<BTreeMap<NodeId, Checked>> {
    let Analysis { project, model, plan } = analysis;
    render::own::report(plan, model, place, diagnostics);
    let statements = render::render(plan, model, &project.sources, place, diagnostics);
    let mut checked = BTreeMap::new();
    let mut shadowed = BTreeSet::new();
    let mut parser = Checker::new(place.dialect);
    for (id, statement) in statements {
        match parser.check(statement) {
            Ok(statement) => {
                checked.insert(id, statement);
            }
            // Many statements read the same.
            Err(refusal) if refusal.shadowed.is_some() && !shadowed.insert(refusal.shadowed.clone()) => {}
            Err(refusal) => diagnostics.push(refused(&refusal, place)),
        }
    }
    (!diagnostics.has_errors()).then_some(checked)
}

/// Compiles a query that keeps nothing; `name` says what it is of.
pub fn compile_rows(
    analysis: &Analysis,
    name: &str,
    query: &Query,
    place: &Place,
    diagnostics: &mut Diagnostics,
) -> Option<Checked> {
    let Analysis { project, model, plan } = analysis;
    let printed = render::render_rows(name, query, plan, model, &project.sources, place, diagnostics)?;
    match check::check(printed, place.dialect) {
        Ok(statement) => Some(statement),
        Err(refusal) => {
            diagnostics.push(refused(&refusal, place));
            None
        }
    }
}

/// Compiles what is to be executed: of statements that are compiled already those of `part`, each with its mark.
///
/// Returns nothing where an error was reported; that one of `part` comes to no statement is a mistake of ours, and says so.
pub fn compile_marked(
    analysis: &Analysis,
    place: &Place,
    compiled: &BTreeMap<NodeId, Checked>,
    part: &[NodeId],
    marks: &BTreeMap<String, Mark>,
    diagnostics: &mut Diagnostics,
) -> Option<BTreeMap<NodeId, Checked>> {
    let Analysis { project, model, plan } = analysis;
    let mut marked = BTreeMap::new();
    let mut parser = Checker::new(place.dialect);
    for id in part {
        let node = plan.node(*id);
        let Some(statement) = compiled.get(id) else { continue };
        let Some(mark) = marks.get(&node.name) else {
            marked.insert(*id, statement.clone());
            continue;
        };
        if let Some(apart) = render::mark(node, place, mark) {
            marked.extend(statement.clone().marked_by(apart).map(|statement| (*id, statement)));
            continue;
        }
        let printed = render::render_marked(&[*id], plan, model, &project.sources, place, marks, diagnostics);
        for (id, printed) in printed {
            match parser.check(printed) {
                Ok(other) => {
                    marked.insert(id, statement.clone().marked_as(&other));
                }
                Err(refusal) => diagnostics.push(refused(&refusal, place)),
            }
        }
    }
    if !diagnostics.has_errors() {
        for id in part.iter().filter(|id| !marked.contains_key(id)) {
            let message = format!("no statement makes `{}` on {}", plan.node(*id).name, place.dialect.name());
            let help = "this is a bug of Milepost, not of the project";
            diagnostics.push(Diagnostic::error("refused-statement", message).help(help));
        }
    }
    (!diagnostics.has_errors()).then_some(marked)
}

fn refused(refusal: &check::Refusal, place: &Place) -> Diagnostic {
    let check::Refusal { statement, reason, shadowed } = refusal;
    let dialect = place.dialect.name();
    if let Some(name) = shadowed {
        let message = format!("no table that lies in `{name}` can be read: the SQL calls something else so");
        let diagnostic = Diagnostic::error("bad-name-for-dialect", message).help(format!(
            "write what it lies in before it, as `project` of the target and in `table = \"….{name}.…\"`, or call it otherwise"
        ));
        return match statement.origin {
            Some(span) => diagnostic.at(span, format!("on {dialect}, while compiling this")),
            None => diagnostic,
        };
    }
    let message = format!("the SQL of `{}` does not parse on {dialect}: {reason}", statement.node);
    let mut diagnostic = Diagnostic::error("refused-statement", message);
    // The whole of it: who mends this needs it.
    diagnostic.help = Some(format!(
        "this is a bug of Milepost, in a template or in the dialect's file, not of the project; the statement is\n{}",
        statement.sql
    ));
    match statement.origin {
        Some(span) => diagnostic.at(span, "while compiling this"),
        None => diagnostic,
    }
}
