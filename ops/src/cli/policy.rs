//! The options of `tidegate policy`.

use clap::{Args, Subcommand};

use super::{ByOptions, Shape};

#[derive(Subcommand)]
pub enum PolicyCommand {
    /// List every policy: its value, its bounds, who set it
    List(Shape),
    /// Say what a change would do; with --yes, make it
    Set(PolicySetOptions),
    /// List every value that a policy had
    History(PolicyHistoryOptions),
}

#[derive(Args)]
#[command(after_help = "\
Examples
  tidegate policy set refunds.approve_above 7500.00 --currency usd --reason 'more large orders'
  tidegate policy set refunds.age_rule on --reason 'chargebacks after a month' --yes

Without --yes nothing changes: it says how many operations of the last 30 days would have needed more, or less. What \
gives up a safeguard waits for a second administrator where there is one.")]
pub struct PolicySetOptions {
    /// The policy, from `tidegate policy list`
    #[arg(value_name = "KEY")]
    pub key: String,
    /// The value: 7500.00, 24, on
    #[arg(value_name = "VALUE")]
    pub value: String,
    /// Of which currency, where it is money
    #[arg(long, value_name = "CURRENCY")]
    pub currency: Option<String>,
    /// Why, for the audit
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Do it; without it, only say what would be done
    #[arg(long)]
    pub yes: bool,
    #[command(flatten)]
    pub by: ByOptions,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
pub struct PolicyHistoryOptions {
    /// Only this policy
    #[arg(value_name = "KEY")]
    pub key: Option<String>,
    #[command(flatten)]
    pub shape: Shape,
}
