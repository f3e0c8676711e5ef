//! What the relations of a run read of the warehouse: the tables and files, and the columns in them.

use crate::Analysis;
use crate::plan::node::{Node, NodeId, Raw, Relation};
use crate::render::access::stored_as;
use crate::render::dialect::Dialect;
use crate::render::relations::Cx;
use crate::render::{Place, UNMARKED};
use crate::run::preflight::{RequiredColumn, Requirement, Stored};
use crate::semantic::expr::Type;
use crate::semantic::files;
use crate::semantic::model::{self, Column, EntityIndex, EventName, Source, SourceIndex, SourceRows, TimeType};
use crate::semantic::name::Name;
use crate::warehouse::files::{Csv, Files, Format};

/// Returns what the relations of `part` read of raw rows.
pub fn requirements(analysis: &Analysis, part: &[NodeId], place: &Place) -> Vec<Requirement> {
    let Analysis { project, model, plan } = analysis;
    let cx = Cx { plan, model, sources: &project.sources, place, marks: &UNMARKED };
    part.iter()
        .filter_map(|id| {
            let node = plan.node(*id);
            let (kind, meta, origin, all) = match node.reads? {
                Raw::Source(index) => {
                    let source = model.source(index);
                    ("source", &source.meta, &source.origin, files::source_columns(source))
                }
                Raw::Entity(index) => {
                    let entity = model.entity(index);
                    ("entity", &entity.meta, entity.origin.as_ref()?, files::entity_columns(entity))
                }
            };
            let reader = Reader { dialect: place.dialect, is_text: cx.reads_text(meta, origin) };
            let mut columns = match node.reads? {
                Raw::Source(index) => reader.source_columns(analysis, node, index),
                Raw::Entity(index) => reader.entity_columns(analysis, index),
            };
            columns.retain(|column| !place.dialect.stored("unlisted").contains(&column.name));
            // The statement was printed with it already.
            let relation = cx.raw(meta, origin, &all).ok()?;
            let reads_files = place.dialect.unsupported("source", "file").is_none();
            let stands_in = place.stand_ins.contains_key(&meta.name);
            let files = origin.files.as_ref().filter(|_| reads_files && !stands_in).map(|files| read(files, &all));
            Some(Requirement { definition: format!("{kind}.{}", meta.name), relation, files, columns })
        })
        .collect()
}

/// Returns the files that are read, as a driver takes them.
fn read(files: &files::Files, columns: &[&str]) -> Files {
    // All of it is named, so that nothing that is added is left out here. What stands for null is for the SQL alone.
    let files::Csv { delimiter, quote, escape, comment, skip, null: _, encoding } = files.csv.clone();
    let format = match files.format {
        files::Format::Csv => {
            Format::Csv(Csv { delimiter, quote, escape, comment, skip, encoding: encoding.name().to_owned() })
        }
        files::Format::Json => Format::Json,
        files::Format::Parquet => Format::Parquet,
    };
    let columns = columns.iter().map(|&column| column.to_owned()).collect();
    Files { path: files.path.clone(), format, columns, folders: files.folders.clone() }
}

/// How the columns of a relation are read.
struct Reader {
    dialect: &'static Dialect,
    /// Whether every column is text: then none is of a type of its own.
    is_text: bool,
}

impl Reader {
    fn column(&self, name: &str, ty: Option<Type>, stored: Option<Stored>) -> RequiredColumn {
        RequiredColumn {
            name: name.to_owned(),
            ty: ty.map(|ty| ty.name().to_owned()),
            instead: Vec::new(),
            stored: stored.filter(|_| !self.is_text),
        }
    }

    fn types(&self, what: &str) -> Vec<String> {
        self.dialect.stored(what).to_vec()
    }

    /// What names something is text on every warehouse: only types that have one text may hold it.
    fn key(&self, name: &str) -> RequiredColumn {
        let help = "keys and ids are text or whole numbers; cast it in a view".to_owned();
        let stored = Stored { what: "a key".to_owned(), types: self.types("key"), instead: Vec::new(), help };
        self.column(name, None, Some(stored))
    }

