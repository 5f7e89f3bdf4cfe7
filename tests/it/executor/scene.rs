//! The product beside a Stripe on loopback: payments come in by webhook, refunds are asked for and watched.

use std::time::Duration;

use desk::actor::{Actor, KnownBy};
use desk::acts::operations::request::{Ask, Wanted, request};
use domain::Key;
use domain::operations::{Operation, OperationState, Reason};
use domain::permissions::Role;
use fake_stripe::FakeStripe;
use harness::client::Answer;
use harness::process_guard::until;
use harness::stack::{Combination, Stack};
use ledger::Ledger;
use serde_json::{Value, json};
use shared::clock;
use sqlx::Connection;

use crate::ledgers::open;

pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) struct Scene {
    pub(crate) stack: Stack,
    pub(crate) stripe: FakeStripe,
    pub(crate) ledger: Ledger,
}

/// Somebody who may manage money.
pub(crate) fn manager(name: &str) -> Actor {
    let known_by = KnownBy::Token { id: format!("tok_{name}") };
    Actor::known(name, [Role::BillingManager].into(), known_by, false)
}

/// A payment that succeeded a minute ago and its charge, each with the event that tells of it.
pub(crate) fn paid(number: &str, amount: i64) -> [(&'static str, Value); 2] {
    let created = clock::now().timestamp() - 60;
    let (intent, charge) = (format!("pi_{number}"), format!("ch_{number}"));
    let payment = json!({ "id": intent, "object": "payment_intent", "status": "succeeded", "amount": amount,
        "amount_received": amount, "currency": "usd", "created": created, "latest_charge": charge,
        "customer": format!("cus_{number}"), "metadata": {} });
    let charged = json!({ "id": charge, "object": "charge", "status": "succeeded", "amount": amount,
        "amount_captured": amount, "amount_refunded": 0, "captured": true, "paid": true, "currency": "usd",
        "created": created, "payment_intent": intent, "metadata": {} });
    [("payment_intent.succeeded", payment), ("charge.succeeded", charged)]
}

impl Scene {
    pub(crate) async fn begin(combination: Combination) -> Self {
        Self::begin_with(combination, &[]).await
    }

    /// With further settings; of two for one variable the later counts, and an empty one takes it away.
    pub(crate) async fn begin_with(combination: Combination, more: &[(&str, &str)]) -> Self {
        let stripe = FakeStripe::start(true).await.unwrap();
        let mut settings = stripe.settings();
        settings.push(("STRIPE_DEADLINE_SECS", "2".to_owned()));
        settings.push(("STRIPE_RATE_PER_SEC", "100".to_owned()));
        settings.push(("STRIPE_COMPLETENESS_INTERVAL_SECS", "3600".to_owned()));
        settings.push(("STRIPE_REFETCH_INTERVAL_SECS", "3600".to_owned()));
        let is_unset = |name: &str| more.iter().any(|(given, value)| *given == name && value.is_empty());
        let settings =
            settings.iter().map(|(name, value)| (*name, value.as_str())).chain(more.iter().copied());
        let settings: Vec<(&str, &str)> = settings.filter(|(name, _)| !is_unset(name)).collect();
        let stack = Stack::start_with(combination, &settings).await;
        let ledger = open(&stack.ledger_url()).await;
        Self { stack, stripe, ledger }
    }

    /// A succeeded payment that Stripe and the ledger know.
    pub(crate) async fn payment(&self, number: usize, amount: i64) -> Key {
        let key = self.pay(number, amount).await;
        let is_there = until("the payment to be there", PATIENCE, async || {
            let mut tx = self.ledger.read().await?;
            let rows = desk::acts::operations::gather::payment_rows(&mut tx, &key).await?;
            Ok(rows.is_some_and(|rows| rows.payment.state.status == "succeeded" && !rows.charges.is_empty()))
        });
        assert!(is_there.await.is_ok(), "{}", self.stack.logs());
        key
    }

    /// A succeeded payment that Stripe knows and has told of.
    pub(crate) async fn pay(&self, number: usize, amount: i64) -> Key {
        for (kind, object) in paid(&number.to_string(), amount) {
            self.stripe.put("", &object);
            self.tell(&format!("evt_{kind}_{number}").replace('.', "_"), kind, &object).await;
        }
        Key { id: format!("pi_{number}"), account: String::new(), livemode: true }
    }

    pub(crate) async fn tell(&self, id: &str, kind: &str, object: &Value) {
        let event = json!({ "id": id, "object": "event", "api_version": "2024-09-30.acacia",
            "created": object["created"], "data": { "object": object }, "livemode": true, "pending_webhooks": 1,
            "type": kind });
        assert_eq!(self.stack.client().send(&event.to_string().into()).await, Answer::Status(200));
    }

    /// Asks for a refund as somebody who may manage money.
    pub(crate) async fn refund(&self, payment: &Key, amount: i64) -> Operation {
        self.ask(payment, amount, "jane").await
    }

    /// The same, of whatever is left.
    pub(crate) async fn refund_of_the_rest(&self, payment: &Key) -> Operation {
        self.asked(payment, None, "jane").await
    }

    pub(crate) async fn ask(&self, payment: &Key, amount: i64, name: &str) -> Operation {
        self.asked(payment, Some(amount), name).await
    }

    async fn asked(&self, payment: &Key, amount: Option<i64>, name: &str) -> Operation {
        let ask = Ask {
            wanted: Wanted::Refund { payment: payment.clone(), amount, currency: None },
            reason: Reason::RequestedByCustomer,
            note: None,
            confirmed: true,
        };
        request(&self.ledger, &ask, &manager(name), clock::now()).await.unwrap()
    }

    pub(crate) async fn operation(&self, id: &str) -> Operation {
        self.ledger.read().await.unwrap().operation(id).await.unwrap().unwrap()
    }

    pub(crate) async fn reaches(&self, id: &str, state: OperationState) -> Operation {
        let reached = until("an operation to reach its state", PATIENCE, async || {
            Ok(self.operation(id).await.state == state)
        });
        let ended = reached.await;
        let operation = self.operation(id).await;
        assert!(ended.is_ok(), "{operation:?}\n{}", self.stack.logs());
        operation
    }

    /// Waits until staff read this about an operation.
    pub(crate) async fn reads(&self, id: &str, words: &str) {
        let read = until("an operation to say so", PATIENCE, async || {
            Ok(self.operation(id).await.message.is_some_and(|message| message.contains(words)))
        });
        assert!(read.await.is_ok(), "{:?}\n{}", self.operation(id).await, self.stack.logs());
    }

    /// Waits until a refund has come in as the answer to its operation.
    pub(crate) async fn has_refund(&self, id: &str) {
        let key = Key { id: id.to_owned(), account: String::new(), livemode: true };
        let came = until("the answer to be applied", PATIENCE, async || {
            let mut tx = self.ledger.read().await?;
            let rows = tx.look_up::<domain::refunds::Refund>(std::slice::from_ref(&key)).await?;
            Ok(!rows.is_empty())
        });
        assert!(came.await.is_ok(), "{id}\n{}", self.stack.logs());
        let answered = "SELECT count(*) FROM events WHERE source = 'response' AND outcome = 'applied'";
        assert!(self.stack.ledger().count(answered).await.unwrap() > 0);
    }

    /// Behind the product's back.
    pub(crate) async fn change(&self, statement: &'static str) {
        let url = self.stack.ledger_url();
        let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
        sqlx::query(statement).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }

    pub(crate) async fn end(self) {
        let handled = until("every event to be handled", PATIENCE, async || {
            let pending = "SELECT count(*) FROM events WHERE outcome = 'waiting'";
            Ok(self.stack.waiting().await? == 0 && self.stack.ledger().count(pending).await? == 0)
        });
        assert!(handled.await.is_ok(), "{}", self.stack.logs());
        self.ledger.close().await;
        self.stack.end().await;
    }
}
