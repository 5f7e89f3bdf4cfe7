//! Ledger errors, classified where they are understood: wait, blame the event, or end the process.

use std::io;
use std::sync::Arc;

use domain::Kind;
use shared::files_in_use::Gone;
use shared::unreachable::Unreachable;
use sqlx::migrate::MigrateError;
use thiserror::Error;

use crate::segment::Fault;

#[derive(Debug, Error)]
pub enum LedgerError {
    /// Everything that time or an operator heals. The event is not to blame.
    #[error("the ledger does not answer: {0}")]
    Transient(#[source] sqlx::Error),
    /// The data of this transaction is refused: SQLSTATE class 22 or 23, or SQLite's own words for them.
    #[error("the ledger refuses the data: {0}")]
    Data(#[source] sqlx::Error),
    /// The disk failed under SQLite: nothing that was promised can be relied on any more.
    #[error("the disk under the ledger failed: {0}. Repair the disk, then start again")]
    Disk(#[source] DiskFailure),
    /// The disk has no room, which passes.
    #[error(
        "no space for the ledger's file: {0}. Make room; what runs goes on by itself then, and what could not start is to be started again"
    )]
    Full(#[source] sqlx::Error),
    /// No session with Postgres begins. Its words name the remedy.
    #[error("{0}")]
    Unreachable(#[from] Unreachable),
    #[error(
        "all {connections} connections of this process to Postgres were in use for {secs} s. Look for statements that \
         wait for locks; or raise DATABASE_CONNECTIONS"
    )]
    Busy { connections: u32, secs: u64, source: sqlx::Error },
    /// So many write to the file that this one's turn did not come.
    #[error(
        "the ledger's file was being written to for {secs} s without a turn for this. Look for a command that writes for \
         long; or raise DATABASE_DEADLINE_SECS, or use Postgres"
    )]
    Crowded { secs: u64, source: sqlx::Error },
    /// The file does not hold what was written to it.
    #[error("the ledger is damaged: {0}. {REMEDY}")]
    Damaged(#[source] Damage),
    #[error(
        "{0}. Anything written now would be lost. Put the file back, or move its remains away (also -wal and -shm), then start again: queued events are applied then, and `tidegate backfill` fetches the others"
    )]
    Gone(#[from] Gone),
    #[error("{0}")]
    Schema(#[from] SchemaError),
    /// The file cannot be made, found or opened.
    #[error(
        "the ledger's file {path} cannot be used: {source}. Correct DATABASE_URL, or give this user the right to"
    )]
    File { path: String, source: io::Error },
    #[error(
        "{path}: the ledger's file is missing, but its log (-wal) is there. Put the file back, or move the log away; `tidegate backfill --since 30d` then fetches from Stripe what it still lists"
    )]
    LogAlone { path: String },
    /// Two people do the opposite of each other at the same moment.
    #[error("others pause and resume at this moment. Agree with them, then run the command again")]
    Contended,
    /// Another worker made or linked an object of this transaction, after it had looked for such. Begun again, it
    /// sees it.
    #[error("another worker made or linked an object of this batch at the same moment; the batch is retried")]
    Moved,
    /// Begun again, it draws another.
    #[error("another worker drew the same number for a segment at the same moment; the batch is retried")]
    NumberTaken,
    /// Begun again, it makes the month anew.
    #[error(
        "the month of an event is gone: somebody detached or dropped it. It is made anew, and the batch is retried; what the month recognised is forgotten (docs/scale.md)"
    )]
    NoMonth,
    /// Bodies of a batch cannot be read. Nothing else rests on them.
    #[error(
        "segment {number} is damaged: {fault}. Its bodies cannot be read; the rows that its events changed are right. `tidegate audit verify` names the events; restore the row of `segments` from a backup (docs/runbook.md, \"A damaged segment\")"
    )]
    Segment { number: i64, fault: Fault },
    /// Bytes with a row of their own cannot be read. Nothing else rests on them.
    #[error(
        "{what} {id} cannot be read: {fault}. The rows that events changed are right; restore this row from a backup (docs/runbook.md, \"A damaged segment\")"
    )]
    Unopened { what: &'static str, id: String, fault: Fault },
    #[error(
        "what Stripe sent is stored here under the key {id}, which is not in BODY_KEYS_FILE. Nothing is lost, and no event becomes a dead letter: give this process the file that has the key. If nobody has it any more, write `lost {id}` as a line of its own into the file (docs/backup.md, \"Keys of bodies\")"
    )]
    KeyMissing { id: String },
}

