//! Who reached a milestone, for whoever asks: read off numbered occurrences, or off the relation of those that are reached by
//! what others reached.

use std::collections::{BTreeMap, BTreeSet};

use crate::plan::node::{Counted, NodeId, Shape};
use crate::plan::relational::scalar::{self, Scalar, equal};
use crate::plan::relational::{Draft, Query, RelationId, Rows};
use crate::plan::relations::windows::End;
use crate::plan::relations::{Cx, Scope, choose, microseconds, milestone, occurrences, threshold};
use crate::plan::streams::signature;
use crate::semantic::expr::Type;
use crate::semantic::model::{EntityIndex, MilestoneIndex};
use crate::semantic::retention;

impl Cx<'_> {
    /// Reads the reaches of one milestone: `entity`, `reached_at`, `reached_id`. Those of entities that it does not apply to
    /// are among them where `all` says so, for a reader that leaves these entities out.
    pub(super) fn reaches_of(self, query: &mut Query, name: &str, milestone: MilestoneIndex, all: bool) -> RelationId {
        let mut draft = Draft::new();
        match self.plan.counted(milestone) {
            None => {
                let reached = self.read(query, self.reached_of(milestone));
                let row = draft.from(query, reached, "reaches");
                draft.filter(equal(row.column("milestone"), self.name_of(milestone)));
                draft.columns(&row, &["entity", "reached_at", "reached_id"]);
            }
            Some(counted) => {
                let numbered = self.read(query, counted.node);
                let row = draft.from(query, numbered, "occurrences");
                draft.filter(equal(row.column("stream"), scalar::int(counted.stream)));
                let at = threshold(counted.shape, counted.at_least);
                let reaching = occurrences::reaching(counted.shape, &row, &at, End::after(counted.within), false);
                reaching.for_each(|condition| draft.filter(condition));
                if !all {
                    self.where_it_applies(query, &mut draft, &[milestone], &self.name_of(milestone), &row);
                }
                reach_columns(&mut draft, &row);
            }
        }
        // The row at which progress gets to a threshold is one.
        draft.told_apart_by(&["entity"]);
        query.named(name, draft)
    }

    /// Reads the reaches of milestones under a name: `milestone`, `entity`, `reached_at`, `reached_id`; those of others may
    /// be among them.
    pub(super) fn reaches(
        self,
        query: &mut Query,
        name: &str,
        milestones: impl IntoIterator<Item = MilestoneIndex>,
    ) -> RelationId {
        let mut by_name: Vec<MilestoneIndex> =
            milestones.into_iter().collect::<BTreeSet<MilestoneIndex>>().into_iter().collect();
        by_name.sort_by_key(|milestone| &self.model.milestone(*milestone).meta.name);
        let mut counted: BTreeMap<(&str, NodeId), Vec<(MilestoneIndex, Counted)>> = BTreeMap::new();
        let mut others: BTreeSet<(&str, NodeId)> = BTreeSet::new();
        let named = |node: NodeId| (self.plan.node(node).name.as_str(), node);
        for milestone in by_name {
            match self.plan.counted(milestone) {
                Some(own) => counted.entry(named(own.node)).or_default().push((milestone, *own)),
                None => {
                    others.insert(named(self.reached_of(milestone)));
                }
            }
        }
        let mut parts = Vec::new();
        let is_one = counted.len() + others.len() == 1;
        for (number, ((_, node), entries)) in (1..).zip(counted) {
            let own = if is_one { name.to_owned() } else { format!("{name}_{number}") };
            parts.push(self.counted_reaches(query, &own, node, &entries));
        }
        for (_, node) in others {
            parts.push(self.read(query, node));
        }
        if let [only] = parts.as_slice() {
            return *only;
        }
        let union = query.union(Some(name), parts);
        // Each milestone is in one part.
        query.told_apart_by(union, &["milestone", "entity"]);
        union
    }

    /// Reads the reaches of one milestone by those to whom it applies, whose rows may be gone in part: `entity`, `reached_at`,
    /// `reached_id`.
    pub(super) fn reaches_that_apply(self, query: &mut Query, name: &str, index: MilestoneIndex) -> RelationId {
        if !self.forgets(index) {
            return self.reaches_of(query, name, index, false);
        }
        let rows = query.scoped(name, |query| milestone::rows(self, query, index, true));
        let mut draft = Draft::new();
        let row = draft.from(query, rows, "milestone");
        draft.column("entity", row.column(&self.model.entity(self.model.milestone(index).entity).key));
        draft.columns(&row, &["reached_at", "reached_id"]);
        query.named(name, draft)
    }

    /// Reads the reaches of several milestones by those to whom each applies, and of no other: `milestone`, `entity`,
    /// `reached_at`, `reached_id`.
    pub(super) fn all_reaches_that_apply(
        self,
        query: &mut Query,
        name: &str,
        milestones: impl IntoIterator<Item = MilestoneIndex>,
    ) -> RelationId {
        let (forget, know): (Vec<MilestoneIndex>, Vec<MilestoneIndex>) =
            milestones.into_iter().partition(|index| self.forgets(*index));
        if forget.is_empty() {
            return self.reaches(query, name, know);
        }
        let mut parts = Vec::new();
        if !know.is_empty() {
            let names = know.iter().map(|index| self.name_of(*index)).collect();
            let reaches = self.reaches(query, &format!("{name}_whole"), know);
            let mut draft = Draft::new();
            let row = draft.from(query, reaches, "reaches");
            // What forgets may lie among them.
            draft.filter(scalar::is_in(row.column("milestone"), names));
            draft.columns(&row, &["milestone", "entity", "reached_at", "reached_id"]);
            parts.push(query.unnamed(draft));
        }
        for (number, index) in (1..).zip(forget) {
            let own = format!("{name}_{number}");
            let reaches = self.reaches_that_apply(query, &own, index);
            let mut draft = Draft::new();
            let row = draft.from(query, reaches, "reaches");
            draft.column("milestone", self.name_of(index));
            draft.columns(&row, &["entity", "reached_at", "reached_id"]);
            parts.push(query.unnamed(draft));
        }
        if let [only] = parts.as_slice() {
            return *only;
        }
        query.union(Some(name), parts)
    }

    /// Tells whether rows that a milestone depends on are not kept for ever: it applies to nobody who began before them.
    fn forgets(self, milestone: MilestoneIndex) -> bool {
        retention::of_milestone(self.model, milestone).strictest().is_some()
    }

    /// Reads the reaches of several milestones off one relation of occurrences.
    fn counted_reaches(
        self,
        query: &mut Query,
        name: &str,
        node: NodeId,
        entries: &[(MilestoneIndex, Counted)],
    ) -> RelationId {
        let shape = entries.first().map_or(Shape::Count, |(_, counted)| counted.shape);
        let row = |(milestone, counted): &(MilestoneIndex, Counted)| {
            let at = threshold(shape, counted.at_least);
            vec![self.name_of(*milestone), scalar::int(counted.stream), at, microseconds(counted.within)]
        };
        let progress = if shape == Shape::Sum { Type::Decimal } else { Type::Int };
        let columns = [
            ("milestone", Type::String),
            ("stream", Type::Int),
            ("at_least", progress),
            ("within_microseconds", Type::Int),
        ];
        let listed = query.constants(&format!("{name}_milestones"), &columns, entries.iter().map(row).collect());
        let numbered = self.read(query, node);
        let mut draft = Draft::new();
        let row = draft.from(query, numbered, "occurrences");
        let touched = occurrences::touched(shape);
        let milestone = draft.join(query, listed, "milestones", |rows| {
            let mut on = vec![equal(rows.column("stream"), row.column("stream"))];
            on.extend(touched.map(|name| equal(rows.column("at_least"), row.column(name))));
            on
        });
        // A constant says which of the sorted rows are read, where a join does not.
        let streams: BTreeSet<i64> = entries.iter().map(|(_, counted)| counted.stream).collect();
        draft.filter(scalar::is_in(row.column("stream"), streams.into_iter().map(scalar::int).collect()));
        let has_end = entries.iter().any(|(_, counted)| counted.within.is_some());
        let end = if has_end { End::AfterIfAny(milestone.column("within_microseconds")) } else { End::Never };
        let reaching = occurrences::reaching(shape, &row, &milestone.column("at_least"), end, true);
        reaching.for_each(|condition| draft.filter(condition));
        let milestones: Vec<MilestoneIndex> = entries.iter().map(|(milestone, _)| *milestone).collect();
        self.where_it_applies(query, &mut draft, &milestones, &milestone.column("milestone"), &row);
        draft.columns(&milestone, &["milestone"]);
        reach_columns(&mut draft, &row);
        draft.told_apart_by(&["milestone", "entity"]);
        query.named(name, draft)
    }

    /// Keeps the occurrences of entities to which their milestone applies, where some do not apply to all.
    fn where_it_applies(
        self,
        query: &mut Query,
        draft: &mut Draft,
        milestones: &[MilestoneIndex],
        name: &Scalar,
        occurrence: &Rows,
    ) {
        let Some(first) = milestones.first() else { return };
        if milestones.iter().all(|milestone| self.model.milestone(*milestone).applies_to.is_none()) {
            return;
        }
        // Occurrences of one relation belong to entities of one kind.
        let entity = self.model.milestone(*first).entity;
        let entities = self.entity(query, entity);
        let key = &self.model.entity(entity).key;
        let row = draft
            .join(query, entities, "entity_row", |rows| vec![equal(rows.column(key), occurrence.column("entity"))]);
        if let Some(applies) = self.applies(milestones, name, entity, &row) {
            draft.filter(applies);
        }
    }

    /// Makes what tells the entities that each milestone applies to, where some do not apply to all.
    pub(super) fn applies(
        self,
        milestones: &[MilestoneIndex],
        name: &Scalar,
        entity: EntityIndex,
        row: &Rows,
    ) -> Option<Scalar> {
        let scope = Scope { entities: &[(entity, row)], ..Scope::default() };
        let own = |milestone: &MilestoneIndex| self.model.milestone(*milestone).applies_to.as_ref();
        if milestones.iter().all(|milestone| own(milestone).is_none()) {
            return None;
        }
        let said = milestones
            .iter()
            .map(|milestone| (self.name_of(*milestone), own(milestone).map(|expr| (signature(expr), expr))));
        Some(choose(name, said, |expr| self.written(expr, scope), scalar::truth(true)))
    }

    /// Returns the node with the reaches of a milestone on others.
    fn reached_of(self, milestone: MilestoneIndex) -> NodeId {
        let milestone = self.model.milestone(milestone);
        self.plan.reached(milestone.entity, milestone.depth)
    }
}

fn reach_columns(draft: &mut Draft, occurrence: &Rows) {
    draft.columns(occurrence, &["entity"]);
    draft.column("reached_at", occurrence.column("occurred_at"));
    draft.column("reached_id", occurrence.column("event_id"));
}
