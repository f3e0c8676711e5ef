//! The pages of `docs/` and `README.md`: every block of TOML is TOML 1.0 and compiles, and no link is dead.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use milepost::render::dialect::Dialect;
use tempfile::TempDir;

use crate::cli::{milepost, shown};

/// What a page says whose blocks are added to the project that `milepost init` writes.
const WITH_INIT: &str = "<!-- blocks: added to the project of `milepost init` -->";

/// Pages whose blocks are compiled by other tests: `language.rs`, and the recipes' own.
const COMPILED_ELSEWHERE: &[&str] = &["docs/language.md", "docs/recipes/"];

/// The folder whose pages are one project together.
const REFERENCE: &str = "docs/reference/";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A page: its path in the repository, with slashes, and its text.
struct Page {
    path: String,
    text: String,
}

/// A fenced block.
struct Block {
    /// The line on which its text begins, from 1.
    line: usize,
    /// What stands behind the fence.
    info: String,
    text: String,
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !name.starts_with('.') && name != "target" && name != "node_modules" {
            collect(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "md") {
            found.push(path);
        }
    }
}

/// Returns all pages that people read: those of the site first.
fn pages() -> Vec<Page> {
    let mut paths = Vec::new();
    for folder in ["docs", "dialects", "src", "templates", "tests", "data"] {
        collect(&root().join(folder), &mut paths);
    }
    paths.push(root().join("README.md"));
    let page = |path: PathBuf| Page {
        text: fs::read_to_string(&path).unwrap(),
        path: path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/"),
    };
    paths.into_iter().map(page).collect()
}

fn blocks(page: &Page) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, Block)> = None;
    for (position, line) in page.text.lines().enumerate() {
        let fence = line.trim_start();
        let indent = line.len() - fence.len();
        match (open.take(), fence.strip_prefix("```")) {
            (Some((_, block)), Some("")) => blocks.push(block),
            (Some((indent, mut block)), _) => {
                block.text.extend([line.get(indent..).unwrap_or_default(), "\n"]);
                open = Some((indent, block));
            }
            (None, Some(info)) => {
                let block = Block { line: position + 2, info: info.trim().to_owned(), text: String::new() };
                open = Some((indent, block));
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "{}: the last block has no end", page.path);
    blocks
}

fn is_toml(block: &Block) -> bool {
    block.info.split_whitespace().next() == Some("toml")
}

#[test]
fn every_block_of_toml_is_toml_1_0() {
    let mut count = 0;
    let mut faults = Vec::new();
    for page in pages() {
        for block in blocks(&page).iter().filter(|block| is_toml(block)) {
            count += 1;
            if let Err(error) = basic_toml::from_str::<serde_json::Value>(&block.text) {
                faults.push(format!("{}:{}: {error}", page.path, block.line));
            }
        }
    }
    assert!(faults.is_empty(), "not TOML 1.0, which Python and Taplo read:\n{}", faults.join("\n"));
    assert!(count > 70, "{count}");
}

#[test]
fn the_files_that_are_written_are_toml_1_0() {
    let mut paths = Vec::new();
    for folder in ["src/application/sample", "src/application/reference/example", "models", "checks"] {
        toml_files(&root().join(folder), &mut paths);
    }
    assert!(paths.len() > 8);
    for path in paths {
        let text = fs::read_to_string(&path).unwrap();
        if let Err(error) = basic_toml::from_str::<serde_json::Value>(&text) {
            panic!("{}: not TOML 1.0: {error}", path.display());
        }
    }
}

fn toml_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            toml_files(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "toml") {
            found.push(path);
        }
    }
}

#[test]
fn the_reader_of_toml_1_0_refuses_what_came_later() {
    for later in ["a = {\n  b = 1 }", "a = { b = 1, }", "a = \"\\e\""] {
        assert!(basic_toml::from_str::<serde_json::Value>(later).is_err(), "{later}");
        assert!(toml::from_str::<toml::Table>(later).is_ok(), "{later}");
    }
}

