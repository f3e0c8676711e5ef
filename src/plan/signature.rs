//! Expressions and relations as text that tells whether two are the same by construction, wherever they were written.

use std::fmt::Write;

use crate::plan::node::Plan;
use crate::plan::relational::scalar::{ColumnRef, Leaf, Scalar};
use crate::plan::relational::{Body, Join, Query, Relation, RelationId};
use crate::semantic::signature::expression;

/// Writes a value of the plan; `column` says which column one is.
pub fn scalar(value: &Scalar, text: &mut String, column: &dyn Fn(ColumnRef) -> String) {
    expression(value, text, &mut |leaf, text| self::leaf(leaf, text, column));
}

fn leaf(leaf: &Leaf, text: &mut String, column: &dyn Fn(ColumnRef) -> String) {
    let mut list = |head: &str, parts: &[&Scalar]| {
        let _ = write!(text, "({head}");
        for part in parts {
            text.push(' ');
            scalar(part, text, column);
        }
        text.push(')');
    };
    match leaf {
        Leaf::Column(own) => list(&format!("column {} {}", own.input, column(*own)), &[]),
        Leaf::Null(ty) => list(&format!("null {ty}"), &[]),
        Leaf::Exact(number) => list(&format!("exact {number:?}"), &[]),
        Leaf::Moment { before } => list(&format!("moment {before}"), &[]),
        Leaf::Cast(value, ty) => list(&format!("cast {ty}"), &[value]),
        Leaf::ExactOf(value) => list("exact-of", &[value]),
        Leaf::Written(value) => list("written", &[value]),
        Leaf::Unknown(name) => list(&format!("unknown {name:?}"), &[]),
        Leaf::Aggregate(aggregate) => {
            let (argument, filter) = (aggregate.argument.is_some(), aggregate.filter.is_some());
            let parts: Vec<&Scalar> = aggregate.argument.iter().chain(&aggregate.filter).collect();
            list(&format!("aggregate {:?} {argument} {filter}", aggregate.function), &parts);
        }
        Leaf::Window(window) => {
            let function = &window.function;
            let (partition, order) = (window.partition.len(), window.order.len());
            let parts: Vec<&Scalar> =
                function.value().into_iter().chain(&window.partition).chain(&window.order).collect();
            list(&format!("window {} {partition} {order}", function.name()), &parts);
        }
    }
}

/// Writes what a relation of a query is, but for what it is called and what it calls what it reads. `same` says which
/// relation one that it reads is. What another definition adds to what it reads changes nothing of it.
pub fn relation(query: &Query, relation: &Relation, plan: &Plan, same: &dyn Fn(RelationId) -> RelationId) -> String {
    // What it says beside others is of the union that it is for.
    let mut text = format!("{:?} ", relation.among_others);
    let column = |own: ColumnRef| match &relation.body {
        Body::Select(select) => {
            let read = query.relation(select.inputs[own.input].relation);
            format!("{:?}", read.columns[own.column].name)
        }
        Body::Node(_) | Body::Constants(_) | Body::Union(_) => String::new(),
    };
    for column in &relation.columns {
        let _ = write!(text, "{:?} {} ", column.name, column.ty);
    }
    let mut scalars = |head: &str, values: &[Scalar]| {
        let _ = write!(text, "[{head}");
        for value in values {
            text.push(' ');
            scalar(value, &mut text, &column);
        }
        text.push(']');
    };
    match &relation.body {
        Body::Node(node) => {
            // The node that is being planned is none yet.
            let name = plan.nodes.get(node.0).map_or_else(|| node.0.to_string(), |node| node.name.clone());
            scalars(&format!("node {name}"), &[]);
        }
        Body::Constants(rows) => rows.iter().for_each(|row| scalars("row", row)),
        Body::Union(parts) => parts.iter().for_each(|part| scalars(&format!("part {}", same(*part).place()), &[])),
        Body::Select(select) => {
            for input in &select.inputs {
                let join = match &input.join {
                    Join::Cross => "cross",
                    Join::Inner(_) => "inner",
                    Join::Left(_) => "left",
                };
                scalars(&format!("{join} {}", same(input.relation).place()), input.on());
            }
            scalars("where", &select.conditions);
            scalars(&format!("select {} {:?}", select.distinct, select.grouped_by), &select.values);
        }
    }
    text
}
