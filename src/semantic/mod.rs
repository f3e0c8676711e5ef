//! Project -> Model: names resolved, expressions typed, kinds reduced.

pub mod expr;
