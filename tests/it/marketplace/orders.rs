//! The events of a listing in every subset and in many orders: the same listing, whatever came when. And a rebuild finds
//! what somebody changed behind the product's back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::event::{Content, Meaning};
use domain::fulfilments::{Fulfilment, goods_of};
use domain::goods::Terms;
use domain::object_graph::{Event, ObjectGraph};
use domain::policy::Policy;
use envelope::Envelope;
use marketplace::rules::{Derived, Known, Verdict, derive};
use marketplace::terms::{BUMP, FEATURED, LISTING_FEE, ListingTerms, USUAL};
use marketplace::{Record, check};
use serde_json::json;
use shared::clock;
use stripe_sim::Random;
use worker::process::{Manner, process};

use super::shop::Shop;
use crate::ledgers::each_ledger;

/// A listing of which everything happens, as Stripe tells it.
async fn history(shop: &Shop) -> Vec<Envelope> {
    shop.put("lst_1", "Housing").await.unwrap();
    let _unpaid = shop.stripe.ask(
        "POST",
        "/payment_intents",
        &json!({ "amount": 500, "currency": "usd", "metadata": { "listing_id": "lst_1", "payment_type": "bump" } }),
    );
    let fee = shop.pays_directly("lst_1", LISTING_FEE, 500, "usd");
    shop.stripe.passes(60);
    shop.pays_directly("lst_1", LISTING_FEE, 500, "usd");
    shop.stripe.passes(60);
    shop.pays_directly("lst_1", BUMP, 200, "usd");
    shop.pays_directly("lst_1", FEATURED, 499, "usd");
    shop.stripe.passes(3_600);
    let soon = shop.pays_directly("lst_1", BUMP, 200, "usd");
    shop.refunds(&soon);
    let charge = shop
        .stripe
        .all("", "charge")
        .into_iter()
        .find(|charge| charge["payment_intent"] == fee.as_str())
        .unwrap();
    let dispute =
        shop.stripe.admin("POST", "/disputes", &json!({ "charge": charge["id"], "livemode": true })).unwrap();
    shop.stripe.passes(60);
    let id = dispute["id"].as_str().unwrap();
    shop.stripe
        .admin("POST", &format!("/disputes/{id}"), &json!({ "status": "lost", "livemode": true }))
        .unwrap();
    shop.told()
}

fn derived(graph: &ObjectGraph) -> Derived {
    let payments: Vec<Fulfilment> = graph
        .payments
        .rows()
        .filter(|payment| goods_of(payment).is_some())
        .filter_map(|payment| {
            let of_it = graph.disputes.rows().filter(|dispute| {
                let charge = dispute.owner().and_then(|charge| graph.charges.get(&charge));
                charge.and_then(domain::charges::Charge::owner).as_ref() == Some(&payment.key)
            });
            Fulfilment::of(payment, of_it)
        })
        .collect();
    let record = Record { category: "Housing".to_owned(), currency: "usd".to_owned(), ..Record::default() };
    let (terms, asked) = (ListingTerms::of(Terms::of(USUAL, [])), BTreeMap::new());
    derive(&Known {
        record: &record,
        user: "user_1",
        terms: &terms,
        asked: &asked,
        returning: &BTreeSet::new(),
        payments: &payments,
    })
}

fn read(event: &Envelope) -> Option<Event> {
    match Content::of(event).meaning(event).unwrap() {
        Meaning::Observations(observations) => Some(Event { id: event.header.id.clone(), observations }),
        Meaning::Ignored(_) => None,
    }
}

fn applied<'e>(events: impl IntoIterator<Item = &'e Event>) -> ObjectGraph {
    let mut graph = ObjectGraph::new(Arc::new(Policy::default()));
    for event in events {
        graph.apply(event);
    }
    graph
}

