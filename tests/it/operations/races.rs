//! Requests that race see each other: for one payment, and for the sums of one person.

use std::sync::Arc;

use domain::operations::OperationState;
use tokio::task::JoinSet;

use super::desk::{Desk, at, each_desk, jane, joe, refund};
use desk::actor::Actor;
use desk::acts::operations::request::{Ask, request};

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
