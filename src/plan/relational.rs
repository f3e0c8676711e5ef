//! What a relation computes: relations over relations, typed, in no dialect.
//!
//! A [`Query`] holds relations, each over those before it; the last one is what it gives. There are four kinds: rows of
//! another node, constants, a [`Select`] and a union. A select is what SQL calls one: rows of its inputs, joined; those
//! that meet its conditions; and a value for each column, which may be a window's, or an aggregate of the rows of a group. So
//! a query is printed as it is, a relation with a name as a common table expression.
//!
//! A column is known by its place: in the relation, or in the input of the select that reads it. Where it comes from
//! follows from the values.

mod alike;
pub mod constants;
mod equal;
pub(in crate::plan) mod keys;
pub mod moment;
pub mod passes;
pub mod scalar;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::plan::node::NodeId;
use crate::plan::relational::scalar::{ColumnRef, Leaf, Scalar};
use crate::semantic::expr::Type;

/// Relations, each over those before it; the last is the result.
#[derive(Clone, Debug, Default)]
pub struct Query {
    relations: Vec<Relation>,
    /// What the names of relations that are added begin with.
    scope: Option<String>,
}

/// A query, behind the name of the definition that it is of.
pub type Named = (String, Query);

/// Names a [`Relation`] of a [`Query`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelationId(usize);

impl RelationId {
    /// Returns its place among the relations of its query.
    pub fn place(self) -> usize {
        self.0
    }
}

/// Rows with columns.
#[derive(Clone, Debug)]
pub struct Relation {
    /// What it is called in the statement; none: it is written where it is read.
    pub name: Option<String>,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows.
    pub body: Body,
    /// Columns, by their places, that tell its rows apart, each set by itself: what follows from what the rows are, and not
    /// from how they are computed.
    pub told_apart: Vec<BTreeSet<usize>>,
    /// Columns, by their places, in which each of its rows is like one of another part of the union that it is in: it says
    /// more about what is there, and not that more is.
    pub among_others: Option<BTreeSet<usize>>,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: Arc<str>,
    /// Its type.
    pub ty: Type,
}

/// What the rows of a relation are.
#[derive(Clone, Debug)]
pub enum Body {
    /// Those of another node of the plan.
    Node(NodeId),
    /// Constants, a cell a column; at least one row.
    Constants(Vec<Vec<Scalar>>),
    /// Computed from others.
    Select(Select),
    /// Those of several relations, one after the other; columns meet by their place.
    Union(Vec<RelationId>),
}

/// Rows that are computed from others.
#[derive(Clone, Debug)]
pub struct Select {
    /// What is read; the first one is joined with nothing.
    pub inputs: Vec<Input>,
    /// What holds of each row.
    pub conditions: Vec<Scalar>,
    /// A value for each column.
    pub values: Vec<Scalar>,
    /// Whether equal rows are one.
    pub distinct: bool,
    /// The values, by their places, by which rows are grouped: each group is one row. None: each row is one of its own; no
    /// places: the whole is one group.
    pub grouped_by: Option<Vec<usize>>,
}

impl Select {
    /// Tells whether the value at a place tells rows of the select apart that are not told apart by anything else: rows are
    /// grouped by it, or equal ones are one.
    pub fn is_key(&self, place: usize) -> bool {
        self.distinct || self.grouped_by.as_ref().is_some_and(|keys| keys.contains(&place))
    }

    /// Returns all conditions by which its inputs are joined.
    pub fn joined(&self) -> impl Iterator<Item = &Scalar> {
        self.inputs.iter().flat_map(Input::on)
    }

    /// Returns all that is computed of its inputs: values, conditions, and what they are joined by.
    pub fn scalars(&self) -> impl Iterator<Item = &Scalar> {
        self.values.iter().chain(&self.conditions).chain(self.joined())
    }

    /// Returns the same, to be changed.
    pub fn scalars_mut(&mut self) -> impl Iterator<Item = &mut Scalar> {
        let joined = self.inputs.iter_mut().flat_map(|input| match &mut input.join {
            Join::Cross => &mut [][..],
            Join::Inner(on) | Join::Left(on) => on,
        });
        self.values.iter_mut().chain(&mut self.conditions).chain(joined)
    }
}

