//! Payments: Stripe's payment intents, with the links to invoice, customer and user, in any order of arrival.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::event::Circumstances;
use super::fields::{Fields, moment};
use super::freshness::{Freshness, keep_freshest, rank};
use super::{Key, Observation, Permanent, Severity, UNKNOWN, earliest, latest};

/// In the order in which they follow each other inside one second.
const TYPES: &[&str] = &[
    "payment_intent.created",
    "payment_intent.requires_action",
    "payment_intent.processing",
    "payment_intent.amount_capturable_updated",
    "payment_intent.partially_funded",
    "payment_intent.payment_failed",
    "payment_intent.canceled",
    "payment_intent.succeeded",
];
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

/// What one event says about one payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub key: Key,
    pub freshness: Freshness,
    pub event_at: Option<DateTime<Utc>>,
    /// `None` where the event only names the payment, as an invoice does.
    pub state: Option<State>,
    pub customer: Option<String>,
    pub user_id: Option<String>,
    pub invoice_stripe: Option<String>,
    pub invoice_metadata: Option<String>,
}

/// The payment's own fields, which the freshest report replaces together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    pub status: String,
    pub amount: i64,
    pub amount_capturable: i64,
    pub amount_received: i64,
    pub currency: String,
    pub created_at: Option<DateTime<Utc>>,
    pub failure_code: Option<String>,
    pub decline_code: Option<String>,
    pub listing_id: Option<String>,
    pub category_id: Option<String>,
    pub payment_type: Option<String>,
    pub invoice_amount: Option<i64>,
}

/// Reads `payment_intent.*`.
pub fn read(event: Circumstances<'_>, object: &Fields<'_>) -> Result<Vec<Observation>, Permanent> {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let status = object.text("status")?;
    let amount = object.amount("amount")?;
    let state = State {
        status: status.to_owned(),
        amount,
        amount_capturable: object.maybe_amount(&["amount_capturable"])?.unwrap_or(0),
        amount_received: object.maybe_amount(&["amount_received"])?.unwrap_or(0),
        currency: object.currency()?.to_owned(),
        created_at: object.maybe_time(&["created"])?,
        failure_code: owned(object.maybe_text(&["last_payment_error", "code"])?),
        decline_code: owned(object.maybe_text(&["last_payment_error", "decline_code"])?),
        listing_id: owned(object.metadata("listing_id")),
        category_id: owned(object.metadata("category_id")),
        payment_type: owned(object.metadata("payment_type")),
        invoice_amount: object
            .metadata("invoice_amount")
            .and_then(|text| text.parse().ok())
            .filter(|a| *a >= 0),
    };
    let class = u8::from([SUCCEEDED, CANCELED].contains(&status));
    let report = Report {
        key: event.subject(object.id()?),
        freshness: Freshness::of(class, event.created, rank(TYPES, event.kind), 0, event.object_hash),
        event_at: moment(event.created),
        state: Some(state),
        customer: owned(object.link(&["customer"])?),
        user_id: owned(object.metadata("user_id")),
        // Gone since 2025-03-31; there the invoice names its payments.
        invoice_stripe: owned(object.link(&["invoice"])?),
        invoice_metadata: owned(object.metadata("invoice_id")),
    };
    Ok(vec![Observation::Payment(report)])
}

impl Report {
    /// The invoices that this report names, by either link.
    pub fn invoices(&self) -> impl Iterator<Item = Key> {
        [&self.invoice_stripe, &self.invoice_metadata].into_iter().flatten().map(|id| self.key.sibling(id))
    }
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::rules::testing::{event, in_every_order, observations};

    fn intent(status: &str, extra: Value) -> Value {
        let mut object = json!({"id": "pi_1", "status": status, "amount": 1999, "currency": "usd"});
        object.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        object
    }

    #[test]
    fn fails_then_succeeds_inside_one_second() {
        let error =
            json!({"last_payment_error": {"code": "card_declined", "decline_code": "insufficient_funds"}});
        let world = in_every_order(&[
            event("payment_intent.created", 0, &intent("requires_payment_method", json!({}))),
            event("payment_intent.payment_failed", 0, &intent("requires_payment_method", error)),
            event("payment_intent.succeeded", 0, &intent("succeeded", json!({"amount_received": 1999}))),
        ]);
        let payment = world.payment("pi_1");
        assert_eq!((payment.status.as_str(), payment.amount_received), ("succeeded", 1999));
        assert!(!payment.needs_refetch && payment.failure_code.is_none());
    }

    #[test]
    fn a_link_survives_fresher_reports_without_it() {
        let with_user = json!({"metadata": {"user_id": "u1", "invoice_id": "own_7"}, "customer": "cus_1"});
        let world = in_every_order(&[
            event("payment_intent.created", 0, &intent("requires_payment_method", with_user)),
            event("payment_intent.processing", 5, &intent("processing", json!({}))),
        ]);
        let payment = world.payment("pi_1");
        assert_eq!(payment.status, "processing");
        assert_eq!((payment.user_id.as_deref(), payment.customer.as_deref()), (Some("u1"), Some("cus_1")));
        assert_eq!(payment.owner().unwrap().id, "own_7");
    }

    #[test]
    fn stripes_link_stands_before_the_merchants() {
        let world = in_every_order(&[
            event(
                "payment_intent.created",
                9,
                &intent("processing", json!({"metadata": {"invoice_id": "own_7"}})),
            ),
            event("payment_intent.created", 0, &intent("processing", json!({"invoice": "in_1"}))),
        ]);
        assert_eq!(world.payment("pi_1").owner().unwrap().id, "in_1");
    }

    #[test]
    fn two_contents_of_one_moment_ask_for_a_refetch() {
        let world = in_every_order(&[
            event("payment_intent.processing", 3, &intent("processing", json!({}))),
            event("payment_intent.requires_action", 3, &intent("requires_action", json!({}))),
        ]);
        assert!(world.payment("pi_1").needs_refetch);
    }

    #[test]
    fn a_status_never_seen_before_is_kept_as_text() {
        let [Observation::Payment(report)] =
            &observations("payment_intent.created", &intent("dreaming", json!({})))[..]
        else {
            panic!("one payment")
        };
        assert_eq!(report.state.as_ref().unwrap().status, "dreaming");
    }
}
