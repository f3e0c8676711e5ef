//! What a source is.

use std::collections::BTreeMap;

use indexmap::IndexMap;

use crate::semantic::expr::{Expr, Type};
use crate::semantic::model::{Column, EntityIndex, Meta, Origin, Stored, TimeType};
use crate::semantic::name::Path;
use crate::source::Span;

/// The JSON document of an event.
#[derive(Clone, Debug)]
pub struct Properties {
    /// The column in the warehouse.
    pub column: String,
    /// How it is stored.
    pub stored: Stored,
    /// The declared properties, by the keys that lead to them.
    pub types: IndexMap<Path, Type>,
    /// Where it is declared.
    pub span: Span,
}

/// The name of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventName {
    /// A column holds it.
    Column(String),
    /// Every row is this event.
    Constant(String),
}

/// A table that is read.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its name and the rest.
    pub meta: Meta,
    /// Where its rows come from.
    pub origin: Origin,
    /// What its rows are.
    pub rows: SourceRows,
    /// The zone of times without one.
    pub timezone: String,
    /// Typed columns.
    pub columns: Vec<Column>,
    /// Whether rows may come twice.
    pub deduplicate: bool,
    /// How old a row may be, in microseconds.
    pub retain: Option<i64>,
    /// Whether the warehouse deletes older rows by itself.
    pub expire: bool,
    /// How its rows are divided by time, where the warehouse can do it.
    pub partition: Option<PartitionBy>,
    /// The rows that are read, by columns as they are stored.
    pub scan: Option<Expr>,
    /// The rows that count.
    pub condition: Option<Expr>,
    /// Whether events may have names of any style.
    pub any_event_names: bool,
    /// Where each raw column is written.
    pub places: BTreeMap<String, Span>,
}

/// How rows are divided by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartitionBy {
    /// By day, in UTC.
    Day,
    /// By month, in UTC.
    Month,
}

impl PartitionBy {
    /// Returns its name.
    pub fn name(self) -> &'static str {
        match self {
            PartitionBy::Day => "day",
            PartitionBy::Month => "month",
        }
    }
}

/// A raw column with times.
#[derive(Clone, Debug)]
pub struct TimeColumn {
    /// The name in the warehouse.
    pub column: String,
    /// What is stored in it, where it is said.
    pub ty: Option<TimeType>,
}

/// What the rows of a source are.
#[derive(Clone, Debug)]
pub enum SourceRows {
    /// Events.
    Events {
        /// The column that is unique, if one is.
        id: Option<String>,
        /// Who acted: the entity, and the column with its key.
        entity: (EntityIndex, String),
        /// When.
        time: TimeColumn,
        /// The name of the event.
        name: EventName,
        /// The document with its properties.
        properties: Option<Properties>,
        /// By the names that definitions use, what the data calls them besides.
        aliases: IndexMap<String, Vec<String>>,
    },
    /// Facts.
    Facts {
        /// The column that is unique, if one is.
        key: Option<String>,
        /// The entity that they belong to, and the column with its key.
        entity: Option<(EntityIndex, String)>,
        /// When they happened.
        time: Option<TimeColumn>,
    },
}

impl Source {
    /// Returns the column that is unique, if one is.
    pub fn key(&self) -> Option<&String> {
        match &self.rows {
            SourceRows::Events { id: key, .. } | SourceRows::Facts { key, .. } => key.as_ref(),
        }
    }

    /// Returns the entity that its rows belong to, and the column with its key.
    pub fn entity(&self) -> Option<&(EntityIndex, String)> {
        match &self.rows {
            SourceRows::Events { entity, .. } => Some(entity),
            SourceRows::Facts { entity, .. } => entity.as_ref(),
        }
    }

    /// Returns the column with the time.
    pub fn time(&self) -> Option<&TimeColumn> {
        match &self.rows {
            SourceRows::Events { time, .. } => Some(time),
            SourceRows::Facts { time, .. } => time.as_ref(),
        }
    }
}
