//! The recipes of `docs/recipes`: each is a project that builds and passes its tests, and each page shows its very files, and
//! what the commands that it names print; `MILEPOST_RECIPES=write` puts what is printed into the pages, to be read.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A fenced block with a title.
struct Block {
    /// A file of the recipe, or a command.
    title: String,
    /// What stands between the fences, without the last line's end.
    text: String,
}

fn blocks(page: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut open: Option<Block> = None;
    for line in page.lines() {
        match &mut open {
            Some(_) if line == "```" => found.extend(open.take()),
            Some(block) => {
                if !block.text.is_empty() {
                    block.text.push('\n');
                }
                block.text.push_str(line);
            }
            None => {
                let title = line.strip_prefix("```").and_then(|rest| rest.split_once(" title=\""));
                let title = title.and_then(|(_, rest)| rest.strip_suffix('"'));
                open = title.map(|title| Block { title: title.to_owned(), text: String::new() });
            }
        }
    }
    assert!(open.is_none(), "a block is not closed");
    found
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (own, name) = (entry.path(), entry.file_name());
        if own.is_dir() {
            if name != "target" {
                copy(&own, &to.join(name));
            }
        } else {
            std::fs::copy(&own, to.join(name)).unwrap();
        }
    }
}

/// Runs a command that a page names, in a folder, and returns what it prints to standard output.
fn run(command: &str, folder: &Path) -> Result<String, String> {
    let mut words = command.split(' ');
    assert_eq!(words.next(), Some("milepost"), "{command}");
    let mut program = Command::new(env!("CARGO_BIN_EXE_milepost"));
    program.args(words).current_dir(folder).env("NO_COLOR", "1");
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("MILEPOST_")) {
        program.env_remove(name);
    }
    let output = program.output().unwrap();
    if output.status.success() {
        Ok(String::from_utf8(output.stdout).unwrap().trim_end().to_owned())
    } else {
        Err(format!("{command}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr)))
    }
}

/// Returns what is wrong with a recipe.
fn faults(recipe: &Path) -> Vec<String> {
    let name = recipe.file_name().unwrap().to_string_lossy().into_owned();
    let folder = tempfile::tempdir().unwrap();
    copy(recipe, folder.path());
    let mut faults = Vec::new();
    if let Err(error) = run("milepost build", folder.path()) {
        return vec![format!("{name}: {error}")];
    }
    let page = std::fs::read_to_string(recipe.join("index.md")).unwrap();
    let mut written = page.clone();
    for Block { title, text } in blocks(&page) {
        // In the order of the page: some build again, as of another moment.
        if title.starts_with("milepost ") {
            match run(&title, folder.path()) {
                Ok(printed) if printed == text.trim_end() => {}
                Ok(printed) if std::env::var("MILEPOST_RECIPES").is_ok_and(|what| what == "write") => {
                    let block = |text: &str| format!("title=\"{title}\"\n{text}\n```");
                    written = written.replacen(&block(&text), &block(&printed), 1);
                }
                Ok(printed) => faults.push(format!("{name}: `{title}` prints\n{printed}\nand the page says\n{text}")),
                Err(error) => faults.push(format!("{name}: {error}")),
            }
        } else {
            let file = std::fs::read_to_string(recipe.join(&title)).unwrap_or_default();
            if !file.contains(&text) {
                faults.push(format!("{name}: `{title}` does not have what the page shows of it:\n{text}"));
            }
        }
    }
    if written != page {
        std::fs::write(recipe.join("index.md"), written).unwrap();
    }
    faults
}

#[test]
fn each_recipe_builds_and_prints_what_its_page_shows() {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/recipes");
    let mut recipes: Vec<PathBuf> =
        std::fs::read_dir(&all).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    recipes.sort();
    assert!(recipes.len() >= 25, "{} recipes", recipes.len());
    let list = std::fs::read_to_string(all.join("index.md")).unwrap();
    let next = std::sync::atomic::AtomicUsize::new(0);
    let work = || {
        let mut faults = Vec::new();
        while let Some(recipe) = recipes.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
            let link = format!("({}/index.md)", recipe.file_name().unwrap().to_string_lossy());
            if !list.contains(&link) {
                faults.push(format!("the list of recipes has no link {link}"));
            }
            faults.extend(self::faults(recipe));
        }
        faults
    };
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let faults: Vec<String> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}
