//! Balance movements of disputes: money that Stripe withdrew, gave back, or took as a fee.

use chrono::{DateTime, Utc};

use super::event::Circumstances;
use super::fields::Fields;
use super::freshness::{Freshness, Seen};
use super::index::Link;
use super::kinds::Kind;
use super::row::{link_to, row};
use super::{Key, Object, Observation, Permanent, observation};

row! {
    pub struct Movement {
        #[serde(flatten)]
        pub key: Key,
        #[serde(flatten)]
        pub state: State,
        #[serde(flatten)]
        pub seen: Seen,
        #[serde(flatten)]
        pub dispute: DisputeLink,
    }
}

row! {
    pub struct State {
        /// As Stripe's balance sees it: negative where money left.
        pub amount: i64,
        pub fee: i64,
        pub net: i64,
        pub currency: String,
        pub created_at: Option<DateTime<Utc>>,
    }
}

link_to!(DisputeLink, dispute, dispute_freshness);

/// What one event says about one movement.
pub type Report = observation::Report<State, Links>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Links {
    pub dispute: String,
}

/// Reads an entry of a dispute's `balance_transactions`.
pub fn read(
    event: Circumstances<'_>,
    object: &Fields<'_>,
    freshness: Freshness,
    dispute: &Key,
) -> Result<Observation, Permanent> {
    let state = State {
        amount: object.signed("amount")?,
        fee: object.signed("fee")?,
        net: object.signed("net")?,
        currency: object.currency()?.to_owned(),
        created_at: object.maybe_time(&["created"])?,
    };
    let key = event.subject(object.id()?);
    let links = Links { dispute: dispute.id.clone() };
    let freshness = event.freshness(freshness.class().unwrap_or(0), 0, 0, &state);
    Ok(Observation::Movement(event.report(key, freshness, Some(state), links)))
}

impl Object for Movement {
    const KIND: Kind = Kind::Movement;
    const NAME: &'static str = "movement";
    const TABLE: &'static str = "dispute_movements";

    fn placeholder(key: Key) -> Self {
        Self { key, ..Self::default() }
    }

    fn key(&self) -> &Key {
        &self.key
    }

    fn links(&self, link: &mut dyn FnMut(Link, Option<Key>)) {
        link(Link::MovementOfDispute, self.owner());
    }

    fn owners(&self) -> Vec<(Kind, Key)> {
        self.owner().map(|key| (Kind::Dispute, key)).into_iter().collect()
    }
}

impl Movement {
    /// The one merge: commutative, associative, idempotent.
    pub fn merge(&mut self, report: &Report) {
        self.seen.take(&mut self.state, report);
        self.dispute.see(Some(&report.links.dispute), report.freshness);
    }

    pub fn owner(&self) -> Option<Key> {
        self.dispute.id().map(|id| self.key.sibling(id))
    }
}
