//! Who writes next to a ledger that is a file. SQLite has one lock for writers and no queue: whoever waits looks again
//! after a while, at last ten times a second, and somebody who writes without a pause takes the lock again before that.
//! So writers queue here: those of a process one behind the other, and the first of each process at a door through
//! which only one may wait for the lock. Who has just passed it stays away for a moment, in which somebody else comes in.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::Duration;

use sqlx::SqlitePool;
use sqlx::sqlite::SqliteConnectOptions;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use crate::LedgerError;
use crate::engine::file;

/// So long SQLite itself waits for the lock before it is asked again: it looks each millisecond or two.
const LOOK: Duration = Duration::from_millis(5);
const PAUSE: Duration = Duration::from_millis(1);
/// So long a process that passed the door does not come to it again: others look twice meanwhile. It is spent while the
/// transaction that passed is written.
const AWAY: Duration = Duration::from_millis(4);
const BUSY: i64 = 5;

/// The one connection of a process that writes.
#[derive(Debug)]
pub(crate) struct Writer {
    pool: SqlitePool,
    /// When the last one passed the door.
    next: Mutex<Option<Instant>>,
    /// The folder of the file, whose lock is the door; `None` where it cannot be opened.
    door: Option<File>,
    deadline: Duration,
}

impl Writer {
    /// Connects when first used.
    pub(crate) fn of(path: &Path, options: SqliteConnectOptions, deadline: Duration) -> Self {
        let pool = file::pool(1, deadline).connect_lazy_with(options.busy_timeout(LOOK));
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // Not the file itself: to open and close it would drop SQLite's own locks on it.
        Self { pool, next: Mutex::new(None), door: File::open(folder).ok(), deadline }
    }

    pub(crate) async fn begin(&self) -> Result<sqlx::Transaction<'static, sqlx::Sqlite>, LedgerError> {
        let until = Instant::now() + self.deadline;
        let late = |source| LedgerError::Crowded { secs: self.deadline.as_secs(), source };
        let Ok(mut passed) = timeout_at(until, self.next.lock()).await else {
            return Err(late(sqlx::Error::PoolTimedOut));
        };
        if let Some(passed) = *passed {
            sleep_until(passed + AWAY).await;
        }
        let Some(_waiting) = self.wait_at_door(until).await else {
            return Err(late(sqlx::Error::PoolTimedOut));
        };
        loop {
            // Upgrading a read transaction could fail half-way; so it asks for the write lock at once.
            match self.pool.begin_with("BEGIN IMMEDIATE").await {
                Err(error) if is_busy(&error) && Instant::now() < until => sleep(PAUSE).await,
                Err(error) if is_busy(&error) || matches!(error, sqlx::Error::PoolTimedOut) => {
                    return Err(late(error));
                }
                begun => {
                    *passed = Some(Instant::now());
                    return Ok(begun?);
                }
            }
        }
    }

    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }

    /// Until nobody of another process waits for the lock; `None` when the time is over. Where the file system knows
    /// no such locks the door is open.
    async fn wait_at_door(&self, until: Instant) -> Option<Waiting<'_>> {
        let Some(door) = &self.door else { return Some(Waiting(None)) };
        loop {
            match door.try_lock() {
                Ok(()) => return Some(Waiting(Some(door))),
                Err(TryLockError::Error(_)) => return Some(Waiting(None)),
                Err(TryLockError::WouldBlock) if Instant::now() >= until => return None,
                Err(TryLockError::WouldBlock) => sleep(PAUSE).await,
            }
        }
    }
}

/// Somebody who waits for the lock; the door opens when they have it.
struct Waiting<'a>(Option<&'a File>);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(door) = self.0 {
            let _ = door.unlock();
        }
    }
}

fn is_busy(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.and_then(|code| code.parse::<i64>().ok()).is_some_and(|code| code & 0xff == BUSY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_transaction_that_the_disk_had_no_room_for_spoils_none_that_follows() {
        let folder =
            std::env::temp_dir().join(format!("tidegate-no-room-{}", shared::trace::random_hex::<6>()));
        std::fs::create_dir(&folder).unwrap();
        let path = folder.join("ledger.db");
        let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
        let writer = Writer::of(&path, options, Duration::from_secs(10));
        let mut tx = writer.begin().await.unwrap();
        sqlx::query("CREATE TABLE t (a)").execute(&mut *tx).await.unwrap();
        sqlx::query("PRAGMA max_page_count = 8").execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();

        let mut tx = writer.begin().await.unwrap();
        let full = sqlx::query("INSERT INTO t VALUES (zeroblob(100000))").execute(&mut *tx).await;
        let full = LedgerError::from(full.unwrap_err());
        assert!(matches!(full, LedgerError::Full(_)) && full.is_transient(), "{full}");
        drop(tx);
        for _ in 0..2 {
            let mut tx = writer.begin().await.unwrap();
            sqlx::query("INSERT INTO t VALUES (1)").execute(&mut *tx).await.unwrap();
            tx.commit().await.unwrap();
        }
        writer.close().await;
        std::fs::remove_dir_all(folder).unwrap();
    }
}
