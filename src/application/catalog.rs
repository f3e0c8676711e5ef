//! Types of columns in the catalog of a dbt project, held against what definitions take them for: what a run looks at in the
//! warehouse, without a connection.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::Analysis;
use crate::application::requirements::requirements;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::language::Table;
use crate::plan::node::NodeId;
use crate::project::dbt::DbtRelation;
use crate::render::Place;
use crate::render::dialect::Dialect;
use crate::run::preflight::{Stored, What, mistyped};
use crate::semantic::dbt::named;
use crate::semantic::moment;
use crate::source::Span;
use crate::warehouse::{Column, Family};

/// A table of dbt's that a definition reads.
struct Read<'a> {
    relation: &'a DbtRelation,
    /// Where the definition names it.
    table: Span,
    /// Where it names columns.
    columns: &'a BTreeMap<String, Span>,
}

/// Reports columns whose type, as the catalog has it, is not what definitions take them for. A type that the dialect's file
/// does not have among those of raw columns is looked at when a run looks at the table.
pub(super) fn report(analysis: &Analysis, diagnostics: &mut Diagnostics) {
    let Some(dbt) = &analysis.project.dbt else { return };
    let adapter = format!("dbt-{}", dbt.adapter);
    let mut dialects = Dialect::names().into_iter().filter_map(Dialect::named);
    let Some(dialect) = dialects.find(|dialect| dialect.dbt().adapter == adapter) else { return };
    let place = Place {
        dialect,
        schema: "dbt".to_owned(),
        as_of: moment::literal(Timestamp::UNIX_EPOCH),
        stand_ins: BTreeMap::new(),
        blanks: None,
    };
    let part: Vec<NodeId> = (0..analysis.plan.nodes.len()).map(NodeId).collect();
    let mut told: BTreeSet<(String, String)> = BTreeSet::new();
    for requirement in requirements(analysis, &part, &place) {
        let Some(read) = read(analysis, &requirement.definition) else { continue };
        let Some(columns) = &read.relation.columns else { continue };
        for required in &requirement.columns {
            let named_so = |(name, _): &(&String, &String)| name.to_lowercase() == required.name.to_lowercase();
            let Some((name, ty)) = columns.iter().find(named_so) else { continue };
            let Some(found) = column(dialect, name, ty) else { continue };
            let Some(What::WrongType { expected, help, .. }) = mistyped(required, &found) else { continue };
            if !told.insert((requirement.definition.clone(), required.name.clone())) {
                continue;
            }
            let message = format!("the column `{name}` of dbt is {ty}, and is taken for {expected}");
            let at = read.columns.get(&required.name).copied();
            diagnostics.push(
                Diagnostic::error("wrong-type-of-column", message)
                    .at(at.unwrap_or(read.table), "")
                    .at(read.table, "the types of its columns are in the catalog of the dbt project")
                    .help(help.unwrap_or_else(|| {
                        "cast it in the model; `dbt docs generate` writes the catalog anew".to_owned()
                    })),
            );
        }
    }
}

/// Returns what a definition reads of dbt, by its name among requirements: `source.events`.
fn read<'a>(analysis: &'a Analysis, definition: &str) -> Option<Read<'a>> {
    let Analysis { project, model, .. } = analysis;
    let (table, name) = definition.split_once('.')?;
    if Table::named(table) == Some(Table::Source) {
        let written = project.tables.sources.iter().find(|source| source.name == name)?;
        let own = model.sources.iter().find(|source| source.meta.name == name)?;
        let table = written.body.table.as_ref()?;
        return Some(Read {
            relation: named(project, Some(table))?,
            table: written.place(table),
            columns: &own.places,
        });
    }
    let written = project.tables.entities.iter().find(|entity| entity.name == name)?;
    let own = model.entities.iter().find(|entity| entity.meta.name == name)?;
    let table = written.body.table.as_ref()?;
    Some(Read { relation: named(project, Some(table))?, table: written.place(table), columns: &own.places })
}

/// What types of raw columns hold, by their section in a dialect's file: the first that has a type says its family.
const FAMILIES: &[(&str, Family)] = &[
    ("bool", Family::Bool),
    ("int", Family::Int),
    ("decimal", Family::Decimal),
    ("float", Family::Float),
    ("date", Family::Date),
    ("timestamp", Family::Timestamp),
    ("instant", Family::Timestamp),
    ("clock", Family::Timestamp),
    ("string", Family::Text),
    ("document", Family::Json),
];

/// Returns a column of the catalog as the warehouse would tell it; none where its type is not known.
fn column(dialect: &Dialect, name: &str, ty: &str) -> Option<Column> {
    let ty = dialect.dbt().catalog.get(&ty.to_uppercase()).map_or(ty, String::as_str);
    let (_, family) = FAMILIES.iter().find(|(what, _)| Stored::is_of(dialect.stored(what), ty))?;
    Some(Column { name: name.to_owned(), ty: ty.to_owned(), family: *family })
}
