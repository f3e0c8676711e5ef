//! One row a bucket and segment of a KPI.

use minijinja::{Value, context};

use crate::plan::build::uses_entity;
use crate::plan::naming;
use crate::plan::node::Node;
use crate::render::engine::render_text;
use crate::render::expr;
use crate::render::holes::Fragment;
use crate::render::relations::entity::parenthesized;
use crate::render::relations::occurrences::reached;
use crate::render::relations::{Aliases, Cx, Failure, Result, sql};
use crate::semantic::expr::{AggregateFunction, Expr, Literal, Type};
use crate::semantic::model::{EntityIndex, Grain, Kpi, KpiIndex, KpiValue, Measure, MeasureRelation};
use crate::semantic::retention;
use crate::semantic::scopes::canonical;

pub(super) fn statement(cx: &Cx<'_>, node: &Node, index: KpiIndex) -> Result<String> {
    let kpi = cx.model.kpi(index);
    match &kpi.value {
        KpiValue::Measures { numerator, denominator } => measures(cx, node, kpi, numerator, denominator.as_ref()),
        KpiValue::Statistic(measure) => statistic(cx, node, kpi, measure),
        KpiValue::Formula { value, inputs } => formula(cx, node, kpi, value, inputs),
    }
}

/// Returns the name of a grain, as it is written in TOML.
pub(crate) fn grain_name(grain: Grain) -> &'static str {
    match grain {
        Grain::Day => "day",
        Grain::Week => "week",
        Grain::Month => "month",
        Grain::Quarter => "quarter",
        Grain::Year => "year",
        Grain::All => "all",
    }
}

fn lines(cx: &Cx<'_>, kpi: &Kpi) -> Vec<String> {
    let mut lines = Vec::new();
    let buckets = match (kpi.grain, kpi.by_cohort) {
        (Grain::All, _) => "All time is one bucket.".to_owned(),
        (grain, true) => format!("By {} of the cohort: when the window of a member began.", grain_name(grain)),
        (grain, false) => format!("By {} in which it happened.", grain_name(grain)),
    };
    lines.push(buckets);
    let over_windows = match &kpi.value {
        KpiValue::Measures { numerator, denominator } => std::iter::once(numerator)
            .chain(denominator)
            .any(|m| matches!(m.relation, MeasureRelation::Milestone { .. })),
        KpiValue::Statistic(_) => true,
        KpiValue::Formula { .. } => false,
    };
    if over_windows && kpi.include_immature {
        lines.push("Members whose window is still open are included, and counted as immature.".to_owned());
    } else if over_windows && kpi.by_cohort {
        lines.push("A member counts once its whole window has passed.".to_owned());
    }
    let _ = cx;
    lines
}

fn common(cx: &Cx<'_>, node: &Node, kpi: &Kpi, mature: String) -> Result<Value> {
    Ok(context! {
        header => cx.definition_header("kpi", &kpi.meta, &lines(cx, kpi)),
        relation => cx.table(node),
        name => kpi.meta.name.clone(),
        grain => grain_name(kpi.grain),
        mature => sql(mature),
        as_of => cx.as_of()?,
    })
}

/// Prints whether a bucket is over, and with it the window of each member; and whether all of it is kept.
fn mature(cx: &Cx<'_>, kpi: &Kpi, measures: &[&Measure]) -> Result<String> {
    let kept = measures.iter().filter_map(|measure| retention::of_measure(cx.model, measure, kpi.by_cohort));
    let kept = kept.map(|kept| kept.length).min();
    let grain = kpi.grain;
    let closed = format!("combined.{} = 0", cx.ident("immature")?);
    let end = match grain {
        Grain::All => return Ok(closed),
        Grain::Day => "timestamp(add_days(period, 1))",
        Grain::Week => "timestamp(add_days(period, 7))",
        Grain::Month => "timestamp(add_months(period, 1))",
        Grain::Quarter => "timestamp(add_months(period, 3))",
        Grain::Year => "timestamp(add_months(period, 12))",
    };
    let period = format!("combined.{}", cx.ident("period")?);
    let end = render_text(
        &format!("{{% set period = period | of('date') %}}{{{{ {end} }}}}"),
        context! { period => sql(&period) },
        cx.dialect(),
    )
    .map_err(Failure::from)?;
    let over = format!("{closed} AND {end} <= {}", cx.as_of()?);
    let Some(since) = cx.since(kept)? else { return Ok(over) };
    let begins = render_text(
        "{% set period = period | of('date') %}{{ timestamp(period) }}",
        context! { period => sql(period) },
        cx.dialect(),
    )
    .map_err(Failure::from)?;
    Ok(format!("{over} AND {begins} >= {since}"))
}