/// A relation that a select reads.
#[derive(Clone, Debug)]
pub struct Input {
    /// The relation.
    pub relation: RelationId,
    /// What its rows are called there.
    pub alias: String,
    /// How it is joined with those before it.
    pub join: Join,
}

impl Input {
    /// Returns the conditions by which it is joined.
    pub fn on(&self) -> &[Scalar] {
        match &self.join {
            Join::Cross => &[],
            Join::Inner(on) | Join::Left(on) => on,
        }
    }
}

/// How an input is joined with those before it.
#[derive(Clone, Debug)]
pub enum Join {
    /// It is the first, or each row meets each.
    Cross,
    /// Rows that meet.
    Inner(Vec<Scalar>),
    /// All rows before it, and what meets them.
    Left(Vec<Scalar>),
}

/// The columns of an input, while a select is made.
#[derive(Clone, Debug)]
pub struct Rows {
    input: usize,
    columns: Vec<Column>,
}

impl Rows {
    /// Returns a column by its name.
    ///
    /// # Panics
    ///
    /// If there is none: whoever asks knows what the relation has.
    pub fn column(&self, name: &str) -> Scalar {
        self.at(self.place(name))
    }

    fn place(&self, name: &str) -> usize {
        self.find_place(name).unwrap_or_else(|| panic!("no column `{name}` among {:?}", self.columns))
    }

    fn find_place(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| *column.name == *name)
    }

    fn at(&self, column: usize) -> Scalar {
        scalar::leaf(Leaf::Column(ColumnRef { input: self.input, column }), self.columns[column].ty)
    }

    /// Returns the columns whose names begin with `prefix`, by what follows it.
    #[must_use]
    pub fn behind(&self, prefix: &str) -> Rows {
        let name = |column: &Column| Arc::from(column.name.strip_prefix(prefix).unwrap_or_default());
        let columns = self.columns.iter().map(|column| Column { name: name(column), ty: column.ty });
        Rows { input: self.input, columns: columns.collect() }
    }

    /// Returns a column by its name, if there is one.
    pub fn find(&self, name: &str) -> Option<Scalar> {
        self.find_place(name).map(|place| self.at(place))
    }
}

/// A select while it is made.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    inputs: Vec<Input>,
    conditions: Vec<Scalar>,
    columns: Vec<Column>,
    values: Vec<Scalar>,
    distinct: bool,
    told_apart: Vec<BTreeSet<usize>>,
    among_others: Option<BTreeSet<usize>>,
}

impl Draft {
    /// Begins a select.
    pub fn new() -> Self {
        Self::default()
    }

    fn input(&mut self, query: &Query, relation: RelationId, alias: &str, join: Join) -> Rows {
        self.inputs.push(Input { relation, alias: alias.to_owned(), join });
        Rows { input: self.inputs.len() - 1, columns: query.relation(relation).columns.clone() }
    }

    /// Reads a relation, as the first one, or so that each row meets each.
    pub fn from(&mut self, query: &Query, relation: RelationId, alias: &str) -> Rows {
        self.input(query, relation, alias, Join::Cross)
    }

    /// Reads the rows of a relation that meet those before it.
    pub fn join(
        &mut self,
        query: &Query,
        relation: RelationId,
        alias: &str,
        on: impl FnOnce(&Rows) -> Vec<Scalar>,
    ) -> Rows {
        let rows = self.input(query, relation, alias, Join::Cross);
        self.inputs[rows.input].join = Join::Inner(on(&rows));
        rows
    }

    /// Reads what of a relation meets the rows before it, which stay where nothing does.
    pub fn left_join(
        &mut self,
        query: &Query,
        relation: RelationId,
        alias: &str,
        on: impl FnOnce(&Rows) -> Vec<Scalar>,
    ) -> Rows {
        let rows = self.input(query, relation, alias, Join::Cross);
        self.inputs[rows.input].join = Join::Left(on(&rows));
        rows
    }

    /// Leaves out the rows of which a condition does not hold.
    pub fn filter(&mut self, condition: Scalar) {
        self.conditions.push(condition);
    }

    /// Gives the result a column.
    pub fn column(&mut self, name: &str, value: Scalar) {
        self.columns.push(Column { name: name.into(), ty: value.ty });
        self.values.push(value);
    }

    /// Gives the result columns of an input, under their names.
    pub fn columns(&mut self, rows: &Rows, names: &[&str]) {
        for name in names {
            self.own(rows, rows.place(name));
        }
    }

