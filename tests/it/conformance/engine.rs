//! The engines besides DuckDB, and how each is reached.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use milepost::check::check;
use milepost::render::Statement;
use milepost::render::dialect::Dialect;
use milepost::semantic::expr::Type;
use milepost::suite::stage::Stage;
use milepost::warehouse::{self, Column, Family, Rows, Target, Value, Warehouse};

use crate::conformance::Case;
use crate::conformance::googlesql::GoogleSql;

/// An engine that makes the relations of cases.
pub(crate) trait Engine: Send + Sync {
    /// The dialect that it is given.
    fn dialect(&self) -> &'static Dialect;

    /// Returns the rows of the relations of a case that are compared, by name; `given` is by the name of the source or
    /// entity.
    fn relations(&self, case: &Case, given: &[(String, Rows)]) -> Result<Made, String>;

    /// Returns the rows of a query.
    fn ask(&self, sql: &str) -> Result<Rows, String>;
}

/// A stand-in of a warehouse that one of our drivers connects to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StandIn {
    /// Its name.
    pub(crate) name: &'static str,
    /// The driver, which is the dialect.
    pub(crate) driver: &'static str,
    /// The variable that says where it is.
    variable: &'static str,
    settings: &'static [(&'static str, &'static str)],
    /// Whether the example project is built there.
    builds: bool,
    /// What stands before a schema.
    prefix: &'static str,
}

const SNOWFLAKE: &[(&str, &str)] = &[
    ("account", "stand-in"),
    ("user", "milepost"),
    ("password", "stand-in"),
    ("database", "CONFORMANCE"),
    ("warehouse", "WH"),
    ("role", "R"),
];

impl StandIn {
    /// BigQuery, on DuckDB.
    pub(crate) const LOCAL_BIGQUERY: Self = Self {
        name: "local_bigquery",
        driver: "bigquery",
        variable: "MILEPOST_BIGQUERY_ENDPOINT",
        settings: &[("project", "test")],
        builds: true,
        prefix: "test.",
    };
    /// Snowflake, on DuckDB.
    pub(crate) const FAKESNOW: Self = Self {
        name: "fakesnow",
        driver: "snowflake",
        variable: "MILEPOST_SNOWFLAKE_ENDPOINT",
        settings: SNOWFLAKE,
        builds: true,
        prefix: "CONFORMANCE.",
    };
    /// Snowflake, on DuckDB, by others.
    pub(crate) const SNOWDUCK: Self =
        Self { name: "snowduck", variable: "MILEPOST_SNOWDUCK_ENDPOINT", builds: false, ..Self::FAKESNOW };

    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::LOCAL_BIGQUERY, Self::FAKESNOW, Self::SNOWDUCK];

    /// Waits for the turn of whoever uses it: all sessions of snowduck have one current database.
    pub(crate) fn turn(&self) -> Option<MutexGuard<'static, ()>> {
        static TURN: Mutex<()> = Mutex::new(());
        (self.name == Self::SNOWDUCK.name).then(|| TURN.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns where it is, or says loudly that it is skipped.
    pub(crate) fn endpoint(&self) -> Option<String> {
        given(self.variable, self.name)
    }

    /// Returns the settings of a target there.
    pub(crate) fn settings(&self, endpoint: &str) -> Vec<(String, String)> {
        let settings = self.settings.iter().copied().chain([("endpoint", endpoint)]);
        settings.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    fn open(self) -> Option<Box<dyn Engine>> {
        let settings = self.settings(&self.endpoint()?);
        let mut target = Target { driver: self.driver.to_owned(), ..warehouse::in_memory(PathBuf::new()) };
        target.settings = settings.into_iter().collect();
        target.settings.insert("schema".to_owned(), format!("{}conformance", self.prefix));
        let warehouse = warehouse::connect(&target).unwrap_or_else(|error| panic!("{}: {error}", self.name));
        let dialect = Dialect::named(self.driver).unwrap();
        Some(Box::new(Remote { stand_in: self, dialect, warehouse, cases: AtomicU32::new(0) }))
    }
}

/// What an engine makes of a case.
pub(crate) enum Made {
    /// The rows of the relations that are compared, by name.
    Relations(BTreeMap<String, Rows>),
    /// Nothing: the statements are legal, and not executed.
    Legal,
    /// Nothing: there are too many rows for it.
    Nothing,
    /// Nothing here: the program itself makes it there.
    ByTheProgram,
}

/// As many raw rows are made here; what has more is the example project.
pub(crate) const MOST_ROWS: usize = 3000;

/// How an engine is found.
pub(crate) struct Entry {
    /// Its name.
    pub(crate) name: &'static str,
    /// Opens it, or says loudly that it is skipped.
    pub(crate) open: fn() -> Option<Box<dyn Engine>>,
}

/// The engines, in the order of the table's columns.
pub(crate) const ENGINES: &[Entry] = &[
    Entry { name: StandIn::LOCAL_BIGQUERY.name, open: || StandIn::LOCAL_BIGQUERY.open() },
    Entry { name: "googlesql", open: || Some(Box::new(googlesql()?)) },
    Entry { name: StandIn::FAKESNOW.name, open: || StandIn::FAKESNOW.open() },
    Entry { name: StandIn::SNOWDUCK.name, open: || StandIn::SNOWDUCK.open() },
];

/// Starts Google's reference implementation, or says loudly that it is skipped.
pub(crate) fn googlesql() -> Option<GoogleSql> {
    Some(GoogleSql::start(&given("MILEPOST_GOOGLESQL", "Google's reference implementation")?))
}

/// Returns what a variable says, or says loudly what is skipped without it.
#[expect(clippy::print_stderr, reason = "a test that does nothing says so")]
fn given(variable: &str, name: &str) -> Option<String> {
    let value = std::env::var(variable).ok().filter(|value| !value.is_empty());
    if value.is_none() {
        eprintln!("*** SKIPPED: {variable} is not set, so that nothing is compared with {name}");
    }
    value
}

/// A warehouse that one of our drivers connects to.
struct Remote {
    stand_in: StandIn,
    dialect: &'static Dialect,
    warehouse: Box<dyn Warehouse>,
    cases: AtomicU32,
}

impl Engine for Remote {
    fn dialect(&self) -> &'static Dialect {
        self.dialect
    }

    fn ask(&self, sql: &str) -> Result<Rows, String> {
        let statement = Statement { node: "asked".to_owned(), sql: sql.to_owned(), origin: None };
        let statement = check(statement, self.dialect).map_err(|refusal| refusal.reason)?;
        self.warehouse.query(&statement, None).map_err(|error| error.message)
    }

    fn relations(&self, case: &Case, given: &[(String, Rows)]) -> Result<Made, String> {
        if given.iter().map(|(_, rows)| rows.rows.len()).sum::<usize>() > MOST_ROWS {
            return Ok(if self.stand_in.builds { Made::ByTheProgram } else { Made::Nothing });
        }
        let _turn = self.stand_in.turn();
        let number = self.cases.fetch_add(1, Ordering::Relaxed);
        let schema = format!("{}conformance_{}_{number}", self.stand_in.prefix, std::process::id());
        let stage = Stage { warehouse: &*self.warehouse, dialect: self.dialect, schema };
        let found = stage.make(case.cx(), case.as_of, given, &case.all()).and_then(|within| {
            let nodes = case.analysis.plan.nodes.iter();
            let nodes = nodes.filter(|node| Case::is_compared(node));
            nodes.map(|node| Ok((node.name.clone(), stage.read(node, &within)?))).collect()
        });
        stage.clear()?;
        found.map(Made::Relations)
    }
}

