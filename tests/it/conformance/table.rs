//! What the engines answered: what is unexplained, and the table of the rest.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::conformance::engine::ENGINES;

/// What an engine made of a case.
pub(crate) enum Answer {
    /// The dialect lacks something that the case asks for: what the compiler says.
    Refused(String),
    /// It was not made: the error.
    Failed(String),
    /// All of it was made.
    Compared {
        /// How many relations were compared.
        relations: usize,
        /// By relation: what sets it apart from DuckDB's.
        wrong: BTreeMap<String, String>,
    },
}

/// A wrong answer of a stand-in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KnownWrong {
    /// The engine, by its name.
    pub(crate) engine: String,
    /// The case.
    pub(crate) case: Option<String>,
    /// The function of `dialects/portable.toml`, where it is an example that is answered wrongly.
    pub(crate) function: Option<String>,
    /// The relation that differs; the case as a whole, where it fails.
    pub(crate) relation: Option<String>,
    /// What it answers.
    pub(crate) answers: String,
    /// What is right.
    pub(crate) right: String,
    /// Why we know.
    pub(crate) evidence: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    wrong: Vec<KnownWrong>,
}

impl KnownWrong {
    /// Reads what is known.
    pub(crate) fn read() -> Vec<KnownWrong> {
        let text = std::fs::read_to_string(root().join("stand_ins/known_wrong.toml")).unwrap_or_default();
        let file: File = toml::from_str(&text).unwrap_or_else(|error| panic!("known_wrong.toml: {error}"));
        for entry in &file.wrong {
            let is_said = [&entry.answers, &entry.right, &entry.evidence].iter().all(|text| !text.trim().is_empty());
            assert!(is_said && entry.case.is_some() != entry.function.is_some(), "known_wrong.toml: {entry:?}");
        }
        file.wrong
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

/// What every engine made of every case.
pub(crate) struct Table {
    known: Vec<KnownWrong>,
    /// By case, then by engine.
    answers: BTreeMap<String, BTreeMap<&'static str, Answer>>,
}

impl Table {
    pub(crate) fn new(known: Vec<KnownWrong>) -> Self {
        Self { known, answers: BTreeMap::new() }
    }

    pub(crate) fn put(&mut self, engine: &'static str, case: String, answer: Answer) {
        self.answers.entry(case).or_default().insert(engine, answer);
    }

    fn known<'t>(&'t self, engine: &'t str, case: &'t str) -> impl Iterator<Item = &'t KnownWrong> {
        self.known.iter().filter(move |entry| entry.engine == engine && entry.case.as_deref() == Some(case))
    }

    /// Returns what differs and is not known to, and what is known to and does not.
    pub(crate) fn unexplained(&self) -> String {
        let mut text = String::new();
        for (case, engines) in &self.answers {
            for (engine, answer) in engines {
                let is_known = |relation: Option<&str>| {
                    self.known(engine, case).any(|entry| entry.relation.as_deref() == relation)
                };
                match answer {
                    Answer::Refused(_) => {}
                    Answer::Failed(_) if is_known(None) => {}
                    Answer::Failed(error) => {
                        let _ = writeln!(text, "{engine}, {case}: {error}");
                    }
                    Answer::Compared { wrong, .. } => {
                        for (relation, difference) in wrong {
                            if !is_known(Some(relation)) {
                                let _ = writeln!(text, "{engine}, {case}, {difference}");
                            }
                        }
                        for entry in self.known(engine, case) {
                            if entry.relation.as_ref().is_none_or(|relation| !wrong.contains_key(relation)) {
                                let relation = entry.relation.as_deref().unwrap_or("as a whole");
                                let _ = writeln!(text, "{engine}, {case}, {relation}: known_wrong.toml is out of date");
                            }
                        }
                    }
                }
            }
        }
        text
    }

    /// Compares the table with the one in the repository, or writes that.
    pub(crate) fn hold(&self) {
        let file = root().join("conformance.md");
        let text = self.text();
        if std::env::var_os("MILEPOST_ACCEPT").is_some() {
            std::fs::write(&file, text).unwrap();
            return;
        }
        let kept = std::fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(kept, text, "tests/conformance.md is out of date: MILEPOST_ACCEPT=1 writes it anew");
    }

    fn text(&self) -> String {
        let mut text = String::from(
            "# Conformance\n\nMade by `cargo test --release conformance`, which holds it true. A cell is how many relations of a case (its entities,\n\
             events, facts, milestones, scores, and all KPIs together) have the columns and rows that DuckDB makes, of how many. What a\n\
             stand-in is known to answer wrongly is below the table. None of these engines is the real service.\n\n| case |",
        );
        for engine in ENGINES {
            let _ = write!(text, " {} |", engine.name);
        }
        let _ = writeln!(text, "\n| --- |{}", " --- |".repeat(ENGINES.len()));
        for (case, engines) in &self.answers {
            let _ = write!(text, "| {case} |");
            for engine in ENGINES {
                let cell = match engines.get(engine.name) {
                    None => "skipped".to_owned(),
                    Some(Answer::Refused(_)) => "refused by the compiler".to_owned(),
                    Some(Answer::Failed(_)) => "known to fail".to_owned(),
                    Some(Answer::Compared { relations, wrong }) if wrong.is_empty() => format!("{relations} equal"),
                    Some(Answer::Compared { relations, wrong }) => {
                        format!("{} of {relations} equal", relations - wrong.len())
                    }
                };
                let _ = write!(text, " {cell} |");
            }
            text.push('\n');
        }
        for (case, engines) in &self.answers {
            for (engine, answer) in engines {
                if let Answer::Refused(said) = answer {
                    let _ =
                        writeln!(text, "\n{case} on {engine} is refused by the compiler:\n\n```\n{}\n```", said.trim());
                }
            }
        }
        if !self.known.is_empty() {
            text.push_str("\n## Known to be wrong\n\n| engine | where | answers | right | evidence |\n| --- | --- | --- | --- | --- |\n");
            for entry in &self.known {
                let line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|");
                let place = match (&entry.case, &entry.relation, &entry.function) {
                    (Some(case), Some(relation), _) => format!("{case}: `{relation}`"),
                    (Some(case), None, _) => case.clone(),
                    (None, _, function) => format!("function `{}`", function.as_deref().unwrap_or_default()),
                };
                let (answers, right, evidence) = (line(&entry.answers), line(&entry.right), line(&entry.evidence));
                let _ = writeln!(text, "| {} | {place} | {answers} | {right} | {evidence} |", entry.engine);
            }
        }
        text
    }
}
