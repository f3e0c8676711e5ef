//! The weights of reached milestones, added up and cut into half-open bands.

use crate::plan::own::{Own, Planned};
use crate::plan::relational::scalar::{self, aggregate, at_least, coalesce, equal, exact};
use crate::plan::relational::{Draft, Query};
use crate::plan::relations::Cx;
use crate::semantic::expr::{AggregateFunction, Type};
use crate::semantic::model::{Model, Score};

impl Planned for Score {
    fn own(&self, model: &Model) -> Option<Own<'_>> {
        let key = vec![(model.entity(self.entity).key.clone(), Type::String)];
        let rest = vec![
            ("score".to_owned(), Type::Float),
            ("band".to_owned(), Type::String),
            ("milestones_reached".to_owned(), Type::Int),
            ("as_of".to_owned(), Type::Timestamp),
        ];
        Some(Own {
            about: "The weights of the milestones reached so far, each in its own window; bands are half-open.",
            entity: Some(self.entity),
            columns: [key, rest],
            query: Box::new(|cx| query(cx, self)),
        })
    }
}

fn query(cx: Cx<'_>, score: &Score) -> Query {
    let key = &cx.model.entity(score.entity).key;
    let mut query = Query::default();
    // Weights are decimals, so that they add up exactly: 0.1 + 0.2 is in the band that begins at 0.3.
    let weights = score.terms.iter().map(|(milestone, weight)| vec![cx.name_of(*milestone), exact(*weight)]);
    let weights =
        query.constants("weights", &[("milestone", Type::String), ("weight", Type::Decimal)], weights.collect());
    let all = cx.all_reaches_that_apply(&mut query, "reached", score.terms.iter().map(|(milestone, _)| *milestone));

    let mut summed = Draft::new();
    let reached = summed.from(&query, all, "reached");
    let weight = summed.join(&query, weights, "weights", |weights| {
        vec![equal(weights.column("milestone"), reached.column("milestone"))]
    });
    summed.column("entity", reached.column("entity"));
    summed.column("score", aggregate(AggregateFunction::Sum, Some(weight.column("weight")), None));
    summed.column("milestones_reached", scalar::count());
    let summed = query.named("summed", summed);

    let entities = cx.entity(&mut query, score.entity);
    let mut scored = Draft::new();
    let entity = scored.from(&query, entities, "entity_row");
    let sums =
        scored.left_join(&query, summed, "summed", |summed| vec![equal(summed.column("entity"), entity.column(key))]);
    scored.columns(&entity, &[key]);
    scored.column("score", coalesce(sums.column("score"), scalar::cast(scalar::int(0), Type::Decimal)));
    scored.column("milestones_reached", coalesce(sums.column("milestones_reached"), scalar::int(0)));
    let scored = query.named("scored", scored);

    let mut result = Draft::new();
    let rows = result.from(&query, scored, "scored");
    result.columns(&rows, &[key]);
    result.column("score", scalar::cast(rows.column("score"), Type::Float));
    // From the top: the first lower bound that the score is not below.
    let bands = score.bands.iter().rev();
    let bands: Vec<_> =
        bands.map(|(name, bound)| (at_least(rows.column("score"), exact(*bound)), scalar::text(name))).collect();
    result.column("band", if bands.is_empty() { scalar::null(Type::String) } else { scalar::case(bands, None) });
    result.columns(&rows, &["milestones_reached"]);
    result.column("as_of", scalar::moment());
    query.unnamed(result);
    query
}