/// How DuckDB calls a time that knows its offset.
pub(crate) const ZONED: &str = "TIMESTAMP WITH TIME ZONE";

/// Returns the types of a time without a zone and of one with an offset, on a warehouse.
fn times(dialect: &Dialect) -> (&'static str, &'static str) {
    if dialect.name() == StandIn::LOCAL_BIGQUERY.driver {
        ("DATETIME", "TIMESTAMP")
    } else {
        ("TIMESTAMP_NTZ(6)", "TIMESTAMP_TZ(6)")
    }
}

/// Gives columns that DuckDB read from a file the types that a table of the warehouse would have.
pub(crate) fn typed(dialect: &Dialect, rows: &Rows) -> Rows {
    let (plain, zoned) = times(dialect);
    let is_plain = |column: &Column| column.family == Family::Timestamp && column.ty != ZONED;
    let column = |column: &Column| {
        let ty = match column.family {
            Family::Bool => dialect.type_name(Type::Bool),
            Family::Int => dialect.type_name(Type::Int),
            Family::Float => dialect.type_name(Type::Float),
            Family::Decimal => dialect.type_name(Type::Decimal),
            Family::Text | Family::Other => dialect.type_name(Type::String),
            Family::Date => dialect.type_name(Type::Date),
            Family::Timestamp if column.ty == ZONED => zoned,
            Family::Timestamp => plain,
            Family::Json => dialect.document_type(),
        };
        Column { ty: ty.to_owned(), ..column.clone() }
    };
    let cell = |(value, column): (&Value, &Column)| match value {
        // A time without a zone is written without one.
        Value::Timestamp(text) if is_plain(column) => Value::Text(text.trim_end_matches('Z').to_owned()),
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Float(_)
        | Value::Decimal(_)
        | Value::Text(_)
        | Value::Date(_)
        | Value::Timestamp(_) => value.clone(),
    };
    let row = |row: &Vec<Value>| row.iter().zip(&rows.columns).map(cell).collect();
    Rows {
        columns: rows.columns.iter().map(column).collect(),
        rows: rows.rows.iter().map(row).collect(),
        truncated: false,
    }
}
