//! The schema: made by `migrate`, refused by everyone else when it is not the one this build knows.

use std::sync::LazyLock;

use shared::{Pending, PendingHere};
use sqlx::migrate::{Migrate, MigrateError, Migrator};
use sqlx::{AssertSqlSafe, PgConnection, PgPool, SqlitePool};

use super::{append_only, months, reach};
use crate::tables::moved_events;
use crate::{Ledger, LedgerError, Pool, SchemaError};

static MIGRATOR: LazyLock<Migrator> =
    LazyLock::new(|| shared::migrations::migrator(include!(concat!(env!("OUT_DIR"), "/migrations.rs"))));

/// What is brought up to date. On Postgres over a connection that keeps out whoever migrates at the same time, and finds
/// nothing left to do then; no statement on it is cut off, as an index of a large table takes its time.
enum Database<'p> {
    Postgres(&'p PgPool, PgConnection),
    Sqlite(&'p SqlitePool),
}

impl Database<'_> {
    /// Runs the migrations that are not applied yet, up to this one.
    async fn apply(&mut self, last: i64) -> Result<(), LedgerError> {
        let applied = match self {
            Self::Postgres(_, alone) => MIGRATOR.run_to(last, alone).await,
            Self::Sqlite(pool) => MIGRATOR.run_to(last, *pool).await,
        };
        applied.map_err(explain)
    }
}

impl Ledger {
    /// Brings the schema up to this build's, and names what was applied now.
    pub fn migrate(&self) -> PendingHere<'_, Result<Vec<String>, LedgerError>> {
        Box::pin(self.bring_up_to_date())
    }

    async fn bring_up_to_date(&self) -> Result<Vec<String>, LedgerError> {
        let mut database = match &self.pool {
            Pool::Postgres(pool) => Database::Postgres(pool, months::alone(pool).await?),
            Pool::Sqlite(pool, _) => Database::Sqlite(pool),
        };
        let before = self.applied().await?;
        if !before.contains(&moved_events::DROPPED) {
            database.apply(moved_events::MADE).await?;
            match &database {
                Database::Postgres(pool, _) => {
                    months::divide(pool).await?;
                    months::allow_months(pool).await?;
                    append_only::release_postgres(pool, "audit").await?;
                }
                Database::Sqlite(pool) => append_only::release_sqlite(pool, "audit").await?,
            }
            self.move_events().await?;
        }
        database.apply(i64::MAX).await?;
        match database {
            Database::Postgres(pool, _alone) => {
                months::allow_months(pool).await?;
                // Compressing raw bodies by lz4 takes half the time of the default. What fits into a page then stays
                // there: their table holds nothing else that a second table would help to find. All of its columns
                // must say so, for Postgres moves out those that may be moved before it compresses one that may not.
                sqlx::query(
                    "ALTER TABLE bodies ALTER COLUMN body SET COMPRESSION lz4, ALTER COLUMN body SET STORAGE MAIN, \
                     ALTER COLUMN id SET STORAGE MAIN, ALTER COLUMN account SET STORAGE MAIN, \
                     ALTER COLUMN content_hash SET STORAGE MAIN, ALTER COLUMN sealed_by SET STORAGE MAIN",
                )
                .execute(pool)
                .await?;
                // What is compressed already stays as it is, and apart from the numbers.
                sqlx::query("ALTER TABLE segments ALTER COLUMN content SET STORAGE EXTERNAL")
                    .execute(pool)
                    .await?;
                // Objects change a few times soon after they came: with room in their page no index is touched.
                for table in ["payments", "charges", "invoices", "refunds", "disputes", "customers"] {
                    let sql = AssertSqlSafe(format!("ALTER TABLE {table} SET (fillfactor = 70)"));
                    sqlx::query(sql).execute(pool).await?;
                }
                append_only::protect_postgres(pool).await?;
            }
            Database::Sqlite(pool) => append_only::protect_sqlite(pool).await?,
        }
        let new = MIGRATOR.iter().filter(|migration| !before.contains(&migration.version));
        Ok(new.map(|migration| format!("{:04} {}", migration.version, migration.description)).collect())
    }

    /// Refuses a schema that is older or newer than this build knows, in plain words.
    #[shared::built_once]
    pub async fn check_schema(&self) -> Result<(), LedgerError> {
        let applied = self.applied().await?;
        let known: Vec<i64> = MIGRATOR.iter().map(|migration| migration.version).collect();
        let missing = known.iter().filter(|version| !applied.contains(version)).count();
        let strange = applied.iter().filter(|version| !known.contains(version)).count();
        let at = self.shown.clone();
        if strange > 0 {
            return Err(SchemaError::Newer { at, strange }.into());
        }
        if missing > 0 {
            return Err(SchemaError::Older { at, missing, known: known.len() }.into());
        }
        Ok(())
    }

    /// The newest migration that is applied, and the newest that this build knows; 0 where there is none.
    #[shared::built_once]
    pub async fn schema_versions(&self) -> Result<(i64, i64), LedgerError> {
        let applied = self.applied().await?.into_iter().max();
        let known = MIGRATOR.iter().map(|migration| migration.version).max();
        Ok((applied.unwrap_or(0), known.unwrap_or(0)))
    }

    fn applied(&self) -> Pending<'_, Result<Vec<i64>, LedgerError>> {
        Box::pin(async move {
            match &self.pool {
                Pool::Postgres(pool) => match pool.acquire().await {
                    Ok(mut connection) => applied(&mut *connection).await,
                    Err(error) => Err(reach::explained(pool, error).await),
                },
                Pool::Sqlite(pool, _) => applied(&mut *pool.acquire().await?).await,
            }
        })
    }
}

/// A ledger without a table of migrations has none applied.
async fn applied(connection: &mut impl Migrate) -> Result<Vec<i64>, LedgerError> {
    match connection.list_applied_migrations("_sqlx_migrations").await {
        Ok(applied) => Ok(applied.into_iter().map(|migration| migration.version).collect()),
        Err(MigrateError::Execute(error)) if is_missing_table(&error) => Ok(Vec::new()),
        Err(error) => Err(explain(error)),
    }
}

fn is_missing_table(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| {
        error.code().as_deref() == Some("42P01") || error.message().starts_with("no such table")
    })
}

fn explain(error: MigrateError) -> LedgerError {
    match error {
        MigrateError::Execute(error) => error.into(),
        other => SchemaError::Migration(other).into(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_migration_is_known() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations/ledger");
        shared::migrations::assert_whole(&super::MIGRATOR, folder);
    }
}
