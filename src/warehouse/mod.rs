//! Checked statements -> rows: what Milepost asks of a warehouse, and the drivers that answer.
//!
//! A driver is one file here, with the name of its dialect, and one line of `DRIVERS`. A test hands it to the contract
//! of `tests/it/warehouse.rs`. What a driver does asynchronously stays inside of it.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use indexmap::IndexMap;

use crate::check::{Checked, Mark};

#[cfg(any(feature = "bigquery", feature = "snowflake"))]
mod backoff;
mod bigquery;
mod duckdb;
pub mod files;
#[cfg(any(feature = "duckdb", feature = "snowflake"))]
mod names;
#[cfg(any(feature = "bigquery", feature = "duckdb", feature = "snowflake"))]
mod secrets;
mod snowflake;
mod value;

pub use self::value::{Column, Family, Rows, Value};

/// One session on a database.
///
/// A session runs one statement at a time; a second thread takes a second one from [`Warehouse::session`]. Relations and
/// schemas are SQL text: quoted as the dialect quotes, with what they are qualified by.
///
/// What failed for a moment only is tried again by the driver where that cannot execute a statement twice; what is left
/// is the caller's to try, as [`ErrorKind::Transient`]. A statement that is given up, by an interruption or because its
/// time is over, is cancelled where it runs.
pub trait Warehouse: Send + Sync {
    /// Returns the columns of `relation`: SQL text that may follow `FROM`, a table or a function that reads files.
    fn columns(&self, relation: &str) -> Result<Vec<Column>, Error>;

    /// Looks at the files that `relation` reads, before a statement does: what they are called, that they can be read, and
    /// what they hold.
    fn look_at(&self, relation: &str, files: &files::Files) -> Result<files::Found, Error> {
        let message = format!("{relation} reads `{}`, and this driver reads no files", files.path);
        Err(Error::new(ErrorKind::Unsupported, message))
    }

    /// Returns the tables and views of the database as `schema.name`, sorted: the material of "did you mean".
    fn relations(&self) -> Result<Vec<String>, Error>;

    /// Returns the tables and views of a schema, whose name is SQL text, with the marks that they carry; nothing where
    /// there is no such schema.
    fn found(&self, schema: &str) -> Result<Vec<Found>, Error>;

    /// Executes a statement for its effect, which happens as a whole or not at all; so does what marks it.
    fn execute(&self, statement: &Checked) -> Result<Executed, Error>;

    /// Executes a statement that makes `relation`, and drops first, in the same transaction where the warehouse has
    /// such, what has the name and is of the other kind: a view in the place of a table, or a table in that of a view.
    fn execute_in_place(&self, statement: &Checked, relation: &str) -> Result<Executed, Error>;

    /// Makes the schema that `statement` makes, where there is none; whoever may not make schemas uses the one that is there.
    fn make_schema(&self, statement: &Checked, schema: &str) -> Result<Executed, Error> {
        let _ = schema;
        self.execute(statement)
    }

    /// Returns the rows of a query: all of them, or the first `limit`.
    fn query(&self, statement: &Checked, limit: Option<usize>) -> Result<Rows, Error>;

    /// Makes the table `relation`, or replaces it, with `rows`; makes its schema where there is none.
    ///
    /// An empty type of a column leaves the choice to the driver.
    fn load(&self, relation: &str, rows: &Rows) -> Result<(), Error>;

    /// Drops a table, where there is one.
    fn drop_table(&self, relation: &str) -> Result<(), Error>;

    /// Drops a schema with all that is in it, where there is one.
    fn drop_schema(&self, schema: &str) -> Result<(), Error>;

