//! `[source.<name>]` -> [`Source`].

mod meaning;
mod source;

use indexmap::IndexMap;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::language::Table;
use crate::project::document::{OneOrMany, Spanned, Tree};
use crate::project::tables::source::{Duplicates, EventNameStyle, Partition, SourceKind, SourceTable, Stored};
use crate::project::{Definition, Project};
use crate::semantic::expr::Type;
use crate::semantic::known::Named;
use crate::semantic::milestones::not_mixed;
use crate::semantic::model::{EntityIndex, Model, SourceIndex};
use crate::semantic::name::Path;
use crate::semantic::references::{Reference, References};
use crate::semantic::scopes::Names;
use crate::semantic::tables::{Cx, Resolver};
use crate::semantic::{dbt, names_in, origin, parse, taken, values};
use crate::source::Span;

pub use crate::semantic::sources::source::{EventName, PartitionBy, Properties, Source, SourceRows, TimeColumn};

/// The project's sources.
struct Sources<'p>(&'p Project);

/// Begins to give the project's sources their meaning.
pub(super) fn resolver<'p>(project: &'p Project, _: &mut Cx<'_>) -> Box<dyn Resolver + 'p> {
    Box::new(Sources(project))
}

impl Resolver for Sources<'_> {
    fn references(&self, position: usize) -> Vec<Reference> {
        let definition = &self.0.tables.sources[position];
        let mut references = References::of(self.0, definition);
        if definition.body.entity.is_some() {
            references.named_or_all(Table::Entity, definition.body.entity_type.as_ref());
        }
        references.end()
    }

    fn resolve(&mut self, position: usize, cx: &mut Cx<'_>) {
        let Cx { model, known, diagnostics } = cx;
        let (project, definition) = (self.0, &self.0.tables.sources[position]);
        let Some(source) = source(project, definition, model, &known.entities, diagnostics) else { return };
        model.sources.push(source);
        let index = SourceIndex(model.sources.len() - 1);
        known.sources.set(&definition.name, index);
        taken::source(model, model.source(index), diagnostics);
        if let Some(scan) = &definition.body.scan {
            let scope = Names::columns(model.source(index));
            let text = project.text(definition, scan);
            model.sources[index.0].scan = parse::expression(&text, &scope, Some(Type::Bool), diagnostics);
        }
        if let Some(condition) = &definition.body.condition {
            let text = project.text(definition, condition);
            let condition = parse::expression(&text, &row_names(model, index), Some(Type::Bool), diagnostics);
            if let Some(condition) = &condition {
                names_in::check_aliases(model.source(index), condition, diagnostics);
            }
            let actor = model.source(index).entity().map(|(entity, _)| *entity);
            not_mixed(model, actor, &condition, diagnostics);
            model.sources[index.0].condition = condition;
        }
    }
}

/// Returns what the columns of a source's own rows are called.
pub fn row_names(model: &Model, index: SourceIndex) -> Names {
    let source = model.source(index);
    let entity = source.entity().map(|(entity, _)| model.entity(*entity).meta.name.as_str());
    Names::rows(source, entity)
}

fn source(
    project: &Project,
    definition: &Definition<SourceTable>,
    model: &Model,
    entities: &Named<EntityIndex>,
    diagnostics: &mut Diagnostics,
) -> Option<Source> {
    let table = &definition.body;
    let origin = origin::origin(project, definition, keys(table), diagnostics);
    if origin.is_none() {
        missing(definition, "table", "`table` names a table, `path` a file", diagnostics);
    }
    let document = table.properties.as_ref().map(|properties| &properties.column);
    let time = table.time.as_ref().map(values::time);
    let time_column = time.as_ref().map(|(column, _)| column);
    let roles = [table.id.as_ref(), table.key.as_ref(), table.entity.as_ref(), table.name.as_ref(), time_column];
    values::column_names(definition, roles.into_iter().chain([document]), diagnostics);
    let columns = values::columns(definition, table.columns.iter(), diagnostics);
    let entity = entity(definition, model, entities, diagnostics);
    let whole_time = time.as_ref().map(|(column, ty)| TimeColumn { column: column.get().clone(), ty: *ty });
    let rows = match table.kind.unwrap_or(SourceKind::Events) {
        SourceKind::Events => events(definition, entity, whole_time, diagnostics)?,
        SourceKind::Facts => {
            misplaced(definition, diagnostics);
            columnless(definition, diagnostics)?;
            if table.entity.is_some() && entity.is_none() {
                return None;
            }
            SourceRows::Facts { key: table.key.as_ref().map(|column| column.get().clone()), entity, time: whole_time }
        }
    };
    timeless(definition, diagnostics);
    Some(Source {
        meta: values::meta(
            definition,
            None,
            table.description.as_ref(),
            dbt::owner(project, table.owner.as_ref(), table.table.as_ref()),
            &table.tags,
        ),
        origin: origin?,
        rows,
        timezone: values::timezone(definition, table.timezone.as_ref(), diagnostics),
        columns,
        deduplicate: table.duplicates != Some(Duplicates::Keep),
        retain: table.retain.as_ref().and_then(|age| values::window(definition, age, diagnostics)),
        expire: expire(definition, diagnostics),
        partition: partition(table),
        scan: None,
        condition: None,
        places: values::places(definition, roles.into_iter().chain([document]), &table.columns),
        any_event_names: table.event_name_style.as_ref().is_some_and(|style| *style.get() == EventNameStyle::Any),
    })
}

