//! `[milestone.<name>]` -> [`Milestone`]: every form becomes occurrences that add up to a threshold.
//!
//! A composite counts the reaches of its parts: all of n is n of them, any of n is one of them. A sequence is written
//! out into steps, each of which is its milestone again, after the step before.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::project::document::{OneOrMany, Spanned};
use crate::project::read::list;
use crate::project::tables::milestone::MilestoneTable;
use crate::project::{Definition, Project};
use crate::semantic::expr::Type;
use crate::semantic::model::{
    Anchor, EntityIndex, Milestone, MilestoneIndex, Model, Occurrences, Progress, SourceIndex, SourceRows,
};
use crate::semantic::scopes::Names;
use crate::semantic::sources::{default_entity, row_names};
use crate::semantic::values::{self, Named};
use crate::semantic::{names_in, parse};
use crate::source::Span;

/// What milestones are resolved with.
struct Cx<'c> {
    project: &'c Project,
    entities: &'c Named<EntityIndex>,
    sources: &'c Named<SourceIndex>,
    by_name: BTreeMap<&'c str, &'c Definition<MilestoneTable>>,
}

/// Adds the project's milestones to `model`, each after those that it is made from.
pub fn resolve(
    project: &Project,
    model: &mut Model,
    entities: &Named<EntityIndex>,
    sources: &Named<SourceIndex>,
    diagnostics: &mut Diagnostics,
) -> Named<MilestoneIndex> {
    let by_name: BTreeMap<&str, _> = project.milestones.iter().map(|each| (each.name.as_str(), each)).collect();
    let cx = Cx { project, entities, sources, by_name };
    let mut names = Named::new("milestone");
    for definition in &project.milestones {
        names.found.insert(definition.name.clone(), (None, definition.span));
    }
    for definition in in_order(project, &cx, diagnostics) {
        let milestone = cx.milestone(definition, model, &names, diagnostics);
        if let Some(milestone) = milestone {
            let index = MilestoneIndex(model.milestones.len());
            model.milestones.push(milestone);
            names.found.insert(definition.name.clone(), (Some(index), definition.span));
        }
    }
    names
}

/// Returns the names that a milestone is made from, with their places.
fn references(definition: &Definition<MilestoneTable>) -> Vec<(&Spanned<String>, Span)> {
    let table = &definition.body;
    let mut references: Vec<&Spanned<String>> = Vec::new();
    references.extend(table.from.as_ref().filter(|from| from.get() != "start"));
    references.extend(&table.after);
    references.extend(&table.members);
    for parts in [&table.all_of, &table.any_of, &table.sequence, &table.none_of].into_iter().flatten() {
        references.extend(parts.get());
    }
    if let Some(at_least_of) = &table.at_least_of {
        references.extend(&at_least_of.get().of);
    }
    references.into_iter().map(|reference| (reference, definition.place(reference))).collect()
}

/// Orders milestones so that each comes after those that it is made from, and reports cycles; those in one are left out.
fn in_order<'c>(
    project: &'c Project,
    cx: &Cx<'c>,
    diagnostics: &mut Diagnostics,
) -> Vec<&'c Definition<MilestoneTable>> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        Open,
        Done,
        Cyclic,
    }
    let mut marks: BTreeMap<&str, Mark> = BTreeMap::new();
    let mut order = Vec::new();
    for root in &project.milestones {
        // A walk in depth with its own stack: chains may be long.
        let mut stack = vec![(root, references(root), 0)];
        if marks.contains_key(root.name.as_str()) {
            continue;
        }
        marks.insert(&root.name, Mark::Open);
        while let Some((definition, inputs, next)) = stack.pop() {
            if let Some((reference, span)) = inputs.get(next).copied() {
                stack.push((definition, inputs, next + 1));
                let Some(input) = cx.by_name.get(reference.get().as_str()).copied() else { continue };
                match marks.get(input.name.as_str()) {
                    Some(Mark::Open) => {
                        let from = stack.iter().position(|(each, _, _)| each.name == input.name).unwrap_or(0);
                        let mut path: Vec<&str> = stack[from..].iter().map(|(each, _, _)| each.name.as_str()).collect();
                        path.push(&input.name);
                        for name in &path {
                            marks.insert(cx.by_name[name].name.as_str(), Mark::Cyclic);
                        }
                        diagnostics.push(
                            Diagnostic::error("milestone-cycle", format!("milestones depend on each other: {}", path.join(" -> ")))
                                .at(span, "closes the circle")
                                .at(input.span, "which begins here"),
                        );
                    }
                    Some(Mark::Done | Mark::Cyclic) => {}
                    None => {
                        marks.insert(&input.name, Mark::Open);
                        stack.push((input, references(input), 0));
                    }
                }
            } else if marks.get(definition.name.as_str()) != Some(&Mark::Cyclic) {
                marks.insert(&definition.name, Mark::Done);
                order.push(definition);
            }
        }
    }
    order
}

