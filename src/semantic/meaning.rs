//! What a definition means, as a text that is the same wherever and however the definition is written.
//!
//! It names other definitions, and leaves out what is for people: titles, descriptions, owners, tags, comments, the
//! order of keys, files. Two definitions with one meaning compute the same. Each struct is taken apart field by field, so that
//! one with a new field does not compile until it is said whether that is meaning.

use std::fmt::Write as _;

use crate::semantic::definitions::Defined as _;
use crate::semantic::expr::Expr;
use crate::semantic::files::{Csv, Files};
use crate::semantic::model::{Column, EventNames, Measure, MeasureRelation, MilestoneIndex, Model, Origin};
use crate::semantic::signature::signature;

/// Writes `name: value` lines; what is absent writes nothing, so that a key that comes to the language changes no hash.
#[derive(Default)]
pub(super) struct Lines(String);

impl Lines {
    /// Writes a line, unless there is no value.
    pub(super) fn add(&mut self, name: &str, value: impl Into<Option<String>>) -> &mut Self {
        if let Some(value) = value.into() {
            let _ = writeln!(self.0, "{name}: {value}");
        }
        self
    }

    /// Writes an expression, unless there is none.
    pub(super) fn expr(&mut self, name: &str, expr: Option<&Expr>) -> &mut Self {
        self.add(name, expr.map(signature))
    }

    /// Writes a word alone, if it is so.
    pub(super) fn flag(&mut self, name: &str, is_set: bool) -> &mut Self {
        self.add(name, is_set.then(String::new))
    }

    /// Writes columns in the order of their names.
    pub(super) fn columns(&mut self, columns: &[Column]) -> &mut Self {
        let mut sorted: Vec<&Column> = columns.iter().collect();
        sorted.sort_by(|left, right| left.name.cmp(&right.name));
        for Column { name, column, ty, span: _ } in sorted {
            self.add("column", format!("{name:?} {column:?} {ty}"));
        }
        self
    }

    /// Writes where rows come from.
    pub(super) fn origin(&mut self, Origin { table, files, span: _ }: &Origin) -> &mut Self {
        self.add("table", table.as_ref().map(|table| format!("{table:?}")));
        let Some(Files { path, format, csv, folders }) = files else { return self };
        self.add("file", format!("{path:?} {}", format.name()));
        self.add("csv", (*csv != Csv::default()).then(|| format!("{csv:?}")));
        self.add("folders", (!folders.is_empty()).then(|| format!("{folders:?}")))
    }

    /// Returns the text.
    pub(super) fn end(&mut self) -> String {
        std::mem::take(&mut self.0)
    }
}

/// Returns the name of a milestone.
pub(super) fn milestone_name(model: &Model, index: MilestoneIndex) -> String {
    let milestone = model.milestone(index);
    // A step has a made-up name, so that its own meaning stands in its place.
    if milestone.hidden { format!("[{}]", milestone.meaning(model)) } else { milestone.meta.name.clone() }
}

/// Returns the names of milestones.
pub(super) fn milestone_names(model: &Model, indexes: &[MilestoneIndex]) -> String {
    indexes.iter().map(|index| milestone_name(model, *index)).collect::<Vec<_>>().join(" ")
}

/// Returns the names of events, in an order that does not depend on how they are written.
pub(super) fn event_names(names: &EventNames) -> String {
    let sorted = names.sorted();
    format!("{:?}", sorted.only().map(|names| names.to_vec()))
}

/// Returns what a measure means.
pub(super) fn measure(model: &Model, own: &Measure) -> String {
    let Measure { relation, function, argument, members, filter, time, dimensions, waits, mature_only } = own;
    let mut lines = Lines::default();
    lines.add(
        "of",
        match relation {
            MeasureRelation::Entity(entity) => format!("entity {}", model.entity(*entity).meta.name),
            MeasureRelation::Milestone { of, population } => {
                let population = population.map(|index| milestone_name(model, index));
                format!("milestone {} {}", milestone_name(model, *of), population.unwrap_or_default())
            }
            MeasureRelation::Events(source, names) => {
                let names = event_names(names);
                format!("events {} {names}", model.source(*source).meta.name)
            }
            MeasureRelation::Facts(source) => format!("facts {}", model.source(*source).meta.name),
        },
    );
    lines.add("function", format!("{function:?}"));
    lines.expr("value", argument.as_ref()).expr("members", members.as_ref()).expr("where", filter.as_ref());
    lines.expr("time", time.as_ref()).flag("mature_only", *mature_only).flag("waits", *waits);
    for dimension in dimensions {
        lines.expr("dimension", Some(dimension));
    }
    lines.end()
}
