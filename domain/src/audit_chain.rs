//! The chain of an object's audit: each line carries a hash over its content and over the previous line.
//! Changing or removing a line breaks every later one, and the object stores the last hash.

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::event::EventKey;
use super::object_graph::{InGraph, ObjectGraph};
use super::{Kind, Transition, of_kind};

/// So much of a hash names an event or a line among those of a commit.
pub const MEMBER_BYTES: usize = 16;
pub type Member = [u8; MEMBER_BYTES];

/// A line of the audit as it is written.
#[derive(Debug)]
pub struct Chained<'a> {
    pub moved: &'a Transition,
    pub actor: &'a str,
    pub at: DateTime<Utc>,
    pub hash: Vec<u8>,
}

/// All that a line says, but for its hash.
#[derive(Clone, Copy, Debug)]
pub struct Said<'a> {
    pub kind: &'a str,
    pub id: &'a str,
    pub account: &'a str,
    pub livemode: bool,
    pub revision: i64,
    pub at: DateTime<Utc>,
    pub actor: &'a str,
    pub event_id: Option<&'a str>,
    pub what: &'a str,
    pub before: Option<&'a str>,
    pub after: Option<&'a str>,
    pub severity: &'a str,
}

impl Said<'_> {
    /// Every column with its length, so that no byte can change its column; moments as both databases keep them.
    pub fn hash(&self, last: &[u8]) -> Vec<u8> {
        let mut hasher = Sha256::new();
        put(&mut hasher, Some(b"tidegate audit line"));
        put(&mut hasher, Some(last));
        for text in [self.kind, self.id, self.account] {
            put(&mut hasher, Some(text.as_bytes()));
        }
        put(&mut hasher, Some(&[u8::from(self.livemode)]));
        put(&mut hasher, Some(&self.revision.to_be_bytes()));
        put(&mut hasher, Some(&self.at.timestamp_micros().to_be_bytes()));
        for text in
            [Some(self.actor), self.event_id, Some(self.what), self.before, self.after, Some(self.severity)]
        {
            put(&mut hasher, text.map(str::as_bytes));
        }
        hasher.finalize().to_vec()
    }
}

/// Appends a line to the chain that ends in `last`.
pub fn extend<'a>(
    last: &mut Vec<u8>,
    moved: &'a Transition,
    actor: &'a str,
    at: DateTime<Utc>,
) -> Chained<'a> {
    let Transition { kind, key, revision, event_id, change } = moved;
    let said = Said {
        kind,
        id: &key.id,
        account: &key.account,
        livemode: key.livemode,
        revision: *revision,
        at,
        actor,
        event_id: event_id.as_deref(),
        what: change.what,
        before: change.before.as_deref(),
        after: change.after.as_deref(),
        severity: change.severity.as_str(),
    };
    *last = said.hash(last);
    Chained { moved, actor, at, hash: last.clone() }
}

/// What names a line among those of a commit.
pub fn member_of_line(hash: &[u8]) -> Member {
    let mut member = Member::default();
    let length = hash.len().min(MEMBER_BYTES);
    member[..length].copy_from_slice(&hash[..length]);
    member
}

/// What names an event: its identity, which never changes.
pub fn member_of_event(key: &EventKey) -> Member {
    let mut hasher = Sha256::new();
    put(&mut hasher, Some(b"tidegate event"));
    for text in [&key.id, &key.account, &key.content_hash] {
        put(&mut hasher, Some(text.as_bytes()));
    }
    put(&mut hasher, Some(&[u8::from(key.livemode)]));
    member_of_line(&hasher.finalize())
}

/// A value with its length, or the mark that there is none.
pub(crate) fn put(hasher: &mut Sha256, value: Option<&[u8]>) {
    match value {
        Some(value) => {
            hasher.update([1]);
            hasher.update((value.len() as u64).to_be_bytes());
            hasher.update(value);
        }
        None => hasher.update([0]),
    }
}

impl ObjectGraph {
    /// Chains what moved to the lines before, and leaves each object with the hash of its last.
    pub fn chain<'a>(
        &mut self,
        moved: &'a [Transition],
        actor: &'a str,
        at: DateTime<Utc>,
    ) -> Vec<Chained<'a>> {
        moved
            .iter()
            .map(|moved| {
                let kind = Kind::named(moved.kind).expect("what moves in an object graph is of a kind");
                let last = of_kind!(kind, |Row| Row::rows_mut(self).audit_hash(&moved.key));
                let last = last.expect("what moved is here, and audited");
                extend(last, moved, actor, at)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Change = fn(&mut Said<'static>);

    fn said() -> Said<'static> {
        Said {
            kind: "payment",
            id: "pi_1",
            account: "",
            livemode: true,
            revision: 2,
            at: DateTime::UNIX_EPOCH,
            actor: "jane",
            event_id: None,
            what: "status",
            before: Some("failed"),
            after: None,
            severity: "info",
        }
    }

    #[test]
    fn every_column_and_the_line_before_count() {
        let changes: [(&str, Change); 12] = [
            ("kind", |said| said.kind = "invoice"),
            ("id", |said| said.id = "pi_2"),
            ("account", |said| said.account = "acct_1"),
            ("livemode", |said| said.livemode = false),
            ("revision", |said| said.revision = 3),
            ("at", |said| said.at += chrono::TimeDelta::microseconds(1)),
            ("actor", |said| said.actor = "joe"),
            ("event_id", |said| said.event_id = Some("")),
            ("what", |said| said.what = "note"),
            ("before", |said| said.before = None),
            ("after", |said| said.after = Some("failed")),
            ("severity", |said| said.severity = "critical"),
        ];
        let hash = said().hash(b"last");
        assert_eq!(hash.len(), 32);
        assert_ne!(hash, said().hash(b"other"));
        for (column, change) in changes {
            let mut other = said();
            change(&mut other);
            assert_ne!(other.hash(b"last"), hash, "{column}");
        }
        let mut moved = said();
        (moved.before, moved.after) = (None, Some("failed"));
        assert_ne!(moved.hash(b"last"), hash, "a value changed its column");
        let mut finer = said();
        finer.at += chrono::TimeDelta::nanoseconds(1);
        assert_eq!(finer.hash(b"last"), hash, "no database keeps it");
    }

    #[test]
    fn an_events_member_is_its_identity() {
        let key = |id: &str, account: &str, hash: &str| EventKey {
            id: id.to_owned(),
            account: account.to_owned(),
            livemode: true,
            created_at: DateTime::UNIX_EPOCH,
            content_hash: hash.to_owned(),
        };
        let one = member_of_event(&key("evt_1", "", "ab"));
        assert_ne!(one, member_of_event(&key("evt_1", "ab", "")));
        assert_ne!(one, member_of_event(&EventKey { livemode: false, ..key("evt_1", "", "ab") }));
        assert_eq!(one, member_of_event(&key("evt_1", "", "ab")));
    }
}
