//! The kinds of KPI: one file a kind, with its fields, its rules and its reduction to measures.
//!
//! To add one, write its file, and here its `mod` and its line in [`KINDS`]; after `semantic` nothing can tell kinds apart.

pub mod conversion;
pub mod count;
pub mod formula;
pub mod measure;
pub mod ratio;
pub mod sum;
pub mod time_to;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use toml::de::DeTable;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::language::Table;
use crate::project::document::Spanned;
use crate::project::names::nearest;
use crate::project::read;
use crate::project::tables::kpi::{Grain, KpiTable};
use crate::project::{Definition, Project};
use crate::semantic::known::Known;
use crate::semantic::milestones::same_entity;
use crate::semantic::model::{Buckets, KpiValue, MilestoneIndex, Model};
use crate::semantic::references::{Reference, References};
use crate::source::{Span, Text};

/// What a kind is: its fields, and what they reduce to.
pub trait Kind: DeserializeOwned + JsonSchema + 'static {
    /// Its name in `kind = "…"`.
    const NAME: &'static str;

    /// What it is, in a sentence.
    const ABOUT: &'static str;

    /// Whether it is always taken over cohorts, so that `grain = "all"` is the cohort of everybody.
    const OVER_COHORTS: bool = false;

    /// Adds what it names.
    fn references(&self, references: &mut References<'_, KpiTable>);

    /// Reduces it to measures. What is wrong is reported, and nothing returned.
    fn reduce(&self, cx: &mut Cx<'_>) -> Option<KpiValue>;
}

/// The tables of what is measured.
pub(super) const MEASURED: &[Table] = &[Table::Entity, Table::Milestone, Table::Source];

/// A KPI whose kind was read.
pub struct Read {
    /// What it names.
    pub references: Vec<Reference>,
    /// Reduces it to measures.
    pub reduce: Box<Reduce>,
}

/// Reduces a KPI to measures.
type Reduce = dyn Fn(&mut Cx<'_>) -> Option<KpiValue>;

/// Reads the fields of a kind.
type Reader = fn(&DeTable<'_>, &Project, &Definition<KpiTable>, &mut Diagnostics) -> Option<Read>;

/// One line of the table of kinds.
pub struct Entry {
    /// The name in `kind = "…"`.
    pub name: &'static str,
    /// What it is, in a sentence.
    pub about: &'static str,
    over_cohorts: bool,
    read: Reader,
    /// Its part of the JSON Schema.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
}

/// Every kind.
pub const KINDS: &[Entry] = &[
    entry::<count::Count>(),
    entry::<sum::Sum>(),
    entry::<ratio::Ratio>(),
    entry::<conversion::Conversion>(),
    entry::<time_to::TimeTo>(),
    entry::<formula::Formula>(),
];

const fn entry<K: Kind>() -> Entry {
    Entry {
        name: K::NAME,
        about: K::ABOUT,
        over_cohorts: K::OVER_COHORTS,
        read: |fields, project, definition, diagnostics| {
            let what = format!("[kpi.{}]", definition.name);
            let common = read::keys::<KpiTable>();
            let kind: K = read::read_beside(fields, common, &what, definition.span, diagnostics)?;
            let mut references = References::of(project, definition);
            kind.references(&mut references);
            Some(Read { references: references.end(), reduce: Box::new(move |cx| kind.reduce(cx)) })
        },
        schema: |generator| K::json_schema(generator),
    }
}

/// What a kind is reduced with.
pub struct Cx<'c> {
    /// The project.
    pub project: &'c Project,
    /// The KPI.
    pub definition: &'c Definition<KpiTable>,
    /// What has a meaning already: all that the KPI names does.
    pub model: &'c Model,
    /// All definitions by name.
    pub known: &'c Known,
    /// Where mistakes go.
    pub diagnostics: &'c mut Diagnostics,
}

impl Cx<'_> {
    /// Returns a string of the KPI as a text whose parts can be pointed at.
    pub fn text(&self, value: &Spanned<String>) -> Text {
        self.project.text(self.definition, value)
    }

    /// Returns the place of a value of the KPI.
    pub fn place<V>(&self, value: &Spanned<V>) -> Span {
        self.definition.place(value)
    }

    /// Reports a mistake.
    pub fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Finds a milestone by the name that is written there.
    pub fn milestone(&mut self, name: &Spanned<String>) -> Option<MilestoneIndex> {
        self.known.milestones.find(name.get(), self.definition.place(name), self.diagnostics)
    }

    /// Finds the milestone that makes the population of another one; both are of one entity.
    pub fn population(&mut self, from: &Spanned<String>, of: &Spanned<String>) -> Option<MilestoneIndex> {
        let population = self.milestone(from)?;
        if let Some((Some(reached), _)) = self.known.milestones.found.get(of.get()) {
            let entity = self.model.milestone(*reached).entity;
            same_entity(self.model, of.get(), entity, population, self.place(from), self.diagnostics);
        }
        Some(population)
    }

    /// Returns the KPI's buckets.
    pub fn buckets(&self) -> Buckets {
        buckets(&self.definition.body)
    }

    /// Reports `grain`, where only cohorts make sense.
    pub fn needs_cohort(&mut self, why: &str) -> Option<()> {
        let Some(grain) = &self.definition.body.grain else { return Some(()) };
        let span = self.place(grain);
        let name = grain.get().name();
        if *grain.get() == Grain::All {
            return Some(());
        }
        self.report(
            Diagnostic::error("needs-cohort", format!("`{}` is taken over cohorts", self.definition.body.kind.get()))
                .at(span, why)
                .help(format!("write `cohort = \"{name}\"`")),
        );
        None
    }
}

/// Returns the buckets of a KPI.
pub fn buckets(table: &KpiTable) -> Buckets {
    let over_cohorts = |entry: &Entry| entry.over_cohorts && entry.name == table.kind.get();
    match (&table.cohort, &table.grain) {
        (Some(cohort), _) => Buckets::cohort(*cohort.get()),
        (None, Some(grain)) if KINDS.iter().any(over_cohorts) => Buckets::cohort(*grain.get()),
        (None, Some(grain)) => Buckets::calendar(*grain.get()),
        (None, None) => Buckets::Everybody,
    }
}

/// Reads a KPI by its kind.
pub fn read(
    fields: &DeTable<'_>,
    project: &Project,
    definition: &Definition<KpiTable>,
    diagnostics: &mut Diagnostics,
) -> Option<Read> {
    let kind = &definition.body.kind;
    if let Some(entry) = KINDS.iter().find(|entry| entry.name == kind.get()) {
        return (entry.read)(fields, project, definition, diagnostics);
    }
    let names: Vec<&str> = KINDS.iter().map(|entry| entry.name).collect();
    let diagnostic = Diagnostic::error("unknown-kind", format!("no kind of KPI `{}`", kind.get()))
        .at(definition.place(kind), "not a kind");
    diagnostics.push(match nearest(kind.get(), names.iter().copied()) {
        Some(near) => diagnostic.help(format!("a kind with a similar name exists: `{near}`")),
        None => diagnostic.help(format!("the kinds are {}", read::list(&names))),
    });
    None
}
