//! A damaged queue.db: refused at the start with words, found while it runs, and saved from, without a change to
//! the damaged file.

use std::fs;
use std::path::Path;

use bytes::Bytes;
use harness::client::Answer;
use harness::process_guard::ProcessGuard;
use harness::stories::Stories;
use rustix::process::Signal;
use shared::queue::sqlite::recovery::Damaged;
use shared::queue::{Queue, QueueConfig, QueueUrl, Role};
use sqlx::Connection;

use super::home::{Home, PATIENCE, bytes, said};
use crate::queue_contract::backend::{config, open_file};
use crate::queue_contract::steps::{envelope, receive_all};

const PAGE: usize = 4096;
const MESSAGES: u64 = 300;
/// Without the list of free pages, what was settled may be found again; so may be some of these.
const SETTLED: u64 = 20;
const WITH_SETTLED: u64 = MESSAGES + SETTLED;
/// Flows over into two further pages.
const BODY_BYTES: usize = 9_000;

/// What is done to the bytes of a sound file, and what of its messages can be saved for certain.
struct Fault {
    name: &'static str,
    damage: fn(&mut Vec<u8>),
    saved: std::ops::RangeInclusive<u64>,
}

/// Real damage to real files: what the program says, and what it saves.
const FAULTS: &[Fault] = &[
    Fault {
        name: "the first page is garbage",
        damage: |file| garbage(file, |_| 1),
        saved: MESSAGES..=WITH_SETTLED,
    },
    Fault {
        name: "the first bytes are zero",
        damage: |file| file[..64].fill(0),
        saved: MESSAGES..=WITH_SETTLED,
    },
    Fault {
        name: "a root is garbage",
        damage: |file| garbage(file, |file| page(file, 0x05, 0)),
        saved: MESSAGES..=MESSAGES,
    },
    Fault {
        name: "a leaf is garbage",
        damage: |file| garbage(file, |file| page(file, 0x0d, 40)),
        saved: 250..=MESSAGES - 1,
    },
    Fault {
        name: "a leaf is torn",
        damage: |file| {
            let at = (page(file, 0x0d, 40) - 1) * PAGE;
            file[at + PAGE / 2..at + PAGE].fill(0);
        },
        saved: 250..=MESSAGES - 1,
    },
    Fault {
        name: "a part of a body is garbage",
        damage: |file| garbage(file, overflow),
        saved: 290..=MESSAGES - 1,
    },
    Fault {
        name: "the index is garbage",
        damage: |file| garbage(file, |file| page(file, 0x0a, 0)),
        saved: MESSAGES..=MESSAGES,
    },
    Fault {
        name: "the list of free pages is wrong",
        damage: |file| file[36..40].copy_from_slice(&7_u32.to_be_bytes()),
        saved: MESSAGES..=WITH_SETTLED,
    },
    Fault {
        name: "the second half is missing",
        damage: |file| file.truncate(file.len() / 2 / PAGE * PAGE),
        saved: 50..=250,
    },
    Fault { name: "it is empty", damage: Vec::clear, saved: 0..=0 },
    Fault {
        name: "it is something else",
        damage: |file| *file = b"Dear reader, ".repeat(1_000),
        saved: 0..=0,
    },
];

#[tokio::test(flavor = "multi_thread")]
async fn every_damage_is_refused_with_words_and_what_can_be_read_is_saved() -> anyhow::Result<()> {
    let folder = ProcessGuard::new("damaged", Signal::KILL)?;
    let sound = folder.folder().join("sound.db");
    fill(&sound).await?;
    let sound = bytes(&sound);
    for (number, fault) in FAULTS.iter().enumerate() {
        let path = folder.folder().join(format!("{number}/queue.db"));
        fs::create_dir(path.parent().unwrap())?;
        let mut damaged = sound.clone();
        (fault.damage)(&mut damaged);
        fs::write(&path, &damaged)?;

        let refusal = match Queue::open(at(&path), Role::Both).await {
            Ok(_) => panic!("{}: it was opened", fault.name),
            Err(error) => error.to_string(),
        };
        let head = format!("the queue at sqlite:{} is damaged: ", path.display());
        let tail = "Nothing was changed and nothing is accepted. `tidegate queue recover` shows what can be saved; it changes nothing without --yes";
        assert!(refusal.starts_with(&head) && refusal.ends_with(tail), "{}: {refusal}", fault.name);
        assert_eq!(bytes(&path), damaged, "{}: it was changed", fault.name);

        let found = Damaged::open(&path)?;
        let report = found.report.clone();
        eprintln!("{}: {refusal}\n  {report:?}", fault.name);
        assert!(fault.saved.contains(&report.readable), "{}: {report:?}", fault.name);
        let lost = MESSAGES.saturating_sub(report.readable);
        assert!(report.lost == lost || report.lost_is_at_least, "{}: {report:?}", fault.name);
        assert_eq!(bytes(&path), damaged, "{}: to look changed it", fault.name);

        let saved = found.recover(shared::clock::now()).await?;
        assert_eq!(saved.saved, report.readable);
        assert_eq!(bytes(&saved.kept_as), damaged, "{}: the damaged file is kept", fault.name);
        assert_eq!(Queue::damage(&QueueUrl::Sqlite(path.clone())).await?, None, "{}", fault.name);
        holds_only_what_was_sent(&path, report.readable, fault.name).await?;
    }
    Ok(())
}

