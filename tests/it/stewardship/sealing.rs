//! Bodies under a key: no byte of them in file or dump; nothing works without the key, and nothing is lost for it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Mutex;
use std::time::Duration;

use chrono::DateTime;
use desk::actor::Actor;
use desk::acts::Person;
use desk::acts::body_keys::reseal;
use desk::replay::{Chosen, plan};
use domain::Key;
use domain::evidence::FileKind;
use domain::identity::id_hash;
use domain::outcome::OutcomeKind;
use envelope::Envelope;
use envelope::hex::hex;
use harness::binaries::binary;
use harness::histories::SampleEvent;
use harness::process_guard::ProcessGuard;
use harness::stories::Stories;
use ledger::tables::evidence::AttachedFile;
use ledger::tables::sealed_rows::ResealPlace;
use ledger::{Ledger, LedgerConfig, LedgerError};
use rustix::process::Signal;
use serde_json::{Value, json};
use shared::clock;
use shared::env::Env;
use worker::chores::retention::Round;
use worker::isolated::{self, IsolatedOutcome, Mark, Retries};

use crate::attempts::tamper;
use crate::ledgers::{each_ledger, envelope, the_event, together};
use crate::segments::erasing::{occurs, on_disk, personal};
use crate::segments::{body, key, three, verified, whole_round};

pub(super) const FIRST: &str = "the-first-key-of-more-than-thirty-two-characters";
pub(super) const SECOND: &str = "the-second-key-of-more-than-thirty-two-characters";

fn jane() -> Actor {
    Actor::declared(&Person::named("jane").unwrap())
}

/// What every frame of zstd begins with.
const FRAME: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// A file of keys that is written anew.
pub(super) struct Keys {
    path: PathBuf,
    _folder: ProcessGuard,
}

impl Keys {
    pub(super) fn of(lines: &[&str]) -> Self {
        let folder = ProcessGuard::new("keys", Signal::KILL).unwrap();
        let keys = Self { path: folder.folder().join("body-keys"), _folder: folder };
        keys.write(lines);
        keys
    }

    pub(super) fn write(&self, lines: &[&str]) {
        std::fs::write(&self.path, lines.join("\n")).unwrap();
    }

    pub(super) fn path(&self) -> &str {
        self.path.to_str().unwrap()
    }

    async fn open(&self, url: &str) -> Ledger {
        opened(url, self.path()).await
    }
}

async fn opened(url: &str, keys: &str) -> Ledger {
    let env = Env::of(&[("DATABASE_URL", url), ("BODY_KEYS_FILE", keys)]);
    Ledger::open(&LedgerConfig::from_env(&env).unwrap()).await.unwrap()
}

fn tidegate(url: &str, keys: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(binary("tidegate"));
    command.args(arguments).env_clear().env("DATABASE_URL", url).env("USER", "jane");
    command.env("BODY_KEYS_FILE", keys).output().unwrap()
}

/// Everything that the database has on disk, or would write into a dump.
fn all_bytes(url: &str) -> Vec<u8> {
    if url.starts_with("sqlite:") {
        return on_disk(url);
    }
    let dumped = Command::new("pg_dump").args(["--dbname", url]).output().unwrap();
    assert!(dumped.status.success(), "{}", String::from_utf8_lossy(&dumped.stderr));
    dumped.stdout
}

/// As it is, or in the hexadecimal digits of a dump.
fn has(bytes: &[u8], wanted: &[u8]) -> bool {
    let digits = hex(wanted);
    occurs(bytes, wanted) || occurs(bytes, digits.as_bytes())
}

fn marker(event: &Envelope) -> Vec<u8> {
    let object: Value = serde_json::from_slice(&event.body).unwrap();
    object["data"]["object"]["metadata"]["secret"].as_str().unwrap().as_bytes().to_vec()
}

fn dead(name: &str) -> Envelope {
    let mut dead = personal(name, 3_000);
    let text = String::from_utf8(dead.body.to_vec()).unwrap().replace("\"amount\":500", "\"amount\":\"x\"");
    dead.body = text.into();
    dead
}

