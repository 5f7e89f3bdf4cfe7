//! The options of `tidegate hold`.

use clap::{Args, Subcommand};

use super::ByOptions;
use super::shape::{PageOptions, Shape};

#[derive(Subcommand)]
pub enum HoldCommand {
    /// Keep the bodies of events about an object, or of one event, until the hold is lifted
    Add(HoldOptions),
    /// End a hold: bodies whose retention has passed are removed within the hour
    Lift(HoldOptions),
    /// List what is on hold
    List(HoldsListOptions),
}

#[derive(Args)]
#[command(after_help = "\
Examples
  tidegate hold add cus_9s6XKzkNRiz8i3 --reason 'lawsuit, file 4711'
  tidegate hold lift cus_9s6XKzkNRiz8i3 --reason 'settled'

Bodies that are gone already do not come back. `tidegate events erase` erases what is on hold, too.")]
pub struct HoldOptions {
    /// The id of an event, or of an object that events tell of or name: a payment, a customer, a dispute, …
    #[arg(value_name = "ID")]
    pub id: String,
    /// Why, for the audit; name a ticket, no person
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    #[command(flatten)]
    pub by: ByOptions,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
pub struct HoldsListOptions {
    #[command(flatten)]
    pub page: PageOptions,
    #[command(flatten)]
    pub shape: Shape,
}
