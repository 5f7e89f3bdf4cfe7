//! Subscriptions: their status as Stripe reports it.

use chrono::{DateTime, Utc};

use super::event::Circumstances;
use super::fields::Fields;
use super::freshness::{Freshness, Seen, rank};
use super::kinds::Kind;
use super::row::{link_to, row};
use super::{
    AtStripe, AuditChange, Key, Object, Observation, Permanent, Severity, UNKNOWN, invoices, observation,
};

/// In the order in which they follow each other inside one second.
const TYPES: &[&str] = &[
    "customer.subscription.created",
    "customer.subscription.updated",
    "customer.subscription.paused",
    "customer.subscription.resumed",
    "customer.subscription.deleted",
];
const FINAL: &[&str] = &["canceled", "incomplete_expired"];

/// Stripe's statuses.
pub const STATUSES: &[&str] =
    &["incomplete", "incomplete_expired", "trialing", "active", "past_due", "canceled", "unpaid", "paused"];

row! {
    pub struct Subscription {
        #[serde(flatten)]
        pub key: Key,
        #[serde(flatten)]
        pub state: State,
        #[serde(flatten)]
        pub seen: Seen,
        #[serde(flatten)]
        pub customer: CustomerLink,
        #[serde(flatten)]
        pub latest_invoice: InvoiceLink,
        pub revision: i64,
        #[serde(skip)]
        pub audit_hash: Vec<u8>,
    }
}

row! {
    pub struct State {
        /// Stripe's own, as reported.
        pub status: String,
        pub collection_method: Option<String>,
        pub cancel_at_period_end: bool,
        pub current_period_end_at: Option<DateTime<Utc>>,
        pub created_at: Option<DateTime<Utc>>,
        pub canceled_at: Option<DateTime<Utc>>,
        pub ended_at: Option<DateTime<Utc>>,
    }
}

link_to!(CustomerLink, customer, customer_freshness);
link_to!(InvoiceLink, latest_invoice, latest_invoice_freshness);

/// What one event says about one subscription.
pub type Report = observation::Report<State, Links>;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links {
    pub customer: Option<String>,
    pub latest_invoice: Option<String>,
}

/// Reads `customer.subscription.*`.
pub fn read(event: Circumstances<'_>, object: &Fields<'_>) -> Result<Vec<Observation>, Permanent> {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    // Moved to the items in 2025-03-31.basil.
    let in_items = object.list(&["items"]).next();
    let period_end = match object.maybe_time(&["current_period_end"])? {
        None => in_items.map(|item| item.maybe_time(&["current_period_end"])).transpose()?.flatten(),
        found => found,
    };
    // Since 2025-09-30 the customer portal names the moment, and leaves the flag.
    let cancel_at = object.maybe_time(&["cancel_at"])?;
    let ends_with_period = cancel_at.is_some() && cancel_at == period_end;
    let state = State {
        status: object.text("status")?.to_owned(),
        // Called `billing` before 2019-10-17.
        collection_method: match object.maybe_text(&["collection_method"])? {
            None => owned(object.maybe_text(&["billing"])?),
            found => owned(found),
        },
        cancel_at_period_end: object.flag(&["cancel_at_period_end"]) || ends_with_period,
        current_period_end_at: period_end,
        created_at: object.maybe_time(&["created"])?,
        canceled_at: object.maybe_time(&["canceled_at"])?,
        ended_at: object.maybe_time(&["ended_at"])?,
    };
    let class = u8::from(FINAL.contains(&state.status.as_str()));
    let freshness = event.freshness(class, rank(TYPES, event.kind), 0, &state);
    let links = Links {
        customer: owned(object.customer()?),
        latest_invoice: owned(object.link(&["latest_invoice"])?),
    };
    let key = event.subject(object.id()?);
    let invoice = links.latest_invoice.as_deref().map(|id| event.subject(id));
    let mut observations = vec![Observation::Subscription(event.report(key, freshness, Some(state), links))];
    observations.extend(invoice.map(|invoice| invoices::named(event, invoice, freshness, true)));
    Ok(observations)
}

/// A subscription that an invoice names.
pub fn named(event: Circumstances<'_>, key: Key, freshness: Freshness) -> Observation {
    Observation::Subscription(event.report(key, freshness, None, Links::default()))
}

impl Object for Subscription {
    const KIND: Kind = Kind::Subscription;
    const NAME: &'static str = "subscription";
    const TABLE: &'static str = "subscriptions";
    const STRIPE_STATUSES: &'static [&'static str] = STATUSES;
    const AUDITED_STATUSES: &'static [&'static str] = STATUSES;
    const AT_STRIPE: Option<AtStripe> = Some(AtStripe::of("subscriptions", "customer.subscription.updated"));

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

    fn audit_changes(before: &Self, after: &Self) -> Vec<AuditChange> {
        let severity = match after.state.status.as_str() {
            "past_due" | "unpaid" | "incomplete_expired" => Severity::Warning,
            _ => Severity::Info,
        };
        AuditChange::status(&before.state.status, &after.state.status, severity)
    }

    fn revision(&mut self) -> Option<&mut i64> {
        Some(&mut self.revision)
    }

    fn audit_hash(&mut self) -> Option<&mut Vec<u8>> {
        Some(&mut self.audit_hash)
    }
}

impl Subscription {
    /// The one merge: commutative, associative, idempotent.
    pub fn merge(&mut self, report: &Report) {
        self.seen.take(&mut self.state, report);
        self.customer.see(report.links.customer.as_deref(), report.freshness);
        self.latest_invoice.see(report.links.latest_invoice.as_deref(), report.freshness);
    }

    /// It has ended, and nothing of it is collected any more.
    pub fn is_over(&self) -> bool {
        FINAL.contains(&self.state.status.as_str())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{event, in_every_order};

    #[test]
    fn what_has_ended_stays_ended_whatever_is_told_of_it_later() {
        let told = |kind: &str, second, status: &str| {
            let object =
                json!({"id": "sub_1", "object": "subscription", "status": status, "customer": "cus_1"});
            event(kind, second, &object)
        };
        let graph = in_every_order(&[
            told("customer.subscription.created", 0, "active"),
            told("customer.subscription.deleted", 10, "canceled"),
            told("customer.subscription.updated", 20, "active"),
        ]);
        let states: Vec<&str> = graph.subscriptions.rows().map(|row| row.state.status.as_str()).collect();
        assert_eq!(states, ["canceled"]);
    }

    #[test]
    fn one_that_is_to_be_canceled_at_the_end_of_its_period_ends_with_it_however_that_is_told() {
        for (flag, cancel_at, ends) in
            [(true, None, true), (false, Some(900), true), (false, Some(800), false)]
        {
            let object = json!({"id": "sub_1", "object": "subscription", "status": "active", "customer": "cus_1",
                "cancel_at_period_end": flag, "cancel_at": cancel_at,
                "items": {"data": [{"id": "si_1", "current_period_end": 900}]}});
            let graph = in_every_order(&[event("customer.subscription.updated", 0, &object)]);
            let told: Vec<bool> =
                graph.subscriptions.rows().map(|row| row.state.cancel_at_period_end).collect();
            assert_eq!(told, [ends], "{object}");
        }
    }
}
