//! `docs/language.md` is true: what it marks as built compiles for every dialect, and what it marks as planned does not.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use milepost::analyze;
use milepost::diagnostic::Diagnostics;
use milepost::language::Table;
use milepost::project::planned::HELP;
use milepost::render::dialect::Dialect;
use tempfile::TempDir;

use crate::cli::{milepost, shown};

const PAGE: &str = include_str!("../../docs/language.md");

/// How the fences of what is built, and of what is planned, begin.
const BUILT: &str = "toml title=\"built\"";
const PLANNED: &str = "toml title=\"planned\"";

/// A fenced block of the page.
struct Block {
    /// Whether its fence says that it is built; otherwise it is planned.
    built: bool,
    /// The line of the page on which its text begins, from 1.
    line: usize,
    text: String,
}

/// A part of the page under a heading of the third level.
struct Section {
    heading: &'static str,
    blocks: Vec<Block>,
}

/// Reads the page: its sections, the first of which is all that stands before the first row.
fn sections() -> Vec<Section> {
    let mut sections = vec![Section { heading: "", blocks: Vec::new() }];
    let mut open: Option<Block> = None;
    for (position, line) in PAGE.lines().enumerate() {
        let section = sections.last_mut().unwrap();
        match (open.take(), line.strip_prefix("```")) {
            (Some(block), Some(_)) => section.blocks.push(block),
            (Some(mut block), None) => {
                block.text.extend([line, "\n"]);
                open = Some(block);
            }
            (None, Some(fence @ (BUILT | PLANNED))) => {
                open = Some(Block { built: fence == BUILT, line: position + 2, text: String::new() });
            }
            (None, Some(fence)) => assert!(!fence.starts_with("toml"), "line {}: ```{fence}", position + 1),
            (None, None) => {
                if let Some(heading) = line.strip_prefix("### ") {
                    sections.push(Section { heading, blocks: Vec::new() });
                }
            }
        }
    }
    assert!(open.is_none(), "the last block has no end");
    sections
}

fn blocks() -> Vec<Block> {
    sections().into_iter().flat_map(|section| section.blocks).collect()
}

/// Writes a block where its file names its place, and its lines have the numbers that they have on the page.
fn write(folder: &Path, block: &Block) {
    let name = format!("language_{:04}.toml", block.line);
    fs::write(folder.join("models").join(name), format!("{}{}", "\n".repeat(block.line - 1), block.text)).unwrap();
}

/// Writes the project that all built blocks are together, with a target for each dialect.
fn project() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("models")).unwrap();
    let mut settings = "[project]\nname = \"page\"\nas_of = \"2026-07-01\"\ndefault_target = \"duckdb\"\n".to_owned();
    for name in Dialect::names() {
        settings.extend(["[target.", name, "]\ndialect = \"", name, "\"\n"]);
    }
    fs::write(folder.path().join("project.toml"), settings).unwrap();
    for block in blocks().iter().filter(|block| block.built) {
        write(folder.path(), block);
    }
    folder
}

#[test]
fn what_is_built_compiles_for_every_dialect() {
    let folder = project();
    let output = milepost(&["compile"]).current_dir(folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", shown(&output));
    let dialects: Vec<_> = fs::read_dir(folder.path().join("target/compiled")).unwrap().collect();
    assert_eq!(dialects.len(), Dialect::names().len());
}

#[test]
fn cells_of_all_time_and_of_everybody_are_shown_as_built() {
    for key in ["cohort", "grain"] {
        let all = format!("{key} = \"all\"");
        assert!(blocks().iter().any(|block| block.built && block.text.contains(&all)), "no built block has `{all}`");
    }
}

#[test]
fn every_table_is_shown_as_built() {
    let is_shown = |table: &Table| {
        let headers = [format!("[{table}."), format!("[{table}]")];
        let has = |block: &Block| headers.iter().any(|header| block.text.contains(header));
        // A target is written in `project.toml`, and the page is about definitions.
        *table == Table::Target || blocks().iter().any(|block| block.built && has(block))
    };
    let missing: Vec<&Table> = Table::ALL.iter().filter(|table| !is_shown(table)).collect();
    assert!(missing.is_empty(), "no built block has {missing:?}");
}

#[cfg(feature = "duckdb")]
#[test]
fn the_unit_tests_of_the_page_pass() {
    let folder = project();
    let output = milepost(&["test"]).current_dir(folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", shown(&output));
}

#[test]
fn what_is_planned_is_refused() {
    for block in blocks().iter().filter(|block| !block.built) {
        let folder = project();
        write(folder.path(), block);
        let mut diagnostics = Diagnostics::default();
        let _ = analyze(folder.path(), BTreeMap::new(), &mut diagnostics);
        assert!(diagnostics.has_errors(), "the block on line {} is built, and marked as planned", block.line);
    }
}

#[test]
fn what_is_planned_is_refused_as_planned() {
    let mut told = 0;
    for block in blocks().iter().filter(|block| !block.built) {
        let folder = project();
        write(folder.path(), block);
        let mut diagnostics = Diagnostics::default();
        let _ = analyze(folder.path(), BTreeMap::new(), &mut diagnostics);
        for diagnostic in diagnostics.sorted() {
            if matches!(diagnostic.code, "unknown-key" | "unknown-table") {
                let help = diagnostic.help.as_deref();
                assert_eq!(help, Some(HELP), "line {}: {}", block.line, diagnostic.message);
                told += 1;
            }
        }
    }
    assert!(told > 20, "{told}");
}

#[test]
fn headings_say_what_their_blocks_say() {
    for Section { heading, blocks } in sections().into_iter().skip(1) {
        let (_, status) = heading.rsplit_once(" — ").unwrap_or_else(|| panic!("`{heading}` says no status"));
        for (word, built) in [("built", true), ("planned", false)] {
            if blocks.iter().any(|block| block.built == built) {
                assert!(status.contains(word), "`{heading}` has a block that is {word}");
            }
        }
        assert!(
            !status.contains("built") || blocks.iter().any(|block| block.built),
            "`{heading}` has no block that is built"
        );
    }
}

/// Returns the first of the rows of the catalog that a heading or a line of the table names.
fn first_row(rows: &str) -> &str {
    rows.split([',', ' ']).next().unwrap()
}

#[test]
fn the_table_says_what_the_headings_say() {
    let sections = sections();
    let mut statuses: BTreeMap<&str, &str> = BTreeMap::new();
    for (rows, status) in sections.iter().filter_map(|section| section.heading.rsplit_once(" — ")) {
        let (rows, _) = rows.split_once(" · ").unwrap();
        for row in rows.split(", ") {
            statuses.entry(first_row(row)).or_insert(status);
        }
    }
    let (_, table) = PAGE.split_once("## 13 Table of rows").unwrap();
    let mut lines = 0;
    for line in table.lines().filter_map(|line| line.strip_prefix("| ")).skip(2) {
        let (rows, status) = (first_row(line), line.trim_end_matches(" |").rsplit_once(" | ").unwrap().1);
        let said = statuses.get(rows).unwrap_or_else(|| panic!("no heading has {rows}"));
        for word in ["built", "planned"] {
            assert_eq!(said.contains(word), status.contains(word), "{rows}: `{said}` there, `{status}` in the table");
        }
        lines += 1;
    }
    assert!(lines > 0);
}
