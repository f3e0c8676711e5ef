//! Where relations are made to be looked at: a schema of any warehouse, and in it the tables that stand in for raw ones.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::check::{Checked, check};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::plan::node::{Materialization, Node, NodeId, Plan};
use crate::render::dialect::Dialect;
use crate::render::{self, Place, Statement};
use crate::run::Step;
use crate::semantic::moment;
use crate::suite::Cx;
use crate::warehouse::{Rows, Warehouse};

/// What the names of tables begin with that stand in for raw ones.
const GIVEN: &str = "given_";

/// The SQL of what is part of other statements, by the names of the nodes.
pub type Within = BTreeMap<String, String>;

/// A schema that is used for nothing else.
pub struct Stage<'w> {
    /// Where it is.
    pub warehouse: &'w dyn Warehouse,
    /// The warehouse's SQL.
    pub dialect: &'static Dialect,
    /// Its name, with dots between its parts.
    pub schema: String,
}

impl Stage<'_> {
    /// Loads the tables that stand in for those of the sources and entities of the same names, then makes the relations
    /// of `part` in it as of `as_of`; what has their names is replaced.
    ///
    /// Returns the SQL of what is part of other statements, by the names of the nodes.
    pub fn make(
        &self,
        cx: Cx<'_>,
        as_of: Timestamp,
        given: &[(String, Rows)],
        part: &[NodeId],
    ) -> Result<Within, String> {
        let mut stand_ins = BTreeMap::new();
        for (name, rows) in given {
            let table = format!("{}.{GIVEN}{name}", self.schema);
            let relation = self.dialect.table(&table)?;
            let loading = |error| format!("loading the given rows of `{name}`: {error}");
            self.warehouse.load(&relation, rows).map_err(loading)?;
            stand_ins.insert(name.clone(), table);
        }
        let (dialect, schema, as_of) = (self.dialect, self.schema.clone(), moment::literal(as_of));
        let mut within = Within::new();
        for (id, statement) in statements(cx, part, &Place { dialect, schema, as_of, stand_ins, blanks: None })? {
            let node = cx.plan.node(id);
            // The schema is used for nothing else: what has the name of a relation was made here.
            match Step::of(node, statement, self.made(node)?, true) {
                Step::Ask { statement } => {
                    within.insert(node.name.clone(), statement.sql().to_owned());
                }
                step @ (Step::Ensure { .. } | Step::Replace { .. }) => {
                    step.execute(self.warehouse).map_err(|error| format!("making `{}`: {error}", node.name))?;
                }
            }
        }
        Ok(within)
    }

    /// Returns the relation of a node, or the schema, as SQL text.
    fn made(&self, node: &Node) -> Result<String, String> {
        match node.materialization {
            Materialization::Schema => self.dialect.table(&self.schema),
            Materialization::Table | Materialization::View | Materialization::Ephemeral => {
                self.dialect.table(&format!("{}.{}", self.schema, node.name))
            }
        }
    }

    /// Returns the rows of a relation that was made, or is part of a statement that made another.
    pub fn read(&self, node: &Node, within: &Within) -> Result<Rows, String> {
        let relation = match within.get(&node.name) {
            Some(rows) => format!("(\n{rows}\n) AS {}", node.name),
            None => self.made(node)?,
        };
        let query = Statement { node: node.name.clone(), sql: format!("SELECT * FROM {relation}"), origin: None };
        let query = check(query, self.dialect).map_err(|refusal| refusal.reason)?;
        let mut rows =
            self.warehouse.query(&query, None).map_err(|error| format!("reading `{}`: {error}", node.name))?;
        // In capitals where the target wants them so: here they are called what the project calls them.
        for column in &mut rows.columns {
            if let Some((name, _)) = node.columns.iter().find(|(name, _)| self.dialect.made_name(name) == column.name) {
                column.name.clone_from(name);
            }
        }
        Ok(rows)
    }

    /// Drops the schema with all that was made in it.
    pub fn clear(&self) -> Result<(), String> {
        let schema = self.dialect.table(&self.schema)?;
        self.warehouse.drop_schema(&schema).map_err(|error| format!("dropping the schema {schema}: {error}"))
    }
}

/// Returns the relations that `wanted` are made of, themselves included, in the plan's order.
pub fn needed(plan: &Plan, wanted: impl IntoIterator<Item = NodeId>) -> Vec<NodeId> {
    let mut needed = vec![false; plan.nodes.len()];
    let mut open: Vec<NodeId> = wanted.into_iter().collect();
    while let Some(id) = open.pop() {
        if !std::mem::replace(&mut needed[id.0], true) {
            open.extend(&plan.node(id).depends_on);
        }
    }
    (0..needed.len()).filter(|index| needed[*index]).map(NodeId).collect()
}

fn statements(cx: Cx<'_>, part: &[NodeId], place: &Place) -> Result<Vec<(NodeId, Checked)>, String> {
    let mut diagnostics = Diagnostics::default();
    let sources = &cx.project.sources;
    let statements = render::render_part(part, cx.plan, cx.model, sources, place, &mut diagnostics);
    if let Some(Diagnostic { message, .. }) = diagnostics.sorted().first() {
        return Err(message.clone());
    }
    let parse = |(id, statement)| match check(statement, place.dialect) {
        Ok(statement) => Ok((id, statement)),
        Err(refusal) => Err(refusal.reason),
    };
    statements.into_iter().map(parse).collect()
}
