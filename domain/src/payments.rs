//! Payments: Stripe's payment intents, and charges without one, with their links to invoice, customer and user,
//! in any order of arrival.

mod derive;
mod read;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};

pub use self::read::{Links, Purpose, Report, State, Teller, links, named, named_invoices, read};
use super::freshness::{Freshness, Seen};
use super::index::Link;
use super::kinds::Kind;
use super::moments::Moment;
use super::row::{link_to, row, words};
use super::{AtStripe, AuditChange, Key, Object, Severity, UNKNOWN, earliest};

const SUCCEEDED: &str = "succeeded";
pub(super) const CANCELED: &str = "canceled";

/// Stripe's statuses.
pub const STATUSES: &[&str] = &[
    "requires_payment_method",
    "requires_confirmation",
    "requires_action",
    "processing",
    "requires_capture",
    "succeeded",
    "canceled",
];

row! {
    pub struct Payment {
        #[serde(flatten)]
        pub key: Key,
        #[serde(flatten)]
        pub state: State,
        /// The smallest that a report tells: a charge is made after its payment.
        pub created_at: Option<DateTime<Utc>>,
        pub succeeded_at: Moment,
        pub canceled_at: Moment,
        #[serde(flatten)]
        pub seen: Seen,
        #[serde(flatten)]
        pub customer: CustomerLink,
        #[serde(flatten)]
        pub user: UserLink,
        #[serde(flatten)]
        pub purpose: Purpose,
        pub purpose_freshness: Freshness,
        #[serde(flatten)]
        pub invoice_stripe: StripesInvoice,
        #[serde(flatten)]
        pub invoice_metadata: OwnInvoice,
        #[serde(flatten)]
        pub invoice_reference: ReferencedInvoice,
        /// The invoice that it counts for: by Stripe's link, else by its order reference where Stripe has reported
        /// that invoice, else by the one in the metadata.
        pub invoice: Option<String>,
        /// From here on derived from its charges, refunds and failures.
        pub refunded: Refunded,
        pub amount_refunded: i64,
        pub disputed: Disputed,
        pub dispute_count: i64,
        pub amount_charged_back: i64,
        pub failed_attempts: i64,
        pub last_failed_at: Option<DateTime<Utc>>,
        pub last_failure_code: Option<String>,
        pub last_decline_code: Option<String>,
        pub anomaly: Option<String>,
        pub revision: i64,
        #[serde(skip)]
        pub audit_hash: Vec<u8>,
    }
}

link_to!(CustomerLink, customer, customer_freshness);
link_to!(
    /// `metadata.user_id`, the payment's own before its charge's.
    UserLink, user_id, user_id_freshness
);
link_to!(
    /// Stripe's own link.
    StripesInvoice, invoice_stripe, invoice_stripe_freshness
);
link_to!(
    /// `metadata.invoice_id`.
    OwnInvoice, invoice_metadata, invoice_metadata_freshness
);
link_to!(
    /// `payment_details.order_reference`, where it may be an invoice.
    ReferencedInvoice, invoice_reference, invoice_reference_freshness
);

words! {
    /// How much of what was received went back by refunds.
    pub enum Refunded {
        None = "none",
        Partial = "partial",
        Full = "full",
    }
}

words! {
    /// Where its disputes stand, inquiries included; of several the one that weighs most.
    pub enum Disputed {
        None = "none",
        Closed = "closed",
        Won = "won",
        Lost = "lost",
        Open = "open",
    }
}

impl Object for Payment {
    const KIND: Kind = Kind::Payment;
    const NAME: &'static str = "payment";
    const TABLE: &'static str = "payments";
    const STRIPE_STATUSES: &'static [&'static str] = STATUSES;
    const AUDITED_STATUSES: &'static [&'static str] = STATUSES;
    const AT_STRIPE: Option<AtStripe> = Some(AtStripe::of("payment_intents", "payment_intent.updated"));

    fn placeholder(key: Key) -> Self {
        let state = State { status: UNKNOWN.to_owned(), ..State::default() };
        Self { key, state, ..Self::default() }
    }

    fn key(&self) -> &Key {
        &self.key
    }

    fn seen(&self) -> Option<&Seen> {
        Some(&self.seen)
    }

    fn stripe_status(&self) -> Option<&str> {
        Some(&self.state.status)
    }

    fn links(&self, link: &mut dyn FnMut(Link, Option<Key>)) {
        link(Link::PaymentOfInvoice, self.owner());
        link(Link::PaymentByReference, self.referenced());
        link(Link::PaymentOfCustomer, self.customer.id().map(|id| self.key.sibling(id)));
        link(Link::PaymentOfUser, self.user.id().map(|id| self.key.sibling(id)));
    }

    fn owners(&self) -> Vec<(Kind, Key)> {
        let users = [self.user.id(), self.customer.id()].into_iter().flatten();
        let bans = users.map(|user| (Kind::Ban, self.key.sibling(user)));
        self.owner().map(|key| (Kind::Invoice, key)).into_iter().chain(bans).collect()
    }

    fn derives_from(&self) -> Vec<(Kind, Key)> {
        self.referenced().map(|key| (Kind::Invoice, key)).into_iter().collect()
    }

    fn audit_changes(before: &Self, after: &Self) -> Vec<AuditChange> {
        let severity = if after.has_failed() { Severity::Warning } else { Severity::Info };
        let mut changes = AuditChange::status(&before.state.status, &after.state.status, severity);
        if after.failed_attempts > before.failed_attempts {
            let code = after.last_decline_code.clone().or_else(|| after.last_failure_code.clone());
            changes.push(AuditChange {
                what: "failed attempt",
                before: None,
                after: code,
                severity: Severity::Warning,
            });
        }
        changes
    }

    fn revision(&mut self) -> Option<&mut i64> {
        Some(&mut self.revision)
    }

    fn audit_hash(&mut self) -> Option<&mut Vec<u8>> {
        Some(&mut self.audit_hash)
    }
}

