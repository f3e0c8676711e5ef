//! Statements as jobs: submitted, followed, cancelled.
//!
//! Each execution has a name that we give it, and the service takes one job of a name: a submission whose answer was lost
//! is made again, and `409` says that it had been accepted. A job that ended by a failure of the service is executed
//! again, under a new name: it is over, and a statement happens as a whole or not at all. When it is given up to know
//! what became of a job, it is cancelled, and the error is [`ErrorKind::Gone`], for whoever executed the statement again
//! might do so twice.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use google_cloud_bigquery_v2::model::{
    ConnectionProperty, ErrorProto, GetQueryResultsResponse, Job, JobConfiguration, JobConfigurationQuery,
    JobReference, JobStatistics, QueryParameter,
};
use tokio::select;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use crate::warehouse::backoff::Backoff;
use crate::warehouse::bigquery::failure::Failure;
use crate::warehouse::bigquery::interruption::Running;
use crate::warehouse::bigquery::reasons;
use crate::warehouse::bigquery::region::Region;
use crate::warehouse::bigquery::service::{PATIENCE, Page, Retries, SHORT_PATIENCE, Service};
use crate::warehouse::bigquery::settings::{Settings, label};
use crate::warehouse::{Error, ErrorKind, Executed};

/// How often a statement is executed whose jobs end by failures of the service.
const EXECUTIONS: u32 = 3;

/// The longest wait between two of them.
const LONGEST_WAIT: Duration = Duration::from_secs(8);

/// How long the service is asked to wait for the end of a job before it answers.
const POLL: Duration = Duration::from_secs(10);

/// The same while a job is being cancelled.
const SHORT_POLL: Duration = Duration::from_millis(200);

/// The least time between two questions: the service may answer before it was asked to.
const PAUSE: Duration = Duration::from_millis(50);

/// How long a submission may still be answered when its statement is given up, so that there is something to cancel.
const ON_ITS_WAY: Duration = Duration::from_secs(1);

/// How long a job that was cancelled is waited for.
const STOPPING: Duration = Duration::from_secs(10);

/// A statement to execute.
#[derive(Clone, Debug)]
pub(super) struct Work<'text> {
    pub(super) sql: &'text str,
    /// What it is for: a label of the job.
    pub(super) node: &'text str,
    pub(super) parameters: Vec<QueryParameter>,
    /// How many rows of the answer are wanted with its first page.
    pub(super) rows: Option<u32>,
}

impl<'text> Work<'text> {
    /// A statement of which no rows are wanted.
    pub(super) fn of(sql: &'text str, node: &'text str) -> Self {
        Self { sql, node, parameters: Vec::new(), rows: Some(0) }
    }
}

/// A job that ended well, and the first page of its answer.
pub(super) struct Done {
    pub(super) reference: JobReference,
    pub(super) page: GetQueryResultsResponse,
}

/// Why a statement is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    Interrupted,
    TimedOut,
}

/// Why an execution did not end well.
enum End {
    /// The job is over, and failed.
    Failed(ErrorProto),
    /// Anything else.
    Lost(Error),
}

/// What became of one question about a job.
enum Step {
    Done(Box<GetQueryResultsResponse>),
    Running,
}

/// Executes the statements of one call to a session: all end together when it is interrupted, or takes too long.
pub(super) struct Runner<'session> {
    pub(super) service: &'session Service,
    pub(super) settings: &'session Settings,
    /// Where jobs run.
    pub(super) region: &'session Region,
    running: Running<'session>,
    deadline: Option<Instant>,
}

impl<'session> Runner<'session> {
    pub(super) fn new(
        service: &'session Service,
        settings: &'session Settings,
        region: &'session Region,
        running: Running<'session>,
    ) -> Self {
        let deadline = settings.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        Self { service, settings, region, running, deadline }
    }

    /// Names a job, in the place where it runs: outside of the service's own, it is found by both only.
    async fn reference(&self) -> Result<JobReference, Error> {
        let reference = JobReference::new().set_project_id(&self.settings.job_project).set_job_id(job_id());
        let location = self.ask(self.region.location(self.service, self.settings)).await?;
        Ok(match location {
            Some(location) => reference.set_location(location),
            None => reference,
        })
    }

