//! Stories that end as dead letters: each has an event that no rule can read, as a new version of Stripe's API or a
//! faulty program might send it. They are told only when asked for.

use serde_json::{Value, json};

use super::{Story, open_invoice, paid_invoice};
use crate::send::scene::Scene;

pub const BROKEN: &[Story] = &[
    Story {
        name: "broken-payment",
        about: "a payment succeeds, and its amount is not a number",
        days: 1,
        tell: payment,
    },
    Story { name: "broken-refund", about: "a refund loses its amount", days: 2, tell: refund },
    Story { name: "broken-dispute", about: "a dispute turns to a negative amount", days: 2, tell: dispute },
];

fn payment(s: &mut Scene) {
    let (_, mut payment) = open_invoice(s);
    payment.status = "succeeded";
    let (object, amount) = (payment.json(&s.setting), payment.amount.to_string());
    s.report("payment_intent.succeeded", &with(object, "amount", json!(amount)));
}

fn refund(s: &mut Scene) {
    let mut charge = paid_invoice(s);
    s.days_pass(1);
    let all = charge.amount;
    let object = s.refund(&mut charge, all, "pending").json(&s.setting);
    s.report("charge.refund.updated", &with(object, "amount", Value::Null));
}

fn dispute(s: &mut Scene) {
    let mut charge = paid_invoice(s);
    s.days_pass(1);
    let object = s.dispute(&mut charge, "needs_response").json(&s.setting);
    s.report("charge.dispute.updated", &with(object, "amount", json!(-1)));
}

fn with(mut object: Value, field: &str, value: Value) -> Value {
    object[field] = value;
    object
}
