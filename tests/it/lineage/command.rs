//! `milepost lineage` on the project that `milepost init` writes, and where the manifest says the same.

use insta::assert_snapshot;

use crate::commands::Bench;

#[test]
fn a_number_is_traced_to_the_columns_that_it_comes_from() {
    let bench = Bench::new();
    assert_snapshot!("up", bench.done(&["lineage", "kpi.activation_rate"]));
    assert_snapshot!("up_column", bench.done(&["lineage", "activation_rate.value"]));
    assert_snapshot!(
        "up_column_json",
        bench.done(&["lineage", "kpi.activation_rate.period", "--up", "--output", "json"])
    );
}

#[test]
fn a_column_is_traced_to_what_comes_of_it() {
    let bench = Bench::new();
    assert_snapshot!("down", bench.done(&["lineage", "source.events.event_name", "--down"]));
    assert_snapshot!(
        "down_json",
        bench.done(&["lineage", "milestone.activated.reached", "--down", "--output", "json"])
    );
}

#[test]
fn a_definition_comes_from_nothing_that_only_others_read() {
    let bench = Bench::new();
    // It is numbered and reached in the same statements as the others.
    let other =
        "[milestone.only_shared]\nevent = \"document_created\"\nwhere = \"shared_with = 'x'\"\n\n[milestone.shared]";
    bench.edit("models/activation.toml", "[milestone.shared]", other);
    let comes_from = |name: &str| bench.done(&["lineage", name]).contains("source.events.shared_with ");
    assert!(comes_from("milestone.only_shared"));
    assert!(comes_from("milestone.activated"));
    assert!(!comes_from("milestone.first_document"));
    let down = bench.done(&["lineage", "source.events.shared_with", "--down"]);
    let names = down.lines().skip(1).map(|line| line.split_whitespace().next().unwrap());
    let expected = ["source.events", "milestone.only_shared", "milestone.shared", "milestone.activated"];
    assert_eq!(names.take(4).collect::<Vec<_>>(), expected, "{down}");
    assert!(!down.contains("first_document"), "{down}");
}

#[test]
fn what_is_no_column_is_refused_with_what_is_near() {
    let bench = Bench::new();
    assert_snapshot!(bench.fails(2, &["lineage", "kpi.activation_rat"]), @r"
    error: nothing in the project is called `kpi.activation_rat`
     |
     = help: there is `kpi.activation_rate`
    ");
    assert_snapshot!(bench.fails(2, &["lineage", "kpi.activation_rate.valeu"]), @r"
    error: `kpi.activation_rate` has no column `valeu`
     |
     = help: it has `value`
    ");
    assert_snapshot!(bench.fails(2, &["lineage", "source.events.occurred_at"]), @r"
    error: `source.events.occurred_at` is a column of raw rows, and comes from nothing
     |
     = help: `--down` prints what comes of it
    ");
    assert_snapshot!(bench.fails(2, &["lineage", "a..b"]), @r"
    error: nothing in the project is called `a..b`
     |
     = help: `milepost ls` prints what there is
    ");
    assert_snapshot!(bench.fails(2, &["lineage", "kpi.activation_rate", "--output", "csv"]), @r"
    error: `milepost lineage` prints no csv
     |
     = help: leave `--output` out, or make it json
    ");
}

#[test]
fn the_manifest_says_where_columns_come_from() {
    let bench = Bench::new();
    bench.done(&["compile", "--as-of", "2026-03-01"]);
    let manifest = bench.json("target/manifest.json");
    let nodes = manifest["targets"][0]["nodes"].as_array().unwrap();
    let kpi = nodes.iter().find(|node| node["name"] == "kpi_activation_rate").unwrap();
    let value = kpi["columns"].as_array().unwrap().iter().find(|column| column["name"] == "value").unwrap();
    assert_snapshot!(format!("{:#}\n{value:#}", kpi["rows_from"]), @r#"
    [
      "entity.acme.user",
      "entity.acme.user.channel",
      "entity.acme.user.created_at",
      "entity.acme.user.user_id"
    ]
    {
      "name": "value",
      "type": "float",
      "value_from": [
        "entity.acme.user.created_at"
      ],
      "rows_from": [
        "source.acme.events",
        "source.acme.events.event_id",
        "source.acme.events.event_name",
        "source.acme.events.occurred_at",
        "source.acme.events.shared_with",
        "source.acme.events.user_id"
      ]
    }
    "#);
}
