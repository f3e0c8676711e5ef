//! Numbered occurrences of streams.

use std::collections::BTreeSet;

use minijinja::{Value, context};

use crate::plan::node::{Node, Occurrences, Shape, Stream};
use crate::render::access;
use crate::render::holes::Fragment;
use crate::render::relations::entity::parenthesized;
use crate::render::relations::{Aliases, Cx, Failure, Result, sql};
use crate::semantic::decimal::Decimal;
use crate::semantic::expr::{Expr, ExprKind, Literal, Type};
use crate::semantic::model::{EntityIndex, MilestoneIndex};
use crate::semantic::scopes::canonical;

pub(super) fn statement(cx: &Cx<'_>, node: &Node, occurrences: &Occurrences) -> Result<String> {
    let source = cx.model.source(occurrences.source);
    let entity = cx.model.entity(occurrences.entity);
    let actor = source.entity.as_ref().map(|(entity, _)| *entity);
    let by_parent = actor != Some(occurrences.entity);
    let reads_actor = by_parent || occurrences.streams.iter().any(|stream| stream.subject.is_some());
    let actor = actor.filter(|actor| reads_actor && needs(cx, &occurrences.streams, *actor, by_parent));
    let entities: Vec<(EntityIndex, &str)> = match actor {
        Some(actor) => vec![(actor, "actor"), (occurrences.entity, "entity_row")],
        None => vec![(occurrences.entity, "entity_row")],
    };
    let aliases = Aliases { events: Some("events"), entities: &entities, ..Aliases::default() };
    // What names the entity cannot read it.
    let subject_entities: Vec<(EntityIndex, &str)> = actor.map(|actor| (actor, "actor")).into_iter().collect();
    let subject_aliases = Aliases { events: Some("events"), entities: &subject_entities, ..Aliases::default() };

    let from = occurrences.streams.iter().any(|stream| stream.bound.from.is_some());
    let after = occurrences.streams.iter().any(|stream| stream.bound.after.is_some());
    let anchor = anchor(cx, from)?;
    let windows = Windows::of(&occurrences.streams);

    let default_subject = match (by_parent, actor) {
        (true, Some(actor)) => match &cx.model.entity(actor).parent {
            Some((parent, column)) if *parent == occurrences.entity => format!("actor.{}", cx.ident(column)?),
            _ => cx.typed_null("string")?.to_string(),
        },
        (true, None) => cx.typed_null("string")?.to_string(),
        (false, _) => format!("events.{}", cx.ident("entity")?),
    };
    let subject = cases(cx, &occurrences.streams, |stream| stream.subject.as_ref(), &default_subject, &|expr| {
        cx.print(expr, subject_aliases)
    })?;
    let condition =
        cases(cx, &occurrences.streams, |stream| stream.condition.as_ref(), "TRUE", &|expr| cx.print(expr, aliases))?;
    let condition = (condition != "TRUE").then(|| sql(condition));
    let value = match occurrences.shape {
        Shape::Count => None,
        Shape::Distinct => Some(cases(cx, &occurrences.streams, |stream| stream.value.as_ref(), "NULL", &|expr| {
            cx.text(cx.print(expr, aliases)?, expr.ty)
        })?),
        Shape::Sum => Some(cases(cx, &occurrences.streams, |stream| stream.value.as_ref(), "NULL", &|expr| {
            amount(cx, cx.print(expr, aliases)?, expr.ty)
        })?),
    };

    let named = names(&occurrences.streams);
    let mut stream_columns = vec!["stream".to_owned()];
    stream_columns.extend(named.as_ref().map(|_| "event_name".to_owned()));
    stream_columns.push("at_least".to_owned());
    stream_columns.extend(windows.columns());
    if from {
        stream_columns.push("from_milestone".to_owned());
    }
    if after {
        stream_columns.push("after_milestone".to_owned());
    }
    let mut reached_relations = Vec::new();
    for stream in &occurrences.streams {
        for milestone in stream.bound.from.into_iter().chain(stream.bound.after) {
            let name = cx.qualified(&cx.plan.node(reached(cx, milestone)).name);
            if !reached_relations.contains(&name) {
                reached_relations.push(name);
            }
        }
    }
    reached_relations.sort();
    let actor = actor.map(|actor| {
        context! {
            relation => cx.qualified(&cx.plan.node(cx.plan.entity(actor)).name),
            key => cx.model.entity(actor).key.clone(),
        }
    });
    cx.render(
        "occurrences.sql",
        context! {
            header => cx.header(&title(cx, occurrences), &lines(cx, occurrences)),
            relation => cx.table(node),
            stream_columns,
            stream_rows => stream_rows(cx, occurrences, &windows, from, after)?,
            bounded => from || after,
            from, after, reached_relations, actor,
            key => entity.key.clone(),
            events => cx.qualified(&cx.plan.node(occurrences.events).name),
            entity => cx.qualified(&cx.plan.node(cx.plan.entity(occurrences.entity)).name),
            names => named,
            subject => sql(subject),
            // A row of nobody may belong to somebody by what it holds.
            subjects => occurrences.streams.iter().any(|stream| stream.subject.is_some()),
            bucket => sql(windows.bucket(cx, &anchor)?),
            in_time => windows.in_time(cx, &anchor)?.map(sql),
            anchor => sql(anchor),
            value => value.map(sql),
            condition,
            shape => occurrences.shape.name(),
        },
    )
}

