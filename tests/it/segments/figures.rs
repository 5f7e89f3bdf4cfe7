//! What segments weigh: a bound that a test holds, and the figures of docs/adr/0032, which it prints when asked.

use std::path::PathBuf;

use domain::event::EventKey;
use envelope::Envelope;
use harness::histories::SampleEvent;
use harness::postgres::Postgres;
use harness::stories::Stories;

use super::{count, key};
use crate::attempts::tamper;
use crate::ledgers::{each_ledger, open, together};

const PACKED_BYTES: &str = "SELECT CAST(sum(length(content)) AS BIGINT) FROM segments";
const WAL: &str = "SELECT CAST(pg_current_wal_insert_lsn() - '0/0'::pg_lsn AS BIGINT)";
const COPY: &str =
    "INSERT INTO segments SELECT -number, recorded_at, events, checksum, content FROM segments";
const EVENTS: usize = 2_560;

fn events(seed: u64, count: usize) -> Vec<Envelope> {
    let (events, _) = Stories::of_seed(seed).in_mode(true).history(count);
    events.iter().take(count).map(SampleEvent::envelope).collect()
}

fn bytes(events: &[Envelope]) -> i64 {
    i64::try_from(events.iter().map(|event| event.body.len()).sum::<usize>()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_event_is_small_and_those_of_a_batch_are_smaller() {
    each_ledger("weight", async |ledger, url| {
        let (alone, batch) = (events(5, 40), events(6, 64));
        for event in &alone {
            together(&ledger, &[event]).await;
        }
        let packed = count(&url, PACKED_BYTES).await;
        assert!(packed * 100 < bytes(&alone) * 40, "{packed} of {}", bytes(&alone));
        together(&ledger, &batch.iter().collect::<Vec<_>>()).await;
        let packed = count(&url, PACKED_BYTES).await - packed;
        assert!(packed * 100 < bytes(&batch) * 20, "{packed} of {}", bytes(&batch));
    })
    .await;
}

/// `cargo test --workspace --test it -- --ignored --nocapture figures::what_segments_save`
#[tokio::test(flavor = "multi_thread")]
#[ignore = "prints the figures of ADR 32: cargo test --workspace --test it -- --ignored --nocapture figures::what_segments_save"]
async fn what_segments_save() {
    let events = events(9, EVENTS);
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    let each = |bytes: i64| bytes as f64 / events.len() as f64;
    println!("{} events, {:.0} bytes each", events.len(), each(bytes(&events)));
    for batch in [1, 64, 256] {
        let url = Postgres::shared().await.ledger(&format!("figures_{batch}")).await.unwrap();
        let ledger = open(&url).await;
        let before = count(&url, WAL).await;
        for events in events.chunks(batch) {
            together(&ledger, &events.iter().collect::<Vec<_>>()).await;
        }
        let all = count(&url, WAL).await - before;
        // The same segments again, and the same bodies in their own rows, as they were before segments.
        let before = count(&url, WAL).await;
        tamper(&url, COPY).await;
        let segments = count(&url, WAL).await - before;
        let before = count(&url, WAL).await;
        for events in events.chunks(batch) {
            let mut bodies: Vec<(EventKey, _)> =
                events.iter().map(|event| (key(event), event.body.clone())).collect();
            bodies.sort_by(|a, b| a.0.cmp(&b.0));
            let mut tx = ledger.begin().await.unwrap();
            tx.keep_bodies(&bodies).await.unwrap();
            tx.commit().await.unwrap();
        }
        let rows = count(&url, WAL).await - before;
        let packed = count(&url, PACKED_BYTES).await / 2;
        let on_disk = count(&url, "SELECT pg_total_relation_size('segments')").await / 2;
        let rows_on_disk = count(&url, "SELECT pg_total_relation_size('bodies')").await;
        println!(
            "batches of {batch}: packed {:.0}; WAL of an event {:.0}, of these for bodies {:.0}, in their own rows {:.0}; \
             on disk {:.0}, in their own rows {:.0}",
            each(packed),
            each(all),
            each(segments),
            each(rows),
            each(on_disk),
            each(rows_on_disk)
        );
        ledger.close().await;
    }
}

/// The bodies of a batch and of single events as files, for `zstd -b1e3 -D ledger/src/segment/dictionary_1.txt`.
#[test]
#[ignore = "writes bodies for zstd to measure: cargo test --workspace --test it -- --ignored figures::bodies_are_written"]
fn bodies_are_written() {
    let folder: PathBuf = std::env::temp_dir().join("bodies");
    std::fs::create_dir_all(&folder).unwrap();
    for (number, event) in events(9, EVENTS).iter().enumerate() {
        std::fs::write(folder.join(format!("{number:04}")), &event.body).unwrap();
    }
}
