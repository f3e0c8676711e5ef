//! Faults of the network and of services: what a driver makes of them, against a server of ours.

pub(crate) mod server;
#[cfg(feature = "snowflake")]
mod snowflake;
