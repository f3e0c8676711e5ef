//! Checked statements -> rows: what Milepost asks of a warehouse, and the drivers that answer.
//!
//! A driver is one file here, with the name of its dialect, and one arm of [`connect`]. A test hands it to the contract
//! of `tests/it/warehouse.rs`.

use std::path::PathBuf;

use indexmap::IndexMap;

use crate::check::Checked;

mod duckdb;
mod value;

pub use self::value::{Column, Family, Rows, Value};

/// One session on a database.
///
/// A session runs one statement at a time; a second thread takes a second one from [`Warehouse::session`].
pub trait Warehouse: Send + Sync {
    /// Returns the columns of `relation`: SQL text that may follow `FROM`, a table or a function that reads files.
    fn columns(&self, relation: &str) -> Result<Vec<Column>, Error>;

    /// Returns the tables and views of the database as `schema.name`, sorted: the material of "did you mean".
    fn relations(&self) -> Result<Vec<String>, Error>;

    /// Executes a statement for its effect, which happens as a whole or not at all.
    fn execute(&self, statement: &Checked) -> Result<Executed, Error>;

    /// Executes a statement that makes `relation`, and drops first, in the same transaction where the warehouse has
    /// such, what has the name and is of the other kind: a view in the place of a table, or a table in that of a view.
    fn execute_in_place(&self, statement: &Checked, relation: &str) -> Result<Executed, Error>;

    /// Returns the rows of a query: all of them, or the first `limit`.
    fn query(&self, statement: &Checked, limit: Option<usize>) -> Result<Rows, Error>;

    /// Makes the table `relation`, or replaces it, with `rows`; makes its schema where there is none.
    ///
    /// An empty type of a column leaves the choice to the driver.
    fn load(&self, relation: &str, rows: &Rows) -> Result<(), Error>;

    /// Opens another session on the same database, for another thread.
    fn session(&self) -> Result<Box<dyn Warehouse>, Error>;

    /// Returns what interrupts this session's statement from another thread.
    fn interrupter(&self) -> Interrupter;
}

/// Interrupts the statement that a session is running, which then fails as [`ErrorKind::Cancelled`]; does nothing to a
/// session that is idle or gone.
pub type Interrupter = Box<dyn Fn() + Send + Sync>;

/// What a statement did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Executed {
    /// The rows that it wrote, where the warehouse counts them.
    pub rows_affected: Option<u64>,
}

/// A database to connect to: plain data, from the project's settings.
#[derive(Clone, Debug)]
pub struct Target {
    /// The name of the target.
    pub name: String,
    /// The name of the driver, which is that of the dialect.
    pub driver: String,
    /// The root of the project: relative paths, in settings and in SQL, start here.
    pub root: PathBuf,
    /// The target's settings, as written. What a driver does not know it hands to its database.
    pub settings: IndexMap<String, String>,
}

/// Connects to a target.
pub fn connect(target: &Target) -> Result<Box<dyn Warehouse>, Error> {
    match target.driver.as_str() {
        "duckdb" => Ok(Box::new(duckdb::DuckDb::open(target)?)),
        other => Err(Error::new(
            ErrorKind::Unsupported,
            format!("running on `{other}` is not built yet; `compile` writes its SQL"),
        )),
    }
}

/// The driver of the database that is part of this program; also the name of its dialect.
pub const EMBEDDED: &str = "duckdb";

/// Returns a database in memory, of its own for each connection that is opened.
pub fn in_memory(root: PathBuf) -> Target {
    Target { name: "memory".to_owned(), driver: EMBEDDED.to_owned(), root, settings: IndexMap::new() }
}

/// Why a warehouse did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What it means for the caller.
    pub kind: ErrorKind,
    /// The warehouse's words, or ours where those mislead.
    pub message: String,
}

/// What a failure means for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The statement, or the data that it met, is wrong: it fails again until one of them changes.
    UserSql,
    /// A table, a file or a column is not there.
    Missing,
    /// The name belongs to an object of another kind.
    Occupied,
    /// Not allowed.
    Permission,
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
        Self { kind, message: message.into() }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
