//! Queries that differ in constants only -> one query, over a table of these constants.
//!
//! KPIs of one kind are mostly the same query about other milestones. What is the same for all of them is computed once; what
//! depends on some of the constants, once for each of their combinations that there are, which become columns of it.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;
use sha2::{Digest, Sha256};

use crate::plan::node::Plan;
use crate::plan::relational::scalar::{self, ColumnRef, Leaf, Scalar};
use crate::plan::relational::{Body, Column, Input, Join, Named, Query, Relation, RelationId, Select, constants};
use crate::plan::signature;
use crate::semantic::expr::{BinaryOperator, ExprKind, Literal, Type};

/// Makes those queries one that differ in constants only; what is made of several is called by what they have in common.
pub(super) fn lift(queries: Vec<Named>, plan: &Plan) -> Vec<Named> {
    let mut groups: IndexMap<String, Vec<(String, Query, Vec<Constant>)>> = IndexMap::new();
    for (name, query) in queries {
        let (template, constants) = template(&query, plan);
        groups.entry(template).or_default().push((name, query, constants));
    }
    // Nothing else of the statement is called so.
    let mut names: BTreeSet<String> = groups.values().flatten().map(|(name, _, _)| name.clone()).collect();
    let mut lifted = Vec::new();
    for (template, members) in groups {
        let mut name = format!("alike_{:.6}", format!("{:x}", Sha256::digest(&template)));
        while !names.insert(name.clone()) {
            name.push('_');
        }
        let one = (members.len() > 1).then(|| {
            let constants: Vec<&[Constant]> = members.iter().map(|(_, _, own)| own.as_slice()).collect();
            members.first().and_then(|(_, query, _)| lifted_query(query, &constants))
        });
        match one.flatten() {
            Some(query) => lifted.push((name, query)),
            None => lifted.extend(members.into_iter().map(|(name, query, _)| (name, query))),
        }
    }
    lifted
}

/// A constant of a query in which others like it may have another.
#[derive(Clone, Debug)]
struct Constant {
    value: Scalar,
    /// What it is compared with, or the column that it is.
    about: String,
}

/// Calls `visit` on each constant of a select in which others like it may differ, always in the same order: what is compared
/// with columns, and texts that are values. What a user wrote, and what functions are called with, is the same in all.
fn each_constant(select: &mut Select, visit: &mut dyn FnMut(&mut Scalar, About)) {
    let values = select.values.len();
    for (place, value) in select.scalars_mut().enumerate() {
        if place < values && matches!(value.kind, ExprKind::Literal(Literal::String(_))) {
            visit(value, About::Value(place));
        } else {
            compared(value, visit);
        }
    }
}

/// What a constant stands beside.
#[derive(Clone, Copy, Debug)]
enum About {
    /// It is the value of a column.
    Value(usize),
    /// It is compared with a column, or with something else.
    Compared(Option<ColumnRef>),
}

fn compared(value: &mut Scalar, visit: &mut dyn FnMut(&mut Scalar, About)) {
    match &mut value.kind {
        ExprKind::Binary(operator, left, right) => {
            let others = [constants::column(right), constants::column(left)];
            for (side, other) in [left, right].into_iter().zip(others) {
                if is_comparison(*operator) && is_constant(side) {
                    visit(side, About::Compared(other));
                } else {
                    compared(side, visit);
                }
            }
        }
        ExprKind::Not(inner)
        | ExprKind::Negate(inner)
        | ExprKind::IsNull(inner, _)
        | ExprKind::Like(inner, _, _)
        | ExprKind::In(inner, _, _) => compared(inner, visit),
        ExprKind::Call(_, arguments) => arguments.iter_mut().for_each(|argument| compared(argument, visit)),
        ExprKind::Case(branches, otherwise) => {
            for (condition, result) in branches {
                compared(condition, visit);
                compared(result, visit);
            }
            otherwise.iter_mut().for_each(|otherwise| compared(otherwise, visit));
        }
        ExprKind::Literal(_) => {}
        ExprKind::Column(leaf) => match leaf {
            Leaf::Cast(inner, _) | Leaf::ExactOf(inner) => compared(inner, visit),
            Leaf::Aggregate(aggregate) => {
                let parts = aggregate.argument.iter_mut().chain(&mut aggregate.filter);
                parts.for_each(|part| compared(part, visit));
            }
            Leaf::Column(_)
            | Leaf::Null(_)
            | Leaf::Exact(_)
            | Leaf::Moment { .. }
            | Leaf::Written(_)
            | Leaf::Window(_)
            | Leaf::Unknown(_) => {}
        },
    }
}

