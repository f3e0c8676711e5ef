//! The targets of a project: which dialect each one speaks, what its relations are called, and how to connect to it.

use std::time::Duration;

use indexmap::IndexMap;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::plan::node::{Materialization, Node};
use crate::project::document::Spanned;
use crate::project::names::nearest;
use crate::project::read::list;
use crate::project::tables::settings::{NamesCase, TargetTable};
use crate::project::{Definition, Project};
use crate::render::dialect::{Choice, Dialect, Options, Qualifier};
use crate::source::Text;

mod connection;

/// The schema of a target that names none.
const DEFAULT_SCHEMA: &str = "milepost";

/// How many statements run side by side where the target does not say.
const DEFAULT_THREADS: usize = 4;

/// One warehouse, and where in it relations are made.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its name.
    pub name: String,
    /// The warehouse's SQL.
    pub dialect: &'static Dialect,
    /// What stands before the names of relations, with dots between its parts.
    pub schema: String,
    /// How many statements run side by side; 0 is as many as there are processors.
    pub threads: usize,
    /// The folder of its compiled files, relative to the target folder, with slashes.
    pub folder: String,
    /// How long a statement may take before it is cancelled.
    pub statement_timeout: Option<Duration>,
    /// The values of `project` and `database`, where it has them.
    places: IndexMap<String, String>,
    /// What the warehouse's driver is told besides, as it is written.
    settings: IndexMap<String, Text>,
}

/// Returns every target of the project.
pub fn all(project: &Project, diagnostics: &mut Diagnostics) -> Vec<Target> {
    if project.tables.targets.is_empty() {
        none(project, diagnostics);
    }
    project.tables.targets.iter().filter_map(|target| resolve(project, target, diagnostics)).collect()
}

/// Returns the target that `wanted` names; where nothing is named, the project's default, or its only one.
pub fn pick(project: &Project, wanted: Option<&str>, diagnostics: &mut Diagnostics) -> Option<Target> {
    let default = project.settings.body.default_target.as_ref();
    let Some(name) = wanted.or(default.map(|name| name.get().as_str())) else {
        match project.tables.targets.as_slice() {
            [] => none(project, diagnostics),
            [only] => return resolve(project, only, diagnostics),
            several => {
                let names: Vec<&str> = several.iter().map(|target| target.name.as_str()).collect();
                diagnostics.push(
                    Diagnostic::error("no-target", format!("the project has {} targets and no default", names.len()))
                        .at(project.settings.span, "no `default_target` here")
                        .help(format!("name one by `--target`: {}", list(&names))),
                );
            }
        }
        return None;
    };
    if let Some(found) = project.tables.targets.iter().find(|target| target.name == name) {
        return resolve(project, found, diagnostics);
    }
    let mut diagnostic = Diagnostic::error("unknown-target", format!("no target `{name}`"));
    if let (None, Some(default)) = (wanted, default) {
        diagnostic = diagnostic.at(project.settings.place(default), "not a target");
    }
    let names: Vec<&str> = project.tables.targets.iter().map(|target| target.name.as_str()).collect();
    diagnostics.push(match nearest(name, names.iter().copied()) {
        Some(near) => diagnostic.help(format!("a target with a similar name exists: `{near}`")),
        None if names.is_empty() => diagnostic.help(format!("the project has none: write `[target.{name}]`")),
        None => diagnostic.help(format!("the targets are {}", list(&names))),
    });
    None
}

fn none(project: &Project, diagnostics: &mut Diagnostics) {
    diagnostics.push(
        Diagnostic::error("no-target", "the project has no target")
            .at(project.settings.span, "")
            .help("write `[target.dev]` with a `dialect` into project.toml"),
    );
}