#[tokio::test(flavor = "multi_thread")]
async fn every_subset_of_a_listings_events_comes_to_one_listing_in_every_order() {
    each_ledger("listing_lattice", async |ledger, url| {
        if !url.starts_with("sqlite") {
            return; // pure: no ledger is asked
        }
        let shop = Shop::open(ledger).await;
        let mut events: Vec<Event> = history(&shop).await.iter().filter_map(read).collect();
        // Those that say most: a subset of them is a set of lost webhooks.
        events.retain(|event| {
            let kinds = ["payment_intent.succeeded", "charge.refunded", "charge.dispute"];
            let id = &event.id;
            let told = shop.stripe.ask("GET", &format!("/events/{id}"), &json!({})).unwrap();
            kinds.iter().any(|kind| told["type"].as_str().unwrap().starts_with(kind))
        });
        assert!((8..=14).contains(&events.len()), "{}", events.len());
        let mut random = Random::of_seed(7);
        for subset in 0_u32..1 << events.len() {
            let chosen: Vec<&Event> = events
                .iter()
                .enumerate()
                .filter(|(place, _)| subset & (1 << place) != 0)
                .map(|(_, e)| e)
                .collect();
            let forwards = derived(&applied(chosen.iter().copied()));
            let backwards = derived(&applied(chosen.iter().rev().copied().chain(chosen.iter().copied())));
            assert_eq!(backwards, forwards, "{subset:b}");
            let mut mixed = chosen.clone();
            for place in (1..mixed.len()).rev() {
                mixed.swap(place, usize::try_from(random.within(0..place as u64 + 1)).unwrap());
            }
            assert_eq!(derived(&applied(mixed)), forwards, "{subset:b}");
            let bumps =
                forwards.payments.iter().filter(|it| it.what == BUMP && it.verdict == Verdict::Granted);
            assert!(bumps.count() <= 1, "both bumps are of one hour: {subset:b}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_order_and_whenever_somebody_looks_both_ledgers_have_one_listing() {
    for (seed, looks) in [(1, false), (2, true), (3, true)] {
        each_ledger(&format!("listing_orders_{seed}"), async |ledger, _| {
            let shop = Shop::open(ledger.clone()).await;
            let mut events = history(&shop).await;
            let mut random = Random::of_seed(seed);
            random.shuffle(&mut events);
            for part in events.chunks(5).filter(|_| looks) {
                shop.arrive(part.to_vec(), &mut random).await;
                shop.kept_at(clock::now()).await;
            }
            shop.arrive(events.clone(), &mut random).await;
            shop.kept_at(clock::now()).await;
            // The second fee has taken the place of the first, which is lost.
            let expected = ["gone", "granted", "granted", "wrong amount", "gone", "awaited"];
            let mut verdicts = shop.verdicts("lst_1").await;
            verdicts.sort_unstable();
            let mut sorted = expected.map(str::to_owned);
            sorted.sort_unstable();
            assert_eq!(verdicts, sorted, "{seed}");
            assert_eq!(shop.status("lst_1").await, "active", "{seed}");
            let mut tx = ledger.read().await.unwrap();
            assert!(check::check(&mut tx).await.unwrap().differ.is_empty(), "{seed}");
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_batch_that_changes_a_payment_notes_its_goods() {
    each_ledger("noted_goods", async |ledger, _| {
        let shop = Shop::open(ledger.clone()).await;
        let events = history(&shop).await;
        let noted = async || {
            let mut tx = ledger.begin().await.unwrap();
            let changed = tx.changed_goods(clock::now(), 10).await.unwrap();
            for seen in &changed {
                tx.goods_seen(seen, None).await.unwrap();
            }
            tx.commit().await.unwrap();
            changed.into_iter().map(|changed| changed.key.id).collect::<Vec<_>>()
        };
        assert_eq!(noted().await, ["lst_1"], "it was put");
        let mut told = BTreeSet::new();
        for event in &events {
            process(&ledger, &[event], Manner::Batch, clock::now()).await.unwrap();
            let kind = event.header.kind.as_str();
            let goods = noted().await;
            if !goods.is_empty() {
                assert_eq!(goods, ["lst_1"], "{kind}");
                told.insert(kind);
            }
            process(&ledger, &[event], Manner::Batch, clock::now()).await.unwrap();
            assert!(noted().await.is_empty(), "{kind} once more changes nothing");
        }
        for kind in ["payment_intent.created", "payment_intent.succeeded", "charge.dispute.created"] {
            assert!(told.contains(kind), "{kind}: {told:?}");
        }
        assert!(told.iter().any(|kind| kind.contains("refund")), "{told:?}");
        let other = shop.pays_directly("lst_2", "anything", 700, "eur");
        let without =
            shop.stripe.ask("POST", "/payment_intents", &json!({ "amount": 500, "currency": "usd" }));
        shop.pays_intent(without.unwrap()["id"].as_str().unwrap());
        let (of_it, of_none): (Vec<_>, Vec<_>) = shop
            .told()
            .into_iter()
            .partition(|event| String::from_utf8_lossy(&event.body).contains(other.as_str()));
        process(&ledger, &of_none.iter().collect::<Vec<_>>(), Manner::Batch, clock::now()).await.unwrap();
        assert!(noted().await.is_empty(), "it is for nothing");
        process(&ledger, &of_it.iter().collect::<Vec<_>>(), Manner::Batch, clock::now()).await.unwrap();
        assert_eq!(noted().await, ["lst_2"], "put or not");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_finds_a_listing_that_was_changed_behind_our_back_and_puts_it_right() {
    each_ledger("listing_rebuild", async |ledger, _| {
        let shop = Shop::open(ledger.clone()).await;
        shop.put("lst_1", "Housing").await.unwrap();
        shop.pays_directly("lst_1", LISTING_FEE, 500, "usd");
        shop.settles().await;
        let mut tx = ledger.begin().await.unwrap();
        let mut goods = tx.lock_goods(&super::shop::key("lst_1")).await.unwrap().unwrap();
        let right = goods.clone();
        goods.state = "pending_payment".to_owned();
        goods.shown_until = None;
        tx.write_goods(&goods).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = ledger.read().await.unwrap();
        let checked = check::check(&mut tx).await.unwrap();
        drop(tx);
        assert_eq!((checked.listings, checked.differ.len()), (1, 1));
        assert_eq!(check::repair(&ledger, &checked, clock::now()).await.unwrap(), 1);
        shop.kept_at(clock::now()).await;
        let mut tx = ledger.read().await.unwrap();
        let repaired = tx.goods(&super::shop::key("lst_1")).await.unwrap().unwrap();
        assert_eq!((repaired.state, repaired.shown_until), (right.state, right.shown_until));
        assert!(check::check(&mut tx).await.unwrap().differ.is_empty());
    })
    .await;
}
