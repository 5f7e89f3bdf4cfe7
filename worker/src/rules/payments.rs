//! Payments: Stripe's payment intents, and charges that have none, with the links to invoice, customer and
//! user, in any order of arrival.

mod derive;
mod read;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};

pub use self::read::{Links, Report, State, links, named, named_invoices, of_metadata, read};
use super::bans::Ban;
use super::freshness::Seen;
use super::invoices::Invoice;
use super::row::{link_to, row, words};
use super::{Key, Object, Severity, Told, UNKNOWN, earliest};

const SUCCEEDED: &str = "succeeded";
const CANCELED: &str = "canceled";

row! {
    pub struct Payment {
        #[sqlx(flatten)]
        #[serde(flatten)]
        pub key: Key,
        #[sqlx(flatten)]
        #[serde(flatten)]
        pub state: State,
        pub succeeded_at: Option<DateTime<Utc>>,
        pub canceled_at: Option<DateTime<Utc>>,
        #[sqlx(flatten)]
        #[serde(flatten)]
        pub seen: Seen,
        #[sqlx(flatten)]
        #[serde(flatten)]
        pub customer: CustomerLink,
        #[sqlx(flatten)]
        #[serde(flatten)]
        pub user: UserLink,
        #[sqlx(flatten)]
        #[serde(flatten)]
        pub invoice_stripe: StripesInvoice,
        #[sqlx(flatten)]
        #[serde(flatten)]
        pub invoice_metadata: OwnInvoice,
        /// The invoice that it counts for: by Stripe's link, else by the one in the metadata.
        pub invoice: Option<String>,
        /// From here on derived from its charges, refunds and failures.
        #[sqlx(try_from = "String")]
        pub refunded: Refunded,
        pub amount_refunded: i64,
        #[sqlx(try_from = "String")]
        pub disputed: Disputed,
        pub dispute_count: i64,
        pub amount_charged_back: i64,
        pub failed_attempts: i64,
        pub last_failed_at: Option<DateTime<Utc>>,
        pub last_failure_code: Option<String>,
        pub last_decline_code: Option<String>,
        pub anomaly: Option<String>,
        pub revision: i64,
    }
}

link_to!(CustomerLink, customer, customer_freshness);
link_to!(
    /// `metadata.user_id`.
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
    const KIND: &'static str = "payment";
    const TABLE: &'static str = "payments";

    fn placeholder(key: Key) -> Self {
        let state = State { status: UNKNOWN.to_owned(), ..State::default() };
        Self { key, state, ..Self::default() }
    }

    fn key(&self) -> &Key {
        &self.key
    }

    fn owners(&self) -> Vec<(&'static str, Key)> {
        let users = [self.user.id(), self.customer.id()].into_iter().flatten();
        let bans = users.map(|user| (Ban::KIND, self.key.sibling(user)));
        self.owner().map(|key| (Invoice::KIND, key)).into_iter().chain(bans).collect()
    }

    fn told(before: &Self, after: &Self) -> Vec<Told> {
        let severity = if after.has_failed() { Severity::Warning } else { Severity::Info };
        let mut told = Told::status(&before.state.status, &after.state.status, severity);
        if after.failed_attempts > before.failed_attempts {
            let code = after.last_decline_code.clone().or_else(|| after.last_failure_code.clone());
            told.push(Told {
                what: "failed attempt",
                before: None,
                after: code,
                severity: Severity::Warning,
            });
        }
        told
    }

    fn revision(&mut self) -> Option<&mut i64> {
        Some(&mut self.revision)
    }
}

impl Payment {
    /// The one merge: commutative, associative, idempotent.
    pub fn merge(&mut self, report: &Report) {
        let freshness = report.freshness;
        match report.state.as_ref().map(|state| state.status.as_str()) {
            Some(SUCCEEDED) => earliest(&mut self.succeeded_at, report.at),
            Some(CANCELED) => earliest(&mut self.canceled_at, report.at),
            _ => {}
        }
        self.seen.take(&mut self.state, report);
        self.customer.see(report.links.customer.as_deref(), freshness);
        self.user.see(report.links.user_id.as_deref(), freshness);
        self.invoice_stripe.see(report.links.invoice_stripe.as_deref(), freshness);
        self.invoice_metadata.see(report.links.invoice_metadata.as_deref(), freshness);
        self.invoice = self.invoice_stripe.id().or_else(|| self.invoice_metadata.id()).map(str::to_owned);
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

    /// Every invoice that this payment names or named, by either link.
    pub fn invoices(&self) -> impl Iterator<Item = Key> {
        let named = [self.invoice_stripe.id(), self.invoice_metadata.id()];
        named.into_iter().flatten().map(|id| self.key.sibling(id))
    }

    /// The invoice that this payment counts for.
    pub fn owner(&self) -> Option<Key> {
        self.invoice.as_deref().map(|id| self.key.sibling(id))
    }
}
