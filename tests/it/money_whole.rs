//! Money is whole: after a random history of payments, of operations of every kind that staff ask for, of what others do at
//! Stripe, and of faults, what the balance at Stripe says is what the ledger says, to the cent. `WHOLE_SEED` repeats a
//! history.

use std::collections::BTreeMap;
use std::time::Duration;

use desk::acts::evidence::{Change, change};
use desk::acts::operations::request::{Ask, Wanted, request};
use domain::Key;
use domain::operations::{OperationState, Reason};
use fake_stripe::{Delivering, FakeStripe, Fault};
use harness::process_guard::until;
use harness::stack::Combination;
use serde_json::{Value, json};
use shared::clock;
use shared::env::{Env, Variable};
use stripe_sim::Random;

use crate::executor::scene::{Scene, manager};

const SEED: Variable = Variable {
    name: "WHOLE_SEED",
    default: "",
    example: "7",
    help: "The seed of the history; any, if unset.",
};
const STEPS: usize = 110;
const PATIENCE: Duration = Duration::from_secs(90);
/// One of each fate that a payment can have.
pub(crate) const CARDS: [&str; 8] = [
    "pm_card_visa",
    "pm_card_visa",
    "pm_card_mastercard",
    "pm_card_refundFail",
    "pm_card_pendingRefund",
    "pm_card_createDispute",
    "pm_card_createDisputeInquiry",
    "pm_card_chargeDeclined",
];
const FAULTS: [Fault; 6] = [
    Fault::CutBefore,
    Fault::CutAfter,
    Fault::TroubleAfter(500),
    Fault::LockTimeout,
    Fault::Busy(1),
    Fault::Malformed,
];
/// Where it goes wrong: what operations send.
const PLACES: [&str; 3] = ["POST /v1/refunds", "POST /v1/payment_intents/", "POST /v1/disputes/"];

struct History<'s> {
    scene: &'s Scene,
    random: Random,
    payments: Vec<String>,
    /// Payments whose money is held, and not taken.
    held: Vec<String>,
    operations: Vec<String>,
    log: Vec<String>,
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stripes_balance_says_is_what_the_ledger_says() {
    let seed = Env::of_process()
        .given(SEED.name)
        .map_or_else(Random::new_seed, |text| text.parse().expect("a number"));
    for combination in [Combination::SqliteSqlite, Combination::RabbitPostgres] {
        let scene = Scene::begin(combination).await;
        let url = format!("http://{}/webhooks/stripe", scene.stack.gateway());
        scene.stripe.delivers_to(&url, scene.stack.secret());
        let retry_after = Duration::from_millis(200);
        let late = Duration::from_millis(300);
        scene.stripe.delivers(Delivering { late, twice_percent: 20, lost_percent: 0, retry_after });
        let random = Random::of_seed(seed);
        let mut history = History {
            scene: &scene,
            random,
            payments: Vec::new(),
            held: Vec::new(),
            operations: Vec::new(),
            log: Vec::new(),
        };
        for _ in 0..STEPS {
            history.step().await;
        }
        history.settles().await;
        let told = format!("{combination:?}, {}={seed}\n{}", SEED.name, history.log.join("\n"));
        let (at_stripe, fees) = movements(&scene.stripe);
        assert_eq!(scene.stripe.balance("").get("usd").copied().unwrap_or(0), at_stripe - fees, "{told}");
        assert_eq!(of_ledger(&scene).await, at_stripe, "{told}\n{}", explained(&scene));
        assert!(history.operations.len() >= 5, "staff had too little to do: {told}");
        let done = "SELECT count(*) FROM operations WHERE state = 'succeeded'";
        let done = scene.stack.ledger().count(done).await.unwrap();
        assert!(done > 0, "nothing that staff asked for was done: {told}");
        for charge in scene.stripe.all("", "charge") {
            let (captured, refunded) = (&charge["amount_captured"], &charge["amount_refunded"]);
            assert!(refunded.as_i64() <= captured.as_i64(), "{told}\n{charge}");
        }
        scene.end().await;
    }
}

/// What came and went, without fees and payouts; and the fees.
fn movements(stripe: &FakeStripe) -> (i64, i64) {
    let transactions = stripe.all("", "balance_transaction");
    let sum = |name: &str| transactions.iter().filter_map(|one| one[name].as_i64()).sum();
    (sum("amount"), sum("fee"))
}

