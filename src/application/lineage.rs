//! Which columns a number comes from, and what comes of a column.

pub mod found;
pub mod printed;
