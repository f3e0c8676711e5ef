//! What each diagnostic means, with a project that raises it, its picture, and what is meant in its place: the directories of
//! `tests/errors`, which the tests raise and mend.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use include_dir::{Dir, include_dir};
use serde::Deserialize;

use crate::application::Obstacle;
use crate::application::reference::Page;
use crate::application::reference::markdown::{block, code};
use crate::project::names::nearest;
use crate::report::sarif::Rule;

/// A directory for each diagnostic.
static FILES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/tests/errors");

/// What is said of those that no project can raise by what is written in it.
const WITHOUT_EXAMPLE: &str = "without_example.toml";

/// What is said of a diagnostic, in its directory.
const ABOUT: &str = "about.toml";

/// How it is drawn, in its directory.
const PICTURE: &str = "error.snap";

/// So many pictures of one diagnostic are shown.
const MOST_PICTURES: usize = 2;

/// A diagnostic, explained.
#[derive(Clone, Debug)]
pub struct Explained {
    /// Its code.
    pub code: String,
    /// What it means.
    pub means: String,
    /// What else is good to know about it.
    pub also: Option<String>,
    /// What is written wrong in its example, and what is meant.
    pub mend: Option<Mend>,
    /// The file of its example in which that stands.
    pub file: String,
    /// How it is drawn.
    pub pictures: Vec<String>,
}

/// A part of a file that is wrong, and what is right in its place.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mend {
    /// What is written.
    pub wrong: String,
    /// What is meant; empty where the lines have to go.
    pub right: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct About {
    means: String,
    also: Option<String>,
    mend: Option<Mend>,
}

/// Returns all of them, by code.
pub fn all() -> &'static BTreeMap<String, Explained> {
    static ALL: LazyLock<BTreeMap<String, Explained>> = LazyLock::new(|| {
        let read = |text: &str| toml::from_str::<About>(text).expect("a test reads the embedded files");
        let mut all = BTreeMap::new();
        for folder in FILES.dirs() {
            let Some(code) = folder.path().to_str() else { continue };
            let text = |name: &str| {
                FILES.get_file(folder.path().join(name)).and_then(include_dir::File::contents_utf8).unwrap_or_default()
            };
            let about = text(ABOUT);
            if !about.is_empty() {
                all.insert(code.to_owned(), explained(code, Some(folder), read(about), pictures(text(PICTURE))));
            }
        }
        let rest = FILES.get_file(WITHOUT_EXAMPLE).and_then(include_dir::File::contents_utf8).unwrap_or_default();
        let rest: BTreeMap<String, About> = toml::from_str(rest).expect("a test reads the embedded files");
        for (code, about) in rest {
            all.insert(code.clone(), explained(&code, None, about, Vec::new()));
        }
        all
    });
    &ALL
}

fn explained(code: &str, folder: Option<&Dir<'_>>, about: About, mut pictures: Vec<String>) -> Explained {
    // First the picture of what is mended.
    let line = about.mend.as_ref().and_then(|mend| mend.wrong.lines().map(str::trim).find(|line| !line.is_empty()));
    if let Some(line) = line {
        pictures.sort_by_key(|picture| !picture.contains(line));
    }
    let file = about.mend.as_ref().and_then(|mend| file_with(folder?, &mend.wrong)).unwrap_or_default();
    Explained { code: code.to_owned(), means: about.means, also: about.also, mend: about.mend, file, pictures }
}

/// Returns the drawings in a snapshot, without its head and without the count at its end.
fn pictures(snapshot: &str) -> Vec<String> {
    let drawn = snapshot.splitn(3, "---\n").nth(2).unwrap_or_default();
    let drawings = drawn.split("\n\n").filter(|part| part.contains(" --> ") || part.contains(" = help"));
    drawings.map(|drawing| drawing.trim_end().to_owned()).collect()
}

