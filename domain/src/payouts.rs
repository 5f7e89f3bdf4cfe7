//! Payouts: what Stripe sends to the merchant's bank account, or takes from it. One that was paid may still fail
//! days later, when the bank sends it back.

use chrono::{DateTime, Utc};

use super::event::Circumstances;
use super::fields::Fields;
use super::freshness::{Seen, rank};
use super::kinds::Kind;
use super::moments::Moment;
use super::row::row;
use super::{AtStripe, AuditChange, Key, Object, Observation, Permanent, Severity, UNKNOWN, observation};

/// In the order in which they follow each other inside one second.
const TYPES: &[&str] = &[
    "payout.created",
    "payout.updated",
    "payout.paid",
    "payout.reconciliation_completed",
    "payout.canceled",
    "payout.failed",
];
/// Stripe's statuses, in the order in which they follow each other.
pub const STATUSES: &[&str] = &["pending", "in_transit", "paid", "canceled", "failed"];
/// After these nothing comes.
const FINAL: &[&str] = &["canceled", "failed"];

row! {
    pub struct Payout {
        #[serde(flatten)]
        pub key: Key,
        #[serde(flatten)]
        pub state: State,
        /// When its balance transactions were complete: automatic ones only.
        pub reconciled_at: Moment,
        #[serde(flatten)]
        pub seen: Seen,
        pub revision: i64,
        #[serde(skip)]
        pub audit_hash: Vec<u8>,
    }
}

row! {
    pub struct State {
        pub status: String,
        /// Negative where Stripe takes it from the bank account.
        pub amount: i64,
        pub currency: String,
        /// When the money should be there.
        pub arrival_date: Option<DateTime<Utc>>,
        /// Made by Stripe's schedule, not by a person.
        pub automatic: bool,
        pub failure_code: Option<String>,
        pub created_at: Option<DateTime<Utc>>,
    }
}

/// What one event says about one payout.
pub type Report = observation::Report<State, Links>;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links {
    /// Every balance transaction of the payout is known.
    pub is_reconciled: bool,
}

/// Reads `payout.*`.
pub fn read(event: Circumstances<'_>, object: &Fields<'_>) -> Result<Vec<Observation>, Permanent> {
    let state = State {
        status: object.text("status")?.to_owned(),
        amount: object.signed("amount")?,
        currency: object.currency()?.to_owned(),
        arrival_date: object.maybe_time(&["arrival_date"])?,
        automatic: object.flag(&["automatic"]),
        failure_code: object.maybe_text(&["failure_code"])?.map(str::to_owned),
        created_at: object.maybe_time(&["created"])?,
    };
    let class = u8::from(FINAL.contains(&state.status.as_str()));
    let freshness = event.freshness(class, rank(TYPES, event.kind), rank(STATUSES, &state.status), &state);
    let status = object.maybe_text(&["reconciliation_status"])?;
    let is_reconciled = event.kind == "payout.reconciliation_completed" || status == Some("completed");
    let links = Links { is_reconciled };
    Ok(vec![Observation::Payout(event.report(event.subject(object.id()?), freshness, Some(state), links))])
}

impl Object for Payout {
    const KIND: Kind = Kind::Payout;
    const NAME: &'static str = "payout";
    const TABLE: &'static str = "payouts";
    const STRIPE_STATUSES: &'static [&'static str] = STATUSES;
    const AUDITED_STATUSES: &'static [&'static str] = STATUSES;
    const AT_STRIPE: Option<AtStripe> = Some(AtStripe::of("payouts", "payout.updated"));

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
        let severity = if after.state.status == "failed" { Severity::Warning } else { Severity::Info };
        AuditChange::status(&before.state.status, &after.state.status, severity)
    }

    fn revision(&mut self) -> Option<&mut i64> {
        Some(&mut self.revision)
    }

    fn audit_hash(&mut self) -> Option<&mut Vec<u8>> {
        Some(&mut self.audit_hash)
    }
}

impl Payout {
    /// The one merge: commutative, associative, idempotent.
    pub fn merge(&mut self, report: &Report) {
        if report.links.is_reconciled {
            self.reconciled_at.see(report.moment);
        }
        self.seen.take(&mut self.state, report);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::object_graph::Event;
    use crate::testing::{event, in_every_order};

    fn told(kind: &str, second: i64, status: &str, more: &Value) -> Event {
        let mut payout = json!({"id": "po_1", "object": "payout", "amount": 1100, "currency": "eur", "status": status,
            "arrival_date": 1_700_000_000, "automatic": true, "created": 1_699_900_000});
        payout.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        event(kind, second, &payout)
    }

    #[test]
    fn a_payout_that_was_paid_may_still_fail_whatever_comes_first() {
        let story = [
            told("payout.created", 0, "in_transit", &json!({})),
            told("payout.paid", 9, "paid", &json!({})),
            told(
                "payout.reconciliation_completed",
                9,
                "paid",
                &json!({"reconciliation_status": "completed"}),
            ),
            told("payout.failed", 20, "failed", &json!({"failure_code": "account_closed"})),
        ];
        let graph = in_every_order(&story);
        let payout = graph.payouts.rows().next().unwrap();
        assert_eq!((payout.state.status.as_str(), payout.state.amount), ("failed", 1100));
        assert_eq!(payout.state.failure_code.as_deref(), Some("account_closed"));
        let after = |moment: Option<DateTime<Utc>>| {
            (moment.unwrap() - payout.seen.first_event_at.unwrap()).num_seconds()
        };
        assert_eq!(after(payout.reconciled_at.at()), 9);
    }

    #[test]
    fn money_may_flow_either_way_and_a_missing_amount_is_refused() {
        let taken = told("payout.paid", 0, "paid", &json!({"amount": -500}));
        let graph = in_every_order(&[taken]);
        assert_eq!(graph.payouts.rows().next().unwrap().state.amount, -500);
        let envelope =
            crate::testing::envelope("payout.paid", r#"{"data":{"object":{"id":"po_1","status":"paid"}}}"#);
        let refused = crate::event::Content::of(&envelope).meaning(&envelope).unwrap_err();
        assert_eq!((refused.rule, refused.field.as_str()), ("payouts", "data.object.amount"));
    }
}
