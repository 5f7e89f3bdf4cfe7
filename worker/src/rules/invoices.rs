//! Invoices: Stripe's, or the merchant's own where only a payment's metadata name one. Their status for
//! staff is derived from Stripe's report and from the payments that are linked to them.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::event::Circumstances;
use super::fields::{Fields, moment};
use super::freshness::{Freshness, keep_freshest, rank};
use super::payments::{self, Payment};
use super::{Key, Observation, Permanent, Severity, UNKNOWN, earliest, latest};

/// In the order in which they follow each other inside one second.
const TYPES: &[&str] = &[
    "invoice.created",
    "invoice.updated",
    "invoice.sent",
    "invoice.finalized",
    "invoice.finalization_failed",
    "invoice.payment_action_required",
    "invoice.payment_failed",
    "invoice.overdue",
    "invoice.marked_uncollectible",
    "invoice.voided",
    "invoice.payment_succeeded",
    "invoice.paid",
    "invoice.deleted",
];
const STATUSES: &[&str] = &["draft", "open", "uncollectible", "void", "paid", "deleted"];
const FINAL: &[&str] = &["void", "paid", "deleted"];

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

/// What one event says about one invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub key: Key,
    pub freshness: Freshness,
    pub event_at: Option<DateTime<Utc>>,
    /// `None` where the event only names the invoice.
    pub state: Option<State>,
    pub customer: Option<String>,
    pub subscription: Option<String>,
    pub attempt_count: i64,
    pub shows: Shows,
}

/// The invoice's own fields, which the freshest report replaces together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    pub status: String,
    pub number: Option<String>,
    pub amount_due: i64,
    pub amount_remaining: i64,
    pub amount_paid: i64,
    pub currency: String,
    pub collection_method: Option<String>,
    pub billing_reason: Option<String>,
    pub due_at: Option<DateTime<Utc>>,
    pub next_payment_attempt_at: Option<DateTime<Utc>>,
    pub created_at: Option<DateTime<Utc>>,
}

/// A step in the invoice's life that the event's type tells, beside the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shows {
    Nothing,
    Finalized,
    Sent,
    PaymentFailed,
    Overdue,
    Paid,
}

/// Reads `invoice.*`. The invoice also names its payments.
pub fn read(event: Circumstances<'_>, object: &Fields<'_>) -> Result<Vec<Observation>, Permanent> {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let key = event.subject(object.id()?);
    let status = match event.kind {
        "invoice.deleted" => "deleted",
        _ => object.text("status")?,
    };
    let class = u8::from(FINAL.contains(&status));
    let (type_rank, status_rank) = (rank(TYPES, event.kind), rank(STATUSES, status));
    let freshness = Freshness::of(class, event.created, type_rank, status_rank, event.object_hash);
    let shows = match event.kind {
        "invoice.finalized" => Shows::Finalized,
        "invoice.sent" => Shows::Sent,
        "invoice.payment_failed" => Shows::PaymentFailed,
        "invoice.overdue" => Shows::Overdue,
        _ if status == "paid" => Shows::Paid,
        _ => Shows::Nothing,
    };
    let state = State {
        status: status.to_owned(),
        number: owned(object.maybe_text(&["number"])?),
        amount_due: object.amount("amount_due")?,
        amount_remaining: object.maybe_amount(&["amount_remaining"])?.unwrap_or(0),
        amount_paid: object.maybe_amount(&["amount_paid"])?.unwrap_or(0),
        currency: object.currency()?.to_owned(),
        collection_method: owned(object.maybe_text(&["collection_method"])?),
        billing_reason: owned(object.maybe_text(&["billing_reason"])?),
        due_at: object.maybe_time(&["due_date"])?,
        next_payment_attempt_at: object.maybe_time(&["next_payment_attempt"])?,
        created_at: object.maybe_time(&["created"])?,
    };
    // Moved in 2025-04-30.basil.
    let subscription = match object.link(&["subscription"])? {
        None => object.link(&["parent", "subscription_details", "subscription"])?,
        found => found,
    };
    let report = Report {
        key: key.clone(),
        freshness,
        event_at: moment(event.created),
        state: Some(state),
        customer: owned(object.link(&["customer"])?),
        subscription: owned(subscription),
        attempt_count: object.count("attempt_count"),
        shows,
    };
    let mut observations = vec![Observation::Invoice(report)];
    for payment in payments_of(object)? {
        observations.push(link(event, payment, &key, freshness));
    }
    Ok(observations)
}

