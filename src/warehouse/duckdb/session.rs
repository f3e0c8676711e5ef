//! A session on an embedded database: opening it, executing, reading.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use duckdb::types::ValueRef;
use duckdb::{Config, Connection};

use crate::check::{Checked, Mark};
use crate::warehouse::files::{self as raw, Files};
use crate::warehouse::names::{parts_of, schema_of};
use crate::warehouse::secrets::Secrets;
use crate::warehouse::{
    Column, Error, ErrorKind, Estimate, Executed, Family, Found, Interrupter, Reads, Rows, Target, Value, Warehouse,
};

use super::root::Root;
use super::{ACCESS, extent, files, text};

/// The settings that are the run's or the plan's, and not the engine's.
const NOT_OF_THE_ENGINE: &[&str] = &["database", "dialect", "schema", "threads"];

/// What every session sets, so that a result depends neither on the machine nor on its owner.
const SESSION: &[&str] = &[
    "SET default_null_order = 'NULLS_LAST'",
    "SET default_order = 'ASC'",
    "SET ieee_floating_point_ops = true",
    "SET integer_division = false",
    "SET enable_progress_bar = false",
];

/// The same, where the extension that knows the setting is there.
const SESSION_WHERE_KNOWN: &[&str] = &["SET TimeZone = 'UTC'", "SET Calendar = 'gregorian'"];

/// A session on an embedded database.
pub(super) struct DuckDb {
    connection: Mutex<Connection>,
    interrupt: Arc<duckdb::InterruptHandle>,
    root: Root,
}

impl DuckDb {
    /// Opens the target's `database`, `:memory:` where it names none, and makes it and its folder where there are none.
    pub(super) fn open(target: &Target) -> Result<Self, Error> {
        let database = target.settings.get("database").map_or(":memory:", String::as_str);
        let root = Root::of(&target.root)?;
        let connection = if database == ":memory:" {
            Connection::open_in_memory_with_flags(config(target, &root)?)
        } else {
            let path = target.root.join(database);
            refuse_odd_places(&path, target, database)?;
            let is_read = is_read_only(target);
            match kind_of_file(&path) {
                FileKind::Other => {
                    let message =
                        format!("target `{}`: `{database}` is a file, and no database of DuckDB's", target.name);
                    return Err(Error::new(ErrorKind::UserSql, message));
                }
                FileKind::Absent if is_read => {
                    let message = format!(
                        "target `{}`: there is no database `{database}` yet: run it first, with `milepost run`",
                        target.name
                    );
                    return Err(Error::new(ErrorKind::Missing, message));
                }
                FileKind::Absent | FileKind::Database => {}
            }
            if let Some(folder) = path.parent().filter(|_| !is_read) {
                std::fs::create_dir_all(folder).map_err(|error| {
                    Error::new(ErrorKind::Permission, format!("cannot make the folder {}: {error}", folder.display()))
                })?;
            }
            Connection::open_with_flags(&path, config(target, &root)?)
        };
        let connection = connection.map_err(|error| {
            let error = text::refine_open(&error.into(), target, database);
            let message = secrets(target).redact(&error.message);
            error.saying(message)
        })?;
        if let Some(folder) = root.searched() {
            connection.execute_batch(&format!("SET GLOBAL file_search_path = {}", text::literal(folder)))?;
        }
        Self::of(connection, root)
    }

    fn of(connection: Connection, root: Root) -> Result<Self, Error> {
        for statement in SESSION {
            connection.execute_batch(statement)?;
        }
        for statement in SESSION_WHERE_KNOWN {
            // Unknown where the library is built without ICU; times are then UTC anyway, for lack of zones.
            let _ = connection.execute_batch(statement);
        }
        let interrupt = connection.interrupt_handle();
        Ok(Self { connection: Mutex::new(connection), interrupt, root })
    }

