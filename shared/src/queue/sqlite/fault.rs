//! What a SQLite error means for the queue: retry, refuse the group, or end the process because the disk failed
//! or the file is damaged.

use std::sync::Arc;

use sqlx::Error;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Another process holds the lock for the moment.
    Busy,
    /// The disk is full. Nothing was written, and there may be room later.
    Full,
    /// Durability can no longer be promised: after a failed fsync the kernel may have dropped the pages
    /// and will call the next fsync a success.
    Fatal,
    /// The file does not hold what was written to it. As bad as the former.
    Damaged,
    /// This group cannot be written; nothing is known against the next.
    Refused,
}

/// What is wrong with a file.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Damage {
    /// A check found it.
    #[error("{0}")]
    Found(String),
    /// A statement met it.
    #[error("{}", words(.0))]
    Met(#[source] Arc<Error>),
}

/// What it says of itself, without what a library puts before it.
pub(super) fn words(error: &Error) -> String {
    error.as_database_error().map_or_else(|| error.to_string(), |error| error.message().to_owned())
}

impl Fault {
    pub(super) fn of(error: &Error) -> Self {
        match error {
            Error::Database(error) => {
                error.code().and_then(|code| code.parse().ok()).map_or(Self::Refused, Self::of_code)
            }
            // The connection's own thread is gone, or cannot be talked to.
            Error::WorkerCrashed | Error::Io(_) | Error::Protocol(_) => Self::Fatal,
            // A value is not of its column's type.
            Error::ColumnDecode { .. } | Error::Decode(_) => Self::Damaged,
            _ => Self::Refused,
        }
    }

    /// SQLite's extended result codes carry the primary one in their low byte.
    fn of_code(code: i32) -> Self {
        const IOERR_SHMSIZE: i32 = 4874;
        match (code, code & 0xff) {
            // The index of the log cannot grow for want of room: this comes before anything is written.
            (IOERR_SHMSIZE, _) | (_, 13) => Self::Full,
            (_, 5 | 6) => Self::Busy,
            (_, 10) => Self::Fatal,
            // No statement of ours can break a constraint, unless a row is not where another says it is.
            (_, 11 | 19 | 26) => Self::Damaged,
            _ => Self::Refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_input_output_error_is_fatal() {
        for (name, code) in
            [("IOERR", 10), ("IOERR_FSYNC", 1034), ("IOERR_WRITE", 778), ("IOERR_DIR_FSYNC", 1290)]
        {
            assert_eq!(Fault::of_code(code), Fault::Fatal, "{name}");
        }
        assert_eq!(Fault::of(&Error::WorkerCrashed), Fault::Fatal);
    }

    #[test]
    fn what_only_damage_can_bring_about_is_damage() {
        for (name, code) in [
            ("CORRUPT", 11),
            ("CORRUPT_INDEX", 779),
            ("NOTADB", 26),
            ("CONSTRAINT", 19),
            ("CONSTRAINT_FOREIGNKEY", 787),
        ] {
            assert_eq!(Fault::of_code(code), Fault::Damaged, "{name}");
        }
    }

    #[test]
    fn a_lock_and_a_full_disk_pass_by_themselves() {
        for (name, code) in [("BUSY", 5), ("LOCKED", 6), ("BUSY_RECOVERY", 261), ("BUSY_SNAPSHOT", 517)] {
            assert_eq!(Fault::of_code(code), Fault::Busy, "{name}");
        }
        for (name, code) in [("FULL", 13), ("IOERR_SHMSIZE", 4874)] {
            assert_eq!(Fault::of_code(code), Fault::Full, "{name}");
        }
    }

    #[test]
    fn anything_else_concerns_its_group_only() {
        for (name, code) in [("TOOBIG", 18), ("NOMEM", 7), ("CANTOPEN", 14)] {
            assert_eq!(Fault::of_code(code), Fault::Refused, "{name}");
        }
    }
}
