//! `[entity.<name>]`: who does things: a user, an account.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::project::document::{OneOrMany, Short, Spanned};
use crate::project::tables::Written;
use crate::project::tables::source::{ColumnTable, CsvTable, TimeTable};

/// `[entity.<name>]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EntityTable {
    /// A sentence on who they are.
    pub description: Option<String>,
    /// Who answers for the data.
    pub owner: Option<String>,
    /// Names to select it by.
    #[serde(default)]
    pub tags: Vec<String>,
    /// The table in the warehouse. Without a table or a path, the entity is derived from the keys of its members.
    pub table: Option<Spanned<String>>,
    /// A file relative to the project, or several by `*`, `?` and `[…]`, where the warehouse reads files.
    pub path: Option<Spanned<String>>,
    /// How the CSV file is written, where it is not as RFC 4180 has it.
    pub csv: Option<Spanned<CsvTable>>,
    /// Folders that are columns: with `["day"]` rows below `day=2026-01-31/` have it in the column `day`, as text.
    pub folders: Option<Spanned<Vec<Spanned<String>>>>,
    /// The column that names an entity uniquely.
    pub key: Option<Spanned<String>>,
    /// The column with the time at which windows begin: sign-up. A derived entity starts with its first member.
    /// `{ column = "…", type = "…" }` says what is stored in it.
    pub start: Option<Spanned<Short<TimeTable>>>,
    /// The IANA zone of times that carry none; `UTC` if absent.
    pub timezone: Option<Spanned<String>>,
    /// The columns that expressions and segments may use, with their types.
    #[serde(default)]
    pub attributes: IndexMap<Spanned<String>, Spanned<Short<ColumnTable>>>,
    /// The entity that this one is a member of, and the column with its key: `{ account = "account_id" }`.
    #[serde(default)]
    pub parent: IndexMap<Spanned<String>, Spanned<String>>,
    /// The entities that it is made of, where it has no table or no `start`: of those that name it as their parent. The
    /// only one that does if absent.
    pub members: Option<Spanned<OneOrMany>>,
    /// The rows that count, as an expression; all if absent. Who is left out is in no milestone, conversion and score; a count over a
    /// log counts its rows all the same, but for a `where` of its own that asks for the entity: `user.start is not null`.
    #[serde(rename = "where")]
    pub condition: Option<Spanned<String>>,
}

impl Written for EntityTable {}
