//! `kind = "ratio"`: one measure over another, null where the second is zero.
//!
//! Each side is aggregated alone, over its own relation, and they meet on bucket and segment: rows never multiply.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::project::tables::kpi::KpiTable;
use crate::semantic::kinds::MEASURED;
use crate::semantic::kinds::measure::MeasureTable;
use crate::semantic::kinds::{Cx, Kind};
use crate::semantic::model::KpiValue;
use crate::semantic::references::References;

/// The fields of `kind = "ratio"`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ratio {
    /// The measure above the line.
    numerator: MeasureTable,
    /// The measure below the line.
    denominator: MeasureTable,
}

impl Kind for Ratio {
    const NAME: &'static str = "ratio";
    const ABOUT: &'static str = "One measure over another, null where the second is zero. Each side is aggregated alone, and they meet on period and segment.";

    fn references(&self, references: &mut References<'_, KpiTable>) {
        references.named(MEASURED, &self.numerator.of).named(MEASURED, &self.denominator.of);
    }

    fn reduce(&self, cx: &mut Cx<'_>) -> Option<KpiValue> {
        let numerator = cx.measure(&self.numerator);
        let denominator = cx.measure(&self.denominator);
        Some(KpiValue::Measures { numerator: numerator?, denominator: Some(denominator?) })
    }
}
