//! What a run of a part makes: it is of one moment and one definition with what it reads and what reads it; and what stays
//! as it is, because it is excluded, because another one failed, or because it would be the same.

use std::fs;

use crate::commands::Bench;
use crate::state::DATABASE;

/// A milestone that stands before all others, and counts what one of them counts.
const ANOTHER: &str = "[milestone.a_day]\nevent = \"document_shared\"\nwithin = \"1d\"\n\n";

fn add_another(bench: &Bench) {
    bench.edit("models/activation.toml", "[milestone.first_document]", &format!("{ANOTHER}[milestone.first_document]"));
}

#[test]
fn a_selected_run_leaves_no_reader_behind() {
    let bench = Bench::new();
    bench.done(&["run", "--as-of", "2026-03-01"]);
    add_another(&bench);
    bench.done(&["run", "--select", "a_day"]);
    let (marks, rows) = bench.fresh("2026-03-01");
    assert_eq!(bench.rows(), rows);
    assert_eq!(bench.marks(), marks);
}

#[test]
fn a_selected_run_is_of_the_moment_of_what_is_there() {
    let bench = Bench::new();
    bench.done(&["run", "--as-of", "2026-02-01"]);
    let before = bench.rows();
    // Without a moment it goes on at the one that is there.
    let said = String::from_utf8(bench.run(&["run", "--select", "activation_rate"]).stderr).unwrap();
    assert!(said.contains("as of 2026-02-01T00:00:00Z, as what is there is"), "{said}");
    assert_eq!(bench.rows(), before);
    // Of another it is refused, and nothing is made.
    let said = bench.fails(2, &["run", "--select", "activation_rate", "--as-of", "2026-11-01"]);
    assert!(said.contains("is as of 2026-02-01T00:00:00Z: `"), "{said}");
    assert!(said.contains("`milepost run --as-of 2026-11-01T00:00:00Z`"), "{said}");
    assert!(said.contains("`--as-of 2026-02-01T00:00:00Z`"), "{said}");
    assert_eq!(bench.rows(), before);
    // The project's own moment is one that was asked for, too.
    bench.edit("project.toml", "default_target", "as_of = \"2026-11-01\"\ndefault_target");
    bench.fails(2, &["run", "--select", "activation_rate"]);
    bench.done(&["run"]);
    bench.done(&["run", "--select", "activation_rate"]);
    assert_eq!(bench.as_of("cells__0__user"), "2026-11-01T00:00:00Z");
}

#[test]
fn what_a_selected_relation_reads_is_made_where_it_is_not_there() {
    let bench = Bench::new();
    bench.done(&["run", "--select", "activation_rate", "--as-of", "2026-03-01"]);
    let (marks, rows) = bench.fresh("2026-03-01");
    let found = bench.rows();
    assert!(found.len() < rows.len() && !found.contains_key("kpi_signups"));
    assert_eq!(found["kpi_activation_rate"], rows["kpi_activation_rate"]);
    // The rest is added by and by, and all of it in the end: the union of KPIs with the last of them.
    for selected in ["signups", "kind:milestone", "engagement"] {
        bench.done(&["run", "--select", selected]);
    }
    assert_eq!(bench.rows(), rows);
    assert_eq!(bench.marks(), marks);
}

#[test]
fn what_is_excluded_is_not_made_all_the_same() {
    let bench = Bench::new();
    bench.done(&["run", "--as-of", "2026-03-01"]);
    bench.edit("models/activation.toml", "within = \"7d\"", "within = \"8d\"");
    let said = bench.fails(2, &["run", "--select", "first_document+", "--exclude", "activation_rate"]);
    assert!(said.contains("is excluded: `kpi_activation_rate`"), "{said}");
    // Nor where it was not selected as well.
    let said = bench.fails(2, &["run", "--select", "milestone.first_document", "--exclude", "activation_rate"]);
    assert!(said.contains("is excluded: `kpi_activation_rate`"), "{said}");
    // Where nothing changes that it reads, it may be left out.
    bench.edit("models/activation.toml", "within = \"8d\"", "within = \"7d\"");
    bench.done(&["run", "--exclude", "activation_rate", "--as-of", "2026-03-01"]);
}

