//! The plan: relations in the order in which they are made.

use std::collections::{BTreeMap, BTreeSet};

use crate::language::Id;
use crate::plan::relational::Query;
use crate::semantic::decimal::Decimal;
use crate::semantic::expr::{Expr, Type};
use crate::semantic::model::{
    DefinitionId, EntityIndex, EventNames, KpiIndex, MilestoneIndex, Model, Source, SourceIndex,
};
use crate::semantic::name::Path;
use crate::source::Span;

/// What is computed, each relation after those that it reads.
#[derive(Debug)]
pub struct Plan {
    /// The relations.
    pub nodes: Vec<Node>,
    /// The milestones that are read off numbered occurrences, and where.
    pub counted: BTreeMap<MilestoneIndex, Counted>,
}

/// Names a [`Node`] of a [`Plan`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub usize);

/// How a relation is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Materialization {
    /// It holds the others.
    Schema,
    /// As a table.
    Table,
    /// As a view: computed when it is read.
    View,
    /// Not at all: it is part of the one statement that reads it.
    Ephemeral,
}

/// One relation.
#[derive(Debug)]
pub struct Node {
    /// Its name, in the warehouse too.
    pub name: String,
    /// What it holds.
    pub relation: Relation,
    /// How it is kept.
    pub materialization: Materialization,
    /// What it reads of the others.
    pub depends_on: Vec<NodeId>,
    /// The source or entity whose raw rows it reads.
    pub reads: Option<Raw>,
    /// The definition that it is, where it is one.
    pub definition: Option<DefinitionRef>,
    /// Its columns.
    pub columns: Vec<(String, Type)>,
    /// How its rows are computed, where that is said by a query.
    pub query: Option<Query>,
}

/// Raw rows that a relation reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Raw {
    /// Those of a source.
    Source(SourceIndex),
    /// Those of an entity.
    Entity(EntityIndex),
}

impl Raw {
    /// Returns all raw rows that definitions read, those of sources first.
    pub fn all(model: &Model) -> impl Iterator<Item = Self> {
        let sources = (0..model.sources.len()).map(|index| SourceIndex(index).into());
        let entities = (0..model.entities.len()).map(|index| EntityIndex(index).into());
        sources.chain(entities).filter_map(|definition| Raw::of(model, definition))
    }

    /// Returns the raw rows of a definition; none where it says how none are read.
    pub fn of(model: &Model, definition: DefinitionId) -> Option<Self> {
        if let DefinitionId::Source(source) = definition {
            return Some(Raw::Source(source));
        }
        let DefinitionId::Entity(entity) = definition else { return None };
        model.entity(entity).origin.as_ref().map(|_| Raw::Entity(entity))
    }
}

impl From<Raw> for DefinitionId {
    fn from(raw: Raw) -> Self {
        match raw {
            Raw::Source(source) => source.into(),
            Raw::Entity(entity) => entity.into(),
        }
    }
}

/// A definition, as the user knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefinitionRef {
    /// What names it in the model.
    pub definition: DefinitionId,
    /// What names it for people.
    pub id: Id,
    /// Its tags.
    pub tags: Vec<String>,
    /// Where it is written.
    pub span: Span,
}

/// What a relation holds.
#[derive(Debug)]
pub enum Relation {
    /// Nothing: the schema that the others lie in.
    Schema,
    /// One row an entity.
    Entity(EntityIndex),
    /// One row an event that some definition needs, with what is needed of it.
    Events(Events),
    /// One row a fact.
    Facts(SourceIndex),
    /// Numbered occurrences of streams.
    Occurrences(Occurrences),
    /// One row a milestone that an entity reached, of those that no relation of occurrences says.
    Reached(Reached),
    /// One row an entity to which the milestone applies.
    Milestone(MilestoneIndex),
    /// One row a milestone, with what is said about it.
    Milestones,
    /// One row: the moment as of which everything is computed.
    Moment,
    /// One row a bucket and segment of each of several KPIs, which are computed together.
    Cells(Cells),
    /// One row a bucket and segment of the KPI: those of its cells, which lie with those of others.
    Kpi(KpiIndex),
    /// The rows of all KPIs.
    Kpis,
    /// The rows of a definition that one query makes of what the definition is made of.
    Own(OwnRelation),
}

/// The relation of a definition: `plan::own` says more.
#[derive(Clone, Copy, Debug)]
pub struct OwnRelation {
    /// The definition.
    pub definition: DefinitionId,
    /// How many columns tell its rows apart, which stand first.
    pub key: usize,
}

/// KPIs that are computed together.
#[derive(Debug)]
pub struct Cells {
    /// Those that are computed, by name; at least one is.
    pub kpis: Vec<KpiIndex>,
    /// Those that are not computed, though they are of the table.
    pub left_out: Vec<KpiIndex>,
    /// Those of them whose rows are in the table, and stay in it.
    pub kept: Vec<KpiIndex>,
}

impl Cells {
    /// Returns all that are of the table.
    pub fn all(&self) -> impl Iterator<Item = KpiIndex> {
        self.kpis.iter().chain(&self.left_out).copied()
    }
}

