//! A dbt project beside ours: what its relations are called in the warehouse, and which columns they have, as its own
//! artifacts say. Nothing is connected to, and dbt is not run.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::project::Project;
use crate::project::document::Spanned;

/// What the name of a table begins with that is one of dbt's.
pub const PREFIX: &str = "dbt:";

/// The relations of a dbt project.
#[derive(Clone, Debug, Default)]
pub struct DbtProject {
    /// The kind of warehouse that it was last run for, as dbt calls its adapter.
    pub adapter: String,
    /// Models, seeds and snapshots by their names, and by that of their package and theirs; sources as `source.table`.
    pub relations: BTreeMap<String, DbtRelation>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DbtRelation {
    /// What it is called in the warehouse, the outermost part first; or why it is nothing there that can be read.
    pub table: Result<Vec<String>, String>,
    /// Its columns with their types, as the catalog has them; none where it has none of it.
    pub columns: Option<BTreeMap<String, String>>,
    /// Who answers for it: its `meta.owner`, or the owner of its group.
    pub owner: Option<String>,
}

/// Reads what `[project] dbt` names: the folder of a dbt project, or its manifest. None where it names nothing, or nothing that
/// can be read, which is reported.
pub(super) fn read(project: &Project, diagnostics: &mut Diagnostics) -> Option<DbtProject> {
    let settings = &project.settings;
    let written = settings.body.dbt.as_ref()?;
    let path = project.expand(&project.text(settings, written), diagnostics)?;
    let is_file = Path::new(&path).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    let manifest = if is_file { PathBuf::from(&path) } else { Path::new(&path).join("target/manifest.json") };
    match json(&project.root.join(&manifest)) {
        Ok(Some(value)) => {
            let catalog = manifest.with_file_name("catalog.json");
            match json(&project.root.join(&catalog)) {
                Ok(found) => Some(relations(&value, found.as_ref())),
                Err(reason) => refuse(project, written, &catalog, &reason, diagnostics),
            }
        }
        Ok(None) => refuse(project, written, &manifest, "it is not there", diagnostics),
        Err(reason) => refuse(project, written, &manifest, &reason, diagnostics),
    }
}

fn refuse(
    project: &Project,
    written: &Spanned<String>,
    path: &Path,
    reason: &str,
    diagnostics: &mut Diagnostics,
) -> Option<DbtProject> {
    let shown = path.display().to_string().replace('\\', "/");
    diagnostics.push(
        Diagnostic::error("unreadable-dbt-project", format!("reading `{shown}`: {reason}"))
            .at(project.settings.place(written), "relative to the project")
            .help("name the folder of a dbt project in which `dbt parse`, or any other command, was run; or its manifest.json"),
    );
    None
}

/// Reads an artifact of dbt's; nothing where there is no such file.
fn json(path: &Path) -> Result<Option<Value>, String> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    let value: Value = serde_json::from_str(&text).map_err(|error| format!("it is no JSON: {error}"))?;
    let is_of_dbt = value.pointer("/metadata/dbt_schema_version").is_some();
    if is_of_dbt { Ok(Some(value)) } else { Err("dbt did not write it".to_owned()) }
}

fn relations(manifest: &Value, catalog: Option<&Value>) -> DbtProject {
    let adapter = manifest.pointer("/metadata/adapter_type").and_then(Value::as_str).unwrap_or_default();
    let mut all = DbtProject { adapter: adapter.to_owned(), ..DbtProject::default() };
    let empty = Map::new();
    let table = |key: &str| manifest.get(key).and_then(Value::as_object).unwrap_or(&empty);
    let text = |node: &'_ Value, key: &str| node.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let own = manifest.pointer("/metadata/project_name").and_then(Value::as_str).unwrap_or_default();
    for (id, node) in table("nodes") {
        let kind = text(node, "resource_type");
        // Of the versions of a model its own name means the latest, as in dbt.
        let is_latest = node.get("version").is_none_or(|version| Some(version) == node.get("latest_version"));
        if !matches!(kind.as_str(), "model" | "seed" | "snapshot") || !is_latest {
            continue;
        }
        let (name, package) = (text(node, "name"), text(node, "package_name"));
        let owner = owner(node, manifest);
        let relation = relation(id, node, owner, catalog.and_then(|catalog| catalog.get("nodes")));
        all.relations.insert(format!("{package}.{name}"), relation.clone());
        // A name alone means one of the project's own first.
        if package == own || !all.relations.contains_key(&name) {
            all.relations.insert(name, relation);
        }
    }
    for (id, source) in table("sources") {
        let name = format!("{}.{}", text(source, "source_name"), text(source, "name"));
        let owner = owner(source, manifest);
        let relation = relation(id, source, owner, catalog.and_then(|catalog| catalog.get("sources")));
        all.relations.entry(name).or_insert(relation);
    }
    all
}

