//! `milepost clean`: removes what the other commands wrote, and nothing else.

use std::fs;
use std::io;

use crate::application::artifacts;
use crate::application::owned::{left, ours};
use crate::cli::outcome::{Exit, Failure};
use crate::cli::terminal::Cx;

/// Remove what the other commands wrote to the target folder
///
/// That is: compiled files, which are those that the manifest lists, the manifest, results, and databases. A database is removed where runs made every relation in it. What
/// milepost did not write stays where it is, and is named; a folder that is empty then is removed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    milepost clean\n  \
    milepost clean --target-path build")]
pub struct Args {}

/// How many of the things that stay are named.
const SHOWN: usize = 5;

/// Runs the command.
pub fn run(_args: &Args, cx: &Cx) -> Result<Exit, Failure> {
    let target = cx.request().target_folder();
    let refuse = |reason: &str| {
        Err(Failure::new(format!("nothing is removed of `{}`: {reason}", target.display()))
            .help("name the folder that milepost writes to with `--target-path`, or remove this one yourself"))
    };
    match fs::symlink_metadata(&target) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            cx.say(&format!("`{}` does not exist: nothing to remove", target.display()));
            return Ok(Exit::Done);
        }
        Err(error) => return Err(Failure::io(format!("looking at `{}`", target.display()), &error)),
        Ok(metadata) if metadata.is_symlink() => return refuse("it is a link to another place"),
        Ok(metadata) if !metadata.is_dir() => return refuse("it is not a folder"),
        Ok(_) => {}
    }
    let failed = |error| Failure::io(format!("removing of `{}`", target.display()), &error);
    let found = ours(&target).map_err(failed)?;
    if found.is_empty() {
        if fs::remove_dir(&target).is_ok() {
            cx.say(&format!("removed `{}`, which was empty", target.display()));
            return Ok(Exit::Done);
        }
        return refuse("milepost wrote nothing in it");
    }
    for path in &found {
        artifacts::remove(&target, path).map_err(failed)?;
    }
    if fs::remove_dir(&target).is_ok() {
        cx.say(&format!("removed `{}`", target.display()));
        return Ok(Exit::Done);
    }
    let left = left(&target).map_err(failed)?;
    let names: Vec<String> = left.iter().take(SHOWN).map(|path| format!("`{}`", path.display())).collect();
    let more = if left.len() > SHOWN { format!(" and {} more", left.len() - SHOWN) } else { String::new() };
    cx.say(&format!(
        "removed what milepost wrote to `{}`; left what it did not: {}{more}",
        target.display(),
        names.join(", ")
    ));
    Ok(Exit::Done)
}
