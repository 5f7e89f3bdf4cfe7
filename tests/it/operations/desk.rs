//! People who ask for refunds of one payment and decide about them: acts on the ledger, and commands of the binary.

use std::process::{Command, Output, Stdio};

use chrono::{DateTime, TimeDelta, Utc};
use desk::actor::{Actor, KnownBy};
use desk::acts::operations::NotDone;
use desk::acts::operations::request::{Ask, Wanted, request};
use desk::verify::{Witnesses, verify};
use domain::Key;
use domain::operations::{Operation, OperationState, Reason};
use domain::permissions::Role;
use envelope::Envelope;
use harness::binaries::binary;
use ledger::Ledger;
use serde_json::{Value, json};

use crate::ledgers::{each_ledger, envelope, together};

/// When the payments succeed; a day later it is another day.
pub(super) const PAID: i64 = 1_780_000_000;

pub(super) fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(PAID, 0).unwrap() + TimeDelta::minutes(minutes)
}

pub(super) struct Desk {
    pub(super) ledger: Ledger,
    pub(super) url: String,
}

/// On a ledger of each kind with two payments of a customer, 10,000.00 USD each, and one of another.
pub(super) async fn each_desk(name: &str, story: impl AsyncFn(Desk)) {
    each_ledger(&format!("operations_{name}"), async |ledger, url| {
        let desk = Desk { ledger, url };
        for (id, customer) in [("pi_1", "cus_1"), ("pi_2", "cus_1"), ("pi_3", "cus_3")] {
            desk.hears(&paid(id, customer, 1_000_000)).await;
        }
        story(desk).await;
    })
    .await;
}

pub(super) fn paid(id: &str, customer: &str, amount: i64) -> Envelope {
    let object = json!({"id": id, "status": "succeeded", "amount": amount, "amount_received": amount,
        "currency": "usd", "created": PAID, "customer": customer, "latest_charge": id.replace("pi", "ch"), "metadata": {}});
    envelope(&format!("evt_{id}_succeeded"), "payment_intent.succeeded", 0, &object)
}

pub(super) fn refunded(id: &str, payment: &str, amount: i64, status: &str) -> Envelope {
    let object = json!({"id": id, "object": "refund", "status": status, "amount": amount, "currency": "usd",
        "created": PAID + 60, "charge": payment.replace("pi", "ch"), "payment_intent": payment});
    envelope(&format!("evt_{id}_{status}"), "refund.updated", 60, &object)
}

pub(super) fn disputed(id: &str, payment: &str, status: &str) -> Envelope {
    let object = json!({"id": id, "object": "dispute", "status": status, "amount": 1_000_000, "currency": "usd",
        "created": PAID + 90, "charge": payment.replace("pi", "ch"), "payment_intent": payment, "reason": "fraudulent",
        "balance_transactions": [], "evidence_details": {"due_by": PAID + 900_000, "submission_count": 0}});
    envelope(&format!("evt_{id}_{status}"), "charge.dispute.updated", 90, &object)
}

pub(super) fn key(id: &str) -> Key {
    Key { id: id.to_owned(), account: String::new(), livemode: true }
}

fn person(name: &str, role: Role) -> Actor {
    Actor::known(name, [role].into(), KnownBy::Session, false)
}

/// May decide about money.
pub(super) fn jane() -> Actor {
    person("jane", Role::BillingManager)
}

/// May decide about money, too.
pub(super) fn mary() -> Actor {
    person("mary", Role::BillingManager)
}

/// May only ask.
pub(super) fn joe() -> Actor {
    person("joe", Role::Support)
}

pub(super) fn program() -> Actor {
    Actor::known("moderation", [Role::Support].into(), KnownBy::Token { id: "tok_p".to_owned() }, true)
}

/// A confirmed request for a refund.
pub(super) fn refund(payment: &str, amount: i64) -> Ask {
    Ask {
        wanted: Wanted::Refund { payment: key(payment), amount: Some(amount), currency: None },
        reason: Reason::RequestedByCustomer,
        note: None,
        confirmed: true,
    }
}

impl Desk {
    pub(super) async fn hears(&self, event: &Envelope) {
        let handled = together(&self.ledger, &[event]).await;
        assert_eq!(handled.applied, 1, "{} was not applied", event.header.id);
    }

    pub(super) async fn asks(&self, ask: &Ask, actor: &Actor, minute: i64) -> Operation {
        request(&self.ledger, ask, actor, at(minute)).await.unwrap()
    }

    /// The operation as it is kept.
    pub(super) async fn kept(&self, id: &str) -> Operation {
        self.ledger.read().await.unwrap().operation(id).await.unwrap().unwrap()
    }

    /// Changes a row behind everybody's back, or in the place of the executor.
    pub(super) async fn change(&self, id: &str, step: impl FnOnce(&mut Operation)) {
        let mut tx = self.ledger.begin().await.unwrap();
        let mut operation = tx.lock_operation(id).await.unwrap().unwrap();
        step(&mut operation);
        tx.write_operation(&operation).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// What the audit tells of an operation: what, after, by whom.
    pub(super) async fn audit(&self, id: &str) -> Vec<(String, String, String)> {
        let lines = self.ledger.audit_of("operation", &key(id)).await.unwrap();
        lines.into_iter().map(|line| (line.what, line.after.unwrap_or_default(), line.actor)).collect()
    }

    pub(super) async fn is_whole(&self) {
        let verified = verify(&self.ledger, &Witnesses::default(), &mut |_| ()).await.unwrap();
        assert!(verified.is_right(), "{verified:?}");
    }

    pub(super) fn run(&self, token: Option<&str>, arguments: &[&str]) -> Output {
        let mut command = Command::new(binary("tidegate"));
        command.args(arguments).stdin(Stdio::null()).env_clear();
        command.env("DATABASE_URL", &self.url).env("TIDEGATE_STAFF", "ops");
        command.envs(token.map(|token| ("TIDEGATE_TOKEN", token))).output().unwrap()
    }

    /// What a command prints, whatever its exit code: that, too.
    pub(super) fn json(&self, token: Option<&str>, arguments: &[&str]) -> (i32, Value) {
        let output = self.run(token, &[arguments, &["--json"]].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let read = serde_json::from_slice(&output.stdout);
        (output.status.code().unwrap(), read.unwrap_or_else(|_| panic!("{arguments:?}: {said}")))
    }

    pub(super) fn refusal(&self, token: Option<&str>, arguments: &[&str]) -> String {
        let output = self.run(token, arguments);
        assert!(!output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8(output.stderr).unwrap()
    }

    /// A person with a token, made by whoever may.
    pub(super) fn person(&self, by: Option<&str>, name: &str, role: &str) -> String {
        let made = self.run(by, &["staff", "add", name, "--role", role]);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let (_, made) = self.json(by, &["tokens", "create", "--for", name, "--role", role]);
        made["token"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned()
    }
}

pub(super) fn code(refused: &Result<Operation, NotDone>) -> &'static str {
    refused.as_ref().err().map_or("done", NotDone::code)
}

#[track_caller]
pub(super) fn is(operation: &Operation, state: OperationState) {
    assert_eq!(operation.state, state, "{:?}", operation.message);
}
