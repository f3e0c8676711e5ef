//! The bytes that a run is billed for, worked out from the plan and from what is known of raw rows; nothing is asked.
//!
//! A warehouse that bills by bytes counts, for each statement, the columns that it reads of each table, whole, however often
//! the statement names it; where the rows of a table are sorted and a constant says which of them are read, those.

use std::collections::{BTreeMap, BTreeSet};

use crate::plan::columns::role_of_events;
use crate::plan::layout::layout;
use crate::plan::lineage;
use crate::plan::node::{Materialization, Node, NodeId, Occurrences, Plan, Raw, Relation, Shape, Stream};
use crate::plan::own;
use crate::plan::relational::constants::{Constant, restriction};
use crate::plan::relational::scalar;
use crate::plan::relational::{Body, Query, RelationId};
use crate::semantic::expr::Type;
use crate::semantic::model::{
    EntityIndex, EventName, EventNames, MilestoneIndex, Model, Occurrences as Counts, SourceIndex, SourceRows,
};
use crate::semantic::name::EventRole;

/// How many rows a cell table has for each KPI: it is small, whatever it is.
const CELLS: u64 = 1_000;

/// What is known of the raw rows of a source or an entity.
#[derive(Clone, Debug, Default)]
pub struct Size {
    /// How many there are.
    pub rows: u64,
    /// The bytes of a value of a column, where its type does not say it.
    pub bytes: BTreeMap<String, u64>,
    /// How many rows an event of a name has.
    pub events: BTreeMap<String, u64>,
    /// How many entities have an event of one name, on average.
    pub entities: Option<u64>,
}

/// What is known of all raw rows.
#[derive(Clone, Debug)]
pub struct Sizes {
    /// Of each source and entity that is read.
    pub raw: BTreeMap<Raw, Size>,
    /// The bytes of a text of which nothing else is known.
    pub text: u64,
}

/// How a warehouse bills.
#[derive(Clone, Debug)]
pub struct Rates {
    /// The bytes of a value of each type; of a text, those beside its letters.
    pub bytes: BTreeMap<Type, u64>,
    /// The least that a table is billed for that a statement reads.
    pub least: u64,
}

/// What a statement is billed for a table that it reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Billed {
    /// The relation that the statement makes.
    pub node: NodeId,
    /// What it reads.
    pub reads: Source,
    /// How many rows of it, at most.
    pub rows: u64,
    /// The bytes.
    pub bytes: u64,
}

/// What a statement reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// Raw rows.
    Raw(Raw),
    /// The rows of another relation.
    Node(NodeId),
}

/// Works out what the statements of a part of the plan are billed for, in their order. Views are made of text, and read
/// nothing.
pub fn billed(model: &Model, plan: &Plan, part: &[NodeId], sizes: &Sizes, rates: &Rates) -> Vec<Billed> {
    let work = Work { model, plan, sizes, rates };
    let mut billed = Vec::new();
    for node in part.iter().filter(|id| plan.node(**id).materialization == Materialization::Table) {
        let mut reads = BTreeMap::new();
        work.reads(*node, &mut reads);
        for (source, read) in reads {
            let (rows, row) = match source {
                Source::Raw(raw) => (work.raw_rows(raw), work.raw_bytes(raw, &read.raw_columns)),
                Source::Node(id) => (work.rows_of(id, read.only.as_ref()), work.node_bytes(id, &read.columns)),
            };
            let bytes = rows.saturating_mul(row).max(rates.least);
            billed.push(Billed { node: *node, reads: source, rows, bytes });
        }
    }
    billed
}

/// What is read of one table.
#[derive(Default)]
struct Read {
    /// The columns of a relation, by their places.
    columns: BTreeSet<usize>,
    /// The columns of raw rows.
    raw_columns: BTreeSet<String>,
    /// The constants that the first column has by which its rows are sorted; none: all rows are read.
    only: Option<BTreeSet<String>>,
    seen: bool,
}

struct Work<'w> {
    model: &'w Model,
    plan: &'w Plan,
    sizes: &'w Sizes,
    rates: &'w Rates,
}

