//! What never varies in an object, for those who fill in the rest themselves.

use serde_json::{Value, json};

use super::{CHARGE, CUSTOMER, DISPUTE, INVOICE, PAYMENT_INTENT, REFUND, SUBSCRIPTION, lay_over};

/// The object with the fields laid over what all of its kind have in the newest version.
pub fn shaped(object: &str, fields: Value) -> Value {
    let mut value = match object {
        "charge" => Value::clone(&CHARGE),
        "customer" => Value::clone(&CUSTOMER),
        "dispute" => Value::clone(&DISPUTE),
        "invoice" => Value::clone(&INVOICE),
        "payment_intent" => Value::clone(&PAYMENT_INTENT),
        "refund" => Value::clone(&REFUND),
        "subscription" => Value::clone(&SUBSCRIPTION),
        other => json!({ "object": other }),
    };
    lay_over(&mut value, fields);
    value
}
