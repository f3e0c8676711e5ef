//! The model's definitions -> the plan's relations, each after those that it reads.

use std::collections::{BTreeMap, BTreeSet};

use crate::plan::cells::cells;
use crate::plan::node::{
    Cells, Counted, DefinitionRef, Materialization, Node, NodeId, Occurrences, OwnRelation, Plan, Raw, Reached,
    Relation, Shape,
};
use crate::plan::relational::{Query, moment, passes};
use crate::plan::streams::Group;
use crate::plan::{columns, naming, needs, own, relations, streams};
use crate::semantic::definitions;
use crate::semantic::expr::Type;
use crate::semantic::model::{
    DefinitionId, EntityIndex, KpiIndex, MilestoneIndex, Model, Occurrences as Counts, SourceIndex, SourceRows,
};

/// KPIs that are not computed, though those are that lie in one table with them.
#[derive(Clone, Debug, Default)]
pub struct Leaving {
    /// All of them.
    pub kpis: BTreeSet<KpiIndex>,
    /// Those whose rows are in the tables in which they lie: they stay there.
    pub kept: BTreeSet<KpiIndex>,
}

/// Plans everything that `model` defines, without the passes that are named.
pub fn build(model: &Model, without: &[&str], leaving: &Leaving) -> Plan {
    let by_name = streams::by_name(model);
    let plan = Plan { nodes: Vec::new(), counted: BTreeMap::new() };
    let mut builder = Builder { model, without, leaving, plan, names: BTreeSet::new(), by_name };
    builder.add(
        naming::SCHEMA.to_owned(),
        Relation::Schema,
        Materialization::Schema,
        Vec::new(),
        None,
        None,
        Vec::new(),
    );
    builder.add(
        naming::MOMENT.to_owned(),
        Relation::Moment,
        Materialization::Table,
        Vec::new(),
        None,
        None,
        vec![(moment::COLUMN.to_owned(), Type::Timestamp)],
    );
    builder.entities();
    builder.sources();
    builder.milestones();
    builder.kpis();
    builder.own();
    passes::run_on_plan(&mut builder.plan, model, without);
    builder.plan
}

struct Builder<'m> {
    model: &'m Model,
    /// The names of the passes that do not run.
    without: &'m [&'m str],
    leaving: &'m Leaving,
    plan: Plan,
    names: BTreeSet<String>,
    /// The milestones in the order of their names.
    by_name: Vec<MilestoneIndex>,
}

fn definition(model: &Model, definition: impl Into<DefinitionId>) -> DefinitionRef {
    let definition = definition.into();
    let meta = model.definition(definition).meta();
    DefinitionRef { definition, id: model.id(definition), tags: meta.tags.clone(), span: meta.span }
}

