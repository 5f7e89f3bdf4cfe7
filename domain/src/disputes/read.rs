//! Reads Stripe's report of a dispute, and of the money that it moved.

use chrono::{DateTime, Utc};

use crate::event::Circumstances;
use crate::fields::Fields;
use crate::freshness::{Freshness, rank};
use crate::moments::Moment;
use crate::row::row;
use crate::{Key, Observation, Permanent, charges, dispute_movements, observation, payments};

/// In the order in which they follow each other inside one second.
const TYPES: &[&str] = &[
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.closed",
    "charge.dispute.funds_reinstated",
];
pub(crate) const STATUSES: &[&str] = &[
    "warning_needs_response",
    "warning_under_review",
    "warning_closed",
    "needs_response",
    "under_review",
    "charge_refunded",
    "lost",
    "appeal_needs_response",
    "appeal_under_review",
    "won",
    "prevented",
];

/// What one event says about one dispute.
pub type Report = observation::Report<State, Links>;

row! {
    pub struct State {
        /// Stripe's own, as reported.
        pub stripe_status: String,
        pub amount: i64,
        pub currency: String,
        pub reason: Option<String>,
        pub opened_at: Option<DateTime<Utc>>,
        /// Until when evidence counts.
        pub respond_by: Option<DateTime<Utc>>,
        pub evidence_submissions: i64,
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links {
    pub charge: Option<String>,
    /// When it ended, where this is its end.
    pub ended: Moment,
}

/// Reads `charge.dispute.*`.
pub fn read(event: Circumstances<'_>, object: &Fields<'_>) -> Result<Vec<Observation>, Permanent> {
    let status = object.text("status")?;
    let state = State {
        stripe_status: status.to_owned(),
        amount: object.amount("amount")?,
        currency: object.currency()?.to_owned(),
        reason: object.maybe_text(&["reason"])?.map(str::to_owned),
        opened_at: object.maybe_time(&["created"])?,
        // 0 where the bank takes no answer.
        respond_by: object
            .maybe_time(&["evidence_details", "due_by"])?
            .filter(|due| *due > DateTime::UNIX_EPOCH),
        evidence_submissions: object
            .at(&["evidence_details"])
            .map_or(0, |details| object.within(details).count("submission_count")),
    };
    // One that is read, and over, went on at least until it last moved money.
    let movements = object.list(&["balance_transactions"]);
    let moved = movements.filter_map(|moved| moved.maybe_time(&["created"]).ok().flatten()).max();
    let ended = Circumstances {
        since: event.since.map(|since| moved.map_or(since, |moved| moved.max(since))),
        ..event
    };
    let is_final = matches!(status, "lost" | "won" | "prevented") || status.starts_with("appeal_");
    let (type_rank, status_rank) = (rank(TYPES, event.kind), rank(STATUSES, status));
    let freshness = event.freshness(u8::from(is_final), type_rank, status_rank, &state);
    let key = event.subject(object.id()?);
    let charge = object.link(&["charge"])?.ok_or_else(|| object.refuse("charge", "is missing"))?;
    let payment = object.link(&["payment_intent"])?;

    let mut observations = Vec::new();
    for transaction in object.list(&["balance_transactions"]) {
        observations.push(dispute_movements::read(event, &transaction, freshness, &key)?);
    }
    observations.push(charges::named(event, event.subject(charge), freshness, payment));
    if let Some(payment) = payment {
        let nothing = payments::Links::default();
        observations.push(payments::named(event, event.subject(payment), freshness, nothing));
    }
    let links = Links { charge: Some(charge.to_owned()), ended: ended.moment() };
    observations.insert(0, Observation::Dispute(event.report(key, freshness, Some(state), links)));
    Ok(observations)
}

/// A dispute that its charge names.
pub fn named(event: Circumstances<'_>, key: Key, freshness: Freshness, charge: &str) -> Observation {
    Observation::Dispute(event.report(
        key,
        freshness,
        None,
        Links { charge: Some(charge.to_owned()), ended: Moment::NONE },
    ))
}
