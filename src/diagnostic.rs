//! What is wrong with a project, as data. Drawing is the work of [`crate::report`].

use indexmap::IndexSet;

use crate::source::Span;

/// A message of more characters loses its middle: a value of megabytes may stand in it.
const LONGEST: usize = 600;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Nothing is compiled.
    Error,
    /// It compiles, and deserves a look.
    Warning,
}

/// One mistake: what it is, where, and what was probably meant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Diagnostic {
    /// The kebab-case name under which it is documented: a directory of `tests/errors`.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// A lower-case phrase without a final period, with names in backticks; it makes sense alone.
    pub message: String,
    /// The places: the first is the primary one. Empty only where no file is to blame.
    pub labels: Vec<Label>,
    /// What to do, where it is likely right.
    pub help: Option<String>,
}

/// A place, and what to see there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// A few words; may be empty.
    pub text: String,
}

impl Diagnostic {
    /// Makes an error without a place yet.
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        let message = without_middle(message.into());
        Self { code, severity: Severity::Error, message, labels: Vec::new(), help: None }
    }

    /// Makes a warning without a place yet.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message) }
    }

    /// Adds a place; the first one added is the primary one.
    #[must_use]
    pub fn at(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: without_middle(text.into()) });
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(without_middle(help.into()));
        self
    }
}

/// The mistakes found so far.
#[derive(Debug, Default)]
pub struct Diagnostics {
    items: IndexSet<Diagnostic>,
}

impl Diagnostics {
    /// Adds one, unless the same was reported at the same place already.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.items.insert(diagnostic);
    }

    /// Adds one, unless the same was said of any place already.
    pub fn push_once(&mut self, diagnostic: Diagnostic) {
        let is_same = |item: &Diagnostic| item.code == diagnostic.code && item.message == diagnostic.message;
        if !self.items.iter().any(is_same) {
            self.push(diagnostic);
        }
    }

    /// Tells whether an error is among them.
    pub fn has_errors(&self) -> bool {
        self.items.iter().any(|item| item.severity == Severity::Error)
    }

    /// Counts the errors.
    pub fn errors(&self) -> usize {
        self.items.iter().filter(|item| item.severity == Severity::Error).count()
    }

    /// Counts all of them.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Tells whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Returns all, in the order of the files and the places in them.
    pub fn sorted(&self) -> Vec<&Diagnostic> {
        let mut sorted: Vec<_> = self.items.iter().collect();
        sorted.sort_by_key(|item| (item.labels.first().map(|label| label.span), item.severity));
        sorted
    }
}

/// Leaves out the middle of what is too long to be read; how it begins and how it ends say what it is about.
fn without_middle(text: String) -> String {
    if text.len() <= LONGEST {
        return text;
    }
    let start = text.floor_char_boundary(LONGEST * 2 / 3);
    let end = text.ceil_char_boundary(text.len() - LONGEST / 3);
    format!("{} […] {}", &text[..start], &text[end..])
}
