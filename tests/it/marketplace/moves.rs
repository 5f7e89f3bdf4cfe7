//! A listing comes into another category, or is put again: what it costs then, and what becomes of what was paid before.

use chrono::{DateTime, Utc};
use marketplace::acts::put::{Put, put};
use marketplace::acts::set_term::{NewTerm, set_term};
use marketplace::terms::{BUMP, FEATURED, LISTING_FEE};
use marketplace::view::ListingView;
use marketplace::{State, check};
use shared::clock;

use super::shop::{Shop, hours, key, manager};
use crate::ledgers::each_ledger;

async fn puts(shop: &Shop, category: &str, currency: &str, at: DateTime<Utc>) -> ListingView {
    let wanted = Put {
        key: key("lst_1"),
        user: "user_1".to_owned(),
        category: category.to_owned(),
        currency: currency.to_owned(),
    };
    put(&shop.ledger, &wanted, &manager(), at).await.unwrap()
}

async fn costs(shop: &Shop, category: &str, currency: &str, value: i64, at: DateTime<Utc>) {
    let term = NewTerm {
        name: format!("{LISTING_FEE}.{category}"),
        currency: currency.to_owned(),
        value,
        reason: "a test".to_owned(),
    };
    set_term(&shop.ledger, &term, &manager(), at).await.unwrap();
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cheap {
    /// The secret of the cheap category is paid after the listing left it.
    PaidAfter,
    /// It is paid before that, and told after it.
    ToldAfter,
    /// The homepage's own intent names the cheap category.
    Direct,
    /// The same number in another currency.
    Currency,
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fee_of_a_cheap_category_buys_no_dear_one() {
    for cheap in [Cheap::PaidAfter, Cheap::ToldAfter, Cheap::Direct, Cheap::Currency] {
        each_ledger(&format!("cheap_{cheap:?}").to_lowercase(), async |ledger, _| {
            let shop = Shop::open(ledger).await;
            let now = clock::now();
            costs(&shop, "Motorcycles", "jpy", 300, now).await;
            puts(&shop, "Motorcycles", "usd", now).await;
            let fee = shop.ask("lst_1", LISTING_FEE).await.unwrap();
            let to = if cheap == Cheap::Currency { ("Motorcycles", "jpy") } else { ("Jobs", "usd") };
            match cheap {
                Cheap::ToldAfter => {
                    shop.pays(&fee);
                    puts(&shop, to.0, to.1, clock::now()).await;
                }
                Cheap::PaidAfter | Cheap::Currency => {
                    puts(&shop, to.0, to.1, clock::now()).await;
                    shop.pays(&fee);
                }
                Cheap::Direct => {
                    puts(&shop, to.0, to.1, clock::now()).await;
                    // It says that it is for housing.
                    shop.pays_directly("lst_1", LISTING_FEE, 500, "usd");
                }
            }
            shop.settles().await;
            assert_eq!(shop.status("lst_1").await, "pending_payment", "{cheap:?}");
            let wrong = if cheap == Cheap::Currency { "currency" } else { "amount" };
            assert!(shop.verdicts("lst_1").await.contains(&format!("wrong {wrong}")), "{cheap:?}");
            assert_eq!(shop.findings().await, [(format!("paid_wrong_{wrong}"), "open".to_owned())]);
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fee_that_is_the_price_of_the_other_category_too_goes_with_the_listing() {
    each_ledger("moved_with_its_fee", async |ledger, _| {
        let shop = Shop::open(ledger).await;
        let now = clock::now();
        puts(&shop, "Housing", "usd", now - hours(2)).await;
        costs(&shop, "Housing", "usd", 700, now - hours(1)).await;
        let fee = shop.ask("lst_1", LISTING_FEE).await.unwrap();
        assert_eq!(fee.amount, 500, "the price of the moment at which it was put");
        shop.pays(&fee);
        shop.settles().await;
        assert_eq!(shop.status("lst_1").await, "active");
        assert_eq!(puts(&shop, "Boats", "usd", clock::now()).await.listing.status.as_str(), "active");
        shop.settles().await;
        assert_eq!(
            (shop.status("lst_1").await, shop.verdicts("lst_1").await),
            ("active", vec!["granted".to_owned()])
        );
        costs(&shop, "Boats", "eur", 500, clock::now()).await;
        let wanted = Put {
            key: key("lst_1"),
            user: "user_1".to_owned(),
            category: "Boats".to_owned(),
            currency: "eur".to_owned(),
        };
        let refused = put(&shop.ledger, &wanted, &manager(), clock::now()).await.unwrap_err();
        assert_eq!(refused.code(), "already_paid", "dollars are no euros");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fee_is_that_of_the_moment_at_which_the_listing_comes_into_its_category() {
    each_ledger("moved_after_a_term", async |ledger, _| {
        let shop = Shop::open(ledger).await;
        let now = clock::now();
        puts(&shop, "Housing", "usd", now - hours(2)).await;
        costs(&shop, "Lofts", "usd", 500, now - hours(1)).await;
        let moved = puts(&shop, "Lofts", "usd", now).await.listing;
        assert_eq!((moved.status, moved.fee), (State::PendingPayment, 500), "lofts were free two hours ago");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_free_listing_keeps_its_time_when_it_moves_and_its_promotions_when_it_is_put_again() {
    each_ledger("free_moves", async |ledger, _| {
        let shop = Shop::open(ledger).await;
        let now = clock::now();
        let put = puts(&shop, "Free stuff", "usd", now - hours(1)).await;
        shop.pays_directly("lst_1", FEATURED, 500, "usd");
        shop.stripe.passes(1);
        shop.pays_directly("lst_1", BUMP, 200, "usd");
        shop.settles().await;
        assert_eq!(shop.verdicts("lst_1").await, ["granted", "granted"]);
        let moved = puts(&shop, "Lost and found", "usd", now + hours(1)).await;
        assert_eq!(moved.listing.expires_at, put.listing.expires_at, "it goes on as it was");
        // Its time is over, and it is put again: first where it is, then elsewhere.
        for (category, days) in [("Lost and found", 31), ("Free stuff", 62)] {
            let then = now + hours(24 * days);
            let again = puts(&shop, category, "usd", then).await;
            assert_eq!(again.listing.status, State::Active);
            let expires_at = again.listing.expires_at.unwrap();
            assert!((expires_at - then - hours(24 * 30)).num_seconds().abs() <= 1, "{expires_at}");
            shop.kept_at(then).await;
            assert_eq!(
                shop.verdicts("lst_1").await,
                ["granted", "granted"],
                "what was used is not given back"
            );
        }
        assert!(shop.findings().await.is_empty());
        let mut tx = shop.ledger.read().await.unwrap();
        assert!(check::check(&mut tx).await.unwrap().differ.is_empty());
    })
    .await;
}
