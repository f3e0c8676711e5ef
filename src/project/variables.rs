//! Where `${NAME}` is a variable, and where somebody may take it for one: there it is refused, and not text like any other.
//!
//! What a definition means follows from its text, so that the same definitions give the same SQL wherever they are compiled.
//! What may differ is where raw rows are and where relations are made.

use std::collections::BTreeSet;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::language::Table;
use crate::project::load::PROJECT;
use crate::project::names::nearest;
use crate::project::read::list;
use crate::project::{Project, is_variable};
use crate::source::{SourceId, Span, Text};

/// What `${NAME}` is in a place of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// A variable.
    Variable,
    /// Text: prose, and rows of data.
    Text,
    /// Nothing: what stands there has to follow from the file alone.
    Nothing,
}

/// Returns what a variable is below keys: those of a table at the top of a file, `source`, `events`, `table`.
fn reading(keys: &[&str]) -> Reading {
    let Some((table, inner)) = keys.split_first() else { return Reading::Nothing };
    let (table, inner) =
        (Table::named(table), if *table == PROJECT { inner } else { inner.get(1..).unwrap_or_default() });
    match (table, inner) {
        (_, ["description", ..]) | (Some(Table::Test), ["given" | "expect", ..]) => Reading::Text,
        (Some(Table::Source | Table::Entity), ["table" | "path"])
        | (Some(Table::Target), ["project" | "database" | "schema"] | ["settings", ..])
        | (None, ["dbt"]) => Reading::Variable,
        (_, _) => Reading::Nothing,
    }
}

/// A `${NAME}` or `${NAME:-…}` of a file.
struct Written {
    name: String,
    place: Span,
    reading: Reading,
}

/// Returns all of them, in the order of the files.
fn written(project: &Project) -> Vec<Written> {
    let mut found = Vec::new();
    // Most files have none.
    for source in project.sources.all().filter(|source| project.sources.file(*source).text.contains("${")) {
        let (document, _) = DeTable::parse_recoverable(&project.sources.file(source).text);
        let mut walk = Walk { project, source, keys: Vec::new(), found: &mut found };
        walk.table(document.get_ref());
    }
    found
}

struct Walk<'w> {
    project: &'w Project,
    source: SourceId,
    keys: Vec<String>,
    found: &'w mut Vec<Written>,
}

impl Walk<'_> {
    fn table(&mut self, table: &DeTable<'_>) {
        for (key, value) in table {
            self.keys.push(key.get_ref().to_string());
            self.value(value);
            self.keys.pop();
        }
    }

    fn value(&mut self, value: &Spanned<DeValue<'_>>) {
        match value.get_ref() {
            DeValue::Table(table) => self.table(table),
            DeValue::Array(values) => values.iter().for_each(|value| self.value(value)),
            DeValue::String(text) if text.contains("${") => {
                let span = Span { source: self.source, start: value.span().start, end: value.span().end };
                let keys: Vec<&str> = self.keys.iter().map(String::as_str).collect();
                let reading = reading(&keys);
                let text = Text::new(text.to_string(), span, self.project.sources.slice(span));
                self.found.extend(variables(&text).map(|(name, place)| Written { name, place, reading }));
            }
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_) => {}
        }
    }
}

/// Returns the variables in a text, and their places. What is not closed, or has no name, is none.
fn variables(text: &Text) -> impl Iterator<Item = (String, Span)> {
    text.value.match_indices("${").filter_map(|(start, opening)| {
        let inside = &text.value[start + opening.len()..];
        let length = inside.find('}')?;
        let name = inside[..length].split(":-").next().filter(|name| is_variable(name))?;
        Some((name.to_owned(), text.place(start..start + opening.len() + length + 1)))
    })
}

/// Reports variables that stand where none is read: they would be taken as they are written.
pub(crate) fn report(project: &Project, diagnostics: &mut Diagnostics) {
    for Written { name, place, .. } in written(project).into_iter().filter(|one| one.reading == Reading::Nothing) {
        diagnostics.push(
            Diagnostic::error("misplaced-variable", format!("no variable is read here: `${{{name}}}`"))
                .at(place, "would be text like any other")
                .help(
                    "write out what is meant: a variable is read in `table` and `path` of a source and an entity, in \
                     `dbt` of `[project]`, and in `project`, `database`, `schema` and the settings of a target",
                ),
        );
    }
}

/// Reports names that were given a value and that the project reads nowhere, whatever the target.
pub fn report_unread<'n>(
    project: &Project,
    given: impl IntoIterator<Item = &'n String>,
    diagnostics: &mut Diagnostics,
) {
    let read = written(project).into_iter().filter(|one| one.reading == Reading::Variable).map(|one| one.name);
    let read: BTreeSet<String> = read.collect();
    let names: Vec<&str> = read.iter().map(String::as_str).collect();
    for name in given.into_iter().filter(|name| !read.contains(*name)) {
        let diagnostic = Diagnostic::error("unknown-variable", format!("the project reads no variable `{name}`"));
        diagnostics.push(match nearest(name, names.iter().copied()) {
            Some(near) => diagnostic.help(format!("it reads one with a similar name: `{near}`")),
            None if names.is_empty() => diagnostic.help("it reads none: `${NAME}` stands nowhere where it is read"),
            None => diagnostic.help(format!("it reads {}", list(&names))),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_read_where_raw_rows_and_relations_are_named() {
        for (keys, expected) in [
            ("source.events.table", Reading::Variable),
            ("entity.user.path", Reading::Variable),
            ("target.prod.schema", Reading::Variable),
            ("target.prod.settings.password", Reading::Variable),
            ("project.dbt", Reading::Variable),
            ("project.name", Reading::Nothing),
            ("project.as_of", Reading::Nothing),
            ("target.prod.dialect", Reading::Nothing),
            ("source.table.where", Reading::Nothing),
            ("source.events.columns.table", Reading::Nothing),
            ("milestone.table.event", Reading::Nothing),
            ("milestone.shared.description", Reading::Text),
            ("milestone.description.event", Reading::Nothing),
            ("test.a.given.events.path", Reading::Text),
            ("test.a.as_of", Reading::Nothing),
        ] {
            let keys: Vec<&str> = keys.split('.').collect();
            assert_eq!(reading(&keys), expected, "{keys:?}");
        }
    }
}
