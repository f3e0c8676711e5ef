//! TOML files -> project: what was written, and where; no meaning yet.

pub mod dbt;
pub mod document;
mod hidden;
pub mod load;
pub mod names;
pub mod planned;
pub mod read;
mod syntax;
pub mod tables;
pub mod variables;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::PathBuf;

use toml::de::{DeTable, DeValue};

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::language::Table;
use crate::project::dbt::DbtProject;
use crate::project::document::Spanned;
use crate::project::tables::Tables;
use crate::project::tables::kpi::KpiTable;
use crate::project::tables::settings::ProjectTable;
use crate::source::{SourceId, Sources, Span, Text};

/// Everything that was written.
#[derive(Debug)]
pub struct Project {
    /// The folder of `project.toml`.
    pub root: PathBuf,
    /// The files, for messages.
    pub sources: Sources,
    /// Variables by name, for `${NAME}`: those of the environment, and before them what the command line gives.
    pub environment: BTreeMap<String, String>,
    /// `[project]`.
    pub settings: Definition<ProjectTable>,
    /// What was written in every table.
    pub tables: Tables,
    /// The relations of the dbt project that `[project] dbt` names.
    pub dbt: Option<DbtProject>,
    /// The definitions that could not be read, which was reported: that they are named is no mistake.
    pub broken: Vec<Broken>,
}

/// A definition that could not be read.
#[derive(Clone, Debug)]
pub struct Broken {
    /// The table that it stands in.
    pub table: Table,
    /// Its name.
    pub name: String,
    /// The place of the name.
    pub span: Span,
}

/// One table of a file, with its name.
#[derive(Clone, Debug)]
pub struct Definition<T> {
    /// The name.
    pub name: String,
    /// The place of the name.
    pub span: Span,
    /// The fields.
    pub body: T,
}

impl<T> Definition<T> {
    /// Returns the file that it was written in.
    pub fn source(&self) -> SourceId {
        self.span.source
    }

    /// Returns the place of one of its values.
    pub fn place<V>(&self, value: &Spanned<V>) -> Span {
        self.place_of(value.range())
    }

    /// Returns where a range of bytes of its file is.
    pub fn place_of(&self, range: Range<usize>) -> Span {
        Span { source: self.span.source, start: range.start, end: range.end }
    }
}

impl Project {
    /// Returns a string of a definition as a text whose parts can be pointed at.
    pub fn text<T>(&self, definition: &Definition<T>, value: &Spanned<String>) -> Text {
        let span = definition.place(value);
        Text::new(value.get().clone(), span, self.sources.slice(span))
    }

    /// Returns, by the name of the KPI, the fields that its kind reads: those that not every KPI has.
    pub fn kind_fields(&self) -> BTreeMap<String, DeTable<'_>> {
        let common = read::keys::<KpiTable>();
        let files: BTreeSet<SourceId> = self.tables.kpis.iter().map(Definition::source).collect();
        let mut fields = BTreeMap::new();
        for file in files {
            let (document, _) = DeTable::parse_recoverable(&self.sources.file(file).text);
            let kpis = document.into_inner().into_iter().find(|(key, _)| key.get_ref() == Table::Kpi.name());
            let Some(DeValue::Table(kpis)) = kpis.map(|(_, value)| value.into_inner()) else { continue };
            for (name, body) in kpis {
                if let DeValue::Table(body) = body.into_inner() {
                    let of_kind = |key: &toml::Spanned<_>| !common.iter().any(|name: &String| name == key.get_ref());
                    let body = body.into_iter().filter(|(key, _)| of_kind(key)).collect();
                    fields.insert(name.get_ref().to_string(), body);
                }
            }
        }
        fields
    }

    /// Replaces each `${NAME}` and `${NAME:-default}` by the environment's variable.
    pub fn expand(&self, text: &Text, diagnostics: &mut Diagnostics) -> Option<String> {
        let mut expanded = String::new();
        let mut at = 0;
        while let Some(found) = text.value[at..].find("${") {
            let start = at + found;
            expanded.push_str(&text.value[at..start]);
            let Some(length) = text.value[start..].find('}') else {
                diagnostics.push(
                    Diagnostic::error("unclosed-variable", "a variable is not closed")
                        .at(text.place(start..text.value.len()), "`}` is missing"),
                );
                return None;
            };
            let inside = &text.value[start + 2..start + length];
            let (name, default) = match inside.split_once(":-") {
                Some((name, default)) => (name, Some(default)),
                None => (inside, None),
            };
            // What is no name is not repeated: it may be a secret that was written in the place of one.
            let (what, help) = if !is_variable(name) {
                ("what stands in `${…}` is no name of a variable", "a name has letters, digits and `_`: `${NAME}`")
            } else if default.is_some_and(|default| default.contains("${")) {
                ("the default of a variable is another variable", "only a text can be a default: `${NAME:-text}`")
            } else {
                ("", "")
            };
            if !what.is_empty() {
                let place = text.place(start..start + length + 1);
                diagnostics.push(Diagnostic::error("bad-variable", what).at(place, "").help(help));
                return None;
            }
            if let Some(value) =
                self.environment.get(name).map(String::as_str).filter(|value| !value.is_empty()).or(default)
            {
                expanded.push_str(value);
            } else {
                diagnostics.push(
                    Diagnostic::error("unset-variable", format!("the environment has no variable `{name}`"))
                        .at(text.place(start..start + length + 1), "")
                        .help(format!("set it, or write a default: `${{{name}:-…}}`")),
                );
                return None;
            }
            at = start + length + 1;
        }
        expanded.push_str(&text.value[at..]);
        Some(expanded)
    }
}

/// Tells whether a text can be the name of a variable.
pub(crate) fn is_variable(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.chars().all(|each| each.is_ascii_alphanumeric() || each == '_')
}
