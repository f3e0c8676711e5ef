//! `run_results.json`: what became of a run, in the shape that the readers of dbt's file of that name know.
//!
//! Every key is always there, null where there is nothing to say, for those readers look keys up without asking.
//! Keys that dbt has not are `errors` and `raw_rows` of the file, and `error_kind`, `attempts`, `bytes_processed`,
//! `rows_affected`, `interval`, `spec_hash` and `sql_hash` of an entry.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, IntoInnerError, Write};
use std::path::Path;

use indexmap::IndexMap;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::run::values::Found;
use crate::run::{Interval, NodeResult, RunResult, Span, Status};
use crate::warehouse::{ErrorKind, Executed};

/// The shape of dbt's that this one follows.
const SCHEMA: &str = "https://schemas.getdbt.com/dbt/run-results/v6.json";

/// What a run is besides its statements.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// The project's name.
    pub project: String,
    /// The version of Milepost.
    pub version: String,
    /// The arguments, without secrets; `command` and `which` among them.
    pub args: serde_json::Map<String, serde_json::Value>,
}

impl Invocation {
    /// An invocation of which no more is known than its command.
    pub fn of(command: &str) -> Self {
        let args = [("which".to_owned(), command.into())];
        Self { project: String::new(), version: env!("CARGO_PKG_VERSION").to_owned(), args: args.into_iter().collect() }
    }
}

/// The file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Document {
    /// Who wrote the file, and when.
    pub metadata: Metadata,
    /// What became of each unit test and relation, in the order in which they are made.
    pub results: Vec<Entry>,
    /// How long all of it took, in seconds.
    pub elapsed_time: f64,
    /// The arguments, without secrets; `command` and `which` among them.
    pub args: serde_json::Map<String, serde_json::Value>,
    /// What was found in the raw rows before the run.
    #[serde(default)]
    pub raw_rows: Vec<Found>,
    /// What is wrong beyond single relations, each in a sentence: why nothing was tried, or not all.
    #[serde(default)]
    pub errors: Vec<String>,
}

/// Who wrote the file, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Metadata {
    /// The shape of dbt's that this one follows.
    pub dbt_schema_version: String,
    /// Null, for dbt had no part in it.
    pub dbt_version: Option<String>,
    /// The version of Milepost.
    pub milepost_version: String,
    /// When the file was written, in UTC.
    pub generated_at: String,
    /// A name of this run, which no other has.
    pub invocation_id: String,
    /// When it began, in UTC.
    pub invocation_started_at: String,
    /// Empty: no variable of the environment is told.
    pub env: IndexMap<String, String>,
}

/// What became of one node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Entry {
    /// How it ended.
    pub status: Status,
    /// When the statement began and ended.
    pub timing: Vec<Timing>,
    /// The thread that ran it.
    pub thread_id: String,
    /// How long it took, in seconds.
    pub execution_time: f64,
    /// What the warehouse tells: `query_id`, `rows_affected`, `bytes_processed`, `bytes_billed`, each where it does.
    pub adapter_response: serde_json::Map<String, serde_json::Value>,
    /// What is said of it, such as the error.
    pub message: Option<String>,
    /// Of a unit test: 1 where it failed, 0 where it passed.
    pub failures: Option<u64>,
    /// `<kind>.<project>.<name>`, as in `manifest.json`.
    pub unique_id: String,
    /// Whether there is a statement.
    pub compiled: bool,
    /// The statement.
    pub compiled_code: Option<String>,
    /// The full name of the relation, quoted.
    pub relation_name: Option<String>,
    /// Null, as in dbt where nothing is made in batches.
    pub batch_results: Option<serde_json::Value>,
    /// What kind of failure it was, where it failed: one of the words below.
    #[serde(default)]
    pub error_kind: Option<ErrorKind>,
    /// How often it was tried.
    #[serde(default)]
    pub attempts: u32,
    /// The bytes that the warehouse read, where it tells.
    pub bytes_processed: Option<u64>,
    /// The rows that it wrote, where it tells.
    pub rows_affected: Option<u64>,
    /// The interval that was computed, where there is one.
    pub interval: Option<Interval>,
    /// A hash of the definition.
    pub spec_hash: Option<String>,
    /// The SHA-256 of the statement, in hexadecimal digits.
    pub sql_hash: Option<String>,
}

