//! Damage in the log of a database of SQLite's. SQLite takes the first frame that does not fit for the end of the log,
//! as after a crash, and forgets whatever was committed behind it without a word. Read here before that happens.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

const HEAD_BYTES: usize = 32;
const FRAME_HEAD_BYTES: usize = 24;
/// Its lowest bit says in which order a log's checksums read bytes.
const MAGIC: u32 = 0x377f_0682;
/// Another process begins the log anew while this one reads it: so often it is read again.
const ATTEMPTS: usize = 5;

/// What is wrong with the log beside a database, in words; `None` where nothing is known to be. The end of a log may be
/// torn: a crash does that, to a transaction that nobody was told of. There is one such transaction at most, because each is
/// on disk before the next begins. So a frame that follows a commit, and rests on its checksum, shows that what is unreadable
/// before it was on disk once.
pub fn damage(database: &Path) -> io::Result<Option<String>> {
    let log = log_of(database);
    for _ in 0..ATTEMPTS {
        let Some(read) = read(&log)? else { return Ok(None) };
        let found = Log { bytes: &read }.damage();
        let name = log.file_name().unwrap_or_default().display();
        let Some(found) = found.map(|found| format!("its log ({name}) {found}")) else { return Ok(None) };
        // Whoever begins a log anew writes its head first.
        if head(&log)? == read.get(..HEAD_BYTES).map(<[u8]>::to_vec) {
            return Ok(Some(found));
        }
    }
    Ok(None) // somebody uses it, and so it was read before
}

fn log_of(database: &Path) -> PathBuf {
    let mut log = database.as_os_str().to_owned();
    log.push("-wal");
    log.into()
}

fn read(log: &Path) -> io::Result<Option<Vec<u8>>> {
    match std::fs::read(log) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn head(log: &Path) -> io::Result<Option<Vec<u8>>> {
    let mut head = Vec::new();
    match File::open(log) {
        Ok(file) => file.take(HEAD_BYTES as u64).read_to_end(&mut head).map(|_| Some(head)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

type Sum = (u32, u32);

struct Log<'a> {
    bytes: &'a [u8],
}

struct Frame<'a> {
    bytes: &'a [u8],
}

impl Frame<'_> {
    fn salts(&self) -> &[u8] {
        &self.bytes[8..16]
    }

    /// The last of a transaction.
    fn is_commit(&self) -> bool {
        number(self.bytes, 4) > 0
    }

    fn stored(&self) -> Sum {
        (number(self.bytes, 16), number(self.bytes, 20))
    }

    fn sum(&self, before: Sum, is_big: bool) -> Sum {
        let of_head = sum(&self.bytes[..8], before, is_big);
        sum(&self.bytes[FRAME_HEAD_BYTES..], of_head, is_big)
    }
}

impl Log<'_> {
    fn damage(&self) -> Option<String> {
        let head = self.bytes.get(..HEAD_BYTES)?;
        let is_big = number(head, 0) & 1 == 1;
        let page_bytes = match number(head, 8) {
            size if size.is_power_of_two() && (512..=65_536).contains(&size) => size as usize,
            _ => 4096,
        };
        let stored = (number(head, 24), number(head, 28));
        let is_sound = number(head, 0) & !1 == MAGIC && sum(&head[..24], (0, 0), is_big) == stored;
        let frames: Vec<Frame> = self.bytes[HEAD_BYTES..]
            .chunks_exact(FRAME_HEAD_BYTES + page_bytes)
            .map(|bytes| Frame { bytes })
            .collect();
        // Of a head that cannot be read, the first frame knows the salts.
        let salts = if is_sound { &head[16..24] } else { frames.first()?.salts() };
        let mut before = stored;
        let fits = |frame: &Frame| {
            let fits = frame.salts() == salts && frame.sum(before, is_big) == frame.stored();
            before = frame.stored();
            fits
        };
        let sound = if is_sound { frames.iter().map(fits).take_while(|fits| *fits).count() } else { 0 };
        let behind = &frames[sound..];
        let rests_on_commit = behind.windows(2).any(|pair| {
            let [commit, next] = pair else { return false };
            commit.is_commit()
                && commit.salts() == salts
                && next.salts() == salts
                && next.sum(commit.stored(), is_big) == next.stored()
        });
        if !rests_on_commit {
            return None;
        }
        Some(if is_sound {
            format!(
                "cannot be read from frame {} of {} on, and more was committed behind it",
                sound + 1,
                frames.len()
            )
        } else {
            format!("has a head that cannot be read, and {} frames behind it", frames.len())
        })
    }
}

/// SQLite's: over pairs of words.
fn sum(bytes: &[u8], (mut first, mut second): Sum, is_big: bool) -> Sum {
    let word = |four: &[u8]| {
        let four = [four[0], four[1], four[2], four[3]];
        if is_big { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) }
    };
    for pair in bytes.chunks_exact(8) {
        first = first.wrapping_add(word(&pair[..4])).wrapping_add(second);
        second = second.wrapping_add(word(&pair[4..])).wrapping_add(first);
    }
    (first, second)
}

fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
