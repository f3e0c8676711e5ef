//! `manifest.json`: what was compiled, for programs: the definitions, and for each target its relations in the order in
//! which they are made.
//!
//! There is no clock in it but `as_of`, so that compiling the same again writes the same bytes.

mod names;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

pub use self::names::Names;
use crate::check::Checked;
use crate::language::Id;
use crate::plan::lineage::{Lineage, Place, Share};
use crate::plan::node::{NodeId, Plan, Raw};
use crate::project::Project;
use crate::run::results::{sha256, unique_id};
use crate::semantic::definitions;
use crate::semantic::model::{DefinitionId, Meta, Model};
use crate::target::Target;

/// The version of the file's shape. It changes when a key changes its meaning or goes away, not when one is added.
pub const VERSION: u32 = 1;

/// The file.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Manifest {
    /// Who wrote it, and of what.
    pub metadata: Metadata,
    /// The definitions, each after those that it is made of.
    pub definitions: Vec<DefinitionEntry>,
    /// What is read of the warehouse, and how often.
    pub sources: Vec<SourceEntry>,
    /// What was compiled for each target.
    pub targets: Vec<TargetEntry>,
    /// The compiled files that are in the folder, relative to this file; those of targets that were compiled before too.
    /// Only these are ever removed.
    pub files: BTreeSet<String>,
}

/// Who wrote the file, and of what.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Metadata {
    /// The version of Milepost.
    pub milepost_version: &'static str,
    /// The version of the file's shape: it changes when a key changes its meaning or goes away, not when one is added.
    pub manifest_version: u32,
    /// The project's name.
    pub project: String,
    /// The project's version.
    pub project_version: Option<String>,
    /// What the project measures.
    pub description: Option<String>,
    /// The moment as of which everything is computed.
    pub as_of: String,
}

/// One definition.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DefinitionEntry {
    /// `<kind>.<project>.<name>`.
    pub unique_id: String,
    /// `source`, `entity`, `milestone`, `kpi` or `score`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// Its name for people.
    pub title: Option<String>,
    /// What it means.
    pub description: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Names to select it by.
    pub tags: Vec<String>,
    /// Its file, relative to the project.
    pub path: String,
    /// The line of its name.
    pub line: usize,
    /// The unique ids of those that it is made of.
    pub depends_on: Vec<String>,
    /// A hash of its meaning: independent of its place, of comments, and of what is said about it.
    pub sha256: String,
}

/// Something that is read of the warehouse.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SourceEntry {
    /// The unique id of the definition.
    pub unique_id: String,
    /// How often a run reads it.
    pub reads: usize,
    /// The relations that read it.
    pub read_by: Vec<String>,
}

/// What was compiled for one target.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TargetEntry {
    /// Its name.
    pub name: String,
    /// Its dialect.
    pub dialect: String,
    /// What stands before the names of its relations.
    pub schema: String,
    /// Its relations, in the order in which they are made.
    pub nodes: Vec<NodeEntry>,
}

/// One relation.
#[derive(Debug, Serialize, JsonSchema)]
pub struct NodeEntry {
    /// `<kind>.<project>.<name>`, as in `run_results.json`.
    pub unique_id: String,
    /// What it is, in a word.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// `schema`, `table` or `view`.
    pub materialization: &'static str,
    /// Its full name, quoted; null for the schema.
    pub relation_name: Option<String>,
    /// Its SQL, relative to this file.
    pub sql_path: String,
    /// A hash of its SQL.
    pub sql_sha256: String,
    /// The unique id of the definition that it is; null where definitions share it.
    pub definition: Option<String>,
    /// The file of that definition.
    pub definition_path: Option<String>,
    /// A hash of that definition's meaning.
    pub definition_sha256: Option<String>,
    /// The tags of that definition.
    pub tags: Vec<String>,
    /// The unique ids of the relations that it reads.
    pub depends_on: Vec<String>,
    /// What of raw rows decides which rows there are, and so what every column holds: the unique id of a source or entity,
    /// or that, a dot and a column; of a document, the column and the keys with dots between them.
    pub rows_from: Names,
    /// Its columns.
    pub columns: Vec<ColumnEntry>,
}

/// One column.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ColumnEntry {
    /// Its name.
    pub name: String,
    /// Its type in the language.
    #[serde(rename = "type")]
    pub ty: &'static str,
    /// The columns of raw rows that its values are made of.
    pub value_from: Names,
    /// What else of raw rows decides which rows are behind its values.
    pub rows_from: Names,
}

/// Returns the file; `compiled` holds each target with its statements, and `files` names what is in the folder.
pub fn manifest(
    project: &Project,
    model: &Model,
    plan: &Plan,
    as_of: jiff::Timestamp,
    compiled: &[(Target, BTreeMap<NodeId, Checked>)],
    files: BTreeSet<String>,
) -> Manifest {
    let settings = &project.settings.body;
    // It is that of the plan, whatever the target.
    let mut origins = origins(model, plan);
    let last = compiled.len().saturating_sub(1);
    Manifest {
        metadata: Metadata {
            milepost_version: env!("CARGO_PKG_VERSION"),
            manifest_version: VERSION,
            project: model.name.clone(),
            project_version: settings.version.clone(),
            description: settings.description.clone(),
            as_of: as_of.to_string(),
        },
        definitions: definitions::all(model).iter().map(|own| definition(project, model, own)).collect(),
        sources: sources(model, plan),
        targets: compiled
            .iter()
            .enumerate()
            .map(|(place, (target, statements))| {
                // There are many: the last target takes them.
                let mut of = |id: NodeId| {
                    let own = &mut origins[id.0];
                    if place == last { std::mem::take(own) } else { own.clone() }
                };
                target_entry(project, model, plan, &mut of, target, statements)
            })
            .collect(),
        files,
    }
}

