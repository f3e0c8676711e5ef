//! Whether a target can be used, and if not, why not.

use std::time::{Duration, Instant};

use minijinja::context;

use crate::application::Obstacle;
use crate::application::workspace::Workspace;
use crate::check::{Checked, check};
use crate::render::{Statement, engine};
use crate::report::table::{Cell, Table};
use crate::target::Target;
use crate::warehouse::{self, Column, Driver, Error, ErrorKind, Family, Rows, Warehouse};

/// How often a statement that reads nothing is sent to measure the way to the warehouse and back.
const PINGS: usize = 5;

/// What the checks found.
#[derive(Debug)]
pub struct Findings {
    /// One row a check: its name, `ok`, `failed`, `warning` or `not tried`, a detail, and what to do.
    pub table: Table,
    /// Whether one of them failed.
    pub has_failed: bool,
}

impl Findings {
    fn add(&mut self, check: &str, status: &str, detail: &str, help: Option<&str>) {
        let help = Cell::Text(help.unwrap_or_default().to_owned());
        let texts = [check, status, detail].map(|text| Cell::Text(text.to_owned()));
        self.table.rows.push(texts.into_iter().chain([help]).collect());
    }

    /// Notes what a check found, and passes on what the next ones need.
    fn note<T>(&mut self, check: &str, found: Result<(T, String), (String, Option<String>)>) -> Option<T> {
        match found {
            Ok((value, detail)) => {
                self.add(check, "ok", &detail, None);
                Some(value)
            }
            Err((detail, help)) => {
                self.has_failed = true;
                self.add(check, "failed", &detail, help.as_deref());
                None
            }
        }
    }
}

/// Tries a target; what is wrong with its settings is among the workspace's diagnostics.
pub fn examination(workspace: &mut Workspace, target: &Target) -> Result<Findings, Obstacle> {
    let mut findings = Findings { table: Table::new(&["check", "status", "detail", "help"]), has_failed: false };
    examine(workspace, target, &mut findings)?;
    for check in ["driver", "settings", "connection", "session", "rights", "load", "latency"] {
        if !findings.table.rows.iter().any(|row| row[0] == Cell::Text(check.to_owned())) {
            findings.add(check, "not tried", "", None);
        }
    }
    Ok(findings)
}

fn examine(workspace: &mut Workspace, target: &Target, findings: &mut Findings) -> Result<(), Obstacle> {
    let dialect = target.dialect.name();
    let driver = match Driver::named(dialect) {
        Some(driver) if driver.is_built() => Ok(((), format!("`{dialect}` is in this build"))),
        Some(_) => Err((
            format!("this build is without the driver of `{dialect}`"),
            Some(format!("build it with `--features {dialect}`")),
        )),
        None => Err((format!("no driver for `{dialect}`"), None)),
    };
    let Some(()) = findings.note("driver", driver) else { return Ok(()) };
    let root = workspace.root()?;
    let connection = target.connection(&workspace.analysis.project, &root, &mut workspace.diagnostics);
    if workspace.diagnostics.has_errors() {
        findings.note::<()>("settings", Err(("what is wrong with them is said above".to_owned(), None)));
    }
    let Some(connection) = connection else { return Ok(()) };
    let names: Vec<&str> = connection.settings.keys().map(String::as_str).collect();
    findings.note("settings", Ok(((), names.join(", "))));
    let clock = Instant::now();
    let connected = warehouse::connect(&connection);
    let connected = connected.map(|warehouse| (warehouse, shown(clock.elapsed())));
    let Some(warehouse) = findings.note("connection", connected.map_err(|error| failed(&error))) else { return Ok(()) };
    let facts = warehouse.describe().map(|facts| {
        let facts: Vec<String> = facts.into_iter().map(|(name, value)| format!("{name} {value}")).collect();
        ((), facts.join(", "))
    });
    findings.note("session", facts.map_err(|error| failed(&error)));
    for concern in warehouse.concerns().unwrap_or_default() {
        findings.add("surroundings", "warning", &concern, None);
    }
    let rights = rights(&*warehouse, target).map(|()| {
        let schema = &target.schema;
        ((), format!("a table and a view were made, read and dropped in {schema}, as `run` makes them"))
    });
    findings.note("rights", rights.map_err(|error| failed(&error)));
    let loaded = load(&*warehouse, target).map(|()| ((), "rows were loaded, as `verify` loads them".to_owned()));
    findings.note("load", loaded.map_err(|error| failed(&error)));
    let latency = latency(&*warehouse, target).map(|median| ((), format!("{} (median of {PINGS})", shown(median))));
    findings.note("latency", latency.map_err(|error| failed(&error)));
    Ok(())
}

