//! Very many KPIs: no statement brings together more than a warehouse reads in one, and one more KPI changes little.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use milepost::diagnostic::Diagnostics;
use milepost::plan::node::{Materialization, Node, NodeId, Relation};
use milepost::render::{Place, render, render_part};
use milepost::{Analysis, analyze};

use crate::functions::executed;

fn project(kpis: usize) -> Analysis {
    let mut text = String::new();
    for number in 0..kpis {
        writeln!(text, "k{number} = {{ kind = \"count\", of = \"user\", grain = \"month\" }}").unwrap();
    }
    analyzed(&text)
}

fn analyzed(kpis: &str) -> Analysis {
    let text = format!(
        "[project]\nname = \"many\"\n[entity.user]\ntable = \"raw.users\"\nkey = \"id\"\nstart = \"at\"\n[kpi]\n{kpis}"
    );
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("models")).unwrap();
    std::fs::write(folder.path().join("project.toml"), text).unwrap();
    analyze(folder.path(), BTreeMap::new(), &mut Diagnostics::default()).unwrap()
}

/// Returns the statements of the relations that hold the rows of several KPIs, by the relation's name.
fn shared(analysis: &Analysis) -> BTreeMap<String, String> {
    let Analysis { project, model, plan } = analysis;
    let as_of = "2026-03-01 00:00:00.000000".to_owned();
    let place =
        Place { dialect: executed(), schema: "milepost".to_owned(), as_of, stand_ins: BTreeMap::new(), blanks: None };
    let is_shared = |node: &Node| matches!(node.relation, Relation::Cells(_) | Relation::Kpis);
    let part: Vec<NodeId> = (0..plan.nodes.len()).map(NodeId).filter(|id| is_shared(plan.node(*id))).collect();
    let statements = render_part(&part, plan, model, &project.sources, &place, &mut Diagnostics::default());
    statements.into_iter().map(|(_, statement)| (statement.node, statement.sql)).collect()
}

/// Each of two formulas is made of both of the level below: from the last there are 2^48 ways down.
#[test]
fn formulas_of_formulas_are_looked_at_once() {
    let mut text = String::new();
    for name in ["a0", "b0"] {
        writeln!(text, "{name} = {{ kind = \"count\", of = \"user\", grain = \"month\" }}").unwrap();
    }
    for level in 1..=48 {
        for (name, operator) in [("a", '+'), ("b", '-')] {
            let value = format!("a{0} {operator} b{0}", level - 1);
            writeln!(text, "{name}{level} = {{ kind = \"formula\", value = \"{value}\", grain = \"month\" }}").unwrap();
        }
    }
    let Analysis { project, model, plan } = &analyzed(&text);
    let as_of = "2026-03-01 00:00:00.000000".to_owned();
    let place =
        Place { dialect: executed(), schema: "milepost".to_owned(), as_of, stand_ins: BTreeMap::new(), blanks: None };
    let mut diagnostics = Diagnostics::default();
    assert_eq!(render(plan, model, &project.sources, &place, &mut diagnostics).len(), plan.nodes.len());
}

#[test]
fn few_statements_compute_very_many_kpis() {
    let statements = |analysis: &Analysis| {
        let tables = analysis.plan.nodes.iter().filter(|node| node.materialization == Materialization::Table);
        tables.count()
    };
    // What 5,000 are is 256 tables of cells, of which each is as long as one of 500.
    for (kpis, at_most) in [(1, 4), (500, 20), (5_000, 260)] {
        let analysis = project(kpis);
        assert!(statements(&analysis) <= at_most, "{kpis} KPIs: {} statements", statements(&analysis));
        for (name, sql) in shared(&analysis) {
            // A statement may have a million letters, and a view a quarter of that.
            assert!(sql.len() < 125_000, "{name} of {kpis} KPIs has {} letters", sql.len());
        }
    }
}

#[test]
fn the_table_of_a_kpi_follows_from_its_name() {
    let (many, more) = (project(510), project(511));
    let (before, after) = (shared(&many), shared(&more));
    let changed: Vec<_> = after.iter().filter(|(name, sql)| before.get(*name) != Some(*sql)).collect();
    assert_eq!(changed.len(), 1, "one more KPI changes the table that it is in");
    assert!(!changed.iter().any(|(name, _)| *name == "kpis"), "and not the union");
    let held = |node: &Node| if let Relation::Cells(cells) = &node.relation { cells.kpis.len() } else { 0 };
    assert_eq!(more.plan.nodes.iter().map(held).sum::<usize>(), 511);
}
