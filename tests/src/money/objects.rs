//! The objects of one Stripe account whose money moves. Plain data: what they amount to stands in `truth`.

use stripe_sim::Decline;

/// A payment intent, or a charge that was made without one and is its own payment.
pub struct Payment {
    pub id: String,
    pub is_direct: bool,
    pub created: i64,
    pub amount: i64,
    pub currency: &'static str,
    pub customer: Option<usize>,
    /// `metadata.user_id` of the intent, which its charges copy.
    pub user: Option<String>,
    /// `metadata.user_id` that only the charges have.
    pub charge_user: Option<String>,
    /// The merchant's own invoice in the metadata, and what it asks for where that is stated.
    pub own_invoice: Option<(String, Option<i64>)>,
    /// The invoice of Stripe's that it was made for.
    pub invoice: Option<usize>,
    pub is_manual: bool,
    /// Cards settle at once; a debit is pending for days, and its refunds too.
    pub is_card: bool,
    pub status: &'static str,
    pub error: Option<Decline>,
    /// The charge of the attempt that failed last, where it made one.
    pub failed_charge: Option<String>,
    pub charges: Vec<Charge>,
}

pub struct Charge {
    pub id: String,
    pub created: i64,
    pub amount: i64,
    pub captured: i64,
    pub status: &'static str,
    /// Of the authorised amount, what was let go uncaptured.
    pub released: i64,
    pub decline: Option<Decline>,
    pub refunds: Vec<Refund>,
    pub disputes: Vec<Dispute>,
}

pub struct Refund {
    pub id: String,
    pub created: i64,
    pub amount: i64,
    pub status: &'static str,
    pub reason: Option<&'static str>,
    /// Before 2025-03-31 a release makes one too; it gives nothing back, for nothing was taken.
    pub is_release: bool,
}

pub struct Dispute {
    pub id: String,
    pub created: i64,
    pub amount: i64,
    pub currency: &'static str,
    pub status: &'static str,
    pub reason: &'static str,
    /// What left the balance or came back to it: id, amount, fee.
    pub movements: Vec<(String, i64, i64)>,
}

pub struct Invoice {
    pub id: String,
    pub created: i64,
    pub customer: usize,
    pub subscription: Option<String>,
    pub due: i64,
    pub currency: &'static str,
    pub status: &'static str,
    pub is_sent: bool,
    /// What was paid outside of Stripe.
    pub out_of_band: i64,
    pub finalized_at: Option<i64>,
    pub paid_at: Option<i64>,
    pub next_attempt: Option<i64>,
    pub attempts: i64,
    pub is_overdue: bool,
    pub links: Vec<Link>,
}

/// An `invoice_payment`: which payment is meant for an invoice, and what it paid of it.
pub struct Link {
    pub id: String,
    pub payment: usize,
    pub requested: i64,
    pub paid: i64,
}

pub struct Customer {
    pub id: String,
    pub user: Option<String>,
}

pub(super) const DECLINES: &[Decline] =
    &[Decline::INSUFFICIENT, Decline::GENERIC, Decline::STOLEN, Decline::EXPIRED, Decline::PROCESSING];

impl Payment {
    pub fn received(&self) -> i64 {
        self.charges.iter().filter(|charge| charge.status == "succeeded").map(|charge| charge.captured).sum()
    }

    pub fn is_capturable(&self) -> bool {
        self.charges.last().is_some_and(Charge::is_capturable)
    }
}

impl Charge {
    /// Authorised, and neither captured nor let go.
    pub fn is_capturable(&self) -> bool {
        self.status == "succeeded" && self.captured == 0 && self.released == 0
    }

    pub fn refunded(&self) -> i64 {
        self.refunds.iter().map(Refund::gives_back).sum()
    }

    /// What can still be refunded.
    pub fn left(&self) -> i64 {
        self.captured - self.refunded()
    }
}

impl Refund {
    /// Money that is back with the customer, or on its way: until it fails or is canceled.
    pub fn gives_back(&self) -> i64 {
        if self.is_release || self.is_dead() { 0 } else { self.amount }
    }

    pub fn is_dead(&self) -> bool {
        matches!(self.status, "failed" | "canceled")
    }
}

impl Dispute {
    /// What the bank took for good.
    pub fn lost(&self) -> i64 {
        if self.status == "lost" { self.amount } else { 0 }
    }

    pub fn is_inquiry(&self) -> bool {
        self.status.starts_with("warning_")
    }

    pub fn is_over(&self) -> bool {
        matches!(self.status, "warning_closed" | "lost" | "won" | "prevented")
    }
}

impl Invoice {
    pub fn paid(&self) -> i64 {
        self.out_of_band + self.links.iter().map(|link| link.paid).sum::<i64>()
    }

    pub fn is_open(&self) -> bool {
        matches!(self.status, "open" | "uncollectible")
    }
}
