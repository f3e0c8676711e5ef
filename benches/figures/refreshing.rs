//! A full refresh on DuckDB, with two threads: against one bare aggregate, against one statement a milestone, and against
//! revision 0f96742.

use std::fmt::Debug;
use std::path::Path;

use crate::data::Data;
use crate::measure::{Compiled, Refreshed, compile, median};
use crate::projects::{self, Kpis, Milestone, SHAPES};
use crate::{Settings, by_hand, table};

/// How many statements a milestone are measured; what more would take is scaled.
const SAMPLE: usize = 16;

/// What revision 0f96742 wrote for 256 milestones on 10 million plain events, measured elsewhere.
const LANDED_BYTES: f64 = 615e6;

/// The CPU seconds of an aggregate by user and event, over the texts, which writes a small table.
fn bound(data: &Data, settings: &Settings) -> f64 {
    let statement = format!(
        "CREATE OR REPLACE TABLE bound AS SELECT user_id, event_name, min(timestamp) AS a, count(*) AS n FROM {} GROUP BY ALL",
        data.events()
    );
    let seconds = median((0..settings.repeats).map(|_| data.engine.timed(&statement)).collect());
    data.engine.run("DROP TABLE bound");
    seconds
}

/// Compiles milestones and KPIs over some data by a program.
fn compiled(program: &Path, data: &Data, name: &str, milestones: &[Milestone], kpis: Kpis) -> Compiled {
    let folder = data.project(name);
    projects::write(&folder, data, milestones, kpis);
    compile(program, &folder, "duckdb")
}

/// Makes milestones from nothing, and compares what some views say with SQL that is written by hand.
fn refresh(data: &Data, settings: &Settings, milestones: &[Milestone], compared: &[usize]) -> Refreshed {
    let name = format!("{}", milestones.len());
    let compiled = compiled(Settings::program(), data, &name, milestones, Kpis::Conversions(0));
    let refreshed = data.engine.refresh(&compiled, settings);
    for number in compared {
        let found = data.engine.row(&by_hand::of_the_view_with_ids(*number));
        let expected = data.engine.row(&by_hand::expected(data, milestones, *number));
        assert_eq!(found, expected, "milestone_m{number} of {name} on {} data has other rows", data.name);
        let reached = found.split(' ').nth(1);
        assert_ne!(reached, Some("0"), "nobody reached m{number} of {name}: of so few events nothing can be said");
    }
    refreshed
}

/// The CPU seconds of one statement a milestone: some are measured, what they find is compared with the views, and the sum is
/// scaled.
fn by_hand(data: &Data, milestones: &[Milestone]) -> f64 {
    let steps = milestones.len() / SAMPLE;
    let chosen: Vec<usize> = (0..SAMPLE).map(|number| number * steps + number % steps).collect();
    let table = |number: &usize| format!("one_{number}");
    let statement = |number: &usize| by_hand::statement(data, &milestones[*number], &table(number));
    let statements: Vec<String> = chosen.iter().map(statement).collect();
    let seconds = data.engine.timed(&statements.join(";\n"));
    for number in &chosen {
        let found = data.engine.row(&by_hand::of_the_rows(&format!("milepost.milestone_m{number}")));
        assert_eq!(found, data.engine.row(&by_hand::of_the_rows(&table(number))), "milestone_m{number} has other rows");
        data.engine.run(&format!("DROP TABLE {}", table(number)));
    }
    seconds * count(milestones.len()) / count(SAMPLE)
}

fn count(things: impl TryInto<u32, Error: Debug>) -> f64 {
    f64::from(things.try_into().unwrap())
}

/// Plain data in tables: against the bound, against one statement a milestone, and what is written.
pub(crate) fn plain(settings: &Settings) {
    let data = Data::plain(settings);
    let bound = bound(&data, settings);
    table::base("plain: the bound, one aggregate by user and event", bound);
    for (count, of_bound, of_statements) in [(16, 0.75, 2.8), (64, 0.85, 9.0), (256, 1.25, 25.0), (1_000, 1.8, 65.0)] {
        let milestones = projects::plain(count);
        let refreshed = refresh(&data, settings, &milestones, &[0, count - 1]);
        let what = format!("plain, {count} milestones");
        table::at_most(&what, refreshed.seconds, ("the bound", bound), of_bound);
        let scaled = if count == SAMPLE { String::new() } else { format!(", {SAMPLE} measured and scaled") };
        let statements = by_hand(&data, &milestones);
        let against = format!("one statement a milestone{scaled}");
        table::less(&what, refreshed.seconds, (&against, statements), of_statements);
        if count == 256 {
            written(&data, settings, &milestones, refreshed.bytes);
        }
    }
}

