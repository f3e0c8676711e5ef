//! The cells of a KPI: one row a bucket and segment. Each side is aggregated alone over its own rows; they meet on bucket
//! and segment.

mod side;
mod totals;

use crate::plan::relational::scalar::{
    self, Scalar, WindowFunction, aggregate, all, any, at_least, at_most, call, case, cast, coalesce, equal, is_known,
    is_null, minus, more, window,
};
use crate::plan::relational::{Draft, Query, RelationId, Rows};
use crate::plan::relations::kpi::side::{Role, Side, are_apart, together, wait_for_each_other};
use crate::plan::relations::{CELL, Cx};
use crate::semantic::expr::{AggregateFunction, Type};
use crate::semantic::model::{Kpi, Measure, Period};
use crate::semantic::retention::{self, Whole};
use crate::semantic::settled;

/// The cells of a measure, or of a measure over another.
pub(super) fn measures(
    cx: Cx<'_>,
    query: &mut Query,
    kpi: &Kpi,
    numerator: &Measure,
    denominator: Option<&Measure>,
) -> RelationId {
    let mut sides: Vec<Side<'_>> = match denominator {
        None => vec![Side::new("numerator", numerator, vec![(Role::Numerator, numerator)])],
        Some(denominator) if together(numerator, denominator) => {
            vec![Side::new("member", denominator, vec![(Role::Numerator, numerator), (Role::Denominator, denominator)])]
        }
        Some(denominator) => vec![
            Side::new("numerator", numerator, vec![(Role::Numerator, numerator)]),
            Side::new("denominator", denominator, vec![(Role::Denominator, denominator)]),
        ],
    };
    wait_for_each_other(cx, &mut sides);
    let waits = sides.iter().any(|side| side.measure.matures_with().is_some());
    let base = if denominator.is_some() { Role::Denominator } else { Role::Numerator };
    let segments = segments(query, kpi);
    let mut parts = Vec::new();
    for side in sides.iter().flat_map(Side::apart) {
        let values = side.values(cx, query, kpi, segments, base);
        parts.push(totals(query, &side, values, base, waits));
    }
    parts.extend(kpi.buckets.period().is_none().then(|| nobody(query, waits)));

    let parts = query.union(None, parts);
    let mut draft = Draft::new();
    let part = draft.from(query, parts, "sides");
    let most = |name: &str| aggregate(AggregateFunction::Max, Some(part.column(name)), None);
    let total = |role: Role, measure: &Measure| {
        let known = most(role.name());
        if measure.function.is_zero_of_nothing() { coalesce(known, cast(scalar::int(0), Type::Float)) } else { known }
    };
    let over = total(Role::Numerator, numerator);
    let (under, mut value) = match denominator.map(|denominator| total(Role::Denominator, denominator)) {
        Some(under) => (under.clone(), call("divide", vec![over.clone(), under], Type::Float)),
        None => (scalar::null(Type::Float), over.clone()),
    };
    if waits {
        // Nobody of a side counts yet: that is not zero.
        let closed = aggregate(AggregateFunction::Min, Some(part.column("closed")), None);
        value = case(vec![(any([more(closed.clone(), scalar::int(0)), is_null(closed)]), value)], None);
    }
    // Sides of one entity have members in common, mostly all that one of them has, so that the larger counts.
    let immature = if are_apart(cx, &sides) {
        scalar::stored(aggregate(AggregateFunction::Sum, Some(part.column("immature")), None), Type::Int)
    } else {
        most("immature")
    };
    combine(cx, query, kpi, draft, &part, [over, under, value, immature])
}

/// The cells of a statistic of a distribution.
pub(super) fn statistic(cx: Cx<'_>, query: &mut Query, kpi: &Kpi, measure: &Measure) -> RelationId {
    let side = Side::new("member", measure, vec![(Role::Numerator, measure)]);
    let segments = segments(query, kpi);
    let mut parts = Vec::new();
    if let AggregateFunction::Percentile(share) = measure.function {
        let rows = side.rows(cx, query, kpi);
        let segmented = side.segmented(query, kpi, rows, segments, false);
        let values = percentile(query, segmented, share);
        parts.push(totals(query, &side, values, Role::Numerator, false));
        let open = open(query, segmented);
        parts.push(open_only(query, open));
    } else {
        let values = side.values(cx, query, kpi, segments, Role::Numerator);
        parts.push(totals(query, &side, values, Role::Numerator, false));
    }
    parts.extend(kpi.buckets.period().is_none().then(|| nobody(query, false)));
    let parts = query.union(None, parts);
    let mut draft = Draft::new();
    let part = draft.from(query, parts, "sides");
    let value = aggregate(AggregateFunction::Max, Some(part.column("numerator")), None);
    let nothing = scalar::null(Type::Float);
    let immature = aggregate(AggregateFunction::Max, Some(part.column("immature")), None);
    combine(cx, query, kpi, draft, &part, [nothing.clone(), nothing, value, immature])
}

