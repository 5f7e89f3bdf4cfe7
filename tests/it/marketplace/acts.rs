//! What is done with a listing, from its first row to its last refund, on both ledgers.

use desk::actor::{Actor, KnownBy};
use desk::acts::bans::{Decision, decide_on_user};
use desk::acts::operations::approve;
use domain::bans::Act;
use domain::checkouts::{Checkout, CheckoutState};
use domain::operations::OperationState;
use domain::permissions::Role;
use fake_stripe::Fault;
use ledger::views::page::Part;
use marketplace::Refusal;
use marketplace::State;
use marketplace::acts::set_term::{NewTerm, set_term};
use marketplace::terms::{BUMP, FEATURED, LISTING_FEE};
use marketplace::view::{ListingFilter, list};
use secrecy::ExposeSecret;
use serde_json::json;
use shared::clock;

use super::shop::{Shop, hours, key, manager};
use crate::ledgers::each_ledger;

async fn each_shop(name: &str, story: impl AsyncFn(Shop)) {
    each_ledger(name, async |ledger, _| story(Shop::open(ledger).await).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_is_paid_promoted_rejected_and_given_back() {
    each_shop("listing_life", async |shop| {
        let put = shop.put("lst_1", "Housing").await.unwrap();
        assert_eq!((put.listing.status, put.listing.fee), (State::PendingPayment, 500));
        let fee = shop.ask("lst_1", LISTING_FEE).await.unwrap();
        assert_eq!((fee.amount, fee.currency.as_str()), (500, "usd"));
        assert!(matches!(shop.ask("lst_1", BUMP).await, Err(Refusal::State { .. })), "not active yet");
        shop.pays(&fee);
        shop.settles().await;
        let active = shop.listing("lst_1").await.listing;
        assert_eq!(active.status, State::Active);
        assert_eq!((active.expires_at.unwrap() - active.active_from.unwrap()).num_days(), 30);

        let featured = shop.ask("lst_1", FEATURED).await.unwrap();
        let bump = shop.ask("lst_1", BUMP).await.unwrap();
        assert_eq!((featured.amount, bump.amount), (500, 200));
        shop.pays(&featured);
        shop.pays(&bump);
        shop.settles().await;
        let promoted = shop.listing("lst_1").await.listing;
        assert!(promoted.is_featured && promoted.bumped_at.is_some());
        let again = shop.ask("lst_1", BUMP).await.unwrap_err();
        assert_eq!(again.code(), "bumped_too_soon", "refused before money is taken");

        let rejected = shop.reject("lst_1").await;
        assert_eq!(rejected.listing.status, State::Rejected);
        shop.kept_at(clock::now()).await;
        for paid in [&fee, &featured, &bump] {
            let operation = shop.given_back(&paid.payment_intent).await.unwrap();
            assert_eq!(
                operation.state,
                OperationState::Approved,
                "{}",
                operation.message.unwrap_or_default()
            );
            assert_eq!((operation.amount, operation.reason.as_str()), (paid.amount, "moderation_rejection"));
        }
        assert!(shop.findings().await.is_empty());
        let late = shop.ask("lst_1", FEATURED).await.unwrap_err();
        assert_eq!(late.code(), "wrong_state");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn as_long_as_it_is_unpaid_there_is_one_intent_whatever_goes_wrong_at_stripe() {
    each_shop("one_intent", async |shop| {
        shop.put("lst_1", "Jobs").await.unwrap();
        // Made, and the answer is lost on the way: the same key gives the same intent.
        let path = "POST /v1/payment_intents";
        shop.stripe.fails_at(path, [Fault::CutAfter, Fault::Busy(0)]);
        let first = shop.ask("lst_1", LISTING_FEE).await.unwrap();
        // Made, and the process died before it could commit which intent it is.
        let mut tx = shop.ledger.begin().await.unwrap();
        let made = tx.checkouts_of(&key("lst_1")).await.unwrap().pop().unwrap();
        let before = Checkout { payment_intent: None, state: CheckoutState::Sending, look_at: None, ..made };
        tx.write_checkout(&before).await.unwrap();
        tx.commit().await.unwrap();
        let all = futures_util::future::join_all((0..8).map(|_| shop.ask("lst_1", LISTING_FEE))).await;
        for other in all {
            let other = other.unwrap();
            assert_eq!(other.payment_intent, first.payment_intent);
            assert_eq!(other.secret.expose_secret(), first.secret.expose_secret());
        }
        assert_eq!(shop.stripe.all("", "payment_intent").len(), 1);
        let intent = &shop.stripe.all("", "payment_intent")[0];
        let metadata = json!({"listing_id": "lst_1", "user_id": "user_1", "category_id": "Jobs",
            "payment_type": "listing_fee", "tidegate_checkout_id": first.checkout});
        assert_eq!(intent["metadata"], metadata);

        // A failure that Stripe keeps under its key: nobody has the secret, so another key is safe.
        shop.put("lst_2", "Jobs").await.unwrap();
        shop.stripe.fails_at(path, [Fault::TroubleAfter(500)]);
        assert_eq!(shop.ask("lst_2", LISTING_FEE).await.unwrap_err().code(), "stripe_unavailable");
        shop.ask("lst_2", LISTING_FEE).await.unwrap();
        // Nothing of the secret is in the ledger, whoever looks.
        let secret = first.secret.expose_secret().to_owned();
        shop.settles().await;
        let mut tx = shop.ledger.read().await.unwrap();
        let kept = format!("{:?}{:?}", tx.checkouts_of(&key("lst_1")).await, tx.goods(&key("lst_1")).await);
        assert!(!kept.contains(&secret) && kept.contains(&first.payment_intent));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fee_that_is_paid_twice_goes_back_once() {
    each_shop("paid_twice", async |shop| {
        shop.put("lst_1", "Housing").await.unwrap();
        let fee = shop.ask("lst_1", LISTING_FEE).await.unwrap();
        shop.pays(&fee);
        shop.stripe.passes(5);
        let second = shop.pays_directly("lst_1", LISTING_FEE, 500, "usd");
        shop.settles().await;
        assert_eq!(shop.verdicts("lst_1").await, ["granted", "owed paid_twice"]);
        assert_eq!(shop.status("lst_1").await, "active");
        let operation = shop.given_back(&second).await.unwrap();
        assert_eq!((operation.state, operation.amount), (OperationState::Approved, 500));
        assert_eq!(operation.reason.as_str(), "technical_failure");
        assert!(shop.given_back(&fee.payment_intent).await.is_none());
        shop.kept_at(clock::now() + hours(1)).await;
        assert_eq!(shop.given_back(&second).await.unwrap().id(), operation.id(), "asked for once");
        shop.refunds(&second);
        shop.settles().await;
        assert_eq!(shop.verdicts("lst_1").await, ["granted", "gone"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_money_grants_nothing_and_is_a_finding_until_it_is_gone() {
    each_shop("wrong_money", async |shop| {
        shop.put("lst_1", "Housing").await.unwrap();
        let low = shop.pays_directly("lst_1", LISTING_FEE, 499, "usd");
        shop.stripe.passes(1);
        let euros = shop.pays_directly("lst_1", LISTING_FEE, 500, "eur");
        shop.settles().await;
        assert_eq!(shop.status("lst_1").await, "pending_payment");
        assert_eq!(shop.verdicts("lst_1").await, ["wrong amount", "wrong currency"]);
        let open = |kind: &str| (kind.to_owned(), "open".to_owned());
        assert_eq!(shop.findings().await, [open("paid_wrong_amount"), open("paid_wrong_currency")]);
        assert!(shop.given_back(&low).await.is_none(), "a person decides");
        shop.refunds(&low);
        shop.refunds(&euros);
        shop.settles().await;
        assert!(shop.findings().await.is_empty(), "what is no longer wrong is gone by itself");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_takes_the_listing_away_and_a_second_payment_brings_it_back() {
    each_shop("taken_away", async |shop| {
        shop.put("lst_1", "Housing").await.unwrap();
        let fee = shop.ask("lst_1", LISTING_FEE).await.unwrap();
        shop.pays(&fee);
        shop.settles().await;
        shop.refunds(&fee.payment_intent);
        shop.settles().await;
        assert_eq!(shop.status("lst_1").await, "pending_payment");
        let again = shop.ask("lst_1", LISTING_FEE).await.unwrap();
        assert_ne!(again.payment_intent, fee.payment_intent, "the first was paid, and is closed");
        shop.stripe.passes(5);
        shop.pays(&again);
        shop.settles().await;
        assert_eq!(shop.status("lst_1").await, "active");
        // A chargeback takes it away as long as it is open.
        let charge = shop
            .stripe
            .all("", "charge")
            .into_iter()
            .find(|charge| charge["payment_intent"] == again.payment_intent.as_str())
            .unwrap();
        let dispute = shop
            .stripe
            .admin("POST", "/disputes", &json!({ "charge": charge["id"], "livemode": true }))
            .unwrap();
        shop.settles().await;
        assert_eq!(
            (shop.status("lst_1").await, shop.verdicts("lst_1").await),
            ("pending_payment", vec!["gone".to_owned(), "held".to_owned()])
        );
        let id = dispute["id"].as_str().unwrap();
        shop.stripe
            .admin("POST", &format!("/disputes/{id}"), &json!({ "status": "won", "livemode": true }))
            .unwrap();
        shop.settles().await;
        assert_eq!(shop.status("lst_1").await, "active");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_banned_or_somebody_else_pays_nothing_and_neither_does_anybody_while_checkout_is_closed() {
    each_shop("who_pays", async |shop| {
        shop.put("lst_1", "Housing").await.unwrap();
        let now = clock::now();
        let person = desk::acts::Person::named("mona").unwrap();
        let decided = async |act: Act| {
            let decision = Decision { act, until: None, reason: "chargebacks elsewhere".to_owned() };
            decide_on_user(&shop.ledger, &key("user_1"), &decision, &person, now).await.unwrap();
        };
        decided(Act::Ban).await;
        assert_eq!(shop.ask("lst_1", LISTING_FEE).await.unwrap_err().code(), "user_banned");
        decided(Act::Lift).await;
        desk::acts::blocks::place(&shop.ledger, "user_1", "fraud", &person, now).await.unwrap();
        assert_eq!(shop.ask("lst_1", LISTING_FEE).await.unwrap_err().code(), "user_blocked");
        desk::acts::blocks::lift(&shop.ledger, "user_1", "fine", &person, now).await.unwrap();
        desk::acts::checkout::close(&shop.ledger, "maintenance", &manager(), now).await.unwrap();
        assert_eq!(shop.ask("lst_1", LISTING_FEE).await.unwrap_err().code(), "checkout_closed");
        desk::acts::checkout::open(&shop.ledger, &manager(), now).await.unwrap();
        let selling =
            marketplace::acts::pay::Shop { ledger: &shop.ledger, queue: &shop.queue, till: &shop.till };
        let (listing, program) = (key("lst_1"), super::shop::homepage());
        let other = marketplace::acts::pay::ask(selling, &listing, LISTING_FEE, "user_2", &program, now);
        assert_eq!(other.await.unwrap_err().code(), "not_the_owner");
        assert!(shop.stripe.all("", "payment_intent").is_empty(), "nothing was asked of Stripe");
        assert_eq!(shop.ask("lst_9", LISTING_FEE).await.unwrap_err().code(), "listing_not_found");
        shop.put("lst_2", "Free stuff").await.unwrap();
        assert_eq!(shop.status("lst_2").await, "active");
        assert_eq!(shop.ask("lst_2", LISTING_FEE).await.unwrap_err().code(), "nothing_to_pay");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_price_replaces_the_open_intent_and_keeps_what_was_paid() {
    each_shop("prices", async |shop| {
        shop.put("lst_1", "Housing").await.unwrap();
        let cheap = shop.ask("lst_1", LISTING_FEE).await.unwrap();
        shop.put("lst_1", "Jobs").await.unwrap();
        let dear = shop.ask("lst_1", LISTING_FEE).await.unwrap();
        assert_eq!((cheap.amount, dear.amount), (500, 1_000));
        let status = |id: &str| {
            let intents = shop.stripe.all("", "payment_intent");
            intents.into_iter().find(|intent| intent["id"] == id).unwrap()["status"].clone()
        };
        assert_eq!(status(&cheap.payment_intent), "canceled", "one live way to pay");
        shop.pays(&dear);
        shop.settles().await;
        let term = NewTerm {
            name: "listing_fee.Jobs".to_owned(),
            currency: "usd".to_owned(),
            value: 2_000,
            reason: "inflation".to_owned(),
        };
        set_term(&shop.ledger, &term, &manager(), clock::now()).await.unwrap();
        shop.kept_at(clock::now()).await;
        assert_eq!(shop.status("lst_1").await, "active", "it was paid at the price of its time");
        assert_eq!(shop.put("lst_1", "Housing").await.unwrap_err().code(), "already_paid");
        assert_eq!(shop.put("lst_2", "jobs").await.unwrap().listing.fee, 2_000);
        assert!(set_term(&shop.ledger, &term, &super::shop::homepage(), clock::now()).await.is_err());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bumped_listings_come_first_then_the_newest_and_expired_ones_go() {
    each_shop("search", async |shop| {
        let now = clock::now();
        for (number, id) in ["lst_1", "lst_2", "lst_3"].into_iter().enumerate() {
            let put = marketplace::acts::put::Put {
                key: key(id),
                user: "user_1".to_owned(),
                category: "Free stuff".to_owned(),
                currency: "usd".to_owned(),
            };
            let at = now - hours(10 - i64::try_from(number).unwrap());
            marketplace::acts::put::put(&shop.ledger, &put, &manager(), at).await.unwrap();
        }
        let bump = shop.ask("lst_1", BUMP).await.unwrap();
        shop.pays(&bump);
        shop.settles().await;
        let listed = async |state, at| {
            let filter = ListingFilter { state: Some(state), ..ListingFilter::default() };
            let mut tx = shop.ledger.read().await.unwrap();
            let page = list(&mut tx, &filter, &Part::first(10), at).await.unwrap();
            page.rows.into_iter().map(|row| row.key.id).collect::<Vec<_>>()
        };
        assert_eq!(listed(State::Active, now).await, ["lst_1", "lst_3", "lst_2"]);
        let later = now + hours(24 * 30);
        assert!(listed(State::Active, later).await.is_empty());
        assert_eq!(listed(State::Expired, later).await, ["lst_3", "lst_2", "lst_1"]);
        shop.kept_at(later).await;
        let mut tx = shop.ledger.read().await.unwrap();
        let told = tx.goods(&key("lst_2")).await.unwrap().unwrap();
        assert_eq!((told.told_state.as_str(), told.turns_at), ("expired", None));
        shop.delete("lst_2").await;
        assert_eq!(listed(State::Deleted, now).await, ["lst_2"], "it is kept as evidence");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_paid_and_told_by_nobody_is_found_in_stripe() {
    each_shop("lost_webhook", async |shop| {
        shop.put("lst_1", "Housing").await.unwrap();
        let fee = shop.ask("lst_1", LISTING_FEE).await.unwrap();
        shop.pays(&fee);
        let _lost = shop.told();
        let later = clock::now() + hours(1);
        let mut tx = shop.ledger.read().await.unwrap();
        let due = tx.due_checkouts(true, later, 10).await.unwrap();
        drop(tx);
        assert_eq!(due.len(), 1);
        let is_unpaid = shop.till.look(&shop.ledger, &shop.queue, &due[0], later).await.unwrap();
        assert!(!is_unpaid);
        let found: Vec<_> =
            shop.queue.receive(10).await.into_iter().map(|delivery| delivery.envelope).collect();
        for event in &found {
            assert_eq!(event.header.source, envelope::Source::Response);
            worker::process::process(&shop.ledger, &[event], worker::process::Manner::Batch, later)
                .await
                .unwrap();
        }
        assert_eq!(found.len(), 1);
        shop.kept_at(later).await;
        assert_eq!(shop.status("lst_1").await, "active");
        // Asked for once more, it says so.
        assert_eq!(shop.ask("lst_1", LISTING_FEE).await.unwrap_err().code(), "wrong_state");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_day_a_person_decides_about_money_that_is_owed() {
    each_shop("manual", async |shop| {
        shop.put("lst_1", "Housing").await.unwrap();
        let fee = shop.ask("lst_1", LISTING_FEE).await.unwrap();
        shop.pays(&fee);
        shop.settles().await;
        let later = clock::now() + hours(30);
        marketplace::acts::remove::reject(&shop.ledger, &key("lst_1"), "spam", &manager(), later)
            .await
            .unwrap();
        shop.kept_at(later).await;
        let operation = shop.given_back(&fee.payment_intent).await.unwrap();
        assert_eq!(operation.state, OperationState::NeedsApproval);
        assert_eq!(operation.caused_by.as_deref(), Some("mona (session)"));
        let own = shop.approve(&operation, later).await.unwrap_err().to_string();
        assert!(
            own.contains("it is because of what mona (session) did: another person must approve it"),
            "{own}"
        );
        let joe = Actor::known("joe", [Role::BillingManager].into(), KnownBy::Session, false);
        let word = approve::Word::default();
        let approved = approve::approve(&shop.ledger, operation.id(), &word, &joe, later).await.unwrap();
        assert_eq!(approved.state, OperationState::Approved);
        let view = shop.listing_at("lst_1", later).await;
        assert_eq!(view.payments[0].refund_operation.as_deref(), Some(operation.id()));
    })
    .await;
}
