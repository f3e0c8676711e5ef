//! A source as a definition: what it is made of, and what it means.

use crate::semantic::definitions::Defined;
use crate::semantic::meaning::Lines;
use crate::semantic::model::{DefinitionId, EventName, Meta, Model, Properties, Source, SourceRows};

impl Defined for Source {
    fn meta(&self) -> &Meta {
        &self.meta
    }

    fn made_of(&self, _: &Model) -> Vec<DefinitionId> {
        Vec::new()
    }

    fn meaning(&self, model: &Model) -> String {
        let Source {
            meta: _,
            origin,
            rows,
            timezone,
            columns,
            deduplicate,
            retain,
            // How rows are kept, and for how long by the warehouse's clock: `layout`.
            expire: _,
            partition: _,
            scan,
            condition,
            // Only what is warned about.
            any_event_names: _,
            places: _,
        } = self;
        let mut lines = Lines::default();
        let time = self.time();
        lines.origin(origin).add("key", self.key().cloned()).add("time", time.map(|time| time.column.clone()));
        lines.add("timezone", timezone.clone()).flag("deduplicate", *deduplicate);
        lines
            .add("time_type", time.and_then(|time| time.ty).map(|ty| ty.name().to_owned()))
            .expr("scan", scan.as_ref());
        let entity = self.entity().map(|(entity, column)| format!("{} {column:?}", model.entity(*entity).meta.name));
        lines.add("entity", entity).columns(columns).expr("where", condition.as_ref());
        lines.add("retain", retain.map(|age| age.to_string()));
        match rows {
            // The rest of both is written above.
            SourceRows::Facts { key: _, entity: _, time: _ } => lines.flag("facts", true),
            SourceRows::Events { id: _, entity: _, time: _, name, properties, aliases } => {
                lines.add(
                    "name",
                    match name {
                        EventName::Column(column) => format!("column {column:?}"),
                        EventName::Constant(name) => format!("constant {name:?}"),
                    },
                );
                if let Some(Properties { column, stored, types, span: _ }) = properties {
                    lines.add("properties", format!("{column:?} {stored:?}"));
                    let mut types: Vec<_> = types.iter().collect();
                    types.sort();
                    for (path, ty) in types {
                        lines.add("property", format!("{:?} {ty}", path.to_string()));
                    }
                }
                let mut aliases: Vec<_> = aliases.iter().collect();
                aliases.sort();
                for (name, others) in aliases {
                    lines.add("alias", format!("{name:?} {others:?}"));
                }
                &mut lines
            }
        };
        lines.end()
    }

    fn layout(&self) -> String {
        let mut lines = Lines::default();
        lines.add("partition", self.partition.map(|by| by.name().to_owned())).flag("expire", self.expire);
        lines.end()
    }
}
