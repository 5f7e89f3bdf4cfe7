//! The options of what charges customers, subscribes, credits, and tries invoices again; and of closing checkout.

use clap::{Args, Subcommand};

use super::wanted::WantedOptions;
use super::{ByOptions, Shape};

#[derive(Args)]
#[command(after_help = "\
Examples
  tidegate charge cus_QXg1oX8Nbd2Vfs --amount 19.99                     shows what would become of it
  tidegate charge cus_QXg1oX8Nbd2Vfs --amount 19.99 --description 'Order 4711' --yes
  tidegate charge cus_QXg1oX8Nbd2Vfs --amount 1500 --currency jpy --payment-method pm_1PgafuB7WZ01zgkW --yes

Without --payment-method the customer's own is taken: the default of their invoices, their default source, or their only \
card. Which that is, Stripe is asked right before sending; without one the answer is `No payment method available`. A card \
that is declined is not tried again.")]
pub struct ChargeOptions {
    #[command(flatten)]
    pub act: WantedOptions,
    /// How much, as in 19.99
    #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true)]
    pub amount: String,
    /// In which currency
    #[arg(long, value_name = "CURRENCY", default_value = "usd")]
    pub currency: String,
    /// With which payment method of the customer
    #[arg(long, value_name = "PAYMENT_METHOD")]
    pub payment_method: Option<String>,
    /// What it is for, as it is kept at Stripe; at most 500 characters
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// Your own invoice that it pays: nothing else may be able to pay it at the same time
    #[arg(long, value_name = "INVOICE")]
    pub invoice: Option<String>,
}

#[derive(Args)]
#[command(after_help = "\
Example
  tidegate subscribe cus_QXg1oX8Nbd2Vfs --price price_1PgafuB7WZ01zgkW --yes

The first period is paid at once, or there is no subscription.")]
pub struct SubscribeOptions {
    #[command(flatten)]
    pub act: WantedOptions,
    /// A price; may be given several times
    #[arg(long = "price", value_name = "PRICE", required = true)]
    pub prices: Vec<String>,
    /// With which payment method of the customer [default: the customer's own]
    #[arg(long, value_name = "PAYMENT_METHOD")]
    pub payment_method: Option<String>,
}

#[derive(Args)]
#[command(after_help = "\
Examples
  tidegate unsubscribe sub_1PgafuB7WZ01zgkW --yes          with the period that is paid
  tidegate unsubscribe sub_1PgafuB7WZ01zgkW --now --yes    at once")]
pub struct UnsubscribeOptions {
    #[command(flatten)]
    pub act: WantedOptions,
    /// At once, not with its period; it cannot be brought back
    #[arg(long)]
    pub now: bool,
}

#[derive(Args)]
#[command(after_help = "\
Examples
  tidegate invoices retry in_1PgafuB7WZ01zgkWXYmPNZs8                shows what would become of it
  tidegate invoices retry in_1PgafuB7WZ01zgkWXYmPNZs8 --yes
  tidegate invoices retry in_1PgafuB7WZ01zgkWXYmPNZs8 --take-over --yes

An invoice that Stripe tries again by itself is refused, unless you take over: that ends Stripe's own retries and reminders \
for it. Of an invoice of your own the same payment is confirmed once more. `tidegate policy set invoices.scheduled_retries \
on` lets the worker ask for retries as they are planned.")]
pub struct InvoiceRetryOptions {
    #[command(flatten)]
    pub act: WantedOptions,
    /// With this payment method of the customer
    #[arg(long, value_name = "PAYMENT_METHOD")]
    pub payment_method: Option<String>,
    /// End Stripe's own plan for it first
    #[arg(long)]
    pub take_over: bool,
}

#[derive(Args)]
#[command(after_help = "\
Example
  tidegate customers credit cus_QXg1oX8Nbd2Vfs --amount 5.00 --description 'Fee charged by mistake' --yes

The next invoices ask for so much less. To give money back to a card, refund its payment.")]
pub struct CreditOptions {
    #[command(flatten)]
    pub act: WantedOptions,
    /// How much, as in 19.99
    #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true)]
    pub amount: String,
    /// In which currency
    #[arg(long, value_name = "CURRENCY", default_value = "usd")]
    pub currency: String,
    /// What it is for, as it is kept at Stripe
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
}

#[derive(Subcommand)]
pub enum CheckoutCommand {
    /// Show whether charging is on
    Show(Shape),
    /// Charge nobody: charges, subscriptions and retries of invoices are refused
    ///
    /// Refunds, credits and webhooks go on. What was approved and not sent yet is refused, too. Whoever holds the ledger's
    /// address may close; to open again takes billing:manage.
    Close(CloseOptions),
    /// Charge again
    Open(OpenOptions),
}

#[derive(Args)]
#[command(after_help = "\
Example
  tidegate checkout close --reason 'prices are wrong since the release'")]
pub struct CloseOptions {
    /// Why: whoever asks for a charge reads it
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    #[command(flatten)]
    pub by: ByOptions,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
pub struct OpenOptions {
    #[command(flatten)]
    pub by: ByOptions,
    #[command(flatten)]
    pub shape: Shape,
}
