//! What a project means: names resolved, expressions typed, kinds reduced to one core.
//!
//! The core is small. **Occurrences** are rows of (entity, time, id); a **milestone** is the occurrence at which a
//! running aggregate first reaches a threshold in a window; a **measure** is one aggregate over one relation; a **KPI**
//! is a value over measures; a **score** is a sum of weights of reached milestones.

use std::collections::BTreeMap;

use crate::language::{Table, tables};
// Their variants are what was written and what is meant.
pub use crate::project::tables::kpi::Direction;
pub use crate::project::tables::source::{Stored, TimeType};
pub use crate::semantic::buckets::{Buckets, Period};
use crate::semantic::decimal::Decimal;
use crate::semantic::definitions::Defined;
pub use crate::semantic::event_names::EventNames;
use crate::semantic::expr::{AggregateFunction, Expr, Type};
use crate::semantic::files::Files;
use crate::semantic::horizon::Horizon;
pub use crate::semantic::sources::{EventName, PartitionBy, Properties, Source, SourceRows, TimeColumn};
use crate::source::Span;

macro_rules! model {
    (
        definitions { $($own:ident $name:literal $file:ident::$written:ident $all:ident $index:ident $about:literal;)* }
        others { $($rest:tt)* }
    ) => {
        /// Everything that a project means: the definitions of each table, each after those of its table that it depends on.
        #[derive(Debug, Default)]
        pub struct Model {
            /// The project's name.
            pub name: String,
            $(#[doc = $about] pub $all: Vec<super::$all::$own>,)*
        }

        $(
            /// Names a definition of a [`Model`], among those of its table.
            #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
            pub struct $index(pub usize);
        )*

        /// Names a definition of a [`Model`], among all.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum DefinitionId {
            $(#[doc = $about] $own($index),)*
        }

        impl DefinitionId {
            /// Returns the table that the definition stands in.
            pub fn table(self) -> Table {
                match self {
                    $(DefinitionId::$own(_) => Table::$own,)*
                }
            }
        }

        $(
            impl From<$index> for DefinitionId {
                fn from(index: $index) -> Self {
                    DefinitionId::$own(index)
                }
            }
        )*

        impl Model {
            $(
                /// Returns one of them.
                pub fn $file(&self, index: $index) -> &super::$all::$own {
                    &self.$all[index.0]
                }
            )*

            /// Returns a definition.
            pub fn definition(&self, id: DefinitionId) -> &dyn Defined {
                match id {
                    $(DefinitionId::$own(index) => self.$file(index),)*
                }
            }

            /// Returns what names every definition, table by table, and what the compiler has made besides.
            pub fn ids(&self) -> Vec<DefinitionId> {
                let mut ids = Vec::new();
                $(ids.extend((0..self.$all.len()).map(|index| DefinitionId::$own($index(index))));)*
                ids
            }
        }
    };
}
tables!(model);

/// What every definition has.
#[derive(Clone, Debug)]
pub struct Meta {
    /// Its name.
    pub name: String,
    /// Its name for people.
    pub title: Option<String>,
    /// What it means.
    pub description: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Names to select it by.
    pub tags: Vec<String>,
    /// Where its name is written.
    pub span: Span,
}

/// Where rows come from: a table, a file, or both; then the file is for warehouses that read files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// A table of the warehouse, with dots between the parts of its name.
    pub table: Option<String>,
    /// Files of the project.
    pub files: Option<Files>,
    /// Where it is written.
    pub span: Span,
}

/// A column of a source or an entity.
#[derive(Clone, Debug)]
pub struct Column {
    /// The name that expressions and our tables use.
    pub name: String,
    /// The name in the warehouse.
    pub column: String,
    /// Its type.
    pub ty: Type,
    /// Where it is declared.
    pub span: Span,
}

/// Somebody who acts.
#[derive(Clone, Debug)]
pub struct Entity {
    /// Its name and the rest.
    pub meta: Meta,
    /// Where its rows come from; none: from the keys that its members name.
    pub origin: Option<Origin>,
    /// The column with its key, here and in the warehouse.
    pub key: String,
    /// The column with its start; none: the earliest start of its members.
    pub start: Option<String>,
    /// What is stored in that column, where it is said.
    pub start_type: Option<TimeType>,
    /// The zone of times without one.
    pub timezone: String,
    /// Typed columns.
    pub attributes: Vec<Column>,
    /// The entity that it is a member of, and the column with that one's key.
    pub parent: Option<(EntityIndex, String)>,
    /// The entities that what it lacks, its rows or their start, is told by; none where it lacks nothing.
    pub members: Vec<EntityIndex>,
    /// The rows that count.
    pub condition: Option<Expr>,
    /// Where each raw column is written.
    pub places: BTreeMap<String, Span>,
}

