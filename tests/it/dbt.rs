//! `milepost export dbt`: what is exported prints what `compile` prints, and dbt makes of it what `run` makes.
//!
//! `tests/dbt/dbt.sh install` makes dbt; a test that needs it says loudly that it is skipped where it is not.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use milepost::application::Obstacle;
use milepost::application::artifacts;
use milepost::application::export::dbt::export;
use milepost::application::export::folder::{Changes, LIST};
use milepost::application::mistakes::find;
use milepost::application::workspace::{Request, Workspace};
use milepost::render::dialect::Dialect;
use milepost::run::unit;
use milepost::semantic::moment;
use milepost::suite::stage::{Stage, Within};
use milepost::suite::{case, given};
use milepost::warehouse::{self, Rows, Warehouse};
use minijinja::value::{Kwargs, Value};
use minijinja::{Environment, Error};
use tempfile::TempDir;

use crate::functions::{dialects, executed};

/// The name of the database that dbt makes.
const THEIRS: &str = "dbt.duckdb";

/// The name of ours.
const OURS: &str = "ours.duckdb";

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A copy of a project, to which an export goes.
struct Copy {
    folder: TempDir,
}

impl Copy {
    /// Copies what is in a folder, or some of it, with a target for each dialect; that of the executed one writes to a file.
    fn of(project: &Path, parts: &[&str]) -> Self {
        let copy = Self { folder: tempfile::tempdir().unwrap() };
        for part in parts {
            let copied = Command::new("cp").arg("-r").arg(project.join(part)).arg(copy.root()).status().unwrap();
            assert!(copied.success(), "{}: {part}", project.display());
        }
        let mut text = copy.read("project.toml");
        for dialect in dialects() {
            let name = dialect.name();
            let place = if dialect.name() == executed().name() {
                format!("database = \"{OURS}\"")
            } else {
                "project = \"p\"".to_owned()
            };
            text.push_str(&format!("\n[target.of_{name}]\ndialect = \"{name}\"\n{place}\n"));
        }
        copy.write("project.toml", &text);
        copy
    }

    fn of_case(name: &str) -> Self {
        Self::of(&top().join("tests/cases").join(name), &["project.toml", "models", "data"])
    }

    fn of_odd() -> Self {
        Self::of(&top().join("tests/dbt/odd"), &["project.toml", "models", "data"])
    }

    fn of_sample() -> Self {
        Self::of(top(), &["project.toml", "models", "checks", "data"])
    }

