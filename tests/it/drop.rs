//! `milepost drop`: what carries our mark is dropped, and nothing else, however it is called.

use std::fs;

use serde_json::Value;

use crate::commands::Bench;

impl Bench {
    /// Runs the command, and returns the outcomes by the own name of a relation, and how it ended.
    fn drop(&self, arguments: &[&str]) -> (Vec<(String, String)>, Option<i32>) {
        let all: Vec<&str> = ["drop", "--output", "json"].iter().chain(arguments).copied().collect();
        let output = self.run(&all);
        let said = String::from_utf8_lossy(&output.stderr);
        let rows: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"));
        let text = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
        let own = |name: String| name.trim_start_matches("\"milepost\".").trim_matches('"').to_owned();
        let fates = rows.iter().map(|row| (own(text(row, "relation")), text(row, "outcome"))).collect();
        (fates, output.status.code())
    }

    fn made(&self) -> usize {
        self.ask("SELECT count(*) FROM information_schema.tables WHERE table_schema = 'milepost'").parse().unwrap()
    }
}

fn outcome<'f>(fates: &'f [(String, String)], name: &str) -> Option<&'f str> {
    fates.iter().find(|(own, _)| own == name).map(|(_, outcome)| outcome.as_str())
}

#[test]
fn all_that_runs_made_is_dropped_with_the_schema_and_only_when_it_is_said() {
    let bench = Bench::new();
    assert_eq!(bench.drop(&["--target", "dev", "--yes"]), (Vec::new(), Some(0)), "there is no database");
    assert!(!bench.root().join("target/acme.duckdb").exists(), "and none is made");
    bench.done(&["run", "--as-of", "2026-03-01"]);
    bench.tell("CREATE SCHEMA raw; CREATE TABLE raw.events AS SELECT 1 AS n");
    let made = bench.made();
    assert!(bench.fails(2, &["drop", "--yes"]).contains("the target is not named"), "the default is not taken");
    for (arguments, code) in [(&["--target", "dev"][..], 2), (&["--target", "dev", "--dry-run", "--yes"], 0)] {
        let (fates, ended) = bench.drop(arguments);
        assert_eq!((ended, fates.len()), (Some(code), made + 1));
        assert!(fates.iter().all(|(_, outcome)| outcome == "would be dropped"), "{fates:?}");
        assert_eq!(bench.made(), made);
    }
    let (fates, ended) = bench.drop(&["--target", "dev", "--yes"]);
    assert_eq!((ended, fates.len()), (Some(0), made + 1));
    assert!(fates.iter().all(|(_, outcome)| outcome == "dropped"), "{fates:?}");
    let schemas = "SELECT string_agg(schema_name, ' ' ORDER BY 1) FROM duckdb_schemas() \
                   WHERE database_name = current_database() AND NOT internal";
    assert_eq!(bench.ask(schemas), "raw");
    assert_eq!(bench.ask("SELECT count(*) FROM raw.events"), "1");
    assert_eq!(bench.drop(&["--target", "dev", "--yes"]), (Vec::new(), Some(0)));
}

#[test]
fn what_others_put_there_stays_and_the_schema_with_it() {
    let bench = Bench::new();
    bench.done(&["run", "--as-of", "2026-03-01"]);
    bench.tell(
        "CREATE TABLE milepost.raw_events AS SELECT 1 AS n; CREATE VIEW milepost.by_hand AS SELECT 1 AS n; \
         COMMENT ON VIEW milepost.by_hand IS 'made by milepost, so to speak'; \
         DROP VIEW milepost.kpi_signups; CREATE TABLE milepost.kpi_signups AS SELECT 1 AS n",
    );
    let (fates, ended) = bench.drop(&["--target", "dev", "--yes"]);
    assert_eq!(ended, Some(0));
    for name in ["raw_events", "by_hand", "kpi_signups", "milepost"] {
        assert_eq!(outcome(&fates, name), Some("stays"), "{fates:?}");
    }
    assert_eq!(bench.made(), 3);
    // Nothing of ours is left, so that the schema, if it were empty, is none of ours either.
    bench.tell("DROP TABLE milepost.raw_events; DROP VIEW milepost.by_hand; DROP TABLE milepost.kpi_signups");
    assert_eq!(bench.drop(&["--target", "dev", "--yes"]), (Vec::new(), Some(0)));
    assert_eq!(bench.ask("SELECT count(*) FROM duckdb_schemas() WHERE schema_name = 'milepost'"), "1");
}

