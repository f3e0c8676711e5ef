//! What a milestone's keys say by themselves: its form, its threshold, its weight, its events.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::project::document::{OneOrMany, Spanned};
use crate::project::tables::milestone::MilestoneTable;
use crate::project::{Definition, Project};
use crate::semantic::decimal::Decimal;
use crate::semantic::model::{EventName, EventNames, Model, Occurrences, Progress, SourceIndex, SourceRows};
use crate::semantic::names_in::check_alias;
use crate::semantic::values::exact;
use crate::source::Span;

/// The forms that a milestone may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Events that happened.
    Event,
    /// All of some milestones.
    AllOf,
    /// One of them.
    AnyOf,
    /// So many of them.
    AtLeastOf,
    /// All of them, one after the other.
    Sequence,
    /// None of them.
    NoneOf,
    /// Members of the entity that reached one.
    Members,
}

impl Form {
    /// Returns the key that makes it.
    pub(super) fn key(self) -> &'static str {
        match self {
            Form::Event => "event",
            Form::AllOf => "all_of",
            Form::AnyOf => "any_of",
            Form::AtLeastOf => "at_least_of",
            Form::Sequence => "sequence",
            Form::NoneOf => "none_of",
            Form::Members => "members",
        }
    }
}

/// Returns the forms that a milestone has, and where: one, if nothing is wrong.
pub(super) fn forms(definition: &Definition<MilestoneTable>) -> Vec<(Form, Span)> {
    let table = &definition.body;
    let mut forms = Vec::new();
    let mut add = |form, span: Option<Span>| forms.extend(span.map(|span| (form, span)));
    add(Form::Event, table.event.as_ref().map(|value| definition.place(value)));
    add(Form::AllOf, table.all_of.as_ref().map(|value| definition.place(value)));
    add(Form::AnyOf, table.any_of.as_ref().map(|value| definition.place(value)));
    add(Form::AtLeastOf, table.at_least_of.as_ref().map(|value| definition.place(value)));
    add(Form::Sequence, table.sequence.as_ref().map(|value| definition.place(value)));
    add(Form::NoneOf, table.none_of.as_ref().map(|value| definition.place(value)));
    add(Form::Members, table.members.as_ref().map(|value| definition.place(value)));
    forms
}

/// Reports keys that mean nothing in the form that the milestone has.
pub(super) fn misplaced(definition: &Definition<MilestoneTable>, form: Form, diagnostics: &mut Diagnostics) {
    let table = &definition.body;
    let mut keys: Vec<(&str, Span)> = Vec::new();
    let mut note = |name, value: Option<&Spanned<String>>| {
        keys.extend(value.map(|value| (name, definition.place(value))));
    };
    if form != Form::Event {
        note("source", table.source.as_ref());
        note("where", table.condition.as_ref());
        note("subject", table.subject.as_ref());
        note("sum", table.sum.as_ref());
        note("after", table.after.as_ref());
        if form != Form::Members {
            note("distinct", table.distinct.as_ref());
            keys.extend(table.at_least.as_ref().map(|value| ("at_least", definition.place(value))));
        }
    }
    if form == Form::Sequence {
        keys.extend(
            table.from.as_ref().filter(|from| from.get() != "start").map(|value| ("from", definition.place(value))),
        );
    }
    for (key, span) in keys {
        let mut diagnostic =
            Diagnostic::error("misplaced-key", format!("`{key}` means nothing beside `{}`", form.key())).at(span, "");
        if key == "at_least" {
            diagnostic = diagnostic.help("write `at_least_of = { count = …, of = […] }`");
        }
        diagnostics.push(diagnostic);
    }
}

pub(super) fn weight(
    project: &Project,
    definition: &Definition<MilestoneTable>,
    diagnostics: &mut Diagnostics,
) -> Option<Decimal> {
    let weight = definition.body.weight.as_ref()?;
    let value = exact(project, definition, weight, diagnostics)?;
    if !value.is_positive() {
        diagnostics.push(
            Diagnostic::error("bad-weight", format!("the weight {value} is not above zero"))
                .at(definition.place(weight), "")
                .help("leave it out for a milestone that no score counts"),
        );
    }
    Some(value)
}

