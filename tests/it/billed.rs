//! What a run would be billed, worked out from given sizes and compared with what was worked out by hand.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use milepost::application::Obstacle;
use milepost::application::sizes::billed_by;
use milepost::diagnostic::Diagnostics;
use milepost::plan::node::NodeId;
use milepost::render::dialect::Dialect;
use milepost::{Analysis, analyze};

fn analyzed(models: &str) -> (tempfile::TempDir, Analysis) {
    let folder = tempfile::tempdir().unwrap();
    let target = "[target.prod]\ndialect = \"bigquery\"\nproject = \"p\"\nschema = \"d\"\n";
    std::fs::create_dir(folder.path().join("models")).unwrap();
    let text = format!("[project]\nname = \"acme\"\n{target}{models}");
    std::fs::write(folder.path().join("project.toml"), text).unwrap();
    let mut diagnostics = Diagnostics::default();
    let Ok(analysis) = analyze(folder.path(), BTreeMap::new(), &mut diagnostics) else {
        panic!("the project has mistakes")
    };
    (folder, analysis)
}

/// Returns the bytes of each table that a statement reads, as `statement <- table`.
fn billed(analysis: &Analysis, folder: &Path, sizes: &str) -> Result<BTreeMap<String, u64>, String> {
    let path = folder.join("sizes.toml");
    std::fs::write(&path, sizes).unwrap();
    let all: Vec<NodeId> = (0..analysis.plan.nodes.len()).map(NodeId).collect();
    let dialect = Dialect::named("bigquery").unwrap();
    let found = billed_by(analysis, &all, dialect, &path).map_err(|obstacle| match obstacle {
        Obstacle::InTheWay { message, .. } => message,
        Obstacle::Mistakes { .. } => "mistakes".to_owned(),
    })?;
    Ok(found.into_iter().map(|(node, reads, billed)| (format!("{node} <- {reads}"), billed.bytes)).collect())
}

