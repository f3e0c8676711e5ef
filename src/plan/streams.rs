//! Milestones -> streams: what is counted the same way is counted once.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use crate::plan::node::{Bound, Shape, Stream};
use crate::semantic::decimal::Decimal;
use crate::semantic::expr::Expr;
use crate::semantic::model::{
    Anchor, EntityIndex, EventNames, Milestone, MilestoneIndex, Model, Occurrences, Progress, SourceIndex,
};
pub use crate::semantic::signature::signature;

/// What streams are put into one statement for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group {
    /// The depth of the milestones: everything that they come after is known by then.
    pub depth: usize,
    /// Who the occurrences belong to.
    pub entity: EntityIndex,
    /// The source.
    pub source: SourceIndex,
    /// How they add up.
    pub shape: Shape,
    /// Whether they are events of every name: what names its events is not read against each of them.
    pub any: bool,
}

/// Gathers the streams of all milestones that count events, in an order that depends on nothing but what they are.
pub fn streams(model: &Model) -> BTreeMap<Group, Vec<Stream>> {
    let mut groups: BTreeMap<Group, BTreeMap<String, Stream>> = BTreeMap::new();
    for index in by_name(model) {
        // All that a milestone has: what decides which rows it counts is part of `key`, what is asked of a stream's rows is kept
        // with it, and the rest does not matter here.
        let Milestone {
            entity,
            anchor,
            after,
            within,
            occurrences,
            progress,
            at_least,
            depth,
            // Asked where reaches are read.
            applies_to: _,
            // These follow from the others.
            horizon: _,
            from_start: _,
            meta: _,
            hidden: _,
            again: _,
            weight: _,
            tier: _,
            gating: _,
        } = model.milestone(index);
        let Occurrences::Events { source, names, condition, subject } = occurrences else { continue };
        let (shape, value) = match progress {
            Progress::Count => (Shape::Count, None),
            Progress::Distinct(value) => (Shape::Distinct, Some(value)),
            Progress::Sum(value) => (Shape::Sum, Some(value)),
        };
        let from = match anchor {
            Anchor::Start => None,
            Anchor::Reach(from) => Some(*from),
        };
        let bound = Bound { from, after: *after };
        let names = names.sorted();
        let exprs: Vec<Option<String>> =
            [condition.as_ref(), subject.as_ref(), value].iter().map(|expr| expr.map(signature)).collect();
        let ends = [bound.from, bound.after].map(|end| end.map(|index| &model.milestone(index).meta.name));
        let key = format!("{:?} {exprs:?} {ends:?}", names.only().map(|names| names.to_vec()));
        let (entity, any) = (*entity, names == EventNames::All);
        let group = Group { depth: *depth, entity, source: *source, shape, any };
        let (entity, source) = (&model.entity(entity).meta.name, &model.source(*source).meta.name);
        let id = number(&format!("{entity} {source} {} {key}", shape.name()));
        let stream = groups.entry(group).or_default().entry(key).or_insert_with(|| Stream {
            id,
            names,
            condition: condition.clone(),
            subject: subject.clone(),
            value: value.cloned(),
            bound,
            windows: Vec::new(),
            forever: false,
            at_least: Decimal::ZERO,
            milestones: Vec::new(),
        });
        stream.milestones.push(index);
        stream.at_least = stream.at_least.max(*at_least);
        stream.windows.extend(within);
        stream.forever |= within.is_none();
    }
    let listed = |(group, streams): (Group, BTreeMap<String, Stream>)| {
        let mut streams: Vec<Stream> = streams.into_values().collect();
        let mut ids = BTreeSet::new();
        for stream in &mut streams {
            stream.windows.sort_unstable();
            stream.windows.dedup();
            assert!(ids.insert(stream.id), "two streams of one relation have the number {}", stream.id);
        }
        (group, streams)
    };
    groups.into_iter().map(listed).collect()
}

/// Returns the milestones in the order of their names, which is the same wherever they are written.
pub fn by_name(model: &Model) -> Vec<MilestoneIndex> {
    let mut all: Vec<MilestoneIndex> = (0..model.milestones.len()).map(MilestoneIndex).collect();
    all.sort_by_key(|index| &model.milestone(*index).meta.name);
    all
}

/// Returns the number of what `signature` describes: the first six bytes of its SHA-256, so that it follows from what the
/// thing is, and from nothing else. A warehouse and whoever reads its rows hold it exactly, as a float too.
fn number(signature: &str) -> i64 {
    Sha256::digest(signature).iter().take(6).fold(0, |number, byte| number << 8 | i64::from(*byte))
}

/// Returns whoever acted, where streams for `entity` read that, besides the entity that they belong to.
pub fn actor_read(model: &Model, source: SourceIndex, entity: EntityIndex, streams: &[Stream]) -> Option<EntityIndex> {
    let (actor, _) = model.source(source).entity()?;
    let name = &model.entity(*actor).meta.name;
    let reads = |stream: &Stream| {
        let mut exprs = stream.condition.iter().chain(&stream.subject).chain(&stream.value);
        match (*actor == entity, &stream.subject) {
            // Who acted is whom the row belongs to.
            (true, None) => false,
            // What the row belongs to stands in who acted.
            (false, None) => true,
            (_, Some(_)) => exprs.any(|expr| mentions(expr, name)),
        }
    };
    streams.iter().any(reads).then_some(*actor)
}

fn mentions(expr: &Expr, entity: &str) -> bool {
    expr.columns().iter().any(|name| name.entity() == Some(entity))
}
