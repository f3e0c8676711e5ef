//! What a node is made by: steps, one after the other.

use crate::check::Checked;
use crate::plan::node::{Materialization, Node};
use crate::warehouse::{Error, ErrorKind, Executed, Warehouse};

/// A statement, and what it does to what is there.
///
/// A step happens as a whole or not at all, so that one that failed has left nothing to undo. What the steps before it did
/// stays, and the same steps are carried out again by the next run: each kind says why that does no harm.
#[derive(Clone, Debug)]
pub enum Step {
    /// Makes a schema where there is none, and leaves what is there. Again it does nothing; an empty schema shows nobody
    /// anything.
    Ensure {
        /// What makes it.
        statement: Checked,
        /// The schema, as SQL text.
        schema: String,
    },
    /// Puts a table or a view in the place of what has its name. Again it puts the same there.
    Replace {
        /// What makes it.
        statement: Checked,
        /// What it makes, as SQL text.
        relation: String,
        /// Whether an earlier run made what is there: then it may be dropped where it became a view and was a table, or the
        /// other way round. What somebody else made is never dropped.
        is_ours: bool,
    },
    /// Asks for rows that nobody keeps, to find out whether they can be computed.
    Ask {
        /// What asks.
        statement: Checked,
    },
}

impl Step {
    /// Returns the step that makes a node; `made` is its relation, or the schema, as SQL text.
    pub fn of(node: &Node, statement: Checked, made: String, is_ours: bool) -> Self {
        match node.materialization {
            Materialization::Schema => Step::Ensure { statement, schema: made },
            Materialization::Table | Materialization::View => Step::Replace { statement, relation: made, is_ours },
            Materialization::Ephemeral => Step::Ask { statement },
        }
    }

    /// Returns the statement.
    pub fn statement(&self) -> &Checked {
        match self {
            Step::Ensure { statement, .. } | Step::Replace { statement, .. } | Step::Ask { statement } => statement,
        }
    }

    /// Returns the relation that it makes, as SQL text, where it makes one.
    pub fn relation(&self) -> Option<&str> {
        match self {
            Step::Replace { relation, .. } => Some(relation),
            Step::Ensure { .. } | Step::Ask { .. } => None,
        }
    }

    /// Carries the step out; fails with what the warehouse says.
    pub fn execute(&self, session: &dyn Warehouse) -> Result<Executed, Error> {
        match self {
            Step::Ensure { statement, schema } => session.make_schema(statement, schema),
            Step::Ask { statement } => session.execute(statement),
            Step::Replace { statement, relation, is_ours } => match session.execute(statement) {
                Err(error) if error.kind == ErrorKind::Occupied && *is_ours => {
                    session.execute_in_place(statement, relation)
                }
                Err(error) if error.kind == ErrorKind::Occupied => {
                    let message = format!(
                        "{relation} is there, is of another kind, and was not made by an earlier run; drop it, rename it, or \
                         choose another schema ({})",
                        error.message
                    );
                    Err(error.saying(message))
                }
                result => result,
            },
        }
    }
}
