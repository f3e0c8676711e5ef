//! The target folder: compiled files and the manifest, with the same bytes whenever the same is compiled.
//!
//! A folder that is there and holds only what others wrote is somebody else's: nothing is written to it. What is ours in
//! one is known by the manifest, which lists the compiled files: only these are removed. Each file is
//! written beside its place and renamed into it, so that whoever reads finds a whole one; the manifest comes last, and
//! one process writes at a time, so that the files that it lists are of one compilation.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};

use crate::Analysis;
use crate::application::Obstacle;
use crate::check::Checked;
use crate::manifest::manifest;
use crate::plan::node::NodeId;
use crate::run::results;
use crate::target::Target;

/// The folder of compiled files.
pub const COMPILED: &str = "compiled";

/// The file that lists what was compiled.
pub const MANIFEST: &str = "manifest.json";

/// The key of the `metadata` in our files that only milepost writes.
const OURS: &str = "milepost_version";

/// The file that is locked by who writes.
pub const LOCK: &str = ".milepost.lock";

/// The file of results.
pub const RESULTS: &str = "run_results.json";

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
    compiled: &[(Target, BTreeMap<NodeId, Checked>)],
    others: Others,
) -> Result<(), Obstacle> {
    refuse_foreign(folder)?;
    let _held = hold(folder)?;
    let before = listed(folder)?;
    let mut written = BTreeSet::new();
    for (target, statements) in compiled {
        refuse_links(folder, &target.folder)?;
        for statement in statements.values() {
            written.insert(relative(target, statement.node()));
        }
    }
    for (target, statements) in compiled {
        for statement in statements.values() {
            write_file(&folder.join(relative(target, statement.node())), &(text(statement) + "\n"), false)?;
        }
        // Of processes that were killed: nobody else writes here now.
        remove_temporary(&folder.join(&target.folder));
    }
    let is_stale = |path: &&String| match others {
        _ if written.contains(*path) => false,
        Others::Remove => true,
        Others::Keep => compiled.iter().any(|(target, _)| folder_of(path) == target.folder),
    };
    let (stale, kept): (Vec<&String>, Vec<&String>) = before.iter().partition(is_stale);
    for path in stale {
        remove(folder, path)
            .map_err(|error| Obstacle::io(format!("removing `{}`", folder.join(path).display()), &error))?;
    }
    let files: BTreeSet<String> = kept.into_iter().cloned().chain(written).collect();
    let Analysis { project, model, plan } = analysis;
    let manifest = manifest(project, model, plan, as_of, compiled, files);
    let path = folder.join(MANIFEST);
    results::write_json(&path, &manifest).map_err(|error| failed_to_write(&path, &error))
}

/// Returns a statement as it stands in its file.
pub fn text(statement: &Checked) -> String {
    format!("{};", statement.sql())
}

/// Returns the path of a relation's compiled file.
pub fn path(folder: &Path, target: &Target, node: &str) -> PathBuf {
    folder.join(relative(target, node))
}

