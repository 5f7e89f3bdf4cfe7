//! How a world comes to rest: nothing goes wrong any more, and all that is under way ends.

use chrono::TimeDelta;
use domain::operations::OperationState;
use worker::chores::{retry, seal};

use super::broker::{Chances, Standing};
use super::world::World;

impl World {
    /// Nothing goes wrong any more, and all that is under way comes to its end. `false`: it does not.
    pub(super) fn comes_to_rest(&mut self) -> bool {
        self.broker.behaves(Chances::FINE);
        self.stripe.recovers();
        self.gateway_skew = TimeDelta::zero();
        for worker in &mut self.workers {
            worker.skew = TimeDelta::zero();
        }
        for _ in 0..200 {
            self.passes(900);
            self.courier.hurry(self.second());
            while !self.courier.is_empty() {
                self.delivers();
                self.courier.hurry(self.second());
            }
            for place in 0..self.workers.len() {
                while self.goes_on(place) {}
                let now = self.now;
                self.workers[place].does(now, async |worker| {
                    retry::handle_due(&worker.lanes, 0, now).await.unwrap();
                    worker.executor.pass().await.ok();
                    seal::seal(&worker.lanes.ledger, now).await.unwrap();
                });
            }
            self.collects();
            if self.courier.is_empty() && self.broker.is_empty() && self.is_settled() {
                self.broker.behaves(Chances::ROUGH);
                return true;
            }
        }
        false
    }

    fn goes_on(&mut self, place: usize) -> bool {
        let standing = self.workers[place].gate.standing();
        if standing == Standing::Settling {
            self.workers[place].gate.set(Standing::Released);
        } else if self.broker.lend(self.workers[place].connection, 64) == 0 && standing == Standing::Receiving
        {
            return false;
        }
        self.workers[place].advance(self.now);
        true
    }

    /// No event waits, and no operation is under way.
    fn is_settled(&mut self) -> bool {
        let (ledger, operations) = (self.ledger.clone(), &self.operations);
        self.runtime.block_on(async {
            let mut tx = ledger.read().await.unwrap();
            for id in operations {
                let state = tx.operation(id).await.unwrap().unwrap().state;
                if matches!(state, OperationState::Approved | OperationState::Executing) {
                    return false;
                }
            }
            let waiting = ledger.due(self.now + TimeDelta::days(30), 1).await.unwrap();
            waiting.is_empty()
        })
    }
}
