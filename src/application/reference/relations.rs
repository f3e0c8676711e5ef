//! The relations that Milepost makes: a row, the columns, their units and what they mean.

use std::sync::LazyLock;

use indexmap::IndexMap;
use serde::Deserialize;

use crate::application::reference::Page;
use crate::application::reference::markdown::{code, head, row};
use crate::plan::node::{Node, Relation};
use crate::plan::own;
use crate::semantic::model::{EntityIndex, Model};

/// What a kind of relation is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Told {
    /// What its relations are called.
    pub name: String,
    /// What a row is.
    pub row: String,
    /// What it holds.
    pub about: String,
    /// The kind that has the same columns.
    like: Option<String>,
    #[serde(default)]
    columns: IndexMap<String, Column>,
}

/// What a column means.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Its type in the language, `or` another one.
    #[serde(rename = "type")]
    pub ty: String,
    /// What it means.
    pub about: String,
    /// What its numbers are counted in, or its times.
    pub unit: Option<String>,
}

/// Returns what is said of the kinds of relation, by kind.
pub fn all() -> &'static IndexMap<String, Told> {
    static ALL: LazyLock<IndexMap<String, Told>> =
        LazyLock::new(|| toml::from_str(include_str!("relations.toml")).expect("a test reads the embedded file"));
    &ALL
}

impl Told {
    /// Returns its columns, those of the kind that it is like where it has none of its own.
    pub fn columns(&self) -> &IndexMap<String, Column> {
        self.like.as_ref().and_then(|like| all().get(like)).map_or(&self.columns, |like| &like.columns)
    }
}

/// Says what a column of a relation means, behind the name by which it is told; none where nothing is said of it.
pub fn column(model: &Model, node: &Node, name: &str) -> Option<(&'static str, &'static Column)> {
    let columns = all().get(node.relation.kind())?.columns();
    let by = |told: &str| columns.get_key_value(told).map(|(told, column)| (told.as_str(), column));
    if let Some(found) = by(name) {
        return Some(found);
    }
    let is_start = |told: &&String| told.strip_suffix('*').is_some_and(|start| name.starts_with(start));
    if let Some(told) = columns.keys().find(is_start) {
        return by(told);
    }
    let entity = model.entity(entity_of(model, node)?);
    let is_parent = entity.parent.as_ref().is_some_and(|(_, column)| column == name);
    if name == entity.key {
        by("{key}")
    } else if is_parent {
        by("{parent}")
    } else if entity.attributes.iter().any(|attribute| attribute.name == name) {
        by("{attribute}")
    } else {
        None
    }
}

/// Returns the entity whose key names the rows of a relation.
fn entity_of(model: &Model, node: &Node) -> Option<EntityIndex> {
    match &node.relation {
        Relation::Entity(entity) => Some(*entity),
        Relation::Milestone(milestone) => Some(model.milestone(*milestone).entity),
        Relation::Own(own) => own::of(model, own.definition)?.entity,
        Relation::Schema
        | Relation::Events(_)
        | Relation::Facts(_)
        | Relation::Occurrences(_)
        | Relation::Reached(_)
        | Relation::Milestones
        | Relation::Moment
        | Relation::Cells(_)
        | Relation::Kpi(_)
        | Relation::Kpis => None,
    }
}

/// Returns the page.
pub(super) fn page() -> Page {
    let mut body = String::from(
        "A run makes these relations in the schema of the target. Read `kpi_…`, `kpis`, `milestone_…`, `milestones` and \
         `score_…`; the others are what these are computed from. Their names, columns and types are in \
         `target/manifest.json` too.\n\n",
    );
    for told in all().values() {
        body.push_str(&format!("## {}\n\n{} One row is {}.\n\n", code(&told.name), told.about, told.row));
        if told.like.is_some() {
            body.push_str("Its columns are those of [`kpi_<name>`](#kpi_name).\n\n");
            continue;
        }
        body.push_str(&head(&["column", "type", "meaning", "unit"]));
        for (name, column) in told.columns() {
            let unit = column.unit.clone().unwrap_or_default();
            body.push_str(&row(&[code(name), column.ty.clone(), column.about.clone(), unit]));
        }
        body.push('\n');
    }
    Page::new("relations", "Relations that are made", &body)
}