fn resolve(project: &Project, target: &Definition<TargetTable>, diagnostics: &mut Diagnostics) -> Option<Target> {
    let body = &target.body;
    let dialect = dialect(target, &body.dialect, diagnostics).and_then(|dialect| chosen(target, dialect, diagnostics));
    let mut expand = |value: &Option<Spanned<String>>| match value {
        Some(value) => project.expand(&project.text(target, value), diagnostics).map(Some),
        None => Some(None),
    };
    let (cloud_project, database, schema) = (expand(&body.project), expand(&body.database), expand(&body.schema));
    let settings = connection::settings(project, target, diagnostics);
    let statement_timeout = connection::statement_timeout(target, diagnostics);
    let (dialect, cloud_project, database, schema) = (dialect?, cloud_project?, database?, schema?);
    let mut parts = Vec::new();
    for qualifier in dialect.qualified_by() {
        let (part, written) = match qualifier {
            Qualifier::Project => (cloud_project.clone(), &body.project),
            Qualifier::Database => (database.clone(), &body.database),
            Qualifier::Schema => (Some(schema.clone().unwrap_or_else(|| DEFAULT_SCHEMA.to_owned())), &body.schema),
        };
        let Some(part) = part else { continue };
        if let Err(reason) = dialect.identifier(&part) {
            let place = written.as_ref().map_or(target.span, |written| target.place(written));
            diagnostics
                .push(Diagnostic::error("bad-name-for-dialect", reason).at(place, format!("on {}", dialect.name())));
            return None;
        }
        if let Some(written) = written
            && part.split('.').count() > 1
        {
            diagnostics.push(
                Diagnostic::error("bad-name", format!("`{part}` has a dot in it"))
                    .at(target.place(written), "one part of a relation's name")
                    .help("`project`, `database` and `schema` each have a key of their own"),
            );
            return None;
        }
        parts.push(dialect.made_name(&part));
    }
    let mut places = IndexMap::new();
    for (qualifier, name, value) in
        [(Qualifier::Project, "project", cloud_project), (Qualifier::Database, "database", database)]
    {
        // A file is no name.
        let is_name = dialect.qualified_by().contains(&qualifier);
        let named = |value: String| if is_name { dialect.made_name(&value) } else { value };
        places.extend(value.map(|value| (name.to_owned(), named(value))));
    }
    Some(Target {
        name: target.name.clone(),
        dialect,
        schema: parts.join("."),
        threads: body.threads.as_ref().map_or(DEFAULT_THREADS, |threads| usize::from(*threads.get())),
        folder: folder(project, target),
        statement_timeout,
        places,
        settings,
    })
}

fn dialect(
    target: &Definition<TargetTable>,
    name: &Spanned<String>,
    diagnostics: &mut Diagnostics,
) -> Option<&'static Dialect> {
    let found = Dialect::named(name.get());
    if found.is_none() {
        let names = Dialect::names();
        let diagnostic = Diagnostic::error("unknown-dialect", format!("no dialect `{}`", name.get()))
            .at(target.place(name), "not a dialect");
        diagnostics.push(match nearest(name.get(), names.iter().copied()) {
            Some(near) => diagnostic.help(format!("a dialect with a similar name exists: `{near}`")),
            None => diagnostic.help(format!("the dialects are {}", list(&names))),
        });
    }
    found
}

/// Returns the dialect as the target chose it; what it has no choice of is reported.
fn chosen(
    target: &Definition<TargetTable>,
    dialect: &'static Dialect,
    diagnostics: &mut Diagnostics,
) -> Option<&'static Dialect> {
    let TargetTable { names, time_travel, .. } = &target.body;
    let options = Options {
        in_capitals: names.as_ref().is_some_and(|names| *names.get() == NamesCase::Upper),
        time_travel: time_travel.as_ref().is_some_and(|wanted| *wanted.get()),
    };
    let choices = [
        (Choice::Names, "names", names.as_ref().map(|names| target.place(names)), options.in_capitals),
        (
            Choice::TimeTravel,
            "time_travel",
            time_travel.as_ref().map(|wanted| target.place(wanted)),
            options.time_travel,
        ),
    ];
    for (choice, key, place, is_made) in choices {
        if let Some(place) = place.filter(|_| is_made && !dialect.has(choice)) {
            diagnostics.push(
                Diagnostic::error("misplaced-key", format!("{} has no choice of `{key}`", dialect.name()))
                    .at(place, "")
                    .help("leave it out"),
            );
        }
    }
    dialect.with(options)
}

/// Names the folder for the dialect, and below it for the target where several speak it: the path of a file depends on
/// the project, and not on what was asked for.
fn folder(project: &Project, target: &Definition<TargetTable>) -> String {
    let dialect = target.body.dialect.get();
    let speakers = project.tables.targets.iter().filter(|other| other.body.dialect.get() == dialect).count();
    if speakers > 1 { format!("compiled/{dialect}/{}", target.name) } else { format!("compiled/{dialect}") }
}

impl Target {
    /// Returns the full name of a relation, quoted; none for the schema itself.
    pub fn relation(&self, node: &Node) -> Option<String> {
        match node.materialization {
            Materialization::Schema | Materialization::Ephemeral => None,
            Materialization::Table | Materialization::View => {
                let name = format!("{}.{}", self.schema, node.name);
                Some(self.dialect.table(&name).expect("the statement that makes it is printed with this name"))
            }
        }
    }
    /// Returns the name of the schema that a node makes, quoted; none for what lies in it.
    pub fn schema_of(&self, node: &Node) -> Option<String> {
        let is_schema = node.materialization == Materialization::Schema;
        is_schema
            .then(|| self.dialect.table(&self.schema).expect("the statement that makes it is printed with this name"))
    }
}
