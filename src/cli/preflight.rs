//! What the relations of a run read of the warehouse: the tables and files, and the columns in them.

use crate::Analysis;
use crate::plan::node::{Node, NodeId, Raw, Relation};
use crate::render::relations::Cx;
use crate::render::{Place, UNMARKED};
use crate::run::preflight::{RequiredColumn, Requirement};
use crate::semantic::expr::Type;
use crate::semantic::model::{EntityIndex, EventName, Source, SourceIndex, SourceRows};

/// Returns what the relations of `part` read of raw rows.
pub fn requirements(analysis: &Analysis, part: &[NodeId], place: &Place) -> Vec<Requirement> {
    let Analysis { project, model, plan } = analysis;
    let cx = Cx { plan, model, sources: &project.sources, place, marks: &UNMARKED };
    part.iter()
        .filter_map(|id| {
            let node = plan.node(*id);
            let (kind, meta, origin, columns) = match node.reads? {
                Raw::Source(index) => {
                    let source = model.source(index);
                    ("source", &source.meta, &source.origin, source_columns(analysis, node, index))
                }
                Raw::Entity(index) => {
                    let entity = model.entity(index);
                    ("entity", &entity.meta, entity.origin.as_ref()?, entity_columns(analysis, index))
                }
            };
            // The statement was printed with it already.
            let relation = cx.raw(meta, origin).ok()?;
            Some(Requirement { definition: format!("{kind}.{}", meta.name), relation, columns })
        })
        .collect()
}

fn column(name: &str, ty: Option<Type>) -> RequiredColumn {
    RequiredColumn { name: name.to_owned(), ty: ty.map(|ty| ty.name().to_owned()) }
}

fn source_columns(analysis: &Analysis, node: &Node, index: SourceIndex) -> Vec<RequiredColumn> {
    let source = analysis.model.source(index);
    let mut columns: Vec<RequiredColumn> = source.key.iter().map(|name| column(name, None)).collect();
    columns.extend(source.entity.iter().map(|(_, name)| column(name, None)));
    columns.extend(source.time.iter().map(|name| column(name, Some(Type::Timestamp))));
    let needed = |name: &str| match &node.relation {
        Relation::Events(events) => events.columns.iter().any(|(needed, _)| needed == name),
        Relation::Schema
        | Relation::Entity(_)
        | Relation::Facts(_)
        | Relation::Occurrences(_)
        | Relation::Reached(_)
        | Relation::Milestone(_)
        | Relation::Milestones
        | Relation::Kpi(_)
        | Relation::Kpis
        | Relation::Score(_) => true,
    };
    let declared = source.columns.iter().filter(|declared| needed(&declared.name));
    columns.extend(declared.map(|declared| column(&declared.column, Some(declared.ty))));
    columns.extend(event_columns(source, node));
    columns
}

fn event_columns(source: &Source, node: &Node) -> Vec<RequiredColumn> {
    let (SourceRows::Events { name, properties, .. }, Relation::Events(events)) = (&source.rows, &node.relation) else {
        return Vec::new();
    };
    let mut columns = Vec::new();
    match name {
        EventName::Column(name) => columns.push(column(name, Some(Type::String))),
        EventName::Constant(_) => {}
    }
    let document = properties.iter().filter(|_| !events.properties.is_empty());
    columns.extend(document.map(|properties| column(&properties.column, None)));
    columns
}

fn entity_columns(analysis: &Analysis, index: EntityIndex) -> Vec<RequiredColumn> {
    let entity = analysis.model.entity(index);
    let mut columns = vec![column(&entity.key, None)];
    columns.extend(entity.start.iter().map(|name| column(name, Some(Type::Timestamp))));
    columns.extend(entity.parent.iter().map(|(_, name)| column(name, None)));
    columns.extend(entity.attributes.iter().map(|attribute| column(&attribute.column, Some(attribute.ty))));
    columns
}
