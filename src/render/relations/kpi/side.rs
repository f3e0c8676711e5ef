//! The sides of a KPI: rows of one relation, and what is aggregated of each.

use minijinja::{Value, context};

use crate::plan::build::uses_entity;
use crate::plan::naming;
use crate::render::engine::render_text;
use crate::render::expr;
use crate::render::holes::Fragment;
use crate::render::relations::entity::parenthesized;
use crate::render::relations::kpi::grain_name;
use crate::render::relations::occurrences::reached;
use crate::render::relations::{Aliases, Cx, Failure, Result, sql};
use crate::semantic::expr::{AggregateFunction, Literal, Type};
use crate::semantic::milestones::from_start;
use crate::semantic::model::{Anchor, EntityIndex, Grain, Kpi, Measure, MeasureRelation, MilestoneIndex};

/// Rows of one relation, with what is aggregated of each.
pub(super) struct Side<'m> {
    name: &'static str,
    measure: &'m Measure,
    roles: Vec<(&'static str, &'m Measure)>,
    /// The milestones of the other side whose windows the rows wait for: both sides are over the same members.
    waits_for: Vec<MilestoneIndex>,
}

impl<'m> Side<'m> {
    pub(super) fn new(name: &'static str, measure: &'m Measure, roles: Vec<(&'static str, &'m Measure)>) -> Self {
        Self { name, measure, roles, waits_for: Vec::new() }
    }

    /// Returns the milestone whose windows its rows wait for.
    pub(super) fn waits(&self) -> Option<MilestoneIndex> {
        match self.measure.relation {
            MeasureRelation::Milestone { of, .. } if self.measure.mature_only => Some(of),
            MeasureRelation::Milestone { .. }
            | MeasureRelation::Entity(_)
            | MeasureRelation::Events(..)
            | MeasureRelation::Facts(_) => None,
        }
    }
}

/// Tells whether the members of two sides are of different entities, so that nobody who is open is open on both.
pub(super) fn are_apart(cx: &Cx<'_>, sides: &[Side<'_>]) -> bool {
    let milestone_entity = |side: &Side<'_>| match side.measure.relation {
        MeasureRelation::Milestone { of, .. } => Some(cx.model.milestone(of).entity),
        // Others are open with a milestone of the same entity only.
        MeasureRelation::Entity(_) | MeasureRelation::Events(..) | MeasureRelation::Facts(_) => None,
    };
    let [one, other] = sides else { return false };
    matches!((milestone_entity(one), milestone_entity(other)), (Some(one), Some(other)) if one != other)
}

/// Has each of two sides wait for the other one's windows, where they are over the same entity.
pub(super) fn wait_for_each_other(cx: &Cx<'_>, sides: &mut [Side<'_>]) {
    let [one, other] = sides else { return };
    let entity = |side: &Side<'_>| relation(cx, &side.measure.relation).3;
    if entity(one) != entity(other) {
        return;
    }
    let (waits, other_waits) = (one.waits(), other.waits());
    one.waits_for.extend(other_waits.filter(|of| Some(*of) != waits));
    other.waits_for.extend(waits.filter(|of| Some(*of) != other_waits));
}

/// Tells whether two measures are taken over the same rows.
pub(super) fn together(left: &Measure, right: &Measure) -> bool {
    let time = |measure: &Measure| measure.time.as_ref().map(crate::plan::streams::signature);
    left.relation == right.relation && left.mature_only == right.mature_only && time(left) == time(right)
}

