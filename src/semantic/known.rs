//! Definitions by name: which there are, and which of them have a meaning already.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::language::{Id, Table, tables};
use crate::project::names::nearest;
use crate::project::{Definition, Project};
use crate::semantic::model::{EntityIndex, MilestoneIndex, SourceIndex};
use crate::source::Span;

/// The definitions of a table by name: where each stands in the model, and where it is written.
#[derive(Clone, Debug)]
pub struct Named<Index> {
    /// The table.
    pub table: Table,
    /// The index is absent where the definition has no meaning: it has mistakes of its own, which are reported there, or its
    /// turn comes later, which it does not where somebody names it.
    pub found: BTreeMap<String, (Option<Index>, Span)>,
}

impl<Index> Named<Index> {
    /// Gathers what was written in a table, and what could not be read of it.
    fn new<T>(table: Table, definitions: &[Definition<T>], project: &Project) -> Self {
        let broken = project.broken.iter().filter(|broken| broken.table == table);
        let whole = definitions.iter().map(|definition| (&definition.name, definition.span));
        let all = whole.chain(broken.map(|broken| (&broken.name, broken.span)));
        Self { table, found: all.map(|(name, span)| (name.clone(), (None, span))).collect() }
    }

    /// Says where a definition stands in the model, which has a meaning now.
    pub fn set(&mut self, name: &str, index: Index) {
        if let Some((own, _)) = self.found.get_mut(name) {
            *own = Some(index);
        }
    }

    /// Returns those without a meaning.
    fn missing(&self) -> impl Iterator<Item = Id> {
        self.found.iter().filter(|(_, (index, _))| index.is_none()).map(|(name, _)| Id::new(self.table, name))
    }
}

/// What a key may name by itself.
pub trait NamedByKeys: Copy {
    /// Says that there is none of the name at `span`.
    fn unknown(message: String, span: Span) -> Diagnostic;
}

impl NamedByKeys for EntityIndex {
    fn unknown(message: String, span: Span) -> Diagnostic {
        Diagnostic::error("unknown-entity", message).at(span, "not an entity")
    }
}

impl NamedByKeys for SourceIndex {
    fn unknown(message: String, span: Span) -> Diagnostic {
        Diagnostic::error("unknown-source", message).at(span, "not a source")
    }
}

impl NamedByKeys for MilestoneIndex {
    fn unknown(message: String, span: Span) -> Diagnostic {
        Diagnostic::error("unknown-milestone", message).at(span, "not a milestone")
    }
}

impl<Index: NamedByKeys> Named<Index> {
    /// Finds a definition by the name that stands at `span`, or reports that there is none.
    pub fn find(&self, name: &str, span: Span, diagnostics: &mut Diagnostics) -> Option<Index> {
        if let Some((index, _)) = self.found.get(name) {
            return *index;
        }
        let table = self.table;
        let mut diagnostic = Index::unknown(format!("no {table} `{name}`"), span);
        if let Some(near) = nearest(name, self.found.keys().map(String::as_str)) {
            let declared = self.found[near].1;
            let what = table.with_article();
            diagnostic = diagnostic
                .at(declared, format!("`{near}` is defined here"))
                .help(format!("{what} with a similar name exists: `{near}`"));
        } else if self.found.is_empty() {
            diagnostic = diagnostic.help(format!("the project has none: write `[{table}.{name}]`"));
        }
        diagnostics.push(diagnostic);
        None
    }
}

macro_rules! known {
    (
        definitions { $($own:ident $name:literal $file:ident::$written:ident $all:ident $index:ident $about:literal;)* }
        others { $($rest:tt)* }
    ) => {
        /// The definitions of every table by name.
        #[derive(Clone, Debug)]
        pub struct Known {
            $(#[doc = $about] pub $all: Named<crate::semantic::model::$index>,)*
        }

        impl Known {
            /// Gathers what was written: nothing has a meaning yet.
            pub fn new(project: &Project) -> Self {
                Self { $($all: Named::new(Table::$own, &project.tables.$all, project),)* }
            }

            /// Returns those without a meaning.
            pub fn missing(&self) -> Vec<Id> {
                let mut missing = Vec::new();
                $(missing.extend(self.$all.missing());)*
                missing
            }
        }
    };
}
tables!(known);