/// Does what a run does: makes the schema where there is none, a table in it and a view over that; reads and drops them.
fn rights(warehouse: &dyn Warehouse, target: &Target) -> Result<(), Error> {
    let dialect = target.dialect;
    let name = |what: &str| format!("{}.milepost_debug_{what}_{}", target.schema, std::process::id());
    let (table, view) = (name("table"), name("view"));
    let (quoted_table, quoted_view) = (quoted(target, &table)?, quoted(target, &view)?);
    let sql = |text: &str, context: minijinja::Value| {
        let rendered = engine::render_text(text, context, dialect).map_err(|fault| wrong(fault.to_string()))?;
        checked(target, rendered)
    };
    let schema = sql("{{ create_schema(schema) }}", context! { schema => target.schema.clone() })?;
    warehouse.make_schema(&schema, &quoted(target, &target.schema)?)?;
    let cluster: Vec<String> = Vec::new();
    let relation = context! { name => table.clone(), partition => (), by => (), expiration_days => (), cluster };
    warehouse.execute(&sql("{{ create_table(relation) }} SELECT 1 AS n", context! { relation })?)?;
    let view = context! { name => view };
    let made = sql("{{ create_view(view) }} SELECT n FROM {{ table | table }}", context! { view, table })
        .and_then(|statement| warehouse.execute(&statement));
    let read = made.and_then(|_| ask(warehouse, target, format!("SELECT n FROM {quoted_view}")));
    // The table goes in any case, and the view where it is there.
    if read.is_ok() {
        warehouse.execute(&checked(target, format!("DROP VIEW {quoted_view}"))?)?;
    }
    warehouse.drop_table(&quoted_table)?;
    let rows = read?.rows;
    let one = [[warehouse::Value::Int(1)]];
    if rows == one { Ok(()) } else { Err(wrong(format!("{quoted_view} was made of 1 and holds {rows:?}"))) }
}

/// Loads a table into the target's schema, reads it and drops it.
fn load(warehouse: &dyn Warehouse, target: &Target) -> Result<(), Error> {
    let relation = quoted(target, &format!("{}.milepost_debug_{}", target.schema, std::process::id()))?;
    let column = Column { name: "n".to_owned(), ty: String::new(), family: Family::Int };
    let given = Rows { columns: vec![column], rows: vec![vec![warehouse::Value::Int(1)]], truncated: false };
    warehouse.load(&relation, &given)?;
    let read = ask(warehouse, target, format!("SELECT * FROM {relation}"));
    warehouse.drop_table(&relation)?;
    let rows = read?.rows;
    if rows == given.rows { Ok(()) } else { Err(wrong(format!("{relation} was loaded with 1 and holds {rows:?}"))) }
}

fn wrong(reason: String) -> Error {
    Error::new(ErrorKind::UserSql, reason)
}

fn quoted(target: &Target, name: &str) -> Result<String, Error> {
    target.dialect.table(name).map_err(wrong)
}

/// Returns the median time of a statement that reads nothing.
fn latency(warehouse: &dyn Warehouse, target: &Target) -> Result<Duration, Error> {
    let mut times = Vec::new();
    for _ in 0..PINGS {
        let clock = Instant::now();
        ask(warehouse, target, "SELECT 1 AS n".to_owned())?;
        times.push(clock.elapsed());
    }
    times.sort();
    Ok(times[PINGS / 2])
}

fn ask(warehouse: &dyn Warehouse, target: &Target, sql: String) -> Result<Rows, Error> {
    warehouse.query(&checked(target, sql)?, None)
}

fn checked(target: &Target, sql: String) -> Result<Checked, Error> {
    let statement = Statement { node: "debug".to_owned(), sql, origin: None };
    check(statement, target.dialect).map_err(|refusal| wrong(refusal.reason))
}

fn shown(elapsed: Duration) -> String {
    format!("{:.0} ms", elapsed.as_secs_f64() * 1000.0)
}

/// Returns what failed, and what to do about it.
fn failed(error: &Error) -> (String, Option<String>) {
    let help = match error.kind {
        ErrorKind::Credentials => "look at the target's settings, and at the variables and files that they name",
        ErrorKind::Permission => "have the role or account granted this: making, reading and dropping tables there",
        ErrorKind::Missing => "look at the names in the target: project, database, schema, warehouse, role",
        ErrorKind::Quota => "a budget or quota is used up: raise it, or wait until it begins anew",
        ErrorKind::Transient | ErrorKind::Gone => "is the address right, and the network or its proxy up?",
        ErrorKind::Timeout => {
            "it took longer than the target's `statement_timeout`: is the warehouse suspended or busy?"
        }
        ErrorKind::Busy => "end the other process, or name another database",
        ErrorKind::Resources => "memory, disk or sessions ran out there",
        ErrorKind::UserSql | ErrorKind::Occupied | ErrorKind::Cancelled | ErrorKind::Unsupported => {
            return (error.message.clone(), None);
        }
    };
    (error.message.clone(), Some(help.to_owned()))
}