    /// A connection holds nothing that a panic could leave half done: a poisoned lock is as good as another.
    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What lies where a database is looked for.
enum FileKind {
    /// Nothing, or an empty file, which becomes a database.
    Absent,
    /// A database.
    Database,
    /// Something else: DuckDB would read a table of data, and keep what is written in memory.
    Other,
}

/// Looks at a file. What cannot be looked at is left to DuckDB to refuse.
fn kind_of_file(path: &Path) -> FileKind {
    use std::io::Read as _;
    match std::fs::metadata(path) {
        Err(_) => return FileKind::Absent,
        // A pipe would be waited for.
        Ok(metadata) if !metadata.is_file() => return FileKind::Other,
        Ok(metadata) if metadata.len() == 0 => return FileKind::Absent,
        Ok(_) => {}
    }
    let mut head = [0; 12];
    match std::fs::File::open(path).map(|mut file| file.read_exact(&mut head)) {
        // The header of a database begins with a digest.
        Ok(Ok(())) if &head[8..] == b"DUCK" => FileKind::Database,
        Ok(_) => FileKind::Other,
        Err(_) => FileKind::Database,
    }
}

fn is_read_only(target: &Target) -> bool {
    target.settings.get(ACCESS).is_some_and(|mode| mode.eq_ignore_ascii_case("READ_ONLY"))
}

/// Returns the values of the engine's settings: its errors quote them, and any may be a secret.
fn secrets(target: &Target) -> Secrets {
    let mut secrets = Secrets::default();
    for (_, value) in target.settings.iter().filter(|(name, _)| !NOT_OF_THE_ENGINE.contains(&name.as_str())) {
        secrets.add(value);
    }
    secrets
}

/// What the names of settings of the engine end with that name a folder.
const FOLDER: &str = "_directory";

/// Hands every setting that is the engine's to DuckDB, which knows its own names and values. A folder begins at the
/// project's root, as every path of a project does.
fn config(target: &Target, root: &Root) -> Result<Config, Error> {
    let mut config = Config::default();
    for (name, value) in &target.settings {
        if !NOT_OF_THE_ENGINE.contains(&name.as_str()) {
            let is_folder = name.to_lowercase().ends_with(FOLDER) && !value.is_empty();
            let value =
                if is_folder { root.folder().join(value).to_string_lossy().into_owned() } else { value.clone() };
            config = config.with(name, &value).map_err(|_| {
                // The value may be a secret, and so may be the engine's words, which quote it.
                let message =
                    format!("target `{}`: DuckDB does not take the value of the setting `{name}`", target.name);
                Error::new(ErrorKind::UserSql, message)
            })?;
        }
    }
    Ok(config)
}

/// Refuses what cannot be the place of a database.
fn refuse_odd_places(path: &Path, target: &Target, database: &str) -> Result<(), Error> {
    let refused = |why: &str| {
        let message = format!("target `{}`: the database `{database}` {why}", target.name);
        Err(Error::new(ErrorKind::Unsupported, message))
    };
    // It looks through links, and takes what follows a `?` for options.
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    if std::fs::canonicalize(&whole).unwrap_or(whole).to_string_lossy().contains('?') {
        return refused("has a `?` in its path, with which DuckDB keeps none: name one elsewhere by an absolute path");
    }
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => refused("is a folder"),
        Ok(metadata) if !metadata.is_file() => refused("is not a regular file"),
        Ok(_) | Err(_) => Ok(()),
    }
}

impl Warehouse for DuckDb {
    fn columns(&self, relation: &str) -> Result<Vec<Column>, Error> {
        let sql = format!("SELECT * FROM {relation}");
        describe(&self.connection(), &self.root.sql(&sql)).map_err(|error| self.root.told(error))
    }

    fn look_at(&self, relation: &str, files: &Files) -> Result<raw::Found, Error> {
        files::look_at(&self.connection(), &self.root, relation, files)
    }

    fn relations(&self) -> Result<Vec<String>, Error> {
        let connection = self.connection();
        let sql = "SELECT table_schema || '.' || table_name FROM information_schema.tables ORDER BY ALL";
        let mut statement = connection.prepare(sql)?;
        Ok(statement.query_map([], |row| row.get(0))?.collect::<duckdb::Result<_>>()?)
    }

