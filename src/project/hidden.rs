//! What of `project.toml` is never drawn: a log keeps what is drawn, and any setting may be a secret, by a misspelt name or
//! one table too high as well.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::language::Table;
use crate::project::load::PROJECT;
use crate::project::read::keys;
use crate::project::tables::settings::{ProjectTable, TargetTable};

/// Returns the places of the values of a table at the top of `project.toml` that may be secrets: of `[project]` and
/// `[target.<name>]` all but the keys that they have, where these hold something plain.
pub(super) fn values(table: &str, value: &Spanned<DeValue<'_>>) -> Vec<Range<usize>> {
    let mut hidden = Vec::new();
    match (Table::named(table), value.get_ref()) {
        (None, DeValue::Table(body)) if table == PROJECT => beside(body, keys::<ProjectTable>(), &mut hidden),
        (Some(Table::Target), DeValue::Table(targets)) => {
            for target in targets.values() {
                if let DeValue::Table(body) = target.get_ref() {
                    beside(body, keys::<TargetTable>(), &mut hidden);
                } else {
                    whole(target, &mut hidden);
                }
            }
        }
        _ => whole(value, &mut hidden),
    }
    hidden
}

/// Returns the places of what may be a value in a file that is no TOML, where nothing tells which table a line belongs
/// to: what is neither a header nor the key of a line.
pub(super) fn of_broken(text: &str) -> Vec<Range<usize>> {
    let mut hidden = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let body = line.trim_end();
        let from = match body.split_once('=') {
            _ if is_header(body.trim_start()) || body.trim_start().starts_with('#') => body.len(),
            Some((key, _)) if is_key(key.trim()) => {
                let value = &body[key.len() + 1..];
                key.len() + 1 + (value.len() - value.trim_start().len())
            }
            Some(_) | None => body.len() - body.trim_start().len(),
        };
        hidden.push(start + from..start + body.len());
        start += line.len();
    }
    hidden.retain(|range| !range.is_empty());
    hidden
}

/// Hides all values but those of the `known` keys that are plain.
fn beside(body: &DeTable<'_>, known: &[String], hidden: &mut Vec<Range<usize>>) {
    for (key, value) in body {
        let is_known = key.get_ref() != "settings" && known.iter().any(|known| known == key.get_ref());
        if !is_known || !is_plain(value.get_ref()) {
            whole(value, hidden);
        }
    }
}

/// Hides every value in a value: the keys of tables say what is wrong, and are no secrets.
fn whole(value: &Spanned<DeValue<'_>>, hidden: &mut Vec<Range<usize>>) {
    if let DeValue::Table(table) = value.get_ref() {
        table.values().for_each(|value| whole(value, hidden));
    } else {
        hidden.push(value.span());
    }
}

/// Tells whether a value is what the keys of a target and of a project hold: a name, a path, a sentence, a number; but no
/// address, which may have a password in it, and no variable with a value of its own.
fn is_plain(value: &DeValue<'_>) -> bool {
    match value {
        DeValue::String(text) => !text.contains("://") && !text.contains(":-") && !text.contains(['?', '=', '\n']),
        DeValue::Array(items) => items.iter().all(|item| is_plain(item.get_ref())),
        DeValue::Table(_) => false,
        DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => true,
    }
}

/// Tells whether a line is the header of a table, and not an item of a list.
fn is_header(line: &str) -> bool {
    let name = line.trim_start_matches('[').split(']').next().unwrap_or_default();
    let is_bare = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-.".contains(c);
    line.starts_with('[')
        && !name.is_empty()
        && name.chars().all(is_bare)
        && line.split(']').skip(1).all(|rest| {
            let rest = rest.trim();
            rest.is_empty() || rest.starts_with('#')
        })
}

/// Tells whether what stands before a `=` is a key, and not the end of a secret in base64.
fn is_key(text: &str) -> bool {
    let is_bare = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-.".contains(c);
    text.len() <= 48 && text.starts_with(|c: char| c.is_ascii_lowercase()) && text.chars().all(is_bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the text with stars for what is hidden.
    fn shown(text: &str, hidden: &[Range<usize>]) -> String {
        let is_hidden = |byte: &usize| hidden.iter().any(|range| range.contains(byte));
        text.char_indices().map(|(byte, c)| if is_hidden(&byte) { '*' } else { c }).collect()
    }

    #[test]
    fn of_a_broken_file_headers_and_keys_are_left() {
        let broken = "[target.prod.settings]\npassword = \"ab\nuser=u # c\nAbC09x==\n[\"s3\", \"b\"]\n# why\n";
        assert_eq!(
            shown(broken, &of_broken(broken)),
            "[target.prod.settings]\npassword = ***\nuser=*****\n********\n***********\n# why\n"
        );
    }

    #[test]
    fn of_a_target_what_its_keys_hold_is_left() {
        let text =
            "[target.dev]\ndialect = 'a'\ndatabase = 'md:x?token=y'\npasword = 'b'\nsettings = { user = 'c', n = 1 }\n";
        let (document, _) = DeTable::parse_recoverable(text);
        let hidden: Vec<Range<usize>> =
            document.get_ref().iter().flat_map(|(key, value)| values(key.get_ref(), value)).collect();
        assert_eq!(
            shown(text, &hidden),
            "[target.dev]\ndialect = 'a'\ndatabase = **************\npasword = ***\nsettings = { user = ***, n = * }\n"
        );
    }
}
