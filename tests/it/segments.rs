//! Bodies in segments, on both ledgers: read back byte for byte, removed after their retention but for what must
//! stay, found where they are damaged or lost, and erased so that no byte is left.

mod dictionary;
pub(crate) mod erasing;
mod figures;

use std::time::Duration;

use bytes::Bytes;
use desk::acts::Person;
use desk::acts::dead_letters::discard;
use desk::rebuild::{compare, rebuild};
use desk::replay::{Chosen, look_ahead};
use desk::verify::{Verified, Witnesses, verify};
use desk::views::cards::Cards;
use domain::event::{Content, EventKey};
use envelope::Envelope;
use harness::histories::SampleEvent;
use harness::ledger::Ledger as Rows;
use harness::stories::Stories;
use ledger::tables::bodies::Body;
use ledger::{Fault, Ledger, LedgerError};
use serde_json::json;
use shared::clock;
use sqlx::{Connection, Executor, Row};
use worker::chores::retention::Round;
use worker::isolated::{self, IsolatedOutcome, Mark, Retries};

use crate::attempts::tamper;
use crate::ledgers::{each_ledger_sealed_too, envelope, payment, the_event, together};

const SEGMENTS: &str = "SELECT count(*) FROM segments";
const OWN: &str = "SELECT count(*) FROM bodies";
const PACKED: &str = "SELECT CAST(coalesce(sum(events), 0) AS BIGINT) FROM segments";

async fn count(url: &str, statement: &'static str) -> i64 {
    Rows::at(url).count(statement).await.unwrap()
}

pub(crate) fn key(envelope: &Envelope) -> EventKey {
    Content::of(envelope).key
}

pub(crate) async fn body(ledger: &Ledger, event: &Envelope) -> Option<Bytes> {
    ledger.body(&key(event)).await.unwrap()
}

/// Events of one that is applied, one that is ignored, and one that is dead, by the same name.
pub(crate) fn three(name: &str) -> [Envelope; 3] {
    let malformed =
        json!({"id": format!("pi_bad_{name}"), "status": "succeeded", "amount": "x", "currency": "usd"});
    [
        payment(&format!("pi_{name}"), 0, "succeeded", &format!("own_{name}")),
        envelope(&format!("evt_{name}_ignored"), "quantum.leap", 0, &json!({"note": name})),
        envelope(&format!("evt_{name}_dead"), "payment_intent.succeeded", 0, &malformed),
    ]
}

pub(crate) async fn verified(ledger: &Ledger) -> Verified {
    verify(ledger, &Witnesses::default(), &mut |_| ()).await.unwrap()
}