fn is_comparison(operator: BinaryOperator) -> bool {
    match operator {
        BinaryOperator::Equal
        | BinaryOperator::NotEqual
        | BinaryOperator::Less
        | BinaryOperator::LessOrEqual
        | BinaryOperator::Greater
        | BinaryOperator::GreaterOrEqual => true,
        BinaryOperator::Or
        | BinaryOperator::And
        | BinaryOperator::Add
        | BinaryOperator::Subtract
        | BinaryOperator::Multiply
        | BinaryOperator::Concatenate => false,
    }
}

fn is_constant(value: &Scalar) -> bool {
    matches!(value.kind, ExprKind::Literal(Literal::Int(_) | Literal::String(_)) | ExprKind::Column(Leaf::Exact(_)))
}

/// Returns what a query is without its constants, and these.
fn template(query: &Query, plan: &Plan) -> (String, Vec<Constant>) {
    let mut found = Vec::new();
    let mut text = String::new();
    for relation in &query.relations {
        let mut relation = relation.clone();
        if let Body::Select(select) = &mut relation.body {
            let inputs: Vec<&[Column]> =
                select.inputs.iter().map(|input| query.relation(input.relation).columns.as_slice()).collect();
            let columns = &relation.columns;
            each_constant(select, &mut |value, about| {
                let about = match about {
                    About::Value(place) => columns[place].name.to_string(),
                    About::Compared(Some(ColumnRef { input, column })) => inputs[input][column].name.to_string(),
                    About::Compared(None) => "value".to_owned(),
                };
                let without = scalar::null(value.ty);
                found.push(Constant { value: std::mem::replace(value, without), about });
            });
        }
        text.push_str(relation.name.as_deref().unwrap_or_default());
        text.push(' ');
        text.push_str(&signature::relation(query, &relation, plan, &|id| id));
        text.push('\n');
    }
    (text, found)
}

/// Something in which the members of a query differ.
struct Parameter {
    name: String,
    ty: Type,
}

/// Parameters, by their numbers.
type Parameters = BTreeSet<usize>;

/// Makes the one query; none where it would not have the rows of the others.
fn lifted_query(first: &Query, members: &[&[Constant]]) -> Option<Query> {
    let mut parameters: Vec<Parameter> = Vec::new();
    let mut known: BTreeMap<Vec<String>, usize> = BTreeMap::new();
    // A parameter is a column beside others, whose names are the user's in part, and may differ in capitals only.
    let mut names: BTreeSet<String> =
        first.relations.iter().flat_map(|relation| &relation.columns).map(|own| own.name.to_lowercase()).collect();
    let mut columns: Vec<Vec<Scalar>> = Vec::new();
    // For each constant of the first: the parameter that it is; none: it is the same in all.
    let mut numbers: Vec<Option<usize>> = Vec::new();
    for (place, constant) in members.first()?.iter().enumerate() {
        let values = members.iter().map(|own| &own[place].value);
        let written: Vec<String> = values
            .clone()
            .map(|value| {
                let mut text = String::new();
                signature::scalar(value, &mut text, &|_, _| {});
                text
            })
            .collect();
        if written.iter().all(|other| *other == written[0]) {
            numbers.push(None);
            continue;
        }
        let number = *known.entry(written).or_insert_with(|| {
            let mut name = format!("for_{}", constant.about);
            for again in 2.. {
                if names.insert(name.to_lowercase()) {
                    break;
                }
                name = format!("for_{}_{again}", constant.about);
            }
            parameters.push(Parameter { name, ty: constant.value.ty });
            columns.push(values.cloned().collect());
            parameters.len() - 1
        });
        numbers.push(Some(number));
    }
    let rows = (0..members.len()).map(|member| columns.iter().map(|column| column[member].clone()).collect());
    let mut lift =
        Lift { parameters, query: Query::default(), of: Vec::new(), places: Vec::new(), tables: BTreeMap::new() };
    let all: Vec<(&str, Type)> = lift.parameters.iter().map(|own| (own.name.as_str(), own.ty)).collect();
    let table = lift.query.constants("definitions", &all, rows.collect());
    lift.tables.insert((0..lift.parameters.len()).collect(), table);
    let mut numbers = numbers.into_iter();
    let last = first.relations.len() - 1;
    for (place, relation) in first.relations.iter().enumerate() {
        lift.relation(relation, place == last, &mut numbers)?;
    }
    Some(lift.query)
}

