//! Spares an endpoint of Stripe that fails: after several failures in a row nothing is sent to it for a while, then
//! one request tries whether it works again.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::class::AnswerClass;
use super::endpoint::Endpoint;

const FAILURES_LIMIT: u32 = 5;
const REST: Duration = Duration::from_secs(15);

#[derive(Debug, Default)]
pub(super) struct Breaker(Mutex<BTreeMap<Endpoint, Failing>>);

#[derive(Debug, Default)]
struct Failing {
    in_a_row: u32,
    /// Until then nothing is sent; afterwards one request at a time.
    rests_until: Option<Instant>,
}

impl Breaker {
    /// Whether a request may be sent now; if not, how long to wait. Whoever is let through after a rest tries for
    /// all: the others wait for another rest, or for its success.
    pub(super) fn admit(&self, endpoint: Endpoint, now: Instant) -> Result<(), Duration> {
        let mut failing = self.failing();
        let Some(until) = failing.get(&endpoint).and_then(|failing| failing.rests_until) else {
            return Ok(());
        };
        if now < until {
            return Err(until - now);
        }
        failing.entry(endpoint).or_default().rests_until = Some(now + REST);
        Ok(())
    }

    pub(super) fn note(&self, endpoint: Endpoint, class: AnswerClass, now: Instant) {
        let mut failing = self.failing();
        if class != AnswerClass::Unknown {
            failing.remove(&endpoint);
            return;
        }
        let failing = failing.entry(endpoint).or_default();
        failing.in_a_row += 1;
        if failing.in_a_row >= FAILURES_LIMIT {
            failing.rests_until = Some(now + REST);
        }
    }

    fn failing(&self) -> MutexGuard<'_, BTreeMap<Endpoint, Failing>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDPOINT: Endpoint = Endpoint::CreateRefund;

    #[test]
    fn an_endpoint_that_fails_rests_and_one_request_tries_it_again() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        for _ in 0..FAILURES_LIMIT {
            assert_eq!(breaker.admit(ENDPOINT, now), Ok(()));
            breaker.note(ENDPOINT, AnswerClass::Unknown, now);
        }
        assert_eq!(breaker.admit(ENDPOINT, now), Err(REST));
        assert_eq!(breaker.admit(Endpoint::CancelRefund, now), Ok(()), "others go on");
        let later = now + REST;
        assert_eq!(breaker.admit(ENDPOINT, later), Ok(()), "one tries");
        assert_eq!(breaker.admit(ENDPOINT, later), Err(REST), "and only one");
        breaker.note(ENDPOINT, AnswerClass::Unknown, later);
        assert_eq!(breaker.admit(ENDPOINT, later), Err(REST), "it failed again");
        assert_eq!(breaker.admit(ENDPOINT, later + REST), Ok(()));
        breaker.note(ENDPOINT, AnswerClass::Done, later + REST);
        assert_eq!(breaker.admit(ENDPOINT, later + REST), Ok(()), "it works again");
    }

    #[test]
    fn a_refusal_is_an_answer_and_ends_the_row() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        for _ in 0..3 {
            for _ in 1..FAILURES_LIMIT {
                breaker.note(ENDPOINT, AnswerClass::Unknown, now);
            }
            breaker.note(ENDPOINT, AnswerClass::Refused, now);
        }
        assert_eq!(breaker.admit(ENDPOINT, now), Ok(()));
    }
}
