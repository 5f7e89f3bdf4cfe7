//! What can happen in a world, each as one step.

use chrono::TimeDelta;
use desk::acts::operations::approve::{Word, approve};
use desk::acts::operations::request::{Ask, Wanted, request};
use domain::Key;
use domain::operations::Reason;
use fake_stripe::Fault;
use http_body_util::Full;
use hyper::{Method, Request};
use serde_json::json;
use shared::http_client::HttpConnection;
use shared::simulated;
use stripe_sim::signature_header;
use worker::chores::{retry, seal};

use super::broker::Standing;
use super::courier::Parcel;
use super::process::Turn;
use super::world::{HTTP_DEADLINE, World};
use crate::executor::scene::manager;
use crate::in_process_gateway::{PATH, SECRET};
use crate::money_whole::CARDS;

/// A worker that dies does so after at most so many of the points that a turn has.
const POINTS: u64 = 40;
const FAULTS: [Fault; 6] = [
    Fault::CutBefore,
    Fault::CutAfter,
    Fault::TroubleAfter(500),
    Fault::Trouble(500),
    Fault::LockTimeout,
    Fault::Malformed,
];

impl World {
    /// Customers pay, somebody refunds in the dashboard, banks decide.
    pub(super) fn lives(&mut self) {
        let (path, parameters) = match self.random.within(0..10) {
            0..6 => {
                let amount = self.random.within(100..5_000);
                let card = *self.random.pick(&CARDS);
                let asked = json!({ "amount": amount, "currency": "usd", "payment_method": card, "confirm": true,
                    "metadata": { "user_id": format!("user_{}", self.random.within(0..5)) } });
                ("/payment_intents".to_owned(), asked)
            }
            6..8 if !self.payments.is_empty() => {
                let payment = self.random.pick(&self.payments).clone();
                (
                    "/refunds".to_owned(),
                    json!({ "payment_intent": payment, "amount": self.random.within(50..900) }),
                )
            }
            _ => {
                let open = self.stripe.all("", "dispute");
                if open.is_empty() {
                    return;
                }
                let id = self.random.pick(&open)["id"].as_str().unwrap().to_owned();
                let status = *self.random.pick(&["won", "lost", "needs_response"]);
                let told = self.stripe.admin(
                    "POST",
                    &format!("/disputes/{id}"),
                    &json!({ "status": status, "livemode": true }),
                );
                self.log("bank", &format!("{id} {status} {}", told.is_ok()));
                return self.collects();
            }
        };
        let answer = self.stripe.ask("POST", &path, &parameters);
        if let (Ok(intent), "/payment_intents") = (&answer, path.as_str()) {
            self.payments.push(intent["id"].as_str().unwrap().to_owned());
        }
        self.log(
            "life",
            &format!("{path} {}", answer.map_or_else(|_| "refused".to_owned(), |it| it["id"].to_string())),
        );
        self.collects();
    }

    pub(super) fn collects(&mut self) {
        let now = self.second();
        self.courier.collect(&self.stripe, &mut self.random, now);
    }

    pub(super) fn delivers(&mut self) {
        let now = self.second();
        let Some(parcel) = self.courier.take(&mut self.random, now) else { return };
        let status = self.post(&parcel);
        let is_heard = !self.random.percent(3);
        let (id, kind) = (parcel.id.clone(), parcel.kind.clone());
        if status == Some(200) {
            self.accepted.insert(id.clone());
        }
        if status != Some(200) || !is_heard {
            self.courier.again(parcel, now);
        }
        let heard = if is_heard { "" } else { ", which Stripe did not hear" };
        self.log("delivery", &format!("{id} {kind}: {status:?}{heard}"));
    }

    /// The status that the gateway answers.
    pub(super) fn post(&mut self, parcel: &Parcel) -> Option<u16> {
        let header = signature_header(SECRET, self.second(), &parcel.body);
        let request = Request::builder()
            .method(Method::POST)
            .uri(PATH)
            .header("host", "webhooks.example")
            .header("content-type", "application/json; charset=utf-8")
            .header("stripe-signature", header)
            .body(Full::new(parcel.body.clone()))
            .unwrap();
        simulated::set_now(Some(self.now + self.gateway_skew));
        let address = self.gateway;
        self.runtime.block_on(async move {
            let mut connection = HttpConnection::open(address, HTTP_DEADLINE).await.ok()?;
            let answer = connection.exchange(request, 1 << 20, HTTP_DEADLINE).await.ok()?;
            Some(answer.status.as_u16())
        })
    }

    /// A worker goes on with what it stands before.
    pub(super) fn works(&mut self) {
        let place = usize::try_from(self.random.within(0..self.workers.len() as u64)).unwrap();
        let standing = self.workers[place].gate.standing();
        let mut lent = 0;
        if standing == Standing::Settling {
            self.workers[place].gate.set(Standing::Released);
        } else {
            let most = usize::try_from(self.random.within(1..9)).unwrap();
            lent = self.broker.lend(self.workers[place].connection, most);
            if lent == 0 && standing == Standing::Receiving {
                return;
            }
        }
        self.may_die();
        let turn = self.workers[place].advance(self.now);
        self.log("work", &format!("worker {place} {standing:?} {lent} lent: {turn:?}"));
        self.after(place, &turn);
    }

