//! Compares what commits say they wrote with what is there, in little memory: two sums per bucket must agree.
//! The sums use a random key, so nobody can choose a row that replaces another.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use domain::audit_chain::Member;

const BUCKETS: usize = 4_096;
/// Buckets that do not agree and that are looked into, to say what is missing.
const LOOKED_INTO: usize = 256;

/// What commits put in, less what tables have.
pub(super) struct Members {
    keys: (RandomState, RandomState),
    buckets: Vec<Bucket>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Bucket {
    count: i64,
    sums: (u64, u64),
}

impl Members {
    pub(super) fn new() -> Self {
        Self { keys: Default::default(), buckets: vec![Bucket::default(); BUCKETS] }
    }

    /// A commit says so.
    pub(super) fn put(&mut self, member: Member) {
        let (one, two) = self.hashes(member);
        let bucket = &mut self.buckets[place(member)];
        bucket.count += 1;
        bucket.sums = (bucket.sums.0.wrapping_add(one), bucket.sums.1.wrapping_add(two));
    }

    /// A table has it.
    pub(super) fn take(&mut self, member: Member) {
        let (one, two) = self.hashes(member);
        let bucket = &mut self.buckets[place(member)];
        bucket.count -= 1;
        bucket.sums = (bucket.sums.0.wrapping_sub(one), bucket.sums.1.wrapping_sub(two));
    }

    /// What to look into, where they do not agree; `None` where all do.
    pub(super) fn differences(&self) -> Option<Differences> {
        let differ = |(_, bucket): &(usize, &Bucket)| **bucket != Bucket::default();
        let buckets = self.buckets.iter().enumerate().filter(differ).map(|(place, _)| place);
        let places: Vec<usize> = buckets.take(LOOKED_INTO).collect();
        (!places.is_empty()).then(|| Differences { places, open: HashMap::new() })
    }

    fn hashes(&self, member: Member) -> (u64, u64) {
        (self.keys.0.hash_one(member), self.keys.1.hash_one(member))
    }
}

fn place(member: Member) -> usize {
    usize::from(u16::from_be_bytes([member[0], member[1]])) % BUCKETS
}

/// The members of the buckets that do not agree, by the block that counts them; 0 is none yet.
pub(super) struct Differences {
    places: Vec<usize>,
    open: HashMap<Member, (i64, i64)>,
}

impl Differences {
    pub(super) fn put(&mut self, member: Member, block: i64) {
        if self.places.binary_search(&place(member)).is_ok() {
            let entry = self.open.entry(member).or_insert((block, 0));
            entry.1 += 1;
        }
    }

    pub(super) fn take(&mut self, member: Member) {
        if self.places.binary_search(&place(member)).is_ok() {
            self.open.entry(member).or_insert((0, 0)).1 -= 1;
        }
    }

    /// Those that commits count and no table has, each with its block; and how many a table has that no commit
    /// counts.
    pub(super) fn judge(self) -> (Vec<i64>, i64) {
        let mut missing: Vec<i64> =
            self.open.values().filter(|(_, count)| *count > 0).map(|(block, _)| *block).collect();
        missing.sort_unstable();
        let extra = self.open.values().map(|(_, count)| (-count).max(0)).sum();
        (missing, extra)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(number: u32) -> Member {
        let mut member = Member::default();
        member[..4].copy_from_slice(&number.wrapping_mul(2_654_435_761).to_be_bytes());
        member
    }

    fn of(put: &[u32], taken: &[u32]) -> Members {
        let mut members = Members::new();
        for number in put {
            members.put(member(*number));
        }
        for number in taken {
            members.take(member(*number));
        }
        members
    }

    #[test]
    fn all_that_was_put_must_be_taken_and_no_more() {
        let all: Vec<u32> = (0..10_000).collect();
        let back: Vec<u32> = all.iter().rev().copied().collect();
        assert!(of(&all, &back).differences().is_none());
        for (put, taken, missing, extra) in
            [(&all[..], &all[1..], 1, 0), (&all[1..], &all[..], 0, 1), (&all[1..], &all[..9_999], 1, 1)]
        {
            let mut differences = of(put, taken).differences().expect("they differ");
            for number in put {
                differences.put(member(*number), 7);
            }
            for number in taken {
                differences.take(member(*number));
            }
            let (found, more) = differences.judge();
            assert_eq!((found, more), (vec![7; missing], extra));
        }
    }
}
