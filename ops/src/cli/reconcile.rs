//! The options of `tidegate reconcile`.

use chrono::NaiveDate;
use clap::{Args, Subcommand};

use super::Shape;

const EXAMPLES: &str = "\
Examples
  tidegate reconcile                      yesterday
  tidegate reconcile --day 2026-11-27
  tidegate reconcile --due                what the worker would compare by the clock
  tidegate reconcile list                 the days that were compared
  tidegate reconcile show 2026-11-27      one of them, with its items
  tidegate findings list --by-check reconciliation        what differs and is not resolved";

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
pub struct ReconcileOptions {
    /// A day in UTC that has ended [default: the last whose transactions are complete]
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub day: Option<NaiveDate>,
    /// A connected account instead of our own
    #[arg(long, value_name = "ACCOUNT", default_value = "")]
    pub account: String,
    /// Every day that is due by the clock: not compared yet, not settled, or read only in part
    #[arg(long, conflicts_with = "day")]
    pub due: bool,
    /// Do not ask Stripe again for objects that the ledger lacks
    ///
    /// Otherwise they are queued as events, and a worker that runs applies them before the day is judged.
    #[arg(long)]
    pub no_refetch: bool,
    #[command(flatten)]
    pub shape: Shape,
    #[command(subcommand)]
    pub command: Option<ReconcileCommand>,
}

#[derive(Subcommand)]
pub enum ReconcileCommand {
    /// The days that were compared, newest first
    List(Shape),
    /// One day as it was compared last, with its sums, balances, payouts and findings; Stripe is not asked
    Show(ShowDayOptions),
}

#[derive(Args)]
pub struct ShowDayOptions {
    /// The day, in UTC
    #[arg(value_name = "YYYY-MM-DD")]
    pub day: NaiveDate,
    /// A connected account instead of our own
    #[arg(long, value_name = "ACCOUNT", default_value = "")]
    pub account: String,
    /// Test mode instead of live
    #[arg(long)]
    pub test_mode: bool,
    #[command(flatten)]
    pub shape: Shape,
}