/// Prints what a row adds to a sum, as a decimal: sums are the same in whatever order they are added up. More than any
/// threshold counts as the largest threshold there can be, so that no sum is too large; what is no number does not count.
fn amount(cx: &Cx<'_>, printed: String, ty: Type) -> Result<String> {
    let most = cx.exact(Decimal::MAX)?;
    Ok(match ty {
        Type::Int => cx.cast(printed, ty, Type::Decimal),
        Type::Decimal => {
            let value = parenthesized(&printed);
            format!("CASE WHEN {value} > {most} THEN {most} ELSE {value} END")
        }
        Type::Float | Type::Null | Type::Bool | Type::String | Type::Date | Type::Timestamp | Type::Duration => {
            let value = Fragment::atom(parenthesized(&cx.cast(printed, ty, Type::Float)));
            let (first, last) = (Decimal::MAX.to_float(), f64::MAX);
            let (first, last) = (cx.literal(&Literal::Float(first))?, cx.literal(&Literal::Float(last))?);
            let exact = access::exact(cx.dialect(), &value)?.sql;
            format!("CASE WHEN {} BETWEEN {first} AND {last} THEN {most} ELSE {exact} END", value.sql)
        }
    })
}

/// Prints a threshold, as what it is compared with: a count is a whole number, a sum a decimal.
pub(super) fn threshold(cx: &Cx<'_>, shape: Shape, at_least: Decimal) -> Result<Value> {
    match (shape, at_least.as_int()) {
        (Shape::Count | Shape::Distinct, Some(count)) => cx.literal(&Literal::Int(count)),
        (Shape::Count | Shape::Distinct, None) => {
            Err(Failure::Template("a count is not compared with a fraction".to_owned()))
        }
        (Shape::Sum, _) => cx.exact(at_least),
    }
}

fn title(cx: &Cx<'_>, occurrences: &Occurrences) -> String {
    let what = match occurrences.shape {
        Shape::Count => "Occurrences",
        Shape::Distinct => "Occurrences of different values",
        Shape::Sum => "Occurrences that add up",
    };
    let entity = &cx.model.entity(occurrences.entity).meta.name;
    format!("{what} of events in `{}`, numbered by {entity} and stream", cx.model.source(occurrences.source).meta.name)
}

