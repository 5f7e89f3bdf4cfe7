//! The figure that does not drift: how many instructions one gateway request and one applied event take, counted
//! by callgrind. Each loop runs so often and twice as often, and the difference is what it does.

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context, anyhow, ensure};
use bytes::Bytes;
use domain::event::{Content, Meaning};
use domain::object_graph::{Event, ObjectGraph};
use domain::policy::Policy;
use envelope::Envelope;
use gateway::event::Head;
use gateway::signature::Signature;
use harness::histories::SampleEvent;
use harness::process_guard::ProcessGuard;
use hmac::{Hmac, KeyInit, Mac};
use ledger::{Ledger, LedgerConfig};
use rustix::process::Signal;
use sha2::Sha256;
use stripe_sim::signature_header;
use worker::process::{Manner, process};

use crate::events::Events;
use crate::measure::sample::to_float;
use crate::report::{Options, Section, Table};

const SEED: u64 = 20_260_601;
const BATCH: usize = 64;
const TIMES: usize = 256;
/// As many again are applied first: by then SQLite has prepared the statements, each for every size.
const APPLIED_TIMES: usize = 512;
const SECRET: &str = "whsec_0123456789abcdefghijklmn";

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Loop {
    /// Signature, head of the event, header of the envelope.
    Request,
    /// The MAC of the body and nothing else.
    Mac,
    /// The rules alone: read, fold and derive, in batches.
    Rules,
    /// The rules and a ledger in a SQLite file, in batches.
    Applied,
}

/// How each is run: its name, what one of it is, and how many.
const LOOPS: [(Loop, &str, &str, usize); 4] = [
    (Loop::Request, "request", "one gateway request: signature, envelope, header", TIMES),
    (Loop::Mac, "mac", "the MAC of its body alone", TIMES),
    (Loop::Rules, "rules", "one event by the rules alone: read, fold, derive", TIMES),
    (
        Loop::Applied,
        "applied",
        "one applied event, all of `process` on a SQLite ledger in batches of 64",
        APPLIED_TIMES,
    ),
];

pub fn section(options: &Options) -> anyhow::Result<Vec<Section>> {
    let mut section = Section::new("instructions", "Instructions");
    let title = "Instructions, user space, by callgrind (which knows no SHA instructions: the MAC is counted in plain ones)";
    let mut table = Table::new(title, &["what", "instructions"]);
    let folder = ProcessGuard::new("bench", Signal::KILL)?;
    let file = folder.folder().join("events");
    write(&Events::of_seed(SEED).take(2 * APPLIED_TIMES), &file)?;
    for (_, name, what, times) in LOOPS {
        let times = if options.quick { BATCH } else { times };
        eprintln!("instructions of {what}");
        let (once, twice) = (count(name, times, &file)?, count(name, 2 * times, &file)?);
        let each = to_float(twice - once) / to_float(times as u64);
        table.row([what.into(), each.round().into()]);
    }
    section.tables.push(table);
    section.notes.push(format!("The events are those of seed {SEED}, the same at every count."));
    Ok(vec![section])
}

fn count(name: &str, times: usize, file: &Path) -> anyhow::Result<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(harness::binaries::binary("bench"))
        .args(["loop", name, &times.to_string()])
        .arg(file)
        .output()
        .context("valgrind is not installed")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "valgrind failed: {said}");
    let collected = said.lines().find_map(|line| line.split_once("Collected : "));
    Ok(collected.context("callgrind says what it collected")?.1.trim().parse()?)
}

/// One of the loops, so many times, after reading all events: reading them is the same at every count.
pub async fn run(which: Loop, times: usize, file: &Path) -> anyhow::Result<()> {
    let envelopes = read(file)?;
    ensure!(envelopes.len() >= times, "{} has fewer events", file.display());
    match which {
        Loop::Request => requests(&envelopes, times),
        Loop::Mac => macs(&envelopes[..times]),
        Loop::Rules => rules(&envelopes[..times]),
        Loop::Applied => applied(&envelopes[..times]).await,
    }
}

