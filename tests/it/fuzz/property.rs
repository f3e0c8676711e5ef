//! What must hold of every project, however wrong: the property that the fuzzing checks.

use std::collections::BTreeMap;

use milepost::diagnostic::{Diagnostics, Severity};
use milepost::render::Place;
use milepost::report::diagnostics::{Look, draw, lines};
use milepost::semantic::model::Model;
use milepost::source::Sources;
use milepost::{analyze, compile};
use tempfile::TempDir;

use crate::functions::{dialects, executed};
#[cfg(feature = "duckdb")]
use crate::fuzz::binder::Binder;

/// Where the compiler stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Mistakes were reported.
    Refused,
    /// There is SQL for every dialect that can say it.
    Compiled,
}

const PLAIN: Look = Look { colors: false, width: 100 };

/// A folder to compile in, and a database to bind in.
pub(super) struct Compiler {
    folder: TempDir,
    #[cfg(feature = "duckdb")]
    binder: Binder,
}

impl Compiler {
    pub(super) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            #[cfg(feature = "duckdb")]
            binder: Binder::new(),
        }
    }

    /// Compiles a project of one file for every dialect. An error is a mistake of Milepost.
    pub(super) fn compile(&self, text: &str) -> Result<Outcome, String> {
        std::fs::write(self.folder.path().join("project.toml"), text).unwrap();
        let mut diagnostics = Diagnostics::default();
        let analysis = match analyze(self.folder.path(), BTreeMap::new(), &mut diagnostics) {
            Ok(analysis) => analysis,
            Err(sources) => return refused(&diagnostics, &sources),
        };
        for dialect in dialects() {
            let is_executed = dialect.name() == executed().name();
            let place = Place {
                dialect,
                schema: "milepost".to_owned(),
                as_of: "2026-07-01 00:00:00.000000".to_owned(),
                stand_ins: if is_executed { stand_ins(&analysis.model) } else { BTreeMap::new() },
                blanks: None,
            };
            let mut diagnostics = Diagnostics::default();
            let compiled = compile(&analysis, &place, &mut diagnostics);
            let sources = &analysis.project.sources;
            if diagnostics.sorted().iter().any(|found| matches!(found.code, "template-failed" | "refused-statement")) {
                return Err(format!("{}: {}", dialect.name(), draw(&diagnostics, sources, PLAIN)));
            }
            match compiled {
                // What a dialect cannot say is no mistake of ours.
                None => drop(refused(&diagnostics, sources)?),
                #[cfg(feature = "duckdb")]
                Some(checked) if is_executed => self.binder.bind(&analysis.model, checked.values())?,
                Some(_) => {}
            }
        }
        Ok(Outcome::Compiled)
    }
}

/// A refusal names a mistake, and can be drawn in every form.
fn refused(diagnostics: &Diagnostics, sources: &Sources) -> Result<Outcome, String> {
    if !diagnostics.has_errors() {
        return Err("nothing came of it, and no error was reported".to_owned());
    }
    for look in [PLAIN, Look { colors: true, width: 30 }] {
        draw(diagnostics, sources, look);
    }
    for diagnostic in diagnostics.sorted() {
        if diagnostic.severity == Severity::Error && diagnostic.message.trim().is_empty() {
            return Err(format!("an error without words: {diagnostic:?}"));
        }
        for label in &diagnostic.labels {
            let text = &sources.file(label.span.source).text;
            if text.get(label.span.start..label.span.end).is_none() {
                return Err(format!("a place that is none: {diagnostic:?}"));
            }
        }
    }
    lines(diagnostics, sources);
    Ok(Outcome::Refused)
}

/// For each source and entity, the table of [`raw_tables`] that stands in for its own.
fn stand_ins(model: &Model) -> BTreeMap<String, String> {
    let sources = model.sources.iter().map(|source| &source.meta.name);
    let entities = model.entities.iter().filter(|entity| entity.origin.is_some()).map(|entity| &entity.meta.name);
    sources.chain(entities).map(|name| (name.clone(), format!("raw_rows.{name}"))).collect()
}
