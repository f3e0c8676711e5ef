//! How the rows of a table lie, for warehouses that can be told: by which time they are divided, and by which columns they
//! are sorted inside of a part, so that a statement reads no more than it needs.

use crate::plan::node::{Node, Relation};
use crate::semantic::duration::DAY;
use crate::semantic::model::{Model, PartitionBy, Source};

/// How the rows of a table lie.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// The column of time by which they are divided, and into what.
    pub partition: Option<(&'static str, PartitionBy)>,
    /// The days after whose end a part is deleted by the warehouse: no row in it counts any longer.
    pub expiration_days: Option<i64>,
    /// The columns by which they are sorted, the most selective last.
    pub cluster: Vec<String>,
}

/// Returns the layout of a relation that is made as a table.
pub fn layout(model: &Model, node: &Node) -> Layout {
    let sorted = |columns: &[&str]| columns.iter().map(|column| (*column).to_owned()).collect();
    match &node.relation {
        Relation::Events(events) => {
            Layout { cluster: sorted(&["event_name", "entity"]), ..by_time(model.source(events.source), "event_time") }
        }
        Relation::Facts(index) => {
            let source = model.source(*index);
            let cluster = if source.entity().is_some() { sorted(&["entity"]) } else { Vec::new() };
            Layout { cluster, ..by_time(source, "fact_time") }
        }
        Relation::Occurrences(_) => Layout { cluster: sorted(&["stream", "entity"]), ..Layout::default() },
        Relation::Reached(_) => Layout { cluster: sorted(&["milestone", "entity"]), ..Layout::default() },
        Relation::Cells(_) => Layout { cluster: sorted(&["kpi"]), ..Layout::default() },
        Relation::Entity(index) => Layout { cluster: vec![model.entity(*index).key.clone()], ..Layout::default() },
        // Small, or a view.
        Relation::Schema
        | Relation::Milestone(_)
        | Relation::Milestones
        | Relation::Kpi(_)
        | Relation::Kpis
        | Relation::Moment
        | Relation::Own(_) => Layout::default(),
    }
}

fn by_time(source: &Source, column: &'static str) -> Layout {
    let partition = source.partition.map(|by| (column, by));
    // A part is as old as its first row: its last one may count for as long as the part lasts.
    let lasts = |by| match by {
        PartitionBy::Day => 1,
        PartitionBy::Month => 31,
    };
    let expiration_days = partition
        .zip(source.retain.filter(|_| source.expire))
        .map(|((_, by), age)| age / DAY + i64::from(age % DAY > 0) + lasts(by));
    Layout { partition, expiration_days, cluster: Vec::new() }
}
