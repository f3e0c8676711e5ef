//! What was said to be final stays so: a cell that is `mature` as of one moment is the same as of every later one.
//!
//! Rows do not arrive late here, and nobody does anything before they exist: all rows lie in the tables at both moments. Where
//! a source does not keep its rows for ever, a cell may be final no more, or be gone; while it says that it is final, it is the same.

use std::collections::BTreeMap;
use std::fmt::Write;

use duckdb::Connection;
use milepost::analyze;
use milepost::diagnostic::Diagnostics;
use milepost::render::{Place, render};
use milepost::report::diagnostics::{Look, draw};
use tempfile::TempDir;

use crate::functions::executed;
use crate::fuzz::choices::Choices;

const PLAIN: Look = Look { colors: false, width: 100 };

/// What is counted, and by whom; words in capitals stand for what is chosen.
const TABLES: &str = r#"
[project]
name = "maturity"
[entity]
user = { table = "raw.users", key = "user_id", start = "created_at", parent = { account = "account_id" }, attributes = { plan = "string" }WHERE }
account = { key = "account_id"ACCOUNT }
[source.events]
table = "raw.events"
id = "event_id"
entity = "user_id"
entity_type = "user"
name = "event_name"
time = "happened_at"
columns = { amount = "float", kind = "string", day = "date" }
RETAIN
SCAN
[source.payments]
kind = "facts"
table = "raw.payments"
key = "payment_id"
entity = "user_id"
entity_type = "user"
time = "paid_at"
columns = { cents = "int" }
[source.profiles]
kind = "facts"
table = "raw.users"
entity = "user_id"
entity_type = "user"
columns = { plan = "string" }
"#;