fn segments(cx: &Cx<'_>, kpi: &Kpi) -> Result<Vec<Value>> {
    let mut rows = vec![Value::from(vec![sql("0"), cx.typed_null("string")?])];
    for (position, dimension) in kpi.dimensions.iter().enumerate() {
        rows.push(Value::from(vec![sql((position + 1).to_string()), cx.string(dimension)?]));
    }
    Ok(rows)
}

/// Rows of one relation, with what is aggregated of each.
struct Side<'m> {
    name: &'static str,
    measure: &'m Measure,
    roles: Vec<(&'static str, &'m Measure)>,
}

fn measures(cx: &Cx<'_>, node: &Node, kpi: &Kpi, numerator: &Measure, denominator: Option<&Measure>) -> Result<String> {
    let mut sides: Vec<Side<'_>> = Vec::new();
    match denominator {
        Some(denominator) if together(numerator, denominator) => sides.push(Side {
            name: "member",
            measure: denominator,
            roles: vec![("numerator", numerator), ("denominator", denominator)],
        }),
        _ => {
            sides.push(Side { name: "numerator", measure: numerator, roles: vec![("numerator", numerator)] });
            sides.extend(denominator.map(|denominator| Side {
                name: "denominator",
                measure: denominator,
                roles: vec![("denominator", denominator)],
            }));
        }
    }
    let base = if denominator.is_some() { "denominator" } else { "numerator" };
    let contexts: Vec<Value> = sides.iter().map(|side| side_context(cx, kpi, side, base)).collect::<Result<_>>()?;
    // What was not there is zero where it is a count or a sum, and unknown where it is not.
    let total = |role: &str, measure: &Measure| -> Result<String> {
        let column = format!("MAX(sides.{})", cx.ident(role)?);
        Ok(match measure.function {
            AggregateFunction::Count | AggregateFunction::CountDistinct | AggregateFunction::Sum => {
                format!("COALESCE({column}, CAST(0 AS {}))", cx.dialect().type_name(Type::Float))
            }
            AggregateFunction::Average
            | AggregateFunction::Min
            | AggregateFunction::Max
            | AggregateFunction::Percentile(_) => column,
        })
    };
    let over = total("numerator", numerator)?;
    let (under, value) = match denominator {
        Some(denominator) => {
            let under = total("denominator", denominator)?;
            let context = context! { left => sql(&over), right => sql(&under) };
            let value = render_text("{{ divide(left | of('float'), right | of('float')) }}", context, cx.dialect());
            (under, value.map_err(Failure::from)?)
        }
        None => (cx.typed_null("float")?.to_string(), over.clone()),
    };
    let all: Vec<&Measure> = std::iter::once(numerator).chain(denominator).collect();
    cx.render(
        "kpi.sql",
        context! {
            segments => segments(cx, kpi)?,
            sides => contexts,
            statistic => false,
            totals => context! { numerator => sql(over), denominator => sql(under), value => sql(value) },
            ..common(cx, node, kpi, mature(cx, kpi, &all)?)?
        },
    )
}

fn statistic(cx: &Cx<'_>, node: &Node, kpi: &Kpi, measure: &Measure) -> Result<String> {
    let side = Side { name: "member", measure, roles: vec![("statistic", measure)] };
    let (rank, position, statistic) = (cx.ident("rank_from_zero")?, cx.ident("position")?, cx.ident("statistic")?);
    let (share, value) = match measure.function {
        AggregateFunction::Percentile(share) => {
            let at =
                |end: &str| format!("MAX(CASE WHEN ranks.{rank} = {end}(ranks.{position}) THEN ranks.{statistic} END)");
            let (low, high) = (at("FLOOR"), at("CEIL"));
            let fraction = format!("(MAX(ranks.{position}) - FLOOR(MAX(ranks.{position})))");
            (share, format!("{low} + {fraction} * ({high} - {low})"))
        }
        AggregateFunction::Average => (0.0, format!("AVG(ranks.{statistic})")),
        AggregateFunction::Min => (0.0, format!("MIN(ranks.{statistic})")),
        AggregateFunction::Max => (0.0, format!("MAX(ranks.{statistic})")),
        AggregateFunction::Count | AggregateFunction::CountDistinct | AggregateFunction::Sum => {
            return Err(Failure::Template("a distribution has no such statistic".to_owned()));
        }
    };
    cx.render(
        "kpi.sql",
        context! {
            segments => segments(cx, kpi)?,
            sides => vec![side_context(cx, kpi, &side, "statistic")?],
            statistic => context! { share => cx.literal(&Literal::Float(share))?, value => sql(value) },
            ..common(cx, node, kpi, mature(cx, kpi, &[measure])?)?
        },
    )
}

