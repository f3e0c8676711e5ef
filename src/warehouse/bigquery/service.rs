//! Requests to the service, each made again for a while when it fails for a moment.
//!
//! The client's own retries are switched off, so that these are all. A request is made again after: no connection, a lost
//! connection, no answer within [`REQUEST`], the statuses 408, 429 and 5xx, and the reasons that name a failure of the
//! service. The waits double from 0.2 s to 8 s, half of each at random, and are not shorter than `Retry-After`; it ends
//! when [`PATIENCE`] is over, or would be before the next. An answer that cannot be read is asked for three times.
//!
//! So a request may be made twice, and each that is made here may be: those that read, those that cancel, and jobs,
//! which have a name of our own, under which the service takes one only.

use std::collections::HashMap;
use std::time::Duration;

use google_cloud_auth::credentials::{AccessTokenCredentials, Credentials};
use google_cloud_bigquery_v2::client::{DatasetService, JobService, TableService};
use google_cloud_bigquery_v2::model::{
    DataFormatOptions, Dataset, DatasetReference, GetQueryResultsResponse, Job, JobReference, ListFormatTable, Table,
};
use google_cloud_gax::retry_policy::NeverRetry;
use tokio::time::Instant;

use crate::warehouse::backoff::Backoff;
use crate::warehouse::bigquery::credentials::Found;
use crate::warehouse::bigquery::failure::Failure;
use crate::warehouse::bigquery::settings::Settings;
use crate::warehouse::secrets::Secrets;
use crate::warehouse::{Error, ErrorKind};

/// How long an answer may take.
const REQUEST: Duration = Duration::from_mins(1);

/// How long a request is made again, from the first on.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// The same for what nobody waits for gladly: a job's cancellation, and facts about a job that has ended.
pub(super) const SHORT_PATIENCE: Duration = Duration::from_secs(4);

/// The longest wait that the service did not ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(8);

/// How often an answer that cannot be read is asked for.
const READINGS: u32 = 3;

type Answer<T> = Result<T, google_cloud_gax::error::Error>;

/// The service.
pub(super) struct Service {
    jobs: JobService,
    tables: TableService,
    datasets: DatasetService,
    secrets: Secrets,
    tokens: Option<AccessTokenCredentials>,
}

/// Which of an answer's rows are wanted.
#[derive(Clone, Debug, Default)]
pub(super) struct Page {
    /// Where to go on; empty for the beginning.
    pub(super) token: String,
    /// How many rows at most; none for as many as fit.
    pub(super) rows: Option<u32>,
    /// How long the service may wait for the job to end.
    pub(super) wait: Duration,
}

impl Service {
    /// Makes the clients; makes no request.
    pub(super) async fn new(settings: &Settings, found: &Found) -> Result<Self, Error> {
        // The message of what went wrong may be an address, which has been looked at before.
        let failed = |_| {
            let message = format!("target `{}`: the setting `endpoint` is no address", settings.target);
            Error::new(ErrorKind::UserSql, message)
        };
        macro_rules! client {
            ($service:ident) => {{
                let credentials: Credentials = found.credentials.clone();
                let builder = $service::builder().with_credentials(credentials).with_retry_policy(NeverRetry);
                match &settings.endpoint {
                    Some(endpoint) => builder.with_endpoint(endpoint.clone()),
                    None => builder,
                }
                .build()
                .await
                .map_err(failed)?
            }};
        }
        Ok(Self {
            jobs: client!(JobService),
            tables: client!(TableService),
            datasets: client!(DatasetService),
            secrets: found.secrets.clone(),
            tokens: found.tokens.clone(),
        })
    }

    /// Returns a text without the secrets of the connection, the token of the hour among them.
    pub(super) async fn redact(&self, text: &str) -> String {
        let mut secrets = self.secrets.clone();
        if let Some(tokens) = &self.tokens {
            // One that was sent is known, and is here at once.
            if let Ok(Ok(token)) = tokio::time::timeout(Duration::ZERO, tokens.access_token()).await {
                secrets.add(&token.token);
            }
        }
        secrets.redact(text)
    }

    /// Submits a job. A failure is uncertain where one of the attempts may have been accepted.
    pub(super) async fn submit(&self, project: &str, job: &Job) -> Result<Job, Failure> {
        ask(PATIENCE, || self.jobs.insert_job().set_project_id(project).set_job(job.clone()).send()).await
    }

    /// Asks once for the rows of a job, which may still run.
    pub(super) async fn results(&self, job: &JobReference, page: &Page) -> Result<GetQueryResultsResponse, Failure> {
        once(REQUEST + page.wait, Box::pin(self.results_of(job, page))).await
    }

