//! What is wrong with a project, as data. Drawing is the work of [`crate::report`].

use crate::source::Span;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing is compiled.
    Error,
    /// It compiles, and deserves a look.
    Warning,
}

/// One mistake: what it is, where, and what was probably meant.
#[derive(Clone, Debug, PartialEq, Eq)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// A few words; may be empty.
    pub text: String,
}

impl Diagnostic {
    /// Makes an error without a place yet.
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, severity: Severity::Error, message: message.into(), labels: Vec::new(), help: None }
    }

    /// Makes a warning without a place yet.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message) }
    }

    /// Adds a place; the first one added is the primary one.
    #[must_use]
    pub fn at(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// The mistakes found so far.
#[derive(Debug, Default)]
pub struct Diagnostics {
    items: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Adds one, unless the same was reported at the same place already.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        if !self.items.contains(&diagnostic) {
            self.items.push(diagnostic);
        }
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

    /// Returns all, in the order of the files and the places in them.
    pub fn sorted(&self) -> Vec<&Diagnostic> {
        let mut sorted: Vec<_> = self.items.iter().collect();
        sorted.sort_by_key(|item| (item.labels.first().map(|label| label.span), item.severity));
        sorted
    }
}