fn file_of_evidence() -> AttachedFile {
    AttachedFile {
        id: "file_1".to_owned(),
        field: "receipt".to_owned(),
        name: "receipt.pdf".to_owned(),
        file_kind: FileKind::Pdf,
        size_bytes: 3,
        pages: Some(1),
        sha256: "ab".to_owned(),
        attached_by: "jane".to_owned(),
        attached_at: clock::now(),
        stripe_id: None,
        uploaded_at: None,
    }
}

/// A body in each place that keeps bodies; gives the event with a row of its own.
async fn in_every_place(ledger: &Ledger) -> Envelope {
    let dead = dead("dead");
    together(ledger, &[&dead]).await;
    whole_round(ledger, clock::now()).await;
    together(ledger, &three("packed").iter().chain([&personal("packed", 3_000)]).collect::<Vec<_>>()).await;
    let chosen = [Chosen { key: key(&dead), brought: Some(dead.clone()) }];
    plan(ledger, "a file", &chosen, &jane(), clock::now()).await.unwrap();
    let mut tx = ledger.begin().await.unwrap();
    let dispute = Key { id: "dp_1".to_owned(), account: String::new(), livemode: true };
    tx.attach_evidence_file(&dispute, &file_of_evidence(), marker(&dead)).await.unwrap();
    tx.commit().await.unwrap();
    dead
}

