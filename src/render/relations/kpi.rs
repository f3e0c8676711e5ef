//! One row a bucket and segment of a KPI.

mod side;

use minijinja::{Value, context};

use crate::plan::naming;
use crate::plan::node::Node;
use crate::render::engine::render_text;
use crate::render::expr;
use crate::render::relations::kpi::side::{Side, are_apart, side_context, together, wait_for_each_other};
use crate::render::relations::{Cx, Failure, Result, sql};
use crate::semantic::expr::{AggregateFunction, Expr, Literal, Type};
use crate::semantic::model::{Grain, Kpi, KpiIndex, KpiValue, Measure, MeasureRelation};
use crate::semantic::scopes::canonical;
use crate::semantic::{retention, settled};

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
    lines.extend(settled::never(cx.model, kpi).map(|never| never.sentence().to_owned()));
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
    if settled::never(cx.model, kpi).is_some() {
        return Ok("FALSE".to_owned());
    }
    let kept = measures.iter().filter_map(|measure| retention::of_measure(cx.model, measure));
    let kept = kept.map(|kept| kept.length).min();
    let grain = kpi.grain;
    let immature = format!("combined.{}", cx.ident("immature")?);
    let closed = if settled::segments_move(cx.model, kpi) {
        // Who is open may come into any segment: the total counts all of them.
        format!("MAX({immature}) OVER (PARTITION BY combined.{}) = 0", cx.ident("period")?)
    } else {
        format!("{immature} = 0")
    };
    let end = match grain {
        Grain::All => return Ok("FALSE".to_owned()),
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

/// Prints how many members of a bucket are open, of what each side counts. Sides of one entity have members in common, mostly all
/// that one of them has, so that the larger counts.
fn immature(cx: &Cx<'_>, sides: &[Side<'_>]) -> Result<String> {
    let of_side = format!("sides.{}", cx.ident("immature")?);
    let int = cx.dialect().type_name(Type::Int);
    Ok(if are_apart(cx, sides) { format!("CAST(SUM({of_side}) AS {int})") } else { format!("MAX({of_side})") })
}

fn measures(cx: &Cx<'_>, node: &Node, kpi: &Kpi, numerator: &Measure, denominator: Option<&Measure>) -> Result<String> {
    let mut sides: Vec<Side<'_>> = match denominator {
        None => vec![Side::new("numerator", numerator, vec![("numerator", numerator)])],
        Some(denominator) if together(numerator, denominator) => {
            vec![Side::new("member", denominator, vec![("numerator", numerator), ("denominator", denominator)])]
        }
        Some(denominator) => vec![
            Side::new("numerator", numerator, vec![("numerator", numerator)]),
            Side::new("denominator", denominator, vec![("denominator", denominator)]),
        ],
    };
    wait_for_each_other(cx, &mut sides);
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
    let (under, mut value) = match denominator {
        Some(denominator) => {
            let under = total("denominator", denominator)?;
            let context = context! { left => sql(&over), right => sql(&under) };
            let value = render_text("{{ divide(left | of('float'), right | of('float')) }}", context, cx.dialect());
            (under, value.map_err(Failure::from)?)
        }
        None => (cx.typed_null("float")?.to_string(), over.clone()),
    };
    let waits = sides.iter().any(|side| side.waits().is_some());
    if waits {
        // Nobody of a side counts yet: that is not zero.
        value = format!("CASE WHEN MIN(sides.{}) > 0 OR MIN(sides.{0}) IS NULL THEN {value} END", cx.ident("closed")?);
    }
    let all: Vec<&Measure> = std::iter::once(numerator).chain(denominator).collect();
    cx.render(
        "kpi.sql",
        context! {
            segments => segments(cx, kpi)?,
            sides => contexts,
            share => (),
            waits,
            all_time => kpi.grain == Grain::All,
            totals => context! {
                numerator => sql(over), denominator => sql(under), value => sql(value), immature => sql(immature(cx, &sides)?),
            },
            ..common(cx, node, kpi, mature(cx, kpi, &all)?)?
        },
    )
}

fn statistic(cx: &Cx<'_>, node: &Node, kpi: &Kpi, measure: &Measure) -> Result<String> {
    let side = Side::new("member", measure, vec![("numerator", measure)]);
    let (rank, position, statistic) = (cx.ident("rank_from_zero")?, cx.ident("position")?, cx.ident("numerator")?);
    let (share, ranked) = match measure.function {
        AggregateFunction::Percentile(share) => {
            let at =
                |end: &str| format!("MAX(CASE WHEN ranks.{rank} = {end}(ranks.{position}) THEN ranks.{statistic} END)");
            let (low, high) = (at("FLOOR"), at("CEIL"));
            let fraction = format!("(MAX(ranks.{position}) - FLOOR(MAX(ranks.{position})))");
            let value = format!("{low} + {fraction} * ({high} - {low})");
            (Some(cx.literal(&Literal::Float(share))?), Some(sql(value)))
        }
        AggregateFunction::Average | AggregateFunction::Min | AggregateFunction::Max => (None, None),
        AggregateFunction::Count | AggregateFunction::CountDistinct | AggregateFunction::Sum => {
            return Err(Failure::Template("a distribution has no such statistic".to_owned()));
        }
    };
    let nothing = cx.typed_null("float")?;
    cx.render(
        "kpi.sql",
        context! {
            segments => segments(cx, kpi)?,
            sides => vec![side_context(cx, kpi, &side, "numerator")?],
            share, ranked,
            waits => false,
            all_time => kpi.grain == Grain::All,
            totals => context! {
                numerator => nothing.clone(), denominator => nothing, value => sql(format!("MAX(sides.{statistic})")),
                immature => sql(immature(cx, &[side])?),
            },
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
    let all = format!("combined.{}", cx.ident("mature")?);
    let mature = if settled::never(cx.model, kpi).is_some() {
        "FALSE".to_owned()
    } else if settled::segments_move(cx.model, kpi) {
        format!("MIN({all}) OVER (PARTITION BY combined.{}) = 1", cx.ident("period")?)
    } else {
        format!("{all} = 1")
    };
    cx.render(
        "formula.sql",
        context! {
            inputs,
            dimensions => kpi.dimensions.clone(),
            value => sql(printed),
            ..common(cx, node, kpi, mature)?
        },
    )
}