/// The forms that a milestone may take, by the key that makes it one.
fn forms(definition: &Definition<MilestoneTable>) -> Vec<(&'static str, Span)> {
    let table = &definition.body;
    let mut forms = Vec::new();
    let mut add = |name, span: Option<Span>| forms.extend(span.map(|span| (name, span)));
    add("event", table.event.as_ref().map(|value| definition.place(value)));
    add("all_of", table.all_of.as_ref().map(|value| definition.place(value)));
    add("any_of", table.any_of.as_ref().map(|value| definition.place(value)));
    add("at_least_of", table.at_least_of.as_ref().map(|value| definition.place(value)));
    add("sequence", table.sequence.as_ref().map(|value| definition.place(value)));
    add("none_of", table.none_of.as_ref().map(|value| definition.place(value)));
    add("members", table.members.as_ref().map(|value| definition.place(value)));
    forms
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
                    Diagnostic::error("milestone-without-form", format!("milestone `{}` counts nothing", definition.name))
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
                        format!("milestone `{}` has both `{}` and `{}`", definition.name, first.0, second.0),
                    )
                    .at(second.1, format!("`{}` …", second.0))
                    .at(first.1, format!("… and `{}`", first.0))
                    .help("make two milestones, and a third that combines them"),
                );
                return None;
            }
        };
        misplaced(definition, form, diagnostics);
        let within = table.within.as_ref().map(|within| values::window(definition, within, diagnostics));
        let within_failed = matches!(within, Some(None));
        let within = within.flatten();
        let source = match form {
            "event" => Some(self.source(definition, model, diagnostics)?),
            _ => None,
        };
        let parts = self.parts(definition, known, diagnostics);
        let entity = self.entity(definition, model, source, &parts, diagnostics);
        let anchor = self.reference(definition, table.from.as_ref().filter(|from| from.get() != "start"), known, diagnostics);
        let after = self.reference(definition, table.after.as_ref(), known, diagnostics);
        let (entity, anchor, after) = (entity?, anchor?, after?);
        for (reference, written) in [(anchor, &table.from), (after, &table.after)] {
            if let (Some(reference), Some(written)) = (reference, written) {
                same_entity(model, entity, reference, definition.place(written), definition, diagnostics);
            }
        }
        let scope = Names::entity(model, entity);
        let applies_to = table.applies_to.as_ref().and_then(|condition| {
            parse::expression(&self.project.text(definition, condition), &scope, Some(Type::Bool), diagnostics)
        });
        let (occurrences, progress) =
            self.occurrences(definition, form, model, entity, source, parts, known, diagnostics)?;
        let at_least = threshold(definition, form, &occurrences, &progress, diagnostics)?;
        if within_failed {
            return None;
        }
        let after = if after == anchor { None } else { after };
        let anchor = anchor.map_or(Anchor::Start, Anchor::Reach);
        let mut milestone = Milestone {
            meta: values::meta(definition, table.title.as_ref(), table.description.as_ref(), table.owner.as_ref(), &table.tags),
            hidden: false,
            entity,
            anchor,
            after,
            within,
            horizon: None,
            applies_to,
            occurrences,
            progress,
            at_least,
            weight: weight(definition, diagnostics),
            tier: table.tier.as_ref().map(|tier| tier.get().clone()),
            gating: table.gating.unwrap_or(false),
            depth: 0,
        };
        if form == "sequence" {
            write_out(definition, model, &mut milestone, diagnostics)?;
        }
        milestone.depth = depth(model, &milestone);
        milestone.horizon = horizon(model, &milestone);
        if matches!(milestone.occurrences, Occurrences::Absence(_)) && milestone.horizon.is_none() {
            diagnostics.push(
                Diagnostic::error("endless-absence", format!("milestone `{}` would never be decided", definition.name))
                    .at(definition.span, "nothing says by when")
                    .help("give it a window: `within = \"14d\"`"),
            );
            return None;
        }
        Some(milestone)
    }

    fn reference(
        &self,
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

    fn source(
        &self,
        definition: &Definition<MilestoneTable>,
        model: &Model,
        diagnostics: &mut Diagnostics,
    ) -> Option<SourceIndex> {
        let table = &definition.body;
        let is_events = |index: SourceIndex| matches!(model.source(index).rows, SourceRows::Events { .. });
        if let Some(name) = &table.source {
            let index = self.sources.find(name.get(), definition.place(name), diagnostics)?;
            if !is_events(index) {
                diagnostics.push(
                    Diagnostic::error("not-events", format!("source `{}` holds facts, not events", name.get()))
                        .at(definition.place(name), "")
                        .at(model.source(index).meta.span, "declared here")
                        .help("declare a second source over the same table, with `kind = \"events\"`, `event` and `time`"),
                );
                return None;
            }
            return Some(index);
        }
        let events: Vec<SourceIndex> = (0..model.sources.len()).map(SourceIndex).filter(|i| is_events(*i)).collect();
        match events.as_slice() {
            [only] => Some(*only),
            [] => {
                // A source that has mistakes of its own is there, but not whole.
                if self.project.source_tables.is_empty() {
                    diagnostics.push(
                        Diagnostic::error("no-source", "the project has no source of events")
                            .at(definition.span, "counts events")
                            .help("declare one: `[source.events]` with its `table`, `id`, `entity`, `name` and `time`"),
                    );
                }
                None
            }
            several => {
                let names: Vec<&str> = several.iter().map(|index| model.source(*index).meta.name.as_str()).collect();
                diagnostics.push(
                    Diagnostic::error("ambiguous-source", format!("milestone `{}` could count several sources", definition.name))
                        .at(definition.span, "")
                        .help(format!("say which by `source`: {}", list(&names))),
                );
                None
            }
        }
    }

    /// Returns the milestones that a composite is made from; those that are unknown are reported and left out.
    fn parts(
        &self,
        definition: &Definition<MilestoneTable>,
        known: &Named<MilestoneIndex>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Vec<MilestoneIndex>> {
        let table = &definition.body;
        let lists = [&table.all_of, &table.any_of, &table.sequence, &table.none_of];
        let names: Vec<&Spanned<String>> = if let Some(at_least_of) = &table.at_least_of {
            at_least_of.get().of.iter().collect()
        } else if let Some(parts) = lists.into_iter().flatten().next() {
            parts.get().iter().collect()
        } else if let Some(members) = &table.members {
            vec![members]
        } else {
            return Some(Vec::new());
        };
        if names.is_empty() {
            diagnostics.push(
                Diagnostic::error("empty-composite", format!("milestone `{}` combines nothing", definition.name))
                    .at(definition.span, "")
                    .help("name at least one milestone in its list"),
            );
            return None;
        }
        let mut whole = true;
        let mut parts: Vec<MilestoneIndex> = Vec::new();
        let repeats = table.sequence.is_some();
        for (position, name) in names.iter().enumerate() {
            let span = definition.place(name);
            if !repeats && names[..position].iter().any(|earlier| earlier.get() == name.get()) {
                diagnostics.push(
                    Diagnostic::error("repeated-part", format!("`{}` stands twice in the list", name.get()))
                        .at(span, "")
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
        parts: &Option<Vec<MilestoneIndex>>,
        diagnostics: &mut Diagnostics,
    ) -> Option<EntityIndex> {
        let table = &definition.body;
        if let Some(name) = &table.entity {
            return self.entities.find(name.get(), definition.place(name), diagnostics);
        }
        if let Some(source) = source {
            return match &model.source(source).entity {
                Some((entity, _)) => Some(*entity),
                None => default_entity(model, definition.span, diagnostics),
            };
        }
        let first = *parts.as_ref()?.first()?;
        let entity = model.milestone(first).entity;
        if table.members.is_some() {
            match &model.entity(entity).parent {
                Some((parent, _)) => return Some(*parent),
                None => {
                    diagnostics.push(
                        Diagnostic::error("no-parent", format!("entity `{}` is a member of nothing", model.entity(entity).meta.name))
                            .at(definition.span, "counts members")
                            .at(model.entity(entity).meta.span, "has no `parent`")
                            .help("write `parent = { account = \"account_id\" }` there"),
                    );
                    return None;
                }
            }
        }
        Some(entity)
    }

    #[expect(clippy::too_many_arguments, reason = "what was found out about the definition so far")]
    fn occurrences(
        &self,
        definition: &Definition<MilestoneTable>,
        form: &str,
        model: &Model,
        entity: EntityIndex,
        source: Option<SourceIndex>,
        parts: Option<Vec<MilestoneIndex>>,
        known: &Named<MilestoneIndex>,
        diagnostics: &mut Diagnostics,
    ) -> Option<(Occurrences, Progress)> {
        let table = &definition.body;
        let _ = known;
        if let Some(source) = source {
            return self.events(definition, model, entity, source, diagnostics);
        }
        let parts = parts?;
        if form == "members" {
            let member = parts[0];
            let child = model.milestone(member).entity;
            if model.entity(child).parent.as_ref().is_none_or(|(parent, _)| *parent != entity) {
                let (child, parent) = (&model.entity(child).meta, &model.entity(entity).meta);
                diagnostics.push(
                    Diagnostic::error("not-a-member", format!("a `{}` is not a member of a `{}`", child.name, parent.name))
                        .at(definition.place(table.members.as_ref().expect("the form is `members`")), "reached by a member")
                        .at(child.span, format!("`parent` does not name `{}`", parent.name)),
                );
                return None;
            }
            let progress = match &table.distinct {
                None => Progress::Count,
                Some(distinct) => {
                    let scope = Names::entity(model, child);
                    let text = self.project.text(definition, distinct);
                    Progress::Distinct(parse::expression(&text, &scope, None, diagnostics)?)
                }
            };
            return Some((Occurrences::Members(member), progress));
        }
        for part in &parts {
            same_entity(model, entity, *part, definition.span, definition, diagnostics);
        }
        let occurrences =
            if form == "none_of" { Occurrences::Absence(parts) } else { Occurrences::Reaches(parts) };
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
        let actor = model.source(source).entity.as_ref().map(|(entity, _)| *entity);
        let mut scope = row_names(model, source);
        if let Some(actor) = actor {
            scope = scope.with_entity(model, actor, false);
        }
        if actor != Some(entity) {
            scope = scope.with_entity(model, entity, false);
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
        let (condition, subject, distinct, sum) = (condition?, subject?, distinct?, sum?);
        let progress = match (distinct, sum) {
            (None, None) => Progress::Count,
            (Some(distinct), None) => Progress::Distinct(distinct),
            (None, Some(sum)) if sum.ty.is_number() => Progress::Sum(sum),
            (None, Some(sum)) => {
                diagnostics.push(
                    Diagnostic::error("wrong-type", format!("`sum` adds up numbers, and this is a {}", sum.ty))
                        .at(sum.span, "")
                        .help("declare the property as int, float or decimal, or count different values by `distinct`"),
                );
                return None;
            }
            (Some(distinct), Some(sum)) => {
                diagnostics.push(
                    Diagnostic::error("two-ways-to-count", format!("milestone `{}` counts in two ways", definition.name))
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
                    Diagnostic::error("no-way-to-entity", format!("an event does not say which `{}` it belongs to", model.entity(entity).meta.name))
                        .at(definition.span, "")
                        .at(model.source(source).meta.span, "the source of its events")
                        .help("name it by an expression over the event: `subject = \"properties.account_id\"`"),
                );
                return None;
            }
        }
        let names = event_names(definition, model, source, diagnostics);
        // A condition on the name narrows what is read, as `event` does.
        let names = match (names, condition.as_ref().and_then(names_in::names_in)) {
            (Some(names), _) => Some(names),
            (None, narrowed) => narrowed,
        };
        Some((Occurrences::Events { source, names, condition, subject }, progress))
    }
}

/// Reads `event`; none: every event.
fn event_names(
    definition: &Definition<MilestoneTable>,
    model: &Model,
    source: SourceIndex,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<String>> {
    let written = definition.body.event.as_ref()?;
    let listed: Vec<(String, Span)> = match written.get() {
        OneOrMany::One(one) => vec![(one.clone(), definition.place(written))],
        OneOrMany::Many(many) => many.iter().map(|each| (each.get().clone(), definition.place(each))).collect(),
    };
    if listed.iter().any(|(name, _)| name == "*") {
        return None;
    }
    if listed.is_empty() {
        diagnostics.push(
            Diagnostic::error("empty-event-list", "the list of events is empty")
                .at(definition.place(written), "")
                .help("name the events, or write `\"*\"` for every event"),
        );
    }
    let mut names: Vec<String> = Vec::new();
    for (name, span) in listed {
        check_event_name(model, source, &name, span, diagnostics);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Some(names)
}

/// Reports names that are other names of an event, and warns of those that are not in snake_case (DM-61, DM-62).
pub fn check_event_name(model: &Model, source: SourceIndex, name: &str, span: Span, diagnostics: &mut Diagnostics) {
    let SourceRows::Events { aliases, .. } = &model.source(source).rows else { return };
    if let Some((canonical, _)) = aliases.iter().find(|(_, others)| others.iter().any(|other| other == name)) {
        diagnostics.push(
            Diagnostic::error("aliased-event", format!("`{name}` is another name of the event `{canonical}`"))
                .at(span, "")
                .at(model.source(source).meta.span, "its aliases say so")
                .help(format!("write `{canonical}`: it counts both")),
        );
    }
    let snake = !name.is_empty()
        && name.split('_').enumerate().all(|(position, part)| {
            !part.is_empty()
                && part.chars().all(|each| each.is_ascii_lowercase() || each.is_ascii_digit())
                && (position > 0 || part.starts_with(|first: char| first.is_ascii_lowercase()))
        });
    if !snake {
        diagnostics.push(
            Diagnostic::warning("event-name-style", format!("the event name `{name}` is not in snake_case"))
                .at(span, "")
                .help("collect it under a snake_case name by `aliases` of the source"),
        );
    }
}

fn same_entity(
    model: &Model,
    entity: EntityIndex,
    other: MilestoneIndex,
    span: Span,
    definition: &Definition<MilestoneTable>,
    diagnostics: &mut Diagnostics,
) {
    let milestone = model.milestone(other);
    if milestone.entity != entity {
        let (ours, theirs) = (&model.entity(entity).meta.name, &model.entity(milestone.entity).meta.name);
        diagnostics.push(
            Diagnostic::error(
                "mixed-entities",
                format!("`{}` is reached by a `{theirs}`, and `{}` by a `{ours}`", milestone.meta.name, definition.name),
            )
            .at(span, "")
            .at(milestone.meta.span, format!("reached by a `{theirs}`"))
            .help("count members by `members` in a milestone of its own, and combine that"),
        );
    }
}

/// Reports keys that mean nothing in the form that the milestone has.
fn misplaced(definition: &Definition<MilestoneTable>, form: &str, diagnostics: &mut Diagnostics) {
    let table = &definition.body;
    let mut keys: Vec<(&str, Span)> = Vec::new();
    let mut note = |name, value: Option<&Spanned<String>>| {
        keys.extend(value.map(|value| (name, definition.place(value))));
    };
    if form != "event" {
        note("source", table.source.as_ref());
        note("where", table.condition.as_ref());
        note("subject", table.subject.as_ref());
        note("sum", table.sum.as_ref());
        note("after", table.after.as_ref());
        if form != "members" {
            note("distinct", table.distinct.as_ref());
            keys.extend(table.at_least.as_ref().map(|value| ("at_least", definition.place(value))));
        }
    }
    if form == "sequence" {
        keys.extend(
            table.from.as_ref().filter(|from| from.get() != "start").map(|value| ("from", definition.place(value))),
        );
    }
    for (key, span) in keys {
        let mut diagnostic =
            Diagnostic::error("misplaced-key", format!("`{key}` means nothing beside `{form}`")).at(span, "");
        if key == "at_least" {
            diagnostic = diagnostic.help("write `at_least_of = { count = …, of = […] }`");
        }
        diagnostics.push(diagnostic);
    }
}

fn weight(definition: &Definition<MilestoneTable>, diagnostics: &mut Diagnostics) -> Option<f64> {
    let weight = definition.body.weight.as_ref()?;
    if weight.get().0 <= 0.0 {
        diagnostics.push(
            Diagnostic::error("bad-weight", "a weight is above zero")
                .at(definition.place(weight), "")
                .help("leave it out for a milestone that no score counts"),
        );
    }
    Some(weight.get().0)
}

#[expect(clippy::cast_precision_loss, reason = "composites have few parts")]
fn threshold(
    definition: &Definition<MilestoneTable>,
    form: &str,
    occurrences: &Occurrences,
    progress: &Progress,
    diagnostics: &mut Diagnostics,
) -> Option<f64> {
    let table = &definition.body;
    let parts = match occurrences {
        Occurrences::Reaches(parts) => parts.len(),
        Occurrences::Events { .. } | Occurrences::Members(_) | Occurrences::Absence(_) => 1,
    };
    if let (Some(at_least_of), "at_least_of") = (&table.at_least_of, form) {
        let count = at_least_of.get().count.get();
        if *count < 1 || usize::try_from(*count).is_ok_and(|count| count > parts) {
            diagnostics.push(
                Diagnostic::error("impossible-count", format!("{count} of {parts} milestones"))
                    .at(definition.place(&at_least_of.get().count), "")
                    .help(format!("the count lies between 1 and {parts}")),
            );
            return None;
        }
        return Some(*count as f64);
    }
    match form {
        "all_of" | "sequence" => return Some(parts as f64),
        "any_of" | "none_of" => return Some(1.0),
        _ => {}
    }
    let Some(at_least) = &table.at_least else { return Some(1.0) };
    let value = at_least.get().0;
    let whole = value.fract() == 0.0 || matches!(progress, Progress::Sum(_));
    if value <= 0.0 || !whole {
        diagnostics.push(
            Diagnostic::error("impossible-count", format!("`at_least` cannot be {value}"))
                .at(definition.place(at_least), "")
                .help("it is a whole number from 1; only a `sum` may stop at a fraction"),
        );
        return None;
    }
    Some(value)
}

/// Writes a sequence out: each step is its milestone again, counting only what comes after the step before.
fn write_out(
    definition: &Definition<MilestoneTable>,
    model: &mut Model,
    milestone: &mut Milestone,
    diagnostics: &mut Diagnostics,
) -> Option<()> {
    let Occurrences::Reaches(steps) = &milestone.occurrences else { return None };
    let names = definition.body.sequence.as_ref().expect("the form is `sequence`").get();
    let mut whole = true;
    for (step, name) in steps.iter().zip(names).skip(1) {
        let part = model.milestone(*step);
        if !matches!(part.occurrences, Occurrences::Events { .. }) || part.after.is_some() {
            diagnostics.push(
                Diagnostic::error("bad-step", format!("`{}` cannot be a later step of a sequence", part.meta.name))
                    .at(definition.place(name), "must count events alone")
                    .at(part.meta.span, "combines others, or comes after another")
                    .help("name the milestones of events that it is made of, in their order"),
            );
            whole = false;
        }
    }
    if !whole {
        return None;
    }
    let steps = steps.clone();
    let mut previous = steps[0];
    for (position, step) in steps.iter().enumerate().skip(1) {
        let mut part = model.milestone(*step).clone();
        part.meta.name = format!("{}__step{}", definition.name, position + 1);
        part.hidden = true;
        part.after = (part.anchor != Anchor::Reach(previous)).then_some(previous);
        part.depth = depth(model, &part);
        part.horizon = horizon(model, &part);
        model.milestones.push(part);
        previous = MilestoneIndex(model.milestones.len() - 1);
    }
    milestone.occurrences = Occurrences::Reaches(vec![previous]);
    milestone.at_least = 1.0;
    Some(())
}

fn depth(model: &Model, milestone: &Milestone) -> usize {
    milestone.inputs().iter().map(|input| model.milestone(*input).depth + 1).max().unwrap_or(0)
}

/// Works out the time from the anchor after which nothing can change any more. It depends on nothing that happens, so
/// that who has succeeded and who has not are let into a rate at the same age.
fn horizon(model: &Model, milestone: &Milestone) -> Option<i64> {
    let parts = match &milestone.occurrences {
        Occurrences::Events { .. } | Occurrences::Members(_) => return milestone.within,
        Occurrences::Reaches(parts) | Occurrences::Absence(parts) => parts,
    };
    let mut longest = Some(0);
    for part in parts {
        longest = match (longest, from_start(model, *part)) {
            (Some(longest), Some(part)) => Some(i64::max(longest, part)),
            (None, _) | (_, None) => None,
        };
    }
    match (milestone.within, longest) {
        // A composite that hangs on another milestone is as late as that one, and its parts are not.
        (within, Some(_)) if matches!(milestone.anchor, Anchor::Reach(_)) => within,
        (Some(within), Some(longest)) => Some(within.min(longest)),
        (within, longest) => within.or(longest),
    }
}

/// The time from the entity's start after which a milestone cannot change any more.
fn from_start(model: &Model, index: MilestoneIndex) -> Option<i64> {
    let milestone = model.milestone(index);
    match milestone.anchor {
        Anchor::Start => milestone.horizon,
        Anchor::Reach(anchor) => from_start(model, anchor)?.checked_add(milestone.horizon?),
    }
}
