//! The one integration binary. What is executed needs the engine, and is left out of a build without it.

#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails, in its helpers too")]

#[cfg(feature = "duckdb")]
mod access;
#[cfg(feature = "duckdb")]
mod application;
mod architecture;
mod billed;
#[cfg(feature = "duckdb")]
mod by_hand;
mod capitals;
mod cases;
mod catalog;
mod cli;
mod commands;
#[cfg(feature = "duckdb")]
mod conformance;
#[cfg(feature = "duckdb")]
mod dbt;
mod dependencies;
#[cfg(feature = "duckdb")]
mod drop;
mod engine;
mod errors;
mod events;
mod extent;
#[cfg(feature = "duckdb")]
mod faults;
#[cfg(feature = "duckdb")]
mod files;
mod functions;
mod fuzz;
mod gallery;
#[cfg(feature = "duckdb")]
mod junit;
#[cfg(feature = "duckdb")]
mod kill;
mod language;
mod limits;
mod lineage;
mod many_kpis;
mod meaning;
#[cfg(feature = "duckdb")]
mod metamorphic;
mod network;
mod pages;
#[cfg(feature = "duckdb")]
mod parts;
#[cfg(feature = "duckdb")]
mod real;
#[cfg(feature = "duckdb")]
mod recipes;
mod reference;
#[cfg(feature = "duckdb")]
mod results;
#[cfg(feature = "duckdb")]
mod run;
mod sarif;
mod schema;
#[cfg(feature = "duckdb")]
mod secrets;
#[cfg(feature = "duckdb")]
mod services;
mod shadowed;
#[cfg(feature = "duckdb")]
mod stand_ins;
#[cfg(feature = "duckdb")]
mod state;
mod traps;
#[cfg(feature = "duckdb")]
mod values;
mod variables;
#[cfg(feature = "duckdb")]
mod warehouse;
