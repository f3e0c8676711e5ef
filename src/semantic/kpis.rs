//! `[kpi.<name>]` -> [`Kpi`]: what every kind has, and whether what a formula is made of meets.

use std::collections::BTreeSet;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::project::document::{OneOrMany, Spanned};
use crate::project::read::list;
use crate::project::tables::kpi::KpiTable;
use crate::project::{Definition, Project};
use crate::semantic::definitions::{Defined, add_milestone};
use crate::semantic::kinds::{self, Read};
use crate::semantic::meaning::{Lines, measure};
pub use crate::semantic::model::Kpi;
use crate::semantic::model::{
    BETWEEN, Breakdown, DefinitionId, ESCAPES, KpiIndex, KpiValue, Measure, MeasureRelation, Meta, Model,
};
use crate::semantic::name::Name;
use crate::semantic::references::{Reference, References};
use crate::semantic::tables::{Cx, Resolver};
use crate::semantic::values;
use crate::source::Span;

/// The project's KPIs, with what their kinds read; nothing where that has mistakes.
struct Kpis<'p> {
    project: &'p Project,
    read: Vec<Option<Read>>,
}

/// Begins to give the project's KPIs their meaning: reads the fields of their kinds.
pub(super) fn resolver<'p>(project: &'p Project, cx: &mut Cx<'_>) -> Box<dyn Resolver + 'p> {
    let fields = project.kind_fields();
    let read = |definition: &Definition<KpiTable>| {
        let fields = fields.get(&definition.name).cloned().unwrap_or_default();
        kinds::read(&fields, project, definition, cx.diagnostics)
    };
    Box::new(Kpis { project, read: project.tables.kpis.iter().map(read).collect() })
}

impl Resolver for Kpis<'_> {
    fn references(&self, position: usize) -> Vec<Reference> {
        let definition = &self.project.tables.kpis[position];
        let mut references = References::of(self.project, definition);
        for (dimension, range) in definition.body.dimensions() {
            references.path(dimension, definition.place_of(range));
        }
        let of_kind = self.read[position].iter().flat_map(|read| read.references.iter().cloned());
        references.end().into_iter().chain(of_kind).collect()
    }

    fn resolve(&mut self, position: usize, cx: &mut Cx<'_>) {
        let (project, definition) = (self.project, &self.project.tables.kpis[position]);
        let Cx { model, known, diagnostics } = cx;
        let value = self.read[position]
            .as_ref()
            .and_then(|read| (read.reduce)(&mut kinds::Cx { project, definition, model, known, diagnostics }));
        let Some(kpi) = kpi(definition, value, diagnostics) else { return };
        fits(project, model, definition, &kpi, diagnostics);
        known.kpis.set(&definition.name, KpiIndex(model.kpis.len()));
        model.kpis.push(kpi);
    }

    fn circle(&self, path: &[&str], closing: Span, first: Span) -> Diagnostic {
        let message = match path {
            [own] => format!("KPI `{own}` depends on itself"),
            path => format!("KPIs depend on each other: {}", values::circle(path)),
        };
        Diagnostic::error("kpi-cycle", message).at(closing, "closes the circle").at(first, "which begins here")
    }
}

fn kpi(definition: &Definition<KpiTable>, value: Option<KpiValue>, diagnostics: &mut Diagnostics) -> Option<Kpi> {
    let table = &definition.body;
    if let (Some(cohort), Some(grain)) = (&table.cohort, &table.grain) {
        diagnostics.push(
            Diagnostic::error("cohort-and-grain", format!("KPI `{}` has both `cohort` and `grain`", definition.name))
                .at(definition.place(grain), "by when it happened …")
                .at(definition.place(cohort), "… and by when the member began")
                .help("keep one of them"),
        );
    }
    let (dimensions, breakdowns) = breakdowns(definition, diagnostics);
    Some(Kpi {
        meta: values::meta(
            definition,
            table.title.as_ref(),
            table.description.as_ref(),
            table.owner.as_ref(),
            &table.tags,
        ),
        kind: table.kind.get().clone(),
        unit: table.unit.as_ref().map(|unit| unit.get().clone()),
        direction: table.direction,
        target: table.target.as_ref().map(|target| target.get().value()),
        buckets: kinds::buckets(table),
        dimensions,
        breakdowns,
        include_immature: table.include_immature.unwrap_or(false),
        value: value?,
    })
}