    fn found(&self, schema: &str) -> Result<Vec<Found>, Error> {
        let connection = self.connection();
        let schema = parts_of(schema).pop().unwrap_or_default();
        let database: String = connection.query_row("SELECT current_database()", [], |row| row.get(0))?;
        // DuckDB takes small and capital letters for the same in ASCII only.
        if database.eq_ignore_ascii_case(&schema) {
            let message = format!(
                "the database and the schema are both named `{schema}`, which DuckDB cannot tell apart: give the target \
                 another `schema`, or its file another name"
            );
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        let of = |kind: &str| {
            format!(
                "SELECT schema_name, {kind}_name, comment FROM duckdb_{kind}s() \
                 WHERE database_name = current_database() AND NOT internal"
            )
        };
        let mut statement = connection.prepare(&format!("{} UNION ALL {}", of("table"), of("view")))?;
        let all = statement.query_map([], |row| {
            let (of, name, comment): (String, String, Option<String>) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let mark = comment.and_then(|comment| Mark::parse(&comment));
            Ok((of, Found { name: name.to_ascii_lowercase(), mark }))
        })?;
        let mut found = Vec::new();
        for row in all {
            let (of, own) = row?;
            found.extend(of.eq_ignore_ascii_case(&schema).then_some(own));
        }
        found.sort_by(|one: &Found, other| one.name.cmp(&other.name));
        Ok(found)
    }

    fn execute(&self, statement: &Checked) -> Result<Executed, Error> {
        let connection = self.connection();
        let executed = match statement.mark() {
            None => execute(&connection, &self.root.sql(statement.sql())),
            Some(_) => in_transaction(&connection, || execute_marked(&connection, &self.root, statement)),
        };
        executed.map_err(|error| files::in_our_words(error, &self.root))
    }

    fn execute_in_place(&self, statement: &Checked, relation: &str) -> Result<Executed, Error> {
        let connection = self.connection();
        let run = |sql: &str| connection.execute_batch(sql).map_err(Error::from);
        in_transaction(&connection, || {
            // Only one of the two exists; to name it wrongly is an error, even with `IF EXISTS`.
            if run(&format!("DROP VIEW IF EXISTS {relation}")).is_err() {
                run("ROLLBACK")?;
                run("BEGIN TRANSACTION")?;
                run(&format!("DROP TABLE IF EXISTS {relation}"))?;
            }
            execute_marked(&connection, &self.root, statement)
        })
        .map_err(|error| files::in_our_words(error, &self.root))
    }

    fn query(&self, statement: &Checked, limit: Option<usize>) -> Result<Rows, Error> {
        rows_of(&self.connection(), &self.root.sql(statement.sql()), limit)
            .map_err(|error| files::in_our_words(error, &self.root))
    }

    fn load(&self, relation: &str, rows: &Rows) -> Result<(), Error> {
        let connection = self.connection();
        let run = |sql: &str| connection.execute_batch(sql).map_err(Error::from);
        if let Some(schema) = schema_of(relation) {
            run(&format!("CREATE SCHEMA IF NOT EXISTS {schema}"))?;
        }
        run(&table_of(relation, rows))
    }

    fn drop_table(&self, relation: &str) -> Result<(), Error> {
        Ok(self.connection().execute_batch(&format!("DROP TABLE IF EXISTS {relation}"))?)
    }

    fn drop_schema(&self, schema: &str) -> Result<(), Error> {
        Ok(self.connection().execute_batch(&format!("DROP SCHEMA IF EXISTS {schema} CASCADE"))?)
    }

    /// The plan tells only that the statement can be executed: the numbers in it are the optimizer's guesses.
    fn estimate(&self, statement: &Checked, reads: &Reads<'_>) -> Result<Estimate, Error> {
        let connection = self.connection();
        let sql = format!("EXPLAIN {}", self.root.sql(statement.sql()));
        connection.query_row(&sql, [], |_| Ok(())).map_err(|error| self.root.told(error.into()))?;
        extent::of(&connection, &self.root, reads)
    }

    fn describe(&self) -> Result<Vec<(String, String)>, Error> {
        let connection = self.connection();
        let ask = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, String>(0));
        let mut facts = vec![("engine".to_owned(), ask("SELECT version()")?)];
        facts.push(("database".to_owned(), ask("SELECT current_database()")?));
        for setting in ["TimeZone", "default_null_order", "threads"] {
            // The first is unknown where the library is built without ICU.
            if let Ok(value) = ask(&format!("SELECT CAST(current_setting('{setting}') AS VARCHAR)")) {
                facts.push((setting.to_owned(), value));
            }
        }
        Ok(facts)
    }

    fn session(&self) -> Result<Box<dyn Warehouse>, Error> {
        let connection = self.connection().try_clone()?;
        Ok(Box::new(Self::of(connection, self.root.clone())?))
    }

    fn interrupter(&self) -> Interrupter {
        let interrupt = Arc::clone(&self.interrupt);
        Box::new(move || interrupt.interrupt())
    }
}

/// Does several things as a whole, or none of them.
fn in_transaction<T>(connection: &Connection, work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    connection.execute_batch("BEGIN TRANSACTION")?;
    let result = work().and_then(|done| {
        connection.execute_batch("COMMIT")?;
        Ok(done)
    });
    if result.is_err() {
        // Fails where nothing is left to roll back.
        let _ = connection.execute_batch("ROLLBACK");
    }
    result
}

/// Executes a statement, and marks what it makes.
fn execute_marked(connection: &Connection, root: &Root, statement: &Checked) -> Result<Executed, Error> {
    let executed = execute(connection, &root.sql(statement.sql()))?;
    if let Some(mark) = statement.mark() {
        connection.execute_batch(mark)?;
    }
    Ok(executed)
}

