//! What stands in the schema before a run: whose it is, of which moment, and what a run of a part makes besides that part.
//!
//! A table is *current* where a run would make the same of the same rows: its mark has the digest of what computes it, of all
//! that it reads too, and the moment. A view, whose rows are those of what it reads, is current where its own text and the
//! columns that it reads are the same; so is a table of constants. A run of a part ends with what it made, what that reads, and what reads that
//! being current; so it makes more than was asked for, or is refused where that would be because of the moment alone.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::check::{Checked, Mark};
use crate::plan::node::{Materialization, NodeId, Plan, Relation};
use crate::plan::part::{add_read_within, comes_with};
use crate::run::results::sha256;
use crate::warehouse::Found;

/// What a relation of the plan is in the warehouse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is not there.
    Absent,
    /// Something of its name is there that no run of ours made.
    Foreign,
    /// It is ours, and of another moment.
    OfAnotherMoment,
    /// It is ours, of the moment, and was computed otherwise.
    Changed,
    /// It is what a run would make.
    Current,
}

/// The plan, and what is in its schema.
pub struct Standing<'p> {
    plan: &'p Plan,
    /// For each node the mark that a run gives its relation; none for the schema.
    marks: Vec<Option<Mark>>,
    /// For each node what has its relation's name in the schema.
    found: Vec<Option<Found>>,
    /// For each node, those that read it.
    readers: Vec<Vec<NodeId>>,
}

/// What a run of a part makes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extended {
    /// All that it makes, in the order of the plan.
    pub part: Vec<NodeId>,
    /// What it makes of that without being asked to.
    pub added: Vec<NodeId>,
    /// Those of them that are of another moment.
    pub of_another_moment: Vec<NodeId>,
}

impl<'p> Standing<'p> {
    /// Compares a plan, whose statements are compiled as of `as_of`, with what was found in its schema. `relations` are
    /// their names as SQL text.
    pub fn new(
        plan: &'p Plan,
        statements: &BTreeMap<NodeId, Checked>,
        relations: &[Option<String>],
        as_of: &str,
        found: &[Found],
    ) -> Self {
        let found: BTreeMap<&str, &Found> = found.iter().map(|found| (found.name.as_str(), found)).collect();
        let specs = specs(plan, statements);
        let marks = plan.nodes.iter().enumerate().map(|(index, node)| match node.materialization {
            Materialization::Schema | Materialization::Ephemeral => None,
            Materialization::Table | Materialization::View => {
                let spec = specs.get(&NodeId(index))?.clone();
                Some(Mark { spec, as_of: (!node.is_timeless()).then(|| as_of.to_owned()) })
            }
        });
        let there = relations.iter().map(|relation| {
            let name = own_name(relation.as_deref()?);
            found.get(name.as_str()).map(|found| (*found).clone())
        });
        let mut readers = vec![Vec::new(); plan.nodes.len()];
        for (index, node) in plan.nodes.iter().enumerate() {
            for input in &node.depends_on {
                readers[input.0].push(NodeId(index));
            }
        }
        Self { plan, marks: marks.collect(), found: there.collect(), readers }
    }

    /// Returns the mark that a run gives a relation.
    pub fn mark(&self, id: NodeId) -> Option<&Mark> {
        self.marks[id.0].as_ref()
    }

    /// Returns the mark that a relation has.
    pub fn marked(&self, id: NodeId) -> Option<&Mark> {
        self.found[id.0].as_ref()?.mark.as_ref()
    }

    /// Returns the moment that what is there of the plan is of: the latest, where there are several.
    pub fn moment(&self) -> Option<Timestamp> {
        let marks = self.found.iter().flatten().filter_map(|found| found.mark.as_ref());
        marks.filter_map(|mark| mark.as_of.as_ref()?.parse().ok()).max()
    }

    /// Tells what a relation is in the warehouse.
    pub fn state(&self, id: NodeId) -> State {
        let Some(wanted) = &self.marks[id.0] else { return State::Current };
        match &self.found[id.0] {
            None => State::Absent,
            Some(Found { mark: None, .. }) => State::Foreign,
            Some(Found { mark: Some(mark), .. }) if wanted.as_of.is_some() && mark.as_of != wanted.as_of => {
                State::OfAnotherMoment
            }
            Some(Found { mark: Some(mark), .. }) if mark.spec != wanted.spec => State::Changed,
            Some(_) => State::Current,
        }
    }

    /// Tells whether a relation stays as it is whatever becomes of what it reads.
    pub fn is_unchanged(&self, id: NodeId) -> bool {
        self.plan.node(id).is_timeless() && self.state(id) == State::Current
    }

    /// Returns those of `part` whose names belong to what no run of ours made.
    pub fn foreign(&self, part: &[NodeId]) -> Vec<NodeId> {
        part.iter().copied().filter(|id| self.state(*id) == State::Foreign).collect()
    }

