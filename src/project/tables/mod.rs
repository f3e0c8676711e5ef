//! The tables that a project is written in, field by field: what was written, without its meaning.
//!
//! The JSON Schema that editors use is generated from these types, and unknown keys are found with it.

pub mod entity;
pub mod kpi;
pub mod milestone;
pub mod score;
pub mod settings;
pub mod source;
pub mod test;
