//! `milepost clean`: removes what the other commands wrote, and nothing else.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::cli::outcome::{Exit, Failure};
use crate::cli::terminal::Cx;

/// Remove the target folder: compiled files, the manifest, and databases made in it
///
/// The folder is removed where it is plainly one of ours: it holds a manifest that milepost wrote, or it lies inside
/// the project and holds nothing but compiled files. Anything else is refused and left as it is.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    milepost clean\n  \
    milepost clean --target-path build")]
pub struct Args {}

/// The file by which a target folder is known, and the key of its `metadata` that only milepost writes.
pub const MANIFEST: &str = "manifest.json";
/// See [`MANIFEST`].
pub const MANIFEST_KEY: &str = "milepost_version";
/// What an interrupted command leaves behind, before its manifest is written.
const LEFT_BEHIND: &[&str] = &["compiled", MANIFEST, "run_results.json"];

/// Runs the command.
pub fn run(_args: &Args, cx: &Cx) -> Result<Exit, Failure> {
    let target = cx.target_path();
    match removable(&cx.globals.project_dir, &target)? {
        None => cx.say(&format!("`{}` does not exist: nothing to remove", target.display())),
        Some(folder) => {
            fs::remove_dir_all(&folder)
                .map_err(|error| Failure::io(format!("removing `{}`", target.display()), &error))?;
            cx.say(&format!("removed `{}`", target.display()));
        }
    }
    Ok(Exit::Done)
}

/// Returns the folder to remove, in full; none where it is not there.
fn removable(project: &Path, target: &Path) -> Result<Option<PathBuf>, Failure> {
    let refuse = |reason: &str| {
        Err(Failure::new(format!("`{}` is not removed: {reason}", target.display()))
            .help("name the folder that milepost writes to with `--target-path`, or remove this one yourself"))
    };
    match fs::symlink_metadata(target) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::io(format!("looking at `{}`", target.display()), &error)),
        Ok(metadata) if metadata.is_symlink() => return refuse("it is a link to another place"),
        Ok(metadata) if !metadata.is_dir() => return refuse("it is not a folder"),
        Ok(_) => {}
    }
    let full = |path: &Path| {
        fs::canonicalize(path).map_err(|error| Failure::io(format!("resolving `{}`", path.display()), &error))
    };
    let (project, folder) = (full(project)?, full(target)?);
    if project.starts_with(&folder) {
        return refuse("the project lies in it");
    }
    if holds_work(&folder).map_err(|error| Failure::io(format!("looking into `{}`", target.display()), &error))? {
        return refuse("it holds definitions or a repository");
    }
    // Cargo and others leave this tag in a folder that they would miss.
    if folder.join("CACHEDIR.TAG").exists() {
        return refuse("another tool keeps its files in it");
    }
    if holds_our_manifest(&folder) {
        return Ok(Some(folder));
    }
    if !folder.starts_with(&project) {
        return refuse("it lies outside the project and holds no manifest of milepost's");
    }
    let mut entries = fs::read_dir(&folder)
        .map_err(|error| Failure::io(format!("looking into `{}`", target.display()), &error))?
        .map_while(Result::ok);
    if entries.any(|entry| !LEFT_BEHIND.iter().any(|known| entry.file_name() == *known)) {
        return refuse("it holds files that milepost did not write");
    }
    Ok(Some(folder))
}

/// Tells whether the folder, at any depth, holds what somebody wrote by hand: TOML files, or a repository.
fn holds_work(folder: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        // A link is removed, not followed.
        if entry.file_type()?.is_dir() {
            if entry.file_name() == ".git" || holds_work(&path)? {
                return Ok(true);
            }
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            return Ok(true);
        }
    }
    Ok(false)
}

fn holds_our_manifest(folder: &Path) -> bool {
    let text = fs::read_to_string(folder.join(MANIFEST)).unwrap_or_default();
    serde_json::from_str::<serde_json::Value>(&text)
        .is_ok_and(|manifest| manifest.pointer(&format!("/metadata/{MANIFEST_KEY}")).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes a project with files in and beside it, and returns what is said of `target` in it.
    fn said_of(target: &str) -> String {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in [
            ("project/project.toml", "[project]"),
            ("project/models/kpi.toml", ""),
            ("project/data/events.csv", "user_id"),
            ("project/target/compiled/kpi.sql", "SELECT 1"),
            ("project/build/manifest.json", "{\"metadata\": {\"milepost_version\": \"0.1.0\"}}"),
            ("project/build/acme.db", ""),
            ("project/cache/manifest.json", "{\"metadata\": {\"milepost_version\": \"0.1.0\"}}"),
            ("project/cache/CACHEDIR.TAG", ""),
            ("out/manifest.json", "{\"metadata\": {\"milepost_version\": \"0.1.0\"}}"),
            ("other/manifest.json", "{\"metadata\": {\"dbt_version\": \"2.0\"}}"),
            ("repository/.git/HEAD", ""),
        ] {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let project = root.path().join("project");
        match removable(&project, &project.join(target)) {
            Ok(Some(folder)) => {
                let root = fs::canonicalize(root.path()).unwrap();
                format!("removes {}", folder.strip_prefix(root).unwrap().display())
            }
            Ok(None) => "nothing there".to_owned(),
            Err(Failure::Refused { message, .. }) => message.rsplit_once(": ").unwrap().1.to_owned(),
            Err(Failure::Reported | Failure::NobodyReads) => unreachable!("nothing is printed"),
        }
    }

    #[test]
    fn only_a_folder_of_ours_is_removed() {
        for (target, said) in [
            ("target", "removes project/target"),
            ("data/../target", "removes project/target"),
            ("../out", "removes out"),
            ("build", "removes project/build"),
            ("nowhere", "nothing there"),
            ("data", "it holds files that milepost did not write"),
            ("cache", "another tool keeps its files in it"),
            (".", "the project lies in it"),
            ("..", "the project lies in it"),
            ("/", "the project lies in it"),
            ("models", "it holds definitions or a repository"),
            ("../repository", "it holds definitions or a repository"),
            ("../other", "it lies outside the project and holds no manifest of milepost's"),
            ("project.toml", "it is not a folder"),
        ] {
            assert_eq!(said_of(target), said, "{target}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_not_followed() {
        let root = tempfile::tempdir().unwrap();
        let (project, elsewhere) = (root.path().join("project"), root.path().join("elsewhere"));
        fs::create_dir_all(&project).unwrap();
        fs::create_dir_all(&elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, project.join("target")).unwrap();
        assert!(removable(&project, &project.join("target")).is_err());
    }
}