#[test]
fn what_the_help_of_errors_says_to_write_is_toml_1_0() {
    let mut count = 0;
    for entry in fs::read_dir(root().join("tests/errors")).unwrap() {
        let Ok(text) = fs::read_to_string(entry.unwrap().path().join("error.snap")) else { continue };
        for line in text.lines().filter(|line| line.contains("= help: ")) {
            for code in line.split('`').skip(1).step_by(2).filter(|code| is_assignment(code)) {
                // An ellipsis stands for what only the user knows.
                let code = code.replace("[{ … }]", "[{}]").replace('…', "x");
                count += 1;
                assert!(basic_toml::from_str::<serde_json::Value>(&code).is_ok(), "{code}");
            }
        }
    }
    assert!(count > 20, "{count}");
}

/// Tells whether a text is a key with its value.
fn is_assignment(code: &str) -> bool {
    let Some((key, value)) = code.split_once(" = ") else { return false };
    let is_key = key.chars().all(|each| each.is_ascii_alphanumeric() || matches!(each, '_' | '.'));
    is_key && value.starts_with(['"', '[', '{', '\''])
}

/// A project that blocks are written to.
struct Written {
    folder: TempDir,
    settings: String,
    reads_files: bool,
    has_tests: bool,
}

impl Written {
    fn new(with_init: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("page/models")).unwrap();
        let mut written = Self { folder, settings: String::new(), reads_files: false, has_tests: false };
        if with_init {
            let output = milepost(&["init", "init", "--name", "page"]).current_dir(written.root()).output();
            assert!(output.unwrap().status.success());
            let init = written.root().join("init");
            for file in ["models/sources.toml", "models/activation.toml"] {
                fs::copy(init.join(file), written.root().join(file)).unwrap();
            }
            fs::rename(init.join("data"), written.root().join("data")).unwrap();
            fs::remove_dir_all(init).unwrap();
            written.reads_files = true;
        }
        written
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("page")
    }

    /// Writes the manifest of the dbt project that a block names, with the models that it names.
    fn add_dbt(&self, place: &str, text: &str) {
        let named = text.split("\"dbt:").skip(1).filter_map(|rest| rest.split('"').next());
        let (mut nodes, mut sources) = (serde_json::Map::new(), serde_json::Map::new());
        for name in named {
            let relation = format!("\"analytics\".\"public\".\"{}\"", name.replace('.', "_"));
            if let Some((source, table)) = name.split_once('.') {
                let entry = serde_json::json!({ "source_name": source, "name": table, "relation_name": relation });
                sources.insert(format!("source.analytics.{name}"), entry);
            } else {
                let entry = serde_json::json!({
                    "resource_type": "model", "name": name, "package_name": "analytics", "relation_name": relation,
                });
                nodes.insert(format!("model.analytics.{name}"), entry);
            }
        }
        let metadata = serde_json::json!({
            "dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json", "project_name": "analytics",
        });
        let manifest = serde_json::json!({ "metadata": metadata, "nodes": nodes, "sources": sources });
        let file = if Path::new(place).extension().is_some_and(|extension| extension == "json") {
            self.root().join(place)
        } else {
            self.root().join(place).join("target/manifest.json")
        };
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, manifest.to_string()).unwrap();
    }

    fn add(&mut self, page: &str, block: &Block) {
        self.reads_files |= block.text.contains("path = \"");
        self.has_tests |= block.text.contains("[test.");
        let dbt = block.text.lines().find_map(|line| line.strip_prefix("dbt = \"")?.split('"').next());
        if let Some(place) = dbt {
            self.add_dbt(place, &block.text);
        }
        if block.text.contains("[project]") || block.text.contains("[target.") {
            self.settings.push_str(&block.text);
            return;
        }
        let name = format!("{}_{:04}.toml", page.replace(['/', '.'], "_"), block.line);
        let text = format!("{}{}", "\n".repeat(block.line - 1), block.text);
        fs::write(self.root().join("models").join(name), text).unwrap();
    }

    /// Compiles it for all its targets, and runs its unit tests.
    fn check(self, page: &str) {
        let mut settings = self.settings.clone();
        if !settings.contains("[project]") {
            settings.insert_str(0, "[project]\nname = \"page\"\nas_of = \"2026-07-01\"\n");
        }
        if !settings.contains("[target.") {
            for name in Dialect::names().into_iter().filter(|name| !self.reads_files || *name == "duckdb") {
                settings.extend(["[target.", name, "]\ndialect = \"", name, "\"\n"]);
            }
        }
        fs::write(self.root().join("project.toml"), settings).unwrap();
        let mut commands = vec![vec!["compile"]];
        if self.has_tests && cfg!(feature = "duckdb") {
            commands.push(vec!["test"]);
        }
        for command in commands {
            let output = milepost(&command).current_dir(self.root()).output().unwrap();
            assert!(output.status.success(), "{page}: {command:?}: {}", shown(&output));
        }
    }
}

