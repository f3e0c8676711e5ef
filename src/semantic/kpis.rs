//! `[kpi.<name>]` -> [`Kpi`]: what every kind has, and the order in which formulas can be computed.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::language::Table;
use crate::project::document::{OneOrMany, Spanned};
use crate::project::read::list;
use crate::project::tables::kpi::{Grain, KpiTable};
use crate::project::{Definition, Project};
use crate::semantic::expr::ExprKind;
use crate::semantic::kinds::{self, Cx, Known};
use crate::semantic::model::{BETWEEN, Breakdown, Kpi, KpiIndex, KpiValue, Model};
use crate::semantic::name::Name;
use crate::semantic::values::{self, Named};
use crate::source::Span;

/// Adds the project's KPIs to `model`, each after those that it is made from.
pub fn resolve(project: &Project, model: &mut Model, known: &Known, diagnostics: &mut Diagnostics) {
    let mut names = Named::new("kpi");
    for (position, definition) in project.tables.kpis.iter().enumerate() {
        names.found.insert(definition.name.clone(), (Some(KpiIndex(position)), definition.span));
    }
    for broken in project.broken.iter().filter(|broken| broken.table == Table::Kpi) {
        names.found.insert(broken.name.clone(), (None, broken.span));
    }
    let fields = project.kind_fields();
    let mut kpis: Vec<Option<Kpi>> = Vec::new();
    for definition in &project.tables.kpis {
        let fields = fields.get(&definition.name).cloned().unwrap_or_default();
        let mut cx = Cx { project, definition, model, known, kpis: &names, diagnostics };
        let value = kinds::reduce(&fields, &mut cx);
        kpis.push(kpi(definition, value, diagnostics));
    }
    let order = in_order(project, &kpis, diagnostics);
    if diagnostics.has_errors() {
        return;
    }
    // The positions in the file become positions in the order of computation.
    let mut position = vec![KpiIndex(0); kpis.len()];
    for (new, old) in order.iter().enumerate() {
        position[*old] = KpiIndex(new);
    }
    for old in order {
        let mut kpi = kpis[old].take().expect("without errors every KPI is whole, and each is taken once");
        if let KpiValue::Formula { inputs, .. } = &mut kpi.value {
            inputs.iter_mut().for_each(|input| *input = position[input.0]);
        }
        model.kpis.push(kpi);
    }
    let defined: BTreeMap<&str, &Definition<KpiTable>> =
        project.tables.kpis.iter().map(|definition| (definition.name.as_str(), definition)).collect();
    for kpi in &model.kpis {
        fits(&defined, model, kpi, diagnostics);
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
        grain: table.cohort.as_ref().or(table.grain.as_ref()).map_or(Grain::All, |grain| *grain.get()),
        by_cohort: kinds::by_cohort(table),
        dimensions,
        breakdowns,
        include_immature: table.include_immature.unwrap_or(false),
        value: value?,
    })
}

/// Returns the dimensions of a KPI, each once, and how they break it down.
fn breakdowns(definition: &Definition<KpiTable>, diagnostics: &mut Diagnostics) -> (Vec<String>, Vec<Breakdown>) {
    let mut dimensions: Vec<String> = definition.body.dimensions().map(|(name, _)| name.to_owned()).collect();
    let mut seen = BTreeSet::new();
    dimensions.retain(|name| seen.insert(name.clone()));
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
    part.replace('\\', "\\\\").replace(',', "\\,")
}

/// Orders KPIs so that each comes after those that it is made from, and reports cycles.
fn in_order(project: &Project, kpis: &[Option<Kpi>], diagnostics: &mut Diagnostics) -> Vec<usize> {
    let inputs = |index: usize| -> Vec<usize> {
        let inputs = kpis[index].as_ref().map_or(&[][..], |kpi| kpi.value.inputs());
        inputs.iter().map(|input| input.0).collect()
    };
    let mut open = vec![false; kpis.len()];
    let mut done = vec![false; kpis.len()];
    let mut order = Vec::new();
    for root in 0..kpis.len() {
        let mut stack = vec![(root, inputs(root), 0)];
        while let Some((index, below, next)) = stack.pop() {
            if done[index] {
                continue;
            }
            open[index] = true;
            if let Some(input) = below.get(next).copied() {
                stack.push((index, below, next + 1));
                if open[input] && !done[input] {
                    let from = stack.iter().position(|(each, _, _)| *each == input).unwrap_or(0);
                    let path: Vec<&str> =
                        stack[from..].iter().map(|(each, _, _)| project.tables.kpis[*each].name.as_str()).collect();
                    let message = match path.as_slice() {
                        [own] => format!("KPI `{own}` depends on itself"),
                        path => format!("KPIs depend on each other: {}", values::circle(path)),
                    };
                    let closing = kpis[index].as_ref().and_then(|kpi| named(kpi, &project.tables.kpis[input].name));
                    diagnostics.push(
                        Diagnostic::error("kpi-cycle", message)
                            .at(closing.unwrap_or(project.tables.kpis[index].span), "closes the circle")
                            .at(project.tables.kpis[input].span, "which begins here"),
                    );
                } else if !done[input] {
                    stack.push((input, inputs(input), 0));
                }
            } else {
                done[index] = true;
                order.push(index);
            }
        }
    }
    order
}

/// Returns where a formula names a KPI.
fn named(kpi: &Kpi, input: &str) -> Option<Span> {
    let KpiValue::Formula { value, .. } = &kpi.value else { return None };
    let mut place = None;
    value.walk(&mut |part| {
        if matches!(&part.kind, ExprKind::Column(Name::Kpi(name)) if name == input) {
            place.get_or_insert(part.span);
        }
    });
    place
}

/// Reports formulas whose inputs do not meet: other buckets, or dimensions that an input lacks.
fn fits(definitions: &BTreeMap<&str, &Definition<KpiTable>>, model: &Model, kpi: &Kpi, diagnostics: &mut Diagnostics) {
    let KpiValue::Formula { inputs, .. } = &kpi.value else { return };
    let defined = |kpi: &Kpi| definitions[kpi.meta.name.as_str()];
    let definition = defined(kpi);
    // Where its buckets are said, and which they are.
    let buckets = |kpi: &Kpi| {
        let definition = defined(kpi);
        let written = definition.body.cohort.as_ref().or(definition.body.grain.as_ref());
        let is_all = kpi.grain == Grain::All;
        let label = if is_all { "all time is one".to_owned() } else { format!("by {}", kpi.grain.name()) };
        (written.map_or(definition.span, |written| definition.place(written)), label)
    };
    for input in inputs.iter().map(|input| model.kpi(*input)) {
        if input.grain != kpi.grain {
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
                    .help(format!("add it to `by` of `{}`", input.meta.name)),
                );
            }
        }
    }
}

fn by(dimensions: &[String]) -> String {
    if dimensions.is_empty() { "has no `by`".to_owned() } else { format!("broken down by {}", list(dimensions)) }
}
