//! What is looked at in raw rows before a run.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::Analysis;
use crate::application::Obstacle;
use crate::check::check;
use crate::plan::node::{Events, NodeId, Raw, Relation};
use crate::render::relations::Cx;
use crate::render::relations::values::values;
use crate::render::{Place, Statement, UNMARKED};
use crate::run::values::{Found, Kind, Look, look};
use crate::semantic::model::{EntityIndex, EventName, EventNames, Model, Source, SourceRows};
use crate::warehouse::{self, ErrorKind, Warehouse};

/// What was seen in raw rows.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// What was found, of each source and entity that could be looked at.
    pub found: Vec<Found>,
    /// What is wrong with them, in the order in which it was found.
    pub remarks: Vec<Remark>,
}

/// A sentence about raw rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remark {
    /// With which a run makes no sense.
    Error(String),
    /// Which whoever reads the results must know.
    Warning(String),
}

impl Seen {
    /// Tells whether a run makes sense.
    pub fn is_well(&self) -> bool {
        !self.remarks.iter().any(|remark| matches!(remark, Remark::Error(_)))
    }
}

/// Looks at the raw rows that the relations of `part` are made of: what would be lost.
///
/// Everything is read where that costs nothing but time; elsewhere what the relations themselves are made of. Once `cancelled` is
/// set nothing more is looked at.
pub fn inspect(
    analysis: &Analysis,
    part: &[NodeId],
    place: &Place,
    warehouse: &dyn Warehouse,
    cancelled: &AtomicBool,
) -> Result<Seen, Obstacle> {
    let mut seen = Seen::default();
    let reads_files = place.dialect.unsupported("source", "file").is_none();
    for wanted in looks(analysis, part, place)? {
        if cancelled.load(Ordering::Relaxed) {
            break;
        }
        match look(warehouse, &wanted) {
            // It was interrupted, or answers nobody any more.
            Err(_) if cancelled.load(Ordering::Relaxed) => break,
            Ok(found) => {
                match found.error(&wanted) {
                    Some(error) => seen.remarks.push(Remark::Error(error)),
                    None => seen.remarks.extend(found.warnings(&wanted).into_iter().map(Remark::Warning)),
                }
                seen.found.push(found);
            }
            // The run reads the same files, and would fail alike.
            Err(error) if error.kind == ErrorKind::UserSql && reads_files => {
                seen.remarks.push(Remark::Error(format!("`{}` cannot be read: {error}", wanted.definition)));
            }
            Err(error) => {
                let definition = &wanted.definition;
                let warning = format!("`{definition}`: the rows could not be looked at: {error}");
                seen.remarks.push(Remark::Warning(warning));
            }
        }
    }
    Ok(seen)
}

