//! What Stripe tells of one sale: an invoice, its payment and charge, and what comes after.

use envelope::Envelope;
use harness::histories::agreeing;
use serde_json::{Value, json};

use crate::ledgers::envelope;

const START: i64 = 1_780_000_000;

/// One sale; its objects are named after it.
#[derive(Clone)]
pub(crate) struct Sale {
    pub(crate) name: &'static str,
    pub(crate) user: &'static str,
    pub(crate) amount: i64,
    pub(crate) currency: &'static str,
    /// When it begins, in seconds of the story.
    pub(crate) second: i64,
    pub(crate) livemode: bool,
    pub(crate) account: &'static str,
}

pub(crate) fn sale(name: &'static str, user: &'static str, amount: i64, second: i64) -> Sale {
    Sale { name, user, amount, currency: "usd", second, livemode: true, account: "" }
}

impl Sale {
    fn event(&self, what: &str, kind: &str, after: i64, object: &Value) -> Envelope {
        let id = format!("evt_{}_{what}", self.name);
        let mut event = envelope(&id, kind, self.second + after, object);
        event.header.livemode = self.livemode;
        self.account.clone_into(&mut event.header.account);
        agreeing(event)
    }

    fn id(&self, prefix: &str) -> String {
        format!("{prefix}_{}", self.name)
    }

    pub(crate) fn invoice(&self, what: &str, after: i64, status: &str, more: &Value) -> Envelope {
        let paid = if status == "paid" { self.amount } else { 0 };
        let mut object = json!({
            "id": self.id("in"), "status": status, "amount_due": self.amount, "amount_paid": paid,
            "amount_remaining": self.amount - paid, "currency": self.currency, "created": START + self.second,
            "customer": self.id("cus"), "payments": {"data": [{"payment": {"payment_intent": self.id("pi")}}]},
        });
        merge(&mut object, more);
        self.event(&format!("invoice_{what}"), &format!("invoice.{what}"), after, &object)
    }

    pub(crate) fn payment(&self, what: &str, after: i64, status: &str, more: &Value) -> Envelope {
        let received = if status == "succeeded" { self.amount } else { 0 };
        let mut object = json!({
            "id": self.id("pi"), "status": status, "amount": self.amount, "amount_received": received,
            "currency": self.currency, "created": START + self.second, "customer": self.id("cus"),
            "metadata": {"user_id": self.user},
        });
        merge(&mut object, more);
        self.event(&format!("payment_{what}_{after}"), &format!("payment_intent.{what}"), after, &object)
    }

    pub(crate) fn charge(&self, what: &str, after: i64, status: &str, more: &Value) -> Envelope {
        let captured = if status == "succeeded" { self.amount } else { 0 };
        let mut object = json!({
            "id": self.id("ch"), "status": status, "amount": self.amount, "amount_captured": captured,
            "currency": self.currency, "created": START + self.second + after, "customer": self.id("cus"),
            "payment_intent": self.id("pi"),
            "payment_method_details": {"type": "card", "card": {"brand": "visa", "last4": "4242"}},
        });
        merge(&mut object, more);
        self.event(&format!("charge_{what}_{after}"), &format!("charge.{what}"), after, &object)
    }

    /// Finalized, charged, paid.
    pub(crate) fn paid(&self) -> Vec<Envelope> {
        vec![
            self.invoice("finalized", 0, "open", &json!({})),
            self.charge("succeeded", 1, "succeeded", &json!({})),
            self.payment("succeeded", 1, "succeeded", &json!({})),
            self.invoice("paid", 2, "paid", &json!({})),
        ]
    }

    /// One failed attempt, with its code.
    pub(crate) fn declined(&self, after: i64, code: &str) -> Envelope {
        let error = json!({"code": code, "charge": format!("ch_{}_{after}", self.name)});
        self.payment(
            "payment_failed",
            after,
            "requires_payment_method",
            &json!({"last_payment_error": error}),
        )
    }

    /// Of the whole amount, to the merchant's bank account.
    pub(crate) fn payout(&self, after: i64, status: &str) -> Envelope {
        let failure = (status == "failed").then_some("account_closed");
        let object = json!({
            "id": self.id("po"), "status": status, "amount": self.amount, "currency": self.currency,
            "created": START + self.second, "arrival_date": START + self.second + 86_400, "automatic": true,
            "failure_code": failure,
        });
        self.event(&format!("payout_{status}"), &format!("payout.{status}"), after, &object)
    }

    pub(crate) fn refund(&self, name: &str, after: i64, status: &str, amount: i64) -> Envelope {
        let object = json!({
            "id": format!("re_{name}"), "status": status, "amount": amount, "currency": self.currency,
            "charge": self.id("ch"), "payment_intent": self.id("pi"), "created": START + self.second + after,
        });
        self.event(&format!("refund_{name}_{status}"), "refund.updated", after, &object)
    }

    /// A report of the sale's dispute, which is over the whole amount unless told otherwise.
    pub(crate) fn dispute(&self, after: i64, status: &str, more: &Value) -> Envelope {
        let what = match status {
            "needs_response" | "warning_needs_response" => "created",
            "under_review" | "warning_under_review" => "updated",
            _ => "closed",
        };
        let mut object = json!({
            "id": self.id("dp"), "status": status, "amount": self.amount, "currency": self.currency,
            "reason": "fraudulent", "created": START + self.second + 100, "charge": self.id("ch"),
            "payment_intent": self.id("pi"),
            "evidence_details": {"due_by": START + self.second + 1_000_000, "submission_count": 0},
        });
        merge(&mut object, more);
        self.event(&format!("dispute_{status}"), &format!("charge.dispute.{what}"), after, &object)
    }

    /// Paid, disputed after 100 seconds, lost after 200.
    pub(crate) fn lost(&self) -> Vec<Envelope> {
        let mut events = self.paid();
        events.push(self.dispute(100, "needs_response", &json!({})));
        events.push(self.dispute(200, "lost", &json!({})));
        events
    }

    pub(crate) fn customer(&self, user: Option<&str>) -> Envelope {
        let metadata = user.map_or_else(|| json!({}), |user| json!({"user_id": user}));
        let object = json!({"id": self.id("cus"), "created": START + self.second, "metadata": metadata});
        self.event("customer", "customer.created", 0, &object)
    }
}

fn merge(object: &mut Value, more: &Value) {
    for (name, value) in more.as_object().unwrap() {
        object[name] = value.clone();
    }
}
