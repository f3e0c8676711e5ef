//! Query, plan -> the same rows with less work: each pass keeps the columns and the rows of what is made.

use crate::plan::node::Plan;
use crate::plan::relational::keys::meets_once;
use crate::plan::relational::scalar::{self, ColumnRef, Leaf, Scalar};
use crate::plan::relational::{Body, Join, Named, Query, RelationId, Select, alike, equal};
use crate::plan::stored::read_within;
use crate::semantic::expr::ExprKind;
use crate::semantic::model::Model;

/// A rewriting that keeps the rows of every relation.
#[derive(Clone, Copy, Debug)]
pub struct Pass {
    /// Its name.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub does: &'static str,
    run: Run,
}

/// What a pass changes.
#[derive(Clone, Copy, Debug)]
enum Run {
    /// A query, among the nodes that there are by then; tells whether it changed anything.
    Query(fn(&mut Query, &Plan) -> bool),
    /// Queries of definitions, by their names, before they are parts of one statement.
    Queries(fn(Vec<Named>, &Plan) -> Vec<Named>),
    /// A whole plan.
    Plan(fn(&mut Plan, &Model)),
}

/// All passes, in the order in which they run.
pub const PASSES: &[Pass] = &[
    Pass { name: "columns", does: "Leaves out columns that nothing reads.", run: Run::Query(prune_columns) },
    Pass {
        name: "joins",
        does: "Leaves out joins that give nothing and take no row away.",
        run: Run::Query(prune_joins),
    },
    Pass { name: "equal", does: "Has relations that are computed alike be one.", run: Run::Query(equal::share) },
    Pass { name: "relations", does: "Leaves out relations that nothing reads.", run: Run::Query(prune_relations) },
    Pass {
        name: "alike",
        does: "Has KPIs whose queries differ in constants only be computed by one query, over a table of these.",
        run: Run::Queries(alike::lift),
    },
    Pass {
        name: "within",
        does: "Has events be part of the one statement that reads them.",
        run: Run::Plan(read_within),
    },
];

/// Runs those of a whole plan whose names are not in `without`.
pub fn run_on_plan(plan: &mut Plan, model: &Model, without: &[&str]) {
    for pass in PASSES.iter().filter(|pass| !without.contains(&pass.name)) {
        if let Run::Plan(run) = pass.run {
            run(plan, model);
        }
    }
}

/// Runs those of queries of definitions whose names are not in `without`.
pub fn run_on_queries(queries: Vec<Named>, plan: &Plan, without: &[&str]) -> Vec<Named> {
    let passes = PASSES.iter().filter(|pass| !without.contains(&pass.name));
    passes.fold(queries, |queries, pass| if let Run::Queries(run) = pass.run { run(queries, plan) } else { queries })
}

/// Runs those of queries whose names are not in `without`, again and again until none of them changes anything: what one leaves
/// out is nothing to read for another.
pub fn run(query: &mut Query, plan: &Plan, without: &[&str]) {
    let mut changed = true;
    while std::mem::take(&mut changed) {
        for pass in PASSES.iter().filter(|pass| !without.contains(&pass.name)) {
            if let Run::Query(run) = pass.run {
                changed |= run(query, plan);
            }
        }
    }
}

/// Leaves out columns that nothing reads: not those that tell rows apart, by which a select groups or takes equal rows for
/// one, and not those of other nodes, which are what they are.
fn prune_columns(query: &mut Query, _: &Plan) -> bool {
    let Some(result) = query.relations.last() else { return false };
    let mut needed = Needed {
        columns: query.relations.iter().map(|relation| vec![false; relation.columns.len()]).collect(),
        changed: true,
    };
    let last = query.relations.len() - 1;
    (0..result.columns.len()).for_each(|column| needed.add(last, column));
    // Readers come after what they read, so that once would do, were it not for unions: what is read of one part is in all.
    while std::mem::take(&mut needed.changed) {
        for (index, relation) in query.relations.iter().enumerate().rev() {
            needed.of(index, &relation.body);
            needed.at_least(index, &relation.body);
        }
    }
    let is_less = needed.columns.iter().flatten().any(|needed| !needed);
    if is_less {
        keep(query, &needed.columns);
    }
    is_less
}

