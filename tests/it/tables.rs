//! The tables and the objects agree: a row that was only touched is the placeholder that the rules begin
//! with, and what is written is what is read.

use domain::bans::{Act, Ban};
use domain::charges::{Card, Charge};
use domain::disputes::{Dispute, Status};
use domain::event::Content;
use domain::freshness::Freshness;
use domain::moments::Moment;
use domain::{Key, Object, each_kind};
use envelope::Envelope;
use harness::postgres::Postgres;
use ledger::Ledger;
use serde_json::json;
use shared::clock;
use stripe_sim::Random;

use crate::attempts::tamper;
use crate::ledgers::{each_ledger, envelope, open, the_event, together};

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_was_only_touched_is_a_placeholder() {
    each_ledger("placeholders", async |ledger, _| {
        each_kind!(|Row| locked::<Row>(&ledger).await);
    })
    .await;
}

async fn locked<T: Object>(ledger: &Ledger) {
    let key = Key { id: "x_1".to_owned(), account: "acct_1".to_owned(), livemode: true };
    let mut tx = ledger.begin().await.unwrap();
    let first = tx.lock_rows::<T>(std::slice::from_ref(&key)).await.unwrap();
    assert!(first.rows == [T::placeholder(key.clone())] && first.new == [key.clone()], "{}", T::TABLE);
    let again = tx.lock_rows::<T>(&[key]).await.unwrap();
    assert!(again.rows == first.rows && again.new.is_empty(), "{}: the table says the same", T::TABLE);
    tx.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_is_what_is_read() {
    each_ledger("round_trip", async |ledger, _| {
        let mut random = Random::of_seed(11);
        let freshness = Freshness::of(1, 1_780_000_000, 200, 3, random.number());
        let mut charge = Charge::placeholder(key());
        charge.state.amount = 1_000_000_000_000_000;
        charge.card =
            Card { card_last4: Some("4242".to_owned()), card_exp_month: Some(4), ..Card::default() };
        charge.card_freshness = freshness;
        charge.payment.see(Some("pi_\u{e9}"), freshness);
        charge.captured_at = Moment::told(clock::now());
        charge.refund_reported_at = Moment::estimated(clock::now());
        written(&ledger, charge).await;
        let mut dispute = Dispute::placeholder(key());
        (dispute.status, dispute.inquiry, dispute.fees) = (Status::UnderReview, true, -1500);
        dispute.seen.freshness = freshness;
        written(&ledger, dispute).await;
        let mut ban = Ban::placeholder(key());
        (ban.override_act, ban.override_until, ban.revision) = (Act::Lift, Some(clock::now()), 7);
        written(&ledger, ban).await;
    })
    .await;
}

/// Postgres moves parts of long rows to a second table, which costs as much as the row did.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_postgres_stays_with_its_key_where_a_page_has_room() {
    const TWICE: &str = "SELECT count(*) FROM segments WHERE pg_column_compression(content) IS NOT NULL";
    let url = Postgres::shared().await.ledger("pages").await.unwrap();
    let ledger = open(&url).await;
    let moved = async || {
        const BYTES: &str = "SELECT pg_relation_size(reltoastrelid) FROM pg_class WHERE relname = 'bodies'";
        harness::ledger::Ledger::at(&url).count(BYTES).await.unwrap()
    };
    let of_bytes = |id: &str, bytes: u64| {
        let mut random = Random::of_seed(bytes);
        let noise: Vec<String> = (0..bytes / 16).map(|_| format!("{:016x}", random.number())).collect();
        envelope(id, "quantum.leap", 0, &json!({ "noise": noise.concat() }))
    };
    let kept = async |events: &[Envelope]| {
        let bodies = events.iter().map(|event| (Content::of(event).key, event.body.clone()));
        let mut tx = ledger.begin().await.unwrap();
        tx.keep_bodies(&bodies.collect::<Vec<_>>()).await.unwrap();
        tx.commit().await.unwrap();
    };
    let usual = [of_bytes("evt_1", 1_000), of_bytes("evt_2", 3_000), of_bytes("evt_3", 7_000)];
    let large = of_bytes("evt_4", 40_000);
    together(&ledger, &usual.iter().chain([&large]).collect::<Vec<_>>()).await;
    kept(&usual).await;
    assert_eq!(moved().await, 0);
    kept(std::slice::from_ref(&large)).await;
    assert!(moved().await > 0, "what no page holds is kept all the same");
    let twice = harness::ledger::Ledger::at(&url).count(TWICE).await.unwrap();
    assert_eq!(twice, 0, "a segment is compressed already");
    tamper(&url, "DELETE FROM segments").await;
    for event in usual.iter().chain([&large]) {
        let key = the_event(&ledger, &event.header.id).await.key();
        assert_eq!(ledger.body(&key).await.unwrap().as_deref(), Some(&event.body[..]));
    }
    ledger.close().await;
}

fn key() -> Key {
    Key { id: "x_1".to_owned(), account: String::new(), livemode: false }
}

async fn written<T: Object>(ledger: &Ledger, row: T) {
    let mut tx = ledger.begin().await.unwrap();
    tx.lock_rows::<T>(std::slice::from_ref(row.key())).await.unwrap();
    tx.write(&[&row]).await.unwrap();
    tx.commit().await.unwrap();
    assert!(ledger.find::<T>("x_1").await.unwrap() == [row], "{}", T::TABLE);
}
