//! DuckDB, embedded: a file, or memory.
//!
//! Sessions are connections to one database of this process. Another process that has the file open shuts this one out
//! (`Busy`). Each statement runs in autocommit, and DuckDB's DDL is transactional: `CREATE OR REPLACE TABLE … AS` leaves
//! the old table whole when it fails, is interrupted, or dies with the process.

#[cfg(feature = "duckdb")]
mod csv;
#[cfg(feature = "duckdb")]
mod extent;
#[cfg(feature = "duckdb")]
mod files;
#[cfg(feature = "duckdb")]
mod folders;
#[cfg(feature = "duckdb")]
mod json;
#[cfg(feature = "duckdb")]
mod packed;
#[cfg(feature = "duckdb")]
mod root;
#[cfg(feature = "duckdb")]
mod session;
#[cfg(feature = "duckdb")]
mod text;

use crate::warehouse::{Connect, Driver, Target};

/// The driver: what it does not know is a setting of the engine.
pub(super) const DRIVER: Driver = Driver { name: crate::warehouse::EMBEDDED, settings: None, connect: CONNECT };

/// Opens a database, where the driver is part of this build.
const CONNECT: Option<Connect> = {
    #[cfg(feature = "duckdb")]
    {
        Some(|target| Ok(Box::new(session::DuckDb::open(target)?)))
    }
    #[cfg(not(feature = "duckdb"))]
    None
};

/// The setting that says whether a database is opened to read only.
const ACCESS: &str = "access_mode";

/// Returns the target as one whose database is read only.
pub(super) fn reading(target: &Target) -> Target {
    let mut target = target.clone();
    if target.settings.get("database").is_some_and(|database| database != ":memory:") {
        target.settings.insert(ACCESS.to_owned(), "READ_ONLY".to_owned());
    }
    target
}