    /// Ends when the call is given up.
    async fn stopped(&self) -> Stop {
        let timed_out = async {
            match self.deadline {
                Some(deadline) => sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        select! {
            () = self.running.interrupted() => Stop::Interrupted,
            () = timed_out => Stop::TimedOut,
        }
    }

    /// Says why the call was given up, and what became of a job.
    fn error_of(&self, stop: Stop, job: &str) -> Error {
        match stop {
            Stop::Interrupted => Error::new(ErrorKind::Cancelled, format!("interrupted{job}")),
            Stop::TimedOut => {
                let timeout = self.settings.timeout.unwrap_or_default();
                Error::new(ErrorKind::Timeout, format!("it took longer than {timeout:?}{job}"))
            }
        }
    }

    /// Makes a request that leaves nothing behind when it is given up.
    pub(super) async fn ask<T>(&self, request: impl Future<Output = Result<T, Failure>>) -> Result<T, Error> {
        select! {
            biased;
            stop = self.stopped() => Err(self.error_of(stop, "")),
            answer = Box::pin(request) => answer.map_err(Failure::into_error),
        }
    }

    /// Executes a statement, and waits for its end.
    pub(super) async fn run(&self, work: &Work<'_>) -> Result<Done, Error> {
        let mut executions = 0;
        loop {
            executions += 1;
            self.refuse_late().await?;
            let reference = self.reference().await?;
            match Box::pin(self.execute(work, &reference)).await {
                Ok(done) => return Ok(done),
                Err(End::Failed(error)) if reasons::is_of_the_service(&error.reason) && executions < EXECUTIONS => {
                    let wait = Backoff::new(LONGEST_WAIT).wait(executions, None);
                    self.ask(async {
                        sleep(wait).await;
                        Ok(())
                    })
                    .await?;
                }
                Err(End::Failed(error)) => return Err(error_of(&error).of_query(reference.job_id)),
                Err(End::Lost(error)) => return Err(error),
            }
        }
    }

    /// Refuses to begin what was given up before.
    async fn refuse_late(&self) -> Result<(), Error> {
        match timeout(Duration::ZERO, self.stopped()).await {
            Ok(stop) => Err(self.error_of(stop, " before it began")),
            Err(_) => Ok(()),
        }
    }

    /// Executes a statement once, as the job that `reference` names.
    async fn execute(&self, work: &Work<'_>, reference: &JobReference) -> Result<Done, End> {
        let project = &self.settings.job_project;
        let mut reference = reference.clone();
        let job = self.job_of(work, reference.clone(), false);
        let (mut submission, mut stop) = (Box::pin(self.service.submit(project, &job)), None);
        let answer = select! {
            answer = &mut submission => Some(answer),
            why = self.stopped() => {
                stop = Some(why);
                timeout(ON_ITS_WAY, &mut submission).await.ok()
            }
        };
        match answer {
            Some(Ok(job)) => {
                if let Some(location) = job.job_reference.and_then(|reference| reference.location) {
                    reference = reference.set_location(location);
                }
                let is_over = |status: &&google_cloud_bigquery_v2::model::JobStatus| status.state == "DONE";
                if let Some(error) = job.status.as_ref().filter(is_over).and_then(|status| status.error_result.clone())
                {
                    return Err(End::Failed(error));
                }
            }
            // It had been accepted before, by an attempt whose answer was lost.
            Some(Err(failure)) if failure.status == Some(409) => {}
            Some(Err(failure)) if failure.is_uncertain => return Err(self.abandon(&reference, failure).await),
            Some(Err(failure)) => {
                return Err(End::Lost(stop.map_or_else(|| failure.into_error(), |stop| self.error_of(stop, ""))));
            }
            None => {}
        }
        Box::pin(self.follow(reference, work, stop)).await
    }

    /// Waits for the end of a job that was accepted, or cancels it and waits for that.
    async fn follow(&self, reference: JobReference, work: &Work<'_>, stop: Option<Stop>) -> Result<Done, End> {
        let mut retries = Retries::new(PATIENCE);
        let mut page = Page { rows: work.rows, wait: POLL, ..Page::default() };
        let mut stop = stop;
        while stop.is_none() {
            select! {
                outcome = Box::pin(self.step(&reference, &page, &mut retries)) => match outcome? {
                    Step::Done(page) => return Ok(Done { reference, page: *page }),
                    Step::Running => {}
                },
                why = self.stopped() => stop = Some(why),
            }
        }
        let stop = stop.expect("the loop ends by one");
        let job = &reference.job_id;
        let end = Instant::now() + STOPPING;
        let asked = self.cancel(&reference).await;
        page.wait = SHORT_POLL;
        let mut retries = Retries::new(STOPPING);
        loop {
            match timeout_at(end, Box::pin(self.step(&reference, &page, &mut retries))).await {
                // It ended before it was cancelled: what it did is done.
                Ok(Ok(Step::Done(page))) => return Ok(Done { reference, page: *page }),
                Ok(Ok(Step::Running)) => {}
                Ok(Err(End::Failed(error))) if reasons::kind_of(&error) != ErrorKind::Cancelled => {
                    return Err(End::Failed(error));
                }
                Ok(Err(End::Failed(_))) => {
                    let told = self.error_of(stop, &format!("; job {job} was cancelled"));
                    return Err(End::Lost(told.of_query(job)));
                }
                Ok(Err(End::Lost(_))) | Err(_) => {
                    let became = match asked {
                        Ok(()) => format!("; job {job} is asked to end, and had not after {} s", STOPPING.as_secs()),
                        // It never came to be.
                        Err(failure) if failure.status == Some(404) => return Err(End::Lost(self.error_of(stop, ""))),
                        Err(failure) => format!("; job {job} could not be cancelled: {}", failure.message),
                    };
                    return Err(End::Lost(self.error_of(stop, &became).of_query(job)));
                }
            }
        }
    }

    /// Asks once what became of a job, and waits for as long as there is to wait before the next question.
    async fn step(&self, reference: &JobReference, page: &Page, retries: &mut Retries) -> Result<Step, End> {
        let asked = Instant::now();
        let failure = match self.service.results(reference, page).await {
            Ok(answer) => match answer.job_complete {
                Some(true) => return Ok(Step::Done(Box::new(answer))),
                Some(false) => {
                    *retries = Retries::new(PATIENCE);
                    sleep_until(asked + PAUSE).await;
                    return Ok(Step::Running);
                }
                None => Failure::unreadable("whether the job is complete is not in it"),
            },
            Err(failure) => failure,
        };
        // A failed job's results fail as the job did: only the job tells one from the other.
        let job = match self.service.job(reference, PATIENCE).await {
            Ok(job) => job,
            Err(failure) => return Err(self.abandon(reference, failure).await),
        };
        let status = job.status.unwrap_or_default();
        let is_over = status.state == "DONE";
        if is_over && let Some(error) = status.error_result {
            return Err(End::Failed(error));
        }
        if is_over && !failure.is_passing {
            return Err(End::Lost(failure.into_error().of_query(&reference.job_id)));
        }
        // Of a job that runs, a failure to tell so passes.
        match retries.after(Failure { is_passing: true, ..failure }).await {
            Ok(()) => Ok(Step::Running),
            Err(failure) => Err(self.abandon(reference, failure).await),
        }
    }

    /// Cancels a job; one that is not there may be on its way.
    async fn cancel(&self, reference: &JobReference) -> Result<(), Failure> {
        let mut retries = Retries::new(SHORT_PATIENCE);
        loop {
            match self.service.cancel(reference).await {
                Err(failure) if failure.status == Some(404) => {
                    retries.after(Failure { is_passing: true, ..failure }).await?;
                }
                answer => return answer,
            }
        }
    }

    /// Gives up to know what becomes of a job, and cancels it where it is there.
    async fn abandon(&self, reference: &JobReference, failure: Failure) -> End {
        let job = &reference.job_id;
        match self.service.cancel(reference).await {
            // It never came to be, so that nothing happens twice.
            Err(absent) if absent.status == Some(404) => End::Lost(failure.into_error()),
            Ok(()) | Err(_) => {
                let message = format!("BigQuery: what became of job {job} is not known: {}", failure.message);
                End::Lost(Error::new(ErrorKind::Gone, message).of_query(job))
            }
        }
    }

    /// Returns what a statement would do, without executing it.
    pub(super) async fn dry_run(&self, sql: &str, node: &str) -> Result<JobStatistics, Error> {
        // It executes nothing, and needs no name.
        let reference = self.reference().await?.set_job_id("");
        let job = Box::new(self.job_of(&Work::of(sql, node), reference, true));
        let job = self.ask(self.service.submit(&self.settings.job_project, &job)).await?;
        match job.status.and_then(|status| status.error_result) {
            Some(error) => Err(error_of(&error)),
            None => Ok(job.statistics.unwrap_or_default()),
        }
    }

    fn job_of(&self, work: &Work<'_>, reference: JobReference, is_dry: bool) -> Job {
        let settings = self.settings;
        let property = |key: &str, value: &str| ConnectionProperty::new().set_key(key).set_value(value);
        // A project may have another default zone.
        let mut properties = vec![property("time_zone", "UTC")];
        if settings.project != settings.job_project {
            properties.push(property("dataset_project_id", &settings.project));
        }
        let mut query = JobConfigurationQuery::new()
            .set_query(work.sql)
            .set_use_legacy_sql(false)
            .set_priority(if settings.is_batch { "BATCH" } else { "INTERACTIVE" })
            .set_connection_properties(properties);
        if !work.parameters.is_empty() {
            query = query.set_parameter_mode("NAMED").set_query_parameters(work.parameters.clone());
        }
        let labels = settings.labels.iter().cloned().chain([("node".to_owned(), label(work.node))]);
        let mut configuration = JobConfiguration::new().set_labels(labels).set_dry_run(is_dry);
        if !is_dry {
            query = query.set_or_clear_maximum_bytes_billed(settings.maximum_bytes_billed);
            let left = self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()).as_millis());
            let left = left.map(|left| i64::try_from(left.max(1)).unwrap_or(i64::MAX));
            configuration = configuration.set_or_clear_job_timeout_ms(left);
        }
        Job::new().set_job_reference(reference).set_configuration(configuration.set_query(query))
    }

