//! `kind = "conversion"`: the share of a population that reached a milestone.
//!
//! A member counts once its window has closed, whatever came of it; so a young cohort has no value rather than a low one.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::language::Table;
use crate::project::document::Spanned;
use crate::project::tables::kpi::KpiTable;
use crate::semantic::kinds::MEASURED;
use crate::semantic::kinds::measure::{and, reached};
use crate::semantic::kinds::{Cx, Kind};
use crate::semantic::model::KpiValue;
use crate::semantic::references::References;

/// The fields of `kind = "conversion"`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Conversion {
    /// The milestone.
    of: Spanned<String>,
    /// The milestone that makes the population; if absent, everybody whose window has begun.
    from: Option<Spanned<String>>,
    /// The members that count, as an expression.
    #[serde(rename = "where")]
    condition: Option<Spanned<String>>,
}

impl Kind for Conversion {
    const NAME: &'static str = "conversion";
    const ABOUT: &'static str = "The share of a population that reached a milestone. A member counts once its window has closed, whatever came of it.";
    const OVER_COHORTS: bool = true;

    fn references(&self, references: &mut References<'_, KpiTable>) {
        references.named(MEASURED, &self.of);
        self.from.iter().for_each(|from| _ = references.named(&[Table::Milestone], from));
    }

    fn reduce(&self, cx: &mut Cx<'_>) -> Option<KpiValue> {
        let of = cx.milestone(&self.of);
        let population = self.from.as_ref().map(|from| cx.population(from, &self.of));
        let by_cohort = cx.needs_cohort("the members of a bucket must not depend on what became of them");
        of?;
        let denominator = cx.rows(&self.of, None, self.condition.as_ref(), None, population.flatten());
        by_cohort?;
        if population == Some(None) {
            return None;
        }
        let denominator = denominator?;
        let mut numerator = denominator.clone();
        numerator.filter = and(Some(reached(cx.place(&self.of))), numerator.filter);
        Some(KpiValue::Measures { numerator, denominator: Some(denominator) })
    }
}
