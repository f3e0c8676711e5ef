//! KPIs -> the tables that hold their cells: those that are computed by one statement.
//!
//! KPIs over rows of the same entities and sources are computed together, at most some dozen of them: a statement that fails
//! takes few others with it, and one that waits for a source takes only those with it that read it, or are over three and more.
//! Which table a KPI is in follows from what it is over, from its name, and from how many there are of its family; where that
//! changes, `run::standing` sees to it that it is in no two of them, and not in none.

use std::collections::{BTreeMap, BTreeSet};

use crate::plan::naming;
use crate::semantic::model::{KpiIndex, MeasureRelation, Model};

/// How many KPIs one statement computes, about: which are together follows from their names alone.
const TOGETHER: usize = 32;

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
        let count = kpis.len().div_ceil(TOGETHER).next_power_of_two();
        let mut parts: BTreeMap<usize, Vec<KpiIndex>> = BTreeMap::new();
        for kpi in kpis {
            parts.entry(part_of(&model.kpi(kpi).meta.name, count)).or_default().push(kpi);
        }
        for (part, kpis) in parts {
            tables.push((naming::cells(depth, &family, (count > 1).then_some(part)), kpis));
        }
    }
    tables
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
