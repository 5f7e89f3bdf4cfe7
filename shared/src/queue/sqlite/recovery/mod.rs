//! Salvages a damaged queue.db. The file is only read; the readable messages go to a new file, and the damaged
//! one is kept under another name.

mod cells;
mod pages;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use rustix::fs::{FlockOperation, fcntl_lock};
use sqlx::Connection;

use self::cells::{Found, Value, of_page};
use self::pages::{Pages, number};
use super::statements::{self, INSERT_ROWS, Message};
use super::{file, integrity_check};
use crate::queue::Cause;

/// Saved messages are written so many bytes at a time.
const WRITE_BYTES: usize = 8 << 20;
/// Entries of the index by age begin with such a stamp, those of other indices do not.
const EARLIEST_STAMP_MS: i64 = 1_000_000_000_000;
/// So many of the lost are named.
const NAMED_LIMIT: usize = 20;

#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    #[error("there is no {}", .0.display())]
    Absent(PathBuf),
    #[error("{} is in use by another process: stop that first, then try again", .0.display())]
    InUse(PathBuf),
    #[error("{}: {cause}", path.display())]
    Failed {
        path: PathBuf,
        #[source]
        cause: Cause,
    },
}

/// What can be saved, and what cannot.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct RecoveryReport {
    pub readable: u64,
    /// Messages that are known by their number and cannot be read.
    pub lost: u64,
    /// The numbers of the first of them.
    pub lost_numbers: Vec<i64>,
    /// Whether further ones may be lost of which nothing is known, for the index of all was damaged, too.
    pub lost_is_at_least: bool,
    /// Whether some of what can be read may have been settled before: it is recognised in the ledger.
    pub may_be_settled: bool,
}

/// A damaged queue that nobody else uses while this lives.
pub struct Damaged {
    path: PathBuf,
    pages: Pages,
    /// The page that a message's row stands in.
    places: BTreeMap<i64, u32>,
    pub report: RecoveryReport,
    _lock: File,
}

/// Where everything is afterwards.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Saved {
    pub saved: u64,
    pub kept_as: PathBuf,
}

