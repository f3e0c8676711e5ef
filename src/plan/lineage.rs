//! Column lineage: which columns a column comes from, down to those of raw rows.
//!
//! Two things are told apart: what a *value* is made of, and what decides *which rows* there are: conditions, joins, what is
//! grouped, and which of several rows with one key counts. What decides which rows a relation has is said of the relation,
//! and holds for all of its columns; beside that a column has what decides which rows are behind its own values, as those are
//! that an aggregate counts, or that are found for each row of another relation.
//!
//! Relations that definitions share hold rows of all of them. Whoever reads one takes the rows with certain constants, such
//! as the name of a milestone; so lineage is that of a [`Slice`]: a node, and those rows of it. It follows from the queries
//! (`query`) alone; what reads raw rows, which is no query, is said by `raw`.
//!
//! It never leaves out what may change a column; it may name what does not.

mod places;
mod query;
mod raw;

use std::collections::{BTreeMap, BTreeSet};

pub use crate::plan::lineage::places::Places;
use crate::plan::node::{Node, NodeId, Plan, Raw};
pub use crate::plan::relational::constants::{Constant, Only};
use crate::semantic::model::Model;
use crate::semantic::name::Path;

/// Something that rows or values come from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Which rows there are in a table or file.
    RawRows(Raw),
    /// A column of raw rows; of a document, one property: the column and the keys.
    RawColumn(Raw, Path),
    /// Which rows there are of a node.
    Rows(SliceId),
    /// A column of a node, by its place.
    Column(SliceId, usize),
}

/// What a column comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins {
    /// What its values are made of.
    pub value: Places,
    /// What decides which rows are behind its values.
    pub rows: Places,
}

impl Place {
    /// Returns the raw rows that it is of, where it is no node.
    pub fn raw(&self) -> Option<Raw> {
        match self {
            Place::RawRows(raw) | Place::RawColumn(raw, _) => Some(*raw),
            Place::Rows(_) | Place::Column(..) => None,
        }
    }
}

impl Origins {
    fn add(&mut self, other: &Origins) {
        self.value.add(&other.value);
        self.rows.add(&other.rows);
    }

    /// Returns all of it.
    fn all(&self) -> impl Iterator<Item = Place> + '_ {
        self.value.iter().chain(&self.rows).cloned()
    }
}

/// What the columns of a relation come from, one step back.
#[derive(Clone, Debug, Default)]
pub struct Step {
    /// What each column comes from, besides `rows`.
    pub columns: Vec<Origins>,
    /// What decides which rows there are.
    pub rows: Places,
}

/// What a node reads that is no query: raw columns, by their names, and columns of other nodes, by their places.
#[derive(Debug, Default)]
pub(super) struct RawReads {
    pub(super) raw: BTreeSet<String>,
    pub(super) nodes: BTreeMap<NodeId, BTreeSet<usize>>,
}

/// Returns what a node reads that reads raw rows, or is derived from what does.
pub(super) fn raw_reads(model: &Model, plan: &Plan, node: &Node) -> RawReads {
    let step = raw::step(model, plan, node);
    let mut reads = RawReads::default();
    let places = step.columns.iter().flat_map(|column| column.value.iter().chain(&column.rows));
    for place in places.chain(&step.rows) {
        match place {
            Place::RawColumn(_, path) => reads.raw.extend(path.parts().first().cloned()),
            // Not of a query: the slice is the node.
            Place::Column(node, column) => {
                reads.nodes.entry(NodeId(node.0)).or_default().insert(*column);
            }
            Place::RawRows(_) | Place::Rows(_) => {}
        }
    }
    reads
}

/// Rows of a node: those in which some columns, by their places, have one of some constants.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slice<'p> {
    /// The node.
    pub node: NodeId,
    /// The columns and their constants; none: all rows.
    pub only: Only<'p>,
}

/// Names a [`Slice`] of a [`Lineage`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SliceId(usize);

/// The slices that are read, each once.
#[derive(Debug, Default)]
struct Slices<'p> {
    all: Vec<Slice<'p>>,
    ids: BTreeMap<Slice<'p>, SliceId>,
}

impl<'p> Slices<'p> {
    fn id(&mut self, slice: Slice<'p>) -> SliceId {
        if let Some(known) = self.ids.get(&slice) {
            return *known;
        }
        let id = SliceId(self.all.len());
        self.all.push(slice.clone());
        self.ids.insert(slice, id);
        id
    }
}