/// Returns the keys that say where rows come from.
fn keys(table: &SourceTable) -> origin::Keys<'_> {
    origin::Keys {
        table: table.table.as_ref(),
        path: table.path.as_ref(),
        csv: table.csv.as_ref(),
        folders: table.folders.as_ref(),
    }
}

/// Reports facts of which nothing is read.
fn columnless(definition: &Definition<SourceTable>, diagnostics: &mut Diagnostics) -> Option<()> {
    let table = &definition.body;
    let roles = [&table.key, &table.entity];
    if roles.iter().any(|role| role.is_some()) || table.time.is_some() || !table.columns.is_empty() {
        return Some(());
    }
    diagnostics.push(
        Diagnostic::error("source-without-columns", format!("nothing is read of source `{}`", definition.name))
            .at(definition.span, "names none of its columns")
            .help("name what tells its rows apart, when they happened, or what they hold: `key`, `time`, `columns`"),
    );
    None
}

/// Reports what only rows with a time can have.
fn timeless(definition: &Definition<SourceTable>, diagnostics: &mut Diagnostics) {
    let table = &definition.body;
    if table.time.is_some() {
        return;
    }
    let keys = [
        table.retain.as_ref().map(|age| ("retain", definition.place(age))),
        table.partition.as_ref().map(|partition| ("partition", definition.place(partition))),
    ];
    for (key, place) in keys.into_iter().flatten() {
        diagnostics.push(
            Diagnostic::error("misplaced-key", format!("`{key}` belongs to rows that have a time"))
                .at(place, "")
                .help("name the column with their time: `time = \"…\"`"),
        );
    }
}

/// Tells whether the warehouse deletes old rows, which it does by parts.
fn expire(definition: &Definition<SourceTable>, diagnostics: &mut Diagnostics) -> bool {
    let table = &definition.body;
    let Some(wanted) = table.expire.as_ref().filter(|wanted| *wanted.get()) else { return false };
    let in_one_part = table.partition.as_ref().is_some_and(|partition| *partition.get() == Partition::None);
    let missing = match (&table.retain, in_one_part) {
        (None, _) => "say how old a row may be: `retain = \"396d\"`",
        (Some(_), true) => "what is deleted are parts: `partition = \"day\"`, or `\"month\"`",
        (Some(_), false) => return true,
    };
    diagnostics.push(
        Diagnostic::error("misplaced-key", "`expire` has nothing that it could delete")
            .at(definition.place(wanted), "")
            .help(missing),
    );
    false
}

/// Tells how the source's table is divided by time: only where somebody asks for it, or where parts are to be deleted, for
/// no statement reads a part of it by a time that is written in the statement.
fn partition(table: &SourceTable) -> Option<PartitionBy> {
    table.time.as_ref()?;
    let expires = table.expire.as_ref().is_some_and(|expire| *expire.get());
    let default = if expires { Partition::Day } else { Partition::None };
    match table.partition.as_ref().map_or(default, |partition| *partition.get()) {
        Partition::Day => Some(PartitionBy::Day),
        Partition::Month => Some(PartitionBy::Month),
        Partition::None => None,
    }
}