/// Returns the dimensions of a KPI, each once, and how they break it down.
fn breakdowns(definition: &Definition<KpiTable>, diagnostics: &mut Diagnostics) -> (Vec<String>, Vec<Breakdown>) {
    let dimensions: Vec<String> = definition.body.dimensions().into_iter().map(|(name, _)| name.to_owned()).collect();
    let place = |name: &String| dimensions.iter().position(|own| own == name).unwrap_or_default();
    let mut breakdowns: Vec<(Breakdown, &Spanned<OneOrMany>)> = Vec::new();
    let mut twice = |name: &str, again: Span, first: Span| {
        diagnostics.push(
            Diagnostic::error("repeated-dimension", format!("`{name}` stands twice in `by`"))
                .at(again, "again")
                .at(first, "first here"),
        );
    };
    for written in &definition.body.by {
        let breakdown = match written.get() {
            OneOrMany::One(name) => Breakdown { name: name.clone(), dimensions: vec![place(name)] },
            OneOrMany::Many(names) => {
                for (position, name) in names.iter().enumerate() {
                    if let Some(earlier) = names[..position].iter().find(|earlier| earlier.get() == name.get()) {
                        twice(name.get(), definition.place(name), definition.place(earlier));
                    }
                }
                let parts: Vec<String> = names.iter().map(|name| escaped(name.get())).collect();
                Breakdown {
                    name: parts.join(BETWEEN),
                    dimensions: names.iter().map(|name| place(name.get())).collect(),
                }
            }
        };
        // In another order they are the same segments.
        let set = |own: &Breakdown| own.dimensions.iter().copied().collect::<BTreeSet<usize>>();
        let is_it = |(own, _): &&(Breakdown, _)| own.name == breakdown.name || set(own) == set(&breakdown);
        if let Some((_, earlier)) = breakdowns.iter().find(is_it) {
            twice(&breakdown.name, definition.place(written), definition.place(earlier));
        }
        breakdowns.push((breakdown, written));
    }
    for (breakdown, written) in &breakdowns {
        if let (OneOrMany::Many(_), 0 | 1) = (written.get(), breakdown.dimensions.len()) {
            let help = match breakdown.dimensions.first() {
                Some(only) => format!("without the list it is the same: `\"{}\"`", dimensions[*only]),
                None => "leave it out: the total is always there".to_owned(),
            };
            diagnostics.push(
                Diagnostic::error("short-combination", "a list in `by` has the dimensions that are taken together")
                    .at(definition.place(written), "at least two")
                    .help(help),
            );
        }
    }
    (dimensions, breakdowns.into_iter().map(|(breakdown, _)| breakdown).collect())
}

/// Writes a part of a name of several so that what stands between them is told from it.
fn escaped(part: &str) -> String {
    ESCAPES.iter().fold(part.to_owned(), |part, (what, with)| part.replace(what, with))
}

/// Reports formulas whose inputs do not meet: other buckets, or dimensions that an input lacks.
fn fits(project: &Project, model: &Model, definition: &Definition<KpiTable>, kpi: &Kpi, diagnostics: &mut Diagnostics) {
    let KpiValue::Formula { inputs, .. } = &kpi.value else { return };
    // Where its buckets are said, and which they are.
    let buckets = |kpi: &Kpi| {
        let all = &project.tables.kpis;
        let definition = all.iter().find(|own| own.name == kpi.meta.name).unwrap_or(definition);
        let written = definition.body.cohort.as_ref().or(definition.body.grain.as_ref());
        let period = kpi.buckets.period();
        let label = period.map_or("all time is one".to_owned(), |period| format!("by {}", period.name()));
        (written.map_or(definition.span, |written| definition.place(written)), label)
    };
    for input in inputs.iter().map(|input| model.kpi(*input)) {
        if input.buckets.period() != kpi.buckets.period() {
            let ((place, label), (other_place, other_label)) = (buckets(kpi), buckets(input));
            diagnostics.push(
                Diagnostic::error(
                    "grain-mismatch",
                    format!("KPIs `{}` and `{}` have different buckets", kpi.meta.name, input.meta.name),
                )
                .at(place, label)
                .at(other_place, other_label)
                .help("give both the same `grain` or `cohort`"),
            );
        }
        let names = |kpi: &Kpi| kpi.breakdowns.iter().map(|own| own.name.clone()).collect::<Vec<String>>();
        for (breakdown, written) in kpi.breakdowns.iter().zip(&definition.body.by) {
            let name = &breakdown.name;
            if !input.breakdowns.iter().any(|own| own.name == *name) {
                diagnostics.push(
                    Diagnostic::error(
                        "dimension-mismatch",
                        format!("KPI `{}` is not broken down by `{name}`", input.meta.name),
                    )
                    .at(definition.place(written), "")
                    .at(input.meta.span, by(&names(input)))
                    .help(match other_order(input, kpi, breakdown) {
                        Some(other) => format!("`{}` has it in another order: `{other}`", input.meta.name),
                        None => format!("add it to `by` of `{}`", input.meta.name),
                    }),
                );
            }
        }
    }
}

