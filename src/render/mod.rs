//! Plan + dialect -> statements: SQL as people read it.

pub mod access;
pub mod blanks;
pub mod dialect;
pub mod engine;
pub mod expr;
pub mod holes;
pub mod own;
pub(crate) mod query;
pub mod relations;

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::plan::node::{Materialization, Node, NodeId, Plan};
use crate::plan::relational::Query;
use crate::render::blanks::{Blank, Blanks};
use crate::render::dialect::Dialect;
use crate::semantic::model::Model;
use crate::semantic::moment;
use crate::source::{Sources, Span};

/// One SQL statement, not yet parsed.
#[derive(Clone, Debug)]
pub struct Statement {
    /// The node of the plan that it makes; also the stem of its file.
    pub node: String,
    /// The text, with its header comment and without a final semicolon.
    pub sql: String,
    /// The definition that it comes from.
    pub origin: Option<Span>,
}

/// Where and as of when the plan is carried out.
#[derive(Clone, Debug)]
pub struct Place {
    /// The warehouse's SQL.
    pub dialect: &'static Dialect,
    /// The schema of the relations, with dots between its parts.
    pub schema: String,
    /// The moment as of which everything is computed, as `YYYY-MM-DD HH:MM:SS.ffffff` in UTC.
    pub as_of: String,
    /// Tables that stand in for raw ones, by the name of the source or entity: a unit test's rows.
    pub stand_ins: BTreeMap<String, String>,
    /// What is left open for another program to write, where it carries the plan out; then a statement is rows alone,
    /// without what keeps them.
    pub blanks: Option<Blanks>,
}

impl Place {
    /// Returns the moment so many microseconds before that of everything, as a literal has it; none before the calendar
    /// begins.
    pub fn moment(&self, before: i64) -> Option<String> {
        match (&self.blanks, before) {
            (Some(blanks), _) => Some(blanks.leave(&Blank::Moment { before })),
            (None, 0) => Some(self.as_of.clone()),
            (None, before) => moment::before(&self.as_of, before),
        }
    }

    /// Returns the quoted name of a relation that the plan makes.
    pub fn relation(&self, plan: &Plan, id: NodeId) -> Result<String, String> {
        match &self.blanks {
            Some(blanks) => self.dialect.raw_identifier(&blanks.leave(&Blank::Relation(id))),
            None => self.dialect.table(&format!("{}.{}", self.schema, plan.node(id).name)),
        }
    }
}

/// What a relation carries in the warehouse that a run made: by it a later run knows what is ours, and what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// A digest of what the relation is computed by: of a table with what all that it reads is computed by, of a view with
    /// the columns that it reads.
    pub spec: String,
    /// The moment as of which its rows are, as `2026-03-01T00:00:00Z`; none of a view, whose rows are of the moment of what it
    /// reads.
    pub as_of: Option<String>,
}

impl Mark {
    /// Returns the mark as a text, for warehouses that keep a comment with a relation.
    pub fn text(&self) -> String {
        let as_of = self.as_of.as_ref().map(|as_of| format!(" as_of={as_of};")).unwrap_or_default();
        format!("made by milepost;{as_of} spec={}", self.spec)
    }

    /// Reads a comment; none where it is not a mark of ours.
    pub fn parse(text: &str) -> Option<Self> {
        let (as_of, spec) = text.strip_prefix("made by milepost;")?.split_once(" spec=")?;
        let as_of = match as_of {
            "" => None,
            some => Some(some.strip_prefix(" as_of=")?.strip_suffix(';').filter(|as_of| !as_of.is_empty())?.to_owned()),
        };
        let is_whole = !spec.is_empty() && !spec.contains([';', ' ']);
        is_whole.then(|| Self { spec: spec.to_owned(), as_of })
    }
}

/// The marks of relations that are printed without.
pub static UNMARKED: BTreeMap<String, Mark> = BTreeMap::new();

/// Prints every relation of `plan` as a statement, in the plan's order.
///
/// What the warehouse cannot say is reported where it was written, and the statement is left out.
pub fn render(
    plan: &Plan,
    model: &Model,
    sources: &Sources,
    place: &Place,
    diagnostics: &mut Diagnostics,
) -> Vec<(NodeId, Statement)> {
    let all: Vec<NodeId> = (0..plan.nodes.len()).map(NodeId).collect();
    render_part(&all, plan, model, sources, place, diagnostics)
}

/// Prints some relations of `plan`, in the order in which they are named; see [`render`].
pub fn render_part(
    part: &[NodeId],
    plan: &Plan,
    model: &Model,
    sources: &Sources,
    place: &Place,
    diagnostics: &mut Diagnostics,
) -> Vec<(NodeId, Statement)> {
    render_marked(part, plan, model, sources, place, &UNMARKED, diagnostics)
}

