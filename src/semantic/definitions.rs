//! What every definition is, whatever its table; and which is made of which others: the graph that people select on, without
//! the relations that definitions share.

use std::collections::BTreeMap;

use crate::language::{Id, Table};
use crate::semantic::graph;
use crate::semantic::model::{DefinitionId, Meta, MilestoneIndex, Model};

/// A definition with its meaning.
pub trait Defined {
    /// Returns its name and the rest.
    fn meta(&self) -> &Meta;

    /// Tells whether the compiler made it, and nobody wrote it.
    fn is_hidden(&self) -> bool {
        false
    }

    /// Returns those that it is made of.
    fn made_of(&self, model: &Model) -> Vec<DefinitionId>;

    /// Returns what it means, as [`crate::semantic::meaning`] says.
    fn meaning(&self, model: &Model) -> String;

    /// Returns how the warehouse is to keep its rows, which is no part of its meaning; nothing where it says nothing.
    fn layout(&self) -> String {
        String::new()
    }
}

/// A definition, and those that it is made of.
#[derive(Clone, Debug)]
pub struct Definition<'m> {
    /// What names it in the model.
    pub definition: DefinitionId,
    /// Its name and the rest.
    pub meta: &'m Meta,
    /// Those that it is made of, each once.
    pub depends_on: Vec<Id>,
}

impl Definition<'_> {
    /// Returns what names it among all, as its TOML header does.
    pub fn id(&self) -> Id {
        Id::new(self.table(), &self.meta.name)
    }

    /// Returns the table that it stands in.
    pub fn table(&self) -> Table {
        self.definition.table()
    }
}

impl Model {
    /// Returns the name of a definition.
    pub fn id(&self, definition: impl Into<DefinitionId>) -> Id {
        let definition = definition.into();
        Id::new(definition.table(), &self.definition(definition).meta().name)
    }

    /// Finds a definition by its name.
    pub fn find(&self, id: &Id) -> Option<DefinitionId> {
        self.ids().into_iter().find(|own| own.table() == id.table && self.definition(*own).meta().name == id.name)
    }
}

/// Returns all definitions, each after those that it is made of.
pub fn all(model: &Model) -> Vec<Definition<'_>> {
    let ids: Vec<DefinitionId> = model.ids().into_iter().filter(|id| !model.definition(*id).is_hidden()).collect();
    let places: BTreeMap<DefinitionId, usize> = ids.iter().enumerate().map(|(place, id)| (*id, place)).collect();
    let made_of = |id: &DefinitionId| -> Vec<usize> {
        let mut once: Vec<usize> = Vec::new();
        for place in model.definition(*id).made_of(model).iter().map(|own| places[own]) {
            if !once.contains(&place) {
                once.push(place);
            }
        }
        once
    };
    let edges: Vec<Vec<usize>> = ids.iter().map(made_of).collect();
    // That there is no circle was seen before anything had a meaning.
    let (order, _) = graph::order(&edges);
    order
        .into_iter()
        .map(|place| Definition {
            definition: ids[place],
            meta: model.definition(ids[place]).meta(),
            depends_on: edges[place].iter().map(|own| model.id(ids[*own])).collect(),
        })
        .collect()
}

/// Adds a milestone; in place of a step that the compiler made, the milestone that it is again, and what it comes after.
pub fn add_milestone(model: &Model, index: MilestoneIndex, made_of: &mut Vec<DefinitionId>) {
    let own = model.milestone(index);
    if own.hidden {
        own.inputs().into_iter().chain(own.again).for_each(|input| add_milestone(model, input, made_of));
    } else {
        made_of.push(index.into());
    }
}
