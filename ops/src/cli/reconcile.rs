//! The options of `tidegate reconcile`.

use chrono::NaiveDate;
use clap::{Args, Subcommand};

use super::{ByOptions, Shape};

const EXAMPLES: &str = "\
Examples
  tidegate reconcile                      yesterday
  tidegate reconcile --day 2026-11-27
  tidegate reconcile list                 the days that were compared
  tidegate reconcile findings             what differs and is not resolved
  tidegate reconcile acknowledge 2026-11-27/amount_differs/ch_1 --note 'bank fee, see ticket 12'";

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
pub struct ReconcileOptions {
    /// A day in UTC that has ended [default: the last whose transactions are complete]
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub day: Option<NaiveDate>,
    /// A connected account instead of our own
    #[arg(long, value_name = "ACCOUNT", default_value = "")]
    pub account: String,
    #[command(flatten)]
    pub shape: Shape,
    #[command(subcommand)]
    pub command: Option<ReconcileCommand>,
}

#[derive(Subcommand)]
pub enum ReconcileCommand {
    /// The days that were compared, newest first
    List(Shape),
    /// What differs
    Findings(FindingsOptions),
    /// Say why a difference is known; it stays in sight until it is gone
    Acknowledge(AcknowledgeOptions),
}

#[derive(Args)]
pub struct FindingsOptions {
    /// Also what no longer differs
    #[arg(long)]
    pub all: bool,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
pub struct AcknowledgeOptions {
    /// The finding, as `reconcile findings` names it
    #[arg(value_name = "FINDING")]
    pub id: String,
    /// Why it is known
    #[arg(long, value_name = "TEXT")]
    pub note: String,
    #[command(flatten)]
    pub by: ByOptions,
}
