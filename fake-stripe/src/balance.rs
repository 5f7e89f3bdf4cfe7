//! The balance: the sum of its transactions, and nothing else. Each currency has one of its own.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::books::{Books, Happening};
use crate::error::{Answer, Refusal};
use crate::lists::{self, PAGING};
use crate::params::Params;

/// Money that comes or goes.
pub(crate) struct Entry<'e> {
    pub(crate) kind: &'static str,
    pub(crate) reporting_category: &'static str,
    pub(crate) amount: i64,
    pub(crate) fee: i64,
    pub(crate) currency: &'e str,
    pub(crate) source: &'e str,
    pub(crate) description: &'static str,
    pub(crate) available_after_secs: i64,
}

/// Enters it and gives the transaction's id.
pub(crate) fn enter(books: &mut Books, entry: &Entry<'_>) -> String {
    let id = books.new_id("txn");
    let is_available = entry.available_after_secs == 0;
    let fee = json!({ "amount": entry.fee, "application": null, "currency": entry.currency,
        "description": if entry.kind == "adjustment" { "Dispute fee" } else { "Stripe processing fees" }, "type": "stripe_fee" });
    books.put(json!({
        "id": id, "object": "balance_transaction", "amount": entry.amount,
        "available_on": books.now + entry.available_after_secs, "balance_type": "payments", "created": books.now,
        "currency": entry.currency, "description": entry.description, "exchange_rate": null, "fee": entry.fee,
        "fee_details": if entry.fee == 0 { json!([]) } else { json!([fee]) }, "net": entry.amount - entry.fee,
        "reporting_category": entry.reporting_category, "source": entry.source,
        "status": if is_available { "available" } else { "pending" }, "type": entry.kind,
    }));
    if !is_available {
        books.later(entry.available_after_secs, Happening::FundsBecomeAvailable(id.clone()));
    }
    id
}

pub(crate) fn funds_become_available(books: &mut Books, id: &str) {
    books.edit(id, json!({ "status": "available" }));
}

/// By currency: what is available, and what is pending.
pub(crate) fn sums(books: &Books) -> BTreeMap<String, (i64, i64)> {
    let mut sums = BTreeMap::<String, (i64, i64)>::new();
    for transaction in books.all("balance_transaction") {
        if transaction["balance_type"] != "payments" {
            continue; // reserves stand beside the balance
        }
        let currency = transaction["currency"].as_str().unwrap_or_default().to_owned();
        let (available, pending) = sums.entry(currency).or_default();
        let net = transaction["net"].as_i64().unwrap_or(0);
        *(if transaction["status"] == "available" { available } else { pending }) += net;
    }
    sums
}

/// All that is there, available or not.
pub(crate) fn total(books: &Books, currency: &str) -> i64 {
    sums(books).get(currency).map_or(0, |(available, pending)| available + pending)
}

pub(crate) fn retrieve(books: &Books) -> Value {
    let own = books.settings.default_currency.to_owned();
    let mut sums = sums(books);
    sums.entry(own).or_default();
    let funds = |of: fn(&(i64, i64)) -> i64| -> Vec<Value> {
        let each = sums.iter().map(|(currency, sum)| json!({ "amount": of(sum), "currency": currency, "source_types": { "card": of(sum) } }));
        each.collect()
    };
    json!({ "object": "balance", "available": funds(|sum| sum.0), "livemode": books.livemode, "pending": funds(|sum| sum.1) })
}

pub(crate) fn transaction(books: &Books, id: &str) -> Answer {
    books.find("balance_transaction", id, "id").cloned()
}

pub(crate) fn list(books: &Books, params: Params<'_>) -> Answer {
    let params = params.allow(&[PAGING, &["currency", "payout", "source", "type"]].concat())?;
    let mut transactions = books.all("balance_transaction");
    transactions.retain(|transaction| {
        ["currency", "source", "type"]
            .iter()
            .all(|name| params.text(name).is_none_or(|wanted| transaction[name] == wanted))
    });
    if let Some(payout) = params.text("payout") {
        let payout = books.find("payout", payout, "payout").map_err(|refusal| refusal.status(400))?;
        if payout["automatic"] != true {
            let words =
                "Balance transaction history can only be filtered on automatic transfers, not manual.";
            return Err(Refusal::new(words).param("payout"));
        }
        transactions.retain(|transaction| {
            transaction["_payout"] == payout["id"] || transaction["source"] == payout["id"]
        });
    }
    lists::of_objects(transactions, params, "balance transaction", "/v1/balance_transactions")
}
