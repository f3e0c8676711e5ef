//! Statement -> checked: one statement that parses in its dialect's grammar.
//!
//! A [`Checked`] can be made here only, so a warehouse is never handed text that nobody parsed.

mod shape;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::ControlFlow;

use sqlparser::ast::{ObjectName, Query, Statement as Parsed, TableFactor, Visit as _, Visitor};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;

pub use crate::render::Mark;
use crate::render::Statement;
use crate::render::dialect::Dialect;
use crate::render::holes::PARSED;

/// A statement that parsed.
#[derive(Clone, Debug)]
pub struct Checked {
    statement: Statement,
    marked: Marked,
}

/// How what a statement makes is marked.
#[derive(Clone, Debug)]
enum Marked {
    Not,
    /// By the statement itself: its text with the mark in it.
    Within(String),
    /// By a second one.
    After(String),
}

impl Checked {
    /// Returns the node of the plan that the statement makes.
    pub fn node(&self) -> &str {
        &self.statement.node
    }

    /// Returns the text, without a final semicolon.
    pub fn sql(&self) -> &str {
        &self.statement.sql
    }

    /// Returns the text that makes the relation with its mark, where it has one and it is part of that; otherwise the text.
    pub fn sql_with_mark(&self) -> &str {
        match &self.marked {
            Marked::Within(sql) => sql,
            Marked::Not | Marked::After(_) => self.sql(),
        }
    }

    /// Returns the statement that marks what this one makes, where that takes another: both happen, or neither.
    pub fn mark(&self) -> Option<&str> {
        match &self.marked {
            Marked::After(sql) => Some(sql),
            Marked::Not | Marked::Within(_) => None,
        }
    }

    /// Makes the statement mark what it makes as `other` does, which is the same statement with a mark in it.
    #[must_use]
    pub fn marked_as(self, other: &Checked) -> Self {
        Self { marked: Marked::Within(other.sql().to_owned()), ..self }
    }

    /// Adds the statement that marks what this one makes; none where it is no comment, which is a mistake of ours.
    pub fn marked_by(self, sql: String) -> Option<Self> {
        // The parser knows comments in its own grammar alone.
        let parsed = Parser::parse_sql(&GenericDialect {}, &sql).ok()?;
        let is_comment = matches!(parsed.as_slice(), [sqlparser::ast::Statement::Comment { .. }]);
        is_comment.then_some(Self { marked: Marked::After(sql), ..self })
    }
}

/// Why a statement is refused: a mistake of ours, in a template or a dialect file, but for names that are shadowed.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The statement.
    pub statement: Statement,
    /// The parser's words.
    pub reason: String,
    /// The first part of a table's name, where the warehouse would take it for what is called so within the statement.
    pub shadowed: Option<String>,
}

/// Parses `statement` in the grammar of `dialect`; see [`Checker`].
pub fn check(statement: Statement, dialect: &Dialect) -> Result<Checked, Box<Refusal>> {
    Checker::new(dialect).check(statement)
}

/// Parses statements in the grammar of a dialect.
///
/// Where the dialect's file lists a construct that the warehouse takes and the parser does not, what the file gives for
/// it is parsed in its place; the statement keeps its text.
///
/// Most views differ in constants only. Of those that have one shape, one is parsed: the others parse as it did.
#[derive(Debug)]
pub struct Checker<'d> {
    dialect: &'d Dialect,
    /// The shapes of statements that parsed.
    parsed: BTreeSet<String>,
}

impl<'d> Checker<'d> {
    /// Parses in the grammar of `dialect`.
    pub fn new(dialect: &'d Dialect) -> Self {
        Self { dialect, parsed: BTreeSet::new() }
    }

    /// Parses `statement`.
    pub fn check(&mut self, statement: Statement) -> Result<Checked, Box<Refusal>> {
        let mut text = Cow::from(statement.sql.as_str());
        for gap in self.dialect.gaps() {
            if text.contains(&gap.text) {
                text = text.replace(&gap.text, &gap.parsed_as).into();
            }
        }
        let shape = match &text {
            Cow::Borrowed(text) => shape::shape(text, &statement.node),
            // What is in the place of a constant decides whether there is a gap.
            Cow::Owned(_) => None,
        };
        if shape.as_ref().is_some_and(|shape| self.parsed.contains(shape)) {
            return Ok(Checked { statement, marked: Marked::Not });
        }
        let grammar = self.dialect.grammar();
        let parser = Parser::new(&*grammar).with_recursion_limit(PARSED).try_with_sql(&text);
        let parsed = parser.and_then(|mut parser| parser.parse_statements());
        let reason = match parsed {
            Ok(parsed) if parsed.len() == 1 => {
                let names = if self.dialect.shadows() { Names::of(&parsed) } else { Names::default() };
                if let Some(name) = names.shadowed() {
                    let reason = format!("it reads a table in `{name}`, and calls something else so");
                    return Err(Box::new(Refusal { statement, reason, shadowed: Some(name) }));
                }
                // What is left out of the shape stands behind a dot: it begins no name, and nothing is called by it.
                self.parsed.extend(shape);
                return Ok(Checked { statement, marked: Marked::Not });
            }
            Ok(parsed) => format!("{} statements where one was expected", parsed.len()),
            Err(error) => error.to_string(),
        };
        Err(Box::new(Refusal { statement, reason, shadowed: None }))
    }
}

/// The names in a statement.
#[derive(Default)]
struct Names {
    /// What its parts are called, in small letters.
    called: BTreeSet<String>,
    /// How the names of tables begin that have several parts.
    begun: BTreeSet<String>,
}

impl Names {
    fn of(parsed: &[Parsed]) -> Self {
        let mut names = Self::default();
        let _ = parsed.iter().try_for_each(|statement| statement.visit(&mut names));
        names
    }

    /// Returns the first part of the name of a table that something else is called by, capitals or not.
    fn shadowed(&self) -> Option<String> {
        self.begun.iter().find(|name| self.called.contains(&name.to_lowercase())).cloned()
    }

    fn read(&mut self, name: &ObjectName) {
        if let [first, _, ..] = name.0.as_slice()
            && let Some(first) = first.as_ident()
        {
            self.begun.insert(first.value.clone());
        }
    }
}

impl Visitor for Names {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let tables = query.with.iter().flat_map(|with| &with.cte_tables);
        self.called.extend(tables.map(|table| table.alias.name.value.to_lowercase()));
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        #[expect(clippy::wildcard_enum_match_arm, reason = "our statements have no others")]
        let alias = match factor {
            TableFactor::Table { name, alias, .. } => {
                self.read(name);
                alias
            }
            TableFactor::Derived { alias, .. } | TableFactor::UNNEST { alias, .. } => alias,
            _ => &None,
        };
        self.called.extend(alias.iter().map(|alias| alias.name.value.to_lowercase()));
        ControlFlow::Continue(())
    }
}
