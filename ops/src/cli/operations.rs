//! The options of `tidegate operations`, `tidegate approvals` and of what asks for operations.

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use domain::operations::{OperationKind, OperationState, Reason};

use super::{ByOptions, PageOptions, Shape, WhoseOptions, WindowOptions};

#[derive(Subcommand)]
pub enum OperationsCommand {
    /// List operations, the newest first
    List(Box<OperationsListOptions>),
    /// Show one operation: how it stands, what comes next, who decided, what was said to Stripe
    Show(OperationOptions),
    /// Confirm an operation that you asked for
    Confirm(OperationActOptions),
    /// Try again what failed: a new operation with the same parameters
    Retry(OperationActOptions),
    /// Take an operation back before it is sent
    Cancel(OperationReasonOptions),
    /// Say what you found at Stripe of an operation whose outcome nobody knows
    ///
    /// Nothing is sent. Look at the payment in Stripe's dashboard first: what you say frees the money that the operation
    /// holds, or counts it as given back. Whoever asked for the operation cannot settle it.
    Settle(SettleOptions),
}

#[derive(Subcommand)]
pub enum ApprovalsCommand {
    /// List what waits for an approval, the newest first
    List(ApprovalsListOptions),
    /// Approve what somebody else asked for
    Approve(ApproveOperationOptions),
    /// Reject what somebody else asked for
    Reject(OperationReasonOptions),
}

#[derive(Args)]
#[command(after_help = "\
Examples
  tidegate operations list --open                     what is not decided or not done yet
  tidegate operations list --state unknown
  tidegate operations list --payment pi_1PgafuB7WZ01zgkWXYmPNZs8")]