    /// Approved operations go to Stripe.
    pub(super) fn sends(&mut self) {
        let place = usize::try_from(self.random.within(0..self.workers.len() as u64)).unwrap();
        self.may_die();
        let turn = self.workers[place].does(self.now, async |worker| {
            worker
                .executor
                .pass()
                .await
                .map_or_else(|interrupted| interrupted.to_string(), |count| count.to_string())
        });
        self.log("sending", &format!("worker {place}: {turn:?}"));
        self.after(place, &turn);
        self.collects();
    }

    pub(super) fn does_a_chore(&mut self) {
        let place = usize::try_from(self.random.within(0..self.workers.len() as u64)).unwrap();
        self.may_die();
        let now = self.now;
        let turn = self.workers[place].does(now, async |worker| {
            retry::handle_due(&worker.lanes, 0, now).await.unwrap();
            seal::seal(&worker.lanes.ledger, now).await.unwrap();
            desk::acts::operations::lapse::lapse_expired(&worker.lanes.ledger, now).await.unwrap()
        });
        self.log("chores", &format!("worker {place}: {turn:?}"));
        self.after(place, &turn);
    }

    pub(super) fn may_die(&mut self) {
        let dies = self.random.percent(6);
        simulated::die_after(dies.then(|| self.random.within(1..POINTS)));
    }

    pub(super) fn after<T>(&mut self, place: usize, turn: &Turn<T>) {
        simulated::die_after(None);
        if matches!(turn, Turn::Died) {
            self.log("death", &format!("worker {place}"));
            self.restart(place);
        }
    }

    pub(super) fn restart(&mut self, place: usize) {
        let new = self.worker();
        let old = std::mem::replace(&mut self.workers[place], new);
        self.broker.disconnect(old.connection);
        old.end();
    }

    pub(super) fn kills(&mut self) {
        let place = usize::try_from(self.random.within(0..self.workers.len() as u64)).unwrap();
        let standing = self.workers[place].gate.standing();
        self.log("kill", &format!("worker {place} {standing:?}"));
        self.restart(place);
    }

    /// A connection to the broker breaks: what was lent is lent to others, while the worker still has it in hand.
    pub(super) fn cuts_off(&mut self) {
        let place = usize::try_from(self.random.within(0..self.workers.len() as u64)).unwrap();
        let returned = self.broker.disconnect(self.workers[place].connection);
        self.log("cut off", &format!("worker {place}: {returned} messages return"));
    }

    pub(super) fn staff_refunds(&mut self) {
        if self.payments.is_empty() {
            return;
        }
        let payment =
            Key { id: self.random.pick(&self.payments).clone(), account: String::new(), livemode: true };
        let amount = i64::try_from(self.random.within(50..2_500)).unwrap();
        let wanted = Wanted::Refund { payment, amount: Some(amount), currency: None };
        let ask = Ask { wanted, reason: Reason::RequestedByCustomer, note: None, confirmed: true };
        let name = format!("jane-{}", self.random.within(0..1_000_000));
        simulated::set_now(Some(self.now));
        let (ledger, now) = (self.ledger.clone(), self.now);
        let asked = self.runtime.block_on(request(&ledger, &ask, &manager(&name), now));
        let told = asked.as_ref().map_or_else(ToString::to_string, |operation| operation.state.to_string());
        self.operations.extend(asked.ok().map(|operation| operation.id().to_owned()));
        self.log("request", &format!("{amount}: {told}"));
    }

    pub(super) fn staff_approves(&mut self) {
        if self.operations.is_empty() {
            return;
        }
        let place = usize::try_from(self.random.within(0..self.operations.len() as u64)).unwrap();
        let (ledger, now, id) = (self.ledger.clone(), self.now, self.operations[place].clone());
        simulated::set_now(Some(now));
        let approved = self.runtime.block_on(approve(&ledger, &id, &Word::default(), &manager("joe"), now));
        let told = approved.map_or_else(|_| "no".to_owned(), |operation| operation.state.to_string());
        self.log("approval", &format!("operation {place}: {told}"));
    }

    pub(super) fn time_passes(&mut self) {
        let secs = match self.random.within(0..10) {
            0..6 => self.random.within(1..10),
            6..9 => self.random.within(10..900),
            _ => self.random.within(900..40_000),
        };
        self.passes(i64::try_from(secs).unwrap());
        self.log("time", &format!("{secs} s"));
    }

    pub(super) fn passes(&mut self, secs: i64) {
        self.now += TimeDelta::seconds(secs);
        self.stripe.passes(secs);
        self.collects();
    }

    pub(super) fn moves_a_clock(&mut self) {
        let skew = TimeDelta::seconds(i64::try_from(self.random.within(0..900)).unwrap() - 450);
        let place = usize::try_from(self.random.within(0..self.workers.len() as u64)).unwrap();
        if self.random.percent(30) {
            self.gateway_skew = skew;
            self.log("clock", &format!("gateway {skew}"));
        } else {
            self.workers[place].skew = skew;
            self.log("clock", &format!("worker {place} {skew}"));
        }
    }

    pub(super) fn stripe_fails(&mut self) {
        let fault = *self.random.pick(&FAULTS);
        self.stripe.fails_at("POST /v1/refunds", [fault]);
        self.log("fault", &format!("{fault:?}"));
    }
}