pub(crate) async fn whole_round(ledger: &Ledger, until: chrono::DateTime<chrono::Utc>) -> u64 {
    let (mut round, mut removed) = (Round::begin(true, clock::now()), 0);
    while let Some(some) = round.step(ledger, until).await.unwrap() {
        removed += some;
    }
    removed
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batchs_bodies_are_one_segment_and_come_back_as_they_are_kept() {
    each_ledger_sealed_too("segment", async |ledger, url| {
        let (events, _) = Stories::of_seed(4).in_mode(true).history(40);
        let mut events: Vec<Envelope> = events.iter().map(SampleEvent::envelope).collect();
        events.push(Envelope::from_wire(b"", Bytes::from_static(b"\0junk \xff"), clock::now()));
        let large = "x".repeat(300_000);
        events.push(envelope("evt_large", "quantum.leap", 0, &json!({ "large": large })));
        let (first, second) = events.split_at(20);
        together(&ledger, &first.iter().chain([&first[3]]).collect::<Vec<_>>()).await;
        assert_eq!((count(&url, SEGMENTS).await, count(&url, PACKED).await), (1, 20), "each event once");
        // What was there before leaves a gap.
        together(&ledger, &first[5..].iter().chain(second).collect::<Vec<_>>()).await;
        let packed = i64::try_from(events.len()).unwrap();
        assert_eq!((count(&url, SEGMENTS).await, count(&url, PACKED).await), (2, packed));
        together(&ledger, &events.iter().collect::<Vec<_>>()).await;
        assert_eq!(count(&url, SEGMENTS).await, 2, "nothing was new");
        for event in &events {
            let kept = Content::of(event).kept(event);
            assert_eq!(body(&ledger, event).await.as_ref(), Some(&kept), "{}", event.header.id);
        }
        assert_eq!(count(&url, OWN).await, 0);
        let mut tx = ledger.read().await.unwrap();
        let mut keys: Vec<EventKey> = events.iter().map(key).collect();
        keys.sort();
        let archived = tx.archived(&keys).await.unwrap();
        assert!(archived.iter().all(|archived| matches!(archived.body, Body::Bytes(_))));
        drop(tx);
        let verified = verified(&ledger).await;
        assert!(verified.is_right(), "{verified:#?}");
        assert_eq!(verified.with_bytes, packed);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_of_many_megabytes_fill_several_segments() {
    each_ledger_sealed_too("megabytes", async |ledger, url| {
        let events: Vec<Envelope> = (0..12)
            .map(|number| {
                let large = format!("{number} ").repeat(250_000);
                envelope(&format!("evt_{number}"), "quantum.leap", number, &json!({ "large": large }))
            })
            .collect();
        together(&ledger, &events.iter().collect::<Vec<_>>()).await;
        assert!(count(&url, SEGMENTS).await > 1);
        for event in &events {
            assert_eq!(body(&ledger, event).await.as_ref(), Some(&event.body));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn retention_removes_a_segment_and_keeps_what_waits_or_is_dead() {
    each_ledger_sealed_too("expired", async |ledger, url| {
        let [applied, ignored, dead] = three("old");
        together(&ledger, &[&applied, &ignored, &dead]).await;
        let retries = Retries { distances: vec![Duration::from_mins(1)], claim: Duration::from_secs(5) };
        let fails = envelope("evt_fails", "tidegate.failpoint.panic", 0, &json!({}));
        let failed = isolated::handle(&ledger, &fails, &retries, clock::now(), &mut Mark::default()).await;
        assert!(matches!(failed.unwrap(), IsolatedOutcome::Failed { outcome: "waiting", .. }));
        let cutoff = clock::now();
        let later = three("new");
        together(&ledger, &later.iter().collect::<Vec<_>>()).await;
        assert_eq!(count(&url, SEGMENTS).await, 3);

        assert_eq!(whole_round(&ledger, cutoff - Duration::from_mins(1)).await, 0, "nothing has expired yet");
        assert_eq!(whole_round(&ledger, cutoff).await, 2);
        assert_eq!((count(&url, SEGMENTS).await, count(&url, OWN).await), (1, 2));
        assert_eq!((body(&ledger, &applied).await, body(&ledger, &ignored).await), (None, None));
        for kept in later.iter().chain([&dead, &fails]) {
            assert_eq!(body(&ledger, kept).await.as_ref(), Some(&kept.body), "{}", kept.header.id);
        }
        let right = verified(&ledger).await;
        assert!(right.is_right(), "what retention removed is no loss: {right:#?}");
        assert_eq!(right.with_bytes, 5);

        // They are as good as before: a replay reads the one, the retry the other.
        let chosen = [&dead, &applied].map(|event| Chosen { key: key(event), brought: None });
        let told = look_ahead(&ledger, &chosen, Cards::Shown).await.unwrap();
        assert_eq!((told.would_fail.len(), told.without_bytes), (1, 1));
        let due = ledger.due(clock::now() + Duration::from_secs(90), 10).await.unwrap().pop().unwrap();
        assert_eq!(due.envelope().unwrap().body, fails.body);

        // Once they are dealt with, they go too.
        let again = clock::now() + Duration::from_mins(2);
        isolated::handle(&ledger, &fails, &retries, again, &mut Mark::default()).await.unwrap();
        let letters = [the_event(&ledger, "evt_fails").await, the_event(&ledger, &dead.header.id).await];
        assert!(letters.iter().all(|letter| letter.outcome.as_str() == "dead"));
        assert_eq!(whole_round(&ledger, cutoff).await, 0, "a dead letter is kept however old it is");
        let jane = Person::named("jane").unwrap();
        assert_eq!(discard(&ledger, &letters, "a test", &jane, clock::now()).await.unwrap(), 2);
        assert_eq!(whole_round(&ledger, cutoff).await, 2);
        assert_eq!(count(&url, OWN).await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_byte_is_found_and_named_and_harms_no_other_segment() {
    each_ledger_sealed_too("flipped", async |ledger, url| {
        let (hit, other) = (three("hit"), three("other"));
        together(&ledger, &hit.iter().collect::<Vec<_>>()).await;
        together(&ledger, &other.iter().collect::<Vec<_>>()).await;
        let number = flip_a_byte(&url).await;

        let refused = ledger.body(&key(&hit[0])).await.unwrap_err();
        assert!(matches!(refused, LedgerError::Segment { number: found, fault: Fault::Checksum } if found == number));
        let words = refused.to_string();
        assert!(words.contains(&format!("segment {number} is damaged")) && words.contains("A damaged segment"), "{words}");
        for whole in &other {
            assert_eq!(body(&ledger, whole).await.as_ref(), Some(&whole.body));
        }
        let found = verified(&ledger).await;
        let [damaged] = &found.damaged_segments[..] else { panic!("{found:#?}") };
        let mut ids: Vec<String> = hit.iter().map(|event| event.header.id.clone()).collect();
        let mut named = damaged.events.clone();
        ids.sort();
        named.sort();
        assert!(!found.is_right() && damaged.segment == number && named == ids, "{damaged:?}");
        assert_eq!((found.with_bytes, found.damaged.len()), (3, 0));

        let mut tx = ledger.read().await.unwrap();
        let rebuilt = rebuild(&ledger, &mut tx, 1, &mut |_, _| {}).await.unwrap();
        assert!(rebuilt.damaged_segments.contains(&number) && rebuilt.events == 1);
        drop(tx);
        // What cannot be read is not removed as if it were done with; what can, is.
        assert_eq!(whole_round(&ledger, clock::now()).await, 2);
        assert_eq!((count(&url, SEGMENTS).await, count(&url, OWN).await), (1, 1));
        assert!(ledger.body(&key(&hit[0])).await.is_err());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_segment_that_is_lost_before_its_time_is_found() {
    each_ledger_sealed_too("lost", async |ledger, url| {
        let events = three("lost");
        together(&ledger, &events.iter().collect::<Vec<_>>()).await;
        assert!(verified(&ledger).await.is_right());
        tamper(&url, "DELETE FROM segments").await;
        let found = verified(&ledger).await;
        assert!(!found.is_right() && found.without_segment.len() == 3, "{found:#?}");
        assert_eq!(body(&ledger, &events[0]).await, None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_from_before_segments_are_read_rebuilt_and_removed() {
    each_ledger_sealed_too("before", async |ledger, url| {
        let events = three("before");
        together(&ledger, &events.iter().collect::<Vec<_>>()).await;
        as_before_segments(&ledger, &url, &events).await;
        for event in &events {
            assert_eq!(body(&ledger, event).await.as_ref(), Some(&event.body));
        }
        let found = verified(&ledger).await;
        assert!(found.is_right() && found.with_bytes == 3, "{found:#?}");
        let mut tx = ledger.read().await.unwrap();
        let rebuilt = rebuild(&ledger, &mut tx, 1, &mut |_, _| {}).await.unwrap();
        assert!(compare(&mut tx, &rebuilt).await.unwrap().differences.is_empty() && rebuilt.events == 1);
        drop(tx);
        together(&ledger, &three("after").iter().collect::<Vec<_>>()).await;
        assert_eq!(whole_round(&ledger, clock::now()).await, 4);
        assert_eq!((count(&url, SEGMENTS).await, count(&url, OWN).await), (0, 2), "the dead stay");
    })
    .await;
}

/// The same rows as an older version wrote them.
async fn as_before_segments(ledger: &Ledger, url: &str, events: &[Envelope]) {
    let mut bodies: Vec<(EventKey, Bytes)> =
        events.iter().map(|event| (key(event), event.body.clone())).collect();
    bodies.sort_by(|a, b| a.0.cmp(&b.0));
    let mut tx = ledger.begin().await.unwrap();
    tx.keep_bodies(&bodies).await.unwrap();
    tx.commit().await.unwrap();
    tamper(url, "UPDATE events SET segment = NULL, place = NULL").await;
    tamper(url, "DELETE FROM segments").await;
}

/// In the middle of the oldest segment, whose number it gives.
async fn flip_a_byte(url: &str) -> i64 {
    const OLDEST: &str = "SELECT number, content FROM segments ORDER BY number LIMIT 1";
    const CHANGE: &str = "UPDATE segments SET content = $1 WHERE number = $2";
    let flipped = |mut content: Vec<u8>| {
        let middle = content.len() / 2;
        content[middle] ^= 1;
        content
    };
    if let Some(path) = url.strip_prefix("sqlite:") {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
        let mut connection = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
        let row = connection.fetch_one(OLDEST).await.unwrap();
        let (number, content) = (row.get::<i64, _>(0), flipped(row.get(1)));
        sqlx::query(CHANGE).bind(content).bind(number).execute(&mut connection).await.unwrap();
        return number;
    }
    let mut connection = sqlx::PgConnection::connect(url).await.unwrap();
    let row = connection.fetch_one(OLDEST).await.unwrap();
    let (number, content) = (row.get::<i64, _>(0), flipped(row.get(1)));
    sqlx::query(CHANGE).bind(content).bind(number).execute(&mut connection).await.unwrap();
    number
}
