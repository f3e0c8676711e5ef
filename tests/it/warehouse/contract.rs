//! What every driver must do, whatever its dialect.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use milepost::check::{Checked, check};
use milepost::render::Statement;
use milepost::render::dialect::Dialect;
use milepost::warehouse::{Column, ErrorKind, Family, Rows, Value, Warehouse};

/// A dialect's words for the contract's statements: `[a.b]` is a name and `{int}` a type.
pub(crate) struct Words {
    /// The dialect, whose grammar the statements are in.
    pub(crate) dialect: &'static str,
    /// What it puts around names.
    pub(crate) quote: &'static str,
    /// Its type of whole numbers: `{int}`.
    pub(crate) int: &'static str,
    /// Its type of times: `{timestamp}`.
    pub(crate) timestamp: &'static str,
    /// A column's name that needs its quotes.
    pub(crate) odd: &'static str,
    /// Whether it counts the rows of a table that a query makes.
    pub(crate) counts_what_it_makes: bool,
    /// Whether statements can be estimated.
    pub(crate) estimates: bool,
}

pub(crate) const DUCKDB: Words = Words {
    dialect: "duckdb",
    quote: "\"",
    int: "INTEGER",
    timestamp: "TIMESTAMP",
    odd: "it's \"odd\"",
    counts_what_it_makes: true,
    estimates: true,
};

#[cfg(feature = "bigquery")]
pub(crate) const BIGQUERY: Words = Words {
    dialect: "bigquery",
    quote: "`",
    int: "INT64",
    timestamp: "TIMESTAMP",
    odd: "it's odd",
    counts_what_it_makes: true,
    estimates: true,
};

/// As its stand-in has it, which counts nothing that it makes, explains nothing, and whose catalog an apostrophe breaks.
#[cfg(feature = "snowflake")]
pub(crate) const SNOWFLAKE: Words = Words {
    dialect: "snowflake",
    quote: "\"",
    int: "INTEGER",
    timestamp: "TIMESTAMP",
    odd: "so \"odd\"",
    counts_what_it_makes: false,
    estimates: false,
};

impl Words {
    /// Says it in the dialect.
    pub(crate) fn say(&self, sql: &str) -> String {
        let Self { quote, int, timestamp, .. } = self;
        let mut said = String::new();
        for (index, part) in sql.split(['[', ']']).enumerate() {
            // Every second part is inside of brackets.
            said += &if index % 2 == 0 {
                part.to_owned()
            } else {
                format!("{quote}{}{quote}", part.replace('.', &format!("{quote}.{quote}")))
            };
        }
        said.replace("{int}", int).replace("{timestamp}", timestamp)
    }

    pub(crate) fn checked(&self, sql: &str) -> Checked {
        let statement = Statement { node: "test".to_owned(), sql: self.say(sql), origin: None };
        check(statement, Dialect::named(self.dialect).expect("built in"))
            .unwrap_or_else(|refusal| panic!("{refusal:?}"))
    }
}

/// A session, and how to talk to it.
pub(crate) struct Party<'test> {
    pub(crate) warehouse: &'test dyn Warehouse,
    pub(crate) words: &'test Words,
}

impl Party<'_> {
    /// Returns the count of the rows of a table that was made.
    fn made(&self, rows: u64) -> Option<u64> {
        self.words.counts_what_it_makes.then_some(rows)
    }

    pub(crate) fn checked(&self, sql: &str) -> Checked {
        self.words.checked(sql)
    }

    fn say(&self, name: &str) -> String {
        self.words.say(name)
    }

    fn ask(&self, sql: &str) -> Vec<Vec<Value>> {
        let statement = self.checked(sql);
        self.warehouse.query(&statement, None).unwrap_or_else(|error| panic!("{}: {error}", statement.sql())).rows
    }

    fn tell(&self, sql: &str) -> Option<u64> {
        let statement = self.checked(sql);
        let executed = self.warehouse.execute(&statement);
        executed.unwrap_or_else(|error| panic!("{}: {error}", statement.sql())).rows_affected
    }

    /// Returns what is wrong with looking at a relation.
    fn not_there(&self, relation: &str) {
        assert_eq!(self.warehouse.columns(&self.say(relation)).unwrap_err().kind, ErrorKind::Missing, "{relation}");
    }
}

pub(crate) fn column(name: &str, ty: &str, family: Family) -> Column {
    Column { name: name.to_owned(), ty: ty.to_owned(), family }
}

/// Keeps a session busy for hours; `{big}` is a table of numbers.
pub(crate) const ENDLESS: &str = "SELECT COUNT(*) AS [n] FROM {big} AS [a] CROSS JOIN {big} AS [b] CROSS JOIN {big} AS [c] \
                                  WHERE [a.n] + [b.n] > [c.n]";

