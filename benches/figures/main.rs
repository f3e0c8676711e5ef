//! The figures of BENCHMARKS.md, by one command: `cargo bench --bench figures`, or those of some groups:
//! `cargo bench --bench figures -- plain hard`.
//!
//! Every figure is a ratio of CPU seconds measured in this one run; times by themselves mean nothing elsewhere. What was
//! measured elsewhere says so. A figure of wrong rows is no figure: after each refresh what the views say is compared with
//! SQL that is written by hand, and where they differ this stops.
//!
//! It reads the account of a process's CPU and memory from `/proc`, so it runs on Linux. How it is told what to do by the
//! environment stands in [`Settings`].

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a measurement prints, and stops when something fails")]

mod by_hand;
mod compiling;
mod data;
mod measure;
mod projects;
mod refreshing;
mod table;

use std::path::{Path, PathBuf};
use std::{env, fs};

use tempfile::TempDir;

/// Measures something, and prints rows of the table.
type Measure = fn(&Settings);

/// What can be measured by itself, and how.
const GROUPS: &[(&str, Measure)] = &[
    ("compile", compiling::compile),
    ("statements", compiling::statements),
    ("plain", refreshing::plain),
    ("parquet", refreshing::parquet),
    ("hard", refreshing::hard),
    ("mixed", refreshing::mixed),
    ("kpis", refreshing::kpis),
];

/// What is measured, and on how much.
struct Settings {
    /// How many events there are: `MILEPOST_BENCH_EVENTS`, 10 million if unset.
    events: u64,
    /// How many users: `MILEPOST_BENCH_USERS`, one for 40 events if unset.
    users: u64,
    /// How often each thing is done, of which the median counts: `MILEPOST_BENCH_REPEATS`, three times if unset.
    repeats: usize,
    /// The program of revision 0f96742, which is what some figures are measured against: `MILEPOST_BENCH_LANDED`.
    landed: Option<PathBuf>,
    /// Where data, projects and compiled SQL lie: `MILEPOST_BENCH_KEEP`, else a folder that goes away. Data that lies there
    /// already is used again.
    folder: PathBuf,
    /// Removes the folder.
    _folder: Option<TempDir>,
}

impl Settings {
    fn of_the_environment() -> Self {
        let number = |name: &str, default: u64| {
            env::var(name).map_or(default, |text| {
                text.parse().unwrap_or_else(|_| panic!("{name} is a whole number, and not `{text}`"))
            })
        };
        let events = number("MILEPOST_BENCH_EVENTS", 10_000_000);
        let kept = env::var_os("MILEPOST_BENCH_KEEP").map(PathBuf::from);
        let temporary = kept.is_none().then(|| tempfile::tempdir().unwrap());
        let folder = kept.unwrap_or_else(|| temporary.as_ref().map(|folder| folder.path().to_owned()).unwrap());
        fs::create_dir_all(&folder).unwrap();
        Self {
            events,
            users: number("MILEPOST_BENCH_USERS", events / 40).max(1),
            repeats: usize::try_from(number("MILEPOST_BENCH_REPEATS", 3).max(1)).unwrap(),
            landed: env::var_os("MILEPOST_BENCH_LANDED").map(PathBuf::from),
            folder: folder.canonicalize().unwrap(),
            _folder: temporary,
        }
    }

    /// Tells whether the data is as large as figures that are no ratios are said of.
    fn is_whole(&self) -> bool {
        (self.events, self.users) == (10_000_000, 250_000)
    }

    /// Returns the program that is measured.
    fn program() -> &'static Path {
        Path::new(env!("CARGO_BIN_EXE_milepost"))
    }
}

fn main() {
    let mut arguments: Vec<String> = env::args().skip(1).collect();
    // `cargo test` runs this too, to see that it builds.
    let Some(place) = arguments.iter().position(|argument| argument == "--bench") else { return };
    arguments.remove(place);
    let known: Vec<&str> = GROUPS.iter().map(|(name, _)| *name).collect();
    if let Some(other) = arguments.iter().find(|argument| !known.contains(&argument.as_str())) {
        panic!("there is no group `{other}`; there are {}", known.join(", "));
    }
    let settings = Settings::of_the_environment();
    println!(
        "{} events, {} users, 2 threads, medians of {}{}\n",
        table::grouped(settings.events),
        table::grouped(settings.users),
        settings.repeats,
        if settings.is_whole() { "" } else { "; the figures to reach are of 10,000,000 events and 250,000 users" }
    );
    table::head();
    for (name, measure) in GROUPS {
        if arguments.is_empty() || arguments.iter().any(|argument| argument == name) {
            measure(&settings);
        }
    }
}
