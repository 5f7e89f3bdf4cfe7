//! What goes wrong with one listing, one checkout or one worker stops no other.

use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::{DateTime, Utc};
use desk::acts::operations::NotDone;
use desk::goods::{Keep, keep_all};
use domain::Key;
use domain::checkouts::{Checkout, CheckoutState};
use domain::fulfilments::Money;
use domain::goods::Goods;
use fake_stripe::Fault;
use ledger::views::page::Part;
use ledger::{Ledger, LedgerError};
use marketplace::acts::remove;
use marketplace::terms::LISTING_FEE;
use marketplace::view::{ListingFilter, list};
use marketplace::{KEEPERS, check};
use shared::{Pending, clock};

use super::shop::{Shop, alone, homepage, hours, key, manager};
use crate::ledgers::each_ledger;

async fn write(ledger: &Ledger, id: &str, change: impl FnOnce(&mut Goods)) {
    let mut tx = ledger.begin().await.unwrap();
    let mut goods = tx.lock_goods(&key(id)).await.unwrap().unwrap();
    change(&mut goods);
    tx.write_goods(&goods).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_whose_record_cannot_be_read_is_left_alone_and_says_so() {
    each_ledger("unreadable", async |ledger, _| {
        let shop = Shop::open(ledger.clone()).await;
        let (now, later) = (clock::now(), clock::now() + hours(24 * 31));
        for id in ["lst_1", "lst_2"] {
            shop.put(id, "Housing").await.unwrap();
            shop.pays_directly(id, LISTING_FEE, 500, "usd");
        }
        shop.settles().await;
        let goods = async |id| ledger.read().await.unwrap().goods(&key(id)).await.unwrap().unwrap();
        let whole = goods("lst_1").await;
        write(&ledger, "lst_1", |goods| goods.record = "{\"category\":".to_owned()).await;
        let broken = goods("lst_1").await;

        assert_eq!(shop.put("lst_1", "Free stuff").await.unwrap_err().code(), "listing_unreadable");
        assert_eq!(shop.ask("lst_1", LISTING_FEE).await.unwrap_err().code(), "listing_unreadable");
        let rejected = remove::reject(&ledger, &key("lst_1"), "spam", &manager(), now).await;
        assert_eq!(rejected.unwrap_err().code(), "listing_unreadable");
        let deleted = remove::delete(&ledger, &key("lst_1"), "user_1", &homepage(), now).await;
        assert_eq!(deleted.unwrap_err().code(), "listing_unreadable");

        // Both are over: one is looked at, of the other it is told that it cannot be, once a minute.
        let pass = keep_all(&ledger, KEEPERS, &alone, later).await.unwrap();
        assert_eq!((pass.kept, pass.failed.len()), (2, 1));
        assert!(pass.failed[0].1.contains("listing lst_1 cannot be read"), "{}", pass.failed[0].1);
        assert_eq!(keep_all(&ledger, KEEPERS, &alone, later).await.unwrap().kept, 0);
        let again = keep_all(&ledger, KEEPERS, &alone, later + hours(1)).await.unwrap();
        assert_eq!((again.kept, again.failed.len()), (1, 1));
        assert_eq!(goods("lst_2").await.told_state, "expired");
        assert_eq!(goods("lst_1").await, broken, "nothing is written to it");

        let view = shop.listing_at("lst_1", now).await.listing;
        assert!(view.says.contains("cannot be read"), "{}", view.says);
        assert_eq!((view.status.as_str(), view.category_id.as_str()), ("active", "housing"), "as it stood");
        let mut tx = ledger.read().await.unwrap();
        let filter = ListingFilter { user: Some("user_1".to_owned()), ..ListingFilter::default() };
        let page = list(&mut tx, &filter, &Part::first(10), now).await.unwrap();
        assert!(page.rows.iter().any(|row| row.key.id == "lst_1" && row.says == view.says));
        let checked = check::check(&mut tx).await.unwrap();
        drop(tx);
        assert_eq!((checked.listings, checked.unreadable.len()), (2, 1));
        check::repair(&ledger, &checked, later).await.unwrap();
        assert_eq!(goods("lst_1").await, broken);

        write(&ledger, "lst_1", |goods| goods.record.clone_from(&whole.record)).await;
        shop.kept_at(later + hours(2)).await;
        assert_eq!(goods("lst_1").await.told_state, "expired");
    })
    .await;
}

/// A keeper of which one of the goods breaks a rule of the ledger.
fn breaks<'a>(
    ledger: &'a Ledger,
    key: &'a Key,
    _: DateTime<Utc>,
) -> Pending<'a, Result<Option<DateTime<Utc>>, NotDone>> {
    Box::pin(async move {
        if key.id == "lst_1" {
            let mut tx = ledger.begin().await?;
            tx.write_checkout(&Checkout { amount: -1, ..Checkout::default() }).await?;
        }
        Ok(None)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_one_of_the_goods_is_no_error_of_the_next() {
    const BREAKS: &[Keep] = &[breaks];
    each_ledger("one_fails", async |ledger, _| {
        let shop = Shop::open(ledger.clone()).await;
        shop.put("lst_1", "Housing").await.unwrap();
        shop.put("lst_2", "Housing").await.unwrap();
        let pass = keep_all(&ledger, BREAKS, &alone, clock::now()).await.unwrap();
        let failed: Vec<&str> = pass.failed.iter().map(|failed| failed.0.id.as_str()).collect();
        assert_eq!((pass.kept, failed), (2, vec!["lst_1"]));
        ledger.close().await;
        assert!(keep_all(&ledger, BREAKS, &alone, clock::now()).await.is_err(), "the ledger is away");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_looks_asks_before_each_of_the_goods_whether_it_still_may() {
    each_ledger("lease_of_goods", async |ledger, _| {
        let shop = Shop::open(ledger.clone()).await;
        for id in ["lst_1", "lst_2", "lst_3"] {
            shop.put(id, "Free stuff").await.unwrap();
        }
        let asked = AtomicUsize::new(0);
        let goes_on = || {
            let may = asked.fetch_add(1, Ordering::Relaxed) < 2;
            Box::pin(async move { Ok::<_, LedgerError>(may) }) as Pending<'_, _>
        };
        let pass = keep_all(&ledger, KEEPERS, &goes_on, clock::now()).await.unwrap();
        assert_eq!((pass.kept, asked.load(Ordering::Relaxed)), (2, 3), "another worker has taken over");
        assert_eq!(keep_all(&ledger, KEEPERS, &alone, clock::now()).await.unwrap().kept, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_comes_late_takes_away_no_newer_change() {
    each_ledger("late_worker", async |ledger, _| {
        let noted = async || {
            let mut tx = ledger.begin().await.unwrap();
            tx.note_goods(&[key("lst_1")].into()).await.unwrap();
            tx.commit().await.unwrap();
            let mut tx = ledger.read().await.unwrap();
            tx.changed_goods(clock::now(), 10).await.unwrap().pop().unwrap()
        };
        let seen = async |change: &ledger::tables::goods::Changed, again_at| {
            let mut tx = ledger.begin().await.unwrap();
            tx.goods_seen(change, again_at).await.unwrap();
            tx.commit().await.unwrap();
            let mut tx = ledger.read().await.unwrap();
            tx.changed_goods(clock::now(), 10).await.unwrap()
        };
        let first = noted().await;
        assert_eq!(seen(&first, None).await, []);
        let second = noted().await;
        for again_at in [None, Some(clock::now() + hours(1))] {
            assert_eq!(
                seen(&first, again_at).await,
                std::slice::from_ref(&second),
                "it has seen the first only"
            );
        }
        assert_eq!(seen(&second, None).await, []);
    })
    .await;
}

/// An open checkout of housing, and the listing is among jobs since.
async fn to_be_replaced(shop: &Shop, id: &str) -> String {
    shop.put(id, "Housing").await.unwrap();
    let cheap = shop.ask(id, LISTING_FEE).await.unwrap();
    shop.put(id, "Jobs").await.unwrap();
    cheap.payment_intent
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_that_stripe_keeps_when_it_cancels_blocks_nobody() {
    each_ledger("cancel_fails", async |ledger, _| {
        let shop = Shop::open(ledger).await;
        for (id, fault) in [("lst_1", Fault::Trouble(500)), ("lst_2", Fault::TroubleAfter(500))] {
            let cheap = to_be_replaced(&shop, id).await;
            shop.stripe.fails_at(&format!("POST /v1/payment_intents/{cheap}/cancel"), [fault]);
            assert_eq!(
                shop.ask(id, LISTING_FEE).await.unwrap_err().code(),
                "stripe_unavailable",
                "{fault:?}"
            );
            assert_eq!(shop.ask(id, LISTING_FEE).await.unwrap().amount, 1_000, "{fault:?}");
        }
        // Refused, and neither paid nor canceled.
        let cheap = to_be_replaced(&shop, "lst_3").await;
        shop.stripe.denies([format!("/payment_intents/{cheap}/cancel").as_str()]);
        assert_eq!(shop.ask("lst_3", LISTING_FEE).await.unwrap_err().code(), "stripe_unavailable");
        shop.stripe.denies([]);
        assert_eq!(shop.ask("lst_3", LISTING_FEE).await.unwrap().amount, 1_000);
        // Paid meanwhile, it stands.
        let cheap = to_be_replaced(&shop, "lst_4").await;
        shop.pays_intent(&cheap);
        assert_eq!(shop.ask("lst_4", LISTING_FEE).await.unwrap_err().code(), "already_paid");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkout_that_stripe_does_not_know_is_put_off() {
    each_ledger("no_such_intent", async |ledger, _| {
        let shop = Shop::open(ledger.clone()).await;
        shop.put("lst_1", "Housing").await.unwrap();
        let fee = shop.ask("lst_1", LISTING_FEE).await.unwrap();
        shop.stripe.forget("", &fee.payment_intent);
        let later = clock::now() + hours(1);
        let due = async |at| ledger.read().await.unwrap().due_checkouts(true, at, 10).await.unwrap();
        let [checkout] = &due(later).await[..] else { panic!("one is due") };
        let looked = shop.till.look(&ledger, &shop.queue, checkout, later).await;
        assert_eq!(looked.unwrap_err().code(), "refused_by_stripe");
        assert!(due(later).await.is_empty(), "it is put off");
        let [again] = &due(later + hours(2)).await[..] else { panic!("and looked at again") };
        assert_eq!((again.looks, again.state), (1, CheckoutState::Open));
        let mut tx = ledger.read().await.unwrap();
        assert!(tx.fulfilments(&key("lst_1")).await.unwrap().iter().all(|it| it.money == Money::Awaited));
    })
    .await;
}