/// Leaves out left joins of which no column is read, and by which each row is met once at most: then there are the same rows
/// without them.
fn prune_joins(query: &mut Query, plan: &Plan) -> bool {
    let mut changed = false;
    for index in 0..query.relations.len() {
        while let Some(place) = unread_join(plan, query, index) {
            let Body::Select(select) = &mut query.relations[index].body else { break };
            select.inputs.remove(place);
            for value in select.scalars_mut() {
                scalar::rewrite(value, &mut |mut leaf| {
                    if let Leaf::Column(column) = &mut leaf {
                        column.input -= usize::from(column.input > place);
                    }
                    ExprKind::Column(leaf)
                });
            }
            changed = true;
        }
    }
    changed
}

/// Finds a join of a relation that can be left out.
fn unread_join(plan: &Plan, query: &Query, index: usize) -> Option<usize> {
    let Body::Select(select) = &query.relations[index].body else { return None };
    let is_read_of = |place: usize| {
        let mut is_read = false;
        let mut look = |value: &Scalar| scalar::reads(value, &mut |column| is_read |= column.input == place);
        select.values.iter().chain(&select.conditions).for_each(&mut look);
        let others = select.inputs.iter().enumerate().filter(|(other, _)| *other != place);
        others.flat_map(|(_, input)| input.on()).for_each(&mut look);
        is_read
    };
    let is_left = |place: &usize| matches!(select.inputs[*place].join, Join::Left(_));
    let mut places = (1..select.inputs.len()).rev().filter(is_left);
    places.find(|place| !is_read_of(*place) && meets_once(plan, query, select, *place))
}

/// Leaves out relations that nothing reads.
fn prune_relations(query: &mut Query, _: &Plan) -> bool {
    let Some(last) = query.relations.len().checked_sub(1) else { return false };
    let mut is_read = vec![false; query.relations.len()];
    is_read[last] = true;
    for index in (0..=last).rev() {
        if !is_read[index] {
            continue;
        }
        match &query.relations[index].body {
            Body::Node(_) | Body::Constants(_) => {}
            Body::Union(parts) => parts.iter().for_each(|part| is_read[part.0] = true),
            Body::Select(select) => select.inputs.iter().for_each(|input| is_read[input.relation.0] = true),
        }
    }
    if !is_read.contains(&false) {
        return false;
    }
    let mut next = 0;
    let places: Vec<usize> = is_read
        .iter()
        .map(|is_read| {
            next += usize::from(*is_read);
            next.saturating_sub(1)
        })
        .collect();
    retain(&mut query.relations, &is_read);
    for relation in &mut query.relations {
        match &mut relation.body {
            Body::Node(_) | Body::Constants(_) => {}
            Body::Union(parts) => parts.iter_mut().for_each(|part| part.0 = places[part.0]),
            Body::Select(select) => {
                select.inputs.iter_mut().for_each(|input| input.relation.0 = places[input.relation.0]);
            }
        }
    }
    true
}

/// The columns that somebody reads, by relation.
struct Needed {
    columns: Vec<Vec<bool>>,
    changed: bool,
}

impl Needed {
    fn add(&mut self, relation: usize, column: usize) {
        self.changed |= !self.columns[relation][column];
        self.columns[relation][column] = true;
    }