/// Where a window starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Anchor {
    /// At the entity's start.
    Start,
    /// When it reached another milestone. The row that reached it lies at the anchor, and so inside the window.
    Reach(MilestoneIndex),
}

/// What a milestone counts.
#[derive(Clone, Debug)]
pub enum Occurrences {
    /// Events.
    Events {
        /// The source.
        source: SourceIndex,
        /// The names that count.
        names: EventNames,
        /// Which of them count.
        condition: Option<Expr>,
        /// Who they are counted for; none: who acted, or the parent of who acted.
        subject: Option<Expr>,
    },
    /// Reaches of other milestones of the entity: a composite.
    Reaches(Vec<MilestoneIndex>),
    /// Members of the entity that reached a milestone.
    Members(MilestoneIndex),
    /// The end of the window, if none of these milestones was reached in it.
    Absence(Vec<MilestoneIndex>),
}

/// How occurrences add up.
#[derive(Clone, Debug)]
pub enum Progress {
    /// Each counts one.
    Count,
    /// Each new value of the expression counts one.
    Distinct(Expr),
    /// Each counts the value of the expression, where that is above zero.
    Sum(Expr),
}

/// Something that an entity reaches once: the occurrence at which its progress first gets to a threshold, in a window.
#[derive(Clone, Debug)]
pub struct Milestone {
    /// Its name and the rest.
    pub meta: Meta,
    /// A step of a sequence, made by the compiler and shown to nobody.
    pub hidden: bool,
    /// The milestone that a step is once more.
    pub again: Option<MilestoneIndex>,
    /// Who reaches it.
    pub entity: EntityIndex,
    /// Where its window starts.
    pub anchor: Anchor,
    /// The milestone after which occurrences count, though the window starts elsewhere.
    pub after: Option<MilestoneIndex>,
    /// The length of its window in microseconds; none: no end.
    pub within: Option<i64>,
    /// When nothing about it can change any more.
    pub horizon: Horizon,
    /// The time from the entity's start after which it is not reached any more, in microseconds; none: it always may be.
    pub from_start: Option<i64>,
    /// The entities that it applies to.
    pub applies_to: Option<Expr>,
    /// What counts.
    pub occurrences: Occurrences,
    /// How it adds up.
    pub progress: Progress,
    /// The threshold: a whole number, but for a sum.
    pub at_least: Decimal,
    /// Its share of a score.
    pub weight: Option<Decimal>,
    /// Where it stands.
    pub tier: Option<String>,
    /// Whether the product withholds something until it is reached.
    pub gating: bool,
    /// How many milestones stand one after the other below it.
    pub depth: usize,
}

impl Milestone {
    /// Returns the milestones that it is made from, each once.
    pub fn inputs(&self) -> Vec<MilestoneIndex> {
        let mut inputs: Vec<MilestoneIndex> = Vec::new();
        if let Anchor::Reach(anchor) = self.anchor {
            inputs.push(anchor);
        }
        inputs.extend(self.after);
        match &self.occurrences {
            Occurrences::Events { .. } => {}
            Occurrences::Reaches(parts) | Occurrences::Absence(parts) => inputs.extend(parts),
            Occurrences::Members(member) => inputs.push(*member),
        }
        let mut seen = Vec::new();
        inputs.retain(|input| {
            let new = !seen.contains(input);
            seen.push(*input);
            new
        });
        inputs
    }
}

/// What a measure is taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MeasureRelation {
    /// One row an entity.
    Entity(EntityIndex),
    /// One row an entity to which the milestone applies and whose window has begun; if there is a population, one that
    /// reached that milestone.
    Milestone {
        /// The milestone.
        of: MilestoneIndex,
        /// The milestone that makes the population.
        population: Option<MilestoneIndex>,
    },
    /// One row an event with one of these names.
    Events(SourceIndex, EventNames),
    /// One row a fact.
    Facts(SourceIndex),
}

impl MeasureRelation {
    /// Returns whom its rows belong to; none where nobody knows.
    pub fn entity(&self, model: &Model) -> Option<EntityIndex> {
        match self {
            MeasureRelation::Entity(entity) => Some(*entity),
            MeasureRelation::Milestone { of, .. } => Some(model.milestone(*of).entity),
            MeasureRelation::Events(source, _) | MeasureRelation::Facts(source) => {
                model.source(*source).entity().map(|(entity, _)| *entity)
            }
        }
    }
}