fn looks(analysis: &Analysis, part: &[NodeId], place: &Place) -> Result<Vec<Look>, Obstacle> {
    let Analysis { project, model, plan } = analysis;
    let cx = Cx { plan, model, sources: &project.sources, place, marks: &UNMARKED };
    let is_bounded = place.dialect.name() != warehouse::EMBEDDED;
    let read: BTreeSet<EntityIndex> = part.iter().filter_map(|id| plan.node(*id).reads.and_then(entity_of)).collect();
    let mut looks = Vec::new();
    for node in part.iter().map(|id| plan.node(*id)) {
        let (wanted, reads_all) = match (&node.relation, node.reads) {
            (Relation::Events(events), Some(Raw::Source(_))) => (names(model, events), events.names == EventNames::All),
            _ => (Vec::new(), true),
        };
        let raw: Vec<String> = wanted.iter().flat_map(|(_, raw)| raw.iter().cloned()).collect();
        let queries = values(&cx, node, &raw, &|entity| read.contains(&entity), is_bounded)
            .map_err(|failure| Obstacle::new(format!("looking at the rows of `{}`: {failure:?}", node.name)))?;
        let Some(queries) = queries else { continue };
        let parse = |sql: String| {
            let statement = Statement { node: node.name.clone(), sql, origin: None };
            check(statement, place.dialect).map_err(|refusal| Obstacle::new(refusal.reason))
        };
        let counts = parse(queries.counts)?;
        let names = queries.names.map(parse).transpose()?;
        let name_of = |entity: EntityIndex| model.entity(entity).meta.name.clone();
        let (mut id, mut name) = (None, None);
        let (definition, time, key, owner, rows) = match node.reads {
            None => continue,
            Some(Raw::Source(index)) => {
                let source = model.source(index);
                let is_log = matches!(source.rows, SourceRows::Events { .. });
                let key = source.entity().map(|(_, column)| column.clone());
                id = source.key().cloned().filter(|_| !is_log);
                if let SourceRows::Events { name: EventName::Column(column), .. } = &source.rows {
                    name = Some(column.clone());
                }
                let owner = source.entity().map(|(index, column)| (name_of(*index), column.clone()));
                let time = source.time().map(|time| (time.column.clone(), false));
                let rows = if is_log { Kind::Log } else { Kind::Facts };
                (format!("source.{}", source.meta.name), time, key, owner, rows)
            }
            Some(Raw::Entity(index)) => {
                let entity = model.entity(index);
                let time = entity.start.clone().map(|column| (column, true));
                let owner = entity.parent.as_ref().map(|(index, column)| (name_of(*index), column.clone()));
                (format!("entity.{}", entity.meta.name), time, Some(entity.key.clone()), owner, Kind::Entities)
            }
        };
        let reads_all = reads_all || names.is_none();
        let typed = queries.typed.into_iter().map(|(column, ty)| (column, ty.name())).collect();
        let properties = queries.properties;
        looks.push(Look {
            definition,
            time,
            key,
            rows,
            id,
            name,
            owner,
            typed,
            properties,
            counts,
            reads_all,
            wanted,
            names,
        });
    }
    Ok(looks)
}

/// Returns the entity whose rows are read.
fn entity_of(raw: Raw) -> Option<EntityIndex> {
    match raw {
        Raw::Entity(index) => Some(index),
        Raw::Source(_) => None,
    }
}

/// Returns the names of events that definitions count of a log that names them by a column, each with its aliases.
fn names(model: &Model, events: &Events) -> Vec<(String, Vec<String>)> {
    let Source { rows: SourceRows::Events { name: EventName::Column(_), aliases, .. }, .. } =
        model.source(events.source)
    else {
        return Vec::new();
    };
    let raw = |name: &String| aliases.get(name).into_iter().flatten().chain([name]).cloned().collect();
    events.listed.iter().map(|name| (name.clone(), raw(name))).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::*;
    use crate::analyze;
    use crate::diagnostic::Diagnostics;
    use crate::render::dialect::Dialect;

    #[test]
    fn the_raw_rows_of_every_case_can_be_looked_at_in_every_dialect() {
        let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
        for case in std::fs::read_dir(cases).unwrap() {
            let folder = case.unwrap().path();
            let Ok(analysis) = analyze(&folder, BTreeMap::new(), &mut Diagnostics::default()) else { continue };
            let part: Vec<NodeId> = (0..analysis.plan.nodes.len()).map(NodeId).collect();
            let has_rows = |id: &&NodeId| match analysis.plan.node(**id).reads {
                None => false,
                Some(Raw::Source(_)) => true,
                Some(Raw::Entity(index)) => analysis.model.entity(index).origin.is_some(),
            };
            let wanted = part.iter().filter(has_rows).count();
            for name in Dialect::names() {
                let dialect = Dialect::named(name).unwrap();
                let as_of = "2026-01-01 00:00:00.000000".to_owned();
                let place =
                    Place { dialect, schema: "milepost".to_owned(), as_of, stand_ins: BTreeMap::new(), blanks: None };
                let looks = looks(&analysis, &part, &place);
                assert_eq!(looks.ok().map(|looks| looks.len()), Some(wanted), "{} {name}", folder.display());
            }
        }
    }
}
