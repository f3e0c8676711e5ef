//! A session on BigQuery: what the service and its jobs are asked for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use google_cloud_bigquery_v2::model::Table;
use tokio::runtime::Runtime;
use tokio::time::Instant;

use crate::check::{Checked, Mark};
use crate::warehouse::bigquery::failure::Failure;
use crate::warehouse::bigquery::interruption::Interruption;
use crate::warehouse::bigquery::job::{Done, Runner, Work, random};
use crate::warehouse::bigquery::names::{self, TableName};
use crate::warehouse::bigquery::region::Region;
use crate::warehouse::bigquery::service::{Page, Service};
use crate::warehouse::bigquery::settings::Settings;
use crate::warehouse::bigquery::{credentials, load, values};
use crate::warehouse::{
    ASIDE, Column, Error, ErrorKind, Estimate, Executed, Found, Interrupter, Reads, Rows, Target, Value, Warehouse,
};

/// How long is spent on listing what there is, to say which name looks like one that is not.
const LISTING: Duration = Duration::from_secs(10);

/// The most rows of a page that are asked for by number; the service sends fewer where they are long.
const LONGEST_PAGE: usize = 50_000;

/// In what the service tells how long something is kept.
const MILLISECONDS_OF_A_DAY: i64 = 24 * 60 * 60 * 1000;

/// What is not one of the warehouse's nodes and is executed all the same: its label.
const OWN: &str = "milepost";

/// A session.
pub(super) struct BigQuery {
    shared: Arc<Shared>,
    interruption: Arc<Interruption>,
    /// One call at a time.
    busy: Mutex<()>,
}

/// What the sessions of a connection share.
struct Shared {
    /// Taken when the last session ends.
    runtime: Option<Runtime>,
    service: Service,
    settings: Settings,
    region: Region,
    account: Option<String>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        // Does not wait for what is left, such as a request for a token.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl BigQuery {
    /// Reads settings and credentials, and makes no request of BigQuery.
    pub(super) fn open(target: &Target) -> Result<Self, Error> {
        let mut settings = Settings::of(target)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.map_err(|error| {
            Error::new(ErrorKind::Resources, format!("target `{}`: no threads to connect with: {error}", target.name))
        })?;
        let opened = {
            let _entered = runtime.enter();
            credentials::find(&settings).and_then(|found| {
                if settings.project.is_empty() {
                    settings.project = found.project.clone().unwrap_or_default();
                }
                if settings.job_project.is_empty() {
                    settings.job_project.clone_from(&settings.project);
                }
                if settings.job_project.is_empty() {
                    let message =
                        format!("target `{}` names no `project`, and neither do its credentials", target.name);
                    return Err(Error::new(ErrorKind::UserSql, message));
                }
                let service = runtime.block_on(Service::new(&settings, &found))?;
                Ok((service, found.account))
            })
        };
        match opened {
            Ok((service, account)) => {
                let shared = Shared { runtime: Some(runtime), service, settings, region: Region::default(), account };
                Ok(Self::on(Arc::new(shared)))
            }
            Err(error) => {
                runtime.shutdown_background();
                Err(error)
            }
        }
    }

    fn on(shared: Arc<Shared>) -> Self {
        Self { shared, interruption: Arc::new(Interruption::new()), busy: Mutex::new(()) }
    }

    /// Does something that may be interrupted and may not take too long; no secret leaves in an error.
    fn run<T>(&self, work: impl AsyncFnOnce(&Runner<'_>) -> Result<T, Error>) -> Result<T, Error> {
        // Nothing is left half done by a panic.
        let _busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        let Shared { runtime, service, settings, region, .. } = &*self.shared;
        let runner = Runner::new(service, settings, region, self.interruption.begin());
        let runtime = runtime.as_ref().expect("taken by drop only");
        runtime.block_on(async {
            match Box::pin(work(&runner)).await {
                Ok(done) => Ok(done),
                Err(error) => {
                    let message = service.redact(&error.message).await;
                    Err(error.saying(message))
                }
            }
        })
    }

    /// Reads a name of a table; the project is the target's where it has none.
    fn name(&self, relation: &str) -> Option<TableName> {
        let name = names::table(relation)?;
        Some(TableName { project: Some(name.project.unwrap_or_else(|| self.shared.settings.project.clone())), ..name })
    }
}

impl Warehouse for BigQuery {
    fn columns(&self, relation: &str) -> Result<Vec<Column>, Error> {
        let name = self.name(relation);
        self.run(async |runner| {
            let schema = match &name {
                Some(name) => table_of(runner, name).await?.schema,
                None => Box::pin(runner.dry_run(&format!("SELECT * FROM {relation}"), OWN))
                    .await?
                    .query
                    .and_then(|query| query.schema),
            };
            Ok(values::columns(&schema.unwrap_or_default()))
        })
    }

