//! Bans: derived from a user's chargebacks, hence reversible. Staff may override them; an override's expiry is
//! evaluated at read time.

#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};

use super::disputes::Dispute;
use super::kinds::Kind;
use super::policy::Policy;
use super::row::{row, words};
use super::{AuditChange, Key, Object, Severity};

row! {
    /// One user, by the merchant's own id, or by Stripe's customer id where nobody says more.
    pub struct Ban {
        #[serde(flatten)]
        pub key: Key,
        /// Derived from the disputes, without regard to an override.
        pub status: Status,
        pub chargebacks: i64,
        /// All disputes of the user's payments, those that do not count included.
        pub disputes: i64,
        /// When the chargeback that reached the threshold was opened.
        pub since: Option<DateTime<Utc>>,
        /// What staff decided last.
        pub override_act: Act,
        pub override_until: Option<DateTime<Utc>>,
        pub override_reason: Option<String>,
        pub override_by: Option<String>,
        pub override_at: Option<DateTime<Utc>>,
        pub revision: i64,
        #[serde(skip)]
        pub audit_hash: Vec<u8>,
    }
}

words! {
    pub enum Status {
        Clear = "clear",
        Banned = "banned",
    }
}

words! {
    /// What staff decided about a user; `none` leaves it to the disputes.
    pub enum Act {
        None = "none",
        Ban = "ban",
        Lift = "lift",
    }
}

impl Object for Ban {
    const KIND: Kind = Kind::Ban;
    const NAME: &'static str = "ban";
    const TABLE: &'static str = "bans";
    const AUDITED_STATUSES: &'static [&'static str] = Status::WORDS;

    fn placeholder(key: Key) -> Self {
        Self { key, ..Self::default() }
    }

    fn key(&self) -> &Key {
        &self.key
    }

    fn audit_changes(before: &Self, after: &Self) -> Vec<AuditChange> {
        let severity = if after.status == Status::Banned { Severity::Critical } else { Severity::Warning };
        AuditChange::status(before.status.as_str(), after.status.as_str(), severity)
    }

    fn revision(&mut self) -> Option<&mut i64> {
        Some(&mut self.revision)
    }

    fn audit_hash(&mut self) -> Option<&mut Vec<u8>> {
        Some(&mut self.audit_hash)
    }
}

impl Ban {
    /// Derives from all disputes of the user: a pure function of the merged objects.
    pub fn derive<'a>(&mut self, disputes: impl Iterator<Item = &'a Dispute> + Clone, policy: &Policy) {
        self.disputes = i64::try_from(disputes.clone().count()).unwrap_or(i64::MAX);
        let counted = disputes.filter(|dispute| dispute.is_chargeback(policy));
        let mut opened: Vec<_> = counted.map(|dispute| dispute.state.opened_at).collect();
        opened.sort_unstable();
        self.chargebacks = i64::try_from(opened.len()).unwrap_or(i64::MAX);
        let decisive = policy.ban_threshold.checked_sub(1).and_then(|place| opened.get(place));
        self.status = if decisive.is_some() { Status::Banned } else { Status::Clear };
        self.since = decisive.copied().flatten();
    }

    /// Whether the user is banned at this moment: by staff's word while it holds, else by the disputes.
    pub fn is_banned(&self, now: DateTime<Utc>) -> bool {
        match self.override_in_force(now) {
            Act::Ban => true,
            Act::Lift => false,
            Act::None => self.status == Status::Banned,
        }
    }

    /// The override, unless its end has come.
    pub fn override_in_force(&self, now: DateTime<Utc>) -> Act {
        if self.override_until.is_some_and(|until| until <= now) { Act::None } else { self.override_act }
    }
}
