//! The lineage of what is read of raw rows, which is no query: entities, events and facts, as their templates read them.
//!
//! Of several rows with one key the first counts, by an order over all that is read. What the first row has in a column that
//! the order looks at follows from that column and from those that it looks at before.

use std::collections::BTreeMap;

use crate::plan::columns::{
    STARTED_AT, column_name, column_of_entity, column_of_events, column_of_facts, property_name, rank_of_entity,
    rank_of_events, rank_of_facts, role_of_events, role_of_facts,
};
use crate::plan::lineage::{Origins, Place, Places, SliceId, Step};
use crate::plan::node::{Events, Node, Plan, Raw, Relation};
use crate::semantic::expr::Expr;
use crate::semantic::model::{Column, EntityIndex, EventName, Model, Source, SourceIndex, SourceRows};
use crate::semantic::name::{EventRole, FactRole, Name, Path};

/// Returns what the columns of a node come from that reads raw rows.
pub(super) fn step(model: &Model, plan: &Plan, node: &Node) -> Step {
    match &node.relation {
        Relation::Entity(index) => entity(model, plan, *index).step(node),
        Relation::Events(of) => events(model, of).step(node),
        Relation::Facts(index) => facts(model, *index).step(node),
        Relation::Schema
        | Relation::Occurrences(_)
        | Relation::Reached(_)
        | Relation::Milestone(_)
        | Relation::Milestones
        | Relation::Kpi(_)
        | Relation::Kpis
        | Relation::Cells(_)
        | Relation::Moment
        | Relation::Own(_) => Step::default(),
    }
}

/// Raw rows, while it is gathered what is made of them.
struct Reading {
    raw: Raw,
    /// What the columns come from, by their names.
    columns: BTreeMap<String, Origins>,
    /// What decides which rows there are.
    rows: Places,
}

impl Reading {
    fn new(raw: Raw) -> Self {
        Self { raw, columns: BTreeMap::new(), rows: Places::from([Place::RawRows(raw)]) }
    }

    fn place(&self, column: &str) -> Place {
        Place::RawColumn(self.raw, Path::new([column]))
    }

    /// Adds a column that is made of raw ones.
    fn column(&mut self, name: &str, value: impl IntoIterator<Item = Place>) {
        let origins = Origins { value: value.into_iter().collect(), rows: Places::new() };
        self.columns.insert(name.to_owned(), origins);
    }

    /// Has a column decide which rows there are.
    fn decides(&mut self, name: &str) {
        let origins: Vec<Place> = self.columns.get(name).iter().flat_map(|origins| origins.all()).collect();
        self.rows.extend(origins);
    }

    /// Has the names in a condition decide which rows there are.
    fn condition(&mut self, condition: Option<&Expr>, column: &dyn Fn(&Name) -> Option<String>) {
        for name in condition.iter().flat_map(|condition| condition.columns()).filter_map(column) {
            self.decides(&name);
        }
    }

    /// Has of several rows the first count, by columns in this order.
    fn first_by(&mut self, order: &[String]) {
        let mut before = Places::new();
        for name in order {
            let Some(origins) = self.columns.get_mut(name) else { continue };
            origins.rows.add(&before);
            before.add(&origins.value);
        }
    }

    fn step(mut self, node: &Node) -> Step {
        let columns = node.columns.iter().map(|(name, _)| self.columns.remove(name).unwrap_or_default());
        Step { columns: columns.collect(), rows: self.rows }
    }
}

