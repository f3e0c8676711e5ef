//! What a warehouse refuses as the name of a column that it stores, and takes as the name of something else.

use serde::Deserialize;

use crate::render::dialect::Dialect;

/// `[columns]` of a dialect's file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Columns {
    /// The characters that no name has.
    #[serde(default)]
    refused: String,
    /// How no name begins, capitals or not.
    #[serde(default)]
    reserved: Vec<String>,
    /// How many characters a name has at most.
    longest: Option<usize>,
}

impl Dialect {
    /// Says why a table cannot have a column of that name.
    pub fn column(&self, name: &str) -> Result<(), String> {
        self.identifier(name)?;
        self.columns.refuse(name)
    }
}

impl Columns {
    /// Says why a column of that name cannot be stored.
    fn refuse(&self, name: &str) -> Result<(), String> {
        let why = if let Some(character) = name.chars().find(|character| self.refused.contains(*character)) {
            format!("it has a `{}` in it", character.escape_debug())
        } else if let Some(prefix) = self.reserved.iter().find(|prefix| begins(name, prefix)) {
            format!("names that begin with `{prefix}` are the warehouse's own")
        } else if self.longest.is_some_and(|longest| name.chars().count() > longest) {
            format!("it has more than {} characters", self.longest.unwrap_or_default())
        } else {
            return Ok(());
        };
        let shown: String = name.escape_debug().take(80).collect();
        Err(format!("no column can be called `{shown}`: {why}"))
    }
}

fn begins(name: &str, prefix: &str) -> bool {
    name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}