impl Work<'_> {
    /// Adds what a statement reads, through what is part of it and through views.
    fn reads(&self, id: NodeId, reads: &mut BTreeMap<Source, Read>) {
        let node = self.plan.node(id);
        let Some(query) = &node.query else {
            let lineage::RawReads { raw: columns, nodes } = lineage::raw_reads(self.model, self.plan, node);
            if let Some(raw) = node.reads {
                reads.entry(Source::Raw(raw)).or_default().raw_columns.extend(columns);
            }
            // An entity may be made of others.
            for (other, columns) in nodes {
                reads.entry(Source::Node(other)).or_default().columns.extend(columns);
            }
            return;
        };
        for (relation, own) in query.relations() {
            let Body::Node(read) = own.body else { continue };
            if self.plan.node(read).materialization.is_read_through() {
                self.reads(read, reads);
                continue;
            }
            let (columns, only) = self.read_of(query, relation, read);
            let known = reads.entry(Source::Node(read)).or_default();
            known.columns.extend(columns);
            known.only = match (known.seen, known.only.take(), only) {
                (false, _, only) => only,
                (true, Some(mut before), Some(only)) => {
                    before.extend(only);
                    Some(before)
                }
                (true, _, _) => None,
            };
            known.seen = true;
        }
    }

    /// Returns the columns that a query reads of a relation, and the constants that the first column has by which its rows
    /// are sorted.
    fn read_of(&self, query: &Query, wanted: RelationId, node: NodeId) -> (BTreeSet<usize>, Option<BTreeSet<String>>) {
        let mut columns = BTreeSet::new();
        let sorted = layout(self.model, self.plan.node(node)).cluster;
        let sorted =
            sorted.first().and_then(|name| query.relation(wanted).columns.iter().position(|own| *own.name == **name));
        let mut only: Option<BTreeSet<String>> = Some(BTreeSet::new());
        for (_, relation) in query.relations() {
            match &relation.body {
                Body::Node(_) | Body::Constants(_) => {}
                Body::Union(parts) => {
                    if parts.contains(&wanted) {
                        columns.extend(0..query.relation(wanted).columns.len());
                        only = None;
                    }
                }
                Body::Select(select) => {
                    for (place, _) in select.inputs.iter().enumerate().filter(|(_, own)| own.relation == wanted) {
                        for value in select.scalars() {
                            scalar::reads(value, &mut |column| {
                                if column.input == place {
                                    columns.insert(column.column);
                                }
                            });
                        }
                        let here = select
                            .conditions
                            .iter()
                            .filter_map(restriction)
                            .find(|(column, _)| column.input == place && Some(column.column) == sorted);
                        match (&mut only, here) {
                            (Some(only), Some((_, constants))) => only.extend(constants.into_iter().map(written)),
                            (only, _) => *only = None,
                        }
                    }
                }
            }
        }
        (columns, only)
    }

    fn size(&self, raw: Raw) -> &Size {
        &self.sizes.raw[&raw]
    }

    fn raw_rows(&self, raw: Raw) -> u64 {
        self.size(raw).rows
    }

    /// Returns the bytes of some columns of a raw row.
    fn raw_bytes(&self, raw: Raw, columns: &BTreeSet<String>) -> u64 {
        total(columns.iter().map(|column| self.raw_column(raw, column)))
    }

    fn raw_column(&self, raw: Raw, column: &str) -> u64 {
        if let Some(known) = self.size(raw).bytes.get(column) {
            return *known;
        }
        let declared = match raw {
            Raw::Source(index) => {
                let source = self.model.source(index);
                let is_time = source.time().is_some_and(|time| time.column == column);
                let own = source.columns.iter().find(|own| own.column == column);
                if is_time { Some(Type::Timestamp) } else { own.map(|own| own.ty) }
            }
            Raw::Entity(index) => {
                let entity = self.model.entity(index);
                let is_start = entity.start.as_deref() == Some(column);
                let own = entity.attributes.iter().find(|own| own.column == column);
                if is_start { Some(Type::Timestamp) } else { own.map(|own| own.ty) }
            }
        };
        self.bytes(declared.unwrap_or(Type::String))
    }

    fn bytes(&self, ty: Type) -> u64 {
        let own = self.rates.bytes.get(&ty).copied().unwrap_or_default();
        if ty == Type::String { own.saturating_add(self.sizes.text) } else { own }
    }

    /// Returns the bytes of some columns of a row of a relation.
    fn node_bytes(&self, id: NodeId, columns: &BTreeSet<usize>) -> u64 {
        let node = self.plan.node(id);
        total(columns.iter().map(|place| {
            let (name, ty) = &node.columns[*place];
            self.known_column(node, *place, name).unwrap_or_else(|| self.bytes(*ty))
        }))
    }

    /// Returns the bytes of a column that holds what a raw column does, where it is known of that.
    fn known_column(&self, node: &Node, place: usize, name: &str) -> Option<u64> {
        let raw = |raw: Raw, column: Option<&str>| self.size(raw).bytes.get(column?).copied();
        match &node.relation {
            Relation::Entity(index) => {
                let own = self.model.entity(*index);
                let attribute = own.attributes.iter().find(|own| own.name == name).map(|own| own.column.as_str());
                let is_key = place == 0;
                own.origin.as_ref()?;
                raw(Raw::Entity(*index), if is_key { Some(&own.key) } else { attribute })
            }
            Relation::Events(events) => {
                let source = self.model.source(events.source);
                let is = |role| name == role_of_events(role);
                let entity = source.entity().filter(|_| is(EventRole::Entity)).map(|(_, column)| column.as_str());
                let column = entity.or_else(|| source.key().filter(|_| is(EventRole::Id)).map(String::as_str));
                raw(Raw::Source(events.source), column)
            }
            Relation::Occurrences(occurrences) => {
                let source = self.model.source(occurrences.source);
                if name == role_of_events(EventRole::Entity) {
                    return self.key_bytes(occurrences.entity);
                }
                let id = source.key().filter(|_| name == role_of_events(EventRole::Id));
                raw(Raw::Source(occurrences.source), id.map(String::as_str))
            }
            Relation::Reached(reached) if name == role_of_events(EventRole::Entity) => self.key_bytes(reached.entity),
            Relation::Reached(_)
            | Relation::Schema
            | Relation::Facts(_)
            | Relation::Milestone(_)
            | Relation::Milestones
            | Relation::Moment
            | Relation::Cells(_)
            | Relation::Kpi(_)
            | Relation::Kpis
            | Relation::Own(_) => None,
        }
    }

    fn key_bytes(&self, entity: EntityIndex) -> Option<u64> {
        let own = self.model.entity(entity);
        own.origin.as_ref()?;
        self.size(Raw::Entity(entity)).bytes.get(&own.key).copied()
    }

    /// Returns how many rows a relation has, at most; where it is known which are read, of those.
    fn rows_of(&self, id: NodeId, only: Option<&BTreeSet<String>>) -> u64 {
        let is_read = |key: &dyn Fn() -> String| only.is_none_or(|only| only.contains(&key()));
        match &self.plan.node(id).relation {
            Relation::Entity(index) => self.entity_rows(*index),
            Relation::Events(events) => match (&events.names, only) {
                (_, Some(only)) => total(only.iter().map(|name| self.event_rows(events.source, name))),
                (EventNames::Only(names), None) => total(names.iter().map(|name| self.event_rows(events.source, name))),
                (EventNames::All, None) => self.raw_rows(Raw::Source(events.source)),
            },
            Relation::Facts(source) => self.raw_rows(Raw::Source(*source)),
            Relation::Occurrences(own) => {
                let streams = own.streams.iter().filter(|stream| is_read(&|| stream.id.to_string()));
                total(streams.map(|stream| self.stream_rows(own, stream)))
            }
            Relation::Reached(own) => {
                let all = own.composites.iter().chain(&own.members).chain(&own.absences);
                let read = all.filter(|index| is_read(&|| self.model.milestone(**index).meta.name.clone()));
                total(read.map(|index| self.reach_rows(*index)))
            }
            Relation::Cells(own) => {
                let read = own.all().filter(|kpi| is_read(&|| self.model.kpi(*kpi).meta.name.clone())).count();
                CELLS.saturating_mul(u64::try_from(read).unwrap_or(u64::MAX))
            }
            Relation::Own(relation) => {
                let own = own::of(self.model, relation.definition);
                own.and_then(|own| own.entity).map_or(1, |entity| self.entity_rows(entity))
            }
            Relation::Schema
            | Relation::Milestone(_)
            | Relation::Milestones
            | Relation::Moment
            | Relation::Kpi(_)
            | Relation::Kpis => 1,
        }
    }

    /// Returns how many there are of an entity, at most: its own rows; where it has none, those that its members name.
    fn entity_rows(&self, index: EntityIndex) -> u64 {
        let own = self.model.entity(index);
        match own.origin {
            Some(_) => self.raw_rows(Raw::Entity(index)),
            None => total(own.members.iter().map(|member| self.entity_rows(*member))),
        }
    }

    /// Returns how many events of a source have a name: what is said of it, or its share of those of which nothing is said.
    fn event_rows(&self, source: SourceIndex, name: &str) -> u64 {
        let size = self.size(Raw::Source(source));
        if let Some(known) = size.events.get(name) {
            return *known;
        }
        if matches!(&self.model.source(source).rows, SourceRows::Events { name: EventName::Constant(_), .. }) {
            return size.rows;
        }
        let events = self.plan.nodes.iter().find_map(|node| {
            if let Relation::Events(own) = &node.relation { (own.source == source).then_some(own) } else { None }
        });
        let read = events.and_then(|events| events.names.only());
        let unknown =
            read.iter().flat_map(|names| names.iter()).filter(|name| !size.events.contains_key(*name)).count();
        let rest = size.rows.saturating_sub(total(size.events.values().copied()));
        rest / u64::try_from(unknown.max(1)).unwrap_or(1)
    }

    /// Returns how many entities have an event of one of some names, at most.
    fn having(&self, entity: EntityIndex, source: SourceIndex, names: &EventNames) -> u64 {
        let all = self.entity_rows(entity);
        let Some((names, have)) = names.only().zip(self.size(Raw::Source(source)).entities) else { return all };
        have.saturating_mul(u64::try_from(names.len()).unwrap_or(u64::MAX)).min(all)
    }

    /// Returns how many reach a milestone, at most.
    fn reach_rows(&self, index: MilestoneIndex) -> u64 {
        let own = self.model.milestone(index);
        let all = self.entity_rows(own.entity);
        let reach = match &own.occurrences {
            Counts::Events { source, names, .. } => self.having(own.entity, *source, names),
            // Each of them is there with so many parts.
            Counts::Reaches(parts) => {
                let least = own.at_least.as_int().and_then(|count| u64::try_from(count).ok()).unwrap_or(1);
                parts.iter().map(|part| self.reach_rows(*part)).fold(0, u64::saturating_add) / least.max(1)
            }
            Counts::Members(member) => self.reach_rows(*member),
            Counts::Absence(_) => all,
        };
        reach.min(all)
    }

    /// Returns how many rows are kept of a stream, at most: all that match, and of each entity those up to the threshold and
    /// the last of each window.
    fn stream_rows(&self, own: &Occurrences, stream: &Stream) -> u64 {
        let matching = match &stream.names {
            EventNames::Only(names) => total(names.iter().map(|name| self.event_rows(own.source, name))),
            EventNames::All => self.raw_rows(Raw::Source(own.source)),
        };
        let threshold = match own.shape {
            Shape::Count => stream.at_least.as_int().and_then(|count| u64::try_from(count).ok()),
            // How many rows it takes to get there is not known.
            Shape::Distinct | Shape::Sum => None,
        };
        let windows = u64::try_from(stream.windows.len()).unwrap_or(u64::MAX).saturating_add(u64::from(stream.forever));
        let have = self.having(own.entity, own.source, &stream.names);
        let kept = threshold.map(|count| have.saturating_mul(count.saturating_add(windows)));
        kept.map_or(matching, |kept| kept.min(matching))
    }
}

fn written(constant: Constant<'_>) -> String {
    match constant {
        Constant::Int(number) => number.to_string(),
        Constant::Text(text) => text.to_owned(),
    }
}

/// Adds up, to the largest number that there is.
fn total(counts: impl Iterator<Item = u64>) -> u64 {
    counts.fold(0, u64::saturating_add)
}
