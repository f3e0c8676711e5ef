//! Project -> model: names resolved, expressions typed, kinds reduced.

pub mod buckets;
pub mod conditions;
pub mod dbt;
pub mod decimal;
pub mod definitions;
pub mod duration;
pub mod entities;
pub mod event_names;
pub mod expr;
pub mod files;
mod graph;
pub mod horizon;
pub mod kinds;
pub mod known;
pub mod kpis;
pub mod library;
pub mod meaning;
pub mod milestones;
pub mod model;
pub mod moment;
pub mod name;
pub mod names_in;
pub mod origin;
pub mod parse;
pub mod references;
pub mod retention;
pub mod scopes;
pub mod scores;
pub mod settled;
pub mod signature;
pub mod sources;
pub mod tables;
pub mod taken;
pub mod values;

use crate::diagnostic::Diagnostics;
use crate::project::Project;
use crate::semantic::model::Model;

/// Works out what `project` means. Returns a model only when nothing is wrong with it.
pub fn resolve(project: &Project, diagnostics: &mut Diagnostics) -> Option<Model> {
    let mut model = Model { name: project.settings.body.name.get().clone(), ..Model::default() };
    values::project_name(project, diagnostics);
    tables::resolve(project, &mut model, diagnostics);
    dbt::report_columns(project, &model, diagnostics);
    (!diagnostics.has_errors()).then_some(model)
}
