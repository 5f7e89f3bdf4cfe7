//! Files that a crash, a disk or somebody else may have left in any state: logs of SQLite files, and a damaged queue.

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use envelope::{Envelope, Source};
use shared::env::Env;
use shared::queue::sqlite::recovery::Damaged;
use shared::queue::{Queue, QueueConfig, Role};
use shared::write_ahead_log;

use super::{now, scratch};

const PAGE_BYTES: usize = 512;
const FRAME_BYTES: usize = 24 + PAGE_BYTES;
const HEAD_BYTES: usize = 32;
const FRAMES_LIMIT: usize = 12;

/// A log that is whole or only torn at its end is never called damaged, and damage before a later commit always is.
pub(super) fn write_ahead_log(data: &[u8]) {
    let path = scratch("log");
    let Some((plan, raw)) = data.split_first_chunk::<4>() else { return };
    let verdict = |log: &[u8]| {
        fs::write(with_log(&path), log).expect("a file can be written");
        write_ahead_log::damage(&path).expect("a file can be read")
    };
    verdict(raw);
    let log = Log::of(*plan, raw);
    let whole = log.bytes();
    assert_eq!(verdict(&whole), None, "a whole log");
    let cut = usize::from(u16::from_be_bytes([plan[2], plan[3]])) % (whole.len() + 1);
    assert_eq!(verdict(&whole[..cut]), None, "a log that is torn at {cut} of {}", whole.len());
    if let Some((damaged, is_certain)) = log.damaged(cut, plan[3]) {
        let found = verdict(&damaged);
        assert!(found.is_some() || !is_certain, "damage in a page at {cut}, and later commits");
    }
    fs::remove_file(with_log(&path)).expect("it was written");
}

/// A log as SQLite writes it, of these pages.
struct Log<'d> {
    is_big: bool,
    salts: [u8; 8],
    /// Whether each frame commits, and what its page is filled with.
    frames: Vec<(bool, &'d [u8])>,
}

impl<'d> Log<'d> {
    fn of([count, flags, ..]: [u8; 4], pages: &'d [u8]) -> Self {
        let page = |place: usize| {
            let at = place * 7 % pages.len().max(1);
            &pages[at..(at + 40).min(pages.len())]
        };
        let frames = (0..usize::from(count) % FRAMES_LIMIT)
            .map(|place| (flags.rotate_left(u32::try_from(place).unwrap_or(0)) & 1 == 1, page(place)));
        Self { is_big: flags & 0x80 != 0, salts: [flags; 8], frames: frames.collect() }
    }

    fn bytes(&self) -> Vec<u8> {
        let page_bytes = u32::try_from(PAGE_BYTES).expect("a small page");
        let mut log = Vec::new();
        for number in [0x377f_0682 | u32::from(self.is_big), 3_007_000, page_bytes, 0] {
            log.extend(number.to_be_bytes());
        }
        log.extend(self.salts);
        let mut sum = self.sum((0, 0), &log);
        log.extend(sum.0.to_be_bytes());
        log.extend(sum.1.to_be_bytes());
        for (place, (commits, fill)) in self.frames.iter().enumerate() {
            let number = u32::try_from(place + 1).expect("few frames");
            let head = [number.to_be_bytes(), if *commits { number } else { 0 }.to_be_bytes()].concat();
            let mut page = fill.to_vec();
            page.resize(PAGE_BYTES, 0);
            sum = self.sum(self.sum(sum, &head), &page);
            for part in [&head[..], &self.salts, &sum.0.to_be_bytes(), &sum.1.to_be_bytes(), &page] {
                log.extend_from_slice(part);
            }
        }
        log
    }

