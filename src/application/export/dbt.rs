//! A dbt package of a project: a model for each relation of the plan, what is said about it, and the sources that they read.
//!
//! A model's SQL is the one that `compile` writes, with blanks for what dbt knows: what relations are called, where raw rows are,
//! and the moment, which is the variable `as_of`. How rows are kept is said to dbt's adapter in `config`.

mod jinja;
mod sources;
mod tests;
mod yaml;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use serde_json::{Map, Value, json};

use self::sources::Sources;
use self::tests::Inputs;
use crate::application::Obstacle;
use crate::application::cases::cases;
use crate::application::export::folder::{self, Changes};
use crate::application::selection::Selection;
use crate::application::workspace::{Workspace, place};
use crate::check::Checked;
use crate::manifest;
use crate::plan::layout::layout;
use crate::plan::node::{Node, NodeId};
use crate::render::blanks::{Blank, Blanks};
use crate::render::dialect::Dialect;
use crate::target::Target;
use crate::{Analysis, compile};

/// The variable with the folder of the project, where sources are read from its files.
const FOLDER: &str = "milepost_folder";

/// What the models are told of the moment.
const MACROS: &str = include_str!("dbt/milepost.sql");

/// The first version of dbt that has all that is used.
const REQUIRED: &str = ">=1.8.0";

/// What became of an export.
#[derive(Clone, Debug)]
pub struct Exported {
    /// The name of the package.
    pub package: String,
    /// The package of dbt's adapter.
    pub adapter: &'static str,
    /// The models.
    pub models: usize,
    /// The unit tests of dbt.
    pub tests: usize,
    /// The unit tests, or parts of them, that the package does not have, and why.
    pub left_out: Vec<String>,
    /// What was done to the folder.
    pub changes: Changes,
}

/// Writes the package for a target to a folder.
pub fn export(workspace: &mut Workspace, target: &Target, folder: &Path) -> Result<Exported, Obstacle> {
    let plain = workspace.compile(target)?;
    let root = between(folder, &workspace.root()?)?;
    let sources = Sources::of(&workspace.analysis, target.dialect)?;
    let texts: Vec<&str> = plain.values().map(Checked::sql).chain(sources.texts()).collect();
    let blanks = Blanks::apart_from(&texts);
    let open = compile_open(workspace, target, &blanks)?;
    // A project's name is one that dbt takes.
    let package = workspace.analysis.model.name.clone();
    let cases = cases(workspace, &Selection::default())?;
    let out = Writer { workspace, target, blanks: &blanks, sources: &sources, package: &package };
    let mut files = BTreeMap::new();
    files.insert("dbt_project.yml".to_owned(), out.project(&root));
    files.insert("macros/milepost.sql".to_owned(), MACROS.to_owned());
    let sources_file = yaml::write(&json!({ "version": 2, "sources": sources.entries(target.dialect, &blanks)? }));
    files.insert("models/sources.yml".to_owned(), sources_file);
    let mut models = 0;
    let mut described: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    let Analysis { plan, .. } = &workspace.analysis;
    for (id, statement) in &open {
        let node = plan.node(*id);
        if node.materialization.is_relation() {
            let kind = node.relation.kind();
            files.insert(format!("models/{kind}/{}.sql", node.name), out.sql(statement.sql())? + "\n");
            described.entry(kind).or_default().push(out.model(node, statement)?);
            models += 1;
        }
    }
    for (kind, models) in described {
        let text = yaml::write(&json!({ "version": 2, "models": models }));
        files.insert(format!("models/{kind}/{kind}.yml"), text);
    }
    let inputs = out.inputs(&open)?;
    let named = |blank: &Blank| out.called(blank);
    let found = tests::tests(workspace, &cases, target.dialect, &inputs, &named);
    for (test, entries) in &found.entries {
        let text = yaml::write(&json!({ "version": 2, "unit_tests": entries }));
        files.insert(format!("models/unit_tests/{test}.yml"), text);
    }
    let mut about = Map::new();
    about.insert("unit_tests_left_out".to_owned(), json!(found.left_out));
    about.insert("form".to_owned(), json!("dbt"));
    about.insert("adapter".to_owned(), json!(target.dialect.dbt().adapter));
    let changes = folder::write(folder, &files, &about)?;
    Ok(Exported {
        package,
        adapter: &target.dialect.dbt().adapter,
        models,
        tests: found.entries.values().map(Vec::len).sum(),
        left_out: found.left_out,
        changes,
    })
}