    /// Returns what a statement would read of `reads`, without executing it: an error where it could not be executed.
    fn estimate(&self, statement: &Checked, reads: &Reads<'_>) -> Result<Estimate, Error>;

    /// Returns who and where the session is, and the settings that results depend on: names and values to be shown.
    fn describe(&self) -> Result<Vec<(String, String)>, Error>;

    /// Returns what somebody has set there that harms what is made: a sentence each.
    fn concerns(&self) -> Result<Vec<String>, Error> {
        Ok(Vec::new())
    }

    /// Opens another session on the same database, for another thread.
    fn session(&self) -> Result<Box<dyn Warehouse>, Error>;

    /// Returns what interrupts this session's statement from another thread.
    fn interrupter(&self) -> Interrupter;
}

/// A table or view that is in a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its name, as it is kept; in small letters where the warehouse does not tell letters apart by their size.
    pub name: String,
    /// Its mark, where a run of ours made it.
    pub mark: Option<Mark>,
}

/// Interrupts the statement that a session is running, which then fails as [`ErrorKind::Cancelled`]; does nothing to a
/// session that is idle or gone.
pub type Interrupter = Box<dyn Fn() + Send + Sync>;

/// What a statement did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Executed {
    /// The rows that it wrote, where the warehouse counts them.
    pub rows_affected: Option<u64>,
    /// The warehouse's own name of the execution, where it has one: a query id, a job id.
    pub query_id: Option<String>,
    /// The bytes that were read, where the warehouse counts them.
    pub bytes_processed: Option<u64>,
    /// The bytes that are billed, where the warehouse bills by them.
    pub bytes_billed: Option<u64>,
}

impl Executed {
    /// Adds up what is known of this execution and of `next`, which came after it and names both.
    #[must_use]
    pub fn then(self, next: Self) -> Self {
        let sum = |one: Option<u64>, other: Option<u64>| match (one, other) {
            (Some(one), Some(other)) => Some(one.saturating_add(other)),
            (one, other) => one.or(other),
        };
        Self {
            rows_affected: sum(self.rows_affected, next.rows_affected),
            query_id: next.query_id,
            bytes_processed: sum(self.bytes_processed, next.bytes_processed),
            bytes_billed: sum(self.bytes_billed, next.bytes_billed),
        }
    }
}

/// What a statement reads of raw rows.
#[derive(Clone, Copy, Debug)]
pub struct Reads<'text> {
    /// SQL text that may follow `FROM`.
    pub relation: &'text str,
    /// The files, where the relation reads such.
    pub files: Option<&'text files::Files>,
}

/// What a statement would read, as far as that is known: nothing is guessed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    /// In bytes.
    pub bytes: Option<u64>,
    /// In rows.
    pub rows: Option<u64>,
    /// What the numbers are, or why there are none: `the size of 3 files`.
    pub basis: String,
}

/// A database to connect to: plain data, from the project's settings.
///
/// It holds secrets, so that printing it for debugging shows the names of its settings only.
#[derive(Clone)]
pub struct Target {
    /// The name of the target.
    pub name: String,
    /// The name of the driver, which is that of the dialect.
    pub driver: String,
    /// The root of the project: relative paths, in settings and in SQL, start here.
    pub root: PathBuf,
    /// The target's settings, by name.
    pub settings: IndexMap<String, String>,
    /// How long a statement may take before it is cancelled; where absent, as long as the warehouse lets it.
    pub statement_timeout: Option<Duration>,
    /// What statements are marked with where the warehouse keeps such marks: names and values in lower case.
    pub labels: IndexMap<String, String>,
}

impl fmt::Debug for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings: Vec<&String> = self.settings.keys().collect();
        formatter
            .debug_struct("Target")
            .field("name", &self.name)
            .field("driver", &self.driver)
            .field("settings", &settings)
            .finish_non_exhaustive()
    }
}

/// A setting that a driver takes.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its name.
    pub name: &'static str,
    /// What it says, as a line of help.
    pub about: &'static str,
    /// Whether its value must never be shown.
    pub secret: bool,
}

/// A kind of database that this program knows.
#[derive(Clone, Copy, Debug)]
pub struct Driver {
    /// Its name, which is that of the dialect.
    pub name: &'static str,
    /// The settings that it takes, besides those that place relations; none where it hands what it does not know to the
    /// database.
    pub settings: Option<&'static [Setting]>,
    /// Connects; none where this build is without the driver.
    connect: Option<Connect>,
}