/// A line with the header, a line with the length of the body, and the body: making events takes far longer under
/// callgrind than reading them.
fn write(events: &[SampleEvent], file: &Path) -> anyhow::Result<()> {
    let mut bytes = Vec::new();
    for envelope in events.iter().map(SampleEvent::envelope) {
        writeln!(bytes, "{}\n{}", envelope.header_json(), envelope.body.len())?;
        bytes.extend_from_slice(&envelope.body);
    }
    Ok(std::fs::write(file, bytes)?)
}

fn read(file: &Path) -> anyhow::Result<Vec<Envelope>> {
    let bytes = Bytes::from(std::fs::read(file)?);
    let now = shared::clock::now();
    let mut rest = &bytes[..];
    let mut envelopes = Vec::new();
    while !rest.is_empty() {
        let mut lines = rest.splitn(3, |byte| *byte == b'\n');
        let (header, length) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
        let after = lines.next().context("a header, a length, and a body")?;
        let (body, next) =
            after.split_at_checked(std::str::from_utf8(length)?.parse()?).context("a body is cut off")?;
        envelopes.push(Envelope::from_wire(header, bytes.slice_ref(body), now));
        rest = next;
    }
    Ok(envelopes)
}

fn requests(envelopes: &[Envelope], times: usize) -> anyhow::Result<()> {
    let secrets = gateway::secrets::parse(SECRET).map_err(anyhow::Error::msg)?;
    let now = shared::clock::now();
    let lines: Vec<String> =
        envelopes.iter().map(|envelope| signature_header(SECRET, now.timestamp(), &envelope.body)).collect();
    for (envelope, line) in envelopes.iter().zip(&lines).take(times) {
        let signature =
            Signature::parse(line.as_bytes()).map_err(|refusal| anyhow!("refused: {}", refusal.label()))?;
        ensure!(signature.signer(&envelope.body, &secrets, now).is_some(), "an event is signed");
        ensure!(Head::read(&envelope.body)?.id == envelope.header.id, "an event says its id");
        ensure!(!envelope.header_json().is_empty(), "an envelope has a header");
    }
    Ok(())
}

fn macs(envelopes: &[Envelope]) -> anyhow::Result<()> {
    let keyed = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes())?;
    let mut last = 0;
    for envelope in envelopes {
        let mut mac = keyed.clone();
        mac.update(&envelope.body);
        last = mac.finalize().into_bytes().iter().fold(last, |sum: u64, byte| sum + u64::from(*byte));
    }
    ensure!(last > 0, "a MAC is not all zeros");
    Ok(())
}

fn rules(envelopes: &[Envelope]) -> anyhow::Result<()> {
    let mut moved = 0;
    let policy = Arc::new(Policy::default());
    for batch in envelopes.chunks(BATCH) {
        let mut graph = ObjectGraph::new(Arc::clone(&policy));
        for envelope in batch {
            let content = Content::of(envelope);
            if let Ok(Meaning::Observations(observations)) = content.meaning(envelope) {
                moved += graph.apply(&Event { id: envelope.header.id.clone(), observations }).len();
            }
        }
    }
    ensure!(moved > 0, "events move something");
    Ok(())
}

async fn applied(envelopes: &[Envelope]) -> anyhow::Result<()> {
    let folder = ProcessGuard::new("bench", Signal::KILL)?;
    let url = format!("sqlite:{}", folder.folder().join("ledger.db").display());
    let env = shared::env::Env::of(&[("DATABASE_URL", &url)]);
    let ledger = Ledger::open(&LedgerConfig::from_env(&env)?).await?;
    ledger.migrate().await?;
    for batch in envelopes.chunks(BATCH) {
        let batch: Vec<&Envelope> = batch.iter().collect();
        let handled = process(&ledger, &batch, Manner::Batch, shared::clock::now()).await;
        ensure!(handled.is_ok(), "a batch failed: {handled:?}");
    }
    ledger.close().await;
    Ok(())
}
