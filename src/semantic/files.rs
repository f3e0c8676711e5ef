//! Files that rows come from: where they are, how they are written, and which columns are read of them.

use crate::semantic::model::{Entity, EventName, Source, SourceRows};

/// Files that rows come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// A path relative to the project, in which `*`, `?` and `[…]` stand for several.
    pub path: String,
    /// Their format.
    pub format: Format,
    /// How they are written, where they are CSV.
    pub csv: Csv,
    /// The names of folders that are columns: `day` for `day=2026-01-31/`.
    pub folders: Vec<String>,
}

impl Files {
    /// Tells whether the path begins at the project's folder.
    pub fn is_of_project(&self) -> bool {
        !self.path.contains("://") && !std::path::Path::new(&self.path).is_absolute()
    }
}

/// How a CSV file is written; by default as RFC 4180 has it.
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
    /// What stands for no value, besides the empty field.
    pub null: Vec<String>,
    /// How characters are written.
    pub encoding: Encoding,
}

impl Default for Csv {
    fn default() -> Self {
        let (delimiter, quote) = (',', Some('"'));
        Self { delimiter, quote, escape: quote, comment: None, skip: 0, null: Vec::new(), encoding: Encoding::Utf8 }
    }
}

/// How the characters of a file are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8.
    Utf8,
    /// UTF-16, little end first.
    Utf16,
    /// ISO 8859-1.
    Latin1,
}

impl Encoding {
    /// Returns its name.
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Utf8 => "utf-8",
            Encoding::Utf16 => "utf-16",
            Encoding::Latin1 => "latin-1",
        }
    }
}

/// The formats of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values with a header.
    Csv,
    /// JSON lines, or an array of objects.
    Json,
    /// Apache Parquet.
    Parquet,
}

impl Format {
    /// Returns the name that dialects know it by.
    pub fn name(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::Json => "json",
            Format::Parquet => "parquet",
        }
    }
}

/// Returns the columns that may be read of a source's rows, each once, whatever definitions count.
pub fn source_columns(source: &Source) -> Vec<&str> {
    let mut columns: Vec<&str> = source.key().into_iter().map(String::as_str).collect();
    columns.extend(source.entity().into_iter().map(|(_, column)| column.as_str()));
    match &source.rows {
        SourceRows::Facts { .. } => {}
        SourceRows::Events { name, properties, .. } => {
            match name {
                EventName::Column(column) => columns.push(column),
                EventName::Constant(_) => {}
            }
            columns.extend(properties.iter().map(|properties| properties.column.as_str()));
        }
    }
    columns.extend(source.time().map(|time| time.column.as_str()));
    columns.extend(source.columns.iter().map(|column| column.column.as_str()));
    once(columns)
}

/// Returns the columns that are read of an entity's rows, each once.
pub fn entity_columns(entity: &Entity) -> Vec<&str> {
    let mut columns = vec![entity.key.as_str()];
    columns.extend(entity.start.as_deref());
    columns.extend(entity.parent.iter().map(|(_, column)| column.as_str()));
    columns.extend(entity.attributes.iter().map(|attribute| attribute.column.as_str()));
    once(columns)
}

fn once(columns: Vec<&str>) -> Vec<&str> {
    let mut seen = std::collections::BTreeSet::new();
    columns.into_iter().filter(|column| seen.insert(*column)).collect()
}
