//! `milepost man`: the manual, and the JSON Schema of a project's files.

use std::fs;
use std::path::{Path, PathBuf};

use clap_mangen::Man;

use crate::application::schema;
use crate::cli::outcome::{Exit, Failure};
use crate::cli::terminal::Cx;

/// Print the manual, or the JSON Schema of a project's files
///
/// Without a folder, the page of the whole program goes to standard output; with one, the pages of all commands are
/// written there.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    milepost man | man -l -\n  \
    milepost man --dir ~/.local/share/man/man1\n  \
    milepost man --schema > milepost.schema.json")]
pub struct Args {
    /// Write a page for each command into this folder
    #[arg(long, env = "MILEPOST_DIR", hide_env_values = true, value_name = "DIR", conflicts_with = "schema")]
    pub dir: Option<PathBuf>,

    /// Print the JSON Schema of `project.toml` and of the files of definitions
    // No variable: MILEPOST_SCHEMA is what projects call theirs, for `schema = "${MILEPOST_SCHEMA}"`.
    #[arg(long)]
    pub schema: bool,
}

/// Runs the command.
pub fn run(args: &Args, cx: &Cx) -> Result<Exit, Failure> {
    if args.schema {
        cx.print(&schema::text())?;
    } else if let Some(dir) = &args.dir {
        write_pages(dir, cx)?;
    } else {
        cx.print(&page(&pages()[0])?)?;
    }
    Ok(Exit::Done)
}

/// Returns the commands that have a page: the program itself first.
fn pages() -> Vec<clap::Command> {
    let mut whole = crate::cli::definition(true);
    whole.build();
    let commands = whole.get_subcommands().cloned().collect::<Vec<_>>();
    [vec![whole], commands].concat()
}

fn page(command: &clap::Command) -> Result<String, Failure> {
    let mut text = Vec::new();
    Man::new(command.clone()).render(&mut text).map_err(|error| Failure::io("rendering the manual", &error))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn write_pages(dir: &Path, cx: &Cx) -> Result<(), Failure> {
    fs::create_dir_all(dir).map_err(|error| Failure::io(format!("creating `{}`", dir.display()), &error))?;
    let pages = pages();
    for command in &pages {
        let path = dir.join(Man::new(command.clone()).get_filename());
        let text = page(command)?;
        fs::write(&path, text).map_err(|error| Failure::io(format!("writing `{}`", path.display()), &error))?;
    }
    cx.say(&format!("wrote {} pages to `{}`", pages.len(), dir.display()));
    Ok(())
}
