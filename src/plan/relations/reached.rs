//! One row a milestone that an entity reached by what it, its members or others reached, or did not.

use crate::plan::node::{Reached, Shape};
use crate::plan::relational::scalar::{self, Scalar, WindowFunction, equal, is_known, is_null, window};
use crate::plan::relational::{Draft, Query, RelationId, Rows};
use crate::plan::relations::windows::{self, Begin, End};
use crate::plan::relations::{Cx, Scope, choose, join_from, microseconds, threshold};
use crate::plan::streams::signature;
use crate::semantic::expr::Type;
use crate::semantic::model::{Anchor, EntityIndex, MilestoneIndex, Occurrences, Progress};

/// The columns of reaches.
const COLUMNS: &[&str] = &["milestone", "entity", "reached_at", "reached_id"];

pub(super) fn query(cx: Cx<'_>, reached: &Reached) -> Query {
    let mut query = Query::default();
    let entities = cx.entity(&mut query, reached.entity);
    let on_others = reached.composites.iter().chain(&reached.members).chain(&reached.absences);
    let inputs: Vec<MilestoneIndex> = on_others.flat_map(|milestone| cx.model.milestone(*milestone).inputs()).collect();
    let earlier = cx.reaches(&mut query, "earlier", inputs);
    let make = Make { cx, entity: reached.entity, entities };
    let mut branches = Vec::new();
    if !reached.composites.is_empty() {
        branches.push(make.composites(&mut query, earlier, &reached.composites));
    }
    for (number, (child, value, milestones)) in groups(cx, &reached.members).into_iter().enumerate() {
        branches.push(make.members(&mut query, earlier, number + 1, child, value, &milestones));
    }
    if !reached.absences.is_empty() {
        branches.push(make.absences(&mut query, earlier, &reached.absences));
    }
    query.union(None, branches);
    query
}

struct Make<'p> {
    cx: Cx<'p>,
    /// Who reached.
    entity: EntityIndex,
    /// Their rows.
    entities: RelationId,
}

