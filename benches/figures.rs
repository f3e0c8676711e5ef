//! The figures of BENCHMARKS.md, by one command: `cargo bench --bench figures`.
//!
//! Every figure is a ratio of CPU seconds measured in this one run; times by themselves mean nothing elsewhere. The
//! size of the events is `MILEPOST_BENCH_EVENTS` (10 million if unset). It reads the CPU's account of a process from
//! `/proc`, so it runs on Linux.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a measurement prints, and stops when something fails")]

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

use duckdb::Connection;
use milepost::diagnostic::Diagnostics;
use milepost::render::Place;
use milepost::render::dialect::Dialect;

const AS_OF: &str = "2026-07-01 00:00:00.000000";

fn main() {
    // `cargo test` runs this too, to see that it builds.
    if !env::args().any(|argument| argument == "--bench") {
        return;
    }
    println!("| what | CPU s | against | ratio | to reach |\n| --- | ---: | --- | ---: | ---: |");
    compile();
    refresh();
}

/// The CPU seconds of this process, and of those that it has waited for.
fn cpu() -> (f64, f64) {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<f64> =
        stat.rsplit(')').next().unwrap().split_whitespace().skip(1).map(|field| field.parse().unwrap_or(0.0)).collect();
    // Fields 14 to 17 of proc(5), in hundredths of a second.
    ((fields[10] + fields[11]) / 100.0, (fields[12] + fields[13]) / 100.0)
}

fn row(what: &str, seconds: f64, against: &str, ratio: &str, reach: &str) {
    println!("| {what} | {seconds:.2} | {against} | {ratio} | {reach} |");
}

/// Writes a project with so many milestones, KPIs of each kind among them where asked for.
fn project(root: &Path, milestones: usize, kpis: usize, duplicates: &str) {
    fs::create_dir_all(root.join("models")).unwrap();
    let target = "[target.dev]\ndialect = \"duckdb\"\n";
    fs::write(root.join("project.toml"), format!("[project]\nname = \"bench\"\nas_of = \"2026-07-01\"\n\n{target}"))
        .unwrap();
    let mut text = format!(
        "[source.events]\ntable = \"raw.events\"\nid = \"event_id\"\nentity = \"user_id\"\nname = \"event_name\"\n\
         time = \"timestamp\"\nduplicates = \"{duplicates}\"\n\n[entity.user]\ntable = \"raw.users\"\nkey = \"user_id\"\n\
         start = \"created_at\"\nattributes = {{ install_source = \"string\" }}\n"
    );
    for number in 0..milestones {
        let (event, at_least) = (number % 16, 1 + (number / 16) % 4);
        let within = [7, 14, 30, 60][(number / 64) % 4];
        let _ = writeln!(
            text,
            "\n[milestone.m{number}]\ntitle = \"Milestone {number}\"\nevent = \"event_{event}\"\nat_least = {at_least}\nwithin = \"{within}d\""
        );
    }
    for number in 0..kpis {
        let of = number % milestones;
        let _ = writeln!(
            text,
            "\n[kpi.k{number}]\ntitle = \"Share {number}\"\nkind = \"conversion\"\nof = \"m{of}\"\ncohort = \"week\"\nby = [\"install_source\"]"
        );
    }
    fs::write(root.join("models/models.toml"), text).unwrap();
}

/// Compiling: the whole process, cold, for one dialect.
fn compile() {
    let mut seconds = Vec::new();
    for definitions in [1_000, 10_000] {
        let folder = tempfile::tempdir().unwrap();
        project(folder.path(), definitions / 2, definitions - definitions / 2 - 2, "remove");
        let before = cpu().1;
        let status = Command::new(env!("CARGO_BIN_EXE_milepost"))
            .args(["compile", "--quiet", "--target", "dev", "--project-dir"])
            .arg(folder.path())
            .status()
            .unwrap();
        assert!(status.success(), "compiling {definitions} definitions failed");
        seconds.push(cpu().1 - before);
    }
    // 42.7 CPU s is dbt-core 1.11 on 1,000 equivalent models, measured elsewhere: not a ratio of this run.
    row(
        "compile 1,000 definitions, one dialect",
        seconds[0],
        "dbt-core, elsewhere: 42.7",
        &format!("1/{:.0}", 42.7 / seconds[0]),
        "1/200",
    );
    row(
        "compile 10,000 definitions",
        seconds[1],
        "1,000 definitions",
        &format!("{:.1}", seconds[1] / seconds[0]),
        "12",
    );
}