/// Reads `invoice_payment.paid`, which since 2025-03-31 is how a payment learns of its invoice.
pub fn read_payment(event: Circumstances<'_>, object: &Fields<'_>) -> Result<Vec<Observation>, Permanent> {
    let invoice = object.link(&["invoice"])?.ok_or_else(|| object.refuse("invoice", "is missing"))?;
    let key = event.subject(invoice);
    let freshness = Freshness::of(0, event.created, 0, 0, event.object_hash);
    let named = Report {
        key: key.clone(),
        freshness,
        event_at: moment(event.created),
        state: None,
        customer: None,
        subscription: None,
        attempt_count: 0,
        shows: Shows::Nothing,
    };
    let mut observations = vec![Observation::Invoice(named)];
    // A charge or a record of money from elsewhere is no payment intent; it has nothing to link.
    if let Some(payment) = object.link(&["payment", "payment_intent"])? {
        observations.push(link(event, payment, &key, freshness));
    }
    Ok(observations)
}

fn payments_of<'a>(object: &Fields<'a>) -> Result<Vec<&'a str>, Permanent> {
    let mut payments: Vec<&str> = object.link(&["payment_intent"])?.into_iter().collect();
    let listed = object.at(&["payments", "data"]).and_then(serde_json::Value::as_array);
    for entry in listed.into_iter().flatten() {
        let entry = object.within(entry);
        payments.extend(entry.link(&["payment", "payment_intent"])?);
    }
    payments.sort_unstable();
    payments.dedup();
    Ok(payments)
}

