//! What a run makes is not what it reads: a raw table of that name would be replaced by its own rows.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::plan::node::Plan;
use crate::render::{Place, access};
use crate::semantic::model::{Meta, Model, Origin};

/// Reports the sources and entities that read a relation which the plan makes in `place`.
pub fn report(plan: &Plan, model: &Model, place: &Place, diagnostics: &mut Diagnostics) {
    let made = plan.nodes.iter().filter(|node| node.materialization.is_relation());
    let made: Vec<Vec<String>> = made.map(|node| parts(&format!("{}.{}", place.schema, node.name))).collect();
    let sources = model.sources.iter().map(|source| ("source", &source.meta, &source.origin));
    let entities = model.entities.iter().filter_map(|entity| Some(("entity", &entity.meta, entity.origin.as_ref()?)));
    for (kind, meta, origin) in sources.chain(entities) {
        let Some(table) = table(meta, origin, place) else { continue };
        let read = parts(table);
        if read.len() > 1 && made.iter().any(|made| made.ends_with(&read)) {
            diagnostics.push(
                Diagnostic::error(
                    "reads-own-relation",
                    format!("`{kind}.{}` reads `{table}`, which a run makes", meta.name),
                )
                .at(origin.span, format!("a relation of this project in the schema `{}`", place.schema))
                .help("give the target another `schema`, or keep the raw rows under another name"),
            );
        }
    }
}

/// Returns the table that is read, where one is.
fn table<'o>(meta: &Meta, origin: &'o Origin, place: &Place) -> Option<&'o str> {
    let reads_file = origin.files.as_ref().is_some_and(|files| access::file(place.dialect, files, &[]).is_ok());
    let is_given = place.stand_ins.contains_key(&meta.name);
    origin.table.as_deref().filter(|_| !reads_file && !is_given)
}

/// Letters of either size are one: most warehouses take them for that, and two such names are a mistake on the others.
fn parts(name: &str) -> Vec<String> {
    name.split('.').map(str::to_lowercase).collect()
}
