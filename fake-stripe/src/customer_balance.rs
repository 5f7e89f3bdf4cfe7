//! A customer's balance, which its invoices use: below zero it is a credit.

use serde_json::json;

use crate::books::Books;
use crate::customers;
use crate::error::{Answer, Refusal};
use crate::lists::{self, PAGING};
use crate::params::Params;

pub(crate) fn create(books: &mut Books, customer: &str, params: Params<'_>) -> Answer {
    let params = params.allow(&["amount", "currency", "description", "metadata"])?;
    params.required("amount")?;
    let amount = params.integer("amount")?.unwrap_or(0);
    let currency = params.currency()?;
    let metadata = params.metadata(&json!({}))?;
    customers::usable(books, customer)?;
    let owner = books.find("customer", customer, "customer")?;
    if owner["currency"].as_str().is_some_and(|own| own != currency) {
        let own = owner["currency"].as_str().unwrap_or_default().to_owned();
        let words = format!(
            "Customer {customer} has a default currency of {own}; a balance transaction must use it."
        );
        return Err(Refusal::invalid("currency", words));
    }
    let balance = owner["balance"].as_i64().unwrap_or(0) + amount;
    let id = format!("cbtxn_1{}", books.random_text(23));
    let made = json!({
        "id": id, "object": "customer_balance_transaction", "amount": amount, "checkout_session": null,
        "created": books.now, "credit_note": null, "currency": currency, "customer": customer,
        "description": params.text("description"), "ending_balance": balance, "invoice": null,
        "livemode": books.livemode, "metadata": metadata, "type": "adjustment",
    });
    books.put(made.clone());
    books.change(customer, "customer.updated", json!({ "balance": balance, "currency": currency }));
    Ok(made)
}

/// The newest first.
pub(crate) fn list(books: &Books, customer: &str, params: Params<'_>) -> Answer {
    let params = params.allow(PAGING)?;
    books.find("customer", customer, "customer")?;
    let mut changes = books.all("customer_balance_transaction");
    changes.retain(|change| change["customer"] == customer);
    let url = format!("/v1/customers/{customer}/balance_transactions");
    lists::of_objects(changes, params, "customer_balance_transaction", &url)
}
