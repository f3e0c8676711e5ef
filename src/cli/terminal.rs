//! What a command is given of the world: its global flags, the two streams, and whether a terminal shows them.

use std::collections::BTreeMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal, Write};
use std::path::{Component, Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::application::reference;
use crate::application::workspace::{Request, Workspace};
use crate::cli::arguments::{Globals, Output};
use crate::cli::outcome::{Exit, Failure, exit_of};
use crate::diagnostic::{Diagnostics, Severity};
use crate::project::load::PROJECT_FILE;
use crate::report::diagnostics::{self, Look};
use crate::report::json;
use crate::report::progress::{Detail, Progress};
use crate::report::sarif;
use crate::report::table::Table;
use crate::source::Sources;

/// Columns, where nothing says how many there are.
const DEFAULT_WIDTH: usize = 100;

/// How long after the first signal another one is a second.
const AGAIN: Duration = Duration::from_secs(1);

/// How a process ends that is not to wait any longer: as shells say it of one that Ctrl-C ended.
const KILLED: i32 = 130;

/// What a command is given of the world.
#[derive(Debug)]
pub struct Cx {
    /// The flags of every command.
    pub globals: Globals,
    /// The variables that the flags give.
    pub(super) variables: BTreeMap<String, String>,
    stderr_is_terminal: bool,
    colors: bool,
    width: usize,
    cancelled: OnceLock<Arc<AtomicBool>>,
    errors: Mutex<Vec<String>>,
}

/// Returns the way from a folder to another one, both from the root on; none where they have no root in common.
fn way(from: &Path, to: &Path) -> Option<PathBuf> {
    let (from, to): (Vec<_>, Vec<_>) = (from.components().collect(), to.components().collect());
    let common = from.iter().zip(&to).take_while(|(one, other)| one == other).count();
    if common == 0 {
        return None;
    }
    let up = from[common..].iter().map(|_| Component::ParentDir);
    Some(up.chain(to[common..].iter().copied()).collect())
}

impl Cx {
    pub(super) fn new(globals: Globals) -> Self {
        let stderr_is_terminal = io::stderr().is_terminal();
        let colors = wants_color(globals.no_color, stderr_is_terminal, |name| env::var_os(name));
        let width = env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).unwrap_or(DEFAULT_WIDTH);
        Self {
            globals,
            variables: BTreeMap::new(),
            stderr_is_terminal,
            colors,
            width,
            cancelled: OnceLock::new(),
            errors: Mutex::default(),
        }
    }

    /// Tells whether what goes to standard error is colored.
    pub fn colors(&self) -> bool {
        self.colors
    }

    /// Returns the flag that Ctrl-C and SIGTERM set from here on, instead of ending the process. A second signal ends it: but
    /// not one that comes with the first, as some send it to a process and to its group.
    pub fn cancelled(&self) -> Arc<AtomicBool> {
        let flag = self.cancelled.get_or_init(|| {
            let flag = Arc::new(AtomicBool::new(false));
            let set = Arc::clone(&flag);
            // Where no handler can be had, Ctrl-C ends the process, which leaves every table whole too.
            let first: OnceLock<Instant> = OnceLock::new();
            let _ = ctrlc::set_handler(move || {
                set.store(true, Ordering::Relaxed);
                if first.get_or_init(Instant::now).elapsed() >= AGAIN {
                    process::exit(KILLED);
                }
            });
            flag
        });
        Arc::clone(flag)
    }

    /// Tells whether a terminal shows standard output.
    pub fn stdout_is_terminal(&self) -> bool {
        io::stdout().is_terminal()
    }

    /// Returns how many columns a line may take.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Returns what the flags and the environment ask for.
    pub fn request(&self) -> Request {
        let Globals { project_dir, target, target_path, as_of, .. } = &self.globals;
        Request {
            root: project_dir.clone(),
            target_path: target_path.clone(),
            target: target.clone(),
            as_of: *as_of,
            now: Timestamp::now(),
            // As far as it is text.
            environment: env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
                .collect(),
            variables: self.variables.clone(),
        }
    }

    /// Reads the project.
    pub fn open(&self) -> Result<Workspace, Failure> {
        Ok(Workspace::open(self.request())?)
    }

    /// Draws the warnings of a project, where there are any.
    pub fn warn(&self, workspace: &Workspace) -> Exit {
        self.report(&workspace.diagnostics, &workspace.analysis.project.sources)
    }

    /// Prints what was asked for to standard output, as it is.
    pub fn print(&self, text: &str) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(|error| Failure::of_stdout(&error))
    }

    /// Prints rows to standard output, in the form that `--output` names.
    pub fn print_table(&self, table: &Table) -> Result<(), Failure> {
        self.print(&match self.globals.output {
            Output::Text | Output::Sarif => table.to_people(),
            Output::Json => table.to_json(),
            Output::Csv => table.to_csv(),
        })
    }

    /// Says a line to the person who watches, if one is to be told: not with `--quiet`.
    pub fn say(&self, text: &str) {
        if !self.globals.quiet {
            say_always(text);
        }
    }

    /// Draws diagnostics to standard error, and returns how a command ends that found no others: failed where an
    /// error is among them. With `--quiet`, warnings alone are not drawn.
    pub fn report(&self, found: &Diagnostics, sources: &Sources) -> Exit {
        let look = Look { colors: self.colors, width: self.width };
        if found.has_errors() || !self.globals.quiet {
            let drawn = diagnostics::draw(found, sources, look);
            if !drawn.is_empty() {
                say_always(drawn.trim_end());
            }
        }
        for error in found.sorted().into_iter().filter(|found| found.severity == Severity::Error) {
            self.remember_error(&diagnostics::line(error, sources));
        }
        exit_of(found)
    }

    /// Keeps what was said to be wrong, for the results.
    pub(super) fn remember_error(&self, message: &str) {
        self.errors.lock().unwrap_or_else(PoisonError::into_inner).push(message.to_owned());
    }

    /// Returns what was said to be wrong so far, a line each.
    pub fn errors(&self) -> Vec<String> {
        self.errors.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Prints diagnostics as what was asked for: to standard output as JSON or SARIF where `--output` says so, otherwise
    /// as [`Cx::report`] does.
    pub fn print_diagnostics(&self, found: &Diagnostics, sources: &Sources) -> Result<Exit, Failure> {
        match self.globals.output {
            Output::Json => {
                self.print(&json::diagnostics(found, sources))?;
                Ok(exit_of(found))
            }
            Output::Sarif => {
                self.print(&sarif::log(found, sources, &self.folder(), PROJECT_FILE, reference::diagnostics::rule))?;
                Ok(exit_of(found))
            }
            Output::Text | Output::Csv => Ok(self.report(found, sources)),
        }
    }

    /// Returns the project's folder, from the current one; as it was given where there is no way from there.
    fn folder(&self) -> PathBuf {
        let folder = &self.globals.project_dir;
        let whole = std::path::absolute(folder).ok().zip(env::current_dir().ok());
        whole.and_then(|(whole, current)| way(&current, &whole)).unwrap_or_else(|| folder.clone())
    }

    /// Returns the same as it is shown before a file in it: with slashes, one of them at the end where there is a folder.
    pub fn shown_folder(&self) -> String {
        let shown = diagnostics::shown_path(&self.folder());
        if shown.is_empty() { shown } else { shown + "/" }
    }

    /// Begins to report a run of `total` nodes: every line to a terminal or with `--verbose`, otherwise failures.
    pub fn progress(&self, total: usize) -> Progress {
        let Globals { quiet, verbose, .. } = self.globals;
        let detail = if !quiet && (verbose || self.stderr_is_terminal) { Detail::All } else { Detail::Failures };
        Progress::new(total, detail, self.colors)
    }
}

