//! Damage in the log of a database of SQLite's. SQLite takes the first frame that does not fit for the end of the log,
//! as after a crash, and forgets whatever was committed behind it without a word. Read here before that happens.

use std::fs::File;
use std::io::{self, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

const HEAD_BYTES: usize = 32;
const FRAME_HEAD_BYTES: usize = 24;
const BUFFER_BYTES: usize = 1 << 18;
/// Its lowest bit says in which order a log's checksums read bytes.
const MAGIC: u32 = 0x377f_0682;
/// Another process writes the log while this one reads it: so often it is read again.
const ATTEMPTS: usize = 5;
/// Longer than a frame is on its way to the file.
const BREATH: Duration = Duration::from_millis(20);

/// What is wrong with the log beside a database, in words; `None` where nothing is known to be. The end of a log may be
/// torn: a crash does that, to a transaction that nobody was told of. There is one such transaction at most, because each is
/// on disk before the next begins. So a frame that follows a commit, and rests on its checksum, shows that what is unreadable
/// before it was on disk once.
pub fn damage(database: &Path) -> io::Result<Option<String>> {
    let log = log_of(database);
    let found = standing(|| read(&log))?;
    Ok(found.map(|found| format!("its log ({}) {found}", log.file_name().unwrap_or_default().display())))
}

/// The damage that stands still. Who reads behind a writer's back sees its tail in one piece and what it wrote since in the
/// next, as if frames between them could not be read. But a log grows until it is begun anew, with another head: what could
/// not be read for that reason can be read the next time.
fn standing(mut read: impl FnMut() -> io::Result<Option<Read>>) -> io::Result<Option<String>> {
    let mut before: Option<Read> = None;
    for _ in 0..ATTEMPTS {
        let Some(now) = read()? else { return Ok(None) };
        if now.damage.is_none() {
            return Ok(None);
        }
        if before.is_some_and(|before| (&before.head, before.sound) == (&now.head, now.sound)) {
            return Ok(now.damage);
        }
        before = Some(now);
        thread::sleep(BREATH);
    }
    Ok(None) // somebody uses it, and so it was read before
}

fn log_of(database: &Path) -> PathBuf {
    let mut log = database.as_os_str().to_owned();
    log.push("-wal");
    log.into()
}

/// What a log is like, read frame by frame: it may be larger than the memory of a process.
struct Read {
    head: Vec<u8>,
    /// So many frames can be read.
    sound: u64,
    damage: Option<String>,
}

fn read(log: &Path) -> io::Result<Option<Read>> {
    match File::open(log) {
        Ok(file) => {
            let bytes = file.metadata()?.len();
            damage_in(BufReader::with_capacity(BUFFER_BYTES, file), bytes).map(Some)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

type Sum = (u32, u32);

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

fn damage_in(mut log: impl io::Read, bytes: u64) -> io::Result<Read> {
    let mut head = Vec::new();
    log.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head)?;
    if head.len() < HEAD_BYTES {
        return Ok(Read { head, sound: 0, damage: None });
    }
    let is_big = number(&head, 0) & 1 == 1;
    let page_bytes = match number(&head, 8) {
        size if size.is_power_of_two() && (512..=65_536).contains(&size) => size as usize,
        _ => 4096,
    };
    let mut before = (number(&head, 24), number(&head, 28));
    let is_sound = number(&head, 0) & !1 == MAGIC && sum(&head[..24], (0, 0), is_big) == before;
    // Of a head that cannot be read, the first frame knows the salts.
    let mut salts = is_sound.then(|| head[16..24].to_vec());
    let (mut sound, mut is_whole, mut rests_on_commit) = (0_u64, is_sound, false);
    let mut commit: Option<Sum> = None;
    let mut frame = vec![0; FRAME_HEAD_BYTES + page_bytes];
    while !rests_on_commit && fill(&mut log, &mut frame)? {
        let frame = Frame { bytes: &frame };
        let is_of_this = frame.salts() == salts.get_or_insert_with(|| frame.salts().to_vec()).as_slice();
        let follows = |sum: Sum| is_of_this && frame.sum(sum, is_big) == frame.stored();
        if is_whole && follows(before) {
            (sound, before) = (sound + 1, frame.stored());
            continue;
        }
        is_whole = false;
        rests_on_commit = commit.is_some_and(follows);
        commit = (is_of_this && frame.is_commit()).then(|| frame.stored());
    }
    let frames = (bytes.saturating_sub(HEAD_BYTES as u64)) / frame.len() as u64;
    let damage = rests_on_commit.then(|| {
        if is_sound {
            format!(
                "cannot be read from frame {} of {frames} on, and more was committed behind it",
                sound + 1
            )
        } else {
            format!("has a head that cannot be read, and {frames} frames behind it")
        }
    });
    Ok(Read { head, sound, damage })
}

/// `false` at the end, where less than a frame is left.
fn fill(log: &mut impl io::Read, frame: &mut [u8]) -> io::Result<bool> {
    match log.read_exact(frame) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of reading a log so often: each time its head, and how many frames can be read before the damage.
    fn found(reads: &[(u8, u64)]) -> Option<String> {
        let mut reads = reads.iter().map(|(head, sound)| Read {
            head: vec![*head; HEAD_BYTES],
            sound: *sound,
            damage: Some(format!("after {sound}")),
        });
        standing(|| Ok(reads.next())).unwrap()
    }

    #[test]
    fn what_a_writer_does_behind_our_back_is_no_damage() {
        assert_eq!(found(&[(1, 60), (1, 64), (1, 128), (1, 190), (1, 256)]), None, "it grows");
        assert_eq!(found(&[(1, 60), (2, 60), (3, 60), (4, 60), (5, 60)]), None, "it is begun anew");
        assert_eq!(found(&[(1, 60)]), None, "it is gone");
        assert_eq!(found(&[(1, 60), (1, 60)]).as_deref(), Some("after 60"), "it stands still");
        assert_eq!(found(&[(1, 60), (1, 64), (1, 64)]).as_deref(), Some("after 64"));
    }
}
