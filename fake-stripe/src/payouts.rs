//! Payouts: what is available goes to the merchant's bank. An automatic one takes all of it and says what it consists
//! of; a manual one takes an amount and cannot say.

use serde_json::json;

use crate::balance::{self, Entry};
use crate::books::{Books, Happening};
use crate::error::{Answer, Refusal};
use crate::lists::{self, PAGING};
use crate::params::Params;

/// By hand: of the amount that is asked for.
pub(crate) fn create(books: &mut Books, params: Params<'_>) -> Answer {
    let params = params.allow(&[
        "amount",
        "currency",
        "description",
        "metadata",
        "statement_descriptor",
        "method",
        "destination",
    ])?;
    params.required("amount")?;
    let currency = params.currency()?;
    let amount = params.amount("amount")?.unwrap_or(0);
    let available = balance::sums(books).get(&currency).map_or(0, |(available, _)| *available);
    if amount > available {
        let words = "You have insufficient funds in your Stripe account for this transfer. Your card balance is too low.";
        return Err(Refusal::new(words).code("balance_insufficient"));
    }
    let metadata = params.metadata(&json!({}))?;
    let id = pay(books, &currency, amount, false);
    books.edit(&id, json!({ "metadata": metadata }));
    retrieve(books, &id)
}

/// As Stripe does it by itself: all that is available in a currency. `None`: there is nothing.
pub(crate) fn pay_all(books: &mut Books, currency: &str) -> Option<String> {
    let available = balance::sums(books).get(currency).map_or(0, |(available, _)| *available);
    if available <= 0 {
        return None;
    }
    let is_in = |transaction: &&serde_json::Value| {
        transaction["currency"] == currency
            && transaction["status"] == "available"
            && transaction["balance_type"] == "payments"
            && transaction["_payout"].is_null()
    };
    let inside: Vec<String> = books
        .all("balance_transaction")
        .into_iter()
        .filter(is_in)
        .filter_map(|transaction| transaction["id"].as_str().map(str::to_owned))
        .collect();
    let id = pay(books, currency, available, true);
    for transaction in inside {
        books.edit(&transaction, json!({ "_payout": id }));
    }
    Some(id)
}

fn pay(books: &mut Books, currency: &str, amount: i64, automatic: bool) -> String {
    let (id, arrives) = (books.new_id("po"), books.settings.payouts_arrive_after_secs);
    let entry = Entry {
        kind: "payout",
        reporting_category: "payout",
        amount: -amount,
        fee: 0,
        currency,
        source: &id,
        description: "STRIPE PAYOUT",
        available_after_secs: 0,
    };
    let transaction = balance::enter(books, &entry);
    if automatic {
        books.edit(&transaction, json!({ "_payout": id }));
    }
    books.put(json!({
        "id": id, "object": "payout", "amount": amount, "arrival_date": books.now + arrives, "automatic": automatic,
        "balance_transaction": transaction, "created": books.now, "currency": currency, "description": "STRIPE PAYOUT",
        "destination": "ba_1FakeBankAccount0000000", "failure_balance_transaction": null, "failure_code": null,
        "failure_message": null, "livemode": books.livemode, "metadata": {}, "method": "standard",
        "original_payout": null, "reconciliation_status": if automatic { "in_progress" } else { "not_applicable" },
        "reversed_by": null, "source_type": "card", "statement_descriptor": null, "status": "pending", "type": "bank_account",
    }));
    books.record("payout.created", &id);
    if automatic {
        books.change(&id, "payout.reconciliation_completed", json!({ "reconciliation_status": "completed" }));
    }
    books.later(arrives, Happening::PayoutArrives(id.clone()));
    id
}

pub(crate) fn arrive(books: &mut Books, id: &str) {
    if books.get(id).is_some_and(|payout| payout["status"] == "pending" || payout["status"] == "in_transit") {
        books.change(id, "payout.paid", json!({ "status": "paid" }));
    }
}

/// The bank refuses it, perhaps after it was paid: the money is back.
pub(crate) fn fail(books: &mut Books, id: &str) -> Answer {
    let payout = books.find("payout", id, "payout")?.clone();
    if payout["status"] == "failed" {
        return Ok(payout);
    }
    let entry = Entry {
        kind: "payout_failure",
        reporting_category: "payout_reversal",
        amount: payout["amount"].as_i64().unwrap_or(0),
        fee: 0,
        currency: payout["currency"].as_str().unwrap_or_default(),
        source: id,
        description: "STRIPE PAYOUT FAILURE",
        available_after_secs: 0,
    };
    let transaction = balance::enter(books, &entry);
    let fields = json!({ "status": "failed", "failure_code": "account_closed", "failure_balance_transaction": transaction,
        "failure_message": "The bank account has been closed." });
    books.change(id, "payout.failed", fields);
    retrieve(books, id)
}

pub(crate) fn retrieve(books: &Books, id: &str) -> Answer {
    books.find("payout", id, "payout").cloned()
}

pub(crate) fn list(books: &Books, params: Params<'_>) -> Answer {
    let params = params.allow(&[PAGING, &["status", "arrival_date", "destination"]].concat())?;
    let mut payouts = books.all("payout");
    payouts.retain(|payout| params.text("status").is_none_or(|status| payout["status"] == status));
    lists::of_objects(payouts, params, "payout", "/v1/payouts")
}