    /// Gives the result the column of an input at a place, under its name.
    fn own(&mut self, rows: &Rows, place: usize) {
        self.columns.push(rows.columns[place].clone());
        self.values.push(rows.at(place));
    }

    /// Gives the result all columns of an input.
    pub fn all(&mut self, rows: &Rows) {
        (0..rows.columns.len()).for_each(|place| self.own(rows, place));
    }

    /// Makes equal rows one.
    pub fn distinct(&mut self) {
        self.distinct = true;
    }

    /// Promises that no two rows of the result have the same values in these columns, which follows from what they are.
    pub fn told_apart_by(&mut self, names: &[&str]) {
        self.told_apart.extend(places(&self.columns, names));
    }

    /// Promises that each row of the result is in these columns like one of another part of the union that it is for.
    pub fn among_others_by(&mut self, names: &[&str]) {
        self.among_others = places(&self.columns, names);
    }
}

impl Query {
    /// Returns a relation.
    pub fn relation(&self, id: RelationId) -> &Relation {
        &self.relations[id.0]
    }

    /// Returns all relations, each after those that it is over.
    pub fn relations(&self) -> impl Iterator<Item = (RelationId, &Relation)> {
        self.relations.iter().enumerate().map(|(index, relation)| (RelationId(index), relation))
    }

    /// Returns the same, to be changed: what reads one finds its columns by their places.
    pub fn relations_mut(&mut self) -> impl Iterator<Item = &mut Relation> {
        self.relations.iter_mut()
    }

    /// Returns what the query gives.
    ///
    /// # Panics
    ///
    /// If it has no relation yet.
    pub fn result(&self) -> &Relation {
        self.relations.last().expect("a query has a result")
    }

    /// Returns the nodes that it reads, each once.
    pub fn nodes(&self) -> Vec<NodeId> {
        let nodes = self.relations.iter().filter_map(|relation| match relation.body {
            Body::Node(node) => Some(node),
            Body::Constants(_) | Body::Select(_) | Body::Union(_) => None,
        });
        let mut nodes: Vec<NodeId> = nodes.collect();
        nodes.sort_unstable();
        nodes
    }

    /// Tells whether it reads the moment as of which everything is computed.
    pub fn reads_moment(&self) -> bool {
        self.relations.iter().any(|relation| match &relation.body {
            Body::Select(select) => select.scalars().any(scalar::reads_moment),
            Body::Constants(rows) => rows.iter().flatten().any(scalar::reads_moment),
            Body::Node(_) | Body::Union(_) => false,
        })
    }

    /// Has the names of the relations that `make` adds begin with what they are a part of.
    pub fn scoped<T>(&mut self, scope: &str, make: impl FnOnce(&mut Query) -> T) -> T {
        let own = self.full(scope);
        let outer = self.scope.replace(own);
        let result = make(self);
        self.scope = outer;
        result
    }

    /// Adds the relations of another query, whose names begin with that of a definition; returns what it gives.
    pub fn append(&mut self, definition: &str, other: Query) -> RelationId {
        let mut places: Vec<RelationId> = Vec::new();
        for mut relation in other.relations {
            match &mut relation.body {
                Body::Constants(_) => {}
                Body::Select(select) => {
                    select.inputs.iter_mut().for_each(|input| input.relation = places[input.relation.0]);
                }
                Body::Union(parts) => parts.iter_mut().for_each(|part| *part = places[part.0]),
                Body::Node(node) => {
                    if let Some(known) = self.reads(*node) {
                        places.push(known);
                        continue;
                    }
                }
            }
            relation.name = relation.name.map(|name| format!("{definition}__{name}"));
            self.relations.push(relation);
            places.push(RelationId(self.relations.len() - 1));
        }
        places.pop().expect("a query has a result")
    }

    fn reads(&self, node: NodeId) -> Option<RelationId> {
        let is_it = |relation: &Relation| matches!(relation.body, Body::Node(known) if known == node);
        self.relations.iter().position(is_it).map(RelationId)
    }

    fn full(&self, name: &str) -> String {
        match &self.scope {
            Some(scope) => format!("{scope}_{name}"),
            None => name.to_owned(),
        }
    }