async fn holds_only_what_was_sent(path: &Path, count: u64, name: &str) -> anyhow::Result<()> {
    let queue = Queue::open(at(path), Role::Both).await?;
    let deliveries = receive_all(&queue, usize::try_from(count)?).await;
    for delivery in &deliveries {
        let number: u64 = delivery.envelope.header.id.trim_start_matches("evt_").parse()?;
        if number >= MESSAGES {
            continue; // it was settled, and its pages may be another's since
        }
        assert_eq!(delivery.envelope.body, body(number), "{name}: {}", delivery.envelope.header.id);
    }
    queue.close().await;
    Ok(())
}

/// The pages are sound, and what they say is not: each settle of it would fail for ever.
#[tokio::test(flavor = "multi_thread")]
async fn a_lease_of_a_message_that_is_not_there_is_damage() -> anyhow::Result<()> {
    let folder = ProcessGuard::new("stray", Signal::KILL)?;
    let path = folder.folder().join("queue.db");
    Queue::open(at(&path), Role::Both).await?.close().await;
    let mut file = open_file(&path).await?;
    sqlx::query("PRAGMA foreign_keys = OFF").execute(&mut file).await?;
    let stray = "INSERT INTO leases (message, fence, owner, lost) VALUES (7, 1, 'a', 0)";
    sqlx::query(stray).execute(&mut file).await?;
    file.close().await?;
    let refusal = Queue::open(at(&path), Role::Both).await.err().map(|error| error.to_string());
    let words = "is damaged: 1 of its leases name missing messages. Nothing was changed";
    assert!(refusal.as_ref().is_some_and(|refusal| refusal.contains(words)), "{refusal:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_sees_the_damage_saves_the_rest_and_goes_on() -> anyhow::Result<()> {
    const SENT: usize = 60;
    let home = Home::new()?;
    let running = home.start("gateway").await?;
    home.send(31, SENT).await?;
    running.stop().await?;
    let path = home.path("queue.db");
    let mut damaged = bytes(&path);
    let leaf = page(&damaged, 0x0d, 10);
    garbage(&mut damaged, |_| leaf);
    fs::write(&path, &damaged)?;

    let last = home.refusal("up").await?;
    assert!(last.starts_with("error: the queue at sqlite:queue.db is damaged: "), "{last}");
    assert!(last.contains(&format!("page {leaf}")) && last.contains("`tidegate queue recover`"), "{last}");
    let (doctor, code) = said(&home.tool(&["doctor"]));
    assert!(doctor.contains("ACT   queue file") && code == 1, "{doctor}");

    let (plan, code) = said(&home.tool(&["queue", "recover"]));
    let lines: Vec<&str> = plan.lines().collect();
    assert!(lines[0].starts_with("sqlite:queue.db is damaged: ") && code == 0, "{plan}");
    assert!(lines[1].starts_with("  readable  5") && lines[1].ends_with(" messages"), "{plan}");
    assert!(lines[2].starts_with("  lost      ") && lines[2].contains("number"), "{plan}");
    assert!(lines[3].starts_with("Nothing was changed. `"), "{plan}");
    assert!(plan.contains("Lost messages were answered 200, so Stripe does not resend them"), "{plan}");
    assert_eq!(bytes(&path), damaged, "a plan changes nothing");

    let (done, code) = said(&home.tool(&["queue", "recover", "--yes", "--json"]));
    assert_eq!(code, 0, "{done}");
    let done: serde_json::Value = serde_json::from_str(&done)?;
    let saved = usize::try_from(done["done"]["saved"].as_u64().expect("a number"))?;
    assert!((SENT - 5..SENT).contains(&saved), "{done}");
    assert_eq!(home.waiting().await?, saved as u64);
    assert_eq!(bytes(&home.path(done["done"]["kept_as"].as_str().unwrap())), damaged);
    let (again, _) = said(&home.tool(&["queue", "recover"]));
    assert_eq!(again, "sqlite:queue.db is intact: there is nothing to recover\n");

    let running = home.start("up").await?;
    home.ledger().has_handled(saved, PATIENCE).await?;
    let (in_use, code) = said(&home.tool(&["queue", "recover"]));
    assert_eq!((in_use.as_str(), code), ("sqlite:queue.db is intact: there is nothing to recover\n", 0));
    running.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_while_it_runs_accepts_nothing_more_and_ends_the_process() -> anyhow::Result<()> {
    let home = Home::new()?;
    let running = home.start("gateway").await?;
    home.send(32, 40).await?;
    running.stop().await?; // so that all of it is in the file, and none in the log
    let running = home.start("gateway").await?;
    let path = home.path("queue.db");
    let refused = Damaged::open(&path).err().map(|error| error.to_string());
    let in_use = "queue.db is in use by another process: stop that first, then try again";
    assert!(refused.is_some_and(|refused| refused.ends_with(in_use)));
    overwrite_all_but_the_first_page(&path)?;
    let answer = home.client().send(&Stories::of_seed(33).succeeded_payment().body).await;
    assert!(!matches!(answer, Answer::Status(200)), "{answer:?}");
    let last = running.ends_in_failure().await?;
    assert!(last.starts_with("error: the gateway ended: queue.db is damaged: "), "{last}");
    assert!(
        last.contains("Nothing more is accepted. Once nothing uses it, `tidegate queue recover` shows"),
        "{last}"
    );
    Ok(())
}

/// In place, under a process that has it open.
pub(super) fn overwrite_all_but_the_first_page(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::FileExt;
    let file = fs::File::options().write(true).open(path)?;
    let pages = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX) / PAGE;
    for page in 1..pages {
        file.write_all_at(&[0xa5; PAGE], (page * PAGE) as u64)?;
    }
    Ok(())
}

pub(super) fn garbage(file: &mut [u8], which: impl Fn(&[u8]) -> usize) {
    let page = which(file);
    let noise = (0_u32..).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0] | 0x80);
    for (byte, noise) in file[(page - 1) * PAGE..page * PAGE].iter_mut().zip(noise) {
        *byte = noise;
    }
}

