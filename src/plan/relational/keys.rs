//! Which columns tell any two rows of a relation apart: where such a relation is joined by them, each row meets one at most,
//! so that the join decides values and not which rows there are.

use std::collections::BTreeSet;

use crate::plan::node::{Node, Plan, Relation};
use crate::plan::relational::constants::{column, conjuncts, equality, restriction};
use crate::plan::relational::scalar::{self, Scalar};
use crate::plan::relational::{Body, Join, Query, RelationId, Select};

/// Columns by their places.
type Key = BTreeSet<usize>;

/// Tells whether each row of the other inputs of a select meets one row of this one at most.
pub(in crate::plan) fn meets_once(plan: &Plan, query: &Query, select: &Select, place: usize) -> bool {
    let input = &select.inputs[place];
    let on = match &input.join {
        Join::Cross => return false,
        Join::Inner(on) | Join::Left(on) => on,
    };
    let mut met = Key::new();
    for condition in on.iter().flat_map(conjuncts) {
        let Some((left, right)) = equality(condition) else { continue };
        for (own, other) in [(left, right), (right, left)] {
            met.extend(column(own).filter(|own| own.input == place && !reads(other, place)).map(|own| own.column));
        }
    }
    of(plan, query, input.relation).iter().any(|key| key.is_subset(&met))
}

fn reads(value: &Scalar, input: usize) -> bool {
    let mut found = false;
    scalar::reads(value, &mut |column| found |= column.input == input);
    found
}

/// Returns what tells the rows of a relation apart, each way by itself.
fn of(plan: &Plan, query: &Query, relation: RelationId) -> Vec<Key> {
    let relation = query.relation(relation);
    let mut keys = relation.told_apart.clone();
    keys.extend(of_body(plan, query, &relation.body));
    keys
}

fn of_body(plan: &Plan, query: &Query, body: &Body) -> Vec<Key> {
    match body {
        Body::Node(node) => of_node(plan.node(*node)),
        Body::Constants(rows) => {
            if rows.len() == 1 {
                vec![Key::new()]
            } else {
                Vec::new()
            }
        }
        Body::Union(parts) => {
            if let [only] = parts.as_slice() {
                of(plan, query, *only)
            } else {
                Vec::new()
            }
        }
        Body::Select(select) => of_select(plan, query, select),
    }
}

fn of_node(node: &Node) -> Vec<Key> {
    let places = |names: &[&str]| {
        let place = |name: &&str| node.columns.iter().position(|(column, _)| column == name);
        names.iter().map(place).collect::<Option<Key>>()
    };
    match &node.relation {
        // The first column is the entity's key.
        Relation::Entity(_) | Relation::Milestone(_) => vec![Key::from([0])],
        Relation::Own(own) => vec![(0..own.key).collect()],
        Relation::Moment => vec![Key::new()],
        Relation::Reached(_) => places(&["milestone", "entity"]).into_iter().collect(),
        Relation::Schema
        | Relation::Events(_)
        | Relation::Facts(_)
        | Relation::Occurrences(_)
        | Relation::Milestones
        | Relation::Kpi(_)
        | Relation::Kpis
        | Relation::Cells(_) => Vec::new(),
    }
}

fn of_select(plan: &Plan, query: &Query, select: &Select) -> Vec<Key> {
    if let Some(keys) = &select.grouped_by {
        return vec![keys.iter().copied().collect()];
    }
    let mut keys = Vec::new();
    if select.distinct {
        keys.push((0..select.values.len()).collect());
    }
    let Some(first) = select.inputs.first() else { return vec![Key::new()] };
    if (1..select.inputs.len()).all(|place| meets_once(plan, query, select, place)) {
        // A column that is the same in all rows tells none apart.
        let same: Key = select
            .conditions
            .iter()
            .flat_map(conjuncts)
            .filter_map(restriction)
            .filter(|(column, constants)| column.input == 0 && constants.len() <= 1)
            .map(|(column, _)| column.column)
            .collect();
        let given = |wanted: usize| {
            let is_it = |value: &Scalar| column(value).is_some_and(|own| own.input == 0 && own.column == wanted);
            select.values.iter().position(is_it)
        };
        keys.extend(
            of(plan, query, first.relation)
                .iter()
                .filter_map(|key| key.difference(&same).map(|column| given(*column)).collect::<Option<Key>>()),
        );
    }
    keys
}
