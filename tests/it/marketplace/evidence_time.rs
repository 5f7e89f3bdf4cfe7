//! A listing that was taken away is kept as evidence, and then it is removed: for good, and never while money of it is
//! owed or disputed, or a hold stands.

use chrono::{DateTime, Utc};
use desk::acts::{Person, holds};
use desk::goods::keep_all;
use domain::goods::Goods;
use domain::operations::OperationState;
use harness::process_guard::until;
use harness::stack::Combination;
use ledger::Ledger;
use ledger::views::page::Part;
use ledger::views::search::Whose;
use marketplace::acts::put::{Put, put};
use marketplace::acts::remove;
use marketplace::acts::set_term::{NewTerm, set_term};
use marketplace::terms::LISTING_FEE;
use marketplace::view::{ListingFilter, ListingView, list};
use marketplace::{KEEPERS, State, check};
use serde_json::json;
use shared::clock;
use stripe_sim::Random;

use super::shop::{Shop, alone, homepage, hours, key, manager};
use crate::executor::scene::{PATIENCE, Scene};
use crate::ledgers::each_ledger;

const DAY: i64 = 24;

async fn row(ledger: &Ledger, id: &str) -> Goods {
    ledger.read().await.unwrap().goods(&key(id)).await.unwrap().unwrap()
}

async fn is_removed(shop: &Shop, id: &str) -> bool {
    row(&shop.ledger, id).await.is_removed()
}

/// Paid by a checkout, active, and deleted by its owner.
async fn deleted(shop: &Shop, id: &str) -> String {
    shop.put(id, "Housing").await.unwrap();
    let fee = shop.ask(id, LISTING_FEE).await.unwrap();
    shop.pays(&fee);
    shop.settles().await;
    shop.delete(id).await;
    shop.settles().await;
    fee.payment_intent
}

