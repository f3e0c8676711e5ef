//! A small project that works, to begin with: definitions, data, a unit test.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::application::{Obstacle, schema};
use crate::project::load::is_name;

/// Where the schema lies that the files refer to.
const SCHEMA: &str = "milepost.schema.json";

/// The files that are copied as they are, but for the project's name.
const FILES: &[(&str, &str)] = &[
    ("project.toml", include_str!("sample/project.toml")),
    ("models/sources.toml", include_str!("sample/models/sources.toml")),
    ("models/activation.toml", include_str!("sample/models/activation.toml")),
    ("tests/activation.toml", include_str!("sample/tests/activation.toml")),
    ("data/users.csv", include_str!("sample/data/users.csv")),
    ("data/events.csv", include_str!("sample/data/events.csv")),
];

/// What git is to leave out. A folder often has such a file, which is then left as it is.
pub const GITIGNORE: (&str, &str) = (".gitignore", include_str!("sample/gitignore"));

/// Writes all files, or none where one of them is there already.
pub fn write(dir: &Path, name: &str) -> Result<Vec<&'static str>, Obstacle> {
    let mut files: Vec<(&str, String)> =
        FILES.iter().map(|(path, text)| (*path, text.replace("{{name}}", name))).collect();
    files.push((SCHEMA, schema::text()));
    if !dir.join(GITIGNORE.0).exists() {
        files.push((GITIGNORE.0, GITIGNORE.1.to_owned()));
    }
    // A link that leads nowhere is there, too.
    if let Some((path, _)) = files.iter().find(|(path, _)| fs::symlink_metadata(dir.join(path)).is_ok()) {
        return Err(Obstacle::new(format!("`{}` is there already: nothing was written", dir.join(path).display()))
            .help("name another folder: `milepost init DIR`"));
    }
    let mut made = Made::default();
    for (path, text) in &files {
        let path = dir.join(path);
        create(&path, text, &mut made).map_err(|error| {
            made.remove();
            Obstacle::io(format!("writing `{}`", path.display()), &error).help("nothing was written")
        })?;
    }
    Ok(files.into_iter().map(|(path, _)| path).collect())
}

/// What was made so far, in order: folders, and files in them.
#[derive(Default)]
struct Made(Vec<PathBuf>);

impl Made {
    /// Takes it all back.
    fn remove(&self) {
        for path in self.0.iter().rev() {
            let _ = if path.is_dir() { fs::remove_dir(path) } else { fs::remove_file(path) };
        }
    }
}

/// Writes a file that is not there, even if one has appeared since it was looked for.
fn create(path: &Path, text: &str, made: &mut Made) -> io::Result<()> {
    let folder = path.parent().expect("the path of a file in a folder");
    let missing: Vec<&Path> =
        folder.ancestors().take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists()).collect();
    for folder in missing.into_iter().rev() {
        fs::create_dir(folder)?;
        made.0.push(folder.to_owned());
    }
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    made.0.push(path.to_owned());
    file.write_all(text.as_bytes())
}

/// Makes a name of the folder's.
pub fn name_of(dir: &Path) -> Result<String, Obstacle> {
    let full =
        std::path::absolute(dir).map_err(|error| Obstacle::io(format!("resolving `{}`", dir.display()), &error))?;
    let folder = full.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let name: String =
        folder.chars().map(|character| if character.is_ascii_alphanumeric() { character } else { '_' }).collect();
    parse_name(name.trim_matches('_')).map_err(|reason| {
        Obstacle::new(format!("no name can be made of the folder `{}`: {reason}", full.display()))
            .help("name the project: `milepost init --name acme`")
    })
}

/// Takes a text for a project's name, or says what such a name is.
pub fn parse_name(text: &str) -> Result<String, String> {
    if is_name(text) {
        Ok(text.to_owned())
    } else {
        Err("a name starts with a small letter and holds small letters, digits and `_`, 48 at most".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::diagnostic::{Diagnostic, Diagnostics};
    use crate::project::load::load;

    #[test]
    fn all_is_written_once_and_then_nothing() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("growth");
        let written = write(&dir, "acme").unwrap();
        assert_eq!(written.len(), FILES.len() + 2);
        assert!(fs::read_to_string(dir.join("project.toml")).unwrap().contains("name = \"acme\""));
        fs::remove_file(dir.join("project.toml")).unwrap();
        fs::write(dir.join("models/sources.toml"), "mine").unwrap();
        assert!(write(&dir, "acme").is_err());
        assert!(!dir.join("project.toml").exists());
        assert_eq!(fs::read_to_string(dir.join("models/sources.toml")).unwrap(), "mine");
    }

    #[test]
    fn what_cannot_be_written_whole_is_taken_back() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("growth");
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("models"), "a file").unwrap();
        assert!(write(&dir, "acme").is_err());
        let left: Vec<_> = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["models"]);
        // Neither the folder itself is left, where it was not there.
        fs::write(root.path().join("a_file"), "").unwrap();
        assert!(write(&root.path().join("a_file/growth"), "acme").is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_leads_nowhere_is_there_already() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("data")).unwrap();
        std::os::unix::fs::symlink("/nowhere/at/all", root.path().join("data/events.csv")).unwrap();
        assert!(write(root.path(), "acme").is_err());
        assert!(!root.path().join("project.toml").exists());
    }

    #[test]
    fn what_is_written_is_a_project_without_a_mistake() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "acme").unwrap();
        let mut found = Diagnostics::default();
        let project = load(root.path(), BTreeMap::new(), &mut found).expect("a whole project");
        assert_eq!(found.sorted(), Vec::<&Diagnostic>::new());
        assert_eq!((project.tables.milestones.len(), project.tables.kpis.len(), project.tables.tests.len()), (3, 2, 1));
    }

    #[test]
    fn a_gitignore_that_is_there_stays() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join(".gitignore"), "/node_modules\n").unwrap();
        assert!(!write(root.path(), "acme").unwrap().contains(&".gitignore"));
        assert_eq!(fs::read_to_string(root.path().join(".gitignore")).unwrap(), "/node_modules\n");
    }

    fn has_definitions(path: &str) -> bool {
        Path::new(path).extension().is_some_and(|extension| extension == "toml")
    }

    #[test]
    fn every_file_of_definitions_is_toml_and_names_the_schema() {
        for (path, text) in FILES.iter().filter(|(path, _)| has_definitions(path)) {
            toml::from_str::<toml::Table>(text).unwrap();
            let (first, _) = text.split_once('\n').unwrap();
            let up = if path.contains('/') { ".." } else { "." };
            assert_eq!(first, format!("#:schema {up}/{SCHEMA}"), "{path}");
        }
    }

    #[test]
    fn a_name_is_made_of_the_folders() {
        assert_eq!(name_of(Path::new("/srv/Acme Growth.2")).unwrap(), "acme_growth_2");
        assert!(name_of(Path::new("/srv/2026")).is_err());
        assert!(name_of(Path::new("/")).is_err());
        assert!(parse_name("Acme").is_err());
        // What `check` takes for a name, and no more.
        assert!(parse_name(&"a".repeat(48)).is_ok() && parse_name(&"a".repeat(49)).is_err());
    }
}
