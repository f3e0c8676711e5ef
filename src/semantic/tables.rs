//! Definitions are given their meaning in one order, whatever table they stand in: each after those that it names.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::language::{Id, Table, tables};
use crate::project::Project;
use crate::semantic::graph;
use crate::semantic::known::Known;
use crate::semantic::model::Model;
use crate::semantic::references::{Named, Reference};
use crate::semantic::values::circle;
use crate::source::Span;

/// What definitions are given their meaning with.
pub struct Cx<'c> {
    /// What has a meaning already.
    pub model: &'c mut Model,
    /// All definitions by name.
    pub known: &'c mut Known,
    /// Where mistakes go.
    pub diagnostics: &'c mut Diagnostics,
}

/// The definitions of one table, on their way from what was written to what it means. A file of `semantic/` that gives
/// definitions their meaning has a function `resolver`, which makes one.
pub trait Resolver {
    /// Returns what a definition names, by the position in which it was written. None of it has a meaning yet.
    fn references(&self, position: usize) -> Vec<Reference>;

    /// Gives a definition its meaning: adds it to the model and to what is known. All that it names was there before, but
    /// for what has mistakes.
    fn resolve(&mut self, position: usize, cx: &mut Cx<'_>);

    /// Says that definitions of this table alone are made of each other: `path` has their names, the last of which names the
    /// first at `closing`, and the first one is written at `first`.
    fn circle(&self, path: &[&str], closing: Span, first: Span) -> Diagnostic {
        let message = match path {
            [own] => format!("`{own}` depends on itself"),
            path => format!("definitions depend on each other: {}", circle(path)),
        };
        Diagnostic::error("definition-cycle", message).at(closing, "closes the circle").at(first, "which begins here")
    }
}

/// A definition that was written.
struct Node {
    id: Id,
    span: Span,
    /// The table among the resolvers.
    table: usize,
    /// Its position among the definitions of its table.
    position: usize,
}

macro_rules! all_of_them {
    (
        definitions { $($own:ident $name:literal $file:ident::$written:ident $all:ident $index:ident $about:literal;)* }
        others { $($rest:tt)* }
    ) => {
        /// Returns what resolves each table.
        fn resolvers<'p>(project: &'p Project, cx: &mut Cx<'_>) -> Vec<Box<dyn Resolver + 'p>> {
            vec![$(crate::semantic::$all::resolver(project, cx),)*]
        }

        /// Returns all definitions, table by table.
        fn nodes(project: &Project) -> Vec<Node> {
            let mut nodes = Vec::new();
            let mut table = 0..;
            $(
                let number = table.next().unwrap_or_default();
                nodes.extend(project.tables.$all.iter().enumerate().map(|(position, own)| Node {
                    id: Id::new(Table::$own, &own.name),
                    span: own.span,
                    table: number,
                    position,
                }));
            )*
            nodes
        }
    };
}
tables!(all_of_them);

/// Gives all definitions their meaning. Goes on after mistakes, with what is whole, so that all of them are reported together.
pub fn resolve(project: &Project, model: &mut Model, diagnostics: &mut Diagnostics) {
    let mut known = Known::new(project);
    let mut cx = Cx { model, known: &mut known, diagnostics };
    let mut resolvers = resolvers(project, &mut cx);
    let nodes = nodes(project);
    let references: Vec<Vec<Reference>> =
        nodes.iter().map(|node| resolvers[node.table].references(node.position)).collect();
    let edges = edges(&nodes, &references);
    let targets: Vec<Vec<usize>> =
        edges.iter().map(|edges| edges.iter().map(|(target, _)| *target).collect()).collect();
    let (order, circles) = graph::order(&targets);
    for circle in circles {
        let path: Vec<(&Node, Span)> =
            circle.iter().map(|(node, edge)| (&nodes[*node], edges[*node][*edge].1)).collect();
        cx.diagnostics.push(drawn(&path, &resolvers));
    }
    for node in order.into_iter().map(|index| &nodes[index]) {
        resolvers[node.table].resolve(node.position, &mut cx);
    }
    // What has no meaning would be silently left out of all that names it.
    let missing = if diagnostics.has_errors() { Vec::new() } else { known.missing() };
    assert!(missing.is_empty(), "nothing is wrong with {missing:?}, which have no meaning");
}

/// Returns the definitions that each one names, and where it names them.
fn edges(nodes: &[Node], references: &[Vec<Reference>]) -> Vec<Vec<(usize, Span)>> {
    let mut by_table: BTreeMap<Table, BTreeMap<&str, usize>> = BTreeMap::new();
    for (index, node) in nodes.iter().enumerate() {
        by_table.entry(node.id.table).or_default().insert(&node.id.name, index);
    }
    let empty = BTreeMap::new();
    let of = |reference: &Reference| -> Vec<(usize, Span)> {
        let names = by_table.get(&reference.table).unwrap_or(&empty);
        let found: Vec<usize> = match &reference.named {
            // Of what is not there it is reported where it is looked for.
            Named::One(name) => names.get(name.as_str()).copied().into_iter().collect(),
            Named::All => names.values().copied().collect(),
        };
        found.into_iter().map(|index| (index, reference.span)).collect()
    };
    references.iter().map(|references| references.iter().flat_map(of).collect()).collect()
}

/// Draws a circle: the path, and each place at which a definition names the next.
fn drawn(path: &[(&Node, Span)], resolvers: &[Box<dyn Resolver + '_>]) -> Diagnostic {
    let (first, closing) = (path[0].0, path[path.len() - 1].1);
    if path.iter().all(|(node, _)| node.table == first.table) {
        let names: Vec<&str> = path.iter().map(|(node, _)| node.id.name.as_str()).collect();
        return resolvers[first.table].circle(&names, closing, first.span);
    }
    let ids: Vec<String> = path.iter().map(|(node, _)| node.id.to_string()).collect();
    let shown = circle(&ids.iter().map(String::as_str).collect::<Vec<_>>());
    let mut diagnostic = Diagnostic::error("definition-cycle", format!("definitions depend on each other: {shown}"))
        .at(closing, format!("`{}` closes the circle", ids[ids.len() - 1]));
    for ((_, place), pair) in path.iter().zip(ids.windows(2)) {
        diagnostic = diagnostic.at(*place, format!("`{}` depends on `{}`", pair[0], pair[1]));
    }
    diagnostic
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use insta::assert_snapshot;

    use super::*;
    use crate::report::diagnostics::{Look, draw};
    use crate::source::Sources;

    /// Places of three definitions, each of which names the next, in a table of its own.
    const TEXT: &str = "[milestone.paid]\nof = \"b\"\n[kpi.income]\nof = \"c\"\n[score.worth]\nof = \"a\"\n";

    #[test]
    fn a_circle_across_tables_is_drawn_as_a_path() {
        let mut sources = Sources::default();
        let source = sources.add(PathBuf::from("models/all.toml"), TEXT.to_owned());
        let place = |text: &str| {
            let start = TEXT.find(text).unwrap();
            Span { source, start, end: start + text.len() }
        };
        let node = |table: usize, id: &str| {
            let id = Id::parse(id).unwrap();
            Node { span: place(&id.name), id, table, position: 0 }
        };
        let nodes = [node(2, "milestone.paid"), node(3, "kpi.income"), node(4, "score.worth")];
        let references =
            [(Table::Kpi, "income", "\"b\""), (Table::Score, "worth", "\"c\""), (Table::Milestone, "paid", "\"a\"")]
                .map(|(table, name, text)| {
                    vec![Reference { table, named: Named::One(name.to_owned()), span: place(text) }]
                });
        let edges = edges(&nodes, &references);
        let targets: Vec<Vec<usize>> = edges.iter().map(|edges| edges.iter().map(|(to, _)| *to).collect()).collect();
        let (_, circles) = graph::order(&targets);
        let path: Vec<(&Node, Span)> =
            circles[0].iter().map(|(node, edge)| (&nodes[*node], edges[*node][*edge].1)).collect();
        let mut diagnostics = Diagnostics::default();
        diagnostics.push(drawn(&path, &[]));
        assert_snapshot!(draw(&diagnostics, &sources, Look { colors: false, width: 100 }), @r#"
        error[definition-cycle]: definitions depend on each other: `milestone.paid` -> `kpi.income` -> `score.worth` -> `milestone.paid`
         --> models/all.toml:6:6
          |
        2 | of = "b"
          |      --- `milestone.paid` depends on `kpi.income`
        3 | [kpi.income]
        4 | of = "c"
          |      --- `kpi.income` depends on `score.worth`
        5 | [score.worth]
        6 | of = "a"
          |      ^^^ `score.worth` closes the circle

        1 error
        "#);
    }
}
