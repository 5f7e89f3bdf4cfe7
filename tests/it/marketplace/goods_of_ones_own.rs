//! The second example of goods: what a merchant writes to add some of their own, run and counted.

use desk::acts::operations::cancel::cancel;
use desk::goods::keep_all;
use domain::goods::Goods;
use domain::operations::OperationState;
use harness::binaries::workspace;
use ledger::Ledger;
use serde_json::json;
use shared::clock;
use stripe_sim::Random;

use super::evenings;
use super::shop::{Shop, alone, key, manager};
use crate::ledgers::each_ledger;

async fn evening(ledger: &Ledger) {
    let mut tx = ledger.begin().await.unwrap();
    let evening = Goods {
        key: key("evening_1"),
        kind: "evening".to_owned(),
        record: "{}".to_owned(),
        ..Goods::default()
    };
    tx.write_goods(&evening).await.unwrap();
    tx.commit().await.unwrap();
}

/// Paid, and a moment later than the one before.
fn seat(shop: &Shop, guest: &str) -> String {
    let made = shop.stripe.ask(
        "POST",
        "/payment_intents",
        &json!({ "amount": 1500, "currency": "usd", "metadata": { "listing_id": "evening_1",
            "user_id": guest, "payment_type": "seat" } }),
    );
    let intent = made.unwrap()["id"].as_str().unwrap().to_owned();
    shop.pays_intent(&intent);
    shop.stripe.passes(10);
    intent
}

#[tokio::test(flavor = "multi_thread")]
async fn the_third_who_pays_for_two_seats_gets_the_money_back() {
    each_ledger("evenings", async |ledger, _| {
        let shop = Shop::open(ledger.clone()).await;
        evening(&ledger).await;
        let [_, _, late] = ["ann", "bob", "cid"].map(|guest| seat(&shop, guest));
        for seed in [1, 2] {
            shop.arrive(shop.told(), &mut Random::of_seed(seed)).await;
            while keep_all(&ledger, evenings::KEEPERS, &alone, clock::now()).await.unwrap().kept > 0 {}
        }
        let mut tx = ledger.read().await.unwrap();
        let evening = tx.goods(&key("evening_1")).await.unwrap().unwrap();
        assert_eq!(evening.derived, r#"["ann","bob"]"#);
        let back = shop.given_back(&late).await.unwrap();
        assert_eq!((back.state, back.amount), (OperationState::Approved, 1_500));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seat_that_was_asked_back_stays_so_and_one_that_is_not_given_back_is_a_finding() {
    each_ledger("evenings_trouble", async |ledger, _| {
        let shop = Shop::open(ledger.clone()).await;
        evening(&ledger).await;
        let keeps = async || {
            shop.arrive(shop.told(), &mut Random::of_seed(1)).await;
            while keep_all(&ledger, evenings::KEEPERS, &alone, clock::now()).await.unwrap().kept > 0 {}
            ledger.read().await.unwrap().goods(&key("evening_1")).await.unwrap().unwrap().derived
        };
        let [_, bob, cid] = ["ann", "bob", "cid"].map(|guest| seat(&shop, guest));
        assert_eq!(keeps().await, r#"["ann","bob"]"#);
        let asked = shop.given_back(&cid).await.unwrap();
        // A seat is free again, and the next who pays has it: the money of the third is on its way back.
        shop.refunds(&bob);
        let dan = seat(&shop, "dan");
        assert_eq!(keeps().await, r#"["ann","dan"]"#);
        assert!(shop.given_back(&dan).await.is_none());
        assert!(shop.findings().await.is_empty());
        cancel(&ledger, asked.id(), "a mistake", &manager(), clock::now()).await.unwrap();
        assert_eq!(keeps().await, r#"["ann","cid"]"#, "nothing of the third goes back any more");
        let late = shop.given_back(&dan).await.unwrap();
        cancel(&ledger, late.id(), "a mistake", &manager(), clock::now()).await.unwrap();
        keeps().await;
        assert_eq!(shop.findings().await, [("seat_not_given_back".to_owned(), "open".to_owned())]);
        shop.refunds(&dan);
        keeps().await;
        assert!(shop.findings().await.is_empty());
    })
    .await;
}

#[test]
fn the_page_shows_the_example_as_it_runs_and_counts_its_lines() {
    let code = std::fs::read_to_string(workspace().join("tests/it/marketplace/evenings.rs")).unwrap();
    let page = std::fs::read_to_string(workspace().join("docs/marketplace.md")).unwrap();
    let own = code.split_once("pub(crate) const").unwrap().1;
    assert!(page.contains(own), "docs/marketplace.md shows another example than the one that is tested");
    let lines = code.lines().filter(|line| !line.trim().is_empty() && !line.trim().starts_with("//")).count();
    assert!(page.contains(&format!("{lines} lines")), "it has {lines} lines of code");
}