    /// Adds a column where none is needed: a relation has rows, and so a column; one group is one row by what it is made of,
    /// though nothing reads that.
    fn at_least(&mut self, index: usize, body: &Body) {
        if let Body::Select(Select { grouped_by: Some(keys), values, .. }) = body {
            let is_made = |place: &usize| scalar::is_aggregate(&values[*place]);
            let is_needed = |place: &usize| self.columns[index][*place];
            if keys.is_empty() && !(0..values.len()).filter(is_made).any(|place| is_needed(&place)) {
                let first = (0..values.len()).find(is_made);
                first.into_iter().for_each(|place| self.add(index, place));
            }
        }
        if !self.columns[index].contains(&true) && !self.columns[index].is_empty() {
            self.add(index, 0);
        }
    }

    /// Adds what the needed columns of a relation read.
    fn of(&mut self, index: usize, body: &Body) {
        let columns = 0..self.columns[index].len();
        match body {
            Body::Node(_) => columns.for_each(|column| self.add(index, column)),
            Body::Constants(_) => {}
            Body::Union(parts) => {
                let all: Vec<usize> = parts.iter().map(|part| part.0).chain([index]).collect();
                for column in columns {
                    if all.iter().any(|relation| self.columns[*relation][column]) {
                        all.iter().for_each(|relation| self.add(*relation, column));
                    }
                }
            }
            Body::Select(select) => {
                let mut read = Vec::new();
                for (column, value) in select.values.iter().enumerate() {
                    if select.is_key(column) {
                        self.add(index, column);
                    }
                    if self.columns[index][column] {
                        read.push(value);
                    }
                }
                read.extend(select.conditions.iter().chain(select.joined()));
                for value in read {
                    scalar::reads(value, &mut |ColumnRef { input, column }| {
                        self.add(select.inputs[input].relation.0, column);
                    });
                }
            }
        }
    }
}

/// Keeps some columns of each relation, and has what reads them find them.
fn keep(query: &mut Query, kept: &[Vec<bool>]) {
    let places: Vec<Vec<usize>> = kept
        .iter()
        .map(|kept| {
            let mut next = 0;
            let place = |kept: &bool| {
                next += usize::from(*kept);
                next.saturating_sub(1)
            };
            kept.iter().map(place).collect()
        })
        .collect();
    for (index, (relation, kept)) in query.relations.iter_mut().zip(kept).enumerate() {
        relation.told_apart.retain(|key| key.iter().all(|place| kept[*place]));
        for key in relation.told_apart.iter_mut().chain(&mut relation.among_others) {
            *key = key.iter().filter(|place| kept[**place]).map(|place| places[index][*place]).collect();
        }
        retain(&mut relation.columns, kept);
        match &mut relation.body {
            Body::Node(_) | Body::Union(_) => {}
            Body::Constants(rows) => rows.iter_mut().for_each(|row| retain(row, kept)),
            Body::Select(select) => {
                retain(&mut select.values, kept);
                for key in select.grouped_by.iter_mut().flatten() {
                    *key = places[index][*key];
                }
                let inputs: Vec<RelationId> = select.inputs.iter().map(|input| input.relation).collect();
                select.scalars_mut().for_each(|value| move_columns(value, &inputs, &places));
            }
        }
    }
}

fn retain<T>(list: &mut Vec<T>, kept: &[bool]) {
    let mut kept = kept.iter();
    list.retain(|_| *kept.next().unwrap_or(&true));
}

