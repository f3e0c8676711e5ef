//! Column lineage: what the command prints, and whether it is true.

#[cfg(feature = "duckdb")]
mod changed;
mod command;
#[cfg(feature = "duckdb")]
mod followed;
