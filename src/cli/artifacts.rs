//! The target folder: compiled files and the manifest, with the same bytes whenever the same is compiled.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::Analysis;
use crate::check::Checked;
use crate::cli::clean::MANIFEST;
use crate::cli::outcome::Failure;
use crate::manifest::manifest;
use crate::run::results;
use crate::target::Target;

/// The folder of compiled files.
const COMPILED: &str = "compiled";

/// What becomes of compiled files of other targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Others {
    /// They stay: one target was asked for.
    Keep,
    /// They are removed: all targets were compiled.
    Remove,
}

/// Writes the files of what was compiled and the manifest, and removes those of earlier compilations. A file that holds
/// what it should is not touched.
pub fn write(
    folder: &Path,
    analysis: &Analysis,
    as_of: jiff::Timestamp,
    compiled: &[(Target, Vec<Checked>)],
    others: Others,
) -> Result<(), Failure> {
    let mut written = BTreeSet::new();
    for (target, statements) in compiled {
        for statement in statements {
            let path = path(folder, target, statement.node());
            write_file(&path, &(text(statement) + "\n"))?;
            written.insert(path);
        }
    }
    match others {
        Others::Remove => remove_others(&folder.join(COMPILED), &written)?,
        Others::Keep => {
            for (target, _) in compiled {
                remove_others(&folder.join(&target.folder), &written)?;
            }
        }
    }
    let Analysis { project, model, plan } = analysis;
    let manifest = manifest(project, model, plan, as_of, compiled);
    let path = folder.join(MANIFEST);
    let text = results::json(&manifest);
    if fs::read(&path).is_ok_and(|found| found == text.as_bytes()) {
        return Ok(());
    }
    results::write(&path, &text).map_err(|error| Failure::io(format!("writing `{}`", path.display()), &error))
}

/// Returns a statement as it stands in its file.
pub fn text(statement: &Checked) -> String {
    format!("{};", statement.sql())
}

/// Returns the path of a relation's compiled file.
pub fn path(folder: &Path, target: &Target, node: &str) -> PathBuf {
    folder.join(&target.folder).join(format!("{node}.sql"))
}

fn write_file(path: &Path, text: &str) -> Result<(), Failure> {
    if fs::read(path).is_ok_and(|found| found == text.as_bytes()) {
        return Ok(());
    }
    let folder = path.parent().expect("a compiled file lies in a folder");
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(path, text))
        .map_err(|error| Failure::io(format!("writing `{}`", path.display()), &error))
}

/// Removes the SQL files that were not written now, and the folders that are empty then.
fn remove_others(folder: &Path, written: &BTreeSet<PathBuf>) -> Result<(), Failure> {
    remove(folder, written)
        .map(drop)
        .map_err(|error| Failure::io(format!("removing old files of `{}`", folder.display()), &error))
}

/// Tells whether the folder is empty afterwards.
fn remove(folder: &Path, written: &BTreeSet<PathBuf>) -> io::Result<bool> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        entries => entries?,
    };
    let mut is_empty = true;
    for entry in entries {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            if remove(&path, written)? {
                fs::remove_dir(&path)?;
            } else {
                is_empty = false;
            }
        } else if path.extension().is_some_and(|extension| extension == "sql") && !written.contains(&path) {
            fs::remove_file(&path)?;
        } else {
            is_empty = false;
        }
    }
    Ok(is_empty)
}
