//! Throws projects and expressions at the compiler that nobody would write, and some that somebody might.
//!
//! Whatever is thrown, there is no panic; what is wrong is reported with places that can be drawn; and what is accepted
//! compiles for every dialect to SQL that the dialect's grammar reads, and DuckDB's binder too.
//!
//! The normal run takes the same few hundred cases each time, so that it fails for what was changed and not by chance.
//! `MILEPOST_FUZZ_SECONDS=600 cargo test --release fuzz` takes new ones, ten minutes for each of the tests.
//! What is found goes into `tests/fuzz/`, a file a project, where the first test reads it ever after.

#[cfg(feature = "duckdb")]
mod binder;
mod choices;
mod expressions;
#[cfg(feature = "duckdb")]
mod maturity;
pub(crate) mod projects;
mod property;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};

use crate::extent;
use crate::fuzz::choices::Choices;
use crate::fuzz::property::{Compiler, Outcome};

/// How many choices a case is made from at most.
const LONGEST: usize = 160;

/// Hands cases to `test`, which makes what it tests out of a list of numbers: few and small ones make simple things.
fn throw(cases: u32, test: impl Fn(&mut Choices<'_>) -> Result<(), String>) {
    throw_and_shrink(cases, 2000, test);
}

/// Does so, and makes what fails simpler by so many tries at most.
fn throw_and_shrink(cases: u32, tries: u32, test: impl Fn(&mut Choices<'_>) -> Result<(), String>) {
    let seconds = std::env::var("MILEPOST_FUZZ_SECONDS").ok().map(|text| text.parse().expect("a number of seconds"));
    let deadline = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let config =
        Config { cases: extent::of(cases), failure_persistence: None, max_shrink_iters: tries, ..Config::default() };
    let algorithm = RngAlgorithm::ChaCha;
    loop {
        let mut runner = match deadline {
            Some(_) => TestRunner::new(config.clone()),
            None => TestRunner::new_with_rng(config.clone(), TestRng::deterministic_rng(algorithm)),
        };
        let numbers = prop::collection::vec(any::<u16>(), 0..LONGEST);
        let result = runner.run(&numbers, |numbers| {
            // A panic is a finding like any other: it is shrunk, and shown with what caused it.
            catch_unwind(AssertUnwindSafe(|| test(&mut Choices::new(&numbers))))
                .unwrap_or_else(|panic| Err(format!("a panic: {}", words(&*panic))))
                .map_err(TestCaseError::fail)
        });
        match result {
            Ok(()) => {}
            Err(TestError::Fail(reason, numbers)) => panic!("{reason}\nmade from {numbers:?}"),
            Err(TestError::Abort(reason)) => panic!("{reason}"),
        }
        if deadline.is_none_or(|deadline| Instant::now() >= deadline) {
            return;
        }
    }
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

#[test]
fn what_was_found_once_stays_mended() {
    let compiler = Compiler::new();
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz")).unwrap() {
        let file = entry.unwrap().path();
        if file.extension().is_some_and(|extension| extension == "toml") {
            let text = std::fs::read_to_string(&file).unwrap();
            if let Err(fault) = compiler.compile(&text) {
                panic!("{}: {fault}", file.display());
            }
        }
    }
}

#[test]
fn projects_of_which_parts_were_changed() {
    let seeds = projects::Seeds::read();
    let compiler = Compiler::new();
    throw(150, |choices| {
        let text = seeds.project(choices);
        compiler.compile(&text).map(|_| ()).map_err(|fault| format!("{fault}\n---- project.toml\n{text}"))
    });
}

#[test]
fn projects_that_are_hardly_toml() {
    let seeds = projects::Seeds::read();
    let compiler = Compiler::new();
    throw(150, |choices| {
        let text = seeds.garbled(choices);
        compiler.compile(&text).map(|_| ()).map_err(|fault| format!("{fault}\n---- project.toml\n{text}"))
    });
}

#[test]
fn the_seeds_themselves_compile() {
    let compiler = Compiler::new();
    for (name, text) in projects::Seeds::read().whole() {
        match compiler.compile(&text) {
            Ok(Outcome::Compiled) => {}
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[cfg(feature = "duckdb")]
#[test]
fn cells_that_are_mature_never_change() {
    let projects = maturity::Projects::new();
    let (cells, cases) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    throw_and_shrink(25, 40, |choices| {
        cells.set(cells.get() + projects.compare(choices)?);
        cases.set(cases.get() + 1);
        Ok(())
    });
    // Were hardly any cell ever final, nothing would be tested.
    assert!(cells.get() > 20 * cases.get(), "{} of {} projects", cells.get(), cases.get());
}

#[test]
fn expressions_in_every_scope() {
    let compiler = Compiler::new();
    let accepted = std::cell::Cell::new(0);
    let cases = std::cell::Cell::new(0);
    throw(300, |choices| {
        let text = expressions::project(choices);
        cases.set(cases.get() + 1);
        let outcome = compiler.compile(&text).map_err(|fault| format!("{fault}\n---- project.toml\n{text}"))?;
        if outcome == Outcome::Compiled {
            accepted.set(accepted.get() + 1);
        }
        Ok(())
    });
    // The generator knows the types: were nearly all refused, nothing would be tested.
    assert!(accepted.get() * 3 > cases.get(), "{} of {} were accepted", accepted.get(), cases.get());
}
