//! Failed attempts to pay. One decline is one row, though Stripe tells it of the payment and of the charge.

use chrono::{DateTime, Utc};

use super::payments::Payment;
use super::row::{link_to, row};
use super::{Key, Object, earliest, observation};

row! {
    pub struct PaymentFailure {
        #[sqlx(flatten)]
        #[serde(flatten)]
        pub key: Key,
        /// The smallest stamp of an event that tells of it.
        pub failed_at: Option<DateTime<Utc>>,
        #[sqlx(flatten)]
        #[serde(flatten)]
        pub payment: PaymentLink,
        pub charge: Option<String>,
        /// Stripe's code, as given.
        #[sqlx(flatten)]
        #[serde(flatten)]
        pub code: Code,
        /// The bank's own code, where it gave one.
        #[sqlx(flatten)]
        #[serde(flatten)]
        pub decline: DeclineCode,
    }
}

link_to!(PaymentLink, payment, payment_freshness);
link_to!(Code, code, code_freshness);
link_to!(DeclineCode, decline_code, decline_code_freshness);

/// What one event says about one failed attempt: everything of it is a field that a report may lack.
pub type Report = observation::Report<(), Links>;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links {
    pub payment: Option<String>,
    pub charge: Option<String>,
    pub code: Option<String>,
    pub decline_code: Option<String>,
}

impl Object for PaymentFailure {
    const KIND: &'static str = "failure";
    const TABLE: &'static str = "payment_failures";

    fn placeholder(key: Key) -> Self {
        Self { key, ..Self::default() }
    }

    fn key(&self) -> &Key {
        &self.key
    }

    fn owners(&self) -> Vec<(&'static str, Key)> {
        self.owner().map(|key| (Payment::KIND, key)).into_iter().collect()
    }
}

impl PaymentFailure {
    /// The one merge: commutative, associative, idempotent.
    pub fn merge(&mut self, report: &Report) {
        earliest(&mut self.failed_at, report.at);
        let Links { payment, charge, code, decline_code } = &report.links;
        self.payment.see(payment.as_deref(), report.freshness);
        self.code.see(code.as_deref(), report.freshness);
        self.decline.see(decline_code.as_deref(), report.freshness);
        // The charge is the row's own name, where it has one: no two reports differ in it.
        if charge.is_some() {
            self.charge.clone_from(charge);
        }
    }

    pub fn owner(&self) -> Option<Key> {
        self.payment.id().map(|id| self.key.sibling(id))
    }

    /// The order of attempts.
    pub fn order(&self) -> (Option<DateTime<Utc>>, &Key) {
        (self.failed_at, &self.key)
    }
}
