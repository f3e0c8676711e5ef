//! BigQuery, through Google's own client of its REST service.
//!
//! Each statement is a job with a name that this program gives it, so that a request whose answer was lost is made again
//! without executing anything twice; `bigquery/job.rs` says how, and `bigquery/service.rs` what is tried again and for how
//! long. Jobs carry the target's labels and the name of the node, read times without a zone as UTC, and end when the
//! target's `statement_timeout` is over: the service is told so, and cancelled by us where it does not heed it.
//!
//! There is no transaction around DDL. A statement by itself is whole or nothing: `CREATE OR REPLACE TABLE … AS` leaves
//! the old table as it was when it fails, and swaps it in one step when it does not. To put a table in the place of a view,
//! or a view in that of a table, takes two statements, a `DROP` and then the other. Who reads between the two finds
//! nothing; where the second fails, a view is made again of its definition, without the rights that were granted on it;
//! and where this process dies in between, the name stays empty until the next run, which makes it.
//!
//! The project of names that have none is the target's `project`, also where `job_project` is another: then `project` must
//! be said, for the names in a view are read by the project that makes it.

#[cfg(feature = "bigquery")]
mod credentials;
#[cfg(feature = "bigquery")]
mod failure;
#[cfg(feature = "bigquery")]
mod interruption;
#[cfg(feature = "bigquery")]
mod job;
#[cfg(feature = "bigquery")]
mod load;
#[cfg(feature = "bigquery")]
mod names;
#[cfg(feature = "bigquery")]
mod reasons;
#[cfg(feature = "bigquery")]
mod region;
#[cfg(feature = "bigquery")]
mod service;
#[cfg(feature = "bigquery")]
mod session;
#[cfg(feature = "bigquery")]
mod settings;
#[cfg(feature = "bigquery")]
mod values;

use crate::warehouse::{Driver, Error, Setting, Target, Warehouse};

/// What a target may say, besides `project` and `schema`, which is the dataset.
const SETTINGS: &[Setting] = &[
    Setting {
        name: "credentials_path",
        about: "the JSON file of a service account, a user or a workload identity; without it, the application's default",
        secret: false,
    },
    Setting {
        name: "location",
        about: "where the dataset lies and its jobs run: `EU`, `us-east1`; without it, the dataset is asked",
        secret: false,
    },
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
pub(super) const DRIVER: Driver = Driver { name: "bigquery", settings: Some(SETTINGS), connect: CONNECT };

type Connect = fn(&Target) -> Result<Box<dyn Warehouse>, Error>;

/// Connects, where the driver is part of this build.
const CONNECT: Option<Connect> = {
    #[cfg(feature = "bigquery")]
    {
        Some(|target| Ok(Box::new(session::BigQuery::open(target)?)))
    }
    #[cfg(not(feature = "bigquery"))]
    None
};
