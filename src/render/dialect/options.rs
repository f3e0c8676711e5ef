//! What a target may choose of how its relations are written: a dialect once more, for each choice.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::render::dialect::{Dialect, read_all};

/// A key of a target that decides how its relations are written, where the warehouse has a choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// Names in capitals, so that they can be written without quotes.
    Names,
    /// Whether what was replaced is kept for a day.
    TimeTravel,
}

/// What a target chose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Options {
    /// The names of what is made are in capitals.
    pub in_capitals: bool,
    /// What was replaced is kept for a day.
    pub time_travel: bool,
}

/// The dialects once more, for each other choice that a target of theirs has.
static VARIANTS: LazyLock<Vec<Dialect>> = LazyLock::new(|| {
    let both = [false, true];
    let all = both.iter().flat_map(|capitals| both.iter().map(|travel| (*capitals, *travel)));
    let options = all.map(|(in_capitals, time_travel)| Options { in_capitals, time_travel });
    let options = options.filter(|options| *options != Options::default());
    options.flat_map(|options| read_all(options).expect("they load without a choice")).filter(Dialect::can).collect()
});

impl Dialect {
    /// Returns the dialect as a target has chosen it; none where it has no such choice.
    pub fn with(&self, options: Options) -> Option<&'static Dialect> {
        if options == Options::default() {
            return Self::named(&self.name);
        }
        VARIANTS.iter().find(|dialect| dialect.name == self.name && dialect.options == options)
    }

    /// Tells whether it has the choices that were made.
    fn can(&self) -> bool {
        let Options { in_capitals, time_travel } = self.options;
        (!in_capitals || self.has(Choice::Names)) && (!time_travel || self.has(Choice::TimeTravel))
    }

    /// Tells whether a target may choose something.
    pub fn has(&self, choice: Choice) -> bool {
        self.choices.contains(&choice)
    }

    /// Returns what was chosen.
    pub fn options(&self) -> Options {
        self.options
    }

    /// Returns the name of something that is made, as the warehouse has it: in capitals where the target chose that.
    pub fn made_name(&self, name: &str) -> String {
        if self.options.in_capitals { name.to_ascii_uppercase() } else { name.to_owned() }
    }

    /// Quotes the name of something that is made.
    pub fn identifier(&self, name: &str) -> Result<String, String> {
        self.raw_identifier(&self.made_name(name))
    }

    /// Quotes the parts of the name of something that is made, such as `schema.table`.
    pub fn table(&self, name: &str) -> Result<String, String> {
        self.raw_table(&self.made_name(name))
    }

    /// Quotes the name of something that is there already: it is as it is written.
    pub fn raw_identifier(&self, name: &str) -> Result<String, String> {
        if name.is_empty() { Err("a name must not be empty".to_owned()) } else { self.identifiers.quote("name", name) }
    }

    /// Quotes the parts of such a name.
    pub fn raw_table(&self, name: &str) -> Result<String, String> {
        let parts: Vec<_> = name.split('.').map(|part| self.raw_identifier(part)).collect::<Result<_, _>>()?;
        Ok(parts.join("."))
    }
}
