//! What a failure means for the current events: wait, blame an event, or end the process.

use domain::blame::Blame;

use crate::LedgerError;

#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Heals by itself or by an operator. No event is to blame, no attempt is used, however long it lasts.
    #[error("{0}")]
    Transient(#[source] LedgerError),
    /// Some event of the batch is to blame; handled alone it shows itself.
    #[error("{0}")]
    Blame(#[source] Blame),
    /// The disk failed or the file is damaged: nothing may be acknowledged any more.
    #[error("{0}")]
    Fatal(#[source] LedgerError),
}

impl Failure {
    pub fn panicked() -> Self {
        Self::Blame(Blame::Panicked)
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Transient(_)
            | LedgerError::Unreachable(_)
            | LedgerError::Full(_)
            | LedgerError::Busy { .. }
            | LedgerError::Crowded { .. }
            | LedgerError::Schema(_)
            | LedgerError::File { .. }
            | LedgerError::LogAlone { .. }
            | LedgerError::Contended
            | LedgerError::Moved
            | LedgerError::NumberTaken
            | LedgerError::NoMonth
            | LedgerError::Segment { .. }
            | LedgerError::Unopened { .. }
            | LedgerError::KeyMissing { .. } => Self::Transient(error),
            LedgerError::Data(_) => Self::Blame(Blame::Refused(error.to_string())),
            LedgerError::Disk(_) | LedgerError::Damaged(_) | LedgerError::Gone(_) => Self::Fatal(error),
        }
    }
}