fn entity(model: &Model, plan: &Plan, index: EntityIndex) -> Reading {
    let own = model.entity(index);
    let mut rows = Reading::new(Raw::Entity(index));
    // What members tell: who there is, and when the first of them began.
    let mut keys = Places::new();
    let mut starts = Origins::default();
    for member in &own.members {
        let node = plan.entity(*member);
        let place = |wanted: &str| plan.node(node).columns.iter().position(|(name, _)| name == wanted);
        let Some((_, parent)) = &model.entity(*member).parent else { continue };
        let column = |name: &str| place(name).map(|column| Place::Column(SliceId(node.0), column));
        keys.extend(column(parent));
        starts.value.extend(column(STARTED_AT));
        starts.rows.extend(column(parent));
        starts.rows.insert(Place::Rows(SliceId(node.0)));
    }
    if own.origin.is_none() {
        rows.rows.clone_from(&starts.rows);
        rows.column(&own.key, keys);
        rows.columns.insert(STARTED_AT.to_owned(), starts);
        return rows;
    }
    if let Some(start) = &own.start {
        rows.column(STARTED_AT, [rows.place(start)]);
    }
    if let Some((_, parent)) = &own.parent {
        rows.column(parent, [rows.place(parent)]);
    }
    for attribute in &own.attributes {
        rows.column(&attribute.name, [rows.place(&attribute.column)]);
    }
    rows.column(&own.key, [rows.place(&own.key)]);
    rows.decides(&own.key);
    if own.start.is_some() {
        rows.decides(STARTED_AT);
    }
    // Rows that do not meet it are left out before the first is taken.
    rows.condition(own.condition.as_ref(), &|name| column_of_entity(own, name));
    rows.first_by(&rank_of_entity(own));
    if own.start.is_none() {
        rows.rows.extend(starts.rows.iter().cloned());
        rows.columns.insert(STARTED_AT.to_owned(), starts);
    }
    rows
}

/// Has `scan`, and the time, decide which raw rows are read.
fn scanned(rows: &mut Reading, source: &Source) {
    let names = source.scan.iter().flat_map(|scan| scan.columns());
    for name in names.filter_map(|name| if let Name::Column(name) = name { Some(name) } else { None }) {
        if let Some(column) = source.columns.iter().find(|column| column.name == *name) {
            rows.rows.insert(rows.place(&column.column));
        }
    }
    rows.rows.extend(source.time().map(|time| rows.place(&time.column)));
}

fn events(model: &Model, events: &Events) -> Reading {
    let source = model.source(events.source);
    let mut rows = Reading::new(Raw::Source(events.source));
    let SourceRows::Events { name, properties, .. } = &source.rows else { return rows };
    scanned(&mut rows, source);
    let entity = source.entity().map(|(_, column)| rows.place(column));
    let time = source.time().map(|time| rows.place(&time.column));
    let name = match name {
        EventName::Column(column) => Some(rows.place(column)),
        EventName::Constant(_) => None,
    };
    // A row without an id is known by the others.
    let id = source.key().map(|column| rows.place(column));
    let id: Vec<Place> = id.into_iter().chain(entity.clone()).chain(name.clone()).chain(time.clone()).collect();
    rows.column(role_of_events(EventRole::Entity), entity);
    rows.column(role_of_events(EventRole::Name), name);
    rows.column(role_of_events(EventRole::Time), time);
    rows.column(role_of_events(EventRole::Id), id);
    rows.decides(role_of_events(EventRole::Name));
    for Column { name, column, .. } in source.columns.iter().filter(|own| events.reads_column(source, &own.name)) {
        rows.column(&column_name(name), [rows.place(column)]);
    }
    if let Some(properties) = properties {
        for path in properties.types.keys().filter(|path| events.reads_property(source, path)) {
            let whole = std::iter::once(&properties.column).chain(path.parts());
            rows.column(&property_name(path), [Place::RawColumn(rows.raw, Path::new(whole))]);
        }
    }
    if source.deduplicate {
        rows.decides(role_of_events(EventRole::Id));
        rows.first_by(&rank_of_events(source, events));
    }
    rows.condition(source.condition.as_ref(), &column_of_events);
    rows
}

fn facts(model: &Model, index: SourceIndex) -> Reading {
    let source = model.source(index);
    let mut rows = Reading::new(Raw::Source(index));
    scanned(&mut rows, source);
    if let Some(key) = source.key() {
        rows.column(role_of_facts(FactRole::Key), [rows.place(key)]);
    }
    if let Some((_, entity)) = source.entity() {
        rows.column(role_of_facts(FactRole::Entity), [rows.place(entity)]);
    }
    if let Some(time) = source.time() {
        rows.column(role_of_facts(FactRole::Time), [rows.place(&time.column)]);
    }
    for Column { name, column, .. } in &source.columns {
        rows.column(&column_name(name), [rows.place(column)]);
    }
    if source.deduplicate && source.key().is_some() {
        rows.decides(role_of_facts(FactRole::Key));
        rows.first_by(&rank_of_facts(source));
    }
    rows.condition(source.condition.as_ref(), &column_of_facts);
    rows
}