#[test]
fn what_is_excluded_keeps_its_rows_beside_those_that_are_made() {
    let bench = Bench::new();
    bench.done(&["run", "--as-of", "2026-03-01"]);
    let before = bench.rows();
    // Both lie in one table, and both are of another definition now.
    bench.edit("models/activation.toml", "grain = \"week\"", "grain = \"month\"");
    bench.edit("models/activation.toml", "cohort = \"week\"", "cohort = \"month\"");
    let (_, rows) = bench.fresh("2026-03-01");
    for _ in 0..2 {
        bench.done(&["run", "--exclude", "activation_rate"]);
        let there = bench.rows();
        assert_eq!(there["kpi_activation_rate"], before["kpi_activation_rate"]);
        assert_eq!(there["kpi_signups"], rows["kpi_signups"]);
        assert_ne!(there["kpi_signups"], before["kpi_signups"]);
    }
    // A whole run brings it back.
    bench.done(&["run", "--as-of", "2026-03-01"]);
    assert_eq!(bench.rows(), rows);
}

#[test]
fn a_kpi_that_fails_takes_no_other_with_it_than_what_is_made_of_it() {
    let bench = Bench::new();
    let run = ["run", "--as-of", "2026-03-01"];
    bench.done(&run);
    let before = bench.rows();
    // A function of the database's own that fails; what is made of the KPI stands in another table, beside what is not.
    bench.tell("CREATE MACRO sqrt(number) AS error('not today')");
    let file = bench.root().join("models/activation.toml");
    let definitions = "\n[kpi.too_much]\nkind = \"count\"\nof = \"user\"\nwhere = \"sqrt(2.0) > 1.0\"\n\
        [kpi.twice_too_much]\nkind = \"formula\"\nvalue = \"too_much * 2\"\n\
        [kpi.signups_and_more]\nkind = \"formula\"\nvalue = \"signups + 1\"\ngrain = \"week\"\n";
    fs::write(&file, fs::read_to_string(&file).unwrap() + definitions).unwrap();
    let said = bench.fails(1, &run);
    assert!(said.contains("`kpi.too_much` fails: Invalid Input Error: not today"), "{said}");
    let results = bench.json("target/run_results.json");
    let entries = results["results"].as_array().unwrap();
    let status = |name: &str| {
        let entry = entries.iter().find(|entry| entry["unique_id"].as_str().unwrap().ends_with(&format!(".{name}")));
        entry.unwrap_or_else(|| panic!("{name}"))["status"].as_str().unwrap().to_owned()
    };
    assert_eq!(status("kpi_too_much"), "error");
    assert_eq!(status("kpi_twice_too_much"), "skipped");
    for name in ["cells__0__user", "cells__1__user", "kpi_signups_and_more", "kpis"] {
        assert!(["success", "no-op"].contains(&&*status(name)), "{name}: {}", status(name));
    }
    let there = bench.rows();
    assert_eq!(there["kpi_signups"], before["kpi_signups"]);
    assert!(!there["kpi_signups_and_more"].is_empty());
    // Excluded, it takes no other with it either; and what is made of it is not made of rows that are not of this moment.
    let output = bench.run(&["run", "--exclude", "kpi.too_much"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("left out too, for they are made of what is excluded: `kpi.twice_too_much`"), "{said}");
    assert_eq!(bench.rows(), there);
    // At another moment too, where its rows stay as they were, and say so.
    bench.tell("DROP MACRO sqrt");
    bench.done(&run);
    let made = bench.rows();
    bench.done(&["run", "--exclude", "kpi.too_much", "--as-of", "2026-04-01"]);
    assert_eq!(bench.rows()["kpi_too_much"], made["kpi_too_much"]);
    assert_ne!(bench.rows()["kpi_signups"], made["kpi_signups"]);
    let said = bench.fails(2, &["show", "too_much", "--as-of", "2026-04-01"]);
    assert!(said.contains("has rows as of 2026-03-01T00:00:00Z, which a run left as they were"), "{said}");
    // Once it is back, nothing is left of that.
    bench.done(&run);
    assert_eq!(bench.rows(), bench.fresh("2026-03-01").1);
}

#[test]
fn a_view_whose_text_is_the_same_is_not_made_again() {
    let bench = Bench::new();
    bench.done(&["run", "--as-of", "2026-03-01"]);
    let made = |status: &str| -> Vec<String> {
        let results = bench.json("target/run_results.json");
        let entries = results["results"].as_array().unwrap().iter().filter(|entry| entry["status"] == status);
        let name =
            |entry: &serde_json::Value| entry["unique_id"].as_str().unwrap().rsplit('.').next().unwrap().to_owned();
        entries.map(name).collect()
    };
    assert_eq!(made("no-op"), [""; 0]);
    // At another moment, too: they read it. So does the list of milestones, which says the same at any time.
    bench.done(&["run", "--as-of", "2026-04-01"]);
    let views = bench.ask("SELECT count(*) FROM duckdb_views() WHERE schema_name = 'milepost'");
    assert_eq!((made("no-op").len() - 1).to_string(), views);
    assert!(made("success").iter().all(|name| !name.starts_with("milestone") && !name.starts_with("kpi")));
    assert_eq!(bench.rows(), bench.fresh("2026-04-01").1);
    // One of another text is, and one that reads its reaches, and no other.
    bench.edit("models/activation.toml", "within = \"7d\"", "within = \"3d\"");
    bench.done(&["run", "--as-of", "2026-04-01"]);
    let changed: Vec<String> = made("success").into_iter().filter(|name| name.starts_with("milestone_")).collect();
    assert_eq!(changed, ["milestone_first_document", "milestone_activated"]);
    assert_eq!(bench.rows(), bench.fresh("2026-04-01").1);
}

#[test]
fn the_raw_rows_that_a_selected_table_reads_itself_are_looked_for_first() {
    let bench = Bench::new();
    for milestone in ["first_document", "shared"] {
        let table = format!("[milestone.{milestone}]");
        bench.edit("models/activation.toml", &table, &format!("{table}\nsource = \"events\""));
    }
    bench.edit("models/sources.toml", "[source.events]", "[source.events]\nentity_type = \"user\"");
    // Events that one statement reads, and that are not stored.
    let visits = "\n[source.visits]\npath = \"data/visits.csv\"\nid = \"event_id\"\nentity = \"user_id\"\n\
        entity_type = \"user\"\nname = \"event_name\"\ntime = \"occurred_at\"\n\
        [kpi.visits]\nkind = \"count\"\nof = \"visits\"\ngrain = \"week\"\n";
    let (models, data) = (bench.root().join("models/sources.toml"), bench.root().join("data"));
    fs::write(&models, fs::read_to_string(&models).unwrap() + visits).unwrap();
    fs::copy(data.join("events.csv"), data.join("visits.csv")).unwrap();
    bench.done(&["run", "--as-of", "2026-03-01"]);
    let before = bench.rows();
    assert!(!before.contains_key("events_visits"));
    assert!(bench.fails(2, &["show", "source.visits"]).contains("the rows of `source.visits` are not stored"));
    fs::remove_file(data.join("visits.csv")).unwrap();
    let said = bench.fails(1, &["run", "--select", "kpi.visits"]);
    assert!(said.contains("`source.visits` reads `data/visits.csv`, which is not there"), "{said}");
    assert_eq!(bench.rows(), before);
    bench.done(&["run", "--select", "kpi.signups"]);
}

#[test]
fn a_kpi_that_moves_is_in_one_table() {
    let kpi = |name: &str, of: &str| format!("\n[kpi.{name}]\nkind = \"count\"\nof = \"{of}\"\n");
    // One of two moves; it is selected, or the other one is, or one that lies where it goes to.
    for selected in ["kpi.moves", "kpi.other", "kpi.signups"] {
        let bench = Bench::new();
        let file = bench.root().join("models/activation.toml");
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, text.clone() + &kpi("moves", "events") + &kpi("other", "events")).unwrap();
        bench.done(&["run", "--as-of", "2026-03-01"]);
        fs::write(&file, text + &kpi("moves", "user") + &kpi("other", "events")).unwrap();
        bench.done(&["run", "--select", selected]);
        let (_, rows) = bench.fresh("2026-03-01");
        let there = bench.rows();
        for (name, rows) in rows {
            assert_eq!(there[&name], rows, "{selected}: {name}");
        }
    }
}

