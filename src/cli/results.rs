//! `run_results.json`, and the same of unit tests as JUnit XML: written at every end of a command that runs something.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use quick_xml::events::Event;

use crate::application::Obstacle;
use crate::application::artifacts::{MANIFEST, RESULTS};
use crate::application::record::{Record, refuse_others};
use crate::cli::arguments::Output;
use crate::cli::outcome::{Exit, Failure, say_warning, tell};
use crate::cli::terminal::Cx;
use crate::project::load::PROJECT_FILE;
use crate::run::results;

/// Does what a command does, and writes its results, whatever its end: what was tried, or why nothing was. Where they
/// cannot be written that is an error; with `is_optional` it is said, and no more: tests need no place to write to. What
/// became of unit tests is written to `junit` too, where it names a file.
pub fn recorded(
    command: &'static str,
    is_optional: bool,
    junit: Option<&Path>,
    cx: &Cx,
    work: impl FnOnce(&Record) -> Result<Exit, Failure>,
) -> Result<Exit, Failure> {
    let started_at = Timestamp::now();
    // From here on a signal stops the command, which writes its results all the same.
    cx.cancelled();
    let folder = cx.request().target_folder();
    let is_project = cx.globals.project_dir.join(PROJECT_FILE).is_file();
    let record = Record::new(command);
    let junit = junit.map(file_of_tests).transpose()?;
    let mut ended = work(&record);
    // What is in the way is told here, so that the results have it too.
    if let Err(Failure::Stopped(obstacle)) = ended {
        ended = Err(tell(&obstacle, cx));
    }
    if let Some(path) = &junit {
        let text = record.junit(started_at, &cx.errors(), &cx.shown_folder());
        let failed = |error| Failure::io(format!("writing `{}`", path.display()), &error);
        if let Err(Failure::Stopped(obstacle)) = results::write(path, &text).map_err(failed) {
            tell(&obstacle, cx);
            ended = ended.and(Err(Failure::Untried));
        }
    }
    let text = results::json(&record.document(started_at, cx.errors()));
    if is_project {
        let path = folder.join(RESULTS);
        if let Err(obstacle) = refuse_others(&folder, &path) {
            // It may be what stopped the command, and was said then.
            let is_said = matches!(&obstacle, Obstacle::InTheWay { message, .. } if cx.errors().contains(message));
            if !is_said {
                tell(&obstacle, cx);
            }
            return ended.and(Err(Failure::Untried));
        }
        match results::write(&path, &text) {
            Err(error) if is_optional => say_warning(&format!("writing `{}`: {error}", path.display()), cx),
            written => written.map_err(|error| Failure::io(format!("writing `{}`", path.display()), &error))?,
        }
    }
    if cx.globals.output == Output::Json {
        cx.print(&text)?;
    }
    ended
}

/// Returns the file that results of tests are written to, where links lead. What is no file, or another one than of results
/// of tests, is refused: a path that is mistyped may be that of something dear.
fn file_of_tests(path: &Path) -> Result<PathBuf, Failure> {
    let shown = path.display();
    let refused = |what: &str| {
        Failure::new(format!("`{shown}` {what}: it stays as it is"))
            .help("name another file with `--junit`, or remove that one yourself")
    };
    let looking = |error| Failure::io(format!("looking at `{shown}`"), &error);
    if path.file_name().is_some_and(|name| name == RESULTS || name == MANIFEST) {
        return Err(Failure::new(format!("`{shown}` is called as a file that milepost writes for itself"))
            .help("name another file with `--junit`"));
    }
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(path.to_owned()),
        Err(error) => return Err(looking(error)),
        Ok(_) => {}
    }
    // Before it is read: to read a pipe waits for whoever writes it.
    let path = path.canonicalize().map_err(|_| refused("is a link to nothing"))?;
    if !path.metadata().map_err(looking)?.is_file() {
        return Err(refused("is there, and is no file"));
    }
    let text = std::fs::read(&path).map_err(looking)?;
    if text.is_empty() || is_of_tests(&text) { Ok(path) } else { Err(refused("is there, and is no JUnit XML")) }
}

/// Tells whether a text is XML whose outermost element is one of tests.
fn is_of_tests(text: &[u8]) -> bool {
    let mut reader = quick_xml::Reader::from_reader(text);
    loop {
        match reader.read_event() {
            Ok(Event::Start(first) | Event::Empty(first)) => {
                return matches!(first.name().as_ref(), "testsuites" | "testsuite");
            }
            Ok(Event::Decl(_) | Event::Comment(_) | Event::PI(_) | Event::DocType(_)) => {}
            Ok(Event::Text(between)) if between.as_bytes().iter().all(u8::is_ascii_whitespace) => {}
            Ok(_) | Err(_) => return false,
        }
    }
}
