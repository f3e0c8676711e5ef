//! Holds the tables of `tests/catalog` to the cases that they name: no row is forgotten, and no definition is made up.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A table of `tests/catalog`: its file, its heading, what its rows are called, and those that must be accounted for, as
/// ranges of their numbers.
type Table = (&'static str, &'static str, &'static str, &'static [(u32, u32)]);

const TABLES: &[Table] = &[
    ("tests/catalog/milestones.md", "## Milestones", "MS-", &[(1, 11), (13, 16), (20, 21), (33, 88)]),
    ("tests/catalog/data_model.md", "## Data model", "DM-", &[(1, 53), (61, 66)]),
];

/// A line of a table: a row of the catalog, where it is shown, and what is said about it.
struct Line {
    row: String,
    /// Files of models, and the definitions in them that show the row.
    shown: Vec<(PathBuf, Vec<String>)>,
    remark: String,
}

#[test]
fn every_row_is_accounted_for() {
    let mut faults = Vec::new();
    for (file, heading, prefix, ranges) in TABLES {
        let lines = table(file, heading);
        let mut times: BTreeMap<&str, usize> = BTreeMap::new();
        for line in &lines {
            *times.entry(&line.row).or_default() += 1;
            if line.shown.is_empty() && line.remark.is_empty() {
                faults.push(format!("{}: neither a definition nor a reason", line.row));
            }
        }
        for number in ranges.iter().flat_map(|(first, last)| *first..=*last) {
            let row = format!("{prefix}{number:02}");
            match times.get(row.as_str()) {
                Some(1) => {}
                Some(times) => faults.push(format!("{row}: {times} lines of {file}")),
                None => faults.push(format!("{row}: no line of {file}")),
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_definition_of_the_catalog_exists() {
    let mut faults = Vec::new();
    for line in TABLES.iter().flat_map(|(file, heading, _, _)| table(file, heading)) {
        for (file, definitions) in &line.shown {
            let Ok(text) = fs::read_to_string(root().join(file)) else {
                faults.push(format!("{}: no file {}", line.row, file.display()));
                continue;
            };
            let project: toml::Table = text.parse().unwrap();
            for definition in definitions {
                let (table, name) = definition.split_once('.').unwrap();
                let found = project.get(table).and_then(|table| table.as_table()).and_then(|table| table.get(name));
                if found.is_none() {
                    faults.push(format!("{}: no `{definition}` in {}", line.row, file.display()));
                }
            }
            if !comments_name(&text, &line.row) {
                faults.push(format!("{}: no comment of {} names it", line.row, file.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_readme_leads_to_the_tables() {
    let readme = fs::read_to_string(root().join("tests/README.md")).unwrap();
    for entry in fs::read_dir(root().join("tests/catalog")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(readme.contains(&format!("](catalog/{name})")), "tests/README.md does not link catalog/{name}");
    }
}

/// Tells whether a comment of a file names a row, alone or in a range: `# MS-33 to MS-36`.
fn comments_name(text: &str, row: &str) -> bool {
    text.lines().filter_map(|line| line.split_once('#')).any(|(_, comment)| {
        let words: Vec<&str> = comment.split([' ', ',', ':', ';', '.', '(', ')']).collect();
        let named = |word: &&str| word.get(..3) == row.get(..3);
        words.contains(&row)
            || words.windows(3).any(|words| {
                words[1] == "to" && named(&words[0]) && named(&words[2]) && words[0] <= row && row <= words[2]
            })
    })
}

/// Reads the table under a heading: row, question, definitions, remark.
fn table(file: &str, heading: &str) -> Vec<Line> {
    let text = fs::read_to_string(root().join(file)).unwrap();
    let section = text.split_once(heading).unwrap_or_else(|| panic!("{file} has no `{heading}`")).1;
    let section = section.split("\n## ").next().unwrap();
    let folder = Path::new(file).parent().unwrap();
    let rows = section.lines().filter(|line| line.starts_with('|')).skip(2);
    rows.map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        assert_eq!(cells.len(), 4, "{file}: {line}");
        let shown = cells[2].split("<br>").filter_map(|part| {
            let (link, definitions) = part.split_once("): ")?;
            let target = link.split_once("](").unwrap().1;
            let file = folder.parent().unwrap().join(target.trim_start_matches("../"));
            Some((file, definitions.split(", ").map(|name| name.trim_matches('`').to_owned()).collect()))
        });
        Line { row: cells[0].to_owned(), shown: shown.collect(), remark: cells[3].to_owned() }
    })
    .collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