/// Returns what another KPI calls the same dimensions, taken together in another order.
fn other_order<'m>(other: &'m Kpi, kpi: &Kpi, breakdown: &Breakdown) -> Option<&'m str> {
    let names = |kpi: &Kpi, own: &Breakdown| -> BTreeSet<String> {
        own.dimensions.iter().map(|place| kpi.dimensions[*place].clone()).collect()
    };
    let wanted = names(kpi, breakdown);
    other.breakdowns.iter().find(|own| names(other, own) == wanted).map(|own| own.name.as_str())
}

fn by(dimensions: &[String]) -> String {
    if dimensions.is_empty() { "has no `by`".to_owned() } else { format!("broken down by {}", list(dimensions)) }
}

impl Defined for Kpi {
    fn meta(&self) -> &Meta {
        &self.meta
    }

    fn made_of(&self, model: &Model) -> Vec<DefinitionId> {
        let mut made_of = Vec::new();
        self.value.measures().for_each(|measure| measure.add_made_of(model, &mut made_of));
        made_of.extend(self.value.inputs().iter().map(|input| DefinitionId::from(*input)));
        made_of
    }

    fn meaning(&self, model: &Model) -> String {
        // What it is called and counted in, and what it should be, is for people.
        let Kpi {
            meta: _,
            kind: _,
            unit: _,
            direction: _,
            target: _,
            buckets,
            // What they are is in the measures.
            dimensions: _,
            breakdowns,
            include_immature,
            value,
        } = self;
        let mut lines = Lines::default();
        let period = buckets.period().map_or("All".to_owned(), |period| format!("{period:?}"));
        lines.add("grain", period).flag("cohort", buckets.are_cohorts());
        let by: Vec<&str> = breakdowns.iter().map(|own| own.name.as_str()).collect();
        lines.add("by", by.join(" ")).flag("include_immature", *include_immature);
        match value {
            KpiValue::Measures { numerator, denominator } => {
                lines.add("numerator", measure(model, numerator));
                lines.add("denominator", denominator.as_ref().map(|side| measure(model, side)));
            }
            KpiValue::Statistic(own) => {
                lines.add("statistic", measure(model, own));
            }
            // The inputs are those that it names.
            KpiValue::Formula { value, inputs: _ } => {
                lines.expr("formula", Some(value));
            }
        }
        lines.end()
    }
}

impl Measure {
    /// Tells whether it reads the entity that its rows belong to.
    pub fn uses_entity(&self) -> bool {
        self.exprs().any(|expr| expr.columns().iter().any(|name| matches!(name, Name::Entity { .. })))
    }

    fn add_made_of(&self, model: &Model, made_of: &mut Vec<DefinitionId>) {
        match &self.relation {
            MeasureRelation::Entity(index) => made_of.push((*index).into()),
            MeasureRelation::Milestone { of, population } => {
                let milestones = std::iter::once(of).chain(population);
                milestones.for_each(|milestone| add_milestone(model, *milestone, made_of));
                made_of.push(model.milestone(*of).entity.into());
            }
            MeasureRelation::Events(index, _) | MeasureRelation::Facts(index) => {
                made_of.push((*index).into());
                let owner = model.source(*index).entity().into_iter().filter(|_| self.uses_entity());
                made_of.extend(owner.map(|(owner, _)| DefinitionId::from(*owner)));
            }
        }
    }
}