    /// Asks for more rows of a job that has ended.
    pub(super) async fn more(&self, job: &JobReference, page: &Page) -> Result<GetQueryResultsResponse, Failure> {
        ask(PATIENCE, || self.results_of(job, page)).await
    }

    async fn results_of(&self, job: &JobReference, page: &Page) -> Answer<GetQueryResultsResponse> {
        self.jobs
            .get_query_results()
            .set_project_id(&job.project_id)
            .set_job_id(&job.job_id)
            .set_location(job.location.clone().unwrap_or_default())
            .set_page_token(&page.token)
            .set_or_clear_max_results(page.rows)
            .set_timeout_ms(u32::try_from(page.wait.as_millis()).unwrap_or(u32::MAX))
            .set_format_options(DataFormatOptions::new().set_use_int64_timestamp(true))
            .send()
            .await
    }

    /// Returns what became of a job.
    pub(super) async fn job(&self, job: &JobReference, patience: Duration) -> Result<Job, Failure> {
        ask(patience, || {
            let request = self.jobs.get_job().set_project_id(&job.project_id).set_job_id(&job.job_id);
            request.set_location(job.location.clone().unwrap_or_default()).send()
        })
        .await
    }

    /// Asks for a job to be cancelled, which it may be some time later.
    pub(super) async fn cancel(&self, job: &JobReference) -> Result<(), Failure> {
        ask(SHORT_PATIENCE, || {
            let request = self.jobs.cancel_job().set_project_id(&job.project_id).set_job_id(&job.job_id);
            request.set_location(job.location.clone().unwrap_or_default()).send()
        })
        .await
        .map(drop)
    }

    /// Returns a table or a view.
    pub(super) async fn table(&self, project: &str, dataset: &str, table: &str) -> Result<Table, Failure> {
        ask(PATIENCE, || {
            self.tables.get_table().set_project_id(project).set_dataset_id(dataset).set_table_id(table).send()
        })
        .await
    }

    /// Makes a table or a view of what one was.
    pub(super) async fn insert_table(&self, project: &str, dataset: &str, table: &Table) -> Result<(), Failure> {
        ask(PATIENCE, || {
            let request = self.tables.insert_table().set_project_id(project).set_dataset_id(dataset);
            request.set_table(table.clone()).send()
        })
        .await
        .map(drop)
    }

    /// Drops a table or a view by its name, whatever it is.
    pub(super) async fn delete_table(&self, project: &str, dataset: &str, table: &str) -> Result<(), Failure> {
        let deleted = ask(SHORT_PATIENCE, || {
            self.tables.delete_table().set_project_id(project).set_dataset_id(dataset).set_table_id(table).send()
        })
        .await;
        match deleted {
            Err(failure) if failure.status == Some(404) => Ok(()),
            deleted => deleted,
        }
    }

    /// Returns the names of a dataset's tables and views.
    pub(super) async fn tables(&self, project: &str, dataset: &str) -> Result<Vec<String>, Failure> {
        Ok(self.listed(project, dataset).await?.into_iter().map(|(name, _)| name).collect())
    }

    /// Returns the names of a dataset's tables and views, with their labels.
    pub(super) async fn listed(
        &self,
        project: &str,
        dataset: &str,
    ) -> Result<Vec<(String, HashMap<String, String>)>, Failure> {
        let mut names = Vec::new();
        let mut token = String::new();
        loop {
            let page = ask(PATIENCE, || {
                let request = self.tables.list_tables().set_project_id(project).set_dataset_id(dataset);
                request.set_max_results(1000_u32).set_page_token(&token).send()
            })
            .await?;
            let with_labels = |table: ListFormatTable| Some((table.table_reference?.table_id, table.labels));
            names.extend(page.tables.into_iter().filter_map(with_labels));
            // The same token again would go round in circles.
            if page.next_page_token.is_empty() || page.next_page_token == token {
                return Ok(names);
            }
            token = page.next_page_token;
        }
    }

    /// Returns the names of a project's datasets.
    pub(super) async fn datasets(&self, project: &str) -> Result<Vec<String>, Failure> {
        let mut names = Vec::new();
        let mut token = String::new();
        loop {
            let page = ask(PATIENCE, || {
                let request = self.datasets.list_datasets().set_project_id(project);
                request.set_max_results(1000_u32).set_page_token(&token).send()
            })
            .await?;
            names.extend(page.datasets.into_iter().filter_map(|dataset| Some(dataset.dataset_reference?.dataset_id)));
            if page.next_page_token.is_empty() || page.next_page_token == token {
                return Ok(names);
            }
            token = page.next_page_token;
        }
    }

