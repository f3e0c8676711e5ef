//! `milepost ls`: lists what is defined.

use crate::application::selection::{self, Node};
use crate::cli::arguments::{Output, Selection};
use crate::cli::outcome::{Exit, Failure};
use crate::cli::terminal::Cx;
use crate::report::table::{Cell, Table};

/// List the definitions and unit tests, or those that a selector names
///
/// One id a line, in the order in which they are made. With `--output json` or `csv` also the tags, the file and
/// what each depends on.
#[derive(Debug, clap::Args)]
#[command(
    visible_alias = "list",
    after_help = "Examples:\n  \
    milepost ls\n  \
    milepost ls --select +kpi.activation_rate\n  \
    milepost ls --select kind:kpi,tag:weekly --output json"
)]
pub struct Args {
    /// Which definitions.
    #[command(flatten)]
    pub selection: Selection,
}

/// Runs the command.
pub fn run(args: &Args, cx: &Cx) -> Result<Exit, Failure> {
    print(&cx.open()?.nodes(), args, cx)
}

fn names(selected: &[&Node]) -> String {
    selected.iter().map(|node| node.id.to_string() + "\n").collect()
}

/// Prints the selected ones of `nodes`.
pub fn print(nodes: &[Node], args: &Args, cx: &Cx) -> Result<Exit, Failure> {
    let selected = selection::select(nodes, &args.selection.select, &args.selection.exclude)?;
    match cx.globals.output {
        Output::Text | Output::Sarif => cx.print(&names(&selected))?,
        Output::Csv => cx.print_table(&table(&selected))?,
        Output::Json => cx.print(&json(&selected))?,
    }
    Ok(Exit::Done)
}

/// Returns the ids of what a definition is made of.
fn ids(node: &Node) -> Vec<String> {
    node.depends_on.iter().map(ToString::to_string).collect()
}

fn table(nodes: &[&Node]) -> Table {
    let text = |text: &str| Cell::Text(text.to_owned());
    let row = |node: &&Node| {
        vec![
            text(node.id.table.name()),
            text(&node.id.name),
            text(&node.tags.join(" ")),
            text(&node.path),
            text(&ids(node).join(" ")),
        ]
    };
    Table { rows: nodes.iter().map(row).collect(), ..Table::new(&["kind", "name", "tags", "path", "depends_on"]) }
}

fn json(nodes: &[&Node]) -> String {
    let entries: Vec<serde_json::Value> = nodes
        .iter()
        .map(|node| {
            serde_json::json!({
                "id": node.id.to_string(),
                "kind": node.id.table.name(),
                "name": node.id.name,
                "tags": node.tags,
                "path": node.path,
                "depends_on": ids(node),
            })
        })
        .collect();
    format!("{:#}\n", serde_json::Value::from(entries))
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::language::{Id, Table};

    #[test]
    fn a_node_is_listed_with_all_that_is_known_of_it() {
        let node = Node {
            id: Id::new(Table::Kpi, "activation_rate"),
            tags: vec!["weekly".to_owned(), "board".to_owned()],
            path: "models/activation.toml".to_owned(),
            depends_on: vec![Id::new(Table::Milestone, "activated")],
        };
        assert_snapshot!(table(&[&node]).to_csv().replace('\r', ""), @r"
        kind,name,tags,path,depends_on
        kpi,activation_rate,weekly board,models/activation.toml,milestone.activated
        ");
        assert_snapshot!(json(&[&node]), @r#"
        [
          {
            "id": "kpi.activation_rate",
            "kind": "kpi",
            "name": "activation_rate",
            "tags": [
              "weekly",
              "board"
            ],
            "path": "models/activation.toml",
            "depends_on": [
              "milestone.activated"
            ]
          }
        ]
        "#);
    }
}
