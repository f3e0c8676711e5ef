//! The list of milestones, with what is said about each.

use crate::plan::build::CATALOG_COLUMNS;
use crate::plan::relational::scalar::{self, Scalar};
use crate::plan::relational::{Draft, Query};
use crate::plan::relations::Cx;
use crate::plan::streams::by_name;
use crate::semantic::duration;
use crate::semantic::expr::Type;
use crate::semantic::model::Occurrences;

pub(super) fn query(cx: Cx<'_>) -> Query {
    let text = |value: Option<&str>| value.map_or_else(|| scalar::null(Type::String), scalar::text);
    let mut rows: Vec<Vec<Scalar>> = Vec::new();
    let listed = by_name(cx.model).into_iter().map(|index| cx.model.milestone(index));
    for milestone in listed.filter(|milestone| !milestone.hidden) {
        let events = match &milestone.occurrences {
            Occurrences::Events { names, .. } => Some(names.only().map_or("*".to_owned(), |names| names.join(", "))),
            Occurrences::Reaches(_) | Occurrences::Members(_) | Occurrences::Absence(_) => None,
        };
        rows.push(vec![
            scalar::text(&milestone.meta.name),
            text(milestone.meta.title.as_deref()),
            text(milestone.meta.description.as_deref()),
            scalar::text(&cx.model.entity(milestone.entity).meta.name),
            text(milestone.tier.as_deref()),
            milestone.weight.map_or_else(|| scalar::null(Type::Float), |weight| scalar::float(weight.to_float())),
            text(milestone.within.map(duration::written).as_deref()),
            text(events.as_deref()),
            scalar::truth(milestone.gating),
        ]);
    }
    let mut query = Query::default();
    let listed = query.constants("listed", CATALOG_COLUMNS, rows);
    let mut result = Draft::new();
    let all = result.from(&query, listed, "listed");
    result.all(&all);
    query.unnamed(result);
    query
}
