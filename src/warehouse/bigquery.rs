//! BigQuery.

use crate::warehouse::{Driver, Setting};

/// What a target may say, besides `project` and `schema`, which is the dataset.
const SETTINGS: &[Setting] = &[
    Setting {
        name: "credentials_path",
        about: "the JSON file of a service account or of a workload identity; without it, the application's default",
        secret: false,
    },
    Setting { name: "location", about: "where the dataset lies and its jobs run: `EU`, `us-east1`", secret: false },
    Setting { name: "job_project", about: "the project that pays for jobs, if not that of the tables", secret: false },
    Setting {
        name: "maximum_bytes_billed",
        about: "the bytes that a statement may bill; one that would read more fails and costs nothing",
        secret: false,
    },
    Setting { name: "priority", about: "`interactive`, or `batch`", secret: false },
    Setting { name: "endpoint", about: "where to reach it, if not at Google's address", secret: false },
];

/// The driver.
pub(super) const DRIVER: Driver = Driver { name: "bigquery", settings: Some(SETTINGS), connect: None };
