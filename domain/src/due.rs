//! Which of the events that came are handled now: those that nobody knew, those that wait and whose time has come,
//! and those that a replay asks for. All others are repetitions. Pure.

use chrono::{DateTime, Utc};

use super::outcome::OutcomeKind;

/// How events are handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    Batch,
    /// The same, of events that were delivered before and are marked as started together.
    Redelivered,
    /// One event by itself, after its `started` mark; the caller has made sure that it is due.
    Isolated,
}

/// What the ledger knew of an event before it came this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Before {
    pub outcome: OutcomeKind,
    pub attempts: i64,
    pub retry_at: Option<DateTime<Utc>>,
}

/// What is done with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Handled for the first time.
    First,
    /// Handled again.
    Again(Before),
    /// A repetition: counted, and nothing else.
    Repeated,
}

/// Decides for one event; `before` is `None` where nobody knew it.
pub fn decide(before: Option<Before>, is_replayed: bool, manner: Manner, now: DateTime<Utc>) -> Due {
    let Some(before) = before else { return Due::First };
    let time_has_come = manner == Manner::Isolated || before.retry_at.is_some_and(|at| at <= now);
    let is_due = is_replayed || (before.outcome == OutcomeKind::Waiting && time_has_come);
    if is_due { Due::Again(before) } else { Due::Repeated }
}

impl Due {
    pub fn is_handled(self) -> bool {
        self != Self::Repeated
    }

    /// How often it was tried, with this time.
    pub fn attempts(self) -> i64 {
        match self {
            Self::First => 1,
            Self::Again(before) => before.attempts + 1,
            Self::Repeated => 0,
        }
    }

    /// Whether what comes of it now takes the place of an earlier outcome. What was applied stays applied,
    /// whatever a stricter rule says of it now.
    pub fn replaces_outcome(self) -> bool {
        matches!(self, Self::Again(before) if before.outcome != OutcomeKind::Applied)
    }

    pub fn was_dead(self) -> bool {
        matches!(self, Self::Again(before) if before.outcome == OutcomeKind::Dead)
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::OutcomeKind::{Applied, Dead, Ignored, Waiting};
    use super::*;

    #[test]
    fn an_event_is_due_when_it_is_new_or_its_time_has_come_or_a_replay_asks_for_it() {
        let now = DateTime::UNIX_EPOCH;
        let [past, future] = [-1, 1].map(|seconds| Some(now + TimeDelta::seconds(seconds)));
        let (together, alone) = (Manner::Batch, Manner::Isolated);
        // outcome, retry_at, replayed, manner: handled?
        let table = [
            (Applied, None, false, together, false),
            (Applied, None, false, alone, false),
            (Applied, None, true, together, true),
            (Ignored, None, false, together, false),
            (Ignored, None, true, together, true),
            (Dead, None, false, together, false),
            (Dead, None, false, alone, false),
            (Dead, None, true, together, true),
            (Waiting, past, false, together, true),
            (Waiting, Some(now), false, together, true),
            (Waiting, future, false, together, false),
            (Waiting, future, false, alone, true),
            (Waiting, future, true, together, true),
            (Waiting, None, false, together, false),
            (Waiting, None, false, alone, true),
        ];
        for (outcome, retry_at, is_replayed, manner, is_handled) in table {
            let before = Before { outcome, attempts: 3, retry_at };
            let due = decide(Some(before), is_replayed, manner, now);
            assert_eq!(due.is_handled(), is_handled, "{before:?} {is_replayed} {manner:?}");
            assert_eq!(due.attempts(), if is_handled { 4 } else { 0 });
            assert_eq!(due.replaces_outcome(), is_handled && outcome != Applied);
            assert_eq!(due.was_dead(), is_handled && outcome == Dead);
        }
        for manner in [together, alone] {
            let due = decide(None, false, manner, now);
            assert_eq!((due, due.attempts(), due.replaces_outcome()), (Due::First, 1, false));
        }
    }
}
