//! Relations of a query that are computed alike -> one relation.

use std::collections::{BTreeMap, BTreeSet};

use crate::plan::node::Plan;
use crate::plan::relational::{Body, Query, Relation, RelationId};
use crate::plan::signature;

/// Has what is computed alike be read from the first that computes it; tells whether anything was. What several definitions
/// read is called by what it is, and by none of them.
pub(super) fn share(query: &mut Query, plan: &Plan) -> bool {
    let mut first: BTreeMap<String, RelationId> = BTreeMap::new();
    let mut same: Vec<RelationId> = Vec::new();
    let looks: Vec<Looks<'_>> = query.relations.iter().map(looks).collect();
    let mut numbers: BTreeMap<Looks<'_>, usize> = BTreeMap::new();
    looks.iter().for_each(|looks| *numbers.entry(*looks).or_default() += 1);
    for (index, relation) in query.relations.iter().enumerate() {
        let own = RelationId(index);
        if numbers[&looks[index]] == 1 {
            same.push(own);
            continue;
        }
        let known = *first.entry(signature::relation(query, relation, plan, &|id| same[id.0])).or_insert(own);
        // What has no name is written where it is read, as often as it is.
        let is_same = known != own && relation.name.is_some() == query.relations[known.0].name.is_some();
        same.push(if is_same { known } else { own });
    }
    let mut shared: BTreeSet<RelationId> = BTreeSet::new();
    let mut read = |id: &mut RelationId| {
        if same[id.0] != *id {
            *id = same[id.0];
            shared.insert(*id);
        }
    };
    for relation in &mut query.relations {
        match &mut relation.body {
            Body::Node(_) | Body::Constants(_) => {}
            Body::Select(select) => select.inputs.iter_mut().for_each(|input| read(&mut input.relation)),
            Body::Union(parts) => parts.iter_mut().for_each(&mut read),
        }
    }
    let mut names: BTreeSet<String> = query.relations.iter().filter_map(|relation| relation.name.clone()).collect();
    for id in &shared {
        let relation = &mut query.relations[id.0];
        let Some((_, own)) = relation.name.as_ref().and_then(|name| name.split_once("__")) else { continue };
        let mut name = own.to_owned();
        for again in 2.. {
            if names.insert(name.clone()) {
                break;
            }
            name = format!("{own}_{again}");
        }
        relation.name = Some(name);
    }
    // The others are read by nobody now: another pass leaves them out.
    !shared.is_empty()
}

/// What is seen of a relation at a glance: those that are computed alike are not told apart by it.
type Looks<'r> = (u8, usize, Option<&'r str>, Option<&'r str>, usize);

fn looks(relation: &Relation) -> Looks<'_> {
    let columns = &relation.columns;
    let (first, last) = (columns.first(), columns.last());
    let (kind, parts) = match &relation.body {
        Body::Node(_) => (0, 0),
        Body::Constants(rows) => (1, rows.len()),
        Body::Select(select) => (2, select.inputs.len()),
        Body::Union(parts) => (3, parts.len()),
    };
    (kind, columns.len(), first.map(|own| &*own.name), last.map(|own| &*own.name), parts)
}