fn move_columns(value: &mut Scalar, inputs: &[RelationId], places: &[Vec<usize>]) {
    scalar::rewrite(value, &mut |mut leaf| {
        if let Leaf::Column(ColumnRef { input, column }) = &mut leaf {
            *column = places[inputs[*input].0][*column];
        }
        ExprKind::Column(leaf)
    });
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::plan::relational::Draft;
    use crate::plan::relational::scalar::{aggregate, count, equal, int, text};
    use crate::semantic::expr::{AggregateFunction, Type};

    const NOTHING: Plan = Plan { nodes: Vec::new(), counted: BTreeMap::new() };

    fn names(query: &Query, id: RelationId) -> Vec<&str> {
        query.relation(id).columns.iter().map(|column| &*column.name).collect()
    }

    #[test]
    fn what_nothing_reads_is_left_out_and_what_groups_is_not() {
        let mut query = Query::default();
        let columns = [("a", Type::Int), ("b", Type::String), ("c", Type::Int), ("d", Type::Int)];
        let rows = query.constants("rows", &columns, vec![vec![int(1), text("x"), int(2), int(3)]]);
        let mut grouped = Draft::new();
        let row = grouped.from(&query, rows, "rows");
        grouped.filter(equal(row.column("d"), int(3)));
        grouped.columns(&row, &["a", "b"]);
        grouped.column("n", count());
        grouped.column("unused", count());
        let grouped = query.named("grouped", grouped);
        let mut result = Draft::new();
        let row = result.from(&query, grouped, "grouped");
        result.columns(&row, &["n"]);
        let result = query.unnamed(result);
        run(&mut query, &NOTHING, &[]);
        assert_eq!(names(&query, rows), ["a", "b", "d"], "`d` is in a condition, and `c` is read by nobody");
        assert_eq!(names(&query, grouped), ["a", "b", "n"], "who groups by less has other rows");
        assert_eq!(names(&query, result), ["n"]);
        let Body::Select(select) = &query.relation(result).body else { panic!("a select") };
        let mut read = Vec::new();
        scalar::reads(&select.values[0], &mut |column| read.push(column.column));
        assert_eq!(read, [2]);
    }

    #[test]
    fn the_parts_of_a_union_keep_the_same_columns() {
        let mut query = Query::default();
        let columns = [("a", Type::Int), ("b", Type::Int), ("c", Type::Int)];
        let rows = query.constants("rows", &columns, vec![vec![int(1), int(2), int(3)]]);
        let others = query.constants("others", &columns, vec![vec![int(4), int(5), int(6)]]);
        let both = query.union(Some("both"), vec![rows, others]);
        let mut result = Draft::new();
        let row = result.from(&query, both, "both");
        let other = result.from(&query, rows, "rows");
        result.columns(&row, &["a"]);
        result.column("other", other.column("c"));
        query.unnamed(result);
        run(&mut query, &NOTHING, &[]);
        for id in [rows, others, both] {
            assert_eq!(names(&query, id), ["a", "c"]);
        }
    }

    #[test]
    fn a_join_that_gives_nothing_is_left_out_where_it_meets_each_row_once() {
        // By `key` they are one row each, and by `other` they may be several.
        for (by, relations) in [("key", 2), ("other", 4)] {
            let mut query = Query::default();
            let columns = [("key", Type::Int), ("other", Type::Int)];
            let rows = query.constants("rows", &columns, vec![vec![int(1), int(2)], vec![int(1), int(3)]]);
            let mut grouped = Draft::new();
            let row = grouped.from(&query, rows, "rows");
            grouped.columns(&row, &["key"]);
            grouped.column("other", aggregate(AggregateFunction::Max, Some(row.column("other")), None));
            let grouped = query.named("grouped", grouped);
            let mut result = Draft::new();
            let row = result.from(&query, rows, "rows");
            result.left_join(&query, grouped, "grouped", |other| vec![equal(other.column(by), row.column("key"))]);
            let last = result.left_join(&query, rows, "last", |other| vec![equal(other.column("key"), int(1))]);
            result.columns(&last, &["other"]);
            query.unnamed(result);
            run(&mut query, &NOTHING, &["columns"]);
            let Body::Select(select) = &query.result().body else { panic!("a select") };
            assert_eq!(select.inputs.len(), if by == "key" { 2 } else { 3 }, "joined by `{by}`");
            let aliases: Vec<&str> = select.inputs.iter().map(|input| input.alias.as_str()).collect();
            let ColumnRef { input, .. } = {
                let mut read = Vec::new();
                scalar::reads(&select.values[0], &mut |column| read.push(column));
                read[0]
            };
            assert_eq!(aliases[input], "last");
            assert_eq!(query.relations().count(), relations - usize::from(by == "other"), "joined by `{by}`");
        }
    }
}
