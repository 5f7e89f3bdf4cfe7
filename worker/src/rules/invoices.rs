//! Invoices: Stripe's, or the merchant's own where only a payment's metadata name one. Their status for
//! staff is derived from Stripe's report and from the payments that are linked to them.

mod read;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use serde::Serialize;

pub use self::read::{Report, Shows, State, read, read_payment};
use super::freshness::{Freshness, keep_freshest};
use super::payments::Payment;
use super::{Key, Severity, UNKNOWN, earliest, latest};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct Invoice {
    #[sqlx(flatten)]
    pub key: Key,
    /// Derived, for staff.
    #[sqlx(try_from = "String")]
    pub status: Status,
    /// Stripe's own, as reported.
    pub stripe_status: Option<String>,
    pub number: Option<String>,
    pub amount_due: i64,
    pub amount_remaining: i64,
    /// Derived: what Stripe says was paid, or what the linked payments received.
    pub amount_paid: i64,
    pub stripe_amount_paid: i64,
    pub currency: String,
    pub collection_method: Option<String>,
    pub billing_reason: Option<String>,
    pub due_at: Option<DateTime<Utc>>,
    pub next_payment_attempt_at: Option<DateTime<Utc>>,
    pub created_at: Option<DateTime<Utc>>,
    pub finalized_at: Option<DateTime<Utc>>,
    pub sent_at: Option<DateTime<Utc>>,
    pub overdue_at: Option<DateTime<Utc>>,
    pub paid_at: Option<DateTime<Utc>>,
    /// The latest failed attempt that Stripe told of; kept after the invoice is paid.
    pub payment_failed_at: Option<DateTime<Utc>>,
    pub attempt_count: i64,
    #[sqlx(try_from = "String")]
    pub freshness: Freshness,
    pub needs_refetch: bool,
    pub customer: Option<String>,
    #[sqlx(try_from = "String")]
    pub customer_freshness: Freshness,
    pub subscription: Option<String>,
    #[sqlx(try_from = "String")]
    pub subscription_freshness: Freshness,
    pub last_event_at: Option<DateTime<Utc>>,
    pub revision: i64,
}

/// What staff read; the precedence stands in `Invoice::derive`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Named, but neither reported nor paid for.
    #[default]
    Unknown,
    Draft,
    Sent,
    Failed,
    Overdue,
    Uncollectible,
    Paid,
    Void,
    Deleted,
}

impl Invoice {
    /// An invoice that somebody named, before its first report.
    pub fn placeholder(key: Key) -> Self {
        Self {
            key,
            status: Status::Unknown,
            stripe_status: None,
            number: None,
            amount_due: 0,
            amount_remaining: 0,
            amount_paid: 0,
            stripe_amount_paid: 0,
            currency: String::new(),
            collection_method: None,
            billing_reason: None,
            due_at: None,
            next_payment_attempt_at: None,
            created_at: None,
            finalized_at: None,
            sent_at: None,
            overdue_at: None,
            paid_at: None,
            payment_failed_at: None,
            attempt_count: 0,
            freshness: Freshness::NONE,
            needs_refetch: false,
            customer: None,
            customer_freshness: Freshness::NONE,
            subscription: None,
            subscription_freshness: Freshness::NONE,
            last_event_at: None,
            revision: 0,
        }
    }