fn missing(definition: &Definition<SourceTable>, key: &str, help: &str, diagnostics: &mut Diagnostics) {
    diagnostics.push(
        Diagnostic::error("missing-key", format!("[source.{}] needs a key `{key}`", definition.name))
            .at(definition.span, format!("`{key}` is missing"))
            .help(help),
    );
}

fn entity(
    definition: &Definition<SourceTable>,
    model: &Model,
    entities: &Named<EntityIndex>,
    diagnostics: &mut Diagnostics,
) -> Option<(EntityIndex, String)> {
    let table = &definition.body;
    let column = table.entity.as_ref()?;
    let index = match &table.entity_type {
        Some(name) => entities.find(name.get(), definition.place(name), diagnostics)?,
        None => default_entity(model, "entity_type", definition.place(column), diagnostics)?,
    };
    Some((index, column.get().clone()))
}

/// Returns the only entity of the project.
///
/// Where there are several, none of them is implied, whatever they are to each other: `key` is what names one of them.
pub fn default_entity(model: &Model, key: &str, span: Span, diagnostics: &mut Diagnostics) -> Option<EntityIndex> {
    match model.entities.as_slice() {
        [_] => Some(EntityIndex(0)),
        [] => {
            diagnostics.push(
                Diagnostic::error("no-entity", "the project has no entity")
                    .at(span, "belongs to an entity")
                    .help("say who acts: write `[entity.user]` with its `table`, `key` and `start`"),
            );
            None
        }
        several => {
            let metas: Vec<_> = several.iter().map(|entity| &entity.meta).collect();
            let names: Vec<&str> = metas.iter().map(|meta| meta.name.as_str()).collect();
            let mut diagnostic = Diagnostic::error(
                "ambiguous-entity",
                format!("one of {} is meant", crate::project::read::list(&names)),
            )
            .at(span, "nothing says which");
            for meta in metas {
                diagnostic = diagnostic.at(meta.span, "this one, or …");
            }
            diagnostics.push(diagnostic.help(format!("name it by `{key}`, as in `{key} = \"{}\"`", names[0])));
            None
        }
    }
}

fn events(
    definition: &Definition<SourceTable>,
    entity: Option<(EntityIndex, String)>,
    time: Option<TimeColumn>,
    diagnostics: &mut Diagnostics,
) -> Option<SourceRows> {
    let table = &definition.body;
    if let Some(key) = &table.key {
        diagnostics.push(
            Diagnostic::error("misplaced-key", "`key` belongs to facts")
                .at(definition.place(key), "")
                .help("the column that is unique among events is `id`"),
        );
    }
    for (absent, key, help) in [
        (table.entity.is_none(), "entity", "`entity` names the column with the key of who acted"),
        (table.time.is_none(), "time", "`time` names the column with the time of the event"),
    ] {
        if absent {
            missing(definition, key, help, diagnostics);
        }
    }
    let name = match (&table.name, &table.event) {
        (Some(name), None) => EventName::Column(name.get().clone()),
        (None, Some(event)) => EventName::Constant(event.get().clone()),
        (Some(name), Some(event)) => {
            diagnostics.push(
                Diagnostic::error("name-and-event", format!("source `{}` names its events twice", definition.name))
                    .at(definition.place(event), "every row is this event …")
                    .at(definition.place(name), "… and each row says which it is")
                    .help("keep one of them"),
            );
            return None;
        }
        (None, None) => {
            missing(
                definition,
                "name",
                "`name` names the column with the event's name; for a table of one kind write `event = \"…\"`",
                diagnostics,
            );
            return None;
        }
    };
    let properties = table.properties.as_ref().map(|properties| {
        let mut types = IndexMap::new();
        property_types(definition, &properties.types, &mut Vec::new(), &mut types, diagnostics);
        Properties {
            column: properties.column.get().clone(),
            stored: properties.stored.unwrap_or(Stored::Json),
            types,
            span: definition.place(&properties.column),
        }
    });
    let aliases = aliases(definition, diagnostics);
    let id = table.id.as_ref().map(|column| column.get().clone());
    Some(SourceRows::Events { id, entity: entity?, time: time?, name, properties, aliases })
}

