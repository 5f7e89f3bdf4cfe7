//! The second example of goods: what a merchant writes to add some of their own, run and counted.

use desk::goods::keep_all;
use domain::goods::Goods;
use domain::operations::OperationState;
use harness::binaries::workspace;
use serde_json::json;
use shared::clock;
use stripe_sim::Random;

use super::evenings;
use super::shop::{Shop, key};
use crate::ledgers::each_ledger;

#[tokio::test(flavor = "multi_thread")]
async fn the_third_who_pays_for_two_seats_gets_the_money_back() {
    each_ledger("evenings", async |ledger, _| {
        let shop = Shop::open(ledger.clone()).await;
        let mut tx = ledger.begin().await.unwrap();
        let evening = Goods {
            key: key("evening_1"),
            kind: "evening".to_owned(),
            record: "{}".to_owned(),
            ..Goods::default()
        };
        tx.write_goods(&evening).await.unwrap();
        tx.commit().await.unwrap();
        let mut late = String::new();
        for guest in ["ann", "bob", "cid"] {
            let made = shop.stripe.ask(
                "POST",
                "/payment_intents",
                &json!({ "amount": 1500, "currency": "usd", "metadata": { "listing_id": "evening_1",
                    "user_id": guest, "payment_type": "seat" } }),
            );
            late = made.unwrap()["id"].as_str().unwrap().to_owned();
            shop.pays_intent(&late);
            shop.stripe.passes(10);
        }
        for seed in [1, 2] {
            shop.arrive(shop.told(), &mut Random::of_seed(seed)).await;
            while keep_all(&ledger, evenings::KEEPERS, clock::now()).await.unwrap().kept > 0 {}
        }
        let mut tx = ledger.read().await.unwrap();
        let evening = tx.goods(&key("evening_1")).await.unwrap().unwrap();
        assert_eq!(evening.derived, r#"["ann","bob"]"#);
        let back = shop.given_back(&late).await.unwrap();
        assert_eq!((back.state, back.amount), (OperationState::Approved, 1_500));
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
