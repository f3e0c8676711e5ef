//! What every driver must do, whatever its dialect.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use milepost::check::Checked;
use milepost::warehouse::{Column, ErrorKind, Family, Reads, Rows, Value, Warehouse};

use crate::warehouse::checked_in;

/// Keeps a session busy for hours, in any dialect that has cross joins; `{big}` is a table of numbers.
pub(crate) const ENDLESS: &str =
    "SELECT COUNT(*) AS n FROM {big} AS a CROSS JOIN {big} AS b CROSS JOIN {big} AS c WHERE a.n + b.n > c.n";

pub(crate) const DUCKDB: Words =
    Words { dialect: "duckdb", quote: '"', counts_what_it_makes: true, estimates: true, odd: "it's \"odd\"" };

#[cfg(feature = "bigquery")]
pub(crate) const BIGQUERY: Words =
    Words { dialect: "bigquery", quote: '`', counts_what_it_makes: true, estimates: true, odd: "it's odd" };

/// A stand-in counts nothing that it makes, and explains nothing; an apostrophe in a name breaks fakesnow's catalog.
#[cfg(feature = "snowflake")]
pub(crate) const SNOWFLAKE: Words =
    Words { dialect: "snowflake", quote: '"', counts_what_it_makes: false, estimates: false, odd: "so \"odd\"" };

/// How a dialect says what the contract says, and what its warehouse cannot tell.
pub(crate) struct Words {
    /// The name of the dialect.
    dialect: &'static str,
    /// What quotes names.
    quote: char,
    /// Whether what makes a table tells how many rows it has.
    counts_what_it_makes: bool,
    /// Whether statements can be estimated.
    estimates: bool,
    /// The name of a column that is as odd as it may be.
    odd: &'static str,
}

impl Words {
    /// Quotes all names, which are what is in lower case and not in a string: so they are the same everywhere.
    pub(crate) fn sql(&self, sql: &str) -> String {
        let (mut text, mut is_inside, mut in_string) = (String::new(), false, false);
        for character in sql.chars().chain([' ']) {
            in_string ^= character == '\'';
            let is_name = !in_string && (character.is_ascii_lowercase() || character == '_');
            if is_name != is_inside {
                text.push(self.quote);
            }
            is_inside = is_name;
            text.push(character);
        }
        text.pop();
        text
    }

    pub(crate) fn checked(&self, sql: &str) -> Checked {
        checked_in(self.dialect, &self.sql(sql))
    }
}

/// A warehouse under contract.
struct Party<'w> {
    warehouse: &'w dyn Warehouse,
    words: &'w Words,
}

impl Party<'_> {
    fn sql(&self, sql: &str) -> String {
        self.words.sql(sql)
    }

    fn checked(&self, sql: &str) -> Checked {
        self.words.checked(sql)
    }

    fn ask(&self, sql: &str) -> Vec<Vec<Value>> {
        self.warehouse.query(&self.checked(sql), None).unwrap_or_else(|error| panic!("{sql}: {error}")).rows
    }

    fn tell(&self, sql: &str) -> Option<u64> {
        self.warehouse.execute(&self.checked(sql)).unwrap_or_else(|error| panic!("{sql}: {error}")).rows_affected
    }

    fn columns(&self, relation: &str) -> Result<Vec<Column>, milepost::warehouse::Error> {
        self.warehouse.columns(&self.sql(relation))
    }

    fn made(&self, rows: u64) -> Option<u64> {
        self.words.counts_what_it_makes.then_some(rows)
    }
}

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
    party.tell("CREATE OR REPLACE TABLE contract.t AS SELECT 1 AS n, 'a' AS s");
    assert_eq!(party.tell("INSERT INTO contract.t VALUES (2, 'b'), (3, NULL)"), Some(2));
    let rows = party.warehouse.query(&party.checked("SELECT n, s FROM contract.t ORDER BY n"), None).unwrap();
    assert_eq!(rows.columns.iter().map(|column| column.family).collect::<Vec<_>>(), [Family::Int, Family::Text]);
    assert_eq!(rows.rows[1], [Value::Int(2), Value::Text("b".to_owned())]);
    assert_eq!(rows.rows[2], [Value::Int(3), Value::Null]);
    assert!(!rows.truncated);
    let rows =
        party.warehouse.query(&party.checked("SELECT n FROM contract.t ORDER BY n DESC -- last\n"), Some(2)).unwrap();
    assert_eq!(rows.rows, [[Value::Int(3)], [Value::Int(2)]]);
    assert!(rows.truncated);
    let names: Vec<_> = party.columns("contract.t").unwrap().into_iter().map(|column| column.name).collect();
    assert_eq!(names, ["n", "s"]);
    assert!(party.warehouse.relations().unwrap().contains(&"contract.t".to_owned()));
    let other = party.warehouse.session().unwrap();
    let other = Party { warehouse: &*other, words: party.words };
    assert_eq!(other.ask("SELECT COUNT(*) FROM contract.t"), [[Value::Int(3)]]);
}

