//! KPIs -> the tables that hold their cells: those that are computed by one statement.
//!
//! KPIs over rows of the same entities and sources are computed together, but for so many that a statement were too long: one
//! that fails takes few others with it, and one that waits for a source takes only those with it that read it, or are over
//! three and more. Those that look alike are in one table, as they are mostly computed by one query
//! (`relational::alike`). Which table a KPI is in follows from what it is over and looks like, from its name, and from how
//! many there are of its family; where that changes, `run::standing` sees to it that it is in no two of them, and not in none.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::plan::naming;
use crate::plan::streams::signature;
use crate::semantic::model::{Kpi, KpiIndex, KpiValue, MeasureRelation, Model};

/// How many KPIs one statement computes, about, that do not look alike.
const TOGETHER: usize = 64;

/// How many that look alike are as long in a statement as one more that does not.
const ALIKE: usize = 16;

/// How many that look alike are computed together, about.
const MOST_ALIKE: usize = 512;

/// Returns the tables of cells, by their names, each after those that it reads; the KPIs of each are in the order of their
/// names.
pub fn cells(model: &Model) -> Vec<(String, Vec<KpiIndex>)> {
    let mut families: BTreeMap<(usize, String), Vec<KpiIndex>> = BTreeMap::new();
    let mut known: Vec<(usize, BTreeSet<String>)> = Vec::with_capacity(model.kpis.len());
    // Formulas come after what they are made of.
    for (index, kpi) in model.kpis.iter().enumerate() {
        let mut depth = 0;
        let mut over: BTreeSet<String> =
            kpi.value.measures().map(|measure| relation_of(model, &measure.relation)).collect();
        for (below, inputs_over) in kpi.value.inputs().iter().map(|input| &known[input.0]) {
            depth = depth.max(below + 1);
            over.extend(inputs_over.iter().cloned());
        }
        families.entry((depth, naming::family(&over))).or_default().push(KpiIndex(index));
        known.push((depth, over));
    }
    let mut tables = Vec::new();
    for ((depth, family), mut kpis) in families {
        kpis.sort_by_key(|kpi| &model.kpi(*kpi).meta.name);
        let mut groups: BTreeMap<String, Vec<KpiIndex>> = BTreeMap::new();
        for kpi in kpis {
            groups.entry(looks(model, model.kpi(kpi))).or_default().push(kpi);
        }
        let length: usize = groups.values().map(|alike| 1 + alike.len() / ALIKE).sum();
        let pieces = |alike: &Vec<KpiIndex>| alike.len().div_ceil(MOST_ALIKE).next_power_of_two();
        let most = groups.values().map(pieces).max().unwrap_or(1);
        let count = length.div_ceil(TOGETHER).next_power_of_two().max(most);
        let mut parts: BTreeMap<usize, Vec<KpiIndex>> = BTreeMap::new();
        for (looks, alike) in groups {
            let (first, pieces) = (part_of(&looks, count), pieces(&alike));
            for kpi in alike {
                let piece = part_of(&model.kpi(kpi).meta.name, pieces);
                parts.entry((first + piece) % count).or_default().push(kpi);
            }
        }
        parts.values_mut().for_each(|kpis| kpis.sort_by_key(|kpi| &model.kpi(*kpi).meta.name));
        for (part, kpis) in parts {
            tables.push((naming::cells(depth, &family, (count > 1).then_some(part)), kpis));
        }
    }
    tables
}

/// Returns what a KPI looks like: those of one look differ in what they are about, mostly.
fn looks(model: &Model, kpi: &Kpi) -> String {
    let mut looks = format!("{} {:?}", kpi.buckets.grain(), kpi.breakdowns);
    if let KpiValue::Formula { value, .. } = &kpi.value {
        let _ = write!(looks, " {}", signature(value));
    }
    for measure in kpi.value.measures() {
        let _ = write!(looks, " {} {:?}", relation_of(model, &measure.relation), measure.function);
        measure.exprs().for_each(|expr| {
            let _ = write!(looks, " {}", signature(expr));
        });
        if let MeasureRelation::Milestone { of, population } = &measure.relation {
            let _ = write!(looks, " {:?} {}", model.milestone(*of).within, population.is_some());
        }
    }
    looks
}

/// Returns the name of the entity or the source whose rows a measure is taken over.
fn relation_of(model: &Model, relation: &MeasureRelation) -> String {
    let meta = match relation {
        MeasureRelation::Entity(entity) => &model.entity(*entity).meta,
        MeasureRelation::Milestone { of, .. } => &model.entity(model.milestone(*of).entity).meta,
        MeasureRelation::Events(source, _) | MeasureRelation::Facts(source) => &model.source(*source).meta,
    };
    meta.name.clone()
}

/// Returns which of so many parts a name belongs to: the same on every machine, and evenly spread (FNV-1a).
fn part_of(name: &str, parts: usize) -> usize {
    let hash = name.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    usize::try_from(hash ^ (hash >> 16)).unwrap_or(0) % parts
}
