//! What the compiler takes, and how many statements it makes.

use std::process::Command;

use crate::Settings;
use crate::data::Data;
use crate::measure::{Taken, compile as compiled, median, program};
use crate::projects::{self, Kpis};
use crate::table;

/// The size of data that is not measured on.
const LITTLE: u64 = 10_000;

impl Settings {
    /// The same, on next to no data.
    fn of_little(&self) -> Self {
        Self {
            events: LITTLE,
            users: LITTLE / 40,
            repeats: self.repeats,
            landed: None,
            folder: self.folder.clone(),
            _folder: None,
        }
    }
}

/// Compiling: the whole process, cold, for one dialect.
pub(crate) fn compile(settings: &Settings) {
    let data = Data::plain(&settings.of_little());
    let measured = |definitions: usize| {
        let taken = |repeat| {
            // A folder of its own each time: a file system that has just removed as many files is slower to make them.
            let folder = data.project(&format!("compile-{definitions}-{repeat}"));
            let milestones = projects::plain(definitions / 2);
            projects::write(&folder, &data, &milestones, Kpis::OfAllKinds(definitions / 2 - 2));
            let mut command = Command::new(Settings::program());
            program(command.args(["compile", "--quiet", "--target", "duckdb", "--project-dir"]).arg(&folder))
        };
        let taken: Vec<Taken> = (0..settings.repeats).map(taken).collect();
        let memory = taken.iter().map(|taken| taken.memory).fold(0.0, f64::max);
        (median(taken.iter().map(|taken| taken.seconds).collect()), memory)
    };
    let (thousand, _) = measured(1_000);
    let (many, memory) = measured(10_000);
    // dbt-core 1.11 on 1,000 equivalent models was measured elsewhere: that is no ratio of this run.
    table::less("compile 1,000 definitions, cold", thousand, ("dbt-core 1.11, elsewhere", 42.7), 200.0);
    table::at_most(
        "compile 10,000 definitions, a fourth of the KPIs formulas",
        many,
        ("1,000 definitions", thousand),
        11.0,
    );
    let reached = memory < 300e6;
    table::amount("the same: most memory", &table::megabytes(memory), "", "300 MB", Some(reached));
}

/// How many statements read the raw rows, and how many do work.
pub(crate) fn statements(settings: &Settings) {
    let data = Data::plain(&settings.of_little());
    let folder = data.project("statements");
    projects::write(&folder, &data, &projects::plain(500), Kpis::OfAllKinds(500));
    let by_dialect = ["duckdb", "bigquery", "snowflake"].map(|dialect| compiled(Settings::program(), &folder, dialect));
    let work: Vec<String> = by_dialect.iter().map(|compiled| compiled.that_work().to_string()).collect();
    let reads: Vec<String> = by_dialect.iter().map(|compiled| compiled.reads.to_string()).collect();
    let dialects = "DuckDB, BigQuery, Snowflake";
    let (is_little, is_once) =
        (by_dialect.iter().all(|compiled| compiled.that_work() <= 40), reads.iter().all(|reads| reads == "1"));
    let what = "statements that do work, 500 milestones and 500 KPIs";
    table::amount(what, &work.join(", "), dialects, "40", Some(is_little));
    let what = "statements that read the raw events, the same";
    table::amount(what, &reads.join(", "), dialects, "1", Some(is_once));
    // What the manifest says is one thing, and what the engine does another.
    data.engine.run("DROP SCHEMA IF EXISTS milepost CASCADE");
    let mut scans = 0;
    for (kind, sql) in &by_dialect[0].statements {
        if kind == "table" {
            scans += data.engine.plan(sql).matches(data.scanned()).count();
        }
        data.engine.run(sql);
    }
    let what = "scans of the raw events in the plans of all of them";
    table::amount(what, &scans.to_string(), "DuckDB", "1", Some(scans == 1));
}