impl Builder<'_> {
    #[expect(clippy::too_many_arguments, reason = "one for each field of a node")]
    fn add(
        &mut self,
        name: String,
        relation: Relation,
        materialization: Materialization,
        mut depends_on: Vec<NodeId>,
        reads: Option<Raw>,
        definition: Option<DefinitionRef>,
        columns: Vec<(String, Type)>,
    ) -> NodeId {
        // One of two relations of one name would be read in place of the other. `naming` sees to it that there are none.
        assert!(self.names.insert(name.clone()), "two relations are called `{name}`");
        if !self.plan.nodes.is_empty() {
            depends_on.push(NodeId(0));
        }
        let mut query =
            relations::query(relations::Cx { model: self.model, plan: &self.plan, without: self.without }, &relation);
        if let Some(query) = &mut query {
            if materialization == Materialization::View {
                moment::read_from(query, self.plan.moment());
            }
            passes::run(query, &self.plan, self.without);
        }
        // What a query reads follows from what is in it.
        depends_on.extend(query.iter().flat_map(Query::nodes));
        // A table that keeps rows reads itself.
        depends_on.retain(|id| id.0 < self.plan.nodes.len());
        depends_on.sort_unstable();
        depends_on.dedup();
        let columns = match &query {
            Some(query) => {
                let own: Vec<(String, Type)> =
                    query.result().columns.iter().map(|column| (column.name.to_string(), column.ty)).collect();
                debug_assert_eq!(own, columns, "`{name}` has the columns that its readers know");
                own
            }
            None => columns,
        };
        self.plan.nodes.push(Node { name, relation, materialization, depends_on, reads, definition, columns, query });
        NodeId(self.plan.nodes.len() - 1)
    }

    fn entities(&mut self) {
        for index in members_first(self.model) {
            let entity = &self.model.entities[index];
            let depends_on = entity.members.iter().map(|member| self.plan.entity(*member)).collect();
            let reads = Raw::of(self.model, EntityIndex(index).into());
            self.add(
                naming::entity(&entity.meta.name),
                Relation::Entity(EntityIndex(index)),
                Materialization::Table,
                depends_on,
                reads,
                Some(definition(self.model, EntityIndex(index))),
                columns::of_entity(entity),
            );
        }
    }

    fn sources(&mut self) {
        for events in needs::events(self.model) {
            let source = self.model.source(events.source);
            let columns = columns::of_events(&events);
            let reads = Some(Raw::Source(events.source));
            let (name, reference) = (naming::events(&source.meta.name), Some(definition(self.model, events.source)));
            self.add(name, Relation::Events(events), Materialization::Table, Vec::new(), reads, reference, columns);
        }
        for (index, source) in self.model.sources.iter().enumerate() {
            if !matches!(source.rows, SourceRows::Facts { .. }) {
                continue;
            }
            self.add(
                naming::facts(&source.meta.name),
                Relation::Facts(SourceIndex(index)),
                Materialization::Table,
                Vec::new(),
                Some(Raw::Source(SourceIndex(index))),
                Some(definition(self.model, SourceIndex(index))),
                columns::of_facts(source),
            );
        }
    }

    fn events(&self, source: SourceIndex) -> NodeId {
        let found =
            self.plan.nodes.iter().position(|node| matches!(&node.relation, Relation::Events(e) if e.source == source));
        NodeId(found.expect("what is counted was gathered"))
    }

    fn milestones(&mut self) {
        let groups = streams::streams(self.model);
        let deepest = self.model.milestones.iter().map(|milestone| milestone.depth).max();
        let mut groups = groups.into_iter().peekable();
        for depth in 0..=deepest.unwrap_or(0) {
            while let Some((group, streams)) = groups.next_if(|(group, _)| group.depth == depth) {
                self.occurrences(group, streams);
            }
            for entity in 0..self.model.entities.len() {
                self.reached(EntityIndex(entity), depth);
            }
        }
        for index in 0..self.model.milestones.len() {
            let milestone = &self.model.milestones[index];
            if milestone.hidden {
                continue;
            }
            let mut columns = vec![(self.model.entity(milestone.entity).key.clone(), Type::String)];
            columns.extend(MILESTONE_COLUMNS.iter().map(|(name, ty)| ((*name).to_owned(), *ty)));
            self.add(
                naming::milestone(&milestone.meta.name),
                Relation::Milestone(MilestoneIndex(index)),
                Materialization::View,
                Vec::new(),
                None,
                Some(definition(self.model, MilestoneIndex(index))),
                columns,
            );
        }
        if self.model.milestones.iter().any(|milestone| !milestone.hidden) {
            let columns = CATALOG_COLUMNS.iter().map(|(name, ty)| ((*name).to_owned(), *ty)).collect();
            self.add(
                naming::MILESTONES.to_owned(),
                Relation::Milestones,
                Materialization::Table,
                Vec::new(),
                None,
                None,
                columns,
            );
        }
    }

    fn occurrences(&mut self, group: Group, streams: Vec<crate::plan::node::Stream>) {
        let events = self.events(group.source);
        let source = self.model.source(group.source);
        let entity = self.model.entity(group.entity);
        let Group { shape, any, depth, .. } = group;
        let name = naming::occurrences(&entity.meta.name, &source.meta.name, shape, any, depth);
        let node = NodeId(self.plan.nodes.len());
        for stream in &streams {
            for milestone in &stream.milestones {
                let own = self.model.milestone(*milestone);
                let (at_least, within) = (own.at_least, own.within);
                let counted = Counted { node, shape: group.shape, stream: stream.id, at_least, within };
                self.plan.counted.insert(*milestone, counted);
            }
        }
        let progress = if group.shape == Shape::Sum { Type::Decimal } else { Type::Int };
        let columns = [
            ("stream", Type::Int),
            ("entity", Type::String),
            ("n", Type::Int),
            ("progress", progress),
            ("before", progress),
            ("bucket", Type::Int),
            ("occurred_at", Type::Timestamp),
            ("event_id", Type::String),
        ];
        // Where rows are counted, the number of a row is how far it gets.
        let is_own = |name: &str| group.shape != Shape::Count || !matches!(name, "progress" | "before");
        let columns =
            columns.iter().filter(|(name, _)| is_own(name)).map(|(name, ty)| ((*name).to_owned(), *ty)).collect();
        let occurrences =
            Occurrences { source: group.source, events, entity: group.entity, shape: group.shape, streams };
        self.add(name, Relation::Occurrences(occurrences), Materialization::Table, Vec::new(), None, None, columns);
    }

    fn reached(&mut self, entity: EntityIndex, depth: usize) {
        let mut reached = Reached { entity, depth, composites: Vec::new(), members: Vec::new(), absences: Vec::new() };
        let mut any = false;
        for index in self.by_name.clone() {
            let milestone = self.model.milestone(index);
            if milestone.entity != entity || milestone.depth != depth {
                continue;
            }
            match &milestone.occurrences {
                Counts::Events { .. } => continue,
                Counts::Reaches(_) => reached.composites.push(index),
                Counts::Members(_) => reached.members.push(index),
                Counts::Absence(_) => reached.absences.push(index),
            }
            any = true;
        }
        if !any {
            return;
        }
        let columns = vec![
            ("milestone".to_owned(), Type::String),
            ("entity".to_owned(), Type::String),
            ("reached_at".to_owned(), Type::Timestamp),
            ("reached_id".to_owned(), Type::String),
        ];
        let name = naming::reached(&self.model.entity(entity).meta.name, depth);
        self.add(name, Relation::Reached(reached), Materialization::Table, Vec::new(), None, None, columns);
    }

    fn kpis(&mut self) {
        let columns: Vec<(String, Type)> = KPI_COLUMNS.iter().map(|(name, ty)| ((*name).to_owned(), *ty)).collect();
        for (name, kpis) in cells(self.model) {
            let relation = Relation::Cells(self.computed(&kpis));
            self.add(name, relation, Materialization::Table, Vec::new(), None, None, columns.clone());
            for index in kpis {
                let kpi = self.model.kpi(index);
                self.add(
                    naming::kpi(&kpi.meta.name),
                    Relation::Kpi(index),
                    Materialization::View,
                    Vec::new(),
                    None,
                    Some(definition(self.model, index)),
                    columns.clone(),
                );
            }
        }
        if !self.model.kpis.is_empty() {
            let name = naming::KPIS.to_owned();
            self.add(name, Relation::Kpis, Materialization::View, Vec::new(), None, None, columns);
        }
    }

    /// Tells which KPIs of a table are computed. Where all are left out, nobody asks for it: it is as it always is.
    fn computed(&self, all: &[KpiIndex]) -> Cells {
        let (left_out, kpis): (Vec<KpiIndex>, Vec<KpiIndex>) =
            all.iter().copied().partition(|kpi| self.leaving.kpis.contains(kpi));
        if kpis.is_empty() {
            return Cells { kpis: left_out, left_out: Vec::new(), kept: Vec::new() };
        }
        let kept = left_out.iter().copied().filter(|kpi| self.leaving.kept.contains(kpi)).collect();
        Cells { kpis, left_out, kept }
    }

    /// Plans the relations that definitions have by themselves, each after those that it is made of.
    fn own(&mut self) {
        for id in definitions::all(self.model).into_iter().map(|own| own.definition) {
            let Some(own) = own::of(self.model, id) else { continue };
            let relation = OwnRelation { definition: id, key: own.columns[0].len() };
            let (name, reference) = (naming::own(&self.model.id(id)), Some(definition(self.model, id)));
            let (relation, columns) = (Relation::Own(relation), own.columns.concat());
            self.add(name, relation, Materialization::Table, Vec::new(), None, reference, columns);
        }
    }
}

