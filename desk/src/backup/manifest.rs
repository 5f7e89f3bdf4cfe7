//! What a backup consists of, and whether it still does.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use chrono::{DateTime, Utc};
use domain::seal::Seal;
use ledger::copy::{self, LedgerCopy};
use serde::{Deserialize, Serialize};

use super::{BackupError, QUEUE_COPY};
use crate::reports::sha256_of;

const MANIFEST: &str = "backup.json";
const FORMAT_VERSION: u32 = 1;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    pub format_version: u32,
    pub made_at: DateTime<Utc>,
    /// Of the program that made it.
    pub version: String,
    /// Where the ledger was, without user or password.
    pub ledger: String,
    /// The newest block of the audit before the copy was made, as `audit head` prints it: the copy has it.
    pub audit: Option<String>,
    /// Of the tables that never lose a row.
    pub rows: BTreeMap<String, RowRange>,
    pub files: Vec<CopiedFile>,
}

/// What a table had right before and right after it was copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowRange {
    pub least: i64,
    pub most: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopiedFile {
    pub name: String,
    pub sha256: String,
    pub bytes: u64,
}

impl CopiedFile {
    pub(super) fn of(folder: &Path, name: &str) -> Result<Self, BackupError> {
        let path = folder.join(name);
        let bytes = path.metadata().map_err(BackupError::file(&path))?.len();
        let sha256 = sha256_of(&path).map_err(BackupError::file(&path))?;
        Ok(Self { name: name.to_owned(), sha256, bytes })
    }
}

impl Backup {
    pub(super) fn new(
        made_at: DateTime<Utc>,
        ledger: String,
        copy: LedgerCopy,
        head: Option<&Seal>,
        files: Vec<CopiedFile>,
    ) -> Self {
        let rows = copy.least.into_iter().map(|(table, least)| {
            let most = copy.most.get(&table).copied().unwrap_or(least);
            (table, RowRange { least, most })
        });
        Self {
            format_version: FORMAT_VERSION,
            made_at,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ledger,
            audit: head.map(|seal| seal.head().to_string()),
            rows: rows.collect(),
            files,
        }
    }

    /// The copy of the ledger.
    pub(super) fn ledger_file(&self) -> &str {
        let file = self.files.iter().find(|file| file.name != QUEUE_COPY);
        file.map_or("", |file| file.name.as_str())
    }

    /// Refuses a file that is not the one that was copied.
    pub(super) fn check_files(&self, folder: &Path) -> Result<(), BackupError> {
        for file in &self.files {
            let altered = |fault| BackupError::Altered { name: file.name.clone(), fault };
            if file.name.contains(['/', '\\']) || file.name.starts_with('.') {
                return Err(altered("has no name of a file in this folder"));
            }
            match sha256_of(&folder.join(&file.name)) {
                Ok(sha256) if sha256 == file.sha256 => {}
                Ok(_) => return Err(altered("has other content")),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(altered("is missing")),
                Err(_) => return Err(altered("cannot be read")),
            }
        }
        Ok(())
    }
}

pub(super) fn read(folder: &Path) -> Result<Backup, BackupError> {
    let path = folder.join(MANIFEST);
    let text = std::fs::read(&path).map_err(BackupError::file(&path))?;
    let no_backup = |fault: String| BackupError::NoBackup { path: folder.to_owned(), fault };
    let backup: Backup = serde_json::from_slice(&text).map_err(|error| no_backup(error.to_string()))?;
    if backup.format_version != FORMAT_VERSION {
        return Err(no_backup("a newer version made it".to_owned()));
    }
    Ok(backup)
}

/// Last of all: a folder without it is no backup.
pub(super) fn write(folder: &Path, backup: &Backup) -> Result<(), BackupError> {
    let path = folder.join(MANIFEST);
    let mut text = serde_json::to_vec_pretty(backup).expect("plain data encodes");
    text.push(b'\n');
    std::fs::write(&path, text).map_err(BackupError::file(&path))?;
    Ok(copy::keep(&path)?)
}