/// How something is come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Use {
    /// Values are made of it.
    value: bool,
    /// It decides which rows there are, or are behind a value.
    rows: bool,
}

/// What of a relation comes from something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// The columns, by their places, whose values are made of it.
    pub value: BTreeSet<usize>,
    /// The columns of which it decides which rows are behind their values.
    pub behind: BTreeSet<usize>,
    /// Whether it decides which rows there are, and so what every column holds.
    pub rows: bool,
}

impl Share {
    /// Adds what comes from something else.
    pub fn add(&mut self, other: &Share) {
        self.value.extend(&other.value);
        self.behind.extend(&other.behind);
        self.rows |= other.rows;
    }
}

/// What all columns of a plan come from.
#[derive(Debug)]
pub struct Lineage<'p> {
    slices: Vec<Slice<'p>>,
    steps: Vec<Step>,
}

impl<'p> Lineage<'p> {
    /// Works out what all columns of a plan come from.
    pub fn new(model: &Model, plan: &'p Plan) -> Self {
        let mut slices = Slices::default();
        // A whole node has the number of the node.
        for node in (0..plan.nodes.len()).map(NodeId) {
            slices.id(Slice { node, only: Only::new() });
        }
        let mut steps = Vec::new();
        let mut known = query::Known::default();
        while let Some(slice) = slices.all.get(steps.len()).cloned() {
            let node = plan.node(slice.node);
            steps.push(match &node.query {
                Some(query) => query::step(plan, query, &slice, &mut slices, &mut known),
                None => raw::step(model, plan, node),
            });
        }
        Self { slices: slices.all, steps }
    }

    /// Returns a slice.
    pub fn slice(&self, id: SliceId) -> &Slice<'p> {
        &self.slices[id.0]
    }

    /// Returns what the columns of a slice come from, one step back.
    pub fn step(&self, id: SliceId) -> &Step {
        &self.steps[id.0]
    }

    /// Returns the whole of a node.
    pub fn whole(&self, node: NodeId) -> SliceId {
        SliceId(node.0)
    }

    /// Returns all that a relation comes from, however many steps back, itself among it; and what of the relation, of these of
    /// its columns.
    pub fn shares(&self, node: NodeId, columns: &[usize]) -> BTreeMap<Place, Share> {
        let mut shares: BTreeMap<Place, Share> = BTreeMap::new();
        for place in self.behind_rows(node).into_keys() {
            shares.entry(place).or_default().rows = true;
        }
        for column in columns {
            for (place, used) in self.behind_column(node, *column) {
                let share = shares.entry(place).or_default();
                share.value.extend(used.value.then_some(*column));
                share.behind.extend(used.rows.then_some(*column));
            }
        }
        shares
    }

    /// Returns all that a column of a node comes from, itself among it, however many steps back; without what decides which
    /// rows the node has.
    fn behind_column(&self, node: NodeId, column: usize) -> BTreeMap<Place, Use> {
        self.behind([(Place::Column(self.whole(node), column), Use { value: true, rows: false })])
    }

    /// Returns all that decides which rows a node has, however many steps back.
    fn behind_rows(&self, node: NodeId) -> BTreeMap<Place, Use> {
        self.behind([(Place::Rows(self.whole(node)), Use { value: false, rows: true })])
    }

    fn behind(&self, from: impl IntoIterator<Item = (Place, Use)>) -> BTreeMap<Place, Use> {
        let mut found: BTreeMap<Place, Use> = BTreeMap::new();
        let mut open: Vec<(Place, Use)> = from.into_iter().collect();
        while let Some((place, used)) = open.pop() {
            let known = found.entry(place.clone()).or_default();
            let new = Use { value: used.value && !known.value, rows: used.rows && !known.rows };
            if !new.value && !new.rows {
                continue;
            }
            *known = Use { value: known.value || new.value, rows: known.rows || new.rows };
            let rows = Use { value: false, rows: true };
            match &place {
                Place::RawRows(_) | Place::RawColumn(..) => {}
                Place::Rows(slice) => open.extend(self.step(*slice).rows.iter().map(|place| (place.clone(), rows))),
                Place::Column(slice, column) => {
                    let origins = &self.step(*slice).columns[*column];
                    open.extend(origins.value.iter().map(|place| (place.clone(), new)));
                    open.extend(origins.rows.iter().map(|place| (place.clone(), rows)));
                }
            }
        }
        found
    }
}