#[test]
fn a_part_turns_no_moment_under_what_is_not_in_it() {
    let bench = Bench::new();
    for milestone in ["first_document", "shared"] {
        let table = format!("[milestone.{milestone}]");
        bench.edit("models/activation.toml", &table, &format!("{table}\nsource = \"events\""));
    }
    bench.edit("models/sources.toml", "[source.events]", "[source.events]\nentity_type = \"user\"");
    // Others, who share nothing with users but the moment.
    let guests = "\n[entity.guest]\npath = \"data/users.csv\"\nkey = \"user_id\"\nstart = \"created_at\"\n\
        [source.visits]\npath = \"data/events.csv\"\nid = \"event_id\"\nentity = \"user_id\"\n\
        entity_type = \"guest\"\nname = \"event_name\"\ntime = \"occurred_at\"\n\
        [milestone.visited]\nsource = \"visits\"\nevent = \"document_shared\"\nwithin = \"7d\"\n";
    let models = bench.root().join("models/sources.toml");
    fs::write(&models, fs::read_to_string(&models).unwrap() + guests).unwrap();
    bench.done(&["run", "--as-of", "2026-02-01"]);
    let before = bench.rows();
    let said = bench.fails(2, &["run", "--select", "milestone.visited", "--as-of", "2026-03-01"]);
    assert!(said.contains("is as of 2026-02-01T00:00:00Z"), "{said}");
    assert_eq!(bench.rows(), before);
    bench.done(&["run", "--select", "milestone.visited"]);
    assert_eq!(bench.rows(), before);
}