#[test]
fn names_that_differ_beyond_ascii_are_two() {
    let bench = Bench::new();
    bench.done(&["run", "--as-of", "2026-03-01"]);
    // DuckDB takes small and capital letters for the same in ASCII only.
    bench.tell(
        "ALTER VIEW milepost.kpi_signups RENAME TO \"ÄB\"; CREATE TABLE milepost.\"äb\" AS SELECT 1 AS n; \
         CREATE TABLE milepost.\"By_Hand\" AS SELECT 1 AS n",
    );
    let (fates, ended) = bench.drop(&["--target", "dev", "--yes"]);
    assert_eq!(ended, Some(0));
    assert_eq!(outcome(&fates, "äb"), Some("stays"), "{fates:?}");
    assert_eq!(bench.ask("SELECT string_agg(table_name, ' ' ORDER BY 1) FROM duckdb_tables()"), "By_Hand äb");
    assert_eq!(bench.ask("SELECT count(*) FROM duckdb_views() WHERE schema_name = 'milepost'"), "0");
}

#[test]
fn a_schema_with_what_is_no_table_is_refused_by_the_warehouse() {
    let bench = Bench::new();
    bench.done(&["run", "--as-of", "2026-03-01"]);
    bench.tell("CREATE MACRO milepost.twice(x) AS 2 * x");
    let (fates, ended) = bench.drop(&["--target", "dev", "--yes"]);
    assert_eq!((ended, outcome(&fates, "milepost")), (Some(1), Some("failed")), "{fates:?}");
    assert_eq!((bench.made(), bench.ask("SELECT milepost.twice(2)").as_str()), (0, "4"));
    // The same, and asked for.
    bench.done(&["run", "--as-of", "2026-03-01"]);
    let (fates, ended) = bench.drop(&["--target", "dev", "--yes", "--keep-schema"]);
    assert_eq!((ended, outcome(&fates, "milepost")), (Some(0), Some("stays")), "{fates:?}");
}

#[test]
fn what_no_definition_makes_now_is_dropped_alone() {
    let bench = Bench::new();
    bench.done(&["run", "--as-of", "2026-03-01"]);
    let before = bench.made();
    assert_eq!(bench.drop(&["--gone", "--yes"]), (Vec::new(), Some(0)));
    let models = bench.root().join("models/activation.toml");
    let text = fs::read_to_string(&models).unwrap();
    let (kept, _) = text.split_once("[score.").expect("the sample ends with its score");
    fs::write(&models, kept).unwrap();
    bench.tell("CREATE TABLE milepost.score_by_hand AS SELECT 1 AS n");
    let said = bench.run(&["run", "--as-of", "2026-03-01"]);
    let said = String::from_utf8(said.stderr).unwrap();
    assert!(said.contains("score_engagement") && said.contains("`milepost drop --gone`"), "{said}");
    let (fates, ended) = bench.drop(&["--gone", "--dry-run"]);
    assert_eq!((ended, outcome(&fates, "score_engagement")), (Some(0), Some("would be dropped")), "{fates:?}");
    assert_eq!(outcome(&fates, "score_by_hand"), None, "what is others' is no matter of definitions");
    let (fates, ended) = bench.drop(&["--gone", "--yes"]);
    assert!(ended == Some(0) && fates.iter().all(|(_, outcome)| outcome == "dropped"), "{fates:?}");
    assert_eq!(bench.made(), before + 1 - fates.len());
    assert!(bench.marks().contains_key("milestone_activated"));
}

#[test]
fn mistakes_in_definitions_keep_nothing_from_being_cleaned_up() {
    let bench = Bench::new();
    bench.done(&["run", "--as-of", "2026-03-01"]);
    bench.edit("models/activation.toml", "event = \"", "evnt = \"");
    assert!(bench.fails(1, &["drop", "--gone", "--yes"]).contains("unknown-key"), "what is gone is not known then");
    let (fates, ended) = bench.drop(&["--target", "dev", "--yes"]);
    assert!(ended == Some(0) && fates.iter().all(|(_, outcome)| outcome == "dropped"), "{fates:?}");
    assert!(bench.fails(2, &["drop", "--target", "prd", "--yes"]).contains("no target `prd`"));
}
