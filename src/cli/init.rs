//! `milepost init`: writes a small project that works.

use std::path::{Path, PathBuf};

use crate::application::starter::{GITIGNORE, name_of, parse_name, write};
use crate::cli::outcome::{Exit, Failure};
use crate::cli::terminal::Cx;

/// Write a small project that works: definitions, data, a unit test
///
/// Asks nothing and overwrites nothing: where one of its files is there already, nothing is written. The files name
/// the schema that it writes beside them, by which editors complete and check what is typed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    milepost init\n  \
    milepost init growth --name acme")]
pub struct Args {
    /// The folder, which is made where it is not there [default: the project's folder]
    #[arg(value_name = "DIR")]
    pub dir: Option<PathBuf>,

    /// The project's name: small letters, digits and `_` [default: the folder's]
    #[arg(long, env = "MILEPOST_NAME", hide_env_values = true, value_name = "NAME", value_parser = parse_name)]
    pub name: Option<String>,
}

/// Runs the command.
pub fn run(args: &Args, cx: &Cx) -> Result<Exit, Failure> {
    let dir = args.dir.as_deref().unwrap_or(&cx.globals.project_dir);
    let name = match &args.name {
        Some(name) => name.clone(),
        None => name_of(dir)?,
    };
    let written = write(dir, &name)?;
    cx.say(&format!("wrote the project `{name}` to `{}`:", dir.display()));
    for path in &written {
        cx.say(&format!("  {path}"));
    }
    let go = if dir == Path::new(".") { String::new() } else { format!("  cd {}\n", shell_word(dir)) };
    cx.say(&format!(
        "\nNext:\n{go}  milepost check                  say what is wrong, if anything is\n  \
         milepost build                  test the definitions, then measure\n  \
         milepost show activation_rate   print what was measured"
    ));
    if !written.contains(&GITIGNORE.0) {
        cx.say("\n`.gitignore` was there already: have it leave out `target/`.");
    }
    Ok(Exit::Done)
}

/// Writes a path as a word of a POSIX shell, for which `cd` takes it as it is.
fn shell_word(path: &Path) -> String {
    let text = path.display().to_string();
    // Of a name that begins so, `cd` would make an option, or the folder that it was in before.
    let text = if text.starts_with('-') { format!("./{text}") } else { text };
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "/._-+,:@%".contains(character);
    if text.chars().all(is_plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}
