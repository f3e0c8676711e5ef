//! `[score.<name>]` -> [`Score`].

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::language::Table;
use crate::project::document::OneOrMany;
use crate::project::tables::score::{Scale, ScoreTable};
use crate::project::{Definition, Project};
use crate::semantic::decimal::Decimal;
use crate::semantic::definitions::{Defined, add_milestone};
use crate::semantic::known::Known;
use crate::semantic::meaning::{Lines, milestone_name};
pub use crate::semantic::model::Score;
use crate::semantic::model::{DefinitionId, Meta};
use crate::semantic::model::{EntityIndex, MilestoneIndex, Model, ScoreIndex};
use crate::semantic::references::{Reference, References};
use crate::semantic::sources::default_entity;
use crate::semantic::tables::{Cx, Resolver};
use crate::semantic::values::{self, exact};
use crate::source::Span;

/// The project's scores.
struct Scores<'p>(&'p Project);

/// The word for all milestones of an entity, where a milestone may be named.
const ALL: &str = "milestones";

/// Begins to give the project's scores their meaning.
pub(super) fn resolver<'p>(project: &'p Project, _: &mut Cx<'_>) -> Box<dyn Resolver + 'p> {
    Box::new(Scores(project))
}

impl Resolver for Scores<'_> {
    fn references(&self, position: usize) -> Vec<Reference> {
        let definition = &self.0.tables.scores[position];
        let table = &definition.body;
        let from = definition.place(&table.from);
        let mut references = References::of(self.0, definition);
        references.named_or_all(Table::Entity, table.entity.as_ref());
        match table.from.get() {
            OneOrMany::One(all) if all == ALL => references.all(Table::Milestone, from),
            OneOrMany::One(one) => references.listed(&[Table::Milestone], one, from),
            OneOrMany::Many(many) => {
                many.iter().fold(&mut references, |references, each| references.named(&[Table::Milestone], each))
            }
        };
        references.end()
    }

    fn resolve(&mut self, position: usize, cx: &mut Cx<'_>) {
        let definition = &self.0.tables.scores[position];
        let bands = bands(self.0, definition, cx.diagnostics);
        let Some((entity, terms)) = terms(definition, cx.model, cx.known, cx.diagnostics) else { return };
        let table = &definition.body;
        let (title, description) = (table.title.as_ref(), table.description.as_ref());
        let meta = values::meta(definition, title, description, table.owner.as_ref(), &table.tags);
        cx.known.scores.set(&definition.name, ScoreIndex(cx.model.scores.len()));
        cx.model.scores.push(Score { meta, entity, terms, bands });
    }
}

