//! Finds and reads `project.toml` and the definitions: the only reading of a project's files.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::project::names::nearest;
use crate::project::read::{keys, list, read};
use crate::project::tables::kpi::KpiTable;
use crate::project::tables::settings::ProjectTable;
use crate::project::{Definition, Project};
use crate::source::{SourceId, Sources, Span};

/// The name of the file that makes a folder a project.
pub const PROJECT_FILE: &str = "project.toml";

/// The tables that definitions are written in.
const TABLES: &[&str] = &["project", "target", "source", "entity", "milestone", "kpi", "score", "test"];

/// What was read so far.
#[derive(Default)]
struct Loaded {
    sources: Sources,
    project: Vec<Definition<ProjectTable>>,
    targets: Vec<Definition<crate::project::tables::settings::TargetTable>>,
    source_tables: Vec<Definition<crate::project::tables::source::SourceTable>>,
    entities: Vec<Definition<crate::project::tables::entity::EntityTable>>,
    milestones: Vec<Definition<crate::project::tables::milestone::MilestoneTable>>,
    kpis: Vec<Definition<KpiTable>>,
    scores: Vec<Definition<crate::project::tables::score::ScoreTable>>,
    tests: Vec<Definition<crate::project::tables::test::TestTable>>,
    names: BTreeMap<(String, String), Span>,
}

/// Reads the project at `root`. Returns the files that were read, for drawing, and the project if it is whole.
pub fn load(
    root: &Path,
    environment: BTreeMap<String, String>,
    diagnostics: &mut Diagnostics,
) -> Result<Project, Sources> {
    let mut loaded = Loaded::default();
    let file = root.join(PROJECT_FILE);
    let Some(text) = read_file(&file, PROJECT_FILE, diagnostics) else { return Err(loaded.sources) };
    loaded.file(PathBuf::from(PROJECT_FILE), text, true, diagnostics);
    let folders: Vec<(String, Option<Span>)> = match loaded.project.first() {
        Some(project) => match &project.body.models {
            Some(models) => models.iter().map(|folder| (folder.get().clone(), Some(project.place(folder)))).collect(),
            None => vec![("models".to_owned(), None)],
        },
        None => Vec::new(),
    };
    for (folder, span) in folders {
        let mut files = Vec::new();
        if let Err(error) = toml_files(&root.join(&folder), &mut files) {
            let mut diagnostic = Diagnostic::error("missing-folder", format!("reading the folder `{folder}`: {error}"));
            if let Some(span) = span {
                diagnostic = diagnostic.at(span, "");
            } else {
                diagnostic =
                    diagnostic.help("definitions are read from `models`, or from the folders in `models = […]`");
            }
            diagnostics.push(diagnostic);
        }
        files.sort();
        for file in files {
            let shown = file.strip_prefix(root).unwrap_or(&file).to_path_buf();
            if let Some(text) = read_file(&file, &shown.display().to_string(), diagnostics) {
                loaded.file(shown, text, false, diagnostics);
            }
        }
    }
    match loaded.project.pop() {
        Some(settings) if !diagnostics.has_errors() => Ok(Project {
            root: root.to_path_buf(),
            sources: loaded.sources,
            environment,
            settings,
            targets: loaded.targets,
            source_tables: loaded.source_tables,
            entities: loaded.entities,
            milestones: loaded.milestones,
            kpis: loaded.kpis,
            scores: loaded.scores,
            tests: loaded.tests,
        }),
        Some(_) => Err(loaded.sources),
        None => {
            if !diagnostics.has_errors() {
                diagnostics.push(
                    Diagnostic::error("missing-project-table", format!("`{PROJECT_FILE}` has no table `[project]`"))
                        .help("begin it with `[project]` and `name = \"…\"`"),
                );
            }
            Err(loaded.sources)
        }
    }
}

fn read_file(path: &Path, shown: &str, diagnostics: &mut Diagnostics) -> Option<String> {
    match fs::read_to_string(path) {
        Ok(text) => Some(text),
        Err(error) => {
            let mut diagnostic = Diagnostic::error("unreadable-file", format!("reading `{shown}`: {error}"));
            if shown == PROJECT_FILE {
                diagnostic = diagnostic
                    .help("run it in a project's folder, name one by --project-dir, or begin one: `milepost init`");
            }
            diagnostics.push(diagnostic);
            None
        }
    }
}

