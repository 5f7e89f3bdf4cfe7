//! The options of the lists of objects, and of `anomalies`.

use chrono::{DateTime, Utc};
use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use domain::invoices::Status;
use domain::{UNKNOWN, charges, payments, refunds};
use ledger::views::lists::{FAILED, PAYMENT_FAILED};
use ledger::views::search::Window;

use super::billing::{CreditOptions, InvoiceRetryOptions};
use super::operations::{RefundBatchOptions, RefundEligibleOptions, RefundRequestOptions};
use super::shape::window;
use super::wanted::{CaptureOptions, PaymentCancelOptions};
use super::{PageOptions, Shape, WhoseOptions, WindowOptions};

#[derive(Subcommand)]
pub enum InvoicesCommand {
    /// List invoices, the newest first
    List(InvoicesListOptions),
    /// Ask for an invoice that was not paid to be tried again
    Retry(InvoiceRetryOptions),
}

#[derive(Args)]
#[command(after_help = "\
Examples
  tidegate invoices list --status overdue
  tidegate invoices list --customer cus_QXg1oX8Nbd2Vfs --since 30d
  tidegate invoices list --status failed --json | jq '.items[].next_payment_retry_at'
  tidegate invoices list --since 2026-10-01 --csv > october.csv")]
pub struct InvoicesListOptions {
    /// Only with this status
    #[arg(long, value_parser = PossibleValuesParser::new(Status::ALL.iter().map(|status| status.as_str())))]
    pub status: Option<String>,
    /// Only of this customer
    #[arg(long, value_name = "CUSTOMER")]
    pub customer: Option<String>,
    #[command(flatten)]
    pub window: WindowOptions,
    #[command(flatten)]
    pub whose: WhoseOptions,
    #[command(flatten)]
    pub page: PageOptions,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Subcommand)]
pub enum PaymentsCommand {
    /// List payments, the newest first
    List(Box<PaymentsListOptions>),
    /// Ask for a payment that was authorised to be captured
    Capture(CaptureOptions),
    /// Ask for a payment that has not succeeded to be given up
    Cancel(PaymentCancelOptions),
}

#[derive(Args)]
#[command(after_help = "\
Amounts are written as people write them, in the currency's own unit and with a point: 19.99 with \
--currency usd, 500 with --currency jpy, 1.250 with --currency kwd.

Examples
  tidegate payments list --status succeeded --since 24h
  tidegate payments list --failed-since 1h         the latest failures, with their codes
  tidegate payments list --amount 19.99 --currency usd
  tidegate payments list --customer cus_QXg1oX8Nbd2Vfs
  tidegate payments list --user user_4711")]
pub struct PaymentsListOptions {
    /// Only with this status: one of Stripe's; `unknown` (only named so far); or `payment_failed`, `failed` for short: the
    /// last attempt failed, and none has gone through since
    #[arg(long, value_parser = PossibleValuesParser::new(
        payments::STATUSES.iter().copied().chain([UNKNOWN, PAYMENT_FAILED, FAILED])))]
    pub status: Option<String>,
    /// Only those of which an attempt failed from then on, whenever they were made; the latest failure first
    #[arg(long, value_name = "WHEN")]
    pub failed_since: Option<String>,
    /// Only those of which an attempt failed before then
    #[arg(long, value_name = "WHEN")]
    pub failed_until: Option<String>,
    /// Only of exactly this amount, as in 19.99
    #[arg(long, value_name = "AMOUNT", requires = "currency")]
    pub amount: Option<String>,
    /// Only in this currency
    #[arg(long, value_name = "CURRENCY")]
    pub currency: Option<String>,
    /// Only those of which an attempt failed with this code: Stripe's, or the bank's
    #[arg(long, value_name = "CODE")]
    pub code: Option<String>,
    /// Only of this customer
    #[arg(long, value_name = "CUSTOMER")]
    pub customer: Option<String>,
    /// Only of this user: the payment's `metadata.user_id`, else the customer's, else the customer's id
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,
    #[command(flatten)]
    pub window: WindowOptions,
    #[command(flatten)]
    pub whose: WhoseOptions,
    #[command(flatten)]
    pub page: PageOptions,
    #[command(flatten)]
    pub shape: Shape,
}

impl PaymentsListOptions {
    pub fn failed(&self, now: DateTime<Utc>) -> anyhow::Result<Window> {
        let (since, until) = (self.failed_since.as_ref(), self.failed_until.as_ref());
        window(("--failed-since", since), ("--failed-until", until), now)
    }
}

