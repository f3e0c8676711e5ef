//! `milepost completions`: prints the completions of a shell.

use clap_complete::Shell;

use crate::cli::outcome::{Exit, Failure};
use crate::cli::terminal::Cx;

/// Print the completions of a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    milepost completions bash > ~/.local/share/bash-completion/completions/milepost\n  \
    milepost completions fish > ~/.config/fish/completions/milepost.fish")]
pub struct Args {
    /// The shell
    #[arg(value_enum)]
    pub shell: Shell,
}

/// Runs the command.
pub fn run(args: &Args, cx: &Cx) -> Result<Exit, Failure> {
    // Into a buffer: the generator itself panics when nobody reads.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut crate::cli::definition(true), "milepost", &mut script);
    cx.print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
