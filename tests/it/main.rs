//! The one integration binary.

mod functions;
mod traps;
