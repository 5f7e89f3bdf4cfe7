//! Findings: what a check turned up, one row for as long as it lasts and after. A check says what it found, people say
//! what becomes of it. Every step is a named method that gives the line of the history; nothing else changes a state.

mod steps;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use envelope::hex::hex;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub use self::steps::{OutOfPlace, Step, StepKind};
use super::row::{row, words};
use super::{Key, Severity, readable};

/// The audit's name for what checks turned up.
pub const NAME: &str = "finding";
pub const TABLE: &str = "findings";
/// The kind of the one finding that stands for more than anybody works through.
pub const TOO_MANY: &str = "too_many";
const ID_BYTES: usize = 10;

words! {
    /// Who looked.
    pub enum Check {
        Reconciliation = "reconciliation",
        FraudDesk = "fraud_desk",
        // Payments beside what they were to pay for.
        Goods = "goods",
    }
}

words! {
    /// How it stands. A snoozed one is open again once its time has passed: whoever reads evaluates that.
    pub enum FindingState {
        Open = "open",
        Acknowledged = "acknowledged",
        Snoozed = "snoozed",
        Resolved = "resolved",
    }
}

words! {
    pub enum Resolution {
        None = "none",
        // The check no longer finds it.
        Gone = "gone",
        // Staff did something about it, and say what.
        Fixed = "fixed",
        // It is as it is; what was known then is frozen in the history.
        Accepted = "accepted",
    }
}

row! {
    pub struct Finding {
        #[serde(flatten)]
        pub key: Key,
        pub found_by: Check,
        /// The word of the rule.
        pub kind: String,
        pub severity: Severity,
        pub subject_kind: String,
        pub subject_id: String,
        /// What a run looks at as a whole, such as a day; empty where each finding stands alone.
        pub scope: String,
        /// Of the amounts; empty where there are none.
        pub currency: String,
        /// What is at stake, in minor units.
        pub amount: Option<i64>,
        pub stripe_amount: Option<i64>,
        pub ledger_amount: Option<i64>,
        /// What is found, in a sentence.
        pub summary: String,
        /// JSON with sorted names.
        #[serde(serialize_with = "as_json")]
        pub details: String,
        pub state: FindingState,
        pub resolution: Resolution,
        pub assignee: Option<String>,
        pub snoozed_until: Option<DateTime<Utc>>,
        /// What fixed it: a ticket, a refund, a change.
        pub reference: Option<String>,
        /// The last word of staff.
        pub note: Option<String>,
        pub first_found_at: DateTime<Utc>,
        pub last_found_at: DateTime<Utc>,
        pub reopened: i64,
        pub resolved_by: Option<String>,
        pub resolved_at: Option<DateTime<Utc>>,
        /// The lines that the audit has of it.
        pub revision: i64,
        #[serde(skip)]
        pub audit_hash: Vec<u8>,
    }
}

fn as_json<S: serde::Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serde_json::from_str::<Value>(text).unwrap_or_default().serialize(serializer)
}

readable! {
    /// One line of a finding's history.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    pub struct Past {
        pub number: i64,
        pub step: StepKind,
        pub done_by: String,
        pub note: Option<String>,
        /// The figures at that moment.
        #[serde(serialize_with = "as_json")]
        pub evidence: String,
        pub at: DateTime<Utc>,
    }
}

/// What a check turned up now. Its id follows from the check, the kind, the subject and the item.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    pub kind: &'static str,
    pub severity: Severity,
    pub subject_kind: &'static str,
    pub subject_id: String,
    /// What tells several of one kind about one subject apart; else empty.
    pub item: String,
    pub currency: String,
    pub amount: Option<i64>,
    pub stripe_amount: Option<i64>,
    pub ledger_amount: Option<i64>,
    pub summary: String,
    pub details: BTreeMap<&'static str, Value>,
}

/// What a run did to the findings of its scope.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    pub new: i64,
    pub persisting: i64,
    /// Of those that are still there, what staff accepted as it is.
    pub accepted: i64,
    pub reopened: i64,
    pub gone: i64,
}

impl Found {
    /// The same in every run and on every ledger.
    pub fn id(&self, check: Check, whose: &Key) -> String {
        let mut hash = Sha256::new();
        let mode = if whose.livemode { "live" } else { "test" };
        for part in
            [check.as_str(), &whose.account, mode, self.kind, self.subject_kind, &self.subject_id, &self.item]
        {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        format!("fnd_{}", hex(&hash.finalize()[..ID_BYTES]))
    }

    fn details(&self) -> String {
        serde_json::to_string(&self.details).expect("names and plain values")
    }

    /// One that stands for many new ones, which have one cause: the run itself is what is wrong.
    fn too_many(scope: &str, new: &[Found]) -> Self {
        let mut kinds: BTreeMap<&str, i64> = BTreeMap::new();
        for found in new {
            *kinds.entry(found.kind).or_default() += 1;
        }
        let counted: Vec<String> =
            kinds.iter().map(|(kind, count)| format!("{count} {}", kind.replace('_', " "))).collect();
        Self {
            kind: TOO_MANY,
            severity: Severity::Critical,
            subject_kind: "run",
            subject_id: scope.to_owned(),
            item: String::new(),
            currency: String::new(),
            amount: None,
            stripe_amount: None,
            ledger_amount: None,
            summary: format!(
                "{} new differences at once have one cause, and are not listed one by one: {}",
                new.len(),
                counted.join(", ")
            ),
            details: [("kinds", json!(kinds)), ("new", json!(new.len()))].into(),
        }
    }
}

/// Leaves at most so many new ones; more of them are one finding about the run.
pub fn bounded(
    scope: &str,
    found: Vec<Found>,
    is_known: impl Fn(&Found) -> bool,
    limit: usize,
) -> Vec<Found> {
    let (mut known, new): (Vec<Found>, Vec<Found>) = found.into_iter().partition(is_known);
    if new.len() > limit {
        known.push(Found::too_many(scope, &new));
    } else {
        known.extend(new);
    }
    known
}

impl Finding {
    /// As it is found for the first time.
    pub fn first(check: Check, whose: &Key, scope: &str, found: &Found, now: DateTime<Utc>) -> Self {
        Self {
            key: whose.sibling(&found.id(check, whose)),
            found_by: check,
            kind: found.kind.to_owned(),
            severity: found.severity,
            subject_kind: found.subject_kind.to_owned(),
            subject_id: found.subject_id.clone(),
            scope: scope.to_owned(),
            currency: found.currency.clone(),
            amount: found.amount,
            stripe_amount: found.stripe_amount,
            ledger_amount: found.ledger_amount,
            summary: found.summary.clone(),
            details: found.details(),
            first_found_at: now,
            last_found_at: now,
            ..Self::default()
        }
    }

    /// How it stands at a moment.
    pub fn state_at(&self, now: DateTime<Utc>) -> FindingState {
        match self.snoozed_until {
            Some(until) if self.state == FindingState::Snoozed && until <= now => FindingState::Open,
            _ => self.state,
        }
    }

    /// The same with its state at a moment.
    #[must_use]
    pub fn as_of(self, now: DateTime<Utc>) -> Self {
        Self { state: self.state_at(now), ..self }
    }

    /// What a line of the history freezes.
    pub fn evidence(&self) -> String {
        let details: Value = serde_json::from_str(&self.details).unwrap_or_default();
        json!({
            "currency": self.currency, "amount": self.amount, "stripe_amount": self.stripe_amount,
            "ledger_amount": self.ledger_amount, "summary": self.summary, "details": details,
        })
        .to_string()
    }
}
