//! `[test.<name>]`: given rows, expected rows, and the moment at which they hold.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::project::document::Spanned;

/// `[test.<name>]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TestTable {
    /// What it shows, in a sentence.
    pub description: Option<String>,
    /// Names to select it by.
    #[serde(default)]
    pub tags: Vec<String>,
    /// The moment at which it holds: RFC 3339, or a date.
    pub as_of: Spanned<String>,
    /// The rows of sources and entities, by their names: a list of tables, or a CSV file beside the test.
    #[serde(default)]
    pub given: IndexMap<Spanned<String>, Spanned<RowsTable>>,
    /// The rows of relations that are made from them, by the names of the relations.
    pub expect: IndexMap<Spanned<String>, Spanned<ExpectTable>>,
}

/// Rows: `[{ a = 1 }, { a = 2 }]`, or the path of a CSV file.
#[derive(Clone, Debug)]
pub enum RowsTable {
    /// A CSV file, relative to the file of the test.
    File(String),
    /// The rows themselves.
    Rows(Vec<IndexMap<Spanned<String>, serde_json::Value>>),
}

impl RowsTable {
    /// Returns a column where it is named first; none in a file.
    pub fn column(&self, name: &str) -> Option<&Spanned<String>> {
        match self {
            RowsTable::File(_) => None,
            RowsTable::Rows(rows) => rows.iter().flat_map(IndexMap::keys).find(|key| key.get() == name),
        }
    }
}

/// How expected rows are compared with the rows that were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Match {
    /// Each expected row is among them.
    Subset,
    /// They are the expected rows, no more and no fewer.
    Exact,
}

/// `[test.<name>.expect.<relation>]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpectTable {
    /// `subset` (the default) or `exact`.
    #[serde(rename = "match")]
    pub matching: Option<Match>,
    /// The rows, with the columns that matter: a list of tables, or a CSV file beside the test.
    pub rows: Spanned<RowsTable>,
}

impl<'de> Deserialize<'de> for RowsTable {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RowsVisitor;
        impl<'de> serde::de::Visitor<'de> for RowsVisitor {
            type Value = RowsTable;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list of rows or the path of a CSV file")
            }
            fn visit_str<E>(self, value: &str) -> Result<RowsTable, E> {
                Ok(RowsTable::File(value.to_owned()))
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, list: A) -> Result<RowsTable, A::Error> {
                Vec::deserialize(serde::de::value::SeqAccessDeserializer::new(list)).map(RowsTable::Rows)
            }
        }
        deserializer.deserialize_any(RowsVisitor)
    }
}

impl JsonSchema for RowsTable {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Rows".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "object" } }] })
    }
}
