//! Which rows there are: the expressions that decide it, wherever they are written.

use crate::semantic::expr::Expr;
use crate::semantic::model::{Entity, EntityIndex, Model, Source, SourceIndex};

/// Returns the expressions that decide which rows an entity has, and when each of them began: its own, and those of the members
/// that tell what it lacks.
pub fn of_entity(model: &Model, entity: EntityIndex) -> Vec<&Expr> {
    let mut found = Vec::new();
    let mut open = vec![entity];
    // Nobody is a member of itself.
    while let Some(index) = open.pop() {
        let Entity {
            meta: _,
            origin: _,
            key: _,
            start: _,
            start_type: _,
            timezone: _,
            attributes: _,
            parent: _,
            members,
            condition,
            places: _,
        } = model.entity(index);
        found.extend(condition);
        open.extend(members);
    }
    found
}

/// Returns the expressions that decide which rows of a source count for somebody: its own, and those of whom they belong to.
pub fn of_source(model: &Model, source: SourceIndex) -> Vec<&Expr> {
    let source = model.source(source);
    let Source { scan, condition, .. } = source;
    let owner = source.entity().map(|(entity, _)| of_entity(model, *entity));
    scan.iter().chain(condition).chain(owner.into_iter().flatten()).collect()
}