/// The segments of a KPI, and what each is by: all members, and one for each way in which they are broken down.
fn segments(query: &mut Query, kpi: &Kpi) -> RelationId {
    let mut rows = vec![vec![scalar::int(0), scalar::null(Type::String)]];
    for (number, breakdown) in (1..).zip(&kpi.breakdowns) {
        rows.push(vec![scalar::int(number), scalar::text(&breakdown.name)]);
    }
    query.constants("segments", &[("number", Type::Int), ("segment_by", Type::String)], rows)
}

/// The totals of a side, in the columns that all sides have.
fn totals(query: &mut Query, side: &Side<'_>, values: RelationId, base: Role, waits: bool) -> RelationId {
    let mut draft = Draft::new();
    let row = draft.from(query, values, "side_values");
    draft.columns(&row, CELL);
    for role in [Role::Numerator, Role::Denominator] {
        let own = row.find(role.name()).map(|value| cast(value, Type::Float));
        draft.column(role.name(), own.unwrap_or_else(|| scalar::null(Type::Float)));
    }
    if waits {
        draft.column("closed", row.find("closed").unwrap_or_else(|| scalar::null(Type::Int)));
    }
    draft.column("n", if side.has(base) { row.column("n") } else { scalar::null(Type::Int) });
    draft.column("immature", row.find("immature").unwrap_or_else(|| scalar::null(Type::Int)));
    if side.only_counted() {
        draft.among_others_by(CELL);
    }
    query.unnamed(draft)
}

/// A total of nobody: all time has a cell, whoever is there.
fn nobody(query: &mut Query, waits: bool) -> RelationId {
    let mut draft = Draft::new();
    draft.column("period", scalar::null(Type::Date));
    draft.column("segment_by", scalar::null(Type::String));
    draft.column("segment", scalar::null(Type::String));
    draft.column("numerator", scalar::null(Type::Float));
    draft.column("denominator", scalar::null(Type::Float));
    if waits {
        draft.column("closed", scalar::null(Type::Int));
    }
    draft.column("n", scalar::int(0));
    draft.column("immature", scalar::int(0));
    query.unnamed(draft)
}

/// Computes a percentile by ranks: the value at a share of the way from the first to the last, between two of them by how
/// near each is. Warehouses' own are windows on one, approximate on another.
fn percentile(query: &mut Query, segmented: RelationId, share: f64) -> RelationId {
    let cell = |rows: &Rows| CELL.iter().map(|name| rows.column(name)).collect::<Vec<_>>();
    let mut ranks = Draft::new();
    let row = ranks.from(query, segmented, "ranked");
    let value = row.column("numerator");
    ranks.filter(row.column("counts"));
    ranks.filter(is_known(value.clone()));
    ranks.columns(&row, CELL);
    ranks.column("numerator", value.clone());
    let rank = window(WindowFunction::RowNumber, cell(&row), vec![value]);
    ranks.column("rank_from_zero", minus(rank, scalar::int(1)));
    let last = minus(window(WindowFunction::Count, cell(&row), Vec::new()), scalar::int(1));
    ranks.column("position", scalar::times(scalar::float(share), last));
    let ranks = query.named("member_ranks", ranks);

    let mut values = Draft::new();
    let row = values.from(query, ranks, "ranks");
    let most = |value: Scalar| aggregate(AggregateFunction::Max, Some(value), None);
    let (value, rank, position) = (row.column("numerator"), row.column("rank_from_zero"), row.column("position"));
    let at = |end: &str| {
        let is_there = equal(rank.clone(), call(end, vec![position.clone()], Type::Int));
        most(case(vec![(is_there, value.clone())], None))
    };
    let (low, high) = (at("floor"), at("ceil"));
    let place = most(position.clone());
    let fraction = minus(place.clone(), call("floor", vec![place], Type::Int));
    values.columns(&row, CELL);
    values.column("numerator", scalar::plus(low.clone(), scalar::times(fraction, minus(high, low))));
    values.column("n", scalar::count());
    values.column("immature", scalar::int(0));
    query.named("member_values", values)
}

