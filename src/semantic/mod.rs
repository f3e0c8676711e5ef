//! Project -> Model: names resolved, expressions typed, kinds reduced.

pub mod duration;
pub mod expr;
pub mod library;
pub mod names;
pub mod parse;
