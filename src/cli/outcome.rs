//! How a command ends: the only place that knows exit codes.

use std::io::{self, Write as _};
use std::process::ExitCode;

use annotate_snippets::{Level, Renderer};

use crate::application::Obstacle;
use crate::application::selection::SelectionError;
use crate::cli::terminal::{self, Cx};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All was done: 0.
    Done,
    /// The project has errors, or a relation or a test failed; it has been said which: 1.
    Failed,
    /// The command could not be tried: 2.
    Refused,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Done => ExitCode::SUCCESS,
            Exit::Failed => ExitCode::from(1),
            Exit::Refused => ExitCode::from(2),
        }
    }
}

/// Why a command could not be tried, or stopped.
#[derive(Debug)]
pub enum Failure {
    /// It was not done, and it has not been said why.
    Stopped(Obstacle),
    /// The project has errors, or a part of it failed, and it has been said which.
    Reported,
    /// It could not be tried, and it has been said why.
    Untried,
    /// Whoever read standard output has read enough, as `head` has. That is no failure.
    NobodyReads,
}

impl Failure {
    /// Says what is in the way.
    pub fn new(message: impl Into<String>) -> Self {
        Failure::Stopped(Obstacle::new(message))
    }

    /// Says what to do about it.
    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Self {
        match self {
            Failure::Stopped(obstacle) => Failure::Stopped(obstacle.help(help)),
            Failure::Reported => Failure::Reported,
            Failure::Untried => Failure::Untried,
            Failure::NobodyReads => Failure::NobodyReads,
        }
    }

    /// Says what was being done when the system refused: `writing target/manifest.json: permission denied`.
    pub fn io(doing: impl Into<String>, error: &io::Error) -> Self {
        Failure::Stopped(Obstacle::io(doing, error))
    }

    /// Says why nothing more can be printed.
    pub fn of_stdout(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Failure::NobodyReads
        } else {
            Failure::io("writing to standard output", error)
        }
    }
}

impl From<Obstacle> for Failure {
    fn from(obstacle: Obstacle) -> Self {
        Failure::Stopped(obstacle)
    }
}

impl From<SelectionError> for Failure {
    fn from(error: SelectionError) -> Self {
        Failure::Stopped(error.into())
    }
}

/// Says why a command stopped, if it did, and returns how the process ends.
pub(super) fn end(ended: Result<Exit, Failure>, cx: &Cx) -> Exit {
    match ended {
        Ok(exit) => exit,
        Err(Failure::Reported) => Exit::Failed,
        Err(Failure::Untried) => Exit::Refused,
        Err(Failure::NobodyReads) => Exit::Done,
        Err(Failure::Stopped(obstacle)) => end(Err(tell(&obstacle, cx)), cx),
    }
}

/// Says what is in the way, or draws what is wrong with the project, and returns how a command stops for it.
pub(super) fn tell(obstacle: &Obstacle, cx: &Cx) -> Failure {
    match obstacle {
        Obstacle::InTheWay { message, help } => {
            say_error(message, help.as_deref(), cx);
            Failure::Untried
        }
        Obstacle::Mistakes { found, sources } => match cx.report(found, sources) {
            Exit::Refused => Failure::Untried,
            Exit::Failed | Exit::Done => Failure::Reported,
        },
    }
}

/// Tells whether a command cannot even begin for a mistake: what it was called with is wrong, and not the project.
fn is_of_the_call(error: &Diagnostic) -> bool {
    matches!(error.code, "no-target" | "unknown-target" | "unknown-variable")
        || (error.code == "unreadable-file" && error.labels.is_empty())
}

/// Returns how a command ends that found nothing else than this.
pub(super) fn exit_of(found: &Diagnostics) -> Exit {
    let mut errors = found.sorted().into_iter().filter(|diagnostic| diagnostic.severity == Severity::Error).peekable();
    match (errors.peek().is_some(), errors.all(is_of_the_call)) {
        (false, _) => Exit::Done,
        (true, true) => Exit::Refused,
        (true, false) => Exit::Failed,
    }
}

/// What the exit codes mean: the help and README.md have these words.
pub const EXIT_CODES: [(u8, &str); 3] = [
    (0, "all was done"),
    (1, "the project has errors, or a relation or a test failed"),
    (2, "it could not be tried: wrong usage, no project, target or selection of that name, no connection"),
];

/// Says an error that no file is to blame for.
pub(super) fn say_error(message: &str, help: Option<&str>, cx: &Cx) {
    cx.remember_error(message);
    let renderer = if cx.colors() { Renderer::styled() } else { Renderer::plain() };
    let mut group = titled(message);
    if let Some(help) = help {
        group = group.element(Level::HELP.message(help));
    }
    terminal::say_always(&renderer.render(&[group]));
}

/// Says a warning that no file is to blame for.
pub(super) fn say_warning(message: &str, cx: &Cx) {
    if cx.globals.quiet {
        return;
    }
    let renderer = if cx.colors() { Renderer::styled() } else { Renderer::plain() };
    let group = annotate_snippets::Group::with_title(Level::WARNING.primary_title(message));
    terminal::say_always(&renderer.render(&[group]));
}

/// Prints what clap has to say, which may be the help that was asked for, and returns how the process ends.
pub(super) fn end_of_usage(error: &clap::Error) -> Exit {
    let printed = error.print().and_then(|()| io::stdout().flush());
    if error.use_stderr() {
        // A stream that is closed leaves nobody to tell.
        return Exit::Refused;
    }
    match printed.map_err(|error| Failure::of_stdout(&error)) {
        Ok(()) | Err(Failure::NobodyReads) => Exit::Done,
        Err(Failure::Stopped(Obstacle::InTheWay { message, .. })) => {
            terminal::say_always(&Renderer::plain().render(&[titled(&message)]));
            Exit::Refused
        }
        Err(Failure::Stopped(Obstacle::Mistakes { .. }) | Failure::Reported | Failure::Untried) => Exit::Refused,
    }
}

fn titled(message: &str) -> annotate_snippets::Group<'_> {
    annotate_snippets::Group::with_title(Level::ERROR.primary_title(message))
}
