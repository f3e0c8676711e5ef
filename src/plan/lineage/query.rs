//! The lineage of what a query computes, relation by relation, of the rows in which columns have certain constants.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::plan::lineage::{Origins, Place, Places, Slice, Slices, Step};
use crate::plan::node::{NodeId, Plan};
use crate::plan::relational::constants::{
    Constant, Domain, Only, Table, column, conjuncts, domain, equality, restriction,
};
use crate::plan::relational::keys::meets_once;
use crate::plan::relational::scalar::{self, ColumnRef, Leaf, Scalar};
use crate::plan::relational::{Body, Join, Query, RelationId, Select};
use crate::semantic::expr::{BinaryOperator, ExprKind, Literal};

/// What is known of the relations of all queries, whatever rows of the nodes are asked for.
#[derive(Debug, Default)]
pub(super) struct Known<'p> {
    /// Relations of which no row is left out: they are the same for every slice.
    whole: BTreeMap<(NodeId, RelationId), Rc<Found<'p>>>,
    /// Those that are constants.
    tables: BTreeMap<(NodeId, RelationId), Table<'p>>,
}

/// Returns what the query of a slice's node comes from, of the rows of it that are asked for.
pub(super) fn step<'p>(
    plan: &'p Plan,
    query: &'p Query,
    slice: &Slice<'p>,
    slices: &mut Slices<'p>,
    known: &mut Known<'p>,
) -> Step {
    let Some((result, _)) = query.relations().last() else { return Step::default() };
    let mut walk = Walk { plan, node: slice.node, query, slices, known, done: BTreeMap::new() };
    let found = walk.relation(result, slice.only.clone());
    Step { columns: found.columns.iter().map(|column| column.origins.clone()).collect(), rows: found.rows.clone() }
}

/// A relation of a query, of certain rows.
#[derive(Debug)]
struct Found<'p> {
    columns: Vec<Column<'p>>,
    /// What decides which rows there are.
    rows: Places,
    /// Whether there can be no row.
    is_empty: bool,
}

#[derive(Clone, Debug, Default)]
struct Column<'p> {
    origins: Origins,
    /// What it may hold, where that is known.
    domain: Option<Domain<'p>>,
}

impl Found<'_> {
    fn empty(columns: usize) -> Self {
        let column = Column { origins: Origins::default(), domain: Some(Domain::default()) };
        Self { columns: vec![column; columns], rows: Places::new(), is_empty: true }
    }
}

