//! What one event says, in the model's own terms: kept beside the body, so that what an endpoint with only some
//! families can know is the latest of what it was told.

use stripe_sim::Decline;

#[derive(Clone, Debug)]
pub enum Fact {
    /// The payment's status, and what was received.
    Intent {
        payment: String,
        status: &'static str,
        received: i64,
    },
    /// What was captured of a charge, and what each of its refunds gives back at that moment.
    Charge {
        payment: String,
        charge: String,
        captured: i64,
        refunds: Vec<(String, i64)>,
        /// It lists them; else it says no more than their sum.
        names_refunds: bool,
    },
    Refund {
        payment: String,
        refund: String,
        amount: i64,
        gives_back: i64,
        is_nameless_release: bool,
    },
    Dispute {
        payment: String,
        dispute: String,
        stands: Stands,
        lost: i64,
        is_foreign: bool,
    },
    /// Stripe says that the payment is meant for the invoice, and what it paid of it where that is said.
    Link {
        payment: String,
        invoice: String,
        paid: Option<i64>,
    },
    /// The intent's order reference names the invoice, which counts where the invoice itself is reported.
    Reference {
        payment: String,
        invoice: String,
    },
    /// The merchant's metadata say so, and what the invoice asks for.
    Own {
        payment: String,
        invoice: String,
        asks: Option<i64>,
    },
    Invoice {
        invoice: String,
        report: Report,
    },
    /// An attempt that failed: of a payment, or reported of an invoice.
    FailedAttempt {
        payment: String,
        charge: Option<String>,
        at: i64,
        decline: Decline,
    },
    FailedInvoice {
        invoice: String,
        at: i64,
    },
    /// The subscription has ended.
    Unsubscribed {
        subscription: String,
    },
    /// Whose payment it is.
    User {
        payment: String,
        place: UserPlace,
        user: String,
    },
}

/// Where a payment's disputes stand, in the order of their weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stands {
    Closed,
    Won,
    Lost,
    Open,
}

/// Which metadata name the user, in the order in which they count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UserPlace {
    Payment,
    Charge,
}

#[derive(Clone, Debug)]
pub struct Report {
    pub status: &'static str,
    pub due: i64,
    pub paid: i64,
    pub is_overdue: bool,
    pub is_sent: bool,
    pub next_attempt: Option<i64>,
    pub subscription: Option<String>,
}

/// The event types that Stripe lets an endpoint choose, by what they tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    Intents,
    Charges,
    RefundUpdates,
    Refunds,
    Disputes,
    Invoices,
    InvoicePayments,
    Subscriptions,
}

impl Family {
    pub const ALL: [Self; 8] = [
        Self::Intents,
        Self::Charges,
        Self::RefundUpdates,
        Self::Refunds,
        Self::Disputes,
        Self::Invoices,
        Self::InvoicePayments,
        Self::Subscriptions,
    ];

    pub fn of(kind: &str) -> Self {
        match kind {
            "charge.refund.updated" => Self::RefundUpdates,
            kind if kind.starts_with("payment_intent.") => Self::Intents,
            kind if kind.starts_with("charge.dispute.") => Self::Disputes,
            kind if kind.starts_with("charge.") => Self::Charges,
            kind if kind.starts_with("refund.") => Self::Refunds,
            kind if kind.starts_with("invoice.") => Self::Invoices,
            kind if kind.starts_with("invoice_payment.") => Self::InvoicePayments,
            kind if kind.starts_with("customer.subscription.") => Self::Subscriptions,
            kind => panic!("{kind} is in no family"),
        }
    }
}