/// Explains a code, for a terminal; near codes are named where there is none of that name.
pub fn explain(code: &str) -> Result<String, Obstacle> {
    let all = all();
    let Some(found) = all.get(code) else {
        let obstacle = Obstacle::new(format!("no diagnostic `{code}`"));
        let part = || all.keys().map(String::as_str).find(|known| known.contains(code) && !code.is_empty());
        return Err(match nearest(code, all.keys().map(String::as_str)).or_else(part) {
            Some(near) => obstacle.help(format!("one with a similar code exists: `{near}`")),
            None => obstacle.help("a code stands in brackets behind `error` or `warning`: `error[unknown-column]`"),
        });
    };
    let mut parts = vec![format!("{code}\n\n{}", wrapped(&found.means))];
    if let Some(mend) = &found.mend {
        parts.push(format!("Wrong:\n\n{}", indented(&mend.wrong)));
    }
    if let Some(picture) = found.pictures.first() {
        parts.push(picture.clone());
    }
    if let Some(mend) = &found.mend {
        parts.push(match mend.right.trim() {
            "" => "Right: without it.".to_owned(),
            _ => format!("Right:\n\n{}", indented(&mend.right)),
        });
    }
    parts.extend(found.also.as_deref().map(wrapped));
    Ok(parts.join("\n\n") + "\n")
}

/// So many characters are in a line on the terminal, which is as the help of commands.
const WIDTH: usize = 100;

/// Returns a text in lines of that width.
fn wrapped(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is a line");
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= WIDTH {
            line.extend([" ", word]);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines.join("\n")
}

fn indented(text: &str) -> String {
    text.trim_matches('\n').lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}

/// Returns a part of a file as a block, under the name of the file.
fn part(text: &str, file: &str) -> String {
    // What is wrong may be no TOML, and a part of a line is none.
    let language = if toml::from_str::<toml::Table>(text).is_ok() { "toml" } else { "text" };
    block(&format!("{language} title=\"{file}\""), text)
}

/// Returns the file of a project, relative to it, in which a text stands.
fn file_with(folder: &Dir<'_>, text: &str) -> Option<String> {
    let of_project = |file: &&include_dir::File<'_>| !file.path().ends_with(ABOUT) && !file.path().ends_with(PICTURE);
    let has = |file: &&include_dir::File<'_>| file.contents_utf8().is_some_and(|whole| whole.contains(text));
    let found = folder.files().filter(of_project).find(has);
    let path = found.map(|file| file.path().components().skip(1).collect::<std::path::PathBuf>());
    let path = path.map(|path| path.display().to_string().replace('\\', "/"));
    path.or_else(|| folder.dirs().find_map(|inner| file_with(inner, text)))
}

/// Returns the page.
pub(super) fn page() -> Page {
    let mut body = String::from(
        "Each message has a code in brackets, such as `error[unknown-column]`. `milepost man --error unknown-column` prints \
         what stands here. Errors keep a project from compiling; warnings do not.\n\n",
    );
    for (name, found) in all() {
        body.push_str(&format!("## {name}\n\n{}", section(found)));
    }
    Page::new("errors", "Errors and warnings", &body)
}

/// Returns what stands on the page below the code of a diagnostic, as Markdown.
fn section(found: &Explained) -> String {
    let mut body = format!("{}\n\n", found.means);
    if let Some(mend) = &found.mend {
        body.push_str(&format!("Wrong:\n\n{}\n", part(&mend.wrong, &found.file)));
    }
    for picture in found.pictures.iter().take(MOST_PICTURES) {
        body.push_str(&format!("{}\n", block("text", picture)));
    }
    if found.pictures.len() > MOST_PICTURES {
        let folder = code(&format!("tests/errors/{}", found.code));
        body.push_str(&format!("More of its forms are in {folder} of the repository.\n\n"));
    }
    if let Some(mend) = &found.mend {
        body.push_str(&match mend.right.trim() {
            "" => "Right: without it.\n\n".to_owned(),
            right => format!("Right:\n\n{}\n", part(right, &found.file)),
        });
    }
    if let Some(also) = &found.also {
        body.push_str(&format!("{also}\n\n"));
    }
    body
}

/// Returns what programs show of a diagnostic that is one of many: what it means, and its whole text, plain and as
/// Markdown. None for a code that is not explained.
pub fn rule(code: &str) -> Option<Rule> {
    let found = all().get(code)?;
    let text = explain(code).ok()?;
    Some(Rule { means: found.means.clone(), text, markdown: section(found) })
}
