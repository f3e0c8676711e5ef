//! What is wrong with a project, as far as that can be known without a connection.

use crate::application::catalog;
use crate::application::workspace::{self, Request};
use crate::diagnostic::Diagnostics;
use crate::source::Sources;
use crate::suite::case;
use crate::{Analysis, compile, target};

/// Finds what is wrong with a project, and returns it with the files that were read.
pub fn find(request: &Request) -> (Diagnostics, Sources) {
    let mut diagnostics = Diagnostics::default();
    match request.analyze(&mut diagnostics) {
        Err(sources) => (diagnostics, sources),
        Ok(analysis) => {
            beyond(&analysis, request, &mut diagnostics);
            (diagnostics, analysis.project.sources)
        }
    }
}

/// Finds what is wrong beyond the definitions themselves: moments, targets, unit tests, and what a target's warehouse
/// cannot say.
fn beyond(analysis: &Analysis, request: &Request, diagnostics: &mut Diagnostics) {
    let Analysis { project, model, plan } = analysis;
    let as_of = workspace::as_of(request, project, diagnostics);
    let targets = match request.target.as_deref() {
        Some(wanted) => target::pick(project, Some(wanted), diagnostics).into_iter().collect(),
        // A project may be checked before it has a place to be built in.
        None if project.tables.targets.is_empty() => Vec::new(),
        None => {
            if project.settings.body.default_target.is_some() {
                target::pick(project, None, diagnostics);
            }
            target::all(project, diagnostics)
        }
    };
    case::resolve(project, model, plan, diagnostics);
    catalog::report(analysis, diagnostics);
    let Some(as_of) = as_of else { return };
    for target in &targets {
        // What is wrong for one is told; whether another has more of it is told too.
        let mut found = Diagnostics::default();
        compile(analysis, &workspace::place(target, as_of), &mut found);
        found.sorted().into_iter().cloned().for_each(|diagnostic| diagnostics.push(diagnostic));
    }
}
