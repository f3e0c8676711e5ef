//! The promises of a warehouse, kept in Snowflake's SQL.
//!
//! There are no transactions here: the service commits before and after each statement that makes or drops something, so
//! that what must happen as a whole is one statement, or is put back where it fails.

use crate::check::{Checked, Mark};
use crate::warehouse::names::{parts_of, schema_of, token};
use crate::warehouse::snowflake::load::{self, Load};
use crate::warehouse::snowflake::login;
use crate::warehouse::snowflake::service::Service;
use crate::warehouse::snowflake::statement::{Answer, Connection, Operation};
use crate::warehouse::snowflake::text::{beside, identifier, literal};
use crate::warehouse::{
    ASIDE, Column, Error, ErrorKind, Estimate, Executed, Found, Interrupter, Reads, Rows, Target, Value, Warehouse,
};

/// Connects to a target.
pub(super) fn connect(target: &Target) -> Result<Box<dyn Warehouse>, Error> {
    Ok(Box::new(Snowflake { connection: Connection::open(Service::of(target)?)? }))
}

/// A session.
struct Snowflake {
    connection: Connection,
}

/// What tells who and where the session is.
const FACTS: [(&str, &str); 6] = [
    ("engine", "CURRENT_VERSION()"),
    ("user", "CURRENT_USER()"),
    ("role", "CURRENT_ROLE()"),
    ("warehouse", "CURRENT_WAREHOUSE()"),
    ("database", "CURRENT_DATABASE()"),
    ("schema", "CURRENT_SCHEMA()"),
];

impl Warehouse for Snowflake {
    fn columns(&self, relation: &str) -> Result<Vec<Column>, Error> {
        Ok(self.connection.begin().run(&format!("SELECT * FROM {relation} LIMIT 0"))?.rows.columns)
    }

    fn relations(&self) -> Result<Vec<String>, Error> {
        let sql = "SELECT TABLE_SCHEMA || '.' || TABLE_NAME FROM INFORMATION_SCHEMA.TABLES \
                   WHERE TABLE_SCHEMA <> 'INFORMATION_SCHEMA'";
        let answer = self.connection.begin().run(sql)?;
        let mut names: Vec<String> = answer.rows.rows.iter().flatten().map(ToString::to_string).collect();
        names.sort();
        Ok(names)
    }

    fn found(&self, schema: &str) -> Result<Vec<Found>, Error> {
        let mut parts = parts_of(schema);
        let name = literal(&parts.pop().unwrap_or_default());
        let database: String = parts.iter().map(|part| identifier(part) + ".").collect();
        let sql =
            format!("SELECT TABLE_NAME, COMMENT FROM {database}INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA = {name}");
        let answer = self.connection.begin().run(&sql)?;
        let found = answer.rows.rows.into_iter().filter_map(|row| {
            let mut cells = row.into_iter();
            let name = cells.next()?.to_string();
            let mark = match cells.next() {
                Some(Value::Text(comment)) => Mark::parse(&comment),
                Some(_) | None => None,
            };
            Some(Found { name, mark })
        });
        Ok(found.collect())
    }

    fn execute(&self, statement: &Checked) -> Result<Executed, Error> {
        self.connection.begin().run(&noted(statement)).map(executed)
    }

    fn execute_in_place(&self, statement: &Checked, relation: &str) -> Result<Executed, Error> {
        let (operation, sql) = (self.connection.begin(), noted(statement));
        match operation.run(&sql) {
            Err(error) if error.kind == ErrorKind::Occupied => in_place(&operation, &sql, relation).map(executed),
            result => result.map(executed),
        }
    }

    fn make_schema(&self, statement: &Checked, schema: &str) -> Result<Executed, Error> {
        make_schema(&self.connection.begin(), &noted(statement), schema).map(executed)
    }

    fn query(&self, statement: &Checked, limit: Option<usize>) -> Result<Rows, Error> {
        // Not wrapped into another query: the order of its rows would not be certain, nor its names be unique.
        Ok(self.connection.begin().query(statement.sql(), limit)?.rows)
    }

    fn load(&self, relation: &str, rows: &Rows) -> Result<(), Error> {
        let operation = self.connection.begin();
        if let Some(schema) = schema_of(relation) {
            make_schema(&operation, &format!("CREATE SCHEMA IF NOT EXISTS {schema}"), schema)?;
        }
        match load::plan(relation, rows) {
            Load::Whole(sql) => operation.run(&sql).map(drop),
            Load::Staged { fill, publish, clear } => {
                let result = fill.iter().chain([&publish]).try_for_each(|sql| operation.run(sql).map(drop));
                let cleared = operation.run_to_the_end(&clear).map(drop);
                result.and(cleared)
            }
        }
    }

