//! Which definition is made of which others: the graph that people select on, without the relations that definitions
//! share.

use crate::plan::build::{members_first, uses_entity};
use crate::semantic::model::{
    EntityIndex, Measure, MeasureRelation, Meta, MilestoneIndex, Model, Occurrences, SourceIndex,
};

/// A definition, and those that it is made of.
#[derive(Clone, Debug)]
pub struct Definition<'m> {
    /// `source`, `entity`, `milestone`, `kpi` or `score`.
    pub kind: &'static str,
    /// Its name and the rest.
    pub meta: &'m Meta,
    /// The ids of those that it is made of, each once.
    pub depends_on: Vec<String>,
}

impl Definition<'_> {
    /// Returns what names it among all: `kpi.activation_rate`, as its TOML header does.
    pub fn id(&self) -> String {
        id(self.kind, self.meta)
    }
}

/// Returns all definitions, each after those that it is made of.
pub fn all(model: &Model) -> Vec<Definition<'_>> {
    let mut all = Vec::new();
    let mut add = |kind, meta, depends_on: Vec<String>| {
        let mut once: Vec<String> = Vec::new();
        for id in depends_on {
            if !once.contains(&id) {
                once.push(id);
            }
        }
        all.push(Definition { kind, meta, depends_on: once });
    };
    // An entity that lacks something of its own has it from its members.
    for index in members_first(model) {
        let own = &model.entities[index];
        let members = own.members.iter().map(|member| entity(model, *member)).collect();
        add("entity", &own.meta, members);
    }
    for own in &model.sources {
        add("source", &own.meta, Vec::new());
    }
    for own in model.milestones.iter().filter(|milestone| !milestone.hidden) {
        let mut depends_on = vec![entity(model, own.entity)];
        if let Occurrences::Events { source: index, .. } = &own.occurrences {
            depends_on.push(source(model, *index));
            depends_on.extend(model.source(*index).entity.iter().map(|(actor, _)| entity(model, *actor)));
        }
        for input in own.inputs() {
            milestone(model, input, &mut depends_on);
        }
        add("milestone", &own.meta, depends_on);
    }
    for own in &model.kpis {
        let mut depends_on = Vec::new();
        own.value.measures().for_each(|part| measure(model, part, &mut depends_on));
        depends_on.extend(own.value.inputs().iter().map(|input| id("kpi", &model.kpi(*input).meta)));
        add("kpi", &own.meta, depends_on);
    }
    for own in &model.scores {
        let mut depends_on = vec![entity(model, own.entity)];
        for (term, _) in &own.terms {
            milestone(model, *term, &mut depends_on);
        }
        add("score", &own.meta, depends_on);
    }
    all
}

fn id(kind: &str, meta: &Meta) -> String {
    format!("{kind}.{}", meta.name)
}

fn entity(model: &Model, index: EntityIndex) -> String {
    id("entity", &model.entity(index).meta)
}

fn source(model: &Model, index: SourceIndex) -> String {
    id("source", &model.source(index).meta)
}

/// Adds a milestone; in place of a step that the compiler made, the milestone that it is again, and what it comes after.
fn milestone(model: &Model, index: MilestoneIndex, depends_on: &mut Vec<String>) {
    let own = model.milestone(index);
    if own.hidden {
        own.inputs().into_iter().chain(own.again).for_each(|input| milestone(model, input, depends_on));
    } else {
        depends_on.push(id("milestone", &own.meta));
    }
}

fn measure(model: &Model, measure: &Measure, depends_on: &mut Vec<String>) {
    match &measure.relation {
        MeasureRelation::Entity(index) => depends_on.push(entity(model, *index)),
        MeasureRelation::Milestone { of, population } => {
            milestone(model, *of, depends_on);
            if let Some(population) = population {
                milestone(model, *population, depends_on);
            }
            depends_on.push(entity(model, model.milestone(*of).entity));
        }
        MeasureRelation::Events(index, _) | MeasureRelation::Facts(index) => {
            depends_on.push(source(model, *index));
            if uses_entity(measure) {
                depends_on.extend(model.source(*index).entity.iter().map(|(owner, _)| entity(model, *owner)));
            }
        }
    }
}
