//! The options of `tidegate bans`.

use clap::{Args, Subcommand};

use super::{ByOptions, PageOptions, Shape, WhoseOptions};

#[derive(Subcommand)]
pub enum BansCommand {
    /// List who is banned now
    List(ListOptions),
    /// Explain why a user is banned, or is not: which disputes count, what staff decided, how it came
    Explain(ExplainOptions),
    /// Ban a user, whatever the disputes say
    Ban(DecisionOptions),
    /// Lift a user's ban, whatever the disputes say
    Lift(DecisionOptions),
    /// Take back what staff decided: the disputes decide again
    Clear(ClearOptions),
    /// Answer whether a user is banned, for other programs: exit code 0 for no, 3 for yes
    ///
    /// Asks about live mode and your own account unless told otherwise. A user whom nobody has heard of is not
    /// banned. Exit code 1 means that it could not be told, 2 that it was asked wrongly: neither is a no.
    /// Programs with access to the ledger may as well read the table `bans`.
    Check(CheckOptions),
}

#[derive(Args)]
pub struct ListOptions {
    /// Every user whom a dispute or staff ever concerned, banned or not
    #[arg(long)]
    pub all: bool,
    #[command(flatten)]
    pub whose: WhoseOptions,
    #[command(flatten)]
    pub page: PageOptions,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
pub struct ExplainOptions {
    /// The user: your own id for them, or Stripe's customer id where no metadata say more
    #[arg(value_name = "USER")]
    pub user: String,
    #[command(flatten)]
    pub whose: WhoseOptions,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
#[command(after_help = "\
Examples
  tidegate bans ban user_4711 --reason 'stolen cards' --for 30d
  tidegate bans lift user_4711 --reason 'the bank was wrong' --until 2027-01-01
  tidegate bans clear user_4711 --reason 'no longer needed'

Once the end has come, the disputes decide again. Of several decisions the last one counts; all are kept. \
A user whom nobody has heard of needs --live or --test-mode: the two never mix.")]
pub struct DecisionOptions {
    /// The user: your own id for them, or Stripe's customer id where no metadata say more
    #[arg(value_name = "USER")]
    pub user: String,
    /// Why, for the audit
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Until then: 2027-01-01, 2027-01-01T08:00:00Z, or 30d, which is from now
    #[arg(long, value_name = "WHEN", conflicts_with = "span")]
    pub until: Option<String>,
    /// For so long from now: 12h, 1d 12h, 30d, 4w
    #[arg(long = "for", value_name = "SPAN", id = "span")]
    pub span: Option<String>,
    #[command(flatten)]
    pub by: ByOptions,
    #[command(flatten)]
    pub whose: WhoseOptions,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
pub struct ClearOptions {
    /// The user
    #[arg(value_name = "USER")]
    pub user: String,
    /// Why, for the audit
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    #[command(flatten)]
    pub by: ByOptions,
    #[command(flatten)]
    pub whose: WhoseOptions,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
#[command(after_help = "\
Example
  if tidegate bans check \"$user\" --json; then serve; elif [ $? -eq 3 ]; then refuse; else retry; fi

A `until` in the answer is the moment at which staff's decision ends: ask again after it.")]
pub struct CheckOptions {
    /// The user: your own id for them, or Stripe's customer id where no metadata say more
    #[arg(value_name = "USER")]
    pub user: String,
    /// The connected account [default: your own]
    #[arg(long, value_name = "ACCOUNT", default_value = "", hide_default_value = true)]
    pub account: String,
    /// Ask about live mode (the default)
    #[arg(long, conflicts_with = "test_mode")]
    pub live: bool,
    /// Ask about test mode
    #[arg(long)]
    pub test_mode: bool,
    #[command(flatten)]
    pub shape: Shape,
}
