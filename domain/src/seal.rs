//! What each transaction committed, and the blocks that seal it: a chain over the whole ledger. No batch waits
//! for it, because it is built afterwards from committed rows. Pure.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use envelope::hex::hex;
use sha2::{Digest, Sha256};

use crate::audit_chain::{Chained, MEMBER_BYTES, Member, member_of_event, member_of_line, put};
use crate::event::EventKey;

crate::readable! {
    /// One transaction: the events that it recorded and the lines that it appended.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Commit {
        pub id: String,
        pub committed_at: DateTime<Utc>,
        pub events: i64,
        pub lines: i64,
        pub members: Vec<u8>,
        pub queue: Option<String>,
        /// The highest message of that queue that it took.
        pub highest: Option<i64>,
        pub deliveries: i64,
    }
}

/// How far a batch has read a queue that numbers its messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position<'a> {
    pub queue: &'a str,
    pub highest: i64,
    pub deliveries: i64,
}

impl Commit {
    /// Under a random id. `None` where there is nothing that a witness could be asked about.
    pub fn of<'a>(
        id: String,
        events: impl Iterator<Item = &'a EventKey>,
        lines: &[Chained<'_>],
        position: Option<Position<'_>>,
        now: DateTime<Utc>,
    ) -> Option<Self> {
        let mut members = Vec::new();
        for key in events {
            members.extend_from_slice(&member_of_event(key));
        }
        let events = members.len() / MEMBER_BYTES;
        for line in lines {
            members.extend_from_slice(&member_of_line(&line.hash));
        }
        if members.is_empty() && position.is_none() {
            return None;
        }
        Some(Self {
            id,
            committed_at: now,
            events: whole(events),
            lines: whole(lines.len()),
            members,
            queue: position.map(|position| position.queue.to_owned()),
            highest: position.map(|position| position.highest),
            deliveries: position.map_or(0, |position| position.deliveries),
        })
    }

    pub fn members(&self) -> impl Iterator<Item = Member> + '_ {
        self.members.chunks_exact(MEMBER_BYTES).map(member_of_line)
    }

    fn put(&self, hasher: &mut Sha256) {
        put(hasher, Some(self.id.as_bytes()));
        let numbers = [self.committed_at.timestamp_micros(), self.events, self.lines, self.deliveries];
        for number in numbers {
            put(hasher, Some(&number.to_be_bytes()));
        }
        put(hasher, self.queue.as_deref().map(str::as_bytes));
        put(hasher, self.highest.map(i64::to_be_bytes).as_ref().map(<[u8; 8]>::as_slice));
        put(hasher, Some(&self.members));
    }
}

crate::readable! {
    /// One block of the chain.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Seal {
        pub number: i64,
        pub commits: i64,
        pub events: i64,
        pub lines: i64,
        pub hash: Vec<u8>,
        pub sealed_at: DateTime<Utc>,
    }
}

impl Seal {
    /// The block after `last`, of these commits.
    pub fn after(last: Option<&Self>, commits: &[Commit], now: DateTime<Utc>) -> Self {
        let mut seal = Self {
            number: last.map_or(0, |last| last.number) + 1,
            commits: whole(commits.len()),
            events: commits.iter().map(|commit| commit.events).sum(),
            lines: commits.iter().map(|commit| commit.lines).sum(),
            hash: Vec::new(),
            sealed_at: now,
        };
        seal.hash = seal.hash_over(last, commits);
        seal
    }

    /// Its hash over the block before and these commits, in whatever order they come.
    pub fn hash_over(&self, last: Option<&Self>, commits: &[Commit]) -> Vec<u8> {
        let mut sorted: Vec<&Commit> = commits.iter().collect();
        sorted.sort_by(|a, b| a.id.cmp(&b.id));
        let mut hasher = Sha256::new();
        put(&mut hasher, Some(b"tidegate seal"));
        put(&mut hasher, last.map(|last| last.hash.as_slice()));
        let numbers = [self.number, self.sealed_at.timestamp_micros(), whole(sorted.len())];
        for number in numbers {
            put(&mut hasher, Some(&number.to_be_bytes()));
        }
        for commit in sorted {
            commit.put(&mut hasher);
        }
        hasher.finalize().to_vec()
    }

    pub fn head(&self) -> Head {
        Head { number: self.number, hash: hex(&self.hash) }
    }
}

/// A block's number and hash, as people keep it elsewhere: `12:ab34…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub number: i64,
    pub hash: String,
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.number, self.hash)
    }
}

impl serde::Serialize for Head {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for Head {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_hex = |hash: &str| hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        // Where heads are signed, the signature is a line below.
        let text = text.lines().next().unwrap_or_default().trim();
        let head = text.split_once(':').and_then(|(number, hash)| {
            let number = number.parse().ok().filter(|number| *number > 0)?;
            is_hex(hash).then(|| Self { number, hash: hash.to_ascii_lowercase() })
        });
        head.ok_or_else(|| "not a head as `tidegate audit head` prints it, NUMBER:HASH".to_owned())
    }
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(id: &str) -> Commit {
        Commit {
            id: id.to_owned(),
            committed_at: DateTime::UNIX_EPOCH,
            events: 1,
            lines: 1,
            members: vec![7; 32],
            queue: Some("q".to_owned()),
            highest: Some(3),
            deliveries: 1,
        }
    }

    #[test]
    fn a_block_covers_its_commits_in_any_order_and_the_block_before() {
        let now = DateTime::UNIX_EPOCH;
        let first = Seal::after(None, &[commit("a"), commit("b")], now);
        assert_eq!(first, Seal::after(None, &[commit("b"), commit("a")], now));
        let second = Seal::after(Some(&first), &[commit("c")], now);
        assert_eq!((second.number, second.events, second.lines), (2, 1, 1));
        assert_ne!(second.hash, second.hash_over(None, &[commit("c")]));
        let changes: [fn(&mut Commit); 7] = [
            |it| it.id = "d".to_owned(),
            |it| it.committed_at += chrono::TimeDelta::microseconds(1),
            |it| it.events += 1,
            |it| it.members[31] ^= 1,
            |it| it.queue = None,
            |it| it.highest = Some(4),
            |it| it.deliveries = 0,
        ];
        for change in changes {
            let mut other = commit("c");
            change(&mut other);
            assert_ne!(second.hash_over(Some(&first), &[other]), second.hash);
        }
        assert_ne!(second.hash_over(Some(&first), &[]), second.hash);
    }

    #[test]
    fn a_head_that_somebody_kept_is_read_again() {
        let head = Seal::after(None, &[commit("a")], DateTime::UNIX_EPOCH).head();
        assert_eq!(head.to_string().parse(), Ok(head.clone()));
        for odd in ["", "1", "1:", "0:ab", &format!("x:{}", head.hash), &format!("1:{}", &head.hash[1..])] {
            assert!(odd.parse::<Head>().is_err(), "{odd}");
        }
    }

    #[test]
    fn nothing_new_and_no_position_leave_no_commit() {
        assert_eq!(Commit::of(String::new(), [].iter(), &[], None, DateTime::UNIX_EPOCH), None);
    }
}
