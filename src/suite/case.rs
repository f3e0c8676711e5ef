//! `[test.<name>]` -> a case: names found, times read, files of rows read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jiff::Timestamp;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::plan::node::{Materialization, Node, NodeId, Plan};
use crate::project::document::Spanned;
use crate::project::names::nearest;
use crate::project::read::list;
use crate::project::tables::test::{ExpectTable, Match, RowsTable, TestTable, WrittenRow};
use crate::project::{Definition, Project};
use crate::run::unit::{self, Expectation, Row, csv};
use crate::semantic::expr::Type;
use crate::semantic::model::Model;
use crate::semantic::moment;
use crate::suite::given::raw_columns;

/// One unit test that can be run.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its name.
    pub name: String,
    /// The moment at which it holds.
    pub as_of: Timestamp,
    /// The rows of sources and entities, by name; those that are not here are empty.
    pub given: BTreeMap<String, Vec<Row>>,
    /// What is expected of relations.
    pub expected: Vec<(NodeId, Expectation)>,
}

/// Resolves the project's tests. Those with mistakes are left out.
pub fn resolve(project: &Project, model: &Model, plan: &Plan, diagnostics: &mut Diagnostics) -> Vec<Case> {
    let cx = Cx { project, model, plan };
    project.tables.tests.iter().filter_map(|test| cx.case(test, diagnostics)).collect()
}

struct Cx<'c> {
    project: &'c Project,
    model: &'c Model,
    plan: &'c Plan,
}

impl<'c> Cx<'c> {
    fn case(&self, test: &Definition<TestTable>, diagnostics: &mut Diagnostics) -> Option<Case> {
        let as_of = moment::moment(test.body.as_of.get());
        if let Err(reason) = &as_of {
            diagnostics.push(
                Diagnostic::error("bad-time", format!("`{}` is not a moment", test.body.as_of.get()))
                    .at(test.place(&test.body.as_of), "")
                    .help(reason),
            );
        }
        let mut is_whole = true;
        let mut given = BTreeMap::new();
        for (name, rows) in &test.body.given {
            let is_known = self.is_given(test, name, diagnostics);
            match self.rows(test, rows, diagnostics) {
                Some(read) if is_known && self.are_columns(test, name.get(), rows, &read, diagnostics) => {
                    given.insert(name.get().clone(), read);
                }
                Some(_) | None => is_whole = false,
            }
        }
        if test.body.expect.is_empty() {
            diagnostics.push(
                Diagnostic::error("nothing-expected", format!("test `{}` expects nothing", test.name))
                    .at(test.span, "would pass whatever is made")
                    .help("name a relation and its rows: `expect.milestone_activated.rows = [{ … }]`"),
            );
        }
        let mut expected = Vec::new();
        for (name, table) in &test.body.expect {
            match self.expectation(test, name, table.get(), diagnostics) {
                Some(expectation) => expected.push(expectation),
                None => is_whole = false,
            }
        }
        is_whole.then_some(Case { name: test.name.clone(), as_of: as_of.ok()?, given, expected })
    }

    /// Reports a name that no source and no entity with rows of its own has.
    fn is_given(&self, test: &Definition<TestTable>, name: &Spanned<String>, diagnostics: &mut Diagnostics) -> bool {
        let known = raw_columns(self.model);
        if known.contains_key(name.get()) {
            return true;
        }
        let derived = self.model.entities.iter().find(|entity| entity.meta.name == *name.get());
        let diagnostic = Diagnostic::error("unknown-source", format!("no source or entity `{}` has rows", name.get()))
            .at(test.place(name), "rows are given for it");
        let names: Vec<&str> = known.keys().map(String::as_str).collect();
        diagnostics.push(match (derived, nearest(name.get(), names.iter().copied())) {
            (Some(entity), _) => diagnostic
                .at(entity.meta.span, "has no table: it is derived from its members")
                .help("give the rows of its members"),
            (None, Some(near)) => diagnostic.help(format!("one with a similar name exists: `{near}`")),
            (None, None) => diagnostic.help(format!("there are {}", list(&names))),
        });
        false
    }

