//! The plan as text: what `explain` prints.

mod expression;

use std::fmt::Write as _;

use crate::plan::node::{Events, Node, NodeId, Occurrences, Plan, Raw, Relation, Shape, Stream};
use crate::semantic::duration;
use crate::semantic::expr::Type;
use crate::semantic::model::{EventNames, MilestoneIndex, Model, Source, SourceRows};
use crate::semantic::name::Path;

/// Returns the whole plan: how often each source is read, which milestones share a stream of occurrences, and the
/// relations in the order in which they are made.
pub fn plan(plan: &Plan, model: &Model) -> String {
    let mut text = String::from("sources\n");
    for raw in Raw::all(model) {
        let readers: Vec<&str> = plan.readers(raw).into_iter().map(|id| plan.node(id).name.as_str()).collect();
        let times = match readers.len() {
            0 => "not read".to_owned(),
            1 => format!("read once, by {}", readers[0]),
            several => format!("read {several} times, by {}", readers.join(", ")),
        };
        line(&mut text, &format!("  {}: {times}", model.id(raw)));
        for id in plan.readers(raw) {
            if let Relation::Events(events) = &plan.node(id).relation {
                line(&mut text, &format!("    events {}", names(&events.names)));
                let lists = [
                    ("properties", typed(&events.properties)),
                    ("columns", typed(&events.columns)),
                    ("besides, to choose between duplicates:", ranking(model.source(events.source), events)),
                ];
                for (what, list) in lists {
                    if !list.is_empty() {
                        line(&mut text, &format!("    {what} {list}"));
                    }
                }
            }
        }
    }
    let groups: Vec<(&Node, &Occurrences)> = plan
        .nodes
        .iter()
        .filter_map(|node| match &node.relation {
            Relation::Occurrences(occurrences) => Some((node, occurrences)),
            Relation::Schema
            | Relation::Entity(_)
            | Relation::Events(_)
            | Relation::Facts(_)
            | Relation::Reached(_)
            | Relation::Milestone(_)
            | Relation::Milestones
            | Relation::Kpi(_)
            | Relation::Kpis
            | Relation::Cells(_)
            | Relation::Moment
            | Relation::Own(_) => None,
        })
        .collect();
    if !groups.is_empty() {
        text.push_str("\nstreams\n");
    }
    for (node, occurrences) in groups {
        line(&mut text, &format!("  {}", node.name));
        for stream in &occurrences.streams {
            streams(&mut text, model, occurrences.shape, stream);
        }
    }
    text.push_str("\nrelations\n");
    let widest = plan.nodes.iter().map(|node| node.name.chars().count()).max().unwrap_or(0);
    let digits = plan.nodes.len().to_string().len();
    for (position, node) in plan.nodes.iter().enumerate() {
        let kept = node.materialization.name();
        let from = inputs(plan, node).join(", ");
        line(&mut text, &format!("  {:>digits$}  {:widest$}  {kept:6}  {from}", position + 1, node.name));
    }
    text
}

/// Returns what is read of events only because it decides which of several rows of one event counts.
fn ranking(source: &Source, events: &Events) -> String {
    let is_needed = |name: &String| events.columns.iter().any(|(needed, _)| needed == name);
    let columns = source.columns.iter().map(|column| column.name.clone());
    let mut names: Vec<String> = columns.filter(|name| events.reads_column(source, name) && !is_needed(name)).collect();
    if let SourceRows::Events { properties: Some(properties), .. } = &source.rows {
        let is_needed = |path: &Path| events.properties.iter().any(|(needed, _)| needed == path);
        let paths = properties.types.keys().filter(|path| events.reads_property(source, path) && !is_needed(path));
        names.extend(paths.map(|path| format!("properties.{path}")));
    }
    names.sort_unstable();
    names.join(", ")
}

fn typed<N: std::fmt::Display>(columns: &[(N, Type)]) -> String {
    columns.iter().map(|(name, ty)| format!("{name}: {ty}")).collect::<Vec<_>>().join(", ")
}

/// Returns one relation: its columns and what it reads.
pub fn node(plan: &Plan, model: &Model, id: NodeId) -> String {
    let node = plan.node(id);
    let mut text = String::new();
    line(&mut text, &format!("{} ({})", node.name, node.materialization.name()));
    if let Some(definition) = &node.definition {
        line(&mut text, &format!("  is {}", definition.id));
    }
    if let Some(raw) = node.reads {
        line(&mut text, &format!("  reads the rows of {}", model.id(raw)));
    }
    for input in inputs(plan, node) {
        line(&mut text, &format!("  reads {input}"));
    }
    for reader in plan.nodes.iter().filter(|other| node.name != plan.nodes[0].name && other.depends_on.contains(&id)) {
        line(&mut text, &format!("  is read by {}", reader.name));
    }
    if let Relation::Occurrences(occurrences) = &node.relation {
        text.push_str("  streams\n");
        for stream in &occurrences.streams {
            streams(&mut text, model, occurrences.shape, stream);
        }
    }
    if !node.columns.is_empty() {
        text.push_str("  columns\n");
    }
    let widest = node.columns.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    for (name, ty) in &node.columns {
        line(&mut text, &format!("    {name:widest$}  {ty}"));
    }
    text
}

/// Returns the names of the relations that one reads; that all lie in the schema goes without saying.
fn inputs<'p>(plan: &'p Plan, node: &Node) -> Vec<&'p str> {
    let relations = node.depends_on.iter().filter(|id| !matches!(plan.node(**id).relation, Relation::Schema));
    relations.map(|id| plan.node(*id).name.as_str()).collect()
}

fn streams(text: &mut String, model: &Model, shape: Shape, stream: &Stream) {
    let adds = match shape {
        Shape::Count => "counting",
        Shape::Distinct => "counting different",
        Shape::Sum => "adding up",
    };
    let mut what = names(&stream.names);
    let parts = [("where", &stream.condition), ("for the entity", &stream.subject), (adds, &stream.value)].into_iter();
    for (word, expr) in parts {
        if let Some(expr) = expr {
            let _ = write!(what, " {word} {}", expression::text(expr, model));
        }
    }
    let name = |milestone: MilestoneIndex| &model.milestone(milestone).meta.name;
    for (word, bound) in [("from", stream.bound.from), ("after", stream.bound.after)] {
        if let Some(milestone) = bound {
            let _ = write!(what, " {word} {}", name(milestone));
        }
    }
    if !stream.windows.is_empty() {
        let windows: Vec<String> = stream.windows.iter().map(|window| duration::written(*window)).collect();
        let _ = write!(what, " within {}", windows.join(", "));
    }
    line(text, &format!("    {}  {what}", stream.id));
    for milestone in &stream.milestones {
        let milestone = model.milestone(*milestone);
        let shown = if milestone.hidden { " (a step of a sequence)" } else { "" };
        let within = milestone
            .within
            .map_or_else(|| "at any time".to_owned(), |within| format!("in {}", duration::written(within)));
        line(text, &format!("        {}: {} {within}{shown}", milestone.meta.name, milestone.at_least));
    }
}

fn names(names: &EventNames) -> String {
    names.only().map_or_else(|| "of any name".to_owned(), |names| names.join(", "))
}

fn line(text: &mut String, line: &str) {
    text.push_str(line.trim_end());
    text.push('\n');
}
