//! A milestone as people read it: one row an entity that it applies to, reached or not.

use crate::plan::node::Shape;
use crate::plan::relational::scalar::{self, aggregate, any, at_least, coalesce, equal};
use crate::plan::relational::{Draft, Query, RelationId, Rows};
use crate::plan::relations::windows::{self, Begin, End};
use crate::plan::relations::{Cx, Scope, occurrences};
use crate::semantic::expr::{AggregateFunction, Type};
use crate::semantic::model::{Anchor, EntityIndex, Milestone, MilestoneIndex, Occurrences, Progress};
use crate::semantic::retention::{self, Retention};

/// Returns what the names of the columns of an entity begin with beside those of a milestone, and beside its key.
pub(super) fn prefix(cx: Cx<'_>, entity: EntityIndex) -> String {
    let mut prefix = "entity__".to_owned();
    while cx.model.entity(entity).key.starts_with(&prefix) {
        prefix.push('_');
    }
    prefix
}

pub(super) fn query(cx: Cx<'_>, milestone: MilestoneIndex) -> Query {
    let mut query = Query::default();
    let (result, _) = draft(cx, &mut query, milestone, false);
    query.unnamed(result);
    query
}

/// The rows of a milestone for a statement that reads them: those of its view, with all columns of the entities, without a
/// view in between, so that what is not read need not be computed. Who did not reach it is not among them where
/// `only_reached` says so.
pub(super) fn rows(cx: Cx<'_>, query: &mut Query, milestone: MilestoneIndex, only_reached: bool) -> RelationId {
    let (mut result, members) = draft(cx, query, milestone, only_reached);
    let entity = cx.model.milestone(milestone).entity;
    let prefix = prefix(cx, entity);
    for (name, _) in &cx.plan.node(cx.plan.entity(entity)).columns {
        let column = format!("{prefix}{name}");
        result.column(&column, members.column(&column));
    }
    query.named("milestone", result)
}

/// One row an entity that the milestone applies to; with the rows of who that is.
fn draft(cx: Cx<'_>, query: &mut Query, index: MilestoneIndex, only_reached: bool) -> (Draft, Rows) {
    let milestone = cx.model.milestone(index);
    let key = &cx.model.entity(milestone.entity).key;
    let population = population(cx, query, index, milestone);
    // Whom it does not apply to is not of the population.
    let reached = cx.reaches_of(query, "reached", index, true);
    let counted = match cx.plan.counted(index) {
        Some(counted) => {
            let numbered = cx.read(query, counted.node);
            let mut draft = Draft::new();
            let rows = draft.from(query, numbered, "occurrences");
            draft.filter(equal(rows.column("stream"), scalar::int(counted.stream)));
            occurrences::is_in_window(&rows, End::after(counted.within))
                .into_iter()
                .for_each(|lies| draft.filter(lies));
            let most = |name: &str| aggregate(AggregateFunction::Max, Some(rows.column(name)), None);
            draft.columns(&rows, &["entity"]);
            draft.column("count", most("n"));
            draft.column(
                "progress",
                scalar::cast(most(if counted.shape == Shape::Count { "n" } else { "progress" }), Type::Float),
            );
            query.named("counted", draft)
        }
        None => parts(cx, query, milestone, population),
    };

    let mut result = Draft::new();
    let (members, reach) = if only_reached {
        let reach = result.from(query, reached, "reached");
        let of_reach = |rows: &Rows| vec![equal(rows.column(key), reach.column("entity"))];
        (result.join(query, population, "population", of_reach), reach)
    } else {
        let members = result.from(query, population, "population");
        let of_member = |rows: &Rows| vec![equal(rows.column("entity"), members.column(key))];
        let reach = result.left_join(query, reached, "reached", of_member);
        (members, reach)
    };
    let of_member = |rows: &Rows| vec![equal(rows.column("entity"), members.column(key))];
    let counts = result.left_join(query, counted, "counted", of_member);
    result.columns(&members, &[key, "anchor_at", "closes_at"]);
    result.columns(&reach, &["reached_at", "reached_id"]);
    let is_reached = if only_reached { scalar::truth(true) } else { scalar::is_known(reach.column("reached_at")) };
    result.column("reached", is_reached);
    result.column("count", coalesce(counts.column("count"), scalar::int(0)));
    result.column("progress", coalesce(counts.column("progress"), scalar::cast(scalar::int(0), Type::Float)));
    result.column("mature", windows::is_mature(members.column("anchor_at"), members.column("closes_at")));
    (result, members)
}

