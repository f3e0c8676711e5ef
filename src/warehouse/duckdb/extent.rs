//! How much there is to read: the size of files, the rows of a table.

use std::fs;
use std::path::Path;

use duckdb::Connection;

use crate::warehouse::names::parts_of;
use crate::warehouse::{Error, Estimate, Reads};

use super::files;
use super::root::Root;

/// Returns how much there is of what is read. Nothing but the rows of a table is counted, which takes no reading of them.
pub(super) fn of(connection: &Connection, root: &Root, reads: &Reads<'_>) -> Result<Estimate, Error> {
    match reads.files {
        Some(read) => Ok(size(root.folder(), &files::paths(connection, root, &read.path)?)),
        None => rows(connection, reads.relation),
    }
}

fn size(root: &Path, paths: &[String]) -> Estimate {
    let number = if paths.len() == 1 { "1 file".to_owned() } else { format!("{} files", paths.len()) };
    let sizes = paths.iter().map(|path| fs::metadata(root.join(path)).map(|found| found.len()));
    match sizes.sum::<Result<u64, _>>() {
        Ok(bytes) => Estimate { bytes: Some(bytes), rows: None, basis: format!("the size of {number}") },
        // They are on another machine.
        Err(_) => Estimate { basis: format!("not known: {number} elsewhere"), ..Estimate::default() },
    }
}

fn rows(connection: &Connection, relation: &str) -> Result<Estimate, Error> {
    let mut parts = parts_of(relation).into_iter().rev();
    let mut next = || parts.next();
    let (name, schema, database) = (next(), next(), next());
    let sql = "SELECT count(*) FROM duckdb_tables() WHERE lower(table_name) = lower(?) \
               AND lower(schema_name) = lower(coalesce(?, current_schema())) \
               AND lower(database_name) = lower(coalesce(?, current_database()))";
    let tables: u64 = connection.query_row(sql, [name, schema, database], |row| row.get(0))?;
    if tables == 0 {
        return Ok(Estimate { basis: "not known: it is no table of this database".to_owned(), ..Estimate::default() });
    }
    let rows = connection.query_row(&format!("SELECT count(*) FROM {relation}"), [], |row| row.get(0))?;
    Ok(Estimate { bytes: None, rows: Some(rows), basis: "the rows of the table".to_owned() })
}
