//! What stands in the schema before a run: whose it is, of which moment, and what a run of a part makes besides that part.
//!
//! A relation is *current* where a run would make the same of the same rows: its mark has the digest of what computes it,
//! of all that it reads too, and the moment. A run of a part ends with what it made, what that reads, and what reads that
//! being current; so it makes more than was asked for, or is refused where that would be because of the moment alone.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::check::{Checked, Mark};
use crate::plan::node::{Materialization, NodeId, Plan, Relation};
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
    /// their names as SQL text, and `statements` are in the order of the plan's nodes.
    pub fn new(
        plan: &'p Plan,
        statements: &[Checked],
        relations: &[Option<String>],
        as_of: &str,
        found: &[Found],
    ) -> Self {
        let found: BTreeMap<&str, &Found> = found.iter().map(|found| (found.name.as_str(), found)).collect();
        let specs = specs(plan, statements);
        let marks = plan.nodes.iter().zip(specs).map(|(node, spec)| {
            (node.materialization != Materialization::Schema).then(|| Mark { spec, as_of: as_of.to_owned() })
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
        marks.filter_map(|mark| mark.as_of.parse().ok()).max()
    }

    /// Tells what a relation is in the warehouse.
    pub fn state(&self, id: NodeId) -> State {
        let Some(wanted) = &self.marks[id.0] else { return State::Current };
        match &self.found[id.0] {
            None => State::Absent,
            Some(Found { mark: None, .. }) => State::Foreign,
            Some(Found { mark: Some(mark), .. }) if mark.as_of != wanted.as_of => State::OfAnotherMoment,
            Some(Found { mark: Some(mark), .. }) if mark.spec != wanted.spec => State::Changed,
            Some(_) => State::Current,
        }
    }

    /// Returns those of `part` whose names belong to what no run of ours made.
    pub fn foreign(&self, part: &[NodeId]) -> Vec<NodeId> {
        part.iter().copied().filter(|id| self.state(*id) == State::Foreign).collect()
    }

    /// Adds to `part` what it reads and what is not current, and what is there of what reads it and would not be current.
    pub fn extend(&self, part: &[NodeId]) -> Extended {
        let mut whole: BTreeSet<NodeId> = part.iter().copied().collect();
        let mut open: Vec<NodeId> = part.to_vec();
        while let Some(id) = open.pop() {
            let inputs = self.plan.node(id).depends_on.iter().filter(|input| self.state(**input) != State::Current);
            let readers = self.readers[id.0].iter().filter(|reader| self.is_stale(**reader));
            // The schema is read by all; it makes nothing of them stale.
            let readers = readers.filter(|_| self.marks[id.0].is_some());
            for other in inputs.chain(readers) {
                if whole.insert(*other) {
                    open.push(*other);
                }
            }
        }
        self.add_unions(&mut whole);
        let added: Vec<NodeId> = whole.iter().copied().filter(|id| !part.contains(id)).collect();
        let of_another_moment = added.iter().copied().filter(|id| self.state(*id) == State::OfAnotherMoment).collect();
        Extended { part: whole.into_iter().collect(), added, of_another_moment }
    }

    fn is_stale(&self, id: NodeId) -> bool {
        matches!(self.state(id), State::Changed | State::OfAnotherMoment)
    }

    /// Adds what reads many, once all of them are there: the union of KPIs; and the list of milestones with any of them.
    fn add_unions(&self, whole: &mut BTreeSet<NodeId>) {
        let has = |whole: &BTreeSet<NodeId>, found: fn(&Relation) -> bool| {
            whole.iter().any(|id| found(&self.plan.node(*id).relation))
        };
        for (index, node) in self.plan.nodes.iter().enumerate() {
            let comes_with = match node.relation {
                Relation::Milestones => has(whole, |relation| matches!(relation, Relation::Milestone(_))),
                Relation::Kpis(_) => {
                    let is_there = |id: &NodeId| whole.contains(id) || self.state(*id) == State::Current;
                    has(whole, |relation| matches!(relation, Relation::Kpi(_))) && node.depends_on.iter().all(is_there)
                }
                Relation::Schema
                | Relation::Entity(_)
                | Relation::Events(_)
                | Relation::Facts(_)
                | Relation::Occurrences(_)
                | Relation::Reached(_)
                | Relation::Milestone(_)
                | Relation::Kpi(_)
                | Relation::Score(_) => false,
            };
            if comes_with && self.state(NodeId(index)) != State::Current {
                whole.insert(NodeId(index));
            }
        }
    }
}

/// Returns, for each node, a digest of its statement and of those of all that it reads; the comment that opens a statement
/// is for people.
fn specs(plan: &Plan, statements: &[Checked]) -> Vec<String> {
    let mut specs: Vec<String> = Vec::with_capacity(statements.len());
    for (node, statement) in plan.nodes.iter().zip(statements) {
        let lines = statement.sql().lines().skip_while(|line| line.starts_with("--"));
        let mut text = lines.collect::<Vec<_>>().join("\n");
        for input in &node.depends_on {
            text.push('\n');
            // What a node reads stands before it.
            text.push_str(specs.get(input.0).map_or("", String::as_str));
        }
        let mut spec = sha256(&text);
        spec.truncate(32);
        specs.push(spec);
    }
    specs
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