    /// Reports columns of given rows that no definition reads: what stands in them would prove nothing. A file of data may
    /// have more columns than are read, but none that is a slip for one that it lacks.
    fn are_columns(
        &self,
        test: &Definition<TestTable>,
        name: &str,
        written: &Spanned<RowsTable>,
        rows: &[Row],
        diagnostics: &mut Diagnostics,
    ) -> bool {
        let known = raw_columns(self.model).remove(name).unwrap_or_default();
        let columns: Vec<&str> = known.iter().map(String::as_str).collect();
        let mut told: BTreeSet<&str> = BTreeSet::new();
        for column in rows.iter().flat_map(|row| row.keys()) {
            let is_in_file = matches!(written.get(), RowsTable::File(_));
            let lacking = columns.iter().copied().filter(|known| !rows.iter().any(|row| row.contains_key(*known)));
            let near = nearest(column, lacking);
            if known.contains(column) || (is_in_file && near.is_none()) || !told.insert(column) {
                continue;
            }
            let diagnostic = Diagnostic::error(
                "unknown-column",
                format!("no definition reads a column `{column}` of `{name}`"),
            )
            .at(written.get().column(column).map_or(test.place(written), |key| test.place(key)), "it is given here");
            diagnostics.push(match near {
                Some(near) => diagnostic.help(format!("a column with a similar name is read: `{near}`")),
                None => diagnostic.help(format!("the columns that are read are {}", list(&columns))),
            });
        }
        told.is_empty()
    }

    fn expectation(
        &self,
        test: &Definition<TestTable>,
        name: &Spanned<String>,
        table: &ExpectTable,
        diagnostics: &mut Diagnostics,
    ) -> Option<(NodeId, Expectation)> {
        let rows = self.rows(test, &table.rows, diagnostics);
        let is_relation = |id: &NodeId| self.plan.node(*id).materialization != Materialization::Schema;
        let Some(id) = self.plan.find(name.get()).filter(is_relation) else {
            let relations = self.plan.nodes.iter().filter(|node| node.materialization != Materialization::Schema);
            let names: Vec<&str> = relations.map(|node| node.name.as_str()).collect();
            let diagnostic = Diagnostic::error("unknown-relation", format!("no relation `{}` is made", name.get()))
                .at(test.place(name), "rows are expected of it");
            diagnostics.push(match nearest(name.get(), names.iter().copied()) {
                Some(near) => diagnostic.help(format!("a relation with a similar name exists: `{near}`")),
                None => diagnostic.help("they are named for what they hold: `milestone_activated`, `kpi_signups`"),
            });
            return None;
        };
        let rows = self.named(test, table, id, rows?, diagnostics)?;
        if rows.is_empty() && table.matching != Some(Match::Exact) {
            diagnostics.push(
                Diagnostic::error("nothing-expected", format!("no row of `{}` is expected", name.get()))
                    .at(test.place(&table.rows), "is among any rows")
                    .help("`match = \"exact\"` says that there are no rows"),
            );
        }
        let rule = match table.matching {
            Some(Match::Exact) => unit::Match::Exact,
            Some(Match::Subset) | None => unit::Match::Subset,
        };
        Some((id, Expectation { rule, rows }))
    }

