//! What can go wrong in the ledger, sorted where it is understood: wait, blame the event, or end the process.

use shared::files_in_use::Gone;
use thiserror::Error;

#[derive(Debug, Error)]
pub enum LedgerError {
    /// Everything that time or an operator heals. The event is not to blame.
    #[error("the ledger does not answer: {0}")]
    Transient(#[source] sqlx::Error),
    /// The data of this transaction is refused: SQLSTATE class 22 or 23, or SQLite's own words for them.
    #[error("the ledger refuses the data: {0}")]
    Data(#[source] sqlx::Error),
    /// The disk failed under SQLite: nothing that was promised can be relied on any more.
    #[error("the disk under the ledger failed: {0}. Mend the disk, then start again")]
    Disk(#[source] sqlx::Error),
    /// The file does not hold what was written to it.
    #[error("the ledger is damaged: {0}. {REMEDY}")]
    Damaged(String),
    #[error(
        "{0}. What is written now nobody will find again. Put the file back, or put away what is left of it (also \
         -wal and -shm), then start again: events that the queue still has are applied then, others come back by \
         `tidegate backfill`"
    )]
    Gone(#[from] Gone),
    #[error("{0}")]
    Schema(String),
    /// Another worker linked an object to those of this transaction, after it had looked for such. Begun again,
    /// it sees it.
    #[error(
        "another worker linked a payment to an invoice of this batch meanwhile; the batch is begun again"
    )]
    Moved,
}

/// What is really possible: nothing mends a file of SQLite's in place.
const REMEDY: &str = "Nothing more is written to it. Put the last backup in its place, or what `sqlite3 ledger.db \
    .dump` still reads (docs/runbook.md, \"A damaged ledger.db\"); then run `tidegate migrate`, `tidegate rebuild \
    --yes`, and `tidegate backfill --since 30d` for what is younger";

impl LedgerError {
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Transient(_) | Self::Schema(_) | Self::Moved)
    }

    /// The process must end: what it was told is committed may not be, or was never what was written.
    pub fn is_broken(&self) -> bool {
        matches!(self, Self::Disk(_) | Self::Damaged(_) | Self::Gone(_))
    }
}

impl From<sqlx::Error> for LedgerError {
    fn from(error: sqlx::Error) -> Self {
        let Some(database) = error.as_database_error() else {
            return match error {
                // A value is not what its column holds; time does not heal that.
                sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => Self::Damaged(error.to_string()),
                _ => Self::Transient(error),
            };
        };
        let code = database.code().unwrap_or_default().into_owned();
        let is_postgres = database.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().is_some();
        match (is_postgres, code.as_str()) {
            (true, state) if state.starts_with("22") || state.starts_with("23") => Self::Data(error),
            (true, _) => Self::Transient(error),
            (false, code) => match code.parse::<i64>().unwrap_or(0) & 0xff {
                sqlite::TOO_BIG | sqlite::CONSTRAINT | sqlite::MISMATCH => Self::Data(error),
                sqlite::IO_ERROR => Self::Disk(error),
                sqlite::CORRUPT | sqlite::NOT_A_DATABASE => Self::Damaged(database.message().to_owned()),
                _ => Self::Transient(error),
            },
        }
    }
}

/// SQLite's primary result codes.
mod sqlite {
    pub(crate) const IO_ERROR: i64 = 10;
    pub(crate) const CORRUPT: i64 = 11;
    pub(crate) const TOO_BIG: i64 = 18;
    pub(crate) const CONSTRAINT: i64 = 19;
    pub(crate) const MISMATCH: i64 = 20;
    pub(crate) const NOT_A_DATABASE: i64 = 26;
}
