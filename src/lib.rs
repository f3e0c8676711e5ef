//! Compiles product-led-growth measures, written in TOML, to SQL for several warehouses.

pub mod diagnostic;
pub mod semantic;
pub mod source;
