//! The worker's own looks at checkouts, as a process.

use domain::checkouts::Checkout;
use harness::process_guard::{ProcessGuard, until};
use harness::stack::Combination;
use ledger::views::search::Whose;
use marketplace::acts::pay::{Shop as Selling, ask};
use marketplace::acts::put::{Put, put};
use marketplace::terms::LISTING_FEE;
use marketplace::view::ListingView;
use serde_json::json;
use shared::clock;

use super::shop::{homepage, hours, key, queue_in, till_of};
use crate::executor::scene::{PATIENCE, Scene};

#[tokio::test(flavor = "multi_thread")]
async fn a_checkout_that_stripe_does_not_know_keeps_no_other_from_being_looked_at() {
    let scene = Scene::begin(Combination::SqliteSqlite).await;
    // A till of this process, beside the same ledger.
    let folder = ProcessGuard::new("till", rustix::process::Signal::KILL).unwrap();
    let (queue, till) = (queue_in(&folder).await, till_of(&scene.stripe));
    let selling = Selling { ledger: &scene.ledger, queue: &queue, till: &till };
    let mut intents = Vec::new();
    for id in ["lst_1", "lst_2"] {
        let wanted = Put {
            key: key(id),
            user: "user_1".to_owned(),
            category: "Housing".to_owned(),
            currency: "usd".to_owned(),
        };
        put(&scene.ledger, &wanted, &homepage(), clock::now()).await.unwrap();
        let fee = ask(selling, &key(id), LISTING_FEE, "user_1", &homepage(), clock::now()).await.unwrap();
        intents.push(fee.payment_intent);
    }
    scene.stripe.forget("", &intents[0]);
    let path = format!("/payment_intents/{}/confirm", intents[1]);
    scene.stripe.ask("POST", &path, &json!({ "payment_method": "pm_card_visa" })).unwrap();
    for (id, ago) in [("lst_1", 2), ("lst_2", 1)] {
        let mut tx = scene.ledger.begin().await.unwrap();
        let checkout = tx.checkouts_of(&key(id)).await.unwrap().pop().unwrap();
        let due = Checkout { look_at: Some(clock::now() - hours(ago)), ..checkout };
        tx.write_checkout(&due).await.unwrap();
        tx.commit().await.unwrap();
    }
    let active = until("the second to be found in Stripe", PATIENCE, async || {
        let mut tx = scene.ledger.read().await?;
        let found = ListingView::read(&mut tx, "lst_2", &Whose::default(), clock::now()).await?;
        Ok(found.iter().all(|view| view.listing.status.as_str() == "active"))
    });
    assert!(active.await.is_ok(), "{}", scene.stack.logs());
    scene.end().await;
}