fn relation(id: &str, node: &Value, owner: Option<String>, catalog: Option<&Value>) -> DbtRelation {
    let found = catalog.and_then(|catalog| catalog.get(id));
    let columns = found.and_then(|found| found.get("columns")).and_then(Value::as_object);
    let told = found.and_then(|found| found.get("metadata")).and_then(|told| {
        let part = |key: &str| told.get(key).and_then(Value::as_str).map(str::to_owned);
        let whole = [part("database"), Some(part("schema")?), Some(part("name")?)];
        Some(whole.into_iter().flatten().collect::<Vec<_>>())
    });
    let written = node.get("relation_name").and_then(Value::as_str);
    let table = match (told, written) {
        // The warehouse's own spelling.
        (Some(parts), _) => Ok(parts),
        (None, Some(written)) => {
            parts(written).ok_or_else(|| "it is read from files, or by a call: name them by `path`".to_owned())
        }
        (None, None) => Err("it is part of the models that read it, and nothing in the warehouse".to_owned()),
    };
    let whole = |parts: Vec<String>| match parts.iter().find(|part| part.contains('.')) {
        Some(part) => Err(format!("a part of its name, `{part}`, has a dot in it")),
        None => Ok(parts),
    };
    let ty = |column: &Value| column.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    let columns = columns.map(|columns| columns.iter().map(|(name, column)| (name.clone(), ty(column))).collect());
    DbtRelation { table: table.and_then(whole), columns, owner }
}

/// Returns who answers for a node: what its own `meta` says, or that of its source; else the owner of its group.
fn owner(node: &Value, manifest: &Value) -> Option<String> {
    let meta = ["/config/meta/owner", "/meta/owner", "/source_meta/owner"];
    let said = meta.iter().find_map(|path| names(node.pointer(path)?));
    said.or_else(|| {
        let group = node.get("group").or_else(|| node.pointer("/config/group")).and_then(Value::as_str)?;
        let groups = manifest.get("groups").and_then(Value::as_object)?;
        // A group belongs to a package.
        let is = |one: &&Value| {
            one.get("name").and_then(Value::as_str) == Some(group)
                && one.get("package_name") == node.get("package_name")
        };
        let owner = groups.values().find(is)?.get("owner")?;
        ["email", "name"].iter().find_map(|key| names(owner.get(key)?))
    })
}

/// Returns a name, or several in one text.
fn names(value: &Value) -> Option<String> {
    let all: Vec<&str> = match value.as_array() {
        Some(values) => values.iter().filter_map(Value::as_str).collect(),
        None => value.as_str().into_iter().collect(),
    };
    let all: Vec<&str> = all.into_iter().map(str::trim).filter(|name| !name.is_empty()).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

/// Reads a relation's name as dbt writes it in SQL: what stands in no quotes is in capitals, as SQL reads it; adapters of
/// warehouses that read it otherwise write quotes.
fn parts(written: &str) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    let mut rest = written;
    loop {
        let quote = rest.chars().next().filter(|first| matches!(first, '"' | '`'));
        let (part, after) = match quote {
            Some(quote) => rest[1..].split_once(quote)?,
            None => rest.split_at(rest.find('.').unwrap_or(rest.len())),
        };
        let is_plain = part.chars().all(|each| each.is_alphanumeric() || matches!(each, '_' | '$'));
        if part.is_empty() || (quote.is_none() && !is_plain) {
            return None;
        }
        parts.push(if quote.is_some() { part.to_owned() } else { part.to_uppercase() });
        match after.strip_prefix('.') {
            Some(next) => rest = next,
            None => return after.is_empty().then_some(parts),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_answers_for_a_node_is_said_by_it_or_by_its_group() {
        let manifest = serde_json::json!({ "groups": {
            "group.shop.growth": { "name": "growth", "package_name": "shop", "owner": { "name": "Growth", "email": "g@x" } },
            "group.shop.core": { "name": "core", "package_name": "shop", "owner": { "name": "Core", "slack": "#core" } },
        } });
        for (node, expected) in [
            (
                serde_json::json!({ "meta": { "owner": "@ada" }, "group": "growth", "package_name": "shop" }),
                Some("@ada"),
            ),
            (serde_json::json!({ "config": { "meta": { "owner": ["ada", " ben "] } } }), Some("ada, ben")),
            (serde_json::json!({ "group": "growth", "package_name": "shop" }), Some("g@x")),
            (serde_json::json!({ "config": { "group": "core" }, "package_name": "shop" }), Some("Core")),
            (serde_json::json!({ "group": "growth", "package_name": "other" }), None),
            (serde_json::json!({ "meta": { "owner": { "team": 1 } }, "source_meta": { "owner": "raw" } }), Some("raw")),
            (serde_json::json!({ "meta": { "owner": " " } }), None),
        ] {
            assert_eq!(owner(&node, &manifest).as_deref(), expected, "{node}");
        }
    }

    #[test]
    fn a_name_in_sql_has_parts() {
        let found = |written: &str| parts(written).map(|parts| parts.join("|"));
        assert_eq!(found("\"dev\".\"main\".\"stg events\"").as_deref(), Some("dev|main|stg events"));
        assert_eq!(found("`acme-prod`.`raw`.`events`").as_deref(), Some("acme-prod|raw|events"));
        assert_eq!(found("analytics.dbt.stg_events").as_deref(), Some("ANALYTICS|DBT|STG_EVENTS"));
        assert_eq!(found("read_csv('a.csv')"), None);
        assert_eq!(found("\"a\"."), None);
        assert_eq!(found(""), None);
    }
}
