//! `[source.<name>]`: a table that the project reads: events, or facts.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::project::document::{OneOrMany, Short, Spanned, Tree};
use crate::project::tables::Written;

/// What the rows of a source are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// Something that an entity did, with a name and a time.
    Events,
    /// Anything else: subscriptions, spend, survey answers.
    Facts,
}

/// What is done about rows that came twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Duplicates {
    /// One row is kept of those that share the name and id, or the entity, name and time where there is no id.
    Remove,
    /// The rows are unique already: the collector promises it, and nothing is spent on it.
    Keep,
}

/// How the names of events are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EventNameStyle {
    /// In small letters, with underscores.
    SnakeCase,
    /// In any way.
    Any,
}

/// How the rows of a source are divided, on warehouses that divide tables by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Partition {
    /// By day.
    Day,
    /// By month, for what reaches back further than some ten years.
    Month,
    /// Not at all.
    None,
}

/// What a column with a time holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TimeType {
    /// Instants: timestamps that know their zone.
    Timestamp,
    /// Wall clocks without a zone, which are read in `timezone`.
    Datetime,
    /// Days of the calendar, each of which stands for its midnight in `timezone`.
    Date,
    /// Text.
    Text,
    /// Whole numbers: seconds since 1970.
    UnixSeconds,
    /// Whole numbers: milliseconds since 1970.
    UnixMilliseconds,
    /// Whole numbers: microseconds since 1970.
    UnixMicroseconds,
}

impl TimeType {
    /// All of them.
    pub const ALL: &[TimeType] = &[
        TimeType::Timestamp,
        TimeType::Datetime,
        TimeType::Date,
        TimeType::Text,
        TimeType::UnixSeconds,
        TimeType::UnixMilliseconds,
        TimeType::UnixMicroseconds,
    ];

    /// Returns the name as it is written in TOML.
    pub fn name(self) -> &'static str {
        match self {
            TimeType::Timestamp => "timestamp",
            TimeType::Datetime => "datetime",
            TimeType::Date => "date",
            TimeType::Text => "text",
            TimeType::UnixSeconds => "unix_seconds",
            TimeType::UnixMilliseconds => "unix_milliseconds",
            TimeType::UnixMicroseconds => "unix_microseconds",
        }
    }

    /// Returns the microseconds of a unit, where the column holds whole numbers.
    pub fn unit(self) -> Option<i64> {
        match self {
            TimeType::UnixSeconds => Some(1_000_000),
            TimeType::UnixMilliseconds => Some(1_000),
            TimeType::UnixMicroseconds => Some(1),
            TimeType::Timestamp | TimeType::Datetime | TimeType::Date | TimeType::Text => None,
        }
    }
}

/// `time = { column = "…", type = "timestamp" }`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TimeTable {
    /// The column.
    pub column: Spanned<String>,
    /// What the table stores in it. The column is then compared as it is, so that the warehouse reads only the parts of the
    /// table that it needs. Files of CSV and JSON hold text, whatever is said here.
    #[serde(rename = "type")]
    pub ty: TimeType,
}

