//! `table = "dbt:stg_events"`: the table that a model or a source of a dbt project is, and the columns that it has.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::project::Project;
use crate::project::dbt::DbtRelation;
use crate::project::document::Spanned;
use crate::project::names::nearest;
use crate::semantic::model::Model;
use crate::source::{Span, Text};

pub(super) use crate::project::dbt::PREFIX;

/// Returns the name of the table that dbt calls `name`.
pub(super) fn table(project: &Project, name: &str, text: &Text, diagnostics: &mut Diagnostics) -> Option<String> {
    let Some(dbt) = &project.dbt else {
        diagnostics.push(
            Diagnostic::error(
                "no-dbt-project",
                format!("`{PREFIX}{name}` names a model, and the project names no dbt project"),
            )
            .at(text.span, "")
            .help("write `dbt = \"../analytics\"` into `[project]`: the folder of the dbt project"),
        );
        return None;
    };
    let Some(relation) = dbt.relations.get(name) else {
        let diagnostic = Diagnostic::error("unknown-dbt-relation", format!("dbt has no model or source `{name}`"))
            .at(text.span, "in the manifest of the dbt project");
        diagnostics.push(match nearest(name, dbt.relations.keys().map(String::as_str)) {
            Some(near) => diagnostic.help(format!("one with a similar name exists: `{PREFIX}{near}`")),
            None => diagnostic.help(format!(
                "a model is written `{PREFIX}model`, a source `{PREFIX}source.table`; `dbt parse` writes the manifest anew"
            )),
        });
        return None;
    };
    match &relation.table {
        Ok(parts) => Some(parts.join(".")),
        Err(reason) => {
            diagnostics.push(
                Diagnostic::error("dbt-relation-without-table", format!("`{name}` of dbt is no table"))
                    .at(text.span, reason.clone())
                    .help("name a model that dbt keeps as a table or a view"),
            );
            None
        }
    }
}

/// Reports columns that definitions read and a relation of dbt does not have, where its catalog says which there are.
pub(super) fn report_columns(project: &Project, model: &Model, diagnostics: &mut Diagnostics) {
    for source in &project.tables.sources {
        let found = model.sources.iter().find(|own| own.meta.name == source.name);
        if let (Some(relation), Some(found)) = (named(project, source.body.table.as_ref()), found) {
            report(relation, source.body.table.as_ref().map(|table| source.place(table)), &found.places, diagnostics);
        }
    }
    for entity in &project.tables.entities {
        let found = model.entities.iter().find(|own| own.meta.name == entity.name);
        if let (Some(relation), Some(found)) = (named(project, entity.body.table.as_ref()), found) {
            report(relation, entity.body.table.as_ref().map(|table| entity.place(table)), &found.places, diagnostics);
        }
    }
}

/// Returns who answers for a relation: who is written, or who dbt says of the table that is one of its.
pub(super) fn owner<'p>(
    project: &'p Project,
    written: Option<&'p String>,
    table: Option<&Spanned<String>>,
) -> Option<&'p String> {
    written.or_else(|| named(project, table)?.owner.as_ref())
}

/// Returns the relation of dbt's that a table is.
pub fn named<'p>(project: &'p Project, table: Option<&Spanned<String>>) -> Option<&'p DbtRelation> {
    project.dbt.as_ref()?.relations.get(table?.get().strip_prefix(PREFIX)?)
}

fn report(relation: &DbtRelation, table: Option<Span>, places: &BTreeMap<String, Span>, diagnostics: &mut Diagnostics) {
    let Some(columns) = &relation.columns else { return };
    // Most warehouses tell no capitals apart, and what is told apart is found when a run looks at the table.
    let known: BTreeSet<String> = columns.keys().map(|column| column.to_lowercase()).collect();
    for (column, place) in places.iter().filter(|(column, _)| !known.contains(&column.to_lowercase())) {
        let diagnostic =
            Diagnostic::error("unknown-column", format!("the relation of dbt has no column `{column}`")).at(*place, "");
        let diagnostic = match table {
            Some(table) => diagnostic.at(table, "its columns are in the catalog of the dbt project"),
            None => diagnostic,
        };
        diagnostics.push(match nearest(column, columns.keys().map(String::as_str)) {
            Some(near) => diagnostic.help(format!("a column with a similar name exists: `{near}`")),
            None => diagnostic.help("`dbt docs generate` writes the catalog anew"),
        });
    }
}
