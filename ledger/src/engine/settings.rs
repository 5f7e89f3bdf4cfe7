//! The settings of the ledger's database, as the database reports them. The caller judges whether a commit
//! survives with them.

use std::io;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::readable;
use serde::Serialize;
use shared::integrity;
use sqlx::SqlitePool;

use crate::engine::query::query;
use crate::{Ledger, LedgerError, Pool, Transaction};

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "database", rename_all = "lowercase")]
pub enum Settings {
    Postgres(PostgresSettings),
    Sqlite(SqliteSettings),
}

readable! {
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    pub struct PostgresSettings {
        pub version: String,
        pub fsync: String,
        pub full_page_writes: String,
        pub synchronous_commit: String,
        pub collation: String,
        /// Those that an ordinary user may open, over all databases of the server.
        pub connections_limit: i64,
        pub connections_open: i64,
        /// How many locks all transactions of the server together can hold.
        pub locks_limit: i64,
        pub is_standby: bool,
        pub clock: DateTime<Utc>,
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SqliteSettings {
    pub version: String,
    pub journal_mode: String,
    /// 2 is FULL, 3 EXTRA: a commit has reached the disk.
    pub synchronous: i64,
}

impl Ledger {
    /// Its own question on its own connection: the settings are those that the worker gets, too.
    #[shared::built_once]
    pub async fn settings(&self) -> Result<Settings, LedgerError> {
        let mut tx = self.read().await?;
        if let Transaction::Postgres(..) = tx {
            return Ok(Settings::Postgres(query("SELECT current_setting('server_version') AS version, current_setting('fsync') AS fsync, \
                     current_setting('full_page_writes') AS full_page_writes, \
                     current_setting('synchronous_commit') AS synchronous_commit, \
                     (SELECT datcollate::text FROM pg_database WHERE datname = current_database()) AS collation, \
                     current_setting('max_connections')::bigint \
                       - current_setting('superuser_reserved_connections')::bigint AS connections_limit, \
                     (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS connections_open, \
                     current_setting('max_locks_per_transaction')::bigint \
                       * (current_setting('max_connections')::bigint \
                          + current_setting('max_prepared_transactions')::bigint) AS locks_limit, \
                     pg_is_in_recovery() AS is_standby, clock_timestamp() AS clock").one(&mut tx).await?));
        }
        Ok(Settings::Sqlite(SqliteSettings {
            version: query("SELECT sqlite_version()").one(&mut tx).await?,
            journal_mode: query("PRAGMA journal_mode").one(&mut tx).await?,
            synchronous: query("PRAGMA synchronous").one(&mut tx).await?,
        }))
    }

    /// What is wrong with the file, looked for in all of it; `None` where it is sound, and for a server, which
    /// knows of its own.
    #[shared::built_once]
    pub async fn damage(&self) -> Result<Option<String>, LedgerError> {
        match &self.pool {
            Pool::Postgres(_) => Ok(None),
            Pool::Sqlite(pool, _) => first_damage(pool).await,
        }
    }

    /// What time the database's server has; `None` where it is this machine's file.
    #[shared::built_once]
    pub async fn server_clock(&self) -> Result<Option<DateTime<Utc>>, LedgerError> {
        let mut tx = self.read().await?;
        Ok(match tx {
            Transaction::Postgres(..) => Some(query("SELECT clock_timestamp()").one(&mut tx).await?),
            Transaction::Sqlite(..) => None,
        })
    }
}

/// The first thing that is wrong with the pages of a file and what is in them. Whether each index agrees with its
/// table is left out: that takes several times as long, and `tidegate rebuild` compares every row.
pub(crate) async fn first_damage(pool: &SqlitePool) -> Result<Option<String>, LedgerError> {
    let found: String = sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(pool).await?;
    let found = found.replace('\n', " ");
    // A page that the disk does not give may be sound.
    if integrity::is_disk_failure(&found) {
        return Err(LedgerError::Disk(Arc::new(io::Error::other(found))));
    }
    Ok((found != "ok").then(|| found.trim_start_matches("*** in database main *** ").to_owned()))
}