    fn relations(&self) -> Result<Vec<String>, Error> {
        self.run(async |runner| {
            let Settings { project, dataset, .. } = runner.settings;
            let since = Instant::now();
            let mut datasets = runner.ask(runner.service.datasets(project)).await?;
            // What is not listed in time is left out; the target's own dataset is not.
            datasets.sort_by_key(|name| (name != dataset, name.clone()));
            let mut relations = Vec::new();
            for dataset in datasets {
                if since.elapsed() > LISTING {
                    break;
                }
                match runner.ask(runner.service.tables(project, &dataset)).await {
                    Ok(tables) => relations.extend(tables.iter().map(|table| format!("{dataset}.{table}"))),
                    // Dropped meanwhile, or nobody's business.
                    Err(error) if matches!(error.kind, ErrorKind::Missing | ErrorKind::Permission) => {}
                    Err(error) => return Err(error),
                }
            }
            relations.sort();
            Ok(relations)
        })
    }

    fn found(&self, schema: &str) -> Result<Vec<Found>, Error> {
        let Some(name) = self.name(&format!("{schema}.t")) else {
            return Err(Error::new(ErrorKind::UserSql, format!("{schema} is no name of a dataset")));
        };
        self.run(async |runner| {
            let project = name.project.as_deref().unwrap_or(&runner.settings.project);
            match runner.ask(runner.service.listed(project, &name.dataset)).await {
                Err(error) if error.kind == ErrorKind::Missing => Ok(Vec::new()),
                listed => Ok(listed?.into_iter().map(|(name, labels)| Found { name, mark: mark(&labels) }).collect()),
            }
        })
    }

    fn execute(&self, statement: &Checked) -> Result<Executed, Error> {
        self.run(async |runner| {
            let done = runner.run(&Work::of(statement.sql_with_mark(), statement.node())).await?;
            Ok(runner.executed(&done).await)
        })
    }

    fn execute_in_place(&self, statement: &Checked, relation: &str) -> Result<Executed, Error> {
        let name = self.name(relation);
        self.run(async |runner| {
            let work = Work::of(statement.sql_with_mark(), statement.node());
            let done = match (runner.run(&work).await, &name) {
                (Err(error), Some(name)) if error.kind == ErrorKind::Occupied => {
                    let old = table_of(runner, name).await?;
                    if old.r#type == "TABLE" {
                        instead_of_table(runner, &work, relation, name).await?
                    } else {
                        instead_of_view(runner, &work, relation, name, &old).await?
                    }
                }
                (done, _) => done?,
            };
            Ok(runner.executed(&done).await)
        })
    }

    /// Looks for the dataset first: the right to make one is needed for the statement also where it is there.
    fn make_schema(&self, statement: &Checked, schema: &str) -> Result<Executed, Error> {
        let Some((project, dataset)) = names::dataset(schema) else { return self.execute(statement) };
        self.run(async |runner| {
            let project = project.as_deref().unwrap_or(&runner.settings.project);
            make_dataset(runner, project, &dataset).await.map(|()| Executed::default())
        })
    }

    fn query(&self, statement: &Checked, limit: Option<usize>) -> Result<Rows, Error> {
        self.run(async |runner| rows_of(runner, statement.sql(), statement.node(), limit).await)
    }

    fn load(&self, relation: &str, rows: &Rows) -> Result<(), Error> {
        let name = self.name(relation);
        self.run(async |runner| {
            if let Some(name) = &name {
                make_dataset(runner, name.project.as_deref().unwrap_or_default(), &name.dataset).await?;
            }
            load_into(runner, relation, name.as_ref(), rows).await
        })
    }

