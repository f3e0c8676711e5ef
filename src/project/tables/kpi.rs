//! `[kpi.<name>]`: what every KPI has, whatever its kind. The fields of a kind stand with the kind, in `semantic::kinds`.

use std::collections::BTreeSet;
use std::ops::Range;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::de::DeTable;

use crate::diagnostic::Diagnostics;
use crate::project::document::{Number, OneOrMany, Spanned};
use crate::project::read;
use crate::project::tables::Written;
use crate::source::Span;

/// The buckets of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Grain {
    /// A day of UTC.
    Day,
    /// A week from Monday to Sunday.
    Week,
    /// A month of the calendar.
    Month,
    /// A quarter of the calendar.
    Quarter,
    /// A year of the calendar.
    Year,
    /// One bucket for all time.
    All,
}

impl Grain {
    /// Returns its name, as it is written.
    pub fn name(self) -> &'static str {
        match self {
            Grain::Day => "day",
            Grain::Week => "week",
            Grain::Month => "month",
            Grain::Quarter => "quarter",
            Grain::Year => "year",
            Grain::All => "all",
        }
    }
}

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Higher is better.
    Higher,
    /// Lower is better.
    Lower,
}

/// What a KPI has besides the fields of its kind.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KpiTable {
    /// Its kind: which other fields there are.
    pub kind: Spanned<String>,
    /// Its name for people.
    pub title: Option<String>,
    /// What it means, in a sentence.
    pub description: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Names to select it by.
    #[serde(default)]
    pub tags: Vec<String>,
    /// What its value is counted in, for people: `%` prints a share as a percentage. Of a time `second`, `minute`, `hour` or
    /// `day`: `day` if absent.
    pub unit: Option<Spanned<String>>,
    /// Which way is better: `higher` or `lower`.
    pub direction: Option<Direction>,
    /// The value to reach.
    pub target: Option<Spanned<Number>>,
    /// Buckets by cohort: by when the window of a member began; with `from`, by when it reached that; of entities, events and
    /// facts, by when the entity started.
    pub cohort: Option<Spanned<Grain>>,
    /// Buckets by the time at which the thing that is counted happened.
    pub grain: Option<Spanned<Grain>>,
    /// The attributes or properties that break the total down, each alone; those of a list, together.
    #[serde(default)]
    pub by: Vec<Spanned<OneOrMany>>,
    /// Whether members whose window is still open count too; false if absent.
    pub include_immature: Option<bool>,
}

impl KpiTable {
    /// Returns the names in `by`, each once, and where each stands first: the dimensions of the KPI, in their order.
    pub fn dimensions(&self) -> Vec<(&str, Range<usize>)> {
        let all = self.by.iter().flat_map(|written| match written.get() {
            OneOrMany::One(name) => vec![(name.as_str(), written.range())],
            OneOrMany::Many(names) => names.iter().map(|name| (name.get().as_str(), name.range())).collect(),
        });
        let mut seen = BTreeSet::new();
        all.filter(|(name, _)| seen.insert(*name)).collect()
    }
}

impl Written for KpiTable {
    /// What every KPI has is read here; its kind reads the other keys, which `Project::kind_fields` returns.
    fn read(body: DeTable<'_>, what: &str, header: Span, diagnostics: &mut Diagnostics) -> Option<Self> {
        let common = read::keys::<KpiTable>();
        let body: DeTable<'_> =
            body.into_iter().filter(|(key, _)| common.iter().any(|name| name == key.get_ref())).collect();
        read::read(&body, what, header, diagnostics)
    }
}
