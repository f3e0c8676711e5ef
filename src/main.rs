//! The `milepost` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    milepost::cli::run(std::env::args_os())
}