struct Walk<'w, 'p> {
    plan: &'p Plan,
    node: NodeId,
    query: &'p Query,
    slices: &'w mut Slices<'p>,
    known: &'w mut Known<'p>,
    done: BTreeMap<(RelationId, Only<'p>), Rc<Found<'p>>>,
}

impl<'p> Walk<'_, 'p> {
    fn relation(&mut self, id: RelationId, only: Only<'p>) -> Rc<Found<'p>> {
        if only.is_empty()
            && let Some(known) = self.known.whole.get(&(self.node, id))
        {
            return Rc::clone(known);
        }
        let wanted = (id, only);
        if let Some(known) = self.done.get(&wanted) {
            return Rc::clone(known);
        }
        let only = &wanted.1;
        let relation = self.query.relation(id);
        let width = relation.columns.len();
        let found = match &relation.body {
            Body::Node(node) => {
                // What reads raw rows is not told apart by what is in them.
                let only = if self.plan.node(*node).query.is_some() { only.clone() } else { Only::new() };
                let known = |place| only.get(&place).map(|values| Domain { values: values.clone(), nullable: false });
                let domains: Vec<Option<Domain<'p>>> = (0..width).map(known).collect();
                let slice = self.slices.id(Slice { node: *node, only });
                let columns = domains.into_iter().enumerate().map(|(place, domain)| {
                    let value = Places::from([Place::Column(slice, place)]);
                    Column { origins: Origins { value, rows: Places::new() }, domain }
                });
                Found { columns: columns.collect(), rows: Places::from([Place::Rows(slice)]), is_empty: false }
            }
            Body::Constants(rows) => {
                let table = self.known.tables.entry((self.node, id)).or_insert_with(|| Table::new(rows));
                constants(&table.rows(only), width)
            }
            Body::Union(parts) => self.union(parts, width, only),
            Body::Select(select) => self.select(select, only),
        };
        let found = Rc::new(found);
        if only.is_empty() {
            self.known.whole.insert((self.node, id), Rc::clone(&found));
        } else {
            self.done.insert(wanted, Rc::clone(&found));
        }
        found
    }

    fn union(&mut self, parts: &[RelationId], width: usize, only: &Only<'p>) -> Found<'p> {
        let mut union = Found::empty(width);
        for part in parts {
            let keys = self.query.relation(*part).among_others.as_ref();
            let part = self.relation(*part, only.clone());
            if part.is_empty {
                continue;
            }
            union.is_empty = false;
            if keys.is_none() {
                union.rows.add(&part.rows);
            }
            for (place, (all, own)) in union.columns.iter_mut().zip(&part.columns).enumerate() {
                match keys {
                    None => all.origins.add(&own.origins),
                    Some(keys) if keys.contains(&place) => {}
                    // It says nothing there.
                    Some(_) if own.domain.as_ref().is_some_and(|domain| domain.values.is_empty()) => {}
                    // What is said of rows that others decide.
                    Some(_) => {
                        all.origins.add(&own.origins);
                        all.origins.rows.add(&part.rows);
                    }
                }
                all.domain = all.domain.take().zip(own.domain.clone()).map(|(mut all, own)| {
                    all.values.extend(own.values);
                    Domain { nullable: all.nullable || own.nullable, ..all }
                });
            }
        }
        union
    }

    fn select(&mut self, select: &'p Select, only: &Only<'p>) -> Found<'p> {
        let width = select.values.len();
        let Some(inputs) = self.inputs(select, only) else { return Found::empty(width) };
        let is_one_group = select.grouped_by.as_ref().is_some_and(Vec::is_empty);
        // Whose rows are not there leaves none, but for a group that is the whole.
        let lacks = inputs.iter().zip(&select.inputs).any(|(found, input)| found.is_empty && !is_left(&input.join));
        if lacks {
            return if is_one_group {
                Found { columns: vec![Column::default(); width], rows: Places::new(), is_empty: false }
            } else {
                Found::empty(width)
            };
        }
        let mut scope = Scope { select, inputs: &inputs, found: vec![None; inputs.len()], around: Places::new() };
        let mut around = Places::new();
        for (place, (found, input)) in inputs.iter().zip(&select.inputs).enumerate() {
            let mut decided: Places = found.rows.clone();
            if let Join::Inner(on) | Join::Left(on) = &input.join {
                decided.extend(on.iter().flat_map(|condition| scope.read_condition(condition)));
            }
            if is_left(&input.join) && (found.is_empty || meets_once(self.plan, self.query, select, place)) {
                // All rows stay, each once: what is found for them decides no more than the values.
                scope.found[place] = Some(if found.is_empty { Places::new() } else { decided });
            } else {
                around.add(&decided);
            }
        }
        for condition in &select.conditions {
            around.extend(scope.read_condition(condition));
        }
        scope.around = around;
        let columns: Vec<Column<'p>> = select
            .values
            .iter()
            .map(|value| Column { origins: scope.read(value), domain: scope.domain(value) })
            .collect();
        let mut rows = if is_one_group { Places::new() } else { scope.around };
        for (place, column) in columns.iter().enumerate() {
            // Of a column that is asked for by its value, what it is made of decides which rows are read.
            let is_asked = only.contains_key(&place) && domain(&select.values[place]).is_none();
            if select.is_key(place) || is_asked {
                rows.extend(column.origins.all());
            }
        }
        Found { columns, rows, is_empty: false }
    }

    /// Returns the inputs of a select, each of the rows that can be in its result; none where that has no rows.
    fn inputs(&mut self, select: &'p Select, only: &Only<'p>) -> Option<Vec<Rc<Found<'p>>>> {
        let mut wanted: Vec<Only<'p>> = vec![Only::new(); select.inputs.len()];
        for (place, constants) in only {
            let value = &select.values[*place];
            if let Some(known) = domain(value) {
                // A constant in all rows.
                if known.values.is_disjoint(constants) {
                    return None;
                }
            } else if let Some(own) = column(value).filter(|own| is_apart(select, *own)) {
                narrow(&mut wanted, own, constants);
            }
        }
        // What has to be equal, and the only input that it says something of, where it is joined with what it meets.
        let mut equal: Vec<(ColumnRef, ColumnRef, Option<usize>)> = Vec::new();
        let conditions = select.conditions.iter().map(|condition| (condition, None));
        let joins = select.inputs.iter().enumerate().flat_map(|(place, input)| {
            let (on, into): (&[Scalar], _) = match &input.join {
                Join::Cross => (&[], None),
                Join::Inner(on) => (on, None),
                Join::Left(on) => (on, Some(place)),
            };
            on.iter().map(move |condition| (condition, into))
        });
        for (condition, into) in conditions.chain(joins) {
            for condition in conjuncts(condition) {
                if let Some((own, constants)) = restriction(condition) {
                    if into.is_none_or(|into| into == own.input) {
                        narrow(&mut wanted, own, &constants);
                    }
                } else if let Some((left, right)) = equality(condition) {
                    equal.extend(column(left).zip(column(right)).map(|(left, right)| (left, right, into)));
                }
            }
        }
        loop {
            let inputs: Vec<Rc<Found<'p>>> = select
                .inputs
                .iter()
                .zip(&wanted)
                .map(|(input, only)| self.relation(input.relation, only.clone()))
                .collect();
            let mut is_narrower = false;
            for (left, right, into) in &equal {
                for (from, to) in [(left, right), (right, left)] {
                    if into.is_some_and(|into| into != to.input) {
                        continue;
                    }
                    if let Some(known) = &inputs[from.input].columns[from.column].domain {
                        is_narrower |= narrow(&mut wanted, *to, &known.values);
                    }
                }
            }
            if !is_narrower {
                return Some(inputs);
            }
        }
    }
}

