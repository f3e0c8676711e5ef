//! `[score.<name>]`: the weights of reached milestones, added up and cut into bands.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::project::document::{Number, OneOrMany, Spanned};
use crate::project::tables::Written;

/// What the weights of a score add up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// One: the score is the share of the weight that was reached.
    Share,
    /// Anything.
    Points,
}

/// `[score.<name>]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScoreTable {
    /// Its name for people.
    pub title: Option<String>,
    /// What it means, in a sentence.
    pub description: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Names to select it by.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Who is scored; the entity of its milestones if absent.
    pub entity: Option<Spanned<String>>,
    /// `"milestones"`, for every milestone of the entity that has a weight, or a list of milestones.
    pub from: Spanned<OneOrMany>,
    /// The bands by their lower bounds, in ascending order; each reaches up to the next, which it does not contain.
    #[serde(default)]
    pub bands: IndexMap<Spanned<String>, Spanned<Number>>,
    /// `share` (the default: the weights add up to 1) or `points`.
    pub scale: Option<Scale>,
}

impl Written for ScoreTable {}
