//! Stripe's objects as they appear in the body of an event. Constant parts are JSON files beside this one; the
//! code adds what the story says.

mod billing;
mod card;
mod dispute;
mod payment;
mod refund;

use std::sync::LazyLock;

use serde_json::Value;

pub use self::billing::{Invoice, MONTH_SECS, Subscription, customer, invoice_payment};
pub use self::card::{Customer, DECLINES, Decline};
pub use self::dispute::{Dispute, Movement, early_fraud_warning};
pub use self::payment::{Charge, Payment};
pub use self::refund::Refund;

/// The shapes that tell most about a reader, in the order of their release: before links moved out of the
/// objects, when a failed payment named its invoice nowhere, and since its order reference is that invoice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum ApiVersion {
    #[value(name = "2024-09-30.acacia")]
    Acacia,
    #[value(name = "2025-04-30.basil")]
    Basil,
    #[value(name = "2026-07-29.dahlia")]
    Dahlia,
    #[default]
    #[value(name = "2026-11-18.endive")]
    Endive,
}

impl ApiVersion {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Acacia => "2024-09-30.acacia",
            Self::Basil => "2025-04-30.basil",
            Self::Dahlia => "2026-07-29.dahlia",
            Self::Endive => "2026-11-18.endive",
        }
    }

    /// Nothing but `invoice_payment` objects says who paid what.
    pub fn links_by_objects(self) -> bool {
        self >= Self::Basil
    }

    /// A payment that Stripe makes for an invoice has that as its order reference.
    pub fn refers_to_invoice(self) -> bool {
        self >= Self::Dahlia
    }
}

/// What all objects of one story agree on.
pub struct Setting {
    pub api_version: ApiVersion,
    pub livemode: bool,
    pub currency: &'static str,
    pub customer: Customer,
    /// What the merchant wrote on the payment: the evidence that staff need later.
    pub metadata: Value,
}

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
fn filled(shape: &Shape, fields: Value) -> Value {
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
