//! queue.db itself: created for its owner's eyes only, opened durable, and brought to the schema we know.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use backon::{ConstantBuilder, Retryable};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Error, SqliteConnection};

use super::fault::Fault;

static SCHEMA: Migrator = sqlx::migrate!("../migrations/queue");

/// How long SQLite itself waits for another process's lock before it tells us.
const BUSY_TIMEOUT: Duration = Duration::from_millis(500);
/// A log that grew during a long read is cut back to this at the next chance.
const LOG_LIMIT_BYTES: &str = "67108864";
/// So much of a group is kept in memory, more than the largest group has.
const CACHE_KIB: &str = "-16384";

/// Opens the connection that writes, and creates what is missing.
pub(super) async fn open_writer(path: &Path) -> Result<SqliteConnection, String> {
    create(path).map_err(|error| error.to_string())?;
    // Two processes that begin on a new file wait for each other; only the change to WAL is refused at once.
    let patience = ConstantBuilder::default().with_delay(Duration::from_millis(50)).with_max_times(40);
    (|| connect(path)).retry(patience).when(is_busy).await.map_err(|error| in_plain_words(&error))
}

/// Opens a connection that reads beside the writer and never waits for it.
pub(super) async fn open_reader(path: &Path) -> Result<SqliteConnection, String> {
    base(path).read_only(true).connect().await.map_err(|error| error.to_string())
}

fn base(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new().filename(path).busy_timeout(BUSY_TIMEOUT).disable_statement_logging()
}

async fn connect(path: &Path) -> Result<SqliteConnection, MigrateError> {
    let mut conn = base(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("fullfsync", "ON") // elsewhere the same; on macOS a plain fsync stops at the drive's cache
        .pragma("wal_autocheckpoint", "250") // large checkpoints are what slow answers wait for
        .pragma("journal_size_limit", LOG_LIMIT_BYTES)
        .pragma("cache_size", CACHE_KIB)
        .foreign_keys(true)
        .connect()
        .await?;
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut conn).await?;
    if mode != "wal" {
        let why = "its file system keeps no write-ahead log; use a local disk";
        return Err(Error::Configuration(why.into()).into());
    }
    // One transaction around all of it: whoever comes second finds the schema made.
    let mut tx = conn.begin_with("BEGIN IMMEDIATE").await?;
    SCHEMA.run(&mut *tx).await?;
    tx.commit().await?;
    Ok(conn)
}

/// Creates folder and file where they are missing, readable by their owner alone; SQLite gives its
/// companions `-wal` and `-shm` the same mode.
fn create(path: &Path) -> io::Result<()> {
    // Closing a file drops every lock that this process has on it, SQLite's too, so nobody may have opened
    // it yet: it must be new, and a second opener in this process waits here.
    static CREATING: Mutex<()> = Mutex::new(());
    let _alone = CREATING.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.exists() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        // SQLite makes the file's name durable; the folder's own name is for us to do.
        if let Some(parent) = folder.canonicalize()?.parent() {
            File::open(parent)?.sync_all()?;
        }
    }
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

fn is_busy(error: &MigrateError) -> bool {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
            Fault::of(error) == Fault::Busy
        }
        _ => false,
    }
}

fn in_plain_words(error: &MigrateError) -> String {
    match error {
        MigrateError::VersionMissing(version) => format!(
            "its schema has version {version}, which this program does not know: a newer one wrote it. \
             Run that version again, or let it empty the queue first"
        ),
        MigrateError::VersionMismatch(version) => format!(
            "its schema's version {version} is not the one this program knows: it belongs to something else"
        ),
        MigrateError::Execute(error) => error.to_string(),
        other => other.to_string(),
    }
}
