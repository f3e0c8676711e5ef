//! Snowflake, over its own protocol: `login` (settings), `service` (logging in), `statement` (one at a time, submitted once), `pickup`
//! (what outlived its session), `session` (the promises of a warehouse), `load` (rows as statements), `values` (what comes back), `errors`.

use crate::warehouse::{Driver, Setting};

#[cfg(feature = "snowflake")]
mod errors;
#[cfg(feature = "snowflake")]
mod load;
#[cfg(feature = "snowflake")]
mod login;
#[cfg(feature = "snowflake")]
mod pickup;
#[cfg(feature = "snowflake")]
mod service;
#[cfg(feature = "snowflake")]
mod session;
#[cfg(feature = "snowflake")]
mod statement;
#[cfg(feature = "snowflake")]
mod text;
#[cfg(feature = "snowflake")]
mod values;

/// What a target may say, besides `database` and `schema`.
const SETTINGS: &[Setting] = &[
    Setting { name: "account", about: "the account's identifier: `organization-account`", secret: false },
    Setting { name: "user", about: "the user's login name", secret: false },
    Setting { name: "password", about: "the user's password", secret: true },
    Setting { name: "passcode", about: "the code of the second factor, beside a password", secret: true },
    Setting { name: "private_key_path", about: "the file of a private key (PKCS8, PEM)", secret: false },
    Setting { name: "private_key", about: "the private key itself (PKCS8, PEM)", secret: true },
    Setting { name: "private_key_passphrase", about: "what an encrypted private key opens with", secret: true },
    Setting { name: "token", about: "an OAuth token", secret: true },
    Setting { name: "token_path", about: "a file with an OAuth token, read at each login", secret: false },
    Setting { name: "role", about: "the role to take", secret: false },
    Setting { name: "warehouse", about: "the warehouse to run on", secret: false },
    Setting { name: "endpoint", about: "where to reach it, if not at the account's own address", secret: false },
];

/// The driver.
pub(super) const DRIVER: Driver = Driver {
    name: "snowflake",
    settings: Some(SETTINGS),
    #[cfg(feature = "snowflake")]
    connect: Some(session::connect),
    #[cfg(not(feature = "snowflake"))]
    connect: None,
};
