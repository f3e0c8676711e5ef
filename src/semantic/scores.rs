//! `[score.<name>]` -> [`Score`].

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::project::document::OneOrMany;
use crate::project::tables::score::{Scale, ScoreTable};
use crate::project::{Definition, Project};
use crate::semantic::decimal::Decimal;
use crate::semantic::kinds::Known;
use crate::semantic::model::{EntityIndex, MilestoneIndex, Model, Score};
use crate::semantic::sources::default_entity;
use crate::semantic::values::{self, exact};
use crate::source::Span;

/// Adds the project's scores to `model`.
pub fn resolve(project: &Project, model: &mut Model, known: &Known, diagnostics: &mut Diagnostics) {
    for definition in &project.tables.scores {
        let bands = bands(project, definition, diagnostics);
        let Some((entity, terms)) = terms(definition, model, known, diagnostics) else { continue };
        let table = &definition.body;
        model.scores.push(Score {
            meta: values::meta(
                definition,
                table.title.as_ref(),
                table.description.as_ref(),
                table.owner.as_ref(),
                &table.tags,
            ),
            entity,
            terms,
            bands,
        });
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
    let mut weightless = false;
    let entity = match table.from.get() {
        OneOrMany::One(all) if all == "milestones" => {
            let entity = match named_entity {
                Some(entity) => entity,
                None => default_entity(model, "entity", from, diagnostics)?,
            };
            for (index, milestone) in model.milestones.iter().enumerate() {
                if let (Some(weight), true) = (milestone.weight, milestone.entity == entity && !milestone.hidden) {
                    terms.push((MilestoneIndex(index), weight));
                }
            }
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
            let mut whole = true;
            for (position, (name, span)) in names.iter().copied().enumerate() {
                if let Some((_, earlier)) = names[..position].iter().find(|(earlier, _)| *earlier == name) {
                    diagnostics.push(
                        Diagnostic::error("repeated-part", format!("`{name}` stands twice in the list"))
                            .at(span, "again")
                            .at(*earlier, "first here")
                            .help("a milestone is reached once: its `weight` says what it adds to a score"),
                    );
                    whole = false;
                    continue;
                }
                let Some(index) = known.milestones.find(name, span, diagnostics) else {
                    whole = false;
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
                    weightless = true;
                    diagnostics.push(
                        Diagnostic::error("missing-weight", format!("milestone `{name}` has no weight"))
                            .at(span, "counted by the score")
                            .at(milestone.meta.span, "has no `weight`")
                            .help("give it a `weight`, or take it out of the score"),
                    );
                }
            }
            if !whole {
                return None;
            }
            entity?
        }
    };
    // Milestones with mistakes of their own are missing here, and so is their weight; so is one that was just reported.
    let whole = known.milestones.found.values().all(|(index, _)| index.is_some()) && !weightless;
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