/// Returns the path of a definition's file relative to the project, with slashes.
pub fn path_of(project: &Project, meta: &Meta) -> String {
    project.sources.shown_path(meta.span.source)
}

/// Returns the hash of a definition's meaning.
pub fn definition_hash(model: &Model, id: DefinitionId) -> String {
    sha256(&format!("{}\n{}", id.table(), model.definition(id).meaning(model)))
}

/// Returns the hash of all that a definition says of its relation: its meaning, and how its rows are to be kept.
pub fn spec_hash(model: &Model, id: DefinitionId) -> String {
    let own = model.definition(id);
    sha256(&format!("{}\n{}{}", id.table(), own.meaning(model), own.layout()))
}

/// Returns the unique id of a definition.
fn unique(model: &Model, id: &Id) -> String {
    unique_id(id.table.name(), &model.name, &id.name)
}

/// Returns the unique id of a node of the plan.
pub fn node_id(model: &Model, plan: &Plan, id: NodeId) -> String {
    let node = plan.node(id);
    unique_id(node.relation.kind(), &model.name, &node.name)
}

fn definition(project: &Project, model: &Model, own: &definitions::Definition<'_>) -> DefinitionEntry {
    let meta = own.meta;
    DefinitionEntry {
        unique_id: unique(model, &own.id()),
        kind: own.table().name(),
        name: meta.name.clone(),
        title: meta.title.clone(),
        description: meta.description.clone(),
        owner: meta.owner.clone(),
        tags: meta.tags.clone(),
        path: path_of(project, meta),
        line: project.sources.line_column(meta.span).0,
        depends_on: own.depends_on.iter().map(|id| unique(model, id)).collect(),
        sha256: definition_hash(model, own.definition),
    }
}

fn sources(model: &Model, plan: &Plan) -> Vec<SourceEntry> {
    Raw::all(model)
        .map(|raw| {
            let readers = plan.readers(raw);
            SourceEntry {
                unique_id: unique(model, &model.id(raw)),
                reads: readers.len(),
                read_by: readers.into_iter().map(|reader| node_id(model, plan, reader)).collect(),
            }
        })
        .collect()
}

/// Where a relation comes from, in raw rows: what decides its rows, and its columns.
type Origins = (Names, Vec<ColumnEntry>);

/// Returns where each relation comes from.
fn origins(model: &Model, plan: &Plan) -> Vec<Origins> {
    let lineage = Lineage::new(model, plan);
    let mut known = names::Known::default();
    let of_node = |index: usize| {
        let node = &plan.nodes[index];
        let all: Vec<usize> = (0..node.columns.len()).collect();
        let shares = lineage.shares(NodeId(index), &all);
        let mut origins: Vec<(Arc<str>, &Share)> = Vec::new();
        for (place, share) in &shares {
            let Some(raw) = place.raw() else { continue };
            let make = || {
                let id = unique(model, &model.id(raw));
                if let Place::RawColumn(_, path) = place { format!("{id}.{path}") } else { id }
            };
            origins.push((known.name(place, make), share));
        }
        origins.sort_by(|(one, _), (other, _)| one.cmp(other));
        let mut of = |is_it: &dyn Fn(&Share) -> bool| {
            let names = origins.iter().filter(|(_, share)| is_it(share)).map(|(name, _)| Arc::clone(name));
            let mut names: Vec<Arc<str>> = names.collect();
            names.dedup();
            known.list(&names)
        };
        let rows = of(&|share| share.rows);
        let columns = node.columns.iter().enumerate().map(|(place, (name, ty))| ColumnEntry {
            name: name.clone(),
            ty: ty.name(),
            value_from: of(&|share| share.value.contains(&place)),
            rows_from: of(&|share| share.behind.contains(&place) && !share.rows),
        });
        (rows, columns.collect())
    };
    (0..plan.nodes.len()).map(of_node).collect()
}

fn target_entry(
    project: &Project,
    model: &Model,
    plan: &Plan,
    origins: &mut dyn FnMut(NodeId) -> Origins,
    target: &Target,
    statements: &BTreeMap<NodeId, Checked>,
) -> TargetEntry {
    let nodes = statements.iter().map(|(id, statement)| {
        let node = plan.node(*id);
        let definition = node.definition.as_ref();
        let (rows_from, columns) = origins(*id);
        NodeEntry {
            unique_id: node_id(model, plan, *id),
            kind: node.relation.kind(),
            name: node.name.clone(),
            materialization: node.materialization.name(),
            relation_name: target.relation(node),
            sql_path: format!("{}/{}.sql", target.folder, node.name),
            sql_sha256: sha256(statement.sql()),
            definition: definition.map(|own| unique(model, &own.id)),
            definition_path: definition.map(|own| project.sources.shown_path(own.span.source)),
            definition_sha256: definition.map(|own| definition_hash(model, own.definition)),
            tags: definition.map(|own| own.tags.clone()).unwrap_or_default(),
            depends_on: node.depends_on.iter().map(|input| node_id(model, plan, *input)).collect(),
            rows_from,
            columns,
        }
    });
    TargetEntry {
        name: target.name.clone(),
        dialect: target.dialect.name().to_owned(),
        schema: target.schema.clone(),
        nodes: nodes.collect(),
    }
}