pub(super) fn side_context(cx: &Cx<'_>, kpi: &Kpi, side: &Side<'_>, base: &str) -> Result<Value> {
    let measure = side.measure;
    let (relation, alias, key, entity) = relation(cx, &measure.relation);
    let pending = pending(cx, measure)?;
    let begins_late = side.waits_for.iter().any(|of| matches!(cx.model.milestone(*of).anchor, Anchor::Reach(_)));
    let joins = entity
        .filter(|_| pending.is_some() || begins_late || side.roles.iter().any(|(_, measure)| uses_entity(measure)));
    let is_entity = matches!(measure.relation, MeasureRelation::Entity(_));
    let entities: Vec<(EntityIndex, &str)> = match (entity, is_entity) {
        (Some(entity), true) => vec![(entity, alias)],
        (Some(entity), false) => vec![(entity, "entity_row")],
        (None, _) => Vec::new(),
    };
    let aliases = Aliases {
        events: matches!(measure.relation, MeasureRelation::Events(..)).then_some(alias),
        facts: matches!(measure.relation, MeasureRelation::Facts(_)).then_some(alias),
        reach: matches!(measure.relation, MeasureRelation::Milestone { .. }).then_some(alias),
        population: Some("population"),
        entities: &entities,
    };
    let mut conditions = Vec::new();
    let mut population_context = None;
    // What a row is let into, and what may change it.
    let (mut counts, mut open): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    match &measure.relation {
        MeasureRelation::Milestone { population, .. } => {
            let begun = format!("{alias}.{} IS NOT NULL", cx.ident("anchor_at")?);
            let is_mature = format!("{alias}.{}", cx.ident("mature")?);
            if side.roles.iter().any(|(_, measure)| measure.waits) {
                open.push(format!("NOT {is_mature}"));
            }
            if measure.mature_only {
                counts.push(is_mature);
            } else if pending.is_some() {
                counts.push(begun.clone());
            }
            match pending {
                Some(pending) => conditions.push(sql(format!("({begun}{pending})"))),
                None => conditions.push(sql(begun)),
            }
            if let Some(population) = population {
                population_context = Some(context! {
                    relation => cx.qualified(&cx.plan.node(reached(cx, *population)).name),
                    name => cx.model.milestone(*population).meta.name.clone(),
                });
            }
        }
        MeasureRelation::Events(_, Some(names)) => {
            let list: Vec<String> =
                names.iter().map(|name| cx.string(name).map(|v| v.to_string())).collect::<Result<_>>()?;
            conditions.push(sql(format!("{alias}.{} IN ({})", cx.ident("event_name")?, list.join(", "))));
        }
        MeasureRelation::Entity(_) | MeasureRelation::Events(_, None) | MeasureRelation::Facts(_) => {}
    }
    let mut waiting = Vec::new();
    for of in &side.waits_for {
        let milestone = cx.model.milestone(*of);
        let waits = format!("waits_{}", waiting.len() + 1);
        let (begun, is_mature) = (cx.ident("anchor_at")?, cx.ident("mature")?);
        // Who has no window may still come to have one, until that is decided.
        let entity_row = if is_entity { alias } else { "entity_row" };
        let undecided = undecided(cx, *of, entity_row)?;
        let without = format!("{waits}.{begun} IS NULL");
        let decided = undecided.as_ref().map_or_else(|| without.clone(), |may| format!("({without} AND NOT {may})"));
        counts.push(format!("({decided} OR {waits}.{is_mature})"));
        // Members are counted, and not their rows.
        if matches!(measure.relation, MeasureRelation::Entity(_) | MeasureRelation::Milestone { .. }) {
            open.push(format!("{waits}.{begun} IS NOT NULL AND NOT {waits}.{is_mature}"));
            open.extend(undecided.map(|may| format!("{without} AND {may}")));
        }
        waiting.push(context! {
            relation => cx.qualified(&naming::milestone(&milestone.meta.name)),
            key => cx.model.entity(milestone.entity).key.clone(),
            alias => sql(waits),
        });
    }
    let counts = if counts.is_empty() { "TRUE".to_owned() } else { counts.join(" AND ") };
    let open = if open.is_empty() { "FALSE".to_owned() } else { open.join(" OR ") };
    let period = match &measure.time {
        Some(time) if kpi.grain != Grain::All => {
            let time = cx.print(time, aliases)?;
            let known = sql(format!("{time} IS NOT NULL"));
            if !conditions.contains(&known) {
                conditions.push(known);
            }
            let template = format!("{{{{ date_trunc('{}', time | of('timestamp')) }}}}", grain_name(kpi.grain));
            render_text(&template, context! { time => sql(time) }, cx.dialect()).map_err(Failure::from)?
        }
        _ => cx.typed_null("date")?.to_string(),
    };
    let mut dimensions = Vec::new();
    for dimension in &measure.dimensions {
        let printed = cx.print(dimension, aliases)?;
        dimensions.push(sql(cx.text(printed, dimension.ty)?));
    }
    let mut row_measures = Vec::new();
    let mut aggregates = Vec::new();
    let mut rows = "COUNT(*)".to_owned();
    let narrow = members(cx, side, aliases)?;
    conditions.extend(narrow.clone().map(sql));
    for (role, measure) in &side.roles {
        row_measures
            .push(context! { role => *role, value => sql(row_value(cx, measure, aliases, narrow.as_deref())?) });
        let column = Fragment::atom(format!("segmented.{}", cx.ident(role)?));
        let counts = Fragment::atom(format!("segmented.{}", cx.ident("counts")?));
        if *role == base || side.roles.len() == 1 {
            rows = print_aggregate(cx, AggregateFunction::Count, column.clone(), Type::Int, counts.clone())?;
        }
        let ty = value_type(measure);
        // Ranks take its place.
        if !matches!(measure.function, AggregateFunction::Percentile(_)) {
            aggregates.push(context! { role => *role, aggregate => sql(print_aggregate(cx, measure.function, column, ty, counts)?) });
        }
    }
    let float = cx.dialect().type_name(Type::Float);
    let of_role = |role: &str| -> Result<Value> {
        if side.roles.iter().any(|(known, _)| *known == role) {
            Ok(sql(format!("CAST(side_values.{} AS {float})", cx.ident(role)?)))
        } else {
            cx.typed_null("float")
        }
    };
    let has_base = side.roles.iter().any(|(role, _)| *role == base);
    Ok(context! {
        name => sql(side.name),
        relation,
        alias => sql(alias),
        key,
        period => sql(period),
        dimensions,
        measures => row_measures,
        all_measures => aggregates,
        counts => sql(counts),
        open => sql(open),
        rows => sql(rows),
        conditions, waiting,
        closed => side.waits().is_some() || !side.waits_for.is_empty(),
        population => population_context,
        entity => match joins {
            Some(entity) if !is_entity => Some(context! {
                // A milestone's rows are entities; an event or a fact may belong to somebody unknown.
                join => sql(if matches!(measure.relation, MeasureRelation::Milestone { .. }) { "JOIN" } else { "LEFT JOIN" }),
                relation => cx.qualified(&cx.plan.node(cx.plan.entity(entity)).name),
                key => cx.model.entity(entity).key.clone(),
            }),
            _ => None,
        },
        numerator => of_role("numerator")?,
        denominator => of_role("denominator")?,
        n => if has_base { sql(format!("side_values.{}", cx.ident("n")?)) } else { cx.typed_null("int")? },
    })
}

