//! `tidegate events erase`: nothing before `--yes`; then the body is in no byte of the file, the audit says who and
//! why, and a rebuild knows that these objects cannot be made again.

use std::process::Command;
use std::time::Duration;

use desk::actor::Actor;
use desk::acts::Person;
use desk::acts::erasure::erase;
use desk::rebuild::{compare, rebuild};
use desk::replay::{Chosen, plan};
use domain::payments::Payment;
use envelope::Envelope;
use harness::binaries::binary;
use harness::ledger::Ledger as Rows;
use harness::process_guard::until;
use serde_json::{Value, json};
use shared::clock;
use stripe_sim::Random;

use super::{OWN, PACKED, SEGMENTS, body, count, key, three, verified, whole_round};
use crate::attempts::tamper;
use crate::ledgers::{each_ledger_sealed_too, envelope, keys_of, the_event, together};

const PATIENCE: Duration = Duration::from_mins(1);
/// Sessions on a server that wait for another.
const WAITS: &str =
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";

/// What `tidegate events` says, and how it ends.
fn events(url: &str, arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new(binary("tidegate"));
    command.arg("events").args(arguments).env_clear().env("DATABASE_URL", url).env("USER", "jane");
    command.envs(keys_of(url).map(|keys| ("BODY_KEYS_FILE", keys)));
    let told = command.output().unwrap();
    (told.status.success(), String::from_utf8_lossy(&[told.stdout, told.stderr].concat()).into_owned())
}

/// A payment with so many bytes that nobody else has.
pub(crate) fn personal(name: &str, bytes: u64) -> Envelope {
    let mut random = Random::of_seed(bytes);
    let noise: Vec<String> = (0..bytes / 16).map(|_| format!("{:016x}", random.number())).collect();
    let object = json!({"id": format!("pi_{name}"), "status": "succeeded", "amount": 500, "amount_received": 500,
        "currency": "usd", "metadata": {"secret": noise.concat()}});
    envelope(&format!("evt_{name}"), "payment_intent.succeeded", 0, &object)
}

/// Everything that a SQLite ledger has on disk; nothing for a server.
pub(crate) fn on_disk(url: &str) -> Vec<u8> {
    let Some(path) = url.strip_prefix("sqlite:") else { return Vec::new() };
    let log = std::fs::read(format!("{path}-wal")).unwrap_or_default();
    [std::fs::read(path).unwrap(), log].concat()
}

