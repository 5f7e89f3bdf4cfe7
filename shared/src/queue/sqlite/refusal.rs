//! Why a queue.db is not opened, in words with a remedy.

use std::path::Path;
use std::sync::Arc;

use super::fault::{Damage, Fault};
use super::health::FatalError;
use crate::queue::{Cause, OpenError, QueueUrl};

/// An error while opening; damage is told from the rest.
pub(super) fn refusal(path: &Path, error: sqlx::Error) -> OpenError {
    match Fault::of(&error) {
        Fault::Damaged => damaged(path, Damage::Met(Arc::new(error))),
        Fault::Fatal => failed(path, FatalError::by(Fault::Fatal, Arc::new(error))),
        _ => failed(path, error),
    }
}

pub(super) fn damaged(path: &Path, damage: Damage) -> OpenError {
    OpenError::Damaged { url: QueueUrl::Sqlite(path.to_owned()).shown(), cause: damage.into() }
}

pub(super) fn failed(path: &Path, cause: impl Into<Cause>) -> OpenError {
    OpenError::Failed { url: QueueUrl::Sqlite(path.to_owned()).shown(), cause: cause.into() }
}
