//! What Stripe's events mean: pure functions over plain data, without I/O, clock or randomness. An event is
//! read into observations. An `ObjectGraph` of merged objects absorbs them in any order, with any repetition, and
//! always ends in the same state.

pub mod api_versions;
pub mod audit_chain;
pub mod bans;
pub mod batch_counts;
pub mod blame;
pub mod chargeable;
pub mod charges;
pub mod checkouts;
pub mod customers;
pub mod dead_letter_streaks;
pub mod declines;
pub mod dispute_movements;
pub mod disputes;
pub mod due;
pub mod event;
pub mod event_families;
pub mod evidence;
pub mod fields;
pub mod figures;
pub mod findings;
pub mod fraud;
pub mod fraud_warnings;
pub mod freshness;
pub mod fulfilments;
pub mod goods;
pub mod identity;
pub mod index;
pub mod invoice_payments;
pub mod invoices;
pub mod json;
pub mod key_ages;
pub mod kinds;
pub mod lockout;
pub mod merge_state;
pub mod moments;
pub mod money;
pub mod notices;
pub mod object_graph;
pub mod observation;
pub mod operations;
pub mod outcome;
pub mod passwords;
pub mod payment_failures;
pub mod payments;
pub mod payouts;
pub mod pending_changes;
pub mod permissions;
pub mod policies;
pub mod policy;
pub mod policy_rehearsal;
pub mod reconciliation;
pub mod redaction;
pub mod refunds;
pub mod risk;
pub mod row;
pub mod seal;
pub mod staff_names;
pub mod statuses;
pub mod subscriptions;
#[cfg(test)]
pub(crate) mod testing;
pub mod tracked_rows;

use chrono::{DateTime, Utc};
use envelope::suspect::Suspicion;
use serde::Serialize;

use self::freshness::Seen;
use self::index::Link;
pub use self::kinds::Kind;
pub use self::observation::Observation;
use self::row::{Field, row, words};

/// Raised when a rule changes what an event means; stored with each event that was handled by it.
pub const HANDLER_VERSION: i64 = 5;

/// The status of an object that was named but not yet reported.
pub const UNKNOWN: &str = "unknown";

row! {
    /// One Stripe object. The same id under another account, or in test mode, is another object.
    #[derive(PartialOrd, Ord, Hash)]
    pub struct Key {
        pub id: String,
        pub account: String,
        pub livemode: bool,
    }
}

impl Key {
    /// Another object of the same account and mode.
    #[must_use]
    pub fn sibling(&self, id: &str) -> Self {
        Self { id: id.to_owned(), account: self.account.clone(), livemode: self.livemode }
    }
}

/// A merged object: a row of its table.
pub trait Object: Field + Clone + PartialEq + Serialize + Send + Sync {
    const KIND: Kind;
    /// Its name in the audit, in metrics and in commands.
    const NAME: &'static str;
    const TABLE: &'static str;
    /// Stripe's statuses that the rules were written for. Any other is kept as text and is legal.
    const STRIPE_STATUSES: &'static [&'static str] = &[];
    /// The statuses between which the audit tells its steps; none of objects that are not audited.
    const AUDITED_STATUSES: &'static [&'static str] = &[];

    /// The object before anything was reported of it; the defaults of its table say the same.
    fn placeholder(key: Key) -> Self;

    fn key(&self) -> &Key;

    /// Whether the audit tells its steps.
    const IS_AUDITED: bool = !Self::AUDITED_STATUSES.is_empty();
    /// Where Stripe's API has it; `None` where only events tell of it.
    const AT_STRIPE: Option<AtStripe> = None;

    /// What the events about it have in common; `None` of what is derived.
    fn seen(&self) -> Option<&Seen> {
        None
    }

    /// Stripe's own status, where it has one.
    fn stripe_status(&self) -> Option<&str> {
        None
    }

    /// Tells each of its links and where it leads now, so that a parent finds its children.
    fn links(&self, _link: &mut dyn FnMut(Link, Option<Key>)) {}

    /// The kinds and keys of the objects that derive something from this one.
    fn owners(&self) -> Vec<(Kind, Key)> {
        Vec::new()
    }

    /// The kinds and keys of the objects that this one derives something from and that do not name it.
    fn derives_from(&self) -> Vec<(Kind, Key)> {
        Vec::new()
    }

    /// What the audit tells of a change; nothing for objects that are not audited.
    fn audit_changes(_before: &Self, _after: &Self) -> Vec<AuditChange> {
        Vec::new()
    }

    /// How many lines the audit has of it; `None` for objects that are not audited.
    fn revision(&mut self) -> Option<&mut i64> {
        None
    }

    /// The hash of the last of them; empty where that was written before the chain began.
    fn audit_hash(&mut self) -> Option<&mut Vec<u8>> {
        None
    }
}

/// The names of a kind of object in Stripe's API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AtStripe {
    /// The collection, as in `/v1/refunds`.
    pub path: &'static str,
    /// The type of event as which a rule reads what the API answers. It ranks above the types that Stripe sends.
    pub reported_as: &'static str,
    /// The same of an object that is gone.
    pub deleted_as: Option<&'static str>,
}

impl AtStripe {
    const fn of(path: &'static str, reported_as: &'static str) -> Self {
        Self { path, reported_as, deleted_as: None }
    }
}

/// One change of an object, before it is known which event made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditChange {
    pub what: &'static str,
    pub before: Option<String>,
    pub after: Option<String>,
    pub severity: Severity,
}

impl AuditChange {
    /// The step from one status to another, where there was one.
    fn status(before: &str, after: &str, severity: Severity) -> Vec<Self> {
        if before == after {
            return Vec::new();
        }
        let (before, after) = (Some(before.to_owned()), Some(after.to_owned()));
        vec![Self { what: "status", before, after, severity }]
    }
}

/// A change as the audit keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    pub kind: &'static str,
    pub key: Key,
    pub revision: i64,
    /// `None` where no event made it.
    pub event_id: Option<String>,
    pub change: AuditChange,
}

/// Why an event can never be applied, judged from its body alone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{rule}: {field}: {fault} (API version {version})")]
pub struct Permanent {
    pub rule: &'static str,
    pub field: String,
    pub fault: &'static str,
    pub version: String,
}

impl Permanent {
    /// The rule's name of what the queue gave us and nobody vouches for.
    pub const SUSPECT: &'static str = "suspect";

    pub fn suspect(suspicion: Suspicion) -> Self {
        let (_, field) = suspicion.kind().split_once('.').unwrap_or_default();
        Self {
            rule: Self::SUSPECT,
            field: field.to_owned(),
            fault: suspicion.reason(),
            version: String::new(),
        }
    }
}

words! {
    pub enum Severity {
        Info = "info",
        Warning = "warning",
        Critical = "critical",
    }
}

/// The law "first time": the smallest moment that shows it.
fn earliest(known: &mut Option<DateTime<Utc>>, seen: DateTime<Utc>) {
    *known = Some(known.map_or(seen, |known| known.min(seen)));
}

/// The law "maximum", for moments.
fn latest(known: &mut Option<DateTime<Utc>>, seen: DateTime<Utc>) {
    *known = (*known).max(Some(seen));
}
