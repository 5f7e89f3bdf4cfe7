//! A backup: a folder with a copy of the ledger, of an embedded queue, and a manifest that says what they are. It is made
//! while everything runs. `verify` restores it into a place of its own and looks at all of it.

mod manifest;
mod verify;

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use ledger::copy::{self, CopyError};
use ledger::{Ledger, LedgerConfig, LedgerError};
use shared::queue::{OpenError, Queue, QueueUrl};
use thiserror::Error;

pub use self::manifest::{Backup, CopiedFile, RowRange};
pub use self::verify::{Verified, verify};

/// The copy of an embedded queue.
const QUEUE_COPY: &str = "queue.db";

#[derive(Debug, Error)]
pub enum BackupError {
    #[error(transparent)]
    Copy(#[from] CopyError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Queue(#[from] OpenError),
    #[error("{}: {source}", .path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{} is no backup: {fault}", .path.display())]
    NoBackup { path: PathBuf, fault: String },
    #[error(
        "the backup has an embedded queue, whose events would be left out: set QUEUE_URL to sqlite:…, let a worker apply them, and change it then"
    )]
    QueueLeft,
    #[error("{name} is not the file that was backed up: it {fault}. Take another backup")]
    Altered { name: String, fault: &'static str },
}

impl BackupError {
    fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }
}

/// Copies ledger and queue into a new folder in this one. The queue goes first: what it has forgotten by then is in the
/// ledger, and what the ledger takes meanwhile is recognised when it comes again.
#[shared::built_once]
pub async fn make(
    ledger: &Ledger,
    config: &LedgerConfig,
    queue: &QueueUrl,
    into: &Path,
    now: DateTime<Utc>,
) -> Result<(PathBuf, Backup), BackupError> {
    let folder = into.join(format!("tidegate-{}", now.format("%Y%m%dT%H%M%SZ")));
    DirBuilder::new().recursive(true).mode(0o700).create(into).map_err(BackupError::file(into))?;
    DirBuilder::new().mode(0o700).create(&folder).map_err(BackupError::file(&folder))?;
    let mut files = Vec::new();
    let queue_copy = folder.join(QUEUE_COPY);
    if Queue::copy(queue, &queue_copy).await? {
        copy::keep(&queue_copy)?;
        files.push(CopiedFile::of(&folder, QUEUE_COPY)?);
    }
    let head = ledger.head().await?;
    let copied = ledger.copy_into(config, &folder).await?;
    files.push(CopiedFile::of(&folder, copied.file)?);
    let backup = Backup::new(now, config.shown(), copied, head.as_ref(), files);
    manifest::write(&folder, &backup)?;
    Ok((folder, backup))
}

/// Puts the files of a backup where the ledger and the queue are configured to be. What is there already is refused.
#[shared::built_once]
pub async fn restore(
    folder: &Path,
    config: &LedgerConfig,
    queue: &QueueUrl,
) -> Result<(Backup, Vec<String>), BackupError> {
    let backup = manifest::read(folder)?;
    backup.check_files(folder)?;
    let mut restored = Vec::new();
    let has_queue = backup.files.iter().any(|file| file.name == QUEUE_COPY);
    if has_queue && !matches!(queue, QueueUrl::Sqlite(_)) {
        return Err(BackupError::QueueLeft);
    }
    if let QueueUrl::Sqlite(path) = queue
        && has_queue
        && path.exists()
    {
        return Err(CopyError::QueueThere { at: path.display().to_string() }.into());
    }
    copy::restore(config, folder, backup.ledger_file()).await?;
    restored.push(config.shown());
    if let QueueUrl::Sqlite(path) = queue
        && has_queue
    {
        copy::place(&folder.join(QUEUE_COPY), path)?;
        restored.push(queue.shown());
    }
    Ok((backup, restored))
}