pub struct OperationsListOptions {
    /// Only in this state
    #[arg(long, conflicts_with = "open", value_parser = PossibleValuesParser::new(OperationState::WORDS.iter().copied()))]
    pub state: Option<String>,
    /// Only those that may still be sent, or of which nobody knows whether they were done
    #[arg(long)]
    pub open: bool,
    /// Only of this kind
    #[arg(long, value_parser = PossibleValuesParser::new(OperationKind::WORDS.iter().copied()))]
    pub kind: Option<String>,
    /// Only of this payment
    #[arg(long, value_name = "PAYMENT")]
    pub payment: Option<String>,
    /// Only of this customer
    #[arg(long, value_name = "CUSTOMER")]
    pub customer: Option<String>,
    /// Only what this person or program asked for
    #[arg(long, value_name = "NAME")]
    pub requested_by: Option<String>,
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
pub struct ApprovalsListOptions {
    #[command(flatten)]
    pub whose: WhoseOptions,
    #[command(flatten)]
    pub page: PageOptions,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
pub struct OperationOptions {
    /// The operation: op_…
    #[arg(value_name = "OPERATION")]
    pub id: String,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
pub struct OperationActOptions {
    /// The operation: op_…
    #[arg(value_name = "OPERATION")]
    pub id: String,
    /// Do it; without this it is only shown
    #[arg(long)]
    pub yes: bool,
    #[command(flatten)]
    pub by: ByOptions,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
pub struct OperationReasonOptions {
    /// The operation: op_…
    #[arg(value_name = "OPERATION")]
    pub id: String,
    /// Why; kept for ever
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    #[command(flatten)]
    pub by: ByOptions,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
#[command(after_help = "\
Examples
  tidegate approvals approve op_3f9c7a1d2b4e5f60718293a4              shows what would be sent
  tidegate approvals approve op_3f9c7a1d2b4e5f60718293a4 --yes

Whoever asked for it cannot approve it, however either of you is known. An approval is about exactly the parameters that \
are stored; whether it may still be done is decided anew.")]
pub struct ApproveOperationOptions {
    /// The operation: op_…
    #[arg(value_name = "OPERATION")]
    pub id: String,
    /// Do it; without this it is only shown
    #[arg(long)]
    pub yes: bool,
    /// Why; kept for ever
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Only if the parameters have this hash, which `operations show` prints
    #[arg(long, value_name = "SHA-256")]
    pub hash: Option<String>,
    #[command(flatten)]
    pub by: ByOptions,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
#[command(after_help = "\
Examples
  tidegate operations settle op_3f9c7a1d2b4e5f60718293a4 --made re_3PgafuB7WZ01zgkW --reason 'found in the dashboard'
  tidegate operations settle op_3f9c7a1d2b4e5f60718293a4 --not-done --reason 'no refund in the dashboard'")]
pub struct SettleOptions {
    /// The operation: op_…
    #[arg(value_name = "OPERATION")]
    pub id: String,
    /// It was done, and made this object at Stripe
    #[arg(long, value_name = "ID", conflicts_with = "not_done", required_unless_present = "not_done")]
    pub made: Option<String>,
    /// It was not done
    #[arg(long)]
    pub not_done: bool,
    /// How you know; kept for ever
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    #[command(flatten)]
    pub by: ByOptions,
    #[command(flatten)]
    pub shape: Shape,
}

/// What to refund, and why.
#[derive(Args)]
pub struct RefundOptions {
    /// The payment: pi_…, or ch_… of one without a payment intent
    #[arg(value_name = "PAYMENT")]
    pub payment: String,
    /// How much, as in 19.99 [default: all that is left]
    #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true)]
    pub amount: Option<String>,
    /// In which currency; must be the payment's [default: the payment's]
    #[arg(long, value_name = "CURRENCY")]
    pub currency: Option<String>,
    /// Why
    #[arg(long, default_value = "requested_by_customer", value_parser = PossibleValuesParser::new(Reason::WORDS.iter().copied()))]
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
Examples
  tidegate refunds eligible pi_1PgafuB7WZ01zgkWXYmPNZs8
  tidegate refunds eligible pi_1PgafuB7WZ01zgkWXYmPNZs8 --amount 19.99 --json

Exit code 0: it may be refunded; 1: it may not.")]
pub struct RefundEligibleOptions {
    #[command(flatten)]
    pub refund: RefundOptions,
}

#[derive(Args)]
#[command(after_help = "\
Examples
  tidegate refunds request pi_1PgafuB7WZ01zgkWXYmPNZs8                   shows what would become of it
  tidegate refunds request pi_1PgafuB7WZ01zgkWXYmPNZs8 --amount 19.99 --reason duplicate --yes

TIDEGATE_TOKEN or TIDEGATE_TOKEN_FILE proves who you are. --yes asks for the refund and confirms it; above a threshold \
another person must approve it (`tidegate approvals`). A worker with STRIPE_SECRET_KEY then sends it.")]
pub struct RefundRequestOptions {
    #[command(flatten)]
    pub refund: RefundOptions,
    /// What else there is to say; kept for ever
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
    /// Ask for it; without this it is only shown
    #[arg(long)]
    pub yes: bool,
}

#[derive(Args)]
#[command(after_help = "\
Examples
  tidegate refunds batch refunds.csv                                     shows the list, its sum and its hash
  tidegate refunds batch refunds.csv --reason duplicate --note 'double charge of 3 May' --yes
  tidegate approvals approve bat_3f9c7a1d2b4e5f60718293a4 --yes          one word about all that wait

A line of the file is a refund: PAYMENT or PAYMENT,AMOUNT or PAYMENT,AMOUNT,CURRENCY; without an amount all that is left. \
Lines that begin with # are left out, and so is a first line with the names of the columns. A payment that stands twice is refunded \
twice: the plan says so. The list is frozen when it is asked for; thresholds are judged by its sum. One refund that a rule refuses \
refuses the list.")]
pub struct RefundBatchOptions {
    /// The list
    #[arg(value_name = "FILE")]
    pub file: std::path::PathBuf,
    /// Why
    #[arg(long, default_value = "requested_by_customer", value_parser = PossibleValuesParser::new(Reason::WORDS.iter().copied()))]
    pub reason: String,
    /// What else there is to say; kept for ever
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
    /// Only if the list comes to this hash, which is shown without --yes
    #[arg(long, value_name = "SHA-256")]
    pub hash: Option<String>,
    /// Ask for them; without this they are only shown
    #[arg(long)]
    pub yes: bool,
    #[command(flatten)]
    pub by: ByOptions,
    #[command(flatten)]
    pub whose: WhoseOptions,
    #[command(flatten)]
    pub shape: Shape,
}
