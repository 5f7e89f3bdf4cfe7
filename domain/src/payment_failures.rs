//! Failed payment attempts. One decline is one row, although Stripe reports it for the payment and for the
//! charge. An invoice's report of a failure is its own row, because it does not name the payment.

use chrono::{DateTime, Utc};

use super::event::Circumstances;
use super::freshness::Freshness;
use super::index::Link;
use super::kinds::Kind;
use super::moments::Moment;
use super::row::{link_to, row};
use super::{Key, Object, Observation, observation};

row! {
    pub struct PaymentFailure {
        #[serde(flatten)]
        pub key: Key,
        pub failed_at: Moment,
        #[serde(flatten)]
        pub payment: PaymentLink,
        pub charge: Option<String>,
        /// The invoice that reported it, where an invoice did.
        pub invoice: Option<String>,
        /// Stripe's code, as given.
        #[serde(flatten)]
        pub code: Code,
        /// The bank's own code, where it gave one.
        #[serde(flatten)]
        pub decline: DeclineCode,
        /// Why the charge's outcome was so, which for a blocked charge no code says.
        #[serde(flatten)]
        pub outcome: OutcomeReason,
    }
}

link_to!(PaymentLink, payment, payment_freshness);
link_to!(Code, code, code_freshness);
link_to!(DeclineCode, decline_code, decline_code_freshness);
link_to!(OutcomeReason, outcome_reason, outcome_reason_freshness);

/// What one event says about one failed attempt: everything of it is a field that a report may lack.
pub type Report = observation::Report<(), Links>;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links {
    pub payment: Option<String>,
    pub charge: Option<String>,
    pub invoice: Option<String>,
    pub code: Option<String>,
    pub decline_code: Option<String>,
    pub outcome_reason: Option<String>,
}

/// What an invoice reports: one failure for each moment. Its `attempt_count` tells none apart, for it counts
/// automatic attempts only.
pub fn reported(event: Circumstances<'_>, invoice: &Key, freshness: Freshness) -> Observation {
    let key = event.subject(&format!("{}:{}", invoice.id, event.at.timestamp()));
    let links = Links { invoice: Some(invoice.id.clone()), ..Links::default() };
    Observation::Failure(event.report(key, freshness, None, links))
}

impl Object for PaymentFailure {
    const KIND: Kind = Kind::Failure;
    const NAME: &'static str = "failure";
    const TABLE: &'static str = "payment_failures";

    fn placeholder(key: Key) -> Self {
        Self { key, ..Self::default() }
    }

    fn key(&self) -> &Key {
        &self.key
    }

    fn links(&self, link: &mut dyn FnMut(Link, Option<Key>)) {
        link(Link::FailureOfPayment, self.owner());
        link(Link::FailureOfInvoice, self.reported_by());
    }

    fn owners(&self) -> Vec<(Kind, Key)> {
        let payment = self.owner().map(|key| (Kind::Payment, key));
        payment.into_iter().chain(self.reported_by().map(|key| (Kind::Invoice, key))).collect()
    }
}

impl PaymentFailure {
    /// The one merge: commutative, associative, idempotent.
    pub fn merge(&mut self, report: &Report) {
        self.failed_at.see(report.moment);
        let Links { payment, charge, invoice, code, decline_code, outcome_reason } = &report.links;
        self.payment.see(payment.as_deref(), report.freshness);
        self.code.see(code.as_deref(), report.freshness);
        self.decline.see(decline_code.as_deref(), report.freshness);
        self.outcome.see(outcome_reason.as_deref(), report.freshness);
        // Charge and invoice are in the row's own name, where it has them: no two reports differ in them.
        if charge.is_some() {
            self.charge.clone_from(charge);
        }
        if invoice.is_some() {
            self.invoice.clone_from(invoice);
        }
    }

    pub fn owner(&self) -> Option<Key> {
        self.payment.id().map(|id| self.key.sibling(id))
    }

    pub fn reported_by(&self) -> Option<Key> {
        self.invoice.as_deref().map(|id| self.key.sibling(id))
    }

    /// All that is known of why it failed, what weighs most first.
    pub fn causes(&self) -> impl Iterator<Item = &str> {
        [self.decline.id(), self.outcome.id(), self.code.id()].into_iter().flatten()
    }

    /// The order of attempts.
    pub fn order(&self) -> (Option<DateTime<Utc>>, &Key) {
        (self.failed_at.at(), &self.key)
    }
}
