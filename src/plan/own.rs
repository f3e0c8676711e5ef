//! Definitions with a relation of their own, which one query makes of what they are made of.

use crate::language::tables;
use crate::plan::relational::Query;
use crate::plan::relations::Cx;
use crate::semantic::expr::Type;
use crate::semantic::model::{DefinitionId, Entity, EntityIndex, Kpi, Milestone, Model, Source};

/// The relation of a definition.
pub struct Own<'m> {
    /// Says what its rows are, for who reads the SQL.
    pub about: &'static str,
    /// Who has a row in it, and no more than one; none: it has few rows.
    pub entity: Option<EntityIndex>,
    /// Its columns: what tells its rows apart, and the rest.
    pub columns: [Vec<(String, Type)>; 2],
    /// Makes its query.
    pub(super) query: Box<MakeQuery<'m>>,
}

/// Makes a query over what is planned already.
type MakeQuery<'m> = dyn Fn(Cx<'_>) -> Query + 'm;

/// A definition, as what it is planned by.
pub trait Planned {
    /// Returns its relation; none where it has none, or where relations that definitions share stand behind it, which
    /// `plan::build` plans.
    fn own(&self, _: &Model) -> Option<Own<'_>> {
        None
    }
}

impl Planned for Entity {}
impl Planned for Source {}
impl Planned for Milestone {}
impl Planned for Kpi {}

macro_rules! own {
    (
        definitions { $($own:ident $name:literal $file:ident::$written:ident $all:ident $index:ident $about:literal;)* }
        others { $($rest:tt)* }
    ) => {
        /// Returns the relation of a definition.
        pub fn of(model: &Model, definition: DefinitionId) -> Option<Own<'_>> {
            match definition {
                $(DefinitionId::$own(index) => model.$file(index).own(model),)*
            }
        }
    };
}
tables!(own);
