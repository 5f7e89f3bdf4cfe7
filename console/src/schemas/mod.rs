//! The forms of what is answered, as JSON Schema. Those of rows are made from their columns, so that they cannot
//! differ from the ledger; views add what they say beside them.

mod acts;
mod listings;
mod notices;
mod views;

use std::collections::BTreeMap;

use desk::views::cards::Cards;
use domain::bans::Ban;
use domain::charges::Charge;
use domain::customers::Customer;
use domain::dispute_movements::Movement;
use domain::disputes::Dispute;
use domain::findings::Finding;
use domain::fraud_warnings::Warning;
use domain::invoices::Invoice;
use domain::operations::Operation;
use domain::payment_failures::PaymentFailure;
use domain::payments::Payment;
use domain::payouts::Payout;
use domain::refunds::Refund;
use domain::row::{Column, Columns, Field};
use domain::subscriptions::Subscription;
use serde_json::{Map, Value, json};

/// Column names that order reports among each other, which no answer has.
const INTERNAL: &str = "freshness";
/// Columns that every row has a value in.
const KEY: [&str; 3] = ["id", "account", "livemode"];

pub(crate) type Schemas = BTreeMap<&'static str, Value>;

/// Every form that an endpoint names, and those that they refer to.
pub(crate) fn schemas() -> Schemas {
    let mut all = Schemas::from([
        ("payment", row::<Payment>()),
        ("charge", row::<Charge>()),
        ("failure", row::<PaymentFailure>()),
        ("refund", row::<Refund>()),
        ("dispute", row::<Dispute>()),
        ("movement", row::<Movement>()),
        ("warning", row::<Warning>()),
        ("invoice", row::<Invoice>()),
        ("customer", row::<Customer>()),
        ("subscription", row::<Subscription>()),
        ("ban", row::<Ban>()),
        ("operation", row::<Operation>()),
        ("finding", finding()),
        ("payout", row::<Payout>()),
        ("block", placed("id")),
        ("hold", placed("object_id")),
    ]);
    all.extend(views::parts());
    all.extend(views::pages());
    all.extend(acts::acts());
    all.extend(acts::people());
    all.extend(acts::operations());
    all.extend(notices::notices());
    all.extend(listings::listings());
    all
}

/// What staff placed on something, by which name.
fn placed(of: &'static str) -> Value {
    object(&[(of, text()), ("reason", text()), ("placed_by", text()), ("placed_at", time())])
}

/// Its details are a document of their own.
fn finding() -> Value {
    let mut form = row::<Finding>();
    form["properties"]["details"] = json!({"type": "object"});
    form
}

/// The names under which a card is shown.
pub(crate) fn card_names() -> Vec<&'static str> {
    Cards::columns().into_iter().chain(["card"]).collect()
}

/// A row by its columns. What may be missing may be null; more may come with a newer version.
fn row<R: Field + Default>() -> Value {
    let row = R::default();
    let mut columns = Columns::new();
    R::columns("", &[&row], &mut columns);
    let mut properties = Map::new();
    for (name, column) in columns.into_iter().filter(|(name, _)| !name.ends_with(INTERNAL)) {
        let schema = match column {
            _ if KEY.contains(&name) && name != "livemode" => text(),
            Column::Text(_) => maybe("string"),
            Column::Int(_) => maybe("integer"),
            Column::Flag(_) => flag(),
            Column::Time(_) => maybe_time(),
            Column::Bytes(_) | Column::Packed(_) => continue,
        };
        properties.insert(name.to_owned(), schema);
    }
    json!({"type": "object", "properties": properties, "required": KEY})
}

pub(crate) fn text() -> Value {
    json!({"type": "string"})
}

pub(crate) fn number() -> Value {
    json!({"type": "integer"})
}

pub(crate) fn flag() -> Value {
    json!({"type": "boolean"})
}

pub(crate) fn time() -> Value {
    json!({"type": "string", "format": "date-time"})
}

pub(crate) fn maybe(kind: &str) -> Value {
    json!({"type": [kind, "null"]})
}

pub(crate) fn maybe_time() -> Value {
    json!({"type": ["string", "null"], "format": "date-time"})
}

pub(crate) fn of(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

#[expect(clippy::needless_pass_by_value, reason = "every caller makes it for this list")]
pub(crate) fn list(items: Value) -> Value {
    json!({"type": "array", "items": items})
}

/// An object of which every one of these is there; others may be.
pub(crate) fn object(members: &[(&str, Value)]) -> Value {
    let required: Vec<&str> = members.iter().map(|(name, _)| *name).collect();
    let properties: Map<String, Value> =
        members.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
    json!({"type": "object", "properties": properties, "required": required})
}

/// What another form has, and more.
fn and(name: &str, members: &[(&str, Value)]) -> Value {
    json!({"allOf": [of(name), object(members)]})
}

/// One exchange with Stripe.
fn call() -> Value {
    let words = ["method", "path", "class"].map(|name| (name, text()));
    let counts = ["attempt", "number", "duration_ms"].map(|name| (name, number()));
    let maybes = [
        ("http_status", maybe("integer")),
        ("stripe_code", maybe("string")),
        ("request_id", maybe("string")),
    ];
    let others = [("replayed", flag()), ("called_at", time())];
    object(&[&words[..], &counts, &maybes, &others].concat())
}