/// Returns the same relative to the target folder, with slashes.
fn relative(target: &Target, node: &str) -> String {
    format!("{}/{node}.sql", target.folder)
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Refuses a folder that somebody else uses: it holds something, and nothing that milepost writes or keeps in one.
pub fn refuse_foreign(folder: &Path) -> Result<(), Obstacle> {
    let mut found = match fs::read_dir(folder) {
        // One that is not there is made; of another failure, whoever writes is told.
        Err(_) => return Ok(()),
        Ok(found) => found.map_while(Result::ok).peekable(),
    };
    if found.peek().is_none() || found.any(|entry| is_of_a_target_folder(&entry.path())) {
        return Ok(());
    }
    let message = format!("`{}` holds files, and milepost wrote none of them: nothing was written", folder.display());
    Err(Obstacle::new(message)
        .help("name a folder that is new or empty with `--target-path`, or empty this one if it is yours to empty"))
}

/// Tells whether a file is what milepost writes to a target folder or keeps in one: a database may be there before all
/// else, for whoever loaded raw rows into it.
fn is_of_a_target_folder(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    if name == MANIFEST || name == RESULTS {
        return ours(path).is_some();
    }
    name == LOCK || name.to_str().is_some_and(results::is_temporary) || is_database(path)
}

/// Tells whether a file begins as an embedded database does.
pub fn is_database(path: &Path) -> bool {
    let mut head = [0; 12];
    // Whatever else it is, a pipe for example, is not opened.
    fs::metadata(path).is_ok_and(|metadata| metadata.is_file())
        && File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok()
        && &head[8..] == b"DUCK"
}

/// Waits until nobody else writes to the folder; until the file is dropped, nobody else does.
pub fn hold(folder: &Path) -> Result<File, Obstacle> {
    let path = folder.join(LOCK);
    let failed = |error| Obstacle::io(format!("writing `{}`", path.display()), &error);
    fs::create_dir_all(folder).map_err(failed)?;
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
    match file.lock() {
        // Some file systems know no locks; each file is whole there too.
        Ok(()) | Err(_) => Ok(file),
    }
}

/// Returns the compiled files that the manifest lists, relative to the folder; refuses a manifest that is not ours.
fn listed(folder: &Path) -> Result<BTreeSet<String>, Obstacle> {
    let path = folder.join(MANIFEST);
    match fs::symlink_metadata(&path) {
        Err(_) => Ok(BTreeSet::new()),
        Ok(_) => ours(&path).map(|manifest| files(&manifest)).ok_or_else(|| {
            Obstacle::new(format!("`{}` is there, and milepost did not write it: nothing was written", path.display()))
                .help("name another folder with `--target-path`, or remove the file yourself")
        }),
    }
}

/// Reads a file of ours, which is JSON with our version in its metadata.
pub fn ours(path: &Path) -> Option<serde_json::Value> {
    let value: serde_json::Value = serde_json::from_str(&fs::read_to_string(path).ok()?).ok()?;
    value.pointer(&format!("/metadata/{OURS}")).is_some().then_some(value)
}

/// Returns the compiled files that a manifest lists, as far as they can be ours: SQL below the folder of such files.
pub fn files(manifest: &serde_json::Value) -> BTreeSet<String> {
    let listed = manifest.get("files").and_then(serde_json::Value::as_array).into_iter().flatten();
    let is_ours = |path: &&str| {
        let mut parts = Path::new(path).components();
        parts.next() == Some(Component::Normal(COMPILED.as_ref()))
            && parts.all(|part| matches!(part, Component::Normal(_)))
            && Path::new(path).extension().is_some_and(|extension| extension == "sql")
    };
    listed.filter_map(serde_json::Value::as_str).filter(is_ours).map(str::to_owned).collect()
}

/// Refuses to write below a folder that is a link: what lies behind it is somebody else's.
pub(super) fn refuse_links(folder: &Path, below: &str) -> Result<(), Obstacle> {
    let mut path = folder.to_owned();
    for part in below.split('/') {
        path.push(part);
        if fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_symlink()) {
            return Err(Obstacle::new(format!("`{}` is a link to another place: nothing was written", path.display()))
                .help("remove the link, or name another folder with `--target-path`"));
        }
    }
    Ok(())
}

pub(super) fn write_file(path: &Path, text: &str, is_durable: bool) -> Result<(), Obstacle> {
    let is_link = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink());
    if !is_link && fs::read(path).is_ok_and(|found| found == text.as_bytes()) {
        return Ok(());
    }
    results::replace(path, text, is_durable).map_err(|error| failed_to_write(path, &error))
}

fn failed_to_write(path: &Path, error: &io::Error) -> Obstacle {
    Obstacle::io(format!("writing `{}`", path.display()), error)
}

/// Removes what processes left that were killed while they wrote to a folder.
pub fn remove_temporary(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().map_while(Result::ok) {
        if entry.file_name().to_str().is_some_and(results::is_temporary) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Removes a compiled file, and the folders of such files that are empty then.
pub fn remove(folder: &Path, path: &str) -> io::Result<()> {
    let whole = folder.join(path);
    // Through a link lies what is somebody else's.
    let is_behind_a_link = Path::new(path)
        .ancestors()
        .skip(1)
        .any(|part| fs::symlink_metadata(folder.join(part)).is_ok_and(|metadata| metadata.is_symlink()));
    if is_behind_a_link {
        return Ok(());
    }
    match fs::remove_file(&whole) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    for part in Path::new(path).ancestors().skip(1).filter(|part| !part.as_os_str().is_empty()) {
        if fs::remove_dir(folder.join(part)).is_err() {
            break;
        }
    }
    Ok(())
}
