//! Requests that race see each other: for one payment, and for the sums of one person.

use std::sync::Arc;

use domain::operations::{Fault, OperationState};
use domain::permissions::Role;
use serde_json::json;
use tokio::task::JoinSet;

use super::desk::{Desk, PAID, at, each_desk, jane, joe, key, mary, paid, refund};
use crate::ledgers::envelope;
use desk::actor::{Actor, KnownBy};
use desk::acts::operations::request::{Ask, Wanted, request};
use desk::acts::operations::retry::retry;

const RACERS: usize = 12;

async fn race(desk: &Desk, asks: Vec<(Ask, Actor)>) -> Vec<OperationState> {
    let gate = Arc::new(tokio::sync::Barrier::new(asks.len()));
    let mut racers = JoinSet::new();
    for (ask, actor) in asks {
        let (ledger, gate) = (desk.ledger.clone(), Arc::clone(&gate));
        racers.spawn(async move {
            gate.wait().await;
            request(&ledger, &ask, &actor, at(1)).await.unwrap().state
        });
    }
    racers.join_all().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_requests_for_one_payment_no_more_are_taken_than_it_holds() {
    each_desk("race", async |desk| {
        let asks = (0..RACERS).map(|_| (refund("pi_1", 300_000), joe())).collect();
        let states = race(&desk, asks).await;
        let taken = states.iter().filter(|state| state.is_open()).count();
        assert_eq!(taken, 3, "10,000.00 USD hold 3,000.00 three times: {states:?}");
        assert!(states.iter().all(|state| state.is_open() || *state == OperationState::Refused));
        desk.is_whole().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_person_who_races_over_several_payments_does_not_pass_the_threshold() {
    each_desk("splitting", async |desk| {
        let payments = ["pi_1", "pi_2", "pi_3"];
        let asks = (0..RACERS).map(|place| (refund(payments[place % 3], 100_000), jane())).collect();
        let states = race(&desk, asks).await;
        let own = states.iter().filter(|state| **state == OperationState::Approved).count();
        assert_eq!(own, 5, "5,000.00 USD in all on her own word: {states:?}");
        assert!(states.iter().all(|state| state.is_open()));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn people_who_race_for_one_customer_do_not_pass_the_threshold_together() {
    each_desk("one_customer", async |desk| {
        let mut asks = Vec::new();
        for place in 0..RACERS {
            let payment = format!("pi_of_one_{place}");
            desk.hears(&paid(&payment, "cus_one", 100_000)).await;
            let manager = [Role::BillingManager].into();
            let actor = Actor::known(&format!("manager{place}"), manager, KnownBy::Session, false);
            asks.push((refund(&payment, 100_000), actor));
        }
        let states = race(&desk, asks).await;
        let own = states.iter().filter(|state| **state == OperationState::Approved).count();
        assert_eq!(own, 5, "5,000.00 USD in all without a second look: {states:?}");
        assert!(states.iter().all(|state| state.is_open()));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_try_again_at_once_one_does_also_where_no_payment_is_known() {
    each_desk("retry_race", async |desk| {
        let dispute = json!({"id": "du_9", "object": "dispute", "status": "needs_response", "amount": 900,
            "currency": "usd", "created": PAID, "charge": "ch_of_nobody", "payment_intent": null});
        desk.hears(&envelope("evt_du_9", "charge.dispute.created", 90, &dispute)).await;
        let wanted = Wanted::DisputeAccept { dispute: key("du_9") };
        let ask = Ask { wanted, ..refund("pi_1", 1) };
        let failed = desk.asks(&ask, &jane(), 1).await;
        assert_eq!((failed.payment.as_ref(), failed.state), (None, OperationState::Approved));
        desk.change(failed.id(), |it| {
            it.begin_attempt(at(2), at(3)).unwrap();
            it.fail(Fault::default(), at(3)).unwrap();
        })
        .await;
        let gate = Arc::new(tokio::sync::Barrier::new(RACERS));
        let mut racers = JoinSet::new();
        for place in 0..RACERS {
            let (ledger, gate, id) = (desk.ledger.clone(), Arc::clone(&gate), failed.id().to_owned());
            let actor = if place % 2 == 0 { jane() } else { mary() };
            racers.spawn(async move {
                gate.wait().await;
                retry(&ledger, &id, true, &actor, at(4)).await.map_err(|refused| refused.code())
            });
        }
        let came = racers.join_all().await;
        assert_eq!(came.iter().filter(|again| again.is_ok()).count(), 1, "{came:?}");
        assert!(came.iter().all(|again| again.is_ok() || *again == Err("already_retried")), "{came:?}");
        desk.is_whole().await;
    })
    .await;
}