    fn root(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root().join(path)).unwrap()
    }

    fn write(&self, path: &str, text: &str) {
        fs::write(self.root().join(path), text).unwrap();
    }

    fn open(&self, dialect: &Dialect) -> Workspace {
        let now = moment::moment("2026-03-01").unwrap();
        Workspace::open(Request { target: Some(format!("of_{}", dialect.name())), ..Request::of(self.root(), now) })
            .unwrap()
    }

    /// Exports for a dialect, beside the project.
    fn export(&self, dialect: &Dialect) -> (PathBuf, Changes) {
        let mut workspace = self.open(dialect);
        let target = workspace.target().unwrap();
        let folder = self.root().join(format!("export_{}", dialect.name()));
        let exported = export(&mut workspace, &target, &folder).unwrap();
        (folder, exported.changes)
    }

    /// Puts rows of a unit test where the tables are, in place of files.
    fn read_tables(&self) {
        for entry in fs::read_dir(self.root().join("models")).unwrap() {
            let path = entry.unwrap().path();
            let text = fs::read_to_string(&path).unwrap();
            let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("path = ")).collect();
            fs::write(path, lines.join("\n")).unwrap();
        }
        let mut workspace = self.open(executed());
        let analysis = &workspace.analysis;
        let cases = case::resolve(&analysis.project, &analysis.model, &analysis.plan, &mut workspace.diagnostics);
        for (name, rows) in given::tables(&workspace.analysis.model, &cases[0], executed()) {
            let table = executed().table(&table_of(&workspace, &name)).unwrap();
            for database in [OURS, THEIRS] {
                self.warehouse(database).load(&table, &rows).unwrap();
            }
        }
    }

    fn warehouse(&self, database: &str) -> Box<dyn Warehouse> {
        let mut target = warehouse::in_memory(self.root());
        target.settings.insert("database".to_owned(), database.to_owned());
        warehouse::connect(&target).unwrap()
    }

    /// Has `milepost run` make everything, and dbt be asked to.
    fn run(&self, started: bool) -> Job {
        let target = format!("of_{}", executed().name());
        let mut command = Command::new(env!("CARGO_BIN_EXE_milepost"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("MILEPOST_") {
                command.env_remove(name);
            }
        }
        let output = command.current_dir(self.root()).args(["run", "--target", &target]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let (folder, changes) = self.export(executed());
        assert!(started == (changes.written > 0), "the same again is the same bytes: {changes:?}");
        let name = self.open(executed()).analysis.model.name;
        let database = self.root().join(THEIRS);
        let profile = format!(
            "{name}:\n  target: t\n  outputs:\n    t: {{type: duckdb, path: '{}', schema: milepost, threads: 2}}\n",
            database.display()
        );
        fs::write(folder.join("profiles.yml"), profile).unwrap();
        // Unit tests are about rows of their own: once is enough.
        let args: &[&str] = if started { &["build"] } else { &["build", "--exclude-resource-type", "unit_test"] };
        Job { folder, args: args.iter().map(|&word| word.to_owned()).collect() }
    }

    /// Returns the rows of all that is made, as they are in a database.
    fn relations(&self, database: &str) -> BTreeMap<String, Rows> {
        let warehouse = self.warehouse(database);
        let stage = Stage { warehouse: &*warehouse, dialect: executed(), schema: "milepost".to_owned() };
        let plan = self.open(executed()).analysis.plan;
        let nodes = plan.nodes.iter().filter(|node| node.materialization.is_relation());
        nodes.map(|node| (node.name.clone(), stage.read(node, &Within::new()).unwrap())).collect()
    }

    /// Holds what dbt made to what `milepost run` made.
    fn compare(&self) {
        let (ours, theirs) = (self.relations(OURS), self.relations(THEIRS));
        let text: String = ours.iter().map(|(name, rows)| unit::agree(rows, &theirs[name]).text(name)).collect();
        assert_eq!(text, "");
        assert!(ours.values().any(|rows| !rows.rows.is_empty()));
    }
}

/// Returns the raw table of a source or an entity.
fn table_of(workspace: &Workspace, name: &str) -> String {
    let model = &workspace.analysis.model;
    let source = model.sources.iter().find(|source| source.meta.name == name).map(|source| &source.origin);
    let entity = || model.entities.iter().find(|entity| entity.meta.name == name)?.origin.as_ref();
    source.or_else(entity).unwrap().table.clone().unwrap()
}

/// What dbt is asked to do, and where.
#[derive(serde::Serialize)]
struct Job {
    folder: PathBuf,
    args: Vec<String>,
}

/// Returns the Python that has dbt; where there is none, says that the test is skipped.
#[expect(clippy::print_stderr, reason = "a test that does nothing says so")]
fn python(skipped: &str) -> Option<String> {
    let script = top().join("tests/dbt/dbt.sh");
    let output = Command::new(script).arg("python").output().unwrap();
    if output.status.code() == Some(69) {
        eprintln!("*** SKIPPED: {skipped}: {}", String::from_utf8_lossy(&output.stderr).trim());
        return None;
    }
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

/// Has dbt do something in each folder, without sending anything anywhere.
fn dbt(python: &str, jobs: &[Job]) {
    let mut child = Command::new(python)
        .arg(top().join("tests/dbt/builds.py"))
        .env("DBT_SEND_ANONYMOUS_USAGE_STATS", "false")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&serde_json::to_vec(jobs).unwrap()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success(), "{said}");
}

#[test]
fn dbt_makes_what_run_makes_twice() {
    if !crate::extent::all("the rows that dbt makes of exports") {
        return;
    }
    let Some(python) = python("the rows that dbt makes of exports") else { return };
    let mut copies = vec![Copy::of_sample(), Copy::of_odd()];
    copies.extend(["old_rows", "files_json", "rows_of_nobody", "exact_sums", "stored_times"].map(Copy::of_case));
    copies.last().unwrap().read_tables();
    for started in [true, false] {
        let jobs: Vec<Job> = copies.iter().map(|copy| copy.run(started)).collect();
        dbt(&python, &jobs);
        copies.iter().for_each(Copy::compare);
    }
    described(&copies[1]);
}

/// Holds what dbt understood to what the project says, which looks like templates everywhere.
fn described(odd: &Copy) {
    let manifest = odd.read(&format!("export_{}/target/manifest.json", executed().name()));
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    let text = |pointer: &str| manifest.pointer(pointer).unwrap_or_else(|| panic!("no {pointer}")).clone();
    let model = "/nodes/model.odd_texts";
    assert_eq!(text(&format!("{model}.milestone_called/description")), "As {{ var('as_of') }}, -- {% endif %} {{");
    assert_eq!(text(&format!("{model}.entity_user/description")), "{% raw %} and {# not this #}");
    assert_eq!(text(&format!("{model}.entity_user/tags")), serde_json::json!(["{{ tag }}"]));
    assert_eq!(text(&format!("{model}.entity_user/config/meta/owner")), "{{ owner }}@example.com");
    assert_eq!(text(&format!("{model}.entity_user/columns/user_id/data_type")), "VARCHAR");
    let log = "/sources/source.odd_texts.raw_rows.log";
    assert_eq!(text(&format!("{log}/description")), "Two lines:\n  {{ the second }}");
    assert_eq!(text(&format!("{log}/columns/user {{{{ id }}}}/quote")), true);
}

#[test]
fn dbt_compiles_for_the_adapters_of_other_warehouses() {
    if !crate::extent::all("what dbt compiles for other warehouses") {
        return;
    }
    let Some(python) = python("what dbt compiles for other warehouses") else { return };
    let (sample, odd) = (Copy::of_sample(), Copy::of_odd());
    let profiles = [
        ("bigquery", "type: bigquery, method: oauth-secrets, token: none, project: p, dataset: milepost"),
        ("snowflake", "type: snowflake, account: none, user: none, password: none, database: P, schema: MILEPOST"),
    ];
    let mut jobs = Vec::new();
    for (dialect, profile) in profiles {
        let dialect = Dialect::named(dialect).unwrap();
        for copy in [&sample, &odd] {
            let folder = copy.export(dialect).0;
            let name = copy.open(dialect).analysis.model.name;
            let text = format!("{name}:\n  target: t\n  outputs:\n    t: {{{profile}, threads: 2}}\n");
            fs::write(folder.join("profiles.yml"), text).unwrap();
            if std::ptr::eq(copy, &raw const odd) {
                jobs.push(Job { folder: folder.clone(), args: vec!["parse".to_owned()] });
            }
            let offline = ["compile", "--no-introspect", "--no-populate-cache"].map(str::to_owned);
            jobs.push(Job { folder, args: offline.to_vec() });
        }
    }
    dbt(&python, &jobs);
}

/// Makes an engine that prints an export's templates as `compile` prints statements: what a name stands for is said by
/// `named`, and the moment by the program's own calendar.
fn engine(
    workspace: &Workspace,
    named: impl Fn(&str) -> String + Send + Sync + Clone + 'static,
) -> Environment<'static> {
    let as_of = moment::literal(workspace.as_of);
    let before = move |options: &Kwargs| {
        let before: Option<i64> = options.get("before")?;
        Ok::<_, Error>(moment::before(&as_of, before.unwrap_or_default()).unwrap_or_else(|| moment::FIRST.to_owned()))
    };
    let short = |text: String| text.strip_suffix(".000000").map_or(text.clone(), str::to_owned);
    let mut engine = Environment::new();
    let relation = named.clone();
    engine.add_function("ref", move |_package: String, name: String| relation(&name));
    engine.add_function("source", move |_source: String, name: String| named(&format!("source {name}")));
    let at = before.clone();
    engine.add_function("milepost_moment", move |options: Kwargs| at(&options).map(short));
    let at = before.clone();
    engine.add_function("milepost_clock", move |zone: String, options: Kwargs| {
        Ok::<_, Error>(short(moment::local(&at(&options)?, &zone, options.get("days")?).unwrap().1))
    });
    let at = before.clone();
    engine.add_function("milepost_day", move |zone: String, options: Kwargs| {
        Ok::<_, Error>(moment::local(&at(&options)?, &zone, options.get("days")?).unwrap().0)
    });
    engine.add_function("milepost_count", move |options: Kwargs| {
        let (count, unit) = (moment::microseconds(&before(&options)?).unwrap(), options.get::<i64>("unit")?);
        Ok::<_, Error>(Value::from(count.div_euclid(unit) + i64::from(count % unit != 0)))
    });
    engine
}

