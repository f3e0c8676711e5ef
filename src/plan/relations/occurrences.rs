//! What milestones count, numbered by entity and stream. Rows that are later than every window of their stream are left
//! out; of the others the rows up to the largest threshold stay, and the last row of each bucket of time, which holds the
//! count. Streams of events of every name have a statement of their own: what names its events is joined by them.

use std::collections::BTreeSet;

use crate::plan::node::{Occurrences, Shape, Stream};
use crate::plan::relational::scalar::{
    self, Scalar, WindowFunction, any, at_least, at_most, case, cast, differ, equal, exact, is_in, is_known, is_null,
    less, minus, more, window,
};
use crate::plan::relational::{Draft, Query, RelationId, Rows};
use crate::plan::relations::windows::{self, Begin, End};
use crate::plan::relations::{Cx, Scope, choose, join_from, microseconds, threshold};
use crate::plan::streams::{self, signature};
use crate::semantic::decimal::Decimal;
use crate::semantic::event_names::NameList;
use crate::semantic::expr::{Expr, Type};
use crate::semantic::model::{EntityIndex, MilestoneIndex};

pub(super) fn query(cx: Cx<'_>, occurrences: &Occurrences) -> Query {
    let mut query = Query::default();
    let lengths = Lengths::of(&occurrences.streams);
    let matched = matched(cx, &mut query, occurrences, &lengths);
    let numbered = numbered(&mut query, occurrences.shape, matched);
    let mut result = Draft::new();
    let row = result.from(&query, numbered, "numbered");
    let column = |name: &str| row.column(name);
    let progress = match occurrences.shape {
        Shape::Count => None,
        Shape::Distinct => {
            let before = minus(column("progress"), column("step"));
            Some((scalar::stored(column("progress"), Type::Int), scalar::stored(before, Type::Int)))
        }
        // Decimals: taking this row's value off again is exact.
        Shape::Sum => Some((column("progress"), minus(column("progress"), column("step")))),
    };
    let is_last = [is_null(column("next_bucket")), differ(column("next_bucket"), column("bucket"))];
    let is_needed = match occurrences.shape {
        Shape::Count => at_most(column("n"), column("at_least")),
        Shape::Distinct | Shape::Sum => less(minus(column("progress"), column("step")), column("at_least")),
    };
    result.filter(any(is_last.into_iter().chain([is_needed.clone()])));
    result.columns(&row, &["stream", "entity", "n"]);
    if let Some((progress, before)) = progress {
        result.column("progress", progress);
        result.column("before", before);
    }
    result.columns(&row, &["bucket", "occurred_at"]);
    // A milestone is reached by a row up to the threshold; those after it are counted, and nobody asks what they are called.
    result.column("event_id", case(vec![(is_needed, column("event_id"))], None));
    query.unnamed(result);
    query
}

/// Makes the conditions for one of the rows of a stream to reach a threshold, in a window: it is the first that gets so far.
/// Where a join compares what [`touched`] names with the threshold already, `is_joined`, that is left out.
pub(super) fn reaching(
    shape: Shape,
    row: &Rows,
    at: &Scalar,
    end: End,
    is_joined: bool,
) -> impl Iterator<Item = Scalar> + use<> {
    let is_joined = is_joined && touched(shape).is_some();
    let (was_before, is_there) = match shape {
        Shape::Count => (None, equal(row.column("n"), at.clone())),
        Shape::Distinct | Shape::Sum => {
            (Some(less(row.column("before"), at.clone())), at_least(row.column("progress"), at.clone()))
        }
    };
    was_before.into_iter().chain((!is_joined).then_some(is_there)).chain(is_in_window(row, end))
}

/// Returns the column that is as much as a threshold in the row that reaches it; none for a sum, which may pass its threshold
/// without touching it. What is counted more than once may stay at it.
pub(super) fn touched(shape: Shape) -> Option<&'static str> {
    match shape {
        Shape::Count => Some("n"),
        Shape::Distinct => Some("progress"),
        Shape::Sum => None,
    }
}

/// Makes whether a row lies in a window that is one of its stream's, by its bucket; none where all rows do.
pub(super) fn is_in_window(row: &Rows, end: End) -> Option<Scalar> {
    let is_within = |length| at_most(row.column("bucket"), length);
    match end {
        End::Never => None,
        End::After(length) => Some(is_within(length)),
        End::AfterIfAny(length) => Some(any([is_null(length.clone()), is_within(length)])),
        End::At(moment) => Some(less(row.column("occurred_at"), moment)),
    }
}