    fn drop_table(&self, relation: &str) -> Result<(), Error> {
        nothing_to_drop(self.connection.begin().run(&format!("DROP TABLE IF EXISTS {relation}")))
    }

    fn drop_schema(&self, schema: &str) -> Result<(), Error> {
        nothing_to_drop(self.connection.begin().run(&format!("DROP SCHEMA IF EXISTS {schema} CASCADE")))
    }

    fn estimate(&self, statement: &Checked, _reads: &Reads<'_>) -> Result<Estimate, Error> {
        let operation = self.connection.begin();
        match operation.run(&format!("EXPLAIN USING JSON {}", statement.sql())) {
            Ok(answer) => {
                let basis = "the partitions that the plan assigns: the most that is read".to_owned();
                Ok(Estimate { bytes: answer.rows.rows.iter().flatten().find_map(bytes), rows: None, basis })
            }
            // Its own grammar is what a stand-in of the service may lack.
            Err(error) if error.kind == ErrorKind::UserSql => match operation.run("EXPLAIN USING JSON SELECT 1") {
                Err(lacking) if lacking.kind == ErrorKind::UserSql => {
                    Err(Error::new(ErrorKind::Unsupported, "this server does not explain statements"))
                }
                Ok(_) | Err(_) => Err(error),
            },
            Err(error) => Err(error),
        }
    }

    fn describe(&self) -> Result<Vec<(String, String)>, Error> {
        let operation = self.connection.begin();
        let expressions: Vec<&str> = FACTS.iter().map(|(_, expression)| *expression).collect();
        let mut facts = match known(operation.run(&format!("SELECT {}", expressions.join(", "))))? {
            Some(answer) => answer.rows.rows.into_iter().next().unwrap_or_default(),
            // One of them is not known: each for itself.
            None => expressions
                .iter()
                .map(|expression| {
                    let answer = known(operation.run(&format!("SELECT {expression}")))?;
                    Ok(answer.and_then(|answer| answer.rows.rows.into_iter().flatten().next()).unwrap_or(Value::Null))
                })
                .collect::<Result<_, Error>>()?,
        };
        if let Some(version @ Value::Text(_)) = facts.first_mut() {
            *version = Value::Text(format!("Snowflake {version}"));
        }
        let facts = FACTS.iter().zip(facts).filter(|(_, value)| *value != Value::Null);
        let mut described: Vec<(String, String)> =
            facts.map(|((name, _), value)| ((*name).to_owned(), value.to_string())).collect();
        if let Some(answer) = known(operation.run("SHOW PARAMETERS IN SESSION"))? {
            let pins = login::pins();
            for row in &answer.rows.rows {
                if let [Value::Text(name), value, ..] = row.as_slice()
                    && pins.iter().any(|(pin, _)| pin.eq_ignore_ascii_case(name))
                {
                    described.push((name.to_uppercase(), value.to_string()));
                }
            }
        }
        Ok(described)
    }

    fn concerns(&self) -> Result<Vec<String>, Error> {
        let operation = self.connection.begin();
        let parameter = |name: &str, place: &str| {
            let shown = known(operation.run(&format!("SHOW PARAMETERS LIKE '{name}' IN {place}")))?;
            let row = shown.and_then(|shown| shown.rows.rows.into_iter().next()).unwrap_or_default();
            Ok::<_, Error>(row.into_iter().nth(1).map(|value| value.to_string()).unwrap_or_default())
        };
        let mut concerns = Vec::new();
        let collation = parameter("DEFAULT_DDL_COLLATION", "SCHEMA")?;
        if !collation.is_empty() {
            concerns.push(format!(
                "the schema has the collation `{collation}` (DEFAULT_DDL_COLLATION): texts that differ are equal in what is \
                 made there"
            ));
        }
        let ignores_case = parameter("QUOTED_IDENTIFIERS_IGNORE_CASE", "ACCOUNT")?.eq_ignore_ascii_case("true");
        if ignores_case && !self.connection.has_names_in_capitals() {
            concerns.push(
                "the account reads quoted names as capitals (QUOTED_IDENTIFIERS_IGNORE_CASE): others cannot read names in \
                 small letters; `names = \"upper\"` in the target makes them capitals"
                    .to_owned(),
            );
        }
        Ok(concerns)
    }

    fn session(&self) -> Result<Box<dyn Warehouse>, Error> {
        Ok(Box::new(Self { connection: self.connection.another()? }))
    }

    fn interrupter(&self) -> Interrupter {
        self.connection.interrupter()
    }
}