    fn push(&mut self, name: Option<&str>, columns: Vec<Column>, body: Body) -> RelationId {
        let name = name.map(|name| self.full(name));
        if let Some(name) = &name {
            assert!(
                self.relations.iter().all(|relation| relation.name.as_ref() != Some(name)),
                "two relations of a statement are called `{name}`"
            );
        }
        self.relations.push(Relation { name, columns, body, told_apart: Vec::new(), among_others: None });
        RelationId(self.relations.len() - 1)
    }

    /// Puts a relation, which reads no other, before all others.
    fn prepend(&mut self, relation: Relation) {
        for other in &mut self.relations {
            match &mut other.body {
                Body::Node(_) | Body::Constants(_) => {}
                Body::Select(select) => select.inputs.iter_mut().for_each(|input| input.relation.0 += 1),
                Body::Union(parts) => parts.iter_mut().for_each(|part| part.0 += 1),
            }
        }
        self.relations.insert(0, relation);
    }

    /// Reads another node; one that is read already is the same relation.
    pub fn node(&mut self, node: NodeId, columns: &[(String, Type)]) -> RelationId {
        if let Some(known) = self.reads(node) {
            return known;
        }
        let columns = columns.iter().map(|(name, ty)| Column { name: name.as_str().into(), ty: *ty }).collect();
        self.push(None, columns, Body::Node(node))
    }

    /// Adds constants.
    ///
    /// # Panics
    ///
    /// If there are no rows, which nothing would tell the types of, or a row has another number of cells.
    pub fn constants(&mut self, name: &str, columns: &[(&str, Type)], rows: Vec<Vec<Scalar>>) -> RelationId {
        assert!(!rows.is_empty(), "the constants `{name}` have no rows");
        assert!(rows.iter().all(|row| row.len() == columns.len()), "a row of the constants `{name}` has gaps");
        let columns = columns.iter().map(|(name, ty)| Column { name: (*name).into(), ty: *ty }).collect();
        self.push(Some(name), columns, Body::Constants(rows))
    }

    /// Adds a select under a name.
    pub fn named(&mut self, name: &str, draft: Draft) -> RelationId {
        self.select(Some(name), draft)
    }

    /// Adds a select that is written where it is read, or is the result.
    pub fn unnamed(&mut self, draft: Draft) -> RelationId {
        self.select(None, draft)
    }

    fn select(&mut self, name: Option<&str>, draft: Draft) -> RelationId {
        let Draft { inputs, conditions, mut columns, mut values, distinct, told_apart, among_others } = draft;
        // There are many, and they stay.
        columns.shrink_to_fit();
        values.shrink_to_fit();
        // What is made of whole groups is beside what says which they are; a constant says nothing of that.
        let grouped_by = values.iter().any(scalar::is_aggregate).then(|| {
            let keys = values.iter().enumerate().filter(|(_, value)| scalar::is_key(value));
            keys.map(|(place, _)| place).collect()
        });
        let relation =
            self.push(name, columns, Body::Select(Select { inputs, conditions, values, distinct, grouped_by }));
        let made = &mut self.relations[relation.0];
        (made.told_apart, made.among_others) = (told_apart, among_others);
        relation
    }

    /// Promises that no two rows of a relation have the same values in these columns, which follows from what they are.
    pub fn told_apart_by(&mut self, relation: RelationId, names: &[&str]) {
        let relation = &mut self.relations[relation.0];
        relation.told_apart.extend(places(&relation.columns, names));
    }

    /// Adds the rows of several relations, one after the other, with the columns of the first; where it is only one, that
    /// is all of it.
    ///
    /// # Panics
    ///
    /// If there is none, or one has other columns.
    pub fn union(&mut self, name: Option<&str>, parts: Vec<RelationId>) -> RelationId {
        let columns = self.relation(*parts.first().expect("a union has parts")).columns.clone();
        for part in &parts {
            let own: Vec<Type> = self.relation(*part).columns.iter().map(|column| column.ty).collect();
            let wanted: Vec<Type> = columns.iter().map(|column| column.ty).collect();
            assert_eq!(own, wanted, "the parts of the union {name:?} have columns of other types");
        }
        self.push(name, columns, Body::Union(parts))
    }
}

/// Returns the places of columns with names; none where one is not there.
fn places(columns: &[Column], names: &[&str]) -> Option<BTreeSet<usize>> {
    names.iter().map(|name| columns.iter().position(|column| *column.name == **name)).collect()
}