fn loads_rows(party: &Party<'_>) {
    let text = |text: &str| Value::Text(text.to_owned());
    let rows = Rows {
        columns: vec![
            column("id", "INTEGER", Family::Int),
            column(party.words.odd, "", Family::Text),
            column("at", "TIMESTAMP", Family::Timestamp),
        ],
        rows: vec![
            vec![Value::Int(1), text("it's"), text("2026-01-31T12:00:00Z")],
            vec![Value::Null, Value::Null, Value::Timestamp("2026-01-31T12:00:00.000001Z".to_owned())],
        ],
        truncated: false,
    };
    party.warehouse.load(&party.sql("contract.given"), &rows).unwrap();
    let answer = party.ask("SELECT * FROM contract.given ORDER BY id NULLS LAST");
    assert_eq!(answer[0], [Value::Int(1), text("it's"), Value::Timestamp("2026-01-31T12:00:00.000000Z".to_owned())]);
    assert_eq!(answer[1][2], Value::Timestamp("2026-01-31T12:00:00.000001Z".to_owned()));
    party.warehouse.load(&party.sql("contract.given"), &Rows { rows: Vec::new(), ..rows }).unwrap();
    assert_eq!(party.ask("SELECT COUNT(*) FROM contract.given"), [[Value::Int(0)]]);
}

fn tells_errors_apart(party: &Party<'_>) {
    let kind = |sql: &str| party.warehouse.query(&party.checked(sql), None).unwrap_err().kind;
    assert_eq!(kind("SELECT 1 FROM contract.nowhere"), ErrorKind::Missing);
    assert_eq!(kind("SELECT nothing FROM contract.t"), ErrorKind::Missing);
    assert_eq!(kind("SELECT n + DATE '2026-01-01' + s FROM contract.t"), ErrorKind::UserSql);
    assert_eq!(kind("SELECT CAST(s AS INTEGER) FROM contract.t"), ErrorKind::UserSql);
    assert_eq!(party.columns("contract.nowhere").unwrap_err().kind, ErrorKind::Missing);
}

fn replaces_whole_tables_only(party: &Party<'_>) {
    party.tell("CREATE OR REPLACE TABLE contract.whole AS SELECT 1 AS n");
    let broken = "CREATE OR REPLACE TABLE contract.whole AS SELECT CAST(s AS INTEGER) AS n FROM contract.t";
    assert_eq!(party.warehouse.execute(&party.checked(broken)).unwrap_err().kind, ErrorKind::UserSql);
    assert_eq!(party.ask("SELECT n FROM contract.whole"), [[Value::Int(1)]]);
    assert_eq!(party.tell("CREATE OR REPLACE TABLE contract.whole AS SELECT n FROM contract.t"), party.made(3));
    assert_eq!(party.ask("SELECT COUNT(*) FROM contract.whole"), [[Value::Int(3)]]);
}

