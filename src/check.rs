//! Statement -> checked: one statement that parses in its dialect's grammar.
//!
//! A [`Checked`] can be made here only, so a warehouse is never handed text that nobody parsed.

use crate::render::Statement;

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

/// Parses `statement` in `grammar`, one of sqlparser's dialects.
pub fn check(statement: Statement, grammar: &dyn sqlparser::dialect::Dialect) -> Result<Checked, Box<Refusal>> {
    match sqlparser::parser::Parser::parse_sql(grammar, &statement.sql) {
        Ok(parsed) if parsed.len() == 1 => Ok(Checked { statement }),
        Ok(parsed) => {
            let reason = format!("{} statements where one was expected", parsed.len());
            Err(Box::new(Refusal { statement, reason }))
        }
        Err(error) => Err(Box::new(Refusal { statement, reason: error.to_string() })),
    }
}
