//! Query -> the same rows with less work: each pass keeps the columns and the rows of the result.

use crate::plan::relational::scalar::{self, ColumnRef, Leaf, Scalar};
use crate::plan::relational::{Body, Query, RelationId};
use crate::semantic::expr::ExprKind;

/// A rewriting of queries that keeps what they give.
#[derive(Clone, Copy, Debug)]
pub struct Pass {
    /// Its name.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub does: &'static str,
    run: fn(&mut Query),
}

/// All passes, in the order in which they run.
pub const PASSES: &[Pass] = &[Pass { name: "prune", does: "Leaves out columns that nothing reads.", run: prune }];

/// Runs the passes whose names are not in `without`.
pub fn run(query: &mut Query, without: &[&str]) {
    for pass in PASSES.iter().filter(|pass| !without.contains(&pass.name)) {
        (pass.run)(query);
    }
}

/// Leaves out columns that nothing reads: not those that tell rows apart, by which a select groups or takes equal rows for
/// one, and not those of other nodes, which are what they are.
fn prune(query: &mut Query) {
    let Some(result) = query.relations.last() else { return };
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
        }
    }
    // A relation has rows, and so a column.
    for (relation, needed) in query.relations.iter().zip(&mut needed.columns) {
        if let (false, Some(first)) = (needed.contains(&true), needed.first_mut()) {
            *first = !relation.columns.is_empty();
        }
    }
    keep(query, &needed.columns);
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
                let is_grouped = select.values.iter().any(scalar::is_aggregate);
                let mut read = Vec::new();
                for (column, value) in select.values.iter().enumerate() {
                    if select.distinct || (is_grouped && scalar::is_key(value)) {
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
    for (relation, kept) in query.relations.iter_mut().zip(kept) {
        retain(&mut relation.columns, kept);
        match &mut relation.body {
            Body::Node(_) | Body::Union(_) => {}
            Body::Constants(rows) => rows.iter_mut().for_each(|row| retain(row, kept)),
            Body::Select(select) => {
                retain(&mut select.values, kept);
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
    use super::*;
    use crate::plan::relational::Draft;
    use crate::plan::relational::scalar::{count, equal, int, text};
    use crate::semantic::expr::Type;

    fn names(query: &Query, id: RelationId) -> Vec<&str> {
        query.relation(id).columns.iter().map(|column| column.name.as_str()).collect()
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
        run(&mut query, &[]);
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
        run(&mut query, &[]);
        for id in [rows, others, both] {
            assert_eq!(names(&query, id), ["a", "c"]);
        }
    }
}
