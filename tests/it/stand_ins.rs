//! The example project on the stand-ins of other warehouses, by the program itself: from nothing, again, and after a
//! definition changed; and what becomes of a long statement when the program is told to stop.
//!
//! `tests/stand_ins/stand_ins.sh` starts the stand-ins and prints the variables that name them; a test whose variable is
//! not set says loudly that it is skipped.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use milepost::check::check;
use milepost::diagnostic::Diagnostics;
use milepost::render::Statement;
use milepost::render::dialect::Dialect;
use milepost::run::unit;
use milepost::suite::stage::{Stage, Within};
use milepost::warehouse::{self, Rows, Target, Warehouse};
use milepost::{Analysis, analyze};
use tempfile::TempDir;

use crate::conformance::engine::{StandIn, typed};
use crate::conformance::{origins, typed_rows};
use crate::functions::executed;

/// What the target on the stand-in is called.
const TARGET: &str = "stand_in";

/// How many copies of the example project were made.
static COPIES: AtomicU32 = AtomicU32::new(0);

/// A copy of the example project with a target on a stand-in.
struct Bench {
    folder: TempDir,
    stand_in: StandIn,
    endpoint: String,
    /// Tells copies apart that are on one stand-in.
    number: u32,
}

impl Bench {
    /// Makes one, where the environment names the stand-in.
    fn new(stand_in: StandIn) -> Option<Self> {
        let endpoint = stand_in.endpoint()?;
        let folder = tempfile::tempdir().unwrap();
        let top = Path::new(env!("CARGO_MANIFEST_DIR"));
        for part in ["project.toml", "models", "checks", "data"] {
            let copied = Command::new("cp").arg("-r").arg(top.join(part)).arg(folder.path()).status().unwrap();
            assert!(copied.success());
        }
        let bench = Self { folder, stand_in, endpoint, number: COPIES.fetch_add(1, Ordering::Relaxed) };
        let mut text =
            format!("\n[target.{TARGET}]\ndialect = \"{}\"\nschema = \"{}\"\n", stand_in.driver, Self::schema());
        let (place, settings): (Vec<_>, Vec<_>) =
            bench.settings().into_iter().partition(|(name, _)| ["project", "database"].contains(&name.as_str()));
        for (name, value) in place {
            text.push_str(&format!("{name} = \"{value}\"\n"));
        }
        text.push_str(&format!("\n[target.{TARGET}.settings]\n"));
        for (name, value) in settings {
            // No secret stands in a project.
            let value = if name == "password" { "${STAND_IN_PASSWORD}".to_owned() } else { value };
            text.push_str(&format!("{name} = \"{value}\"\n"));
        }
        let file = bench.root().join("project.toml");
        let project = fs::read_to_string(&file).unwrap();
        fs::write(file, project + &text).unwrap();
        Some(bench)
    }

    fn root(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    fn schema() -> String {
        format!("build_{}", std::process::id())
    }

    /// Names a database or project that no other copy uses.
    fn place(&self) -> String {
        format!("raw{}x{}", std::process::id(), self.number)
    }

    /// The settings of the target; where the stand-in has databases, one that nothing else uses.
    fn settings(&self) -> Vec<(String, String)> {
        let mut settings = self.stand_in.settings(&self.endpoint);
        for (name, value) in &mut settings {
            if name == "database" {
                *value = self.place().to_uppercase();
            }
            if name == "project" {
                *value = self.place();
            }
        }
        settings
    }

    /// Connects to the stand-in.
    fn warehouse(&self) -> Box<dyn Warehouse> {
        let mut target = Target { driver: self.stand_in.driver.to_owned(), ..warehouse::in_memory(self.root()) };
        target.settings = self.settings().into_iter().collect();
        target.settings.insert("schema".to_owned(), Self::schema());
        warehouse::connect(&target).unwrap()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_milepost"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("MILEPOST_") {
                command.env_remove(name);
            }
        }
        command.current_dir(self.root()).env("STAND_IN_PASSWORD", PASSWORD).args(arguments);
        command
    }

    fn done(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{arguments:?}: {said}");
        said
    }

    fn analysis(&self) -> Analysis {
        analyze(&self.root(), BTreeMap::new(), &mut Diagnostics::default()).ok().unwrap()
    }

    /// Puts the raw rows where the sources' tables are.
    fn load(&self) {
        let (warehouse, dialect) = (self.warehouse(), Dialect::named(self.stand_in.driver).unwrap());
        let analysis = self.analysis();
        for (_, origin, columns) in origins(&analysis.model) {
            let table = dialect.table(origin.table.as_deref().unwrap()).unwrap();
            warehouse.load(&table, &typed(dialect, &typed_rows(&self.root(), origin, &columns))).unwrap();
        }
    }

    /// Returns what was made on a warehouse, by relation.
    fn relations(&self, warehouse: &dyn Warehouse, dialect: &'static Dialect, schema: &str) -> BTreeMap<String, Rows> {
        let stage = Stage { warehouse, dialect, schema: schema.to_owned() };
        let plan = self.analysis().plan;
        let nodes = plan.nodes.iter().filter(|node| node.materialization.is_relation());
        nodes.map(|node| (node.name.clone(), stage.read(node, &Within::new()).unwrap())).collect()
    }

    /// Builds on both, and returns the stand-in's relations, which are DuckDB's.
    fn build(&self) -> BTreeMap<String, Rows> {
        self.done(&["build", "--target", "dev"]);
        self.done(&["build", "--target", TARGET]);
        let mut target = warehouse::in_memory(self.root());
        target.settings.insert("database".to_owned(), "target/inkwell.duckdb".to_owned());
        let here = self.relations(&*warehouse::connect(&target).unwrap(), executed(), "milepost");
        let dialect = Dialect::named(self.stand_in.driver).unwrap();
        let there = self.relations(&*self.warehouse(), dialect, &Self::schema());
        assert_eq!(differences(&here, &there), "", "{}", self.stand_in.name);
        there
    }
}