struct Lift {
    parameters: Vec<Parameter>,
    query: Query,
    /// For each relation of the first query: what it depends on, columns at its end, by their numbers.
    of: Vec<Parameters>,
    /// Where it is in the new one.
    places: Vec<RelationId>,
    /// The combinations that there are of parameters.
    tables: BTreeMap<Parameters, RelationId>,
}

impl Lift {
    fn relation(
        &mut self,
        relation: &Relation,
        is_result: bool,
        numbers: &mut dyn Iterator<Item = Option<usize>>,
    ) -> Option<()> {
        let mut made = relation.clone();
        let mut own = Parameters::new();
        match &mut made.body {
            Body::Node(_) | Body::Constants(_) => {}
            Body::Union(parts) => {
                own.extend(parts.iter().flat_map(|part| &self.of[part.0]));
                if is_result && !own.is_empty() {
                    return None;
                }
                for part in parts {
                    *part = self.part(*part, &own);
                }
            }
            Body::Select(select) => {
                let mut here = Vec::new();
                each_constant(select, &mut |_, _| here.push(numbers.next().flatten()));
                own.extend(here.iter().flatten());
                own.extend(select.inputs.iter().flat_map(|input| &self.of[input.relation.0]));
                if own.is_empty() {
                    select.inputs.iter_mut().for_each(|input| input.relation = self.places[input.relation.0]);
                } else {
                    self.select(select, &own, &here, is_result)?;
                }
            }
        }
        if !is_result {
            let width = made.columns.len();
            made.columns.extend(own.iter().map(|number| self.column(*number)));
            let keys = made.told_apart.iter_mut().chain(&mut made.among_others);
            keys.for_each(|key| key.extend(width..width + own.len()));
        }
        self.query.relations.push(made);
        self.places.push(RelationId(self.query.relations.len() - 1));
        self.of.push(own);
        Some(())
    }

    fn column(&self, number: usize) -> Column {
        let Parameter { name, ty } = &self.parameters[number];
        Column { name: name.as_str().into(), ty: *ty }
    }

    /// Makes a column of a relation of the new query, read as an input.
    fn value(&self, number: usize, input: usize, column: usize) -> Scalar {
        scalar::leaf(Leaf::Column(ColumnRef { input, column }), self.parameters[number].ty)
    }

    /// Returns the table of the combinations of parameters.
    fn table(&mut self, wanted: &Parameters) -> RelationId {
        if let Some(known) = self.tables.get(wanted) {
            return *known;
        }
        let all = RelationId(0);
        let columns: Vec<Column> = wanted.iter().map(|number| self.column(*number)).collect();
        let values = wanted.iter().map(|number| self.value(*number, 0, *number)).collect();
        let names: Vec<&str> =
            columns.iter().map(|column| column.name.strip_prefix("for_").unwrap_or(&column.name)).collect();
        let number = self.tables.len();
        let name = format!("definitions_{number}_by_{}", names.join("_"));
        let input = Input { relation: all, alias: "definitions".to_owned(), join: Join::Cross };
        let select = Select { inputs: vec![input], conditions: Vec::new(), values, distinct: true, grouped_by: None };
        let table = self.query.push(Some(&name), columns, Body::Select(select));
        self.tables.insert(wanted.clone(), table);
        table
    }

    /// Returns a part of a union that depends on `wanted`: each of its rows for each combination that it goes with.
    fn part(&mut self, part: RelationId, wanted: &Parameters) -> RelationId {
        let own = self.of[part.0].clone();
        let relation = self.places[part.0];
        if own == *wanted {
            return relation;
        }
        let table = self.table(wanted);
        let width = self.query.relation(relation).columns.len() - own.len();
        let on = self.shared(&own, 0, width, wanted, 1, 0);
        let join = if on.is_empty() { Join::Cross } else { Join::Inner(on) };
        let inputs = vec![
            Input { relation, alias: "part".to_owned(), join: Join::Cross },
            Input { relation: table, alias: "definitions".to_owned(), join },
        ];
        let mut columns: Vec<Column> = self.query.relation(relation).columns[..width].to_vec();
        let mut values: Vec<Scalar> = columns
            .iter()
            .enumerate()
            .map(|(column, own)| scalar::leaf(Leaf::Column(ColumnRef { input: 0, column }), own.ty))
            .collect();
        values.extend(wanted.iter().enumerate().map(|(place, number)| self.value(*number, 1, place)));
        columns.extend(wanted.iter().map(|number| self.column(*number)));
        let among_others = self.query.relation(relation).among_others.clone().map(|mut keys| {
            keys.extend(width..columns.len());
            keys
        });
        let select = Select { inputs, conditions: Vec::new(), values, distinct: false, grouped_by: None };
        let made = self.query.push(None, columns, Body::Select(select));
        self.query.relations[made.0].among_others = among_others;
        made
    }

