//! Customers: the user of a payment that does not name one. No name, address or e-mail is kept.

use chrono::{DateTime, Utc};

use super::event::Circumstances;
use super::fields::Fields;
use super::freshness::{Seen, rank};
use super::index::Link;
use super::kinds::Kind;
use super::row::{link_to, row};
use super::{AtStripe, Key, Object, Observation, Permanent, observation};

/// In the order in which they follow each other inside one second.
const TYPES: &[&str] = &["customer.created", "customer.updated", "customer.deleted"];

row! {
    pub struct Customer {
        #[serde(flatten)]
        pub key: Key,
        #[serde(flatten)]
        pub state: State,
        #[serde(flatten)]
        pub seen: Seen,
        #[serde(flatten)]
        pub user: UserLink,
    }
}

row! {
    pub struct State {
        pub deleted: bool,
        pub created_at: Option<DateTime<Utc>>,
    }
}

link_to!(
    /// `metadata.user_id`.
    UserLink, user_id, user_id_freshness
);

/// What one event says about one customer.
pub type Report = observation::Report<State, Links>;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links {
    pub user_id: Option<String>,
}

/// Reads `customer.created`, `.updated` and `.deleted`.
pub fn read(event: Circumstances<'_>, object: &Fields<'_>) -> Result<Vec<Observation>, Permanent> {
    let deleted = event.kind == "customer.deleted" || object.flag(&["deleted"]);
    let state = State { deleted, created_at: object.maybe_time(&["created"])? };
    let freshness = event.freshness(u8::from(deleted), rank(TYPES, event.kind), 0, &state);
    let links = Links { user_id: object.metadata("user_id").map(str::to_owned) };
    let key = event.subject(object.id()?);
    Ok(vec![Observation::Customer(event.report(key, freshness, Some(state), links))])
}

impl Object for Customer {
    const KIND: Kind = Kind::Customer;
    const NAME: &'static str = "customer";
    const TABLE: &'static str = "customers";
    const AT_STRIPE: Option<AtStripe> = Some(AtStripe {
        path: "customers",
        reported_as: "customer.updated",
        deleted_as: Some("customer.deleted"),
    });

    fn placeholder(key: Key) -> Self {
        Self { key, ..Self::default() }
    }

    fn key(&self) -> &Key {
        &self.key
    }

    fn seen(&self) -> Option<&Seen> {
        Some(&self.seen)
    }

    fn links(&self, link: &mut dyn FnMut(Link, Option<Key>)) {
        link(Link::CustomerOfUser, self.user());
    }

    fn owners(&self) -> Vec<(Kind, Key)> {
        self.user().map(|key| (Kind::Ban, key)).into_iter().collect()
    }
}

impl Customer {
    /// The one merge: commutative, associative, idempotent.
    pub fn merge(&mut self, report: &Report) {
        self.seen.take(&mut self.state, report);
        self.user.see(report.links.user_id.as_deref(), report.freshness);
    }

    pub fn user(&self) -> Option<Key> {
        self.user.id().map(|id| self.key.sibling(id))
    }
}