/// The schema is not this build's.
#[derive(Debug, Error)]
pub enum SchemaError {
    #[error("the ledger at {at} lacks {missing} of {known} migration(s): run `tidegate migrate` first")]
    Older { at: String, missing: usize, known: usize },
    #[error(
        "the ledger at {at} has {strange} migration(s) that this build does not know: it was made by a newer version. \
         Run that version, or newer"
    )]
    Newer { at: String, strange: usize },
    #[error("the ledger's schema cannot be brought up to date: {0}")]
    Migration(#[source] MigrateError),
}

/// What failed. Everybody who asks the file from then on is told the same.
pub(crate) type DiskFailure = Arc<dyn std::error::Error + Send + Sync>;

/// What is wrong with a file.
#[derive(Debug, Error)]
pub enum Damage {
    /// A check found it.
    #[error("{0}")]
    Found(String),
    /// A statement met it.
    #[error("{}", .0.as_database_error().map_or_else(|| .0.to_string(), |error| error.message().to_owned()))]
    Met(#[source] sqlx::Error),
}

/// What is really possible: nothing mends a file of SQLite's in place.
const REMEDY: &str = "Nothing more is written to it. Replace it by the last backup, or by what `sqlite3 ledger.db .dump` still reads (docs/runbook.md, \"A damaged ledger.db\"). Then run `tidegate migrate`, `tidegate rebuild --yes`, and `tidegate backfill --since 30d` for newer events";

impl LedgerError {
    pub(crate) fn unopened(what: &'static str, id: &str, fault: Fault) -> Self {
        Self::Unopened { what, id: id.to_owned(), fault }
    }

    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Transient(_)
                | Self::Full(_)
                | Self::Unreachable(_)
                | Self::Busy { .. }
                | Self::Crowded { .. }
                | Self::Schema(_)
                | Self::File { .. }
                | Self::LogAlone { .. }
                | Self::Contended
                | Self::Moved
                | Self::NumberTaken
                | Self::NoMonth
                | Self::Segment { .. }
                | Self::Unopened { .. }
                | Self::KeyMissing { .. }
        )
    }

    /// The process must end: what it was told is committed may not be, or was never what was written.
    pub fn is_fatal(&self) -> bool {
        matches!(self, Self::Disk(_) | Self::Damaged(_) | Self::Gone(_))
    }
}

impl From<sqlx::Error> for LedgerError {
    fn from(error: sqlx::Error) -> Self {
        let Some(database) = error.as_database_error() else {
            return match error {
                // A value is not what its column holds; time does not heal that.
                sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => {
                    Self::Damaged(Damage::Met(error))
                }
                _ => Self::Transient(error),
            };
        };
        let code = database.code().unwrap_or_default().into_owned();
        let is_postgres = database.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().is_some();
        match (is_postgres, code.as_str()) {
            (true, "55P03") => Self::Moved, // a row that `Wait::Never` found locked
            (true, "23505") if is_object(database.table()) => Self::Moved,
            // No partition of the table takes the row. A check that fails has a name, and what a trigger refuses has no table.
            (true, "23514") if database.constraint().is_none() && database.table() == Some("events") => {
                Self::NoMonth
            }
            (true, state) if state.starts_with("22") || state.starts_with("23") => Self::Data(error),
            (true, _) => Self::Transient(error),
            (false, code) => match code.parse::<i64>().unwrap_or(0) {
                // The index of the log cannot grow for want of room: this comes before anything is written.
                sqlite::IO_ERROR_SHM_SIZE => Self::Full(error),
                code => match code & 0xff {
                    sqlite::TOO_BIG | sqlite::CONSTRAINT | sqlite::MISMATCH => Self::Data(error),
                    sqlite::IO_ERROR => Self::Disk(Arc::new(error)),
                    sqlite::FULL => Self::Full(error),
                    sqlite::CORRUPT | sqlite::NOT_A_DATABASE => Self::Damaged(Damage::Met(error)),
                    _ => Self::Transient(error),
                },
            },
        }
    }
}

/// Two transactions inserted one object: only where they had no room to lock its key.
fn is_object(table: Option<&str>) -> bool {
    table.is_some_and(|table| Kind::ALL.iter().any(|kind| kind.table() == table))
}

/// SQLite's primary result codes.
mod sqlite {
    pub(crate) const IO_ERROR: i64 = 10;
    pub(crate) const IO_ERROR_SHM_SIZE: i64 = 4874;
    pub(crate) const CORRUPT: i64 = 11;
    pub(crate) const FULL: i64 = 13;
    pub(crate) const TOO_BIG: i64 = 18;
    pub(crate) const CONSTRAINT: i64 = 19;
    pub(crate) const MISMATCH: i64 = 20;
    pub(crate) const NOT_A_DATABASE: i64 = 26;
}