/// Prints some relations of `plan`, each with its mark, where the dialect writes it into the statement that makes the
/// relation; see [`mark`].
pub fn render_marked(
    part: &[NodeId],
    plan: &Plan,
    model: &Model,
    sources: &Sources,
    place: &Place,
    marks: &BTreeMap<String, Mark>,
    diagnostics: &mut Diagnostics,
) -> Vec<(NodeId, Statement)> {
    let cx = relations::Cx { plan, model, sources, place, marks };
    let mut statements = Vec::new();
    let mut refused = Vec::new();
    for (id, node) in part.iter().map(|id| (*id, plan.node(*id))) {
        let origin = node.definition.as_ref().map(|definition| definition.span);
        let columns = relations::refused_columns(&cx, node);
        if !columns.is_empty() {
            refused.extend(columns.into_iter().map(|(reason, place)| (reason, Some(place))));
            continue;
        }
        match relations::statement(&cx, node) {
            Ok(sql) => statements.push((id, Statement { node: node.name.clone(), sql, origin })),
            Err(relations::Failure::Name(reason)) => refused.push((reason, origin)),
            Err(failure) => diagnostics.push(diagnostic(failure, place.dialect, origin)),
        }
    }
    report_names(refused, place.dialect, diagnostics);
    statements
}

/// Prints a query without anything that keeps its rows; `name` says what it is of.
pub fn render_rows(
    name: &str,
    query: &Query,
    plan: &Plan,
    model: &Model,
    sources: &Sources,
    place: &Place,
    diagnostics: &mut Diagnostics,
) -> Option<Statement> {
    let cx = relations::Cx { plan, model, sources, place, marks: &UNMARKED };
    match cx.rows(query, &[]) {
        Ok(sql) => Some(Statement { node: name.to_owned(), sql, origin: None }),
        Err(failure) => {
            diagnostics.push(diagnostic(failure, place.dialect, None));
            None
        }
    }
}

/// Returns the statement that marks a relation after it was made; none where the mark is part of the statement that makes
/// it.
pub fn mark(node: &Node, place: &Place, mark: &Mark) -> Option<String> {
    let name = place.dialect.table(&format!("{}.{}", place.schema, node.name)).ok()?;
    let kind = match node.materialization {
        Materialization::Schema | Materialization::Ephemeral => return None,
        Materialization::Table => "TABLE",
        Materialization::View => "VIEW",
    };
    let context = BTreeMap::from([
        ("name", minijinja::Value::from(name)),
        ("kind", minijinja::Value::from(kind)),
        ("mark", relations::of_mark(mark)),
    ]);
    place.dialect.shape("statements", "mark", &context).ok()
}

/// Reports what the warehouse cannot write, each once: where a definition brings it in, if one does, and not in what
/// reads from that.
fn report_names(refused: Vec<(String, Option<Span>)>, dialect: &Dialect, diagnostics: &mut Diagnostics) {
    let (placed, placeless): (Vec<_>, Vec<_>) = refused.into_iter().partition(|(_, origin)| origin.is_some());
    let mut told: Vec<String> = Vec::new();
    for (reason, origin) in placed.into_iter().chain(placeless) {
        if !told.contains(&reason) {
            diagnostics.push(diagnostic(relations::Failure::Name(reason.clone()), dialect, origin));
            told.push(reason);
        }
    }
}

fn too_deep(span: Span) -> Diagnostic {
    let message = format!("an expression is nested too deeply: its SQL has more than {} levels", holes::DEEPEST);
    Diagnostic::error("expression-too-deep", message)
        .at(span, "")
        .help("a function may be several levels in SQL; declare a part of it as a column of the table that is read")
}

fn too_large(span: Span) -> Diagnostic {
    Diagnostic::error("expression-too-large", "an expression is too large: its SQL is many times as long as it is")
        .at(span, "")
        .help(
            "some functions name their arguments several times in SQL, and one in the other that is many times as much; \
             declare a part of it as a column of the table that is read",
        )
}

fn diagnostic(failure: relations::Failure, dialect: &Dialect, origin: Option<Span>) -> Diagnostic {
    match failure {
        relations::Failure::Unsupported(unsupported) => Diagnostic::error(
            "unsupported-function",
            format!("`{}` is not supported: {}", unsupported.function, unsupported.reason),
        )
        .at(unsupported.span, format!("on {}", dialect.name())),
        relations::Failure::TooDeep(span) => too_deep(span),
        relations::Failure::TooLarge(span) => too_large(span),
        relations::Failure::NoRelation { name, span, reason } => Diagnostic::error(
            "no-table-for-dialect",
            format!("`{name}` has nothing that {} can read", dialect.name()),
        )
        .at(span, reason)
        .help("name its table in the warehouse by `table = \"schema.table\"`; the file stays for where files are read"),
        relations::Failure::Name(reason) => {
            let diagnostic = Diagnostic::error("bad-name-for-dialect", reason);
            match origin {
                Some(span) => diagnostic.at(span, format!("on {}", dialect.name())),
                None => diagnostic,
            }
        }
        relations::Failure::Template(reason) => {
            let diagnostic =
                Diagnostic::error("template-failed", format!("a template or a dialect file is wrong: {reason}"))
                    .help("this is a bug of Milepost, not of the project");
            match origin {
                Some(span) => diagnostic.at(span, "while compiling this"),
                None => diagnostic,
            }
        }
    }
}