#[derive(Subcommand)]
pub enum RefundsCommand {
    /// List refunds, the newest first
    List(RefundsListOptions),
    /// Say whether a payment may be refunded, how much is left, and who would have to approve it
    Eligible(RefundEligibleOptions),
    /// Ask for a refund; what would become of it is shown first
    Request(RefundRequestOptions),
    /// Ask for several refunds under one approval; the list is shown first
    Batch(RefundBatchOptions),
}

#[derive(Args)]
#[command(after_help = "\
A refund is found by its own time, not by that of its payment. Refunds of which Stripe tells only the sum are \
not in this list: `tidegate anomalies --uncertain` has their charges.

Examples
  tidegate refunds list --since 1h
  tidegate refunds list --status failed --since 30d
  tidegate refunds list --payment pi_1PgafuB7WZ01zgkWXYmPNZs8")]
pub struct RefundsListOptions {
    /// Only with this status of Stripe's
    #[arg(long, value_parser = PossibleValuesParser::new(refunds::STATUSES.iter().copied().chain([UNKNOWN])))]
    pub status: Option<String>,
    /// Only made for this reason of Stripe's, or failed for it
    #[arg(long, value_name = "REASON")]
    pub reason: Option<String>,
    /// Only of this payment
    #[arg(long, value_name = "PAYMENT")]
    pub payment: Option<String>,
    #[command(flatten)]
    pub window: WindowOptions,
    #[command(flatten)]
    pub whose: WhoseOptions,
    #[command(flatten)]
    pub page: PageOptions,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Subcommand)]
pub enum ChargesCommand {
    /// List charges, the newest first
    List(ChargesListOptions),
}

#[derive(Args)]
#[command(after_help = "\
Examples
  tidegate charges list --payment pi_1PgafuB7WZ01zgkWXYmPNZs8    every attempt of a payment
  tidegate charges list --status failed --since 1d")]
pub struct ChargesListOptions {
    /// Only with this status of Stripe's
    #[arg(long, value_parser = PossibleValuesParser::new(charges::STATUSES.iter().copied().chain([UNKNOWN])))]
    pub status: Option<String>,
    /// Only of this payment
    #[arg(long, value_name = "PAYMENT")]
    pub payment: Option<String>,
    #[command(flatten)]
    pub window: WindowOptions,
    #[command(flatten)]
    pub whose: WhoseOptions,
    #[command(flatten)]
    pub page: PageOptions,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Subcommand)]
pub enum CustomersCommand {
    /// List customers, the newest first
    List(CustomersListOptions),
    /// Ask for a customer's balance to be credited
    Credit(CreditOptions),
}

#[derive(Args)]
#[command(after_help = "\
No name, address or e-mail of a customer is kept, so none is shown. Customers whom Stripe never reported, and \
payments only name, are not in this list.

Examples
  tidegate customers list --since 7d
  tidegate customers list --user user_4711")]
pub struct CustomersListOptions {
    /// Only those whose `metadata.user_id` is this
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,
    #[command(flatten)]
    pub window: WindowOptions,
    #[command(flatten)]
    pub whose: WhoseOptions,
    #[command(flatten)]
    pub page: PageOptions,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Subcommand)]
pub enum FailuresCommand {
    /// List failed attempts to pay, the latest first
    List(FailuresListOptions),
}

#[derive(Args)]
#[command(after_help = "\
Each attempt is its own line, by the time at which it failed; `tidegate payments list --failed-since` has a \
line for each payment.

Examples
  tidegate failures list --since 1h
  tidegate failures list --code insufficient_funds --since 30d --csv > failures.csv")]
pub struct FailuresListOptions {
    /// Only with this code: Stripe's, or the bank's
    #[arg(long, value_name = "CODE")]
    pub code: Option<String>,
    /// Only of this payment
    #[arg(long, value_name = "PAYMENT")]
    pub payment: Option<String>,
    /// Only those that this invoice reported
    #[arg(long, value_name = "INVOICE")]
    pub invoice: Option<String>,
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
#[command(after_help = "\
A contradiction between objects (refunds above the charge, a dispute in another currency) is never an error: \
both sides were reported, and both are kept. It is listed here until a report resolves it; the objects that \
changed last come first.

An object is uncertain where two of Stripe's reports of one second say different things: one of them stands, \
always the same whatever came first, and which is right, only Stripe can tell. So is a charge that reports more \
refunded than its refunds explain.")]
pub struct AnomaliesOptions {
    /// List the uncertain objects instead
    #[arg(long)]
    pub uncertain: bool,
    #[command(flatten)]
    pub whose: WhoseOptions,
    #[command(flatten)]
    pub page: PageOptions,
    #[command(flatten)]
    pub shape: Shape,
}
