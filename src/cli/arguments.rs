//! Flags that more than one command has.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, ValueEnum};
use jiff::Timestamp;

use crate::application::selection;
use crate::semantic::moment;

/// Flags of every command, before or after its name.
#[derive(Clone, Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own, in any combination")]
pub struct Globals {
    /// The folder that holds `project.toml`
    #[arg(
        long,
        global = true,
        env = "MILEPOST_PROJECT_DIR",
        hide_env_values = true,
        value_name = "DIR",
        default_value = ".",
        help_heading = "Project"
    )]
    pub project_dir: PathBuf,

    /// The target of `project.toml` to compile for [default: its `default_target`]
    #[arg(
        long,
        short,
        global = true,
        env = "MILEPOST_TARGET",
        hide_env_values = true,
        value_name = "NAME",
        help_heading = "Project"
    )]
    pub target: Option<String>,

    /// A variable, `${NAME}` in the project: before that of the environment, and before its default
    ///
    /// Several are several flags, or lines of the environment's variable; where both give one, the flag counts. One that the project reads nowhere is refused.
    /// Others on the machine may see the arguments of a command: give secrets by the environment.
    #[arg(
        long = "var",
        global = true,
        env = "MILEPOST_VAR",
        hide_env_values = true,
        value_name = "NAME=VALUE",
        help_heading = "Project"
    )]
    pub variables: Vec<String>,

    /// The folder for compiled files and the manifest, relative to the project
    ///
    /// It is made where it is not there. One that holds files, of which milepost wrote none, is refused.
    #[arg(
        long,
        global = true,
        env = "MILEPOST_TARGET_PATH",
        hide_env_values = true,
        value_name = "DIR",
        default_value = "target",
        help_heading = "Project"
    )]
    pub target_path: PathBuf,

    /// The instant to measure at: nothing later exists [default: the project's `as_of`, or now]
    ///
    /// A time of RFC 3339 with an offset, as `2026-03-01T00:00:00Z`, or a date, which is its midnight in UTC.
    #[arg(
        long,
        global = true,
        env = "MILEPOST_AS_OF",
        hide_env_values = true,
        value_name = "TIME",
        value_parser = parse_as_of,
        help_heading = "Running"
    )]
    pub as_of: Option<Timestamp>,

    /// How many statements run at once; 0 is as many as there are processors [default: the target's]
    #[arg(
        long,
        short = 'j',
        global = true,
        env = "MILEPOST_THREADS",
        hide_env_values = true,
        value_name = "NUMBER",
        help_heading = "Running"
    )]
    pub threads: Option<usize>,

    /// Start nothing more after the first failure
    #[arg(
        long,
        short = 'x',
        global = true,
        env = "MILEPOST_FAIL_FAST",
        hide_env_values = true,
        action = ArgAction::SetTrue,
        value_parser = BoolishValueParser::new(),
        help_heading = "Running"
    )]
    pub fail_fast: bool,

    /// Look at the raw rows before a run, where that costs money: times that cannot be read, names that no row has
    ///
    /// In the database that is part of this program it is always done. Elsewhere it reads the columns with the time, the
    /// entity and the name of an event.
    #[arg(
        long,
        global = true,
        env = "MILEPOST_CHECK_DATA",
        hide_env_values = true,
        action = ArgAction::SetTrue,
        value_parser = BoolishValueParser::new(),
        help_heading = "Running"
    )]
    pub check_data: bool,

    /// The form of what is printed to standard output
    #[arg(
        long,
        global = true,
        env = "MILEPOST_OUTPUT",
        hide_env_values = true,
        value_name = "FORM",
        value_enum,
        default_value_t = Output::Text,
        help_heading = "Output"
    )]
    pub output: Output,

    /// Say nothing but what failed
    #[arg(
        long,
        short,
        global = true,
        env = "MILEPOST_QUIET",
        hide_env_values = true,
        action = ArgAction::SetTrue,
        value_parser = BoolishValueParser::new(),
        help_heading = "Output"
    )]
    pub quiet: bool,

    /// Say what starts and what ends, even where no terminal shows it
    #[arg(
        long,
        short,
        global = true,
        env = "MILEPOST_VERBOSE",
        hide_env_values = true,
        action = ArgAction::SetTrue,
        value_parser = BoolishValueParser::new(),
        help_heading = "Output"
    )]
    pub verbose: bool,

    /// Print without color, as with `NO_COLOR`; `CLICOLOR_FORCE` colors even a file
    #[arg(
        long,
        global = true,
        env = "MILEPOST_NO_COLOR",
        hide_env_values = true,
        action = ArgAction::SetTrue,
        value_parser = BoolishValueParser::new(),
        help_heading = "Output"
    )]
    pub no_color: bool,
}

/// Flags of the commands that work on a part of the project.
#[derive(Clone, Debug, Default, Args)]
pub struct Selection {
    /// Only these definitions: `name`, `+name`, `name+1`, `@name`, `tag:x`, `path:x`, `kind:kpi`
    ///
    /// Names between spaces are a union, names between commas an intersection; `*` stands for any text. `+` adds what
    /// a definition depends on (in front) or what depends on it (behind), with a number of steps if one is given.
    #[arg(
        long,
        short,
        env = "MILEPOST_SELECT",
        hide_env_values = true,
        value_name = "SELECTOR",
        num_args = 1..,
        help_heading = "Selection"
    )]
    pub select: Vec<String>,

    /// All but these, in the same form
    #[arg(
        long,
        env = "MILEPOST_EXCLUDE",
        hide_env_values = true,
        value_name = "SELECTOR",
        num_args = 1..,
        help_heading = "Selection"
    )]
    pub exclude: Vec<String>,
}

impl Selection {
    /// Returns what is selected.
    pub fn plain(&self) -> selection::Selection {
        selection::Selection { select: self.select.clone(), exclude: self.exclude.clone() }
    }
}

/// Flags of the commands that run unit tests.
#[derive(Clone, Debug, Default, Args)]
pub struct Tests {
    /// Write what became of unit tests to this file too, as JUnit XML
    ///
    /// A suite is a file of the project, a case a unit test. Where none could be tried, the file says so as an error. It is
    /// written beside what is printed; one that is there is replaced, if it is such a file.
    #[arg(long, env = "MILEPOST_JUNIT", hide_env_values = true, value_name = "FILE")]
    pub junit: Option<PathBuf>,
}

/// The form of what is printed to standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people
    Text,
    /// For programs
    Json,
    /// For spreadsheets
    Csv,
    /// Mistakes, for what shows them beside the code: SARIF 2.1.0
    Sarif,
}

impl Output {
    /// Returns the name, as it is written.
    pub fn name(self) -> &'static str {
        match self {
            Output::Text => "text",
            Output::Json => "json",
            Output::Csv => "csv",
            Output::Sarif => "sarif",
        }
    }
}

/// Reads an instant: a time with its offset, or a date.
fn parse_as_of(text: &str) -> Result<Timestamp, String> {
    moment::moment(text)
}
