//! A statement that another session began, by its id: what became of it, what it told, and its end.
//!
//! The service lists the statements of a user of the last days, those that run first.
//! <https://docs.snowflake.com/en/sql-reference/functions/query_history>

use std::time::Duration;

use snowflake_connector_rs as client;
use tokio::time::timeout;

use crate::warehouse::snowflake::errors;
use crate::warehouse::snowflake::login::ABORT;
use crate::warehouse::snowflake::values;
use crate::warehouse::{Error, Rows, Value};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// How many digits an error's code has.
const CODE: usize = 6;

/// What became of a statement.
pub(super) enum Found {
    /// It is not listed, or was not to be seen.
    Nothing,
    /// It waits, or runs.
    Running,
    /// It did what it should.
    Ended,
    /// It failed.
    Failed(Error),
}

/// Returns what became of a statement; nothing where that was not told.
pub(super) async fn look(session: &client::Session, id: &str) -> Found {
    let sql = format!(
        "SELECT EXECUTION_STATUS, ERROR_CODE, ERROR_MESSAGE \
         FROM TABLE(INFORMATION_SCHEMA.QUERY_HISTORY_BY_USER(RESULT_LIMIT => 10000)) WHERE QUERY_ID = '{id}'"
    );
    let Some(rows) = rows(session, sql).await else { return Found::Nothing };
    let cells = rows.rows.into_iter().next().unwrap_or_default().into_iter();
    let mut cells = cells.map(|cell| if cell == Value::Null { String::new() } else { cell.to_string() });
    let mut next = || cells.next().unwrap_or_default();
    let (status, code, message) = (next().to_uppercase(), next(), next());
    match status.as_str() {
        "" => Found::Nothing,
        "SUCCESS" => Found::Ended,
        _ if status.starts_with("FAILED") || status == "INCIDENT" => {
            let code = format!("{code:0>CODE$}");
            let text = format!("{code}: {message} (query {id})");
            Found::Failed(Error::new(errors::kind_of(&code, &message), text).of_query(id))
        }
        _ => Found::Running,
    }
}

/// Returns the rows with which a statement that ended tells what it did.
pub(super) async fn told(session: &client::Session, id: &str) -> Option<Rows> {
    rows(session, format!("SELECT * FROM TABLE(RESULT_SCAN('{id}'))")).await
}

/// Returns the first row of a query.
async fn rows(session: &client::Session, sql: String) -> Option<Rows> {
    let answer = async { values::read(session.query(sql).await.ok()?, Some(1)).await.ok() };
    timeout(PATIENCE, answer).await.ok()?
}

/// Stops a statement; tells whether the service says so.
pub(super) async fn stop(session: &client::Session, id: &str) -> bool {
    let stopped = session.query(format!("SELECT SYSTEM$CANCEL_QUERY('{id}')"));
    matches!(timeout(ABORT, stopped).await, Ok(Ok(_)))
}
