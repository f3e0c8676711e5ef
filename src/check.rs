//! Statement -> checked: one statement that parses in its dialect's grammar.
//!
//! A [`Checked`] can be made here only, so a warehouse is never handed text that nobody parsed.

use std::borrow::Cow;

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

/// Why a statement is refused: a mistake of ours, in a template or a dialect file.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The statement.
    pub statement: Statement,
    /// The parser's words.
    pub reason: String,
}

/// Parses `statement` in the grammar of `dialect`.
///
/// Where the dialect's file lists a construct that the warehouse takes and the parser does not, what the file gives for
/// it is parsed in its place; the statement keeps its text.
pub fn check(statement: Statement, dialect: &Dialect) -> Result<Checked, Box<Refusal>> {
    let mut text = Cow::from(statement.sql.as_str());
    for gap in dialect.gaps() {
        if text.contains(&gap.text) {
            text = text.replace(&gap.text, &gap.parsed_as).into();
        }
    }
    let grammar = dialect.grammar();
    let parser = Parser::new(&*grammar).with_recursion_limit(PARSED).try_with_sql(&text);
    let parsed = parser.and_then(|mut parser| parser.parse_statements());
    let reason = match parsed {
        Ok(parsed) if parsed.len() == 1 => return Ok(Checked { statement, marked: Marked::Not }),
        Ok(parsed) => format!("{} statements where one was expected", parsed.len()),
        Err(error) => error.to_string(),
    };
    Err(Box::new(Refusal { statement, reason }))
}