#[test]
fn the_blocks_of_every_page_compile() {
    let mut reference = Written::new(false);
    for page in pages() {
        if COMPILED_ELSEWHERE.iter().any(|path| page.path.starts_with(path)) {
            continue;
        }
        // A block with a title is a file of another kind, and says which.
        let all = blocks(&page);
        let own: Vec<&Block> = all.iter().filter(|block| is_toml(block) && !block.info.contains("title=")).collect();
        if page.path.starts_with(REFERENCE) {
            own.iter().for_each(|block| reference.add(&page.path, block));
        } else if !own.is_empty() {
            let mut written = Written::new(page.text.contains(WITH_INIT));
            own.iter().for_each(|block| written.add(&page.path, block));
            written.check(&page.path);
        }
    }
    reference.check(REFERENCE);
}

/// Returns what a heading is called in addresses, as the site and as GitHub have it.
fn slugs(heading: &str) -> [String; 2] {
    let kept: String = heading
        .chars()
        .filter(|each| each.is_alphanumeric() || matches!(each, '_' | '-' | ' '))
        .collect::<String>()
        .trim()
        .to_lowercase();
    let collapsed = kept.split([' ', '-']).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-");
    [kept.replace(' ', "-"), collapsed]
}

/// Returns a page without its fenced blocks, and without code in its lines.
fn prose(text: &str) -> String {
    let mut is_open = false;
    let mut kept = String::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_open = !is_open;
        } else if !is_open {
            let outside: Vec<&str> = line.split('`').step_by(2).collect();
            kept.extend([outside.join("`"), "\n".to_owned()]);
        }
    }
    kept
}

fn anchors(text: &str) -> BTreeSet<String> {
    let mut is_open = false;
    let mut found = BTreeSet::new();
    for line in text.lines() {
        is_open ^= line.trim_start().starts_with("```");
        if let Some(heading) = line.strip_prefix('#').filter(|_| !is_open) {
            found.extend(slugs(heading.trim_start_matches('#').trim()));
        }
    }
    found
}

#[test]
fn no_link_is_dead() {
    let mut count = 0;
    let mut faults = Vec::new();
    for page in pages() {
        let folder = root().join(&page.path).parent().unwrap().to_owned();
        for link in prose(&page.text).split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next()) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            count += 1;
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let path = if file.is_empty() { root().join(&page.path) } else { folder.join(file) };
            let Ok(path) = path.canonicalize() else {
                faults.push(format!("{}: `{link}`: no such file", page.path));
                continue;
            };
            if page.path.starts_with("docs/") && !path.starts_with(root().join("docs").canonicalize().unwrap()) {
                faults.push(format!("{}: `{link}` leads out of the site", page.path));
            }
            let is_page = path.extension().is_some_and(|ending| ending == "md");
            if !anchor.is_empty() && is_page && !anchors(&fs::read_to_string(&path).unwrap()).contains(anchor) {
                faults.push(format!("{}: `{link}`: no such heading", page.path));
            }
        }
    }
    assert!(faults.is_empty(), "dead links:\n{}", faults.join("\n"));
    assert!(count > 50, "{count}");
}