/// Compiles with blanks.
fn compile_open(
    workspace: &mut Workspace,
    target: &Target,
    blanks: &Blanks,
) -> Result<BTreeMap<NodeId, Checked>, Obstacle> {
    let mut place = place(target, workspace.as_of);
    place.blanks = Some(blanks.clone());
    let compiled = compile(&workspace.analysis, &place, &mut workspace.diagnostics);
    workspace.stop_on_errors()?;
    compiled.ok_or_else(|| Obstacle::new("the statements do not compile with blanks"))
}

/// Writes files.
struct Writer<'w> {
    workspace: &'w Workspace,
    target: &'w Target,
    blanks: &'w Blanks,
    sources: &'w Sources,
    package: &'w str,
}

impl Writer<'_> {
    fn dialect(&self) -> &'static Dialect {
        self.target.dialect
    }

    /// Writes `dbt_project.yml`.
    fn project(&self, root: &str) -> String {
        let settings = &self.workspace.analysis.project.settings.body;
        let mut vars = Map::new();
        if self.workspace.moment_is_given() {
            vars.insert("as_of".to_owned(), json!(self.workspace.as_of.to_string()));
        }
        if self.sources.has_files() {
            vars.insert(FOLDER.to_owned(), json!(root));
        }
        let mut own = Map::new();
        own.insert(self.package.to_owned(), Value::Object(vars));
        let text = yaml::write(&json!({
            "name": self.package,
            "version": settings.version.as_deref().unwrap_or("1.0.0"),
            "config-version": 2,
            "profile": self.package,
            "require-dbt-version": REQUIRED,
            "vars": own,
        }));
        format!(
            "# Written by `milepost export dbt`, which writes it again: change the project in TOML, not this.\n{text}"
        )
    }

    /// Writes SQL as dbt's template.
    fn sql(&self, sql: &str) -> Result<String, Obstacle> {
        let blank = |blank: &Blank| match blank {
            Blank::Relation(_) | Blank::Raw(_) => format!("{{{{ {} }}}}", self.called(blank)),
            Blank::Moment { .. } | Blank::Clock { .. } | Blank::Count { .. } | Blank::Folder => {
                jinja::call(blank).unwrap_or_default()
            }
        };
        self.blanks
            .fill(sql, self.dialect(), &jinja::text, &blank)
            .map_err(|reason| Obstacle::new(format!("a statement cannot be filled in: {reason}")))
    }

    /// Returns the call that names what is read; nothing for what no relation is.
    fn called(&self, blank: &Blank) -> String {
        match blank {
            // Another package may have a model of that name, and then a name alone is one of too many in a unit test.
            Blank::Relation(id) => {
                format!("ref('{}', '{}')", self.package, self.workspace.analysis.plan.node(*id).name)
            }
            Blank::Raw(raw) => self.sources.call(*raw),
            Blank::Moment { .. } | Blank::Clock { .. } | Blank::Count { .. } | Blank::Folder => String::new(),
        }
    }

    /// Returns what each model reads.
    fn inputs(&self, statements: &BTreeMap<NodeId, Checked>) -> Result<Inputs, Obstacle> {
        let mut inputs = Inputs::new();
        for (id, statement) in statements {
            let found = RefCell::new(Vec::new());
            let note = |blank: &Blank| {
                let is_read = matches!(blank, Blank::Relation(_) | Blank::Raw(_));
                if is_read && !found.borrow().contains(blank) {
                    found.borrow_mut().push(blank.clone());
                }
                String::new()
            };
            self.blanks
                .fill(statement.sql(), self.dialect(), &|_| String::new(), &note)
                .map_err(|reason| Obstacle::new(format!("a statement cannot be read: {reason}")))?;
            inputs.insert(*id, found.into_inner());
        }
        Ok(inputs)
    }

    /// Describes a model.
    fn model(&self, node: &Node, statement: &Checked) -> Result<Value, Obstacle> {
        let Analysis { project, model, .. } = &self.workspace.analysis;
        let meta = node.definition.as_ref().map(|own| model.definition(own.definition).meta());
        let description = match meta {
            Some(meta) => {
                [&meta.title, &meta.description].into_iter().flatten().cloned().collect::<Vec<_>>().join("\n\n")
            }
            None => opening(statement.sql()),
        };
        let mut config = self
            .dialect()
            .model_config(node.materialization, &layout(model, node))
            .map_err(|reason| Obstacle::new(format!("`{}`: {reason}", node.name)))?;
        let mut told = Map::new();
        if let (Some(meta), Some(own)) = (meta, &node.definition) {
            if !meta.tags.is_empty() {
                config.insert("tags".to_owned(), json!(texts(&meta.tags)));
            }
            told.extend(meta.owner.as_ref().map(|owner| ("owner".to_owned(), json!(jinja::text(owner)))));
            told.insert("milepost_definition".to_owned(), json!(own.id.to_string()));
            told.insert("milepost_path".to_owned(), json!(jinja::text(&manifest::path_of(project, meta))));
            config.insert("meta".to_owned(), Value::Object(told));
        }
        let mut entry = Map::new();
        entry.insert("name".to_owned(), json!(node.name));
        if !description.is_empty() {
            entry.insert("description".to_owned(), json!(jinja::text(&description)));
        }
        entry.insert("config".to_owned(), Value::Object(config));
        let columns = node.columns.iter().map(|(name, ty)| {
            let name = jinja::text(&self.dialect().made_name(name));
            json!({ "name": name, "data_type": self.dialect().type_name(*ty), "quote": true })
        });
        entry.insert("columns".to_owned(), Value::Array(columns.collect()));
        Ok(Value::Object(entry))
    }
}