/// Says a line to standard error. A stream that is closed leaves nobody to tell.
pub fn say_always(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Decides on color: a flag first, then what is agreed on between tools (<https://no-color.org>,
/// <https://bixense.com/clicolors>), then whether a terminal shows it.
fn wants_color(refused: bool, is_terminal: bool, variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let set = |name| variable(name).filter(|value| !value.is_empty());
    if refused || set("NO_COLOR").is_some() {
        return false;
    }
    if set("CLICOLOR_FORCE").is_some_and(|value| value != "0") {
        return true;
    }
    is_terminal && set("CLICOLOR").is_none_or(|value| value != "0") && set("TERM").is_none_or(|value| value != "dumb")
}

/// Tells whether color is refused, before the arguments are parsed: their own errors are colored too.
pub(super) fn color_is_refused(arguments: &[OsString]) -> bool {
    let refused_by =
        env::var_os("MILEPOST_NO_COLOR").is_some_and(|value| !value.is_empty() && value != "0" && value != "false");
    refused_by || arguments.iter().any(|argument| argument == OsStr::new("--no-color"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_shown_from_the_current_one() {
        for (from, to, expected) in
            [("/a/b", "/a/b/c", "c"), ("/a/b", "/a/b", ""), ("/a/b", "/a/c/d", "../c/d"), ("/a/b", "/a", "..")]
        {
            assert_eq!(way(Path::new(from), Path::new(to)), Some(PathBuf::from(expected)), "{from} {to}");
        }
    }

    #[test]
    fn color_follows_the_flag_then_the_environment_then_the_terminal() {
        let table = [
            (false, true, "", true),
            (false, false, "", false),
            (true, true, "CLICOLOR_FORCE=1", false),
            (false, true, "NO_COLOR=1", false),
            (false, true, "NO_COLOR=", true),
            (false, true, "NO_COLOR=1 CLICOLOR_FORCE=1", false),
            (false, false, "CLICOLOR_FORCE=1", true),
            (false, false, "CLICOLOR_FORCE=0", false),
            (false, true, "CLICOLOR=0", false),
            (false, true, "TERM=dumb", false),
        ];
        for (refused, is_terminal, variables, colored) in table {
            let variable = |wanted: &str| {
                let mut pairs = variables.split_whitespace().filter_map(|pair| pair.split_once('='));
                pairs.find(|(name, _)| *name == wanted).map(|(_, value)| OsString::from(value))
            };
            assert_eq!(wants_color(refused, is_terminal, variable), colored, "{refused} {is_terminal} {variables}");
        }
    }
}