/// `[source.<name>]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceTable {
    /// A sentence on what the source holds.
    pub description: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Names to select it by.
    #[serde(default)]
    pub tags: Vec<String>,
    /// `events` (the default) or `facts`.
    pub kind: Option<SourceKind>,
    /// The table in the warehouse, with dots between the parts of its name.
    pub table: Option<Spanned<String>>,
    /// A file relative to the project, or several by `*`, `?` and `[…]`: `.parquet`, `.csv` or `.json`; where the
    /// warehouse reads files.
    pub path: Option<Spanned<String>>,
    /// How the CSV file is written, where it is not as RFC 4180 has it.
    pub csv: Option<Spanned<CsvTable>>,
    /// Folders that are columns: with `["day"]` rows below `day=2026-01-31/` have it in the column `day`, as text.
    pub folders: Option<Spanned<Vec<Spanned<String>>>>,
    /// The column that names an event uniquely.
    pub id: Option<Spanned<String>>,
    /// The column that names a fact uniquely.
    pub key: Option<Spanned<String>>,
    /// The column that names the entity.
    pub entity: Option<Spanned<String>>,
    /// The entity's type: an `[entity.<name>]`. The only one of the project if absent.
    pub entity_type: Option<Spanned<String>>,
    /// The column with the event's name.
    pub name: Option<Spanned<String>>,
    /// The name of every event, for a table that holds one kind.
    pub event: Option<Spanned<String>>,
    /// The column with the time at which it happened; `{ column = "…", type = "…" }` says what is stored in it.
    pub time: Option<Spanned<Short<TimeTable>>>,
    /// The IANA zone of times that carry none, in columns and in properties; `UTC` if absent.
    pub timezone: Option<Spanned<String>>,
    /// The JSON document with the event's properties.
    pub properties: Option<PropertiesTable>,
    /// Further columns, by the name that expressions use.
    #[serde(default)]
    pub columns: IndexMap<Spanned<String>, Spanned<Short<ColumnTable>>>,
    /// Other names of events: the name that definitions use, and what the data calls it too.
    #[serde(default)]
    pub aliases: IndexMap<Spanned<String>, Spanned<OneOrMany>>,
    /// `snake_case` (the default: a name of another style is warned about) or `any`.
    pub event_name_style: Option<Spanned<EventNameStyle>>,
    /// `remove` (the default) or `keep`.
    pub duplicates: Option<Duplicates>,
    /// How old a row may be at the moment as of which everything is computed, such as `396d`; older ones do not count. Any
    /// age if absent.
    pub retain: Option<Spanned<String>>,
    /// Whether the warehouse deletes what is older than `retain` by its own clock, even while nothing runs; where it can.
    /// What is computed as of an earlier moment then finds less.
    pub expire: Option<Spanned<bool>>,
    /// `day`, `month` or `none`: how the table that Milepost makes of it is divided by time; `day` with `expire`, else `none`,
    /// if absent.
    pub partition: Option<Spanned<Partition>>,
    /// The rows that are read, as an expression over `columns`. It is compared with the columns as they are stored, so that
    /// the warehouse reads only the parts of the table that it needs; everything if absent.
    pub scan: Option<Spanned<String>>,
    /// The rows that count, as an expression; all if absent.
    #[serde(rename = "where")]
    pub condition: Option<Spanned<String>>,
}

impl Written for SourceTable {}

/// `csv = { delimiter = ";", … }`: what is absent is as RFC 4180 has it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CsvTable {
    /// The character between two fields, such as `;` or a tab; `,` if absent.
    pub delimiter: Option<Spanned<String>>,
    /// The character around a field that holds delimiters or ends of lines, or nothing where no field is quoted; `"` if
    /// absent.
    pub quote: Option<Spanned<String>>,
    /// The character before a quote inside of quotes, such as `\`; the quote itself if absent.
    pub escape: Option<Spanned<String>>,
    /// The character that begins a comment, which goes on to the end of its line, unless it is quoted; none if absent.
    pub comment: Option<Spanned<String>>,
    /// How many lines stand above the header; none if absent.
    pub skip: Option<Spanned<u16>>,
    /// What stands for no value, besides the empty field: `"NULL"`, or a list.
    pub null: Option<Spanned<OneOrMany>>,
    /// `utf-8` (the default), `utf-16` or `latin-1`.
    pub encoding: Option<Spanned<Encoding>>,
}

/// How the characters of a file are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Encoding {
    /// UTF-8, with a byte-order mark or without.
    #[serde(rename = "utf-8")]
    Utf8,
    /// UTF-16, little end first.
    #[serde(rename = "utf-16")]
    Utf16,
    /// ISO 8859-1.
    #[serde(rename = "latin-1")]
    Latin1,
}

/// `properties = { column = …, types = { … } }`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PropertiesTable {
    /// The column that holds the document.
    pub column: Spanned<String>,
    /// Whether the column is JSON in the warehouse (`json`, the default) or text with JSON in it (`text`).
    pub stored: Option<Stored>,
    /// The properties that expressions may use, with their types: `plan.tier = "string"` is the key `tier` of the document
    /// `plan`, `"plan.tier" = "string"` a key with a dot in it.
    #[serde(default)]
    pub types: IndexMap<Spanned<String>, Spanned<Tree>>,
}

/// How a document is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stored {
    /// As the warehouse's type for JSON.
    Json,
    /// As text.
    Text,
}

/// A typed column: `"float"`, or `{ column = "v", type = "float" }` where the table calls it otherwise.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ColumnTable {
    /// The column's name in the table; the name that it is declared under if absent.
    pub column: Option<Spanned<String>>,
    /// Its type: string, int, float, decimal, bool, date or timestamp.
    #[serde(rename = "type")]
    pub ty: Spanned<String>,
}
