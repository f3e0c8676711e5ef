//! The portable functions: what `dialects/portable.toml` says of them, read once.

mod signature;

use std::sync::LazyLock;

use indexmap::IndexMap;
use serde::Deserialize;
use serde::de::IgnoredAny;

pub use crate::semantic::library::signature::{Accepts, Gives, Parameter, Signature};

use crate::semantic::expr::{Expr, Type};

/// The functions of the language, by name, in the order of their file.
#[derive(Debug)]
pub struct Library {
    functions: IndexMap<String, Function>,
}

/// A function: one meaning, and how most warehouses write it.
#[derive(Debug)]
pub struct Function {
    /// The name.
    pub name: String,
    /// What it means.
    pub doc: String,
    /// What it takes and gives; the first that fits is taken.
    pub signatures: Vec<Signature>,
    /// Expressions that are true.
    pub examples: Vec<String>,
    /// What to write instead where no signature fits.
    pub help: Option<String>,
    /// How large the whole numbers are at most that it gives, signs aside, where that is known.
    pub largest: Option<i64>,
    /// The rendering that a dialect may override: a template.
    pub sql: String,
}

impl Library {
    /// Returns the functions that the language has.
    pub fn builtin() -> &'static Library {
        static BUILTIN: LazyLock<Library> = LazyLock::new(|| {
            Library::parse(include_str!("../../dialects/portable.toml")).expect("a test reads the embedded file")
        });
        &BUILTIN
    }

    /// Reads a file of functions.
    pub fn parse(text: &str) -> Result<Library, String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        let mut functions = IndexMap::new();
        for (name, entry) in file.functions {
            let signatures = entry.signatures.iter().map(|signature| signature.parse()).collect::<Result<Vec<_>, _>>();
            let signatures = signatures.map_err(|reason| format!("functions.{name}: {reason}"))?;
            let Entry { doc, examples, help, largest, sql, .. } = entry;
            let sql = sql.trim().to_owned();
            functions.insert(name.clone(), Function { name, doc, signatures, examples, help, largest, sql });
        }
        Ok(Library { functions })
    }

    /// Returns the function of that name.
    pub fn function(&self, name: &str) -> Option<&Function> {
        self.functions.get(name)
    }

    /// Returns all functions, in the order of their file.
    pub fn functions(&self) -> impl Iterator<Item = &Function> {
        self.functions.values()
    }
}

impl Function {
    /// Returns the first signature that takes these arguments, and the type that it gives for them.
    pub fn resolve<L>(&self, arguments: &[Expr<L>]) -> Option<(&Signature, Type)> {
        self.signatures.iter().find_map(|signature| signature.result(arguments).map(|result| (signature, result)))
    }

    /// Returns the words that the argument at `position` can be, when it is a word and no expression.
    pub fn words(&self, position: usize) -> Option<Vec<&str>> {
        let mut words = Vec::new();
        for signature in &self.signatures {
            if let Some(Parameter { accepts: Accepts::Words(more), .. }) = signature.parameters.get(position) {
                words.extend(more.iter().map(String::as_str).filter(|word| !words.contains(word)).collect::<Vec<_>>());
            }
        }
        (!words.is_empty()).then_some(words)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    functions: IndexMap<String, Entry>,
    /// What is no function: the dialects read it.
    #[serde(rename = "statements")]
    _statements: IgnoredAny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    doc: String,
    signatures: Vec<String>,
    examples: Vec<String>,
    help: Option<String>,
    largest: Option<i64>,
    sql: String,
}

#[cfg(test)]
mod tests;