const SOURCES: &str = "
[source.events]
table = \"raw.events\"
id = \"event_id\"
entity = \"user_id\"
name = \"event_name\"
time = \"timestamp\"
properties = { column = \"properties\", types = { plan = \"string\", amount = \"decimal\", doc = \"string\" } }

[entity.user]
table = \"raw.users\"
key = \"user_id\"
start = \"created_at\"
attributes = { channel = \"string\", account_id = \"string\" }
";

#[test]
fn each_table_counts_once_a_statement_with_the_columns_that_are_read() {
    let models = "
[milestone]
first = { event = \"a\", within = \"7d\" }
third = { event = \"b\", at_least = 3, within = \"30d\" }
[kpi]
rate = { kind = \"conversion\", of = \"third\", cohort = \"week\", by = [\"channel\"] }
";
    let (folder, analysis) = analyzed(&format!("{SOURCES}{models}"));
    let sizes = "
text = 10
[source.events]
rows = 100_000_000
bytes = { user_id = 40, event_id = 18 }
events = { a = 30_000_000 }
[entity.user]
rows = 5_000_000
bytes = { user_id = 40 }
";
    let found = billed(&analysis, folder.path(), sizes).unwrap();
    // Raw events: user_id 40, event_id 18, event_name 2 + 10, timestamp 8; no property is read. Users: user_id 40, created_at
    // 8, channel 12, account_id 12. Occurrences read user_id and started_at of users, 48. The one KPI reads them with the
    // channel, 60; and of `third` (at most 5 million users, 3 rows and the last of its window each) the stream 8, the user 40,
    // its number 8 and its bucket 8.
    let expected = BTreeMap::from([
        ("entity_user <- entity.user".to_owned(), 5_000_000 * 72),
        ("occurrences__user__events__count__0 <- source.events".to_owned(), 100_000_000 * 78),
        ("occurrences__user__events__count__0 <- entity_user".to_owned(), 5_000_000 * 48),
        ("cells__0__user <- entity_user".to_owned(), 5_000_000 * 60),
        ("cells__0__user <- occurrences__user__events__count__0".to_owned(), 20_000_000 * 64),
    ]);
    assert_eq!(found, expected);
    // Who has an event of a name is fewer than all; nothing is billed less than 10 MB.
    let fewer = sizes.replace("[entity", "entities = 1_000_000\n[entity").replace("rows = 5_000_000", "rows = 100");
    let found = billed(&analysis, folder.path(), &fewer).unwrap();
    assert_eq!(found["cells__0__user <- entity_user"], 10 << 20);
    let fewer = sizes.replace("[entity", "entities = 1_000_000\n[entity");
    let found = billed(&analysis, folder.path(), &fewer).unwrap();
    assert_eq!(found["cells__0__user <- occurrences__user__events__count__0"], 4_000_000 * 64);
    // What is not said, and what is said of nothing.
    let message = billed(&analysis, folder.path(), "[entity.user]\nrows = 1\n").unwrap_err();
    assert!(message.ends_with("sizes.toml has no `[source.events]`"), "{message}");
    let message = billed(&analysis, folder.path(), &format!("{sizes}\n[entity.account]\nrows = 1\n")).unwrap_err();
    assert!(message.ends_with("sizes.toml: `[entity.account]`"), "{message}");
    let message = billed(&analysis, folder.path(), &sizes.replace("rows = 1", "row = 1")).unwrap_err();
    assert!(message.contains("unknown field `row`"), "{message}");
}

/// A thousand definitions over a billion events, of which 85 bytes are read, and ten million users: every kind of milestone, on
/// a hundred names of events; 1.6 to 1.9 TB as it was planned once.
#[test]
fn a_thousand_definitions_over_a_billion_events_are_billed_less_than_three_tenths_of_a_terabyte() {
    let mut models = SOURCES.to_owned();
    for number in 0..500 {
        let event = format!("event = \"event_{}\"", number % 100);
        let keys = match number % 10 {
            5 => format!("{event}\nsum = \"properties.amount\"\nat_least = 100\nwithin = \"30d\""),
            6 => format!("all_of = [\"m{}\", \"m{}\"]\nwithin = \"30d\"", number - 6, number - 5),
            7 => format!("{event}\ndistinct = \"properties.doc\"\nat_least = 3\nwithin = \"14d\""),
            8 => format!("{event}\nwhere = \"properties.plan = 'pro'\"\nwithin = \"30d\""),
            9 => format!("{event}\nafter = \"m{}\"\nwithin = \"30d\"", number - 9),
            _ => format!("{event}\nat_least = {}\nwithin = \"{}d\"", 1 + (number / 100) % 3, [7, 14, 30][number % 3]),
        };
        writeln!(models, "[milestone.m{number}]\n{keys}").unwrap();
        let kind = match number % 3 {
            0 => "kind = \"conversion\"\ncohort = \"week\"\nby = [\"channel\"]",
            1 => "kind = \"time_to\"\ncohort = \"month\"",
            _ => "kind = \"count\"\ngrain = \"week\"",
        };
        writeln!(models, "[kpi.k{number}]\nof = \"m{number}\"\n{kind}").unwrap();
    }
    let (folder, analysis) = analyzed(&models);
    let sizes = "
[source.events]
rows = 1_000_000_000
entities = 1_500_000
bytes = { user_id = 38, event_id = 18, event_name = 21, properties = 0 }
[entity.user]
rows = 10_000_000
bytes = { user_id = 38 }
";
    let found = billed(&analysis, folder.path(), sizes).unwrap();
    let all: u64 = found.values().sum();
    assert!(all <= 300_000_000_000, "{all}");
    let readings: Vec<&String> = found.keys().filter(|name| name.ends_with("<- source.events")).collect();
    assert_eq!(readings.len(), 1);
    assert_eq!(found[readings[0]], 85_000_000_000);
}