/// Who the milestone applies to, and when the window of each begins and closes.
fn population(cx: Cx<'_>, query: &mut Query, index: MilestoneIndex, milestone: &Milestone) -> RelationId {
    let key = &cx.model.entity(milestone.entity).key;
    let entities = cx.entity(query, milestone.entity);
    let mut draft = Draft::new();
    let entity = draft.from(query, entities, "entity_row");
    let anchor = match milestone.anchor {
        Anchor::Start => windows::anchor(&entity, Begin::Start),
        Anchor::Reach(from) => {
            let reaches = cx.reaches_of(query, "earlier", from, false);
            let of_entity = |rows: &Rows| vec![equal(rows.column("entity"), entity.column(key))];
            windows::anchor(&entity, Begin::Reach(&draft.left_join(query, reaches, "from_reach", of_entity)))
        }
    };
    let closes = windows::closes(&milestone.horizon, &entity, &anchor);
    if let Some(condition) = &milestone.applies_to {
        let scope = Scope { entities: &[(milestone.entity, &entity)], ..Scope::default() };
        draft.filter(cx.written(condition, scope));
    }
    let Retention { own, below, members } = retention::of_milestone(cx.model, index);
    if let Some(kept) = own {
        let since = scalar::moment_before(kept.length);
        draft.filter(any([scalar::is_null(anchor.clone()), at_least(anchor.clone(), since)]));
    }
    if let Some(kept) = below {
        draft.filter(at_least(entity.column("started_at"), scalar::moment_before(kept.length)));
    }
    for (number, (member, kept)) in (1..).zip(members) {
        let oldest = oldest(cx, query, &format!("oldest_members_{number}"), milestone.entity, member);
        let of_entity = |rows: &Rows| vec![equal(rows.column("entity"), entity.column(key))];
        let oldest = draft.left_join(query, oldest, &format!("oldest_{number}"), of_entity);
        let began = oldest.column("started_at");
        draft.filter(any([scalar::is_null(began.clone()), at_least(began, scalar::moment_before(kept.length))]));
    }
    draft.columns(&entity, &[key]);
    draft.column("anchor_at", anchor);
    draft.column("closes_at", closes);
    let prefix = prefix(cx, milestone.entity);
    for (name, _) in &cx.plan.node(cx.plan.entity(milestone.entity)).columns {
        draft.column(&format!("{prefix}{name}"), entity.column(name));
    }
    query.named("population", draft)
}

/// When the first member of some kind began, of each entity that has any; members may be members of members.
fn oldest(cx: Cx<'_>, query: &mut Query, name: &str, entity: EntityIndex, member: EntityIndex) -> RelationId {
    let mut draft = Draft::new();
    let rows = cx.entity(query, member);
    let row = draft.from(query, rows, "member_row");
    let began = row.column("started_at");
    let (mut index, mut row) = (member, row);
    let key = loop {
        let Some((parent, column)) = &cx.model.entity(index).parent else { break scalar::null(Type::String) };
        let key = row.column(column);
        if *parent == entity {
            break key;
        }
        let own = &cx.model.entity(*parent).key;
        let rows = cx.entity(query, *parent);
        row = draft.join(query, rows, &format!("{}_row", cx.model.entity(*parent).meta.name), |rows| {
            vec![equal(rows.column(own), key)]
        });
        index = *parent;
    };
    draft.filter(scalar::is_known(key.clone()));
    draft.column("entity", key);
    draft.column("started_at", aggregate(AggregateFunction::Min, Some(began), None));
    query.named(name, draft)
}

/// What a milestone on milestones counts: reaches of its parts, by the entity itself or by its members.
fn parts(cx: Cx<'_>, query: &mut Query, milestone: &Milestone, population: RelationId) -> RelationId {
    let key = &cx.model.entity(milestone.entity).key;
    let (parts, member): (&[MilestoneIndex], Option<EntityIndex>) = match &milestone.occurrences {
        Occurrences::Reaches(parts) | Occurrences::Absence(parts) => (parts, None),
        Occurrences::Members(member) => (std::slice::from_ref(member), Some(cx.model.milestone(*member).entity)),
        Occurrences::Events { .. } => (&[], None),
    };
    let reaches = cx.reaches(query, "part_reaches", parts.iter().copied());
    let mut draft = Draft::new();
    let part = draft.from(query, reaches, "part_reaches");
    draft.filter(scalar::is_in(part.column("milestone"), parts.iter().map(|part| cx.name_of(*part)).collect()));
    let mut entity = part.column("entity");
    let mut progress = scalar::count();
    if let Some(child) = member {
        let own = cx.model.entity(child);
        let members = cx.entity(query, child);
        let row = draft.join(query, members, "member_row", |row| vec![equal(row.column(&own.key), entity.clone())]);
        if let Some((_, parent)) = &own.parent {
            entity = row.column(parent);
        }
        if let Progress::Distinct(value) = &milestone.progress {
            let scope = Scope { entities: &[(child, &row)], ..Scope::default() };
            let value = cx.told_apart(value, scope);
            // Who has no value brings nothing.
            draft.filter(scalar::is_known(value.clone()));
            progress = aggregate(AggregateFunction::CountDistinct, Some(value), None);
        }
    }
    let window = draft.join(query, population, "population", |rows| vec![equal(rows.column(key), entity.clone())]);
    let (anchor, reached_at) = (window.column("anchor_at"), part.column("reached_at"));
    let end = match &milestone.occurrences {
        Occurrences::Absence(_) => End::At(window.column("closes_at")),
        Occurrences::Events { .. } | Occurrences::Reaches(_) | Occurrences::Members(_) => End::after(milestone.within),
    };
    windows::lies_in(end, &anchor, &reached_at).for_each(|lies| draft.filter(lies));
    draft.column("entity", entity);
    draft.column("count", scalar::count());
    draft.column("progress", scalar::cast(progress, Type::Float));
    query.named("counted", draft)
}
