//! What the fraud desk costs an event, beside what the event costs without it.

use std::time::Instant;

use chrono::{DateTime, TimeDelta};
use envelope::Envelope;
use harness::histories::SampleEvent;
use harness::stories::Stories;
use sqlx::{Connection, PgConnection};

use super::look_through;
use crate::ledgers::{each_ledger, together};

const EVENTS: usize = 4_096;
const ROUNDS: u64 = 7;

async fn postgres(url: &str) -> Option<PgConnection> {
    if url.starts_with("postgres") { Some(PgConnection::connect(url).await.unwrap()) } else { None }
}

/// Batches of 64 are applied, with the note that each leaves; then the desk looks at all of them.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "prints figures: cargo test --workspace --release --test it -- --ignored --nocapture what_the_fraud_desk_costs"]
async fn what_the_fraud_desk_costs() {
    let took = std::sync::Mutex::new(Vec::new());
    for round in 0..ROUNDS {
        let (events, _) = Stories::of_seed(40 + round).in_mode(true).history(EVENTS);
        let events: Vec<Envelope> = events.iter().take(EVENTS).map(SampleEvent::envelope).collect();
        let last = events.iter().map(|event| event.header.created).max().unwrap();
        let now = DateTime::from_timestamp(last, 0).unwrap() + TimeDelta::hours(1);
        each_ledger(&format!("fraud_cost_{round}"), async |ledger, url| {
            let begun = Instant::now();
            for batch in events.chunks(64) {
                together(&ledger, &batch.iter().collect::<Vec<_>>()).await;
            }
            let applied = begun.elapsed();
            if let Some(mut postgres) = postgres(&url).await {
                // As autovacuum does where a ledger has been in use for a while.
                sqlx::query("ANALYZE").execute(&mut postgres).await.unwrap();
            }
            let begun = Instant::now();
            look_through(&ledger, now).await;
            let kind = url.split(':').next().unwrap().to_owned();
            took.lock().unwrap().push((
                kind,
                applied.as_secs_f64(),
                begun.elapsed().as_secs_f64(),
                events.len(),
            ));
        })
        .await;
    }
    let took = took.into_inner().unwrap();
    for kind in ["sqlite", "postgres"] {
        let median = |of: fn(&(String, f64, f64, usize)) -> f64| {
            let mut values: Vec<f64> = took.iter().filter(|it| it.0 == kind).map(of).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let each = |of: fn(&(String, f64, f64, usize)) -> f64| median(of) * 1e6 / took[0].3 as f64;
        let (applied, looked) = (each(|it| it.1), each(|it| it.2));
        println!(
            "{kind}: {applied:.1} µs an event to apply it, {looked:.1} for the fraud desk to look at it, ratio {:.3}",
            (applied + looked) / applied
        );
    }
}
