//! Early fraud warnings: a bank suspects a charge. They are reported, and never count as chargebacks.

use chrono::{DateTime, Utc};

use super::event::Circumstances;
use super::fields::Fields;
use super::freshness::{Seen, rank};
use super::kinds::Kind;
use super::row::{link_to, row};
use super::{AtStripe, Key, Object, Observation, Permanent, charges, observation, payments};

/// In the order in which they follow each other inside one second.
const TYPES: &[&str] = &["radar.early_fraud_warning.created", "radar.early_fraud_warning.updated"];

row! {
    pub struct Warning {
        #[serde(flatten)]
        pub key: Key,
        #[serde(flatten)]
        pub state: State,
        #[serde(flatten)]
        pub seen: Seen,
        #[serde(flatten)]
        pub charge: ChargeLink,
    }
}

row! {
    pub struct State {
        pub fraud_type: Option<String>,
        /// Whether a refund may still avert a dispute.
        pub actionable: bool,
        pub created_at: Option<DateTime<Utc>>,
    }
}

link_to!(ChargeLink, charge, charge_freshness);

/// What one event says about one warning.
pub type Report = observation::Report<State, Links>;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links {
    pub charge: Option<String>,
}

/// Reads `radar.early_fraud_warning.*`.
pub fn read(event: Circumstances<'_>, object: &Fields<'_>) -> Result<Vec<Observation>, Permanent> {
    let state = State {
        fraud_type: object.maybe_text(&["fraud_type"])?.map(str::to_owned),
        actionable: object.flag(&["actionable"]),
        created_at: object.maybe_time(&["created"])?,
    };
    let freshness = event.freshness(0, rank(TYPES, event.kind), 0, &state);
    let charge = object.link(&["charge"])?.ok_or_else(|| object.refuse("charge", "is missing"))?;
    let payment = object.link(&["payment_intent"])?;
    let links = Links { charge: Some(charge.to_owned()) };
    let key = event.subject(object.id()?);
    let mut observations = vec![Observation::Warning(event.report(key, freshness, Some(state), links))];
    observations.push(charges::named(event, event.subject(charge), freshness, payment));
    if let Some(payment) = payment {
        let nothing = payments::Links::default();
        observations.push(payments::named(event, event.subject(payment), freshness, nothing));
    }
    Ok(observations)
}

impl Object for Warning {
    const KIND: Kind = Kind::Warning;
    const NAME: &'static str = "warning";
    const TABLE: &'static str = "fraud_warnings";
    const AT_STRIPE: Option<AtStripe> =
        Some(AtStripe::of("radar/early_fraud_warnings", "radar.early_fraud_warning.updated"));

    fn placeholder(key: Key) -> Self {
        Self { key, ..Self::default() }
    }

    fn key(&self) -> &Key {
        &self.key
    }

    fn seen(&self) -> Option<&Seen> {
        Some(&self.seen)
    }
}

impl Warning {
    /// The one merge: commutative, associative, idempotent.
    pub fn merge(&mut self, report: &Report) {
        self.seen.take(&mut self.state, report);
        self.charge.see(report.links.charge.as_deref(), report.freshness);
    }
}