impl Make<'_> {
    fn key(&self) -> &str {
        &self.cx.model.entity(self.entity).key
    }

    /// Joins the rows of who reached.
    fn join_entity(&self, query: &Query, draft: &mut Draft, key: Scalar) -> Rows {
        draft.join(query, self.entities, "entity_row", |rows| vec![equal(rows.column(self.key()), key)])
    }

    fn applies(&self, milestones: &[MilestoneIndex], name: &Scalar, entity: &Rows) -> Option<Scalar> {
        self.cx.applies(milestones, name, self.entity, entity)
    }

    fn has_from(&self, milestones: &[MilestoneIndex]) -> bool {
        milestones.iter().any(|milestone| matches!(self.cx.model.milestone(*milestone).anchor, Anchor::Reach(_)))
    }

    /// Makes where the windows of milestones start, and joins what it takes.
    fn anchor(
        &self,
        query: &Query,
        draft: &mut Draft,
        earlier: RelationId,
        milestones: &[MilestoneIndex],
        from: Scalar,
        entity: &Rows,
    ) -> Scalar {
        if !self.has_from(milestones) {
            return windows::anchor(entity, Begin::Start);
        }
        let reach = join_from(query, draft, earlier, "from_reach", from.clone(), entity.column(self.key()));
        windows::anchor(entity, Begin::Named(from, &reach))
    }

    /// Those on reaches of others by the same entity: the n-th of them.
    fn composites(&self, query: &mut Query, earlier: RelationId, milestones: &[MilestoneIndex]) -> RelationId {
        let cx = self.cx;
        let mut rows = Vec::new();
        for index in milestones {
            let milestone = cx.model.milestone(*index);
            let Occurrences::Reaches(parts) = &milestone.occurrences else { continue };
            for part in parts {
                rows.push(vec![
                    cx.name_of(*index),
                    cx.name_of(*part),
                    threshold(Shape::Count, milestone.at_least),
                    microseconds(milestone.within),
                    cx.anchor_name(milestone),
                ]);
            }
        }
        let parts = query.constants("parts", &part_columns("part"), rows);
        let mut draft = Draft::new();
        let part = draft.from(query, parts, "parts");
        let reach =
            draft.join(query, earlier, "earlier", |rows| vec![equal(rows.column("milestone"), part.column("part"))]);
        let entity = self.join_entity(query, &mut draft, reach.column("entity"));
        let anchor = self.anchor(query, &mut draft, earlier, milestones, part.column("from_milestone"), &entity);
        let end = End::AfterIfAny(part.column("within_microseconds"));
        windows::lies_in(end, &anchor, &reach.column("reached_at")).for_each(|lies| draft.filter(lies));
        if let Some(applies) = self.applies(milestones, &part.column("milestone"), &entity) {
            draft.filter(applies);
        }
        draft.columns(&part, &["milestone", "at_least"]);
        draft.columns(&reach, &["entity", "reached_at", "reached_id"]);
        let of_entity = vec![part.column("milestone"), reach.column("entity")];
        let order = vec![reach.column("reached_at"), reach.column("reached_id"), part.column("part")];
        draft.column("n", window(WindowFunction::RowNumber, of_entity, order));
        let reaches = query.named("composite_reaches", draft);
        nth(query, reaches, "composites")
    }

    /// Those on reaches by members: the n-th member, or the n-th new value.
    fn members(
        &self,
        query: &mut Query,
        earlier: RelationId,
        number: usize,
        child: EntityIndex,
        value: Option<&crate::semantic::expr::Expr>,
        milestones: &[MilestoneIndex],
    ) -> RelationId {
        let cx = self.cx;
        let own = cx.model.entity(child);
        let rows = milestones.iter().filter_map(|index| {
            let milestone = cx.model.milestone(*index);
            let Occurrences::Members(member) = milestone.occurrences else { return None };
            let at_least = threshold(Shape::Count, milestone.at_least);
            let within = microseconds(milestone.within);
            Some(vec![cx.name_of(*index), cx.name_of(member), at_least, within, cx.anchor_name(milestone)])
        });
        let rows = rows.collect();
        let listed = query.constants(&format!("member_milestones_{number}"), &part_columns("member_milestone"), rows);
        let children = cx.entity(query, child);
        let mut draft = Draft::new();
        let milestone = draft.from(query, listed, "milestones");
        let reach = draft.join(query, earlier, "earlier", |rows| {
            vec![equal(rows.column("milestone"), milestone.column("member_milestone"))]
        });
        let member = draft
            .join(query, children, "member_row", |rows| vec![equal(rows.column(&own.key), reach.column("entity"))]);
        let parent =
            own.parent.as_ref().map_or_else(|| scalar::null(Type::String), |(_, parent)| member.column(parent));
        let entity = self.join_entity(query, &mut draft, parent);
        let key = entity.column(self.key());
        let anchor = self.anchor(query, &mut draft, earlier, milestones, milestone.column("from_milestone"), &entity);
        let end = End::AfterIfAny(milestone.column("within_microseconds"));
        windows::lies_in(end, &anchor, &reach.column("reached_at")).for_each(|lies| draft.filter(lies));
        if let Some(applies) = self.applies(milestones, &milestone.column("milestone"), &entity) {
            draft.filter(applies);
        }
        let value = match value {
            Some(value) => {
                let scope = Scope { entities: &[(child, &member)], ..Scope::default() };
                cx.told_apart(value, scope)
            }
            None => member.column(&own.key),
        };
        draft.columns(&milestone, &["milestone", "at_least"]);
        draft.column("entity", key);
        draft.columns(&reach, &["reached_at", "reached_id"]);
        draft.column("member", reach.column("entity"));
        draft.column("value", value);
        let reaches = query.named(&format!("member_reaches_{number}"), draft);

        let order = |rows: &Rows| ["reached_at", "reached_id", "member"].map(|name| rows.column(name)).to_vec();
        let mut firsts = Draft::new();
        let row = firsts.from(query, reaches, "reaches");
        firsts.filter(is_known(row.column("value")));
        firsts.all(&row);
        let of_value = ["milestone", "entity", "value"].map(|name| row.column(name)).to_vec();
        firsts.column("nth_of_value", window(WindowFunction::RowNumber, of_value, order(&row)));
        let firsts = query.named(&format!("member_firsts_{number}"), firsts);

        let mut numbers = Draft::new();
        let row = numbers.from(query, firsts, "firsts");
        numbers.filter(equal(row.column("nth_of_value"), scalar::int(1)));
        numbers.columns(&row, &["milestone", "at_least", "entity", "reached_at", "reached_id"]);
        let of_entity = ["milestone", "entity"].map(|name| row.column(name)).to_vec();
        numbers.column("n", window(WindowFunction::RowNumber, of_entity, order(&row)));
        let numbers = query.named(&format!("member_numbers_{number}"), numbers);
        nth(query, numbers, &format!("members_{number}"))
    }

    /// Those on the absence of others: the end of the window, once it is over.
    fn absences(&self, query: &mut Query, earlier: RelationId, milestones: &[MilestoneIndex]) -> RelationId {
        let cx = self.cx;
        let mut rows = Vec::new();
        for index in milestones {
            let milestone = cx.model.milestone(*index);
            let Occurrences::Absence(parts) = &milestone.occurrences else { continue };
            for part in parts {
                rows.push(vec![cx.name_of(*index), cx.name_of(*part), cx.anchor_name(milestone)]);
            }
        }
        let columns = [("milestone", Type::String), ("part", Type::String), ("from_milestone", Type::String)];
        let parts = query.constants("absent_parts", &columns, rows);
        let mut once = Draft::new();
        let part = once.from(query, parts, "absent_parts");
        once.distinct();
        once.columns(&part, &["milestone", "from_milestone"]);
        let once = query.unnamed(once);

        let mut spans = Draft::new();
        let entity = spans.from(query, self.entities, "entity_row");
        let milestone = spans.from(query, once, "milestones");
        let key = entity.column(self.key());
        let anchor = self.anchor(query, &mut spans, earlier, milestones, milestone.column("from_milestone"), &entity);
        if let Some(applies) = self.applies(milestones, &milestone.column("milestone"), &entity) {
            spans.filter(applies);
        }
        spans.columns(&milestone, &["milestone"]);
        spans.column("entity", key);
        spans.column("anchor_at", anchor.clone());
        let horizons = milestones.iter().map(|index| (index, &cx.model.milestone(*index).horizon));
        let horizons = horizons.map(|(index, horizon)| (cx.name_of(*index), Some((horizon, horizon))));
        let never = scalar::null(Type::Timestamp);
        let name = milestone.column("milestone");
        spans.column("closes_at", choose(&name, horizons, |horizon| windows::closes(horizon, &entity, &anchor), never));
        let spans = query.named("windows", spans);

        let mut broken = Draft::new();
        let span = broken.from(query, spans, "windows");
        let part = broken
            .join(query, parts, "absent_parts", |rows| vec![equal(rows.column("milestone"), span.column("milestone"))]);
        let reach = broken.join(query, earlier, "earlier", |rows| {
            vec![
                equal(rows.column("milestone"), part.column("part")),
                equal(rows.column("entity"), span.column("entity")),
            ]
        });
        let (anchor, end) = (span.column("anchor_at"), End::At(span.column("closes_at")));
        windows::lies_in(end, &anchor, &reach.column("reached_at")).for_each(|lies| broken.filter(lies));
        broken.distinct();
        broken.columns(&span, &["milestone", "entity"]);
        let broken = query.named("broken", broken);

        let mut draft = Draft::new();
        let span = draft.from(query, spans, "windows");
        let reach = draft.left_join(query, broken, "broken", |rows| {
            ["milestone", "entity"].map(|name| equal(rows.column(name), span.column(name))).to_vec()
        });
        draft.filter(is_null(reach.column("entity")));
        draft.filter(windows::is_over(span.column("closes_at")));
        draft.columns(&span, &["milestone", "entity"]);
        draft.column("reached_at", span.column("closes_at"));
        draft.column("reached_id", scalar::text(""));
        query.named("absences", draft)
    }
}

