//! Compiling needs no network, and the same project gives the same bytes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cli::milepost;

/// A command that has no network, where this system lets a user take it away.
fn without_network(arguments: &[&str]) -> Option<Command> {
    let inner = milepost(arguments);
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--net"]);
    let mut probe = Command::new("unshare");
    probe.args(["--map-root-user", "--net", "true"]);
    if !probe.output().is_ok_and(|output| output.status.success()) {
        return None;
    }
    command.arg(inner.get_program()).args(inner.get_args());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    Some(command)
}

/// Every file below a folder, by its path in it.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(folder).unwrap().to_path_buf(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

#[test]
fn compiling_needs_no_network_and_writes_the_same_bytes_twice() {
    let scratch = tempfile::tempdir().unwrap();
    let mut written = Vec::new();
    for folder in ["first", "second"] {
        let target = scratch.path().join(folder);
        let target_path = target.display().to_string();
        let arguments = ["compile", "--project-dir", env!("CARGO_MANIFEST_DIR"), "--target-path", &target_path];
        let mut command = without_network(&arguments).unwrap_or_else(|| {
            eprintln!("*** SKIPPED: nothing here takes the network away (`unshare --map-root-user --net`)");
            milepost(&arguments)
        });
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        written.push(files(&target));
    }
    assert!(written[0].len() > 100, "one file for each relation and target, and the manifest");
    assert!(written[0].keys().eq(written[1].keys()));
    for (path, bytes) in &written[0] {
        assert!(written[1][path] == *bytes, "{} differs from one time to the next", path.display());
    }
}