/// The rows of each stream, with the bucket of time that each is in.
fn matched(cx: Cx<'_>, query: &mut Query, occurrences: &Occurrences, lengths: &Lengths) -> RelationId {
    let Occurrences { source, events, entity, shape, streams } = occurrences;
    let is_by_parent = cx.model.source(*source).entity().is_none_or(|(actor, _)| actor != entity);
    let actor = streams::actor_read(cx.model, *source, *entity, streams);
    let key = &cx.model.entity(*entity).key;
    let listed = listed(cx, query, occurrences, lengths);
    let bounds = streams.iter().flat_map(|stream| stream.bound.from.into_iter().chain(stream.bound.after));
    let bounds: Vec<MilestoneIndex> = bounds.collect();
    let reached = if bounds.is_empty() { None } else { Some(cx.reaches(query, "reached", bounds)) };
    let events = cx.read(query, *events);
    let entities = cx.entity(query, *entity);
    let names = names(streams);

    let mut draft = Draft::new();
    let event = draft.from(query, events, "events");
    let stream = match &names {
        Some(_) => draft
            .join(query, listed, "streams", |rows| vec![equal(rows.column("event_name"), event.column("event_name"))]),
        None => draft.from(query, listed, "streams"),
    };
    let has_subjects = streams.iter().any(|stream| stream.subject.is_some());
    let acting = actor.map(|actor| {
        let actors = cx.entity(query, actor);
        let on = |rows: &Rows| vec![equal(rows.column(&cx.model.entity(actor).key), event.column("entity"))];
        // A row of nobody may belong to somebody by what it holds.
        let rows = if has_subjects {
            draft.left_join(query, actors, "actor", on)
        } else {
            draft.join(query, actors, "actor", on)
        };
        (actor, rows)
    });
    let choose = Choose { streams, number: stream.column("stream") };
    // What names the entity cannot read it.
    let before: Vec<(EntityIndex, &Rows)> = acting.iter().map(|(actor, rows)| (*actor, rows)).collect();
    let scope = Scope { events: Some(&event), entities: &before, ..Scope::default() };
    let own = match (&acting, is_by_parent) {
        (_, false) => event.column("entity"),
        (Some((actor, rows)), true) => match &cx.model.entity(*actor).parent {
            Some((parent, column)) if parent == entity => rows.column(column),
            Some(_) | None => scalar::null(Type::String),
        },
        (None, true) => scalar::null(Type::String),
    };
    let subject = choose.of(|stream| stream.subject.as_ref(), &|expr| cx.written(expr, scope), own);
    let owner = draft.join(query, entities, "entity_row", |rows| vec![equal(rows.column(key), subject)]);
    let from = reached.filter(|_| streams.iter().any(|stream| stream.bound.from.is_some())).map(|reached| {
        let name = stream.column("from_milestone");
        (name.clone(), join_from(query, &mut draft, reached, "from_reach", name, owner.column(key)))
    });
    let after = reached.filter(|_| streams.iter().any(|stream| stream.bound.after.is_some())).map(|reached| {
        let name = stream.column("after_milestone");
        (name.clone(), join_from(query, &mut draft, reached, "after_reach", name, owner.column(key)))
    });

    let begin = from.as_ref().map_or(Begin::Start, |(name, reach)| Begin::Named(name.clone(), reach));
    let anchor = windows::anchor(&owner, begin);
    let time = event.column("event_time");
    draft.filter(windows::has_begun(&anchor, &time));
    if let Some(names) = &names {
        draft.filter(is_in(event.column("event_name"), names.iter().map(scalar::text).collect()));
    }
    // What is too late for all windows is not counted.
    windows::is_before(lengths.end(&stream), &anchor, &time)
        .into_iter()
        .for_each(|is_in_time| draft.filter(is_in_time));
    if let Some((name, reach)) = after {
        let (reached_at, reached_id) = (reach.column("reached_at"), reach.column("reached_id"));
        let is_tied =
            scalar::all([equal(time.clone(), reached_at.clone()), more(event.column("event_id"), reached_id)]);
        draft.filter(any([is_null(name), more(time.clone(), reached_at), is_tied]));
    }
    let mut entities_of_row = before.clone();
    entities_of_row.push((*entity, &owner));
    let scope = Scope { events: Some(&event), entities: &entities_of_row, ..Scope::default() };
    if streams.iter().any(|stream| stream.condition.is_some()) {
        let all = scalar::truth(true);
        draft.filter(choose.of(|stream| stream.condition.as_ref(), &|expr| cx.written(expr, scope), all));
    }
    draft.columns(&stream, &["stream", "at_least"]);
    draft.column("entity", owner.column(key));
    draft.column("occurred_at", time.clone());
    draft.columns(&event, &["event_id"]);
    let (counted, ty): (&dyn Fn(&Expr) -> Scalar, Type) = match shape {
        Shape::Count | Shape::Distinct => (&|expr| cx.told_apart(expr, scope), Type::String),
        Shape::Sum => (&|expr| amount(cx.written(expr, scope)), Type::Decimal),
    };
    if *shape != Shape::Count {
        draft.column("value", choose.of(|stream| stream.value.as_ref(), counted, scalar::null(ty)));
    }
    draft.column("bucket", lengths.bucket(&stream, &anchor, &time));
    query.named("matched", draft)
}