/// Returns the entities, members before what they are members of: what is known only from members is derived from them.
pub fn members_first(model: &Model) -> Vec<usize> {
    let height = |mut index: usize| {
        let mut height = 0;
        while let Some((parent, _)) = &model.entities[index].parent {
            height += 1;
            index = parent.0;
        }
        height
    };
    let mut order: Vec<usize> = (0..model.entities.len()).collect();
    order.sort_by_key(|index| std::cmp::Reverse(height(*index)));
    order
}

/// The columns of a milestone's view, after the entity's key.
pub const MILESTONE_COLUMNS: &[(&str, Type)] = &[
    ("anchor_at", Type::Timestamp),
    ("closes_at", Type::Timestamp),
    ("reached_at", Type::Timestamp),
    ("reached_id", Type::String),
    ("reached", Type::Bool),
    ("count", Type::Int),
    ("progress", Type::Float),
    ("mature", Type::Bool),
];

/// The columns of the list of milestones.
pub const CATALOG_COLUMNS: &[(&str, Type)] = &[
    ("milestone", Type::String),
    ("title", Type::String),
    ("description", Type::String),
    ("entity", Type::String),
    ("tier", Type::String),
    ("weight", Type::Float),
    ("within", Type::String),
    ("events", Type::String),
    ("gating", Type::Bool),
];

/// The columns of every KPI.
pub const KPI_COLUMNS: &[(&str, Type)] = &[
    ("kpi", Type::String),
    ("grain", Type::String),
    ("period", Type::Date),
    ("segment_by", Type::String),
    ("segment", Type::String),
    ("numerator", Type::Float),
    ("denominator", Type::Float),
    ("value", Type::Float),
    ("n", Type::Int),
    ("mature", Type::Bool),
    ("immature", Type::Int),
    ("as_of", Type::Timestamp),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "two relations are called `reached__user__0`")]
    fn a_second_relation_of_one_name_is_refused() {
        let model = Model { name: "acme".to_owned(), ..Model::default() };
        let mut builder = Builder {
            model: &model,
            without: &[],
            leaving: &Leaving::default(),
            plan: Plan { nodes: Vec::new(), counted: BTreeMap::new() },
            names: BTreeSet::new(),
            by_name: Vec::new(),
        };
        for _ in 0..2 {
            let name = naming::reached("user", 0);
            builder.add(name, Relation::Schema, Materialization::Schema, Vec::new(), None, None, Vec::new());
        }
    }
}