    fn drop_table(&self, relation: &str) -> Result<(), Error> {
        self.run(async |runner| drop(runner, &format!("DROP TABLE IF EXISTS {relation}")).await)
    }

    fn drop_schema(&self, schema: &str) -> Result<(), Error> {
        self.run(async |runner| drop(runner, &format!("DROP SCHEMA IF EXISTS {schema} CASCADE")).await)
    }

    fn estimate(&self, statement: &Checked, _reads: &Reads<'_>) -> Result<Estimate, Error> {
        self.run(async |runner| {
            let statistics = Box::pin(runner.dry_run(statement.sql(), statement.node())).await?;
            let of_the_query = statistics.query.and_then(|query| query.total_bytes_processed);
            let bytes = statistics.total_bytes_processed.or(of_the_query);
            let basis = "what a dry run says, before blocks of sorted tables are left out".to_owned();
            Ok(Estimate { bytes: bytes.and_then(|bytes| u64::try_from(bytes).ok()), rows: None, basis })
        })
    }

    fn describe(&self) -> Result<Vec<(String, String)>, Error> {
        let account = self.shared.account.clone();
        self.run(async |runner| {
            let settings = runner.settings;
            // Asked, and not taken from the settings: so it is known that jobs run, for whom, and in which zone.
            let rows = rows_of(runner, "SELECT SESSION_USER(), @@time_zone", OWN, None).await?;
            let mut answers = rows.rows.into_iter().flatten();
            let mut answer = || match answers.next() {
                Some(Value::Text(text)) => Some(text),
                Some(_) | None => None,
            };
            let (user, zone) = (answer(), answer());
            let dataset = match settings.dataset.as_str() {
                "" => None,
                dataset => match runner.service.dataset(&settings.project, dataset).await {
                    Ok(found) => Some((dataset.to_owned(), Some(found.location))),
                    Err(failure) if failure.status == Some(404) => Some((format!("{dataset} (not there yet)"), None)),
                    Err(failure) => return Err(failure.into_error()),
                },
            };
            let (dataset, found) = dataset.unzip();
            let location = Some(settings.location.clone()).filter(|location| !location.is_empty()).or(found.flatten());
            let bytes = settings.maximum_bytes_billed.map(|bytes| bytes.to_string());
            let facts = [
                ("endpoint", settings.endpoint.clone()),
                ("account", user.or(account)),
                ("project", Some(settings.project.clone())),
                ("job project", Some(settings.job_project.clone()).filter(|project| *project != settings.project)),
                ("dataset", dataset),
                ("location", location),
                ("maximum bytes billed", bytes),
                ("priority", settings.is_batch.then(|| "batch".to_owned())),
                ("time zone", zone),
            ];
            let facts = facts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
            Ok(facts.collect())
        })
    }

    fn concerns(&self) -> Result<Vec<String>, Error> {
        self.run(async |runner| {
            let Settings { project, dataset, .. } = runner.settings;
            let expiration = match runner.ask(runner.service.dataset(project, dataset)).await {
                Ok(found) => found.default_table_expiration_ms.filter(|expiration| *expiration > 0),
                Err(error) if matches!(error.kind, ErrorKind::Missing | ErrorKind::Permission) => None,
                Err(error) => return Err(error),
            };
            let told = |milliseconds: i64| {
                let days = milliseconds / MILLISECONDS_OF_A_DAY;
                let age = if days > 0 { format!("{days} days") } else { "less than a day".to_owned() };
                format!(
                    "the dataset `{dataset}` has a default table expiration: a table is deleted {age} after it was made"
                )
            };
            Ok(expiration.map(told).into_iter().collect())
        })
    }

    fn session(&self) -> Result<Box<dyn Warehouse>, Error> {
        Ok(Box::new(Self::on(Arc::clone(&self.shared))))
    }

    fn interrupter(&self) -> Interrupter {
        let interruption = Arc::clone(&self.interruption);
        Box::new(move || interruption.interrupt())
    }
}

