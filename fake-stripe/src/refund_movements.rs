//! What a refund moves on the balance, and the refund that is none: what an authorization let go before basil.

use serde_json::{Value, json};
use stripe_sim::shaped;

use crate::balance::{self, Entry};
use crate::books::Books;

/// The money leaves the balance, with a part of the fee where nothing was taken.
pub(crate) fn withdraw(books: &mut Books, id: &str, fee: i64) {
    let Some(refund) = books.get(id).cloned() else { return };
    let entry = Entry { fee, ..entry(&refund, "refund", "REFUND FOR PAYMENT", -1) };
    let transaction = balance::enter(books, &entry);
    books.edit(id, json!({ "balance_transaction": transaction }));
}

/// The money comes back, if it had left: the transaction's id.
pub(crate) fn give_back(books: &mut Books, refund: &Value, description: &'static str) -> Option<String> {
    let has_left = !refund["balance_transaction"].is_null();
    has_left.then(|| balance::enter(books, &entry(refund, "refund_failure", description, 1)))
}

fn entry<'e>(refund: &'e Value, kind: &'static str, description: &'static str, sign: i64) -> Entry<'e> {
    Entry {
        kind,
        reporting_category: kind,
        amount: sign * refund["amount"].as_i64().unwrap_or(0),
        fee: 0,
        currency: refund["currency"].as_str().unwrap_or_default(),
        source: refund["id"].as_str().unwrap_or_default(),
        description,
        available_after_secs: 0,
    }
}

/// Before basil: of what was authorized and is not taken, a refund that looks like any other.
pub(crate) fn release(books: &mut Books, charge: &str, amount: i64) -> String {
    let charge = books.get(charge).cloned().unwrap_or_default();
    let id = books.new_id("re");
    books.put(shaped(
        "refund",
        json!({
            "id": id, "amount": amount, "charge": charge["id"], "created": books.now, "currency": charge["currency"],
            "customer": charge["customer"], "payment_intent": charge["payment_intent"],
            "payment_method": charge["payment_method"], "status": "succeeded",
        }),
    ));
    id
}

/// What of a charge's refunded sum was never taken.
pub(crate) fn released(books: &Books, charge: &Value) -> i64 {
    let release = charge["_release"].as_str().and_then(|release| books.get(release));
    release.and_then(|release| release["amount"].as_i64()).unwrap_or(0)
}
