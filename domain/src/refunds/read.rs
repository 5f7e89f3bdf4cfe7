//! Reads Stripe's report of a refund, by itself or inside its charge.

use chrono::{DateTime, Utc};

use super::FAILED;
use crate::event::Circumstances;
use crate::fields::Fields;
use crate::freshness::rank;
use crate::row::row;
use crate::{Key, Observation, Permanent, UNKNOWN, charges, observation, payments};

/// In the order in which they follow each other inside one second.
const STATUSES: &[&str] = &["pending", "requires_action", "succeeded", "canceled", "failed"];

/// What one event says about one refund.
pub type Report = observation::Report<State, Links>;

row! {
    pub struct State {
        /// Stripe's own: pending, `requires_action`, succeeded, failed, canceled.
        pub status: String,
        pub amount: i64,
        pub currency: String,
        pub reason: Option<String>,
        pub failure_reason: Option<String>,
        pub created_at: Option<DateTime<Utc>>,
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links {
    pub charge: Option<String>,
    pub payment: Option<String>,
}

/// Reads `refund.*` and `charge.refund.updated`.
pub fn read(event: Circumstances<'_>, object: &Fields<'_>) -> Result<Vec<Observation>, Permanent> {
    let (charge, payment) = (object.link(&["charge"])?, object.link(&["payment_intent"])?);
    observe(event, object, charge, payment)
}

/// Reads a refund that stands inside its charge.
pub fn read_within(
    event: Circumstances<'_>,
    object: &Fields<'_>,
    charge: &Key,
    payment: Option<&str>,
) -> Result<Vec<Observation>, Permanent> {
    observe(event, object, Some(&charge.id), object.link(&["payment_intent"])?.or(payment))
}

fn observe(
    event: Circumstances<'_>,
    object: &Fields<'_>,
    charge: Option<&str>,
    payment: Option<&str>,
) -> Result<Vec<Observation>, Permanent> {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let state = State {
        // Stripe's own schema lets it be null.
        status: object.maybe_text(&["status"])?.unwrap_or(UNKNOWN).to_owned(),
        amount: object.amount("amount")?,
        currency: object.currency()?.to_owned(),
        reason: owned(object.maybe_text(&["reason"])?),
        failure_reason: owned(object.maybe_text(&["failure_reason"])?),
        created_at: object.maybe_time(&["created"])?,
    };
    // Succeeded is not the end: a bank may give it back, and it is pending anew; only failing ends it.
    let class = u8::from(FAILED.contains(&state.status.as_str()));
    let freshness = event.freshness(class, 0, rank(STATUSES, &state.status), &state);
    let key = event.subject(object.id()?);
    let links = Links { charge: owned(charge), payment: owned(payment) };
    let mut observations = vec![Observation::Refund(event.report(key, freshness, Some(state), links))];
    if let Some(charge) = charge {
        observations.push(charges::named(event, event.subject(charge), freshness, payment));
    }
    if let Some(payment) = payment {
        let nothing = payments::Links::default();
        observations.push(payments::named(event, event.subject(payment), freshness, nothing));
    }
    Ok(observations)
}
