//! Delays answers to an address whose signatures keep being refused. Only refusals are delayed: a valid request
//! never waits, whatever else comes from its address, so a proxy in front needs no special handling.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use shared::http::network;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::config::Limits;

/// Addresses are counted in so many places, by a hash that nobody outside can foretell. Two that share a place
/// share its count, which costs a good sender nothing. So the table never grows, and nobody is pushed out of it.
const PLACES: usize = 4_096;
/// The share of all connections that late answers may occupy.
const WAITING_SHARE: usize = 4;
const SECONDS_A_MINUTE: u64 = 60;

pub(crate) struct Slowdown {
    /// Minute and count, 32 bits each.
    places: Box<[AtomicU64]>,
    hasher: RandomState,
    began: Instant,
    free_per_minute: u32,
    delay: Duration,
    waiting: Semaphore,
}

/// When a refusal is answered.
pub(crate) enum Answered<'s> {
    AtOnce,
    Late(Duration, SemaphorePermit<'s>),
    /// It should be late, but too many wait already.
    TooManyWait,
}

impl Slowdown {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            places: (0..PLACES).map(|_| AtomicU64::new(0)).collect(),
            hasher: RandomState::new(),
            began: Instant::now(),
            free_per_minute: limits.refusals_per_minute,
            delay: limits.refusal_delay,
            waiting: Semaphore::new((limits.connections / WAITING_SHARE).max(1)),
        }
    }

    /// Counts a refused signature of this address.
    pub(crate) fn refused(&self, peer: IpAddr) -> Answered<'_> {
        let minute = u32::try_from(self.began.elapsed().as_secs() / SECONDS_A_MINUTE).unwrap_or(u32::MAX);
        if self.count(peer, minute) <= self.free_per_minute || self.delay.is_zero() {
            return Answered::AtOnce;
        }
        match self.waiting.try_acquire() {
            Ok(place) => Answered::Late(self.delay, place),
            Err(_) => Answered::TooManyWait,
        }
    }

    /// How many refusals this address has had in this minute, with this one.
    fn count(&self, peer: IpAddr, minute: u32) -> u32 {
        let hash = self.hasher.hash_one(network(peer));
        #[expect(clippy::cast_possible_truncation, reason = "below the number of places")]
        let place = (hash % PLACES as u64) as usize;
        let next = |packed| Some(one_more(packed, minute));
        let before = self.places[place].fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        count_of(one_more(before.unwrap_or_default(), minute))
    }
}

fn one_more(packed: u64, minute: u32) -> u64 {
    let count = if packed >> 32 == u64::from(minute) { count_of(packed).saturating_add(1) } else { 1 };
    u64::from(minute) << 32 | u64::from(count)
}

fn count_of(packed: u64) -> u32 {
    u32::try_from(packed & u64::from(u32::MAX)).expect("32 bits")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slowdown(free_per_minute: u32, waiting: usize) -> Slowdown {
        Slowdown {
            places: (0..PLACES).map(|_| AtomicU64::new(0)).collect(),
            hasher: RandomState::new(),
            began: Instant::now(),
            free_per_minute,
            delay: Duration::from_secs(1),
            waiting: Semaphore::new(waiting),
        }
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn some_refusals_a_minute_are_answered_at_once_and_the_next_minute_begins_anew() {
        let slowdown = slowdown(3, 8);
        let counts: Vec<u32> = (0..4).map(|_| slowdown.count(address("192.0.2.1"), 7)).collect();
        assert_eq!(counts, [1, 2, 3, 4]);
        assert_eq!(slowdown.count(address("192.0.2.1"), 8), 1);
        let late = |it: &Answered<'_>| matches!(it, Answered::Late(..));
        let answered: Vec<Answered<'_>> = (0..5).map(|_| slowdown.refused(address("192.0.2.2"))).collect();
        assert_eq!(answered.iter().map(late).collect::<Vec<_>>(), [false, false, false, true, true]);
    }

    #[test]
    fn late_answers_are_limited_and_give_their_places_back() {
        let slowdown = slowdown(0, 2);
        let peer = address("192.0.2.1");
        let waiting = [slowdown.refused(peer), slowdown.refused(peer)];
        assert!(matches!(slowdown.refused(peer), Answered::TooManyWait));
        drop(waiting);
        assert!(matches!(slowdown.refused(peer), Answered::Late(..)));
    }
}