/// Whether a body is legible, and whether a segment is.
fn legible(url: &str, event: &Envelope) -> (bool, bool) {
    let bytes = all_bytes(url);
    let marker = marker(event);
    (marker.chunks(32).any(|part| has(&bytes, part)), has(&bytes, &FRAME))
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_key_no_byte_of_a_body_is_in_file_or_dump_and_what_was_there_before_is_sealed_by_reseal() {
    each_ledger("legible", async |plain, url| {
        let keys = Keys::of(&[FIRST]);
        let dead = in_every_place(&plain).await;
        assert_eq!(legible(&url, &dead), (true, true), "the search finds what is there");

        let counted = |rows: Value| rows["rows"].as_array().unwrap().clone();
        let shown = tidegate(&url, keys.path(), &["bodies", "reseal", "--json"]);
        let rows = counted(serde_json::from_slice(&shown.stdout).unwrap());
        assert!(rows.len() == 4 && rows.iter().all(|row| row["sealed_by"].is_null()), "{rows:?}");
        assert_eq!(legible(&url, &dead), (true, true), "nothing before --yes");

        // Cut off after the first step, it goes on with the rest.
        let sealed = keys.open(&url).await;
        let mut tx = sealed.begin().await.unwrap();
        let step = tx.reseal(&ResealPlace::first()).await.unwrap();
        assert_eq!((step.rows, step.unread), (1, 0));
        tx.commit().await.unwrap();
        plain.close().await;
        sealed.close().await;
        let done = tidegate(&url, keys.path(), &["bodies", "reseal", "--yes", "--json"]);
        let told: Value = serde_json::from_slice(&done.stdout).unwrap();
        assert_eq!(
            (&told["resealed"]["rows"], &told["resealed"]["unread"]),
            (&json!(3), &json!(0)),
            "{told}"
        );
        assert!(counted(told.clone()).iter().all(|row| row["sealed_by"] == told["newest"]), "{told}");
        assert_eq!(legible(&url, &dead), (false, false));
        let again = tidegate(&url, keys.path(), &["bodies", "reseal", "--yes", "--json"]);
        let told: Value = serde_json::from_slice(&again.stdout).unwrap();
        assert_eq!(told["resealed"]["rows"], 0);

        let sealed = keys.open(&url).await;
        assert_eq!(body(&sealed, &dead).await.as_ref(), Some(&dead.body));
        let mut tx = sealed.read().await.unwrap();
        assert_eq!(tx.resting_file("file_1").await.unwrap().unwrap().content, Some(marker(&dead)));
        let [planned] = &tx.plans(&ledger::views::page::Part::first(2)).await.unwrap().rows[..] else {
            panic!()
        };
        let item = tx.next_items(&planned.replay, 10).await.unwrap().pop().unwrap();
        assert_eq!(item.body.as_deref(), Some(&dead.body[..]));
        drop(tx);
        let found = verified(&sealed).await;
        assert!(found.is_right() && found.with_bytes == 5, "{found:#?}");
        let rows = harness::ledger::Ledger::at(&url);
        let audited = "SELECT count(*) FROM audit WHERE subject_kind = 'body_key' AND actor LIKE '%jane%'";
        assert_eq!(rows.count(audited).await.unwrap(), 1);
        sealed.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_under_a_key_is_sealed_from_the_first_byte() {
    each_ledger("from_the_first", async |plain, url| {
        plain.close().await;
        let keys = Keys::of(&[FIRST]);
        let sealed = keys.open(&url).await;
        let dead = in_every_place(&sealed).await;
        assert_eq!(legible(&url, &dead), (false, false));
        // A row under another's number does not open, though its checksum is right.
        let other = format!("id = 'evt_other', id_hash = {}", id_hash("evt_other"));
        tamper(&url, format!("UPDATE bodies SET {other}")).await;
        tamper(&url, format!("UPDATE events SET {other} WHERE id = 'evt_dead'")).await;
        let event = the_event(&sealed, "evt_other").await;
        let refused = sealed.body(&event.key()).await.unwrap_err().to_string();
        assert!(refused.contains("altered, or is another row's"), "{refused}");
        let found = verified(&sealed).await;
        assert_eq!(found.damaged, ["evt_other"], "{found:#?}");
        sealed.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_key_nothing_is_read_nothing_is_stored_and_no_event_is_buried() {
    each_ledger("keyless", async |plain, url| {
        plain.close().await;
        let keys = Keys::of(&[FIRST]);
        let sealed = keys.open(&url).await;
        let events = three("kept");
        together(&sealed, &events.iter().collect::<Vec<_>>()).await;
        let retries = Retries { distances: vec![Duration::from_mins(1); 5], claim: Duration::from_secs(5) };
        let fails = envelope("evt_fails", "tidegate.failpoint.panic", 0, &json!({}));
        let failed = isolated::handle(&sealed, &fails, &retries, clock::now(), &mut Mark::default()).await;
        assert!(matches!(failed.unwrap(), IsolatedOutcome::Failed { outcome: "waiting", .. }));
        let id = sealed.body_keys().newest().unwrap().to_owned();
        sealed.close().await;

        let others = Keys::of(&[SECOND]);
        for keys in ["", others.path()] {
            let ledger = opened(&url, keys).await;
            let is_refused =
                |error: LedgerError| matches!(error, LedgerError::KeyMissing { id: found } if found == id);
            assert!(is_refused(ledger.check_body_keys().await.unwrap_err()));
            assert!(is_refused(ledger.body(&key(&events[0])).await.unwrap_err()));
            assert!(is_refused(ledger.due(clock::now() + Duration::from_secs(90), 10).await.unwrap_err()));
            let mut round = Round::begin(true, clock::now());
            assert!(is_refused(round.step(&ledger, clock::now()).await.unwrap_err()));
            let chosen = [Chosen { key: key(&events[0]), brought: Some(events[0].clone()) }];
            assert!(is_refused(plan(&ledger, "a file", &chosen, &jane(), clock::now()).await.unwrap_err()));
            assert_eq!(the_event(&ledger, "evt_fails").await.outcome, OutcomeKind::Waiting);
            ledger.close().await;
            for arguments in [
                &["events", "show", &events[0].header.id, "--body"][..],
                &["events", "erase", &events[0].header.id, "--reason", "ticket", "--yes"],
                &["rebuild", "--yes", "--by", "jane"],
                &["audit", "verify"],
            ] {
                let refused = tidegate(&url, keys, arguments);
                let said = String::from_utf8_lossy(&refused.stderr).into_owned();
                assert!(!refused.status.success(), "{arguments:?}: {said}");
                assert!(said.contains(&id) && said.contains("Nothing is lost"), "{arguments:?}: {said}");
                assert!(!said.contains(FIRST) && !said.contains(SECOND));
            }
            let output = tidegate(&url, keys, &["doctor", "--json"]);
            let told: Value = serde_json::from_slice(&output.stdout).unwrap();
            let checks = told["checks"].as_array().unwrap();
            let found = |mark: &str| {
                let mut lines =
                    checks.iter().filter(|check| check["name"] == "keys of bodies" && check["mark"] == mark);
                lines.any(|check| check["found"].as_str().unwrap().contains(&id))
            };
            assert!(found("act"), "{told}");
        }

        // With the key all of it is as it was.
        let sealed = keys.open(&url).await;
        for event in &events {
            assert_eq!(body(&sealed, event).await.as_ref(), Some(&event.body));
        }
        assert_eq!(sealed.due(clock::now() + Duration::from_secs(90), 10).await.unwrap().len(), 1);
        let found = verified(&sealed).await;
        assert!(found.is_right() && found.with_bytes == 4, "{found:#?}");
        sealed.close().await;

        // A key that nobody has any more is said so: its bodies are damaged, and everything else goes on.
        let lost = format!("lost {id}");
        others.write(&[SECOND, &lost]);
        let ledger = others.open(&url).await;
        ledger.check_body_keys().await.unwrap();
        let after = three("after");
        together(&ledger, &after.iter().collect::<Vec<_>>()).await;
        assert!(matches!(ledger.body(&key(&events[0])).await.unwrap_err(), LedgerError::Segment { .. }));
        assert_eq!(body(&ledger, &after[0]).await.as_ref(), Some(&after[0].body));
        let found = verified(&ledger).await;
        assert_eq!((found.damaged_segments.len(), found.with_bytes), (2, 3), "{found:#?}");
        whole_round(&ledger, clock::now()).await;
        assert_eq!(the_event(&ledger, "evt_fails").await.outcome, OutcomeKind::Waiting);
        ledger.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reseal_without_a_key_that_rows_need_changes_nothing() {
    each_ledger("reseal_refused", async |plain, url| {
        plain.close().await;
        let keys = Keys::of(&[FIRST]);
        let sealed = keys.open(&url).await;
        together(&sealed, &three("kept").iter().collect::<Vec<_>>()).await;
        sealed.close().await;
        let others = Keys::of(&[SECOND]);
        let ledger = others.open(&url).await;
        let refused = reseal(&ledger, &jane().person(), DateTime::UNIX_EPOCH, &mut |_| ()).await;
        assert!(matches!(refused, Err(LedgerError::KeyMissing { .. })), "{refused:?}");
        ledger.close().await;
        let sealed = keys.open(&url).await;
        assert!(verified(&sealed).await.is_right());
        sealed.close().await;
    })
    .await;
}

/// What the kernel has counted of this process, in hundredths of a second.
fn cpu_ticks() -> u32 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_ascii_whitespace().collect();
    fields[11].parse::<u32>().unwrap() + fields[12].parse::<u32>().unwrap()
}

/// The same events to ledgers in turn, every other of which seals: our own CPU, where sealing happens.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "prints the figures of ADR 55: cargo test --workspace --test it -- --ignored --nocapture what_sealing_costs"]
async fn what_sealing_costs() {
    const ROUNDS: usize = 14;
    let keys = Keys::of(&[FIRST]);
    let (events, _) = Stories::of_seed(9).in_mode(true).history(2_048);
    let events: Vec<Envelope> = events.iter().take(2_048).map(SampleEvent::envelope).collect();
    for batch in [64, 1] {
        let took = Mutex::new(BTreeMap::<(String, &str), Vec<f64>>::new());
        for round in 0..ROUNDS {
            each_ledger(&format!("cost_{batch}_{round}"), async |plain, url| {
                let kind = url.split(':').next().unwrap().to_owned();
                plain.close().await;
                let sealed = round % 2 == 1;
                let ledger = opened(&url, if sealed { keys.path() } else { "" }).await;
                let taken = &events[..if batch == 1 { 512 } else { events.len() }];
                let begun = cpu_ticks();
                for events in taken.chunks(batch) {
                    together(&ledger, &events.iter().collect::<Vec<_>>()).await;
                }
                let micros =
                    f64::from(cpu_ticks() - begun) * 1e4 / f64::from(u32::try_from(taken.len()).unwrap());
                let name = if sealed { "sealed" } else { "plain" };
                took.lock().unwrap().entry((kind, name)).or_default().push(micros);
                ledger.close().await;
            })
            .await;
        }
        let median = |kind: &str, name: &'static str| {
            let mut values = took.lock().unwrap()[&(kind.to_owned(), name)].clone();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        for kind in ["sqlite", "postgres"] {
            let (plain, sealed) = (median(kind, "plain"), median(kind, "sealed"));
            println!(
                "{kind}, batches of {batch}: {plain:.1} µs of CPU an event, {sealed:.1} sealed, ratio {:.3}",
                sealed / plain
            );
        }
    }
}
