//! The options of what asks for operations on payments and disputes, but for refunds.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use domain::evidence::Goods;
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
    #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true)]
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
    /// Show the answer as it would be stored at Stripe, and change it: nothing is sent
    Draft(DraftOptions),
    /// Attach a PDF, JPEG or PNG to a field; it is uploaded to Stripe when the evidence is stored there
    Attach(AttachOptions),
    /// Store the draft at Stripe, without submitting it
    #[command(after_help = STAGE)]
    Stage(WantedOptions),
    /// Show what is stored at Stripe, and whether it was submitted
    Show(EvidenceShowOptions),
    /// Submit what is stored; Stripe takes one submission
    #[command(after_help = SUBMIT)]
    Submit(SubmitOptions),
}

#[derive(Args)]
pub struct SubmitOptions {
    #[command(flatten)]
    pub act: WantedOptions,
    /// Only what this operation stored, as `show` names it: other evidence is refused
    #[arg(long, value_name = "OPERATION")]
    pub staged: Option<String>,
    /// Submit it though it lacks what the reason of the dispute requires
    #[arg(long)]
    pub incomplete: bool,
}

const STAGE: &str = "\
Example
  tidegate disputes evidence stage du_1PgafuB7WZ01zgkW                 shows what would become of it
  tidegate disputes evidence stage du_1PgafuB7WZ01zgkW --yes

Names, addresses and the like are read from Stripe at that moment and sent along. Tidegate keeps none of them.";

const SUBMIT: &str = "\
Example
  tidegate disputes evidence submit du_1PgafuB7WZ01zgkW --yes

It is refused if Stripe shows other evidence by then than was stored.";

#[derive(Args)]
#[command(after_help = "\
Examples
  tidegate disputes evidence draft du_1PgafuB7WZ01zgkW
  tidegate disputes evidence draft du_1PgafuB7WZ01zgkW --goods physical --field shipping_carrier=DHL
  tidegate disputes evidence draft du_1PgafuB7WZ01zgkW --field cancellation_rebuttal=@answer.txt
  tidegate disputes evidence draft du_1PgafuB7WZ01zgkW --leave-out service_date --leave-out receipt

The names of the fields are Stripe's. What the ledger knows is filled in, each value with the rows it came from.")]
pub struct DraftOptions {
    /// The dispute's id
    #[arg(value_name = "DISPUTE")]
    pub id: String,
    /// What was sold: the reason and the goods decide what the answer should show
    #[arg(long, value_parser = PossibleValuesParser::new(Goods::WORDS))]
    pub goods: Option<String>,
    /// A text of yours: NAME=TEXT, or NAME=@FILE for a text in a file; may be given several times
    #[arg(long = "field", value_name = "NAME=TEXT")]
    pub fields: Vec<String>,
    /// Leave a field empty, or take its file back; may be given several times
    #[arg(long, value_name = "NAME")]
    pub leave_out: Vec<String>,
    /// Let the ledger or Stripe fill a field in again; may be given several times
    #[arg(long, value_name = "NAME")]
    pub restore: Vec<String>,
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
  tidegate disputes evidence attach du_1PgafuB7WZ01zgkW receipt invoice.pdf
  tidegate disputes evidence attach du_1PgafuB7WZ01zgkW receipt better.pdf --replace

Stripe takes one file for each field, 4.5 MB and 49 pages for all of them together (Mastercard 19 pages).")]
pub struct AttachOptions {
    /// The dispute's id
    #[arg(value_name = "DISPUTE")]
    pub id: String,
    /// Stripe's name of the field, as in receipt
    #[arg(value_name = "FIELD")]
    pub field: String,
    /// The file
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// In the place of the file that the field has
    #[arg(long)]
    pub replace: bool,
    #[command(flatten)]
    pub by: ByOptions,
    #[command(flatten)]
    pub whose: WhoseOptions,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
pub struct EvidenceShowOptions {
    /// The dispute's id
    #[arg(value_name = "DISPUTE")]
    pub id: String,
    #[command(flatten)]
    pub whose: WhoseOptions,
    #[command(flatten)]
    pub shape: Shape,
}
