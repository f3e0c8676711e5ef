//! What is ours in a target folder: what the manifest lists, results, and databases that runs made.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;

use crate::application::artifacts::{self, LOCK, MANIFEST, RESULTS};
use crate::warehouse::{self, Warehouse};

/// Returns what is ours in a folder, relative to it.
pub fn ours(folder: &Path) -> io::Result<BTreeSet<String>> {
    let mut ours = BTreeSet::new();
    if let Some(manifest) = artifacts::ours(&folder.join(MANIFEST)) {
        ours.extend(artifacts::files(&manifest).into_iter().filter(|path| folder.join(path).exists()));
        ours.insert(MANIFEST.to_owned());
    }
    if artifacts::ours(&folder.join(RESULTS)).is_some() {
        ours.insert(RESULTS.to_owned());
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let is_file = entry.file_type()?.is_file();
        if is_file && (name == LOCK || crate::run::results::is_temporary(&name)) {
            ours.insert(name);
        } else if is_file && is_database_of_ours(&entry.path()) {
            ours.insert(format!("{name}.wal"));
            ours.insert(name);
        }
    }
    Ok(ours)
}

/// Tells whether a file is a database in which all relations carry our mark, and there is one.
fn is_database_of_ours(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).filter(|_| artifacts::is_database(path));
    let Some(name) = name else { return false };
    let mut target = warehouse::in_memory(path.parent().map_or_else(PathBuf::new, Path::to_owned));
    target.settings = IndexMap::from([("database".to_owned(), name.to_owned())]);
    // One that is held by another process, or cannot be read, is not known to be ours.
    warehouse::connect_to_read(&target).is_ok_and(|warehouse| all_are_marked(&*warehouse).unwrap_or(false))
}

fn all_are_marked(warehouse: &dyn Warehouse) -> Result<bool, warehouse::Error> {
    let relations = warehouse.relations()?;
    let schemas: BTreeSet<&str> =
        relations.iter().map(|name| name.split_once('.').map_or(name.as_str(), |(schema, _)| schema)).collect();
    let mut marked = 0;
    for schema in schemas {
        let found = warehouse.found(&format!("\"{}\"", schema.replace('"', "\"\"")))?;
        if found.iter().any(|found| found.mark.is_none()) {
            return Ok(false);
        }
        marked += found.len();
    }
    // Each was looked at: none is of a schema with a dot in its name.
    Ok(marked > 0 && marked == relations.len())
}

/// Returns what is in a folder, relative to it, sorted; a folder inside of it is one thing.
pub fn left(folder: &Path) -> io::Result<BTreeSet<PathBuf>> {
    fs::read_dir(folder)?.map(|entry| Ok(PathBuf::from(entry?.file_name()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST_OF_OURS: &str = "{\"metadata\": {\"milepost_version\": \"0.1.0\"}, \"files\": \
        [\"compiled/kpi.sql\", \"../data/by_hand.sql\", \"data/by_hand.sql\", \"compiled/notes.txt\"]}";

    /// Makes a folder of files, and returns what is ours in it.
    fn ours_of(files: &[(&str, &str)]) -> Vec<String> {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join("target").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        ours(&root.path().join("target")).unwrap().into_iter().collect()
    }

    #[test]
    fn only_what_our_manifest_lists_is_ours() {
        let files = [
            ("manifest.json", MANIFEST_OF_OURS),
            ("compiled/kpi.sql", "SELECT 1"),
            ("compiled/by_hand.sql", "SELECT 1"),
            ("compiled/notes.txt", ""),
            ("data/by_hand.sql", ""),
            ("run_results.json", "{\"metadata\": {\"dbt_version\": \"2.0\"}}"),
            ("events.csv", "user_id"),
        ];
        assert_eq!(ours_of(&files), ["compiled/kpi.sql", "manifest.json"]);
        assert_eq!(ours_of(&[("compiled/kpi.sql", "SELECT 1")]), Vec::<String>::new());
        assert_eq!(ours_of(&[("manifest.json", "{\"metadata\": {\"dbt_version\": \"2.0\"}}")]), Vec::<String>::new());
    }
}