    /// Gives the columns of expected rows the names that the relation has for them: the name of an entity is that of
    /// its key, as in expressions. A whole number is its digits where there is text, as in raw rows.
    fn named(
        &self,
        test: &Definition<TestTable>,
        table: &ExpectTable,
        id: NodeId,
        rows: Vec<Row>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Vec<Row>> {
        let node = self.plan.node(id);
        let mut named = Vec::new();
        let mut is_whole = true;
        for (position, row) in rows.into_iter().enumerate() {
            if row.is_empty() {
                let message = format!("row {} that is expected of `{}` says nothing", position + 1, node.name);
                diagnostics.push(
                    Diagnostic::error("nothing-expected", message)
                        .at(test.place(&table.rows), "any row would be it")
                        .help("name a column of it, such as the key: `{ user = \"u1\" }`"),
                );
                is_whole = false;
            }
            let place = |name: &str| {
                table.rows.get().key(position, name).map_or(test.place(&table.rows), |key| test.place(key))
            };
            // The columns, as the row calls them.
            let mut called: BTreeMap<&str, String> = BTreeMap::new();
            let mut read = Row::new();
            for (name, value) in row {
                let Some((column, ty)) = self.column(node, &name) else {
                    diagnostics.push(unknown_column(node, &name).at(place(&name), "it is expected here"));
                    return None;
                };
                if let Some(first) = called.insert(column, name.clone()) {
                    let message = format!("a row gives the column `{column}` of `{}` twice", node.name);
                    diagnostics.push(
                        Diagnostic::error("duplicate-column", message)
                            .at(place(&name), format!("as `{name}`"))
                            .at(place(&first), format!("and as `{first}`"))
                            .help("leave one of them out"),
                    );
                    is_whole = false;
                }
                match fitting(value, ty) {
                    Ok(value) => {
                        read.insert(column.to_owned(), value);
                    }
                    Err(value) => {
                        let message = format!("the column `{column}` of `{}` holds text, and never {value}", node.name);
                        diagnostics.push(
                            Diagnostic::error("wrong-type-of-value", message)
                                .at(place(&name), "is expected here")
                                .help(format!("write it as text: `{name} = \"{value}\"`")),
                        );
                        is_whole = false;
                    }
                }
            }
            named.push(read);
        }
        is_whole.then_some(named)
    }

    /// Finds the column that a row of `expect` means.
    fn column(&self, node: &'c Node, name: &str) -> Option<(&'c str, Type)> {
        let find = |name: &str| {
            let column = node.columns.iter().find(|(column, _)| column == name);
            column.map(|(column, ty)| (column.as_str(), *ty))
        };
        let key = || self.model.entities.iter().find(|entity| entity.meta.name == name).map(|entity| &entity.key);
        find(name).or_else(|| find(key()?))
    }

    /// Returns rows, from a file beside the test where they are in one.
    fn rows(
        &self,
        test: &Definition<TestTable>,
        written: &Spanned<RowsTable>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Vec<Row>> {
        let file = match written.get() {
            RowsTable::Rows(rows) => {
                return Some(rows.iter().map(|WrittenRow(row)| row.iter().map(plain).collect()).collect());
            }
            RowsTable::File(file) => file,
        };
        let beside = self.project.sources.path(test.source()).parent().unwrap_or(Path::new(""));
        let shown = beside.join(file).display().to_string().replace('\\', "/");
        let content = match std::fs::read_to_string(self.project.root.join(beside).join(file)) {
            Ok(content) => content,
            Err(error) => {
                diagnostics.push(
                    Diagnostic::error("unreadable-file", format!("reading `{shown}`: {error}"))
                        .at(test.place(written), "relative to this file"),
                );
                return None;
            }
        };
        match csv::rows(&content) {
            Ok(rows) => Some(rows),
            Err(reason) => {
                diagnostics.push(
                    Diagnostic::error("bad-rows", format!("`{shown}` holds no rows that can be read: {reason}"))
                        .at(test.place(written), ""),
                );
                None
            }
        }
    }
}

/// Says that a relation does not have a column.
fn unknown_column(node: &Node, name: &str) -> Diagnostic {
    let columns: Vec<&str> = node.columns.iter().map(|(name, _)| name.as_str()).collect();
    let message = format!("`{}` has no column `{name}`", node.name);
    let diagnostic = Diagnostic::error("unknown-column", message);
    match nearest(name, columns.iter().copied()) {
        Some(near) => diagnostic.help(format!("a column with a similar name exists: `{near}`")),
        None => diagnostic.help(format!("its columns are {}", list(&columns))),
    }
}

/// Returns what an expected value is in a column of type `ty`; where text is never that, the value as it was.
fn fitting(value: serde_json::Value, ty: Type) -> Result<serde_json::Value, serde_json::Value> {
    if ty != Type::String {
        return Ok(value);
    }
    match value {
        serde_json::Value::Number(number) if number.is_i64() || number.is_u64() => Ok(number.to_string().into()),
        serde_json::Value::Number(_) | serde_json::Value::Bool(_) => Err(value),
        serde_json::Value::Null
        | serde_json::Value::String(_)
        | serde_json::Value::Array(_)
        | serde_json::Value::Object(_) => Ok(value),
    }
}

fn plain((name, value): (&Spanned<String>, &serde_json::Value)) -> (String, serde_json::Value) {
    (name.get().clone(), value.clone())
}