/// Says what sets relations apart; their rows have no order.
fn differences(expected: &BTreeMap<String, Rows>, found: &BTreeMap<String, Rows>) -> String {
    expected.iter().map(|(name, rows)| unit::agree(rows, &found[name]).text(name)).collect()
}

/// A password that no output may show.
const PASSWORD: &str = "hunter2-of-the-stand-in";

fn builds(stand_in: StandIn) {
    let Some(bench) = Bench::new(stand_in) else { return };
    bench.load();
    let first = bench.build();
    assert_eq!(differences(&first, &bench.build()), "", "a second build changes nothing");
    let file = bench.root().join("models/activation.toml");
    let text = fs::read_to_string(&file).unwrap();
    // A definition that no unit test of the project is about: those would fail, as they should.
    assert!(text.contains("at_least = 500"));
    fs::write(&file, text.replace("at_least = 500", "at_least = 100")).unwrap();
    assert_ne!(differences(&first, &bench.build()), "", "more have reached it");
    let verified = bench.done(&["verify", "--target", TARGET]);
    assert!(verified.contains("4 of 4 unit tests passed"), "{verified}");
    let examined = bench.done(&["debug", "--target", TARGET]);
    for said in [verified, examined] {
        assert!(!said.contains(PASSWORD), "{said}");
    }
}

/// Stops the program while the warehouse is at a statement that would take days.
#[expect(clippy::print_stderr, reason = "how long it took is what is asked for")]
fn is_stopped(stand_in: StandIn) {
    let Some(bench) = Bench::new(stand_in) else { return };
    bench.load();
    let dialect = Dialect::named(stand_in.driver).unwrap();
    let table = |name: &str| dialect.table(name).unwrap();
    let (events, slow, id) = (table("raw.events"), table("raw.slow"), dialect.identifier("event_id").unwrap());
    let sql = format!(
        "CREATE OR REPLACE VIEW {slow} AS SELECT a.* FROM {events} AS a CROSS JOIN {events} AS b CROSS JOIN {events} AS c \
         WHERE CONCAT(a.{id}, b.{id}, c.{id}) = 'never'"
    );
    let view = check(Statement { node: "slow".to_owned(), sql, origin: None }, dialect).unwrap();
    bench.warehouse().execute(&view).unwrap();
    let sources = bench.root().join("models/sources.toml");
    let text = fs::read_to_string(&sources).unwrap();
    fs::write(sources, text.replace("table = \"raw.events\"", "table = \"raw.slow\"")).unwrap();
    let mut command = bench.command(&["run", "--target", TARGET, "--verbose", "--threads", "1"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("START  events_events")), "{}: it has not begun", stand_in.name);
    // The statement is on its way: now it is there.
    std::thread::sleep(Duration::from_secs(2));
    let told = Instant::now();
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let said: Vec<String> = lines.collect();
    let ended = child.wait().unwrap();
    let taken = told.elapsed();
    eprintln!("{}: over {:.2} s after SIGINT", stand_in.name, taken.as_secs_f64());
    // The program waits until the warehouse says that the statement is over, or gives that up after many seconds.
    assert!(said.iter().any(|line| line.contains("was cancelled while it ran")), "{}: {said:#?}", stand_in.name);
    assert_eq!(ended.code(), Some(1));
    // Nothing that a run which fails prints or writes has the password.
    let written = ["manifest.json", "run_results.json"]
        .map(|file| fs::read_to_string(bench.root().join("target").join(file)).unwrap());
    assert!(!said.iter().chain(&written).any(|text| text.contains(PASSWORD)));
}

#[test]
fn a_long_statement_ends_with_the_program_on_local_bigquery() {
    is_stopped(StandIn::LOCAL_BIGQUERY);
}

#[test]
fn a_long_statement_ends_with_the_program_on_fakesnow() {
    is_stopped(StandIn::FAKESNOW);
}

#[test]
fn the_example_project_builds_on_local_bigquery() {
    builds(StandIn::LOCAL_BIGQUERY);
}

#[test]
fn the_example_project_builds_on_fakesnow() {
    builds(StandIn::FAKESNOW);
}