fn charge_of(shop: &Shop, intent: &str) -> String {
    let charges = shop.stripe.all("", "charge").into_iter();
    let charge = charges.into_iter().find(|charge| charge["payment_intent"] == intent).unwrap();
    charge["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn after_90_days_nothing_of_a_deleted_listing_names_its_user_and_its_payments_stay() {
    each_ledger("evidence_ends", async |ledger, _| {
        let shop = Shop::open(ledger.clone()).await;
        let now = clock::now();
        let fee = deleted(&shop, "lst_1").await;
        let unpaid = shop.put("lst_2", "Housing").await.unwrap().listing.key;
        shop.ask("lst_2", LISTING_FEE).await.unwrap();
        remove::reject(&ledger, &unpaid, "spam", &manager(), now).await.unwrap();

        shop.kept_at(now + hours(89 * DAY)).await;
        let kept = shop.listing_at("lst_1", now + hours(89 * DAY)).await.listing;
        assert_eq!((kept.status, kept.user_id.as_str()), (State::Deleted, "user_1"));
        assert!(kept.says.contains("It is kept as evidence until"), "{}", kept.says);
        assert_eq!((kept.kept_until.unwrap() - kept.deleted.unwrap().at).num_days(), 90);

        let later = now + hours(91 * DAY);
        let pass = keep_all(&ledger, KEEPERS, &alone, later).await.unwrap();
        assert_eq!((pass.kept, pass.removed, pass.failed.len()), (2, 2, 0));
        assert_eq!(keep_all(&ledger, KEEPERS, &alone, later).await.unwrap().kept, 0);
        for id in ["lst_1", "lst_2"] {
            let left = format!("{:?}", row(&ledger, id).await);
            for word in ["user_1", "ousing", "spam", "mona"] {
                assert!(!left.contains(word), "{word} is left: {left}");
            }
        }
        let mut tx = ledger.read().await.unwrap();
        for id in ["lst_1", "lst_2"] {
            let checkouts = tx.checkouts_of(&key(id)).await.unwrap();
            assert_eq!(checkouts.len(), 1);
            let of: Vec<(&str, &str)> =
                checkouts.iter().map(|it| (it.user_id.as_str(), it.label.as_str())).collect();
            assert_eq!(of, [("", "")]);
        }
        assert!(tx.due_checkouts(true, later, 10).await.unwrap().is_empty(), "Stripe is not asked any more");
        // What payments say stays.
        let paid = tx.fulfilments(&key("lst_1")).await.unwrap();
        assert_eq!(
            (paid[0].payment.id.as_str(), paid[0].amount, paid[0].user.as_deref()),
            (fee.as_str(), 500, Some("user_1"))
        );
        // Nobody finds it any more, in no list and by no id.
        let page = list(&mut tx, &ListingFilter::default(), &Part::first(10), later).await.unwrap();
        assert_eq!(page.rows.len(), 0);
        assert!(ListingView::read(&mut tx, "lst_1", &Whose::default(), later).await.unwrap().is_empty());
        // The audit says so, and its chain goes on.
        let lines = ledger.audit_of("goods", &key("lst_1")).await.unwrap();
        let last = lines.last().unwrap();
        assert_eq!(
            (last.before.as_deref(), last.after.as_deref(), last.actor.as_str()),
            (Some("deleted"), Some("removed"), "tidegate")
        );
        assert!(check::check(&mut tx).await.unwrap().differ.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_stays_removed_after_late_events_a_rebuild_and_the_homepages_own_word() {
    each_ledger("evidence_stays_gone", async |ledger, _| {
        let shop = Shop::open(ledger.clone()).await;
        let (now, later) = (clock::now(), clock::now() + hours(91 * DAY));
        shop.put("lst_1", "Housing").await.unwrap();
        shop.pays_directly("lst_1", LISTING_FEE, 500, "usd");
        // What Stripe told is kept, to come once more.
        let events = shop.told();
        shop.arrive(events.clone(), &mut Random::of_seed(1)).await;
        shop.kept_at(now).await;
        shop.delete("lst_1").await;
        shop.kept_at(later).await;
        let left = row(&ledger, "lst_1").await;
        assert!(left.is_removed());

        shop.arrive(events, &mut Random::of_seed(2)).await;
        let mut tx = ledger.begin().await.unwrap();
        tx.note_goods(&[key("lst_1")].into()).await.unwrap();
        tx.commit().await.unwrap();
        shop.kept_at(later).await;
        assert_eq!(row(&ledger, "lst_1").await, left);
        assert!(shop.findings().await.is_empty(), "the fee was earned");

        // Somebody puts a name back behind our back: a rebuild finds it.
        let mut tx = ledger.begin().await.unwrap();
        let changed =
            Goods { user_id: "user_1".to_owned(), ..tx.lock_goods(&key("lst_1")).await.unwrap().unwrap() };
        tx.write_goods(&changed).await.unwrap();
        tx.commit().await.unwrap();
        let checked = check::check(&mut ledger.read().await.unwrap()).await.unwrap();
        assert_eq!((checked.listings, checked.differ.len()), (1, 1));
        check::repair(&ledger, &checked, later).await.unwrap();
        assert_eq!(row(&ledger, "lst_1").await, left);

        let wanted = Put {
            key: key("lst_1"),
            user: "user_2".to_owned(),
            category: "Housing".to_owned(),
            currency: "usd".to_owned(),
        };
        assert_eq!(put(&ledger, &wanted, &homepage(), later).await.unwrap_err().code(), "listing_removed");
        assert_eq!(shop.ask("lst_1", LISTING_FEE).await.unwrap_err().code(), "listing_removed");
        let rejected = remove::reject(&ledger, &key("lst_1"), "spam", &manager(), later).await;
        assert_eq!(rejected.unwrap_err().code(), "listing_removed");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_payment_for_a_removed_listing_goes_back_and_a_refund_that_fails_is_a_finding() {
    each_ledger("evidence_late_money", async |ledger, _| {
        let shop = Shop::open(ledger.clone()).await;
        let later = clock::now() + hours(91 * DAY);
        shop.put("lst_1", "Housing").await.unwrap();
        let fee = shop.pays_directly("lst_1", LISTING_FEE, 500, "usd");
        let refund = shop.stripe.ask("POST", "/refunds", &json!({ "payment_intent": fee })).unwrap();
        shop.settles().await;
        shop.delete("lst_1").await;
        shop.kept_at(later).await;
        assert!(is_removed(&shop, "lst_1").await);

        let late = shop.pays_directly("lst_1", LISTING_FEE, 500, "usd");
        shop.settles().await;
        shop.kept_at(later).await;
        let back = shop.given_back(&late).await.unwrap();
        assert_eq!((back.state, back.amount), (OperationState::Approved, 500));
        assert!(back.note.unwrap().contains("listing lst_1 was removed before"));
        assert!(shop.given_back(&fee).await.is_none() && shop.findings().await.is_empty());

        let path = format!("/refunds/{}", refund["id"].as_str().unwrap());
        shop.stripe.admin("POST", &path, &json!({ "status": "failed", "livemode": true })).unwrap();
        shop.stripe.passes(5);
        shop.settles().await;
        shop.kept_at(later).await;
        let back = shop.given_back(&fee).await.expect("it is owed again");
        desk::acts::operations::cancel::cancel(&ledger, back.id(), "no", &manager(), later).await.unwrap();
        shop.kept_at(later).await;
        assert_eq!(shop.findings().await, [("owed_and_not_given_back".to_owned(), "open".to_owned())]);
        assert!(is_removed(&shop, "lst_1").await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence_stays_while_a_hold_is_on_anything_of_it() {
    each_ledger("evidence_on_hold", async |ledger, _| {
        let shop = Shop::open(ledger.clone()).await;
        let fee = deleted(&shop, "lst_1").await;
        let charge = charge_of(&shop, &fee);
        let person = Person::named("mona").unwrap();
        let mut moment = clock::now() + hours(91 * DAY);
        for held in ["lst_1", "user_1", fee.as_str(), charge.as_str()] {
            holds::place(&ledger, held, "lawsuit", &person, moment).await.unwrap();
            shop.kept_at(moment).await;
            assert!(!is_removed(&shop, "lst_1").await, "{held} is on hold");
            assert_eq!(
                row(&ledger, "lst_1").await.turns_at,
                Some(moment + hours(DAY)),
                "and looked at daily"
            );
            holds::lift(&ledger, held, "settled", &person, moment).await.unwrap();
            moment += hours(DAY);
        }
        shop.kept_at(moment).await;
        assert!(is_removed(&shop, "lst_1").await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence_stays_while_a_payment_is_disputed_and_90_days_after() {
    for inquiry in [false, true] {
        each_ledger("evidence_disputed", async |ledger, _| {
            let shop = Shop::open(ledger.clone()).await;
            let fee = deleted(&shop, "lst_1").await;
            let wanted = json!({ "charge": charge_of(&shop, &fee), "inquiry": inquiry, "livemode": true });
            let dispute = shop.stripe.admin("POST", "/disputes", &wanted).unwrap();
            shop.settles().await;
            let after = |days: i64| clock::now() + hours(days * DAY);
            shop.kept_at(after(91)).await;
            assert!(!is_removed(&shop, "lst_1").await, "inquiry: {inquiry}");
            // It ends ten days later.
            shop.stripe.passes(10 * 86_400);
            let path = format!("/disputes/{}", dispute["id"].as_str().unwrap());
            shop.stripe.admin("POST", &path, &json!({ "status": "won", "livemode": true })).unwrap();
            shop.settles().await;
            shop.kept_at(after(98)).await;
            assert!(!is_removed(&shop, "lst_1").await, "it may be taken up again");
            shop.kept_at(after(102)).await;
            assert!(is_removed(&shop, "lst_1").await, "inquiry: {inquiry}");
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence_stays_while_money_is_owed_or_nobody_has_decided_about_it() {
    each_ledger("evidence_owed", async |ledger, _| {
        let shop = Shop::open(ledger.clone()).await;
        let (now, later) = (clock::now(), clock::now() + hours(91 * DAY));
        for id in ["lst_1", "lst_2"] {
            shop.put(id, "Housing").await.unwrap();
        }
        let fee = shop.pays_directly("lst_1", LISTING_FEE, 500, "usd");
        let wrong = shop.pays_directly("lst_2", LISTING_FEE, 501, "usd");
        shop.settles().await;
        remove::reject(&ledger, &key("lst_1"), "spam", &manager(), now).await.unwrap();
        shop.delete("lst_2").await;
        shop.settles().await;
        assert!(shop.given_back(&fee).await.is_some(), "the refund is on its way");
        shop.kept_at(later).await;
        assert!(!is_removed(&shop, "lst_1").await && !is_removed(&shop, "lst_2").await);
        shop.refunds(&fee);
        shop.refunds(&wrong);
        shop.settles().await;
        shop.kept_at(later + hours(2 * DAY)).await;
        assert!(is_removed(&shop, "lst_1").await && is_removed(&shop, "lst_2").await);
        assert!(shop.findings().await.is_empty());
    })
    .await;
}

async fn sets(ledger: &Ledger, days: i64, now: DateTime<Utc>) -> Result<(), &'static str> {
    let term = NewTerm {
        name: "listing_evidence_days".to_owned(),
        currency: String::new(),
        value: days,
        reason: "the lawyer says so".to_owned(),
    };
    set_term(ledger, &term, &manager(), now).await.map(|_| ()).map_err(|refused| refused.code())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_longer_time_counts_for_what_is_still_there() {
    each_ledger("evidence_term", async |ledger, _| {
        let shop = Shop::open(ledger.clone()).await;
        let now = clock::now();
        deleted(&shop, "lst_1").await;
        assert_eq!(sets(&ledger, 29, now).await, Err("invalid_term"));
        sets(&ledger, 120, now + hours(80 * DAY)).await.unwrap();
        shop.kept_at(now + hours(119 * DAY)).await;
        assert!(!is_removed(&shop, "lst_1").await);
        shop.kept_at(now + hours(121 * DAY)).await;
        assert!(is_removed(&shop, "lst_1").await);
        let mut ledger_says = ledger.gauges(now + hours(200 * DAY), now).await.unwrap();
        assert_eq!(ledger_says.goods_due_since.take(), None, "nothing is due any more");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_workers_chore_removes_what_was_taken_away_long_ago_and_counts_it() {
    let mut scene = Scene::begin(Combination::SqliteSqlite).await;
    let before = clock::now() - hours(91 * DAY);
    let wanted = Put {
        key: key("lst_1"),
        user: "user_1".to_owned(),
        category: "Free stuff".to_owned(),
        currency: "usd".to_owned(),
    };
    put(&scene.ledger, &wanted, &homepage(), before).await.unwrap();
    remove::delete(&scene.ledger, &key("lst_1"), "user_1", &homepage(), before).await.unwrap();
    let name = scene.stack.names()[0];
    let mut metrics = String::new();
    let counted = until("the listing to be removed", PATIENCE, async || {
        metrics = scene.stack.metrics(name).await?;
        let is_late = !metrics.contains("tidegate_goods_due_since_timestamp_seconds 0");
        Ok(metrics.contains("tidegate_goods_removed_total 1") && !is_late)
    });
    assert!(counted.await.is_ok(), "{}", scene.stack.logs());
    assert!(row(&scene.ledger, "lst_1").await.is_removed());
    scene.end().await;
}