/// When a stage of a node began and ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Timing {
    /// Which stage: `execute`.
    pub name: String,
    /// When it began, in UTC.
    pub started_at: Option<String>,
    /// When it ended, in UTC.
    pub completed_at: Option<String>,
}

/// Returns the file of a run that ended now.
pub fn document(run: &RunResult, invocation: &Invocation) -> Document {
    Document {
        metadata: Metadata {
            dbt_schema_version: SCHEMA.to_owned(),
            dbt_version: None,
            milepost_version: invocation.version.clone(),
            generated_at: time(Timestamp::now()),
            invocation_id: run.invocation_id.clone(),
            invocation_started_at: time(run.started_at),
            env: IndexMap::new(),
        },
        results: run.results.iter().map(|result| entry(result, &invocation.project)).collect(),
        elapsed_time: run.seconds,
        args: invocation.args.clone(),
        raw_rows: Vec::new(),
        errors: Vec::new(),
    }
}

/// Returns the entry of a unit test: `status` is how it ended, `message` says what differs.
pub fn test_entry(project: &str, name: &str, status: Status, message: Option<String>, seconds: f64) -> Entry {
    Entry {
        status,
        timing: Vec::new(),
        thread_id: "main".to_owned(),
        execution_time: seconds,
        adapter_response: serde_json::Map::new(),
        message,
        failures: match status {
            Status::Pass => Some(0),
            Status::Fail => Some(1),
            Status::Success | Status::Error | Status::Skipped | Status::Unchanged => None,
        },
        unique_id: unique_id("unit_test", project, name),
        compiled: true,
        compiled_code: None,
        relation_name: None,
        batch_results: None,
        error_kind: None,
        attempts: u32::from(status != Status::Skipped),
        bytes_processed: None,
        rows_affected: None,
        interval: None,
        spec_hash: None,
        sql_hash: None,
    }
}

fn entry(result: &NodeResult, project: &str) -> Entry {
    let (job, outcome) = (&result.job, &result.outcome);
    let mut adapter_response = serde_json::Map::new();
    if outcome.status == Status::Success {
        adapter_response.insert("_message".to_owned(), "OK".into());
    }
    let Executed { rows_affected, query_id, bytes_processed, bytes_billed } = &outcome.executed;
    let told = [
        ("rows_affected", rows_affected.map(serde_json::Value::from)),
        ("query_id", query_id.clone().map(serde_json::Value::from)),
        ("bytes_processed", bytes_processed.map(serde_json::Value::from)),
        ("bytes_billed", bytes_billed.map(serde_json::Value::from)),
    ];
    adapter_response.extend(told.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    Entry {
        status: outcome.status,
        timing: outcome.span.iter().map(timing).collect(),
        thread_id: outcome.span.map_or_else(|| "main".to_owned(), |span| format!("Thread-{}", span.thread)),
        execution_time: outcome.span.map_or(0.0, |span| span.seconds),
        adapter_response,
        message: outcome.message.clone(),
        failures: None,
        unique_id: unique_id(job.kind, project, &job.node),
        compiled: true,
        compiled_code: Some(job.sql()),
        relation_name: job.relation().map(str::to_owned),
        batch_results: None,
        error_kind: outcome.error,
        attempts: outcome.attempts,
        bytes_processed: outcome.executed.bytes_processed,
        rows_affected: outcome.executed.rows_affected,
        interval: job.interval.clone(),
        spec_hash: job.spec_hash.clone(),
        sql_hash: Some(sha256(&job.sql())),
    }
}

/// Returns the id by which the artifacts name a node.
pub fn unique_id(kind: &str, project: &str, node: &str) -> String {
    format!("{kind}.{project}.{node}")
}

/// Only the statement itself was timed: it was compiled before the run.
fn timing(span: &Span) -> Timing {
    Timing {
        name: "execute".to_owned(),
        started_at: Some(time(span.started_at)),
        completed_at: Some(time(span.completed_at)),
    }
}

fn time(timestamp: Timestamp) -> String {
    format!("{timestamp:.6}")
}

/// Returns the SHA-256 of a text, in hexadecimal digits.
pub fn sha256(text: &str) -> String {
    format!("{:x}", Sha256::digest(text.as_bytes()))
}

/// Returns `value` as JSON for people to read, which ends with a line's end. It is made of texts, numbers and lists.
pub fn json(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).expect("texts, numbers and lists are JSON") + "\n"
}

