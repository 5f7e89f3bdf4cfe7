//! Money that is owed back, and money for what nobody put: until it is settled, somebody is told of it.

use desk::actor::{Actor, KnownBy};
use desk::acts::operations::{approve, cancel, lapse};
use domain::operations::{Operation, OperationState};
use domain::permissions::Role;
use ledger::Ledger;
use marketplace::acts::put::{Put, put};
use marketplace::acts::remove;
use marketplace::terms::LISTING_FEE;
use serde_json::json;
use shared::clock;

use super::shop::{Shop, homepage, hours, key, manager};
use crate::ledgers::each_ledger;

const OWED: &str = "owed_and_not_given_back";

fn open(kind: &str) -> [(String, String); 1] {
    [(kind.to_owned(), "open".to_owned())]
}

/// Paid twice: the second, and the refund of it that was asked for.
async fn paid_twice(shop: &Shop) -> (String, Operation) {
    shop.put("lst_1", "Housing").await.unwrap();
    shop.pays_directly("lst_1", LISTING_FEE, 500, "usd");
    shop.stripe.passes(5);
    let second = shop.pays_directly("lst_1", LISTING_FEE, 500, "usd");
    shop.settles().await;
    let operation = shop.given_back(&second).await.unwrap();
    assert_eq!(operation.state, OperationState::Approved);
    (second, operation)
}

async fn write(ledger: &Ledger, operation: &Operation, is_new: bool) {
    let mut tx = ledger.begin().await.unwrap();
    if is_new {
        tx.insert_operation(operation).await.unwrap();
    } else {
        tx.lock_operation(operation.id()).await.unwrap();
        tx.write_operation(operation).await.unwrap();
    }
    tx.commit().await.unwrap();
}

/// No event comes, and nobody touches the listing: the end of the refund is what is told.
#[tokio::test(flavor = "multi_thread")]
async fn money_whose_refund_a_person_stops_or_lets_lapse_is_a_finding() {
    for end in ["canceled", "rejected", "lapsed"] {
        each_ledger(&format!("refund_{end}"), async |ledger, _| {
            let shop = Shop::open(ledger.clone()).await;
            let now = clock::now();
            let operation = if end == "canceled" {
                let (_, operation) = paid_twice(&shop).await;
                cancel::cancel(&ledger, operation.id(), "no", &manager(), now).await.unwrap()
            } else {
                shop.put("lst_1", "Housing").await.unwrap();
                let fee = shop.pays_directly("lst_1", LISTING_FEE, 500, "usd");
                shop.settles().await;
                let later = now + hours(30);
                remove::reject(&ledger, &key("lst_1"), "spam", &manager(), later).await.unwrap();
                shop.kept_at(later).await;
                let operation = shop.given_back(&fee).await.unwrap();
                assert_eq!(operation.state, OperationState::NeedsApproval);
                let joe = Actor::known("joe", [Role::BillingManager].into(), KnownBy::Session, false);
                if end == "rejected" {
                    approve::reject(&ledger, operation.id(), "no", &joe, later).await.unwrap()
                } else {
                    let over = later + hours(24 * 60);
                    assert_eq!(lapse::lapse_expired(&ledger, over).await.unwrap(), 1);
                    ledger.read().await.unwrap().operation(operation.id()).await.unwrap().unwrap()
                }
            };
            assert_eq!(operation.state.as_str(), end);
            assert!(shop.findings().await.is_empty());
            shop.kept_at(now + hours(24 * 90)).await;
            assert_eq!(shop.findings().await, open(OWED), "{end}");
            let payment = operation.payment.unwrap();
            shop.refunds(&payment);
            shop.settles().await;
            assert!(shop.findings().await.is_empty(), "it went back");
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn money_whose_refund_succeeds_and_fails_later_is_a_finding() {
    each_ledger("refund_fails", async |ledger, _| {
        let shop = Shop::open(ledger.clone()).await;
        let (second, operation) = paid_twice(&shop).await;
        let made = shop.stripe.ask("POST", "/refunds", &json!({ "payment_intent": second })).unwrap();
        let refund = made["id"].as_str().unwrap().to_owned();
        let sent = Operation {
            state: OperationState::Succeeded,
            stripe_id: Some(refund.clone()),
            ..ledger.read().await.unwrap().operation(operation.id()).await.unwrap().unwrap()
        };
        write(&ledger, &sent, false).await;
        shop.settles().await;
        assert_eq!(shop.verdicts("lst_1").await, ["granted", "gone"]);
        assert!(shop.findings().await.is_empty());
        let path = format!("/refunds/{refund}");
        shop.stripe.admin("POST", &path, &json!({ "status": "failed", "livemode": true })).unwrap();
        shop.stripe.passes(5);
        shop.settles().await;
        assert_eq!(shop.verdicts("lst_1").await, ["granted", "owed paid_twice"]);
        assert_eq!(shop.findings().await, open(OWED), "nothing else follows by itself");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_refunds_that_were_asked_for_the_one_that_is_alive_counts() {
    each_ledger("refund_alive", async |ledger, _| {
        let shop = Shop::open(ledger.clone()).await;
        let (second, alive) = paid_twice(&shop).await;
        let of = |number: i64, id: String| Operation {
            key: alive.key.sibling(&id),
            state: OperationState::Refused,
            requested_at: alive.requested_at + chrono::TimeDelta::seconds(number),
            ..alive.clone()
        };
        for number in 1..=100 {
            write(&ledger, &of(-number, format!("op_before{number}")), true).await;
        }
        assert_eq!(shop.given_back(&second).await.unwrap().id(), alive.id(), "the newest are read");
        write(&ledger, &of(1, "op_after".to_owned()), true).await;
        assert_eq!(shop.given_back(&second).await.unwrap().id(), alive.id(), "one that is alive counts");
        shop.kept_at(clock::now()).await;
        assert!(shop.findings().await.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn money_for_a_listing_that_was_never_put_is_a_finding_until_it_is_put() {
    each_ledger("never_put", async |ledger, _| {
        let shop = Shop::open(ledger).await;
        let now = clock::now();
        shop.pays_directly("lst_8", LISTING_FEE, 500, "usd");
        shop.settles().await;
        shop.kept_at(now + hours(1)).await;
        assert!(shop.findings().await.is_empty(), "whoever keeps no goods is told nothing of them");

        shop.put("lst_1", "Free stuff").await.unwrap();
        shop.stripe.passes(5);
        shop.pays_directly("lst_9", LISTING_FEE, 500, "usd");
        shop.settles().await;
        assert!(shop.findings().await.is_empty(), "it may be put in a moment");
        shop.kept_at(now + hours(1)).await;
        assert_eq!(shop.findings().await, open("paid_for_no_goods"));
        let wanted = Put {
            key: key("lst_9"),
            user: "user_1".to_owned(),
            category: "Housing".to_owned(),
            currency: "usd".to_owned(),
        };
        put(&shop.ledger, &wanted, &homepage(), now + hours(1)).await.unwrap();
        shop.kept_at(now + hours(1)).await;
        assert!(shop.findings().await.is_empty());
        assert_eq!(shop.status("lst_9").await, "active");
    })
    .await;
}