/// The one reading of a source of events.
#[derive(Debug)]
pub struct Events {
    /// The source.
    pub source: SourceIndex,
    /// The names that are needed.
    pub names: EventNames,
    /// The names that definitions list, which is not all that are needed where another one counts every name.
    pub listed: BTreeSet<String>,
    /// The properties that are needed, by path.
    pub properties: Vec<(Path, Type)>,
    /// The further columns that are needed, by name.
    pub columns: Vec<(String, Type)>,
    /// Whether whoever reads them takes only those of entities that there are: a key that is empty is the key of none.
    pub of_entities: bool,
}

impl Events {
    /// Tells whether all that is declared of a source is read, and not only what is needed: which of several rows of one
    /// event counts is decided by all of it. Were it decided by what somebody needs, another definition would change
    /// this one's rows.
    pub fn reads_all(&self, source: &Source) -> bool {
        source.deduplicate && !(self.columns.is_empty() && self.properties.is_empty())
    }

    /// Tells whether a declared column is read.
    pub fn reads_column(&self, source: &Source, name: &str) -> bool {
        self.reads_all(source) || self.columns.iter().any(|(needed, _)| needed == name)
    }

    /// Tells whether a declared property is read.
    pub fn reads_property(&self, source: &Source, path: &Path) -> bool {
        self.reads_all(source) || self.properties.iter().any(|(needed, _)| needed == path)
    }
}

/// How occurrences of a stream add up: each way has its own statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shape {
    /// By one each.
    Count,
    /// By one for each new value.
    Distinct,
    /// By their value.
    Sum,
}

impl Shape {
    /// Returns its name, as it stands in names of relations.
    pub fn name(self) -> &'static str {
        match self {
            Shape::Count => "count",
            Shape::Distinct => "distinct",
            Shape::Sum => "sum",
        }
    }
}

/// What the occurrences of a stream come after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bound {
    /// The milestone at whose reach the window starts; none: the entity's start.
    pub from: Option<MilestoneIndex>,
    /// The milestone whose row they come after.
    pub after: Option<MilestoneIndex>,
}

/// Occurrences of the streams of one source, entity and shape, at one depth.
#[derive(Debug)]
pub struct Occurrences {
    /// The source.
    pub source: SourceIndex,
    /// The relation with its rows.
    pub events: NodeId,
    /// Who the occurrences belong to.
    pub entity: EntityIndex,
    /// How they add up.
    pub shape: Shape,
    /// The streams, in an order that depends on nothing but what they are.
    pub streams: Vec<Stream>,
}

/// Rows of a source that some milestones count.
#[derive(Debug)]
pub struct Stream {
    /// The number by which its rows are known: it follows from what the stream is.
    pub id: i64,
    /// The events' names.
    pub names: EventNames,
    /// Which of them.
    pub condition: Option<Expr>,
    /// Who they belong to, where that is not who acted, or the parent of who acted.
    pub subject: Option<Expr>,
    /// What is counted or added up, where it is not the rows.
    pub value: Option<Expr>,
    /// What they come after.
    pub bound: Bound,
    /// The windows that some milestone has, ascending, in microseconds.
    pub windows: Vec<i64>,
    /// Whether some milestone has none, so that rows count however late they are.
    pub forever: bool,
    /// The largest threshold that some milestone has.
    pub at_least: Decimal,
    /// The milestones that count it, by name.
    pub milestones: Vec<MilestoneIndex>,
}

impl Stream {
    /// Returns how long after the window's start its rows count, in microseconds; none: for ever.
    pub fn horizon(&self) -> Option<i64> {
        if self.forever { None } else { self.windows.last().copied() }
    }
}

/// The milestones of one entity and depth that are reached by what others reached.
#[derive(Debug)]
pub struct Reached {
    /// Who reached them.
    pub entity: EntityIndex,
    /// How deep they are.
    pub depth: usize,
    /// From reaches of others by the same entity.
    pub composites: Vec<MilestoneIndex>,
    /// From reaches by members.
    pub members: Vec<MilestoneIndex>,
    /// From their absence.
    pub absences: Vec<MilestoneIndex>,
}

/// Where a milestone is read off numbered occurrences.
#[derive(Clone, Copy, Debug)]
pub struct Counted {
    /// The relation.
    pub node: NodeId,
    /// How its occurrences add up.
    pub shape: Shape,
    /// The number of its stream.
    pub stream: i64,
    /// The progress at which it is reached.
    pub at_least: Decimal,
    /// The length of its window in microseconds; none: it has no end.
    pub within: Option<i64>,
}

impl Node {
    /// Tells whether its statement is the same from run to run, whatever the moment and whatever the data: a view, or
    /// constants.
    pub fn is_timeless(&self) -> bool {
        match (self.materialization, &self.query) {
            (Materialization::View, _) => true,
            (Materialization::Table, Some(query)) => query.nodes().is_empty() && !query.reads_moment(),
            (Materialization::Table, None) | (Materialization::Schema | Materialization::Ephemeral, _) => false,
        }
    }
}

