//! Faults of the network and of services: what a driver makes of them, against a server of ours.

#[cfg(feature = "bigquery")]
mod bigquery;
#[cfg(feature = "bigquery")]
mod bigquery_answers;
#[cfg(feature = "bigquery")]
mod bigquery_in_place;
#[cfg(feature = "bigquery")]
mod bigquery_rules;
#[cfg(any(feature = "bigquery", feature = "snowflake"))]
mod rules;
#[cfg(any(feature = "bigquery", feature = "snowflake"))]
pub(crate) mod server;
#[cfg(feature = "snowflake")]
mod snowflake;
