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

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use toml::de::DeTable;

use crate::diagnostic::Diagnostics;
use crate::language::{Table, tables};
use crate::project::{Definition, read};
use crate::source::Span;

/// What the keys of a definition are read into.
pub trait Written: DeserializeOwned + JsonSchema {
    /// Reads a definition, which `what` names in messages, and whose name stands at `header`. Every mistake is reported.
    fn read(body: DeTable<'_>, what: &str, header: Span, diagnostics: &mut Diagnostics) -> Option<Self> {
        read::read(&body, what, header, diagnostics)
    }
}

macro_rules! all_of_them {
    (
        definitions { $($own:ident $name:literal $file:ident::$written:ident $all:ident $index:ident $about:literal;)* }
        others { $($other:ident $other_name:literal $other_file:ident::$other_written:ident $others:ident $other_about:literal;)* }
    ) => {
        /// The definitions of every table, in the order in which they are written, file by file.
        #[derive(Debug, Default)]
        pub struct Tables {
            $(#[doc = $about] pub $all: Vec<Definition<$file::$written>>,)*
            $(#[doc = $other_about] pub $others: Vec<Definition<$other_file::$other_written>>,)*
        }

        impl Tables {
            /// Reads a definition into its table, unless it has mistakes, which are reported.
            pub(super) fn read(
                &mut self,
                table: Table,
                name: String,
                span: Span,
                body: DeTable<'_>,
                diagnostics: &mut Diagnostics,
            ) {
                let what = format!("[{table}.{name}]");
                match table {
                    $(Table::$own => add(&mut self.$all, name, span, body, &what, diagnostics),)*
                    $(Table::$other => add(&mut self.$others, name, span, body, &what, diagnostics),)*
                }
            }
        }

        /// Returns the schema of a definition, for editors.
        pub fn schema_of(table: Table, generator: &mut SchemaGenerator) -> Schema {
            match table {
                $(Table::$own => generator.subschema_for::<$file::$written>(),)*
                $(Table::$other => generator.subschema_for::<$other_file::$other_written>(),)*
            }
        }

        /// Returns the keys that a definition may have.
        pub(super) fn keys_of(table: Table) -> &'static [String] {
            match table {
                $(Table::$own => read::keys::<$file::$written>(),)*
                $(Table::$other => read::keys::<$other_file::$other_written>(),)*
            }
        }
    };
}
tables!(all_of_them);

fn add<T: Written>(
    definitions: &mut Vec<Definition<T>>,
    name: String,
    span: Span,
    body: DeTable<'_>,
    what: &str,
    diagnostics: &mut Diagnostics,
) {
    if let Some(body) = T::read(body, what, span, diagnostics) {
        definitions.push(Definition { name, span, body });
    }
}
