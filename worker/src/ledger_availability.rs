//! Whether the ledger answers. While it does not, lanes keep their events and receive nothing. Each outage is
//! logged once at its start and once at its end.

use std::sync::Mutex;
use std::time::Instant;

#[derive(Debug, Default)]
pub struct LedgerAvailability(Mutex<Option<(Instant, String)>>);

impl LedgerAvailability {
    /// The ledger failed, for a reason that time or an operator heals.
    pub fn record_outage(&self, why: &str) {
        let mut state = self.lock();
        if state.is_none() {
            tracing::warn!(
                why,
                "ledger unavailable: events are kept until it answers; none becomes a dead letter"
            );
            *state = Some((Instant::now(), why.to_owned()));
        }
    }

    /// The ledger answered.
    pub fn record_answer(&self) {
        if let Some((since, _)) = self.lock().take() {
            tracing::info!(unavailable_secs = since.elapsed().as_secs(), "the ledger answers again");
        }
    }

    /// Why nothing is handled now.
    pub fn outage(&self) -> Option<String> {
        self.lock().as_ref().map(|(since, why)| {
            format!("the ledger has been unavailable for {} s: {why}", since.elapsed().as_secs())
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<(Instant, String)>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_why_until_the_ledger_answers() {
        let availability = LedgerAvailability::default();
        assert_eq!(availability.outage(), None);
        availability.record_outage("connection refused");
        availability.record_outage("another reason");
        assert!(availability.outage().unwrap().contains("connection refused"));
        availability.record_answer();
        assert_eq!(availability.outage(), None);
    }
}