type Connect = fn(&Target) -> Result<Box<dyn Warehouse>, Error>;

/// The drivers, with the name of the feature that each is built with.
const DRIVERS: &[Driver] = &[bigquery::DRIVER, duckdb::DRIVER, snowflake::DRIVER];

impl Driver {
    /// Returns the driver of a dialect.
    pub fn named(name: &str) -> Option<&'static Driver> {
        DRIVERS.iter().find(|driver| driver.name == name)
    }

    /// Tells whether this build can connect with it.
    pub fn is_built(&self) -> bool {
        self.connect.is_some()
    }
}

/// Connects to a target.
pub fn connect(target: &Target) -> Result<Box<dyn Warehouse>, Error> {
    by(&target.driver)?(target)
}

/// Refuses what this build cannot connect to, before anything is done.
pub fn is_connectable(driver: &str) -> Result<(), Error> {
    by(driver).map(|_| ())
}

fn by(name: &str) -> Result<Connect, Error> {
    let unsupported = |message| Err(Error::new(ErrorKind::Unsupported, message));
    match Driver::named(name) {
        Some(Driver { connect: Some(connect), .. }) => Ok(*connect),
        Some(Driver { connect: None, .. }) => unsupported(format!(
            "this build of milepost cannot connect to `{name}`: build it with `--features {name}` (`compile` needs no \
             connection)"
        )),
        None => unsupported(format!("no driver for `{name}`: `compile` writes its SQL")),
    }
}

/// Connects to a target to read of it: where the database is a file, others may read it at the same time, and nothing is
/// written, not even the file.
pub fn connect_to_read(target: &Target) -> Result<Box<dyn Warehouse>, Error> {
    if target.driver == EMBEDDED { connect(&duckdb::reading(target)) } else { connect(target) }
}

/// What the name of a relation has in it that stepped aside while another took its place.
pub const ASIDE: &str = "milepost_aside_";

/// The driver of the database that is part of this program; also the name of its dialect.
pub const EMBEDDED: &str = "duckdb";

/// Returns a database in memory, of its own for each connection that is opened.
pub fn in_memory(root: PathBuf) -> Target {
    Target {
        name: "memory".to_owned(),
        driver: EMBEDDED.to_owned(),
        root,
        settings: IndexMap::new(),
        statement_timeout: None,
        labels: IndexMap::new(),
    }
}

/// Why a warehouse did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What it means for the caller.
    pub kind: ErrorKind,
    /// The warehouse's words, or ours where those mislead; no secret is in them.
    pub message: String,
    /// The warehouse's own name of the execution that failed, where it has one: a query id, a job id. None where nothing
    /// was executed.
    pub query_id: Option<String>,
}

/// What a failure means for the caller. In results it has its name in small letters, `user_sql`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The statement, or the data that it met, is wrong: it fails again until one of them changes.
    UserSql,
    /// A table, a file or a column is not there.
    Missing,
    /// The name belongs to an object of another kind.
    Occupied,
    /// Not allowed.
    Permission,
    /// The warehouse does not know who asks: a password, a key or a token is missing, wrong or expired.
    Credentials,
    /// A budget or a quota is used up: the bytes that a statement may read, the queries of a day.
    Quota,
    /// Lost to another transaction or to the network: the same statement may succeed now.
    Transient,
    /// Memory or disk ran out.
    Resources,
    /// It took longer than it may.
    Timeout,
    /// Somebody interrupted it.
    Cancelled,
    /// Another process holds the database.
    Busy,
    /// The session or the database is unusable from here on.
    Gone,
    /// The driver cannot do this.
    Unsupported,
}

impl Error {
    /// Makes an error of its parts.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), query_id: None }
    }

    /// Says the same in other words.
    #[must_use]
    pub fn saying(self, message: impl Into<String>) -> Self {
        Self { message: message.into(), ..self }
    }

    /// Says which execution it was that failed.
    #[must_use]
    pub fn of_query(self, id: impl Into<String>) -> Self {
        Self { query_id: Some(id.into()), ..self }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
