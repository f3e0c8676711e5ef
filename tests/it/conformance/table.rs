//! What the engines answered: what is unexplained, and the table of the rest.

use std::collections::{BTreeMap, BTreeSet};
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
    /// Its statements are legal; it has too many rows for an engine that is made to be right and not to be fast.
    Legal {
        /// How many there are.
        statements: usize,
    },
    /// It has too many rows for the engine.
    TooLarge,
    /// The program itself makes it there, and every relation is compared: `tests/it/stand_ins.rs`.
    Built,
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
    engine: String,
    /// `case` or `function`, and its name; or `example`, and all of it.
    #[serde(rename = "where")]
    place: String,
    /// Which relation, call or example it is about, for people.
    on: String,
    /// The relations of the case that differ; none where it fails as a whole.
    #[serde(default)]
    relations: Vec<String>,
    /// The smallest statement that shows it.
    statement: String,
    /// What it answers.
    answers: String,
    /// Of a function: the value that the statement gives.
    value: Option<String>,
    /// What is right.
    right: String,
    /// Why we know.
    evidence: String,
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
            let KnownWrong { on, statement, answers, right, evidence, .. } = entry;
            let is_said = [on, statement, answers, right, evidence].iter().all(|text| !text.trim().is_empty());
            assert!(is_said && ENGINES.iter().any(|engine| engine.name == entry.engine), "known_wrong.toml: {entry:?}");
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

    fn known(&self, engine: &str, case: &str) -> impl Iterator<Item = &KnownWrong> {
        let place = format!("case {case}");
        let of_it = move |entry: &&KnownWrong| entry.place == place;
        self.known.iter().filter(|entry| entry.engine == engine).filter(of_it).collect::<Vec<_>>().into_iter()
    }

    /// Tells whether something of a function is known to be wrong on an engine.
    pub(crate) fn is_known_of(&self, engine: &str, function: &str) -> bool {
        let place = format!("function {function}");
        self.known.iter().any(|entry| entry.engine == engine && entry.place == place)
    }

    /// Tells whether an example of a function is known not to be true on an engine.
    pub(crate) fn is_known_example(&self, engine: &str, example: &str) -> bool {
        self.known.iter().any(|entry| entry.engine == engine && entry.place.strip_prefix("example ") == Some(example))
    }

    /// Returns what is known to be wrong of functions on an engine: a statement, and the value that it gives there.
    pub(crate) fn known_of_functions(&self, engine: &str) -> impl Iterator<Item = (&str, &str)> {
        let entries = self.known.iter().filter(move |entry| entry.engine == engine);
        let of_functions = entries.filter(|entry| entry.place.starts_with("function "));
        of_functions.map(|entry| (entry.statement.as_str(), entry.value.as_deref().expect("it says a value")))
    }

    /// Returns what differs and is not known to, and what is known to and does not.
    pub(crate) fn unexplained(&self) -> String {
        let mut text = String::new();
        for (case, engines) in &self.answers {
            for (engine, answer) in engines {
                let known: Vec<&KnownWrong> = self.known(engine, case).collect();
                let fails = known.iter().any(|entry| entry.relations.is_empty());
                let named: BTreeSet<&String> = known.iter().flat_map(|entry| &entry.relations).collect();
                match answer {
                    Answer::Refused(_) | Answer::Legal { .. } | Answer::TooLarge | Answer::Built => {}
                    Answer::Failed(_) if fails => {}
                    Answer::Failed(error) => {
                        let _ = writeln!(text, "{engine}, {case}: {error}");
                    }
                    Answer::Compared { wrong, .. } => {
                        for (_, difference) in wrong.iter().filter(|(relation, _)| !named.contains(relation)) {
                            let _ = writeln!(text, "{engine}, {case}, {difference}");
                        }
                        let right: Vec<&str> = named
                            .into_iter()
                            .filter(|relation| !wrong.contains_key(*relation))
                            .map(String::as_str)
                            .chain(fails.then_some("the whole"))
                            .collect();
                        if !right.is_empty() {
                            let right = right.join(", ");
                            let _ =
                                writeln!(text, "{engine}, {case}, {right}: right, and known_wrong.toml says it is not");
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
            "# Conformance\n\nMade by `cargo test --features cloud conformance`, which holds it true. A cell is how many relations of a case (its entities,\n\
             events, facts, milestones, scores, and all KPIs together) have the columns and rows that DuckDB makes, of how many; or\n\
             how many statements are legal, where a case has more rows than the reference implementation can take. The sample\n\
             project is built by the program itself where it says so (tests/it/stand_ins.rs), and all that it made is compared. What a\n\
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
                    Some(Answer::Legal { statements }) => format!("{statements} legal"),
                    Some(Answer::TooLarge) => "too large for it".to_owned(),
                    Some(Answer::Built) => "built by the program".to_owned(),
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
        text.push_str("\n## Known to be wrong\n\n| engine | where | answers | right | evidence |\n| --- | --- | --- | --- | --- |\n");
        for entry in &self.known {
            let line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|");
            let KnownWrong { engine, place, on, statement, answers, right, evidence, .. } = entry;
            let _ = writeln!(
                text,
                "| {engine} | {place}: {} | {}, of `{}` | {} | {} |",
                line(on),
                line(answers),
                line(statement),
                line(right),
                line(evidence)
            );
        }
        text
    }
}
