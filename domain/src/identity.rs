//! How the ledger finds an event: two numbers in place of its texts, and Stripe's `created`. The numbers are hashes, so a
//! key of the largest table takes 24 bytes; `created` says which month has it, and is part of the content that is hashed
//! (docs/adr/0064).

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::event::EventKey;
use super::row::{Column, Columns};

crate::readable! {
    /// An event's place in the ledger.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub struct Identity {
        /// Of its id alone: all contents of one id stand together.
        pub id_hash: i64,
        /// Of account, mode and content.
        pub rest_hash: i64,
        pub created_at: DateTime<Utc>,
    }
}

impl Identity {
    /// Before all others.
    pub fn first() -> Self {
        Self { id_hash: i64::MIN, rest_hash: i64::MIN, created_at: DateTime::UNIX_EPOCH }
    }

    /// Its three columns, under their own names.
    pub fn columns(identities: &[Self], columns: &mut Columns<'_>) {
        let numbers =
            |of: fn(&Self) -> i64| Column::Int(identities.iter().map(|one| Some(of(one))).collect());
        columns.push(("id_hash", numbers(|one| one.id_hash)));
        columns.push(("rest_hash", numbers(|one| one.rest_hash)));
        columns
            .push(("created_at", Column::Time(identities.iter().map(|one| Some(one.created_at)).collect())));
    }
}

impl EventKey {
    pub fn identity(&self) -> Identity {
        let rest =
            number(&[self.account.as_bytes(), &[u8::from(self.livemode)], self.content_hash.as_bytes()]);
        Identity { id_hash: id_hash(&self.id), rest_hash: rest, created_at: self.created_at }
    }
}

/// The first half of the identity of every event with this id.
pub fn id_hash(id: &str) -> i64 {
    number(&[id.as_bytes()])
}

/// The first 8 bytes of a SHA-256 over parts, each with its length but for a part that is alone.
fn number(parts: &[&[u8]]) -> i64 {
    let mut hasher = Sha256::new();
    for part in parts {
        if parts.len() > 1 {
            hasher.update((part.len() as u64).to_be_bytes());
        }
        hasher.update(part);
    }
    let hash = hasher.finalize();
    let (first, _) = hash.split_first_chunk().expect("a SHA-256 has 32 bytes");
    i64::from_be_bytes(*first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> EventKey {
        EventKey {
            id: "evt_1".to_owned(),
            account: "acct_1".to_owned(),
            livemode: true,
            created_at: DateTime::UNIX_EPOCH,
            content_hash: "ab".to_owned(),
        }
    }

    #[test]
    fn every_part_of_a_key_counts_and_contents_of_one_id_stand_together() {
        let one = key().identity();
        assert_eq!(one, key().identity());
        let others = [
            EventKey { id: "evt_2".to_owned(), ..key() },
            EventKey { account: "acct_1a".to_owned(), content_hash: "b".to_owned(), ..key() },
            EventKey { livemode: false, ..key() },
            EventKey { content_hash: "ac".to_owned(), ..key() },
            EventKey { created_at: DateTime::from_timestamp(1, 0).unwrap(), ..key() },
        ];
        for other in &others {
            assert_ne!(other.identity(), one, "{other:?}");
            assert_eq!(other.identity().id_hash == one.id_hash, other.id == "evt_1");
            assert!(other.identity() > Identity::first());
        }
    }

    /// What is stored is found for ever by what was computed when it came.
    #[test]
    fn the_numbers_are_those_that_every_version_computed() {
        // printf %s evt_1 | sha256sum | head -c 16
        assert_eq!(id_hash("evt_1").to_be_bytes(), hex("7d4e5a76eae6d8c1"));
        assert_eq!(key().identity().rest_hash.to_be_bytes(), hex("1e9a653f1e203eef"));
    }

    fn hex(digits: &str) -> [u8; 8] {
        u64::from_str_radix(digits, 16).unwrap().to_be_bytes()
    }
}