impl Damaged {
    /// Looks through every page of the file and of its log.
    pub fn open(path: &Path) -> Result<Self, RecoveryError> {
        let failed = |error: io::Error| RecoveryError::Failed { path: path.to_owned(), cause: error.into() };
        let lock = File::options().read(true).write(true).open(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => RecoveryError::Absent(path.to_owned()),
            _ => failed(error),
        })?;
        // A process that has it open through SQLite holds a lock on a part of it.
        fcntl_lock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(|error| match error {
            rustix::io::Errno::AGAIN | rustix::io::Errno::ACCESS => RecoveryError::InUse(path.to_owned()),
            error => failed(error.into()),
        })?;
        let file = lock.try_clone().map_err(failed)?;
        let log = File::open(companion(path, "-wal")).ok();
        let pages = Pages::open(file, log).map_err(failed)?;
        let (places, report) = survey(&pages);
        Ok(Self { path: path.to_owned(), pages, places, report, _lock: lock })
    }

    /// Writes all that can be read into a new queue, which takes the name; the damaged file and its companions get
    /// another. At no moment is there no file under the name.
    pub async fn recover(self, now: DateTime<Utc>) -> Result<Saved, RecoveryError> {
        let failed = |cause: Cause| RecoveryError::Failed { path: self.path.clone(), cause };
        let io = |error: io::Error| failed(error.into());
        let new = self.path.with_added_extension(format!("recovered-{}", crate::trace::random_hex::<6>()));
        let written = self.write(&new, now).await;
        if let Err(cause) = written {
            for file in [new.clone(), companion(&new, "-wal"), companion(&new, "-shm")] {
                drop(fs::remove_file(file));
            }
            return Err(failed(cause));
        }
        let kept_as = self.path.with_added_extension(format!("damaged-{}", now.format("%Y%m%dT%H%M%SZ")));
        fs::hard_link(&self.path, &kept_as).map_err(io)?;
        // A log beside a file that it was not written for would be applied to it.
        for name in ["-wal", "-shm"] {
            let (from, to) = (companion(&self.path, name), companion(&kept_as, name));
            if from.exists() {
                fs::rename(from, to).map_err(io)?;
            }
        }
        fs::rename(&new, &self.path).map_err(io)?;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = File::open(folder.unwrap_or(Path::new("."))).map_err(io)?;
        folder.sync_all().map_err(io)?;
        Ok(Saved { saved: self.report.readable, kept_as })
    }

    async fn write(&self, new: &Path, now: DateTime<Utc>) -> Result<(), Cause> {
        file::create(new).await?;
        let mut conn = file::open_writer(new).await?;
        let (mut batch, mut bytes) = (Vec::new(), 0);
        let mut rows = self.places.iter().peekable();
        while let Some((id, page)) = rows.next() {
            let (found, _) = of_page(&self.pages, *page);
            let message = found.into_iter().filter(|row| row.row == *id).find_map(message);
            let message = message.ok_or_else(|| format!("message {id} can no longer be read"))?;
            bytes += message.body.len();
            batch.push(message);
            if batch.len() == INSERT_ROWS || bytes > WRITE_BYTES || rows.peek().is_none() {
                statements::begin(&mut conn).await?;
                statements::insert(&mut conn, batch.iter(), now.timestamp_millis()).await?;
                statements::commit(&mut conn).await?;
                (batch, bytes) = (Vec::new(), 0);
            }
        }
        let waiting = statements::depth(&mut conn, 0).await?.ready;
        statements::checkpoint(&mut conn).await?; // only the file gets the name, not its log
        conn.close().await?;
        if waiting != self.report.readable {
            return Err(format!("{waiting} of {} messages were written", self.report.readable).into());
        }
        match integrity_check::examine(new).await {
            Ok(None) => Ok(()),
            Ok(Some(damage)) => Err(format!("the new file is damaged too: {damage}").into()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Messages by number with the page that each stands in, and what is known to be lost. A page that is free holds
/// what was settled; where the list of free pages can be read they are left out.
fn survey(pages: &Pages) -> (BTreeMap<i64, u32>, RecoveryReport) {
    let free = free_pages(pages);
    let (mut places, mut indexed, mut faults) = (BTreeMap::new(), BTreeSet::new(), 0);
    let is_free = |page: &u32| free.as_ref().is_some_and(|free| free.contains(page));
    for page in pages.numbers().filter(|page| !is_free(page)) {
        let (found, unreadable) = of_page(pages, page);
        faults += unreadable;
        for row in found {
            if let [Value::Int(stamp), Value::Int(id)] = *row.values
                && stamp >= EARLIEST_STAMP_MS
            {
                indexed.insert(id);
            } else if is_message(&row) {
                places.insert(row.row, page);
            }
        }
    }
    let lost: Vec<i64> = indexed.iter().filter(|id| !places.contains_key(id)).copied().collect();
    let not_indexed = places.keys().any(|id| !indexed.contains(id));
    let report = RecoveryReport {
        readable: places.len() as u64,
        lost: lost.len() as u64,
        lost_numbers: lost.iter().take(NAMED_LIMIT).copied().collect(),
        lost_is_at_least: not_indexed || faults > lost.len() || (lost.is_empty() && places.is_empty()),
        may_be_settled: free.is_none(),
    };
    (places, report)
}

/// The numbers of the pages that hold nothing; `None` where their list is damaged.
fn free_pages(pages: &Pages) -> Option<BTreeSet<u32>> {
    let first = pages.read(1)?;
    if !first.starts_with(b"SQLite format 3\0") {
        return None;
    }
    let (mut trunk, count) = (number(&first, 32), number(&first, 36));
    let mut free = BTreeSet::new();
    while trunk != 0 {
        let page = pages.read(trunk)?;
        let leaves = usize::try_from(number(&page, 4)).ok().filter(|leaves| *leaves <= page.len() / 4 - 2)?;
        if !free.insert(trunk) {
            return None; // a circle
        }
        free.extend((0..leaves).map(|leaf| number(&page, 8 + 4 * leaf)));
        trunk = number(&page, 0);
    }
    (u32::try_from(free.len()) == Ok(count)).then_some(free)
}

/// No other table has rows of this form.
fn is_message(found: &Found) -> bool {
    matches!(&*found.values, [Value::Null, Value::Text(_), Value::Blob(_), Value::Int(_)])
}

fn message(found: Found) -> Option<Message> {
    let mut values = found.values.into_iter();
    match (values.next(), values.next(), values.next(), values.next(), values.next()) {
        (
            Some(Value::Null),
            Some(Value::Text(header)),
            Some(Value::Blob(body)),
            Some(Value::Int(_)),
            None,
        ) => {
            let header = String::from_utf8_lossy(&header).into_owned();
            Some(Message { header, body: Bytes::from(body) })
        }
        _ => None,
    }
}

fn companion(path: &Path, name: &str) -> PathBuf {
    let mut whole = path.as_os_str().to_owned();
    whole.push(name);
    whole.into()
}
