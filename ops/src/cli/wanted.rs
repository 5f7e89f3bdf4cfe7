//! The options of what asks for operations on payments and disputes, but for refunds.

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use domain::operations::intent::CANCELLATION_REASONS;

use super::{ByOptions, Shape, WhoseOptions};

/// One object, and whether it is only shown what would become of it.
#[derive(Args)]
pub struct WantedOptions {
    /// The object's id
    #[arg(value_name = "ID")]
    pub id: String,
    /// What there is to say; kept for ever
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
    /// Ask for it; without this it is only shown
    #[arg(long)]
    pub yes: bool,
    #[command(flatten)]
    pub by: ByOptions,
    #[command(flatten)]
    pub whose: WhoseOptions,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
#[command(after_help = "\
Examples
  tidegate payments capture pi_1PgafuB7WZ01zgkWXYmPNZs8                    shows what would become of it
  tidegate payments capture pi_1PgafuB7WZ01zgkWXYmPNZs8 --amount 19.99 --yes")]
pub struct CaptureOptions {
    #[command(flatten)]
    pub act: WantedOptions,
    /// How much, as in 19.99; the rest is released [default: all]
    #[arg(long, value_name = "AMOUNT")]
    pub amount: Option<String>,
}

#[derive(Args)]
#[command(after_help = "\
Example
  tidegate payments cancel pi_1PgafuB7WZ01zgkWXYmPNZs8 --reason abandoned --yes")]
pub struct PaymentCancelOptions {
    #[command(flatten)]
    pub act: WantedOptions,
    /// Stripe's word for why
    #[arg(long, value_parser = PossibleValuesParser::new(CANCELLATION_REASONS.iter().copied()))]
    pub reason: Option<String>,
}

#[derive(Subcommand)]
pub enum EvidenceCommand {
    /// Store evidence at Stripe, without submitting it
    Stage(StageOptions),
    /// Submit what is stored; Stripe takes one submission
    Submit(WantedOptions),
}

#[derive(Args)]
#[command(after_help = "\
Examples
  tidegate disputes evidence stage du_1PgafuB7WZ01zgkW --field customer_purchase_ip=203.0.113.7 --yes
  tidegate disputes evidence stage du_1PgafuB7WZ01zgkW --field uncategorized_text=@answer.txt --yes

The names of the fields are Stripe's. A file is named by the id that it has at Stripe: receipt=file_1Pgafu.")]
pub struct StageOptions {
    #[command(flatten)]
    pub act: WantedOptions,
    /// A field: NAME=TEXT, or NAME=@FILE for a text in a file; may be given several times
    #[arg(long = "field", value_name = "NAME=TEXT", required = true)]
    pub fields: Vec<String>,
}
