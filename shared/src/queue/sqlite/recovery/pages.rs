//! The newest version of each page on disk: from the write-ahead log up to its last commit, else from the file.
//! Read without SQLite, which refuses a file whose first page is damaged.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// queue.db is made with pages of this size.
pub(super) const PAGE_BYTES: usize = 4096;
const PAGE: u64 = PAGE_BYTES as u64;
const LOG_HEAD_BYTES: usize = 32;
const FRAME_HEAD_BYTES: usize = 24;
/// A file of 2 TiB; beyond it something else is wrong.
const PAGES_LIMIT: u64 = 1 << 29;

pub(super) type Page = [u8; PAGE_BYTES];

pub(super) struct Pages {
    file: File,
    log: Option<File>,
    /// Where in the log a page's newest version begins.
    newer: HashMap<u32, u64>,
    /// Of the file alone.
    count: u32,
}

impl Pages {
    pub(super) fn open(file: File, log: Option<File>) -> io::Result<Self> {
        let newer = log.as_ref().map(committed).transpose()?.unwrap_or_default();
        let whole = (file.metadata()?.len() / PAGE).min(PAGES_LIMIT);
        Ok(Self { file, log, newer, count: u32::try_from(whole).unwrap_or(u32::MAX) })
    }

    /// The numbers of all pages that there are, from 1. How many there should be, a damaged frame may tell wrongly.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u32> {
        let added: BTreeSet<u32> = self.newer.keys().copied().filter(|number| *number > self.count).collect();
        (1..=self.count).chain(added)
    }

    /// No more than this is in all of them.
    pub(super) fn bytes(&self) -> u64 {
        (u64::from(self.count) + self.newer.len() as u64) * PAGE
    }

    /// `None` where there is none of this number, or the disk does not give it.
    pub(super) fn read(&self, number: u32) -> Option<Page> {
        let mut page = [0; PAGE_BYTES];
        match (self.newer.get(&number), &self.log) {
            (Some(at), Some(log)) => log.read_exact_at(&mut page, *at).ok()?,
            _ if number > self.count => return None,
            _ => self.file.read_exact_at(&mut page, u64::from(number.checked_sub(1)?) * PAGE).ok()?,
        }
        Some(page)
    }
}

/// The newest frame of each page up to the last commit. A frame of an earlier use of the log has other salts. Checksums
/// are not asked for: a frame behind a damaged one may be saved, too.
fn committed(log: &File) -> io::Result<HashMap<u32, u64>> {
    // Where the head is damaged, the first frame has the salts as well.
    for salts_at in [16, LOG_HEAD_BYTES as u64 + 8] {
        let mut salts = [0; 8];
        if log.read_exact_at(&mut salts, salts_at).is_err() {
            break;
        }
        let kept = committed_under(log, salts)?;
        if !kept.is_empty() {
            return Ok(kept);
        }
    }
    Ok(HashMap::new())
}

fn committed_under(log: &File, salts: [u8; 8]) -> io::Result<HashMap<u32, u64>> {
    let (mut kept, mut pending) = (HashMap::new(), HashMap::new());
    let (log_head, frame_head) = (LOG_HEAD_BYTES as u64, FRAME_HEAD_BYTES as u64);
    let length = log.metadata()?.len();
    let mut at = log_head;
    while at + frame_head + PAGE <= length {
        let mut frame = [0; FRAME_HEAD_BYTES];
        if log.read_exact_at(&mut frame, at).is_ok() && frame[8..16] == salts {
            pending.insert(number(&frame, 0), at + frame_head);
            if number(&frame, 4) > 0 {
                kept.extend(pending.drain());
            }
        }
        at += frame_head + PAGE;
    }
    Ok(kept)
}

/// Four bytes, the highest first; 0 beyond the end.
pub(super) fn number(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).map_or(0, |four| u32::from_be_bytes(four.try_into().expect("four bytes are four")))
}
