//! `kind = "count"`: how many there are, or how many different ones.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::project::document::{OneOrMany, Spanned};
use crate::project::tables::kpi::KpiTable;
use crate::semantic::expr::AggregateFunction;
use crate::semantic::kinds::MEASURED;
use crate::semantic::kinds::{Cx, Kind};
use crate::semantic::model::KpiValue;
use crate::semantic::references::References;

/// The fields of `kind = "count"`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Count {
    /// What is counted: an entity, the reaches of a milestone, or the rows of a source.
    of: Spanned<String>,
    /// The rows that count, as an expression.
    #[serde(rename = "where")]
    condition: Option<Spanned<String>>,
    /// The events that count, where a source of events is counted.
    event: Option<Spanned<OneOrMany>>,
    /// Counts different values of this expression instead of rows.
    distinct: Option<Spanned<String>>,
}

impl Kind for Count {
    const NAME: &'static str = "count";
    const ABOUT: &'static str = "How many there are, or how many different ones.";

    fn references(&self, references: &mut References<'_, KpiTable>) {
        references.named(MEASURED, &self.of);
    }

    fn reduce(&self, cx: &mut Cx<'_>) -> Option<KpiValue> {
        let mut measure =
            cx.rows(&self.of, self.event.as_ref(), self.condition.as_ref(), self.distinct.as_ref(), None)?;
        measure.filter = cx.reaches(&measure, &self.of);
        if self.distinct.is_some() {
            measure.function = AggregateFunction::CountDistinct;
        }
        Some(KpiValue::Measures { numerator: measure, denominator: None })
    }
}