/// Leaves the rows of an input in which a column has one of some constants; tells whether some may be fewer than before.
fn narrow<'p>(wanted: &mut [Only<'p>], column: ColumnRef, constants: &BTreeSet<Constant<'p>>) -> bool {
    let only = &mut wanted[column.input];
    let Some(known) = only.get_mut(&column.column) else {
        only.insert(column.column, constants.clone());
        return true;
    };
    let before = known.len();
    known.retain(|constant| constants.contains(constant));
    known.len() < before
}

/// Tells whether rows in which a column differs have nothing to do with each other: each window is over rows where it is
/// equal.
fn is_apart(select: &Select, wanted: ColumnRef) -> bool {
    let mut is_apart = true;
    for value in &select.values {
        scalar::windows(value, &mut |window| {
            is_apart &= window.partition.iter().any(|part| column(part) == Some(wanted));
        });
    }
    is_apart
}

fn is_left(join: &Join) -> bool {
    match join {
        Join::Left(_) => true,
        Join::Cross | Join::Inner(_) => false,
    }
}

fn constants<'p>(rows: &[&'p Vec<Scalar>], width: usize) -> Found<'p> {
    let held = |place: usize| {
        let mut held = Domain::default();
        for row in rows {
            let cell = domain(&row[place])?;
            held.nullable |= cell.nullable;
            held.values.extend(cell.values);
        }
        Some(held)
    };
    let columns = (0..width).map(|place| Column { origins: Origins::default(), domain: held(place) });
    Found { columns: columns.collect(), rows: Places::new(), is_empty: rows.is_empty() }
}

/// What the values of a select are over.
struct Scope<'s, 'p> {
    select: &'p Select,
    inputs: &'s [Rc<Found<'p>>],
    /// Of an input that is found for rows, and so decides nothing but its own values: what decides which row is found.
    found: Vec<Option<Places>>,
    /// What decides which rows there are before they are grouped.
    around: Places,
}