pub(super) fn threshold(
    project: &Project,
    definition: &Definition<MilestoneTable>,
    form: Form,
    occurrences: &Occurrences,
    progress: &Progress,
    diagnostics: &mut Diagnostics,
) -> Option<Decimal> {
    let table = &definition.body;
    let parts = match occurrences {
        Occurrences::Reaches(parts) => parts.len(),
        Occurrences::Events { .. } | Occurrences::Members(_) | Occurrences::Absence(_) => 1,
    };
    if let (Some(at_least_of), Form::AtLeastOf) = (&table.at_least_of, form) {
        let count = at_least_of.get().count.get();
        if *count < 1 || usize::try_from(*count).is_ok_and(|count| count > parts) {
            diagnostics.push(
                Diagnostic::error(
                    "impossible-count",
                    format!("milestone `{}` asks for {count} of {parts}", definition.name),
                )
                .at(definition.place(&at_least_of.get().count), "")
                .help(format!("the count lies between 1 and {parts}")),
            );
            return None;
        }
        return Decimal::whole((*count).into());
    }
    match form {
        Form::AllOf | Form::Sequence => return Decimal::whole(i128::try_from(parts).ok()?),
        Form::AnyOf | Form::NoneOf => return Decimal::whole(1),
        Form::Event | Form::Members | Form::AtLeastOf => {}
    }
    let Some(at_least) = &table.at_least else { return Decimal::whole(1) };
    let value = exact(project, definition, at_least, diagnostics)?;
    let whole = value.as_int().is_some() || matches!(progress, Progress::Sum(_));
    if !value.is_positive() || !whole {
        diagnostics.push(
            Diagnostic::error("impossible-count", format!("`at_least` cannot be {value}"))
                .at(definition.place(at_least), "")
                .help("it is a whole number from 1; only a `sum` may stop at a fraction"),
        );
        return None;
    }
    Some(value)
}

/// Reads `event`; none where it has no name, which is reported.
pub(super) fn event_names(
    definition: &Definition<MilestoneTable>,
    model: &Model,
    source: SourceIndex,
    diagnostics: &mut Diagnostics,
) -> Option<EventNames> {
    let Some(written) = &definition.body.event else { return Some(EventNames::All) };
    let listed: Vec<(String, Span)> = match written.get() {
        OneOrMany::One(one) => vec![(one.clone(), definition.place(written))],
        OneOrMany::Many(many) => many.iter().map(|each| (each.get().clone(), definition.place(each))).collect(),
    };
    if listed.iter().any(|(name, _)| name == "*") {
        return Some(EventNames::All);
    }
    if listed.is_empty() {
        empty_list(definition.place(written), diagnostics);
    }
    for (name, span) in &listed {
        check_event_name(model, source, name, *span, diagnostics);
    }
    EventNames::of(listed.into_iter().map(|(name, _)| name))
}

/// Reports a list of events with nothing in it.
pub fn empty_list(span: Span, diagnostics: &mut Diagnostics) {
    diagnostics.push(
        Diagnostic::error("empty-event-list", "the list of events is empty")
            .at(span, "")
            .help("name the events, or write `\"*\"` for every event"),
    );
}

/// Reports names that are other names of an event, and warns of those that are not in `snake_case` (DM-61, DM-62).
pub fn check_event_name(model: &Model, source: SourceIndex, name: &str, span: Span, diagnostics: &mut Diagnostics) {
    let source = model.source(source);
    let SourceRows::Events { name: held, .. } = &source.rows else { return };
    if !check_alias(source, name, span, diagnostics)
        && let EventName::Constant(only) = held
        && only != name
    {
        diagnostics.push(
            Diagnostic::error(
                "unknown-event",
                format!("no row of source `{}` is the event `{name}`", source.meta.name),
            )
            .at(span, "")
            .at(source.meta.span, format!("each row is the event `{only}`"))
            .help(format!("write `{only}`, or count the source that has the event")),
        );
    }
    if source.any_event_names {
        return;
    }
    let snake = !name.is_empty()
        && name.split('_').enumerate().all(|(position, part)| {
            !part.is_empty()
                && part.chars().all(|each| each.is_ascii_lowercase() || each.is_ascii_digit())
                && (position > 0 || part.starts_with(|first: char| first.is_ascii_lowercase()))
        });
    if !snake {
        diagnostics.push_once(
            Diagnostic::warning("event-name-style", format!("the event name `{name}` is not in snake_case"))
                .at(span, "")
                .help(
                    "collect it under a snake_case name by `aliases` of the source, or write \
                     `event_name_style = \"any\"` there",
                ),
        );
    }
}
