//! `[milestone.<name>]`: something an entity reaches, once, at a time.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::project::document::{Number, OneOrMany, Spanned};
use crate::project::tables::Written;

/// `[milestone.<name>]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MilestoneTable {
    /// Its name for people.
    pub title: Option<String>,
    /// What it means, in a sentence.
    pub description: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Names to select it by.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Who reaches it: an `[entity.<name>]`; the entity of its events if absent.
    pub entity: Option<Spanned<String>>,
    /// The source of its events; the only source of events if absent.
    pub source: Option<Spanned<String>>,
    /// The event that counts, or a list of events; `"*"` is every event.
    pub event: Option<Spanned<OneOrMany>>,
    /// The events that count among those, as an expression over the source's columns and properties.
    #[serde(rename = "where")]
    pub condition: Option<Spanned<String>>,
    /// An expression that names who reaches it, where that is not the one who acted.
    pub subject: Option<Spanned<String>>,
    /// How many it takes; 1 if absent.
    pub at_least: Option<Spanned<Number>>,
    /// Counts different values of this expression instead of events.
    pub distinct: Option<Spanned<String>>,
    /// Adds up this expression instead of counting events; values of zero or less do not count.
    pub sum: Option<Spanned<String>>,
    /// The time allowed, as in `"14d"`: the window is half-open, `[start, start + within)`.
    pub within: Option<Spanned<String>>,
    /// The milestone at which the window starts; the entity's start if absent.
    pub from: Option<Spanned<String>>,
    /// A milestone after which events count; the window does not move.
    pub after: Option<Spanned<String>>,
    /// The entities that it applies to, as an expression over their attributes; all if absent.
    #[serde(rename = "for")]
    pub applies_to: Option<Spanned<String>>,
    /// Reached when all of these milestones are.
    pub all_of: Option<Spanned<Vec<Spanned<String>>>>,
    /// Reached when one of these milestones is: alternative paths.
    pub any_of: Option<Spanned<Vec<Spanned<String>>>>,
    /// Reached when so many of these milestones are.
    pub at_least_of: Option<Spanned<AtLeastOf>>,
    /// Reached when these milestones are, each after the one before.
    pub sequence: Option<Spanned<Vec<Spanned<String>>>>,
    /// Reached at the end of the window when none of these milestones was.
    pub none_of: Option<Spanned<Vec<Spanned<String>>>>,
    /// Counts the members of the entity that reached this milestone.
    pub members: Option<Spanned<String>>,
    /// Its share of a score.
    pub weight: Option<Spanned<Number>>,
    /// Where it stands: `primary`, `secondary`, `expansion`, or a word of your own.
    pub tier: Option<Spanned<String>>,
    /// Whether the product withholds something until it is reached; for readers, not for counting.
    pub gating: Option<bool>,
}

impl Written for MilestoneTable {}

/// `at_least_of = { count = 3, of = ["a", "b", "c", "d"] }`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AtLeastOf {
    /// How many it takes.
    pub count: Spanned<i64>,
    /// The milestones.
    pub of: Vec<Spanned<String>>,
}