fn written(data: &Data, settings: &Settings, milestones: &[Milestone], bytes: f64) {
    let (against, landed) = match &settings.landed {
        Some(program) => {
            let compiled = compiled(program, data, "256-landed", milestones, Kpis::Conversions(0));
            let bytes = data.engine.refresh(&compiled, settings).bytes;
            (format!("0f96742: {}", table::megabytes(bytes)), bytes)
        }
        None if settings.is_whole() => {
            (format!("0f96742, elsewhere: {}", table::megabytes(LANDED_BYTES)), LANDED_BYTES)
        }
        None => {
            let scaled = LANDED_BYTES * count(settings.events) / 10e6;
            (format!("0f96742, elsewhere and of 10,000,000 events, scaled: {}", table::megabytes(scaled)), scaled)
        }
    };
    let what = format!("plain, {} milestones: blocks written to the database", milestones.len());
    table::amount(&what, &table::megabytes(bytes), &against, "a quarter", Some(bytes <= landed / 4.0));
}

/// Plain data in Parquet, against the bound of the same.
pub(crate) fn parquet(settings: &Settings) {
    let data = Data::parquet(settings);
    let bound = bound(&data, settings);
    table::base("plain, Parquet: the bound", bound);
    for (count, of_bound) in [(16, 0.75), (256, 1.25)] {
        let refreshed = refresh(&data, settings, &projects::plain(count), &[0, count - 1]);
        let what = format!("plain, Parquet, {count} milestones");
        table::at_most(&what, refreshed.seconds, ("the bound", bound), of_bound);
    }
}

/// Hard data, whose duplicates are removed, against the bound of the same.
pub(crate) fn hard(settings: &Settings) {
    let data = Data::hard(settings);
    let bound = bound(&data, settings);
    table::base("hard: the bound", bound);
    for (count, of_bound) in [(16, 1.6), (256, 2.4)] {
        let refreshed = refresh(&data, settings, &projects::hard(count), &[0, 1, count - 1]);
        let what = format!("hard, duplicates removed, {count} milestones");
        table::at_most(&what, refreshed.seconds, ("the bound", bound), of_bound);
    }
}

/// How many milestones of other shapes there are.
const MIXED: usize = 64;

/// Milestones of all shapes on hard data, against revision 0f96742.
pub(crate) fn mixed(settings: &Settings) {
    let data = Data::hard(settings);
    let milestones = projects::mixed(MIXED);
    // One of each shape, and the shape that only every second group has.
    let compared: Vec<usize> = (0..SHAPES).chain([2 * SHAPES - 1]).collect();
    let refreshed = refresh(&data, settings, &milestones, &compared);
    let what = format!("hard, {MIXED} milestones of all shapes");
    let Some(program) = &settings.landed else {
        table::amount(&what, &table::cpu(refreshed.seconds), "", "", None);
        table::not_measured(&what, "0.5 of 0f96742", "MILEPOST_BENCH_LANDED names no program");
        return;
    };
    let digests = || {
        let digest = |number| data.engine.row(&by_hand::of_the_view_with_ids(number));
        (0..MIXED).map(digest).collect::<Vec<_>>()
    };
    let ours = digests();
    let compiled = compiled(program, &data, "mixed-landed", &milestones, Kpis::Conversions(0));
    let landed = data.engine.refresh(&compiled, settings);
    assert_eq!(ours, digests(), "0f96742 has other rows");
    table::at_most(&what, refreshed.seconds, ("0f96742", landed.seconds), 0.5);
}

/// KPIs over these: what they add to the same run.
pub(crate) fn kpis(settings: &Settings) {
    let data = Data::hard(settings);
    let milestones = projects::mixed(MIXED);
    let seconds = |name: &str, kpis| {
        let compiled = compiled(Settings::program(), &data, name, &milestones, kpis);
        data.engine.refresh(&compiled, settings).seconds
    };
    let without = seconds("mixed", Kpis::Conversions(0));
    let against = format!("the same without: {without:.2}");
    for (what, name, kpis, bound) in [
        ("500 conversions", "mixed-conversions", Kpis::Conversions(500), "2 CPU s of 250,000 users"),
        ("500 KPIs of four kinds", "mixed-kpis", Kpis::OfAllKinds(500), ""),
    ] {
        let more = seconds(name, kpis) - without;
        let is_reached = (settings.users == 250_000 && !bound.is_empty()).then_some(more <= 2.0);
        table::amount(&format!("{what} more, over these"), &table::cpu(more), &against, bound, is_reached);
    }
}
