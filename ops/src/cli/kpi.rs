//! The options of `tidegate kpi`.

use clap::{Args, ValueEnum};
use desk::views::kpi::Step;

use super::Shape;

const EXAMPLES: &str = "\
Examples
  tidegate kpi                       the last 24 hours
  tidegate kpi --hours 1             is money flowing now
  tidegate kpi --hours 720 --by day  a month, day by day
  tidegate kpi --test-mode --json | jq .success_rate";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct KpiOptions {
    /// So many hours that end now
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(i64).range(1..=8_784))]
    pub hours: i64,
    /// Also each hour or day of them, by the clock in UTC
    #[arg(long, value_enum)]
    pub by: Option<By>,
    /// Only of this connected account; '' is your own
    #[arg(long, value_name = "ACCOUNT")]
    pub account: Option<String>,
    /// Test mode instead of live
    #[arg(long)]
    pub test_mode: bool,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum By {
    Hour,
    Day,
}

impl KpiOptions {
    pub fn step(&self) -> Step {
        match self.by {
            None => Step::Whole,
            Some(By::Hour) => Step::Hour,
            Some(By::Day) => Step::Day,
        }
    }
}
