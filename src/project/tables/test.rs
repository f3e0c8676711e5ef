//! `[test.<name>]`: given rows, expected rows, and the moment at which they hold.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::project::document::Spanned;
use crate::project::tables::Written;

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

impl Written for TestTable {}

/// Rows: `[{ a = 1 }, { a = 2 }]`, or the path of a CSV file.
#[derive(Clone, Debug)]
pub enum RowsTable {
    /// A CSV file, relative to the file of the test.
    File(String),
    /// The rows themselves.
    Rows(Vec<WrittenRow>),
}

impl RowsTable {
    /// Returns a column where a row names it; none in a file.
    pub fn key(&self, row: usize, name: &str) -> Option<&Spanned<String>> {
        match self {
            RowsTable::File(_) => None,
            RowsTable::Rows(rows) => rows.get(row)?.0.keys().find(|key| key.get() == name),
        }
    }

    /// Returns a column where it is named first; none in a file.
    pub fn column(&self, name: &str) -> Option<&Spanned<String>> {
        match self {
            RowsTable::File(_) => None,
            RowsTable::Rows(rows) => rows.iter().flat_map(|row| row.0.keys()).find(|key| key.get() == name),
        }
    }
}

/// A row: values by name of column, and times as text. TOML has no word for no value, so that the key `null` lists the
/// columns that hold none.
#[derive(Clone, Debug)]
pub struct WrittenRow(pub IndexMap<Spanned<String>, serde_json::Value>);

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

/// The key of a row that is no column, but lists columns without a value.
const NULL: &str = "null";

impl<'de> Deserialize<'de> for WrittenRow {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RowVisitor;
        impl<'de> serde::de::Visitor<'de> for RowVisitor {
            type Value = WrittenRow;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a row")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut table: A) -> Result<WrittenRow, A::Error> {
                let mut row = IndexMap::new();
                let mut absent: Vec<Spanned<String>> = Vec::new();
                while let Some(name) = table.next_key::<Spanned<String>>()? {
                    if name.get() == NULL {
                        absent = table.next_value::<Columns>()?.0;
                    } else {
                        row.insert(name, table.next_value::<Cell>()?.0);
                    }
                }
                for name in absent {
                    let odd = match row.get(&name) {
                        None => {
                            row.insert(name, serde_json::Value::Null);
                            continue;
                        }
                        Some(serde_json::Value::Null) => format!("is listed in `{NULL}` twice"),
                        Some(_) => format!("has a value, and is listed in `{NULL}` too"),
                    };
                    let name = name.get();
                    return Err(serde::de::Error::custom(format!("expected a row that holds `{name}` once: it {odd}")));
                }
                Ok(WrittenRow(row))
            }
        }
        deserializer.deserialize_map(RowVisitor)
    }
}

/// Names of columns.
struct Columns(Vec<Spanned<String>>);

impl<'de> Deserialize<'de> for Columns {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ColumnsVisitor;
        impl<'de> serde::de::Visitor<'de> for ColumnsVisitor {
            type Value = Columns;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list of the columns that hold no value")
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, list: A) -> Result<Columns, A::Error> {
                Vec::deserialize(serde::de::value::SeqAccessDeserializer::new(list)).map(Columns)
            }
        }
        deserializer.deserialize_any(ColumnsVisitor)
    }
}

/// A value of a row.
struct Cell(serde_json::Value);

impl<'de> Deserialize<'de> for Cell {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct CellVisitor;
        impl<'de> serde::de::Visitor<'de> for CellVisitor {
            type Value = Cell;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a value")
            }
            fn visit_bool<E>(self, value: bool) -> Result<Cell, E> {
                Ok(Cell(value.into()))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Cell, E> {
                Ok(Cell(value.into()))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Cell, E> {
                Ok(Cell(value.into()))
            }
            fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Cell, E> {
                let number = serde_json::Number::from_f64(value);
                let odd = "expected a number that is finite: where there is no value, list the column in `null`";
                number.map(|number| Cell(number.into())).ok_or_else(|| E::custom(odd))
            }
            fn visit_str<E>(self, value: &str) -> Result<Cell, E> {
                Ok(Cell(value.into()))
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<Cell, A::Error> {
                let mut values = Vec::new();
                while let Some(Cell(value)) = list.next_element()? {
                    values.push(value);
                }
                Ok(Cell(values.into()))
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut table: A) -> Result<Cell, A::Error> {
                let mut values = serde_json::Map::new();
                while let Some((key, Cell(value))) = table.next_entry::<String, Cell>()? {
                    values.insert(key, value);
                }
                // So arrives a time of TOML's own.
                Ok(Cell(match values.get(TIME) {
                    Some(time) => time.clone(),
                    None => values.into(),
                }))
            }
        }
        deserializer.deserialize_any(CellVisitor)
    }
}

/// The key of the table as which a time of TOML's own arrives.
const TIME: &str = "$__toml_private_datetime";

impl JsonSchema for RowsTable {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Rows".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let names = serde_json::json!({ "type": "array", "items": { "type": "string" } });
        let row = serde_json::json!({ "type": "object", "properties": { NULL: names } });
        schemars::json_schema!({ "anyOf": [{ "type": "string" }, { "type": "array", "items": row }] })
    }
}
