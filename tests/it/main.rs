//! The one integration binary.

#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails, in its helpers too")]

mod access;
mod architecture;
mod by_hand;
mod cases;
mod catalog;
mod cli;
mod commands;
mod conformance;
mod dependencies;
mod engine;
mod errors;
mod extent;
mod faults;
mod functions;
mod fuzz;
mod gallery;
mod kill;
mod language;
mod network;
mod real;
mod run;
mod schema;
mod stand_ins;
mod traps;
mod warehouse;