type RelationParts<'n> = (String, &'static str, String, Option<EntityIndex>);

/// Returns the relation of a measure, its alias, the column with the entity's key, and the entity.
fn relation<'n>(cx: &Cx<'_>, relation: &MeasureRelation) -> RelationParts<'n> {
    match relation {
        MeasureRelation::Entity(entity) => {
            let name = cx.qualified(&cx.plan.node(cx.plan.entity(*entity)).name);
            (name, "entities", cx.model.entity(*entity).key.clone(), Some(*entity))
        }
        MeasureRelation::Milestone { of, .. } => {
            let milestone = cx.model.milestone(*of);
            let name = cx.qualified(&naming::milestone(&milestone.meta.name));
            (name, "milestone", cx.model.entity(milestone.entity).key.clone(), Some(milestone.entity))
        }
        MeasureRelation::Events(source, _) => {
            let source = cx.model.source(*source);
            let entity = source.entity.as_ref().map(|(entity, _)| *entity);
            (cx.qualified(&naming::events(&source.meta.name)), "events", "entity".to_owned(), entity)
        }
        MeasureRelation::Facts(source) => {
            let source = cx.model.source(*source);
            let entity = source.entity.as_ref().map(|(entity, _)| *entity);
            (cx.qualified(&naming::facts(&source.meta.name)), "facts", "entity".to_owned(), entity)
        }
    }
}

