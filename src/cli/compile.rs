//! `milepost compile`: writes the SQL of every definition.

use std::fmt::Write as _;
use std::fs;

use crate::application::artifacts::{self, Others};
use crate::cli::arguments::{Output, Selection};
use crate::cli::outcome::{Exit, Failure};
use crate::cli::terminal::Cx;

/// Write the SQL of the definitions under `target/compiled/`
///
/// One file for each relation, each one statement, for every target of the project or the one that is named: in
/// `compiled/<dialect>/`, and there in a folder of the target's name where several targets speak one dialect. A manifest
/// lists them in the order in which they run. Nothing is connected to: the SQL can be run by whatever runs yours.
///
/// All definitions are compiled; with a selection, the SQL of what is selected is printed too, and with `--output json`
/// the manifest.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    milepost compile\n  \
    milepost compile --target prod --as-of 2026-03-01\n  \
    milepost compile --target prod --select kpi.activation_rate")]
pub struct Args {
    /// Which definitions.
    #[command(flatten)]
    pub selection: Selection,
}

/// Runs the command.
pub fn run(args: &Args, cx: &Cx) -> Result<Exit, Failure> {
    let mut workspace = cx.open()?;
    let selected = workspace.part(&args.selection.plain())?;
    let targets = workspace.targets()?;
    let mut compiled = Vec::new();
    for target in targets {
        let statements = workspace.compile(&target)?;
        compiled.push((target, statements));
    }
    let others = if cx.globals.target.is_some() { Others::Keep } else { Others::Remove };
    let folder = workspace.request.target_folder();
    artifacts::write(&folder, &workspace.analysis, workspace.as_of, &compiled, others)?;
    if cx.globals.output == Output::Json {
        let path = folder.join(artifacts::MANIFEST);
        let manifest = fs::read_to_string(&path);
        cx.print(&manifest.map_err(|error| Failure::io(format!("reading `{}`", path.display()), &error))?)?;
    } else if !args.selection.plain().is_everything() {
        let mut text = String::new();
        for (_, statements) in &compiled {
            for id in &selected {
                let _ = writeln!(text, "{}\n", artifacts::text(&statements[id]));
            }
        }
        cx.print(&text)?;
    }
    for (target, statements) in &compiled {
        cx.say(&format!(
            "compiled {} relations for `{}` to `{}`, as of {}",
            statements.len(),
            target.name,
            folder.join(&target.folder).display(),
            workspace.as_of
        ));
    }
    Ok(cx.warn(&workspace))
}
