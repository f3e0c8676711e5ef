//! Statement -> checked: one statement that parses in its dialect's grammar.
//!
//! A [`Checked`] can be made here only, so a warehouse is never handed text that nobody parsed.

use std::borrow::Cow;

use sqlparser::parser::Parser;

use crate::render::Statement;
use crate::render::dialect::Dialect;
use crate::render::holes::PARSED;

/// A statement that parsed.
#[derive(Clone, Debug)]
pub struct Checked {
    statement: Statement,
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
        Ok(parsed) if parsed.len() == 1 => return Ok(Checked { statement }),
        Ok(parsed) => format!("{} statements where one was expected", parsed.len()),
        Err(error) => error.to_string(),
    };
    Err(Box::new(Refusal { statement, reason }))
}
