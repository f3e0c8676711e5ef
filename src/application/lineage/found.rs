//! What a name means whose lineage is asked for.

use std::collections::BTreeSet;

use crate::application::Obstacle;
use crate::language::Id;
use crate::plan::lineage::{Lineage, Place};
use crate::plan::node::{NodeId, Plan, Raw};
use crate::project::names::nearest;
use crate::project::read::list;
use crate::semantic::definitions::{self, Definition};
use crate::semantic::files::{entity_columns, source_columns};
use crate::semantic::model::{Model, SourceRows};
use crate::semantic::name::Path;

/// A definition, or one column.
#[derive(Debug)]
pub struct Found {
    /// The id of the definition.
    pub id: String,
    /// The relation that it is, where one is made.
    pub node: Option<NodeId>,
    /// The raw rows that it says how to read.
    pub raw: Option<Raw>,
    /// The column that is meant, where it is not all of it.
    pub column: Option<Column>,
}

/// A column, by its name.
#[derive(Debug)]
pub struct Column {
    /// The name, in the form of names in TOML.
    pub name: Path,
    /// Its place in the relation, where that has one of this name.
    pub made: Option<usize>,
    /// Whether the raw rows have one of this name.
    pub is_raw: bool,
}

impl Found {
    /// Finds what a name means: a definition by its id or its name, alone or with a dot and a column behind it.
    pub fn named(name: &str, model: &Model, plan: &Plan) -> Result<Self, Obstacle> {
        let unknown = || {
            let failure = Obstacle::new(format!("nothing in the project is called `{name}`"));
            let all: Vec<Id> = definitions::all(model).iter().map(Definition::id).collect();
            let shown: Vec<String> = all.iter().map(ToString::to_string).collect();
            let bare = all.iter().map(|id| id.name.as_str());
            let near = nearest(name, shown.iter().map(String::as_str).chain(bare));
            failure.help(match near {
                Some(near) => format!("there is `{near}`"),
                None => "`milepost ls` prints what there is".to_owned(),
            })
        };
        let path = Path::parse(name).ok_or_else(unknown)?;
        let all = definitions::all(model);
        let mut meant: Vec<(&Definition<'_>, &[String])> = Vec::new();
        for definition in &all {
            let rest = match path.parts() {
                [table, name, rest @ ..] if table == definition.table().name() && *name == definition.meta.name => rest,
                [name, rest @ ..] if *name == definition.meta.name => rest,
                _ => continue,
            };
            meant.push((definition, rest));
        }
        match meant.as_slice() {
            [] => Err(unknown()),
            [(definition, rest)] => Self::of(definition, rest, model, plan),
            several => {
                let ids: Vec<String> = several.iter().map(|(definition, _)| definition.id().to_string()).collect();
                let help = format!("say which: {}", list(&ids.iter().map(String::as_str).collect::<Vec<_>>()));
                Err(Obstacle::new(format!("several definitions are called `{name}`")).help(help))
            }
        }
    }

    fn of(definition: &Definition<'_>, rest: &[String], model: &Model, plan: &Plan) -> Result<Self, Obstacle> {
        let raw = Raw::of(model, definition.definition);
        let is_it = |node: &crate::plan::node::Node| {
            node.definition.as_ref().is_some_and(|own| own.definition == definition.definition)
        };
        let node = plan.nodes.iter().position(is_it).map(NodeId);
        let mut found = Self { id: definition.id().to_string(), node, raw, column: None };
        if !rest.is_empty() {
            found.column = Some(found.find(Path::new(rest), model, plan)?);
        }
        Ok(found)
    }

    fn find(&self, name: Path, model: &Model, plan: &Plan) -> Result<Column, Obstacle> {
        let made: Vec<Path> = self
            .node
            .iter()
            .flat_map(|node| &plan.node(*node).columns)
            .map(|(column, _)| Path::new([column]))
            .collect();
        let raw = self.raw.map(|raw| raw_columns(model, raw)).unwrap_or_default();
        let place = made.iter().position(|column| *column == name);
        let is_raw = raw.contains(&name);
        if place.is_some() || is_raw {
            return Ok(Column { name, made: place, is_raw });
        }
        let all: BTreeSet<String> = made.iter().chain(&raw).map(ToString::to_string).collect();
        let shown: Vec<&str> = all.iter().map(String::as_str).collect();
        let failure = Obstacle::new(format!("`{}` has no column `{name}`", self.id));
        Err(failure.help(match nearest(&name.to_string(), shown.iter().copied()) {
            Some(near) => format!("it has `{near}`"),
            None => format!("it has {}", list(&shown)),
        }))
    }

    /// Returns the name that it was called by.
    pub fn name(&self) -> String {
        match &self.column {
            Some(column) => format!("{}.{}", self.id, column.name),
            None => self.id.clone(),
        }
    }

    /// Tells whether a place is it, or a part of it. A column of raw rows goes before one that is made of them.
    pub fn is(&self, place: &Place, lineage: &Lineage<'_>) -> bool {
        let is_of_node = |slice| self.node == Some(lineage.slice(slice).node);
        match (&self.column, place) {
            (None, Place::RawRows(raw) | Place::RawColumn(raw, _)) => self.raw == Some(*raw),
            (None, Place::Rows(slice) | Place::Column(slice, _)) => self.raw.is_none() && is_of_node(*slice),
            (Some(own), Place::RawColumn(raw, path)) => {
                // A document changes with its properties, and they with it.
                let (one, other) = (own.name.parts(), path.parts());
                own.is_raw && self.raw == Some(*raw) && (one.starts_with(other) || other.starts_with(one))
            }
            (Some(own), Place::Column(slice, column)) => !own.is_raw && is_of_node(*slice) && own.made == Some(*column),
            (Some(_), Place::RawRows(_) | Place::Rows(_)) => false,
        }
    }
}

/// Returns the columns of raw rows that are declared; of a document the column, and each property.
fn raw_columns(model: &Model, raw: Raw) -> Vec<Path> {
    let whole = |columns: Vec<&str>| columns.into_iter().map(|column| Path::new([column])).collect::<Vec<_>>();
    let source = match raw {
        Raw::Entity(index) => return whole(entity_columns(model.entity(index))),
        Raw::Source(index) => model.source(index),
    };
    let mut columns = whole(source_columns(source));
    if let SourceRows::Events { properties: Some(properties), .. } = &source.rows {
        let property = |path: &Path| Path::new(std::iter::once(&properties.column).chain(path.parts()));
        columns.extend(properties.types.keys().map(property));
    }
    columns
}