/// Reads the labels of a table or a view.
fn mark(labels: &HashMap<String, String>) -> Option<Mark> {
    let spec = labels.get("milepost_spec")?.clone();
    // As the dialect's file writes it: in small letters, without colons and dots.
    let as_of = match labels.get("milepost_as_of") {
        Some(label) => {
            let (date, time) = label.split_once('t')?;
            Some(format!("{date}T{}", time.replace('-', ":").replace('_', ".").to_uppercase()))
        }
        None => None,
    };
    Some(Mark { spec, as_of })
}

/// Makes a dataset where there is none, and notes where it lies.
async fn make_dataset(runner: &Runner<'_>, project: &str, dataset: &str) -> Result<(), Error> {
    let location = runner.ask(runner.region.location(runner.service, runner.settings)).await?.unwrap_or_default();
    let lies_in = runner.ask(runner.service.make_dataset(project, dataset, &location)).await?;
    if runner.settings.location.is_empty() && !lies_in.is_empty() {
        runner.region.is(&lies_in);
    }
    Ok(())
}

/// Returns a table or a view.
async fn table_of(runner: &Runner<'_>, name: &TableName) -> Result<Table, Error> {
    let project = name.project.as_deref().unwrap_or(&runner.settings.project);
    runner.ask(runner.service.table(project, &name.dataset, &name.table)).await
}

/// Makes something in the place of a table that cannot be replaced: of one that is divided otherwise, or by a view. The
/// table steps aside until that is made, and comes back where it is not.
async fn instead_of_table(
    runner: &Runner<'_>,
    work: &Work<'_>,
    relation: &str,
    name: &TableName,
) -> Result<Done, Error> {
    // A name of its own: another run may be at the same table, and what it set aside is the only copy.
    let aside = format!("{ASIDE}{}__{}", &random()[..12], name.table);
    let place = name.project.iter().chain([&name.dataset, &aside]).map(|part| names::quoted(part));
    let set_aside = place.collect::<Vec<_>>().join(".");
    runner.run(&Work::of(&format!("ALTER TABLE {relation} RENAME TO {}", names::quoted(&aside)), OWN)).await?;
    let made = runner.run(work).await;
    let end = match made {
        Ok(_) => format!("DROP TABLE IF EXISTS {set_aside}"),
        Err(_) => format!("ALTER TABLE {set_aside} RENAME TO {}", names::quoted(&name.table)),
    };
    // It is not interrupted: it mends. What is wrong already is what the caller is told.
    let calm = Interruption::new();
    let _ = Runner::new(runner.service, runner.settings, runner.region, calm.begin()).run(&Work::of(&end, OWN)).await;
    made
}

/// Makes something in the place of a view, or of what else is no table of the warehouse's own.
async fn instead_of_view(
    runner: &Runner<'_>,
    work: &Work<'_>,
    relation: &str,
    name: &TableName,
    old: &Table,
) -> Result<Done, Error> {
    runner.run(&Work::of(&drop_of(old, relation), OWN)).await?;
    let made = runner.run(work).await;
    if made.is_err() && old.view.is_some() {
        restore(runner, name, old).await;
    }
    made
}

/// Returns the statement that drops what is there.
fn drop_of(old: &Table, relation: &str) -> String {
    let kind = match old.r#type.as_str() {
        "VIEW" => "VIEW",
        "MATERIALIZED_VIEW" => "MATERIALIZED VIEW",
        "EXTERNAL" => "EXTERNAL TABLE",
        "SNAPSHOT" => "SNAPSHOT TABLE",
        _ => "TABLE",
    };
    format!("DROP {kind} IF EXISTS {relation}")
}

/// Makes a view again of what it was, where nothing took its place. It is not interrupted: it mends.
async fn restore(runner: &Runner<'_>, name: &TableName, old: &Table) {
    let project = name.project.as_deref().unwrap_or(&runner.settings.project);
    let mut view = Table::new().set_or_clear_table_reference(old.table_reference.clone());
    view = view.set_or_clear_view(old.view.clone()).set_labels(old.labels.clone());
    view = view.set_or_clear_description(old.description.clone()).set_or_clear_friendly_name(old.friendly_name.clone());
    // What is wrong already is what the caller is told.
    let _: Result<(), Failure> = runner.service.insert_table(project, &name.dataset, &view).await;
}