/// Returns the rows of a query: all of them, or the first `limit`.
fn rows_of(connection: &Connection, sql: &str, limit: Option<usize>) -> Result<Rows, Error> {
    let columns = describe(connection, sql)?;
    let sql = readable(sql, &columns, limit);
    let mut rows = Vec::new();
    let mut prepared = connection.prepare(&sql)?;
    let mut cursor = prepared.query([])?;
    while let Some(row) = cursor.next()? {
        let values = (0..columns.len()).map(|index| Ok(text::value(row.get_ref(index)?)));
        rows.push(values.collect::<duckdb::Result<_>>()?);
    }
    let truncated = limit.is_some_and(|limit| rows.len() > limit);
    rows.truncate(limit.unwrap_or(usize::MAX));
    Ok(Rows { columns, rows, truncated })
}

/// Executes one statement, and counts the rows that it wrote where it says so.
fn execute(connection: &Connection, sql: &str) -> Result<Executed, Error> {
    let mut prepared = connection.prepare(sql)?;
    let mut cursor = prepared.query([])?;
    // What writes rows answers with one row, their count; other DDL answers with none.
    let rows_affected = match cursor.next()? {
        Some(row) => match row.get_ref(0) {
            Ok(ValueRef::BigInt(count)) => u64::try_from(count).ok(),
            _ => None,
        },
        None => None,
    };
    Ok(Executed { rows_affected, ..Executed::default() })
}

/// Returns the columns of a query without running it.
pub(super) fn describe(connection: &Connection, sql: &str) -> Result<Vec<Column>, Error> {
    let mut statement = connection.prepare(&format!("DESCRIBE {sql}"))?;
    let columns = statement.query_map([], |row| {
        let (name, ty): (String, String) = (row.get(0)?, row.get(1)?);
        let family = text::family(&ty);
        Ok(Column { name, ty, family })
    })?;
    Ok(columns.collect::<duckdb::Result<_>>()?)
}

/// Wraps a query, where it needs that, so that it returns one row more than the limit, to tell whether there are more,
/// and only types that have a [`Value`]: everything else as text.
fn readable(sql: &str, columns: &[Column], limit: Option<usize>) -> String {
    let odd = columns.iter().any(|column| matches!(column.family, Family::Other));
    if !odd && limit.is_none() {
        return sql.to_owned();
    }
    // The columns are named by place, for names may repeat. The line ends a comment that may end the query.
    let names: Vec<_> = (0..columns.len()).map(|index| format!("column_{index}")).collect();
    let values: Vec<_> = columns
        .iter()
        .zip(&names)
        .map(|(column, name)| match column.family {
            Family::Other => format!("CAST({name} AS VARCHAR)"),
            Family::Bool
            | Family::Int
            | Family::Float
            | Family::Decimal
            | Family::Text
            | Family::Date
            | Family::Timestamp
            | Family::Json => name.clone(),
        })
        .collect();
    let mut wrapped = format!("SELECT {} FROM (\n{sql}\n) AS query({})", values.join(", "), names.join(", "));
    if let Some(limit) = limit {
        let _ = write!(wrapped, " LIMIT {}", limit.saturating_add(1));
    }
    wrapped
}

/// Writes the statement that makes a table of literal rows.
fn table_of(relation: &str, rows: &Rows) -> String {
    let names: Vec<_> = rows.columns.iter().map(|column| text::identifier(&column.name)).collect();
    if rows.rows.is_empty() {
        let columns: Vec<_> = rows
            .columns
            .iter()
            .zip(&names)
            .map(|(column, name)| format!("{name} {}", if column.ty.is_empty() { "VARCHAR" } else { &column.ty }))
            .collect();
        return format!("CREATE OR REPLACE TABLE {relation} ({})", columns.join(", "));
    }
    // Each cell is cast, and not the column: the cells of one column may differ in kind before that.
    let cell = |(value, column): (&Value, &Column)| match column.ty.as_str() {
        "" => text::literal_of(value),
        ty => format!("CAST({} AS {ty})", text::literal_of(value)),
    };
    let tuples: Vec<_> = rows
        .rows
        .iter()
        .map(|row| format!("({})", row.iter().zip(&rows.columns).map(cell).collect::<Vec<_>>().join(", ")))
        .collect();
    format!(
        "CREATE OR REPLACE TABLE {relation} AS SELECT * FROM (VALUES {}) AS given({})",
        tuples.join(", "),
        names.join(", ")
    )
}