fn formula(cx: &Cx<'_>, node: &Node, kpi: &Kpi, value: &Expr, inputs: &[KpiIndex]) -> Result<String> {
    let names: Vec<&str> = inputs.iter().map(|input| cx.model.kpi(*input).meta.name.as_str()).collect();
    let printed = expr::print(value, cx.dialect(), &|name| {
        let name = name.strip_prefix(canonical::KPI)?;
        let position = names.iter().position(|input| *input == name)?;
        Some(format!("met.value_{}", position + 1))
    })?;
    let inputs: Vec<Value> =
        names.iter().map(|name| context! { name => *name, relation => cx.qualified(&naming::kpi(name)) }).collect();
    cx.render(
        "formula.sql",
        context! {
            inputs,
            dimensions => kpi.dimensions.clone(),
            value => sql(printed),
            ..common(cx, node, kpi, format!("combined.{} = 1", cx.ident("mature")?))?
        },
    )
}

/// Tells whether two measures are taken over the same rows.
fn together(left: &Measure, right: &Measure) -> bool {
    let time = |measure: &Measure| measure.time.as_ref().map(crate::plan::streams::signature);
    left.relation == right.relation && left.mature_only == right.mature_only && time(left) == time(right)
}

fn side_context(cx: &Cx<'_>, kpi: &Kpi, side: &Side<'_>, base: &str) -> Result<Value> {
    let measure = side.measure;
    let (relation, alias, key, entity) = relation(cx, &measure.relation);
    let joins = entity.filter(|_| side.roles.iter().any(|(_, measure)| uses_entity(measure)));
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
    let (mut counts, mut open) = ("TRUE".to_owned(), "FALSE".to_owned());
    match &measure.relation {
        MeasureRelation::Milestone { population, .. } => {
            conditions.push(sql(format!("{alias}.{} IS NOT NULL", cx.ident("anchor_at")?)));
            let is_mature = format!("{alias}.{}", cx.ident("mature")?);
            // What was reached in a week of the calendar stays reached: only cohorts have to ripen.
            if kpi.by_cohort {
                open = format!("NOT {is_mature}");
            }
            if measure.mature_only {
                counts = is_mature;
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
        dimensions.push(sql(cx.cast(printed, dimension.ty, Type::String)));
    }
    let mut row_measures = Vec::new();
    let mut aggregates = Vec::new();
    let mut rows = "COUNT(*)".to_owned();
    // Rows that do not count are not read, but for members: a cohort in which nobody got there is a zero.
    let narrows = side.roles.len() == 1 && !matches!(measure.relation, MeasureRelation::Milestone { .. });
    if let (true, Some(filter)) = (narrows, &measure.filter) {
        conditions.push(sql(parenthesized(&cx.print(filter, aliases)?)));
    }
    for (role, measure) in &side.roles {
        row_measures.push(context! { role => *role, value => sql(row_value(cx, measure, aliases, narrows)?) });
        let column = Fragment::atom(format!("segmented.{}", cx.ident(role)?));
        let counts = Fragment::atom(format!("segmented.{}", cx.ident("counts")?));
        if *role == base || side.roles.len() == 1 {
            rows = print_aggregate(cx, AggregateFunction::Count, column.clone(), Type::Int, counts.clone())?;
            if let Some(filter) = &measure.filter
                && open != "FALSE"
            {
                open = format!("{open} AND {}", parenthesized(&cx.print(filter, aliases)?));
            }
        }
        let ty = measure.argument.as_ref().map_or(Type::Int, |argument| argument.ty);
        if *role != "statistic" {
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
        conditions,
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

/// Prints what a row brings to an aggregate: nothing where it does not count.
fn row_value(cx: &Cx<'_>, measure: &Measure, aliases: Aliases<'_>, narrowed: bool) -> Result<String> {
    let value = match &measure.argument {
        Some(argument) => cx.print(argument, aliases)?,
        None => "1".to_owned(),
    };
    Ok(match measure.filter.as_ref().filter(|_| !narrowed) {
        Some(filter) => format!("CASE WHEN {} THEN {value} END", cx.print(filter, aliases)?),
        None => value,
    })
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