#[test]
fn a_selection_of_nothing_is_a_mistake() {
    let bench = Bench::new();
    for arguments in [&["--exclude", "*"][..], &["--select", ""], &["--select", "signups", "--exclude", "signups"]] {
        let arguments = [&["run"], arguments].concat();
        let said = bench.fails(2, &arguments);
        assert!(said.contains("nothing"), "{said}");
    }
    assert!(!bench.root().join(DATABASE).exists());
}

/// A small generator of numbers, the same each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % bound as u64).unwrap()
    }
}

/// Edits, each with its reverse.
const EDITS: &[(&str, &str)] = &[
    ("within = \"7d\"", "within = \"3d\""),
    ("at_least = 2", "at_least = 1"),
    ("all_of = [\"first_document\", \"shared\"]", "any_of = [\"first_document\", \"shared\"]"),
    ("cohort = \"week\"", "cohort = \"month\""),
    ("engaged = 0.3", "engaged = 0.2"),
    ("# What a user can reach.\n", "[milestone.a_day]\nevent = \"document_shared\"\nwithin = \"1d\"\n"),
];

const SELECTIONS: &[&str] =
    &["first_document", "activated", "activation_rate", "signups", "engagement", "kind:milestone", "+shared", "user+"];

#[test]
fn after_any_edits_and_selected_runs_equal_marks_have_equal_rows() {
    let bench = Bench::new();
    let as_of = "2026-03-01";
    let mut numbers = Numbers(11);
    bench.done(&["run", "--as-of", as_of]);
    for step in 0..6 {
        let (from, to) = EDITS[numbers.below(EDITS.len())];
        let text = fs::read_to_string(bench.root().join("models/activation.toml")).unwrap();
        let (from, to) = if text.contains(from) { (from, to) } else { (to, from) };
        bench.edit("models/activation.toml", from, to);
        let selected = SELECTIONS[numbers.below(SELECTIONS.len())];
        bench.done(&["run", "--select", selected]);
        let (marks, rows) = (bench.marks(), bench.rows());
        let (fresh_marks, fresh_rows) = bench.fresh(as_of);
        let when = format!("step {step}: `{from}` became `{to}`, and `{selected}` was run");
        for (name, mark) in &marks {
            // What shows what others hold is as they are.
            let holds_rows = mark.as_ref().is_some_and(|mark| mark.as_of.is_some());
            if holds_rows && fresh_marks.get(name) == Some(mark) {
                assert_eq!(rows[name], fresh_rows[name], "{when}: {name}");
            }
        }
        // What was asked for is what a full run makes.
        let results = bench.json("target/run_results.json");
        for entry in results["results"].as_array().unwrap() {
            let name = entry["unique_id"].as_str().unwrap().rsplit('.').next().unwrap();
            assert_eq!(marks.get(name), fresh_marks.get(name), "{when}: {name}");
        }
    }
    // In the end a full run brings everything to where a fresh one is; what is no longer defined stays.
    bench.done(&["run", "--as-of", as_of]);
    let (marks, rows) = bench.fresh(as_of);
    let there = bench.rows();
    assert!(rows.iter().all(|(name, rows)| there[name] == *rows));
    assert!(marks.iter().all(|(name, mark)| bench.marks()[name] == *mark));
}

