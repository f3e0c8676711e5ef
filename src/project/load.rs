//! Finds and reads `project.toml` and the definitions: the only reading of a project's files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::language::Table;
use crate::project::names::nearest;
use crate::project::read::{keys, kind_of, list, read};
use crate::project::tables::settings::ProjectTable;
use crate::project::tables::{Tables, keys_of};
use crate::project::{Broken, Definition, Project, dbt, hidden, planned, syntax};
use crate::source::{SourceId, Sources, Span};

/// The name of the file that makes a folder a project.
pub const PROJECT_FILE: &str = "project.toml";

/// The table of settings that `project.toml` begins with: the one that is no table of tables.
pub(super) const PROJECT: &str = "project";

/// What was read so far.
#[derive(Default)]
struct Loaded {
    sources: Sources,
    project: Vec<Definition<ProjectTable>>,
    tables: Tables,
    names: BTreeMap<(Table, String), Span>,
    /// Definitions that nothing but others of their stage and later ones name, and that could not be read.
    broken: Vec<Broken>,
    /// The errors that were reported of them.
    errors_of_broken: usize,
    /// The folders and files that were seen, by their real paths: links may lead to one twice, or in circles.
    seen: BTreeSet<PathBuf>,
}

/// Reads the project at `root`. Returns the files that were read, for drawing, and the project if it is whole.
pub fn load(
    root: &Path,
    environment: BTreeMap<String, String>,
    diagnostics: &mut Diagnostics,
) -> Result<Project, Sources> {
    let mut loaded = Loaded::default();
    let file = root.join(PROJECT_FILE);
    loaded.is_new(&file);
    loaded.read(&file, PathBuf::from(PROJECT_FILE), diagnostics);
    if diagnostics.has_errors() && loaded.project.is_empty() {
        return Err(loaded.sources);
    }
    let folders: Vec<(String, Option<Span>)> = match loaded.project.first() {
        Some(project) => match &project.body.models {
            Some(models) => models.iter().map(|folder| (folder.get().clone(), Some(project.place(folder)))).collect(),
            None => vec![("models".to_owned(), None)],
        },
        None => Vec::new(),
    };
    for (folder, span) in folders {
        let mut files = Vec::new();
        if let Err(error) = loaded.toml_files(&root.join(&folder), &mut files) {
            let message = if error.kind() == ErrorKind::NotFound {
                format!("there is no folder `{folder}`")
            } else {
                format!("reading the folder `{folder}`: {error}")
            };
            let diagnostic = Diagnostic::error("missing-folder", message);
            diagnostics.push(match (span, loaded.project.first()) {
                (None, Some(project)) => diagnostic
                    .at(project.span, "names no `models`")
                    .help("definitions are read from the folder `models`, or from those in `models = […]`"),
                (Some(span), _) => diagnostic.at(span, ""),
                (None, None) => diagnostic,
            });
        }
        files.sort();
        for file in files {
            let shown = file.strip_prefix(root).unwrap_or(&file).to_path_buf();
            loaded.read(&file, shown, diagnostics);
        }
    }
    match loaded.project.pop() {
        // What is wrong with some definitions hides nothing of the others.
        Some(settings) if diagnostics.errors() == loaded.errors_of_broken => {
            let mut project = Project {
                root: root.to_path_buf(),
                sources: loaded.sources,
                environment,
                settings,
                tables: loaded.tables,
                dbt: None,
                broken: loaded.broken,
            };
            let found = dbt::read(&project, diagnostics);
            if found.is_none() && project.settings.body.dbt.is_some() {
                return Err(project.sources);
            }
            project.dbt = found;
            Ok(project)
        }
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

impl Loaded {
    /// Tells whether a folder or a file was not seen yet, and sees it.
    fn is_new(&mut self, path: &Path) -> bool {
        fs::canonicalize(path).is_ok_and(|real| self.seen.insert(real))
    }

    /// Lists the files of definitions in a folder, those of folders inside it too.
    fn toml_files(&mut self, folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
        let mut paths = Vec::new();
        for entry in fs::read_dir(folder)? {
            paths.push(entry?.path());
        }
        paths.sort();
        self.is_new(folder);
        for path in paths {
            // A link that leads nowhere is no folder, and is reported when it is read.
            let is_toml = path.extension().is_some_and(|extension| extension == "toml");
            match fs::metadata(&path) {
                Ok(metadata) if metadata.is_dir() => {
                    if self.is_new(&path) {
                        self.toml_files(&path, files)?;
                    }
                }
                Ok(metadata) if is_toml && metadata.is_file() => {
                    if self.is_new(&path) {
                        files.push(path);
                    }
                }
                Err(_) if is_toml => files.push(path),
                Ok(_) | Err(_) => {}
            }
        }
        Ok(())
    }

    /// Reads a file, which is called `shown` in messages.
    fn read(&mut self, path: &Path, shown: PathBuf, diagnostics: &mut Diagnostics) {
        let is_project = shown == Path::new(PROJECT_FILE);
        let bytes = match regular(path).and_then(|()| fs::read(path)) {
            Ok(bytes) => bytes,
            Err(error) => {
                let message = format!("reading `{}`: {error}", shown.display());
                let diagnostic = Diagnostic::error("unreadable-file", message);
                diagnostics.push(if is_project {
                    diagnostic
                        .help("run it in a project's folder, name one by --project-dir, or begin one: `milepost init`")
                } else {
                    diagnostic
                });
                return;
            }
        };
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let start = error.utf8_error().valid_up_to();
                let message = format!("`{}` is not UTF-8 text", shown.display());
                let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
                let end = start + text[start..].chars().next().map_or(0, char::len_utf8);
                let source = self.sources.add(shown, text);
                diagnostics.push(
                    Diagnostic::error("unreadable-file", message)
                        .at(Span { source, start, end }, "the bytes here are no character"),
                );
                return;
            }
        };
        // Some editors mark text as UTF-8 by three bytes, which are no text.
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        self.file(shown, text, is_project, diagnostics);
    }

    fn file(&mut self, path: PathBuf, text: &str, is_project: bool, diagnostics: &mut Diagnostics) {
        let id = self.sources.add(path, text.to_owned());
        let (document, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            // A target in a file of definitions is a mistake, and its secrets are secrets.
            if is_project || text.contains("[target") {
                self.sources.hide(id, hidden::of_broken(text));
            }
            syntax::report(id, text, &errors, diagnostics);
            return;
        }
        for (key, value) in document.into_inner() {
            let span = Span { source: id, start: key.span().start, end: key.span().end };
            let table = key.get_ref().to_string();
            let known = Table::named(&table);
            // Any setting may be a secret, and so may be what is no table at all.
            if known == Some(Table::Target) || (is_project && known.is_none()) {
                self.sources.hide(id, hidden::values(&table, &value));
            }
            if table == PROJECT && is_project {
                match as_table(value.into_inner()) {
                    Ok(body) => {
                        if let Some(body) = read(&body, "[project]", span, diagnostics) {
                            self.project.push(Definition { name: table, span, body });
                        }
                    }
                    Err(kind) => diagnostics.push(
                        Diagnostic::error("not-a-table", format!("`project` is {kind}, not a table"))
                            .at(span, "")
                            .help("write `[project]`, and its keys below"),
                    ),
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
        let is_setting = |name: &str| name == PROJECT || name == Table::Target.name();
        let all = std::iter::once(PROJECT).chain(Table::ALL.iter().map(|table| table.name()));
        let mut names: Vec<&str> = all.filter(|name| is_project || !is_setting(name)).collect();
        names.sort_by_key(|name| !is_setting(name));
        if is_setting(table) && !is_project {
            let message = format!("`{table}` belongs into `{PROJECT_FILE}`");
            diagnostics.push(Diagnostic::error("unknown-table", message).at(span, "not a table of definitions"));
            return;
        }
        let Some(table) = Table::named(table) else {
            let diagnostic = Diagnostic::error("unknown-table", format!("there is no table `{table}`"))
                .at(span, "not a table of Milepost");
            let diagnostic = match nearest(table, names.iter().copied()) {
                _ if is_project && keys::<ProjectTable>().iter().any(|key| key == table) => {
                    diagnostic.help("it is a key of `[project]`: write that above it")
                }
                _ if planned::is_table(table) => diagnostic.help(planned::HELP),
                Some(near) => diagnostic.help(format!("a table with a similar name exists: `{near}`")),
                None => diagnostic.help(format!("the tables are {}", list(&names))),
            };
            diagnostics.push(diagnostic);
            return;
        };
        let definitions = match as_table(value.into_inner()) {
            Ok(definitions) => definitions,
            Err(kind) => {
                diagnostics.push(
                    Diagnostic::error("not-a-table", format!("`{table}` is {kind}, not a table"))
                        .at(span, "")
                        .help(format!("write `[{table}.some_name]`, and its keys below")),
                );
                return;
            }
        };
        for (name, value) in definitions {
            let span = Span { source: id, start: name.span().start, end: name.span().end };
            let name = name.get_ref().to_string();
            let body = match as_table(value.into_inner()) {
                Ok(body) => body,
                Err(kind) => {
                    // A key of a definition that has no name, or a definition that is no table.
                    let help = if keys_of(table).contains(&name) {
                        format!("a definition has a name: write `[{table}.some_name]` above this key")
                    } else {
                        format!("write `[{table}.{name}]`, and its keys below")
                    };
                    let message = format!("`{table}.{name}` is {kind}, not a table");
                    diagnostics.push(Diagnostic::error("not-a-table", message).at(span, "").help(help));
                    continue;
                }
            };
            if !is_name(&name) {
                diagnostics.push(Diagnostic::error("bad-name", format!("`{name}` is not a name")).at(span, "").help(
                    "names are snake_case: a lower-case letter, then lower-case letters, digits and `_`; 48 at most",
                ));
            } else if name.contains("__") && table.has_meaning() {
                diagnostics.push(
                    Diagnostic::error("bad-name", format!("`{name}` has two `_` in a row"))
                        .at(span, "")
                        .help("`__` stands between the parts of names that Milepost makes; write one `_`"),
                );
            }
            if let Some(first) = self.names.insert((table, name.clone()), span) {
                diagnostics.push(
                    Diagnostic::error("duplicate-definition", format!("`{table}.{name}` is defined twice"))
                        .at(span, "defined again here")
                        .at(first, "first defined here"),
                );
            }
            let errors = diagnostics.errors();
            let broken = Broken { table, name: name.clone(), span };
            self.tables.read(table, name, span, body, diagnostics);
            // Everything hangs on what a source or an entity is.
            if diagnostics.errors() > errors && !matches!(table, Table::Source | Table::Entity) {
                self.errors_of_broken += diagnostics.errors() - errors;
                self.broken.push(broken);
            }
        }
    }
}

/// Refuses what cannot be read to its end: folders, devices, pipes.
fn regular(path: &Path) -> std::io::Result<()> {
    let metadata = fs::metadata(path)?;
    match (metadata.is_file(), metadata.is_dir()) {
        (true, _) => Ok(()),
        (false, true) => Err(std::io::Error::new(ErrorKind::IsADirectory, "it is a folder")),
        (false, false) => Err(std::io::Error::new(ErrorKind::InvalidInput, "it is not a regular file")),
    }
}

/// Returns a table, or says what the value is instead.
fn as_table(value: DeValue<'_>) -> Result<DeTable<'_>, &'static str> {
    if let DeValue::Table(table) = value { Ok(table) } else { Err(kind_of(&value)) }
}

/// So many characters the name of a definition has at most: with what stands before it, every warehouse takes it.
pub const LONGEST_NAME: usize = 48;

/// Tells whether `name` can name a definition, and so a table on every warehouse.
pub fn is_name(name: &str) -> bool {
    name.len() <= LONGEST_NAME
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(|each| each.is_ascii_lowercase() || each.is_ascii_digit() || each == '_')
}
