//! The system of record: Postgres, or a SQLite file. Every statement stands here, once, for both
//! databases; no decision about the domain is made here.

pub mod body_keys;
mod engine;
pub mod failure;
pub mod graph;
mod releases;
mod segment;
pub mod tables;
pub mod views;

use std::sync::Arc;

use shared::{Pending, PendingHere, simulated};
use sqlx::{PgPool, SqlitePool};

use self::body_keys::BodyKeys;
pub use self::engine::append_only::TABLES as APPEND_ONLY_TABLES;
pub use self::engine::config::{LedgerConfig, VARIABLES};
pub use self::engine::copy;
pub use self::engine::error::{Damage, LedgerError, SchemaError};
use self::engine::file::LedgerFile;
use self::engine::months::KnownMonths;
pub use self::engine::patience::Patience;
pub use self::engine::policies::VARIABLES as POLICY_VARIABLES;
use self::engine::reach;
pub use self::engine::settings;
use self::engine::writer::Writer;
pub use self::graph::load::BATCH_LOCKS;
pub use self::segment::Fault;
use domain::policy::Policy;

/// A handle; clones share one ledger.
#[derive(Clone, Debug)]
pub struct Ledger {
    pool: Pool,
    /// Where it is a file.
    file: Option<Arc<LedgerFile>>,
    shown: String,
    policy: Arc<Policy>,
    body_keys: BodyKeys,
    months: Arc<KnownMonths>,
    patience: Patience,
}

#[derive(Clone, Debug)]
enum Pool {
    Postgres(PgPool),
    /// For reading, and the one connection that writes.
    Sqlite(SqlitePool, Arc<Writer>),
}

/// A transaction on either database. What is not committed is undone when it is dropped.
#[derive(Debug)]
pub enum Transaction {
    Postgres(sqlx::Transaction<'static, sqlx::Postgres>, Patience, BodyKeys),
    Sqlite(sqlx::Transaction<'static, sqlx::Sqlite>, Arc<LedgerFile>, BodyKeys),
}

impl Ledger {
    pub fn open(config: &LedgerConfig) -> PendingHere<'_, Result<Self, LedgerError>> {
        Box::pin(async move {
            let policy = Arc::new(config.policy.clone());
            let (pool, file) = config.connect().await?;
            let body_keys = config.body_keys.clone();
            let months = Arc::default();
            let patience = config.patience();
            Ok(Self { pool, file, shown: config.shown(), policy, body_keys, months, patience })
        })
    }

    /// Whether it is a file of SQLite's.
    pub fn is_file(&self) -> bool {
        matches!(self.pool, Pool::Sqlite(..))
    }

    /// Connects once, without the pool, and says what is wrong: for people, who do not want to wait for its patience.
    pub fn reach(&self) -> Pending<'_, Result<(), LedgerError>> {
        Box::pin(async move {
            match &self.pool {
                Pool::Postgres(pool) => reach::found(pool).await,
                Pool::Sqlite(..) => Ok(()),
            }
        })
    }

    /// What it is derived with.
    pub fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    /// What seals bodies before they are stored.
    pub fn body_keys(&self) -> &BodyKeys {
        &self.body_keys
    }

    /// Where it is, without user or password.
    pub fn shown(&self) -> String {
        self.shown.clone()
    }

    /// Several batches at once make sense only where the database takes several writers.
    pub fn takes_several_writers(&self) -> bool {
        matches!(self.pool, Pool::Postgres(_))
    }

    /// Begins a transaction that may write. Never to be cancelled half-way (no `select!`, no `timeout` around
    /// it): sqlx 0.9.0 would leave the pooled Postgres connection inside the transaction. The pool bounds the wait.
    pub fn begin(&self) -> Pending<'_, Result<Transaction, LedgerError>> {
        Box::pin(async move {
            Ok(match &self.pool {
                Pool::Postgres(pool) => match self.patience.begin(pool, None).await {
                    Ok(tx) => Transaction::Postgres(tx, self.patience, self.body_keys.clone()),
                    Err(error) => return Err(reach::explained(pool, error).await),
                },
                Pool::Sqlite(_, writer) => {
                    let file = self.file.clone().unwrap_or_default();
                    file.check_known()?;
                    let tx = writer.begin().await.map_err(|error| file.note(error))?;
                    Transaction::Sqlite(tx, file, self.body_keys.clone())
                }
            })
        })
    }

    /// Begins a transaction that only reads: it sees one state and waits for nobody.
    pub fn read(&self) -> Pending<'_, Result<Transaction, LedgerError>> {
        Box::pin(async move {
            Ok(match &self.pool {
                Pool::Postgres(pool) => {
                    const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
                    match self.patience.begin(pool, Some(BEGIN)).await {
                        Ok(tx) => Transaction::Postgres(tx, self.patience, self.body_keys.clone()),
                        Err(error) => return Err(reach::explained(pool, error).await),
                    }
                }
                Pool::Sqlite(pool, _) => {
                    let file = self.file.clone().unwrap_or_default();
                    let tx = pool.begin().await.map_err(|error| file.note(error))?;
                    Transaction::Sqlite(tx, file, self.body_keys.clone())
                }
            })
        })
    }

    /// Whether the file is still the one that was opened, and no damage was found in it. A database that is a
    /// server sees to that itself.
    pub fn check_file(&self) -> Result<(), LedgerError> {
        self.file.as_ref().map_or(Ok(()), |file| file.check())
    }

    pub fn close(&self) -> Pending<'_, ()> {
        Box::pin(async move {
            match &self.pool {
                Pool::Postgres(pool) => self.patience.close(pool).await,
                Pool::Sqlite(pool, writer) => {
                    writer.close().await;
                    pool.close().await;
                }
            }
        })
    }
}

impl Transaction {
    pub(crate) fn body_keys(&self) -> &BodyKeys {
        match self {
            Self::Postgres(_, _, keys) | Self::Sqlite(_, _, keys) => keys,
        }
    }

    pub fn commit(self) -> Pending<'static, Result<(), LedgerError>> {
        Box::pin(async move {
            simulated::point().await;
            match self {
                Self::Postgres(tx, patience, _) => patience.wait(tx.commit()).await?,
                Self::Sqlite(tx, file, _) => {
                    tx.commit().await.map_err(|error| file.note(error))?;
                    // A commit to a file that nobody can open any more is worth nothing.
                    file.check()?;
                }
            }
            simulated::point().await;
            Ok(())
        })
    }
}