    /// Returns what a job did. Nothing that happens here makes it undone, so that what cannot be known is left out.
    pub(super) async fn executed(&self, done: &Done) -> Executed {
        let count = |count: Option<i64>| count.and_then(|count| u64::try_from(count).ok());
        let mut executed = Executed {
            rows_affected: count(done.page.num_dml_affected_rows),
            query_id: Some(done.reference.job_id.clone()),
            bytes_processed: count(done.page.total_bytes_processed),
            bytes_billed: None,
        };
        if executed.rows_affected.is_some() {
            return executed;
        }
        let job = self.service.job(&done.reference, SHORT_PATIENCE).await.ok();
        let query = job.and_then(|job| job.statistics).and_then(|statistics| statistics.query);
        let Some(query) = query else { return executed };
        executed.bytes_billed = count(query.total_bytes_billed);
        if let Some(table) = query.ddl_target_table.filter(|_| query.statement_type == "CREATE_TABLE_AS_SELECT") {
            let made =
                timeout(SHORT_PATIENCE, self.service.table(&table.project_id, &table.dataset_id, &table.table_id));
            executed.rows_affected = made.await.ok().and_then(Result::ok).and_then(|table| table.num_rows);
        }
        executed
    }
}

/// Returns a job's failure as what the caller is told.
fn error_of(error: &ErrorProto) -> Error {
    let message = if error.message.is_empty() { &error.reason } else { &error.message };
    Error::new(reasons::kind_of(error), message)
}

/// Returns a name that no job has had: each state is seeded anew, from the system's randomness.
fn job_id() -> String {
    format!("milepost_{}", random())
}

/// Returns 32 random hexadecimal digits.
pub(super) fn random() -> String {
    let part = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", part(), part())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn no_two_jobs_have_one_name() {
        let names: BTreeSet<String> = (0..10_000).map(|_| super::job_id()).collect();
        assert_eq!(names.len(), 10_000);
        assert!(names.iter().all(|name| name.len() == "milepost_".len() + 32));
    }
}
