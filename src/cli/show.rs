//! `milepost show`: prints the rows that a definition made.

use crate::cli::outcome::{Exit, Failure};
use crate::cli::terminal::Cx;

/// Print the rows of a definition, or draw a KPI over its periods
///
/// Reads what the last run made. A period with members whose window is still open is drawn light.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    milepost show activation_rate\n  \
    milepost show activation_rate --chart\n  \
    milepost show milestone.activated --limit 20 --output csv")]
pub struct Args {
    /// The definition: `activation_rate`, or `kpi.activation_rate` where two kinds share a name
    #[arg(value_name = "NAME")]
    pub name: String,

    /// How many rows at most; 0 is all of them
    #[arg(long, env = "MILEPOST_LIMIT", hide_env_values = true, value_name = "NUMBER", default_value_t = 100)]
    pub limit: usize,

    /// Draw bars in place of a table: KPIs only
    #[arg(
        long,
        env = "MILEPOST_CHART",
        hide_env_values = true,
        value_parser = clap::builder::BoolishValueParser::new(),
        action = clap::ArgAction::SetTrue
    )]
    pub chart: bool,
}

/// Runs the command.
pub fn run(_args: &Args, _cx: &Cx) -> Result<Exit, Failure> {
    Err(Failure::new("show"))
}
