//! Plan + dialect -> statements: SQL as people read it.

pub mod access;
pub mod dialect;
pub mod engine;
pub mod expr;
pub mod holes;

use crate::source::Span;

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