/// Counts who may still come to a cell.
fn open(query: &mut Query, segmented: RelationId) -> RelationId {
    let mut draft = Draft::new();
    let row = draft.from(query, segmented, "segmented");
    draft.columns(&row, CELL);
    draft.column("immature", count_where(row.column("open")));
    query.named("member_open", draft)
}

/// The part of a cell that only says who may still come to it.
fn open_only(query: &mut Query, open: RelationId) -> RelationId {
    let mut draft = Draft::new();
    let row = draft.from(query, open, "side_open");
    draft.columns(&row, CELL);
    draft.column("numerator", scalar::null(Type::Float));
    draft.column("denominator", scalar::null(Type::Float));
    draft.column("n", scalar::int(0));
    draft.columns(&row, &["immature"]);
    query.unnamed(draft)
}

/// Counts the rows of which a condition holds.
fn count_where(condition: Scalar) -> Scalar {
    aggregate(AggregateFunction::Count, Some(case(vec![(condition, scalar::int(1))], None)), None)
}

/// Has the parts of each cell meet, and says what the cell is; `totals` are its numerator, denominator and value, and how
/// many of its members are open.
fn combine(cx: Cx<'_>, query: &mut Query, kpi: &Kpi, mut draft: Draft, part: &Rows, totals: [Scalar; 4]) -> RelationId {
    let [numerator, denominator, value, immature] = totals;
    draft.columns(part, CELL);
    draft.column("numerator", numerator);
    draft.column("denominator", denominator);
    draft.column("value", value);
    let size = aggregate(AggregateFunction::Max, Some(part.column("n")), None);
    draft.column("n", coalesce(size, scalar::int(0)));
    draft.column("immature", coalesce(immature, scalar::int(0)));
    let combined = query.named("combined", draft);
    let mut result = Draft::new();
    let cell = result.from(query, combined, "combined");
    let totals = ["numerator", "denominator", "value"].map(|name| cell.column(name));
    let mature = mature(cx, kpi, &cell);
    super::cell_columns(&mut result, kpi, &cell, totals, mature);
    query.unnamed(result)
}

/// Makes whether a bucket is over, and with it the window of each member; and whether all of it is kept.
fn mature(cx: Cx<'_>, kpi: &Kpi, cell: &Rows) -> Scalar {
    if settled::never(cx.model, kpi).is_some() {
        return scalar::truth(false);
    }
    let period = cell.column("period");
    let days = |function: &str, count: i64| call(function, vec![period.clone(), scalar::int(count)], Type::Date);
    let Some(next) = kpi.buckets.period() else { return scalar::truth(false) };
    let next = match next {
        Period::Day => days("add_days", 1),
        Period::Week => days("add_days", 7),
        Period::Month => days("add_months", 1),
        Period::Quarter => days("add_months", 3),
        Period::Year => days("add_months", 12),
    };
    let begins = |day: Scalar| call("timestamp", vec![day], Type::Timestamp);
    let immature = cell.column("immature");
    let nobody_is_open = if settled::segments_move(cx.model, kpi) {
        // Who is open may come into any segment: the total counts all of them.
        equal(window(WindowFunction::Max(immature), vec![period.clone()], Vec::new()), scalar::int(0))
    } else {
        equal(immature, scalar::int(0))
    };
    all([nobody_is_open, at_most(begins(next), scalar::moment())].into_iter().chain(is_whole(cx, kpi, period)))
}

/// Makes whether the period of a cell holds all of its members, though rows are not kept for ever; none where they are.
pub(super) fn is_whole(cx: Cx<'_>, kpi: &Kpi, period: Scalar) -> Option<Scalar> {
    match retention::of_kpi(cx.model, kpi) {
        Whole::Always => None,
        Whole::Never => Some(scalar::truth(false)),
        Whole::While(length) => {
            let begins = call("timestamp", vec![period], Type::Timestamp);
            Some(at_least(begins, scalar::moment_before(length)))
        }
    }
}
