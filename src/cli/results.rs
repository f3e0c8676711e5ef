//! `run_results.json`, and the same of unit tests as JUnit XML: written at every end of a command that runs something.

use std::path::Path;

use jiff::Timestamp;

use crate::application::Obstacle;
use crate::application::artifacts::RESULTS;
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
    if let Some(path) = junit {
        refuse_others_tests(path)?;
    }
    let mut ended = work(&record);
    // What is in the way is told here, so that the results have it too.
    if let Err(Failure::Stopped(obstacle)) = ended {
        ended = Err(tell(&obstacle, cx));
    }
    if let Some(path) = junit {
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

/// Refuses to write over a file that is not of that kind: a path that is mistyped may be that of something dear.
fn refuse_others_tests(path: &Path) -> Result<(), Failure> {
    let is_of_tests = |text: &[u8]| text.windows(TESTS.len()).any(|part| part == TESTS);
    match std::fs::read(path) {
        Ok(text) if !text.is_empty() && !is_of_tests(&text) => {
            Err(Failure::new(format!("`{}` is there, and is no JUnit XML: it stays as it is", path.display()))
                .help("name another file with `--junit`, or remove that one yourself"))
        }
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Failure::io(format!("looking at `{}`", path.display()), &error)),
    }
}

/// What is in every such file.
const TESTS: &[u8] = b"<testsuite";
