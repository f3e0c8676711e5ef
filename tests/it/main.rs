//! The one integration binary.

#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails, in its helpers too")]

mod access;
mod architecture;
mod by_hand;
mod capitals;
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
mod files;
mod functions;
mod fuzz;
mod gallery;
mod kill;
mod language;
mod limits;
mod lineage;
mod many_kpis;
mod meaning;
mod metamorphic;
mod network;
mod parts;
mod real;
mod results;
mod run;
mod schema;
mod secrets;
mod services;
mod shadowed;
mod stand_ins;
mod state;
mod traps;
mod values;
mod warehouse;