    /// Makes the conditions that two inputs are of the same combination; each has its parameters from a column on.
    fn shared(
        &self,
        one: &Parameters,
        input: usize,
        from: usize,
        other: &Parameters,
        other_input: usize,
        other_from: usize,
    ) -> Vec<Scalar> {
        let place = |of: &Parameters, number: usize| of.iter().position(|own| *own == number);
        let pairs = one.iter().filter_map(|number| Some((*number, place(one, *number)?, place(other, *number)?)));
        pairs
            .map(|(number, own, others)| {
                let (left, right) =
                    (self.value(number, other_input, other_from + others), self.value(number, input, from + own));
                scalar::equal(left, right)
            })
            .collect()
    }

    /// Has a select compute its rows for each combination of what it depends on.
    fn select(&mut self, select: &mut Select, own: &Parameters, here: &[Option<usize>], is_result: bool) -> Option<()> {
        // The whole is one group though it has no rows; a combination without rows would be none.
        if select.grouped_by.as_ref().is_some_and(Vec::is_empty) {
            return None;
        }
        let of: Vec<Parameters> = select.inputs.iter().map(|input| self.of[input.relation.0].clone()).collect();
        // Where the inputs' own columns end, and those of parameters begin.
        let mut ends: Vec<usize> = Vec::new();
        for (input, of) in select.inputs.iter_mut().zip(&of) {
            input.relation = self.places[input.relation.0];
            ends.push(self.query.relation(input.relation).columns.len() - of.len());
        }
        let is_given = of.first() == Some(own);
        let table = if is_given { None } else { Some(self.table(own)) };
        // The table comes second: what is joined after it may depend on it.
        let at = usize::from(!select.inputs.is_empty());
        let moved = |input: usize| if table.is_some() && input >= at { input + 1 } else { input };
        for value in select.scalars_mut() {
            scalar::rewrite(value, &mut |mut leaf| {
                if let Leaf::Column(column) = &mut leaf {
                    column.input = moved(column.input);
                }
                ExprKind::Column(leaf)
            });
        }
        let (given, from) = if is_given { (0, ends[0]) } else { (at, 0) };
        let place = |number: usize| own.iter().position(|known| *known == number).unwrap_or_default();
        let parameter = |number: usize| self.value(number, given, from + place(number));
        let mut numbers = here.iter();
        each_constant(select, &mut |value, _| {
            if let Some(number) = numbers.next().copied().flatten() {
                *value = parameter(number);
            }
        });
        for value in select.scalars_mut() {
            scalar::rewrite(value, &mut |mut leaf| {
                if let Leaf::Window(window) = &mut leaf {
                    window.partition.extend(own.iter().map(|number| parameter(*number)));
                }
                ExprKind::Column(leaf)
            });
        }
        for (place, of) in of.iter().enumerate().skip(1) {
            let same = self.shared(of, moved(place), ends[place], own, given, from);
            if same.is_empty() {
                continue;
            }
            match &mut select.inputs[place].join {
                Join::Inner(on) | Join::Left(on) => on.extend(same),
                join @ Join::Cross => *join = Join::Inner(same),
            }
        }
        if let Some(relation) = table {
            let mut on = of.first().map_or_else(Vec::new, |first| self.shared(first, 0, ends[0], own, at, 0));
            // What says which combination a row of the first goes with stands where they are joined.
            let (with, rest) = std::mem::take(&mut select.conditions).into_iter().partition(|condition| {
                let (mut reads_table, mut reads_others) = (false, false);
                scalar::reads(condition, &mut |column| {
                    reads_table |= column.input == at;
                    reads_others |= column.input > at;
                });
                reads_table && !reads_others
            });
            select.conditions = rest;
            let with: Vec<Scalar> = with;
            on.extend(with);
            if at == 0 && !on.is_empty() {
                return None;
            }
            let join = if on.is_empty() { Join::Cross } else { Join::Inner(on) };
            select.inputs.insert(at, Input { relation, alias: "definitions".to_owned(), join });
        }
        if !is_result {
            let width = select.values.len();
            select.values.extend(own.iter().map(|number| parameter(*number)));
            if let Some(keys) = &mut select.grouped_by {
                keys.extend(width..width + own.len());
            }
        }
        Some(())
    }
}