    fn time(&self, name: &str, ty: Option<TimeType>) -> RequiredColumn {
        let Some(ty) = ty else {
            let units: Vec<TimeType> = TimeType::ALL.iter().copied().filter(|ty| ty.unit().is_some()).collect();
            let words: Vec<String> = units.iter().map(|ty| format!("\"{}\"", ty.name())).collect();
            let remedy = format!(
                "a number is a time where its unit is said: write `{{ column = \"{name}\", type = {} }}`",
                words.join(" or ")
            );
            let instead = units.first().map(|ty| (self.types(stored_as(*ty)), remedy));
            let instead = instead.into_iter().collect();
            return RequiredColumn { instead, ..self.column(name, Some(Type::Timestamp), None) };
        };
        let instead = TimeType::ALL.iter().filter(|other| other.unit().is_none() || ty.unit().is_none());
        let instead = instead.map(|other| {
            let word = match other.unit() {
                Some(_) => "`unix_seconds`, `unix_milliseconds` or `unix_microseconds`".to_owned(),
                None => format!("`{}`", other.name()),
            };
            (self.types(stored_as(*other)), format!("its `type` is {word}"))
        });
        let help = "cast it in a view".to_owned();
        let what = format!("a time of type `{}`", ty.name());
        let stored = Stored { what, types: self.types(stored_as(ty)), instead: instead.collect(), help };
        self.column(name, None, Some(stored))
    }

    /// A column that `scan` compares as it is.
    fn scanned(&self, column: &Column) -> RequiredColumn {
        let what = format!("a {} that `scan` compares as it is stored", column.ty);
        let instead = [Type::Bool, Type::Int, Type::Float, Type::Decimal, Type::String, Type::Date, Type::Timestamp];
        let instead = instead.into_iter().map(|ty| (self.types(ty.name()), format!("its type is `{ty}`")));
        let help = "no `scan` can compare it".to_owned();
        let stored = Stored { what, types: self.types(column.ty.name()), instead: instead.collect(), help };
        self.column(&column.column, None, Some(stored))
    }

    fn source_columns(&self, analysis: &Analysis, node: &Node, index: SourceIndex) -> Vec<RequiredColumn> {
        let source = analysis.model.source(index);
        let mut columns: Vec<RequiredColumn> = source.key().into_iter().map(|name| self.key(name)).collect();
        columns.extend(source.entity().into_iter().map(|(_, name)| self.key(name)));
        columns.extend(source.time().map(|time| self.time(&time.column, time.ty)));
        let scanned: Vec<&Name> = source.scan.iter().flat_map(|scan| scan.columns()).collect();
        let scanned = |name: &str| scanned.iter().any(|column| matches!(column, Name::Column(own) if own == name));
        let needed = |name: &str| match &node.relation {
            Relation::Events(events) => events.reads_column(source, name),
            Relation::Schema
            | Relation::Entity(_)
            | Relation::Facts(_)
            | Relation::Occurrences(_)
            | Relation::Reached(_)
            | Relation::Milestone(_)
            | Relation::Milestones
            | Relation::Kpi(_)
            | Relation::Kpis
            | Relation::Cells(_)
            | Relation::Moment
            | Relation::Own(_) => true,
        };
        for declared in &source.columns {
            if scanned(&declared.name) {
                columns.push(self.scanned(declared));
            } else if needed(&declared.name) {
                columns.push(self.column(&declared.column, Some(declared.ty), None));
            }
        }
        columns.extend(self.event_columns(source, node));
        columns
    }

    fn event_columns(&self, source: &Source, node: &Node) -> Vec<RequiredColumn> {
        let (SourceRows::Events { name, properties, .. }, Relation::Events(events)) = (&source.rows, &node.relation)
        else {
            return Vec::new();
        };
        let mut columns = Vec::new();
        match name {
            EventName::Column(name) => {
                let help = "names are text; cast it in a view".to_owned();
                let what = "the name of an event".to_owned();
                let stored = Stored { what, types: self.types("name"), instead: Vec::new(), help };
                columns.push(self.column(name, None, Some(stored)));
            }
            EventName::Constant(_) => {}
        }
        let reads_documents =
            |paths: &model::Properties| paths.types.keys().any(|path| events.reads_property(source, path));
        for properties in properties.iter().filter(|properties| reads_documents(properties)) {
            let (what, types, other) = match properties.stored {
                model::Stored::Json => ("a column of JSON", "document", ("string", "its `stored` is `\"text\"`")),
                model::Stored::Text => ("JSON in text", "string", ("document", "its `stored` is `\"json\"`")),
            };
            let instead = vec![(self.types(other.0), other.1.to_owned())];
            let help = "properties are read of documents of JSON only".to_owned();
            let stored = Stored { what: what.to_owned(), types: self.types(types), instead, help };
            columns.push(self.column(&properties.column, None, Some(stored)));
        }
        columns
    }

    fn entity_columns(&self, analysis: &Analysis, index: EntityIndex) -> Vec<RequiredColumn> {
        let entity = analysis.model.entity(index);
        let mut columns = vec![self.key(&entity.key)];
        columns.extend(entity.start.iter().map(|name| self.time(name, entity.start_type)));
        columns.extend(entity.parent.iter().map(|(_, name)| self.key(name)));
        let attributes = entity.attributes.iter();
        columns.extend(attributes.map(|attribute| self.column(&attribute.column, Some(attribute.ty), None)));
        columns
    }
}