impl Materialization {
    /// Tells whether it makes a relation that can be read.
    pub fn is_relation(self) -> bool {
        match self {
            Materialization::Table | Materialization::View => true,
            Materialization::Schema | Materialization::Ephemeral => false,
        }
    }

    /// Tells whether the rows are computed when they are read: what they are read from has to be there.
    pub fn is_read_through(self) -> bool {
        match self {
            Materialization::View | Materialization::Ephemeral => true,
            Materialization::Table | Materialization::Schema => false,
        }
    }

    /// Returns its name, as manifests and people know it.
    pub fn name(self) -> &'static str {
        match self {
            Materialization::Schema => "schema",
            Materialization::Table => "table",
            Materialization::View => "view",
            Materialization::Ephemeral => "ephemeral",
        }
    }
}

impl Relation {
    /// Returns the KPIs whose cells it holds, where it is a table of them.
    pub fn cells(&self) -> Option<&Cells> {
        if let Relation::Cells(cells) = self { Some(cells) } else { None }
    }

    /// Returns what it is, in a word: the first part of its unique id.
    pub fn kind(&self) -> &'static str {
        match self {
            Relation::Schema => "schema",
            Relation::Entity(_) => "entity",
            Relation::Events(_) => "events",
            Relation::Facts(_) => "facts",
            Relation::Occurrences(_) => "occurrences",
            Relation::Reached(_) => "reached",
            Relation::Milestone(_) => "milestone",
            Relation::Milestones => "milestones",
            Relation::Kpi(_) => "kpi",
            Relation::Kpis => "kpis",
            Relation::Cells(_) => "cells",
            Relation::Moment => "moment",
            Relation::Own(own) => own.definition.table().name(),
        }
    }
}

impl Plan {
    /// Returns a node.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    /// Finds a node by its name.
    pub fn find(&self, name: &str) -> Option<NodeId> {
        self.nodes.iter().position(|node| node.name == name).map(NodeId)
    }

    /// Returns the nodes that read the raw rows of `raw`: what it costs.
    pub fn readers(&self, raw: Raw) -> Vec<NodeId> {
        (0..self.nodes.len()).map(NodeId).filter(|id| self.node(*id).reads == Some(raw)).collect()
    }

    /// Returns the relation of an entity.
    pub fn entity(&self, entity: EntityIndex) -> NodeId {
        let found = self.nodes.iter().position(|node| matches!(node.relation, Relation::Entity(e) if e == entity));
        NodeId(found.expect("every entity has a relation"))
    }

    /// Returns where a milestone is read off numbered occurrences; none: it is read off others, in [`Plan::reached`].
    pub fn counted(&self, milestone: MilestoneIndex) -> Option<&Counted> {
        self.counted.get(&milestone)
    }

    /// Returns the relation that says which milestones on others an entity reached, of a depth.
    pub fn reached(&self, entity: EntityIndex, depth: usize) -> NodeId {
        let found = self
            .nodes
            .iter()
            .position(|node| matches!(&node.relation, Relation::Reached(r) if r.entity == entity && r.depth == depth));
        NodeId(found.expect("every milestone on others has a relation with its reaches"))
    }

    /// Returns what a relation reads, and what the views read that are among that.
    pub fn inputs_beyond_views(&self, id: NodeId) -> BTreeSet<NodeId> {
        self.beyond_views(id, |id| &self.node(id).depends_on)
    }

    /// Returns what is next to a relation, in one direction, and what is next to the views among that.
    pub fn beyond_views<'p>(&self, id: NodeId, next: impl Fn(NodeId) -> &'p [NodeId]) -> BTreeSet<NodeId> {
        let (mut found, mut open) = (BTreeSet::new(), next(id).to_vec());
        while let Some(id) = open.pop() {
            if found.insert(id) && self.node(id).materialization.is_read_through() {
                open.extend(next(id));
            }
        }
        found
    }

    /// Returns the relation with the moment.
    pub fn moment(&self) -> NodeId {
        let found = self.nodes.iter().position(|node| matches!(node.relation, Relation::Moment));
        NodeId(found.expect("the moment comes before what reads it"))
    }

    /// Tells whether a relation takes the moment from the relation that holds it: a view does that reads the moment.
    pub fn takes_moment(&self, id: NodeId) -> bool {
        self.node(id).depends_on.contains(&self.moment())
    }

    /// Returns the table that holds the cells of a KPI.
    pub fn cells_of(&self, kpi: KpiIndex) -> NodeId {
        let is = |node: &Node| matches!(&node.relation, Relation::Cells(cells) if cells.all().any(|own| own == kpi));
        NodeId(self.nodes.iter().position(is).expect("the cells of a KPI come before it"))
    }

    /// Returns the view of a milestone.
    pub fn milestone(&self, milestone: MilestoneIndex) -> Option<NodeId> {
        let is = |node: &Node| matches!(&node.relation, Relation::Milestone(own) if *own == milestone);
        self.nodes.iter().position(is).map(NodeId)
    }
}