    /// Returns a dataset.
    pub(super) async fn dataset(&self, project: &str, dataset: &str) -> Result<Dataset, Failure> {
        ask(PATIENCE, || self.datasets.get_dataset().set_project_id(project).set_dataset_id(dataset).send()).await
    }

    /// Makes a dataset where there is none, and returns where it lies; empty where that is not known.
    pub(super) async fn make_dataset(&self, project: &str, dataset: &str, location: &str) -> Result<String, Failure> {
        match self.dataset(project, dataset).await {
            Err(failure) if failure.status == Some(404) => {}
            Ok(found) => return Ok(found.location),
            Err(failure) => return Err(failure),
        }
        let reference = DatasetReference::new().set_project_id(project).set_dataset_id(dataset);
        let made = Dataset::new().set_dataset_reference(reference).set_location(location);
        let made =
            ask(PATIENCE, || self.datasets.insert_dataset().set_project_id(project).set_dataset(made.clone()).send())
                .await;
        match made {
            // Made by somebody else meanwhile, or by a request of ours whose answer was lost.
            Err(failure) if failure.status == Some(409) => Ok(String::new()),
            made => made.map(|made| made.location),
        }
    }
}

/// Makes a request once.
async fn once<T>(limit: Duration, request: impl Future<Output = Answer<T>>) -> Result<T, Failure> {
    // On the heap, as are those of `job`: the client's are large, and would fill the stack of whoever calls.
    match tokio::time::timeout(limit, Box::pin(request)).await {
        Ok(answer) => answer.map_err(|error| Failure::of(&error)),
        Err(_) => Err(Failure::silence(limit)),
    }
}

/// Makes a request until it succeeds, fails for good, or `patience` is over.
async fn ask<T, F: Future<Output = Answer<T>>>(patience: Duration, request: impl Fn() -> F) -> Result<T, Failure> {
    let mut retries = Retries::new(patience);
    loop {
        // On the heap, as are those of `job`: the client's are large, and would fill the stack of whoever calls.
        match once(REQUEST, Box::pin(request())).await {
            Ok(answer) => return Ok(answer),
            Err(failure) => retries.after(failure).await?,
        }
    }
}

/// The attempts at one thing: how many there were, since when, and what is not known of them.
pub(super) struct Retries {
    patience: Duration,
    since: Instant,
    failures: u32,
    unreadable: u32,
    is_uncertain: bool,
}

impl Retries {
    pub(super) fn new(patience: Duration) -> Self {
        Self { patience, since: Instant::now(), failures: 0, unreadable: 0, is_uncertain: false }
    }

    /// Waits for as long as there is to wait after a failure; returns it where the next attempt is not to be made.
    pub(super) async fn after(&mut self, failure: Failure) -> Result<(), Failure> {
        let wait = self.wait(failure, self.since.elapsed())?;
        tokio::time::sleep(wait).await;
        Ok(())
    }

    /// Returns how long to wait after a failure that comes when `spent` is over of the patience.
    fn wait(&mut self, failure: Failure, spent: Duration) -> Result<Duration, Failure> {
        self.failures += 1;
        self.unreadable += u32::from(failure.is_unreadable);
        self.is_uncertain |= failure.is_uncertain;
        let wait = Backoff::new(LONGEST_WAIT).wait(self.failures, failure.retry_after);
        let is_over = spent + wait > self.patience || self.unreadable >= READINGS;
        if !failure.is_passing || is_over {
            return Err(Failure { is_uncertain: self.is_uncertain, ..failure });
        }
        Ok(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the waits after failures of one kind, which take no time, until nothing is tried any more.
    fn waits(failure: &Failure) -> Vec<Duration> {
        let (mut retries, mut waits) = (Retries::new(PATIENCE), Vec::new());
        while let Ok(wait) = retries.wait(failure.clone(), waits.iter().sum()) {
            waits.push(wait);
        }
        waits
    }

    #[test]
    fn patience_ends() {
        let silence = Failure::silence(Duration::ZERO);
        let all = waits(&silence);
        assert!(all.len() > 5 && all.iter().sum::<Duration>() <= PATIENCE, "{all:?}");
        assert_eq!(waits(&Failure::unreadable("it")).len(), 2);
        assert!(waits(&Failure { is_passing: false, ..silence.clone() }).is_empty());
        // What the service says to wait is waited for, and not begun where that is longer than anybody waits.
        let busy = |seconds| Failure { retry_after: Some(Duration::from_secs(seconds)), ..silence.clone() };
        assert_eq!(waits(&busy(14)), [Duration::from_secs(14); 2]);
        assert!(waits(&busy(3600)).is_empty());
    }
}