#[test]
fn templates_print_what_compile_prints() {
    // Files are read by dbt's adapter: what stands for them is not in a statement.
    let others = dialects().into_iter().filter(|dialect| dialect.dbt().reader.is_none());
    let cases = ["old_rows", "stored_times", "scores", "canonical_tables", "milestone_structures"];
    let copies: Vec<Copy> = cases.map(Copy::of_case).into_iter().chain([Copy::of_odd(), Copy::of_sample()]).collect();
    for (copy, dialect) in copies.iter().flat_map(|copy| others.clone().map(move |dialect| (copy, dialect))) {
        let mut workspace = copy.open(dialect);
        let target = workspace.target().unwrap();
        let compiled = workspace.compile(&target).unwrap();
        let (folder, _) = copy.export(dialect);
        let (analysis, schema) = (&workspace.analysis, target.schema.clone());
        let tables: BTreeMap<String, String> = given::raw_columns(&analysis.model)
            .into_keys()
            .map(|name| (format!("source {name}"), table_of(&workspace, &name)))
            .collect();
        let named = move |name: &str| match tables.get(name) {
            Some(table) => dialect.raw_table(table).unwrap(),
            None => dialect.table(&format!("{schema}.{name}")).unwrap(),
        };
        let engine = engine(&workspace, named);
        for (id, statement) in &compiled {
            let node = analysis.plan.node(*id);
            if !node.materialization.is_relation() {
                continue;
            }
            let path = folder.join(format!("models/{}/{}.sql", node.relation.kind(), node.name));
            let printed = engine.render_str(&fs::read_to_string(path).unwrap(), ()).unwrap();
            let whole = artifacts::text(statement);
            let body = printed.lines().skip_while(|line| line.starts_with("--")).collect::<Vec<_>>().join("\n");
            let rows = whole.strip_suffix(';').unwrap().strip_suffix(&body);
            let head = rows.unwrap_or_else(|| panic!("{}: {}\n{printed}\n{whole}", copy.root().display(), node.name));
            assert!(head.contains("CREATE OR REPLACE") && head.trim_end().ends_with("AS"), "{head}");
        }
    }
}

