//! What became of an event. Every stored event has exactly one outcome.

use chrono::{DateTime, Utc};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Applied,
    /// Stored without effect.
    Ignored {
        reason: String,
    },
    /// Handled again when its time comes.
    Waiting {
        reason: String,
        retry_at: DateTime<Utc>,
    },
    /// A dead letter: it waits for a person.
    Dead {
        reason: String,
    },
}

impl Outcome {
    pub const NAMES: [&'static str; 4] = ["applied", "ignored", "waiting", "dead"];

    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Ignored { .. } => "ignored",
            Self::Waiting { .. } => "waiting",
            Self::Dead { .. } => "dead",
        }
    }

    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Applied => None,
            Self::Ignored { reason } | Self::Waiting { reason, .. } | Self::Dead { reason } => Some(reason),
        }
    }

    pub fn retry_at(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Waiting { retry_at, .. } => Some(*retry_at),
            _ => None,
        }
    }
}
