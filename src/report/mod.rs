//! What people and programs read: diagnostics, tables, charts, the progress of a run.
//!
//! Everything here turns data into text. The command line decides where the text goes: what was asked for to
//! standard output, everything else to standard error.

pub mod chart;
pub mod diagnostics;
pub mod json;
pub mod junit;
pub mod progress;
pub mod sarif;
pub mod table;
pub mod width;
