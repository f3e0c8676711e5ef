//! The folder of an export: the same bytes whenever the same is exported, beside files of others.
//!
//! What is ours in it is known by a file that lists it: only that is replaced or removed. Each file is written beside its place
//! and renamed into it, so that whoever reads finds a whole one. What is about to be written is listed before it is there, so
//! that nothing of ours is unknown after a process was killed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Component, Path};

use serde_json::{Map, Value, json};

use crate::application::Obstacle;
use crate::application::artifacts::{self, ours, refuse_links, write_file};
use crate::run::results;

/// The file that lists what is ours.
pub const LIST: &str = "milepost_export.json";

/// What an export did to a folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// How many files are in it.
    pub files: usize,
    /// How many of them are new or have another text.
    pub written: usize,
    /// How many were removed, for nothing is exported to them any longer.
    pub removed: usize,
}

/// Writes `files`, by their paths relative to the folder with slashes, and removes what an earlier export wrote and this one
/// does not. `about` is what the list says besides.
pub fn write(folder: &Path, files: &BTreeMap<String, String>, about: &Map<String, Value>) -> Result<Changes, Obstacle> {
    let _held = hold(folder)?;
    let before = listed(folder)?;
    refuse_foreign(folder, files, &before)?;
    let mut changes = Changes { files: files.len(), ..Changes::default() };
    let mut all = before.clone();
    all.extend(files.keys().cloned());
    write_list(folder, &all, about)?;
    for (path, text) in files {
        let place = folder.join(path);
        changes.written += usize::from(!fs::read(&place).is_ok_and(|found| found == text.as_bytes()));
        write_file(&place, text, false)?;
    }
    for path in before.iter().filter(|path| !files.contains_key(*path)) {
        artifacts::remove(folder, path)
            .map_err(|error| Obstacle::io(format!("removing `{}`", folder.join(path).display()), &error))?;
        changes.removed += 1;
    }
    // Of processes that were killed: nobody else writes here now.
    let folders: BTreeSet<&Path> = files.keys().filter_map(|path| Path::new(path).parent()).collect();
    folders.iter().for_each(|within| artifacts::remove_temporary(&folder.join(within)));
    write_list(folder, &files.keys().cloned().collect(), about)?;
    Ok(changes)
}

fn write_list(folder: &Path, files: &BTreeSet<String>, about: &Map<String, Value>) -> Result<(), Obstacle> {
    let mut list = Map::new();
    list.insert("metadata".to_owned(), json!({ "milepost_version": env!("CARGO_PKG_VERSION") }));
    list.extend(about.clone());
    list.insert("files".to_owned(), json!(files));
    write_file(&folder.join(LIST), &results::json(&list), true)
}

/// Waits until nobody else exports to the folder; until the file is dropped, nobody else does.
fn hold(folder: &Path) -> Result<Option<File>, Obstacle> {
    let failed = |error| Obstacle::io(format!("writing to `{}`", folder.display()), &error);
    fs::create_dir_all(folder).map_err(failed)?;
    // Some systems open no folders, and some file systems know no locks; each file is whole there too.
    let Ok(held) = File::open(folder) else { return Ok(None) };
    Ok(held.lock().is_ok().then_some(held))
}

/// Returns what an earlier export wrote, relative to the folder; refuses a list that is not ours.
fn listed(folder: &Path) -> Result<BTreeSet<String>, Obstacle> {
    let path = folder.join(LIST);
    if fs::symlink_metadata(&path).is_err() {
        return Ok(BTreeSet::new());
    }
    let Some(list) = ours(&path) else {
        let message = format!("`{}` is there, and milepost did not write it: nothing was written", path.display());
        return Err(Obstacle::new(message).help("name another folder, or remove the file yourself"));
    };
    let files = list.get("files").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let is_within = |path: &&str| {
        let mut parts = Path::new(path).components();
        parts.clone().next().is_some() && parts.all(|part| matches!(part, Component::Normal(_)))
    };
    Ok(files.filter(is_within).map(str::to_owned).collect())
}

/// Refuses to replace what milepost did not write, or to write through a link.
fn refuse_foreign(folder: &Path, files: &BTreeMap<String, String>, before: &BTreeSet<String>) -> Result<(), Obstacle> {
    for (path, text) in files {
        if let Some((within, _)) = path.rsplit_once('/') {
            refuse_links(folder, within)?;
        }
        let place = folder.join(path);
        let is_there = fs::symlink_metadata(&place).is_ok();
        let is_same = || fs::read(&place).is_ok_and(|found| found == text.as_bytes());
        if is_there && !before.contains(path) && !is_same() {
            let message = format!("`{}` is there, and milepost did not write it: nothing was written", place.display());
            return Err(Obstacle::new(message).help("name a folder that is new, or move the file yourself"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(files: &[(&str, &str)]) -> BTreeMap<String, String> {
        files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
    }

    fn refusal(folder: &Path, wanted: &BTreeMap<String, String>) -> String {
        match write(folder, wanted, &Map::new()) {
            Err(Obstacle::InTheWay { message, .. }) => message,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_not_exported_any_longer_goes_and_what_others_wrote_stays() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let first = files(&[("models/kpi/a.sql", "1"), ("models/kpi/b.sql", "2"), ("models/entity/e.sql", "3")]);
        let changes = write(root, &first, &Map::new()).unwrap();
        assert_eq!(changes, Changes { files: 3, written: 3, removed: 0 });
        fs::write(root.join("models/kpi/by_hand.sql"), "4").unwrap();
        let second = files(&[("models/kpi/a.sql", "1"), ("models/kpi/c.sql", "5")]);
        assert_eq!(write(root, &second, &Map::new()).unwrap(), Changes { files: 2, written: 1, removed: 2 });
        assert!(root.join("models/kpi/by_hand.sql").exists() && !root.join("models/entity").exists());
        assert_eq!(write(root, &second, &Map::new()).unwrap(), Changes { files: 2, written: 0, removed: 0 });
    }

    #[test]
    fn what_others_wrote_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::write(root.join("dbt_project.yml"), "name: theirs").unwrap();
        let wanted = files(&[("dbt_project.yml", "name: ours"), ("models/a.sql", "1")]);
        assert!(refusal(root, &wanted).contains("milepost did not write it"));
        assert!(!root.join("models").exists() && !root.join(LIST).exists());
        fs::write(root.join(LIST), "{}").unwrap();
        assert!(refusal(root, &wanted).contains(LIST));
    }

    #[test]
    fn a_list_names_nothing_outside_of_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("export");
        fs::create_dir(&root).unwrap();
        fs::write(folder.path().join("theirs.sql"), "1").unwrap();
        let list =
            json!({ "metadata": { "milepost_version": "0.1.0" }, "files": ["../theirs.sql", "/etc/passwd", ""] });
        fs::write(root.join(LIST), list.to_string()).unwrap();
        let changes = write(&root, &files(&[("models/a.sql", "1")]), &Map::new()).unwrap();
        assert_eq!(changes.removed, 0);
        assert!(folder.path().join("theirs.sql").exists());
    }
}