/// A full refresh on DuckDB, with two threads, against one statement a milestone and against one bare aggregate.
fn refresh() {
    let events: u64 = env::var("MILEPOST_BENCH_EVENTS").ok().and_then(|text| text.parse().ok()).unwrap_or(10_000_000);
    let users = (events / 40).max(1);
    let folder = tempfile::tempdir().unwrap();
    let connection = Connection::open(folder.path().join("bench.duckdb")).unwrap();
    let run = |sql: &str| connection.execute_batch(sql).unwrap();
    run("SET threads = 2; CREATE SCHEMA raw");
    run(&format!(
        "CREATE TABLE raw.users AS SELECT 'u' || i AS user_id,
           TIMESTAMP '2026-01-01' + to_seconds((hash(i) % 7776000)::BIGINT) AS created_at,
           ['a', 'b', 'c', 'd'][(hash(i * 7) % 4)::INT + 1] AS install_source FROM range({users}) t(i);
         CREATE TABLE raw.events AS SELECT 'e' || lpad(i::VARCHAR, 9, '0') AS event_id, 'u' || u AS user_id,
           'event_' || (hash(i * 31) % 20) AS event_name,
           TIMESTAMP '2026-01-01' + to_seconds((hash(u) % 7776000)::BIGINT)
             + to_microseconds((pow((hash(i * 13) % 1000000) / 1e6, 3) * 7776000000000)::BIGINT) AS timestamp
         FROM (SELECT i, (hash(i * 3) % {users})::BIGINT AS u FROM range({events}) t(i));
         CHECKPOINT"
    ));
    let timed = |sql: &str| {
        let before = cpu().0;
        connection.execute_batch(sql).unwrap();
        cpu().0 - before
    };
    let bound = timed(
        "CREATE TABLE bound AS SELECT user_id, event_name, min(timestamp) AS a, count(*) AS n FROM raw.events GROUP BY ALL",
    );
    row("the bound: one aggregate by user and event", bound, "", "1", "");
    let sixteen: f64 = (0..16)
        .map(|number| {
            timed(&format!(
                "CREATE OR REPLACE TABLE one_{number} AS SELECT u.user_id, min(n.timestamp) AS reached_at FROM raw.users u
                 LEFT JOIN (SELECT user_id, timestamp, row_number() OVER (PARTITION BY user_id ORDER BY timestamp) AS k
                   FROM (SELECT e.user_id, e.timestamp FROM raw.events e JOIN raw.users s USING (user_id)
                     WHERE e.event_name = 'event_{number}' AND e.timestamp >= s.created_at AND e.timestamp < TIMESTAMP '2026-07-01'
                       AND e.timestamp < s.created_at + INTERVAL 7 DAY)) n ON n.user_id = u.user_id AND n.k = 1
                 GROUP BY ALL"
            ))
        })
        .sum();
    let reach = [("16", "1/2"), ("64", "1/8"), ("256", "1/25")];
    let mut first = 0.0;
    for (position, (count, to_reach)) in reach.iter().enumerate() {
        let count: u32 = count.parse().unwrap();
        let seconds = refresh_milestones(&connection, count, "keep");
        let naive = sixteen * f64::from(count) / 16.0;
        let against =
            format!("one statement a milestone: {naive:.1}{}", if count == 16 { "" } else { " (16 measured, scaled)" });
        row(
            &format!("full refresh, {count} milestones"),
            seconds,
            &against,
            &format!("1/{:.1}", naive / seconds),
            to_reach,
        );
        if position == 0 {
            first = seconds;
            row("full refresh, 16 milestones", seconds, "the bound", &format!("{:.1}", seconds / bound), "3");
        } else if count == 256 {
            row("full refresh, 256 milestones", seconds, "16 milestones", &format!("{:.1}", seconds / first), "1.5");
        }
    }
    let seconds = refresh_milestones(&connection, 16, "remove");
    row(
        "full refresh, 16 milestones, duplicates removed by id",
        seconds,
        "duplicates kept",
        &format!("{:.1}", seconds / first),
        "",
    );
}

fn refresh_milestones(connection: &Connection, count: u32, duplicates: &str) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    project(folder.path(), count as usize, 0, duplicates);
    let mut diagnostics = Diagnostics::default();
    let project =
        milepost::project::load::load(folder.path(), std::collections::BTreeMap::new(), &mut diagnostics).unwrap();
    let model = milepost::semantic::resolve(&project, &mut diagnostics).unwrap();
    let plan = milepost::plan::plan(&model);
    let place = Place {
        dialect: Dialect::named("duckdb").unwrap(),
        schema: "milepost".to_owned(),
        as_of: AS_OF.to_owned(),
        stand_ins: std::collections::BTreeMap::new(),
    };
    let statements = milepost::render::render(&plan, &model, &project.sources, &place, &mut diagnostics);
    connection.execute_batch("DROP SCHEMA IF EXISTS milepost CASCADE").unwrap();
    let before = cpu().0;
    for statement in statements {
        connection.execute_batch(&statement.sql).unwrap();
    }
    cpu().0 - before
}
