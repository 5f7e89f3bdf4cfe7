//! The options of the commands that look at one thing, or at the events: `events`, `show`, `trace`.

use clap::{Args, Subcommand};

use super::{ByOptions, ListingOptions, PageOptions, Shape, WhoseOptions, WindowOptions};

#[derive(Subcommand)]
pub enum EventsCommand {
    /// List stored events, the newest first
    List(ListOptions),
    /// Show events as they are recorded, until Ctrl-C
    Tail(TailOptions),
    /// Show one event as it is stored
    Show(EventOptions),
    /// Erase what Stripe sent as one event, for good; shows it first, and wants --yes
    ///
    /// Its id, hash and outcome stay, and so do the rows that it changed. The audit says who erased it and why.
    Erase(EraseOptions),
    /// List the types of events that an endpoint of Stripe's should be sent
    ///
    /// One a line, for the `enabled_events` of the endpoint; docs/events.md says what stays unknown without them.
    Types(TypesOptions),
}

/// Which events, whether they are listed or followed.
#[derive(Args)]
pub struct EventSelection {
    /// Only this type; a trailing `*` matches a prefix, as in 'invoice.*'
    #[arg(long = "type", value_name = "TYPE")]
    pub kind: Option<String>,
    /// Only events with this outcome
    #[arg(long, value_parser = clap::builder::PossibleValuesParser::new(domain::outcome::OutcomeKind::WORDS))]
    pub outcome: Option<String>,
    /// Only events that changed the status of this object, or could not be applied to it
    #[arg(long, value_name = "ID")]
    pub object: Option<String>,
    /// Only events that did so to something of this customer: payments, invoices, refunds, disputes, subscriptions
    #[arg(long, value_name = "CUSTOMER")]
    pub customer: Option<String>,
    #[command(flatten)]
    pub whose: WhoseOptions,
}

#[derive(Args)]
#[command(after_help = "\
Times are those at which the events were recorded here.

Examples
  tidegate events list --type 'invoice.*' --since 1h
  tidegate events list --object in_1PgafuB7WZ01zgkWXYmPNZs8
  tidegate events list --outcome dead --since 2026-11-21 --until 2026-11-22
  tidegate events list --since 7d --csv > events.csv")]
pub struct ListOptions {
    #[command(flatten)]
    pub selection: EventSelection,
    #[command(flatten)]
    pub window: WindowOptions,
    #[command(flatten)]
    pub page: PageOptions,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
#[command(after_help = "\
With --json each event is a document on its own line.

Examples
  tidegate events tail
  tidegate events tail --outcome dead
  tidegate events tail --json --lines 0 | jq --unbuffered .type")]
pub struct TailOptions {
    #[command(flatten)]
    pub selection: EventSelection,
    /// Begin with so many of the newest
    #[arg(long, short = 'n', value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(i64).range(0..=1_000))]
    pub lines: i64,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
pub struct TypesOptions {
    /// Print the tables of docs/events.md
    #[arg(long, conflicts_with = "json")]
    pub markdown: bool,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
pub struct EventOptions {
    /// The event's id
    #[arg(value_name = "EVENT")]
    pub id: String,
    /// Print what Stripe sent, but for redacted secrets; it may hold personal data
    #[arg(long)]
    pub body: bool,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
#[command(after_help = "\
Examples
  tidegate events erase evt_1PgafuB7WZ01zgkWXYmPNZs8 --reason 'asked for by the customer, ticket 4711'
  tidegate events erase evt_1PgafuB7WZ01zgkWXYmPNZs8 --reason 'ticket 4711' --yes")]
pub struct EraseOptions {
    /// The event's id
    #[arg(value_name = "EVENT")]
    pub id: String,
    /// Why, for the audit; name a ticket, no person
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Do it; without it the event is only shown
    #[arg(long)]
    pub yes: bool,
    #[command(flatten)]
    pub by: ByOptions,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
#[command(after_help = "\
Operators
  status:failed              how the payment stands: one of Stripe's statuses, or failed
  amount>=100 amount<200     with : > >= < or <=, in the currency's own unit
  currency:eur               three letters
  user:user_4711             who paid; \"…\" around an id with spaces
  customer:cus_…             Stripe's customer
  code:card_declined         why an attempt failed: Stripe's code, or the bank's
  last4:4242                 the last digits of the card
  created:yesterday          with : > >= < or <=: 2026-11-28, today, yesterday, 7d; of failed ones the day of the failure

Without an operator the words are one name: an id, the number of an invoice, a user, a listing, an amount, the last digits of a \
card, or a reason such as insufficient funds. The search box of the console takes the same words.

Examples
  tidegate search 19.99 usd
  tidegate search status:failed created:yesterday
  tidegate search 'amount>100' currency:eur --csv > large.csv
  tidegate search insufficient funds
  tidegate search 9A4C21D0-0007")]
pub struct SearchOptions {
    /// Operators, or one name
    #[arg(value_name = "WORDS", required = true)]
    pub words: Vec<String>,
    #[command(flatten)]
    pub whose: WhoseOptions,
    #[command(flatten)]
    pub page: PageOptions,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    subcommand_value_name = "KIND",
    subcommand_help_heading = "Kinds, where an id is not enough",
    disable_help_subcommand = true,
    after_help = "\
Examples
  tidegate show in_1PgafuB7WZ01zgkWXYmPNZs8
  tidegate show 9A4C21D0-0007                the number of an invoice
  tidegate show user_4711                    whether a user is banned, and why
  tidegate show lst_4711                     a listing, and what was paid for it
  tidegate show customer cus_QXg1oX8Nbd2Vfs  where an id might be taken for something else"
)]
pub struct ShowOptions {
    /// An id of Stripe's, the number of an invoice, a listing, or a user
    #[arg(value_name = "ID", required = true)]
    pub id: Option<String>,
    #[command(flatten)]
    pub whose: WhoseOptions,
    #[command(flatten)]
    pub shape: Shape,
    #[command(subcommand)]
    pub subject: Option<Subject>,
}

#[derive(Subcommand)]
pub enum Subject {
    /// Show an invoice: state, money, payments, refunds, disputes, retry plan and history
    Invoice(SubjectOptions),
    /// Show a payment: state, money, charges, refunds, disputes, failed attempts and history
    Payment(SubjectOptions),
    /// Show a refund: state, money, what it gives back, and history
    Refund(SubjectOptions),
    /// Show a dispute: state, deadlines, money, whose it is, notes and history
    Dispute(SubjectOptions),
    /// Show a customer: the user, payments, subscriptions, disputes and the ban
    Customer(SubjectOptions),
    /// Show a charge: state, card, refunds, disputes and history
    Charge(SubjectOptions),
    /// Show a subscription: state, invoices and history
    Subscription(SubjectOptions),
    /// Show a payout: state, money, arrival and history
    Payout(SubjectOptions),
    /// Show a listing: state, promotions, and what became of what was paid for it
    Listing(ListingOptions),
}

#[derive(Args)]
pub struct SubjectOptions {
    /// The object's id
    #[arg(value_name = "ID")]
    pub id: String,
    #[command(flatten)]
    pub whose: WhoseOptions,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
pub struct TraceOptions {
    /// The event's id
    #[arg(value_name = "EVENT")]
    pub id: String,
    #[command(flatten)]
    pub shape: Shape,
}
