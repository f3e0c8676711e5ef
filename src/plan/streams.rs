//! Milestones -> streams: what is counted the same way is counted once.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::plan::node::{Bound, Shape, Stream};
use crate::semantic::expr::{Expr, ExprKind, Literal};
use crate::semantic::model::{Anchor, EntityIndex, MilestoneIndex, Model, Occurrences, Progress, SourceIndex};

/// What streams are put into one statement for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group {
    /// The depth of the milestones: everything that they come after is known by then.
    pub depth: usize,
    /// Who the occurrences belong to.
    pub entity: EntityIndex,
    /// The source.
    pub source: SourceIndex,
    /// How they add up.
    pub shape: Shape,
}

/// Gathers the streams of all milestones that count events.
pub fn streams(model: &Model) -> BTreeMap<Group, Vec<Stream>> {
    let mut groups: BTreeMap<Group, Vec<(String, Stream)>> = BTreeMap::new();
    for (position, milestone) in model.milestones.iter().enumerate() {
        let Occurrences::Events { source, names, condition, subject } = &milestone.occurrences else { continue };
        let (shape, value) = match &milestone.progress {
            Progress::Count => (Shape::Count, None),
            Progress::Distinct(value) => (Shape::Distinct, Some(value)),
            Progress::Sum(value) => (Shape::Sum, Some(value)),
        };
        let from = match milestone.anchor {
            Anchor::Start => None,
            Anchor::Reach(from) => Some(from),
        };
        let bound = Bound { from, after: milestone.after };
        let mut names = names.clone();
        if let Some(names) = &mut names {
            names.sort();
        }
        let exprs: Vec<Option<String>> =
            [condition.as_ref(), subject.as_ref(), value].iter().map(|expr| expr.map(signature)).collect();
        let key = format!("{names:?} {exprs:?} {bound:?}");
        let group = Group { depth: milestone.depth, entity: milestone.entity, source: *source, shape };
        let streams = groups.entry(group).or_default();
        let index = MilestoneIndex(position);
        let stream = if let Some(found) = streams.iter().position(|(known, _)| *known == key) {
            &mut streams[found].1
        } else {
            let stream = Stream {
                names,
                condition: condition.clone(),
                subject: subject.clone(),
                value: value.cloned(),
                bound,
                windows: Vec::new(),
                forever: false,
                at_least: 0.0,
                milestones: Vec::new(),
            };
            streams.push((key, stream));
            &mut streams.last_mut().expect("one was just added").1
        };
        stream.milestones.push(index);
        stream.at_least = stream.at_least.max(milestone.at_least);
        stream.windows.extend(milestone.within);
        stream.forever |= milestone.within.is_none();
    }
    groups
        .into_iter()
        .map(|(group, streams)| {
            let mut streams: Vec<Stream> = streams.into_iter().map(|(_, stream)| stream).collect();
            for stream in &mut streams {
                stream.windows.sort_unstable();
                stream.windows.dedup();
            }
            (group, streams)
        })
        .collect()
}

/// Writes an expression so that two that mean the same by construction are the same text, wherever they were written.
pub fn signature(expr: &Expr) -> String {
    let mut text = String::new();
    write_signature(expr, &mut text);
    text
}

fn write_signature(expr: &Expr, text: &mut String) {
    let mut list = |head: &str, parts: &[&Expr]| {
        text.push('(');
        text.push_str(head);
        for part in parts {
            text.push(' ');
            write_signature(part, text);
        }
        text.push(')');
    };
    match &expr.kind {
        ExprKind::Column(name) => text.push_str(&name.to_string()),
        ExprKind::Literal(Literal::String(value)) => {
            let _ = write!(text, "{value:?}");
        }
        ExprKind::Literal(literal) => {
            let _ = write!(text, "{literal:?}");
        }
        ExprKind::Not(inner) => list("not", &[inner]),
        ExprKind::Negate(inner) => list("negate", &[inner]),
        ExprKind::Binary(operator, left, right) => list(&format!("{operator:?}"), &[left, right]),
        ExprKind::Call(name, arguments) => list(name, &arguments.iter().collect::<Vec<_>>()),
        ExprKind::Case(branches, otherwise) => {
            let mut parts: Vec<&Expr> = branches.iter().flat_map(|(condition, result)| [condition, result]).collect();
            parts.extend(otherwise.as_deref());
            list(if otherwise.is_some() { "case-else" } else { "case" }, &parts);
        }
        ExprKind::In(inner, items, negated) => {
            let mut parts = vec![&**inner];
            parts.extend(items);
            list(if *negated { "not-in" } else { "in" }, &parts);
        }
        ExprKind::IsNull(inner, negated) => list(if *negated { "is-not-null" } else { "is-null" }, &[inner]),
        ExprKind::Like(inner, pattern, negated) => {
            list(&format!("{} {pattern:?}", if *negated { "not-like" } else { "like" }), &[inner]);
        }
    }
}
