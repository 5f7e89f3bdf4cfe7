//! Dead letters by cause, with the money at risk.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use envelope::hex::hex;
use serde::Serialize;
use sha2::{Digest, Sha256};

use domain::Key;
use ledger::views::stored_events::{Dead, StoredEvent};

/// All dead letters of one cause.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Group {
    pub fingerprint: String,
    pub events: usize,
    pub objects: usize,
    /// Per currency, each object once, however many of its events are dead.
    pub money_at_risk: BTreeMap<String, i64>,
    pub first_at: Option<DateTime<Utc>>,
    pub last_at: Option<DateTime<Utc>>,
    /// One of them, to look at.
    pub example: String,
}

/// What a list and a page say of a dead letter beside its own fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeadLetterLabels<'a> {
    /// Since when it is in trouble.
    pub since: DateTime<Utc>,
    /// In the minor unit of its currency.
    pub money_at_risk: Option<(i64, &'a str)>,
    /// Every failure, oldest first.
    pub failures: Vec<&'a str>,
}

impl<'a> DeadLetterLabels<'a> {
    pub fn of(letter: &'a StoredEvent) -> Self {
        let failures = letter.failures.as_deref().or(letter.reason.as_deref()).unwrap_or_default();
        Self {
            since: letter.first_failed_at.unwrap_or(letter.recorded_at),
            money_at_risk: letter.amount.zip(letter.currency.as_deref()),
            failures: failures.lines().collect(),
        }
    }
}

/// How many bytes of its hash name a cause.
pub const CAUSE_BYTES: usize = 4;

/// A short name for a cause, which is a long sentence: eight digits, the same in every ledger and every version.
pub fn cause(fingerprint: &str) -> String {
    hex(&Sha256::digest(fingerprint)[..CAUSE_BYTES])
}

/// Groups dead letters by cause, the most numerous first.
pub fn groups(dead: &[Dead]) -> Vec<Group> {
    let mut by_cause: BTreeMap<&str, Vec<&Dead>> = BTreeMap::new();
    for letter in dead {
        by_cause.entry(letter.fingerprint.as_deref().unwrap_or(&letter.reason)).or_default().push(letter);
    }
    let mut groups: Vec<Group> =
        by_cause.into_iter().map(|(fingerprint, letters)| group(fingerprint, &letters)).collect();
    groups.sort_by(|a, b| (b.events, &a.fingerprint).cmp(&(a.events, &b.fingerprint)));
    groups
}

fn group(fingerprint: &str, letters: &[&Dead]) -> Group {
    // The greatest amount that any event of an object names: one and the same money.
    let mut objects: BTreeMap<Key, Option<(&str, i64)>> = BTreeMap::new();
    for letter in letters {
        let id = letter.object_id.as_ref().unwrap_or(&letter.id).clone();
        let key = Key { id, account: letter.account.clone(), livemode: letter.livemode };
        let known = objects.entry(key).or_default();
        let named = letter.currency.as_deref().zip(letter.amount);
        *known = (*known).max(named);
    }
    let mut money_at_risk: BTreeMap<String, i64> = BTreeMap::new();
    for (currency, amount) in objects.values().flatten() {
        let sum = money_at_risk.entry((*currency).to_owned()).or_default();
        *sum = sum.saturating_add(*amount);
    }
    let first = |letter: &&Dead| letter.first_failed_at.unwrap_or(letter.recorded_at);
    let last = |letter: &&Dead| letter.last_failed_at.unwrap_or(letter.recorded_at);
    Group {
        fingerprint: fingerprint.to_owned(),
        events: letters.len(),
        objects: objects.len(),
        money_at_risk,
        first_at: letters.iter().map(first).min(),
        last_at: letters.iter().map(last).max(),
        example: letters.first().map(|letter| letter.id.clone()).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dead(id: &str, cause: &str, object: &str, amount: i64) -> Dead {
        Dead {
            id: id.to_owned(),
            account: String::new(),
            livemode: true,
            fingerprint: Some(cause.to_owned()),
            kind: "charge.updated".to_owned(),
            reason: "r".to_owned(),
            object_id: Some(object.to_owned()),
            amount: Some(amount),
            currency: Some("usd".to_owned()),
            recorded_at: DateTime::UNIX_EPOCH,
            first_failed_at: None,
            last_failed_at: None,
        }
    }

    #[test]
    fn a_thousand_of_one_cause_are_one_line_and_each_object_is_money_once() {
        let mut letters = vec![dead("e1", "a", "ch_1", 500), dead("e2", "a", "ch_1", 900)];
        letters.extend([dead("e3", "a", "ch_2", 100), dead("e4", "b", "ch_1", 7)]);
        let groups = groups(&letters);
        assert_eq!(groups.iter().map(|group| group.events).collect::<Vec<_>>(), [3, 1]);
        assert_eq!((groups[0].objects, groups[0].money_at_risk["usd"]), (2, 1_000));
    }
}
