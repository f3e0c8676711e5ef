//! Column lineage, held against what happens: raw rows are changed in one column, everything is made again, and only the
//! columns may differ that lineage says come from it.
//!
//! Of one case; with `MILEPOST_TESTS=all` of every case that is not large, with one change a column; and of one with its name
//! in `MILEPOST_LINEAGE`, however large.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use milepost::check::Checked;
use milepost::compile;
use milepost::diagnostic::Diagnostics;
use milepost::plan::lineage::{Lineage, Place, Share};
use milepost::plan::node::{NodeId, Plan, Raw};
use milepost::report::diagnostics::draw;
use milepost::semantic::files::{Csv, Files, Format};
use milepost::semantic::model::{EntityIndex, Model, SourceIndex};
use milepost::warehouse::{self, Value};

use crate::cases::{LOOK, each, place, projects, read};
use crate::extent;
use crate::functions::executed;
use crate::lineage::changed::{CHANGES, Table};
use crate::warehouse::ask;

/// The case that is tried where not all are: attributes in segments, and a measure over another.
const ONE: &str = "kind_ratio";

/// A case with more relations is made anew for too long, some hundred times.
const LARGE: usize = 30;

fn subjects() -> Vec<PathBuf> {
    let mut subjects = projects("cases");
    if let Ok(name) = std::env::var("MILEPOST_LINEAGE") {
        subjects.retain(|root| root.ends_with(&name));
    } else if !extent::all("lineage of most cases") {
        subjects.retain(|root| root.ends_with(ONE));
    }
    assert!(!subjects.is_empty(), "no case of that name");
    subjects
}

/// The values of each column of each relation, sorted.
type Columns = BTreeMap<(String, String), Vec<String>>;

/// Makes all relations in a new database, and returns what is in them.
fn made(plan: &Plan, statements: &BTreeMap<NodeId, Checked>, root: &Path) -> Columns {
    let database = warehouse::connect(&warehouse::in_memory(root.to_path_buf())).unwrap();
    for statement in statements.values() {
        database
            .execute(statement)
            .unwrap_or_else(|error| panic!("{}: {error}\n{}", statement.node(), statement.sql()));
    }
    let mut columns = Columns::new();
    for node in &plan.nodes {
        if !node.materialization.is_relation() {
            continue;
        }
        let rows = ask(&*database, &format!("SELECT * FROM milepost.{}", node.name));
        for (place, (column, _)) in node.columns.iter().enumerate() {
            let mut values: Vec<String> = rows.iter().map(|row| cell(&row[place])).collect();
            values.sort();
            columns.insert((node.name.clone(), column.clone()), values);
        }
    }
    columns
}

/// Floats that are added up in another order differ in their last digits.
fn cell(value: &Value) -> String {
    if let Value::Float(value) = value { format!("{value:.10e}") } else { format!("{value:?}") }
}

/// A file that is read, which may be written again: a copy of the case's own.
struct Copied {
    path: PathBuf,
    table: Table,
}

/// Has each source and entity read a copy of its file, where that is written plainly, as those of other makes are read alike;
/// and else the file itself, by its full path.
fn copied(model: &mut Model, root: &Path, folder: &Path) -> BTreeMap<Raw, Copied> {
    let sources = (0..).map(|index| Raw::Source(SourceIndex(index))).zip(model.sources.iter_mut());
    let sources = sources.map(|(raw, source)| (raw, source.origin.files.as_mut()));
    let entities = (0..).map(|index| Raw::Entity(EntityIndex(index))).zip(model.entities.iter_mut());
    let entities = entities.map(|(raw, entity)| (raw, entity.origin.as_mut().and_then(|origin| origin.files.as_mut())));
    let mut copies = BTreeMap::new();
    for (raw, files) in sources.chain(entities) {
        let Some(files) = files else { continue };
        let path = root.join(&files.path);
        files.path = path.display().to_string();
        let Some(table) = table(files).filter(|table| !table.is_empty()) else { continue };
        let copy = folder.join(format!("{}.{}", copies.len(), files.format.name()));
        std::fs::copy(path, &copy).unwrap();
        files.path = copy.display().to_string();
        copies.insert(raw, Copied { path: copy, table });
    }
    copies
}

