//! `kind = "sum"`: what a number of each row adds up to.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::project::document::{OneOrMany, Spanned};
use crate::project::tables::kpi::KpiTable;
use crate::semantic::kinds::MEASURED;
use crate::semantic::kinds::measure::{Aggregation, MeasureTable};
use crate::semantic::kinds::{Cx, Kind};
use crate::semantic::model::KpiValue;
use crate::semantic::references::References;

/// The fields of `kind = "sum"`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sum {
    /// What is added up: an entity, a milestone or a source.
    of: Spanned<String>,
    /// The number of each row, as an expression.
    value: Spanned<String>,
    /// The rows that count, as an expression.
    #[serde(rename = "where")]
    condition: Option<Spanned<String>>,
    /// The events that count, where a source of events is added up.
    event: Option<Spanned<OneOrMany>>,
}

impl Kind for Sum {
    const NAME: &'static str = "sum";
    const ABOUT: &'static str = "What a number of each row adds up to.";

    fn references(&self, references: &mut References<'_, KpiTable>) {
        references.named(MEASURED, &self.of);
    }

    fn reduce(&self, cx: &mut Cx<'_>) -> Option<KpiValue> {
        let measure = cx.measure(&MeasureTable {
            of: self.of.clone(),
            aggregate: Some(self.value.with(Aggregation::Sum)),
            value: Some(self.value.clone()),
            condition: self.condition.clone(),
            event: self.event.clone(),
        })?;
        Some(KpiValue::Measures { numerator: measure, denominator: None })
    }
}
