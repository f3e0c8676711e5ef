//! The contract's SQL in the words of each dialect.

use milepost::check::Checked;
use milepost::warehouse::{Column, Error, Value, Warehouse};

use super::checked_in;

pub(super) const DUCKDB: Words =
    Words { dialect: "duckdb", quote: '"', counts_what_it_makes: true, estimates: true, odd: "it's \"odd\"" };

/// How a dialect says what the contract says, and what its warehouse cannot tell.
pub(crate) struct Words {
    /// The name of the dialect.
    pub(super) dialect: &'static str,
    /// What quotes names.
    pub(super) quote: char,
    /// Whether what makes a table tells how many rows it has.
    pub(super) counts_what_it_makes: bool,
    /// Whether statements can be estimated.
    pub(super) estimates: bool,
    /// The name of a column that is as odd as it may be.
    pub(super) odd: &'static str,
}

/// A warehouse under contract.
pub(super) struct Party<'w> {
    pub(super) warehouse: &'w dyn Warehouse,
    pub(super) words: &'w Words,
}

impl Party<'_> {
    /// Quotes all names, which are what is in lower case and not in a string: so they are the same everywhere.
    pub(super) fn sql(&self, sql: &str) -> String {
        let (mut text, mut is_inside, mut in_string) = (String::new(), false, false);
        for character in sql.chars().chain([' ']) {
            in_string ^= character == '\'';
            let is_name = !in_string && (character.is_ascii_lowercase() || character == '_');
            if is_name != is_inside {
                text.push(self.words.quote);
            }
            is_inside = is_name;
            text.push(character);
        }
        text.pop();
        text
    }

    pub(super) fn checked(&self, sql: &str) -> Checked {
        checked_in(self.words.dialect, &self.sql(sql))
    }

    pub(super) fn ask(&self, sql: &str) -> Vec<Vec<Value>> {
        self.warehouse.query(&self.checked(sql), None).unwrap_or_else(|error| panic!("{sql}: {error}")).rows
    }

    pub(super) fn tell(&self, sql: &str) -> Option<u64> {
        self.warehouse.execute(&self.checked(sql)).unwrap_or_else(|error| panic!("{sql}: {error}")).rows_affected
    }

    pub(super) fn columns(&self, relation: &str) -> Result<Vec<Column>, Error> {
        self.warehouse.columns(&self.sql(relation))
    }

    pub(super) fn made(&self, rows: u64) -> Option<u64> {
        self.words.counts_what_it_makes.then_some(rows)
    }
}
