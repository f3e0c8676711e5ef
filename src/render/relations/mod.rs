//! One relation of the plan -> one statement: what each template is given.

mod entity;
mod kpi;
mod milestone;
mod raw;
mod reached;
mod source;
pub(crate) mod values;

use std::collections::BTreeMap;

use minijinja::Value;

use crate::plan::columns::{column_of_entity, column_of_events, column_of_facts};
use crate::plan::layout::{Layout, layout};
use crate::plan::node::{Materialization, Node, NodeId, Plan, Raw, Relation};
use crate::plan::own;
use crate::render::blanks::Blank;
use crate::render::dialect::{self, Dialect};
use crate::render::expr::{self, Refused, Unsupported};
use crate::render::{Mark, Place, engine, query};
use crate::semantic::expr::{Expr, Literal, Type};
use crate::semantic::model::{DefinitionId, EntityIndex, Meta, Model, Origin, SourceIndex};
use crate::semantic::name::Name;
use crate::source::{Sources, Span};

/// Why a relation is not printed.
#[derive(Debug)]
pub enum Failure {
    /// The warehouse lacks something that was asked for.
    Unsupported(Unsupported),
    /// The SQL of an expression would be nested too deeply.
    TooDeep(Span),
    /// The SQL of an expression would be too long.
    TooLarge(Span),
    /// A source has no relation that the warehouse can read.
    NoRelation {
        /// The source or entity.
        name: String,
        /// Where its origin is written.
        span: Span,
        /// Why its file does not do.
        reason: String,
    },
    /// The warehouse cannot write a name or a string of the project.
    Name(String),
    /// A template or a dialect's file is wrong.
    Template(String),
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Unsupported(unsupported) => Failure::Unsupported(unsupported),
            Refused::TooDeep(span) => Failure::TooDeep(span),
            Refused::TooLarge(span) => Failure::TooLarge(span),
            Refused::Failed(failure) => failure.into(),
        }
    }
}

impl From<engine::Fault> for Failure {
    fn from(fault: engine::Fault) -> Self {
        match fault {
            engine::Fault::Name(reason) => Failure::Name(reason),
            engine::Fault::Template(reason) => Failure::Template(reason),
        }
    }
}

impl From<dialect::Failure> for Failure {
    fn from(failure: dialect::Failure) -> Self {
        match failure {
            dialect::Failure::Name(reason) => Failure::Name(reason),
            dialect::Failure::Unsupported(reason) | dialect::Failure::Mistake(reason) => Failure::Template(reason),
        }
    }
}

type Result<T> = std::result::Result<T, Failure>;

/// What relations are printed with.
pub struct Cx<'c> {
    /// The plan.
    pub plan: &'c Plan,
    /// What it was made from.
    pub model: &'c Model,
    /// The files, for the comments that name them.
    pub sources: &'c Sources,
    /// Where it is carried out.
    pub place: &'c Place,
    /// What the relations are marked with, by the names of their nodes.
    pub marks: &'c BTreeMap<String, Mark>,
}

/// Prints the statement that makes a relation.
pub fn statement(cx: &Cx<'_>, node: &Node) -> Result<String> {
    match &node.relation {
        Relation::Schema => {
            let header = cx.header("The schema that the relations lie in", &[]);
            cx.render("schema.sql", minijinja::context! { header, schema => cx.place.schema.clone() })
        }
        Relation::Entity(entity) => entity::statement(cx, node, *entity),
        Relation::Events(events) => source::events(cx, node, events, false),
        Relation::Facts(source) => source::facts(cx, node, *source),
        Relation::Occurrences(occurrences) => cx.queried(node, reached::occurrences_header(cx, occurrences)),
        Relation::Reached(reached) => cx.queried(node, reached::header(cx, reached)),
        Relation::Milestone(index) => cx.queried(node, milestone::header(cx, *index)),
        Relation::Milestones => cx.queried(node, cx.header("The milestones, and what is said about each", &[])),
        Relation::Kpi(kpi) => cx.queried(node, kpi::header(cx, cx.model.kpi(*kpi))),
        Relation::Moment => cx.queried(node, cx.header("The moment as of which everything is computed", &[])),
        Relation::Cells(cells) => cx.queried(node, kpi::cells_header(cx, cells)),
        Relation::Kpis => cx.queried(node, cx.header("All KPIs, one row a bucket and segment", &[])),
        Relation::Own(own) => cx.queried(node, cx.own_header(own.definition)),
    }
}

/// Returns what the warehouse cannot write or store of the raw columns that a relation reads, and where they are written.
pub(crate) fn refused_columns(cx: &Cx<'_>, node: &Node) -> Vec<(String, Span)> {
    let dialect = cx.dialect();
    let (places, stored) = match node.reads {
        None => return Vec::new(),
        Some(Raw::Source(source)) => (&cx.model.source(source).places, Vec::new()),
        Some(Raw::Entity(entity)) => {
            let entity = cx.model.entity(entity);
            let held = entity.parent.iter().map(|(_, column)| column).chain([&entity.key]);
            (&entity.places, held.collect())
        }
    };
    let refuse = |column: &String| {
        if stored.contains(&column) { dialect.column(column) } else { dialect.identifier(column).map(|_| ()) }
    };
    places.iter().filter_map(|(column, place)| Some((refuse(column).err()?, *place))).collect()
}

