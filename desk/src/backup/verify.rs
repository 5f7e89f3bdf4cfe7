//! Restores a backup into a place of its own and looks at all of it: files, pages, counts, audit, bodies, seals.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use ledger::copy::{self, Scratch};
use ledger::{Ledger, LedgerConfig};
use serde::Serialize;
use shared::queue::{Queue, QueueUrl};

use super::manifest::{self, Backup};
use super::{BackupError, QUEUE_COPY};
use crate::verify::{self as audit, Witnesses};

/// What a restored backup has, and what is wrong with it.
#[derive(Debug, Serialize)]
pub struct Verified {
    pub events: i64,
    pub audit_lines: i64,
    pub blocks: i64,
    pub faults: Vec<String>,
}

impl Verified {
    pub fn is_right(&self) -> bool {
        self.faults.is_empty()
    }
}

pub async fn verify(folder: &Path, config: &LedgerConfig) -> Result<Verified, BackupError> {
    let backup = manifest::read(folder)?;
    backup.check_files(folder)?;
    let place = folder.join(format!(".verify-{}", shared::trace::random_hex::<6>()));
    DirBuilder::new().mode(0o700).create(&place).map_err(BackupError::file(&place))?;
    let verified = in_scratch(&backup, folder, &place, config).await;
    std::fs::remove_dir_all(&place).map_err(BackupError::file(&place))?;
    verified
}

async fn in_scratch(
    backup: &Backup,
    folder: &Path,
    place: &Path,
    config: &LedgerConfig,
) -> Result<Verified, BackupError> {
    let mut faults = Vec::new();
    if backup.files.iter().any(|file| file.name == QUEUE_COPY) {
        let path = place.join(QUEUE_COPY);
        copy::place(&folder.join(QUEUE_COPY), &path)?;
        let damage = Queue::damage(&QueueUrl::Sqlite(path)).await?;
        faults.extend(damage.map(|damage| format!("{QUEUE_COPY} is damaged: {damage}")));
    }
    let scratch = Scratch::make(config, place).await?;
    let looked = async {
        copy::restore(&scratch.config, folder, backup.ledger_file()).await?;
        let ledger = Ledger::open(&scratch.config).await?;
        let looked = look(backup, &ledger, &mut faults).await;
        ledger.close().await;
        looked
    };
    let looked = looked.await;
    scratch.remove().await?;
    let (events, audit_lines, blocks) = looked?;
    Ok(Verified { events, audit_lines, blocks, faults })
}

async fn look(
    backup: &Backup,
    ledger: &Ledger,
    faults: &mut Vec<String>,
) -> Result<(i64, i64, i64), BackupError> {
    if let Some(damage) = ledger.damage().await? {
        faults.push(format!("the copy of the ledger is damaged: {damage}"));
    }
    for (table, rows) in ledger.row_counts().await? {
        let Some(expected) = backup.rows.get(&table) else { continue };
        if rows < expected.least || rows > expected.most {
            let (least, most) = (expected.least, expected.most);
            faults.push(format!("{table} has {rows} rows, and had between {least} and {most}"));
        }
    }
    let head = backup.audit.as_ref().and_then(|head| head.parse().ok());
    let found = audit::verify(ledger, &Witnesses { forgotten: None, head }, &mut |_| ()).await?;
    if !found.is_right() {
        faults.push("`tidegate audit verify` finds faults in the restored ledger".to_owned());
    }
    Ok((found.events, found.chains.lines, found.seals.blocks))
}
