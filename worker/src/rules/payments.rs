//! Payments: Stripe's payment intents, with the links to invoice, customer and user, in any order of arrival.

mod read;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use serde::Serialize;

pub use self::read::{Report, State, read};
use super::freshness::{Freshness, keep_freshest};
use super::{Key, Severity, UNKNOWN, earliest, latest};

const SUCCEEDED: &str = "succeeded";
const CANCELED: &str = "canceled";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct Payment {
    #[sqlx(flatten)]
    pub key: Key,
    /// Stripe's own, as reported; `unknown` while only others have named the payment.
    pub status: String,
    pub amount: i64,
    pub amount_capturable: i64,
    pub amount_received: i64,
    pub currency: String,
    pub created_at: Option<DateTime<Utc>>,
    pub succeeded_at: Option<DateTime<Utc>>,
    pub canceled_at: Option<DateTime<Utc>>,
    /// Why the last attempt failed; empty again once an attempt went through.
    pub failure_code: Option<String>,
    pub decline_code: Option<String>,
    pub listing_id: Option<String>,
    pub category_id: Option<String>,
    pub payment_type: Option<String>,
    /// What the merchant's own invoice asks for, where the metadata say so.
    pub invoice_amount: Option<i64>,
    #[sqlx(try_from = "String")]
    pub freshness: Freshness,
    pub needs_refetch: bool,
    pub customer: Option<String>,
    #[sqlx(try_from = "String")]
    pub customer_freshness: Freshness,
    pub user_id: Option<String>,
    #[sqlx(try_from = "String")]
    pub user_id_freshness: Freshness,
    /// Derived: Stripe's link, else the one in the metadata.
    pub invoice: Option<String>,
    pub invoice_stripe: Option<String>,
    #[sqlx(try_from = "String")]
    pub invoice_stripe_freshness: Freshness,
    pub invoice_metadata: Option<String>,
    #[sqlx(try_from = "String")]
    pub invoice_metadata_freshness: Freshness,
    pub last_event_at: Option<DateTime<Utc>>,
    pub revision: i64,
}

impl Payment {
    /// A payment that somebody named, before its first report.
    pub fn placeholder(key: Key) -> Self {
        Self {
            key,
            status: UNKNOWN.to_owned(),
            amount: 0,
            amount_capturable: 0,
            amount_received: 0,
            currency: String::new(),
            created_at: None,
            succeeded_at: None,
            canceled_at: None,
            failure_code: None,
            decline_code: None,
            listing_id: None,
            category_id: None,
            payment_type: None,
            invoice_amount: None,
            freshness: Freshness::NONE,
            needs_refetch: false,
            customer: None,
            customer_freshness: Freshness::NONE,
            user_id: None,
            user_id_freshness: Freshness::NONE,
            invoice: None,
            invoice_stripe: None,
            invoice_stripe_freshness: Freshness::NONE,
            invoice_metadata: None,
            invoice_metadata_freshness: Freshness::NONE,
            last_event_at: None,
            revision: 0,
        }
    }

    /// The one merge: commutative, associative, idempotent.
    pub fn merge(&mut self, report: &Report) {
        let freshness = report.freshness;
        latest(&mut self.last_event_at, report.event_at);
        if let Some(state) = &report.state {
            self.merge_state(state, report);
        }
        keep_freshest(
            &mut self.customer,
            &mut self.customer_freshness,
            report.customer.as_deref(),
            freshness,
        );
        keep_freshest(&mut self.user_id, &mut self.user_id_freshness, report.user_id.as_deref(), freshness);
        keep_freshest(
            &mut self.invoice_stripe,
            &mut self.invoice_stripe_freshness,
            report.invoice_stripe.as_deref(),
            freshness,
        );
        keep_freshest(
            &mut self.invoice_metadata,
            &mut self.invoice_metadata_freshness,
            report.invoice_metadata.as_deref(),
            freshness,
        );
        self.invoice = self.invoice_stripe.clone().or_else(|| self.invoice_metadata.clone());
    }

    fn merge_state(&mut self, state: &State, report: &Report) {
        match state.status.as_str() {
            SUCCEEDED => earliest(&mut self.succeeded_at, report.event_at),
            CANCELED => earliest(&mut self.canceled_at, report.event_at),
            _ => {}
        }
        if !self.freshness.replace_by(report.freshness, &mut self.needs_refetch) {
            return;
        }
        self.status.clone_from(&state.status);
        self.amount = state.amount;
        self.amount_capturable = state.amount_capturable;
        self.amount_received = state.amount_received;
        self.currency.clone_from(&state.currency);
        self.created_at = state.created_at;
        self.failure_code.clone_from(&state.failure_code);
        self.decline_code.clone_from(&state.decline_code);
        self.listing_id.clone_from(&state.listing_id);
        self.category_id.clone_from(&state.category_id);
        self.payment_type.clone_from(&state.payment_type);
        self.invoice_amount = state.invoice_amount;
    }

    /// The last attempt failed, and none has gone through since.
    pub fn has_failed(&self) -> bool {
        self.status == "requires_payment_method" && self.failure_code.is_some()
    }

    pub fn has_succeeded(&self) -> bool {
        self.status == SUCCEEDED
    }

    /// Every invoice that this payment names or named, by either link: its owners, whose derived fields
    /// hang on it.
    pub fn invoices(&self) -> impl Iterator<Item = Key> {
        [&self.invoice_stripe, &self.invoice_metadata].into_iter().flatten().map(|id| self.key.sibling(id))
    }

    /// The invoice that this payment counts for.
    pub fn owner(&self) -> Option<Key> {
        self.invoice.as_deref().map(|id| self.key.sibling(id))
    }

    pub fn severity(&self) -> Severity {
        if self.has_failed() { Severity::Warning } else { Severity::Info }
    }
}