fn lines(cx: &Cx<'_>, occurrences: &Occurrences) -> Vec<String> {
    let names = |milestones: &[MilestoneIndex]| {
        let names: Vec<&str> = milestones.iter().map(|index| cx.model.milestone(*index).meta.name.as_str()).collect();
        names.join(", ")
    };
    occurrences.streams.iter().map(|stream| format!("Stream {}: {}", stream.id, names(&stream.milestones))).collect()
}

/// Returns the names of the events that streams count, which the warehouse prunes by; none: of every name.
fn names(streams: &[Stream]) -> Option<BTreeSet<String>> {
    let names: Option<Vec<&Vec<String>>> = streams.iter().map(|stream| stream.names.as_ref()).collect();
    Some(names?.into_iter().flatten().cloned().collect())
}

/// Tells whether some stream reads the entity that acted.
fn needs(cx: &Cx<'_>, streams: &[Stream], actor: EntityIndex, by_parent: bool) -> bool {
    let prefix = format!("{}{}.", canonical::ENTITY, cx.model.entity(actor).meta.name);
    streams.iter().any(|stream| {
        let mut found = by_parent && stream.subject.is_none();
        for expr in stream.condition.iter().chain(&stream.subject).chain(&stream.value) {
            expr.walk(&mut |part| {
                found |= matches!(&part.kind, ExprKind::Column(name) if name.starts_with(&prefix));
            });
        }
        found
    })
}

pub(super) fn reached(cx: &Cx<'_>, milestone: MilestoneIndex) -> crate::plan::node::NodeId {
    let milestone = cx.model.milestone(milestone);
    cx.plan.reached(milestone.entity, milestone.depth)
}

/// Prints where windows start: at the entity's start, or at a reach where the stream has one.
fn anchor(cx: &Cx<'_>, from: bool) -> Result<String> {
    let start = format!("entity_row.{}", cx.ident("started_at")?);
    Ok(if from {
        format!(
            "CASE WHEN streams.{} IS NULL THEN {start} ELSE from_reach.{} END",
            cx.ident("from_milestone")?,
            cx.ident("reached_at")?
        )
    } else {
        start
    })
}

/// Prints what differs from stream to stream.
fn cases<'s>(
    cx: &Cx<'_>,
    streams: &'s [Stream],
    of: impl Fn(&'s Stream) -> Option<&'s Expr>,
    otherwise: &str,
    print: &dyn Fn(&Expr) -> Result<String>,
) -> Result<String> {
    // Streams that say the same share a branch, so that a row is compared with as few numbers as possible.
    let mut branches: Vec<(String, Vec<i64>)> = Vec::new();
    let mut rest = false;
    for stream in streams {
        let Some(expr) = of(stream) else {
            rest = true;
            continue;
        };
        let printed = print(expr)?;
        match branches.iter_mut().find(|(known, _)| *known == printed) {
            Some((_, numbers)) => numbers.push(stream.id),
            None => branches.push((printed, vec![stream.id])),
        }
    }
    match branches.as_slice() {
        [] => return Ok(otherwise.to_owned()),
        [(only, _)] if !rest => return Ok(super::entity::parenthesized(only)),
        _ => {}
    }
    let stream = format!("streams.{}", cx.ident("stream")?);
    let mut text = "CASE".to_owned();
    for (printed, numbers) in &branches {
        let condition = match numbers.as_slice() {
            [one] => format!("{stream} = {one}"),
            several => {
                let list: Vec<String> = several.iter().map(i64::to_string).collect();
                format!("{stream} IN ({})", list.join(", "))
            }
        };
        text.push_str(&format!("\n      WHEN {condition} THEN {printed}"));
    }
    if rest {
        text.push_str(&format!("\n      ELSE {otherwise}"));
    }
    text.push_str("\n    END");
    Ok(text)
}

/// The bucket of what is later than every window that has an end.
const BEYOND: i64 = i64::MAX;

