//! `milepost man`: the manual, the JSON Schema of a project's files, what a message means, and the reference.

use std::fs;
use std::path::{Path, PathBuf};

use clap_mangen::Man;

use crate::application::reference::{self, Page, diagnostics};
use crate::application::schema;
use crate::cli::outcome::{EXIT_CODES, Exit, Failure};
use crate::cli::terminal::Cx;

/// Print the manual, the JSON Schema of a project's files, or what an error means
///
/// Without a flag, the page of the whole program goes to standard output.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    milepost man | man -l -\n  \
    milepost man --dir ~/.local/share/man/man1\n  \
    milepost man --schema > milepost.schema.json\n  \
    milepost man --error unknown-column\n  \
    milepost man --reference docs/reference")]
pub struct Args {
    /// Write a page of the manual for each command into this folder
    #[arg(long, env = "MILEPOST_DIR", hide_env_values = true, value_name = "DIR", conflicts_with = "schema")]
    pub dir: Option<PathBuf>,

    /// Print the JSON Schema of `project.toml` and of the files of definitions
    // No variable: MILEPOST_SCHEMA is what projects call theirs, for `schema = "${MILEPOST_SCHEMA}"`.
    #[arg(long)]
    pub schema: bool,

    /// Say what the errors and warnings of a code mean, with an example and what is meant in its place
    #[arg(
        long,
        env = "MILEPOST_ERROR",
        hide_env_values = true,
        value_name = "CODE",
        conflicts_with_all = ["schema", "dir", "reference"]
    )]
    pub error: Option<String>,

    /// Write the reference into this folder as Markdown: keys, functions, commands, errors, relations and files
    #[arg(
        long,
        env = "MILEPOST_REFERENCE",
        hide_env_values = true,
        value_name = "DIR",
        conflicts_with_all = ["schema", "dir"]
    )]
    pub reference: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: &Args, cx: &Cx) -> Result<Exit, Failure> {
    if args.schema {
        cx.print(&schema::text())?;
    } else if let Some(code) = &args.error {
        cx.print(&diagnostics::explain(code)?)?;
    } else if let Some(dir) = &args.dir {
        let page = |command: &clap::Command| Ok((Man::new(command.clone()).get_filename(), page(command)?));
        let written: Vec<(String, String)> = pages().iter().map(page).collect::<Result<_, Failure>>()?;
        write(dir, &written, cx)?;
    } else if let Some(dir) = &args.reference {
        let written: Vec<(String, String)> = reference_pages().into_iter().map(|page| (page.file, page.text)).collect();
        write(dir, &written, cx)?;
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

/// Returns all pages of the reference: the list of them first.
pub fn reference_pages() -> Vec<Page> {
    let mut pages = reference::pages(&EXIT_CODES);
    pages.push(crate::cli::reference::page());
    pages.insert(0, reference::index(&pages));
    pages
}

fn write(dir: &Path, pages: &[(String, String)], cx: &Cx) -> Result<(), Failure> {
    fs::create_dir_all(dir).map_err(|error| Failure::io(format!("creating `{}`", dir.display()), &error))?;
    for (file, text) in pages {
        let path = dir.join(file);
        fs::write(&path, text).map_err(|error| Failure::io(format!("writing `{}`", path.display()), &error))?;
    }
    cx.say(&format!("wrote {} pages to `{}`", pages.len(), dir.display()));
    Ok(())
}
