//! The page of the reference about the command line, from the definition of its flags.

use crate::application::reference::Page;

/// Returns the page: every command and flag, with its variable.
pub fn page() -> Page {
    let mut whole = crate::cli::definition(true);
    whole.build();
    let mut body = String::from(
        "Every flag can be set by a variable of the environment, which is named beside it; a flag on the command line wins, \
         and a variable that is set to nothing is not set. Nothing ever prompts. What a command ends with: \
         [exit codes](artifacts.md#exit-codes).\n\n| command | |\n| --- | --- |\n",
    );
    let commands: Vec<&clap::Command> =
        whole.get_subcommands().filter(|command| command.get_name() != "help").collect();
    for command in &commands {
        let name = command.get_name();
        body.push_str(&format!("| [`milepost {name}`](#milepost-{name}) | {} |\n", line(&text(command.get_about()))));
    }
    body.push_str("\n## Flags of every command\n\n");
    let is_shared = |argument: &&clap::Arg| argument.is_global_set() || argument.get_long() == Some("version");
    body.push_str(&flags(whole.get_arguments().filter(is_shared)));
    for command in commands {
        body.push_str(&format!("\n## milepost {}\n\n{}.\n", command.get_name(), text(command.get_about())));
        let long = text(command.get_long_about());
        let rest = long.strip_prefix(&text(command.get_about())).unwrap_or(&long).trim();
        if !rest.is_empty() {
            body.push_str(&format!("\n{rest}\n"));
        }
        let usage = command.clone().render_usage().to_string();
        body.push_str(&format!("\n```text\n{}\n```\n", usage.trim_start_matches("Usage: ").trim()));
        let own = |argument: &&clap::Arg| !argument.is_global_set() && argument.get_long() != Some("help");
        let own: Vec<&clap::Arg> = command.get_arguments().filter(own).collect();
        if !own.is_empty() {
            body.push_str(&format!("\n{}", flags(own.into_iter())));
        }
        let examples = text(command.get_after_help());
        if let Some(examples) = examples.strip_prefix("Examples:\n") {
            let lines: Vec<&str> = examples.lines().map(str::trim).collect();
            body.push_str(&format!("\n```sh\n{}\n```\n", lines.join("\n")));
        }
    }
    Page::new("commands", "Commands and flags", &body)
}

fn text(styled: Option<&clap::builder::StyledStr>) -> String {
    styled.map(ToString::to_string).unwrap_or_default()
}

/// Returns a text as a cell of a table.
fn line(text: &str) -> String {
    let text = text.split("\n\n").map(|part| part.trim_end_matches('.')).collect::<Vec<_>>().join(". ");
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    text.replace('|', "\\|").replace('<', "&lt;")
}

fn flags<'a>(arguments: impl Iterator<Item = &'a clap::Arg>) -> String {
    let mut text = String::from("| flag | variable | default | meaning |\n| --- | --- | --- | --- |\n");
    for argument in arguments {
        let value = argument.get_value_names().unwrap_or_default().first();
        let takes = argument.get_action().takes_values();
        let value = value.filter(|_| takes).map(|value| format!(" <{value}>")).unwrap_or_default();
        let name = match (argument.get_short(), argument.get_long()) {
            (Some(short), Some(long)) => format!("`-{short}`, `--{long}{value}`"),
            (None, Some(long)) => format!("`--{long}{value}`"),
            (_, None) => format!("`{}`", value.trim()),
        };
        let variable = argument.get_env().map(|name| format!("`{}`", name.to_string_lossy())).unwrap_or_default();
        let default = argument.get_default_values().first().filter(|_| takes);
        let default = default.map(|value| format!("`{}`", value.to_string_lossy())).unwrap_or_default();
        let help = argument.get_long_help().or(argument.get_help());
        let values: Vec<String> = argument
            .get_possible_values()
            .iter()
            .filter(|_| takes)
            .map(|value| match value.get_help() {
                Some(help) => format!("`{}`: {help}", value.get_name()),
                None => format!("`{}`", value.get_name()),
            })
            .collect();
        let mut meaning = line(&self::text(help));
        if !values.is_empty() {
            meaning.push_str(&format!(" ({})", line(&values.join("; "))));
        }
        text.push_str(&format!("| {name} | {variable} | {default} | {meaning} |\n"));
    }
    text
}