/// Prints who may come to have a window, and so to be a member, though the population is known: whether it has begun is
/// decided by another milestone. None: who has no window will have none.
fn pending(cx: &Cx<'_>, measure: &Measure) -> Result<Option<String>> {
    let MeasureRelation::Milestone { of, population: Some(population) } = measure.relation else { return Ok(None) };
    let Anchor::Reach(anchor) = cx.model.milestone(of).anchor else { return Ok(None) };
    if anchor == population {
        return Ok(None);
    }
    let Some(length) = from_start(cx.model, anchor) else { return Ok(Some(" OR TRUE".to_owned())) };
    Ok(Some(format!(" OR {}", begun_within(cx, "entity_row", length)?)))
}

/// Prints whether it is still to be decided if an entity has a window of a milestone; none where that is never open, and
/// where it is always: cells are never final then, and who has no window counts.
fn undecided(cx: &Cx<'_>, of: MilestoneIndex, entity_row: &str) -> Result<Option<String>> {
    let Anchor::Reach(anchor) = cx.model.milestone(of).anchor else { return Ok(None) };
    let Some(length) = from_start(cx.model, anchor) else { return Ok(None) };
    Ok(Some(format!("({})", begun_within(cx, entity_row, length)?)))
}

/// Prints whether an entity began less than a length of time before the moment.
fn begun_within(cx: &Cx<'_>, entity_row: &str, length: i64) -> Result<String> {
    let context = context! {
        start => sql(format!("{entity_row}.{}", cx.ident("started_at")?)), length => cx.literal(&Literal::Int(length))?,
    };
    let end = render_text("{{ add_duration(start, length) }}", context, cx.dialect()).map_err(Failure::from)?;
    Ok(format!("{end} > {}", cx.as_of()?))
}

/// Prints which rows are members of some measure of a side, where not all are.
fn members(cx: &Cx<'_>, side: &Side<'_>, aliases: Aliases<'_>) -> Result<Option<String>> {
    let mut conditions: Vec<String> = Vec::new();
    for (_, measure) in &side.roles {
        let Some(members) = &measure.members else { return Ok(None) };
        let printed = parenthesized(&cx.print(members, aliases)?);
        if !conditions.contains(&printed) {
            conditions.push(printed);
        }
    }
    Ok(Some(match conditions.as_slice() {
        [one] => one.clone(),
        several => format!("({})", several.join(" OR ")),
    }))
}

/// Prints what a row brings to an aggregate: nothing where it does not count. All rows are as `narrow` says.
fn row_value(cx: &Cx<'_>, measure: &Measure, aliases: Aliases<'_>, narrow: Option<&str>) -> Result<String> {
    let mut value = match &measure.argument {
        Some(argument) => cx.print(argument, aliases)?,
        None => "1".to_owned(),
    };
    if let Some(argument) = &measure.argument {
        value = cx.cast(value, argument.ty, value_type(measure));
    }
    let mut conditions = Vec::new();
    for condition in measure.members.iter().chain(&measure.filter) {
        let printed = parenthesized(&cx.print(condition, aliases)?);
        if narrow != Some(printed.as_str()) {
            conditions.push(printed);
        }
    }
    Ok(if conditions.is_empty() { value } else { format!("CASE WHEN {} THEN {value} END", conditions.join(" AND ")) })
}

/// Returns the type of what is aggregated: whole numbers are added up as decimals, as their sum may not fit 64 bits.
fn value_type(measure: &Measure) -> Type {
    match (measure.argument.as_ref().map_or(Type::Int, |argument| argument.ty), measure.function) {
        (Type::Int, AggregateFunction::Sum) => Type::Decimal,
        (ty, _) => ty,
    }
}

fn print_aggregate(
    cx: &Cx<'_>,
    function: AggregateFunction,
    column: Fragment,
    ty: Type,
    counts: Fragment,
) -> Result<String> {
    let result = match function {
        AggregateFunction::Count | AggregateFunction::CountDistinct => Type::Int,
        AggregateFunction::Average | AggregateFunction::Percentile(_) => Type::Float,
        AggregateFunction::Sum | AggregateFunction::Min | AggregateFunction::Max => ty,
    };
    expr::aggregate(cx.dialect(), function, Some((column, Some(ty))), Some(counts), Some(result))
        .map(|fragment| fragment.sql)
        .map_err(Failure::from)
}
