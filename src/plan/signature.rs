//! Expressions and relations as text that tells whether two are the same by construction, wherever they were written.

use std::fmt::{self, Write};

use crate::plan::node::Plan;
use crate::plan::relational::scalar::{ColumnRef, Leaf, Scalar};
use crate::plan::relational::{Body, Join, Query, Relation, RelationId};
use crate::semantic::signature::{expression, quoted};

/// Writes a value of the plan; `column` writes which column one is.
pub fn scalar(value: &Scalar, text: &mut String, column: &dyn Fn(ColumnRef, &mut String)) {
    expression(value, text, &mut |leaf, text| self::leaf(leaf, text, column));
}

fn leaf(leaf: &Leaf, text: &mut String, column: &dyn Fn(ColumnRef, &mut String)) {
    text.push('(');
    let part = |part: &Scalar, text: &mut String| {
        text.push(' ');
        scalar(part, text, column);
    };
    match leaf {
        Leaf::Column(own) => {
            let _ = write!(text, "column {} ", own.input);
            column(*own, text);
        }
        Leaf::Null(ty) => text.extend(["null ", ty.name()]),
        Leaf::Exact(number) => {
            let _ = write!(text, "exact {number:?}");
        }
        Leaf::Moment { before } => {
            let _ = write!(text, "moment {before}");
        }
        Leaf::Cast(value, ty) => {
            text.extend(["cast ", ty.name()]);
            part(value, text);
        }
        Leaf::ExactOf(value) => {
            text.push_str("exact-of");
            part(value, text);
        }
        Leaf::Written(value) => {
            text.push_str("written");
            part(value, text);
        }
        Leaf::Unknown(name) => {
            let _ = write!(text, "unknown {name:?}");
        }
        Leaf::Aggregate(aggregate) => {
            let (argument, filter) = (aggregate.argument.is_some(), aggregate.filter.is_some());
            let _ = write!(text, "aggregate {:?} {argument} {filter}", aggregate.function);
            aggregate.argument.iter().chain(&aggregate.filter).for_each(|own| part(own, text));
        }
        Leaf::Window(window) => {
            let function = &window.function;
            let (partition, order) = (window.partition.len(), window.order.len());
            let _ = write!(text, "window {} {partition} {order}", function.name());
            let parts = function.value().into_iter().chain(&window.partition).chain(&window.order);
            parts.for_each(|own| part(own, text));
        }
    }
    text.push(')');
}

/// Writes what a relation of a query is, but for what it is called and what it calls what it reads. `same` says which
/// relation one that it reads is. What another definition adds to what it reads changes nothing of it.
pub fn relation(query: &Query, relation: &Relation, plan: &Plan, same: &dyn Fn(RelationId) -> RelationId) -> String {
    // What it says beside others is of the union that it is for.
    let mut text = format!("{:?} ", relation.among_others);
    let column = |own: ColumnRef, text: &mut String| match &relation.body {
        Body::Select(select) => {
            let read = query.relation(select.inputs[own.input].relation);
            quoted(&read.columns[own.column].name, text);
        }
        Body::Node(_) | Body::Constants(_) | Body::Union(_) => {}
    };
    for column in &relation.columns {
        quoted(&column.name, &mut text);
        text.extend([" ", column.ty.name(), " "]);
    }
    let scalars = |text: &mut String, head: fmt::Arguments<'_>, values: &[Scalar]| {
        let _ = write!(text, "[{head}");
        for value in values {
            text.push(' ');
            scalar(value, text, &column);
        }
        text.push(']');
    };
    let text_of = &mut text;
    match &relation.body {
        // The node that is being planned is none yet.
        Body::Node(node) => match plan.nodes.get(node.0) {
            Some(known) => scalars(text_of, format_args!("node {}", known.name), &[]),
            None => scalars(text_of, format_args!("node {}", node.0), &[]),
        },
        Body::Constants(rows) => rows.iter().for_each(|row| scalars(text_of, format_args!("row"), row)),
        Body::Union(parts) => {
            parts.iter().for_each(|part| scalars(text_of, format_args!("part {}", same(*part).place()), &[]));
        }
        Body::Select(select) => {
            for input in &select.inputs {
                let join = match &input.join {
                    Join::Cross => "cross",
                    Join::Inner(_) => "inner",
                    Join::Left(_) => "left",
                };
                scalars(text_of, format_args!("{join} {}", same(input.relation).place()), input.on());
            }
            scalars(text_of, format_args!("where"), &select.conditions);
            let head = format_args!("select {} {:?}", select.distinct, select.grouped_by);
            scalars(text_of, head, &select.values);
        }
    }
    text
}
