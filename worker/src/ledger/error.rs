//! What can go wrong in the ledger, sorted where it is understood: wait, blame the event, or end the process.

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
    #[error("the disk under the ledger failed: {0}")]
    Broken(#[source] sqlx::Error),
    #[error("{0}")]
    Schema(String),
    /// Another worker linked an object to those of this transaction, after it had looked for such. Begun again,
    /// it sees it.
    #[error(
        "another worker linked a payment to an invoice of this batch meanwhile; the batch is begun again"
    )]
    Moved,
}

impl LedgerError {
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Transient(_) | Self::Schema(_) | Self::Moved)
    }
}

impl From<sqlx::Error> for LedgerError {
    fn from(error: sqlx::Error) -> Self {
        let Some(database) = error.as_database_error() else { return Self::Transient(error) };
        let code = database.code().unwrap_or_default().into_owned();
        let is_postgres = database.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().is_some();
        match (is_postgres, code.as_str()) {
            (true, state) if state.starts_with("22") || state.starts_with("23") => Self::Data(error),
            (true, _) => Self::Transient(error),
            (false, code) => match code.parse::<i64>().unwrap_or(0) & 0xff {
                sqlite::TOO_BIG | sqlite::CONSTRAINT | sqlite::MISMATCH => Self::Data(error),
                sqlite::IO_ERROR | sqlite::CORRUPT | sqlite::NOT_A_DATABASE => Self::Broken(error),
                _ => Self::Transient(error),
            },
        }
    }
}

/// SQLite's primary result codes.
mod sqlite {
    pub(super) const IO_ERROR: i64 = 10;
    pub(super) const CORRUPT: i64 = 11;
    pub(super) const TOO_BIG: i64 = 18;
    pub(super) const CONSTRAINT: i64 = 19;
    pub(super) const MISMATCH: i64 = 20;
    pub(super) const NOT_A_DATABASE: i64 = 26;
}