/// Of numbered reaches, those whose number is the threshold.
fn nth(query: &mut Query, numbered: RelationId, name: &str) -> RelationId {
    let mut draft = Draft::new();
    let row = draft.from(query, numbered, "numbered");
    draft.filter(equal(row.column("n"), row.column("at_least")));
    draft.columns(&row, COLUMNS);
    query.named(name, draft)
}

fn part_columns(part: &'static str) -> [(&'static str, Type); 5] {
    [
        ("milestone", Type::String),
        (part, Type::String),
        ("at_least", Type::Int),
        ("within_microseconds", Type::Int),
        ("from_milestone", Type::String),
    ]
}

type Group<'m> = (EntityIndex, Option<&'m crate::semantic::expr::Expr>, Vec<MilestoneIndex>);

/// Groups milestones on members by whose reaches they count, and by what makes members different.
fn groups<'m>(cx: Cx<'m>, milestones: &[MilestoneIndex]) -> Vec<Group<'m>> {
    let signature = |value: Option<&crate::semantic::expr::Expr>| value.map(signature);
    let mut groups: Vec<Group<'m>> = Vec::new();
    for index in milestones {
        let milestone = cx.model.milestone(*index);
        let Occurrences::Members(member) = milestone.occurrences else { continue };
        let child = cx.model.milestone(member).entity;
        let value = match &milestone.progress {
            Progress::Distinct(value) => Some(value),
            Progress::Count | Progress::Sum(_) => None,
        };
        let is_its = |(known, other, _): &&mut Group<'m>| *known == child && signature(*other) == signature(value);
        match groups.iter_mut().find(is_its) {
            Some((_, _, group)) => group.push(*index),
            None => groups.push((child, value, vec![*index])),
        }
    }
    groups
}
