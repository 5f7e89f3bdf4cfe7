//! Classifies the failure of an isolated event and decides its outcome. Pure.

use std::time::Duration;

use chrono::{DateTime, Utc};
use envelope::Header;

use crate::Permanent;
use crate::outcome::{Failed, Outcome};

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Blame {
    #[error("a rule panicked")]
    Panicked,
    /// The database refuses what this event says.
    #[error("{0}")]
    Refused(String),
    /// Its head does not say what its body does.
    #[error("a header and its body name different events")]
    Unfit,
    #[error("the process ended or hung while it handled this event alone")]
    NeverCameBack,
}

/// The outcome of an event that failed alone, with this many attempts behind it. What a database refuses it
/// will refuse again; what nobody can explain is tried again at growing distances, and buried after the last.
pub fn outcome(
    blame: &Blame,
    header: &Header,
    attempts: i64,
    retries: &[Duration],
    now: DateTime<Utc>,
) -> Outcome {
    let reason = blame.to_string();
    let fingerprint = blame.fingerprint(header);
    if matches!(blame, Blame::Refused(_)) {
        return Outcome::Dead { failed: Failed { reason, fingerprint } };
    }
    let made = usize::try_from(attempts.max(1) - 1).unwrap_or(usize::MAX);
    let Some(wait) = retries.get(made) else {
        let reason = format!("{reason}, {attempts} times");
        return Outcome::Dead { failed: Failed { reason, fingerprint } };
    };
    Outcome::Waiting { failed: Failed { reason, fingerprint }, retry_at: now + *wait }
}

impl Blame {
    fn fingerprint(&self, header: &Header) -> String {
        let cause = match self {
            Self::Panicked => "unexplained: panicked",
            Self::Refused(_) => "rejected by the database",
            Self::Unfit => "unexplained: unfit",
            Self::NeverCameBack => "unexplained: process ended or hung",
        };
        format!("{cause}: {} ({})", header.kind, header.api_version.as_deref().unwrap_or("none"))
    }
}

impl Permanent {
    /// As any failure of this cause, for grouping.
    pub fn failed(&self) -> Failed {
        let Self { rule, field, fault, version } = self;
        if *rule == Self::SUSPECT {
            let (reason, fingerprint) = ((*fault).to_owned(), format!("{rule}: {field}"));
            return Failed { reason, fingerprint };
        }
        let fingerprint = format!("permanent: {rule}: {field} {fault} ({version})");
        Failed { reason: self.to_string(), fingerprint }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::envelope;

    const RETRIES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(10)];

    #[test]
    fn an_unexplained_failure_is_tried_again_at_growing_distances_and_then_buried() {
        let now = DateTime::UNIX_EPOCH;
        let header = envelope("charge.updated", "{}").header;
        let after = |attempts| outcome(&Blame::Panicked, &header, attempts, &RETRIES, now);
        assert_eq!(after(1).retry_at(), Some(now + RETRIES[0]));
        assert_eq!(after(2).retry_at(), Some(now + RETRIES[1]));
        let fingerprint = "unexplained: panicked: charge.updated (2025-04-30.basil)".to_owned();
        let reason = "a rule panicked, 3 times".to_owned();
        assert_eq!(after(3), Outcome::Dead { failed: Failed { reason, fingerprint } });
    }

    #[test]
    fn what_the_database_refuses_is_buried_at_once() {
        let header = envelope("charge.updated", "{}").header;
        let refused = Blame::Refused("22003".to_owned());
        let outcome = outcome(&refused, &header, 1, &RETRIES, DateTime::UNIX_EPOCH);
        assert_eq!((outcome.as_str(), outcome.reason()), ("dead", Some("22003")));
    }
}