/// What every driver must do; `warehouse` has an empty schema `contract` that may be written to.
pub(crate) fn contract(warehouse: &dyn Warehouse, words: &Words) {
    let party = &Party { warehouse, words };
    creates_inserts_and_queries(party);
    loads_rows(party);
    tells_errors_apart(party);
    replaces_whole_tables_only(party);
    replaces_across_kinds_when_asked(party);
    is_interrupted(party);
    drops_what_it_is_told_to(party);
    estimates_without_executing(party);
    assert!(!party.warehouse.describe().unwrap().is_empty());
}

fn creates_inserts_and_queries(party: &Party<'_>) {
    party.tell("CREATE OR REPLACE TABLE [contract.t] AS SELECT 1 AS [n], 'a' AS [s]");
    assert_eq!(party.tell("INSERT INTO [contract.t] VALUES (2, 'b'), (3, NULL)"), Some(2));
    let rows = party.warehouse.query(&party.checked("SELECT [n], [s] FROM [contract.t] ORDER BY [n]"), None).unwrap();
    assert_eq!(rows.columns.iter().map(|column| column.family).collect::<Vec<_>>(), [Family::Int, Family::Text]);
    assert_eq!(rows.rows[1], [Value::Int(2), Value::Text("b".to_owned())]);
    assert_eq!(rows.rows[2], [Value::Int(3), Value::Null]);
    assert!(!rows.truncated);
    let rows = party
        .warehouse
        .query(&party.checked("SELECT [n] FROM [contract.t] ORDER BY [n] DESC -- last\n"), Some(2))
        .unwrap();
    assert_eq!(rows.rows, [[Value::Int(3)], [Value::Int(2)]]);
    assert!(rows.truncated);
    let names: Vec<_> =
        party.warehouse.columns(&party.say("[contract.t]")).unwrap().into_iter().map(|column| column.name).collect();
    assert_eq!(names, ["n", "s"]);
    assert!(party.warehouse.relations().unwrap().contains(&"contract.t".to_owned()));
    let other = party.warehouse.session().unwrap();
    let other = Party { warehouse: &*other, words: party.words };
    assert_eq!(other.ask("SELECT COUNT(*) FROM [contract.t]"), [[Value::Int(3)]]);
}

fn loads_rows(party: &Party<'_>) {
    let text = |text: &str| Value::Text(text.to_owned());
    let rows = Rows {
        columns: vec![
            column("id", party.words.int, Family::Int),
            column(party.words.odd, "", Family::Text),
            column("at", party.words.timestamp, Family::Timestamp),
        ],
        rows: vec![
            vec![Value::Int(1), text("it's"), text("2026-01-31T12:00:00Z")],
            vec![Value::Null, Value::Null, Value::Timestamp("2026-01-31T12:00:00.000001Z".to_owned())],
        ],
        truncated: false,
    };
    party.warehouse.load(&party.say("[contract.given]"), &rows).unwrap();
    let answer = party.ask("SELECT * FROM [contract.given] ORDER BY [id] NULLS LAST");
    assert_eq!(answer[0], [Value::Int(1), text("it's"), Value::Timestamp("2026-01-31T12:00:00.000000Z".to_owned())]);
    assert_eq!(answer[1][2], Value::Timestamp("2026-01-31T12:00:00.000001Z".to_owned()));
    party.warehouse.load(&party.say("[contract.given]"), &Rows { rows: Vec::new(), ..rows }).unwrap();
    assert_eq!(party.ask("SELECT COUNT(*) FROM [contract.given]"), [[Value::Int(0)]]);
}

fn tells_errors_apart(party: &Party<'_>) {
    let kind = |sql: &str| party.warehouse.query(&party.checked(sql), None).unwrap_err().kind;
    assert_eq!(kind("SELECT 1 FROM [contract.nowhere]"), ErrorKind::Missing);
    assert_eq!(kind("SELECT [nothing] FROM [contract.t]"), ErrorKind::Missing);
    assert_eq!(kind("SELECT [n] + DATE '2026-01-01' + [s] FROM [contract.t]"), ErrorKind::UserSql);
    assert_eq!(kind("SELECT CAST([s] AS {int}) FROM [contract.t]"), ErrorKind::UserSql);
    party.not_there("[contract.nowhere]");
}

fn replaces_whole_tables_only(party: &Party<'_>) {
    party.tell("CREATE OR REPLACE TABLE [contract.whole] AS SELECT 1 AS [n]");
    let broken = "CREATE OR REPLACE TABLE [contract.whole] AS SELECT CAST([s] AS {int}) AS [n] FROM [contract.t]";
    assert_eq!(party.warehouse.execute(&party.checked(broken)).unwrap_err().kind, ErrorKind::UserSql);
    assert_eq!(party.ask("SELECT [n] FROM [contract.whole]"), [[Value::Int(1)]]);
    assert_eq!(party.tell("CREATE OR REPLACE TABLE [contract.whole] AS SELECT [n] FROM [contract.t]"), party.made(3));
    assert_eq!(party.ask("SELECT COUNT(*) FROM [contract.whole]"), [[Value::Int(3)]]);
}

