//! What the rows of a side come to, in each bucket and segment.

use crate::plan::relational::scalar::{self, Scalar, aggregate, call, case, coalesce, concatenated, equal};
use crate::plan::relational::{Draft, Query, RelationId, Rows};
use crate::plan::relations::kpi::count_where;
use crate::plan::relations::kpi::side::{Role, Side, dimension};
use crate::plan::relations::{CELL, Cx};
use crate::semantic::expr::{AggregateFunction, Type};
use crate::semantic::model::{BETWEEN, Breakdown, ESCAPES, Kpi};

impl Side<'_> {
    /// The rows of the side, or groups of them, each once a segment that it is in.
    pub(super) fn segmented(
        &self,
        query: &mut Query,
        kpi: &Kpi,
        rows: RelationId,
        segments: RelationId,
        are_groups: bool,
    ) -> RelationId {
        let mut draft = Draft::new();
        let row = draft.from(query, rows, if are_groups { "side_groups" } else { "side_rows" });
        let segment = draft.from(query, segments, "segments");
        draft.columns(&row, &["period"]);
        draft.columns(&segment, &["segment_by"]);
        let of = (1..)
            .zip(&kpi.breakdowns)
            .map(|(number, breakdown)| (equal(segment.column("number"), scalar::int(number)), named(&row, breakdown)));
        let of: Vec<(Scalar, Scalar)> = of.collect();
        draft.column("segment", if of.is_empty() { scalar::null(Type::String) } else { case(of, None) });
        for (role, _) in &self.roles {
            draft.columns(&row, &[role.name()]);
        }
        let others = if are_groups { &["closed", "n", "immature"] } else { &["counts", "open"][..] };
        others
            .iter()
            .filter_map(|name| Some((name, row.find(name)?)))
            .for_each(|(name, value)| draft.column(name, value));
        query.named(&format!("{}_segments", self.name), draft)
    }

    /// What the rows of each segment come to.
    pub(super) fn values(
        &self,
        cx: Cx<'_>,
        query: &mut Query,
        kpi: &Kpi,
        segments: RelationId,
        base: Role,
    ) -> RelationId {
        let rows = self.rows(cx, query, kpi);
        let name = format!("{}_values", self.name);
        // What adds up is added up by all dimensions first: a row is in several segments.
        let adds_up = self.roles.iter().all(|(_, measure)| again(measure.function).is_some());
        if !adds_up || self.measure.dimensions.is_empty() {
            let segmented = self.segmented(query, kpi, rows, segments, false);
            let mut draft = Draft::new();
            let row = draft.from(query, segmented, "segmented");
            draft.columns(&row, CELL);
            self.aggregated(&mut draft, &row, base);
            return query.named(&name, draft);
        }
        let mut draft = Draft::new();
        let row = draft.from(query, rows, "side_rows");
        draft.columns(&row, &["period"]);
        (1..).zip(&self.measure.dimensions).for_each(|(number, _)| draft.columns(&row, &[&dimension(number)]));
        self.aggregated(&mut draft, &row, base);
        let groups = query.named(&format!("{}_groups", self.name), draft);
        let segmented = self.segmented(query, kpi, groups, segments, true);
        let mut draft = Draft::new();
        let row = draft.from(query, segmented, "segmented");
        draft.columns(&row, CELL);
        for (role, measure) in &self.roles {
            let function = again(measure.function).unwrap_or(measure.function);
            draft.column(role.name(), aggregate(function, Some(row.column(role.name())), None));
        }
        for name in ["closed", "n", "immature"] {
            if let Some(value) = row.find(name) {
                draft.column(name, aggregate(AggregateFunction::Sum, Some(value), None));
            }
        }
        query.named(&name, draft)
    }

    /// Aggregates rows of the side: what they bring, and how many of them count and are open.
    fn aggregated(&self, draft: &mut Draft, row: &Rows, base: Role) {
        let counts = row.column("counts");
        for (role, measure) in &self.roles {
            let which = (!self.only_counted()).then(|| counts.clone());
            draft.column(role.name(), aggregate(measure.function, Some(row.column(role.name())), which));
        }
        if self.only_counted() {
            return;
        }
        if self.measure.matures_with().is_some() || !self.waits_for.is_empty() {
            draft.column("closed", count_where(counts.clone()));
        }
        let counted = self.roles.iter().find(|(role, _)| *role == base || self.roles.len() == 1);
        let size = counted.map_or_else(scalar::count, |(role, _)| {
            aggregate(AggregateFunction::Count, Some(row.column(role.name())), Some(counts))
        });
        draft.column("n", size);
        draft.column("immature", count_where(row.column("open")));
    }
}

/// Makes the name of the segment that a row is in: the value of its dimension, or those of several, in which what stands
/// between them is told from it.
fn named(row: &Rows, breakdown: &Breakdown) -> Scalar {
    let value = |place: &usize| {
        let value = row.column(&dimension(i64::try_from(place + 1).unwrap_or(i64::MAX)));
        coalesce(value, scalar::text("(none)"))
    };
    let escaped = |value: Scalar| {
        ESCAPES.iter().fold(value, |value, (what, with)| {
            call("replace", vec![value, scalar::text(*what), scalar::text(*with)], Type::String)
        })
    };
    let [only] = breakdown.dimensions.as_slice() else {
        let parts = breakdown.dimensions.iter().map(|place| escaped(value(place)));
        let joined = parts.reduce(|all, part| concatenated(concatenated(all, scalar::text(BETWEEN)), part));
        return joined.unwrap_or_else(|| scalar::null(Type::String));
    };
    value(only)
}

/// Returns what makes of the values of several groups that of all of them; none: it is not made of these.
fn again(function: AggregateFunction) -> Option<AggregateFunction> {
    match function {
        AggregateFunction::Count | AggregateFunction::Sum => Some(AggregateFunction::Sum),
        AggregateFunction::Min => Some(AggregateFunction::Min),
        AggregateFunction::Max => Some(AggregateFunction::Max),
        AggregateFunction::CountDistinct | AggregateFunction::Average | AggregateFunction::Percentile(_) => None,
    }
}