/// More KPIs of a family are more tables, and some of them lie in another one then, though nobody touched them.
#[test]
fn a_kpi_that_lies_in_another_table_now_is_not_left_out_silently() {
    let bench = Bench::new();
    let write = |count: usize| {
        let one = |number: usize| {
            let keys = format!("kind = \"count\", of = \"user\", grain = \"all\", where = \"channel <> '{number}'\"");
            format!("many_{number} = {{ {keys} }}\n")
        };
        let text: String = (0..count).map(one).collect();
        std::fs::write(bench.root().join("models/many.toml"), format!("[kpi]\n{text}")).unwrap();
    };
    let tables = || bench.ask("SELECT count(*) FROM duckdb_tables() WHERE table_name LIKE 'cells!_!_%' ESCAPE '!'");
    write(40);
    bench.done(&["run", "--as-of", "2026-03-01"]);
    let before = tables();
    write(80);
    let mut refused = 0;
    for number in 0..40 {
        let excluded = format!("kpi.many_{number}");
        let output = bench.run(&["run", "--select", "kpi.many_79", "--exclude", &excluded, "--as-of", "2026-03-01"]);
        if output.status.code() == Some(2) {
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(said.contains("lies in another table than its rows"), "{said}");
            assert!(said.contains("run once without excluding it"), "{said}");
            refused += 1;
        } else {
            let view = format!("SELECT count(*) FROM milepost.kpi_many_{number}");
            assert_eq!((output.status.code(), bench.ask(&view)), (Some(0), "1".to_owned()), "{number}");
        }
        let all = bench.ask("SELECT count(DISTINCT kpi) FROM milepost.kpis WHERE kpi LIKE 'many!_%' ESCAPE '!'");
        assert!(["40", "80"].contains(&all.as_str()), "{number}: {all}");
        if all == "80" {
            break;
        }
    }
    assert!(refused > 0, "none of them lay in another table");
    bench.done(&["run", "--as-of", "2026-03-01"]);
    assert_ne!(tables(), before);
    // The tables of before are left, and named; nothing reads them.
    let fresh = bench.fresh("2026-03-01").1;
    assert!(fresh.len() > 80);
    let rows = bench.rows();
    assert!(fresh.iter().all(|(name, own)| rows[name] == *own));
}
