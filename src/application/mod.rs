//! What can be done with a project, for whoever asks: the command line, an editor's server, a report.
//!
//! Nothing here has flags, prints, reads this process's environment or what day it is, or moves it to another folder, so that
//! one process can serve several projects at a time: all that is asked is in a [`Request`](workspace::Request), all that
//! happens meanwhile is told to a [`Watcher`](making::Watcher), and all that is found is returned.

pub mod artifacts;
pub mod cases;
mod catalog;
pub mod dropping;
pub mod examination;
pub mod expired;
pub mod export;
pub mod lineage;
pub mod making;
pub mod mistakes;
pub mod owned;
pub mod record;
pub mod recovery;
pub mod reference;
pub mod requirements;
pub mod rows;
pub mod schema;
pub mod selection;
pub mod shown;
pub mod sizes;
pub mod starter;
pub mod values;
pub mod workspace;

use std::io;

use crate::diagnostic::Diagnostics;
use crate::source::Sources;

/// Why something was not done.
#[derive(Debug)]
pub enum Obstacle {
    /// It cannot be done: what is in the way, and what to do about it.
    InTheWay {
        /// A phrase, like that of a diagnostic.
        message: String,
        /// What to do, where it is likely right.
        help: Option<String>,
    },
    /// The project has mistakes.
    Mistakes {
        /// All that was found, warnings too.
        found: Diagnostics,
        /// The files that were read, for drawing.
        sources: Sources,
    },
}

impl Obstacle {
    /// Says what is in the way.
    pub fn new(message: impl Into<String>) -> Self {
        Obstacle::InTheWay { message: message.into(), help: None }
    }

    /// Says what to do about it. A mistake of the project has its own help.
    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Self {
        match self {
            Obstacle::InTheWay { message, .. } => Obstacle::InTheWay { message, help: Some(help.into()) },
            Obstacle::Mistakes { found, sources } => Obstacle::Mistakes { found, sources },
        }
    }

    /// Says what was being done when the system refused: `writing target/manifest.json: permission denied`.
    pub fn io(doing: impl Into<String>, error: &io::Error) -> Self {
        Obstacle::new(format!("{}: {error}", doing.into()))
    }
}
