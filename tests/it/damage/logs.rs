//! A log that cannot be written: the process goes on, takes events in, applies them, ends in peace, and counts what
//! was lost.

use std::fs::File;
use std::io::{PipeReader, Read};
use std::process::{Command, Stdio};

use anyhow::ensure;
use harness::binaries::binary;
use harness::load::{SendLog, send_all};
use harness::stories::Stories;

use super::home::Home;

const LOST: &str = "tidegate_log_lines_lost_total";
const EVENTS: usize = 5;
/// Of which each has a line: so many fill a pipe, and what waits before it, in a few rounds.
const EVENTS_TO_FILL: usize = 500;
const ROUNDS: usize = 12;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// As on a full file system: every write fails with ENOSPC.
    Full,
    /// As of `up 2>&1 | head -c 200`.
    Closed,
    /// Its reader has stopped, and the pipe is full.
    Unread,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_cannot_be_written_stops_nothing_and_its_lost_lines_are_counted() -> anyhow::Result<()> {
    for place in [Place::Full, Place::Closed, Place::Unread] {
        eprintln!("{place:?}");
        let level = if place == Place::Unread { "trace" } else { "info" };
        let home = Home::with(&[("LOG_LEVEL", level)])?;
        let (stdout, stderr, reader) = streams(place)?;
        let mut running = home.spawn("up", &[], stdout, stderr)?;
        if place == Place::Closed {
            let mut head = [0; 200];
            let mut reader = reader;
            let read = move || reader.as_mut().expect("there is a pipe").read_exact(&mut head);
            tokio::task::spawn_blocking(read).await??;
        } else {
            std::mem::forget(reader); // stays open, and unread, until the test process ends
        }
        running.wait_until_ready().await?;
        let mut sent = 0;
        let events = if place == Place::Unread { EVENTS_TO_FILL } else { EVENTS };
        for round in 0..ROUNDS {
            let (events, _) = Stories::of_seed(100 + round as u64).history(events);
            sent += events.len();
            let answers = send_all(&SendLog::default(), events, 8, || home.client()).await;
            ensure!(answers.iter().all(|answer| answer.accepted()), "{place:?}: {answers:?}");
            let lost = running.series(LOST).await?;
            if lost.iter().all(|lost| *lost > 0) {
                break;
            }
            ensure!(round + 1 < ROUNDS, "{place:?}: nothing was lost: {lost:?}");
        }
        home.ledger().has_handled(sent, super::home::PATIENCE).await?;
        running.stop().await?;
    }
    Ok(())
}

fn streams(place: Place) -> anyhow::Result<(Stdio, Stdio, Option<PipeReader>)> {
    if place == Place::Full {
        let full = File::options().write(true).open("/dev/full")?;
        return Ok((full.try_clone()?.into(), full.into(), None));
    }
    let (reader, writer) = std::io::pipe()?;
    Ok((writer.try_clone()?.into(), writer.into(), Some(reader)))
}

#[test]
fn a_reader_that_has_seen_enough_of_a_help_page_is_no_failure() -> anyhow::Result<()> {
    for (name, arguments) in [
        ("tidegate", &["--help"][..]),
        ("tidegate", &["env"]),
        ("tidegate-gateway", &["--help"]),
        ("tidegate-worker", &["--version"]),
    ] {
        let (reader, writer) = std::io::pipe()?;
        drop(reader);
        let output = Command::new(binary(name)).args(arguments).env_clear().stdout(writer).output()?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), said.as_str()), (Some(0), ""), "{name} {arguments:?}");
    }
    Ok(())
}

#[test]
fn a_refusal_that_nobody_can_read_is_still_a_refusal() -> anyhow::Result<()> {
    for name in ["tidegate", "tidegate-gateway", "tidegate-worker"] {
        let full = || File::options().write(true).open("/dev/full");
        let mut command = Command::new(binary(name));
        command.env_clear().env("QUEUE_URL", "nothing").stdin(Stdio::null()).stdout(full()?).stderr(full()?);
        let code = command.status()?.code();
        assert!(matches!(code, Some(1 | 2)), "{name}: {code:?}");
    }
    Ok(())
}
