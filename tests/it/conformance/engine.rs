//! The engines besides DuckDB, and how each is reached.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use milepost::plan::node::Materialization;
use milepost::render::dialect::Dialect;
use milepost::semantic::expr::Type;
use milepost::suite::stage::Stage;
use milepost::warehouse::{self, Column, Family, Rows, Target, Warehouse};

use crate::conformance::Case;
use crate::conformance::googlesql::GoogleSql;

/// An engine that makes the relations of cases.
pub(crate) trait Engine: Send + Sync {
    /// The dialect that it is given.
    fn dialect(&self) -> &'static Dialect;

    /// Returns the rows of every relation of a case, by name; `given` is by the name of the source or entity.
    fn relations(&self, case: &Case, given: &[(String, Rows)]) -> Result<BTreeMap<String, Rows>, String>;
}

/// How an engine is found.
pub(crate) struct Entry {
    /// Its name.
    pub(crate) name: &'static str,
    /// The variable that says where it is.
    variable: &'static str,
    open: fn(String) -> Box<dyn Engine>,
}

/// The engines, in the order of the table's columns.
pub(crate) const ENGINES: &[Entry] = &[
    Entry {
        name: "local-bigquery",
        variable: "MILEPOST_BIGQUERY_ENDPOINT",
        open: |endpoint| Box::new(Remote::open("bigquery", &[("project", "test")], endpoint, "test.")),
    },
    Entry {
        name: "GoogleSQL reference",
        variable: "MILEPOST_GOOGLESQL",
        open: |command| Box::new(GoogleSql::start(&command)),
    },
    Entry {
        name: "fakesnow",
        variable: "MILEPOST_SNOWFLAKE_ENDPOINT",
        open: |endpoint| Box::new(Remote::open("snowflake", SNOWFLAKE, endpoint, "CONFORMANCE.")),
    },
    Entry {
        name: "snowduck",
        variable: "MILEPOST_SNOWDUCK_ENDPOINT",
        open: |endpoint| Box::new(Remote::open("snowflake", SNOWFLAKE, endpoint, "CONFORMANCE.")),
    },
];

const SNOWFLAKE: &[(&str, &str)] = &[
    ("account", "stand-in"),
    ("user", "milepost"),
    ("password", "stand-in"),
    ("database", "CONFORMANCE"),
    ("warehouse", "WH"),
    ("role", "R"),
];

impl Entry {
    /// Opens the engine, or says loudly that it is skipped.
    pub(crate) fn open(&self) -> Option<Box<dyn Engine>> {
        match std::env::var(self.variable) {
            Ok(value) if !value.is_empty() => Some((self.open)(value)),
            _ => {
                eprintln!("*** SKIPPED: {} is not set, so that nothing is compared with {}", self.variable, self.name);
                None
            }
        }
    }
}

/// A warehouse that one of our drivers connects to.
struct Remote {
    dialect: &'static Dialect,
    warehouse: Box<dyn Warehouse>,
    /// What stands before the schema.
    prefix: &'static str,
    cases: AtomicU32,
}

impl Remote {
    fn open(driver: &str, settings: &[(&str, &str)], endpoint: String, prefix: &'static str) -> Self {
        let mut target =
            Target { name: "stand_in".to_owned(), driver: driver.to_owned(), ..warehouse::in_memory(PathBuf::new()) };
        target.settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        target.settings.insert("endpoint".to_owned(), endpoint);
        target.settings.insert("schema".to_owned(), format!("{prefix}conformance"));
        let warehouse = warehouse::connect(&target).unwrap_or_else(|error| panic!("{driver}: {error}"));
        Self { dialect: Dialect::named(driver).unwrap(), warehouse, prefix, cases: AtomicU32::new(0) }
    }
}

impl Engine for Remote {
    fn dialect(&self) -> &'static Dialect {
        self.dialect
    }

    fn relations(&self, case: &Case, given: &[(String, Rows)]) -> Result<BTreeMap<String, Rows>, String> {
        let number = self.cases.fetch_add(1, Ordering::Relaxed);
        let schema = format!("{}conformance_{}_{number}", self.prefix, std::process::id());
        let stage = Stage { warehouse: &*self.warehouse, dialect: self.dialect, schema };
        let found = stage.make(case.cx(), case.as_of, given, &case.all()).and_then(|()| {
            let nodes = case.analysis.plan.nodes.iter();
            let nodes = nodes.filter(|node| node.materialization != Materialization::Schema);
            nodes.map(|node| Ok((node.name.clone(), stage.read(node)?))).collect()
        });
        stage.clear()?;
        found
    }
}

/// Gives columns that DuckDB read from a file the types that a table of the warehouse would have.
pub(crate) fn typed(dialect: &Dialect, rows: &Rows) -> Rows {
    let column = |column: &Column| {
        let ty = match column.family {
            Family::Bool => Some(Type::Bool),
            Family::Int => Some(Type::Int),
            Family::Float => Some(Type::Float),
            Family::Decimal => Some(Type::Decimal),
            Family::Text | Family::Other => Some(Type::String),
            Family::Date => Some(Type::Date),
            Family::Timestamp => Some(Type::Timestamp),
            // Its name is the driver's to know.
            Family::Json => None,
        };
        Column { ty: ty.map(|ty| dialect.type_name(ty).to_owned()).unwrap_or_default(), ..column.clone() }
    };
    Rows { columns: rows.columns.iter().map(column).collect(), ..rows.clone() }
}