/// One aggregate over one relation.
#[derive(Clone, Debug)]
pub struct Measure {
    /// The relation.
    pub relation: MeasureRelation,
    /// The aggregate.
    pub function: AggregateFunction,
    /// What is aggregated; none where rows are counted.
    pub argument: Option<Expr>,
    /// The rows that are members; of others nothing is known.
    pub members: Option<Expr>,
    /// The members that count.
    pub filter: Option<Expr>,
    /// The time by which its rows fall into buckets.
    pub time: Option<Expr>,
    /// The dimensions of the KPI, over this relation.
    pub dimensions: Vec<Expr>,
    /// Whether a row may change until its window has closed.
    pub waits: bool,
    /// Whether rows whose window is still open are left out.
    pub mature_only: bool,
}

impl Measure {
    /// Returns the milestone whose window has to be over for a row to count.
    pub fn matures_with(&self) -> Option<MilestoneIndex> {
        match self.relation {
            MeasureRelation::Milestone { of, .. } if self.mature_only => Some(of),
            MeasureRelation::Milestone { .. }
            | MeasureRelation::Entity(_)
            | MeasureRelation::Events(..)
            | MeasureRelation::Facts(_) => None,
        }
    }

    /// Returns all its expressions.
    pub fn exprs(&self) -> impl Iterator<Item = &Expr> {
        let parts = self.argument.iter().chain(&self.members).chain(&self.filter);
        parts.chain(&self.time).chain(&self.dimensions)
    }
}

/// What a KPI's value is made of.
#[derive(Clone, Debug)]
pub enum KpiValue {
    /// A measure, or a measure over another.
    Measures {
        /// Above the line, or all there is.
        numerator: Measure,
        /// Below the line.
        denominator: Option<Measure>,
    },
    /// A statistic of a distribution, over the rows where there is something to measure.
    Statistic(Measure),
    /// An expression over other KPIs, whose columns are their names.
    Formula {
        /// The expression.
        value: Expr,
        /// The KPIs in it.
        inputs: Vec<KpiIndex>,
    },
}

impl KpiValue {
    /// Returns what is measured for it itself: the numerator comes first.
    pub fn measures(&self) -> impl Iterator<Item = &Measure> {
        let (first, second) = match self {
            KpiValue::Measures { numerator, denominator } => (Some(numerator), denominator.as_ref()),
            KpiValue::Statistic(measure) => (Some(measure), None),
            KpiValue::Formula { .. } => (None, None),
        };
        first.into_iter().chain(second)
    }

    /// Returns the KPIs that it is made of.
    pub fn inputs(&self) -> &[KpiIndex] {
        match self {
            KpiValue::Formula { inputs, .. } => inputs,
            KpiValue::Measures { .. } | KpiValue::Statistic(_) => &[],
        }
    }
}

/// Something that is measured.
#[derive(Clone, Debug)]
pub struct Kpi {
    /// Its name and the rest.
    pub meta: Meta,
    /// The name of its kind, for people.
    pub kind: String,
    /// What its value is counted in.
    pub unit: Option<String>,
    /// Which way is better.
    pub direction: Option<Direction>,
    /// The value to reach.
    pub target: Option<f64>,
    /// The buckets.
    pub buckets: Buckets,
    /// The names of its dimensions, each once.
    pub dimensions: Vec<String>,
    /// How the total is broken down, each way by itself.
    pub breakdowns: Vec<Breakdown>,
    /// Whether members whose window is open count.
    pub include_immature: bool,
    /// Its value.
    pub value: KpiValue,
}

/// Dimensions whose values break a total down together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breakdown {
    /// What says in a cell which way it is broken down.
    pub name: String,
    /// The places of its dimensions among those of the KPI; at least one.
    pub dimensions: Vec<usize>,
}

/// What stands between the parts of a name, or of a segment, of several dimensions.
pub const BETWEEN: &str = ", ";

/// What is replaced in each of these parts, one after the other, so that what stands between them is told from it.
pub const ESCAPES: [(&str, &str); 2] = [("\\", "\\\\"), (",", "\\,")];

/// A sum of weights of reached milestones.
#[derive(Clone, Debug)]
pub struct Score {
    /// Its name and the rest.
    pub meta: Meta,
    /// Who is scored.
    pub entity: EntityIndex,
    /// The milestones and their weights.
    pub terms: Vec<(MilestoneIndex, Decimal)>,
    /// The bands by lower bound, ascending.
    pub bands: Vec<(String, Decimal)>,
}