fn link(event: Circumstances<'_>, payment: &str, invoice: &Key, freshness: Freshness) -> Observation {
    Observation::Payment(payments::Report {
        key: event.subject(payment),
        freshness,
        event_at: None,
        state: None,
        customer: None,
        user_id: None,
        invoice_stripe: Some(invoice.id.clone()),
        invoice_metadata: None,
    })
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
            self.currency = currency.unwrap_or_default().to_owned();
            self.amount_due =
                payments.clone().filter_map(|payment| payment.invoice_amount).max().unwrap_or(0);
        }
        self.amount_paid = if is_merchants_own { received } else { self.stripe_amount_paid };
        self.status = if is_merchants_own {
            self.derive_own(payments, received)
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
    fn derive_own<'a>(&self, payments: impl Iterator<Item = &'a Payment> + Clone, received: i64) -> Status {
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::rules::testing::{event, in_every_order};
    use crate::rules::world::World;

    fn invoice(status: &str, extra: Value) -> Value {
        let mut object = json!({"id": "in_1", "status": status, "amount_due": 2000, "currency": "usd"});
        object.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        object
    }

    fn status(world: &World) -> &'static str {
        world.invoice("in_1").status.as_str()
    }

    #[test]
    fn a_happy_invoice_in_one_second() {
        let paid =
            json!({"amount_paid": 2000, "payments": {"data": [{"payment": {"payment_intent": "pi_1"}}]}});
        let world = in_every_order(&[
            event("invoice.created", 0, &invoice("draft", json!({}))),
            event("invoice.finalized", 0, &invoice("open", json!({}))),
            event("invoice.payment_succeeded", 0, &invoice("paid", paid.clone())),
            event("invoice.paid", 0, &invoice("paid", paid)),
        ]);
        assert_eq!(status(&world), "paid");
        assert_eq!(world.invoice("in_1").amount_paid, 2000);
        assert_eq!(world.payment("pi_1").owner().unwrap().id, "in_1", "the invoice named its payment");
    }

    #[test]
    fn fails_twice_is_overdue_then_paid() {
        let tried = |count: i64| invoice("open", json!({"attempt_count": count}));
        let mut story = vec![
            event("invoice.finalized", 0, &tried(0)),
            event("invoice.payment_failed", 10, &tried(1)),
            event("invoice.payment_failed", 20, &tried(2)),
        ];
        assert_eq!(status(&in_every_order(&story)), "failed");
        story.push(event("invoice.overdue", 30, &tried(2)));
        assert_eq!(status(&in_every_order(&story)), "overdue");
        story.push(event("invoice.paid", 40, &invoice("paid", json!({"amount_paid": 2000}))));
        let world = in_every_order(&story);
        assert_eq!(status(&world), "paid");
        let invoice = world.invoice("in_1");
        assert_eq!((invoice.attempt_count, invoice.payment_failed_at), (2, moment(1_700_000_020)));
    }

    #[test]
    fn a_deleted_draft_and_a_void_invoice_stay_so() {
        let draft = event("invoice.created", 0, &invoice("draft", json!({})));
        let deleted = event("invoice.deleted", 0, &invoice("draft", json!({})));
        assert_eq!(status(&in_every_order(&[draft, deleted])), "deleted");
        let open = event("invoice.finalized", 9, &invoice("open", json!({})));
        let void = event("invoice.voided", 5, &invoice("void", json!({})));
        assert_eq!(status(&in_every_order(&[open, void])), "void");
    }

    #[test]
    fn uncollectible_then_paid_after_all() {
        let lost = event("invoice.marked_uncollectible", 5, &invoice("uncollectible", json!({})));
        let paid = event("invoice.paid", 5, &invoice("paid", json!({"amount_paid": 2000})));
        assert_eq!(status(&in_every_order(&[lost, paid])), "paid");
    }

    #[test]
    fn the_merchants_own_invoice_is_paid_when_enough_was_received() {
        let part = |id: &str, received: i64| {
            let metadata = json!({"invoice_id": "in_1", "invoice_amount": "3000"});
            json!({"id": id, "status": "succeeded", "amount": received, "amount_received": received,
                   "currency": "usd", "metadata": metadata})
        };
        let mut story = vec![event("payment_intent.succeeded", 0, &part("pi_1", 1000))];
        assert_eq!(status(&in_every_order(&story)), "sent");
        story.push(event("payment_intent.succeeded", 5, &part("pi_2", 2000)));
        let world = in_every_order(&story);
        assert_eq!(status(&world), "paid");
        assert_eq!((world.invoice("in_1").amount_due, world.invoice("in_1").amount_paid), (3000, 3000));
    }

    #[test]
    fn a_payment_that_changes_its_invoice_is_taken_from_the_old_one() {
        let payment = |invoice: &str| {
            json!({"id": "pi_1", "status": "succeeded", "amount": 5, "amount_received": 5, "currency": "usd",
                   "metadata": {"invoice_id": invoice}})
        };
        let world = in_every_order(&[
            event("payment_intent.succeeded", 0, &payment("in_1")),
            event("payment_intent.succeeded", 5, &payment("in_2")),
        ]);
        assert_eq!(status(&world), "unknown");
        assert_eq!(world.invoice("in_2").status, Status::Paid);
    }

    #[test]
    fn the_link_of_an_invoice_payment_makes_placeholders() {
        let object = json!({"id": "inpay_1", "invoice": "in_1", "payment": {"payment_intent": "pi_1"}});
        let world = in_every_order(&[event("invoice_payment.paid", 0, &object)]);
        assert_eq!((status(&world), world.payment("pi_1").status.as_str()), ("unknown", UNKNOWN));
    }
}