/// The same by the ledger's rows.
async fn of_ledger(scene: &Scene) -> i64 {
    let ledger = scene.stack.ledger();
    let sum = async |statement| ledger.count(statement).await.unwrap();
    let captured = sum(
        "SELECT CAST(coalesce(sum(amount_captured), 0) AS BIGINT) FROM charges WHERE status = 'succeeded'",
    )
    .await;
    let refunded =
        sum("SELECT CAST(coalesce(sum(amount), 0) AS BIGINT) FROM refunds WHERE status IN ('pending', 'succeeded')").await;
    let disputed = sum("SELECT CAST(coalesce(sum(amount), 0) AS BIGINT) FROM dispute_movements").await;
    captured - refunded + disputed
}

fn explained(scene: &Scene) -> String {
    let mut by_kind = BTreeMap::<String, i64>::new();
    for one in scene.stripe.all("", "balance_transaction") {
        *by_kind.entry(one["type"].to_string()).or_default() += one["amount"].as_i64().unwrap_or(0);
    }
    format!("at Stripe: {by_kind:?}\n{}", scene.stack.logs())
}

fn key(id: String) -> Key {
    Key { id, account: String::new(), livemode: true }
}

impl History<'_> {
    async fn step(&mut self) {
        match self.random.within(0..100) {
            0..32 => self.pays(),
            32..54 => self.staff_refunds().await,
            54..62 => self.staff_take_or_give_up().await,
            62..76 => self.staff_answer().await,
            76..82 => self.somebody_refunds(),
            82..90 => self.bank_decides(),
            90..96 => self.goes_wrong(),
            _ => tokio::task::yield_now().await,
        }
    }

    fn ask(&mut self, path: &str, parameters: &Value) -> Option<Value> {
        let answer = self.scene.stripe.ask("POST", path, parameters);
        let told = answer.as_ref().map_or_else(Clone::clone, |answer| answer["id"].to_string());
        self.log.push(format!("{path} {parameters}: {told}"));
        answer.ok()
    }

    fn pays(&mut self) {
        let amount = self.random.within(100..5_000);
        let card = *self.random.pick(&CARDS);
        let by_hand = self.random.percent(20);
        let intent = self.ask(
            "/payment_intents",
            &json!({ "amount": amount, "currency": "usd", "payment_method": card, "confirm": true,
                "capture_method": if by_hand { "manual" } else { "automatic" } }),
        );
        let Some(id) = intent.as_ref().and_then(|intent| intent["id"].as_str()) else { return };
        if by_hand {
            let path = format!("/payment_intents/{id}");
            match self.random.within(0..6) {
                3.. => return self.held.push(id.to_owned()),
                0 => drop(self.ask(&format!("{path}/cancel"), &json!({}))),
                1 => drop(self.ask(&format!("{path}/capture"), &json!({ "amount_to_capture": amount - 50 }))),
                _ => drop(self.ask(&format!("{path}/capture"), &json!({}))),
            }
        }
        self.payments.push(id.to_owned());
    }

    /// Through the desk. Whether it may be done is for the desk to say.
    async fn staff_refunds(&mut self) {
        let Some(id) = self.payment() else { return };
        let amount = i64::try_from(self.random.within(50..2_500)).expect("it is small");
        self.staff_ask(Wanted::Refund { payment: key(id), amount: Some(amount), currency: None }).await;
    }

    async fn staff_ask(&mut self, wanted: Wanted) {
        let ask = Ask { wanted, reason: Reason::RequestedByCustomer, note: None, confirmed: true };
        let asked = request(&self.scene.ledger, &ask, &manager("jane"), clock::now()).await;
        self.log.push(format!("staff {:?}: {asked:?}", ask.wanted));
        self.operations.extend(asked.ok().map(|operation| operation.id().to_owned()));
    }

    /// All of what is held, a part of it, or nothing.
    async fn staff_take_or_give_up(&mut self) {
        if self.held.is_empty() {
            return;
        }
        let payment = key(self.random.pick(&self.held).clone());
        let amount = self.random.percent(50).then_some(80);
        let wanted = if self.random.percent(25) {
            Wanted::Cancel { payment, reason: None }
        } else {
            Wanted::Capture { payment, amount, currency: None }
        };
        self.staff_ask(wanted).await;
    }

    /// A dispute is answered so that the bank decides one way or the other, or given up.
    async fn staff_answer(&mut self) {
        let disputes = self.scene.stripe.all("", "dispute");
        if disputes.is_empty() {
            return;
        }
        let dispute = key(self.random.pick(&disputes)["id"].as_str().unwrap_or_default().to_owned());
        match self.random.within(0..5) {
            0 => self.staff_ask(Wanted::DisputeAccept { dispute }).await,
            1..3 => {
                let verdict = *self.random.pick(&["winning_evidence", "losing_evidence"]);
                let text = Change::Text { field: "uncategorized_text".to_owned(), text: verdict.to_owned() };
                let ledger = &self.scene.ledger;
                let written = change(ledger, &dispute, &text, &manager("jane"), clock::now()).await;
                self.log.push(format!("staff write {verdict} for {}: {written:?}", dispute.id));
                self.staff_ask(Wanted::EvidenceStage { dispute }).await;
            }
            _ => self.staff_ask(Wanted::EvidenceSubmit { dispute, staged: None, incomplete: true }).await,
        }
    }

    /// In Stripe's dashboard, past the desk.
    fn somebody_refunds(&mut self) {
        let Some(id) = self.payment() else { return };
        let amount = self.random.within(50..1_000);
        self.ask("/refunds", &json!({ "payment_intent": id, "amount": amount }));
    }

    fn bank_decides(&mut self) {
        let charges = self.scene.stripe.all("", "charge");
        let disputes = self.scene.stripe.all("", "dispute");
        if self.random.percent(50) && !disputes.is_empty() {
            let id = self.random.pick(&disputes)["id"].as_str().unwrap_or_default().to_owned();
            let status = *self.random.pick(&["won", "lost", "needs_response"]);
            self.bank(&format!("/disputes/{id}"), &json!({ "status": status }));
        } else if !charges.is_empty() {
            let charge = self.random.pick(&charges);
            if charge["status"] == "succeeded" && charge["captured"] == true && charge["disputed"] == false {
                self.bank("/disputes", &json!({ "charge": charge["id"] }));
            }
        }
    }

    fn bank(&mut self, path: &str, parameters: &Value) {
        let mut parameters = parameters.clone();
        parameters["livemode"] = json!(true);
        let answer = self.scene.stripe.admin("POST", path, &parameters);
        self.log.push(format!("bank {path} {parameters}: {}", answer.is_ok()));
    }

    fn goes_wrong(&mut self) {
        let (fault, at) = (*self.random.pick(&FAULTS), *self.random.pick(&PLACES));
        self.scene.stripe.fails_at(at, [fault]);
        self.log.push(format!("{fault:?} at {at}"));
    }

    fn payment(&mut self) -> Option<String> {
        (!self.payments.is_empty()).then(|| self.random.pick(&self.payments).clone())
    }

    /// All that was asked for is decided, all that will happen has happened, and all is told and applied.
    async fn settles(&mut self) {
        let ended = until("the operations to end", PATIENCE, async || {
            let mut all = true;
            for id in &self.operations {
                let state = self.scene.operation(id).await.state;
                all &= !matches!(state, OperationState::Approved | OperationState::Executing);
            }
            Ok(all)
        });
        assert!(ended.await.is_ok(), "{}\n{}", self.log.join("\n"), self.scene.stack.logs());
        self.scene.stripe.passes(5);
        let told = until("all to be told and applied", PATIENCE, async || {
            let pending =
                self.scene.stripe.deliveries_pending() == 0 && self.scene.stack.waiting().await? == 0;
            let ledger = self.scene.stack.ledger();
            let waiting = ledger.count("SELECT count(*) FROM events WHERE outcome = 'waiting'").await?;
            Ok(pending && waiting == 0 && of_ledger(self.scene).await == movements(&self.scene.stripe).0)
        });
        // If not, the comparison says more.
        let _told = told.await;
        let dead = self
            .scene
            .stack
            .ledger()
            .count("SELECT count(*) FROM events WHERE outcome = 'dead'")
            .await
            .unwrap();
        assert_eq!(dead, 0, "{}", self.scene.stack.logs());
    }
}