/// Drops something, where it is there.
async fn drop(runner: &Runner<'_>, sql: &str) -> Result<(), Error> {
    match runner.run(&Work::of(sql, OWN)).await {
        // `IF EXISTS` is about the table; its dataset may be what is missing.
        Err(error) if error.kind == ErrorKind::Missing => Ok(()),
        done => done.map(|_: Done| ()),
    }
}

/// Returns the rows of a query: all, or the first `limit`.
async fn rows_of(runner: &Runner<'_>, sql: &str, node: &str, limit: Option<usize>) -> Result<Rows, Error> {
    let unreadable = |what: &str| Failure::unreadable(what).into_error();
    // One more than is wanted tells whether there are more.
    let wanted = limit.map_or(usize::MAX, |limit| limit.saturating_add(1));
    let size = limit.map(|_| u32::try_from(wanted.min(LONGEST_PAGE)).unwrap_or(u32::MAX));
    let Done { reference, mut page } = runner.run(&Work { rows: size, ..Work::of(sql, node) }).await?;
    let schema = page.schema.take().unwrap_or_default();
    let columns = values::columns(&schema);
    let total = page.total_rows;
    let mut rows: Vec<Vec<Value>> = Vec::new();
    loop {
        for row in &page.rows {
            rows.push(values::row(row, &schema).map_err(|what| unreadable(&what))?);
        }
        if rows.len() >= wanted || page.page_token.is_empty() {
            break;
        }
        let next = Page { token: page.page_token.clone(), rows: size, wait: Duration::ZERO };
        let more = runner.ask(runner.service.more(&reference, &next)).await?;
        if more.rows.is_empty() && more.page_token == next.token {
            return Err(unreadable("a page that is followed by itself"));
        }
        page = more;
    }
    if let Some(total) = total
        && rows.len() < wanted.min(usize::try_from(total).unwrap_or(usize::MAX))
        && !columns.is_empty()
    {
        return Err(unreadable(&format!("{} rows of {total}, and no more pages", rows.len())));
    }
    let truncated = limit.is_some_and(|limit| rows.len() > limit);
    rows.truncate(limit.unwrap_or(usize::MAX));
    Ok(Rows { columns, rows, truncated })
}

/// Makes a table of rows.
async fn load_into(runner: &Runner<'_>, relation: &str, name: Option<&TableName>, rows: &Rows) -> Result<(), Error> {
    if rows.rows.is_empty() {
        let sql = format!("CREATE OR REPLACE TABLE {relation} ({})", load::definition(rows));
        return runner.run(&Work::of(&sql, OWN)).await.map(|_| ());
    }
    let query = load::unpacked(rows);
    let mut chunks = load::chunks(rows).into_iter();
    let first = chunks.next().unwrap_or_default();
    let beside = name.filter(|_| chunks.len() > 0).map(|name| load::beside(name, &random()));
    let Some(beside) = beside else {
        // One statement where it fits, and where there is no name to put a table beside: the service then says why.
        let sql = format!("CREATE OR REPLACE TABLE {relation} AS {query}");
        let work = Work { parameters: vec![load::parameter(first)], ..Work::of(&sql, OWN) };
        return runner.run(&work).await.map(|_| ());
    };
    let written = load::written(&beside);
    let filled = async {
        let options = "OPTIONS(expiration_timestamp = TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 1 DAY))";
        let mut sql = format!("CREATE TABLE {written} {options} AS {query}");
        for chunk in std::iter::once(first).chain(chunks) {
            let work = Work { parameters: vec![load::parameter(chunk)], ..Work::of(&sql, OWN) };
            runner.run(&work).await?;
            sql = format!("INSERT INTO {written} {query}");
        }
        let sql = format!("CREATE OR REPLACE TABLE {relation} AS SELECT * FROM {written}");
        runner.run(&Work::of(&sql, OWN)).await.map(|_| ())
    };
    let filled = filled.await;
    let project = beside.project.as_deref().unwrap_or(&runner.settings.project);
    // It expires by itself otherwise.
    let _: Result<(), Failure> = runner.service.delete_table(project, &beside.dataset, &beside.table).await;
    filled
}
