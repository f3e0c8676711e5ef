//! Files that a relation reads, and what was found in them.

use crate::warehouse::Column;

/// Files that a relation reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// A path relative to the project, in which `*`, `?` and `[…]` stand for several.
    pub path: String,
    /// How they are written.
    pub format: Format,
    /// The columns that are read of them.
    pub columns: Vec<String>,
    /// The names of folders that are columns.
    pub folders: Vec<String>,
}

/// How files are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Format {
    /// Separated values, with a header.
    Csv(Csv),
    /// Objects, one a line or in an array.
    Json,
    /// Apache Parquet.
    Parquet,
}

/// How separated values are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Csv {
    /// Stands between fields.
    pub delimiter: char,
    /// Stands around fields.
    pub quote: Option<char>,
    /// Stands before a quote inside of quotes.
    pub escape: Option<char>,
    /// Begins what does not count, up to the end of the line.
    pub comment: Option<char>,
    /// The lines above the header.
    pub skip: u16,
    /// How characters are written: `utf-8`.
    pub encoding: String,
}

/// What files hold.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The columns of the relation, with their types.
    pub columns: Vec<Column>,
    /// The names in the files, as they are written there.
    pub names: Vec<Names>,
    /// Whether no file holds a row that could have a name: nothing can be missing then.
    pub is_empty: bool,
}

/// The names in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// The file, or all of them where names that differ in case only are told apart.
    pub file: String,
    /// The names, in the file's order.
    pub names: Vec<String>,
}
