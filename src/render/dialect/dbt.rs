//! What dbt's adapter of a warehouse is told of how relations are kept, in place of what our own statements say.

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::plan::layout::Layout;
use crate::plan::node::Materialization;
use crate::render::dialect::Dialect;

/// `[dbt]` of a dialect's file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dbt {
    /// The package of the adapter.
    pub adapter: String,
    /// Where a raw table lies whose name says no schema; where nothing is said, in the schema that dbt's profile names.
    pub schema: Option<String>,
    /// The key in a source's `meta` that says how its files are read.
    pub reader: Option<String>,
    /// What can be said of how the rows of a table lie.
    #[serde(default)]
    lie: Vec<Lie>,
    /// The days after which a part of a table expires that does not.
    unexpired_days: Option<i64>,
    /// Types as dbt's catalog spells them, where `[stored]` has them otherwise; empty for one that a catalog does not tell
    /// whole.
    #[serde(default)]
    pub catalog: IndexMap<String, String>,
    /// What is said of every table.
    #[serde(default)]
    table: IndexMap<String, Value>,
    /// What is said of every view.
    #[serde(default)]
    view: IndexMap<String, Value>,
}

/// What can be said of how rows lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Lie {
    /// `partition_by`, and after which days a part expires.
    Partition,
    /// `cluster_by`.
    Cluster,
}

impl Dialect {
    /// Returns the configuration of a model: how its rows are kept; an error where the warehouse cannot write a name.
    pub fn model_config(&self, kept: Materialization, layout: &Layout) -> Result<Map<String, Value>, String> {
        let dbt = self.dbt();
        let is_table = kept == Materialization::Table;
        let mut config = Map::new();
        config.insert("materialized".to_owned(), json!(kept.name()));
        config.extend(if is_table { &dbt.table } else { &dbt.view }.clone());
        if let Some((column, by)) = layout.partition.filter(|_| is_table && dbt.lie.contains(&Lie::Partition)) {
            let by = json!({ "field": self.made_name(column), "data_type": "timestamp", "granularity": by.name() });
            config.insert("partition_by".to_owned(), by);
            if let Some(days) = layout.expiration_days.or(dbt.unexpired_days) {
                config.insert("partition_expiration_days".to_owned(), json!(days));
            }
        }
        if is_table && dbt.lie.contains(&Lie::Cluster) && !layout.cluster.is_empty() {
            let columns = layout.cluster.iter().map(|column| self.identifier(column)).collect::<Result<Vec<_>, _>>()?;
            config.insert("cluster_by".to_owned(), json!(columns));
        }
        Ok(config)
    }
}