#[test]
fn an_export_is_the_same_again_and_leaves_what_others_wrote() {
    let copy = Copy::of_odd();
    let (folder, first) = copy.export(executed());
    assert_eq!(first.written, first.files);
    fs::write(folder.join("models/kpi/by_hand.sql"), "SELECT 1").unwrap();
    assert_eq!(copy.export(executed()).1, Changes { written: 0, ..first });
    let models = copy.read("models/all.toml");
    let without = models.split("[kpi.calls]").next().unwrap();
    copy.write("models/all.toml", without);
    let second = copy.export(executed()).1;
    assert!(second.removed > 0 && second.written > 0, "{second:?}");
    assert!(!folder.join("models/kpi/kpi_calls.sql").exists() && folder.join("models/kpi/by_hand.sql").exists());
    let list = fs::read_to_string(folder.join(LIST)).unwrap();
    assert!(!list.contains("by_hand") && !list.contains("kpi_calls"), "{list}");
}

/// Writes a project that reads models of dbt, and the artifacts of the dbt project beside it.
fn reader(models: &str, catalog: bool) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (ours, theirs) = (folder.path().join("ours"), folder.path().join("theirs/target"));
    fs::create_dir_all(ours.join("models")).unwrap();
    fs::create_dir_all(&theirs).unwrap();
    let project = "[project]\nname = \"acme\"\nas_of = \"2026-03-01\"\ndbt = \"../theirs\"\n\n[target.of_duckdb]\ndialect = \"duckdb\"\n";
    fs::write(ours.join("project.toml"), project).unwrap();
    fs::write(ours.join("models/all.toml"), models).unwrap();
    let metadata =
        serde_json::json!({ "dbt_schema_version": "of dbt", "project_name": "shop", "adapter_type": "snowflake" });
    let model = |package: &str, name: &str, relation: &str| {
        serde_json::json!({
            "resource_type": "model", "package_name": package, "name": name, "relation_name": relation,
        })
    };
    let manifest = serde_json::json!({
        "metadata": metadata,
        "nodes": {
            "model.a_package.users": model("a_package", "users", "`p`.`other`.`users`"),
            "model.shop.users": {
                "resource_type": "model", "package_name": "shop", "name": "users", "relation_name": "ANALYTICS.dbt.users",
                "config": { "group": "growth" },
            },
            "model.shop.tests": { "resource_type": "test", "package_name": "shop", "name": "unique" },
        },
        "groups": {
            "group.shop.growth": { "name": "growth", "package_name": "shop", "owner": { "email": "growth@acme.com" } },
        },
        "sources": {
            "source.shop.app.events": {
                "meta": { "owner": "the app's team" },
                "source_name": "app", "name": "events", "relation_name": "\"raw\".\"App Events\"",
            },
        },
    });
    fs::write(theirs.join("manifest.json"), manifest.to_string()).unwrap();
    if catalog {
        let columns = serde_json::json!({ "USER_ID": { "type": "TEXT" }, "CREATED_AT": { "type": "TIMESTAMP_NTZ" }, "SEATS": { "type": "NUMBER" } });
        let found = serde_json::json!({
            "metadata": { "database": "ANALYTICS", "schema": "dbt_prod", "name": "USERS" }, "columns": columns,
        });
        let catalog = serde_json::json!({ "metadata": metadata, "nodes": { "model.shop.users": found } });
        fs::write(theirs.join("catalog.json"), catalog.to_string()).unwrap();
    }
    folder
}

