//! The reference, written as Markdown from what the compiler uses: keys, functions, diagnostics, relations and files. The
//! command line adds its own page.
//!
//! `milepost man --reference DIR` writes the pages; those of this repository are in `docs/reference`, and a test holds them to
//! what is written here.

mod artifacts;
pub mod diagnostics;
pub mod examples;
pub mod functions;
mod keys;
mod markdown;
pub mod relations;
mod shapes;

/// A page: the name of its file, and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The file, such as `milestone.md`.
    pub file: String,
    /// What it is called in lists.
    pub title: String,
    /// Its text, which ends with a line's end.
    pub text: String,
}

impl Page {
    /// Makes a page, whose text begins with its title.
    pub fn new(stem: &str, title: &str, body: &str) -> Self {
        let body = body.trim();
        let text = format!("<!-- made by `milepost man --reference`: not edited by hand -->\n\n# {title}\n\n{body}\n");
        Self { file: format!("{stem}.md"), title: title.to_owned(), text }
    }
}

/// Returns the pages of the language and of what is made by it; `exit_codes` are the numbers that commands end with, and
/// what each says.
pub fn pages(exit_codes: &[(u8, &str)]) -> Vec<Page> {
    let mut pages = keys::pages();
    pages.extend([functions::page(), diagnostics::page(), relations::page(), artifacts::page(exit_codes)]);
    pages
}

/// Returns the page that lists the others.
pub fn index(pages: &[Page]) -> Page {
    let mut body = String::from(
        "These pages are made by the compiler from what it reads and checks with, so that they say what this version does. \
         What is planned and not built is not here: it is in [the design of the language](../language.md).\n\n\
         All that is described has been there since 0.1.0, the first version.\n\n",
    );
    for page in pages {
        body.push_str(&format!("* [{}]({})\n", page.title, page.file));
    }
    Page::new("index", "Reference", &body)
}
