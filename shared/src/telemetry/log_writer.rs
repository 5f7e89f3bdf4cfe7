//! Log lines go to a bounded channel, from which one thread writes them to standard error. Logging never waits,
//! and a line that cannot be written is counted.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::sync::LazyLock;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use prometheus::IntCounter;
use tracing_subscriber::fmt::MakeWriter;

/// So many may wait while standard error is slow. Further ones are lost.
const LINES_LIMIT: usize = 2_048;
/// With the limit above this bounds what waits to 32 MiB, of which lines as they are take half of one.
const LINE_LIMIT_BYTES: usize = 16 * 1024;
/// What waits is written together, about so much at a time.
const WRITE_BYTES: usize = 64 * 1024;
/// How long the end of the process waits for what it said last.
const FLUSH_DEADLINE: Duration = Duration::from_secs(1);
/// Until a standard error that must not be waited for is tried again.
const RETRY: Duration = Duration::from_millis(10);

/// One per process, however many read its metrics.
static LOST: LazyLock<IntCounter> = LazyLock::new(|| {
    let help = "Log lines lost because standard error was full, closed or too slow.";
    IntCounter::new("tidegate_log_lines_lost_total", help).expect("the name is constant and legal")
});

pub(crate) fn lost() -> &'static IntCounter {
    &LOST
}

/// Takes lines from any thread.
#[derive(Clone)]
pub(super) struct LogWriter(SyncSender<Item>);

enum Item {
    Line(Vec<u8>),
    /// Answered when everything before it was written or lost.
    Flush(SyncSender<()>),
}

impl LogWriter {
    pub(super) fn start() -> io::Result<Self> {
        // Its own descriptor: the one of `std` has a lock, which a thread that waits for a reader would hold.
        let target = File::from(io::stderr().as_fd().try_clone_to_owned()?);
        let (lines, items) = sync_channel(LINES_LIMIT);
        std::thread::Builder::new().name("log".to_owned()).spawn(move || run(target, &items))?;
        Ok(Self(lines))
    }

    /// Waits until what was logged is written, though not long.
    pub(super) fn flush(&self) {
        let begun = Instant::now();
        let (done, flushed) = sync_channel(1);
        let mut item = Item::Flush(done);
        while let Err(std::sync::mpsc::TrySendError::Full(back)) = self.0.try_send(item) {
            if begun.elapsed() > FLUSH_DEADLINE {
                return;
            }
            item = back;
            std::thread::sleep(RETRY);
        }
        let _ = flushed.recv_timeout(FLUSH_DEADLINE.saturating_sub(begun.elapsed()));
    }
}

impl<'a> MakeWriter<'a> for LogWriter {
    type Writer = Offer<'a>;

    fn make_writer(&'a self) -> Offer<'a> {
        Offer(&self.0)
    }
}

/// Takes one line by one call of `write`, as the formatter makes them.
pub(super) struct Offer<'a>(&'a SyncSender<Item>);

impl Write for Offer<'_> {
    /// Never fails: the formatter would print that, and printing is what failed.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if line.len() > LINE_LIMIT_BYTES || self.0.try_send(Item::Line(line.to_vec())).is_err() {
            LOST.inc();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn run(mut target: impl Write, items: &Receiver<Item>) {
    let (mut batch, mut is_torn, mut reported) = (Vec::with_capacity(WRITE_BYTES), false, 0);
    while let Ok(first) = items.recv() {
        let (mut next, mut waiting) = (Some(first), None);
        while let Some(item) = next.take() {
            match item {
                Item::Line(line) => batch.extend_from_slice(&line),
                Item::Flush(done) => waiting = Some(done),
            }
            if waiting.is_none() && batch.len() < WRITE_BYTES {
                next = items.try_recv().ok();
            }
        }
        let lost = write(&mut target, &batch, &mut is_torn);
        LOST.inc_by(lost);
        let wrote = lost == 0 && !batch.is_empty();
        batch.clear();
        if let Some(done) = waiting {
            let _ = done.send(());
        }
        let lost = LOST.get();
        if wrote && lost > reported {
            tracing::warn!(
                lines_lost = lost - reported,
                "log lines were lost: standard error was full, closed or too slow"
            );
            reported = lost;
        }
    }
}

/// Says how many lines were not written whole. A line that was cut is ended before the next one.
fn write(target: &mut impl Write, batch: &[u8], is_torn: &mut bool) -> u64 {
    if batch.is_empty() {
        return 0;
    }
    let lines = |bytes: &[u8]| bytes.split_inclusive(|byte| *byte == b'\n').count() as u64;
    if *is_torn {
        match put(target, b"\n") {
            Ok(()) => *is_torn = false,
            Err(_) => return lines(batch),
        }
    }
    match put(target, batch) {
        Ok(()) => 0,
        Err(written) => {
            *is_torn = written > 0 && batch[written - 1] != b'\n';
            lines(&batch[written..])
        }
    }
}

/// All of it, or how much of it before an error.
fn put(target: &mut impl Write, bytes: &[u8]) -> Result<(), usize> {
    let mut written = 0;
    while written < bytes.len() {
        match target.write(&bytes[written..]) {
            Ok(0) => return Err(written),
            Ok(count) => written += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(RETRY),
            Err(_) => return Err(written),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes so many bytes, and no more until it is given more room.
    struct Disk {
        room: usize,
        written: Vec<u8>,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let count = bytes.len().min(self.room);
            if count == 0 {
                return Err(io::Error::from(ErrorKind::StorageFull));
            }
            self.room -= count;
            self.written.extend_from_slice(&bytes[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_a_full_disk_does_not_take_is_counted_and_a_torn_line_is_ended() {
        let (mut disk, mut is_torn) = (Disk { room: 6, written: Vec::new() }, false);
        assert_eq!(write(&mut disk, b"one\ntwo\nthree\n", &mut is_torn), 2);
        assert_eq!(write(&mut disk, b"four\n", &mut is_torn), 1);
        disk.room = 100;
        assert_eq!(write(&mut disk, b"five\n", &mut is_torn), 0);
        assert_eq!(String::from_utf8(disk.written).unwrap(), "one\ntw\nfive\n");
    }

    #[test]
    fn a_line_that_does_not_fit_into_the_channel_is_lost_and_nobody_waits() {
        let (lines, items) = sync_channel(1);
        let before = LOST.get();
        let mut offer = Offer(&lines);
        offer.write_all(b"one\n").unwrap();
        offer.write_all(b"two\n").unwrap();
        offer.write_all(&vec![b'x'; LINE_LIMIT_BYTES + 1]).unwrap();
        assert!(LOST.get() >= before + 2);
        assert!(matches!(items.try_recv(), Ok(Item::Line(line)) if line == b"one\n"));
    }
}