fn table(files: &Files) -> Option<Table> {
    if files.path.contains('*') || !files.folders.is_empty() || files.csv != Csv::default() {
        return None;
    }
    let text = std::fs::read_to_string(&files.path).ok()?;
    match files.format {
        Format::Csv => Table::of_csv(&text),
        Format::Json => Table::of_lines(&text),
        Format::Parquet => None,
    }
}

/// Returns the columns that come from a column of raw rows, by their relations. A document changes with its properties.
fn downstream(plan: &Plan, shares: &[BTreeMap<Place, Share>], changed: (Raw, &[String])) -> BTreeSet<(String, String)> {
    let mut columns = BTreeSet::new();
    for (node, shares) in plan.nodes.iter().zip(shares) {
        for (place, share) in shares {
            let Place::RawColumn(raw, path) = place else { continue };
            let (one, other) = (path.parts(), changed.1);
            if *raw != changed.0 || !(one.starts_with(other) || other.starts_with(one)) {
                continue;
            }
            let all = node.columns.iter().enumerate();
            let come =
                all.filter(|(place, _)| share.rows || share.value.contains(place) || share.behind.contains(place));
            columns.extend(come.map(|(_, (column, _))| (node.name.clone(), column.clone())));
        }
    }
    columns
}

#[test]
fn only_what_comes_from_a_column_changes_with_it() {
    each(&subjects(), |root| {
        let folder = tempfile::tempdir().unwrap();
        let mut analysis = read(root);
        let is_named = std::env::var_os("MILEPOST_LINEAGE").is_some();
        if !is_named && analysis.plan.nodes.len() > LARGE {
            return;
        }
        let copies = copied(&mut analysis.model, root, folder.path());
        let mut diagnostics = Diagnostics::default();
        let statements = compile(&analysis, &place(&analysis, executed()), &mut diagnostics)
            .unwrap_or_else(|| panic!("{}", draw(&diagnostics, &analysis.project.sources, LOOK)));
        let lineage = Lineage::new(&analysis.model, &analysis.plan);
        let whole = |index: usize| {
            let all: Vec<usize> = (0..analysis.plan.nodes[index].columns.len()).collect();
            lineage.shares(NodeId(index), &all)
        };
        let shares: Vec<BTreeMap<Place, Share>> = (0..analysis.plan.nodes.len()).map(whole).collect();
        let raw: BTreeSet<&Place> = shares.iter().flat_map(BTreeMap::keys).collect();
        let before = made(&analysis.plan, &statements, root);
        let (mut tried, mut moved) = (0, 0);
        let mut faults: Vec<String> = Vec::new();
        for place in raw {
            let Place::RawColumn(raw, path) = place else { continue };
            let Some(Copied { path: file, table }) = copies.get(raw) else { continue };
            let own = std::fs::read(file).unwrap();
            let mut differ: BTreeSet<(String, String)> = BTreeSet::new();
            let (first, count) = if is_named || root.ends_with(ONE) { (0, CHANGES.len()) } else { (tried, 1) };
            let changes = CHANGES.iter().cycle().skip(first % CHANGES.len()).take(count);
            for text in changes.filter_map(|change| table.changed(path.parts(), *change)) {
                std::fs::write(file, text).unwrap();
                let after = made(&analysis.plan, &statements, root);
                let others = before.iter().filter(|(name, values)| after[*name] != **values);
                differ.extend(others.map(|(name, _)| name.clone()));
            }
            std::fs::write(file, own).unwrap();
            let stray: Vec<String> = differ
                .difference(&downstream(&analysis.plan, &shares, (*raw, path.parts())))
                .map(|(relation, column)| format!("{relation}.{column}"))
                .collect();
            if !stray.is_empty() {
                faults.push(format!("{} {path}: {}", analysis.model.id(*raw), stray.join(", ")));
            }
            tried += 1;
            moved += usize::from(!differ.is_empty());
        }
        assert!(faults.is_empty(), "{}: what lineage does not name:\n  {}", root.display(), faults.join("\n  "));
        assert!(tried == 0 || moved > 0, "{}: nothing comes of any column", root.display());
    });
}
