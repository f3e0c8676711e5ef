//! `[milestone.<name>]` -> [`Milestone`]: every form becomes occurrences that add up to a threshold.
//!
//! A composite counts the reaches of its parts: all of n is n of them, any of n is one of them. A sequence is written
//! out into steps, each of which is its milestone again, after the step before.

mod forms;
mod keys;
mod log;
mod meaning;
mod windows;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::language::Table;
use crate::project::document::Spanned;
use crate::project::tables::milestone::MilestoneTable;
use crate::project::{Definition, Project};
use crate::semantic::expr::Type;
use crate::semantic::horizon::Horizon;
use crate::semantic::known::Named;
use crate::semantic::milestones::forms::{Form, event_names, forms, misplaced, threshold, weight};
use crate::semantic::milestones::keys::{compared, one_entity};
use crate::semantic::milestones::windows::{depth, from_start, horizon, late_absences, write_out};
pub use crate::semantic::model::Milestone;
use crate::semantic::model::{Anchor, EntityIndex, MilestoneIndex, Model, Occurrences, Progress, SourceIndex};
use crate::semantic::references::{Reference, References};
use crate::semantic::scopes::Names;
use crate::semantic::sources::{default_entity, row_names};
use crate::semantic::tables::{self, Resolver};
use crate::semantic::values::{self, circle};
use crate::semantic::{names_in, parse, retention};
use crate::source::Span;

pub use crate::semantic::milestones::forms::{check_event_name, empty_list};
pub use crate::semantic::milestones::keys::{compared_by, not_mixed, same_entity};

/// What to write in place of different floats.
const ROUND: &str = "declare it as `decimal`, or count different values of `floor(x)` or `round(x)`";

/// The project's milestones.
struct Milestones<'p>(&'p Project);

/// Begins to give the project's milestones their meaning.
pub(super) fn resolver<'p>(project: &'p Project, _: &mut tables::Cx<'_>) -> Box<dyn Resolver + 'p> {
    Box::new(Milestones(project))
}

impl Resolver for Milestones<'_> {
    fn references(&self, position: usize) -> Vec<Reference> {
        let definition = &self.0.tables.milestones[position];
        let table = &definition.body;
        let mut references = References::of(self.0, definition);
        references.named_or_all(Table::Entity, table.entity.as_ref());
        if table.event.is_some() || table.source.is_some() {
            references.named_or_all(Table::Source, table.source.as_ref());
        }
        let ends =
            [table.from.as_ref().filter(|from| from.get() != START), table.after.as_ref(), table.members.as_ref()];
        let lists = [&table.all_of, &table.any_of, &table.sequence, &table.none_of].into_iter().flatten();
        let listed = lists.flat_map(Spanned::get).chain(table.at_least_of.iter().flat_map(|some| &some.get().of));
        for name in ends.into_iter().flatten().chain(listed) {
            references.named(&[Table::Milestone], name);
        }
        references.end()
    }

    fn resolve(&mut self, position: usize, cx: &mut tables::Cx<'_>) {
        let definition = &self.0.tables.milestones[position];
        let own = Cx { project: self.0, entities: &cx.known.entities, sources: &cx.known.sources };
        let milestone = own.milestone(definition, cx.model, &cx.known.milestones, cx.diagnostics);
        let Some(milestone) = milestone else { return };
        compared(cx.model, &milestone, cx.diagnostics);
        let index = MilestoneIndex(cx.model.milestones.len());
        cx.model.milestones.push(milestone);
        cx.known.milestones.set(&definition.name, index);
        retention::check(definition, cx.model, index, cx.diagnostics);
    }

    fn circle(&self, path: &[&str], closing: Span, first: Span) -> Diagnostic {
        let message = match path {
            [own] => format!("milestone `{own}` depends on itself"),
            path => format!("milestones depend on each other: {}", circle(path)),
        };
        Diagnostic::error("milestone-cycle", message).at(closing, "closes the circle").at(first, "which begins here")
    }
}

/// The word for the start of the entity, where a milestone may be named.
const START: &str = "start";

/// What a milestone is resolved with.
struct Cx<'c> {
    project: &'c Project,
    entities: &'c Named<EntityIndex>,
    sources: &'c Named<SourceIndex>,
}