/// Writes `text` to `path`, so that a reader finds the old file or the new one, and never half of one.
pub fn write(path: &Path, text: &str) -> std::io::Result<()> {
    replace(path, text, true)
}

/// The same; `is_durable` where the file is to outlive the machine's power, and not only this process.
pub fn replace(path: &Path, text: &str, is_durable: bool) -> std::io::Result<()> {
    // In the same folder, for only within one file system is a rename one step.
    let mut file = temporary(folder_of(path)?)?;
    file.write_all(text.as_bytes())?;
    if is_durable {
        file.as_file().sync_all()?;
    }
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Writes `value` to `path` as [`json`] has it and as [`write()`] does, and never has all of the text: it may be long. A file that
/// holds it already is not touched.
pub fn write_json(path: &Path, value: &impl Serialize) -> std::io::Result<()> {
    let is_link = std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink());
    if !is_link && holds_json(path, value) {
        return Ok(());
    }
    let folder = folder_of(path)?;
    let mut text = BufWriter::new(temporary(folder)?);
    put_json(&mut text, value)?;
    let file = text.into_inner().map_err(IntoInnerError::into_error)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

fn put_json(text: &mut impl Write, value: &impl Serialize) -> std::io::Result<()> {
    serde_json::to_writer_pretty(&mut *text, value)?;
    text.write_all(b"\n")
}

/// Tells whether a file holds `value` as [`json`] has it.
fn holds_json(path: &Path, value: &impl Serialize) -> bool {
    let Ok(found) = File::open(path) else { return false };
    let mut text = BufWriter::new(Same { found: BufReader::new(found) });
    let is_same = put_json(&mut text, value).and_then(|()| text.flush()).is_ok();
    is_same && text.get_mut().found.fill_buf().is_ok_and(<[u8]>::is_empty)
}

/// Takes what a file holds, and fails where it is anything else.
struct Same<R> {
    found: R,
}

impl<R: BufRead> Write for Same<R> {
    fn write(&mut self, text: &[u8]) -> std::io::Result<usize> {
        let found = self.found.fill_buf()?;
        let length = found.len().min(text.len());
        if length == 0 || found[..length] != text[..length] {
            return Err(std::io::ErrorKind::InvalidData.into());
        }
        self.found.consume(length);
        Ok(length)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Returns the folder of a file that is to be written, and makes it where there is none.
fn folder_of(path: &Path) -> std::io::Result<&Path> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    Ok(folder)
}

/// How the name of a file begins and ends that is to be renamed into place: a process that is killed leaves it.
const TEMPORARY: (&str, &str) = (".milepost-", ".tmp");

/// Tells whether a file of that name is one that a killed process left.
pub fn is_temporary(name: &str) -> bool {
    name.starts_with(TEMPORARY.0) && name.ends_with(TEMPORARY.1)
}

fn temporary(folder: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY.0).suffix(TEMPORARY.1);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // As readable as any other, which `tempfile` does not by itself.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_that_a_file_holds_is_not_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/manifest.json");
        // Longer than what is read at once.
        let long: Vec<String> = (0..5_000).map(|number| format!("text {number}")).collect();
        let short = &long[..10];
        for value in [&long, short, &long[1..], &long] {
            assert!(!holds_json(&path, &value));
            write_json(&path, &value).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), json(&value));
            assert!(holds_json(&path, &value));
        }
        let held = json(&long);
        for other in [&held[..held.len() - 1], &(held.clone() + " "), &held.replace("4999", "4998"), ""] {
            std::fs::write(&path, other).unwrap();
            assert!(!holds_json(&path, &long));
        }
        write_json(&path, &long).unwrap();
        let before = std::fs::metadata(&path).unwrap().modified().unwrap();
        write_json(&path, &long).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().modified().unwrap(), before);
        let names: Vec<_> =
            std::fs::read_dir(path.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["manifest.json"], "no file of another name stays");
    }
}