/// Every way in which a milestone comes about; `W` stands for a window.
const MILESTONES: &[(&str, &str)] = &[
    ("one", r#"event = "a", W"#),
    ("two", r#"event = "b", at_least = 2, W"#),
    ("amount", r#"event = "c", sum = "amount", at_least = 1.5, W"#),
    ("kinds", r#"event = "*", distinct = "kind", at_least = 2, W"#),
    ("pro", r#"event = "a", for = "plan = 'pro'", W"#),
    ("then", r#"event = "b", from = "one", W"#),
    ("later", r#"event = "c", after = "one", W"#),
    ("ever", r#"event = "d""#),
    ("after_ever", r#"event = "a", from = "ever", W"#),
    ("whole", r#"all_of = ["one", "two"]"#),
    ("either", r#"any_of = ["amount", "then"], W"#),
    ("most", r#"at_least_of = { count = 2, of = ["one", "nothing", "then"] }"#),
    ("path", r#"sequence = ["one", "two", "later_step"]"#),
    ("later_step", r#"event = "c", W"#),
    ("nothing", r#"none_of = ["one", "two"], W"#),
    ("team", r#"members = "one", at_least = 2, W"#),
    ("whole_after", r#"all_of = ["one", "two"], from = "ever""#),
    ("answer_after", r#"any_of = ["after_ever", "one"], from = "ever""#),
    ("either_after", r#"any_of = ["amount", "then", "nothing"], from = "one", W"#),
    ("silent_after", r#"none_of = ["one", "whole_after"], from = "ever", W"#),
    ("after_silence", r#"event = "b", from = "silent_after", W"#),
];

const GRAINS: &[&str] = &["week", "day", "month", "all"];

/// The tables of a project, and whether its rows are not kept for ever.
fn chosen_tables(choices: &mut Choices<'_>) -> (String, bool) {
    let mut text = TABLES.to_owned();
    let mut choose = |word: &str, chance, written: &[&str]| {
        let is_chosen = choices.chance(chance);
        let chosen: &str = if is_chosen { choices.pick::<&str>(written) } else { "" };
        text = text.replace(word, chosen);
        is_chosen
    };
    choose("WHERE", 8, &[", where = \"as_of - start < duration '30d'\""]);
    choose("ACCOUNT", 30, &[", table = \"raw.accounts\", start = \"opened_at\"", ", table = \"raw.accounts\""]);
    choose("SCAN", 8, &["scan = \"day >= add_days(date(as_of), -30)\""]);
    let forgets = choose("RETAIN", 30, &["retain = \"20d\"", "retain = \"30d\"", "retain = \"45d\""]);
    (text, forgets)
}

/// A project of all milestones and of some KPIs, and whether its rows are not kept for ever.
fn project(choices: &mut Choices<'_>) -> (String, bool) {
    let (tables, forgets) = chosen_tables(choices);
    let mut text = format!("{tables}[milestone]\n");
    for (name, form) in MILESTONES {
        let window = *choices.pick(&["7d", "1d", "3d", "36h", "14d", "30d"]);
        // An absence says by when; others may have no end.
        let is_absence = matches!(*name, "nothing" | "silent_after");
        let window = if !is_absence && choices.chance(12) { String::new() } else { format!("within = \"{window}\"") };
        writeln!(text, "{name} = {{ {} }}", form.replace('W', &window)).unwrap();
    }
    for number in 0..10 {
        writeln!(text, "[kpi.k{number}]\n{}", kpi(choices)).unwrap();
    }
    // Formulas need inputs of one grain.
    let grain = *choices.pick(GRAINS);
    for name in ["k_left", "k_right"] {
        writeln!(text, "[kpi.{name}]\n{}", timed(choices, grain)).unwrap();
    }
    let value = "coalesce(k_left, 0.0) + coalesce(k_right, 0.0)";
    writeln!(text, "[kpi.k_formula]\nkind = \"formula\"\nvalue = \"{value}\"\ngrain = \"{grain}\"").unwrap();
    (text, forgets)
}

fn kpi(choices: &mut Choices<'_>) -> String {
    let grain = *choices.pick(GRAINS);
    timed(choices, grain)
}

fn timed(choices: &mut Choices<'_>, grain: &str) -> String {
    let kind = *choices.pick(&["conversion", "count", "ratio", "time_to", "sum"]);
    let mut text = format!("kind = \"{kind}\"\n");
    let over_cohorts = matches!(kind, "conversion" | "time_to");
    let by_calendar = choices.chance(40) && (!over_cohorts || grain == "all");
    writeln!(text, "{} = \"{grain}\"", if by_calendar { "grain" } else { "cohort" }).unwrap();
    if choices.chance(15) {
        text.push_str("include_immature = true\n");
    }
    let of = |choices: &mut Choices<'_>| choices.pick(MILESTONES).0;
    let mut by: &[&str] = &["plan"];
    match kind {
        "conversion" | "time_to" => {
            let name = of(choices);
            writeln!(text, "of = \"{name}\"").unwrap();
            if choices.chance(30) && name != "team" {
                writeln!(text, "from = \"{}\"", choices.pick(&["one", "ever", "either", "nothing"])).unwrap();
            }
            if choices.chance(30) {
                writeln!(text, "where = \"{}\"", milestone_condition(choices, name)).unwrap();
            }
            if name == "team" {
                by = &[];
            } else if choices.chance(25) {
                by = &["count", "mature", "reached"];
            }
            if kind == "time_to" {
                writeln!(
                    text,
                    "statistic = \"{}\"\nunit = \"hour\"",
                    choices.pick(&["median", "mean", "min", "max", "p90"])
                )
                .unwrap();
            }
        }
        "count" | "sum" => {
            let (measure, can_be_by) = measure(choices, kind == "sum", !by_calendar || grain == "all");
            text.push_str(&measure.join("\n"));
            text.push('\n');
            by = can_be_by;
        }
        _ => {
            for side in ["numerator", "denominator"] {
                let adds_up = choices.chance(30);
                let (mut measure, can_be_by) = measure(choices, adds_up, !by_calendar || grain == "all");
                if adds_up {
                    measure.push("aggregate = \"sum\"".to_owned());
                }
                writeln!(text, "{side} = {{ {} }}", measure.join(", ")).unwrap();
                if can_be_by != ["plan"] {
                    by = if can_be_by.is_empty() || by.is_empty() { &[] } else { &["plan"] };
                }
            }
        }
    }
    if !by.is_empty() && choices.chance(50) {
        writeln!(text, "by = [\"{}\"]", choices.pick(by)).unwrap();
    }
    text
}

/// What may be asked of a milestone's rows; an account has no plan.
const OF_USER: &[&str] =
    &["plan = 'pro'", "count >= 2", "reached", "progress > 1", "mature", "as_of - start > duration '9d'"];

fn milestone_condition(choices: &mut Choices<'_>, name: &str) -> &'static str {
    let condition: &&str = choices.pick(if name == "team" { &OF_USER[1..] } else { OF_USER });
    condition
}

/// What is counted or added up, and what it can be broken down by.
fn measure(choices: &mut Choices<'_>, adds_up: bool, timeless: bool) -> (Vec<String>, &'static [&'static str]) {
    let mut parts = Vec::new();
    let mut by: &[&str] = &["plan"];
    let (of, condition, value): (&str, &[&str], &[&str]) = match choices.below(6) {
        0..=2 => {
            let name = choices.pick(MILESTONES).0;
            if choices.chance(40) {
                parts.push(format!("where = \"{}\"", milestone_condition(choices, name)));
            }
            by = if name == "team" { &[] } else { &["plan", "count"] };
            (name, &[], &["progress", "count", "hours_between(anchor_at, reached_at)"])
        }
        3 => ("user", &["plan = 'pro'", "as_of - start > duration '9d'"], &["length(plan)"]),
        4 => ("events", &["amount > 1", "user.plan = 'pro'", "name = 'a'"], &["amount"]),
        _ if timeless && choices.chance(25) => ("profiles", &["plan = 'pro'"], &["length(plan)"]),
        _ => ("payments", &["cents > 100"], &["cents"]),
    };
    parts.push(format!("of = \"{of}\""));
    if !condition.is_empty() && choices.chance(40) {
        parts.push(format!("where = \"{}\"", choices.pick(condition)));
    }
    if adds_up {
        parts.push(format!("value = \"{}\"", choices.pick(value)));
    }
    (parts, by)
}

/// Numbers without a pattern that matters, from one that was chosen.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }
}

const BEGIN: &str = "TIMESTAMP '2024-01-01'";

/// Raw tables: people who start within six weeks, and what they do in the seven weeks after.
fn tables(seed: usize) -> String {
    let mut random = Random(seed as u64);
    let mut sql = "CREATE SCHEMA raw;
        CREATE TABLE raw.users (user_id VARCHAR, account_id VARCHAR, created_at TIMESTAMP, plan VARCHAR);
        CREATE TABLE raw.events (event_id VARCHAR, user_id VARCHAR, event_name VARCHAR, happened_at TIMESTAMP, amount DOUBLE, kind VARCHAR, day DATE);
        CREATE TABLE raw.accounts (account_id VARCHAR, opened_at TIMESTAMP);
        CREATE TABLE raw.payments (payment_id VARCHAR, user_id VARCHAR, paid_at TIMESTAMP, cents BIGINT);\n"
        .to_owned();
    for account in 0..4 {
        // Before its members, or after some of them.
        let opened = random.below(42 * 4) * 6;
        writeln!(sql, "INSERT INTO raw.accounts VALUES ('a{account}', {BEGIN} + INTERVAL {opened} HOUR);").unwrap();
    }
    for user in 0..12 {
        let start = random.below(42 * 4) * 6;
        let plan = ["'pro'", "'free'", "NULL"][random.below(3)];
        let account = random.below(4);
        writeln!(
            sql,
            "INSERT INTO raw.users VALUES ('u{user}', 'a{account}', {BEGIN} + INTERVAL {start} HOUR, {plan});"
        )
        .unwrap();
        for event in 0..random.below(9) {
            // Often at the very edge of a window.
            let after = if random.below(3) == 0 { random.below(15) * 24 } else { random.below(49 * 8) * 3 };
            let name = ["a", "a", "b", "b", "c", "d"][random.below(6)];
            let (quarters, kind) = (random.below(8), random.below(3));
            writeln!(
                sql,
                "INSERT INTO raw.events VALUES ('{user}-{event}', 'u{user}', '{name}', {BEGIN} + INTERVAL {at} HOUR, {quarters} / 4, 'k{kind}', ({BEGIN} + INTERVAL {at} HOUR)::DATE);",
                at = start + after
            )
            .unwrap();
            if random.below(3) == 0 {
                writeln!(
                    sql,
                    "INSERT INTO raw.payments VALUES ('{user}-{event}', 'u{user}', {BEGIN} + INTERVAL {} HOUR, {});",
                    start + after,
                    random.below(300)
                )
                .unwrap();
            }
        }
    }
    sql
}

/// A folder to compile in.
pub(super) struct Projects(TempDir);

impl Projects {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("models")).unwrap();
        Self(folder)
    }

    /// Makes a project's relations as of two moments, and compares the cells that were final as of the first. Returns how
    /// many there were.
    pub(super) fn compare(&self, choices: &mut Choices<'_>) -> Result<usize, String> {
        let (earlier, apart) = (choices.below(90 * 4) * 6, 6 * (1 + choices.below(30 * 4)));
        let seed = choices.below(1 << 16);
        let (text, forgets) = project(choices);
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(&tables(seed)).unwrap();
        let told = |fault: String| format!("{fault}\n---- {seed}, as of {earlier} and {apart} hours later\n{text}");
        for (schema, hours) in [("earlier", earlier), ("later", earlier + apart)] {
            self.make(&connection, &text, schema, hours).map_err(&told)?;
        }
        let kept = "FROM earlier.kpis AS was LEFT JOIN later.kpis AS \"is\" ON \"is\".kpi = was.kpi
            AND \"is\".period IS NOT DISTINCT FROM was.period AND \"is\".segment_by IS NOT DISTINCT FROM was.segment_by
            AND \"is\".segment IS NOT DISTINCT FROM was.segment WHERE was.mature";
        let compared = if forgets { "coalesce(\"is\".mature, FALSE)" } else { "TRUE" };
        let changed = format!(
            "SELECT was::VARCHAR || ' became ' || coalesce(\"is\"::VARCHAR, 'nothing') {kept} AND {compared} AND (NOT coalesce(\"is\".mature, FALSE)
                OR was.immature > 0
                OR (was.numerator, was.denominator, was.value, was.n) IS DISTINCT FROM (\"is\".numerator, \"is\".denominator, \"is\".value, \"is\".n)) LIMIT 1"
        );
        let mut statement = connection.prepare(&changed).unwrap();
        let first = statement.query_map([], |row| row.get::<_, String>(0)).unwrap().next();
        if let Some(changed) = first {
            return Err(told(changed.unwrap()));
        }
        let count: i64 = connection.query_row(&format!("SELECT count(*) {kept}"), [], |row| row.get(0)).unwrap();
        Ok(usize::try_from(count).unwrap())
    }

    fn make(&self, connection: &Connection, text: &str, schema: &str, hours: usize) -> Result<(), String> {
        std::fs::write(self.0.path().join("project.toml"), text).unwrap();
        let mut diagnostics = Diagnostics::default();
        let analysis = analyze(self.0.path(), BTreeMap::new(), &mut diagnostics)
            .map_err(|sources| draw(&diagnostics, &sources, PLAIN))?;
        let as_of = format!("SELECT strftime({BEGIN} + INTERVAL {hours} HOUR, '%Y-%m-%d %H:%M:%S.000000')");
        let as_of: String = connection.query_row(&as_of, [], |row| row.get(0)).unwrap();
        let place =
            Place { dialect: executed(), schema: schema.to_owned(), as_of, stand_ins: BTreeMap::new(), blanks: None };
        let statements = render(&analysis.plan, &analysis.model, &analysis.project.sources, &place, &mut diagnostics);
        for (_, statement) in statements {
            let made = connection.execute_batch(&statement.sql);
            made.map_err(|error| format!("{}: {error}\n{}", statement.node, statement.sql))?;
        }
        Ok(())
    }
}
