//! Invoices: Stripe's, or the merchant's own if only a payment's metadata names one. Their status for staff is
//! derived from Stripe's report and from linked payments.

mod derive;
mod failures;
mod read;
mod retries;
pub mod shares;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};

pub use self::derive::{Part, Parts};
pub(super) use self::read::STATUSES;
pub use self::read::{Links, Report, Shows, State, named, read};
pub use self::retries::NoRetry;
use super::freshness::Seen;
use super::index::Link;
use super::kinds::Kind;
use super::row::{link_to, row, words};
use super::{AtStripe, AuditChange, Key, Object, Severity, earliest};

row! {
    pub struct Invoice {
        #[serde(flatten)]
        pub key: Key,
        /// For staff; derived.
        pub status: Status,
        /// Whether Stripe reported it or links to it; else it is the merchant's own.
        pub is_stripes: bool,
        #[serde(flatten)]
        pub state: State,
        pub finalized_at: Option<DateTime<Utc>>,
        pub sent_at: Option<DateTime<Utc>>,
        pub overdue_at: Option<DateTime<Utc>>,
        pub paid_at: Option<DateTime<Utc>>,
        pub voided_at: Option<DateTime<Utc>>,
        pub attempt_count: i64,
        #[serde(flatten)]
        pub seen: Seen,
        #[serde(flatten)]
        pub customer: CustomerLink,
        #[serde(flatten)]
        pub subscription: SubscriptionLink,
        /// From here on derived from its payments and their failures. What was received, less lost disputes.
        pub amount_paid: i64,
        pub amount_refunded: i64,
        pub amount_charged_back: i64,
        /// The latest failure; kept after the invoice is paid.
        pub payment_failed_at: Option<DateTime<Utc>>,
        pub payment_failure_code: Option<String>,
        pub payment_failure_reason: Option<String>,
        /// Failures so far.
        pub payment_retry_count: i64,
        pub last_payment_retry_at: Option<DateTime<Utc>>,
        pub next_payment_retry_at: Option<DateTime<Utc>>,
        pub anomaly: Option<String>,
        pub revision: i64,
        #[serde(skip)]
        pub audit_hash: Vec<u8>,
    }
}

link_to!(CustomerLink, customer, customer_freshness);
link_to!(SubscriptionLink, subscription, subscription_freshness);

words! {
    /// What staff read; the precedence stands in `Invoice::derive`.
    pub enum Status {
        Unknown = "unknown",
        Draft = "draft",
        Sent = "sent",
        Failed = "failed",
        Overdue = "overdue",
        Uncollectible = "uncollectible",
        Paid = "paid",
        PartiallyRefunded = "partially_refunded",
        PartiallyChargedBack = "partially_charged_back",
        Refunded = "refunded",
        Disputed = "disputed",
        ChargedBack = "charged_back",
        Void = "void",
        Deleted = "deleted",
    }
}

impl Object for Invoice {
    const KIND: Kind = Kind::Invoice;
    const NAME: &'static str = "invoice";
    const TABLE: &'static str = "invoices";
    const STRIPE_STATUSES: &'static [&'static str] = STATUSES;
    const AUDITED_STATUSES: &'static [&'static str] = Status::WORDS;
    const AT_STRIPE: Option<AtStripe> = Some(AtStripe {
        path: "invoices",
        reported_as: "invoice.updated",
        deleted_as: Some("invoice.deleted"),
    });

    fn placeholder(key: Key) -> Self {
        Self { key, ..Self::default() }
    }

    fn key(&self) -> &Key {
        &self.key
    }

    fn seen(&self) -> Option<&Seen> {
        Some(&self.seen)
    }

    fn stripe_status(&self) -> Option<&str> {
        self.state.stripe_status.as_deref()
    }

    fn links(&self, link: &mut dyn FnMut(Link, Option<Key>)) {
        link(Link::InvoiceOfSubscription, self.subscribed());
    }

    fn derives_from(&self) -> Vec<(Kind, Key)> {
        self.subscribed().map(|key| (Kind::Subscription, key)).into_iter().collect()
    }

    fn audit_changes(before: &Self, after: &Self) -> Vec<AuditChange> {
        let severity = match after.status {
            Status::Disputed | Status::ChargedBack | Status::PartiallyChargedBack => Severity::Critical,
            Status::Failed | Status::Overdue | Status::Uncollectible => Severity::Warning,
            _ => Severity::Info,
        };
        AuditChange::status(before.status.as_str(), after.status.as_str(), severity)
    }

    fn revision(&mut self) -> Option<&mut i64> {
        Some(&mut self.revision)
    }

    fn audit_hash(&mut self) -> Option<&mut Vec<u8>> {
        Some(&mut self.audit_hash)
    }
}

impl Invoice {
    /// The one merge: commutative, associative, idempotent.
    pub fn merge(&mut self, report: &Report) {
        let Links { is_stripes, customer, subscription, attempt_count, shows, transitions } = &report.links;
        let show = |step, said: Option<DateTime<Utc>>, known: &mut Option<DateTime<Utc>>| {
            // Stripe's word stands before the event's stamp, which is never the earlier of the two.
            if let Some(shown) = said.or((*shows == step).then_some(report.at)) {
                earliest(known, shown);
            }
        };
        show(Shows::Finalized, transitions.finalized, &mut self.finalized_at);
        show(Shows::Sent, None, &mut self.sent_at);
        show(Shows::Overdue, None, &mut self.overdue_at);
        show(Shows::Paid, transitions.paid, &mut self.paid_at);
        show(Shows::Voided, transitions.voided, &mut self.voided_at);
        self.is_stripes |= is_stripes;
        self.attempt_count = self.attempt_count.max(*attempt_count);
        self.seen.take(&mut self.state, report);
        self.customer.see(customer.as_deref(), report.freshness);
        self.subscription.see(subscription.as_deref(), report.freshness);
    }

    /// The subscription that it bills.
    pub fn subscribed(&self) -> Option<Key> {
        self.subscription.id().map(|id| self.key.sibling(id))
    }
}