/// Returns what the tables are that a project reads; or what is wrong with it.
fn tables(models: &str, catalog: bool) -> Result<Vec<String>, Vec<String>> {
    let folder = reader(models, catalog);
    let now = moment::moment("2026-03-01").unwrap();
    match Workspace::open(Request::of(folder.path().join("ours"), now)) {
        Ok(workspace) => {
            let model = &workspace.analysis.model;
            let origins = model.entities.iter().filter_map(|entity| entity.origin.as_ref());
            let all = origins.chain(model.sources.iter().map(|source| &source.origin));
            Ok(all.filter_map(|origin| origin.table.clone()).collect())
        }
        Err(Obstacle::Mistakes { found, .. }) => {
            let told = found.sorted().into_iter();
            Err(told
                .map(|one| format!("{}: {} ({})", one.code, one.message, one.help.clone().unwrap_or_default()))
                .collect())
        }
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn a_table_is_what_dbt_calls_so() {
    let user = |table: &str, key: &str| {
        format!("[entity.user]\ntable = \"{table}\"\nkey = \"{key}\"\nstart = \"created_at\"\n")
    };
    let events =
        "[source.log]\ntable = \"dbt:app.events\"\nid = \"id\"\nentity = \"user_id\"\nname = \"name\"\ntime = \"at\"\n";
    let both = user("dbt:users", "user_id") + events;
    assert_eq!(tables(&both, false).unwrap(), ["ANALYTICS.DBT.USERS", "raw.App Events"]);
    assert_eq!(tables(&both, true).unwrap(), ["ANALYTICS.dbt_prod.USERS", "raw.App Events"]);
    assert_eq!(tables(&user("dbt:a_package.users", "user_id"), true).unwrap(), ["p.other.users"]);
    assert_eq!(
        tables(&user("dbt:app.event", "user_id"), true).unwrap_err(),
        [
            "unknown-dbt-relation: dbt has no model or source `app.event` (one with a similar name exists: `dbt:app.events`)"
        ]
    );
    // Without a catalog nobody knows the columns.
    assert!(tables(&user("dbt:users", "userid"), false).is_ok());
    assert_eq!(
        tables(&user("dbt:users", "userid"), true).unwrap_err(),
        ["unknown-column: the relation of dbt has no column `userid` (a column with a similar name exists: `USER_ID`)"]
    );
}

#[test]
fn who_answers_for_a_table_is_taken_over_where_nobody_is_written() {
    let models = |owner: &str| {
        format!(
            "[entity.user]\ntable = \"dbt:users\"\nkey = \"user_id\"\nstart = \"created_at\"\n{owner}\
             [source.log]\ntable = \"dbt:app.events\"\nid = \"id\"\nentity = \"user_id\"\nname = \"name\"\ntime = \"at\"\n"
        )
    };
    for (owner, expected) in [("", "growth@acme.com"), ("owner = \"ada\"\n", "ada")] {
        let folder = reader(&models(owner), false);
        let now = moment::moment("2026-03-01").unwrap();
        let workspace = Workspace::open(Request::of(folder.path().join("ours"), now)).unwrap();
        let model = &workspace.analysis.model;
        assert_eq!(model.entities[0].meta.owner.as_deref(), Some(expected));
        assert_eq!(model.sources[0].meta.owner.as_deref(), Some("the app's team"));
    }
}

#[test]
fn types_of_columns_are_those_of_the_catalog_of_its_warehouse() {
    let found = |start: &str| {
        let models = format!(
            "[entity.user]\ntable = \"dbt:users\"\nkey = \"user_id\"\nstart = \"created_at\"\n\
             attributes = {{ born = {{ column = \"{start}\", type = \"int\" }} }}\n[milestone.a]\nevent = \"a\"\n\
             where = \"user.born > 1\"\nwithin = \"1d\"\n\
             [source.log]\ntable = \"dbt:app.events\"\nid = \"id\"\nentity = \"user_id\"\nname = \"name\"\ntime = \"at\"\n"
        );
        let folder = reader(&models, true);
        let now = moment::moment("2026-03-01").unwrap();
        let (found, _) = find(&Request::of(folder.path().join("ours"), now));
        found.sorted().into_iter().map(|one| format!("{}: {}", one.code, one.message)).collect::<Vec<_>>()
    };
    // TEXT is the key's type there, and a number's digits are not told: neither is a mistake.
    assert_eq!(found("seats"), Vec::<String>::new());
    let told = ["wrong-type-of-column: the column `CREATED_AT` of dbt is TIMESTAMP_NTZ, and is taken for int"];
    assert_eq!(found("created_at"), told);
}