pub(crate) fn occurs(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_body_is_gone_from_every_byte_and_the_others_stay() {
    each_ledger_sealed_too("erased", async |ledger, url| {
        let (erased, others) = (personal("gone", 6_000), three("stay"));
        let all: Vec<&Envelope> = others.iter().chain([&erased]).collect();
        together(&ledger, &all).await;
        let before = content(&url).await;
        let (done, told) = events(&url, &["erase", "evt_gone", "--reason", "ticket 4711"]);
        assert!(done && told.contains("nothing was changed") && told.contains("evt_gone"), "{told}");
        assert_eq!(body(&ledger, &erased).await.as_ref(), Some(&erased.body));

        let (done, told) = events(&url, &["erase", "evt_gone", "--reason", "ticket 4711", "--yes"]);
        assert!(done && told.contains("1 body erased by cli:jane: ticket 4711"), "{told}");
        assert_eq!(body(&ledger, &erased).await, None);
        for other in &others {
            assert_eq!(body(&ledger, other).await.as_ref(), Some(&other.body));
        }
        assert_eq!((count(&url, SEGMENTS).await, count(&url, PACKED).await), (1, 3));
        let event = the_event(&ledger, "evt_gone").await;
        assert!(event.erased_at.is_some() && event.outcome.as_str() == "applied");
        let audit = ledger.audit_of_event("evt_gone").await.unwrap();
        let line = audit.iter().find(|line| line.what == "erased").unwrap();
        assert_eq!((line.actor.as_str(), line.after.as_deref()), ("cli:jane", Some("ticket 4711")));
        assert_eq!(
            ledger.find::<Payment>("pi_gone").await.unwrap()[0].state.status,
            "succeeded",
            "its rows stay"
        );

        // No part of what was packed that is not packed now, neither in the file nor in its log.
        let (now, disk) = (content(&url).await, on_disk(&url));
        let parts: Vec<&[u8]> =
            before.chunks(24).filter(|part| part.len() == 24 && !occurs(&now, part)).collect();
        assert!(parts.len() > 50, "most of the segment is other than before");
        for part in parts.iter().filter(|_| !disk.is_empty()) {
            assert!(!occurs(&disk, part), "24 bytes of the old segment are still on disk");
        }
        assert!(disk.is_empty() || occurs(&disk, &now[..24]), "the search finds what is there");

        let (done, told) = events(&url, &["show", "evt_gone"]);
        assert!(done && told.contains("erased") && told.contains("by cli:jane: ticket 4711"), "{told}");
        let (done, told) = events(&url, &["show", "evt_gone", "--body"]);
        assert!(!done && told.contains("by cli:jane: ticket 4711"), "{told}");
        let (done, told) = events(&url, &["erase", "evt_gone", "--reason", "again", "--yes"]);
        assert!(
            done && told.contains("0 bodies erased") && told.contains("1 had been erased before"),
            "{told}"
        );
        let found = verified(&ledger).await;
        assert!(found.is_right() && found.with_bytes == 3, "{found:#?}");

        // Stripe may send it again: it is known, so it is not kept again, either.
        together(&ledger, &[&erased]).await;
        assert_eq!((body(&ledger, &erased).await, count(&url, PACKED).await), (None, 3));
        let mut tx = ledger.read().await.unwrap();
        let rebuilt = rebuild(&ledger, &mut tx, 1, &mut |_, _| {}).await.unwrap();
        let comparison = compare(&mut tx, &rebuilt).await.unwrap();
        assert_eq!((rebuilt.without_bytes, comparison.differences.len()), (1, 0));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_with_a_row_of_its_own_and_what_a_plan_brought_are_erased_too() {
    each_ledger_sealed_too("own_row", async |ledger, url| {
        let mut dead = personal("dead", 3_000);
        let text =
            String::from_utf8(dead.body.to_vec()).unwrap().replace("\"amount\":500", "\"amount\":\"x\"");
        dead.body = text.into();
        together(&ledger, &[&dead]).await;
        assert_eq!(whole_round(&ledger, clock::now()).await, 0);
        assert_eq!((count(&url, SEGMENTS).await, count(&url, OWN).await), (0, 1), "copied out");
        let chosen = [Chosen { key: key(&dead), brought: Some(dead.clone()) }];
        let jane = Person::named("jane").unwrap();
        plan(&ledger, "a file", &chosen, &Actor::declared(&jane), clock::now()).await.unwrap();

        let found = ledger.event("evt_dead").await.unwrap();
        assert_eq!(erase(&ledger, &found, "ticket 4711", &jane, clock::now()).await.unwrap(), 1);
        assert_ne!(ledger.empty_log().await.unwrap(), Some(false));
        assert_eq!(count(&url, OWN).await, 0);
        assert_eq!(count(&url, "SELECT count(*) FROM replay_items WHERE body IS NOT NULL").await, 0);
        let object: Value = serde_json::from_slice(&dead.body).unwrap();
        let secret = object["data"]["object"]["metadata"]["secret"].as_str().unwrap();
        let disk = on_disk(&url);
        for part in secret.as_bytes().chunks(32) {
            assert!(!occurs(&disk, part), "a part of the body is still on disk");
        }
        assert!(disk.is_empty() || occurs(&disk, b"evt_dead"), "the search finds what is there");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_waits_keeps_its_body_until_it_is_concluded() {
    each_ledger_sealed_too("waits", async |ledger, url| {
        let event = personal("waits", 500);
        together(&ledger, &[&event]).await;
        tamper(&url, "UPDATE events SET outcome = 'waiting', retry_at = recorded_at, reason = 'x'").await;
        let (done, told) = events(&url, &["erase", "evt_waits", "--reason", "ticket 4711", "--yes"]);
        assert!(!done && told.contains("waits to be handled again"), "{told}");
        let mut tx = ledger.begin().await.unwrap();
        assert!(!tx.erase_body(&key(&event), clock::now()).await.unwrap(), "whoever comes first");
        drop(tx);
        assert_eq!(body(&ledger, &event).await.as_ref(), Some(&event.body));
        let (done, told) = events(&url, &["erase", "evt_unknown", "--reason", "ticket 4711", "--yes"]);
        assert!(!done && told.contains("no event evt_unknown"), "{told}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_erase_from_one_segment_at_once_both_succeed() {
    each_ledger_sealed_too("both", async |ledger, url| {
        let all: Vec<Envelope> =
            (0..8).map(|number| personal(&format!("both_{number}"), 800 + number * 16)).collect();
        together(&ledger, &all.iter().collect::<Vec<_>>()).await;
        let mut erasing = tokio::task::JoinSet::new();
        for event in &all[..7] {
            let (ledger, id) = (ledger.clone(), event.header.id.clone());
            erasing.spawn(async move {
                let found = ledger.event(&id).await.unwrap();
                let jane = Person::named("jane").unwrap();
                erase(&ledger, &found, "ticket 4711", &jane, clock::now()).await.unwrap()
            });
        }
        assert_eq!(erasing.join_all().await, [1; 7]);
        assert_eq!(count(&url, PACKED).await, 1);
        for event in &all[..7] {
            assert_eq!(body(&ledger, event).await, None, "{} is back", event.header.id);
        }
        assert_eq!(body(&ledger, &all[7]).await.as_ref(), Some(&all[7].body));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_retention_copies_at_this_moment_is_erased_too() {
    for is_copied_before in [false, true] {
        each_ledger_sealed_too("copied", async |ledger, url| {
            let [_, _, dead] = three("copied");
            together(&ledger, &[&dead]).await;
            let found = ledger.event(&dead.header.id).await.unwrap();
            let mut tx = ledger.begin().await.unwrap();
            let segments = tx.expired_segments(0, clock::now(), 64).await.unwrap();
            let read = tx.events_in(&segments).await.unwrap().into_iter();
            let bodies: Vec<_> = read.map(|event| (event.key, event.body.bytes().unwrap().clone())).collect();
            assert_eq!(bodies.len(), 1);
            if is_copied_before {
                tx.keep_bodies(&bodies).await.unwrap();
                tx.remove_segments(&segments).await.unwrap();
            }
            let erasing = tokio::spawn({
                let (ledger, jane) = (ledger.clone(), Person::named("jane").unwrap());
                async move { erase(&ledger, &found, "ticket 4711", &jane, clock::now()).await.unwrap() }
            });
            until("the erasure to wait", PATIENCE, async || {
                // On a file nothing can be seen of it: who writes is alone.
                Ok(!ledger.takes_several_writers() || erasing.is_finished() || count(&url, WAITS).await > 0)
            })
            .await
            .unwrap();
            if !is_copied_before {
                tx.keep_bodies(&bodies).await.unwrap();
                tx.remove_segments(&segments).await.unwrap();
            }
            tx.commit().await.unwrap();
            assert_eq!(erasing.await.unwrap(), 1);
            assert_eq!((body(&ledger, &dead).await, count(&url, OWN).await), (None, 0));
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_body_that_a_backup_brings_back_is_found_and_not_copied_out() {
    each_ledger_sealed_too("brought_back", async |ledger, url| {
        let events = three("back");
        together(&ledger, &events.iter().collect::<Vec<_>>()).await;
        tamper(&url, "UPDATE events SET erased_at = recorded_at WHERE outcome = 'dead'").await;
        let found = verified(&ledger).await;
        assert!(!found.is_right(), "{found:#?}");
        assert_eq!(found.erased_with_bodies, [events[2].header.id.as_str()]);
        assert_eq!(whole_round(&ledger, clock::now()).await, 2);
        assert_eq!(count(&url, OWN).await, 0);
        let found = verified(&ledger).await;
        assert!(found.is_right(), "{found:#?}");
    })
    .await;
}

/// The bytes of the one segment that there is.
async fn content(url: &str) -> Vec<u8> {
    Rows::at(url).bytes("SELECT content FROM segments").await.unwrap()
}