    fn sum(&self, (mut first, mut second): (u32, u32), bytes: &[u8]) -> (u32, u32) {
        for words in bytes
            .chunks_exact(4)
            .map(|word| [word[0], word[1], word[2], word[3]])
            .collect::<Vec<_>>()
            .chunks_exact(2)
        {
            let [one, two] = [words[0], words[1]]
                .map(|word| if self.is_big { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) });
            first = first.wrapping_add(one).wrapping_add(second);
            second = second.wrapping_add(two).wrapping_add(first);
        }
        (first, second)
    }

    /// The log with one byte of a page changed, and whether a commit and a frame after it are behind that page.
    fn damaged(&self, at: usize, mask: u8) -> Option<(Vec<u8>, bool)> {
        let mut bytes = self.bytes();
        let in_frames = at.checked_sub(HEAD_BYTES)?;
        let frame = in_frames / FRAME_BYTES;
        if in_frames % FRAME_BYTES < 24 || frame >= self.frames.len() {
            return None;
        }
        bytes[at] ^= mask.max(1);
        // The damaged frame's own head is sound, and so is that of each behind it.
        let last = self.frames.len() - 1;
        let is_certain = (frame..last).any(|place| self.frames[place].0);
        Some((bytes, is_certain))
    }
}

fn with_log(path: &Path) -> PathBuf {
    beside(path, "-wal")
}

fn shared_memory(path: &Path) -> PathBuf {
    beside(path, "-shm")
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

pub(super) fn logs() -> Vec<Vec<u8>> {
    let plans = [[0, 0, 0, 0], [6, 0b1010_0101, 4, 9], [11, 0xff, 8, 1], [9, 0x0f, 2, 200]];
    let mut seeds: Vec<Vec<u8>> =
        plans.iter().map(|plan| [&plan[..], b"a page is filled with this"].concat()).collect();
    let log = Log::of([11, 0xa5, 0, 0], b"pages of a log").bytes();
    seeds.push([&[3, 1, 0, 7], &log[..]].concat());
    seeds
}

/// Salvaging reads whatever there is, soon comes to an end, and counts what it found.
pub(super) fn queue_file(data: &[u8]) {
    let Some((length, rest)) = data.split_first_chunk::<2>() else { return };
    let length = usize::from(u16::from_be_bytes(*length)).min(rest.len());
    let path = scratch("queue");
    fs::write(&path, &rest[..length]).expect("a file can be written");
    fs::write(with_log(&path), &rest[length..]).expect("a file can be written");
    let damaged = Damaged::open(&path).expect("a file can be read");
    let report = &damaged.report;
    assert!(report.lost_numbers.len() as u64 <= report.lost);
    drop(damaged);
    fs::remove_file(with_log(&path)).expect("it was written");
    fs::remove_file(&path).expect("it was written");
}

/// A queue as the product writes it, with its log and without.
pub(super) fn queue_files() -> Vec<Vec<u8>> {
    let path = scratch("seed");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let seeds = runtime.block_on(async {
        let url = format!("sqlite:{}", path.display());
        let config = QueueConfig::from_env(&Env::of(&[("QUEUE_URL", &url)])).expect("a queue's address");
        let queue = Queue::open(config, Role::Publish).await.expect("a new queue");
        let mut seeds = Vec::new();
        for number in 0..6 {
            let mut envelope =
                Envelope::from_wire(b"", Bytes::from(vec![b'x'; 1 << (2 * number + 3)]), now());
            envelope.header.id = format!("evt_{number}");
            envelope.header.source = Source::Stripe;
            queue.publish(&envelope).await.expect("room in a file");
            seeds.push(seed(&path));
        }
        queue.close().await;
        seeds.push(seed(&path));
        seeds
    });
    for file in [path.clone(), with_log(&path), shared_memory(&path)] {
        drop(fs::remove_file(file));
    }
    seeds
}

fn seed(path: &Path) -> Vec<u8> {
    let file = fs::read(path).unwrap_or_default();
    let length = u16::try_from(file.len()).expect("a small file").to_be_bytes();
    [&length[..], &file, &fs::read(with_log(path)).unwrap_or_default()].concat()
}