/// Numbers the rows of each entity and stream by time, and adds up what they bring.
fn numbered(query: &mut Query, shape: Shape, matched: RelationId) -> RelationId {
    let order = |rows: &Rows| vec![rows.column("occurred_at"), rows.column("event_id")];
    let step = match shape {
        Shape::Count => None,
        Shape::Distinct => {
            let mut draft = Draft::new();
            let row = draft.from(query, matched, "matched");
            draft.filter(is_known(row.column("value")));
            draft.all(&row);
            let of_value = ["stream", "entity", "value"].map(|name| row.column(name)).to_vec();
            let nth = window(WindowFunction::RowNumber, of_value, order(&row));
            let is_first = equal(nth, scalar::int(1));
            draft.column("step", case(vec![(is_first, scalar::int(1))], Some(scalar::int(0))));
            Some(query.named("marked", draft))
        }
        Shape::Sum => {
            let mut draft = Draft::new();
            let row = draft.from(query, matched, "matched");
            draft.filter(more(row.column("value"), scalar::int(0)));
            draft.all(&row);
            draft.column("step", row.column("value"));
            Some(query.named("marked", draft))
        }
    };
    let mut draft = Draft::new();
    let row = draft.from(query, step.unwrap_or(matched), if step.is_some() { "marked" } else { "matched" });
    let of_entity = || vec![row.column("stream"), row.column("entity")];
    draft.columns(&row, &["stream", "at_least", "entity", "occurred_at", "event_id", "bucket"]);
    draft.column("n", window(WindowFunction::RowNumber, of_entity(), order(&row)));
    if step.is_some() {
        let sum = WindowFunction::RunningSum(row.column("step"));
        draft.column("progress", window(sum, of_entity(), order(&row)));
        draft.columns(&row, &["step"]);
    }
    let next = WindowFunction::Lead(row.column("bucket"));
    draft.column("next_bucket", window(next, of_entity(), order(&row)));
    query.named("numbered", draft)
}

/// Makes what a row adds to a sum, as a decimal: sums are the same in whatever order they are added up. More than any
/// threshold counts as the largest threshold there can be, so that no sum is too large; what is no number does not count.
fn amount(value: Scalar) -> Scalar {
    let most = exact(Decimal::MAX);
    match value.ty {
        Type::Int => cast(value, Type::Decimal),
        Type::Decimal => case(vec![(more(value.clone(), most.clone()), most)], Some(value)),
        Type::Float | Type::Null | Type::Bool | Type::String | Type::Date | Type::Timestamp | Type::Duration => {
            let value = cast(value, Type::Float);
            let (first, last) = (scalar::float(Decimal::MAX.to_float()), scalar::float(f64::MAX));
            let is_large = scalar::all([at_least(value.clone(), first), at_most(value.clone(), last)]);
            case(vec![(is_large, most)], Some(scalar::exact_of(value)))
        }
    }
}