/// Returns a mark as a dialect's entries see it.
pub(super) fn of_mark(mark: &Mark) -> Value {
    minijinja::context! { text => mark.text(), as_of => mark.as_of.clone(), spec => mark.spec.clone() }
}

/// The names of the relations that columns are read from, in a template.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Aliases<'a> {
    /// The rows of an event source that was read.
    events: Option<&'a str>,
    /// The rows of a source of facts that was read.
    facts: Option<&'a str>,
    /// The rows of entities.
    entities: &'a [(EntityIndex, &'a str)],
}

/// Marks text as SQL.
pub(crate) fn sql(text: impl Into<String>) -> Value {
    Value::from_safe_string(text.into())
}

/// Returns the names of the columns that a relation has, in their order: what its template ends with.
fn made(node: &Node) -> Vec<String> {
    node.columns.iter().map(|(name, _)| name.clone()).collect()
}

impl Cx<'_> {
    fn dialect(&self) -> &'static Dialect {
        self.place.dialect
    }

    fn render(&self, template: &str, context: Value) -> Result<String> {
        Ok(engine::render(template, context, self.dialect())?)
    }

    /// Prints the statement that makes a relation whose rows are computed by a query.
    fn queried(&self, node: &Node, header: Value) -> Result<String> {
        let query = node.query.as_ref().ok_or_else(|| Failure::Template(format!("`{}` has no query", node.name)))?;
        let is_view = node.materialization == Materialization::View;
        let head =
            self.render("relation.sql", minijinja::context! { header, is_view, relation => self.table(node) })?;
        Ok(format!("{head}\n{}", self.rows(query, &layout(self.model, node).sorted())?))
    }

    /// Prints a query, whose rows are sorted by columns where a warehouse prunes by the order in which they were written.
    pub(super) fn rows(&self, query: &crate::plan::relational::Query, sorted: &[String]) -> Result<String> {
        let (place, dialect) = (self.place, self.dialect());
        let mut within = BTreeMap::new();
        for id in query.nodes() {
            let node = self.plan.node(id);
            if node.materialization == Materialization::Ephemeral {
                let Relation::Events(events) = &node.relation else {
                    let kind = node.relation.kind();
                    return Err(Failure::Template(format!("a {kind} is part of no statement")));
                };
                within.insert(id, source::events(self, node, events, true)?);
            }
        }
        Ok(query::Printer { plan: self.plan, dialect, place, within }.query(query, sorted)?)
    }

    /// Returns the full name of a relation that Milepost makes.
    pub(crate) fn qualified(&self, name: &str) -> String {
        format!("{}.{name}", self.place.schema)
    }

    /// Prints the name of a relation of the plan.
    pub(crate) fn relation(&self, id: NodeId) -> Result<String> {
        self.place.relation(self.plan, id).map_err(Failure::Name)
    }

    /// Returns what a table or view is called that Milepost makes, how its rows lie, and its mark; none where something else
    /// keeps the rows.
    fn table(&self, node: &Node) -> Option<Value> {
        if self.place.blanks.is_some() {
            return None;
        }
        let Layout { partition, expiration_days, cluster, is_sorted: _ } = layout(self.model, node);
        // What is made from rows of an earlier time, as a test's are, would be deleted as it is made.
        let expiration_days = expiration_days.filter(|_| self.place.stand_ins.is_empty());
        Some(minijinja::context! {
            name => self.qualified(&node.name),
            partition => partition.map(|(column, _)| column),
            by => partition.map(|(_, by)| by.name()),
            expiration_days, cluster,
            mark => self.marks.get(&node.name).map(of_mark),
        })
    }

    fn literal(&self, literal: &Literal) -> Result<Value> {
        let printed = expr::literal(literal, self.dialect());
        Ok(sql(printed?.sql))
    }

    fn string(&self, text: &str) -> Result<Value> {
        self.dialect().string(text).map(sql).map_err(Failure::Name)
    }

    #[expect(clippy::unnecessary_wraps, reason = "stands beside literals, which can fail")]
    fn typed_null(&self, ty: &str) -> Result<Value> {
        let ty = Type::DECLARABLE.iter().find(|(name, _)| *name == ty).map_or(Type::String, |(_, ty)| *ty);
        Ok(sql(format!("CAST(NULL AS {})", self.dialect().type_name(ty))))
    }

    fn as_of(&self) -> Result<Value> {
        self.moment().map(sql)
    }

    /// Prints the moment as of which everything is computed.
    fn moment(&self) -> Result<String> {
        let text = self.place.moment(0).unwrap_or_else(|| self.place.as_of.clone());
        Ok(expr::literal(&Literal::Timestamp(text), self.dialect())?.sql)
    }

    /// Prints the first moment whose rows count, where those older than `retain` do not.
    fn since(&self, retain: Option<i64>) -> Result<Option<Value>> {
        // A moment before the calendar begins leaves nothing out.
        let Some(moment) = retain.and_then(|age| self.place.moment(age)) else { return Ok(None) };
        self.literal(&Literal::Timestamp(moment)).map(Some)
    }

    fn ident(&self, name: &str) -> Result<String> {
        self.dialect().identifier(name).map_err(Failure::Name)
    }

    /// Prints the name of a column of a raw table.
    fn raw_ident(&self, name: &str) -> Result<String> {
        self.dialect().raw_identifier(name).map_err(Failure::Name)
    }

    /// Prints a user's expression, whose columns are read from the relations that `aliases` names.
    fn print(&self, expr: &Expr, aliases: Aliases<'_>) -> Result<String> {
        Ok(expr::print(expr, self.dialect(), &|name| self.column(name, aliases))?)
    }

    fn column(&self, name: &Name, aliases: Aliases<'_>) -> Option<String> {
        let dialect = self.dialect();
        let of = |alias: &str, column: &str| dialect.identifier(column).ok().map(|column| format!("{alias}.{column}"));
        match name {
            Name::AsOf => self.moment().ok(),
            Name::Entity { entity, .. } => {
                let is_it = |(index, _): &&(EntityIndex, &str)| self.model.entity(*index).meta.name == *entity;
                let (index, alias) = aliases.entities.iter().find(is_it)?;
                of(alias, &column_of_entity(self.model.entity(*index), name)?)
            }
            Name::Event(_) | Name::Fact(_) | Name::Column(_) | Name::Property(_) => {
                match (aliases.events, aliases.facts) {
                    (Some(events), _) => of(events, &column_of_events(name)?),
                    (None, Some(facts)) => of(facts, &column_of_facts(name)?),
                    (None, None) => None,
                }
            }
            Name::Reach(_) | Name::PopulationReachedAt | Name::Kpi(_) => None,
        }
    }

    /// Returns the SQL of the relation that raw rows come from, in which are `columns` and perhaps more.
    pub(crate) fn raw(&self, meta: &Meta, origin: &Origin, columns: &[&str]) -> Result<String> {
        let read = self.raw_as_it_is(meta, origin, columns)?;
        match &self.place.blanks {
            None => Ok(read),
            Some(blanks) => {
                let source = self.model.sources.iter().position(|source| source.meta.span == meta.span);
                let entity = || self.model.entities.iter().position(|entity| entity.meta.span == meta.span);
                let source = source.map(|index| Raw::Source(SourceIndex(index)));
                let raw = source.or_else(|| entity().map(|index| Raw::Entity(EntityIndex(index))));
                let raw = raw.ok_or_else(|| Failure::Template(format!("`{}` is no definition", meta.name)))?;
                self.raw_ident(&blanks.leave(&Blank::Raw(raw)))
            }
        }
    }

    fn raw_as_it_is(&self, meta: &Meta, origin: &Origin, columns: &[&str]) -> Result<String> {
        if let Some(name) = self.place.stand_ins.get(&meta.name) {
            return self.dialect().table(name).map_err(Failure::Name);
        }
        let mut reason = String::from("neither a table nor a file");
        if let Some(files) = &origin.files {
            match crate::render::access::file(self.dialect(), files, columns) {
                Ok(file) => return Ok(file),
                Err(dialect::Failure::Unsupported(why)) => reason = why,
                Err(failure) => return Err(failure.into()),
            }
        }
        match &origin.table {
            Some(name) => self.dialect().raw_table(name).map_err(Failure::Name),
            None => Err(Failure::NoRelation { name: meta.name.clone(), span: origin.span, reason }),
        }
    }

    /// Makes the comment that opens a statement.
    #[expect(clippy::unused_self, reason = "stands beside the header of a definition")]
    fn header(&self, title: &str, lines: &[String]) -> Value {
        minijinja::context! { title, lines => lines.to_vec() }
    }

    /// Makes the comment that opens the statement of a relation that a definition has by itself.
    fn own_header(&self, definition: DefinitionId) -> Value {
        let about = own::of(self.model, definition).map(|own| own.about.to_owned());
        let meta = self.model.definition(definition).meta();
        self.definition_header(definition.table().name(), meta, about.as_slice())
    }

    /// Makes the comment that opens the statement of a definition: what it is, and the file that it is written in.
    fn definition_header(&self, kind: &str, meta: &Meta, lines: &[String]) -> Value {
        let path = self.sources.shown_path(meta.span.source);
        let title = match &meta.title {
            Some(title) => format!("{kind}.{}: {title} ({path})", meta.name),
            None => format!("{kind}.{} ({path})", meta.name),
        };
        let mut all: Vec<String> =
            meta.description.iter().map(|text| text.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        all.extend_from_slice(lines);
        self.header(&title, &all)
    }
}
