//! The law through the command line: after a whole run at one moment and a run of a part at another, every row is that of a
//! whole run at the moment of its mark, or the part is refused.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use milepost::semantic::moment;
use toml::{Table, Value};

use super::project::project;
use super::{Definition, all, is_measured, subjects};
use crate::cases::{each, read};
use crate::commands::{Bench, files};
use crate::state::DATABASE;

/// A copy of a project that nothing is left of but its definitions and data: no moment, and one database.
fn copy(root: &Path) -> Bench {
    let bench = Bench { folder: tempfile::tempdir().unwrap() };
    for folder in ["data", "models", "checks", "tests"].map(|name| root.join(name)) {
        for (path, bytes) in folder.is_dir().then(|| files(&folder)).into_iter().flatten() {
            let path = bench.root().join(path.strip_prefix(root).unwrap());
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }
    let mut settings: Table = fs::read_to_string(root.join("project.toml")).unwrap().parse().unwrap();
    settings["project"].as_table_mut().unwrap().remove("as_of");
    let target = [("dialect", "duckdb"), ("database", DATABASE), ("schema", "milepost")];
    let target = target.map(|(key, value)| (key.to_owned(), Value::String(value.to_owned())));
    let targets = Table::from_iter([("dev".to_owned(), Value::Table(Table::from_iter(target)))]);
    settings.insert("target".to_owned(), Value::Table(targets));
    fs::write(bench.root().join("project.toml"), toml::to_string(&settings).unwrap()).unwrap();
    bench
}

/// Whole runs of a project, by the moment.
struct Whole<'root> {
    root: &'root Path,
    rows: RefCell<BTreeMap<String, BTreeMap<String, String>>>,
}

impl Whole<'_> {
    /// Asserts that every relation of a database has the rows of a whole run at the moment of its mark.
    fn holds(&self, bench: &Bench, when: &str) {
        let rows = bench.rows();
        for (name, mark) in bench.marks() {
            // What says the same at any moment, or shows what others hold, has none of its own.
            let Some(as_of) = mark.unwrap().as_of else { continue };
            let mut whole = self.rows.borrow_mut();
            let expected = whole.entry(as_of.clone()).or_insert_with(|| {
                let bench = copy(self.root);
                bench.done(&["run", "--as-of", &as_of]);
                bench.rows()
            });
            assert_eq!(rows[&name], expected[&name], "{}, {when}: `{name}`, as of {as_of}", self.root.display());
        }
    }
}

#[test]
fn after_a_part_is_run_at_another_moment_every_row_is_of_its_mark() {
    // A dozen runs of each by the program itself, which takes minutes of a case: of all only where they are asked for.
    let mut subjects = subjects();
    if !all() {
        subjects.retain(|root| ["nothing_happened", "one_meaning"].iter().any(|name| root.ends_with(name)));
    }
    each(&subjects, |root| {
        let as_of = read(root).project.settings.body.as_of.unwrap();
        let first: Timestamp = moment::moment(as_of.get()).unwrap();
        let moments = [-20, 20].map(|days| first + SignedDuration::from_hours(24 * days));
        let whole = Whole { root, rows: RefCell::default() };
        let bench = copy(root);
        bench.done(&["run", "--as-of", &first.to_string()]);
        whole.holds(&bench, "after the whole run");
        let made = fs::read(bench.root().join(DATABASE)).unwrap();

        let (_, definitions) = project(root);
        let measured: Vec<&Definition> = definitions.iter().filter(|each| is_measured(each)).collect();
        let every = if all() { 1 } else { measured.len() };
        let mut selections: Vec<String> = measured.iter().skip(every / 2).step_by(every).map(|own| own.id()).collect();
        let last = selections.last().unwrap().clone();
        selections.extend([format!("+{last}+"), "kind:milestone".to_owned(), "*".to_owned()]);
        let (mut refused, mut changed) = (0, 0);
        for selected in &selections {
            for as_of in moments.map(Some).into_iter().chain([None]) {
                fs::write(bench.root().join(DATABASE), &made).unwrap();
                let before = bench.marks();
                let moment = as_of.map(|as_of| as_of.to_string());
                let mut arguments = vec!["run", "--select", selected];
                arguments.extend(moment.iter().flat_map(|moment| ["--as-of", moment]));
                let output = bench.run(&arguments);
                let said = String::from_utf8_lossy(&output.stderr).into_owned();
                match output.status.code() {
                    Some(0) => changed += usize::from(bench.marks() != before),
                    // What would be of two moments is refused, and then all is as it was.
                    Some(2) if as_of.is_some() => {
                        assert!(said.contains(&format!("is as of {first}")), "{arguments:?}: {said}");
                        assert_eq!(bench.marks(), before, "{arguments:?}");
                        refused += 1;
                    }
                    _ => panic!("{}: {arguments:?}: {said}", root.display()),
                }
                whole.holds(&bench, &arguments.join(" "));
            }
        }
        // Parts that stand for themselves are made at their moment, and others are refused.
        assert!(refused > 0 && changed > 0, "{}: {refused} refused, {changed} changed", root.display());
    });
}
