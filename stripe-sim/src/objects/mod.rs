//! Stripe's objects as they stand in the body of an event. What never varies in a sample lies beside this file as
//! JSON; the code lays over it what an object says.

mod billing;
mod charge;
mod customer;
mod decline;
mod dispute;
mod invoice;
mod payment_intent;
mod refund;
mod shape;

use std::sync::LazyLock;

use serde_json::{Value, json};

pub use self::billing::{InvoicePayment, MONTH_SECS, Subscription};
pub use self::charge::Charge;
pub use self::customer::Customer;
pub use self::decline::{Decline, PaymentError};
pub use self::dispute::{Dispute, EarlyFraudWarning, Movement};
pub use self::invoice::Invoice;
pub use self::payment_intent::PaymentIntent;
pub use self::refund::Refund;
pub use self::shape::shaped;
use crate::Setting;

type Shape = LazyLock<Value>;

static CHARGE: Shape = LazyLock::new(|| read(include_str!("shapes/charge.json")));
static CUSTOMER: Shape = LazyLock::new(|| read(include_str!("shapes/customer.json")));
static DISPUTE: Shape = LazyLock::new(|| read(include_str!("shapes/dispute.json")));
static INVOICE: Shape = LazyLock::new(|| read(include_str!("shapes/invoice.json")));
static PAYMENT_INTENT: Shape = LazyLock::new(|| read(include_str!("shapes/payment_intent.json")));
static REFUND: Shape = LazyLock::new(|| read(include_str!("shapes/refund.json")));
static SUBSCRIPTION: Shape = LazyLock::new(|| read(include_str!("shapes/subscription.json")));

fn read(shape: &str) -> Value {
    serde_json::from_str(shape).expect("the shapes are JSON; the stories' tests use them all")
}

/// The shape with the fields laid over it, object by object.
fn filled(shape: &Shape, setting: &Setting, fields: Value) -> Value {
    if setting.is_bare {
        return fields;
    }
    let mut value = Value::clone(shape);
    lay_over(&mut value, fields);
    value
}

fn lay_over(below: &mut Value, above: Value) {
    match (below, above) {
        (Value::Object(below), Value::Object(above)) => {
            for (name, value) in above {
                lay_over(below.entry(name).or_insert(Value::Null), value);
            }
        }
        (below, above) => *below = above,
    }
}

/// Takes fields away that another API version does not have.
fn without(value: &mut Value, names: &[&str]) {
    if let Value::Object(fields) = value {
        fields.retain(|name, _| !names.contains(&name.as_str()));
    }
}

fn list(entries: &[Value]) -> Value {
    json!({ "object": "list", "data": entries, "has_more": false, "total_count": entries.len() })
}
