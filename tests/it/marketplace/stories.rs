//! The stories of a marketplace as whoever runs one tells them: its flows, its troubles, its past, and how it recovers. What
//! else is told of them: one intent whatever goes wrong at Stripe, a double payment, a lost webhook (`acts.rs`); a refund
//! that nobody can give (`owed.rs`); processes killed while many buy (`races.rs`).

use domain::operations::OperationState;
use fake_stripe::{Delivering, FakeStripe, Fault};
use harness::empty_ledger;
use harness::process_guard::{ProcessGuard, until};
use harness::stack::{Combination, Stack};
use ledger::Ledger;
use ledger::views::search::Whose;
use marketplace::acts::pay::{Shop as Selling, ToPay, ask};
use marketplace::acts::put::{Put, put};
use marketplace::acts::remove;
use marketplace::terms::{BUMP, FEATURED, LISTING_FEE};
use marketplace::view::ListingView;
use serde_json::{Value, json};
use shared::clock;

use super::shop::{Shop, homepage, hours, key, queue_in, till_of};
use crate::executor::scene::{PATIENCE, Scene};
use crate::ledgers::{each_ledger, open};

#[tokio::test(flavor = "multi_thread")]
async fn flow_1_a_listing_is_posted_with_a_fee_and_active_for_30_days() {
    each_ledger("flow_1", async |ledger, _| {
        let shop = Shop::open(ledger).await;
        let posted = shop.put("lst_1", "Motorcycles").await.unwrap();
        assert_eq!((posted.listing.status.as_str(), posted.listing.fee), ("pending_payment", 300));
        let fee = shop.ask("lst_1", LISTING_FEE).await.unwrap();
        let intent = shop.stripe.all("", "payment_intent").pop().unwrap();
        for (name, value) in [
            ("listing_id", "lst_1"),
            ("user_id", "user_1"),
            ("category_id", "Motorcycles"),
            ("payment_type", "listing_fee"),
        ] {
            assert_eq!(intent["metadata"][name], value, "{name}");
        }
        assert_eq!(shop.status("lst_1").await, "pending_payment", "until the money is here");
        shop.pays(&fee);
        shop.settles().await;
        let active = shop.listing("lst_1").await.listing;
        assert_eq!(active.status.as_str(), "active");
        assert_eq!((active.expires_at.unwrap() - active.active_from.unwrap()).num_days(), 30);
        // A free category takes no payment.
        let without = shop.put("lst_2", "For sale").await.unwrap().listing;
        assert_eq!((without.status.as_str(), without.fee), ("active", 0));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn flow_2_a_listing_is_featured_for_7_days_and_then_is_not() {
    each_ledger("flow_2", async |ledger, _| {
        let shop = Shop::open(ledger).await;
        shop.put("lst_1", "For sale").await.unwrap();
        shop.stripe.passes(5);
        let featured = shop.ask("lst_1", FEATURED).await.unwrap();
        assert_eq!(featured.amount, 500);
        assert!(!shop.listing("lst_1").await.listing.is_featured);
        shop.pays(&featured);
        shop.settles().await;
        let now = clock::now();
        let shown = async |days: i64| shop.listing_at("lst_1", now + hours(24 * days)).await.listing;
        assert!(shown(0).await.is_featured && shown(6).await.is_featured);
        let later = shown(8).await;
        assert_eq!((later.is_featured, later.status.as_str()), (false, "active"), "the promotion ends alone");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn flow_3_a_listing_is_bumped_to_the_top_once_in_24_hours() {
    each_ledger("flow_3", async |ledger, _| {
        let shop = Shop::open(ledger.clone()).await;
        for id in ["lst_1", "lst_2"] {
            shop.put(id, "For sale").await.unwrap();
        }
        shop.stripe.passes(5);
        let bump = shop.ask("lst_1", BUMP).await.unwrap();
        assert_eq!(bump.amount, 200);
        shop.pays(&bump);
        shop.settles().await;
        let filter = marketplace::view::ListingFilter {
            state: Some(marketplace::State::Active),
            ..marketplace::view::ListingFilter::default()
        };
        let mut tx = ledger.read().await.unwrap();
        let part = ledger::views::page::Part::first(10);
        let page = marketplace::view::list(&mut tx, &filter, &part, clock::now()).await.unwrap();
        let order: Vec<&str> = page.rows.iter().map(|row| row.key.id.as_str()).collect();
        assert_eq!(order, ["lst_1", "lst_2"], "the older one is on top");
        drop(tx);
        let intents = shop.stripe.all("", "payment_intent").len();
        let refused = shop.ask("lst_1", BUMP).await.unwrap_err();
        assert_eq!(
            (refused.code(), shop.stripe.all("", "payment_intent").len()),
            ("bumped_too_soon", intents)
        );
        assert_eq!(shop.ask_at("lst_1", BUMP, clock::now() + hours(25)).await.unwrap().amount, 200);
    })
    .await;
}

/// The product beside a Stripe that tells it everything.
async fn market() -> Scene {
    let scene = Scene::begin(Combination::SqliteSqlite).await;
    tells(&scene.stripe, &scene.stack);
    scene
}

fn tells(stripe: &FakeStripe, stack: &Stack) {
    let url = format!("http://{}/webhooks/stripe", stack.gateway());
    stripe.delivers_to(&url, stack.secret());
    stripe.delivers(Delivering { twice_percent: 0, lost_percent: 0, ..Delivering::default() });
}

async fn posts(ledger: &Ledger, id: &str) {
    let wanted = Put {
        key: key(id),
        user: "user_1".to_owned(),
        category: "Housing".to_owned(),
        currency: "usd".to_owned(),
    };
    put(ledger, &wanted, &homepage(), clock::now()).await.unwrap();
}

async fn asks(ledger: &Ledger, stripe: &FakeStripe, id: &str, what: &str) -> ToPay {
    let folder = ProcessGuard::new("till", rustix::process::Signal::KILL).unwrap();
    let (queue, till) = (queue_in(&folder).await, till_of(stripe));
    let selling = Selling { ledger, queue: &queue, till: &till };
    ask(selling, &key(id), what, "user_1", &homepage(), clock::now()).await.unwrap()
}

fn pays(stripe: &FakeStripe, to_pay: &ToPay) {
    let path = format!("/payment_intents/{}/confirm", to_pay.payment_intent);
    stripe.ask("POST", &path, &json!({ "payment_method": "pm_card_visa" })).unwrap();
}

async fn view(ledger: &Ledger, id: &str) -> ListingView {
    let mut tx = ledger.read().await.unwrap();
    ListingView::read(&mut tx, id, &Whose::default(), clock::now()).await.unwrap().pop().unwrap()
}

/// Waits until a listing stands so, and says so.
async fn says(ledger: &Ledger, stack: &Stack, id: &str, words: &str) {
    let said = until("a listing to say so", PATIENCE, async || {
        let view = view(ledger, id).await;
        Ok(view.listing.says.contains(words) || view.payments.iter().any(|paid| paid.says.contains(words)))
    });
    assert!(said.await.is_ok(), "{:?}\n{}", view(ledger, id).await, stack.logs());
}

/// Posted and paid for, told by webhook.
async fn sold(scene: &Scene, id: &str) -> ToPay {
    posts(&scene.ledger, id).await;
    let fee = asks(&scene.ledger, &scene.stripe, id, LISTING_FEE).await;
    pays(&scene.stripe, &fee);
    says(&scene.ledger, &scene.stack, id, "It is shown until").await;
    fee
}

fn refunds_of(stripe: &FakeStripe, intent: &str) -> Vec<Value> {
    { stripe.all("", "refund").into_iter() }.filter(|refund| refund["payment_intent"] == intent).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn flow_4_moderation_rejects_a_listing_and_its_fee_is_refunded_by_itself() {
    let scene = market().await;
    let fee = sold(&scene, "lst_1").await;
    remove::reject(&scene.ledger, &key("lst_1"), "prohibited", &homepage(), clock::now()).await.unwrap();
    says(&scene.ledger, &scene.stack, "lst_1", "5.00 USD was paid, and went back.").await;
    let [refund] = &refunds_of(&scene.stripe, &fee.payment_intent)[..] else { panic!("one refund") };
    assert_eq!((&refund["amount"], &refund["status"]), (&json!(500), &json!("succeeded")));
    let paid = view(&scene.ledger, "lst_1").await.payments.pop().unwrap();
    let operation = scene.operation(&paid.refund_operation.unwrap()).await;
    assert_eq!(
        (operation.state, operation.reason.as_str()),
        (OperationState::Succeeded, "moderation_rejection")
    );
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn troubleshooting_a_listing_that_is_paid_and_not_active_says_why() {
    each_ledger("paid_not_active", async |ledger, _| {
        let shop = Shop::open(ledger).await;
        for id in ["lst_1", "lst_2", "lst_3", "lst_4"] {
            shop.put(id, "Housing").await.unwrap();
        }
        shop.pays_directly("lst_1", LISTING_FEE, 300, "usd");
        shop.pays_directly("lst_2", LISTING_FEE, 500, "eur");
        shop.pays_directly("lst_3", "listing", 500, "usd");
        let disputed = shop.pays_directly("lst_4", LISTING_FEE, 500, "usd");
        let charge = { shop.stripe.all("", "charge").into_iter() }
            .find(|charge| charge["payment_intent"] == disputed.as_str())
            .unwrap();
        shop.stripe.admin("POST", "/disputes", &json!({ "charge": charge["id"], "livemode": true })).unwrap();
        shop.settles().await;
        for (id, says) in [
            ("lst_1", "3.00 USD grants nothing: a person decides"),
            ("lst_2", "5.00 EUR grants nothing: a person decides"),
            ("lst_3", "5.00 USD grants nothing: a person decides"),
            ("lst_4", "5.00 USD is disputed: it grants nothing until that is decided"),
        ] {
            let view = shop.listing(id).await;
            assert_eq!(view.listing.status.as_str(), "pending_payment", "{id}");
            assert!(view.payments[0].says.contains(says), "{id}: {}", view.payments[0].says);
        }
        let kinds: Vec<String> = shop.findings().await.into_iter().map(|(kind, _)| kind).collect();
        assert_eq!(kinds, ["paid_for_nothing", "paid_wrong_amount", "paid_wrong_currency"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn backfill_brings_the_payments_of_listings_from_before() {
    let scene = Scene::begin(Combination::SqliteSqlite).await;
    // The homepage sold listings before there was a Tidegate: nobody told it of the payments.
    let old = scene.stripe.ask(
        "POST",
        "/payment_intents",
        &json!({ "amount": 500, "currency": "usd", "payment_method": "pm_card_visa", "confirm": true, "metadata": {
            "listing_id": "lst_old", "user_id": "user_1", "category_id": "Housing", "payment_type": "listing_fee" } }),
    );
    let paid_at = old.unwrap()["created"].as_i64().unwrap();
    let settings = scene.stripe.settings();
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let output = scene.stack.run(&["backfill", "--since", "2d", "--json"], &settings);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // It puts what it shows: the listing is active from its payment on, and asks for no second one.
    posts(&scene.ledger, "lst_old").await;
    says(&scene.ledger, &scene.stack, "lst_old", "It is shown until").await;
    let listing = view(&scene.ledger, "lst_old").await.listing;
    assert_eq!(listing.active_from.unwrap().timestamp(), paid_at);
    let mut tx = scene.ledger.read().await.unwrap();
    let filter = ledger::views::lists::FindingFilter::default();
    let found = tx.findings(&filter, &ledger::views::page::Part::first(10), clock::now()).await.unwrap();
    assert!(found.rows.is_empty(), "{:?}", found.rows);
    drop(tx);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn recovery_a_worker_that_died_between_the_payment_and_the_grant_leaves_it_to_the_next() {
    each_ledger("died_between", async |ledger, url| {
        let shop = Shop::open(ledger.clone()).await;
        shop.put("lst_1", "Housing").await.unwrap();
        shop.kept_at(clock::now()).await;
        let fee = shop.ask("lst_1", LISTING_FEE).await.unwrap();
        shop.pays(&fee);
        // The payment is committed, and with it that its listing is to be looked at. Then the worker dies.
        shop.arrive(shop.told(), &mut stripe_sim::Random::of_seed(1)).await;
        let told = async |ledger: &Ledger| {
            ledger.read().await.unwrap().goods(&key("lst_1")).await.unwrap().unwrap().told_state
        };
        assert_eq!(told(&ledger).await, "pending_payment", "nobody has granted it yet");
        // An act does not wait for the chore: it derives what it sees.
        assert_eq!(shop.ask("lst_1", LISTING_FEE).await.unwrap_err().code(), "wrong_state");
        let next = open(&url).await;
        let alone = super::shop::alone;
        let pass = desk::goods::keep_all(&next, marketplace::KEEPERS, &alone, clock::now()).await.unwrap();
        assert_eq!((pass.kept, told(&next).await.as_str()), (1, "active"));
        next.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn recovery_stripe_is_away_when_money_is_to_go_back_and_it_goes_back_once() {
    let scene = market().await;
    let fee = sold(&scene, "lst_1").await;
    scene.stripe.fails_at("POST /v1/refunds", [Fault::Busy(0), Fault::CutAfter]);
    remove::reject(&scene.ledger, &key("lst_1"), "prohibited", &homepage(), clock::now()).await.unwrap();
    says(&scene.ledger, &scene.stack, "lst_1", "5.00 USD was paid, and went back.").await;
    assert_eq!(refunds_of(&scene.stripe, &fee.payment_intent).len(), 1);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn recovery_the_database_is_restored_from_a_backup_and_stripe_tells_what_was_paid_since() {
    let scene = market().await;
    sold(&scene, "lst_1").await;
    let to = scene.stack.folder().join("backups");
    let output = scene.stack.run(&["backup", "--to", to.to_str().unwrap(), "--json"], &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let made: Value = serde_json::from_slice(&output.stdout).unwrap();
    let folder = scene.stack.folder().join(made["folder"].as_str().unwrap());
    // What the backup does not have: a promotion, and a listing with its fee.
    let featured = asks(&scene.ledger, &scene.stripe, "lst_1", FEATURED).await;
    pays(&scene.stripe, &featured);
    says(&scene.ledger, &scene.stack, "lst_1", "and featured until").await;
    sold(&scene, "lst_2").await;

    let settings = scene.stripe.settings();
    let mut settings: Vec<(&str, &str)> =
        settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    settings.push(("STRIPE_RATE_PER_SEC", "100"));
    let mut again = Stack::prepare(Combination::SqliteSqlite, &settings, None, None).await.unwrap();
    empty_ledger::remove(&again.ledger_url()).await.unwrap();
    let restored = again.run(&["restore", folder.to_str().unwrap()], &[]);
    assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
    again.begin().await.unwrap();
    let told = again.run(&["backfill", "--since", "2d"], &settings);
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let ledger = open(&again.ledger_url()).await;
    says(&ledger, &again, "lst_1", "and featured until").await;
    // The homepage puts again what it shows; the money is there already.
    posts(&ledger, "lst_2").await;
    says(&ledger, &again, "lst_2", "It is shown until").await;
    assert!(scene.stripe.all("", "refund").is_empty(), "nothing was taken for paid twice");
    ledger.close().await;
    again.end().await;
    scene.end().await;
}