fn replaces_across_kinds_when_asked(party: &Party<'_>) {
    party.tell("CREATE OR REPLACE VIEW [contract.shape] AS SELECT 1 AS [n]");
    let table = party.checked("CREATE OR REPLACE TABLE [contract.shape] AS SELECT 2 AS [n]");
    let view = party.checked("CREATE OR REPLACE VIEW [contract.shape] AS SELECT 3 AS [n]");
    assert_eq!(party.warehouse.execute(&table).unwrap_err().kind, ErrorKind::Occupied);
    assert_eq!(
        party.warehouse.execute_in_place(&table, &party.say("[contract.shape]")).unwrap().rows_affected,
        party.made(1)
    );
    assert_eq!(party.ask("SELECT [n] FROM [contract.shape]"), [[Value::Int(2)]]);
    assert_eq!(party.warehouse.execute(&view).unwrap_err().kind, ErrorKind::Occupied);
    party.warehouse.execute_in_place(&view, &party.say("[contract.shape]")).unwrap();
    assert_eq!(party.ask("SELECT [n] FROM [contract.shape]"), [[Value::Int(3)]]);
    let broken =
        party.checked("CREATE OR REPLACE TABLE [contract.shape] AS SELECT CAST([s] AS {int}) AS [n] FROM [contract.t]");
    assert_eq!(
        party.warehouse.execute_in_place(&broken, &party.say("[contract.shape]")).unwrap_err().kind,
        ErrorKind::UserSql
    );
    assert_eq!(party.ask("SELECT [n] FROM [contract.shape]"), [[Value::Int(3)]]);
}

fn drops_what_it_is_told_to(party: &Party<'_>) {
    let rows = Rows { columns: vec![column("n", "", Family::Int)], rows: vec![vec![Value::Int(1)]], truncated: false };
    party.warehouse.load(&party.say("[contract.short_lived]"), &rows).unwrap();
    party.warehouse.drop_table(&party.say("[contract.short_lived]")).unwrap();
    party.warehouse.drop_table(&party.say("[contract.short_lived]")).unwrap();
    party.not_there("[contract.short_lived]");
    party.warehouse.load(&party.say("[contract_scratch.given]"), &rows).unwrap();
    party.warehouse.drop_schema(&party.say("[contract_scratch]")).unwrap();
    party.warehouse.drop_schema(&party.say("[contract_scratch]")).unwrap();
    party.not_there("[contract_scratch.given]");
}

fn estimates_without_executing(party: &Party<'_>) {
    let made = party.checked("CREATE OR REPLACE TABLE [contract.estimated] AS SELECT [n] FROM [contract.t]");
    if !party.words.estimates {
        assert_eq!(party.warehouse.estimate(&made).unwrap_err().kind, ErrorKind::Unsupported);
        return;
    }
    party.warehouse.estimate(&made).unwrap();
    party.not_there("[contract.estimated]");
    let broken = party.checked("CREATE OR REPLACE TABLE [contract.estimated] AS SELECT [nothing] FROM [contract.t]");
    assert_eq!(party.warehouse.estimate(&broken).unwrap_err().kind, ErrorKind::Missing);
}

fn is_interrupted(party: &Party<'_>) {
    let five = "(SELECT 0 AS [n] UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4)";
    let base = format!("(SELECT [a.n] + 5 * [b.n] AS [n] FROM {five} AS [a] CROSS JOIN {five} AS [b])");
    let many = format!(
        "SELECT [a.n] + 25 * [b.n] + 625 * [c.n] AS [n] FROM {base} AS [a] CROSS JOIN {base} AS [b] CROSS JOIN {base} AS [c]"
    );
    party.tell(&format!("CREATE OR REPLACE TABLE [contract.big] AS {many}"));
    party.tell("CREATE OR REPLACE TABLE [contract.kept] AS SELECT 7 AS [n]");
    let endless = format!("CREATE OR REPLACE TABLE [contract.kept] AS {}", ENDLESS.replace("{big}", "[contract.big]"));
    let (interrupt, done) = (party.warehouse.interrupter(), AtomicBool::new(false));
    let started = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // Again and again: nothing tells when the statement has begun.
            while !done.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(20));
                interrupt();
            }
        });
        let error = party.warehouse.execute(&party.checked(&endless)).unwrap_err();
        done.store(true, Ordering::Relaxed);
        assert_eq!(error.kind, ErrorKind::Cancelled);
    });
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    assert_eq!(party.ask("SELECT [n] FROM [contract.kept]"), [[Value::Int(7)]]);
}