/// The number of the so many-th page of a kind, from the end: those of the messages come after the small tables'.
pub(super) fn page(file: &[u8], kind: u8, skip: usize) -> usize {
    let pages = 2..=file.len() / PAGE;
    let mut found =
        pages.rev().filter(|page| file[(page - 1) * PAGE] == kind && file[(page - 1) * PAGE + 7] < 4);
    found.nth(skip).expect("there is such a page")
}

/// The number of a page that a body flowed over into.
fn overflow(file: &[u8]) -> usize {
    let of = |page: usize| &file[(page - 1) * PAGE..page * PAGE];
    let pages = 2..=file.len() / PAGE;
    let mut found =
        pages.rev().filter(|page| of(*page)[0] == 0 && of(*page)[100..200].iter().all(|byte| *byte == b'x'));
    found.nth(20).expect("bodies flow over")
}

fn at(path: &Path) -> QueueConfig {
    QueueConfig { prefetch: 10_000, ..config(QueueUrl::Sqlite(path.to_owned())) }
}

fn body(number: u64) -> Bytes {
    let mut body = format!("{{\"number\":{number},\"text\":\"").into_bytes();
    body.resize(BODY_BYTES, b'x');
    Bytes::from(body)
}

/// With some that were settled, so that free pages are in it.
async fn fill(path: &Path) -> anyhow::Result<()> {
    use shared::queue::Settle;
    let queue = Queue::open(at(path), Role::Both).await?;
    let publish = async |numbers: std::ops::Range<u64>| {
        let envelopes = numbers.map(|number| {
            let mut envelope = envelope(number);
            envelope.body = body(number);
            envelope
        });
        futures_util::future::join_all(envelopes.map(async |envelope| queue.publish(&envelope).await)).await
    };
    publish(1_000..1_000 + SETTLED).await;
    let early = receive_all(&queue, usize::try_from(SETTLED)?).await;
    let done: Vec<_> = early.iter().map(|delivery| (delivery.tag, Settle::Done)).collect();
    for answer in publish(0..MESSAGES).await {
        answer?;
    }
    queue.settle(&done).await?;
    queue.close().await;
    Ok(())
}