impl Cx<'_> {
    fn milestone(
        &self,
        definition: &Definition<MilestoneTable>,
        model: &mut Model,
        known: &Named<MilestoneIndex>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Milestone> {
        let table = &definition.body;
        let forms = forms(definition);
        let form = match forms.as_slice() {
            [(form, _)] => *form,
            [] => {
                diagnostics.push(
                    Diagnostic::error(
                        "milestone-without-form",
                        format!("milestone `{}` counts nothing", definition.name),
                    )
                    .at(definition.span, "")
                    .help(
                        "say what it counts: `event`, `all_of`, `any_of`, `at_least_of`, `sequence`, `none_of` or \
                             `members`",
                    ),
                );
                return None;
            }
            [first, second, ..] => {
                diagnostics.push(
                    Diagnostic::error(
                        "two-forms",
                        format!(
                            "milestone `{}` has both `{}` and `{}`",
                            definition.name,
                            first.0.key(),
                            second.0.key()
                        ),
                    )
                    .at(second.1, format!("`{}` …", second.0.key()))
                    .at(first.1, format!("… and `{}`", first.0.key()))
                    .help("make two milestones, and a third that combines them"),
                );
                return None;
            }
        };
        misplaced(definition, form, diagnostics);
        let within = table.within.as_ref().map(|within| values::window(definition, within, diagnostics));
        let weight = weight(self.project, definition, diagnostics);
        let within_failed = matches!(within, Some(None));
        let within = within.flatten();
        let source = if form == Form::Event { Some(self.source(definition, model, diagnostics)?) } else { None };
        let parts = Self::parts(definition, known, diagnostics);
        let entity = self.entity(definition, model, source, parts.as_ref(), diagnostics);
        let anchor =
            Self::reference(definition, table.from.as_ref().filter(|from| from.get() != START), known, diagnostics);
        let after = Self::reference(definition, table.after.as_ref(), known, diagnostics);
        let (entity, anchor, after) = (entity?, anchor?, after?);
        for (reference, written) in [(anchor, &table.from), (after, &table.after)] {
            if let (Some(reference), Some(written)) = (reference, written) {
                same_entity(model, &definition.name, entity, reference, definition.place(written), diagnostics);
            }
        }
        let scope = Names::entity(model, entity);
        let applies_to = table.applies_to.as_ref().and_then(|condition| {
            parse::expression(&self.project.text(definition, condition), &scope, Some(Type::Bool), diagnostics)
        });
        let (occurrences, progress) = self.occurrences(definition, form, model, entity, source, parts, diagnostics)?;
        let at_least = threshold(self.project, definition, form, &occurrences, &progress, diagnostics)?;
        if within_failed {
            return None;
        }
        let anchor = anchor.map_or(Anchor::Start, Anchor::Reach);
        let mut milestone = Milestone {
            meta: values::meta(
                definition,
                table.title.as_ref(),
                table.description.as_ref(),
                table.owner.as_ref(),
                &table.tags,
            ),
            hidden: false,
            again: None,
            entity,
            anchor,
            after,
            within,
            horizon: Horizon::after_start(None),
            from_start: None,
            applies_to,
            occurrences,
            progress,
            at_least,
            weight,
            tier: table.tier.as_ref().map(|tier| tier.get().clone()),
            gating: table.gating.unwrap_or(false),
            depth: 0,
        };
        if form == Form::Sequence {
            write_out(definition, model, &mut milestone, diagnostics)?;
        }
        milestone.depth = depth(model, &milestone);
        milestone.horizon = horizon(model, &milestone);
        milestone.from_start = from_start(model, &milestone);
        if matches!(milestone.occurrences, Occurrences::Absence(_)) && milestone.horizon.is_never() {
            diagnostics.push(
                Diagnostic::error("endless-absence", format!("milestone `{}` would never be decided", definition.name))
                    .at(definition.span, "nothing says by when")
                    .help("give it a window: `within = \"14d\"`"),
            );
            return None;
        }
        late_absences(definition, model, &milestone, diagnostics);
        Some(milestone)
    }

    fn reference(
        definition: &Definition<MilestoneTable>,
        name: Option<&Spanned<String>>,
        known: &Named<MilestoneIndex>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Option<MilestoneIndex>> {
        match name {
            None => Some(None),
            Some(name) => known.find(name.get(), definition.place(name), diagnostics).map(Some),
        }
    }

    /// Returns the milestones that a composite is made from; those that are unknown are reported and left out.
    fn parts(
        definition: &Definition<MilestoneTable>,
        known: &Named<MilestoneIndex>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Vec<MilestoneIndex>> {
        let table = &definition.body;
        let names = part_names(table);
        if names.is_empty() && table.event.is_some() {
            return Some(Vec::new());
        }
        if names.is_empty() {
            diagnostics.push(
                Diagnostic::error("empty-composite", format!("milestone `{}` combines nothing", definition.name))
                    .at(forms(definition).first().map_or(definition.span, |(_, list)| *list), "")
                    .help("name at least one milestone in its list"),
            );
            return None;
        }
        let mut whole = true;
        let mut parts: Vec<MilestoneIndex> = Vec::new();
        let repeats = table.sequence.is_some();
        for (position, name) in names.iter().enumerate() {
            let span = definition.place(name);
            let earlier = names[..position].iter().find(|earlier| earlier.get() == name.get());
            if let (false, Some(earlier)) = (repeats, earlier) {
                diagnostics.push(
                    Diagnostic::error("repeated-part", format!("`{}` stands twice in the list", name.get()))
                        .at(span, "again")
                        .at(definition.place(earlier), "first here")
                        .help("a milestone is reached once; to ask for it twice use `at_least`, or `sequence`"),
                );
                whole = false;
                continue;
            }
            match known.find(name.get(), span, diagnostics) {
                Some(index) => parts.push(index),
                None => whole = false,
            }
        }
        whole.then_some(parts)
    }

    fn entity(
        &self,
        definition: &Definition<MilestoneTable>,
        model: &Model,
        source: Option<SourceIndex>,
        parts: Option<&Vec<MilestoneIndex>>,
        diagnostics: &mut Diagnostics,
    ) -> Option<EntityIndex> {
        let table = &definition.body;
        if let Some(name) = &table.entity {
            return self.entities.find(name.get(), definition.place(name), diagnostics);
        }
        if let Some(source) = source {
            return match model.source(source).entity() {
                Some((entity, _)) => Some(*entity),
                None => default_entity(model, "entity", definition.span, diagnostics),
            };
        }
        let first = *parts?.first()?;
        let entity = model.milestone(first).entity;
        if table.members.is_some() {
            if let Some((parent, _)) = &model.entity(entity).parent {
                return Some(*parent);
            }
            diagnostics.push(
                Diagnostic::error(
                    "no-parent",
                    format!("entity `{}` is a member of nothing", model.entity(entity).meta.name),
                )
                .at(definition.span, "counts members")
                .at(model.entity(entity).meta.span, "has no `parent`")
                .help("write `parent = { account = \"account_id\" }` there"),
            );
            return None;
        }
        Some(entity)
    }

    #[expect(clippy::too_many_arguments, reason = "what was found out about the definition so far")]
    fn occurrences(
        &self,
        definition: &Definition<MilestoneTable>,
        form: Form,
        model: &Model,
        entity: EntityIndex,
        source: Option<SourceIndex>,
        parts: Option<Vec<MilestoneIndex>>,
        diagnostics: &mut Diagnostics,
    ) -> Option<(Occurrences, Progress)> {
        let table = &definition.body;
        if let Some(source) = source {
            return self.events(definition, model, entity, source, diagnostics);
        }
        let parts = parts?;
        if form == Form::Members {
            let member = parts[0];
            let child = model.milestone(member).entity;
            if model.entity(child).parent.as_ref().is_none_or(|(parent, _)| *parent != entity) {
                let (child, parent) = (&model.entity(child).meta, &model.entity(entity).meta);
                diagnostics.push(
                    Diagnostic::error(
                        "not-a-member",
                        format!("entity `{}` is not a member of entity `{}`", child.name, parent.name),
                    )
                    .at(
                        definition.place(table.members.as_ref().expect("the form is `members`")),
                        format!("reached by a `{}`", child.name),
                    )
                    .at(child.span, format!("`parent` does not name `{}`", parent.name)),
                );
                return None;
            }
            let progress = match &table.distinct {
                None => Progress::Count,
                Some(distinct) => {
                    let scope = Names::entity(model, child);
                    let text = self.project.text(definition, distinct);
                    let distinct = parse::expression(&text, &scope, None, diagnostics)?;
                    values::tells_apart(&distinct, ROUND, diagnostics).then_some(())?;
                    Progress::Distinct(distinct)
                }
            };
            return Some((Occurrences::Members(member), progress));
        }
        for (part, name) in parts.iter().zip(part_names(table)) {
            same_entity(model, &definition.name, entity, *part, definition.place(name), diagnostics);
        }
        let occurrences = if form == Form::NoneOf { Occurrences::Absence(parts) } else { Occurrences::Reaches(parts) };
        Some((occurrences, Progress::Count))
    }

    fn events(
        &self,
        definition: &Definition<MilestoneTable>,
        model: &Model,
        entity: EntityIndex,
        source: SourceIndex,
        diagnostics: &mut Diagnostics,
    ) -> Option<(Occurrences, Progress)> {
        let table = &definition.body;
        let actor = model.source(source).entity().map(|(entity, _)| *entity);
        let mut scope = row_names(model, source);
        if let Some(actor) = actor {
            scope = scope.with_entity(model, actor);
        }
        if actor != Some(entity) {
            scope = scope.with_entity(model, entity);
        }
        let mut expression = |value: &Option<Spanned<String>>, expected: Option<Type>| match value {
            None => Some(None),
            Some(value) => {
                parse::expression(&self.project.text(definition, value), &scope, expected, diagnostics).map(Some)
            }
        };
        let condition = expression(&table.condition, Some(Type::Bool));
        let subject = expression(&table.subject, Some(Type::String));
        let distinct = expression(&table.distinct, None);
        let sum = expression(&table.sum, None);
        let names = event_names(definition, model, source, diagnostics);
        let (condition, subject, distinct, sum) = (condition?, subject?, distinct?, sum?);
        for expr in [&condition, &subject, &distinct, &sum].into_iter().flatten() {
            names_in::check_aliases(model.source(source), expr, diagnostics);
        }
        if let Some(subject) = &subject {
            one_entity(model, definition, entity, actor, subject, diagnostics);
        }
        let progress = match (distinct, sum) {
            (None, None) => Progress::Count,
            (Some(distinct), None) => {
                values::tells_apart(&distinct, ROUND, diagnostics).then_some(())?;
                Progress::Distinct(distinct)
            }
            (None, Some(sum)) if sum.is_number() => Progress::Sum(sum),
            (None, Some(sum)) => {
                diagnostics.push(
                    Diagnostic::error(
                        "wrong-type",
                        format!("`sum` adds up numbers, and this is {}", sum.ty.with_article()),
                    )
                    .at(sum.span, sum.ty.name())
                    .help("declare the property as int, float or decimal, or count different values by `distinct`"),
                );
                return None;
            }
            (Some(distinct), Some(sum)) => {
                diagnostics.push(
                    Diagnostic::error(
                        "two-ways-to-count",
                        format!("milestone `{}` counts in two ways", definition.name),
                    )
                    .at(sum.span, "`sum` …")
                    .at(distinct.span, "… and `distinct`")
                    .help("make two milestones, and a third that combines them"),
                );
                return None;
            }
        };
        if subject.is_none() && actor != Some(entity) {
            let is_parent = actor.and_then(|a| model.entity(a).parent.as_ref()).is_some_and(|(p, _)| *p == entity);
            if !is_parent {
                diagnostics.push(
                    Diagnostic::error(
                        "no-way-to-entity",
                        format!("an event does not say which `{}` it belongs to", model.entity(entity).meta.name),
                    )
                    .at(table.entity.as_ref().map_or(definition.span, |entity| definition.place(entity)), "")
                    .at(model.source(source).meta.span, "the source of the events")
                    .help("name it by an expression over the event: `subject = \"properties.account_id\"`"),
                );
                return None;
            }
        }
        // A condition on the name narrows what is read, as `event` does.
        let names = names_in::narrowed(names?, condition.as_ref(), diagnostics);
        Some((Occurrences::Events { source, names, condition, subject }, progress))
    }
}

/// Returns the names of the milestones that a composite is made from, as they are written.
fn part_names(table: &MilestoneTable) -> Vec<&Spanned<String>> {
    let lists = [&table.all_of, &table.any_of, &table.sequence, &table.none_of];
    if let Some(at_least_of) = &table.at_least_of {
        at_least_of.get().of.iter().collect()
    } else if let Some(parts) = lists.into_iter().flatten().next() {
        parts.get().iter().collect()
    } else {
        table.members.iter().collect()
    }
}
