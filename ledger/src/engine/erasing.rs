//! What it takes that an erased body is gone from the file, too, where the database is one. What a server does with
//! its pages, only its operator can say (docs/staff.md).

use sqlx::Row;

use crate::engine::query::query;
use crate::{Ledger, LedgerError, Pool, Transaction};

impl Transaction {
    /// From now on SQLite overwrites what it frees; that costs writes, so nobody else has it on.
    pub(crate) async fn overwrite_what_is_freed(&mut self) -> Result<(), LedgerError> {
        if matches!(self, Self::Sqlite(..)) {
            query("PRAGMA secure_delete = ON").run(self).await?;
        }
        Ok(())
    }
}

impl Ledger {
    /// Writes the log of a SQLite file into the file and empties it: it may still have what was erased. `false`
    /// where somebody reads from it at this moment; `None` for a server.
    #[shared::built_once]
    pub async fn empty_log(&self) -> Result<Option<bool>, LedgerError> {
        let Pool::Sqlite(pool, _) = &self.pool else { return Ok(None) };
        let told = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(pool).await?;
        Ok(Some(told.try_get::<i64, _>(0)? == 0))
    }
}