/// What streams know of time: the columns of their windows.
struct Windows {
    /// How many windows have an end that tells buckets apart.
    boundaries: usize,
    /// Whether rows may be too late for all windows of some stream.
    ends: bool,
    /// Whether that is so for each stream.
    all_end: bool,
}

impl Windows {
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

    /// Prints the bucket of time of a row: the shortest window that takes it in, by its length. A window takes in the
    /// buckets up to its own length, whatever other windows there are.
    fn bucket(&self, cx: &Cx<'_>, anchor: &str) -> Result<String> {
        let horizon = format!("streams.{}", cx.ident("horizon")?);
        let last = match (self.all_end, self.ends) {
            (true, _) => horizon,
            (false, true) => format!("COALESCE({horizon}, {BEYOND})"),
            (false, false) => BEYOND.to_string(),
        };
        if self.boundaries == 0 {
            return Ok(last);
        }
        let elapsed = since(cx, anchor)?;
        let mut text = "CASE".to_owned();
        for number in 1..=self.boundaries {
            let window = format!("streams.{}", cx.ident(&format!("window_{number}"))?);
            text.push_str(&format!("\n      WHEN {elapsed} < {window} THEN {window}"));
        }
        text.push_str(&format!("\n      ELSE {last}\n    END"));
        Ok(text)
    }

    /// Prints that a row is not too late for all windows, where one may be.
    fn in_time(&self, cx: &Cx<'_>, anchor: &str) -> Result<Option<String>> {
        if !self.ends {
            return Ok(None);
        }
        let horizon = format!("streams.{}", cx.ident("horizon")?);
        let in_time = format!("{} < {horizon}", since(cx, anchor)?);
        Ok(Some(if self.all_end { in_time } else { format!("({horizon} IS NULL OR {in_time})") }))
    }
}

/// Prints how long after the start of the window a row is.
fn since(cx: &Cx<'_>, anchor: &str) -> Result<String> {
    elapsed(cx, anchor, &format!("events.{}", cx.ident("event_time")?))
}

/// Prints the microseconds from one instant to another.
pub(super) fn elapsed(cx: &Cx<'_>, start: &str, end: &str) -> Result<String> {
    let context = context! { start => sql(parenthesized(start)), end => sql(end) };
    crate::render::engine::render_text("{{ duration_between(start, end) }}", context, cx.dialect())
        .map_err(Failure::from)
}

fn stream_rows(
    cx: &Cx<'_>,
    occurrences: &Occurrences,
    windows: &Windows,
    from: bool,
    after: bool,
) -> Result<Vec<Value>> {
    let mut rows = Vec::new();
    let has_column = occurrences.streams.iter().all(|stream| stream.names.is_some());
    for stream in &occurrences.streams {
        let names: Vec<Option<&String>> = match &stream.names {
            Some(names) => names.iter().map(Some).collect(),
            None => vec![None],
        };
        for name in names {
            let text = |value: Option<&str>| match value {
                Some(value) => cx.string(value),
                None => cx.typed_null("string"),
            };
            let milestone =
                |index: Option<MilestoneIndex>| text(index.map(|index| cx.model.milestone(index).meta.name.as_str()));
            let mut row = vec![cx.literal(&Literal::Int(stream.id))?];
            if has_column {
                row.push(text(name.map(String::as_str))?);
            }
            row.push(threshold(cx, occurrences.shape, stream.at_least)?);
            for number in 0..windows.boundaries {
                row.push(match stream.windows.get(number) {
                    Some(window) => cx.literal(&Literal::Int(*window))?,
                    None => cx.typed_null("int")?,
                });
            }
            if windows.ends {
                row.push(match stream.horizon() {
                    Some(horizon) => cx.literal(&Literal::Int(horizon))?,
                    None => cx.typed_null("int")?,
                });
            }
            if from {
                row.push(milestone(stream.bound.from)?);
            }
            if after {
                row.push(milestone(stream.bound.after)?);
            }
            rows.push(Value::from(row));
        }
    }
    Ok(rows)
}
