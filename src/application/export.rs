//! A project in the form of another program: files in a folder, of which we know which are ours.

pub mod dbt;
pub mod folder;
