//! What definitions name: the edges of their graph, read off what was written before any of it has a meaning.

use std::cell::RefCell;
use std::collections::BTreeMap;

use indexmap::IndexSet;

use crate::diagnostic::Diagnostics;
use crate::language::Table;
use crate::project::document::Spanned;
use crate::project::{Definition, Project};
use crate::semantic::expr::{ExprKind, Type};
use crate::semantic::name::{Name, Path};
use crate::semantic::parse::{self, Scope};
use crate::source::Span;

/// A name that stands in a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The table of what it names.
    pub table: Table,
    /// What of that.
    pub named: Named,
    /// Where it stands.
    pub span: Span,
}

/// What of a table is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// The definition of that name, if there is one.
    One(String),
    /// Every definition: which of them is meant is seen by what they mean.
    All,
}

/// Gathers what one definition names.
pub struct References<'p, T> {
    project: &'p Project,
    definition: &'p Definition<T>,
    found: Vec<Reference>,
}

impl<'p, T> References<'p, T> {
    /// Begins with nothing.
    pub fn of(project: &'p Project, definition: &'p Definition<T>) -> Self {
        Self { project, definition, found: Vec::new() }
    }

    /// Adds what a key names: of one of these tables, whichever has the name.
    pub fn named(&mut self, tables: &[Table], name: &Spanned<String>) -> &mut Self {
        self.listed(tables, name.get(), self.definition.place(name))
    }

    /// Adds a name that stands at `span`.
    pub fn listed(&mut self, tables: &[Table], name: &str, span: Span) -> &mut Self {
        let one = |table: &Table| Reference { table: *table, named: Named::One(name.to_owned()), span };
        self.found.extend(tables.iter().map(one));
        self
    }

    /// Adds what a key names, where it is there, and otherwise every definition of the table, one of which is meant then.
    pub fn named_or_all(&mut self, table: Table, name: Option<&Spanned<String>>) -> &mut Self {
        match name {
            Some(name) => self.named(&[table], name),
            None => self.all(table, self.definition.span),
        }
    }

    /// Adds every definition of a table, as `span` says.
    pub fn all(&mut self, table: Table, span: Span) -> &mut Self {
        self.found.push(Reference { table, named: Named::All, span });
        self
    }

    /// Adds what a path at `span` names that begins with a table: `segment.large` does.
    pub fn path(&mut self, written: &str, span: Span) -> &mut Self {
        if let Some(path) = Path::parse(written) {
            // An entity that is called as a table has columns that look so.
            let is_entity = |first: &String| self.project.tables.entities.iter().any(|entity| entity.name == *first);
            if !path.parts().first().is_some_and(is_entity) {
                self.parts(path.parts(), span, None);
            }
        }
        self
    }

    /// Adds what an expression names: paths that begin with a table, and where `bare` says so the names of definitions alone,
    /// which are values of that type.
    pub fn expression(&mut self, written: &Spanned<String>, bare: Option<(Table, Type)>) -> &mut Self {
        let text = self.project.text(self.definition, written);
        let scope = Anything { ty: bare.map_or(Type::Null, |(_, ty)| ty), seen: RefCell::default() };
        // What is wrong with it is reported once its names mean something.
        let expr = parse::expression(&text, &scope, None, &mut Diagnostics::default());
        let mut places: BTreeMap<&Path, Span> = BTreeMap::new();
        if let Some(expr) = &expr {
            expr.walk(&mut |part| {
                if let ExprKind::Column(Name::Property(path)) = &part.kind {
                    places.entry(path).or_insert(part.span);
                }
            });
        }
        for path in scope.seen.borrow().iter() {
            let span = places.get(path).copied().unwrap_or_else(|| self.definition.place(written));
            self.parts(path.parts(), span, bare.map(|(table, _)| table));
        }
        self
    }

    fn parts(&mut self, parts: &[String], span: Span, bare: Option<Table>) {
        match (parts, bare) {
            ([name], Some(table)) => self.listed(&[table], name, span),
            ([table, name, ..], _) if let Some(table) = Table::named(table) => self.listed(&[table], name, span),
            _ => self,
        };
    }

    /// Returns all of it.
    pub fn end(&mut self) -> Vec<Reference> {
        std::mem::take(&mut self.found)
    }
}

/// The scope in which every name is a column.
struct Anything {
    ty: Type,
    /// The names that were asked for, each once.
    seen: RefCell<IndexSet<Path>>,
}

impl Scope for Anything {
    fn column(&self, path: &[&str]) -> Option<(Name, Type)> {
        let path = Path::new(path.iter().copied());
        self.seen.borrow_mut().insert(path.clone());
        Some((Name::Property(path), self.ty))
    }

    fn names(&self) -> Vec<String> {
        Vec::new()
    }

    fn subject(&self) -> String {
        String::new()
    }

    fn declared_at(&self, _: &str) -> Option<Span> {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::project::load::load;

    #[test]
    fn an_expression_names_what_its_paths_begin_with() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("models")).unwrap();
        fs::write(folder.path().join("project.toml"), "[project]\nname = \"acme\"\n").unwrap();
        let text = "[entity.user]\nwhere = \"\"\"milestone.paid.reached and coalesce(score.worth, plan) > 2\n\
             or case when kpi.income > 'kpi.none' then milestone.paid.count end > a.kpi.b or kpi = other\"\"\"\n";
        fs::write(folder.path().join("models/all.toml"), text).unwrap();
        let mut diagnostics = Diagnostics::default();
        let project = load(folder.path(), BTreeMap::new(), &mut diagnostics).unwrap();
        let definition = &project.tables.entities[0];
        let written = definition.body.condition.as_ref().unwrap();
        let found = |bare| {
            let all = References::of(&project, definition).expression(written, bare).end();
            let shown = |own: Reference| match own.named {
                Named::One(name) => format!("{}.{name} at {}", own.table, project.sources.slice(own.span)),
                Named::All => format!("all of {}", own.table),
            };
            all.into_iter().map(shown).collect::<Vec<_>>()
        };
        let paths = [
            "milestone.paid at milestone.paid.reached",
            "score.worth at score.worth",
            "kpi.income at kpi.income",
            "milestone.paid at milestone.paid.count",
        ];
        assert_eq!(found(None), paths);
        let with_names = found(Some((Table::Kpi, Type::Float)));
        assert!(with_names.iter().any(|name| name.starts_with("kpi.plan at ")), "{with_names:?}");
        assert!(paths.iter().all(|path| with_names.iter().any(|name| name.starts_with(&path[..8]))), "{with_names:?}");
    }
}