/// Reads the types of properties, key by key: a table is a document inside the document, and a key is one key whatever
/// characters it has.
fn property_types(
    definition: &Definition<SourceTable>,
    written: &IndexMap<Spanned<String>, Spanned<Tree>>,
    above: &mut Vec<String>,
    types: &mut IndexMap<Path, Type>,
    diagnostics: &mut Diagnostics,
) {
    for (key, tree) in written {
        let span = definition.place(key);
        if key.get().is_empty() {
            diagnostics.push(
                Diagnostic::error("bad-property-path", "the key of a property is empty").at(span, "").help(
                    "write the key as the document has it; a document inside it is a table: `plan.tier = \"string\"`",
                ),
            );
        }
        above.push(key.get().clone());
        match tree.get() {
            Tree::Below(below) => {
                if below.is_empty() {
                    diagnostics.push(
                        Diagnostic::error("bad-property-path", format!("nothing is declared below `{}`", key.get()))
                            .at(span, "")
                            .help(format!(
                                "name a key of that document and its type: `{}.key = \"string\"`",
                                key.get()
                            )),
                    );
                }
                property_types(definition, below, above, types, diagnostics);
            }
            Tree::Name(name) => {
                personal(key.get(), span, diagnostics);
                let ty = values::declared_type(name, definition.place(tree), diagnostics);
                types.insert(Path::new(above.iter().map(String::as_str)), ty.unwrap_or(Type::Null));
            }
        }
        above.pop();
    }
}

/// Warns of properties that look like personal data, which events must not carry (DM-67).
fn personal(path: &str, span: Span, diagnostics: &mut Diagnostics) {
    const PERSONAL: &[&str] = &[
        "email",
        "email_address",
        "phone",
        "phone_number",
        "first_name",
        "last_name",
        "full_name",
        "ip",
        "ip_address",
    ];
    let last = path.rsplit('.').next().unwrap_or(path).to_ascii_lowercase();
    if PERSONAL.contains(&last.as_str()) {
        diagnostics.push(
            Diagnostic::warning("personal-data", format!("the property `{path}` looks like personal data"))
                .at(span, "")
                .help("keep a hash or a count in events instead"),
        );
    }
}

fn aliases(definition: &Definition<SourceTable>, diagnostics: &mut Diagnostics) -> IndexMap<String, Vec<String>> {
    let mut aliases: IndexMap<String, Vec<String>> = IndexMap::new();
    let mut taken: Vec<(String, Span)> = Vec::new();
    for (name, others) in &definition.body.aliases {
        let list: Vec<(String, Span)> = match others.get() {
            OneOrMany::One(one) => vec![(one.clone(), definition.place(others))],
            OneOrMany::Many(many) => many.iter().map(|each| (each.get().clone(), definition.place(each))).collect(),
        };
        let mut kept = Vec::new();
        for (other, span) in list {
            let clash = taken.iter().find(|(known, _)| *known == other).map(|(_, first)| *first);
            let canonical = definition.body.aliases.keys().find(|key| *key.get() == other);
            if let Some(first) = clash.or_else(|| canonical.map(|key: &Spanned<String>| definition.place(key))) {
                diagnostics.push(
                    Diagnostic::error("ambiguous-alias", format!("the event `{other}` stands for two names"))
                        .at(span, "here")
                        .at(first, "and here"),
                );
                continue;
            }
            taken.push((other.clone(), span));
            kept.push(other);
        }
        aliases.insert(name.get().clone(), kept);
    }
    aliases
}

/// Reports keys of events in a source of facts.
fn misplaced(definition: &Definition<SourceTable>, diagnostics: &mut Diagnostics) {
    let table = &definition.body;
    let mut report = |span: Span, key: &str, help: &str| {
        diagnostics.push(
            Diagnostic::error("misplaced-key", format!("`{key}` belongs to events")).at(span, "").help(help.to_owned()),
        );
    };
    if let Some(id) = &table.id {
        report(definition.place(id), "id", "the column that is unique among facts is `key`");
    }
    if let Some(name) = &table.name {
        report(definition.place(name), "name", "facts have no names; declare it in `columns`");
    }
    if let Some(event) = &table.event {
        report(definition.place(event), "event", "facts have no names; write `kind = \"events\"` if these are events");
    }
    if let Some(properties) = &table.properties {
        report(definition.place(&properties.column), "properties", "declare what facts hold in `columns`");
    }
    if let Some((name, _)) = table.aliases.first() {
        report(definition.place(name), "aliases", "facts have no names");
    }
    if let Some(style) = &table.event_name_style {
        report(definition.place(style), "event_name_style", "facts have no names");
    }
}
