//! The options of `tidegate notices`.

use clap::{Args, Subcommand};
use domain::Severity;
use domain::notices::delivery::DeliveryState;
use domain::notices::{Channel, NoticeKind};

use super::{ByOptions, PageOptions, Shape, WhoseOptions, WindowOptions};

#[derive(Subcommand)]
pub enum NoticesCommand {
    /// List notices, the newest first
    List(NoticesListOptions),
    /// Show one notice: what it says, and to whom it was delivered
    Show(NoticeShowOptions),
    /// Send a target again what it missed in a span
    Replay(NoticesReplayOptions),
    /// Write again to a customer's address that the mail server refused for good
    Lift(LiftSuppressionOptions),
    /// Print a message as it is sent, with invented values
    Preview(PreviewOptions),
    /// Where notices go
    #[command(subcommand)]
    Targets(TargetsCommand),
}

#[derive(Subcommand)]
pub enum TargetsCommand {
    /// Add a target: a webhook, a chat, a mail address, or RabbitMQ
    Add(TargetAddOptions),
    /// List targets: what they take, how they do, what waits
    List(Shape),
    /// Send nothing more; what waits is held
    Disable(TargetStateOptions),
    /// Send new notices again; `notices replay` sends what was held
    Enable(TargetStateOptions),
    /// Give a webhook a new secret; the one before signs too, until the next time
    Rotate(TargetOptions),
    /// Send a notice that says nothing but that it arrived
    Test(TargetOptions),
}

#[derive(Args)]
pub struct NoticesListOptions {
    /// Only of this kind, such as dispute.opened
    #[arg(long, value_name = "KIND", value_parser = kind)]
    pub kind: Option<NoticeKind>,
    /// Only about this object
    #[arg(long, value_name = "ID")]
    pub object: Option<String>,
    /// Only of this severity: info, warning, critical
    #[arg(long, value_name = "SEVERITY", value_parser = severity)]
    pub severity: Option<Severity>,
    /// Only with a delivery in this state: pending, delivered, failed, withdrawn, held
    #[arg(long, value_name = "STATE", value_parser = state)]
    pub state: Option<DeliveryState>,
    /// Only with a delivery to this target
    #[arg(long, value_name = "TARGET")]
    pub target: Option<String>,
    #[command(flatten)]
    pub window: WindowOptions,
    #[command(flatten)]
    pub whose: WhoseOptions,
    #[command(flatten)]
    pub page: PageOptions,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
pub struct NoticeShowOptions {
    /// The notice: ntc_…
    #[arg(value_name = "ID")]
    pub id: String,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
#[command(after_help = "\
Examples
  tidegate notices replay --target orders --since 2h
  tidegate notices replay --target orders --since 2026-11-21 --until 2026-11-22 --all

Sends what was held, given up, or noted before the target was there. With --all also what was delivered. Ids stay the \
same, so a receiver that keeps them does nothing twice.")]
pub struct NoticesReplayOptions {
    /// The target
    #[arg(long, value_name = "TARGET")]
    pub target: String,
    /// From then on: 1h, 7d, 2026-11-21, or 2026-11-21T08:00:00Z
    #[arg(long, value_name = "WHEN")]
    pub since: String,
    /// Before then [default: now]
    #[arg(long, value_name = "WHEN")]
    pub until: Option<String>,
    /// Also what was delivered
    #[arg(long)]
    pub all: bool,
    #[command(flatten)]
    pub by: ByOptions,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
#[command(after_help = "\
Example
  tidegate notices lift --reason 'she has it again' < file-with-the-address

The address is read from standard input, where no list of processes shows it. The ledger has a keyed hash of it, so it takes \
the workers' STAFF_KEY. The next notice to the customer goes there again; what was withdrawn stays withdrawn.")]
pub struct LiftSuppressionOptions {
    /// Why, for the audit
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    #[command(flatten)]
    pub by: ByOptions,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
pub struct PreviewOptions {
    /// The template, such as `dunning_1`; without it, their names
    #[arg(value_name = "TEMPLATE")]
    pub name: Option<String>,
    /// The HTML instead of the text
    #[arg(long, conflicts_with = "json")]
    pub html: bool,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
#[command(after_help = "\
Examples
  tidegate notices targets add orders webhook https://shop.example/hooks/tidegate
  tidegate notices targets add oncall email oncall@shop.example --severity critical
  tidegate notices targets add customers email customer
  tidegate notices targets add chat slack < file-with-the-address
  tidegate notices targets add bus rabbitmq

A webhook's secret is printed once, and nothing else is: `tidegate notices targets add … > secret` keeps it. The \
address of a chat is a secret, so it is read from standard input. Secrets are kept encrypted under STAFF_KEY, which \
the worker needs too.")]
pub struct TargetAddOptions {
    /// The name: letters, digits, - and _
    #[arg(value_name = "NAME")]
    pub name: String,
    /// `webhook`, `slack`, `email` or `rabbitmq`
    #[arg(value_name = "CHANNEL", value_parser = channel)]
    pub channel: Channel,
    /// Where it is: a URL, a mail address, or `customer` for the customer of each notice
    #[arg(value_name = "ADDRESS")]
    pub address: Option<String>,
    /// Which kinds it takes, such as `dispute.*`; may be given several times [default: webhook, rabbitmq: all; else
    /// what is written for its readers]
    #[arg(long = "kind", value_name = "KIND", value_delimiter = ',')]
    pub kinds: Vec<String>,
    /// The least severity that it takes: info, warning, critical
    #[arg(long, value_name = "SEVERITY", default_value = "info", value_parser = severity)]
    pub severity: Severity,
    /// One notice after the other: one that cannot be delivered holds up those behind it
    #[arg(long)]
    pub ordered: bool,
    /// It may be in a private network, and without TLS
    #[arg(long)]
    pub allow_private: bool,
    #[command(flatten)]
    pub by: ByOptions,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
pub struct TargetOptions {
    /// The target
    #[arg(value_name = "NAME")]
    pub name: String,
    #[command(flatten)]
    pub by: ByOptions,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
pub struct TargetStateOptions {
    /// The target
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Why, for the audit
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    #[command(flatten)]
    pub by: ByOptions,
    #[command(flatten)]
    pub shape: Shape,
}

fn kind(text: &str) -> Result<NoticeKind, String> {
    NoticeKind::try_from(text.to_owned()).map_err(|_| format!("one of: {}", NoticeKind::WORDS.join(", ")))
}

fn severity(text: &str) -> Result<Severity, String> {
    Severity::try_from(text.to_owned()).map_err(|_| format!("one of: {}", Severity::WORDS.join(", ")))
}

fn state(text: &str) -> Result<DeliveryState, String> {
    DeliveryState::try_from(text.to_owned())
        .map_err(|_| format!("one of: {}", DeliveryState::WORDS.join(", ")))
}

fn channel(text: &str) -> Result<Channel, String> {
    Channel::try_from(text.to_owned()).map_err(|_| format!("one of: {}", Channel::WORDS.join(", ")))
}
