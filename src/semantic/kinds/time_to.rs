//! `kind = "time_to"`: how long it took those who got there.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::diagnostic::Diagnostic;
use crate::language::Table;
use crate::project::document::Spanned;
use crate::project::read::list;
use crate::project::tables::kpi::KpiTable;
use crate::semantic::expr::{AggregateFunction, BinaryOperator, Expr, ExprKind, Literal, Type};
use crate::semantic::kinds::MEASURED;
use crate::semantic::kinds::measure::{and, column, reached};
use crate::semantic::kinds::{Cx, Kind};
use crate::semantic::model::KpiValue;
use crate::semantic::name::{Name, ReachColumn};
use crate::semantic::references::References;

/// The fields of `kind = "time_to"`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TimeTo {
    /// The milestone.
    of: Spanned<String>,
    /// The milestone from which time is counted; if absent, where the window of `of` begins.
    from: Option<Spanned<String>>,
    /// `median` (the default), `mean`, `min`, `max`, or a percentile such as `p90`, interpolated.
    statistic: Option<Spanned<String>>,
    /// The members that count, as an expression.
    #[serde(rename = "where")]
    condition: Option<Spanned<String>>,
}

/// The units of a time that is reported, in microseconds.
const UNITS: &[(&str, i64)] =
    &[("second", 1_000_000), ("minute", 60_000_000), ("hour", 3_600_000_000), ("day", 86_400_000_000)];

impl Kind for TimeTo {
    const NAME: &'static str = "time_to";
    const ABOUT: &'static str = "How long it took those who reached a milestone.";
    const OVER_COHORTS: bool = true;

    fn references(&self, references: &mut References<'_, KpiTable>) {
        references.named(MEASURED, &self.of);
        self.from.iter().for_each(|from| _ = references.named(&[Table::Milestone], from));
    }

    fn reduce(&self, cx: &mut Cx<'_>) -> Option<KpiValue> {
        let of = cx.milestone(&self.of);
        let population = self.from.as_ref().map(|from| cx.population(from, &self.of));
        let by_cohort = cx.needs_cohort("the members of a bucket must not depend on when they got there");
        let (function, unit) = (self.function(cx), unit(cx));
        of?;
        let measure = cx.rows(&self.of, None, self.condition.as_ref(), None, population.flatten());
        by_cohort?;
        if population == Some(None) {
            return None;
        }
        let (function, unit, mut measure, population) = (function?, unit?, measure?, population.flatten());
        let span = cx.place(&self.of);
        let start = match population {
            Some(_) => Name::PopulationReachedAt,
            None => Name::Reach(ReachColumn::AnchorAt),
        };
        let start = column(start, Type::Timestamp, span);
        let end = column(Name::Reach(ReachColumn::ReachedAt), Type::Timestamp, span);
        if population.is_some() {
            // Who got there before is not on the way any more.
            let kind = ExprKind::Binary(BinaryOperator::GreaterOrEqual, Box::new(end.clone()), Box::new(start.clone()));
            measure.filter = and(Some(Expr { kind, ty: Type::Bool, span }), measure.filter);
        }
        measure.filter = and(Some(reached(span)), measure.filter);
        let elapsed =
            Expr { kind: ExprKind::Call("duration_between".to_owned(), vec![start, end]), ty: Type::Duration, span };
        let unit = Expr { kind: ExprKind::Literal(Literal::Duration(unit)), ty: Type::Duration, span };
        measure.argument =
            Some(Expr { kind: ExprKind::Call("divide".to_owned(), vec![elapsed, unit]), ty: Type::Float, span });
        measure.function = function;
        Some(KpiValue::Statistic(measure))
    }
}

impl TimeTo {
    fn function(&self, cx: &mut Cx<'_>) -> Option<AggregateFunction> {
        let Some(statistic) = &self.statistic else { return Some(AggregateFunction::Percentile(0.5)) };
        let name = statistic.get().as_str();
        let percentile = name.strip_prefix('p').and_then(|digits| digits.parse::<u8>().ok()).filter(|p| *p <= 100);
        let function = match (name, percentile) {
            ("median", _) => AggregateFunction::Percentile(0.5),
            ("mean", _) => AggregateFunction::Average,
            ("min", _) => AggregateFunction::Min,
            ("max", _) => AggregateFunction::Max,
            (_, Some(percentile)) => AggregateFunction::Percentile(f64::from(percentile) / 100.0),
            (_, None) => {
                let span = cx.place(statistic);
                cx.report(
                    Diagnostic::error("unknown-statistic", format!("no statistic `{name}`"))
                        .at(span, "")
                        .help("write `median`, `mean`, `min`, `max`, or a percentile from `p0` to `p100`"),
                );
                return None;
            }
        };
        Some(function)
    }
}

fn unit(cx: &mut Cx<'_>) -> Option<i64> {
    let Some(unit) = &cx.definition.body.unit else { return Some(86_400_000_000) };
    if let Some((_, length)) = UNITS.iter().find(|(name, _)| *name == unit.get()) {
        return Some(*length);
    }
    let names: Vec<&str> = UNITS.iter().map(|(name, _)| *name).collect();
    let span = cx.place(unit);
    cx.report(
        Diagnostic::error("unknown-unit", format!("no unit of time `{}`", unit.get()))
            .at(span, "")
            .help(format!("the units are {}", list(&names))),
    );
    None
}