fn toml_files(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            toml_files(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    Ok(())
}

impl Loaded {
    fn file(&mut self, path: PathBuf, text: String, is_project: bool, diagnostics: &mut Diagnostics) {
        let id = self.sources.add(path, text.clone());
        let (document, errors) = DeTable::parse_recoverable(&text);
        for error in &errors {
            let range = error.span().unwrap_or(0..0);
            diagnostics.push(
                Diagnostic::error("toml-syntax", error.message().to_owned())
                    .at(Span { source: id, start: range.start, end: range.end.min(text.len()) }, ""),
            );
        }
        if !errors.is_empty() {
            return;
        }
        for (key, value) in document.into_inner() {
            let span = Span { source: id, start: key.span().start, end: key.span().end };
            let table = key.get_ref().to_string();
            if table == "project" && is_project {
                if let DeValue::Table(body) = value.into_inner()
                    && let Some(body) = read(&body, "[project]", span, diagnostics)
                {
                    self.project.push(Definition { name: "project".to_owned(), span, body });
                }
                continue;
            }
            self.table(id, &table, span, value, is_project, diagnostics);
        }
    }

    fn table(
        &mut self,
        id: SourceId,
        table: &str,
        span: Span,
        value: Spanned<DeValue<'_>>,
        is_project: bool,
        diagnostics: &mut Diagnostics,
    ) {
        let allowed = |name: &&&str| is_project || !matches!(**name, "project" | "target");
        let names: Vec<&str> = TABLES.iter().filter(allowed).copied().collect();
        if !names.contains(&table) {
            let mut diagnostic = Diagnostic::error("unknown-table", format!("there is no table `{table}`")).at(
                span,
                if TABLES.contains(&table) { "belongs into project.toml" } else { "not a table of Milepost" },
            );
            diagnostic = match nearest(table, names.iter().copied()) {
                Some(near) => diagnostic.help(format!("a table with a similar name exists: `{near}`")),
                None => diagnostic.help(format!("the tables are {}", list(&names))),
            };
            diagnostics.push(diagnostic);
            return;
        }
        let DeValue::Table(definitions) = value.into_inner() else {
            diagnostics.push(
                Diagnostic::error("not-a-table", format!("`{table}` is a table of definitions"))
                    .at(span, "")
                    .help(format!("write `[{table}.some_name]`")),
            );
            return;
        };
        for (name, value) in definitions {
            let span = Span { source: id, start: name.span().start, end: name.span().end };
            let name = name.get_ref().to_string();
            let DeValue::Table(body) = value.into_inner() else {
                diagnostics.push(
                    Diagnostic::error("not-a-table", format!("`{table}.{name}` is not a table"))
                        .at(span, "")
                        .help(format!("write `[{table}.{name}]`, and its keys below")),
                );
                continue;
            };
            if !is_name(&name) {
                diagnostics.push(Diagnostic::error("bad-name", format!("`{name}` is not a name")).at(span, "").help(
                    "names are snake_case: a lower-case letter, then lower-case letters, digits and `_`; 48 at most",
                ));
            }
            if let Some(first) = self.names.insert((table.to_owned(), name.clone()), span) {
                diagnostics.push(
                    Diagnostic::error("duplicate-definition", format!("`{table}.{name}` is defined twice"))
                        .at(span, "defined again here")
                        .at(first, "first defined here"),
                );
            }
            let what = format!("[{table}.{name}]");
            let definition = Header { name, span, what };
            match table {
                "target" => push(&mut self.targets, &body, definition, diagnostics),
                "source" => push(&mut self.source_tables, &body, definition, diagnostics),
                "entity" => push(&mut self.entities, &body, definition, diagnostics),
                "milestone" => push(&mut self.milestones, &body, definition, diagnostics),
                "score" => push(&mut self.scores, &body, definition, diagnostics),
                "test" => push(&mut self.tests, &body, definition, diagnostics),
                _ => {
                    // The fields of every KPI are read here; its kind reads the others: `Project::kind_fields`.
                    let common = keys::<KpiTable>();
                    let body: DeTable<'_> =
                        body.into_iter().filter(|(key, _)| common.iter().any(|name| name == key.get_ref())).collect();
                    push(&mut self.kpis, &body, definition, diagnostics);
                }
            }
        }
    }
}

struct Header {
    name: String,
    span: Span,
    what: String,
}

fn push<T: DeserializeOwned + JsonSchema>(
    definitions: &mut Vec<Definition<T>>,
    body: &DeTable<'_>,
    header: Header,
    diagnostics: &mut Diagnostics,
) {
    if let Some(body) = read(body, &header.what, header.span, diagnostics) {
        definitions.push(Definition { name: header.name, span: header.span, body });
    }
}

/// Tells whether `name` can name a definition, and so a table on every warehouse.
pub fn is_name(name: &str) -> bool {
    name.len() <= 48
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(|each| each.is_ascii_lowercase() || each.is_ascii_digit() || each == '_')
}