    /// The one merge: commutative, associative, idempotent.
    pub fn merge(&mut self, report: &Report) {
        latest(&mut self.last_event_at, report.event_at);
        match report.shows {
            Shows::Nothing => {}
            Shows::Finalized => earliest(&mut self.finalized_at, report.event_at),
            Shows::Sent => earliest(&mut self.sent_at, report.event_at),
            Shows::Overdue => earliest(&mut self.overdue_at, report.event_at),
            Shows::Paid => earliest(&mut self.paid_at, report.event_at),
            Shows::PaymentFailed => latest(&mut self.payment_failed_at, report.event_at),
        }
        self.attempt_count = self.attempt_count.max(report.attempt_count);
        let (customer, subscription) = (report.customer.as_deref(), report.subscription.as_deref());
        keep_freshest(&mut self.customer, &mut self.customer_freshness, customer, report.freshness);
        keep_freshest(
            &mut self.subscription,
            &mut self.subscription_freshness,
            subscription,
            report.freshness,
        );
        let Some(state) = &report.state else { return };
        if self.freshness.replace_by(report.freshness, &mut self.needs_refetch) {
            self.stripe_status = Some(state.status.clone());
            self.number.clone_from(&state.number);
            self.amount_due = state.amount_due;
            self.amount_remaining = state.amount_remaining;
            self.stripe_amount_paid = state.amount_paid;
            self.currency.clone_from(&state.currency);
            self.collection_method.clone_from(&state.collection_method);
            self.billing_reason.clone_from(&state.billing_reason);
            self.due_at = state.due_at;
            self.next_payment_attempt_at = state.next_payment_attempt_at;
            self.created_at = state.created_at;
        }
    }

    /// Derives what spans objects from the linked payments: a pure function of the merged objects.
    pub fn derive<'a>(&mut self, payments: impl Iterator<Item = &'a Payment> + Clone) {
        let received = payments.clone().map(|payment| payment.amount_received).fold(0, i64::saturating_add);
        let is_merchants_own = self.stripe_status.is_none();
        if is_merchants_own {
            // The largest currency in text order, so that a contradiction does not depend on order.
            let currency = payments.clone().map(|payment| payment.currency.as_str()).max();
            currency.unwrap_or_default().clone_into(&mut self.currency);
            self.amount_due =
                payments.clone().filter_map(|payment| payment.invoice_amount).max().unwrap_or(0);
        }
        self.amount_paid = if is_merchants_own { received } else { self.stripe_amount_paid };
        self.status = if is_merchants_own {
            Self::derive_own(payments, received)
        } else {
            self.derive_stripes(payments)
        };
    }

    fn derive_stripes<'a>(&self, mut payments: impl Iterator<Item = &'a Payment>) -> Status {
        let failed = self.payment_failed_at.is_some() || payments.any(Payment::has_failed);
        match self.stripe_status.as_deref().unwrap_or_default() {
            "deleted" => Status::Deleted,
            "void" => Status::Void,
            "paid" => Status::Paid,
            "uncollectible" => Status::Uncollectible,
            "draft" if self.finalized_at.is_none() => Status::Draft,
            _ if self.overdue_at.is_some() => Status::Overdue,
            _ if failed => Status::Failed,
            _ => Status::Sent,
        }
    }

    /// The merchant's own invoice: nobody reports it, so its payments tell.
    fn derive_own<'a>(payments: impl Iterator<Item = &'a Payment> + Clone, received: i64) -> Status {
        let stated = payments.clone().filter_map(|payment| payment.invoice_amount).max();
        let paid = match stated {
            Some(amount) => received >= amount && received > 0,
            None => payments.clone().any(Payment::has_succeeded),
        };
        let reported = payments.filter(|payment| payment.status != UNKNOWN);
        match reported.clone().count() {
            0 => Status::Unknown,
            _ if paid => Status::Paid,
            _ if reported.clone().any(Payment::has_failed) => Status::Failed,
            _ => Status::Sent,
        }
    }
}

impl Status {
    const ALL: [Self; 9] = [
        Self::Unknown,
        Self::Draft,
        Self::Sent,
        Self::Failed,
        Self::Overdue,
        Self::Uncollectible,
        Self::Paid,
        Self::Void,
        Self::Deleted,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => UNKNOWN,
            Self::Draft => "draft",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Overdue => "overdue",
            Self::Uncollectible => "uncollectible",
            Self::Paid => "paid",
            Self::Void => "void",
            Self::Deleted => "deleted",
        }
    }

    pub fn severity(self) -> Severity {
        match self {
            Self::Failed | Self::Overdue | Self::Uncollectible => Severity::Warning,
            _ => Severity::Info,
        }
    }
}

impl TryFrom<String> for Status {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|status| status.as_str() == text);
        found.ok_or_else(|| format!("not a status of an invoice: {text}"))
    }
}