impl Payment {
    /// The one merge: commutative, associative, idempotent.
    pub fn merge(&mut self, report: &Report) {
        let Links {
            teller,
            created_at,
            customer,
            user_id,
            purpose,
            invoice_stripe,
            invoice_metadata,
            invoice_reference,
        } = &report.links;
        match report.state.as_ref().map(|state| state.status.as_str()) {
            Some(SUCCEEDED) => self.succeeded_at.see(report.moment),
            Some(CANCELED) => self.canceled_at.see(report.moment),
            _ => {}
        }
        if let Some(seen) = created_at {
            earliest(&mut self.created_at, *seen);
        }
        self.seen.take_as(teller.weigh(report.freshness), &mut self.state, report);
        let freshness = teller.weigh_words(report.freshness);
        self.customer.see(customer.as_deref(), freshness);
        self.user.see(user_id.as_deref(), freshness);
        if let Some(purpose) = purpose
            && (freshness, purpose) > (self.purpose_freshness, &self.purpose)
        {
            self.purpose.clone_from(purpose);
            self.purpose_freshness = freshness;
        }
        self.invoice_metadata.see(invoice_metadata.as_deref(), freshness);
        self.invoice_stripe.see(invoice_stripe.as_deref(), report.freshness);
        self.invoice_reference.see(invoice_reference.as_deref(), freshness);
    }

    /// Decides for which invoice it counts, given whether Stripe has reported the one of its order reference.
    pub fn count_for(&mut self, is_reported: bool) {
        let reference = self.invoice_reference.id().filter(|_| is_reported);
        let invoice = self.invoice_stripe.id().or(reference).or_else(|| self.invoice_metadata.id());
        self.invoice = invoice.map(str::to_owned);
    }

    /// How much came in, where anybody has said so.
    pub fn received(&self) -> Option<i64> {
        (self.state.status != UNKNOWN).then_some(self.state.amount_received)
    }

    /// The last attempt failed, and none has gone through since.
    pub fn has_failed(&self) -> bool {
        match self.state.status.as_str() {
            "requires_payment_method" => self.state.failure_code.is_some() || self.failed_attempts > 0,
            UNKNOWN => self.failed_attempts > 0,
            _ => false,
        }
    }

    pub fn has_succeeded(&self) -> bool {
        self.state.status == SUCCEEDED
    }

    /// Its money came in after that, as far as is known: what may have been before does not hide a success.
    pub fn has_succeeded_since(&self, failed_at: Moment) -> bool {
        let is_unsure = self.succeeded_at.is_estimate() || failed_at.is_estimate();
        self.has_succeeded() && (is_unsure || self.succeeded_at.at() >= failed_at.at())
    }

    /// It has succeeded or was given up: it takes no money any more.
    pub fn is_settled(&self) -> bool {
        self.has_succeeded() || self.state.status == CANCELED
    }

    /// It may still succeed without another attempt.
    pub fn is_underway(&self) -> bool {
        matches!(self.state.status.as_str(), "processing" | "requires_capture")
    }

    /// Every invoice that this payment names or named, by any link.
    pub fn invoices(&self) -> impl Iterator<Item = Key> {
        let named = [self.invoice_stripe.id(), self.invoice_reference.id(), self.invoice_metadata.id()];
        named.into_iter().flatten().map(|id| self.key.sibling(id))
    }

    /// Its order reference decides, once Stripe reports that invoice: no link of Stripe's own stands before it.
    pub fn counts_by_reference(&self) -> bool {
        self.invoice_stripe.id().is_none()
    }

    /// The invoice of its order reference.
    pub fn referenced(&self) -> Option<Key> {
        self.invoice_reference.id().map(|id| self.key.sibling(id))
    }

    /// The invoice that this payment counts for.
    pub fn owner(&self) -> Option<Key> {
        self.invoice.as_deref().map(|id| self.key.sibling(id))
    }
}

/// The classes of reports about a payment: what a charge says stands below the payment's own words, but once it
/// took the money, or gave it up, it stands above all of them that are not final.
impl Teller {
    /// How much a report of the payment's state weighs.
    fn weigh(self, freshness: Freshness) -> Freshness {
        let is_final = freshness.class() == Some(1);
        freshness.in_class(match self {
            Self::Charge { settles: false } => 0,
            Self::Itself if !is_final => 1,
            Self::Charge { settles: true } => 2,
            Self::Itself => 3,
        })
    }

    /// How much the customer and the metadata weigh: a charge has them from its payment, as they were then.
    fn weigh_words(self, freshness: Freshness) -> Freshness {
        freshness.in_class(match self {
            Self::Charge { .. } => 0,
            Self::Itself => 1 + freshness.class().unwrap_or(0),
        })
    }
}
