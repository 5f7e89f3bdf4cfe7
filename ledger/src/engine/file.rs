//! ledger.db as a file: readable only by its owner, checked for damage before use, and watched while in use.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use shared::files_in_use::FilesInUse;
use shared::write_ahead_log;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{ConnectOptions, Connection, SqlitePool};

use crate::engine::error::DiskFailure;
use crate::engine::settings::first_damage;
use crate::{Damage, LedgerError};

/// So long the start waits for the check for damage.
const CHECK_PATIENCE: Duration = Duration::from_secs(10);
const EMPTY: &str = "it is empty (0 bytes), which a ledger never is: something truncated it";

/// The file that is in use, and what was found wrong with it since. Whoever meets a fault may have nobody to tell: it is
/// told to everybody who uses the file from then on.
#[derive(Debug, Default)]
pub struct LedgerFile {
    files: FilesInUse,
    damage: OnceLock<String>,
    failure: OnceLock<DiskFailure>,
}

impl LedgerFile {
    /// What a pool has open.
    pub(crate) async fn of(path: &Path, pool: &SqlitePool) -> Result<Arc<Self>, LedgerError> {
        // A read makes SQLite open its companions, which then stay for as long as a connection is open.
        sqlx::query("SELECT name FROM sqlite_schema LIMIT 1").fetch_optional(pool).await?;
        let files = FilesInUse::of_database(path).map_err(|error| refused(path, error))?;
        Ok(Arc::new(Self { files, ..Self::default() }))
    }

    /// Refuses a damaged file. A large one is looked at further while the work begins, which the damage then ends.
    pub(crate) async fn check_at_start(self: &Arc<Self>, pool: &SqlitePool) -> Result<(), LedgerError> {
        let (file, pool) = (Arc::clone(self), pool.clone());
        let check = tokio::spawn(async move {
            let found = first_damage(&pool).await;
            if let Ok(Some(damage)) = &found {
                let _ = file.damage.set(damage.clone());
            }
            found.map(drop)
        });
        match tokio::time::timeout(CHECK_PATIENCE, check).await {
            Ok(Ok(checked)) => checked.and_then(|()| self.check()),
            Ok(Err(_)) => Ok(()), // it panicked, which tells nothing about the file
            Err(_) => {
                tracing::info!("ledger.db is large: checking it for damage while work starts");
                Ok(())
            }
        }
    }

    pub(crate) fn check(&self) -> Result<(), LedgerError> {
        self.check_known()?;
        Ok(self.files.check()?)
    }

    /// Whether anybody met a fault of the file.
    pub(crate) fn check_known(&self) -> Result<(), LedgerError> {
        match (self.damage.get(), self.failure.get()) {
            (Some(damage), _) => Err(LedgerError::Damaged(Damage::Found(damage.clone()))),
            (None, Some(failure)) => Err(LedgerError::Disk(Arc::clone(failure))),
            (None, None) => Ok(()),
        }
    }

    /// What an error means; keeps in mind what nobody may write after.
    pub(crate) fn note(&self, error: impl Into<LedgerError>) -> LedgerError {
        let error = error.into();
        let _ = match &error {
            LedgerError::Disk(failure) => self.failure.set(Arc::clone(failure)).is_ok(),
            LedgerError::Damaged(damage) => self.damage.set(damage.to_string()).is_ok(),
            _ => false,
        };
        error
    }
}

/// Before SQLite reads the log, and forgets what is behind its damage.
pub(crate) fn check_log(path: &Path) -> Result<(), LedgerError> {
    match write_ahead_log::damage(path) {
        Ok(None) => Ok(()),
        Ok(Some(damage)) => Err(LedgerError::Damaged(Damage::Found(damage))),
        Err(error) => Err(refused(path, error)),
    }
}

/// Makes a new ledger's folder and file, which gets its name when it is one: so an empty file was not left by us.
pub(crate) async fn create(path: &Path, options: SqliteConnectOptions) -> Result<(), LedgerError> {
    match path.metadata() {
        Ok(found) if found.len() == 0 => return Err(LedgerError::Damaged(Damage::Found(EMPTY.to_owned()))),
        Ok(_) => return Ok(()),
        // It would be applied to whatever is made here.
        Err(_) if FilesInUse::is_log_alone(path) => {
            return Err(LedgerError::LogAlone { path: path.display().to_string() });
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(refused(path, error)),
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| refused(folder, error))?;
    let new = path.with_added_extension(format!("new-{}", shared::trace::random_hex::<6>()));
    let made = make(&new, path, options).await;
    for file in [&new, &new.with_added_extension("-wal"), &new.with_added_extension("-shm")] {
        drop(std::fs::remove_file(file));
    }
    made?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| refused(folder, error))
}

/// How connections are kept: for good. SQLite removes the log with the last one, and the next would make another. One is
/// given up only where its transaction cannot be ended: SQLite itself ends one that the disk has no room for, and sqlx
/// 0.9.0 then takes every later one for a part of it, and refuses it.
pub(crate) fn pool(connections: u32, deadline: Duration) -> SqlitePoolOptions {
    let pool = SqlitePoolOptions::new().max_connections(connections).acquire_timeout(deadline);
    let pool = pool.idle_timeout(None).max_lifetime(None);
    pool.before_acquire(|connection, _| {
        let is_free = !connection.is_in_transaction();
        Box::pin(async move { Ok(is_free) })
    })
}

async fn make(new: &Path, path: &Path, options: SqliteConnectOptions) -> Result<(), LedgerError> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(new);
    file.map_err(|error| refused(new, error))?;
    options.filename(new).connect().await?.close().await?;
    match std::fs::hard_link(new, path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(refused(path, error)),
        _ => Ok(()),
    }
}

fn refused(path: &Path, source: io::Error) -> LedgerError {
    LedgerError::File { path: path.display().to_string(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_met_everybody_is_told() {
        let file = LedgerFile::default();
        file.check().unwrap();
        file.note(sqlx::Error::PoolTimedOut);
        file.check().unwrap();
        file.note(LedgerError::Disk(Arc::new(io::Error::other("fsync failed"))));
        for told in [file.check_known(), file.check()] {
            let told = told.unwrap_err();
            assert!(told.is_fatal() && told.to_string().contains("fsync failed"), "{told}");
        }
    }
}
