//! An expression over other KPIs, which meet on bucket and segment.

use crate::plan::naming;
use crate::plan::relational::scalar::{
    self, Scalar, WindowFunction, aggregate, any, case, cast, equal, is_in, is_null, window,
};
use crate::plan::relational::{Draft, Query, RelationId, Rows};
use crate::plan::relations::{CELL, Cx};
use crate::semantic::expr::{AggregateFunction, Expr, Type};
use crate::semantic::model::{Kpi, KpiIndex};
use crate::semantic::name::Name;
use crate::semantic::settled;

/// The cells of a formula.
pub(super) fn cells(cx: Cx<'_>, query: &mut Query, kpi: &Kpi, value: &Expr, inputs: &[KpiIndex]) -> RelationId {
    let names: Vec<&str> = inputs.iter().map(|input| cx.model.kpi(*input).meta.name.as_str()).collect();
    let values: Vec<String> = (1..=inputs.len()).map(|number| format!("value_{number}")).collect();
    let parts = names.iter().enumerate().map(|(place, name)| input(cx, query, kpi, name, place, &values));
    let parts: Vec<RelationId> = parts.collect();
    let all = query.union(Some("inputs"), parts);

    let mut met = Draft::new();
    let row = met.from(query, all, "inputs");
    met.columns(&row, CELL);
    let over = |function: AggregateFunction, name: &str| aggregate(function, Some(row.column(name)), None);
    for value in &values {
        met.column(value, over(AggregateFunction::Max, value));
    }
    met.column("n", over(AggregateFunction::Min, "n"));
    met.column("immature", over(AggregateFunction::Max, "immature"));
    met.column("mature", over(AggregateFunction::Min, "mature"));
    let met = query.named("met", met);

    let mut result = Draft::new();
    let cell = result.from(query, met, "met");
    let written = scalar::written(value, &|name| {
        let Name::Kpi(name) = name else { return None };
        let place = names.iter().position(|input| input == name)?;
        cell.find(&values[place])
    });
    let mature = if settled::never(cx.model, kpi).is_some() {
        scalar::truth(false)
    } else if settled::segments_move(cx.model, kpi) {
        let least = window(WindowFunction::Min(cell.column("mature")), vec![cell.column("period")], Vec::new());
        equal(least, scalar::int(1))
    } else {
        equal(cell.column("mature"), scalar::int(1))
    };
    // Of an input whose rows are gone there is no cell.
    let mature = scalar::all(std::iter::once(mature).chain(super::kpi::is_whole(cx, kpi, cell.column("period"))));
    let nothing = scalar::null(Type::Float);
    super::cell_columns(&mut result, kpi, &cell, [nothing.clone(), nothing, cast(written, Type::Float)], mature);
    query.unnamed(result)
}

/// Makes the cells of one input, with its value in a column of its own.
fn input(cx: Cx<'_>, query: &mut Query, kpi: &Kpi, name: &str, place: usize, values: &[String]) -> RelationId {
    let node = cx.plan.find(&naming::kpi(name)).expect("a KPI comes after those that it is made of");
    let cells = cx.read(query, node);
    let mut draft = Draft::new();
    let cell: Rows = draft.from(query, cells, "input");
    let dimensions: Vec<Scalar> = kpi.breakdowns.iter().map(|own| scalar::text(&own.name)).collect();
    let by = cell.column("segment_by");
    let is_total = is_null(by.clone());
    draft.filter(if dimensions.is_empty() { is_total } else { any([is_total, is_in(by, dimensions)]) });
    draft.columns(&cell, CELL);
    draft.columns(&cell, &["n", "immature"]);
    draft.column("mature", case(vec![(cell.column("mature"), scalar::int(1))], Some(scalar::int(0))));
    for (other, column) in values.iter().enumerate() {
        draft.column(column, if other == place { cell.column("value") } else { scalar::null(Type::Float) });
    }
    query.unnamed(draft)
}
