//! What a dead letter puts at risk: its object and the amount that it names. Reads leniently, because something
//! in the body was unreadable.

use std::collections::BTreeSet;

use envelope::is_identifier;

use super::fields::AMOUNT_LIMIT;
use super::json::Json;

/// Where objects state their amount, the most telling first.
const AMOUNTS: [&str; 4] = ["amount", "amount_due", "amount_paid", "amount_refunded"];

/// Where objects name others, by id or as the objects themselves.
const LINKS: [&[&str]; 9] = [
    &["payment_intent"],
    &["charge"],
    &["latest_charge"],
    &["invoice"],
    &["subscription"],
    &["customer"],
    &["payment", "payment_intent"],
    &["payment", "charge"],
    &["parent", "subscription_details", "subscription"],
];

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Risk {
    /// Several dead letters of one object put its money at risk once.
    pub object_id: Option<String>,
    pub customer: Option<String>,
    pub money: Option<(i64, String)>,
    /// The object itself, and every other that it names.
    pub named: BTreeSet<String>,
}

/// Reads it from an event.
pub fn of(event: &Json<'_>) -> Risk {
    let object = event.at("data").at("object");
    let id = |value: &Json<'_>| {
        let id = value.as_str().or_else(|| value.get("id")?.as_str())?;
        is_identifier(id).then(|| id.to_owned())
    };
    let amounts = AMOUNTS.iter().filter_map(|name| object.get(name)?.as_i64());
    let amount = amounts.into_iter().find(|amount| (0..=AMOUNT_LIMIT).contains(amount));
    let currency = object
        .at("currency")
        .as_str()
        .filter(|currency| currency.len() == 3 && currency.bytes().all(|byte| byte.is_ascii_lowercase()));
    let links = LINKS.iter().filter_map(|path| id(path.iter().fold(object, |value, name| value.at(name))));
    let object_id = id(object.at("id"));
    Risk {
        named: links.chain(object_id.clone()).collect(),
        object_id,
        customer: id(object.at("customer")),
        money: amount.zip(currency.map(str::to_owned)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn risk(event: &Value) -> Risk {
        of(&Json::read(event.to_string().as_bytes()).unwrap())
    }

    #[test]
    fn what_can_be_read_of_a_spoiled_object_is_read() {
        let event = json!({"data": {"object": {"id": "in_1", "status": 5, "amount_due": 1200, "currency": "usd",
            "customer": {"id": "cus_1"}, "charge": null, "payment": {"payment_intent": "pi_1"}}}});
        let read = risk(&event);
        assert_eq!((read.object_id.as_deref(), read.customer.as_deref()), (Some("in_1"), Some("cus_1")));
        assert_eq!(read.money, Some((1200, "usd".to_owned())));
        assert_eq!(read.named.iter().collect::<Vec<_>>(), ["cus_1", "in_1", "pi_1"]);
        let odd = json!({"data": {"object": {"id": "a\u{0}", "amount": -5, "currency": "US$"}}});
        assert_eq!(risk(&odd), Risk::default());
        assert_eq!(risk(&json!([1, 2])), Risk::default());
    }
}
