//! How a warehouse writes names and strings.

use std::collections::BTreeMap;

use serde::Deserialize;

/// How names and strings are quoted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Quoting {
    /// What stands around.
    pub(super) quote: char,
    /// What is written for a character; the quote itself is among them.
    pub(super) escapes: BTreeMap<char, String>,
    /// What precedes the two hexadecimal digits of any other control character; without it they stand as they are.
    control: Option<String>,
    /// The characters that cannot be written.
    pub(super) refused: String,
    /// How letters are folded before.
    #[serde(default)]
    fold: Fold,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Fold {
    #[default]
    None,
    Upper,
    Lower,
}

impl Quoting {
    /// Quotes a name or a string, which `what` says; an error where it has a character that cannot be written.
    pub(super) fn quote(&self, what: &str, text: &str) -> Result<String, String> {
        let mut quoted = String::with_capacity(text.len() + 2);
        quoted.push(self.quote);
        for character in text.chars() {
            let character = match self.fold {
                Fold::None => character,
                Fold::Upper => character.to_ascii_uppercase(),
                Fold::Lower => character.to_ascii_lowercase(),
            };
            if self.refused.contains(character) {
                let character = character.escape_debug();
                return Err(format!(
                    "the {what} `{}` cannot be written: it has a `{character}` in it",
                    text.escape_debug()
                ));
            }
            match (self.escapes.get(&character), &self.control) {
                (Some(escape), _) => quoted.push_str(escape),
                (None, Some(control)) if character.is_ascii_control() => {
                    quoted.push_str(control);
                    quoted.extend(hexadecimal(character));
                }
                (None, _) => quoted.push(character),
            }
        }
        quoted.push(self.quote);
        Ok(quoted)
    }
}

/// Returns the two digits of a control character.
fn hexadecimal(character: char) -> impl Iterator<Item = char> {
    [u32::from(character) / 16, u32::from(character) % 16].into_iter().filter_map(|digit| char::from_digit(digit, 16))
}