/// The streams as constants, a row for each name of an event.
fn listed(cx: Cx<'_>, query: &mut Query, occurrences: &Occurrences, lengths: &Lengths) -> RelationId {
    let streams = &occurrences.streams;
    let has_names = streams.iter().all(|stream| stream.names.only().is_some());
    let has_from = streams.iter().any(|stream| stream.bound.from.is_some());
    let has_after = streams.iter().any(|stream| stream.bound.after.is_some());
    let at_least = if occurrences.shape == Shape::Sum { Type::Decimal } else { Type::Int };
    let mut columns = vec![("stream".to_owned(), Type::Int)];
    columns.extend(has_names.then(|| ("event_name".to_owned(), Type::String)));
    columns.push(("at_least".to_owned(), at_least));
    columns.extend(lengths.columns().map(|name| (name, Type::Int)));
    columns.extend(has_from.then(|| ("from_milestone".to_owned(), Type::String)));
    columns.extend(has_after.then(|| ("after_milestone".to_owned(), Type::String)));
    let milestone =
        |index: Option<MilestoneIndex>| index.map_or_else(|| scalar::null(Type::String), |index| cx.name_of(index));
    let mut rows = Vec::new();
    for stream in streams {
        let names: Vec<Option<&String>> = match stream.names.only() {
            Some(names) if has_names => names.iter().map(Some).collect(),
            Some(_) | None => vec![None],
        };
        for name in names {
            let mut row = vec![scalar::int(stream.id)];
            row.extend(name.map(scalar::text));
            row.push(threshold(occurrences.shape, stream.at_least));
            row.extend((0..lengths.boundaries).map(|number| microseconds(stream.windows.get(number).copied())));
            row.extend(lengths.ends.then(|| microseconds(stream.horizon())));
            row.extend(has_from.then(|| milestone(stream.bound.from)));
            row.extend(has_after.then(|| milestone(stream.bound.after)));
            rows.push(row);
        }
    }
    let columns: Vec<(&str, Type)> = columns.iter().map(|(name, ty)| (name.as_str(), *ty)).collect();
    query.constants("streams", &columns, rows)
}

/// Returns the names of the events that streams count, which the warehouse prunes by; none: of every name.
fn names(streams: &[Stream]) -> Option<BTreeSet<String>> {
    let names: Option<Vec<&NameList>> = streams.iter().map(|stream| stream.names.only()).collect();
    Some(names?.into_iter().flat_map(|names| names.iter()).cloned().collect())
}

/// What differs from stream to stream.
struct Choose<'s> {
    streams: &'s [Stream],
    number: Scalar,
}

impl<'s> Choose<'s> {
    /// Makes the value that each stream says, or the one of those that say none.
    fn of(
        &self,
        of: impl Fn(&'s Stream) -> Option<&'s Expr>,
        make: &dyn Fn(&Expr) -> Scalar,
        otherwise: Scalar,
    ) -> Scalar {
        let said =
            self.streams.iter().map(|stream| (scalar::int(stream.id), of(stream).map(|expr| (signature(expr), expr))));
        choose(&self.number, said, make, otherwise)
    }
}

/// The bucket of what is later than every window that has an end.
const BEYOND: i64 = i64::MAX;

/// What streams know of time: the columns of their windows.
struct Lengths {
    /// How many windows have an end that tells buckets apart.
    boundaries: usize,
    /// Whether rows may be too late for all windows of some stream.
    ends: bool,
    /// Whether that is so for each stream.
    all_end: bool,
}

impl Lengths {
    fn of(streams: &[Stream]) -> Self {
        let most = streams.iter().map(|stream| stream.windows.len()).max().unwrap_or(0);
        let all_end = streams.iter().all(|stream| stream.horizon().is_some());
        // Where nothing comes after the longest window, its end tells nothing apart.
        let boundaries = if all_end { most.saturating_sub(1) } else { most };
        Self { boundaries, ends: streams.iter().any(|stream| stream.horizon().is_some()), all_end }
    }

    fn columns(&self) -> impl Iterator<Item = String> {
        (1..=self.boundaries).map(|number| format!("window_{number}")).chain(self.ends.then(|| "horizon".to_owned()))
    }

    /// Returns where the longest window of a stream ends.
    fn end(&self, stream: &Rows) -> End {
        match (self.all_end, self.ends) {
            (_, false) => End::Never,
            (true, true) => End::After(stream.column("horizon")),
            (false, true) => End::AfterIfAny(stream.column("horizon")),
        }
    }

    /// Makes the bucket of time of a row: the shortest window that takes it in, by its length. A window takes in the
    /// buckets up to its own length, whatever other windows there are.
    fn bucket(&self, stream: &Rows, anchor: &Scalar, time: &Scalar) -> Scalar {
        let last = match (self.all_end, self.ends) {
            (true, _) => stream.column("horizon"),
            (false, true) => scalar::coalesce(stream.column("horizon"), scalar::int(BEYOND)),
            (false, false) => scalar::int(BEYOND),
        };
        if self.boundaries == 0 {
            return last;
        }
        let branches = (1..=self.boundaries).filter_map(|number| {
            let window = stream.column(&format!("window_{number}"));
            Some((windows::is_before(End::After(window.clone()), anchor, time)?, window))
        });
        case(branches.collect(), Some(last))
    }
}
