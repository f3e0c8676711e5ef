//! The templates that a dialect has of its own, in place of those that all have.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use include_dir::Dir;

use crate::render::dialect::{Dialect, FILES};

/// Reads those of a dialect that is built in.
pub(super) fn own(dialect: &str) -> BTreeMap<String, String> {
    let files = FILES.get_dir(dialect).into_iter().flat_map(Dir::files);
    let named = |file: &include_dir::File<'_>| {
        Some((file.path().file_name()?.to_str()?.to_owned(), file.contents_utf8()?.to_owned()))
    };
    files.filter_map(named).collect()
}

impl Dialect {
    /// Has it a template of its own, in place of what it has under that name.
    #[must_use]
    pub fn with_template(mut self, name: &str, text: &str) -> Self {
        self.templates.insert(name.to_owned(), text.to_owned());
        Self { opened: OnceLock::new(), ..self }
    }

    /// Returns the templates that it has of its own, and their names.
    pub(in crate::render) fn templates(&self) -> impl Iterator<Item = (&str, &str)> {
        self.templates.iter().map(|(name, text)| (name.as_str(), text.as_str()))
    }
}
