//! queue.db itself: readable only by its owner, opened with durable settings, and migrated.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use backon::{ConstantBuilder, Retryable};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Error, SqliteConnection};

use super::fault::{Damage, Fault};
use super::refusal::{damaged, failed, refusal};
use super::statements;
use crate::files_in_use::FilesInUse;
use crate::queue::OpenError;

static SCHEMA: LazyLock<Migrator> =
    LazyLock::new(|| crate::migrations::migrator(include!(concat!(env!("OUT_DIR"), "/migrations.rs"))));

/// How long SQLite itself waits for another process's lock before it tells us.
const BUSY_TIMEOUT: Duration = Duration::from_millis(500);
/// A log that grew during a long read is cut back to this at the next chance.
const LOG_LIMIT_BYTES: &str = "67108864";
/// So much of a group is kept in memory, more than the largest group has.
const CACHE_KIB: &str = "-16384";
const LOG_ALONE: &str =
    "the file is missing, but its log (-wal) is there. Put the file back, or move the log away";
pub(super) const EMPTY: &str = "it is empty (0 bytes), which a queue never is: something truncated it";

/// Opens the connection that writes, to a file that is there.
pub(super) async fn open_writer(path: &Path) -> Result<SqliteConnection, OpenError> {
    // Two processes that begin on a new file wait for each other; only the change to WAL is refused at once.
    let patience = ConstantBuilder::default().with_delay(Duration::from_millis(50)).with_max_times(40);
    let opened = (|| connect(path)).retry(patience).when(is_busy).await;
    opened.map_err(|error| match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => refusal(path, error),
        other => failed(path, Schema(other)),
    })
}

/// Opens a connection that reads beside the writer and never waits for it.
pub(super) async fn open_reader(path: &Path) -> Result<SqliteConnection, Error> {
    base(path).read_only(true).connect().await
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
        let why = "its file system does not support a write-ahead log; use a local disk";
        return Err(Error::Configuration(why.into()).into());
    }
    // One transaction around all of it: a second process finds the schema complete.
    let mut tx = conn.begin_with("BEGIN IMMEDIATE").await?;
    SCHEMA.run(&mut *tx).await?;
    tx.commit().await?;
    Ok(conn)
}

/// Creates folder and file where they are missing, readable by their owner alone; SQLite gives its
/// companions `-wal` and `-shm` the same mode. The file gets its name when its schema stands, so one that is
/// empty was not left so by us.
pub(super) async fn create(path: &Path) -> Result<(), OpenError> {
    let refused = |error: io::Error| failed(path, error);
    match path.metadata() {
        Ok(found) if found.len() == 0 => return Err(damaged(path, Damage::Found(EMPTY.to_owned()))),
        Ok(_) => return Ok(()),
        // It would be applied to whatever is made here.
        Err(_) if FilesInUse::is_log_alone(path) => return Err(failed(path, LOG_ALONE)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(refused(error)),
    }
    let folder = make_folder_of(path).map_err(refused)?;
    let new = path.with_added_extension(format!("new-{}", crate::trace::random_hex::<6>()));
    let made = make(&new, path).await;
    for file in [&new, &new.with_added_extension("-wal"), &new.with_added_extension("-shm")] {
        drop(std::fs::remove_file(file));
    }
    made?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(refused)
}

/// Makes a whole queue under one name and then gives it the other, unless somebody was quicker.
async fn make(new: &Path, path: &Path) -> Result<(), OpenError> {
    let refused = |error: io::Error| failed(path, error);
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(new).map_err(refused)?;
    let mut conn = open_writer(new).await?;
    // Only the file gets the name, not its log, and to close it does not say that the disk had no room for the rest.
    statements::checkpoint(&mut conn).await.map_err(|error| refusal(path, error))?;
    conn.close().await.map_err(|error| refusal(path, error))?;
    match std::fs::hard_link(new, path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(refused(error)),
        _ => Ok(()),
    }
}

fn make_folder_of(path: &Path) -> io::Result<&Path> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.exists() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        // The folder's own name is to be made durable, too.
        if let Some(parent) = folder.canonicalize()?.parent() {
            File::open(parent)?.sync_all()?;
        }
    }
    Ok(folder)
}

/// The schema cannot be brought to the one that we know.
#[derive(Debug, thiserror::Error)]
#[error("{}", in_plain_words(.0))]
struct Schema(#[source] MigrateError);

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
            "its schema version {version} is newer than this program. Run the newer version again, or let it empty the queue first"
        ),
        MigrateError::VersionMismatch(version) => {
            format!("its schema version {version} is unknown: the file belongs to another program")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_migration_is_known() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations/queue");
        crate::migrations::assert_whole(&super::SCHEMA, folder);
    }
}