    /// Adds to `part` what it reads and what is not current, and what is there of what reads it and would not be current; but
    /// for what is left out.
    pub fn extend(&self, part: &[NodeId], is_left_out: &dyn Fn(NodeId) -> bool) -> Extended {
        let mut whole: BTreeSet<NodeId> = part.iter().copied().collect();
        let mut open: Vec<NodeId> = part.to_vec();
        while let Some(id) = open.pop() {
            // A view may be current, and what it reads, or is read by, not.
            let inputs = self.plan.inputs_beyond_views(id);
            let inputs = inputs.into_iter().filter(|input| self.state(*input) != State::Current);
            // The schema is read by all; it makes nothing of them stale.
            let readers = self.marks[id.0].as_ref().map(|_| self.plan.beyond_views(id, |id| &self.readers[id.0]));
            let readers = readers.into_iter().flatten().filter(|reader| self.is_stale(*reader));
            for other in inputs.chain(readers).filter(|other| !is_left_out(*other)) {
                if whole.insert(other) {
                    open.push(other);
                }
            }
            if open.is_empty() && whole.iter().any(|id| matches!(self.plan.node(*id).relation, Relation::Cells(_))) {
                let moved = self.moved().into_iter().filter(|id| !is_left_out(*id));
                open.extend(moved.filter(|id| whole.insert(*id)));
            }
        }
        self.add_lists(&mut whole);
        let added: Vec<NodeId> = whole.iter().copied().filter(|id| !part.contains(id)).collect();
        add_read_within(self.plan, &mut whole);
        let mut of_another_moment: BTreeSet<NodeId> =
            added.iter().copied().filter(|id| self.state(*id) == State::OfAnotherMoment).collect();
        of_another_moment.extend(self.left_behind(&whole));
        let of_another_moment = of_another_moment.into_iter().collect();
        Extended { part: whole.into_iter().collect(), added, of_another_moment }
    }

    /// Returns the tables of cells that are there with the rows of other KPIs than they are to have, and the views that are
    /// there of KPIs whose cells lie in another table now, with that table: no KPI is to be in two of them, or in none.
    fn moved(&self) -> BTreeSet<NodeId> {
        let mut moved = BTreeSet::new();
        for (index, node) in self.plan.nodes.iter().enumerate() {
            let id = NodeId(index);
            let (Some(wanted), Some(there)) = (self.mark(id), self.marked(id)) else { continue };
            if matches!(node.relation, Relation::Cells(_)) && members_of(&there.spec) != members_of(&wanted.spec) {
                moved.insert(id);
            }
            if matches!(node.relation, Relation::Kpi(_)) && there.spec != wanted.spec {
                let tables = node.depends_on.iter().filter(|input| self.marks[input.0].is_some());
                moved.extend(tables.copied().chain([id]));
            }
        }
        moved
    }

    /// Returns what a view that is there would read of another moment beside what a part makes.
    fn left_behind(&self, part: &BTreeSet<NodeId>) -> Vec<NodeId> {
        let is_shown = |id: &NodeId| {
            self.plan.node(*id).materialization.is_read_through() && self.found[id.0].is_some() && !part.contains(id)
        };
        let readers = part.iter().filter(|id| self.marks[id.0].is_some()).flat_map(|id| &self.readers[id.0]);
        let beside = readers.copied().filter(is_shown).flat_map(|view| self.plan.inputs_beyond_views(view));
        beside.filter(|id| !part.contains(id) && self.state(*id) == State::OfAnotherMoment).collect()
    }

    fn is_stale(&self, id: NodeId) -> bool {
        matches!(self.state(id), State::Changed | State::OfAnotherMoment)
    }

    /// Adds what lists what is made, where that is not current.
    fn add_lists(&self, whole: &mut BTreeSet<NodeId>) {
        for id in (0..self.plan.nodes.len()).map(NodeId) {
            let is_there = |id| self.state(id) == State::Current;
            if !is_there(id) && comes_with(self.plan, id, whole, is_there) {
                whole.insert(id);
            }
        }
    }
}

/// Returns, for each node, a digest of what computes it; the comment that opens a statement is for people.
fn specs(plan: &Plan, statements: &BTreeMap<NodeId, Checked>) -> BTreeMap<NodeId, String> {
    // Of its statement and of those of all that it reads.
    let mut whole: BTreeMap<NodeId, String> = BTreeMap::new();
    let mut specs = BTreeMap::new();
    for (id, statement) in statements {
        let node = plan.node(*id);
        let lines = statement.sql().lines().skip_while(|line| line.starts_with("--"));
        let own = lines.collect::<Vec<_>>().join("\n");
        let mut text = own.clone();
        for input in &node.depends_on {
            text.push('\n');
            // What a node reads stands before it.
            text.push_str(whole.get(input).map_or("", String::as_str));
        }
        let digest_of_all = digest(&text);
        let spec = if let Relation::Cells(cells) = &node.relation {
            // Which KPIs have rows in it, whichever of them are computed.
            let members: BTreeSet<usize> = cells.all().map(|kpi| kpi.0).collect();
            let names = plan
                .nodes
                .iter()
                .filter(|node| matches!(node.relation, Relation::Kpi(kpi) if members.contains(&kpi.0)));
            let names: BTreeSet<&str> = names.map(|node| node.name.as_str()).collect();
            let mut members = digest(&names.into_iter().collect::<Vec<_>>().join(" "));
            members.truncate(8);
            format!("{digest_of_all}_{members}")
        } else if node.is_timeless() {
            let read = node.depends_on.iter().map(|input| &plan.node(*input).columns);
            digest(&read.fold(own, |text, columns| format!("{text}\n{columns:?}")))
        } else {
            digest_of_all.clone()
        };
        whole.insert(*id, digest_of_all);
        specs.insert(*id, spec);
    }
    specs
}

/// Returns the part of the spec of a table of cells that says which KPIs are of it.
fn members_of(spec: &str) -> Option<&str> {
    spec.split_once('_').map(|(_, members)| members)
}

fn digest(text: &str) -> String {
    let mut digest = sha256(text);
    digest.truncate(32);
    digest
}

/// Returns the last part of a name in SQL, without quotes.
pub fn own_name(relation: &str) -> String {
    let relation = relation.trim_end_matches(['"', '`']);
    relation.rsplit(['.', '"', '`']).next().unwrap_or(relation).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_name_of_a_relation_is_its_last_part() {
        for relation in [r#""s"."t""#, "`p`.`s`.`t`", "s.t", "t"] {
            assert_eq!(own_name(relation), "t");
        }
    }
}
