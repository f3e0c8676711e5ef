//! `project.toml`: the name of the project, where its files are, and the warehouses that it can be built in.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::project::document::Spanned;
use crate::project::tables::Written;

/// `[project]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectTable {
    /// The project's name: `snake_case`; part of every node's unique id.
    pub name: Spanned<String>,
    /// The project's own version, copied into the manifest.
    pub version: Option<String>,
    /// A sentence on what the project measures.
    pub description: Option<String>,
    /// The folders with definitions and their unit tests, relative to the project; `["models"]` if absent.
    pub models: Option<Vec<Spanned<String>>>,
    /// The moment as of which everything is computed when no other is asked for: RFC 3339, or a date. For data that
    /// does not grow; the present if absent.
    pub as_of: Option<Spanned<String>>,
    /// The dbt project whose models and sources `table = "dbt:…"` names: its folder, or its manifest.json, relative to the
    /// project.
    pub dbt: Option<Spanned<String>>,
    /// The target that is used when none is named on the command line.
    pub default_target: Option<Spanned<String>>,
}

/// How the names of what is made are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NamesCase {
    /// As they are defined.
    AsWritten,
    /// In capitals.
    Upper,
}

/// `[target.<name>]`: one warehouse, and where in it the tables go.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetTable {
    /// The dialect: a file of `dialects/`.
    pub dialect: Spanned<String>,
    /// The schema (dataset) that the tables are made in; `milepost` if absent.
    pub schema: Option<Spanned<String>>,
    /// The database, or its file where the warehouse is embedded.
    pub database: Option<Spanned<String>>,
    /// The cloud project, where the warehouse has one.
    pub project: Option<Spanned<String>>,
    /// `upper`: the relations and their columns are in capitals, so that they can be written without quotes where the
    /// warehouse reads names without quotes so; `as_written` if absent.
    pub names: Option<Spanned<NamesCase>>,
    /// Whether the warehouse keeps for a day what a run replaced, where it has the choice: all can be made again. `false` if
    /// absent.
    pub time_travel: Option<Spanned<bool>>,
    /// How many statements run side by side; 4 if absent.
    pub threads: Option<Spanned<u16>>,
    /// How long a statement may take before it is cancelled: `"90s"`, `"1h"`; if absent, as long as the warehouse lets
    /// it.
    pub statement_timeout: Option<Spanned<String>>,
    /// What else the warehouse's driver takes: names and values of its own settings.
    #[serde(default)]
    pub settings: IndexMap<Spanned<String>, Spanned<String>>,
}

impl Written for TargetTable {}
