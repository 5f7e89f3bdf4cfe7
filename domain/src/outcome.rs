//! The outcome of an event. Every stored event has exactly one.

use chrono::{DateTime, Utc};

use super::row::words;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Applied,
    /// Stored without effect.
    Ignored {
        reason: String,
    },
    /// Handled again when its time comes.
    Waiting {
        failed: Failed,
        retry_at: DateTime<Utc>,
    },
    /// A dead letter: it waits for a person.
    Dead {
        failed: Failed,
    },
}

words! {
    /// The same without what belongs to it, as the ledger's column has it.
    pub enum OutcomeKind {
        Applied = "applied",
        Ignored = "ignored",
        Waiting = "waiting",
        Dead = "dead",
    }
}

/// Why an event was not applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    pub reason: String,
    /// Equal for all that fail of one cause: class, rule or type, field, API version.
    pub fingerprint: String,
}

impl Failed {
    /// The classes of failures, as a fingerprint begins with them.
    pub const CLASSES: [&'static str; 4] =
        ["permanent", "unexplained", "rejected by the database", "suspect"];

    pub fn class(&self) -> &'static str {
        Self::class_of(&self.fingerprint)
    }

    /// The class of a fingerprint: that its body can never be applied, that nobody can explain what happens,
    /// that the database refuses what it says, or that the queue gave us what nobody vouches for.
    pub fn class_of(fingerprint: &str) -> &'static str {
        Self::CLASSES.into_iter().find(|class| fingerprint.starts_with(class)).unwrap_or("other")
    }
}

impl Outcome {
    pub fn kind(&self) -> OutcomeKind {
        match self {
            Self::Applied => OutcomeKind::Applied,
            Self::Ignored { .. } => OutcomeKind::Ignored,
            Self::Waiting { .. } => OutcomeKind::Waiting,
            Self::Dead { .. } => OutcomeKind::Dead,
        }
    }

    pub fn as_str(&self) -> &'static str {
        self.kind().as_str()
    }

    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Applied => None,
            Self::Ignored { reason } => Some(reason),
            Self::Waiting { failed, .. } | Self::Dead { failed } => Some(&failed.reason),
        }
    }

    pub fn failed(&self) -> Option<&Failed> {
        match self {
            Self::Applied | Self::Ignored { .. } => None,
            Self::Waiting { failed, .. } | Self::Dead { failed } => Some(failed),
        }
    }

    pub fn retry_at(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Waiting { retry_at, .. } => Some(*retry_at),
            _ => None,
        }
    }
}
