//! Project -> model: names resolved, expressions typed, kinds reduced.

pub mod decimal;
pub mod duration;
pub mod entities;
pub mod expr;
pub mod files;
pub mod horizon;
pub mod kinds;
pub mod kpis;
pub mod library;
pub mod milestones;
pub mod model;
pub mod moment;
pub mod name;
pub mod names_in;
pub mod origin;
pub mod parse;
pub mod retention;
pub mod scopes;
pub mod scores;
pub mod settled;
pub mod sources;
pub mod taken;
pub mod values;

use crate::diagnostic::Diagnostics;
use crate::project::Project;
use crate::semantic::model::Model;

/// Works out what `project` means. Returns a model only when nothing is wrong with it.
pub fn resolve(project: &Project, diagnostics: &mut Diagnostics) -> Option<Model> {
    let mut model = Model {
        name: project.settings.body.name.get().clone(),
        sources: Vec::new(),
        entities: Vec::new(),
        milestones: Vec::new(),
        kpis: Vec::new(),
        scores: Vec::new(),
    };
    values::project_name(project, diagnostics);
    // Each step goes on after mistakes, with what is whole, so that all of them are reported together.
    let entity_names = entities::resolve(project, &mut model, diagnostics);
    let source_names = sources::resolve(project, &mut model, &entity_names, diagnostics);
    let milestone_names = milestones::resolve(project, &mut model, &entity_names, &source_names, diagnostics);
    milestones::compared(&model, diagnostics);
    retention::check(project, &model, diagnostics);
    let names = kinds::Known { entities: entity_names, sources: source_names, milestones: milestone_names };
    kpis::resolve(project, &mut model, &names, diagnostics);
    scores::resolve(project, &mut model, &names, diagnostics);
    (!diagnostics.has_errors()).then_some(model)
}