/// Makes a schema; who may not make one may still use the one that is there, for which the service wants the right too.
/// <https://docs.snowflake.com/en/sql-reference/sql/create-schema>
fn make_schema(operation: &Operation<'_>, sql: &str, schema: &str) -> Result<Answer, Error> {
    let refused = match operation.run(sql) {
        Err(error) if error.kind == ErrorKind::Permission => error,
        result => return result,
    };
    let mut parts = parts_of(schema);
    let name = literal(&parts.pop().unwrap_or_default());
    let place = parts.iter().fold(String::new(), |place, part| place + &identifier(part) + ".");
    let there = operation
        .run(&format!("SELECT SCHEMA_NAME FROM {place}INFORMATION_SCHEMA.SCHEMATA WHERE SCHEMA_NAME = {name}"))?;
    if there.rows.rows.is_empty() { Err(refused) } else { Ok(there) }
}

/// Returns a statement with its node behind the first word: the service takes off the comments before it, and may cut the
/// end of a long one where it keeps what ran.
fn noted(statement: &Checked) -> String {
    let sql = statement.sql_with_mark();
    let is_comment = |line: &&str| line.trim().is_empty() || line.starts_with("--");
    let head: usize = sql.split_inclusive('\n').take_while(is_comment).map(str::len).sum();
    match sql[head..].find(char::is_whitespace) {
        Some(word) => {
            let (before, after) = sql.split_at(head + word);
            format!("{before} /* milepost {} */{after}", statement.node().replace("*/", "* /"))
        }
        None => sql.to_owned(),
    }
}

/// Moves aside what has the relation's name, executes a statement, and drops what was moved; where the statement fails,
/// moves it back.
fn in_place(operation: &Operation<'_>, sql: &str, relation: &str) -> Result<Answer, Error> {
    // A name of its own: another run may be at the same relation, and what it set aside is the only copy.
    let aside = beside(relation, &format!("{ASIDE}{}", token()));
    let rename = |kind: &str, from: &str, to: &str| format!("ALTER {kind} {from} RENAME TO {to}");
    let mut moved = None;
    for kind in ["VIEW", "TABLE"] {
        match operation.run(&rename(kind, relation, &aside)) {
            Ok(_) => {
                moved = Some(kind);
                break;
            }
            Err(error) if error.kind == ErrorKind::Cancelled => return Err(error),
            Err(_) => {}
        }
    }
    let Some(kind) = moved else {
        // A view that is no longer valid cannot be renamed.
        operation.run(&format!("DROP VIEW IF EXISTS {relation}"))?;
        return operation.run(sql);
    };
    match operation.run(sql) {
        Ok(answer) => {
            operation.run_to_the_end(&format!("DROP {kind} IF EXISTS {aside}"))?;
            Ok(answer)
        }
        Err(error) if operation.run_to_the_end(&rename(kind, &aside, relation)).is_ok() => Err(error),
        Err(error) => {
            let message = format!("{}; what was {relation} before is {aside} now", error.message);
            Err(error.saying(message))
        }
    }
}

/// Returns what a statement did; what writes rows answers with their counts.
fn executed(answer: Answer) -> Executed {
    let counts = |(column, value): (&Column, &Value)| {
        let Value::Int(count) = value else { return None };
        column.name.starts_with("number of rows ").then(|| u64::try_from(*count).ok())?
    };
    let row = answer.rows.rows.first().map_or(&[][..], Vec::as_slice);
    let counted: Vec<u64> = answer.rows.columns.iter().zip(row).filter_map(counts).collect();
    Executed {
        rows_affected: (!counted.is_empty()).then(|| counted.iter().sum()),
        query_id: Some(answer.query_id),
        ..Executed::default()
    }
}

/// Returns the bytes that a plan, as JSON, would read at most.
fn bytes(plan: &Value) -> Option<u64> {
    let Value::Text(plan) = plan else { return None };
    let plan: serde_json::Value = serde_json::from_str(plan).ok()?;
    plan.get("GlobalStats")?.get("bytesAssigned")?.as_u64()
}

/// Returns an answer, or nothing where the server does not know what it was asked.
fn known(result: Result<Answer, Error>) -> Result<Option<Answer>, Error> {
    match result {
        Ok(answer) => Ok(Some(answer)),
        Err(error) => match error.kind {
            ErrorKind::UserSql | ErrorKind::Missing | ErrorKind::Permission | ErrorKind::Unsupported => Ok(None),
            ErrorKind::Occupied
            | ErrorKind::Credentials
            | ErrorKind::Quota
            | ErrorKind::Transient
            | ErrorKind::Resources
            | ErrorKind::Timeout
            | ErrorKind::Cancelled
            | ErrorKind::Busy
            | ErrorKind::Gone => Err(error),
        },
    }
}

/// Where the schema is not there, neither is what is in it.
fn nothing_to_drop(result: Result<Answer, Error>) -> Result<(), Error> {
    match result {
        Err(error) if error.kind != ErrorKind::Missing => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}
