//! A file with the sizes of raw tables, and what a run is billed for them: worked out, and asked of nobody.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::Analysis;
use crate::application::Obstacle;
use crate::plan::billed::{Billed, Rates, Size, Sizes, Source, billed};
use crate::plan::node::{NodeId, Raw};
use crate::project::read::list;
use crate::render::dialect::Dialect;

/// The bytes of a text of which nothing else is said.
const TEXT: u64 = 20;

/// What is written in the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    text: Option<u64>,
    #[serde(default)]
    source: BTreeMap<String, Written>,
    #[serde(default)]
    entity: BTreeMap<String, Written>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    rows: u64,
    #[serde(default)]
    bytes: BTreeMap<String, u64>,
    #[serde(default)]
    events: BTreeMap<String, u64>,
    entities: Option<u64>,
}

/// Returns what each statement of a part of the plan is billed for each table that it reads, by the sizes in a file.
///
/// # Errors
///
/// If the warehouse bills no bytes, the file cannot be read, lacks a table that is read or names one that there is not.
pub fn billed_by(
    analysis: &Analysis,
    part: &[NodeId],
    dialect: &Dialect,
    path: &Path,
) -> Result<Vec<(String, String, Billed)>, Obstacle> {
    let Analysis { model, plan, .. } = analysis;
    let rates: &Rates = dialect.billed().ok_or_else(|| {
        Obstacle::new(format!("{} does not bill by bytes that are read", dialect.name()))
            .help("leave `--sizes` out: `--estimate` asks the target how much is read")
    })?;
    let shown = path.display();
    let text = fs::read_to_string(path).map_err(|error| Obstacle::new(format!("reading {shown}: {error}")))?;
    let file: File =
        toml::from_str(&text).map_err(|error| Obstacle::new(format!("{shown}: {}", error.to_string().trim_end())))?;
    let mut sizes = Sizes { raw: BTreeMap::new(), text: file.text.unwrap_or(TEXT) };
    // A definition that nothing reads today has its size as well.
    let is_known = |kind: &str, name: &str| match kind {
        "source" => model.sources.iter().any(|own| own.meta.name == name),
        _ => model.entities.iter().any(|own| own.meta.name == name),
    };
    let named = file.source.keys().map(|name| ("source", name)).chain(file.entity.keys().map(|name| ("entity", name)));
    let unknown: BTreeSet<String> =
        named.filter(|(kind, name)| !is_known(kind, name)).map(|(kind, name)| format!("[{kind}.{name}]")).collect();
    let mut missing = BTreeSet::new();
    for raw in plan.nodes.iter().filter_map(|node| node.reads) {
        let (kind, name, written) = match raw {
            Raw::Source(index) => {
                let name = &model.source(index).meta.name;
                ("source", name, file.source.get(name))
            }
            Raw::Entity(index) => {
                let name = &model.entity(index).meta.name;
                ("entity", name, file.entity.get(name))
            }
        };
        match written {
            Some(Written { rows, bytes, events, entities }) => {
                sizes.raw.insert(
                    raw,
                    Size { rows: *rows, bytes: bytes.clone(), events: events.clone(), entities: *entities },
                );
            }
            None => {
                missing.insert(format!("[{kind}.{name}]"));
            }
        }
    }
    let listed = |names: BTreeSet<String>| list(&names.into_iter().collect::<Vec<String>>());
    if !missing.is_empty() {
        return Err(Obstacle::new(format!("{shown} has no {}", listed(missing)))
            .help("write how many `rows` it has; docs/warehouses.md shows such a file"));
    }
    if !unknown.is_empty() {
        return Err(Obstacle::new(format!("nothing in the project is called as in {shown}: {}", listed(unknown))));
    }
    let name = |node: NodeId| plan.node(node).name.clone();
    let found = billed(model, plan, part, &sizes, rates);
    let with_names = found.into_iter().map(|own| {
        let reads = match own.reads {
            Source::Node(id) => name(id),
            Source::Raw(Raw::Source(index)) => format!("source.{}", model.source(index).meta.name),
            Source::Raw(Raw::Entity(index)) => format!("entity.{}", model.entity(index).meta.name),
        };
        (name(own.node), reads, own)
    });
    Ok(with_names.collect())
}
