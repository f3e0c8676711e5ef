//! Very many KPIs: no statement brings together more than a warehouse reads in one, and one more KPI changes little.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use milepost::diagnostic::Diagnostics;
use milepost::plan::node::{Materialization, Relation};
use milepost::render::{Place, render};
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

/// Returns the statements of the relations that bring KPIs together, by the relation's name.
fn unions(analysis: &Analysis) -> BTreeMap<String, String> {
    let Analysis { project, model, plan } = analysis;
    let as_of = "2026-03-01 00:00:00.000000".to_owned();
    let place = Place { dialect: executed(), schema: "milepost".to_owned(), as_of, stand_ins: BTreeMap::new() };
    let names: BTreeSet<&str> = plan
        .nodes
        .iter()
        .filter(|node| matches!(node.relation, Relation::Kpis(_)))
        .map(|node| node.name.as_str())
        .collect();
    let statements = render(plan, model, &project.sources, &place, &mut Diagnostics::default());
    let unions = statements.into_iter().filter(|statement| names.contains(statement.node.as_str()));
    unions.map(|statement| (statement.node, statement.sql)).collect()
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
    let place = Place { dialect: executed(), schema: "milepost".to_owned(), as_of, stand_ins: BTreeMap::new() };
    let mut diagnostics = Diagnostics::default();
    assert_eq!(render(plan, model, &project.sources, &place, &mut diagnostics).len(), plan.nodes.len());
}

#[test]
fn five_hundred_kpis_are_one_view() {
    let analysis = project(500);
    let unions: Vec<_> = analysis.plan.nodes.iter().filter(|node| matches!(node.relation, Relation::Kpis(_))).collect();
    assert_eq!(unions.len(), 1);
    assert_eq!((unions[0].name.as_str(), unions[0].materialization), ("kpis", Materialization::View));
}

#[test]
fn more_are_brought_together_in_tables_that_follow_from_their_names() {
    let (many, more) = (project(520), project(521));
    let mut held = BTreeSet::new();
    for node in many.plan.nodes.iter().filter(|node| matches!(node.relation, Relation::Kpis(_))) {
        let inputs = node.depends_on.iter().map(|id| many.plan.node(*id));
        let inputs: Vec<_> = inputs.filter(|input| !matches!(input.relation, Relation::Schema)).collect();
        assert!(inputs.len() <= 250, "{} reads {}", node.name, inputs.len());
        if node.name == "kpis" {
            // A table hides what it was made of; a view does not.
            assert!(inputs.iter().all(|input| input.materialization == Materialization::Table));
        } else {
            held.extend(inputs.iter().map(|input| input.name.clone()));
        }
    }
    assert_eq!(held.len(), 520);
    let (before, after) = (unions(&many), unions(&more));
    let changed: Vec<_> = after.iter().filter(|(name, sql)| before.get(*name) != Some(*sql)).collect();
    assert_eq!(changed.len(), 1, "one more KPI changes the table that it is in");
    assert!(after.values().all(|sql| sql.len() < 100_000), "a view has 256 K characters at most");
}
