//! What the statement of a KPI says about it.

use minijinja::Value;

use crate::plan::naming;
use crate::plan::node::Cells;
use crate::render::relations::Cx;
use crate::semantic::model::{Buckets, Kpi, MeasureRelation};
use crate::semantic::settled;

pub(super) fn header(cx: &Cx<'_>, kpi: &Kpi) -> Value {
    cx.definition_header("kpi", &kpi.meta, &lines(cx, kpi))
}

/// What the statement of a table of cells says: it holds those of several KPIs.
pub(super) fn cells_header(cx: &Cx<'_>, cells: &Cells) -> Value {
    let title = "Cells of KPIs that are computed together, one row a KPI, bucket and segment";
    let names = cells.kpis.iter().map(|kpi| naming::kpi(&cx.model.kpi(*kpi).meta.name));
    let names: Vec<String> = names.collect();
    cx.header(title, &[format!("Each KPI begins its own relations with its name: see {}.", names.join(", "))])
}

fn lines(cx: &Cx<'_>, kpi: &Kpi) -> Vec<String> {
    let mut lines = Vec::new();
    let buckets = match kpi.buckets {
        Buckets::AllTime | Buckets::Everybody => "All time is one bucket.".to_owned(),
        Buckets::Cohort(period) => {
            let mut began: Vec<String> = Vec::new();
            for measure in kpi.value.measures() {
                let own = begins(cx, &measure.relation);
                if !began.contains(&own) {
                    began.push(own);
                }
            }
            let colon = if began.is_empty() { "" } else { ": " };
            format!("By {} of the cohort{colon}{}.", period.name(), began.join(", or "))
        }
        Buckets::Calendar(period) => format!("By {} in which it happened.", period.name()),
    };
    lines.push(buckets);
    if kpi.value.measures().any(|measure| measure.mature_only) {
        lines.push("A member counts once its whole window has passed.".to_owned());
    } else if kpi.include_immature && kpi.value.measures().any(|measure| measure.waits) {
        lines.push("Members whose window is still open are included, and counted as immature.".to_owned());
    }
    lines.extend(settled::never(cx.model, kpi).map(|never| never.sentence().to_owned()));
    lines
}

/// Says by which moment a row of a measure belongs to a cohort.
fn begins(cx: &Cx<'_>, relation: &MeasureRelation) -> String {
    match relation {
        MeasureRelation::Milestone { population: Some(population), .. } => {
            format!("when a member reached `{}`", cx.model.milestone(*population).meta.name)
        }
        MeasureRelation::Milestone { population: None, .. } => "when the window of a member began".to_owned(),
        MeasureRelation::Entity(_) | MeasureRelation::Events(..) | MeasureRelation::Facts(_) => {
            let entity = relation.entity(cx.model).map(|entity| cx.model.entity(entity).meta.name.as_str());
            format!("when the `{}` started", entity.unwrap_or_default())
        }
    }
}
