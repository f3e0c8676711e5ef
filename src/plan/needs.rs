//! What the definitions need of each source of events, gathered so that it is read once.

use std::collections::{BTreeMap, BTreeSet};

use crate::plan::node::Events;
use crate::semantic::expr::{Expr, ExprKind, Type};
use crate::semantic::model::{EventNames, MeasureRelation, Model, Occurrences, Progress, SourceIndex};
use crate::semantic::name::Name;

/// Gathers, for each source of events that some definition counts, the names, properties and columns that are needed.
pub fn events(model: &Model) -> Vec<Events> {
    let mut needs: BTreeMap<SourceIndex, Events> = BTreeMap::new();
    for milestone in &model.milestones {
        let Occurrences::Events { source, names, condition, subject } = &milestone.occurrences else { continue };
        let need = need(&mut needs, *source, names);
        for expr in condition.iter().chain(subject) {
            columns(need, expr);
        }
        match &milestone.progress {
            Progress::Count => {}
            Progress::Distinct(expr) | Progress::Sum(expr) => columns(need, expr),
        }
    }
    for kpi in &model.kpis {
        for measure in kpi.value.measures() {
            let MeasureRelation::Events(source, names) = &measure.relation else { continue };
            let need = need(&mut needs, *source, names);
            for expr in measure.exprs() {
                columns(need, expr);
            }
        }
    }
    let mut gathered: Vec<Events> = needs.into_values().collect();
    for events in &mut gathered {
        if let Some(condition) = &model.source(events.source).condition {
            columns(events, condition);
        }
        // In the order of their names: adding a definition elsewhere moves nothing.
        events.names = events.names.sorted();
        events.properties.sort();
        events.columns.sort();
    }
    gathered
}

fn need<'n>(needs: &'n mut BTreeMap<SourceIndex, Events>, source: SourceIndex, names: &EventNames) -> &'n mut Events {
    let need = needs.entry(source).or_insert_with(|| Events {
        source,
        names: names.clone(),
        listed: BTreeSet::new(),
        properties: Vec::new(),
        columns: Vec::new(),
        of_entities: false,
    });
    need.names = need.names.either(names);
    need.listed.extend(names.only().into_iter().flat_map(|names| names.iter()).cloned());
    need
}

fn columns(need: &mut Events, expr: &Expr) {
    expr.walk(&mut |part| {
        let ExprKind::Column(name) = &part.kind else { return };
        if let Name::Property(path) = name {
            add(&mut need.properties, path.clone(), part.ty);
        } else if let Name::Column(column) = name {
            add(&mut need.columns, column.clone(), part.ty);
        }
    });
}

fn add<N: PartialEq>(list: &mut Vec<(N, Type)>, name: N, ty: Type) {
    if !list.iter().any(|(known, _)| *known == name) {
        list.push((name, ty));
    }
}