fn replaces_across_kinds_when_asked(party: &Party<'_>) {
    party.tell("CREATE OR REPLACE VIEW contract.shape AS SELECT 1 AS n");
    let table = party.checked("CREATE OR REPLACE TABLE contract.shape AS SELECT 2 AS n");
    let view = party.checked("CREATE OR REPLACE VIEW contract.shape AS SELECT 3 AS n");
    assert_eq!(party.warehouse.execute(&table).unwrap_err().kind, ErrorKind::Occupied);
    assert_eq!(
        party.warehouse.execute_in_place(&table, &party.sql("contract.shape")).unwrap().rows_affected,
        party.made(1)
    );
    assert_eq!(party.ask("SELECT n FROM contract.shape"), [[Value::Int(2)]]);
    assert_eq!(party.warehouse.execute(&view).unwrap_err().kind, ErrorKind::Occupied);
    party.warehouse.execute_in_place(&view, &party.sql("contract.shape")).unwrap();
    assert_eq!(party.ask("SELECT n FROM contract.shape"), [[Value::Int(3)]]);
    let broken =
        party.checked("CREATE OR REPLACE TABLE contract.shape AS SELECT CAST(s AS INTEGER) AS n FROM contract.t");
    assert_eq!(
        party.warehouse.execute_in_place(&broken, &party.sql("contract.shape")).unwrap_err().kind,
        ErrorKind::UserSql
    );
    assert_eq!(party.ask("SELECT n FROM contract.shape"), [[Value::Int(3)]]);
}

fn drops_what_it_is_told_to(party: &Party<'_>) {
    let rows = Rows { columns: vec![column("n", "", Family::Int)], rows: vec![vec![Value::Int(1)]], truncated: false };
    party.warehouse.load(&party.sql("contract.short_lived"), &rows).unwrap();
    party.warehouse.drop_table(&party.sql("contract.short_lived")).unwrap();
    party.warehouse.drop_table(&party.sql("contract.short_lived")).unwrap();
    assert_eq!(party.columns("contract.short_lived").unwrap_err().kind, ErrorKind::Missing);
    party.warehouse.load(&party.sql("contract_scratch.given"), &rows).unwrap();
    party.warehouse.drop_schema(&party.sql("contract_scratch")).unwrap();
    party.warehouse.drop_schema(&party.sql("contract_scratch")).unwrap();
    assert_eq!(party.columns("contract_scratch.given").unwrap_err().kind, ErrorKind::Missing);
}

fn estimates_without_executing(party: &Party<'_>) {
    let made = party.checked("CREATE OR REPLACE TABLE contract.estimated AS SELECT n FROM contract.t");
    let relation = party.sql("contract.t");
    let reads = Reads { relation: relation.trim(), files: None };
    if !party.words.estimates {
        assert_eq!(party.warehouse.estimate(&made, &reads).unwrap_err().kind, ErrorKind::Unsupported);
        return;
    }
    let estimate = party.warehouse.estimate(&made, &reads).unwrap();
    // What a number is, is said with it.
    assert!(!estimate.basis.is_empty(), "{estimate:?}");
    assert_eq!(party.columns("contract.estimated").unwrap_err().kind, ErrorKind::Missing);
    let broken = party.checked("CREATE OR REPLACE TABLE contract.estimated AS SELECT nothing FROM contract.t");
    assert_eq!(party.warehouse.estimate(&broken, &reads).unwrap_err().kind, ErrorKind::Missing);
}

fn is_interrupted(party: &Party<'_>) {
    let five = "(SELECT 0 AS n UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4)";
    let base = format!("(SELECT a.n + 5 * b.n AS n FROM {five} AS a CROSS JOIN {five} AS b)");
    let many = format!(
        "SELECT a.n + 25 * b.n + 625 * c.n AS n FROM {base} AS a CROSS JOIN {base} AS b CROSS JOIN {base} AS c"
    );
    party.tell(&format!("CREATE OR REPLACE TABLE contract.big AS {many}"));
    party.tell("CREATE OR REPLACE TABLE contract.kept AS SELECT 7 AS n");
    let endless = format!("CREATE OR REPLACE TABLE contract.kept AS {}", ENDLESS.replace("{big}", "contract.big"));
    let (interrupt, done) = (party.warehouse.interrupter(), AtomicBool::new(false));
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
    assert_eq!(party.ask("SELECT n FROM contract.kept"), [[Value::Int(7)]]);
}

pub(crate) fn column(name: &str, ty: &str, family: Family) -> Column {
    Column { name: name.to_owned(), ty: ty.to_owned(), family }
}
