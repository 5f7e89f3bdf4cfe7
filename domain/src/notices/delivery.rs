//! How a notice reaches a target: when it is tried again, when it is given up, and when a target is left alone.
//!
//! ```text
//! pending ─► delivered
//!    │ ├───► failed      three days of attempts; replayed by a person
//!    │ └───► withdrawn   no longer true when it was to be sent
//!    └─────► held        its target is disabled; replayed by a person
//! ```

use chrono::{DateTime, TimeDelta, Utc};

use super::{Target, TargetState};
use crate::row::{row, words};

words! {
    pub enum DeliveryState {
        Pending = "pending",
        Delivered = "delivered",
        Failed = "failed",
        Withdrawn = "withdrawn",
        Held = "held",
    }
}

row! {
    /// One notice for one target.
    pub struct Delivery {
        pub notice: String,
        pub target: String,
        pub state: DeliveryState,
        pub attempts: i64,
        pub next_at: DateTime<Utc>,
        pub give_up_at: DateTime<Utc>,
        /// What went wrong last, or why it was withdrawn.
        pub message: Option<String>,
        pub noted_at: DateTime<Utc>,
        pub ended_at: Option<DateTime<Utc>>,
    }
}

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    Delivered,
    /// It is no longer true, or nobody is there to be told.
    Withdrawn(String),
    /// Later it may work. The receiver may say when.
    Later(String, Option<TimeDelta>),
    /// This notice will never be taken.
    Never(String),
    /// The receiver wants nothing any more.
    Gone(String),
}

/// The waits between attempts, about three days together.
const WAITS_SECS: [i64; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
/// After this many failures in a row a target is left alone for a while, and then tried with one notice.
const BREAKS_AFTER: i64 = 5;
const LONGEST_BREAK_SECS: i64 = 600;
const LONGEST_MESSAGE_CHARS: usize = 300;

/// Attempts are a little late each time, and answers take theirs.
const LATENESS: TimeDelta = TimeDelta::hours(6);

/// For so long a notice is tried: until the last of the attempts, however late they were.
pub fn patience() -> TimeDelta {
    TimeDelta::seconds(WAITS_SECS.iter().sum()) + LATENESS
}

impl Delivery {
    pub fn of(notice: &str, target: &Target, noted_at: DateTime<Utc>) -> Self {
        let state = match target.state {
            TargetState::Enabled => DeliveryState::Pending,
            TargetState::Disabled => DeliveryState::Held,
        };
        Self {
            notice: notice.to_owned(),
            target: target.name.clone(),
            state,
            next_at: noted_at,
            give_up_at: noted_at + patience(),
            noted_at,
            ..Self::default()
        }
    }

    /// Takes in what came of an attempt.
    pub fn conclude(&mut self, sent: &Sent, now: DateTime<Utc>) {
        self.attempts += 1;
        let (state, message) = match sent {
            Sent::Delivered => (DeliveryState::Delivered, None),
            Sent::Withdrawn(why) => (DeliveryState::Withdrawn, Some(why)),
            Sent::Never(why) => (DeliveryState::Failed, Some(why)),
            Sent::Gone(why) => (DeliveryState::Held, Some(why)),
            Sent::Later(why, asked) => {
                let place = usize::try_from(self.attempts - 1).unwrap_or(usize::MAX);
                let wait = WAITS_SECS.get(place).copied().map(TimeDelta::seconds);
                let wait = wait.map(|wait| wait.max(asked.unwrap_or_default()));
                match wait.map(|wait| now + wait) {
                    Some(next_at) if next_at <= self.give_up_at => {
                        self.next_at = next_at;
                        (DeliveryState::Pending, Some(why))
                    }
                    _ => (DeliveryState::Failed, Some(why)),
                }
            }
        };
        self.state = state;
        self.message = message.map(|why| why.chars().take(LONGEST_MESSAGE_CHARS).collect());
        let has_ended = !matches!(state, DeliveryState::Pending | DeliveryState::Held);
        self.ended_at = has_ended.then_some(now);
    }
}

impl Target {
    /// Takes in what came of an attempt: a target that fails again and again is left alone, for longer each time.
    pub fn take(&mut self, sent: &Sent, now: DateTime<Utc>) {
        match sent {
            Sent::Delivered => {
                (self.failures, self.open_until, self.message) = (0, None, None);
                self.delivered_at = Some(now);
            }
            // It answered, or was not asked.
            Sent::Withdrawn(_) | Sent::Never(_) => (self.failures, self.open_until) = (0, None),
            Sent::Later(why, _) => {
                self.failures += 1;
                self.message = Some(why.chars().take(LONGEST_MESSAGE_CHARS).collect());
                let beyond = self.failures - BREAKS_AFTER;
                if beyond >= 0 {
                    let secs = 10_i64.saturating_mul(1 << beyond.min(10)).min(LONGEST_BREAK_SECS);
                    self.open_until = Some(now + TimeDelta::seconds(secs));
                }
            }
            Sent::Gone(why) => {
                self.state = TargetState::Disabled;
                self.message = Some(why.clone());
            }
        }
    }

    /// Whether it is left alone for now.
    pub fn is_broken(&self, now: DateTime<Utc>) -> bool {
        self.open_until.is_some_and(|until| until > now)
    }

    /// How many notices are tried at once: one, to see whether it answers again.
    pub fn is_probed(&self) -> bool {
        self.failures >= BREAKS_AFTER
    }
}
