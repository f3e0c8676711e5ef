//! How the rows of a table lie, for warehouses that can be told: by which time they are divided, and by which columns they
//! are sorted inside of a part, so that a statement reads no more than it needs.

use crate::plan::columns::{role_of_events, role_of_facts};
use crate::plan::node::{Node, Relation};
use crate::semantic::duration::DAY;
use crate::semantic::model::{Model, PartitionBy, Source};
use crate::semantic::name::{EventRole, FactRole};

/// How the rows of a table lie.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// The column of time by which they are divided, and into what.
    pub partition: Option<(&'static str, PartitionBy)>,
    /// The days after whose end a part is deleted by the warehouse: no row in it counts any longer.
    pub expiration_days: Option<i64>,
    /// The columns by which they are clustered, the most selective last.
    pub cluster: Vec<String>,
    /// Whether the statement that writes them sorts them by these columns: where it writes many, of which readers take few.
    pub is_sorted: bool,
}

impl Layout {
    /// Returns the columns by which the statement sorts the rows.
    pub fn sorted(self) -> Vec<String> {
        if self.is_sorted { self.cluster } else { Vec::new() }
    }
}

/// Returns the layout of a relation that is made as a table.
pub fn layout(model: &Model, node: &Node) -> Layout {
    let clustered = |columns: &[&str]| Layout {
        cluster: columns.iter().map(|column| (*column).to_owned()).collect(),
        ..Layout::default()
    };
    match &node.relation {
        Relation::Events(events) => Layout {
            cluster: [EventRole::Name, EventRole::Entity].map(|role| role_of_events(role).to_owned()).into(),
            is_sorted: true,
            ..by_time(model.source(events.source), role_of_events(EventRole::Time))
        },
        Relation::Facts(index) => {
            let source = model.source(*index);
            let entity = source.entity().map(|_| role_of_facts(FactRole::Entity).to_owned());
            Layout { cluster: entity.into_iter().collect(), ..by_time(source, role_of_facts(FactRole::Time)) }
        }
        Relation::Occurrences(_) => Layout { is_sorted: true, ..clustered(&["stream", "entity"]) },
        Relation::Reached(_) => Layout { is_sorted: true, ..clustered(&["milestone", "entity"]) },
        Relation::Cells(_) => clustered(&["kpi"]),
        Relation::Entity(index) => clustered(&[&model.entity(*index).key]),
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
    Layout { partition, expiration_days, ..Layout::default() }
}