fn terms(
    definition: &Definition<ScoreTable>,
    model: &Model,
    known: &Known,
    diagnostics: &mut Diagnostics,
) -> Option<(EntityIndex, Vec<(MilestoneIndex, Decimal)>)> {
    let table = &definition.body;
    let from = definition.place(&table.from);
    let named_entity = match &table.entity {
        Some(name) => Some(known.entities.find(name.get(), definition.place(name), diagnostics)?),
        None => None,
    };
    let mut terms: Vec<(MilestoneIndex, Decimal)> = Vec::new();
    // Of milestones with mistakes of their own the weight is not known; nor is it of one that has none.
    let mut whole = true;
    let entity = match table.from.get() {
        OneOrMany::One(all) if all == ALL => {
            let entity = match named_entity {
                Some(entity) => entity,
                None => default_entity(model, "entity", from, diagnostics)?,
            };
            for (index, milestone) in model.milestones.iter().enumerate() {
                if let (Some(weight), true) = (milestone.weight, milestone.entity == entity && !milestone.hidden) {
                    terms.push((MilestoneIndex(index), weight));
                }
            }
            whole = known.milestones.found.values().all(|(index, _)| index.is_some());
            // By name: weights add up in one order, wherever the milestones are written.
            terms.sort_by_key(|(index, _)| &model.milestone(*index).meta.name);
            entity
        }
        listed @ (OneOrMany::One(_) | OneOrMany::Many(_)) => {
            let names: Vec<(&String, Span)> = match listed {
                OneOrMany::One(one) => vec![(one, from)],
                OneOrMany::Many(many) => many.iter().map(|each| (each.get(), definition.place(each))).collect(),
            };
            let mut entity = named_entity;
            let mut all_found = true;
            for (position, (name, span)) in names.iter().copied().enumerate() {
                if let Some((_, earlier)) = names[..position].iter().find(|(earlier, _)| *earlier == name) {
                    diagnostics.push(
                        Diagnostic::error("repeated-part", format!("`{name}` stands twice in the list"))
                            .at(span, "again")
                            .at(*earlier, "first here")
                            .help("a milestone is reached once: its `weight` says what it adds to a score"),
                    );
                    all_found = false;
                    continue;
                }
                let Some(index) = known.milestones.find(name, span, diagnostics) else {
                    all_found = false;
                    continue;
                };
                let milestone = model.milestone(index);
                let scored = *entity.get_or_insert(milestone.entity);
                if milestone.entity != scored {
                    diagnostics.push(
                        Diagnostic::error(
                            "mixed-entities",
                            format!(
                                "`{name}` belongs to entity `{}`, and score `{}` to entity `{}`",
                                model.entity(milestone.entity).meta.name,
                                definition.name,
                                model.entity(scored).meta.name
                            ),
                        )
                        .at(span, format!("not of `{}`", model.entity(scored).meta.name))
                        .at(milestone.meta.span, format!("of `{}`", model.entity(milestone.entity).meta.name)),
                    );
                }
                if let Some(weight) = milestone.weight {
                    terms.push((index, weight));
                } else {
                    whole = false;
                    diagnostics.push(
                        Diagnostic::error("missing-weight", format!("milestone `{name}` has no weight"))
                            .at(span, "counted by the score")
                            .at(milestone.meta.span, "has no `weight`")
                            .help("give it a `weight`, or take it out of the score"),
                    );
                }
            }
            if !all_found {
                return None;
            }
            entity?
        }
    };
    let total: Decimal = terms.iter().map(|(_, weight)| *weight).sum();
    if whole && terms.is_empty() {
        diagnostics.push(
            Diagnostic::error("empty-score", format!("score `{}` adds up nothing", definition.name))
                .at(from, format!("no milestone of `{}` has a weight", model.entity(entity).meta.name))
                .help("give milestones a `weight`"),
        );
    } else if whole && table.scale.unwrap_or(Scale::Share) == Scale::Share && Some(total) != Decimal::whole(1) {
        let list: Vec<String> =
            terms.iter().map(|(index, weight)| format!("{} {weight}", model.milestone(*index).meta.name)).collect();
        diagnostics.push(
            Diagnostic::error(
                "weights-do-not-sum",
                format!("the weights of score `{}` add up to {total}", definition.name),
            )
            .at(from, list.join(", "))
            .help("make them add up to 1, or write `scale = \"points\"`"),
        );
    }
    Some((entity, terms))
}

fn bands(
    project: &Project,
    definition: &Definition<ScoreTable>,
    diagnostics: &mut Diagnostics,
) -> Vec<(String, Decimal)> {
    let mut bands: Vec<(String, Decimal, Span)> = Vec::new();
    for (name, bound) in &definition.body.bands {
        let Some(value) = exact(project, definition, bound, diagnostics) else { continue };
        if let Some((previous, last, place)) = bands.last()
            && value <= *last
        {
            diagnostics.push(
                Diagnostic::error(
                    "bands-not-ascending",
                    format!("band `{}` does not begin above band `{previous}`", name.get()),
                )
                .at(definition.place(bound), format!("not above {last}"))
                .at(*place, format!("`{previous}` begins here"))
                .help("write the bands by their lower bounds, in ascending order"),
            );
        }
        bands.push((name.get().clone(), value, definition.place(bound)));
    }
    bands.into_iter().map(|(name, bound, _)| (name, bound)).collect()
}

impl Defined for Score {
    fn meta(&self) -> &Meta {
        &self.meta
    }

    fn made_of(&self, model: &Model) -> Vec<DefinitionId> {
        let mut made_of = vec![self.entity.into()];
        self.terms.iter().for_each(|(term, _)| add_milestone(model, *term, &mut made_of));
        made_of
    }

    fn meaning(&self, model: &Model) -> String {
        let Score { meta: _, entity, terms, bands } = self;
        let mut lines = Lines::default();
        lines.add("entity", model.entity(*entity).meta.name.clone());
        let mut terms: Vec<String> =
            terms.iter().map(|(index, weight)| format!("{} {weight}", milestone_name(model, *index))).collect();
        terms.sort();
        for term in terms {
            lines.add("term", term);
        }
        for (band, bound) in bands {
            lines.add("band", format!("{band:?} {bound}"));
        }
        lines.end()
    }
}
