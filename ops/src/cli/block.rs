//! The options of `tidegate block`.

use clap::{Args, Subcommand};

use super::ByOptions;
use super::shape::{PageOptions, Shape};

#[derive(Subcommand)]
pub enum BlockCommand {
    /// Refuse charges, subscriptions and retries of invoices of a customer or a user
    Add(BlockOptions),
    /// Let them be charged again
    Lift(BlockOptions),
    /// List who is blocked
    List(BlocksListOptions),
}

#[derive(Args)]
#[command(after_help = "\
Examples
  tidegate block add user_4711 --reason 'five cards within ten minutes, ticket 12'
  tidegate block lift user_4711 --reason 'spoke to them, ticket 12'

Webhooks, refunds and payments that are made elsewhere go on. A charge that is approved and not yet sent is refused, too.")]
pub struct BlockOptions {
    /// The id of a customer at Stripe, or of one of your users
    #[arg(value_name = "ID")]
    pub id: String,
    /// Why, for the audit and for whoever asks for a charge
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    #[command(flatten)]
    pub by: ByOptions,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
pub struct BlocksListOptions {
    #[command(flatten)]
    pub page: PageOptions,
    #[command(flatten)]
    pub shape: Shape,
}
