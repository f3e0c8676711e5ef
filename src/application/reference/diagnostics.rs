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

/// A directory for each diagnostic.
static FILES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/tests/errors");

/// What is said of those that no project can raise by what is written in it.
const WITHOUT_EXAMPLE: &str = "without_example.toml";

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
            let about = text("about.toml");
            if !about.is_empty() {
                all.insert(code.to_owned(), explained(code, read(about), pictures(text("error.snap"))));
            }
        }
        let rest = FILES.get_file(WITHOUT_EXAMPLE).and_then(include_dir::File::contents_utf8).unwrap_or_default();
        let rest: BTreeMap<String, About> = toml::from_str(rest).expect("a test reads the embedded files");
        for (code, about) in rest {
            all.insert(code.clone(), explained(&code, about, Vec::new()));
        }
        all
    });
    &ALL
}

fn explained(code: &str, about: About, mut pictures: Vec<String>) -> Explained {
    // First the picture of what is mended.
    let line = about.mend.as_ref().and_then(|mend| mend.wrong.lines().map(str::trim).find(|line| !line.is_empty()));
    if let Some(line) = line {
        pictures.sort_by_key(|picture| !picture.contains(line));
    }
    Explained { code: code.to_owned(), means: about.means, also: about.also, mend: about.mend, pictures }
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

/// Returns the page.
pub(super) fn page() -> Page {
    let mut body = String::from(
        "Each message has a code in brackets, such as `error[unknown-column]`. `milepost man --error unknown-column` prints \
         what stands here. Errors keep a project from compiling; warnings do not.\n\n",
    );
    for (name, found) in all() {
        body.push_str(&format!("## {name}\n\n{}\n\n", found.means));
        if let Some(mend) = &found.mend {
            body.push_str(&format!("Wrong:\n\n{}\n", block("text", &mend.wrong)));
        }
        for picture in found.pictures.iter().take(MOST_PICTURES) {
            body.push_str(&format!("{}\n", block("text", picture)));
        }
        if found.pictures.len() > MOST_PICTURES {
            let folder = code(&format!("tests/errors/{name}"));
            body.push_str(&format!("More of its forms are in {folder} of the repository.\n\n"));
        }
        if let Some(mend) = &found.mend {
            body.push_str(&match mend.right.trim() {
                "" => "Right: without it.\n\n".to_owned(),
                right => format!("Right:\n\n{}\n", block("text", right)),
            });
        }
        if let Some(also) = &found.also {
            body.push_str(&format!("{also}\n\n"));
        }
    }
    Page::new("errors", "Errors and warnings", &body)
}