/// Returns texts as templates print them.
fn texts(texts: &[String]) -> Vec<String> {
    texts.iter().map(|text| jinja::text(text)).collect()
}

/// Returns the comment that opens a statement.
fn opening(sql: &str) -> String {
    let lines = sql.lines().map_while(|line| line.strip_prefix("--"));
    lines.map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// Returns the path from one folder to another, with slashes; where none leads there, the other's own.
fn between(from: &Path, to: &Path) -> Result<String, Obstacle> {
    let whole = |path: &Path| {
        let path = std::path::absolute(path);
        path.map(|path| plain(&path)).map_err(|error| Obstacle::io(format!("resolving `{}`", from.display()), &error))
    };
    let (from, to) = (whole(from)?, whole(to)?);
    let shared = from.components().zip(to.components()).take_while(|(left, right)| left == right).count();
    if shared == 0 {
        return Ok(slashed(&to));
    }
    let up = from.components().skip(shared).map(|_| Component::ParentDir);
    let path: PathBuf = up.chain(to.components().skip(shared)).collect();
    Ok(if path.as_os_str().is_empty() { ".".to_owned() } else { slashed(&path) })
}

/// Resolves `.` and `..` by their letters.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => plain.push(part),
        }
    }
    plain
}

fn slashed(path: &Path) -> String {
    path.display().to_string().replace('\\', "/")
}

#[cfg(test)]
mod of_paths {
    use super::*;

    #[test]
    fn a_path_leads_from_one_folder_to_another() {
        let between = |from: &str, to: &str| between(Path::new(from), Path::new(to)).unwrap();
        assert_eq!(between("/a/b/dbt", "/a/b"), "..");
        assert_eq!(between("/a/b/./x/../dbt/inkwell", "/a/b"), "../..");
        assert_eq!(between("/a/c", "/a/b"), "../b");
        assert_eq!(between("/a", "/a"), ".");
    }
}
