//! The options of the commands that look at one thing, or at the events: `events`, `show`, `trace`.

use clap::{Args, Subcommand};

use super::{Shape, WhoseOptions};

#[derive(Subcommand)]
pub enum EventsCommand {
    /// List stored events, the newest first
    List(ListOptions),
    /// Show one event as it is stored
    Show(EventOptions),
    /// List the types of events that an endpoint of Stripe's should be sent
    ///
    /// One a line, for the `enabled_events` of the endpoint; docs/events.md says what stays unknown without them.
    Types(TypesOptions),
}

#[derive(Args)]
pub struct ListOptions {
    /// Only this type; a trailing `*` matches a prefix, as in 'invoice.*'
    #[arg(long = "type", value_name = "TYPE")]
    pub kind: Option<String>,
    /// Only events with this outcome
    #[arg(long, value_parser = clap::builder::PossibleValuesParser::new(domain::outcome::OutcomeKind::WORDS))]
    pub outcome: Option<String>,
    /// Only events recorded since: 15m, 1h 30m, 7d, yesterday, or 2026-11-21T08:00:00Z
    #[arg(long, value_name = "WHEN")]
    pub since: Option<String>,
    /// Only events of this connected account; '' is your own
    #[arg(long, value_name = "ACCOUNT")]
    pub account: Option<String>,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(i64).range(1..=10_000))]
    pub limit: i64,
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
    /// Print what Stripe sent, byte for byte; it may hold personal data
    #[arg(long)]
    pub body: bool,
    #[command(flatten)]
    pub shape: Shape,
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