impl<'p> Scope<'_, 'p> {
    /// Returns what a value comes from.
    fn read(&self, value: &Scalar) -> Origins {
        let mut origins = Origins::default();
        self.add(value, &mut origins);
        origins
    }

    /// Returns what a condition comes from, of which only matters where it holds: nothing, where it holds of all rows.
    fn read_condition(&self, condition: &Scalar) -> Vec<Place> {
        if self.holds(condition) == Some(true) { Vec::new() } else { self.read(condition).all().collect() }
    }

    fn add(&self, value: &Scalar, origins: &mut Origins) {
        match &value.kind {
            ExprKind::Column(leaf) => self.add_leaf(leaf, origins),
            ExprKind::Case(branches, otherwise) => {
                for (condition, result) in branches {
                    match self.holds(condition) {
                        Some(false) => continue,
                        Some(true) => return self.add(result, origins),
                        None => {}
                    }
                    self.add(condition, origins);
                    self.add(result, origins);
                }
                otherwise.iter().for_each(|otherwise| self.add(otherwise, origins));
            }
            ExprKind::Literal(_)
            | ExprKind::Not(_)
            | ExprKind::Negate(_)
            | ExprKind::Binary(..)
            | ExprKind::Call(..)
            | ExprKind::In(..)
            | ExprKind::IsNull(..)
            | ExprKind::Like(..) => value.parts().into_iter().for_each(|part| self.add(part, origins)),
        }
    }

    fn add_leaf(&self, leaf: &Leaf, origins: &mut Origins) {
        match leaf {
            Leaf::Column(ColumnRef { input, column }) => {
                origins.add(&self.inputs[*input].columns[*column].origins);
                self.found[*input].iter().for_each(|found| origins.rows.add(found));
            }
            Leaf::Null(_) | Leaf::Exact(_) | Leaf::Moment { .. } | Leaf::Unknown(_) => {}
            Leaf::Cast(value, _) | Leaf::ExactOf(value) | Leaf::Written(value) => self.add(value, origins),
            Leaf::Aggregate(aggregate) => {
                aggregate.argument.iter().for_each(|argument| self.add(argument, origins));
                if let Some(filter) = &aggregate.filter {
                    let filter = self.read(filter);
                    origins.rows.extend(filter.all());
                }
                origins.rows.add(&self.around);
            }
            Leaf::Window(window) => {
                let parts = window.function.value().into_iter().chain(&window.partition).chain(&window.order);
                parts.for_each(|part| self.add(part, origins));
            }
        }
    }

    /// Returns what a value may hold, where that is known.
    fn domain(&self, value: &'p Scalar) -> Option<Domain<'p>> {
        domain(value).or_else(|| self.held(column(value)?))
    }

    /// Tells whether a condition holds of all rows, or of none, where constants say so. Null does not hold.
    fn holds(&self, condition: &Scalar) -> Option<bool> {
        if let Some((own, constants)) = restriction(condition) {
            let known = self.held(own)?;
            return match (known.values.is_disjoint(&constants), known.values.is_subset(&constants)) {
                (true, _) => Some(false),
                (false, true) if !known.nullable => Some(true),
                (false, _) => None,
            };
        }
        match &condition.kind {
            ExprKind::Literal(Literal::Bool(value)) => Some(*value),
            ExprKind::IsNull(inner, negated) => {
                let known = self.held(column(inner)?)?;
                let is_null = if known.values.is_empty() { Some(true) } else { (!known.nullable).then_some(false) };
                is_null.map(|is_null| is_null != *negated)
            }
            ExprKind::Binary(BinaryOperator::And, left, right) => match (self.holds(left), self.holds(right)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                (None | Some(true), None) | (None, Some(true)) => None,
            },
            ExprKind::Binary(BinaryOperator::Or, left, right) => match (self.holds(left), self.holds(right)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                (None | Some(false), None) | (None, Some(false)) => None,
            },
            ExprKind::Column(_)
            | ExprKind::Literal(_)
            | ExprKind::Not(_)
            | ExprKind::Negate(_)
            | ExprKind::Binary(..)
            | ExprKind::Call(..)
            | ExprKind::Case(..)
            | ExprKind::In(..)
            | ExprKind::Like(..) => None,
        }
    }

    fn held(&self, own: ColumnRef) -> Option<Domain<'p>> {
        let mut known = self.inputs[own.input].columns[own.column].domain.clone()?;
        known.nullable |= is_left(&self.select.inputs[own.input].join);
        Some(known)
    }
}
