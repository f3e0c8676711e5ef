//! Compiles product-led-growth measures, written in TOML, to SQL for several warehouses.

pub mod check;
pub mod cli;
pub mod diagnostic;
pub mod plan;
pub mod project;
pub mod render;
pub mod report;
pub mod run;
pub mod semantic;
pub mod source;
pub mod warehouse;
